"""What is known about graded submissions: the marks in the gradebook, and what the notebooks hold."""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
)
from sqlalchemy import func, inspect, select
from sqlalchemy.orm import Session

from course_format import record
from course_format.cells import is_answer, nbgrader
from course_format.exercises import Exercise
from course_format.record import Record
from course_grader.course import Course, GraderError
from course_grader.gradebook.connection import explained, gradebook_engine, select_cells


@dataclass(frozen=True)
class Mark:
    """What the gradebook says about one graded cell."""

    points: float
    auto: float | None
    manual: float | None
    extra: float | None

    @property
    def marked(self) -> bool:
        """Whether there are points, given by the checks or by a person."""
        return self.auto is not None or self.manual is not None

    @property
    def score(self) -> float:
        """The points as nbgrader counts them: a person's come before those of the checks."""
        given = self.manual if self.manual is not None else self.auto
        return 0.0 if given is None else given + (self.extra or 0.0)


@dataclass(frozen=True)
class GradedSubmission:
    """One submission that is in the gradebook.

    key: a random id that says nothing about the student. cells: those of nbgrader, by grade_id. own: all code
    that the student wrote. reason, flags, seconds: as the grader noted them in the notebook.
    """

    student: str
    first_name: str
    last_name: str
    email: str
    key: str
    penalty: float
    marks: dict[str, Mark]
    comments: dict[str, str]
    cells: dict[str, NotebookNode] = field(default_factory=dict)
    own: str = ""
    reason: str = ""
    flags: tuple[str, ...] = ()
    seconds: float | None = None

    @property
    def label(self) -> str:
        """The student's name, if the gradebook has it, and id."""
        name = f"{self.first_name} {self.last_name}".strip()
        return f"{name} ({self.student})" if name else self.student

    @property
    def score(self) -> float:
        """All points less the late penalty, never below 0."""
        return max(0.0, math.fsum(mark.score for mark in self.marks.values()) - self.penalty)

    @property
    def points(self) -> float:
        return math.fsum(mark.points for mark in self.marks.values())

    def source(self, grade_id: str) -> str:
        """The source of a cell; empty if there is no such cell."""
        cell = self.cells.get(grade_id)
        return cell.source if cell is not None else ""

    def outputs(self, grade_id: str) -> list[NotebookNode]:
        return self.cells[grade_id].get("outputs", []) if grade_id in self.cells else []

    def records(self, exercise: Exercise) -> list[Record]:
        """The records of an exercise's cases in their order, without any that are not as they should be."""
        return record.read(self.outputs(exercise.grade_id))


def state(mark: Mark | None, records: Sequence[Record]) -> str:
    """How an exercise went: "waiting" for a person, "not done", "full" points, "part" of them or "none"."""
    if mark is None or not mark.marked:
        return "waiting"
    if mark.score == 0 and not_done(records):
        return "not done"
    if mark.score >= mark.points:
        return "full"
    return "part" if mark.score > 0 else "none"


def not_done(records: Sequence[Record]) -> bool:
    """Whether an exercise was left as it was handed out. The hidden cases of claim cards then just fail."""
    visible = [one for one in records if not one.hidden] or records
    return bool(visible) and all(one.status == "not done" for one in visible)


@contextmanager
def reading_gradebook(course: Course) -> Iterator[Session]:
    """The gradebook of a course, to be read.

    Raises GraderError if there is none (nbgrader would make one), or the database fails while it is read.
    """
    engine = gradebook_engine(course.db_url, first="course-grader grade")
    try:
        with explained(engine):
            if not inspect(engine).has_table(Assignment.__tablename__):
                raise GraderError(f"there is no gradebook {engine.url} yet: run `course-grader grade` first")
            with Session(engine) as session:
                yield session
    finally:
        engine.dispose()


def read_submissions(
    course: Course, assignment: str, students: Sequence[str] | None = None
) -> Iterator[GradedSubmission]:
    """The graded submissions of these students, or of everyone, by student id; read one by one.

    Raises GraderError if nobody was graded, or one of these students was not.
    """
    return with_notebooks(course, assignment, graded_submissions(course, assignment, students))


def graded_submissions(
    course: Course, assignment: str, students: Sequence[str] | None = None
) -> list[GradedSubmission]:
    """The same without what is in their notebooks, so that a class of any size can be held."""
    with reading_gradebook(course) as session:
        found = {submission.student: submission for submission in _from_gradebook(session, assignment)}
    again = f"run `course-grader grade {assignment}` first"
    if not found:
        raise GraderError(f"nobody is graded for {assignment}: {again}")
    for student in students or ():
        if student not in found:
            raise GraderError(f"{student} is not graded for {assignment}: {again}")
    return [found[student] for student in sorted(found if students is None else dict.fromkeys(students))]


def with_notebooks(
    course: Course, assignment: str, submissions: Sequence[GradedSubmission]
) -> Iterator[GradedSubmission]:
    """Graded submissions with what is in their notebooks, read one by one."""
    name = course.chapter(assignment).stem
    for one in submissions:
        yield _with_notebook(one, course.path("autograded", one.student, assignment) / f"{name}.ipynb")


def _from_gradebook(session: Session, assignment: str) -> list[GradedSubmission]:
    """What the gradebook knows, in a few queries for the whole class."""
    row = session.query(Assignment).filter(Assignment.name == assignment).one_or_none()
    if row is None:
        return []
    cells = [cell for notebook in row.notebooks for cell in [*notebook.grade_cells, *notebook.task_cells]]
    points = {cell.name: cell.max_score for cell in cells}
    marks, comments = defaultdict(dict), defaultdict(dict)
    scores = Grade.auto_score, Grade.manual_score, Grade.extra_credit
    for key, name, *values in session.execute(select_cells(assignment, Grade, *_CELL, *scores)):
        marks[key][name] = Mark(points.get(name, 0.0), *values)
    words = select_cells(assignment, Comment, *_CELL, Comment.manual_comment)
    for key, name, comment in session.execute(words.where(Comment.manual_comment != "")):
        comments[key][name] = comment
    person = Student.id, Student.first_name, Student.last_name, Student.email
    people = (
        select(SubmittedAssignment.id, func.sum(SubmittedNotebook.late_submission_penalty), *person)
        .join(Student, Student.id == SubmittedAssignment.student_id)
        .outerjoin(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        .where(SubmittedAssignment.assignment_id == row.id)
        .group_by(SubmittedAssignment.id, *person)
    )
    return [
        GradedSubmission(*(text or "" for text in texts), key, penalty or 0.0, marks[key], comments[key])
        for key, penalty, *texts in session.execute(people)
    ]


_CELL = SubmittedAssignment.id, BaseCell.name


def _with_notebook(submission: GradedSubmission, path: Path) -> GradedSubmission:
    try:
        notebook = nbformat.v4.reads(path.read_text(encoding="utf-8"))
        cells = {nbgrader(cell)["grade_id"]: cell for cell in notebook.cells if nbgrader(cell)}
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        again = f"course-grader grade --student {submission.student} --force"
        raise GraderError(f"cannot read {path}: grade again with `{again}`") from error
    notes = notebook.metadata.get("course_grader", {})
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    own = "\n".join(cell.source for cell in code if is_answer(cell) or not nbgrader(cell))
    return replace(
        submission,
        cells=cells,
        own=own,
        reason=notes.get("reason", ""),
        flags=tuple(notes.get("flags", ())),
        seconds=notes.get("seconds"),
    )
