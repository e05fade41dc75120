"""Names that test cells leave behind (none), and when the student's own function goes to work."""

import course_utils as cu
from course_utils import check

import pytest

CHECK = """
check.exercise("double", points=2)
with check.case("doubles", points=1):
    X, helper = 3, 4
    check.equal(double(X), 6)
check.score()
"""
RIGHT, WRONG = "def double(x):\n    return 2 * x\n", "def double(x):\n    return 3 * x\n"


@pytest.fixture
def notebook(monkeypatch):
    """The names of a notebook, and a function that runs a cell in it."""
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    monkeypatch.setattr(check._cell, "_passed", {})
    names = {"check": check, "X": "mine"}

    def run(source):
        exec(compile(source, "<cell>", "exec"), names)
        return names

    return run


def course_double(x):
    return x + x


def test_a_test_cell_leaves_no_name_behind(notebook):
    notebook(RIGHT)
    names = notebook(CHECK)
    assert names["X"] == "mine"
    assert "helper" not in names


@pytest.mark.parametrize("runner", ["autograde", "validate"])
def test_nor_does_it_under_nbgrader(notebook, monkeypatch, runner):
    monkeypatch.setenv("NBGRADER_EXECUTION", runner)
    notebook(RIGHT)
    names = notebook(CHECK)
    assert names["X"] == "mine"
    assert "helper" not in names


def test_a_name_that_a_test_cell_deletes_is_back(notebook):
    notebook(RIGHT)
    assert notebook(CHECK.replace("check.score()", "del X\ncheck.score()"))["X"] == "mine"


def test_yours_is_the_courses_until_the_checks_have_passed(notebook, capsys):
    names = notebook(RIGHT)
    assert cu.yours(names["double"], instead=course_double) is course_double
    assert "double: the course's own" in capsys.readouterr().out
    notebook(CHECK)
    assert cu.yours(names["double"], instead=course_double) is names["double"]
    assert "double: yours\n" in capsys.readouterr().out


def test_a_wrong_answer_does_not_go_to_work(notebook):
    names = notebook(WRONG)
    notebook(CHECK)
    assert cu.yours(names["double"], instead=course_double) is course_double


def test_an_answer_that_was_changed_has_to_pass_again(notebook):
    names = notebook(RIGHT)
    notebook(CHECK)
    notebook(RIGHT)  # the cell is run again: the same code in a new function
    assert cu.yours(names["double"], instead=course_double) is names["double"]
    notebook(WRONG)
    assert cu.yours(names["double"], instead=course_double) is course_double
    notebook(CHECK)
    notebook(RIGHT)
    assert cu.yours(names["double"], instead=course_double) is course_double, (
        "the wrong one was the last checked"
    )


def test_classes_go_to_work_too(notebook):
    source = "class double:\n    def __new__(cls, x):\n        return 2 * x\n"
    names = notebook(source)
    notebook(CHECK)
    notebook(source)
    assert cu.yours(names["double"], instead=course_double) is names["double"]
    notebook(source.replace("2 * x", "4 * x"))
    assert cu.yours(names["double"], instead=course_double) is course_double


def test_what_has_no_name_is_refused():
    with pytest.raises(TypeError, match="a function or a class"):
        cu.yours(3, instead=course_double)
