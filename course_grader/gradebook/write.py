"""Results in nbgrader's gradebook: one transaction for each, and a row of our own that says what was graded.

The tables are nbgrader's and are filled as `nbgrader autograde` fills them. What nbgrader has no place for
(the version of the chapter, the digest of the submission, the reason) is in one more table of the same
database, which nbgrader leaves alone.
"""

from collections import defaultdict
from contextlib import AbstractContextManager
from datetime import UTC, datetime

from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.converters import Autograde
from sqlalchemy import JSON, String, Text, inspect, or_, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedAsDataclass, Session, mapped_column
from sqlalchemy.schema import CreateTable

from course_grader.course import Course, GraderError
from course_grader.gradebook.connection import LOCK, explained, gradebook_engine, select_cells
from course_grader.gradebook.penalties import LatePenalties
from course_grader.job import Job, Result


class _Base(MappedAsDataclass, DeclarativeBase):
    """Of the one table that is not nbgrader's."""


class Graded(_Base):
    """How one submission was graded.

    version: fingerprint of the chapter. digest: hash of what was handed in. reason, flags, scores: as in
    Result. seconds: that it took. graded_at: in UTC.
    """

    __tablename__ = "course_grader_result"

    assignment: Mapped[str] = mapped_column(String(128), primary_key=True)
    student: Mapped[str] = mapped_column(String(128), primary_key=True)
    version: Mapped[str] = mapped_column(String(128))
    digest: Mapped[str] = mapped_column(String(128))
    reason: Mapped[str] = mapped_column(Text)
    flags: Mapped[list[str]] = mapped_column(JSON)
    scores: Mapped[dict[str, float | None]] = mapped_column(JSON)
    seconds: Mapped[float]
    graded_at: Mapped[datetime]

    def answers(self, job: Job) -> bool:
        """Whether grading this job would be the same work again: same chapter, same submission."""
        return (self.version, self.digest) == (job.version, job.digest)


class Recorder(AbstractContextManager):
    """An open gradebook, for a `with` statement; threads may share it."""

    def __init__(self, course: Course) -> None:
        """Raises GraderError if there is no gradebook, or it is of a kind that the grader cannot lock."""
        self._create_student = Autograde(coursedir=course.directory, config=course.config).create_student
        self._late = LatePenalties(course.config)
        self._engine = gradebook_engine(course.db_url)

    def __exit__(self, *_: object) -> None:
        self._engine.dispose()

    def record(self, result: Result) -> float:
        """Write one result, all of it or nothing. Marks and comments of people stay as they are.

        Returns the points that lateness costs. Waits while somebody else writes. Raises GraderError if the
        gradebook cannot be written to, or does not know the assignment as it was graded.
        """
        with explained(self._engine):
            try:
                return self._record(result)
            except IntegrityError:
                # nbgrader itself does not take our lock: it just created the same student or submission.
                return self._record(result)

    def graded(self, assignment: str) -> dict[str, Graded]:
        """student -> what was graded, for the submissions of one assignment.

        A row whose scores are no longer those in the gradebook (nbgrader graded the submission since, or it
        was removed) is left out. Raises GraderError if the gradebook cannot be read.
        """
        with explained(self._engine), Session(self._engine) as session:
            if not inspect(session.connection()).has_table(Graded.__tablename__):
                return {}
            rows = session.scalars(select(Graded).where(Graded.assignment == assignment)).all()
            scores = _auto_scores(session, assignment)
        return {row.student: row for row in rows if row.scores.items() <= scores[row.student].items()}

    def _record(self, result: Result) -> float:
        with Session(self._engine) as session, session.begin():
            session.execute(text(LOCK[self._engine.dialect.name]))
            assignment = _assignment(session, result.assignment)
            student = self._student(session, result.student)
            submission = _submission(session, assignment, student)
            notebook = _notebook(submission, result)
            submission.timestamp = result.timestamp or submission.timestamp
            _set_scores(session, notebook, result)
            _set_comments(session, notebook, result.unanswered)
            notebook.late_submission_penalty = self._late.penalty(notebook)
            _set_row(session, result)
            return notebook.late_submission_penalty or 0.0

    def _student(self, session: Session, name: str) -> Student:
        student = session.get(Student, name)
        if student is None:
            if not self._create_student:
                raise GraderError(
                    f"there is no student {name!r} in the gradebook: run `nbgrader db student add {name}`"
                )
            student = Student(id=name)
            session.add(student)
        return student


