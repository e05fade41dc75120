"""The class report: one HTML page that shows an instructor what the class did not understand."""

import functools
import math
import re
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat

from course_format.cells import nbgrader
from course_grader.course import Course
from course_grader.files import write_atomically
from course_grader.gradebook.read import (
    Exercise,
    Mark,
    Marked,
    Record,
    exercises,
    graded_students,
    not_done,
    with_notebooks,
)
from course_grader.pages import html
from course_grader.pages.copies import Answer, Pair, alike

HARD = 0.8  # an exercise that earned a smaller share of its points stands at the top of the page
MOST_HARD, MOST_CASES, MOST_MISTAKES, MOST_SLOW, MOST_PAIRS = 3, 12, 15, 10, 15
LONGEST_EXAMPLE = 400  # characters
LONGEST_KEPT = 2 * LONGEST_EXAMPLE  # of a message while the class is read
LONGEST_COPY = 4_000
# What is to do about submissions with a reason, the most urgent first; and the words that ask for a person.
URGENCIES = ("decide", "look", "no points lost")
ASKING = ("a person", "timestamp.txt")
BINS = 10


@dataclass(frozen=True)
class HowItWent:
    """One exercise over the whole class. The states count students."""

    exercise: Exercise
    most: float
    share: float | None  # of the points of those who are marked; None if nobody is, or it is worth nothing
    full: int
    part: int
    none: int
    undone: int
    unmarked: int


@dataclass(frozen=True)
class Failure:
    """A case, or a known mistake, and who failed. example: what most of them were told."""

    exercise: Exercise
    case: str
    hidden: bool
    example: str
    students: tuple[str, ...]
    tried: int

    @property
    def share(self) -> float:
        return len(self.students) / self.tried


@dataclass(frozen=True)
class Bar:
    """One bar of the distribution: students with `low` to under `high` points; the last takes all above."""

    low: float
    high: float
    count: int


def write_report(course: Course, assignment: str, anonymous: bool = False) -> Path:
    """Write reports/ASSIGNMENT.html in the course folder and return its path.

    anonymous: students get numbers in an order that says nothing, the same in every report of this gradebook,
    and their names, ids and addresses are taken out of what they wrote (whole words of two letters or more,
    numbers of five digits or more). Raises GraderError if nobody is graded.
    """
    solved = nbformat.read(course.chapter(assignment).solved, as_version=4)
    students = graded_students(course, assignment)
    report = _Report(students, exercises(solved), anonymous)
    solutions = {nbgrader(cell)["grade_id"]: cell.source for cell in solved.cells if nbgrader(cell)}
    submissions = with_notebooks(course, assignment, students)
    pairs = alike(report.read(submissions), solutions, most=MOST_PAIRS)
    title = solved.metadata.get("course", {}).get("title", assignment)
    page = report.render(title=title, assignment=assignment, pairs=pairs)
    return write_atomically(course.folder / "reports" / f"{assignment}.html", page)


class _Failing:
    """A case, or a known mistake: who failed, and what they were told."""

    def __init__(self, exercise: Exercise, record: Record) -> None:
        self.exercise, self.case, self.hidden = exercise, record.case, record.hidden
        self.students: list[str] = []
        self.told: Counter[str] = Counter()

    def add(self, name: str, record: Record) -> None:
        self.students.append(name)
        self.told[record.message[:LONGEST_KEPT]] += 1

    def failure(self, tried: int) -> Failure:
        told = self.told.most_common(1)[0][0]
        return Failure(self.exercise, self.case, self.hidden, told, tuple(sorted(self.students)), tried)


