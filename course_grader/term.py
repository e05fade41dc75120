"""The plan of a term: which chapters in which order, when each is due, and what lateness costs.

It is the file term.toml beside nbgrader_config.py; docs/term.md shows one. nbgrader_config.py takes the
policy for late work from it, for nbgrader and for the grader alike; `course-grader term` checks it and writes
the due dates into the gradebook.
"""

import itertools
import json
import math
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from nbgrader.api import MissingEntry
from nbgrader.plugins import LateSubmissionPlugin
from traitlets import Float, Integer
from traitlets.config import Config

from course_format.cells import hours
from course_format.chapter import BUILT
from course_grader.course import Course, open_gradebook
from course_grader.job import GraderError

FILE = "term.toml"
TABLES = {"timezone": str, "late": dict, "due": dict}
LATE = {"free_minutes": int, "percent_per_day": (int, float), "days": int}
DAY = 24 * 60 * 60  # seconds


class LatePolicy(LateSubmissionPlugin):
    """nbgrader's plugin for late work: a part of the points for each day begun, and after some days all."""

    free_minutes = Integer(0, help="so late costs nothing").tag(config=True)
    percent_per_day = Float(100.0, help="of the points, for each day begun").tag(config=True)
    days = Integer(0, help="later than so many days all points are lost; 0: no such end").tag(config=True)

    def late_submission_penalty(
        self, student_id: str, score: float, total_seconds_late: float
    ) -> float | None:
        """The points to take off; None if there are none. score: before that."""
        if total_seconds_late <= 60 * self.free_minutes:
            return None
        if self.days and total_seconds_late > DAY * self.days:
            return score
        begun = math.ceil(total_seconds_late / DAY)
        return score * min(1.0, begun * self.percent_per_day / 100)

    def sentence(self) -> str:
        """The policy in words."""
        free = f"{self.free_minutes} minutes are free, then " if self.free_minutes else ""
        end = f", all points after {self.days} days" if self.days else ""
        return f"late work: {free}{self.percent_per_day:g} % of the points for each day begun{end}"


def configure(config: Config, file: Path) -> None:
    """Take the policy for late work from term.toml; without the file or its [late], nbgrader's own stays.

    Called by nbgrader_config.py. Raises SystemExit with a line for everything that is wrong with the file:
    after any other exception nbgrader would go on, without a single setting of the course.
    """
    try:
        late = _read(file).get("late") if file.exists() else None
    except GraderError as error:
        raise SystemExit(str(error)) from None
    if late is not None:
        config.AssignLatePenalties.plugin_class = LatePolicy
        config.LatePolicy.update(late)


@dataclass(frozen=True)
class Planned:
    """A chapter of the term. due: in the time zone of the term. minutes: that a student needs."""

    name: str
    due: datetime
    title: str
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
    """The chapters of a term, in their order, and the policy for late work; None is nbgrader's own."""

    timezone: str
    chapters: tuple[Planned, ...]
    late: LatePolicy | None

    def lines(self) -> Iterator[str]:
        """The plan, to be read."""
        yield from map(str, self.chapters)
        needed = sum(chapter.minutes for chapter in self.chapters)
        yield f"{len(self.chapters)} chapters, {hours(needed)}; times are those of {self.timezone}"
        if self.late is None:
            yield "late work: as nbgrader_config.py says, for term.toml has no [late]; else it costs nothing"
        else:
            yield self.late.sentence()


def read_term(course: Course) -> Term:
    """The plan in a course folder. Raises GraderError with a line for everything that is wrong with it."""
    file = course.folder / FILE
    if not file.exists():
        raise GraderError(
            f"there is no {FILE} here: write one beside nbgrader_config.py, as docs/term.md shows"
        )
    said = _read(file)
    problems: list[str] = []
    zone = _zone(said.get("timezone", "UTC"), problems)
    planned = [_planned(course, name, due, zone, problems) for name, due in said["due"].items()]
    chapters = [chapter for chapter in planned if chapter]
    problems += _misplaced(chapters, list(said["due"]))
    problems += _out_of_order(chapters)
    _refuse(problems)
    late = LatePolicy(**said["late"]) if "late" in said else None
    return Term(said.get("timezone", "UTC"), tuple(chapters), late)


