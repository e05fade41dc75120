"""Regions and cases: what is inside, what students see, and that threads may ask at the same time."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from course_format import cells
from course_format.cells import Case

CELL = """check.exercise("thing", points=2)
with check.case("is one", points=1.5):
    check.equal(thing(), 1)
### BEGIN HIDDEN TESTS
with check.case("is not two", points=0.5, hidden=True):
    check.that(thing() != 2, "it is two")
### END HIDDEN TESTS
check.score()"""


def test_the_cases_of_a_test_cell():
    assert cells.cases(CELL) == [
        Case("thing", "is one", 1.5, False, 2),
        Case("thing", "is not two", 0.5, True, 5),
    ]


def test_many_threads_may_ask_for_cases_at_once():
    sources = [CELL.replace("is one", f"is number {n}") for n in range(400)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(cells.cases, sources))
    assert [cases[0].case for cases in found] == [f"is number {n}" for n in range(400)]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"is one"', "name"),
        ("points=1.5", "points=half"),
        ("points=1.5", "worth=1.5"),
        ('check.exercise("thing", points=2)', "check.exercise(points=2)"),
        ('check.exercise("thing", points=2)', "pass"),
    ],
)
def test_a_case_that_is_not_written_plainly_is_refused(old, new):
    with pytest.raises(ValueError, match=r"must begin with|write check\.case|plain values"):
        cells.cases(CELL.replace(old, new))


def test_regions_are_split_and_blanked():
    inside, outside = cells.split(CELL, cells.HIDDEN_TESTS)
    assert [line[:4] for line in inside] == ["with", "    "]
    assert cells.visible(CELL) == "\n".join(outside)
    assert "HIDDEN" not in cells.visible(CELL)
    lines = cells.blanked(CELL)
    assert len(lines) == len(CELL.splitlines())
    assert "".join(lines[3:7]) == "\n" * 4
    assert lines[-1] == "check.score()\n"
    assert cells.hidden_lines(CELL) == {5, 6}


def test_hours():
    assert [cells.hours(minutes) for minutes in (30, 60, 270)] == ["0.5 hours", "1 hour", "4.5 hours"]
