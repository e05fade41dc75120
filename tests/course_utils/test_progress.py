"""The progress of a student: from the records in saved notebooks to a page and a report."""

import os

from course_utils import progress

import nbformat
import pytest

from course_format.chapter import NOTEBOOKS
from tests.course_utils.small_course import chapter, said, save, write

PASSED = said("works", "passed"), said("works with nothing", "passed")
FAILED = said("works", "passed"), said("works with nothing", "failed", "it is | *wrong*:\n  see <b>")
UNTOUCHED = said("works", "not done", "not done yet"), said("works with nothing", "not done", "not done yet")


@pytest.fixture
def course(tmp_path):
    """notebooks/ with two chapters, and an empty work/."""
    return write(tmp_path)


@pytest.mark.parametrize(
    ("records", "state", "earned"),
    [
        ((), progress.OPEN, 0.0),
        (UNTOUCHED, progress.OPEN, 0.0),
        (FAILED, progress.PARTLY, 1.5),
        (PASSED[:1], progress.PARTLY, 1.5),  # the check broke off, or was interrupted
        (PASSED, progress.DONE, 2.0),
    ],
    ids=["never run", "untouched", "one failed", "broke off", "passed"],
)
def test_an_exercise_is_open_partly_done_or_done(course, records, state, earned):
    notebooks, work = course
    save(work, "01_one", chapter(*records))
    first, second = progress.course(notebooks, work)
    exercise = first.exercises[0]
    assert (exercise.label, exercise.place) == ("1.1: `a`", "heading_a")
    assert (exercise.state, exercise.earned, exercise.visible) == (state, earned, 2.0)
    assert exercise.failed == tuple(one for one in records if one.status == "failed")
    assert (first.earned, first.visible, first.points) == (earned, 2.0, 5)
    assert second.earned == 0.0 and not second.begun


def test_records_that_todays_checks_could_not_leave_do_not_count(course):
    notebooks, work = course
    strange = said("an old case", "passed"), said("works", "passed", exercise="b")
    save(work, "01_one", chapter(*strange))
    assert progress.course(notebooks, work)[0].earned == 0.0


def test_of_a_check_that_stands_twice_the_last_counts(course):
    notebooks, work = course
    twice = chapter(*PASSED)
    copy = chapter(*FAILED).cells[3]
    copy.id = "copied"
    twice.cells.append(copy)
    save(work, "01_one", twice)
    assert progress.course(notebooks, work)[0].earned == 1.5


@pytest.mark.parametrize(
    ("text", "state"),
    [("YOUR ANSWER HERE\n", "open"), (" ", "open"), ("Because.", "done")],
    ids=["untouched", "emptied", "answered"],
)
def test_a_written_answer_is_open_or_done(course, text, state):
    notebooks, work = course
    save(work, "01_one", chapter(written=text))
    assert progress.course(notebooks, work)[0].exercises[1].state == state


def test_a_notebook_that_was_saved_again_is_read_again(course):
    notebooks, work = course
    save(work, "01_one", chapter(*FAILED))
    assert progress.course(notebooks, work)[0].earned == 1.5
    path = save(work, "01_one", chapter(*PASSED))
    os.utime(path, ns=(1, 1))  # whatever the clock of the file system: another time than before
    assert progress.course(notebooks, work)[0].earned == 2.0


@pytest.mark.parametrize(
    "text",
    [
        "{ broken",
        "{}",
        "[]",
        "3",
        '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": 3}',
        "\udcff",
    ],
)
def test_a_broken_notebook_is_named_and_stops_nothing(course, text):
    notebooks, work = course
    path = save(work, "01_one", chapter())
    path.write_text(text, encoding="utf-8", errors="surrogateescape")
    found = progress.course(notebooks, work)
    assert found[0].problem == "one.ipynb is not a notebook (any more): restore it from a copy"
    assert found[0].visible == 2.0
    assert found[0].problem in progress.page(found) and found[0].problem in progress.report(found)


def test_without_chapters_it_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match="the course is not complete"):
        progress.course(tmp_path, tmp_path)


def advice(course, *saved):
    notebooks, work = course
    for name, notebook in saved:
        save(work, name, notebook)
    return progress.advice(progress.course(notebooks, work))


DONE = chapter(*PASSED, written="Because.")


