"""`make lab`: what it copies, what it leaves alone, and the start page."""

import json

from course_utils import lab, progress
from course_utils.check import MIME_TYPE

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output


def notebook(earned=0.0):
    """A chapter worth 3 points with one record."""
    record = {"earned": earned, "points": 2.0, "hidden": False}
    output = new_output("display_data", data={MIME_TYPE: record, "text/plain": "✓ works"})
    meta = {"grade": True, "grade_id": "test_a", "points": 3, "solution": False}
    course = {"title": "Things", "summary": "What things are", "minutes": 30}
    cell = new_code_cell("pass", metadata={"nbgrader": meta}, outputs=[output] if earned else [], id="test_a")
    return new_notebook(cells=[cell], metadata={"course": course})


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
    assert "| [01_one](01_one/one.ipynb) | **Things**: What things are | 30 min | 3 | 1.5 |" in page
    assert "**Begin with [02_two](02_two/two.ipynb).**" in page


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
    assert (course[1] / "START.md").is_file()
    overrides = course[0].parent / "prefix" / "share" / "jupyter" / "lab" / "settings" / "overrides.json"
    assert "Markdown Preview" in str(json.loads(overrides.read_text()))


def test_progress_counts_records_and_points(tmp_path):
    nbformat.write(notebook(earned=1.5), tmp_path / "one.ipynb")
    assert progress.read(tmp_path / "one.ipynb") == progress.Progress(earned=1.5, points=3)
