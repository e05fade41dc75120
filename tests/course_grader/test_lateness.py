"""What decides about a late penalty counts from the next run on, and runs no notebook."""

from datetime import datetime, timedelta

import pytest
from nbgrader.api import Gradebook

from course_grader import grading
from course_grader.__main__ import main
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


MARKED = f"{small.NAME}: {ADA}: now {{}} points off for being late; nothing else has changed\n"
COMMANDS = {
    "feedback": (["feedback", small.NAME], f"feedback/{ADA}/{small.NAME}/{small.STEM}.html"),
    "report": (["report", small.NAME], f"reports/{small.NAME}.html"),
    "export": (["export", "--format", "nbgrader", "--to", "grades.csv"], "grades.csv"),
}


def mark(course, points: float) -> None:
    """What an instructor does in the formgrader."""
    with Gradebook(course.db_url) as gradebook:
        written = gradebook.find_grade("written", small.STEM, small.NAME, ADA)
        written.manual_score, written.needs_manual_grade = points, False
        gradebook.db.commit()


def test_what_is_given_out_counts_marks_that_were_given_after_grading(course, server, monkeypatch, capsys):
    set_due(course, DUE)
    grade(course, server)
    monkeypatch.chdir(course.folder)
    for marks, (command, _) in enumerate(COMMANDS.values(), start=1):
        mark(course, marks)
        capsys.readouterr()
        assert main(command) == 0
        assert MARKED.format(6 + marks) in capsys.readouterr().out
        assert penalty(course) == 6 + marks
        assert main(command) == 0
        assert "late" not in capsys.readouterr().out
    page, report, table = ((course.folder / made).read_text("utf-8") for _, made in COMMANDS.values())
    assert "7 points were taken off" in page
    assert "<b>0 – " in report
    assert f",{ADA},,,,9.0,9.0,0.0,10.0" in table


def test_whoever_may_only_read_the_gradebook_gets_the_pages_and_is_told(course, server, monkeypatch, capsys):
    set_due(course, DUE)
    grade(course, server)
    mark(course, 2)
    file = course.folder / "gradebook.db"
    with open(course.folder / "nbgrader_config.py", "a", encoding="utf-8") as config:
        config.write(f"\nc.CourseDirectory.db_url = 'sqlite:///file:{file}?mode=ro&uri=true'\n")
    monkeypatch.chdir(course.folder)
    capsys.readouterr()
    for command, made in COMMANDS.values():
        assert main(command) == 0
        assert (course.folder / made).exists()
        said = capsys.readouterr().err
        assert said.startswith(f"course-grader: what lateness costs has changed for {ADA} in {small.NAME}, ")


def test_without_a_policy_the_commands_say_nothing_of_lateness(course, server, monkeypatch, capsys):
    config = course.folder / "nbgrader_config.py"
    config.write_text(config.read_text(encoding="utf-8").replace(LATE_IS_ZERO, ""), encoding="utf-8")
    set_due(course, DUE)
    monkeypatch.chdir(course.folder)
    grade(type(course)(course.folder), server)
    mark(course, 2)
    capsys.readouterr()
    for command, made in COMMANDS.values():
        assert main(command) == 0
        assert (course.folder / made).exists()
    said = capsys.readouterr()
    assert "late" not in said.out and said.err == ""
