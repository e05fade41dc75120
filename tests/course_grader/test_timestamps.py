"""When something was handed in: every way in which people and their tools write a date."""

from datetime import datetime

import pytest

from course_grader.handed_in.timestamps import NO_DATE, parse

NOON = datetime(2026, 1, 2, 12)

CLEAR = {
    "2026-01-02 12:00:00 UTC": NOON,
    "2026-01-02 12:00:00": NOON,
    "  2026-01-02  12:00:00 UTC\n": NOON,
    "2026-01-02 12:00:00.250000 UTC": datetime(2026, 1, 2, 12, 0, 0, 250_000),
    "2026-01-02T13:00:00+01:00": NOON,
    "20260102T120000Z": NOON,
    "2026-01-02 07:00:00 -0500": NOON,
    "2026-01-02 07:00:00 EST": NOON,
    "2026-01-02 13:00:00 Europe/Berlin": NOON,
    "2026-01-02 13:00 UTC+1": NOON,
    "2026-01-02 12:00:00 PM": NOON,
    "Fri Jan  2 13:00:00 CET 2026": NOON,
    "2 January 2026 12:00": NOON,
    "2026/01/02 12:00": NOON,
    "2026年1月2日 12:00": NOON,
    "13.01.2026 12:00": datetime(2026, 1, 13, 12),
    "01/13/2026 12:00": datetime(2026, 1, 13, 12),
    "03.03.2026": datetime(2026, 3, 3),
}


@pytest.mark.parametrize(("said", "when"), CLEAR.items(), ids=list(CLEAR))
def test_a_clear_date(said, when):
    assert parse(said) == (when, "")


DOUBTFUL = {
    "02.01.2026 12:00": "was read as 1 February 2026, 12:00 UTC (its day and month can be read in two ways)",
    "01/02/26 3 pm": "was read as 2 January 2026, 15:00 UTC (its day and month can be read in two ways)",
    "2026-01-02 12:00:00 CEST": "read as 2 January 2026, 12:00 UTC (the time zone CEST is not known here)",
    "2026-01-02 12:00 Mars/Base": "2 January 2026, 12:00 UTC (the time zone Mars/Base is not known here)",
    "Fri Jan 2 12:00:00 PST 2026": "2 January 2026, 12:00 UTC (the time zone PST is not known here)",
}


@pytest.mark.parametrize(("said", "told"), DOUBTFUL.items(), ids=list(DOUBTFUL))
def test_a_date_in_doubt_is_told_as_it_was_read(said, told):
    when, sentence = parse(said)
    assert when is not None
    assert sentence.startswith(f"timestamp.txt says {said}, which ")
    assert told in sentence
    assert sentence.endswith("if that is wrong, write it as in 2026-12-31 12:00 UTC, and grade again")


@pytest.mark.parametrize(
    "said", ["yesterday, honestly", "12:00", "Friday", "5", "2026", "9" * 100, "1" * 5000, "unreadable", "\0"]
)
def test_what_is_no_whole_date_is_none(said):
    assert parse(said) == (None, NO_DATE)


def test_nothing_is_no_date_and_no_problem():
    assert parse(" \n") == (None, "")
