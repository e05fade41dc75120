"""The whole way with the real nbgrader, from a fresh clone: generate, submit, autograde, feedback."""

import html
import re
import subprocess

import nbformat
import pytest

from course_builder.chapter import Chapter, chapters, is_test, nbgrader
from tests.leaks import leaked, secret_lines
from tests.nbgrader_course import Course, cell_of, texts
from tests.students import all_ids, solve, untouched

CHAPTERS = chapters()
FIRST = CHAPTERS[0]

each_chapter = pytest.mark.parametrize("chapter", CHAPTERS, ids=[chapter.name for chapter in CHAPTERS])


def auto_points(chapter: Chapter) -> dict[str, float]:
    return {nbgrader(c)["grade_id"]: nbgrader(c)["points"] for c in chapter.read().cells if is_test(c)}


def auto_scores(course: Course, student: str, chapter: Chapter) -> dict[str, float]:
    scores = course.scores(student, chapter.name)
    return {name: scores[name] for name in auto_points(chapter)}


@each_chapter
def test_a_perfect_submission_earns_everything(course, chapter):
    assert auto_scores(course, "perfect", chapter) == auto_points(chapter)


@each_chapter
def test_the_written_answer_waits_for_a_person(course, chapter):
    scores = course.scores("perfect", chapter.name)
    written = set(scores) - set(auto_points(chapter))
    assert len(written) == 1
    assert [scores[name] for name in written] == [None]


@each_chapter
def test_a_perfect_submission_runs_without_an_error(course, chapter):
    notebook = course.autograded("perfect", chapter.name, chapter.stem)
    errors = [output for cell in notebook.cells for output in cell.get("outputs", []) if "ename" in output]
    assert errors == []


@each_chapter
def test_an_untouched_submission_earns_nothing_and_says_not_done_yet(course, chapter):
    assert set(course.scores("untouched", chapter.name).values()) == {0}
    notebook = course.autograded("untouched", chapter.name, chapter.stem)
    for cell in notebook.cells:
        if is_test(cell):
            assert "not done yet" in texts(cell), nbgrader(cell)["grade_id"]


@each_chapter
def test_generating_leaves_the_release_as_it_was_committed(course, chapter):
    name = f"notebooks/{chapter.name}/{chapter.stem}.ipynb"
    committed = (chapter.folder.parents[1] / name).read_text(encoding="utf-8")
    assert (course.folder / name).read_text(encoding="utf-8") == committed


def test_half_the_work_earns_its_own_points(course):
    done = all_ids(FIRST)[: len(all_ids(FIRST)) // 2]
    expected = {
        name: points * (name.removeprefix("test_") in done) for name, points in auto_points(FIRST).items()
    }
    assert auto_scores(course, "half", FIRST) == expected


def test_wrong_answers_lose_their_own_points_only(course):
    expected = auto_points(FIRST) | {"test_ramp": 1.0, "test_claims_tensors": 0.0}
    assert auto_scores(course, "wrong", FIRST) == expected


def test_prints_and_warnings_cost_nothing(course):
    assert auto_scores(course, "noisy", FIRST) == auto_points(FIRST)
    said = texts(cell_of(course.autograded("noisy", FIRST.name, FIRST.stem), "test_ramp"))
    assert all(text in said for text in ("I am here", "a warning of mine", "bytes on file descriptor 2"))


def visible_text(page: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", page))


@each_chapter
@pytest.mark.parametrize("student", ["perfect", "untouched"])
def test_feedback_shows_no_hidden_test(course, chapter, student):
    page = visible_text(course.feedback(student, chapter.name, chapter.stem))
    assert leaked(secret_lines(chapter, "HIDDEN TESTS"), page) == set()


@each_chapter
def test_feedback_of_an_untouched_submission_shows_no_solution(course, chapter):
    page = visible_text(course.feedback("untouched", chapter.name, chapter.stem))
    assert "Mark scheme" not in page
    assert leaked(secret_lines(chapter, "SOLUTION"), page) == set()


def test_feedback_is_readable(course):
    page = visible_text(course.feedback("wrong", FIRST.name, FIRST.stem))
    assert "the dtype should be float32, found int64" in page
    assert "no answer for 'tensor and from_numpy'" in page


def test_no_text_source_is_copied_anywhere(course):
    for folder in ("notebooks", "autograded", "feedback"):
        assert list((course.folder / folder).rglob("*.py")) == []


def test_the_solved_release_passes_validate(course, tmp_path):
    for chapter in CHAPTERS:
        path = tmp_path / f"{chapter.stem}.ipynb"
        nbformat.write(solve(chapter, all_ids(chapter)), path)
        said = course.nbgrader("validate", str(path)).stdout
        assert "Success! Your notebook passes all the tests." in said, said


def test_the_untouched_release_fails_validate_with_summaries(course, tmp_path):
    path = tmp_path / "untouched.ipynb"
    nbformat.write(untouched(FIRST), path)
    said = course.nbgrader("validate", str(path)).stdout
    assert "ramp: not done yet" in said
    assert "Traceback" not in said


def test_grading_leaves_the_clone_clean(course):
    subprocess.run(["git", "init", "--quiet", "."], cwd=course.folder, check=True)
    listing = subprocess.run(
        ["git", "ls-files", "--others", "--exclude-standard"],
        cwd=course.folder,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    made = [name for name in listing if name.split("/")[0] in ("submitted", "autograded", "feedback")]
    assert made == []
    assert "gradebook.db" not in listing