class _Tally:
    """How one exercise went."""

    def __init__(self, exercise: Exercise) -> None:
        self.exercise = exercise
        self.states: Counter[str] = Counter()
        self.earned = self.offered = self.most = 0.0
        self.tried = 0  # by students who did not leave it as it was handed out
        self.run: Counter[str] = Counter()  # cases, by these
        self.failing: dict[str, _Failing] = {}
        self.mistakes: dict[str, _Failing] = {}

    def add(self, name: str, mark: Mark | None, records: list[Record]) -> None:
        """One student more."""
        if mark is not None:
            self.most = mark.most
            self.states[_state(mark, records)] += 1
            if mark.marked:
                self.earned, self.offered = self.earned + mark.score, self.offered + mark.most
        if not records or not_done(records):
            return
        self.tried += 1
        told: set[str] = set()
        for record in records:
            self.run[record.case] += 1
            if record.status != "passed":
                self._fail(self.failing, record.case, name, record)
            if record.mistake and record.mistake not in told:
                told.add(record.mistake)
                self._fail(self.mistakes, record.mistake, name, record)

    def _fail(self, of: dict[str, _Failing], key: str, name: str, record: Record) -> None:
        of.setdefault(key, _Failing(self.exercise, record)).add(name, record)

    @property
    def how(self) -> HowItWent:
        counts = {state: self.states[state] for state in ("full", "part", "none", "undone", "unmarked")}
        share = self.earned / self.offered if self.offered else None
        return HowItWent(self.exercise, self.most, share=share, **counts)


class _Report:
    """Adds up a class while its notebooks are read, one after the other: no two are in memory at a time."""

    def __init__(self, students: Sequence[Marked], all_exercises: Sequence[Exercise], anonymous: bool):
        self.anonymous = anonymous
        self.name = _numbers(students) if anonymous else {one.student: one.label for one in students}
        self.clean = _cleaner(students) if anonymous else str
        self.tallies = [_Tally(exercise) for exercise in all_exercises]
        self.scores = [one.score for one in students]
        self.most = max(one.most for one in students)
        self.unmarked = sum(any(not mark.marked for mark in one.marks.values()) for one in students)
        self.measured: list[tuple[str, float]] = []  # students and the seconds that their submissions took
        self.troubled: list[tuple[int, str, float, list[str]]] = []  # how urgent, name, score, sentences
        self.flagged: list[tuple[str, float, list[str]]] = []

    def read(self, submissions: Iterable[Marked]) -> Iterator[Answer]:
        """Take in all submissions. Yields the answers that may look like another one."""
        for one in submissions:
            name = self.name[one.student]
            if one.seconds is not None:
                self.measured.append((name, one.seconds))
            if one.reason:
                self.troubled.append(
                    (_urgency(one), name, one.score, self._sentences(one.reason.splitlines()))
                )
            if one.flags:
                self.flagged.append((name, one.score, self._sentences(one.flags)))
            for tally in self.tallies:
                exercise = tally.exercise
                records, mark = one.records(exercise), one.marks.get(exercise.grade_id)
                tally.add(name, mark, records)
                source = "" if exercise.written or mark is None else one.source(exercise.name)
                if source and _state(mark, records) != "undone":
                    yield Answer(name, exercise.name, source, right=mark.score >= mark.most)

    def _sentences(self, texts: Iterable[str]) -> list[str]:
        return [self.short(text) for text in texts]

    def render(self, title: str, assignment: str, pairs: list[Pair]) -> str:
        """The page, when all submissions have been read."""
        how = sorted((t.how for t in self.tallies), key=lambda it: math.inf if it.share is None else it.share)
        failures = self._failures((f, t.run[f.case]) for t in self.tallies for f in t.failing.values())
        mistakes = self._failures((f, t.tried) for t in self.tallies for f in t.mistakes.values())
        mistakes.sort(key=lambda failure: -len(failure.students))
        bars = distribution(self.scores, self.most)
        return html.render(
            "report.html",
            title=title,
            assignment=assignment,
            anonymous=self.anonymous,
            count=len(self.scores),
            most=self.most,
            median=statistics.median(self.scores),
            mean=statistics.fmean(self.scores),
            low=min(self.scores),
            high=max(self.scores),
            unmarked=self.unmarked,
            bars=bars,
            ticks=_ticks(bars),
            how=how,
            hard=[(it, _first(failures, it.exercise)) for it in how if _is_hard(it)][:MOST_HARD],
            cases=failures[:MOST_CASES],
            mistakes=mistakes[:MOST_MISTAKES],
            slow=sorted(self.measured, key=lambda pair: (-pair[1], pair[0]))[:MOST_SLOW],
            troubled=sorted(self.troubled),
            urgencies=URGENCIES,
            flagged=sorted(self.flagged),
            pairs=pairs,
            short=self.short,
            copied=lambda text: self.short(text.strip("\n"), LONGEST_COPY),
            titles={tally.exercise.name: tally.exercise.title for tally in self.tallies},
        )

    def short(self, text: str, longest: int = LONGEST_EXAMPLE) -> str:
        """The beginning of a student's text, without names if need be: not even a part of one at the cut."""
        return html.cut(self.clean(text[: 2 * longest]), longest)

    def _failures(self, found: Iterable[tuple[_Failing, int]]) -> list[Failure]:
        """The largest share first."""
        failures = [failing.failure(tried) for failing, tried in found]
        return sorted(failures, key=lambda failure: (-failure.share, -failure.tried))


