"""The class that nbgrader grades once for all tests that look at the outcome."""

import pytest

from course_builder.chapter import Chapter, chapters
from tests.nbgrader_course import Course, cell_of, fresh_clone
from tests.students import all_ids, solve, untouched, with_known_answers

NOISE = """
import os, sys, warnings
_ramp = ramp
def ramp(rows, cols):
    print("I am here")
    warnings.warn("a warning of mine")
    os.write(2, b"bytes on file descriptor 2\\n")
    return _ramp(rows, cols)
"""
WRONG_RAMP = "def ramp(rows, cols):\n    return torch.arange(rows * cols).reshape(rows, cols)"


@pytest.fixture(scope="session")
def course(tmp_path_factory) -> Course:
    """A fresh clone in which nbgrader has graded a class in every chapter, and written its feedback."""
    course = fresh_clone(tmp_path_factory.mktemp("clone"))
    for chapter in chapters():
        course.nbgrader("generate_assignment", chapter.name, "--force")
        for student, notebook in submissions(chapter).items():
            course.submit(student, chapter.name, notebook, chapter.stem)
        course.nbgrader("autograde", chapter.name)
        course.nbgrader("generate_feedback", chapter.name)
    return course


def submissions(chapter: Chapter) -> dict:
    """student -> notebook. The first chapter has a class of seven, every other one of four."""
    ids = all_ids(chapter)
    handed_in = {
        "perfect": solve(chapter, ids),
        "untouched": untouched(chapter),
        "known_0": with_known_answers(chapter, 0),
        "known_1": with_known_answers(chapter, 1),
    }
    if chapter == chapters()[0]:
        handed_in |= {student: solve(chapter, ids) for student in ("wrong", "noisy")}
        handed_in["half"] = solve(chapter, ids[: len(ids) // 2])
        cell_of(handed_in["wrong"], "ramp").source = WRONG_RAMP
        cell_of(handed_in["wrong"], "claims_tensors").source = 'answers = {"sum": "true"}'
        cell_of(handed_in["noisy"], "ramp").source += NOISE
    return handed_in
