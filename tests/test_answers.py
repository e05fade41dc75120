"""The graders judge rightly: every known answer gets the judgement it should get."""

import re
from collections import Counter

import pytest

from course_format.cells import nbgrader
from course_format.chapter import chapters
from tests import answers
from tests.judge import code_cells, graded_cells, judge

CHAPTERS = chapters()
# Names of temporary folders, drawn by chance, and how often torch has counted a change in place.
INCIDENTAL = re.compile(r"\btmp\w{8}\b|version \d+")
KNOWN = [(chapter, answer) for chapter in CHAPTERS for answer in answers.load(chapter.name)]
CELLS = [
    (chapter, cell) for chapter in CHAPTERS for cell in code_cells(chapter) if nbgrader(cell).get("solution")
]


@pytest.mark.parametrize(
    ("chapter", "answer"), KNOWN, ids=[f"{chapter.name}-{answer.id}" for chapter, answer in KNOWN]
)
def test_known_answer(chapter, answer):
    """In two processes, as in course-grader."""
    _, points = graded_cells(chapter)[answer.exercise]
    verdict = judge(chapter, answer.exercise, answer.given, apart=True)
    if answer.says is None:
        assert verdict.score == points, f"a right answer lost points:\n{verdict.messages}"
    else:
        assert verdict.score < points, "a wrong answer lost no points"
        assert answer.says in verdict.messages


@pytest.mark.parametrize(
    ("chapter", "cell"),
    CELLS,
    ids=[f"{chapter.name}-{nbgrader(cell)['grade_id']}" for chapter, cell in CELLS],
)
def test_the_chapters_own_solution_earns_everything(chapter, cell):
    exercise = nbgrader(cell)["grade_id"]
    verdict = judge(chapter, exercise, cell.source)
    assert verdict.score == graded_cells(chapter)[exercise][1], verdict.messages
    assert judge(chapter, exercise, cell.source, apart=True) == verdict


@pytest.mark.everything  # as long again as the known answers themselves
@pytest.mark.parametrize(
    ("chapter", "answer"), KNOWN, ids=[f"{chapter.name}-{answer.id}" for chapter, answer in KNOWN]
)
def test_a_known_answer_is_judged_alike_in_one_process(chapter, answer):
    apart, here = (judge(chapter, answer.exercise, answer.given, apart=each) for each in (True, False))
    assert INCIDENTAL.sub("", str(apart)) == INCIDENTAL.sub("", str(here))


@pytest.mark.parametrize("chapter", CHAPTERS, ids=[chapter.name for chapter in CHAPTERS])
def test_every_exercise_has_three_wrong_answers_and_an_odd_one(chapter):
    known = [answer for owner, answer in KNOWN if owner == chapter]
    wrong = Counter(answer.exercise for answer in known if answer.says is not None)
    odd = Counter(answer.exercise for answer in known if answer.says is None)
    for exercise in graded_cells(chapter):
        assert wrong[exercise] >= 3, f"{exercise} needs three wrong answers"
        assert odd[exercise] >= 1, f"{exercise} needs an odd but right answer"


RANDOM_RAMP = """
import torch
torch.manual_seed({seed})
def ramp(rows, cols):
    torch.rand(5)
    return torch.zeros(1)
"""


def test_what_a_student_does_to_the_random_state_changes_nothing():
    first, second = (judge(CHAPTERS[0], "ramp", RANDOM_RAMP.format(seed=seed)) for seed in (7, 8))
    assert first == second
