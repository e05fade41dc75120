"""Check records: what is one, and which of those that a student's process sends can be true."""

import pytest

from course_format import record
from course_format.cells import cases
from course_format.record import MIME_TYPE, Record

CELL = """check.exercise("second", points=3.0)
with check.case("an example", points=1.5):
    check.equal(second(3), 6)
### BEGIN HIDDEN TESTS
with check.case("another example", points=1.5, hidden=True):
    check.equal(second(0.5), 1.0)
### END HIDDEN TESTS
check.score()"""
FIRST = Record("second", "an example", 1.5, 1.5, "passed", None, "", False)
SECOND = Record("second", "another example", 1.5, 1.5, "passed", None, "", True)


def valid(*found):
    return record.valid(list(found), cases(CELL))


CHANGES = [
    {"earned": float("nan")},
    {"earned": 99.0},
    {"earned": 0.0},
    {"earned": True},
    {"points": 99.0, "earned": 99.0},
    {"points": "1.5"},
    {"exercise": "first"},
    {"case": "no such case"},
    {"status": ["passed"]},
    {"status": "failed"},
    {"status": "perfect"},
    {"hidden": 0},
    {"hidden": True},
    {"message": 3},
    {"message": "x" * 10**6},
    {"mistake": 3},
    {"more": 3},
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: str(change)[:40])
def test_records_are_held_against_the_chapter(change):
    assert valid(vars(FIRST), vars(SECOND)) == [FIRST, SECOND]
    assert valid(vars(FIRST) | change, vars(SECOND)) == [SECOND]


@pytest.mark.parametrize("found", [None, 3, {"a": 1}, "text", [3, None, [], {}]], ids=str)
def test_what_is_no_list_of_records_holds_none(found):
    assert record.valid(found, cases(CELL)) == []


def test_a_record_counts_once_and_in_its_place():
    first, second = vars(FIRST), vars(SECOND)
    assert valid(first, first, second, second, first) == [FIRST, SECOND]


def test_a_failed_case_earns_nothing():
    failed = vars(FIRST) | {"status": "failed", "earned": 0.0, "message": "it is 5"}
    assert valid(failed) == [Record(**failed)]
    assert valid(failed | {"earned": 1.5}) == []


def test_records_are_read_back_from_the_outputs_of_a_cell():
    outputs = [
        {"output_type": "display_data", "data": FIRST.data},
        {"output_type": "stream", "name": "stdout", "text": "hello"},
        {"output_type": "display_data", "data": {MIME_TYPE: {"case": "half a record"}}},
        {"output_type": "display_data", "data": SECOND.data},
    ]
    assert record.read(outputs) == [FIRST, SECOND]


def test_a_record_is_one_line_for_people():
    failed = Record("second", "an example", 1.5, 0.0, "failed", None, "it is 5\nat [0]", False)
    assert failed.line == "✗ an example: it is 5\n    at [0]"
    assert FIRST.line == "✓ an example"
