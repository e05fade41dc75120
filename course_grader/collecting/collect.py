"""`course-grader collect`: puts what a learning platform gives into submitted/, where grading looks for it.

Nothing is lost: what is not taken is told with a reason, and what is replaced goes to a folder beside.
"""

import io
import os
import re
import shutil
import unicodedata
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import nbformat
from nbgrader.api import MissingEntry, Student

from course_format.cells import is_answer, nbgrader
from course_format.chapter import Chapter, chapters
from course_format.term import time_zone
from course_grader.collecting import roster, uploads
from course_grader.collecting.roster import USABLE, Person, Roster, Unknown, Who
from course_grader.collecting.uploads import (
    BROKEN,
    LIMIT,
    OLDER,
    Refused,
    Upload,
    files_of,
    is_zip,
    other_archive,
    why_no_zip,
    zip_entries,
)
from course_grader.course import Course, open_gradebook
from course_grader.gradebook.read import reading_gradebook
from course_grader.handed_in import timestamps
from course_grader.handed_in.submission import (
    MOST_FILES,
    UnreadableNotebook,
    is_notebook,
    parse_notebook,
    printable,
)
from course_grader.job import GraderError, digest

STAMP = "timestamp.txt"
IN_THE_ZIP = "zip"  # for --times
NOT_TAKEN, NO_TIME = "NOT TAKEN", "not known"
PACKED = re.compile(r"-(\d{4}-\d\d-\d\d-\d{6})[^/]*\.zip$")  # when hand-in packed it, by the student's clock
RENAMED = r"{}(-\d+| ?\(\d+\))?\.ipynb"  # as platforms and browsers do, of what comes a second time
MADE = re.compile(r"^(?:def|class) (\w+)", re.MULTILINE)


@dataclass(frozen=True)
class Options:
    """What the command line says. times: a CSV file, or "zip": the times of the zip's members."""

    roster: Path | None = None
    times: Path | None = None
    zone: str | None = None
    update: bool = False
    dry_run: bool = False


DEFAULTS = Options()


@dataclass(frozen=True)
class Candidate:
    """Something that a student handed in, with one notebook of the chapter, which has the chapter's name.

    source: the path of what was uploaded. name: of the notebook in it. stamp: what timestamp.txt is to say;
    may be empty. order: the later of two has the larger one, as far as it is known.
    """

    source: str
    files: dict[str, bytes]
    name: str = ""
    stamp: str = ""
    when: datetime | None = None
    order: tuple = ()


@dataclass
class Outcome:
    """What became of one student's uploads. what: in a few words; notes: sentences about it."""

    student: str
    who: str
    handed_in: str
    what: str
    notes: list[str] = field(default_factory=list)


@dataclass
class Summary:
    """What became of all uploads. refused: path -> why it was not taken."""

    platform: str
    outcomes: list[Outcome] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


def collect(course: Course, source: Path, assignment: str, options: Options = DEFAULTS) -> Summary:
    """Put the uploads in a folder or zip into submitted/STUDENT/assignment/.

    What is there already stays, unless options.update says to replace it by what is newer. Raises GraderError
    if nothing can be collected at all.
    """
    chapter = course.chapter(assignment)
    zone = time_zone(options.zone) if options.zone else None
    people, times = _class(course, options, zone)
    with uploads.opened(source) as (entries, refused):
        platform, found, unnamed = uploads.parsed(entries, assignment)
        summary = Summary(platform, refused=refused | unnamed)
        if str(options.times) == IN_THE_ZIP:
            found = [replace(one, when=one.when or one.entry.when) for one in found]
        anybody = platform == uploads.NBGRADER and not options.roster
        if not (anybody or any(person.name or person.email or person.account for person in people.people)):
            raise GraderError(
                f"these are {platform}, and the gradebook has no students with names: say who is in the "
                "class by --roster, a CSV file with `id` and `name`, or one that the platform exports"
            )
        for student, mine in _by_student(found, people, anybody, summary.refused).items():
            mine = [replace(one, when=_when(one, student, times, zone)) for one in mine]
            trusted = platform == uploads.NBGRADER
            one = _Student(course, chapter, student, mine, options, trusted, summary.refused)
            summary.outcomes.append(one.collect())
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
    mine: defaultdict[str, list[Upload]] = defaultdict(list)
    for upload in found:
        try:
            mine[people.find(upload.who).id].append(upload)
        except Unknown as reason:
            if anybody and USABLE.fullmatch(str(upload.who)):
                mine[str(upload.who)].append(upload)
                continue
            refused[upload.entry.path] = str(reason)
    for student in [student for student, their in mine.items() if len({one.who.number for one in their}) > 1]:
        refused |= {
            one.entry.path: f"several people on the platform have the name of {student}: give its own CSV "
            "file, which has their numbers, as --roster"
            for one in mine.pop(student)
        }
    return dict(sorted(mine.items()))