def _assignment(session: Session, name: str) -> Assignment:
    if inspect(session.connection()).has_table(Assignment.__tablename__):
        assignment = session.scalar(select(Assignment).where(Assignment.name == name))
        if assignment is not None:
            return assignment
    raise GraderError(f"{name} is not in the gradebook: run `nbgrader generate_assignment {name}` first")


def _submission(session: Session, assignment: Assignment, student: Student) -> SubmittedAssignment:
    """The submission, created as Gradebook.add_submission creates one if it is new."""
    submission = session.scalar(
        select(SubmittedAssignment).where(
            SubmittedAssignment.assignment_id == assignment.id, SubmittedAssignment.student_id == student.id
        )
    )
    if submission is None:
        submission = SubmittedAssignment(assignment_id=assignment.id, student_id=student.id)
        for notebook in assignment.notebooks:
            submitted = SubmittedNotebook(notebook_id=notebook.id, assignment=submission)
            for cell in notebook.grade_cells + notebook.task_cells:
                Grade(cell_id=cell.id, notebook=submitted)
            for cell in notebook.solution_cells + notebook.task_cells:
                Comment(cell_id=cell.id, notebook=submitted)
        session.add(submission)
        session.flush()
    return submission


def _notebook(submission: SubmittedAssignment, result: Result) -> SubmittedNotebook:
    for notebook in submission.notebooks:
        if notebook.name == result.name:
            return notebook
    raise _unlike(result)


def _unlike(result: Result) -> GraderError:
    return GraderError(
        f"{result.assignment} has other exercises in the gradebook than in its chapter: "
        f"run `nbgrader generate_assignment {result.assignment} --force`, then grade again"
    )


def _set_scores(session: Session, notebook: SubmittedNotebook, result: Result) -> None:
    cells = select(BaseCell.name, Grade.id).join(Grade, Grade.cell_id == BaseCell.id)
    cells = cells.where(Grade.notebook_id == notebook.id, BaseCell.type == "GradeCell")
    grades = dict(session.execute(cells).all())
    if grades.keys() != result.scores.keys():
        raise _unlike(result)
    for name, score in result.scores.items():
        # The database looks at the manual score itself: somebody may be marking at this moment.
        manual = or_(Grade.manual_score.is_not(None), score is None)
        session.execute(
            update(Grade.__table__)
            .where(Grade.id == grades[name])
            .values(auto_score=score, needs_manual_grade=manual)
        )


def _set_comments(session: Session, notebook: SubmittedNotebook, unanswered: frozenset[str]) -> None:
    cells = select(Comment.id, BaseCell.name, BaseCell.type).join(BaseCell, Comment.cell_id == BaseCell.id)
    for comment, name, kind in session.execute(cells.where(Comment.notebook_id == notebook.id)):
        empty = kind == "SolutionCell" and name in unanswered
        session.execute(
            update(Comment.__table__)
            .where(Comment.id == comment)
            .values(auto_comment="No response." if empty else None)
        )


def _set_row(session: Session, result: Result) -> None:
    session.execute(CreateTable(Graded.__table__, if_not_exists=True))
    session.merge(
        Graded(
            assignment=result.assignment,
            student=result.student,
            version=result.version,
            digest=result.digest,
            reason=_storable(result.reason),
            flags=list(result.flags),
            scores=result.scores,
            seconds=result.seconds,
            graded_at=datetime.now(UTC).replace(tzinfo=None),
        )
    )


def _storable(words: str) -> str:
    """Text without what a database refuses: a reason may quote a submission."""
    return words.encode("utf-8", "replace").decode("utf-8").replace("\0", "?")


def _auto_scores(session: Session, assignment: str) -> dict[str, dict[str, float | None]]:
    """student -> grade_id -> points from the autograder."""
    columns = SubmittedAssignment.student_id, BaseCell.name, Grade.auto_score
    scores: defaultdict[str, dict[str, float | None]] = defaultdict(dict)
    for student, name, score in session.execute(select_cells(assignment, Grade, *columns)):
        scores[student][name] = score
    return scores
