"""The plan of a term: how it is told, and what is refused."""

import json

import pytest

from course_format import CourseError, term
from course_format.chapter import BUILT
from tests.term_plan import PLAN

FIRST, SECOND = "01_tiny", "02_tiny"


@pytest.fixture
def folder(tmp_path):
    """Two chapters, the second of which needs the first, and a plan for them."""
    for name, needed in ((FIRST, "Python"), (SECOND, FIRST)):
        solved = tmp_path / "solutions" / name / "tiny.ipynb"
        solved.parent.mkdir(parents=True)
        metadata = {"course": {"prerequisites": [needed]}, BUILT: {"minutes": 90}}
        solved.write_text(json.dumps({"cells": [], "metadata": metadata}))
    (tmp_path / term.FILE).write_text(PLAN)
    return tmp_path


def test_the_plan_is_told_in_its_order(folder):
    plan = term.read_term(folder)
    assert list(plan.lines()) == [
        "01_tiny                          1.5 hours  due Mon 12 Oct 2026, 23:59",
        "02_tiny                          1.5 hours  due Mon 26 Oct 2026, 23:59",
        "2 chapters, 3 hours; times are those of Europe/Berlin",
    ]
    assert plan.late == {"free_minutes": 15, "percent_per_day": 10, "days": 5}


def test_due_dates_are_kept_in_utc_across_the_end_of_summer_time(folder):
    due = [f"{chapter.due_in_utc}" for chapter in term.read_term(folder).chapters]
    assert due == ["2026-10-12 21:59:00", "2026-10-26 22:59:00"]


def test_timezone_and_late_may_be_left_out(folder):
    (folder / term.FILE).write_text(PLAN[PLAN.index("[due]") :])
    plan = term.read_term(folder)
    assert (plan.timezone, plan.late) == ("UTC", None)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("02_tiny", "03_no", "term.toml: there is no chapter '03_no' in solutions/"),
        (
            '01_tiny = "2026-10-12 23:59"',
            "",
            "02_tiny needs 01_tiny, which is left out: put it before, or leave out both",
        ),
        (
            PLAN[PLAN.index("[due]") :],
            '[due]\n02_tiny = "2026-10-12 23:59"\n01_tiny = "2026-10-26 23:59"',
            "02_tiny needs 01_tiny, which comes later: put it before",
        ),
        ("2026-10-12 23:59", "12 October", "01_tiny cannot be read (12 October): write it as"),
        ("2026-10-12 23:59", "2026-10-12", "01_tiny cannot be read (2026-10-12): write it as"),
        ("2026-10-26", "2026-10-05", "02_tiny comes after 01_tiny and is due before it: correct a date"),
        ("Europe/Berlin", "Berlin", "there is no time zone 'Berlin': write one such as Europe/Berlin"),
        ("free_minutes", "free", "late.free means nothing: there is late.free_minutes, late.percent"),
        ("days = 5", 'days = "5"', "late.days must be a whole number"),
        ("days = 5", "days = -5", "late.days must be 0 or more"),
        ("timezone =", "timezone", "term.toml cannot be read: Expected '='"),
        (PLAN, "", "it needs a table [due] with a line such as 01_tensors = "),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(folder, old, new, sentence):
    (folder / term.FILE).write_text(PLAN.replace(old, new))
    with pytest.raises(CourseError) as refused:
        term.read_term(folder)
    assert sentence in str(refused.value)
    assert str(refused.value).startswith("term.toml") and len(str(refused.value).splitlines()) == 1


def test_every_mistake_is_named_at_once(folder):
    (folder / term.FILE).write_text(PLAN.replace("02_tiny", "03_no").replace("12 23:59", "12"))
    with pytest.raises(CourseError) as refused:
        term.read_term(folder)
    assert len(str(refused.value).splitlines()) == 2


def test_without_a_plan_it_says_where_to_find_one(folder):
    (folder / term.FILE).unlink()
    with pytest.raises(CourseError, match=r"no term\.toml here: write one .* as docs/term\.md shows"):
        term.read_term(folder)
