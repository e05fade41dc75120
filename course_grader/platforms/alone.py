"""Grades one submission by itself, without a gradebook and a class: what became of every case, in words.

Nothing in it shows a hidden test: it is meant for students' eyes.
"""

import copy
import math
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course_format import record
from course_format.cells import FRAME, cases, is_test, is_written, nbgrader, tags, visible
from course_format.chapter import fingerprint
from course_format.exercises import Exercise, exercises, titled
from course_format.record import Record
from course_grader.course import Course, read_chapter
from course_grader.handed_in.assemble import prepare
from course_grader.job import LIMITS, GraderError, Job, Limits
from course_grader.pages.leaks import Secrets, secrets_of
from course_grader.run.client import ForkServer
from course_grader.run.engine import grade

NOT_RUN = "not run"  # the status of a case that left no record
FIRST_USER, LAST_USER = 20_000, 2**31 - 2  # the numbers of users without names
TWO_USERS = "the sandbox does not start here: the notebook runs as a user without rights"
NO_SANDBOX = "the sandbox does not start here: the notebook runs as you, beside your files"


@dataclass(frozen=True)
class Checks:
    """A chapter as submissions are graded against it: with its tests and without solutions.

    name: of its notebook, without .ipynb. notebook: as JSON text. hidden: whether the hidden tests are in it.
    """

    assignment: str
    name: str
    notebook: str
    version: str
    hidden: bool


@dataclass(frozen=True)
class Outcome(Record):
    """What became of one case: its record, or NOT_RUN. number: such as "1.2.3", exercise 1.2, third case."""

    number: str
    title: str  # of the exercise


@dataclass(frozen=True)
class Question:
    """A written question, which a person marks."""

    number: str
    exercise: str
    title: str
    points: float
    answered: bool


@dataclass(frozen=True)
class Report:
    """What became of a submission. notes: sentences for its author. flags: signs for the instructor."""

    outcomes: list[Outcome]
    questions: list[Question]
    notes: list[str]
    flags: tuple[str, ...]
    seconds: float

    @property
    def earned(self) -> float:
        return round(math.fsum(one.earned for one in self.outcomes), record.ROUNDING)

    @property
    def points(self) -> float:
        """What all cases are worth; written questions come on top."""
        return round(math.fsum(one.points for one in self.outcomes), record.ROUNDING)

    @property
    def finished(self) -> bool:
        """Whether every case passed, and every question has an answer."""
        passed = all(one.status == "passed" for one in self.outcomes)
        return passed and all(one.answered for one in self.questions)


def from_course(course: Course, assignment: str, hidden: bool = True) -> Checks:
    """The checks of a chapter of a course, the hidden ones if they are wanted. Raises CourseError."""
    chapter = course.chapter(assignment)
    solved = read_chapter(chapter)
    notebook = prepare(solved, course.config)
    if not hidden:
        _leave_out_hidden(notebook)
    return Checks(assignment, chapter.stem, nbformat.writes(notebook), fingerprint(solved), hidden)


def from_release(path: Path) -> Checks:
    """Those in a chapter as students get it. The assignment has the name of its folder.

    Raises OSError or ValueError if the file is no notebook.
    """
    notebook = nbformat.read(path, as_version=4)
    notebook.cells = [cell for cell in notebook.cells if FRAME not in tags(cell)]
    _leave_out_hidden(notebook)
    text, version = nbformat.writes(notebook), fingerprint(notebook)
    return Checks(path.resolve().parent.name, path.stem, text, version, hidden=False)


@contextmanager
def safest_server() -> Iterator[tuple[ForkServer, str]]:
    """A server behind the strongest walls that this machine allows, and a sentence if not in the sandbox."""
    try:
        with ForkServer(sandboxed=True) as server:
            server.ensure()
            yield server, ""
            return
    except GraderError:
        pass
    users = _two_users()
    with ForkServer(sandboxed=False, users=users) as server:
        yield server, TWO_USERS if users else NO_SANDBOX


def _two_users() -> tuple[int, int] | None:
    """Two numbers of users that have no other process; None where this process cannot become them.

    They are drawn by lot: the kernel counts the processes of a user over all containers of a machine.
    """
    with open("/proc/self/uid_map", encoding="ascii") as file:
        first, _, count = map(int, next(file).split())
    end = min(first + count, LAST_USER)
    if os.getuid() != 0 or first > FIRST_USER or end < FIRST_USER + 2:
        return None
    one = FIRST_USER + secrets.randbelow(end - FIRST_USER - 1)
    return one, one + 1


