"""The site: what its pages show, what they never show, and that they need no network."""

import re
import shutil

import nbformat
import pytest
from bs4 import BeautifulSoup

from course_builder import site
from course_format.cells import is_answer, is_test
from course_format.chapter import NOTEBOOKS, Chapter, ChapterError, chapters
from course_grader.pages.leaks import secrets_of
from tests.leaks import leaked, secret_lines, texts_below

CHAPTERS = chapters()
SHOWN = CHAPTERS[:2]
each_chapter = pytest.mark.parametrize("chapter", CHAPTERS, ids=[chapter.name for chapter in CHAPTERS])


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The site of two chapters."""
    return site.build(SHOWN, tmp_path_factory.mktemp("site") / "site").parent


@pytest.fixture(scope="module")
def page(built):
    return BeautifulSoup((built / f"{SHOWN[0].name}.html").read_text(encoding="utf-8"), "html.parser")


def released_text():
    """What students get anyway, proved clean by test_build.py; without the ` that a page does not show."""
    notebooks = [nbformat.read(released(chapter), as_version=4) for chapter in CHAPTERS]
    return "\n".join(cell.source for notebook in notebooks for cell in notebook.cells).replace("`", "")


def refuse_leaks(folder, found):
    texts, known = texts_below(folder), released_text()
    assert {f"{chapter.name}.html" for chapter in found} <= {path.name for path in texts}
    for chapter in found:
        lines = secret_lines(chapter, "SOLUTION", "HIDDEN TESTS", "MARK SCHEME")
        lines -= leaked(lines, known)  # one that another chapter shows
        secrets = secrets_of(nbformat.read(chapter.solved, as_version=4))
        others = {f"{stem}.{kind}" for one in set(found) - {chapter} for stem, kind in names(one)}
        for path, text in texts.items():
            assert leaked(lines, text) == set(), path
            # The closer look takes longer. The theme's files and MathJax are the same for all courses.
            if path.name not in others and "_static" not in path.parts:
                assert not secrets.shown_in(text, own=known), path


def names(chapter):
    return (chapter.name, "html"), (chapter.stem, "ipynb")


def test_no_solution_hidden_test_or_mark_scheme_reaches_the_site(built):
    refuse_leaks(built, SHOWN)


@pytest.mark.everything
def test_nothing_of_any_chapter_leaks(tmp_path):
    site.build(CHAPTERS, tmp_path / "site")
    refuse_leaks(tmp_path / "site", CHAPTERS)


def test_a_solution_on_a_page_would_be_found(built, tmp_path):
    shutil.copytree(built, tmp_path / "site")
    solved = nbformat.read(SHOWN[0].solved, as_version=4)
    answer = next(cell.source for cell in solved.cells if is_answer(cell))
    (tmp_path / "site" / "search.html").write_text(f"<pre>{answer}</pre>")
    with pytest.raises(AssertionError):
        refuse_leaks(tmp_path / "site", SHOWN)


def test_the_same_chapters_make_the_same_site(built, tmp_path):
    again = site.build(SHOWN, tmp_path / "site").parent
    files = [
        {path.relative_to(one): path.read_bytes() for path in one.rglob("*") if path.is_file()}
        for one in (built, again)
    ]
    assert files[0] == files[1]


def test_a_page_shows_prose_code_outputs_and_exercises(page):
    text = page.get_text()
    assert page.h1.get_text().startswith("1 Tensors")
    assert "tensor([[ 0,  1,  2,  3],\n        [ 4,  5,  6,  7],\n        [ 8,  9, 10, 11]])" in text
    stub = page.select_one(".exercise pre").get_text()
    assert stub.startswith("def ramp(rows, cols):") and stub.endswith("raise check.NotDoneYet\n")
    assert "Hint 1" in [summary.get_text() for summary in page.select("details > summary")]
    assert [tag for tag in page.select("details") if tag.has_attr("open")] == []
    assert site.DEMONSTRATION.strip("*") in text and site.WRITTEN.strip("*") in text
    assert page.select("span.math, div.math")


def test_a_check_is_named_and_its_code_left_out(page):
    text = page.get_text()
    assert "counts row by row" in text
    assert "check.case" not in text and "check.score" not in text and "✓" not in text


def test_whose_code_made_an_output_is_not_said(page):
    shown = [output.get_text() for output in page.select(".output pre")]
    assert len(shown) > 20
    assert [text for text in shown if re.search(r"\w+: yours\b", text)] == []


def test_points_stand_below_the_heading_of_an_exercise(page):
    heading = page.find("h3")
    assert heading.get_text().startswith("Exercise 1.1: ramp")
    assert "points" not in heading.get_text()
    assert heading.find_next("p").get_text() == "2 points, about 5 minutes, ★☆☆"


def test_the_notebook_that_can_be_downloaded_is_the_students(built, page):
    link = page.find("a", string="download it")
    released = NOTEBOOKS / SHOWN[0].name / f"{SHOWN[0].stem}.ipynb"
    assert (built / link["href"]).read_bytes() == released.read_bytes()


