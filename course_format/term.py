"""The plan of a term: which chapters in which order, when each is due, and what lateness costs.

It is the file term.toml beside nbgrader_config.py; docs/term.md shows one.
"""

import itertools
import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from course_format import CourseError
from course_format.cells import hours
from course_format.chapter import BUILT, SOLUTIONS, ChapterError, find_chapter

FILE = "term.toml"
TABLES = {"timezone": str, "late": dict, "due": dict}
LATE = {"free_minutes": int, "percent_per_day": (int, float), "days": int}


@dataclass(frozen=True)
class Planned:
    """A chapter of the term. due: in the time zone of the term. minutes: that a student needs."""

    name: str
    due: datetime
    minutes: int
    prerequisites: tuple[str, ...]

    @property
    def due_in_utc(self) -> datetime:
        """As the gradebook keeps it: UTC, without saying so."""
        return self.due.astimezone(UTC).replace(tzinfo=None)

    def __str__(self) -> str:
        due = f"{self.due:%a} {self.due.day} {self.due:%b %Y, %H:%M}"
        return f"{self.name:32} {hours(self.minutes):10} due {due}"


@dataclass(frozen=True)
class Term:
    """The chapters of a term, in their order. late: the settings in [late]; None without this table."""

    timezone: str
    chapters: tuple[Planned, ...]
    late: dict[str, float] | None

    def lines(self) -> Iterator[str]:
        """The chapters, to be read."""
        yield from map(str, self.chapters)
        needed = sum(chapter.minutes for chapter in self.chapters)
        yield f"{len(self.chapters)} chapters, {hours(needed)}; times are those of {self.timezone}"


def read_term(folder: Path) -> Term:
    """The plan in a course folder. Raises CourseError with a line for everything that is wrong with it."""
    file, solutions = folder / FILE, folder / SOLUTIONS.name
    if not file.exists():
        raise CourseError(
            f"there is no {FILE} here: write one beside nbgrader_config.py, as docs/term.md shows"
        )
    plan = read_file(file)
    problems, zone = [], ZoneInfo("UTC")
    try:
        zone = time_zone(plan.get("timezone", "UTC"))
    except CourseError as error:
        problems.append(str(error))
    planned = [_planned(solutions, name, due, zone, problems) for name, due in plan["due"].items()]
    chapters = [chapter for chapter in planned if chapter]
    problems += _misplaced(chapters, list(plan["due"]), solutions)
    problems += _out_of_order(chapters)
    _refuse(problems)
    return Term(zone.key, tuple(chapters), plan.get("late"))


def read_file(file: Path) -> dict[str, Any]:
    """The file as it is written, its tables and entries known and of the right kind. Raises CourseError."""
    try:
        plan = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CourseError(f"{FILE} cannot be read: {error}") from None
    problems = list(_wrong(plan, TABLES, ""))
    late = plan.get("late")
    if isinstance(late, dict):
        problems += _wrong(late, LATE, "late.")
        numbers = {key: value for key, value in late.items() if isinstance(value, int | float)}
        problems += [f"late.{key} must be 0 or more" for key, value in numbers.items() if value < 0]
    if not plan.get("due"):
        problems.append('it needs a table [due] with a line such as 01_tensors = "2026-10-12 23:59"')
    _refuse(problems)
    return plan


def _wrong(table: dict, known: dict[str, Any], inside: str) -> Iterator[str]:
    for key, value in table.items():
        if key not in known:
            yield f"{inside}{key} means nothing: there is {', '.join(inside + name for name in known)}"
        elif not isinstance(value, known[key]) or isinstance(value, bool):
            kind = {str: "a text", dict: "a table", int: "a whole number"}.get(known[key], "a number")
            yield f"{inside}{key} must be {kind}"


def time_zone(name: str) -> ZoneInfo:
    """The time zone of this name. Raises CourseError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise CourseError(f"there is no time zone {name!r}: write one such as Europe/Berlin") from None


def _planned(solutions: Path, name: str, due: object, zone: ZoneInfo, problems: list[str]) -> Planned | None:
    """The chapter of one line; None, and a problem more, if the line makes no sense."""
    when = _date(due)
    if when is None:
        problems.append(f'the due date of {name} cannot be read ({due}): write it as "2026-10-12 23:59"')
    try:
        chapter = find_chapter(name, solutions)
    except ChapterError as error:
        problems.append(str(error))
        return None
    if when is None:
        return None
    metadata = json.loads(chapter.solved.read_text(encoding="utf-8"))["metadata"]
    when = when if when.tzinfo else when.replace(tzinfo=zone)
    needed = tuple(metadata["course"]["prerequisites"])
    return Planned(name, when.astimezone(zone), metadata[BUILT]["minutes"], needed)


def _date(value: object) -> datetime | None:
    """A date with its time, written in quotes or as TOML writes it."""
    if isinstance(value, datetime):
        return value
    try:
        return datetime.fromisoformat(value) if ":" in value else None
    except (TypeError, ValueError):
        return None


def _misplaced(chapters: list[Planned], names: list[str], solutions: Path) -> Iterator[str]:
    for chapter in chapters:
        for needed in chapter.prerequisites:
            if not (solutions / needed).is_dir():
                continue  # it is knowledge, such as Python
            if needed not in names:
                yield f"{chapter.name} needs {needed}, which is left out: put it before, or leave out both"
            elif names.index(needed) > names.index(chapter.name):
                yield f"{chapter.name} needs {needed}, which comes later: put it before"


def _out_of_order(chapters: list[Planned]) -> Iterator[str]:
    for before, after in itertools.pairwise(chapters):
        if after.due < before.due:
            yield f"{after.name} comes after {before.name} and is due before it: correct a date or the order"


def _refuse(problems: list[str]) -> None:
    if problems:
        raise CourseError("\n".join(f"{FILE}: {problem}" for problem in problems))