def grade_alone(
    checks: Checks,
    files: dict[str, bytes],
    server: ForkServer,
    *,
    problems: Sequence[str] = (),
    limits: Limits = LIMITS,
) -> Report:
    """Grade what was handed in. problems: sentences about what was left out of the files.

    Raises GraderError if no process can be started; whatever the submission does, there is a report.
    """
    job = Job(
        assignment=checks.assignment,
        student="",
        name=checks.name,
        chapter=checks.notebook,
        version=checks.version,
        files=files,
        problems=tuple(problems),
        limits=limits,
    )
    result = grade(job, server)
    ran = {nbgrader(cell).get("grade_id"): cell for cell in nbformat.reads(result.notebook, 4).cells}
    reader = _Reader(checks, ran)
    touched = {name for name, score in result.scores.items() if score is None} - result.unanswered
    return Report(
        outcomes=list(reader.outcomes()),
        questions=list(reader.questions(touched)),
        notes=[reader.note(line) for line in result.reason.splitlines()],
        flags=result.flags,
        seconds=result.seconds,
    )


def without_run(checks: Checks, why: str) -> Report:
    """The report on a submission that could not be run: every case with the reason, and no points."""
    reader = _Reader(checks, {})
    outcomes = [replace(one, message=why) for one in reader.outcomes()]
    return Report(outcomes, list(reader.questions(set())), [why], (), 0.0)


class _Reader:
    """Reads a notebook that ran. ran: grade_id -> its cell."""

    def __init__(self, checks: Checks, ran: dict[str, NotebookNode]) -> None:
        notebook = nbformat.reads(checks.notebook, 4)
        self.ran = ran
        self.cells = {nbgrader(cell)["grade_id"]: cell for cell in notebook.cells if nbgrader(cell)}
        # Markdown is shown as it is in most places.
        self.exercises = [replace(one, title=one.title.replace("`", "")) for one in exercises(notebook)]
        self.secrets = _hidden_tests(notebook)
        own = (cell for cell in ran.values() if cell.cell_type == "code" and not is_test(cell))
        self.own = "\n".join(cell.source for cell in own)

    def outcomes(self) -> Iterator[Outcome]:
        """One for each case of the chapter, in order, whether it ran or not."""
        for place, exercise in enumerate(self.exercises, start=1):
            if not exercise.written:
                yield from self._of_exercise(exercise, _number(exercise, place))

    def questions(self, touched: set[str]) -> Iterator[Question]:
        """The written questions. touched: those whose cell is not as it was handed out."""
        for place, exercise in enumerate(self.exercises, start=1):
            if exercise.written:
                points = nbgrader(self.cells[exercise.name])["points"]
                cell = self.ran[exercise.name] if exercise.name in touched else None
                answered = cell is not None and bool(cell.source.strip() or cell.get("attachments"))
                yield Question(_number(exercise, place), exercise.name, exercise.title, points, answered)

    def note(self, reason: str) -> str:
        """A reason, with the title of its exercise in place of the name of a cell."""
        return self.secrets.hold_back(titled(reason, self.exercises), self.own)

    def _of_exercise(self, exercise: Exercise, number: str) -> Iterator[Outcome]:
        outputs = self.ran[exercise.grade_id].get("outputs", []) if exercise.grade_id in self.ran else []
        records = record.read(outputs)
        for place, case in enumerate(cases(self.cells[exercise.grade_id].source), start=1):
            found = next((one for one in records if one.case == case.case), None)
            if found is None:
                why = _why_not(outputs)
                found = Record(exercise.name, case.case, case.points, 0.0, NOT_RUN, None, why, case.hidden)
            message = self.secrets.hold_back(found.message, self.own)
            where = {"number": f"{number}.{place}", "title": exercise.title}
            yield Outcome(**vars(found) | where | {"message": message})


def _why_not(outputs: list[NotebookNode]) -> str:
    """Why a case of a test cell left no record, as its outputs tell."""
    errors = (output for output in outputs if output.output_type == "error")
    return next((str(error.get("evalue", "")) for error in errors), "") or "this check did not run"


def _hidden_tests(notebook: NotebookNode) -> Secrets:
    """What no text may show. Solutions and model answers are not in the chapter."""
    tests = copy.copy(notebook)
    tests.cells = [cell for cell in notebook.cells if not is_written(cell)]
    return secrets_of(tests)


def _leave_out_hidden(notebook: NotebookNode) -> None:
    """Take the hidden tests out of a chapter, and their points."""
    for cell in filter(is_test, notebook.cells):
        cell.source = visible(cell.source)
        cell.metadata.nbgrader["points"] = math.fsum(case.points for case in cases(cell.source))


def _number(exercise: Exercise, place: int) -> str:
    """That of the heading, `Exercise 1.2: ...`, or the place among the exercises."""
    words = exercise.title.split(":")[0].split()
    return words[1] if words[:1] == ["Exercise"] and len(words) == 2 else str(place)
