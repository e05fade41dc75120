"""Answers that no chapter's author had in mind: they spoil their arguments, or do nothing at all."""

import ast

import pytest

from course_format.chapter import chapters
from tests.judge import graded_cells, judge, solutions

# It fills its arguments with zeros, and is right for zeros.
SPOILS = """

def _spoiling(answer):
    def spoiled(*given, **options):
        with torch.no_grad():
            for one in given:
                if isinstance(one, torch.Tensor):
                    one.zero_()
        return answer(*given, **options)
    return spoiled


{name} = _spoiling({name})
"""
POINTS = {  # for cases in which zeros are right, or values do not matter
    "pairwise_sq_dists": 1.0,
    "softmax": 0.0,
    "cross_entropy": 0.0,
    "collapse_affine": 0.0,
    "corr2d_multi": 0.0,
    "pool2d": 0.0,
    "minibatch_mean_variance": 0.25,
    "numerical_grad": 0.0,
    "tanh": 0.0,
    "silu": 0.0,
    "binary_cross_entropy": 0.0,
}
EXERCISES = [
    pytest.param(chapter, name, id=f"{chapter.name}-{name}")
    for chapter in chapters()
    for name in graded_cells(chapter)
    if name in POINTS
]


@pytest.mark.parametrize(("chapter", "name"), EXERCISES)
def test_an_answer_is_not_held_to_what_is_right_for_arguments_that_it_spoiled(chapter, name):
    verdict = judge(chapter, name, solutions(chapter)[name] + SPOILS.format(name=name))
    assert verdict.score <= POINTS[name], verdict.records
    assert verdict.messages


FUNCTIONS = [
    pytest.param(chapter, name, id=f"{chapter.name}-{name}")
    for chapter in chapters()
    for name, answer in solutions(chapter).items()
    if f"def {name}(" in answer and isinstance(ast.parse(answer).body[-1], ast.FunctionDef)
]


@pytest.mark.parametrize(("chapter", "name"), FUNCTIONS)
def test_an_answer_that_does_nothing_earns_nothing(chapter, name):
    verdict = judge(chapter, name, f"def {name}(*given, **options):\n    pass")
    assert verdict.score == 0, verdict.records
