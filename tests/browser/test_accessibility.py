"""The pages that people read, judged by axe: no finding of impact serious or critical, light or dark.

Among the rules of axe are contrast (4.5:1 for text), texts in place of pictures, names of controls, and that
what scrolls can be reached from the keyboard.
"""

import base64

from course_utils import plots
from course_utils.check import _cell

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from playwright.sync_api import expect

from course_builder import site
from course_format.chapter import KERNELSPEC, chapters
from course_format.record import Record
from course_grader.pages.feedback import write_feedback
from course_grader.pages.report import write_report
from tests.browser.desk import Desk, serving
from tests.course_grader.classes import graded_class, printed, record, small_chapter
from tests.course_grader.test_copies import odd

CHAPTERS = chapters()
CHAPTER = CHAPTERS[0]
NAME = "01_sums"
GRAVE = ("serious", "critical")
WINDOWS = [("light", (1400, 900)), ("dark", (390, 844))]
PAGES = ["index", "chapter", "glossary", "search", "feedback", "report", "light notebook", "dark notebook"]


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """name -> file of every kind of page."""
    folder = tmp_path_factory.mktemp("pages")
    home = site.build([CHAPTER], folder / "site").parent
    found = {name: home / f"{name}.html" for name in ("index", "glossary", "search")}
    return found | {"chapter": home / f"{CHAPTER.name}.html"} | graded(folder) | notebooks(folder)


def graded(folder):
    """Feedback and a report in which everything occurs that can."""
    class_ = graded_class(folder, NAME, small_chapter())
    long = "def add(a, b):\n    # a comment\n    return " + " + ".join(f"number_{n}" for n in range(60))
    png = base64.b64encode(plots._png(lambda axes: axes[0].plot([0, 1]), width=7, height=3)).decode()
    picture = new_output("display_data", data={"image/png": png, "text/plain": "a line"})
    wrong = record("adds", 1, "it is `too` small, " * 20, mistake="small")
    hidden = record("adds large numbers", 1, "no", hidden=True)
    undone = record("doubles", 3, "not done yet", status="not done")
    class_.add(
        "ann",
        answers={"add": long, "twice": "def twice(x):\n    return 2 * x", "why": "Because `a` is $b$."},
        outputs={
            "add": [picture],
            "test_add": [printed("a line\n" * 60), wrong, hidden],
            "test_twice": [record("doubles", 3)],
            "test_free": [record("is there", 0)],
        },
        manual={"why": 1},
        comments={"why": "Say which sum."},
        penalty=1,
        notes={"reason": "Cell 3 took too long.\nthe tests are old", "flags": ["`check` was replaced"]},
    )
    for number in range(12):
        answers = {
            name: odd(number // 2 if number < 4 else 90 * number + place)
            for place, name in enumerate(("add", "twice"))
        }
        outputs = {"test_add": [wrong, hidden], "test_twice": [undone], "test_free": []}
        class_.add(f"s{number}", answers, outputs, notes={"seconds": 1.5 + number})
    (feedback,) = write_feedback(class_.course, NAME, ["ann"])
    return {"feedback": feedback, "report": write_report(class_.course, NAME)}


def notebooks(folder):
    """What checks and pictures leave in a notebook, as JupyterLab shows it on a light and on a dark page."""
    said = [("passed", ""), ("failed", "it is too `small`"), ("not done", "run `ramp` first")]
    outputs = [
        new_output(
            "display_data",
            data={"text/html": _cell._html_line(Record("ramp", "counts", 1, 0, status, None, text, False))},
        )
        for status, text in said
    ]
    png = plots._png(lambda axes: axes[0].plot([0, 1]), width=7, height=3)
    outputs.append(new_output("display_data", data={"text/html": plots.as_html(png, "a line that rises")}))
    notebook = new_notebook(cells=[new_code_cell("check.score()", outputs=outputs)])
    found = {}
    for theme in ("light", "dark"):
        page, _ = HTMLExporter(template_name="lab", theme=theme).from_notebook_node(notebook)
        found[f"{theme} notebook"] = folder / f"{theme}.html"
        found[f"{theme} notebook"].write_text(page, encoding="utf-8")
    return found


def grave_findings(file, browser, scheme, size, part=None):
    """What axe finds on a page, or in a part of it, with all that is folded open."""
    width, height = size
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, offline=True
    )
    page = context.new_page()
    page.goto(file.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    page.wait_for_function("!window.MathJax || MathJax.startup.promise.then(() => true)")
    found = Axe().run(page, context=part).response["violations"]
    context.close()
    return [told(one) for one in found if one["impact"] in GRAVE]


@pytest.mark.parametrize(("scheme", "size"), WINDOWS)
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_grave(name, scheme, size, pages, browser):
    part = ".jp-OutputArea" if "notebook" in name else None  # the rest of that page is nbconvert's
    assert grave_findings(pages[name], browser, scheme, size, part) == []


@pytest.mark.everything
@pytest.mark.parametrize("number", range(1, len(CHAPTERS)), ids=[one.name for one in CHAPTERS[1:]])
def test_axe_finds_nothing_grave_in_the_other_chapters(number, browser, tmp_path):
    chapter, (scheme, size) = CHAPTERS[number], WINDOWS[number % 2]
    home = site.build([chapter], tmp_path / "site").parent
    assert grave_findings(home / f"{chapter.name}.html", browser, scheme, size) == []


def told(finding):
    places = "; ".join(
        f"{' '.join(node['target'])}: {node['failureSummary']}" for node in finding["nodes"][:3]
    )
    return f"{finding['id']} ({len(finding['nodes'])} times): {places}"


def test_axe_would_find_a_picture_without_alt_text_and_pale_text(page):
    page.set_content(
        "<html lang=en><title>t</title><main><h1>t</h1><img src=x><p style='color:#bbb'>pale</p></main>"
    )
    found = Axe().run(page).response["violations"]
    assert {one["id"] for one in found if one["impact"] in GRAVE} == {"image-alt", "color-contrast"}


PICTURES = """
from course_utils import demo, plots

import ipywidgets

plots.bars([1, 2], alt="two bars")
with plots.LiveCurves(["loss"], alt="a curve that falls") as live:
    for step in range(5):
        live.add(step, {"loss": 5 - step})
demo.explore(lambda ax, slope: ax.plot([0, slope]) and None, alt="a line", slope=ipywidgets.FloatSlider(1.0))
"""


def test_pictures_have_alt_text_in_jupyterlab(page, tmp_path):
    cells = [new_markdown_cell("# Pictures"), new_code_cell(PICTURES.strip())]
    nbformat.write(
        new_notebook(cells=cells, metadata={"kernelspec": KERNELSPEC}), tmp_path / "pictures.ipynb"
    )
    with serving(["-m", "jupyterlab"], tmp_path, tmp_path / "jupyter") as server:
        page.goto(server.lab("pictures.ipynb"))
        shown = Desk(page).ready().run("plots.bars")
        for alt in ("two bars", "a curve that falls Last values: loss 1.", "a line"):
            expect(shown.get_by_alt_text(alt, exact=True)).to_be_visible()
        expect(shown.locator("img")).to_have_count(3)
