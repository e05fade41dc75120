"""The class report: one HTML page that shows an instructor what the class did not understand."""

import math
import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat

from course_grader import pages
from course_grader.copies import Answer, Pair, alike
from course_grader.course import Course
from course_grader.marked import Exercise, Marked, Record, exercises, not_done, read_marked

HARD = 0.8  # an exercise that earned a smaller share of its points stands at the top of the page
MOST_HARD, MOST_CASES, MOST_MISTAKES, MOST_SLOW, MOST_PAIRS = 3, 12, 15, 10, 15
LONGEST_EXAMPLE = 400  # characters
LONGEST_COPY = 4_000
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
    class_ = list(read_marked(course, assignment))
    report = _Report(class_, exercises(solved), anonymous)
    solutions = {
        cell.metadata["nbgrader"]["grade_id"]: cell.source
        for cell in solved.cells
        if "nbgrader" in cell.metadata
    }
    title = solved.metadata.get("course", {}).get("title", assignment)
    page = report.render(title=title, assignment=assignment, solutions=solutions)
    return pages.write_atomically(course.folder / "reports" / f"{assignment}.html", page)


class _Report:
    def __init__(self, class_: Sequence[Marked], all_exercises: Sequence[Exercise], anonymous: bool):
        self.class_, self.exercises, self.anonymous = class_, all_exercises, anonymous
        self.name = _numbers(class_) if anonymous else {one.student: one.label for one in class_}
        self.clean = _cleaner(class_) if anonymous else str
        self.records = {one.student: {e.name: one.records(e) for e in all_exercises} for one in class_}

    def render(self, title: str, assignment: str, solutions: dict[str, str]) -> str:
        scores = [one.score for one in self.class_]
        most = max(one.most for one in self.class_)
        how = self.how_it_went()
        failures = self.failed_cases()
        return pages.render(
            "report.html",
            title=title,
            assignment=assignment,
            anonymous=self.anonymous,
            count=len(self.class_),
            most=most,
            median=statistics.median(scores),
            mean=statistics.fmean(scores),
            low=min(scores),
            high=max(scores),
            unmarked=sum(any(not mark.marked for mark in one.marks.values()) for one in self.class_),
            bars=distribution(scores, most),
            ticks=_ticks(scores, most),
            how=how,
            hard=[(it, _first(failures, it.exercise)) for it in how if _is_hard(it)][:MOST_HARD],
            cases=failures[:MOST_CASES],
            mistakes=self.mistakes()[:MOST_MISTAKES],
            slow=self.slowest(),
            troubled=self.notes(lambda one: one.reason.splitlines()),
            flagged=self.notes(lambda one: one.flags),
            pairs=self.pairs(solutions),
            short=self.short,
            copied=lambda text: self.short(text.strip("\n"), LONGEST_COPY),
            titles={exercise.name: exercise.title for exercise in self.exercises},
        )

    def short(self, text: str, longest: int = LONGEST_EXAMPLE) -> str:
        """The beginning of a student's text, without names if need be: not even a part of one at the cut."""
        return pages.cut(self.clean(text[: 2 * longest]), longest)

    def how_it_went(self) -> list[HowItWent]:
        """All exercises, the hardest first."""
        found = [self._one(exercise) for exercise in self.exercises]
        return sorted(found, key=lambda it: math.inf if it.share is None else it.share)

    def _one(self, exercise: Exercise) -> HowItWent:
        states: Counter[str] = Counter()
        earned = offered = most = 0.0
        for one in self.class_:
            mark = one.marks.get(exercise.grade_id)
            if mark is None:
                continue
            most = mark.most
            states[self._state(one, exercise)] += 1
            if mark.marked:
                earned, offered = earned + mark.score, offered + mark.most
        counts = {name: states[name] for name in ("full", "part", "none", "undone", "unmarked")}
        return HowItWent(exercise, most, share=earned / offered if offered else None, **counts)

    def _state(self, one: Marked, exercise: Exercise) -> str:
        mark, records = one.marks[exercise.grade_id], self.records[one.student][exercise.name]
        if not mark.marked:
            return "unmarked"
        if mark.score >= mark.most:
            return "full"
        if mark.score > 0:
            return "part"
        return "undone" if not_done(records) else "none"

    def failed_cases(self) -> list[Failure]:
        """Per case, who tried and failed; the largest share first."""
        failed, tried = defaultdict(list), Counter()
        for one, exercise, records in self._tried():
            for record in records:
                tried[exercise.name, record.case] += 1
                if record.status != "passed":
                    failed[exercise.name, record.case].append((one, record))
        return self._failures(failed, tried)

    def mistakes(self) -> list[Failure]:
        """Per exercise and known mistake, who made it, in one case or in several; the most frequent first."""
        made, tried = defaultdict(dict), Counter()
        for one, exercise, records in self._tried():
            tried[exercise.name] += 1
            for record in records:
                if record.mistake:
                    made[exercise.name, record.mistake].setdefault(one.student, (one, record))
        failures = self._failures(
            {key: list(found.values()) for key, found in made.items()},
            {key: tried[key[0]] for key in made},
        )
        return sorted(failures, key=lambda failure: -len(failure.students))

    def _failures(self, failed: dict, tried: dict) -> list[Failure]:
        by_name = {exercise.name: exercise for exercise in self.exercises}
        found = [
            Failure(
                exercise=by_name[key[0]],
                case=records[0][1].case,
                hidden=records[0][1].hidden,
                example=_most_common([record.message for _, record in records]),
                students=tuple(sorted(self.name[one.student] for one, _ in records)),
                tried=tried[key],
            )
            for key, records in failed.items()
        ]
        return sorted(found, key=lambda failure: (-failure.share, -failure.tried))

    def _tried(self) -> Iterable[tuple[Marked, Exercise, list[Record]]]:
        """Everyone's records of every exercise that was not left as it was handed out."""
        for one in self.class_:
            for exercise in self.exercises:
                records = self.records[one.student][exercise.name]
                if records and not not_done(records):
                    yield one, exercise, records

    def slowest(self) -> list[tuple[str, float]]:
        """Students and the seconds that their submissions took; none if nobody measured them."""
        measured = [(self.name[one.student], one.seconds) for one in self.class_ if one.seconds is not None]
        return sorted(measured, key=lambda pair: (-pair[1], pair[0]))[:MOST_SLOW]

    def notes(self, of: Callable[[Marked], Sequence[str]]) -> list[tuple[str, float, list[str]]]:
        """Students about whom there is something to say: (name, score, sentences)."""
        found = [
            (
                self.name[one.student],
                one.score,
                [self.short(text) for text in of(one)],
            )
            for one in self.class_
            if of(one)
        ]
        return sorted(found)

    def pairs(self, solutions: dict[str, str]) -> list[Pair]:
        """Pairs of students whose answers look copied, under the names of this report."""
        answers = [
            Answer(self.name[one.student], exercise.name, source, right=mark.score >= mark.most)
            for one in self.class_
            for exercise in self.exercises
            if not exercise.written
            and (source := one.source(exercise.name))
            and (mark := one.marks.get(exercise.grade_id)) is not None
            and self._state(one, exercise) != "undone"
        ]
        return alike(answers, solutions)[:MOST_PAIRS]


