"""`course-grader collect`: puts what a learning platform gives into submitted/, where grading looks for it.

Nothing is lost: what is not taken is told with a reason, and what is replaced goes to a folder beside.
"""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from nbgrader.api import MissingEntry, Student

from course_format.term import time_zone
from course_grader.collecting import roster, uploads
from course_grader.collecting.roster import USABLE, Person, Roster, Unknown, Who
from course_grader.collecting.submissions import STAMP, Finder, stamp_of
from course_grader.collecting.submitted import SubmittedFolder, shown
from course_grader.collecting.uploads import Refused, Upload
from course_grader.course import Course, open_gradebook
from course_grader.gradebook.read import reading_gradebook
from course_grader.handed_in.submission import printable
from course_grader.job import GraderError

IN_THE_ZIP = "zip"  # for --times
NOT_TAKEN, NO_TIME = "NOT TAKEN", "not known"


@dataclass(frozen=True)
class Options:
    """What the command line says. times: a CSV file, or "zip": the times of the zip's members."""

    roster: Path | None = None
    times: Path | None = None
    zone: str | None = None
    update: bool = False
    dry_run: bool = False


DEFAULTS = Options()


@dataclass
class Outcome:
    """What became of one student's uploads. what: in a few words; notes: sentences about it."""

    student: str
    who: str
    handed_in: str
    what: str
    notes: list[str]


@dataclass
class Summary:
    """What became of all uploads. refused: path -> why it was not taken."""

    platform: str
    outcomes: list[Outcome] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


def collect(course: Course, source: Path, assignment: str, options: Options = DEFAULTS) -> Summary:
    """Put the uploads in a folder or zip into submitted/STUDENT/assignment/.

    What is there already stays, unless options.update says to replace it by what is newer. Raises CourseError
    if nothing can be collected at all.
    """
    chapter = course.chapter(assignment)
    zone = time_zone(options.zone) if options.zone else None
    people, times = _class(course, options, zone)
    with uploads.opened(source) as (entries, refused):
        platform, found, unnamed = uploads.parsed(entries, assignment)
        summary = Summary(platform, refused=refused | unnamed)
        trusted = platform == uploads.NBGRADER
        anybody = trusted and not options.roster
        if not (anybody or any(person.name or person.email or person.account for person in people.people)):
            raise GraderError(
                f"these are {platform}, and the gradebook has no students with names: say who is in the "
                "class by --roster, a CSV file with `id` and `name`, or one that the platform exports"
            )
        if str(options.times) == IN_THE_ZIP:
            found = [replace(one, when=one.when or one.entry.when) for one in found]
        for student, theirs in _by_student(found, people, anybody, summary.refused).items():
            theirs = [replace(one, when=_when(one, student, times, zone)) for one in theirs]
            finder = Finder(chapter, trusted)
            path = course.path("submitted", student, assignment)
            folder = SubmittedFolder(path, chapter.stem, options.update, options.dry_run, finder.notes)
            summary.outcomes.append(_outcome(student, theirs, finder, folder))
            summary.refused |= finder.refused
    if options.roster and not options.dry_run:
        _name_in_gradebook(course, [people.find(Who((one.student,))) for one in summary.outcomes])
    if not summary.outcomes and not summary.refused:
        raise GraderError(f"there are no files in {source}")
    return summary


def _class(course: Course, options: Options, zone: ZoneInfo | None) -> tuple[Roster, Roster]:
    """(the students of the class, the students with the times at which they handed in)."""
    known = _gradebook_students(course)
    people = Roster(known, "the gradebook")
    if options.roster:
        people = roster.read(options.roster, zone=zone, known=known)
    if str(options.times) == IN_THE_ZIP:
        return people, Roster([], "")
    if options.times:
        return people, roster.read(options.times, zone=zone, known=[*people.people, *known])
    return people, people


def _gradebook_students(course: Course) -> list[Person]:
    """The students whom the gradebook knows; none if there is no gradebook yet."""
    try:
        with reading_gradebook(course) as session:
            return [
                Person(one.id, " ".join(filter(None, [one.first_name, one.last_name])), one.email or "")
                for one in session.query(Student)
            ]
    except GraderError:
        return []


