"""`course-grader term`: the due dates in the gradebook, and what lateness costs."""

from datetime import datetime

import nbformat
import pytest
from traitlets.config import Config

from course_format import CourseError
from course_format.term import FILE, read_term
from course_grader import lateness
from course_grader.__main__ import main
from course_grader.course import Course, open_gradebook, put_in_gradebook
from course_grader.gradebook.write import Recorder
from tests.course_grader import gradebooks
from tests.course_grader.gradebooks import FIRST, SECOND
from tests.term_plan import PLAN


@pytest.fixture
def course(tmp_path) -> Course:
    """Two chapters, the second of which needs the first; no gradebook yet."""
    (tmp_path / "nbgrader_config.py").write_bytes((gradebooks.ROOT / "nbgrader_config.py").read_bytes())
    for name, needed in ((FIRST, "Python"), (SECOND, FIRST)):
        (tmp_path / "solutions" / name).mkdir(parents=True)
        chapter = gradebooks.chapter()
        chapter.metadata["course"] = {"title": "Tiny", "summary": "", "prerequisites": [needed]}
        chapter.metadata["course_build"] = {"minutes": 90}
        nbformat.write(chapter, tmp_path / "solutions" / name / "tiny.ipynb")
    return plan(tmp_path, PLAN)


def plan(folder, text: str) -> Course:
    (folder / FILE).write_text(text, encoding="utf-8")
    return Course(folder)


def due(course) -> dict[str, datetime | None]:
    with open_gradebook(course) as gradebook:
        return {assignment.name: assignment.duedate for assignment in gradebook.assignments}


def test_due_dates_reach_the_gradebook_in_utc_and_stay_when_the_chapter_comes_in(course, monkeypatch, capsys):
    monkeypatch.chdir(course.folder)
    assert main(["term"]) == 0
    assert "02_tiny is now due 2026-10-26 22:59 UTC\nthe due dates are in the" in capsys.readouterr().out
    put_in_gradebook(course, FIRST)
    both = {FIRST: datetime(2026, 10, 12, 21, 59), SECOND: datetime(2026, 10, 26, 22, 59)}
    assert due(course) == both
    assert list(lateness.write_due_dates(course, read_term(course.folder))) == []


def test_a_dry_run_writes_nothing(course, monkeypatch, capsys):
    monkeypatch.chdir(course.folder)
    assert main(["term", "--dry-run"]) == 0
    late = "15 minutes are free, then 10 % of the points for each day begun, all points after 5 days"
    said = capsys.readouterr().out
    assert "01_tiny " in said and said.endswith(f"late work: {late}\n")
    assert not (course.folder / "gradebook.db").exists()


def test_a_broken_plan_is_refused_and_writes_nothing(course, monkeypatch, capsys):
    plan(course.folder, PLAN.replace("02_tiny", "03_no").replace("12 23:59", "12"))
    monkeypatch.chdir(course.folder)
    assert main(["term"]) == 1
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("course-grader: term.toml: the due date of 01_tiny cannot")
    assert not (course.folder / "gradebook.db").exists()


def test_a_date_that_changed_is_told_and_what_left_the_term_is_named(course):
    list(lateness.write_due_dates(course, read_term(course.folder)))
    line = '02_tiny = "2026-10-26 23:59"\n'
    changed = plan(course.folder, PLAN.replace(line, "").replace("12 23", "13 23"))
    assert list(lateness.write_due_dates(changed, read_term(changed.folder))) == [
        "01_tiny is now due 2026-10-13 21:59 UTC, no longer 2026-10-12 21:59 UTC",
        "02_tiny is not in term.toml; it keeps its due date 2026-10-26 22:59:00 UTC",
    ]


def test_nbgrader_stops_at_a_broken_plan_with_its_sentences(course):
    """After another exception than this one it would go on, without the course's settings."""
    plan(course.folder, "due = 3")
    with pytest.raises(SystemExit) as stopped:
        lateness.configure(Config(), course.folder / FILE)
    assert stopped.value.code == "term.toml: due must be a table"
    with pytest.raises(CourseError, match=r"^term\.toml: due must be a table$"):
        Course(course.folder).config  # noqa: B018 (read when it is asked for)


@pytest.mark.parametrize(
    ("handed_in", "penalty"),
    [
        (datetime(2026, 10, 12, 21, 59), None),
        (datetime(2026, 10, 12, 22, 14), None),
        (datetime(2026, 10, 12, 22, 15), 0.5),
        (datetime(2026, 10, 14, 21, 59), 1.0),
        (datetime(2026, 10, 17, 22, 0), 5.0),
    ],
)
def test_lateness_costs_what_the_plan_says(course, handed_in, penalty):
    list(lateness.write_due_dates(course, read_term(course.folder)))
    put_in_gradebook(course, FIRST)
    with Recorder(course) as recorder:
        recorder.record(gradebooks.result("ada", timestamp=handed_in))
    with open_gradebook(course) as gradebook:
        notebook = gradebook.find_submission_notebook("tiny", FIRST, "ada")
        assert notebook.late_submission_penalty == penalty


def test_without_late_nbgraders_own_policy_stays(course):
    start, end = PLAN.index("[late]"), PLAN.index("[due]")
    bare = plan(course.folder, PLAN[:start] + PLAN[end:])
    assert "plugin_class" not in bare.config.AssignLatePenalties
    assert "as nbgrader_config.py says" in lateness.policy(read_term(bare.folder))
