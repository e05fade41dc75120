"""The cells of a chapter: their roles, the regions inside them, and the cases of a test cell."""

from __future__ import annotations

import ast
import hashlib
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # nbformat takes two seconds, and the checks of every notebook import this
    from nbformat import NotebookNode

EXPERIMENT = "experiment"  # trainings and pictures that no exercise depends on: not run when grading
STILL = "still"  # keeps its picture in the released notebook, for readers without a kernel
FRAME = "frame"  # of the cells that only the released notebook has: course_builder/frame.py

SOLUTION, HIDDEN_TESTS, MARK_SCHEME = "SOLUTION", "HIDDEN TESTS", "MARK SCHEME"
REGIONS = (SOLUTION, HIDDEN_TESTS, MARK_SCHEME)
MARKER = re.compile(r"^\s*### (BEGIN|END) (" + "|".join(REGIONS) + r")\s*$")
PARSING = threading.Lock()  # CPython 3.11 fails at random when several threads parse at once
TEST, WRITTEN = "test_", "written_"  # how the grade_ids of tests and written questions begin


@dataclass(frozen=True)
class Case:
    """One `check.case(...)` of a test cell. line: 1-based, in the cell."""

    exercise: str
    case: str
    points: float
    hidden: bool
    line: int


def nbgrader(cell: NotebookNode) -> dict:
    """The cell's nbgrader metadata; empty for a cell that is not graded."""
    return cell.metadata.get("nbgrader", {})


def tags(cell: NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


def is_test(cell: NotebookNode) -> bool:
    """Whether this cell holds the cases of an exercise."""
    return cell.cell_type == "code" and nbgrader(cell).get("grade", False)


def is_answer(cell: NotebookNode) -> bool:
    """Whether students write their answer into this cell: code, or text for a written question."""
    return nbgrader(cell).get("solution", False)


def is_written(cell: NotebookNode) -> bool:
    """Whether this cell is the answer to a written question, which a person marks."""
    return cell.cell_type != "code" and is_answer(cell)


def is_experiment(cell: NotebookNode) -> bool:
    return EXPERIMENT in tags(cell)


def exercise_of(grade_id: str) -> str:
    """The exercise that the test cell of this grade_id belongs to; empty for other cells."""
    return grade_id.removeprefix(TEST) if grade_id.startswith(TEST) else ""


def content_id(cell: NotebookNode) -> str:
    """An id made from the content of a cell, for those that have no grade_id."""
    return hashlib.sha256((cell.cell_type + cell.source).encode()).hexdigest()[:12]


def _lines(source: str, *regions: str) -> Iterator[tuple[str, str]]:
    """Each line of a cell and where it is: "inside" one of these regions, "outside", or itself a "marker"."""
    inside = False
    for line in source.split("\n"):
        marker = MARKER.match(line)
        if marker and marker[2] in regions:
            inside = marker[1] == "BEGIN"
            yield line, "marker"
        else:
            yield line, "inside" if inside else "outside"


def split(source: str, *regions: str) -> tuple[list[str], list[str]]:
    """The lines inside the regions of these names, and the other lines; the markers are in neither."""
    lines = list(_lines(source, *regions))
    inside, outside = ([line for line, where in lines if where == side] for side in ("inside", "outside"))
    return inside, outside


def visible(source: str) -> str:
    """A test cell as students get it: without its hidden tests."""
    return "\n".join(split(source, HIDDEN_TESTS)[1])


def blanked(source: str) -> list[str]:
    """The lines of a test cell, each with its line end, those of hidden tests empty: line numbers stay."""
    return [f"{line if where == 'outside' else ''}\n" for line, where in _lines(source, HIDDEN_TESTS)]


def hidden_lines(source: str) -> set[int]:
    """The 1-based numbers of the lines inside a hidden-tests region."""
    lines = enumerate(_lines(source, HIDDEN_TESTS), start=1)
    return {number for number, (_, where) in lines if where == "inside"}


def cases(source: str) -> list[Case]:
    """The cases of a test cell, in their order. Raises ValueError for one that is not written plainly."""
    with PARSING:
        return list(_cases(source))


@cache
def _cases(source: str) -> tuple[Case, ...]:
    body = ast.parse(source)
    exercise = opening(body)[0]
    calls = [node for node in ast.walk(body) if isinstance(node, ast.Call)]
    calls = [node for node in calls if ast.unparse(node.func) == "check.case"]
    return tuple(_case(node, exercise) for node in sorted(calls, key=lambda node: node.lineno))


def opening(body: ast.Module) -> tuple[str, float]:
    """Name and points of `check.exercise("name", points=...)`, the first statement of a test cell.

    Raises ValueError if the cell begins with anything else.
    """
    first = body.body[0] if body.body else None
    call = first.value if isinstance(first, ast.Expr) else None
    if isinstance(call, ast.Call) and ast.unparse(call.func) == "check.exercise":
        options = _options(call)
        if [*options] == ["points"] and len(call.args) == 1 and isinstance(call.args[0], ast.Constant):
            return call.args[0].value, float(options["points"])
    raise ValueError('must begin with check.exercise("name", points=...)')


def hours(minutes: int) -> str:
    """'4.5 hours' for 270."""
    return "1 hour" if minutes == 60 else f"{minutes / 60:g} hours"


def _case(call: ast.Call, exercise: str) -> Case:
    options, names = _options(call), [name for name in call.args if isinstance(name, ast.Constant)]
    if len(names) != 1 or len(call.args) != 1 or options.keys() - {"points", "hidden"}:
        raise ValueError(f'line {call.lineno}: write check.case("what it finds out", points=..., hidden=...)')
    points, hidden = float(options.get("points", 0.0)), options.get("hidden", False)
    return Case(exercise, names[0].value, points, hidden, call.lineno)


def _options(call: ast.Call) -> dict:
    try:
        return {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}
    except ValueError:
        raise ValueError(f"line {call.lineno}: points and hidden must be plain values") from None
