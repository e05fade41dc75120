"""Answers whose judgement is known: wrong ones must lose points, odd but right ones must lose none.

NN_name.py holds those of chapter NN_name. An answer is a function or class with the name of its exercise:

    @wrong("the first number is 0")          # words that the feedback must contain
    def ramp(rows, cols):
        ...

    @odd
    def ramp(rows, cols):
        ...

Answers to claim cards are values: `wrong_value("claims_x", "answers", {...}, "not right yet")`.
"""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Answer:
    """One known answer. says: words the feedback must contain; None for an answer that is right."""

    exercise: str
    name: str  # the name that the answer gets in the notebook
    value: Any
    says: str | None
    line: int

    @property
    def id(self) -> str:
        return f"{self.exercise}-{'odd' if self.says is None else 'wrong'}-line{self.line}"


_answers: list[Answer] = []


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


def load(chapter: str) -> list[Answer]:
    """All known answers of one chapter; none if it has no file here yet."""
    _answers.clear()
    path = FOLDER / f"{chapter}.py"
    if not path.exists():
        return []
    spec = importlib.util.spec_from_file_location(f"answers_{chapter}", path)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    return list(_answers)


def _add(exercise: str, name: str, value: Any, says: str | None) -> Any:
    line = len(_answers) + 1
    code = getattr(value, "__code__", None)
    if code is not None:
        line = code.co_firstlineno
    _answers.append(Answer(exercise, name, value, says, line))
    return value
