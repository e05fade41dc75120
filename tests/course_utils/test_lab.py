"""`make lab`: what it copies, what it leaves alone, and the start page."""

import json

from course_utils import lab, progress

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from course_format.record import Record

TEST = """
check.exercise("a", points=3)
with check.case("works", points=1.5):
    pass
with check.case("works with nothing", points=0.5):
    pass
check.score()
"""


def notebook(earned=0.0):
    """A chapter worth 3 points, 2 of them in visible cases, with one record."""
    status = "passed" if earned else "failed"
    record = Record("a", "works", 1.5, earned, status, None, "", False)
    meta = {"grade": True, "grade_id": "test_a", "points": 3, "solution": False}
    outputs = [new_output("display_data", data=record.data)] if earned else []
    cell = new_code_cell(TEST, metadata={"nbgrader": meta}, outputs=outputs, id="test_a")
    course = {"title": "Things", "summary": "What things are", "prerequisites": ["Python"]}
    return new_notebook(cells=[cell], metadata={"course": course, "course_build": {"minutes": 30}})


@pytest.fixture
def course(tmp_path):
    """notebooks/ with two chapters, and an empty work/."""
    for name in ("01_one", "02_two"):
        (tmp_path / "notebooks" / name).mkdir(parents=True)
        nbformat.write(notebook(), tmp_path / "notebooks" / name / f"{name[3:]}.ipynb")
    (tmp_path / "work").mkdir()
    return tmp_path / "notebooks", tmp_path / "work"


def test_missing_chapters_are_copied(course):
    assert lab.copy_missing(*course) == ["01_one", "02_two"]
    assert (course[1] / "02_two" / "two.ipynb").is_file()
    assert lab.copy_missing(*course) == []


def test_a_students_chapter_is_never_overwritten(course):
    notebooks, work = course
    lab.copy_missing(notebooks, work)
    (work / "01_one" / "one.ipynb").write_text("my own work")
    (notebooks / "01_one" / "one.ipynb").write_text("a newer release")
    lab.copy_missing(notebooks, work)
    assert (work / "01_one" / "one.ipynb").read_text() == "my own work"


def test_a_copy_that_broke_off_is_made_again(course):
    notebooks, work = course
    (work / ".01_one.part").mkdir()
    assert lab.copy_missing(notebooks, work) == ["01_one", "02_two"]
    assert not (work / ".01_one.part").exists()


def test_the_start_page_shows_time_points_and_progress(course):
    notebooks, work = course
    lab.copy_missing(notebooks, work)
    nbformat.write(notebook(earned=1.5), work / "01_one" / "one.ipynb")
    page = lab.start_page(notebooks, work)
    assert "| [01_one](01_one/one.ipynb) | **Things**: What things are | 0.5 hours | 3 | 1.5 of 2 |" in page
    assert "**Go on with [01_one](01_one/one.ipynb).**" in page
    assert "[glossary](GLOSSARY.md)" in page and '01["01 Things"]' in page


def test_the_start_page_goes_on_with_the_first_chapter_that_is_not_passed(course):
    notebooks, work = course
    lab.copy_missing(notebooks, work)
    assert "**Begin with [01_one](01_one/one.ipynb).**" in lab.start_page(notebooks, work)
    nbformat.write(notebook(earned=2.0), work / "01_one" / "one.ipynb")
    assert "**Begin with [02_two](02_two/two.ipynb).**" in lab.start_page(notebooks, work)
    nbformat.write(notebook(earned=2.0), work / "02_two" / "two.ipynb")
    assert "**You have passed every visible check.**" in lab.start_page(notebooks, work)


def test_a_broken_notebook_is_named_and_stops_nothing(course):
    notebooks, work = course
    lab.copy_missing(notebooks, work)
    (work / "01_one" / "one.ipynb").write_text("{ broken")
    assert "one.ipynb is not a notebook (any more): restore it from a copy" in lab.start_page(notebooks, work)


def test_without_chapters_it_says_where_to_run(tmp_path):
    with pytest.raises(FileNotFoundError, match="run this in the top folder of the course"):
        lab.start_page(tmp_path, tmp_path)


def test_the_wrong_folder_is_a_clear_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="run this in the top folder of the course"):
        lab.main()
    assert list(tmp_path.iterdir()) == []


def test_jupyterlab_is_started_on_the_start_page(course, monkeypatch):
    monkeypatch.chdir(course[0].parent)
    monkeypatch.setattr(lab.sys, "prefix", str(course[0].parent / "prefix"))
    monkeypatch.setattr(lab.sys, "argv", ["lab", "--no-browser"])
    started = []

    class Done:
        returncode = 0

    monkeypatch.setattr(lab.subprocess, "run", lambda command: started.append(command) or Done)
    with pytest.raises(SystemExit) as ended:
        lab.main()
    assert ended.value.code == 0
    assert started[0][-2:] == ["--LabApp.default_url=/lab/tree/START.md", "--no-browser"]
    assert (course[1] / "START.md").is_file() and (course[1] / "GLOSSARY.md").is_file()
    overrides = course[0].parent / "prefix" / "share" / "jupyter" / "lab" / "settings" / "overrides.json"
    assert "Markdown Preview" in str(json.loads(overrides.read_text()))


def test_progress_counts_records_and_points(tmp_path):
    released, mine = tmp_path / "released.ipynb", tmp_path / "one.ipynb"
    nbformat.write(notebook(), released)
    assert progress.read(mine, released) == progress.Progress(earned=0.0, visible=2.0, points=3)
    nbformat.write(notebook(earned=1.5), mine)
    assert progress.read(mine, released) == progress.Progress(earned=1.5, visible=2.0, points=3)
