"""Reads when a submission was handed in, and says where that is in doubt."""

import re
import warnings
from datetime import UTC, datetime, tzinfo

from dateutil import parser, tz

NO_DATE = "timestamp.txt holds no date, so nobody knows whether this was handed in late"
AGAIN = "if that is wrong, write it as in 2026-12-31 12:00 UTC, and grade again"
YEAR_FIRST = re.compile(r"\D*(\d{4}\D|\d{8}(\D|$))")
REGION = re.compile(r" ([A-Z]\w+/[\w/+-]+)$")  # a time zone such as Europe/Berlin
OFFSET = re.compile(r"\b(?:UTC|GMT)(?=[+-]\d)")  # dateutil takes UTC+1 for one hour the other way
CHINESE = str.maketrans({"年": "-", "月": "-", "日": " "})
LONGEST = 1_000  # characters; a student may hand in anything by this name
DEFAULTS = datetime(2001, 1, 1), datetime(2002, 2, 2)  # for what a date does not say


def parse(said: str) -> tuple[datetime | None, str]:
    """(when, in UTC, and a sentence about what is wrong or in doubt) for what timestamp.txt says.

    As for nbgrader, the month comes first where that is not clear, and without a zone it is UTC.
    """
    said = " ".join(said.split())
    if not said:
        return None, ""
    try:
        return _read(said)
    except Exception:  # dateutil fails in many ways on what is no date
        return None, NO_DATE


def _read(said: str) -> tuple[datetime | None, str]:
    plain, region = said.translate(CHINESE), REGION.search(said)
    plain = OFFSET.sub("", REGION.sub("", plain))
    if len(said) > LONGEST or len({_date(plain, default=default) for default in DEFAULTS}) > 1:
        return None, NO_DATE  # dateutil would take what is missing from today
    unknown: list[str] = []
    when = parser.parse(plain, tzinfos=lambda name, offset: _zone(name, offset, unknown))
    if region:
        when = when.replace(tzinfo=_zone(region[1], None, unknown))
    if when.tzinfo is not None:
        when = when.astimezone(UTC).replace(tzinfo=None)
    doubts = [f"the time zone {name} is not known here" for name in unknown]
    if not YEAR_FIRST.match(plain) and _date(plain) != _date(plain, dayfirst=True):
        doubts.append("its day and month can be read in two ways")
    read = f"timestamp.txt says {said}, which was read as {when.day} {when:%B %Y, %H:%M} UTC"
    return when, f"{read} ({', '.join(doubts)}): {AGAIN}" if doubts else ""


def _date(said: str, **options: object) -> object:
    """The date without the time and its zone."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return parser.parse(said, ignoretz=True, **options).date()


def _zone(name: str | None, offset: int | None, unknown: list[str]) -> tzinfo | None:
    """A time zone; a name that nobody knows is added to the list, and counts as UTC."""
    if offset is not None:
        return tz.tzoffset(name, offset)
    found = tz.gettz(name)
    if found is None:
        unknown.append(name)
    return found