def test_next_is_the_first_chapter_before_anything_was_done(course):
    assert advice(course) == "**Begin with [01_one](01_one/one.ipynb).**"


def test_next_is_what_is_not_done_in_the_chapter_that_was_begun(course):
    link = "[exercise 1.2: in your own words](01_one/one.ipynb#cell-id=heading_b)"
    assert advice(course, ("01_one", chapter(*PASSED))) == f"**Go on with {link} in 01_one.**"


def test_next_after_a_chapter_is_the_chapter_behind_it(course):
    assert advice(course, ("01_one", DONE)) == "**Begin with [02_two](02_two/two.ipynb).**"


def test_what_was_left_open_comes_last(course):
    open_first, begun = ("01_one", chapter(*FAILED)), ("02_two", chapter(*FAILED))
    assert "(02_two/two.ipynb#cell-id=heading_a)" in advice(course, open_first, begun)
    assert "(01_one/one.ipynb#cell-id=heading_a)" in advice(course, open_first, ("02_two", DONE))


def test_in_the_end_everything_is_done(course):
    assert advice(course, ("01_one", DONE), ("02_two", DONE)) == "**You have done every exercise.**"


def test_the_page_shows_chapters_exercises_and_what_failed(course):
    notebooks, work = course
    save(work, "01_one", chapter(*FAILED))
    page = progress.page(progress.course(notebooks, work))
    assert "| [01_one](01_one/one.ipynb) | 0 | 1 | 1 | 1.5 of 2 |" in page
    assert "| [02_two](02_two/two.ipynb) | 0 | 0 | 2 | 0 of 2 |" in page
    assert "| **all** | 0 | 1 | 3 | 1.5 of 4 |" in page
    assert "| [1.1: `a`](01_one/one.ipynb#cell-id=heading_a) | partly | 1.5 of 2 |" in page
    assert "| [1.2: in your own words](01_one/one.ipynb#cell-id=heading_b) | open |  |" in page
    assert "## 02_two" not in page, "a chapter that was not begun has no table of its own"


def test_a_message_is_shown_as_it_is_whatever_it_holds(course):
    notebooks, work = course
    save(work, "01_one", chapter(*FAILED))
    page = progress.page(progress.course(notebooks, work))
    (line,) = [line for line in page.splitlines() if "works with nothing" in line]
    message = line.split("works with nothing")[1]
    assert message == "&#58; it is &#124; &#42;wrong&#42;&#58;<br>see &#60;b&#62;"


@pytest.mark.parametrize(
    ("said", "shown"),
    [("use `a*b` here", "use <code>a&#42;b</code> here"), ("one ` alone", "one &#96; alone")],
)
def test_names_between_backticks_are_set_as_code(said, shown):
    assert progress.plain(said) == shown


def test_the_report_says_the_same_in_a_terminal(course):
    notebooks, work = course
    save(work, "01_one", chapter(*FAILED))
    assert progress.report(progress.course(notebooks, work)).splitlines() == [
        "01_one    0 done    1 partly    1 open   1.5 of 2 visible points",
        "02_two    0 done    0 partly    2 open   0 of 2 visible points",
        "all       0 done    1 partly    3 open   1.5 of 4 visible points",
        "",
        "01_one, exercise 1.1: `a` failed last:",
        "  ✗ works with nothing: it is | *wrong*:",
        "      see <b>",
        "",
        "Next: 01_one, exercise 1.1: `a`",
    ]


def test_the_command_prints_the_report(course, monkeypatch, capsys):
    monkeypatch.chdir(course[0].parent)
    progress.main()
    assert capsys.readouterr().out.endswith("Next: 01_one, exercise 1.1: `a`\n")
    monkeypatch.chdir(course[1])
    with pytest.raises(SystemExit, match="progress: run this in the top folder of the course"):
        progress.main()


def test_every_exercise_of_the_course_has_its_heading():
    for path in sorted(NOTEBOOKS.glob("*/*.ipynb")):
        found, number = progress.read(path, path), path.parent.name[:2].lstrip("0")
        numbers = [one.label.split(":")[0] for one in found.exercises]
        assert numbers == [f"{number}.{k}" for k in range(1, len(numbers) + 1)], found.name
        ids = [cell.id for cell in nbformat.read(path, as_version=4).cells]
        assert {one.place for one in found.exercises} <= set(ids)
