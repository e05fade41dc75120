"""The class report: one HTML page that shows an instructor what the class did not understand."""

import math
import re
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat

from course_format.cells import nbgrader
from course_format.exercises import Exercise, exercises
from course_format.record import Record
from course_grader.course import Course
from course_grader.files import write_atomically
from course_grader.gradebook.read import (
    GradedSubmission,
    Mark,
    graded_submissions,
    not_done,
    state,
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
    submissions = graded_submissions(course, assignment)
    report = _Report(submissions, exercises(solved), anonymous)
    solutions = {nbgrader(cell)["grade_id"]: cell.source for cell in solved.cells if nbgrader(cell)}
    answers = report.read(with_notebooks(course, assignment, submissions))
    pairs = alike(answers, solutions, most=MOST_PAIRS)
    title = solved.metadata.get("course", {}).get("title", assignment)
    page = report.render(title=title, assignment=assignment, pairs=pairs)
    return write_atomically(course.folder / "reports" / f"{assignment}.html", page)


class HowItWent:
    """One exercise over the whole class. states: how many students are in each, as gradebook.read says."""

    def __init__(self, exercise: Exercise) -> None:
        self.exercise = exercise
        self.states: Counter[str] = Counter()
        self.earned = self.offered = self.points = 0.0
        self.run: Counter[str] = Counter()  # cases, by who did not leave the exercise as it was handed out
        self.failing: dict[str, Failure] = {}
        self.mistakes: dict[str, Failure] = {}

    def add(self, name: str, mark: Mark | None, records: list[Record]) -> None:
        """One student more."""
        if mark is not None:
            self.points = mark.points
            self.states[state(mark, records)] += 1
            if mark.marked:
                self.earned, self.offered = self.earned + mark.score, self.offered + mark.points
        if not_done(records):
            return
        mistakes: dict[str, Record] = {}
        for record in records:
            self.run[record.case] += 1
            if record.status != "passed":
                self.failing.setdefault(record.case, Failure(self, record)).add(name, record)
            if record.mistake:
                mistakes.setdefault(record.mistake, record)
        for mistake, record in mistakes.items():
            self.mistakes.setdefault(mistake, Failure(self, record)).add(name, record)

    @property
    def share(self) -> float | None:
        """The share of the points that was earned by those who are marked; None if nobody is."""
        return self.earned / self.offered if self.offered else None

    @property
    def is_hard(self) -> bool:
        """Whether the class earned little; of a written answer only once half of them are marked."""
        waiting = self.states["waiting"]
        return self.share is not None and self.share < HARD and waiting <= self.states.total() - waiting


class Failure:
    """A case, or a known mistake, and the students who failed. told: what they were told, and how many."""

    def __init__(self, how: HowItWent, record: Record) -> None:
        self.how, self.case, self.hidden = how, record.case, record.hidden
        self.students: list[str] = []
        self.told: Counter[str] = Counter()

    def add(self, name: str, record: Record) -> None:
        """One student more."""
        self.students.append(name)
        self.told[record.message[:LONGEST_KEPT]] += 1

    @property
    def tried(self) -> int:
        return self.how.run[self.case]

    @property
    def share(self) -> float:
        return len(self.students) / self.tried

    @property
    def example(self) -> str:
        """What most of them were told."""
        return self.told.most_common(1)[0][0]


class _Report:
    """Adds up a class while its notebooks are read, one after the other: no two are in memory at a time."""

    def __init__(self, submissions: Sequence[GradedSubmission], found: Sequence[Exercise], anonymous: bool):
        self.anonymous = anonymous
        self.name = _numbers(submissions) if anonymous else {one.student: one.label for one in submissions}
        self.clean = _cleaner(submissions) if anonymous else str
        self.exercises = [HowItWent(exercise) for exercise in found]
        self.scores = [one.score for one in submissions]
        self.points = max(one.points for one in submissions)
        self.unmarked = sum(any(not mark.marked for mark in one.marks.values()) for one in submissions)
        self.measured: list[tuple[str, float]] = []  # students and the seconds that their submissions took
        self.troubled: list[tuple[int, str, float, list[str]]] = []  # how urgent, name, score, sentences
        self.flagged: list[tuple[str, float, list[str]]] = []

    def read(self, submissions: Iterable[GradedSubmission]) -> Iterator[Answer]:
        """Take in all submissions. Yields the answers that may look like another one."""
        for one in submissions:
            name = self.name[one.student]
            if one.seconds is not None:
                self.measured.append((name, one.seconds))
            if one.reason:
                reasons = [self.short(reason) for reason in one.reason.splitlines()]
                self.troubled.append((_urgency(one), name, one.score, reasons))
            if one.flags:
                self.flagged.append((name, one.score, [self.short(flag) for flag in one.flags]))
            for how in self.exercises:
                exercise = how.exercise
                records, mark = one.records(exercise), one.marks.get(exercise.grade_id)
                how.add(name, mark, records)
                source = "" if exercise.written or mark is None else one.source(exercise.name)
                if source and state(mark, records) != "not done":
                    yield Answer(name, exercise.name, source, right=mark.score >= mark.points)

    def render(self, title: str, assignment: str, pairs: list[Pair]) -> str:
        """The page, when all submissions have been read."""
        hardest_first = sorted(self.exercises, key=lambda it: math.inf if it.share is None else it.share)
        failures = [failure for it in self.exercises for failure in it.failing.values()]
        failures.sort(key=lambda failure: (-failure.share, -failure.tried))
        first = {failure.how: failure for failure in reversed(failures)}
        mistakes = [mistake for it in self.exercises for mistake in it.mistakes.values()]
        mistakes.sort(key=lambda mistake: (-len(mistake.students), mistake.tried))
        bars = distribution(self.scores, self.points)
        return html.render(
            "report.html",
            title=title,
            assignment=assignment,
            anonymous=self.anonymous,
            count=len(self.scores),
            points=self.points,
            median=statistics.median(self.scores),
            mean=statistics.fmean(self.scores),
            low=min(self.scores),
            high=max(self.scores),
            unmarked=self.unmarked,
            bars=bars,
            ticks=_ticks(bars),
            how=hardest_first,
            hard=[(it, first.get(it)) for it in hardest_first if it.is_hard][:MOST_HARD],
            cases=failures[:MOST_CASES],
            mistakes=mistakes[:MOST_MISTAKES],
            slow=sorted(self.measured, key=lambda pair: (-pair[1], pair[0]))[:MOST_SLOW],
            troubled=sorted(self.troubled),
            urgencies=URGENCIES,
            flagged=sorted(self.flagged),
            pairs=pairs,
            short=self.short,
            copied=lambda text: self.short(text.strip("\n"), LONGEST_COPY),
            titles={it.exercise.name: it.exercise.title for it in self.exercises},
        )

    def short(self, text: str, longest: int = LONGEST_EXAMPLE) -> str:
        """The beginning of a student's text, without names if need be: not even a part of one at the cut."""
        return html.cut(self.clean(text[: 2 * longest]), longest)


def _urgency(one: GradedSubmission) -> int:
    """Whom to look at first: a place in URGENCIES."""
    if any(words in one.reason for words in ASKING):
        return 0
    lost = any(mark.auto is not None and mark.auto < mark.points for mark in one.marks.values())
    return 1 if lost else 2


def distribution(scores: Sequence[float], points: float) -> list[Bar]:
    """How many students have how many points, in about BINS bars of whole points; none without points."""
    if points <= 0:
        return []
    width = max(1, math.ceil(points / BINS))
    bars = math.ceil(points / width)
    counts = Counter(min(int(score // width), bars - 1) for score in scores)
    return [Bar(i * width, min((i + 1) * width, points), counts[i]) for i in range(bars)]


def _ticks(bars: list[Bar]) -> list[int]:
    """Four or five whole numbers for the axis that counts students, the last at or above the highest bar."""
    top = max((bar.count for bar in bars), default=0)
    step = max(1, math.ceil(top / 4))
    return list(range(0, step * math.ceil(top / step) + 1, step))


def _numbers(submissions: Sequence[GradedSubmission]) -> dict[str, str]:
    """Student ids -> pseudonyms, in the order of the random keys that the gradebook gave the submissions."""
    digits = len(str(len(submissions)))
    in_order = sorted(submissions, key=lambda one: one.key)
    return {one.student: f"Student {number:0{digits}}" for number, one in enumerate(in_order, start=1)}


def _cleaner(submissions: Sequence[GradedSubmission]) -> Callable[[str], str]:
    """A function that puts a note in place of each name of this class that is in a text as whole words.

    A word ends where the letters end: s01 is found in /home/s01_old, and not in class01. One pattern of all
    names would take a class of thousands for ever.
    """
    names = {
        name.lower()
        for one in submissions
        for name in (one.student, one.first_name, one.last_name, one.email, one.email.split("@")[0])
        if len(name) >= (5 if name.isdigit() else 2)
    }
    lengths = sorted({len(name) for name in names}, reverse=True)

    def clean(text: str) -> str:
        lower, kept, place = text.lower(), [], 0
        lower = lower if len(lower) == len(text) else text  # a few letters of some languages grow
        while place < len(text):
            found = (n for n in lengths if lower[place : place + n] in names and _is_whole(text, place, n))
            length = next(found, 0)
            kept.append("[name]" if length else text[place])
            place += length or 1
        return "".join(kept)

    return clean


def _is_whole(text: str, start: int, length: int) -> bool:
    end = start + length
    around = text[start - 1 : start] + text[end : end + 1]
    return end <= len(text) and not re.search(r"[A-Za-z0-9]", around)