def _when(upload: Upload, student: str, times: Roster, zone: ZoneInfo | None) -> datetime | None:
    """When a student handed in, in UTC."""
    for who in (upload.who, Who((student,))):
        with suppress(Unknown):
            when = times.find(who).handed_in
            if when:
                return when
    return upload.when and roster.to_utc(upload.when, zone)


@dataclass
class _Student:
    """One student's uploads on their way into submitted/.

    trusted: whether timestamp.txt among them is not the student's. refused: path -> reason, of all students.
    """

    course: Course
    chapter: Chapter
    student: str
    uploads: list[Upload]
    options: Options
    trusted: bool
    refused: dict[str, str]
    notes: list[str] = field(default_factory=list)

    def collect(self) -> Outcome:
        """Take the newest submission, and keep the others beside it."""
        found = self._candidates()
        handed_in = (found[0].stamp if found else _stamp_of(self.uploads[0].when)) or NO_TIME
        what = self._take(*found) if found else NOT_TAKEN
        if any(one.late for one in self.uploads):
            if found and handed_in == NO_TIME and not _stamp(self._target):
                self.notes.append(
                    "late, says the platform, which does not say when: if that costs points, write "
                    f"{_short(self._target)}/{STAMP}, or use --times"
                )
            handed_in += " (LATE)"
        return Outcome(self.student, str(self.uploads[0].who), handed_in, what, self.notes)

    @property
    def _target(self) -> Path:
        return self.course.path("submitted", self.student, self.chapter.name)

    def _take(self, newest: Candidate, *others: Candidate) -> str:
        right = self.chapter.solved.name
        try:
            what = _place(newest, self._target, self.options, self.notes)
            if not re.fullmatch(RENAMED.format(re.escape(self.chapter.stem)), newest.name.rpartition("/")[2]):
                self.notes.append(f"{printable(newest.name)} was taken as {right}")
            for other in others:
                where = _keep(other, self._target, self.options.dry_run)
                inside = f"{other.name} in " if other.source == newest.source else ""
                self.notes.append(
                    f"{printable(inside + other.source)} is another submission: kept in {where}"
                )
            return what
        except Refused as error:
            reason = str(error)
        except OSError as error:
            reason = f"it cannot be written ({error.strerror})"
        self.refused |= {one.source: reason for one in (newest, *others)}
        return NOT_TAKEN

    def _candidates(self) -> list[Candidate]:
        """What may be taken, the newest first. What was uploaded beside zips goes with each."""
        zips, loose = self._sorted()
        contents = {name: content for name, (_, content) in loose.items()}
        stamp = self._stamp(contents)
        apart, beside, reasons = self._split(contents)
        found = [replace(one, files=_joined(one.files, beside)) for one in zips]
        for name, files in apart:
            upload = loose[name][0]
            found.append(self._candidate(upload, upload.entry.path, name, files, stamp))
        found.sort(key=lambda one: one.order, reverse=True)
        found = [one for k, one in enumerate(found) if one.files not in [other.files for other in found[:k]]]
        if not found:
            for name in beside:
                upload, content = loose[name]
                reason = reasons.get(name) or other_archive(content)
                self.refused[upload.entry.path] = reason or "no notebook of the chapter came with it"
        elif len(found) > 1 and not _is_newer(*found[:2]):
            self.notes.append("which of the submissions is the newest is not known: look at them")
        return found

    def _sorted(self) -> tuple[list[Candidate], dict[str, tuple[Upload, bytes]]]:
        """(what is in zips, name -> file uploaded by itself)."""
        zips, loose = [], {}
        for upload, content in self._read():
            if is_zip(upload.name, content):
                zips += self._from_zip(upload, content)
                continue
            name = upload.name
            while name in loose:
                name = f"again-{name}"
            loose[name] = (upload, content)
        return zips, loose

    def _stamp(self, files: dict[str, bytes]) -> str:
        """What timestamp.txt says, where nbgrader or the instructor wrote it; the file is taken out."""
        for name in [name for name in files if name.rpartition("/")[2] == STAMP]:
            said = files.pop(name).decode("utf-8", "replace").strip()
            if self.trusted and name == STAMP:
                return said
            self.notes.append(f"the student's own {printable(name)} does not count: the platform says when")
        return ""

    def _read(self) -> Iterator[tuple[Upload, bytes]]:
        """The uploads with their contents, notebooks and small ones first, as far as the limits allow."""
        left = LIMIT
        by_size = lambda one: (not is_notebook(one.name), one.entry.size, one.entry.path)  # noqa: E731
        for place, upload in enumerate(sorted(self.uploads, key=by_size)):
            try:
                if place >= MOST_FILES:
                    raise Refused(f"a submission has at most {MOST_FILES:,} files")
                content = upload.entry.read(left)
            except Refused as reason:
                self.refused[upload.entry.path] = str(reason)
                continue
            left -= 0 if is_zip(upload.name, content) else len(content)
            yield upload, content

    def _from_zip(self, upload: Upload, content: bytes) -> list[Candidate]:
        """The submissions in the zip of a student; most often one."""
        outer = upload.entry.path
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                entries, strange = zip_entries(archive)
                files, unread = files_of(entries, LIMIT)
        except BROKEN as error:
            self.refused[outer] = why_no_zip(content[:6], error)
            return []
        self.refused |= {f"{outer}: {name}": why for name, why in (strange | unread).items()}
        self._stamp(files)
        apart, _, reasons = self._split(files)
        if apart:
            return [self._candidate(upload, outer, *one) for one in apart]
        inner = ", only another zip" if any(is_zip(*one) for one in files.items()) else ""
        self.refused |= {f"{outer}: {name}": why for name, why in reasons.items()}
        if not reasons:
            self.refused[outer] = f"there is no notebook in the zip{inner}"
        return []

    def _split(
        self, files: dict[str, bytes]
    ) -> tuple[list[tuple[str, dict[str, bytes]]], dict[str, bytes], dict[str, str]]:
        """Take apart what may hold several notebooks of the chapter.

        Returns [(the notebook's name, the files of its submission)], all other files, and why notebooks among
        these are not of the chapter. In a submission, names begin at the notebook's folder; what is outside
        of it keeps its own.
        """
        reasons = {
            name: reason
            for name, content in files.items()
            if is_notebook(name) and (reason := _why_not_of(content, self.chapter))
        }
        right = [name for name in files if is_notebook(name) and name not in reasons]
        others = {name: content for name, content in files.items() if name not in right}
        apart = []
        for name in right:
            folder, slash, _ = name.rpartition("/")
            inside = [other for other in others if other.startswith(folder + slash)]
            own = {self.chapter.solved.name: files[name]}
            own = _joined(own, {other.removeprefix(folder + slash): others[other] for other in inside})
            outside = {other: content for other, content in others.items() if other not in inside}
            apart.append((name, _joined(own, outside)))
        return apart, others, reasons

    def _candidate(
        self, upload: Upload, source: str, name: str, files: dict[str, bytes], stamp: str = ""
    ) -> Candidate:
        when = timestamps.parse(stamp)[0] if stamp else upload.when
        stamp = stamp or _stamp_of(when)
        packed = PACKED.search(source)
        exact = name.rpartition("/")[2] == self.chapter.solved.name
        order = (when or datetime.min, upload.order, packed[1] if packed else "", exact, source)
        return Candidate(source, files, name, stamp, when, order)