def _name_in_gradebook(course: Course, people: list[Person]) -> None:
    """Give the gradebook the name and the address of students of whom it has neither: its pages show them."""
    with open_gradebook(course) as gradebook:
        for person in people:
            try:
                known = gradebook.find_student(person.id)
            except MissingEntry:
                known = Student()
            if not (known.first_name or known.last_name or known.email):
                first, last = roster.first_and_last(person.name)
                gradebook.update_or_create_student(
                    person.id, first_name=first, last_name=last, email=person.email
                )


def _by_student(
    found: list[Upload], people: Roster, anybody: bool, refused: dict[str, str]
) -> dict[str, list[Upload]]:
    """Student's id -> uploads. anybody: also who is not in the class yet, if the folder is named by an id."""
    theirs: defaultdict[str, list[Upload]] = defaultdict(list)
    for upload in found:
        try:
            theirs[people.find(upload.who).id].append(upload)
        except Unknown as reason:
            if anybody and USABLE.fullmatch(str(upload.who)):
                theirs[str(upload.who)].append(upload)
            else:
                refused[upload.entry.path] = str(reason)
    for student in list(theirs):
        if len({one.who.number for one in theirs[student]}) > 1:
            why = f"several people on the platform have the name of {student}"
            why += ": give its own CSV file, which has their numbers, as --roster"
            refused |= {one.entry.path: why for one in theirs.pop(student)}
    return dict(sorted(theirs.items()))


def _when(upload: Upload, student: str, times: Roster, zone: ZoneInfo | None) -> datetime | None:
    """When a student handed in, in UTC."""
    for who in (upload.who, Who((student,))):
        with suppress(Unknown):
            if when := times.find(who).handed_in:
                return when
    return upload.when and roster.to_utc(upload.when, zone)


def _outcome(student: str, theirs: list[Upload], finder: Finder, folder: SubmittedFolder) -> Outcome:
    """Take a student's newest submission, and keep the others beside it."""
    found = finder.find(theirs)
    handed_in, what = stamp_of(theirs[0].when), NOT_TAKEN
    if found:
        handed_in = found[0].stamp
        try:
            what = folder.take(found[0], found[1:])
        except Refused as error:
            finder.refused |= {one.source: str(error) for one in found}
        except OSError as error:
            finder.refused |= {one.source: f"it cannot be written ({error.strerror})" for one in found}
    handed_in = handed_in or NO_TIME
    if any(one.late for one in theirs):
        if found and handed_in == NO_TIME and not folder.stamp:
            finder.notes.append(
                "late, says the platform, which does not say when: if that costs points, write "
                f"{shown(folder.path)}/{STAMP}, or use --times"
            )
        handed_in += " (LATE)"
    return Outcome(student, str(theirs[0].who), handed_in, what, finder.notes)


def told(summary: Summary, assignment: str, dry_run: bool) -> Iterator[str]:
    """The table, what was not taken, and a line that counts, for people."""
    yield f"{summary.platform[0].upper()}{summary.platform[1:]}; times are UTC."
    rows = [("student", "as uploaded", "handed in", "result")]
    for one in summary.outcomes:
        rows.append(tuple(map(printable, (one.student, one.who, one.handed_in, one.what))))
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    notes = [[], *(one.notes for one in summary.outcomes)]
    for row, about in zip(rows, notes, strict=True) if summary.outcomes else ():
        padded = (text + " " * (width - _width(text)) for text, width in zip(row, widths, strict=True))
        yield "  ".join(padded).rstrip()
        yield from (f"    {note}" for note in about)
    if any(NO_TIME in one.handed_in and one.what != NOT_TAKEN for one in summary.outcomes):
        yield "Without a time, a submission counts as handed in on time: --times gives the times."
    if summary.refused:
        yield "Not taken:"
        yield from (f"    {printable(path)}: {why}" for path, why in sorted(summary.refused.items()))
    count = Counter(one.what for one in summary.outcomes if one.what != NOT_TAKEN)
    parts = [f"{number} {what}" for what, number in count.items()]
    if number := len(summary.refused):
        parts.append(f"{number} {'files' if number > 1 else 'file'} {NOT_TAKEN}")
    yield f"{assignment}: {', '.join(parts)}" + (" (a dry run: nothing was written)" if dry_run else "")


def _width(text: str) -> int:
    """How many columns a text takes: a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