def distribution(scores: Sequence[float], most: float) -> list[Bar]:
    """How many students have how many points, in about BINS bars of whole points; none without points."""
    if most <= 0:
        return []
    width = max(1, math.ceil(most / BINS))
    bars = math.ceil(most / width)
    counts = Counter(min(int(score // width), bars - 1) for score in scores)
    return [Bar(i * width, min((i + 1) * width, most), counts[i]) for i in range(bars)]


def _ticks(scores: Sequence[float], most: float) -> list[int]:
    """Four or five whole numbers for the axis that counts students, the last at or above the highest bar."""
    top = max((bar.count for bar in distribution(scores, most)), default=0)
    step = max(1, math.ceil(top / 4))
    return list(range(0, step * math.ceil(top / step) + 1, step))


def _is_hard(it: HowItWent) -> bool:
    return it.share is not None and it.share < HARD


def _first(failures: list[Failure], exercise: Exercise) -> Failure | None:
    return next((failure for failure in failures if failure.exercise == exercise), None)


def _most_common(messages: list[str]) -> str:
    return Counter(messages).most_common(1)[0][0]


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
    longest_first = sorted(names, key=lambda name: (-len(name), name))
    # A word ends where the letters end: s01 is found in /home/s01_old, and not in class01.
    pattern = "|".join(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])" for name in longest_first)
    found = re.compile(pattern or r"(?!)", re.IGNORECASE)
    return lambda text: found.sub("[name]", text)