def _state(mark: Mark, records: list[Record]) -> str:
    if not mark.marked:
        return "unmarked"
    if mark.score >= mark.most:
        return "full"
    if mark.score > 0:
        return "part"
    return "undone" if not_done(records) else "none"


def _urgency(one: Marked) -> int:
    """Whom to look at first: a place in URGENCIES."""
    if any(words in one.reason for words in ASKING):
        return 0
    lost = any(mark.auto is not None and mark.auto < mark.most for mark in one.marks.values())
    return 1 if lost else 2


def distribution(scores: Sequence[float], most: float) -> list[Bar]:
    """How many students have how many points, in about BINS bars of whole points; none without points."""
    if most <= 0:
        return []
    width = max(1, math.ceil(most / BINS))
    bars = math.ceil(most / width)
    counts = Counter(min(int(score // width), bars - 1) for score in scores)
    return [Bar(i * width, min((i + 1) * width, most), counts[i]) for i in range(bars)]


def _ticks(bars: list[Bar]) -> list[int]:
    """Four or five whole numbers for the axis that counts students, the last at or above the highest bar."""
    top = max((bar.count for bar in bars), default=0)
    step = max(1, math.ceil(top / 4))
    return list(range(0, step * math.ceil(top / step) + 1, step))


def _is_hard(it: HowItWent) -> bool:
    """Whether the class earned little; of a written answer only once half of them are marked."""
    marked = it.full + it.part + it.none + it.undone
    return it.share is not None and it.share < HARD and marked >= it.unmarked


def _first(failures: list[Failure], exercise: Exercise) -> Failure | None:
    return next((failure for failure in failures if failure.exercise == exercise), None)


def _numbers(class_: Sequence[Marked]) -> dict[str, str]:
    """Student ids -> pseudonyms, in the order of the random keys that the gradebook gave the submissions."""
    digits = len(str(len(class_)))
    in_order = sorted(class_, key=lambda one: one.key)
    return {one.student: f"Student {number:0{digits}}" for number, one in enumerate(in_order, start=1)}


def _cleaner(class_: Sequence[Marked]) -> Callable[[str], str]:
    """A function that takes everything that names a student of this class out of a text."""
    names = {
        name
        for one in class_
        for name in (one.student, one.first_name, one.last_name, one.email, one.email.split("@")[0])
        if len(name) >= (5 if name.isdigit() else 2)
    }
    return functools.partial(_without, {name.lower() for name in names}, _lengths(names))


def _lengths(names: set[str]) -> list[int]:
    return sorted({len(name) for name in names}, reverse=True)


def _without(names: set[str], lengths: list[int], text: str) -> str:
    """A text with a note in place of each name that is in it as whole words.

    A word ends where the letters end: s01 is found in /home/s01_old, and not in class01. One pattern of all
    names would take a class of thousands for ever.
    """
    lower, kept, place = text.lower(), [], 0
    lower = lower if len(lower) == len(text) else text  # a few letters of some languages grow
    while place < len(text):
        fits = [n for n in lengths if lower[place : place + n] in names and _is_whole(text, place, place + n)]
        kept.append("[name]" if fits else text[place])
        place += fits[0] if fits else 1
    return "".join(kept)


def _is_whole(text: str, start: int, end: int) -> bool:
    around = text[start - 1 : start] + text[end : end + 1]
    return end <= len(text) and not re.search(r"[A-Za-z0-9]", around)
