"""What the release puts around a chapter: a cell that installs the course, links, how to hand it in."""

import ast
import re
from itertools import pairwise

import nbformat
import pytest
from bs4 import BeautifulSoup

from course_builder import frame, site
from course_builder.frame import Home
from course_format.cells import FRAME, STILL, is_test, nbgrader, tags
from course_format.chapter import NOTEBOOKS, ROOT, ChapterError, chapters

CHAPTERS = chapters()
HOME = Home("ada/course", "main")
each_chapter = pytest.mark.parametrize("chapter", CHAPTERS, ids=[chapter.name for chapter in CHAPTERS])
LINK = re.compile(r"\[[^\]]*\]\((\.\./[^)]+)\)")


def released(chapter):
    return nbformat.read(NOTEBOOKS / chapter.name / f"{chapter.stem}.ipynb", as_version=4)


@each_chapter
def test_the_first_code_cell_installs_the_course_and_the_second_is_the_chapters(chapter):
    notebook, solved = released(chapter), nbformat.read(chapter.solved, as_version=4)
    first, second = [cell for cell in notebook.cells if cell.cell_type == "code"][:2]
    assert first.source == frame.install_cell(frame.home())
    assert first.metadata == {"tags": [FRAME], "jupyter": {"source_hidden": True}}
    assert second.id == next(cell.id for cell in solved.cells if cell.cell_type == "code")
    assert notebook.cells[0].source == solved.cells[0].source
    ids = [cell.id for cell in notebook.cells if FRAME not in tags(cell)]
    assert ids == [cell.id for cell in solved.cells]
    graded = {nbgrader(cell)["grade_id"] for cell in solved.cells if nbgrader(cell)}
    assert {nbgrader(cell)["grade_id"] for cell in notebook.cells if nbgrader(cell)} == graded


@each_chapter
def test_a_chapter_ends_with_how_to_hand_it_in(chapter):
    last = released(chapter).cells[-1]
    assert tags(last) == [FRAME]
    assert f"`make hand-in CHAPTER={chapter.name}`" in last.source
    assert f"`python -m course_utils.hand_in {chapter.name}`" in last.source
    assert f"`{chapter.stem}.ipynb`" in last.source


@pytest.mark.parametrize(("chapter", "following"), list(pairwise(CHAPTERS)), ids=lambda one: one.name)
def test_a_chapter_links_to_the_next_one(chapter, following):
    (link,) = LINK.findall(released(chapter).cells[-2].source)
    for folder in (chapter.folder, NOTEBOOKS / chapter.name):
        assert (folder / link).resolve() == folder.parent / following.name / f"{following.stem}.ipynb"
        assert (folder / link).is_file()
    page = site.Page(chapter, {one.name for one in CHAPTERS}).text
    assert f"**Next:** [`{following.name}`]({following.name}.md)" in page
    assert f"**Next:** `{following.name}`" in site.Page(chapter, {chapter.name}).text


def test_the_last_chapter_links_to_none():
    assert LINK.findall(released(CHAPTERS[-1]).cells[-2].source) == []


@each_chapter
def test_no_other_link_leads_to_a_notebook(chapter):
    links = [link for cell in released(chapter).cells[:-2] for link in LINK.findall(cell.source)]
    assert links == []


@each_chapter
def test_the_still_picture_has_its_alt_text_before_any_cell_is_run(chapter):
    (cell,) = [cell for cell in released(chapter).cells if STILL in tags(cell)]
    (solved,) = [one for one in nbformat.read(chapter.solved, as_version=4).cells if one.id == cell.id]
    (output,), (original,) = cell.outputs, solved.outputs
    picture = BeautifulSoup(output.data["text/html"], "html.parser").img
    assert picture["alt"] == original.metadata["image/png"]["alt"]
    assert picture["src"] == f"data:image/png;base64,{original.data['image/png'].strip()}"
    assert output.data["text/plain"] == original.data["text/plain"]


def chapter_of(*cells):
    title = nbformat.v4.new_markdown_cell("# 1 Things")
    return nbformat.v4.new_notebook(cells=[title, *cells])


def sources(notebook):
    return [cell.source for cell in notebook.cells]


def test_without_a_repository_there_is_no_link():
    notebook = chapter_of()
    frame.put(notebook, None, "01_things", "things")
    title, install, end = sources(notebook)
    assert (title, install) == ("# 1 Things", frame.install_cell(None))
    assert "http" not in install + end


