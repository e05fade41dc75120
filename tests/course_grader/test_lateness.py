"""What decides about a late penalty counts from the next run on, and runs no notebook."""

from datetime import datetime, timedelta

import pytest
from nbgrader.api import Gradebook

from course_grader import grading
from tests.course_grader import small
from tests.course_grader.small import ADA, STUDENTS, make_course
from tests.nbgrader_course import Course as Clone

DUE = datetime(2026, 1, 1, 12)
LATE_IS_ZERO = "\nc.LateSubmissionPlugin.penalty_method = 'zero'\n"


@pytest.fixture
def course(tmp_path):
    course = make_course(tmp_path)
    with open(tmp_path / "nbgrader_config.py", "a", encoding="utf-8") as config:
        config.write(LATE_IS_ZERO)
    for student in STUDENTS[2:]:
        (course.path("submitted", student, small.NAME) / "small.ipynb").unlink()
        course.path("submitted", student, small.NAME).rmdir()
    hand_in(course, "2026-01-02 12:00:00 UTC")
    return course


def hand_in(course, said: str) -> None:
    (course.path("submitted", ADA, small.NAME) / "timestamp.txt").write_text(said, encoding="utf-8")


def grade(course, server, say=lambda line: None) -> grading.Summary:
    with grading.on_this_machine(server, workers=1) as place:
        return grading.grade_class(course, small.NAME, place=place, say=say)


def set_due(course, due: datetime) -> None:
    with Gradebook(course.db_url) as gradebook:
        gradebook.update_or_create_assignment(small.NAME, duedate=due)


def penalty(course) -> float | None:
    with Gradebook(course.db_url) as gradebook:
        notebook = gradebook.find_submission_notebook(small.STEM, small.NAME, ADA)
        return notebook.late_submission_penalty


def names(summary: grading.Summary) -> list[str]:
    return [result.student for result in summary.graded]


def test_a_due_date_and_an_extension_count_from_the_next_run_on(course, server):
    assert len(grade(course, server).graded) == 2
    set_due(course, DUE)
    lines = []
    assert (names(grade(course, server, lines.append)), penalty(course)) == ([], 6.0)
    assert lines == [f"{ADA}: now 6 points off for being late; nothing else has changed"]
    set_due(course, DUE + timedelta(days=31))
    assert (names(grade(course, server)), penalty(course)) == ([], None)
    set_due(course, DUE)
    assert (names(grade(course, server)), penalty(course)) == ([], 6.0)
    with Gradebook(course.db_url) as gradebook:
        gradebook.grant_extension(small.NAME, ADA, days=2)
    assert (names(grade(course, server)), penalty(course)) == ([], None)


def test_the_line_about_a_late_submission_says_what_lateness_costs(course, server):
    set_due(course, DUE)
    lines = []
    grade(course, server, lines.append)
    in_time, late = sorted(lines)
    assert late.startswith(f"{ADA}: 6 of 10 points, 6 off for being late, 1 to mark by hand, ")
    assert "late" not in in_time


def test_a_corrected_timestamp_counts_and_one_in_doubt_is_told(course, server):
    hand_in(course, "02.01.2026 12:00")
    result = next(result for result in grade(course, server).graded if result.student == ADA)
    assert (
        "was read as 1 February 2026, 12:00 UTC (its day and month can be read in two ways)" in result.reason
    )
    notebook = Clone(course.folder).autograded(ADA, small.NAME, small.STEM)
    assert "1 February 2026" in notebook.metadata["course_grader"]["reason"]
    hand_in(course, "2026-01-02 12:00:00 UTC")
    (again,) = grade(course, server).graded
    assert (again.student, again.reason, again.timestamp) == (ADA, "", datetime(2026, 1, 2, 12))
