"""What an instructor's browser gets of a submission, on a page that may do what the instructor may."""

from html.parser import HTMLParser

import pytest
from nbconvert.exporters import HTMLExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbgrader.server_extensions.formgrader import handlers

from course_format.chapter import ROOT
from course_grader.course import Course
from course_grader.grading_steps import harmless

PNG = "iVBORw0KGgo="
ATTACKS = [
    "<script>attack()</script>",
    "<SCRIPT src=//attack></SCRIPT >",
    "<script>attack()",
    '<img src="x" onerror="attack()">',
    '<a href="javascript:attack()">x</a>',
    '<a href="&#106;avascript:attack()">x</a>',
    '<a href="evil.html?attack">x</a>',  # a file beside the notebook, which the formgrader serves
    '<a href="data:text/html,attack">x</a>',
    "[x](javascript:attack)",
    '<iframe srcdoc="<script>attack()</script>"></iframe>',
    '<svg onload="attack()"><style>@import "//attack"</style></svg>',
    '<math><mtext><table><mglyph><style><img src="x" onerror="attack()">',
    '<form action="/attack"><button class="full-credit attack">x</button></form>',
    '<input id="attack" autofocus onfocus="attack()">',
    '<p style="position: fixed; background: url(//attack)">x</p>',
    '<div class="full-credit" id="attack" data-link="attack">x</div>',
    '<img src="https://example.org/attack.png">',
    '<base href="//attack"><meta http-equiv="refresh" content="0; url=//attack"><link href="//attack">',
    "<object data=attack></object><embed src=attack><video src=attack onerror=attack()></video>",
    "<details open ontoggle=attack()><summary>x</summary></details>",
]


class Tags(HTMLParser):
    """The tags of a page, and the texts between them."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(source)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.texts.append(data)


def shown(*cells) -> Tags:
    """The formgrader's page of a notebook."""
    config = Course(ROOT).config.copy()
    config.HTMLExporter.template_name = "formgrade"
    config.HTMLExporter.extra_template_basedirs = [handlers.template_path]
    resources = dict.fromkeys(("base_url", "submission_id", "notebook_id", "assignment_id"), "")
    resources |= dict.fromkeys(("last_name", "first_name", "student", "notebook_path"), "")
    resources |= {"index": 0, "total": 1}
    page, _ = HTMLExporter(config=config).from_notebook_node(new_notebook(cells=[*cells]), resources)
    return Tags(page)


def written(source: str):
    meta = {"grade_id": "why", "grade": True, "solution": True, "points": 2, "locked": False, "task": False}
    return new_markdown_cell(source, metadata={"nbgrader": meta | {"schema_version": 3}})


def displayed(kind: str, content: str, **metadata: dict):
    output = new_output("display_data", data={kind: content}, metadata={kind: metadata})
    return new_code_cell("1", outputs=[output])


PLACES = {
    "written": written,
    "text": new_markdown_cell,
    "code": new_code_cell,
    "HTML": lambda attack: displayed("text/html", attack),
    "Markdown": lambda attack: displayed("text/markdown", attack),
    "JavaScript": lambda attack: displayed("application/javascript", attack),
    "isolated": lambda attack: displayed("text/html", attack, isolated=True),
    "printed": lambda attack: new_code_cell("1", outputs=[new_output("stream", name="stdout", text=attack)]),
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_nothing_of_a_submission_acts_on_the_page(place):
    plain = shown(place("x"))
    attacked = [tag for attack in ATTACKS for tag in shown(place(attack)).tags if tag not in plain.tags]
    allowed = {"a", "p", "div", "details", "summary", "table", "img", "span", "pre", "code", "iframe"}
    assert {tag for tag, _ in attacked} <= allowed
    for tag, attributes in attacked:
        if tag == "iframe":  # an isolated output: a page of its own, without the formgrader's origin
            assert place is PLACES["isolated"] and attributes["src"].startswith("data:text/html;base64,")
            continue
        assert "attack" not in "".join(f"{name}{value}" for name, value in attributes.items())
        assert not any(name.startswith("on") for name in attributes)


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_leaves_nothing_but_words(attack):
    for tag, attributes in Tags(harmless(attack)).tags:
        assert tag in {"a", "p", "div", "details", "summary", "table", "img"}
        assert "attack" not in str(attributes)


def test_what_students_write_and_show_looks_as_before():
    source = "If `a < b & c`, then $x < y$ and **so on**.\n\n| n | |\n|---|---|\n| 1 | 2 |\n\n"
    source += f"```python\nx = 1\n```\n![a curve](data:image/png;base64,{PNG}) <https://pytorch.org>"
    page = shown(written(source))
    text = " ".join("".join(page.texts).split())
    assert "If a < b & c, then $x < y$ and so on." in text
    assert {"table", "td", "strong", "code"} <= {tag for tag, _ in page.tags}
    assert ("span", {"class": "mi"}) in page.tags
    assert any(a.get("src") == f"data:image/png;base64,{PNG}" for tag, a in page.tags if tag == "img")
    assert any(a.get("href") == "https://pytorch.org" for tag, a in page.tags if tag == "a")


def test_tables_and_the_lines_of_checks_keep_their_look():
    colour = "color-mix(in srgb, #1a7f37 60%, currentColor)"
    line = f'<div style="color:{colour}"><b>✓</b> counts row by row</div>'
    frame = "<style scoped>.dataframe { color: red }</style><table><thead><tr><th>n</th></tr></thead></table>"
    page = shown(displayed("text/html", line + frame))
    assert any(colour in attributes.get("style", "") for _, attributes in page.tags)
    assert "th" in {tag for tag, _ in page.tags}
    assert ".dataframe" not in "".join(page.texts)
