"""A class over time: graded, marked by hand, graded again after a wrong test was repaired, and written up."""

import contextlib
import json
import os
import shutil

import nbformat
import pytest
from nbgrader.api import Gradebook

from course_grader import grading
from course_grader.__main__ import main
from course_grader.gradebook.write import Recorder
from course_grader.run import client
from tests.course_grader import small
from tests.course_grader.small import ADA, STUDENTS, make_course
from tests.nbgrader_course import Course as Clone


@pytest.fixture
def course(tmp_path):
    return make_course(tmp_path)


def grade(course, server, **options) -> grading.Summary:
    with grading.on_this_machine(server, workers=2) as place:
        return grading.grade_class(course, small.NAME, place=place, say=lambda line: None, **options)


def change_chapter(course, old: str, new: str) -> None:
    """Edit the tests of the chapter."""
    path = course.chapter(small.NAME).solved
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        cell.source = cell.source.replace(old, new)
    nbformat.write(notebook, path)


def versions(course) -> set[str]:
    with Recorder(course) as recorder:
        return {row.version for row in recorder.graded(small.NAME).values()}


def test_a_repaired_test_regrades_the_class_and_keeps_what_people_did(course, server):
    change_chapter(course, "check.equal(first(1), 2)", "check.equal(first(1), 3)")  # a wrong test
    grade(course, server)
    wrong = versions(course)
    assert Clone(course.folder).scores(ADA, small.NAME)["test_first"] == 1.0
    with Gradebook(course.db_url) as gradebook:
        override = gradebook.find_grade("test_second", small.STEM, small.NAME, ADA)
        override.manual_score, override.extra_credit = 2.5, 0.25
        written = gradebook.find_grade("written", small.STEM, small.NAME, ADA)
        written.manual_score, written.needs_manual_grade = 4, False
        gradebook.find_comment("written", small.STEM, small.NAME, ADA).manual_comment = "Well said."
        gradebook.db.commit()
    change_chapter(course, "check.equal(first(1), 3)", "check.equal(first(1), 2)")  # the repair
    assert len(grade(course, server).graded) == len(STUDENTS)
    assert Clone(course.folder).scores(ADA, small.NAME) == small.POINTS | {"written": None}
    with Gradebook(course.db_url) as gradebook:
        override = gradebook.find_grade("test_second", small.STEM, small.NAME, ADA)
        assert (override.manual_score, override.extra_credit, override.auto_score) == (2.5, 0.25, 3.0)
        assert gradebook.find_grade("written", small.STEM, small.NAME, ADA).manual_score == 4
        assert gradebook.find_comment("written", small.STEM, small.NAME, ADA).manual_comment == "Well said."
    (version,) = versions(course)
    assert {version} != wrong
    path = course.path("autograded", ADA, small.NAME) / f"{small.STEM}.ipynb"
    assert json.loads(path.read_text(encoding="utf-8"))["metadata"]["course_grader"]["version"] == version


def test_only_what_changed_is_graded_again(course, server):
    assert len(grade(course, server).graded) == len(STUDENTS)
    assert grade(course, server).unchanged == STUDENTS
    path = course.path("submitted", STUDENTS[0], small.NAME) / f"{small.STEM}.ipynb"
    nbformat.write(small.handed_in(), path)
    again = grade(course, server)
    assert [result.student for result in again.graded] == [STUDENTS[0]]
    assert Clone(course.folder).scores(STUDENTS[0], small.NAME)["test_first"] == 2.0
    assert len(grade(course, server, force=True).graded) == len(STUDENTS)


def test_feedback_report_and_export_from_the_command_line(course, server, monkeypatch, capsys):
    grade(course, server)
    monkeypatch.chdir(course.folder)
    for command in (["feedback", small.NAME], ["report", small.NAME], ["export", "--format", "moodle"]):
        assert main(command) == 0
    page = course.path("feedback", STUDENTS[0], small.NAME) / f"{small.STEM}.html"
    assert "an example" in page.read_text(encoding="utf-8")
    assert (course.folder / "reports" / f"{small.NAME}.html").exists()
    assert small.NAME in (course.folder / "grades.csv").read_text(encoding="utf-8")
    assert main(["feedback", "09_nothing"]) == 1
    assert "there is no chapter '09_nothing'" in capsys.readouterr().err


@pytest.fixture
def graded_with(course, server, monkeypatch):
    """Runs `course-grader` in the course, with a fork server that is already there."""
    monkeypatch.setattr(client, "ForkServer", lambda sandboxed, **_: contextlib.nullcontext(server))
    monkeypatch.chdir(course.folder)
    return lambda *options: main(["grade", *options])


def test_without_a_chapter_all_that_was_handed_in_is_graded(course, graded_with, capsys):
    solutions, more = course.folder / "solutions", "02_more"
    shutil.copytree(solutions / small.NAME, solutions / more)
    (solutions / more / f"{small.STEM}.ipynb").rename(solutions / more / "more.ipynb")
    for chapter in (more, "03_wrong_name", f"{more}.older"):
        path = course.path("submitted", ADA, chapter) / "more.ipynb"
        path.parent.mkdir()
        nbformat.write(small.handed_in(), path)
    assert graded_with() == 1
    told = capsys.readouterr()
    assert f"{small.NAME}: 8 graded in" in told.out and f"{more}: 1 graded in" in told.out
    assert told.err.count("course-grader:") == 1
    assert "there is no chapter '03_wrong_name'" in told.err
    with Recorder(course) as recorder:
        assert len(recorder.graded(small.NAME)) == len(STUDENTS)
        assert recorder.graded(more).keys() == {ADA}
    shutil.rmtree(course.path("submitted", ADA, "03_wrong_name"))
    assert graded_with() == 0
    assert capsys.readouterr().out.count("nothing to grade") == 2
    assert graded_with(more, small.NAME, "--force") == 0
    assert capsys.readouterr().out.count("graded in") == 2
    assert graded_with("--student", ADA) == 1
    assert "name the chapter" in capsys.readouterr().err


def test_where_nobody_has_handed_in_anything_grading_says_so(course, graded_with, capsys):
    shutil.rmtree(course.folder / "submitted")
    assert graded_with() == 1
    assert "nobody has handed in anything to submitted/" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("handed_in", "graded", "options", "at_once"),
    [
        (None, None, [], False),
        (2, None, [], True),
        (2, 1, [], True),
        (2, 3, [], False),
        (2, 3, ["--force"], True),
    ],
    ids=["nobody", "new", "changed", "as it was", "all again"],
)
def test_the_server_starts_at_once_only_if_something_looks_new(
    tmp_path, refused, handed_in, graded, options, at_once
):
    """Times are in seconds since 1970."""
    for folder, time in (("submitted", handed_in), ("autograded", graded)):
        if time is not None:
            notebook = tmp_path / folder / "ada" / "01_small" / "small.ipynb"
            notebook.parent.mkdir(parents=True)
            notebook.touch()
            for path in (notebook, notebook.parent):
                os.utime(path, (time, time))
    assert main(["grade", "01_small", *options]) == 1
    assert main(["grade", *options]) == 1
    assert [settings["at_once"] for settings in refused] == [at_once] * 2


def test_a_server_that_nobody_uses_never_starts(monkeypatch):
    started = []
    monkeypatch.setattr(client.ForkServer, "_start", lambda server: started.append(server))
    with client.ForkServer(sandboxed=False, at_once=False):
        assert not started
    with client.ForkServer(sandboxed=False) as server:
        assert started == [server]
