"""Starting one exercise over: the stub is back, the old answer is kept, and nothing else has changed."""

import sys

from course_utils import progress, start_over
from course_utils.start_over import CannotStartOver

import nbformat
import pytest

from tests.course_utils.small_course import QUESTION, STUB, chapter, said, save, write

PASSED = said("works", "passed"), said("works with nothing", "passed")
MINE = "def a():\n    return 'my own'"


@pytest.fixture
def course(tmp_path):
    """The top folder of a course in which 01_one was solved."""
    _, work = write(tmp_path)
    save(work, "01_one", chapter(*PASSED, answer=MINE, written="Because."))
    return tmp_path


def cells(course):
    path = course / "work" / "01_one" / "one.ipynb"
    return {cell.id: cell for cell in nbformat.read(path, as_version=4).cells}


def test_the_stub_is_back_and_the_answer_is_kept(course):
    kept = start_over.start_over("01_one", "a", course)
    assert kept == course / "work" / "earlier_answers" / "01_one" / "a_1.py"
    assert kept.read_text() == MINE + "\n"
    assert cells(course)["a"].source == STUB


def test_the_exercise_is_open_again(course):
    start_over.start_over("01_one", "a", course)
    (first, _) = progress.course(course / "notebooks", course / "work")
    assert [one.state for one in first.exercises] == [progress.OPEN, progress.DONE]


def test_all_else_stays_as_it_was(course):
    before = cells(course)
    start_over.start_over("01_one", "a", course)
    after = cells(course)
    assert before.keys() == after.keys()
    assert {name for name in before if before[name] != after[name]} == {"a", "test_a"}
    assert after["test_a"].source == before["test_a"].source
    assert [path.name for path in (course / "work" / "01_one").iterdir()] == ["one.ipynb"]


def test_every_earlier_answer_is_kept(course):
    start_over.start_over("01_one", "a", course)
    save(course / "work", "01_one", chapter(answer="second = 2"))
    assert start_over.start_over("01_one", "a", course).name == "a_2.py"
    folder = course / "work" / "earlier_answers" / "01_one"
    assert [path.read_text() for path in sorted(folder.iterdir())] == [MINE + "\n", "second = 2\n"]


def test_a_written_answer_is_kept_as_text(course):
    kept = start_over.start_over("01_one", "written_b", course)
    assert (kept.name, kept.read_text()) == ("written_b_1.md", "Because.\n")
    assert cells(course)["written_b"].source == QUESTION


@pytest.mark.parametrize(
    ("name", "exercise", "says"),
    [
        ("01_on", "a", "there is no chapter '01_on'; there are 01_one, 02_two"),
        ("01_one", "b", "01_one has no exercise 'b'; it has a, written_b"),
        ("02_two", "a", "there is no work/02_two/two.ipynb yet: nothing to start over"),
    ],
)
def test_what_does_not_exist_is_named(course, name, exercise, says):
    with pytest.raises(CannotStartOver) as refused:
        start_over.start_over(name, exercise, course)
    assert str(refused.value) == says


def refused(course, says):
    path = course / "work" / "01_one" / "one.ipynb"
    before = path.read_bytes()
    with pytest.raises(CannotStartOver, match=says):
        start_over.start_over("01_one", "a", course)
    assert path.read_bytes() == before
    assert not (course / "work" / "earlier_answers").exists()


def test_an_untouched_exercise_needs_no_new_start(course):
    save(course / "work", "01_one", chapter())
    refused(course, "a is as it was handed out: nothing to start over")


def test_a_notebook_without_the_cell_stays_as_it_is(course):
    without = chapter()
    del without.cells[2]
    save(course / "work", "01_one", without)
    refused(course, "work/01_one/one.ipynb has no cell for 'a' any more: copy it from notebooks/01_one")


@pytest.mark.parametrize("text", ["{ broken", "[]", '{"cells": 3}'])
def test_a_broken_notebook_stays_as_it_is(course, text):
    (course / "work" / "01_one" / "one.ipynb").write_text(text)
    refused(course, r"one\.ipynb is not a notebook \(any more\): restore it from a copy")


def test_a_program_that_stops_half_way_leaves_the_old_notebook(course, monkeypatch):
    def break_off(notebook, path):
        path.write_text("half a noteb")
        raise KeyboardInterrupt

    monkeypatch.setattr(start_over.nbformat, "write", break_off)
    with pytest.raises(KeyboardInterrupt):
        start_over.start_over("01_one", "a", course)
    assert cells(course)["a"].source == MINE


def test_the_command_says_where_the_answer_is_and_what_jupyterlab_needs(course, monkeypatch, capsys):
    monkeypatch.chdir(course)
    monkeypatch.setattr(sys, "argv", ["start_over", "01_one", "a"])
    start_over.main()
    printed = capsys.readouterr().out
    assert "Your answer is kept in work/earlier_answers/01_one/a_1.py." in printed
    assert "File > Reload Notebook from Disk" in printed


def test_the_command_ends_with_a_sentence_if_it_cannot(course, monkeypatch):
    monkeypatch.chdir(course)
    monkeypatch.setattr(sys, "argv", ["start_over", "01_one", "b"])
    with pytest.raises(SystemExit, match="start-over: 01_one has no exercise 'b'"):
        start_over.main()


def test_outside_of_the_course_the_command_says_where_it_belongs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["start_over", "01_one", "a"])
    with pytest.raises(SystemExit, match="start-over: run this in the top folder of the course"):
        start_over.main()


def test_without_a_name_the_command_says_how_it_is_used(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["start_over", "01_one"])
    with pytest.raises(SystemExit):
        start_over.main()
    assert "make start-over CHAPTER=01_tensors EXERCISE=ramp" in capsys.readouterr().err