def _joined(files: dict[str, bytes], more: dict[str, bytes]) -> dict[str, bytes]:
    """All files. Of two with the same name and other content, the second goes into the folder `more`."""
    joined = dict(files)
    for name, content in more.items():
        while joined.setdefault(name, content) != content:
            name = f"more/{name}"
    return joined


def _is_newer(one: Candidate, other: Candidate) -> bool:
    """Whether it is known that one was handed in after the other."""
    (when, order, packed, *_), (when_other, order_other, packed_other, *_) = one.order, other.order
    if (one.when and other.when and when != when_other) or (order and order_other and order != order_other):
        return True
    return bool(packed and packed_other and packed != packed_other)


# ---- which chapter a notebook is of


def _why_not_of(content: bytes, chapter: Chapter) -> str:
    """Why this is no notebook of a chapter; empty if it is one."""
    try:
        cells, _ = parse_notebook(content)
    except UnreadableNotebook as reason:
        return f"it is no notebook: {reason}"
    ids = {nbgrader(cell).get("grade_id") for cell in cells}
    if len(ids & _exercises(chapter)) > len(_exercises(chapter)) / 2:
        return ""
    made = {name for cell in cells for name in MADE.findall(cell.source)}
    every = [chapter, *chapters(chapter.folder.parent)]
    count = {one.name: len((ids | made) & _exercises(one)) for one in every if one.solved.exists()}
    most = max(count, key=count.get)  # the first of equals, which is the right one
    if not count[most]:
        return f"it has no exercise of {chapter.name}"
    return "" if most == chapter.name else f"it is a notebook of {most}, not of {chapter.name}"


@cache
def _exercises(chapter: Chapter) -> set[str]:
    """The grade_ids of what the students of a chapter write."""
    cells = nbformat.read(chapter.solved, as_version=4).cells
    return {nbgrader(cell)["grade_id"] for cell in cells if is_answer(cell)}


# ---- into submitted/


