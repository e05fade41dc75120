"""What the gradebook takes from the plan of a term: due dates, and what late work costs.

course_format/term.py reads the plan, the file term.toml. nbgrader_config.py takes the policy for late work
from here, for nbgrader and for the grader alike.
"""

import math
from collections.abc import Iterator
from pathlib import Path

from nbgrader.api import MissingEntry
from nbgrader.plugins import LateSubmissionPlugin
from traitlets import Float, Integer
from traitlets.config import Config

from course_format import CourseError
from course_format.term import FILE, Term, read_file
from course_grader.course import Course, open_gradebook

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
        late = read_file(file).get("late") if file.exists() else None
    except CourseError as error:
        raise SystemExit(str(error)) from None
    if late is not None:
        config.AssignLatePenalties.plugin_class = LatePolicy
        config.LatePolicy.update(late)


def policy(term: Term) -> str:
    """What late work costs, in words."""
    if term.late is None:
        return "late work: as nbgrader_config.py says, for term.toml has no [late]; else it costs nothing"
    return LatePolicy(**term.late).sentence()


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
