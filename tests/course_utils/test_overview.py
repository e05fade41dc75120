"""The glossary and the map of the chapters, on small chapters and on the course's own."""

import re
from collections import defaultdict

from course_utils import overview

import nbformat
import pytest
from nbformat.v4 import new_markdown_cell, new_notebook

from course_format.chapter import NOTEBOOKS, ROOT

TABLE = """# Things

| English | Chinese (中文) | what it is |
|---|---|---|
| weight | 权重 | {weight} |
| {other} | 别的 | something else |

Text | with | bars.
"""


def add_chapter(folder, name, needs, weight="a number", other="axis"):
    (folder / name).mkdir()
    cell = new_markdown_cell(TABLE.format(weight=weight, other=other))
    metadata = {"course": {"title": name[3:].title(), "prerequisites": needs}}
    nbformat.write(new_notebook(cells=[cell], metadata=metadata), folder / name / f"{name[3:]}.ipynb")


@pytest.fixture
def notebooks(tmp_path):
    """Two chapters; the second needs the first."""
    add_chapter(tmp_path, "01_one", ["Python"])
    add_chapter(tmp_path, "02_two", ["01_one"], "a trained number", "Zoom")
    return tmp_path


def test_the_glossary_is_in_alphabetical_order_with_links(notebooks):
    about, table = overview.glossary(notebooks).split("\n\n", 2)[1:]
    assert about == overview.ABOUT_TERMS
    rows = table.splitlines()[2:]
    assert rows == [
        "| axis | 别的 | something else | [01](01_one/one.ipynb) |",
        "| weight | 权重 | 01: a number<br>02: a trained number | "
        "[01](01_one/one.ipynb), [02](02_two/two.ipynb) |",
        "| Zoom | 别的 | something else | [02](02_two/two.ipynb) |",
    ]


def test_a_chapter_without_a_table_has_no_terms(tmp_path):
    (tmp_path / "01_one").mkdir()
    nbformat.write(new_notebook(cells=[new_markdown_cell("# One")]), tmp_path / "01_one" / "one.ipynb")
    assert overview.terms(tmp_path / "01_one" / "one.ipynb") == []


def test_the_map_leads_from_what_is_needed(notebooks):
    lines = [line.strip() for line in overview.chapter_map(notebooks).splitlines()]
    assert lines == ["```mermaid", "flowchart TD", '01["01 One"]', '02["02 Two"]', "01 --> 02", "```"]


def test_the_map_leaves_out_what_follows(notebooks):
    add_chapter(notebooks, "03_three", ["01_one", "02_two"])
    arrows = [line.strip() for line in overview.chapter_map(notebooks).splitlines() if "-->" in line]
    assert arrows == ["01 --> 02", "02 --> 03"]


def all_terms():
    return [term for path in sorted(NOTEBOOKS.glob("*/*.ipynb")) for term in overview.terms(path)]


def test_each_chapter_has_key_terms_that_stand_alone():
    found = all_terms()
    assert {term.chapter for term in found} == {path.name for path in NOTEBOOKS.iterdir()}
    assert [term.english for term in found if term.meaning.startswith("the same")] == []
    assert [term.english for term in found if not re.search("[\u4e00-\u9fff]|函数", term.chinese)] == []


def test_a_term_has_one_translation():
    chinese = defaultdict(set)
    for term in all_terms():
        chinese[term.english.casefold()].add(term.chinese)
    assert {english: words for english, words in chinese.items() if len(words) > 1} == {}


def test_the_readme_shows_the_map():
    assert overview.chapter_map(NOTEBOOKS) in (ROOT / "README.md").read_text(encoding="utf-8")
