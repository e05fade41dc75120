"""Answers whose judgement is known: wrong ones must lose points, odd but right ones must lose none.

NN_name.py holds those of chapter NN_name. An answer is a function or class with the name of its exercise:

    @wrong("the first number is 0")          # words that the feedback must contain
    def ramp(rows, cols):
        ...

    @odd
    def ramp(rows, cols):
        ...

An answer that differs from the solution by a line or two is written as an edit of it; answers to claim cards
are values:

    edit("ramp", {"rows * cols": "rows"}, says="one number for each entry")
    odd_edit("ramp", {"torch.arange(rows * cols)": "torch.arange(0, rows * cols)"})
    wrong_value("claims_x", "answers", {...}, "not right yet")
"""

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import course_utils  # noqa: F401  before torchvision, or that cannot be imported

from course_format.chapter import SOLUTIONS, Chapter
from tests.judge import code_cells, know

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Answer:
    """One known answer. says: words the feedback must contain; None for an answer that is right."""

    exercise: str
    name: str  # the name that the answer gets in the notebook
    value: Any  # a function, class or value; for an edit the source of the whole cell
    says: str | None
    line: int
    edited: bool = False

    @property
    def given(self) -> dict[str, Any] | str:
        """What defines the answer: the source of its cell, or names and their values."""
        return self.value if self.edited else {self.name: self.value}

    @property
    def id(self) -> str:
        return f"{self.exercise}-{'odd' if self.says is None else 'wrong'}-line{self.line}"


_answers: list[Answer] = []
_solutions: dict[str, str] = {}  # of the chapter that is being loaded


def wrong(says: str) -> Callable:
    """Mark the function or class below as a wrong answer to the exercise of its name."""
    return lambda value: _add(value.__name__, value.__name__, value, says)


def odd(value: Any) -> Any:
    """Mark the function or class below as an unusual right answer to the exercise of its name."""
    return _add(value.__name__, value.__name__, value, None)


def wrong_value(exercise: str, name: str, value: Any, says: str) -> None:
    """A wrong answer that is a value, such as a dict of claims. name: the variable it is assigned to."""
    _add(exercise, name, value, says)


def odd_value(exercise: str, name: str, value: Any) -> None:
    """An unusual right answer that is a value."""
    _add(exercise, name, value, None)


def edit(exercise: str, changes: dict[str, str], says: str) -> None:
    """A wrong answer: the chapter's solution with the first occurrence of each text replaced."""
    _edit(exercise, changes, says)


def odd_edit(exercise: str, changes: dict[str, str]) -> None:
    """An unusual right answer: the chapter's solution with the first occurrence of each text replaced."""
    _edit(exercise, changes, None)


def load(chapter: str) -> list[Answer]:
    """All known answers of one chapter; none if it has no file here yet."""
    global _solutions
    _answers.clear()
    _solutions = {}
    if (SOLUTIONS / chapter).is_dir():
        cells = code_cells(Chapter(SOLUTIONS / chapter))
        _solutions = {cell.metadata["exercise"]: cell.source for cell in cells if "exercise" in cell.metadata}
    path = FOLDER / f"{chapter}.py"
    if not path.exists():
        return []
    spec = importlib.util.spec_from_file_location(f"answers_{chapter}", path)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    return list(_answers)


def _edit(exercise: str, changes: dict[str, str], says: str | None) -> None:
    source = _solutions[exercise]
    for old, new in changes.items():
        if old not in source:
            raise ValueError(f"the solution of {exercise} does not contain {old!r}")
        source = source.replace(old, new, 1)
    line = sys._getframe(2).f_lineno
    _answers.append(Answer(exercise, exercise, source, says, line, edited=True))


def _add(exercise: str, name: str, value: Any, says: str | None) -> Any:
    line = len(_answers) + 1
    code = getattr(value, "__code__", None)
    if code is not None:
        line = code.co_firstlineno
    _answers.append(Answer(exercise, name, value, says, line))
    know(value)
    return value
