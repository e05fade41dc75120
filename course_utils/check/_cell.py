"""A test cell at run time: its exercise, its cases, their records, and the score."""

import contextlib
import html
import math
import os
import sys
from dataclasses import dataclass, field

from course_utils.check import _data, _world
from course_utils.check._failure import Failed, NotDoneYet, describe_exception

from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display

MIME_TYPE = "application/vnd.course-check.v1+json"
ROUNDING = 6  # digits after the point that a score keeps
LONGEST = 1000  # characters of a message; an exception of the student's may say anything


@dataclass(frozen=True)
class Record:
    """What one case found; docs/records.md describes the fields."""

    exercise: str
    case: str
    points: float
    earned: float
    status: str  # "passed", "failed" or "not done"
    mistake: str | None
    message: str
    hidden: bool


@dataclass
class _Cell:
    exercise: str
    points: float
    records: list[Record] = field(default_factory=list)

    @property
    def earned(self) -> float:
        return round(math.fsum(record.earned for record in self.records), ROUNDING)

    @property
    def offered(self) -> float:
        return round(math.fsum(record.points for record in self.records), ROUNDING)


_cell: _Cell | None = None
_inside_case = False


class ChecksFailed(Exception):
    """The one error that `nbgrader validate` shows for a test cell with failed cases."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def exercise(name: str, *, points: float) -> None:
    """Open the test cell of one exercise. Whatever an earlier cell left unfinished is dropped.

    name: the exercise's name, which is the grade_id of its test cell without "test_".
    points: what the cell is worth, the same number as in its nbgrader metadata.
    """
    global _cell
    _refuse_inside_case()
    _cell = _Cell(name, _valid_points(points))


def records() -> list[Record]:
    """The records of the cases that this cell has run so far."""
    return list(_open_cell().records)


@contextlib.contextmanager
def case(name: str, *, points: float = 0.0, hidden: bool = False):
    """Run one case: everything in it that calls the student's code, and the statements about the result.

    name: what the case finds out, as a phrase that reads well after a tick or a cross.
    points: earned if no statement fails and no exception is raised.
    hidden: True inside a hidden-tests region.
    """
    global _inside_case
    _refuse_inside_case()
    cell, points = _open_cell(), _valid_points(points)
    if round(cell.offered + points, ROUNDING) > cell.points:
        raise ValueError(f"the cases of {cell.exercise!r} offer more than its {cell.points:g} points")
    status, mistake, message = "passed", None, ""
    test_file = sys._getframe(2).f_code.co_filename
    seed = _data.restart(f"{cell.exercise}/{name}")
    _inside_case = True
    try:
        with _world.stderr_as_stdout(), _world.same_for_everyone(seed):
            yield
    except NotDoneYet:
        status, message = "not done", "not done yet"
    except Failed as failure:
        status, mistake, message = "failed", failure.mistake, str(failure)
    except (Exception, SystemExit) as error:
        status, message = "failed", describe_exception(error, test_file, hidden)
    finally:
        _inside_case = False
    earned = points if status == "passed" else 0.0
    record = Record(cell.exercise, name, points, earned, status, mistake, message[:LONGEST], hidden)
    cell.records.append(record)
    _show(_line(record), _html_line(record), {MIME_TYPE: vars(record).copy()})


def score() -> float | None:
    """Close the test cell.

    Under nbgrader's autograder: returns the points earned, which nbgrader takes as the score. Under
    `nbgrader validate`: returns None, or raises one summary error if a case failed. At the student's desk:
    prints a summary.
    """
    global _cell
    _refuse_inside_case()
    cell, _cell = _open_cell(), None
    run_by = os.environ.get("NBGRADER_EXECUTION")
    if run_by == "autograde":
        return cell.earned
    if run_by == "validate":
        _raise_if_failed(cell)
        return None
    summary = _summary(cell)
    _show(summary, f"<p><b>{html.escape(summary)}</b></p>", {})
    return None


def _open_cell() -> _Cell:
    if _cell is None:
        raise RuntimeError('a test cell starts with check.exercise("name", points=...)')
    return _cell


def _refuse_inside_case() -> None:
    """An answer runs inside a case, and it has no business with the checks."""
    if _inside_case:
        raise RuntimeError("a case is open: it ends before the next case, exercise or score")


def _valid_points(points: float) -> float:
    if not math.isfinite(points) or points < 0:
        raise ValueError(f"points must be a number from 0 on, got {points}")
    return float(points)


def _raise_if_failed(cell: _Cell) -> None:
    lines = [_line(record) for record in cell.records if record.status != "passed"]
    if lines:
        raise ChecksFailed("\n".join([_summary(cell), *lines]))


def _summary(cell: _Cell) -> str:
    if all(record.status == "not done" for record in cell.records):
        return f"{cell.exercise}: not done yet"
    left = round(cell.points - cell.offered, ROUNDING)
    if not cell.offered:
        return f"{cell.exercise}: hidden checks decide about its {left:g} points when your work is graded"
    text = f"{cell.exercise}: {cell.earned:g} of {cell.points:g} points"
    return f"{text}; hidden checks decide about {left:g} more when your work is graded" if left else text


_MARKS = {"passed": ("✓", "#1a7f37"), "failed": ("✗", "#b35900"), "not done": ("○", "#6e7781")}


def _line(record: Record) -> str:
    mark, _ = _MARKS[record.status]
    message = record.message.replace("\n", "\n    ")
    return f"{mark} {record.case}" + (f": {message}" if message else "")


def _html_line(record: Record) -> str:
    mark, colour = _MARKS[record.status]
    name, message = html.escape(record.case), html.escape(record.message).replace("\n", "<br>")
    if record.status == "not done":
        return f'<div style="color:{colour}"><b>{mark}</b> {name}: {message}</div>'
    line = f'<div style="color:{colour}"><b>{mark}</b> {name}</div>'
    return line + (f'<div style="margin-left:1.5em">{message}</div>' if message else "")


def _show(text: str, page: str, data: dict) -> None:
    if InteractiveShell.initialized():
        display({"text/plain": text, "text/html": page, **data}, raw=True)
    else:
        print(text)