def pages(folder):
    for path in sorted(folder.rglob("*.html")):
        yield path, BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def test_every_picture_has_alt_text(built):
    alts = [picture.get("alt") for _, soup in pages(built) for picture in soup.select("img")]
    assert len(alts) > 20
    assert [alt for alt in alts if not alt or len(alt.split()) < 3] == []


def test_every_link_inside_the_site_leads_somewhere(built):
    ids = {path: {tag["id"] for tag in soup.select("[id]")} for path, soup in pages(built)}
    for path, soup in pages(built):
        for link in soup.select("a[href]"):
            name, _, place = link["href"].partition("#")
            if ":" not in name:
                target = (path.parent / name).resolve() if name else path
                assert target.is_file(), (path, name)
                assert not place or place in ids[target], (path, place)


def test_a_page_loads_nothing_from_elsewhere(built):
    for path, soup in pages(built):
        loaded = [
            tag.get("src") or tag.get("href") for tag in soup.select("script[src], link[href], img[src]")
        ]
        assert [address for address in loaded if re.match(r"(https?:)?//", address)] == [], path
    for style in built.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(https?:)?//|@import", style.read_text(encoding="utf-8")), style


def test_start_page_and_glossary_lead_to_the_chapters(built):
    for name in ("index", "glossary"):
        soup = BeautifulSoup((built / f"{name}.html").read_text(encoding="utf-8"), "html.parser")
        addresses = {link["href"] for link in soup.select("article a")}
        assert {f"{chapter.name}.html" for chapter in SHOWN} <= addresses


@each_chapter
def test_no_picture_of_a_chapter_lacks_alt_text(chapter):
    cells = nbformat.read(chapter.solved, as_version=4).cells
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    pictures = [output for output in outputs if any("image/" in mime for mime in output.get("data", {}))]
    assert pictures
    for output in pictures:
        about = output.metadata.get("image/png", {})
        assert len(about.get("alt", "").split()) >= 3, output.data.get("text/plain")
        assert about["alt"].startswith(output.data["text/plain"])


# --- a chapter of which a part is wrong -------------------------------------------------------------------


@pytest.fixture
def small(tmp_path, monkeypatch):
    """The first chapter, in a course of its own that may be edited."""
    monkeypatch.setattr(site, "NOTEBOOKS", tmp_path / "notebooks")
    shutil.copytree(SHOWN[0].folder, tmp_path / "solutions" / SHOWN[0].name)
    shutil.copytree(NOTEBOOKS / SHOWN[0].name, tmp_path / "notebooks" / SHOWN[0].name)
    return Chapter(tmp_path / "solutions" / SHOWN[0].name)


def edit(path, change):
    notebook = nbformat.read(path, as_version=4)
    change(notebook.cells)
    nbformat.write(notebook, path)


def released(chapter):
    return site.NOTEBOOKS / chapter.name / f"{chapter.stem}.ipynb"


def break_a_link(cells):
    cells[1:] = [nbformat.v4.new_markdown_cell("See [the next one](nowhere.md).")]


def test_what_sphinx_complains_about_is_refused_and_the_old_site_stays(small, tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("as it was")
    edit(released(small), break_a_link)
    with pytest.raises(
        ChapterError, match=r"(?s)^Sphinx refuses a page.*01_tensors\.md:\d+: .*'nowhere\.md'"
    ):
        site.build([small], tmp_path / "site")
    assert (tmp_path / "site" / "index.html").read_text() == "as it was"


def test_an_output_of_other_code_than_the_page_shows_is_left_out(small):
    def change(cells):
        cell = next(cell for cell in cells if "grid = x.reshape(3, 4)" in cell.source)
        cell.source += "\nprint('more')"

    assert "[ 8,  9, 10, 11]])" in site.Page(small, set()).text
    edit(released(small), change)
    assert "[ 8,  9, 10, 11]])" not in site.Page(small, set()).text


def test_an_output_that_may_show_an_answer_is_left_out():
    text = site.Page(SHOWN[1], set()).text
    drawing = text.index("mine = {name: str(number) for name, number in graph_by_hand.items()}")
    after = text[drawing:]
    assert after.index(site.ANSWERS_SHOWN) < after.index("```{image}")
    assert text.count(site.ANSWERS_SHOWN) == 1
    assert "with the values and gradients of exercise 2.2\n:width:" not in text


def test_outputs_of_answers_and_tests_are_left_out_even_if_they_are_stored(small):
    def change(cells):
        for cell in cells:
            if is_test(cell) or is_answer(cell):
                cell.update(outputs=[nbformat.v4.new_output("stream", text="the answer is 42")])

    edit(small.solved, change)
    assert "the answer is 42" not in site.Page(small, set()).text


def test_a_chapter_that_is_not_released_is_refused(small, tmp_path):
    released(small).unlink()
    with pytest.raises(ChapterError, match=r"^01_tensors is not released yet: run `make build`$"):
        site.build([small], tmp_path / "site")