def _place(new: Candidate, target: Path, options: Options, notes: list[str]) -> str:
    """Put it into its folder. Returns what was done; raises Refused if something else is there."""
    if not os.path.lexists(target):
        if not options.dry_run:
            _write(new, target)
        return "collected"
    old, stamp = _read(target), _stamp(target)
    if old == new.files:
        return _same(new, stamp, target, options, notes)
    before, _ = timestamps.parse(stamp)
    if not options.update:
        raise Refused(f"{_short(target)} holds something else: --update replaces it by what is newer")
    if new.when and before and new.when <= before:
        raise Refused(f"{_short(target)} holds what was handed in later, at {before} UTC")
    place = _older(old, target)
    notes.append(f"what was there before is kept in {_short(place)}")
    if not (new.when and before):
        notes.append("which of the two is newer is not known: look at them")
    if not options.dry_run:
        if not place.exists():
            place.parent.mkdir(exist_ok=True)
            target.rename(place)
        _write(new, target)
    return "updated"


def _same(new: Candidate, before: str, target: Path, options: Options, notes: list[str]) -> str:
    """The files are there already; perhaps not the time. before: what timestamp.txt says."""
    if not new.stamp or timestamps.parse(before)[0] == new.when:
        return "unchanged"
    if before and not options.update:
        notes.append(
            f"{STAMP} says {printable(before)}, and the platform {new.stamp}: --update writes the latter"
        )
        return "unchanged"
    if not options.dry_run:
        (target / STAMP).write_text(f"{new.stamp}\n", encoding="utf-8")
    return "time added" if not before else "time updated"


def _write(new: Candidate, target: Path) -> None:
    """All files or none. What is there is replaced: it is kept elsewhere by now."""
    fresh = target.with_name(f".{target.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        for name, content in new.files.items():
            path = fresh / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        if new.stamp:
            (fresh / STAMP).write_text(f"{new.stamp}\n", encoding="utf-8")
        if os.path.lexists(target):
            shutil.rmtree(target)
        fresh.rename(target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _keep(old: Candidate, target: Path, dry_run: bool) -> str:
    """Put it beside the submission, in a folder named by its content. Returns where."""
    place = _older(old.files, target)
    if not dry_run and not place.exists():
        _write(old, place)
    return _short(place)


def _older(files: dict[str, bytes], target: Path) -> Path:
    """Where these files of an older submission are kept."""
    return target.with_name(target.name + OLDER) / digest(files)[:8]


def _short(path: Path) -> str:
    """A path from submitted/ on, for sentences."""
    return "/".join(path.parts[-4 if OLDER in path.parent.name else -3 :])


def _stamp_of(when: datetime | None) -> str:
    """A time in UTC, as timestamp.txt has it; empty if it is not known."""
    return f"{when:%Y-%m-%d %H:%M:%S} UTC" if when else ""


def _stamp(folder: Path) -> str:
    path = folder / STAMP
    return path.read_text(encoding="utf-8", errors="replace").strip() if path.is_file() else ""


def _read(folder: Path) -> dict[str, bytes]:
    """What was handed in, the time left out."""
    entries, _ = uploads.folder_entries(folder)
    files, _ = files_of(entries, 2 * LIMIT)
    return {name: content for name, content in files.items() if name != STAMP}


# ---- saying it


def _width(text: str) -> int:
    """How many columns a text takes: a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def told(summary: Summary, assignment: str, dry_run: bool) -> Iterator[str]:
    """The table, what was not taken, and a line that counts, for people."""
    yield f"{summary.platform[0].upper()}{summary.platform[1:]}; times are UTC."
    rows = [(one.student, one.who, one.handed_in, one.what) for one in summary.outcomes]
    rows = [tuple(map(printable, row)) for row in rows]
    heads = ("student", "as uploaded", "handed in", "result")
    widths = [max(_width(row[k]) for row in [heads, *rows]) for k in range(4)]
    for place, row in enumerate([heads, *rows] if rows else []):
        padded = [text + " " * (width - _width(text)) for text, width in zip(row, widths, strict=True)]
        yield "  ".join(padded).rstrip()
        if place:
            yield from (f"    {note}" for note in summary.outcomes[place - 1].notes)
    if any(NO_TIME in one.handed_in and one.what != NOT_TAKEN for one in summary.outcomes):
        yield "Without a time, a submission counts as handed in on time: --times gives the times."
    if summary.refused:
        yield "Not taken:"
        yield from (f"    {printable(path)}: {why}" for path, why in sorted(summary.refused.items()))
    count = Counter(one.what for one in summary.outcomes if one.what != NOT_TAKEN)
    parts = [f"{number} {what}" for what, number in count.items()]
    if summary.refused:
        number = len(summary.refused)
        parts.append(f"{number} {'files' if number > 1 else 'file'} {NOT_TAKEN}")
    yield f"{assignment}: {', '.join(parts)}" + (" (a dry run: nothing was written)" if dry_run else "")
