"""Scores as CSV: nbgrader's own columns, and what Canvas and Moodle import."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from nbgrader.api import Assignment, Grade, Student, SubmittedAssignment, SubmittedNotebook
from sqlalchemy import func
from sqlalchemy.orm import Session

from course_grader.course import Course, GraderError
from course_grader.files import write_atomically
from course_grader.gradebook.read import reading_gradebook

Format = Literal["nbgrader", "canvas", "moodle"]

# the columns of `nbgrader export`
COLUMNS = (
    *("assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email"),
    *("raw_score", "late_submission_penalty", "score", "max_score"),
)
# A spreadsheet takes a cell that begins like this for a formula, and runs it.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@dataclass(frozen=True)
class Score:
    """What one student has for one assignment, late penalty not yet taken off."""

    timestamp: datetime | None
    raw: float
    penalty: float

    @property
    def final(self) -> float:
        return max(0.0, self.raw - self.penalty)


@dataclass(frozen=True)
class Grades:
    """All that is exported."""

    assignments: list[Assignment]
    students: list[Student]
    scores: dict[tuple[str, str], Score]  # (assignment's id, student's id)


def export(course: Course, format: Format, to: Path, assignments: Sequence[str] | None = None) -> None:
    """Write the scores of a course as CSV (UTF-8, commas, one header row).

    format:
      "nbgrader" the columns and values of `nbgrader export`: one row per assignment and student, 0 for who
                 handed in nothing. Texts with commas are quoted, which nbgrader forgets.
      "canvas"   for Import in Canvas' gradebook: one row per student, after a row with the points possible.
                 `SIS Login ID` is nbgrader's student id; `ID` and `SIS User ID` stay empty, so that Canvas
                 finds its students by their login. A column with the name of an assignment in Canvas fills
                 that one; Canvas offers to create any other.
      "moodle"   for Grades > Import > CSV file in Moodle: one row per student. Map from `ID number`, which is
                 nbgrader's student id, to the ID number in Moodle (or to the user name, where ids are those),
                 or from `Email address`; then each assignment's column to its grade item.
    In the last two, who handed in nothing has an empty cell. Scores are those of now, late penalties taken
    off: what a person has to mark counts 0 until it is marked.
    to: the file, written as a whole or not at all. assignments: only these; None means all.

    In names, ids and addresses a first character that makes a cell a formula is preceded by an apostrophe.
    Raises GraderError if the gradebook or one of the assignments does not exist.
    """
    if format not in _FORMS:
        raise GraderError(f"there is no export format {format!r}: choose {', '.join(_FORMS)}")
    with reading_gradebook(course) as session:
        rows = list(_FORMS[format](_grades(session, assignments)))
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    write_atomically(to, text.getvalue())


def _nbgrader(grades: Grades) -> Iterator[Sequence[object]]:
    yield COLUMNS
    for assignment in grades.assignments:
        for student in grades.students:
            score = grades.scores.get((assignment.id, student.id), Score(None, 0.0, 0.0))
            yield (
                assignment.name,
                assignment.duedate,
                score.timestamp,
                *_texts(student.id, student.last_name, student.first_name, student.email),
                score.raw,
                score.penalty,
                score.final,
                assignment.max_score,
            )


def _canvas(grades: Grades) -> Iterator[Sequence[object]]:
    names = [assignment.name for assignment in grades.assignments]
    yield "Student", "ID", "SIS User ID", "SIS Login ID", "Section", *names
    yield "    Points Possible", "", "", "", "", *(a.max_score for a in grades.assignments)
    for student in grades.students:
        name = ", ".join(filter(None, [student.last_name, student.first_name])) or student.id
        yield *_texts(name, "", "", student.id), "", *_row(grades, student)


def _moodle(grades: Grades) -> Iterator[Sequence[object]]:
    names = [assignment.name for assignment in grades.assignments]
    yield "First name", "Last name", "ID number", "Email address", *names
    for student in grades.students:
        person = _texts(student.first_name, student.last_name, student.id, student.email)
        yield *person, *_row(grades, student)


_FORMS = {"nbgrader": _nbgrader, "canvas": _canvas, "moodle": _moodle}


def _row(grades: Grades, student: Student) -> Iterator[object]:
    for assignment in grades.assignments:
        score = grades.scores.get((assignment.id, student.id))
        yield None if score is None else round(score.final, 6)


def _grades(session: Session, wanted: Sequence[str] | None) -> Grades:
    # in the order of Gradebook.assignments and Gradebook.students
    assignments = session.query(Assignment).order_by(Assignment.duedate, Assignment.name).all()
    known = sorted(assignment.name for assignment in assignments)
    for name in wanted or ():
        if name not in known:
            names = ", ".join(known) or "none"
            raise GraderError(f"there is no assignment {name!r} in the gradebook: it has {names}")
    if wanted is not None:
        assignments = [assignment for assignment in assignments if assignment.name in wanted]
    students = session.query(Student).order_by(Student.last_name, Student.first_name, Student.id).all()
    return Grades(assignments, students, _scores(session))


def _scores(session: Session) -> dict[tuple[str, str], Score]:
    """All scores in a few queries: nbgrader's own column for a score costs one scan of all grades each."""
    key = SubmittedNotebook.assignment_id
    grades = session.query(key, func.sum(Grade.score)).join(Grade, Grade.notebook_id == SubmittedNotebook.id)
    penalties = session.query(key, func.sum(SubmittedNotebook.late_submission_penalty))
    raw, penalty = (dict(query.group_by(key).all()) for query in (grades, penalties))
    scores = {}
    for one in session.query(SubmittedAssignment):
        score = Score(one.timestamp, raw.get(one.id, 0.0), penalty.get(one.id) or 0.0)
        scores[one.assignment_id, one.student_id] = score
    return scores


def _texts(*texts: str | None) -> tuple[str, ...]:
    return tuple(f"'{text}" if text and text.startswith(FORMULA) else text or "" for text in texts)
