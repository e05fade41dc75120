"""What lateness costs, by today's gradebook and policy: both may change after a submission was graded."""

from collections.abc import Collection
from dataclasses import dataclass

from nbgrader.api import Assignment, Grade, SubmittedAssignment, SubmittedNotebook
from nbgrader.preprocessors import AssignLatePenalties
from sqlalchemy import Select, func, or_, select, text, true
from sqlalchemy.orm import Session, contains_eager
from sqlalchemy.orm.attributes import set_committed_value
from traitlets.config import Config

from course_grader.course import Course
from course_grader.gradebook.connection import LOCK, explained
from course_grader.gradebook.read import reading_gradebook
from course_grader.job import GraderError


class CannotWrite(GraderError):
    """The gradebook can be read, and cannot be written to."""


@dataclass(frozen=True)
class Renewed:
    """A submission whose late penalty has changed. points: what lateness costs now."""

    assignment: str
    student: str
    points: float

    @property
    def sentence(self) -> str:
        return f"{self.student}: now {self.points:g} points off for being late; nothing else has changed"


class LatePenalties:
    """The policy for late work, as nbgrader's settings choose it."""

    def __init__(self, config: Config) -> None:
        self._step = AssignLatePenalties(config=config)
        self._step.init_plugin()

    def penalty(self, notebook: SubmittedNotebook) -> float | None:
        """The points to take off; None if it is not late, or lateness costs nothing.

        As AssignLatePenalties.preprocess, which would open the gradebook itself.
        """
        submission = notebook.assignment
        # nbgrader cannot add an extension to a due date that is not there.
        late = submission.total_seconds_late if submission.assignment.duedate else 0
        if late <= 0:
            return None
        found = self._step.plugin_inst.late_submission_penalty(submission.student_id, notebook.score, late)
        return None if found is None else self._step._check_late_penalty(notebook, found)

    def renew(self, session: Session, assignments: Collection[str] | None) -> list[Renewed]:
        """Set the penalties that are not as they should be."""
        renewed = []
        for notebook, score in session.execute(_late(assignments)).all():
            set_committed_value(notebook, "score", score)  # a query for each one would scan all grades
            before, after = notebook.late_submission_penalty, self.penalty(notebook)
            notebook.late_submission_penalty = after
            if (after or 0.0) != (before or 0.0):
                submission = notebook.assignment
                renewed.append(Renewed(submission.assignment.name, submission.student_id, after or 0.0))
        return renewed


def renew_penalties(course: Course, assignments: Collection[str] | None) -> list[Renewed]:
    """Work out anew what lateness costs in these assignments; None means in all.

    Unless something has changed, nothing is written, and nobody waited for. Raises CannotWrite if something
    has and we cannot, GraderError if there is no gradebook or it cannot be read.
    """
    late = LatePenalties(course.config)
    with reading_gradebook(course) as session:
        with session.no_autoflush:
            renewed = late.renew(session, assignments)
        session.rollback()
        if not renewed:
            return []
        try:
            with explained(session.bind), Session(session.bind) as writing, writing.begin():
                writing.execute(text(LOCK[session.bind.dialect.name]))
                return late.renew(writing, assignments)
        except GraderError as error:
            whose = ", ".join(f"{one.student} in {one.assignment}" for one in renewed)
            raise CannotWrite(
                f"what lateness costs has changed for {whose}, and stays as it was at the last "
                f"`course-grader grade`: {error}"
            ) from error


def _late(assignments: Collection[str] | None) -> Select:
    """The notebooks that were handed in after the due date, or have a penalty; and their points."""
    penalty = SubmittedNotebook.late_submission_penalty
    touched = or_(SubmittedAssignment.timestamp > Assignment.duedate, penalty.is_not(None))
    wanted = true() if assignments is None else Assignment.name.in_(assignments)
    of_notebook = contains_eager(SubmittedNotebook.assignment)
    return (
        select(SubmittedNotebook, func.coalesce(func.sum(Grade.score), 0.0))
        .join(SubmittedNotebook.assignment)
        .join(SubmittedAssignment.assignment)
        .outerjoin(Grade, Grade.notebook_id == SubmittedNotebook.id)
        .where(wanted, touched)
        .group_by(SubmittedNotebook.id, SubmittedAssignment.id, Assignment.id)
        .order_by(Assignment.name, SubmittedAssignment.student_id)
        .options(of_notebook.contains_eager(SubmittedAssignment.assignment))
    )