def test_with_a_repository_there_are_links_to_colab_and_binder_and_an_address_to_install_from():
    notebook = chapter_of()
    frame.put(notebook, HOME, "01_things", "things")
    _, badges, install, _ = sources(notebook)
    file = "ada/course/blob/main/notebooks/01_things/things.ipynb"
    assert f"](https://colab.research.google.com/github/{file})" in badges
    place = "ada/course/main?urlpath=lab/tree/work/01_things/things.ipynb"
    assert f"](https://mybinder.org/v2/gh/{place})" in badges
    assert 'else "https://github.com/ada/course/archive/refs/heads/main.zip"' in install


def test_the_site_says_where_else_to_open_a_chapter_and_loads_no_badge(monkeypatch):
    assert "Colab" not in site.Page(CHAPTERS[0], set()).text.split("\n\n")[1]
    monkeypatch.setattr(frame, "home", lambda: HOME)
    text = site.Page(CHAPTERS[0], set()).text
    for address in (HOME.colab, HOME.binder):
        assert f"({address(CHAPTERS[0].name, CHAPTERS[0].stem)})" in text.split("\n\n")[1]
    assert "badge" not in text and "hand-in" not in text


@pytest.mark.parametrize("at", [None, HOME])
def test_where_the_course_is_the_cell_does_nothing(at, tmp_path, monkeypatch):
    (tmp_path / "deep_learning_notebooks-0.1.0-py3-none-any.whl").touch()
    monkeypatch.chdir(tmp_path)
    exec(frame.install_cell(at), {})


class Shell:
    """Where the cell has pip run. missing: the modules that are not here."""

    def __init__(self, monkeypatch, *missing):
        self.ran = []
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name in missing else name)

    def run_line_magic(self, name, arguments):
        self.ran.append(f"{name} {arguments}".split())


def run(at, shell):
    exec(frame.install_cell(at), {"get_ipython": lambda: shell})
    (command,) = shell.ran
    return command


WHEEL = "deep_learning_notebooks-0.1.0-py3-none-any.whl"


def test_it_installs_from_the_repository_and_leaves_a_torch_that_is_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = run(HOME, Shell(monkeypatch, "course_utils"))
    assert command == ["pip", "install", "--quiet", "--no-deps", HOME.archive]


def test_without_torch_it_installs_all_that_the_course_needs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(HOME, Shell(monkeypatch, "course_utils", "torch")) == [
        "pip",
        "install",
        "--quiet",
        HOME.archive,
    ]


@pytest.mark.parametrize("at", [None, HOME])
def test_a_wheel_beside_the_notebook_comes_first(at, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / WHEEL).touch()
    assert run(at, Shell(monkeypatch, "course_utils"))[-1] == WHEEL


def test_with_neither_it_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="upload the wheel of the course"):
        run(None, Shell(monkeypatch, "course_utils"))


def test_the_frame_is_the_same_each_time_and_its_code_is_plain_python():
    one, two = chapter_of(), chapter_of()
    for notebook in (one, two):
        frame.put(notebook, HOME, "01_things", "things")
    assert [cell.id for cell in one.cells[1:]] == [cell.id for cell in two.cells[1:]]
    ast.parse(frame.install_cell(HOME))
    assert not any(is_test(cell) for cell in one.cells)


def project(folder, course):
    path = folder / "pyproject.toml"
    path.write_text(f"[tool.course]\n{course}\n")
    return path


@pytest.mark.parametrize("end", ["", "/", ".git"])
def test_the_repository_may_be_written_as_people_copy_it(tmp_path, end):
    path = project(tmp_path, f'repository = "https://github.com/ada/course{end}"\nbranch = "term"')
    assert frame.home(path) == Home("ada/course", "term")


def test_an_empty_repository_is_none(tmp_path):
    assert frame.home(project(tmp_path, 'repository = ""')) is None


@pytest.mark.parametrize("address", ["https://gitlab.com/ada/course", "ada/course", "https://github.com/ada"])
def test_a_repository_that_colab_cannot_open_is_refused(tmp_path, address):
    with pytest.raises(ChapterError, match=rf"should be like https://github.com/OWNER/NAME.*'{address}'"):
        frame.home(project(tmp_path, f'repository = "{address}"'))


def test_this_course_says_where_it_is_in_a_way_that_can_be_read():
    frame.home(ROOT / "pyproject.toml")
