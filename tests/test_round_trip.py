"""The whole way with the real nbgrader, from a fresh clone: generate, submit, autograde, feedback."""

import html
import re
import subprocess

import nbformat
import pytest

from course_format.cells import is_test, nbgrader
from course_format.chapter import Chapter, chapters
from tests.leaks import leaked, secret_lines
from tests.nbgrader_course import Course, cell_of, texts
from tests.students import all_ids, solve, untouched

FIRST = chapters()[0]

first_chapter = pytest.mark.parametrize("chapter", [FIRST], ids=[FIRST.name])


def auto_points(chapter: Chapter) -> dict[str, float]:
    return {nbgrader(c)["grade_id"]: nbgrader(c)["points"] for c in chapter.read().cells if is_test(c)}


def auto_scores(nbgraded: Course, student: str, chapter: Chapter) -> dict[str, float]:
    scores = nbgraded.scores(student, chapter.name)
    return {name: scores[name] for name in auto_points(chapter)}


def test_a_perfect_submission_earns_everything(nbgraded, chapter):
    assert auto_scores(nbgraded, "perfect", chapter) == auto_points(chapter)


def test_the_written_answer_waits_for_a_person(nbgraded, chapter):
    scores = nbgraded.scores("perfect", chapter.name)
    written = set(scores) - set(auto_points(chapter))
    assert len(written) == 1
    assert [scores[name] for name in written] == [None]


def test_a_perfect_submission_runs_without_an_error(nbgraded, chapter):
    notebook = nbgraded.autograded("perfect", chapter.name, chapter.stem)
    errors = [output for cell in notebook.cells for output in cell.get("outputs", []) if "ename" in output]
    assert errors == []


def test_an_untouched_submission_earns_nothing_and_says_not_done_yet(nbgraded, chapter):
    assert set(nbgraded.scores("untouched", chapter.name).values()) == {0}
    notebook = nbgraded.autograded("untouched", chapter.name, chapter.stem)
    for cell in notebook.cells:
        if is_test(cell):
            assert "not done yet" in texts(cell), nbgrader(cell)["grade_id"]


def test_generating_leaves_the_release_as_it_was_committed(nbgraded, chapter):
    name = f"notebooks/{chapter.name}/{chapter.stem}.ipynb"
    committed = (chapter.folder.parents[1] / name).read_text(encoding="utf-8")
    assert (nbgraded.folder / name).read_text(encoding="utf-8") == committed


@first_chapter
def test_half_the_work_earns_its_own_points_and_noise_costs_none(nbgraded):
    done = all_ids(FIRST)[: len(all_ids(FIRST)) // 2]
    expected = {
        name: points * (name.removeprefix("test_") in done) for name, points in auto_points(FIRST).items()
    }
    assert auto_scores(nbgraded, "noisy_half", FIRST) == expected
    said = texts(cell_of(nbgraded.autograded("noisy_half", FIRST.name, FIRST.stem), "test_ramp"))
    assert all(text in said for text in ("I am here", "a warning of mine", "bytes on file descriptor 2"))


@first_chapter
def test_wrong_answers_lose_their_own_points_only(nbgraded):
    expected = auto_points(FIRST) | {"test_ramp": 1.0, "test_claims_tensors": 0.0}
    assert auto_scores(nbgraded, "wrong", FIRST) == expected


def visible_text(page: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", page))


@pytest.mark.parametrize("student", ["perfect", "untouched"])
def test_feedback_shows_no_hidden_test(nbgraded, chapter, student):
    page = visible_text(nbgraded.feedback(student, chapter.name, chapter.stem))
    assert leaked(secret_lines(chapter, "HIDDEN TESTS"), page) == set()


def test_feedback_of_an_untouched_submission_shows_no_solution(nbgraded, chapter):
    page = visible_text(nbgraded.feedback("untouched", chapter.name, chapter.stem))
    assert "Mark scheme" not in page
    assert leaked(secret_lines(chapter, "SOLUTION"), page) == set()


@first_chapter
def test_feedback_is_readable(nbgraded):
    page = visible_text(nbgraded.feedback("wrong", FIRST.name, FIRST.stem))
    assert "the dtype should be float32, found int64" in page
    assert "no answer for 'tensor and from_numpy'" in page


@first_chapter
def test_no_text_source_is_copied_anywhere(nbgraded):
    for folder in ("notebooks", "autograded", "feedback"):
        assert list((nbgraded.folder / folder).rglob("*.py")) == []


def test_the_solved_release_passes_validate(nbgraded, chapter, tmp_path):
    path = tmp_path / f"{chapter.stem}.ipynb"
    nbformat.write(solve(chapter, all_ids(chapter)), path)
    said = nbgraded.nbgrader("validate", str(path)).stdout
    assert "Success! Your notebook passes all the tests." in said, said


@first_chapter
def test_the_untouched_release_fails_validate_with_summaries(nbgraded, tmp_path):
    path = tmp_path / "untouched.ipynb"
    nbformat.write(untouched(FIRST), path)
    said = nbgraded.nbgrader("validate", str(path)).stdout
    assert "ramp: not done yet" in said
    assert "Traceback" not in said


@first_chapter
def test_grading_leaves_the_clone_clean(nbgraded):
    subprocess.run(["git", "init", "--quiet", "."], cwd=nbgraded.folder, check=True)
    listing = subprocess.run(
        ["git", "ls-files", "--others", "--exclude-standard"],
        cwd=nbgraded.folder,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    made = [name for name in listing if name.split("/")[0] in ("submitted", "autograded", "feedback")]
    assert made == []
    assert "gradebook.db" not in listing