def write_due_dates(course: Course, term: Term) -> Iterator[str]:
    """Write the due dates into the gradebook. Yields a sentence for each that was not there before.

    Assignments of the gradebook that are not in the term stay as they are, and are named.
    """
    with open_gradebook(course) as gradebook:
        for chapter in term.chapters:
            try:
                before = gradebook.find_assignment(chapter.name).duedate
            except MissingEntry:
                before = None
            if before != chapter.due_in_utc:
                gradebook.update_or_create_assignment(chapter.name, duedate=chapter.due_in_utc)
                was = f", no longer {before:%Y-%m-%d %H:%M} UTC" if before else ""
                yield f"{chapter.name} is now due {chapter.due_in_utc:%Y-%m-%d %H:%M} UTC{was}"
        names = {chapter.name for chapter in term.chapters}
        for assignment in gradebook.assignments:
            if assignment.duedate and assignment.name not in names:
                yield f"{assignment.name} is not in {FILE}; it keeps its due date {assignment.duedate} UTC"


def _read(file: Path) -> dict[str, Any]:
    """The file as it is written, its tables and entries known and of the right kind."""
    try:
        said = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise GraderError(f"{FILE} cannot be read: {error}") from None
    problems = list(_wrong(said, TABLES, ""))
    late = said.get("late")
    if isinstance(late, dict):
        problems += _wrong(late, LATE, "late.")
        problems += [f"late.{key} must be 0 or more" for key in LATE if _negative(late.get(key))]
    if not said.get("due"):
        problems.append('it needs a table [due] with a line such as 01_tensors = "2026-10-12 23:59"')
    _refuse(problems)
    return said


def _wrong(table: dict, known: dict[str, Any], inside: str) -> Iterator[str]:
    for key, value in table.items():
        if key not in known:
            yield f"{inside}{key} means nothing: there is {', '.join(inside + name for name in known)}"
        elif not isinstance(value, known[key]) or isinstance(value, bool):
            kind = {str: "a text", dict: "a table", int: "a whole number"}.get(known[key], "a number")
            yield f"{inside}{key} must be {kind}"


def _negative(value: object) -> bool:
    return isinstance(value, int | float) and value < 0


def _zone(name: str, problems: list[str]) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        problems.append(f"there is no time zone {name!r}: write one such as Europe/Berlin")
        return ZoneInfo("UTC")


def _planned(course: Course, name: str, due: object, zone: ZoneInfo, problems: list[str]) -> Planned | None:
    """The chapter of one line; None, and a problem more, if the line makes no sense."""
    when = _date(due)
    if when is None:
        problems.append(f'the due date of {name} cannot be read ({due}): write it as "2026-10-12 23:59"')
    try:
        solved = course.chapter(name).solved
    except GraderError as error:
        problems.append(f"{error}")
        return None
    if when is None:
        return None
    metadata = json.loads(solved.read_text(encoding="utf-8"))["metadata"]
    about, built = metadata["course"], metadata[BUILT]
    needed = [other for other in about["prerequisites"] if _is_chapter(course, other)]
    when = when if when.tzinfo else when.replace(tzinfo=zone)
    return Planned(name, when.astimezone(zone), about["title"], built["minutes"], tuple(needed))


def _date(said: object) -> datetime | None:
    """A date with its time, written in quotes or as TOML writes it."""
    if isinstance(said, datetime):
        return said
    try:
        return datetime.fromisoformat(said) if ":" in said else None
    except (TypeError, ValueError):
        return None


def _is_chapter(course: Course, name: str) -> bool:
    """Whether a prerequisite is a chapter; others are knowledge, such as Python."""
    try:
        course.chapter(name)
    except GraderError:
        return False
    return True


def _misplaced(chapters: list[Planned], names: list[str]) -> Iterator[str]:
    for chapter in chapters:
        for needed in chapter.prerequisites:
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
        raise GraderError("\n".join(f"{FILE}: {problem}" for problem in problems))
