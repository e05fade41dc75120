"""A test cell at run time: its exercise, its cases, their records, and the score."""

import contextlib
import html
import math
import os
import sys
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

from course_utils.check import _data, _desk, _world
from course_utils.check._failure import Failed, NotDoneYet, describe_exception, describe_not_done

from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display

from course_format.record import LONGEST, MARKS, ROUNDING, Record, with_code


@dataclass
class _Cell:
    """An open test cell. names: the notebook's names; before: what they meant when the cell began."""

    exercise: str
    points: float
    names: dict[str, Any]
    before: dict[str, Any]
    records: list[Record] = field(default_factory=list)

    @property
    def earned(self) -> float:
        return round(math.fsum(record.earned for record in self.records), ROUNDING)

    @property
    def offered(self) -> float:
        return round(math.fsum(record.points for record in self.records), ROUNDING)


_cell: _Cell | None = None
_inside_case = False
_passed: dict[str, object] = {}  # exercise -> the answer that has passed its visible checks in this session


class ChecksFailed(Exception):
    """The one error that `nbgrader validate` shows for a test cell with failed cases."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def exercise(name: str, *, points: float) -> None:
    """Open the test cell of one exercise. Whatever an earlier cell left unfinished is dropped.

    name: the exercise's name, which is also what its answer defines. points: what the cell is worth.
    """
    global _cell
    _refuse_inside_case()
    names = sys._getframe(1).f_globals  # those of the cell that called
    _cell = _Cell(name, _valid_points(points), names, dict(names))
    if InteractiveShell.initialized():
        # A cell that breaks off never gets to its score: this puts the names back then.
        InteractiveShell.instance().events.register("post_run_cell", _after_the_cell)


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
    test_file = sys._getframe(
        2
    ).f_code.co_filename  # 0 is this function, 1 contextlib's __enter__, 2 the cell
    seed = _data.restart(f"{cell.exercise}/{name}")
    _inside_case = True
    try:
        # Another seed than that of the test data, or a student's own random numbers would repeat the data.
        with _world.stderr_as_stdout(), _world.same_for_everyone(seed + 1), _desk.case(seed + 1):
            yield
    except NotDoneYet as stub:
        status, message = "not done", describe_not_done(stub, test_file)
    except Failed as failure:
        status, mistake, message = "failed", failure.mistake, str(failure)
    except (Exception, SystemExit) as error:
        status, message = "failed", describe_exception(error, test_file, hidden)
    finally:
        _inside_case = False
    earned = points if status == "passed" else 0.0
    record = Record(cell.exercise, name, points, earned, status, mistake, message[:LONGEST], hidden)
    cell.records.append(record)
    _show(record.data | {"text/html": _html_line(record)})


def score() -> float | None:
    """Close the test cell, and give the notebook's names their meanings from before it.

    Under nbgrader's autograder: returns the points earned, which nbgrader takes as the score. Under
    `nbgrader validate`: returns None, or raises one summary error if a case failed. At the student's desk:
    prints a summary.
    """
    _refuse_inside_case()
    cell = _close()
    visible = [record for record in cell.records if not record.hidden]
    _passed.pop(cell.exercise, None)
    if visible and all(record.status == "passed" for record in visible):
        _passed[cell.exercise] = cell.before.get(cell.exercise)
    run_by = os.environ.get("NBGRADER_EXECUTION")
    if run_by == "autograde":
        return cell.earned
    if run_by == "validate":
        _raise_if_failed(cell)
        return None
    summary = _summary(cell)
    _show({"text/plain": summary, "text/html": f"<p><b>{html.escape(summary)}</b></p>"})
    return None


def has_passed(answer: object) -> bool:
    """Whether this function or class, or an earlier one with the same code, passed its visible checks."""
    known = _passed.get(getattr(answer, "__name__", ""))
    return known is not None and (known is answer or _code(known) == _code(answer))


def has_passed_last(exercise: str) -> bool:
    """Whether its visible checks passed when they last ran in this session, whatever its answer is now."""
    return exercise in _passed


def _code(answer: object) -> object:
    """What makes two definitions the same when a cell is run again."""
    if isinstance(answer, FunctionType):
        return answer.__code__
    parts = vars(answer).items() if isinstance(answer, type) else ()
    methods = {name: getattr(part, "__func__", part) for name, part in parts}  # static and class methods, too
    codes = {name: method.__code__ for name, method in methods.items() if isinstance(method, FunctionType)}
    return codes or answer


def _open_cell() -> _Cell:
    if _cell is None:
        raise RuntimeError('a test cell starts with check.exercise("name", points=...)')
    return _cell


def _close() -> _Cell:
    """End the open cell. Names that it defined are gone, and others mean again what they meant."""
    global _cell
    cell, _cell = _open_cell(), None
    for name in cell.names.keys() - cell.before.keys():
        del cell.names[name]
    cell.names.update(cell.before)
    return cell


def _after_the_cell(_: object = None) -> None:
    InteractiveShell.instance().events.unregister("post_run_cell", _after_the_cell)
    if _cell is not None:
        _close()


def _refuse_inside_case() -> None:
    """An answer runs inside a case, and it has no business with the checks."""
    if _inside_case:
        raise RuntimeError("a case is open: it ends before the next case, exercise or score")


def _valid_points(points: float) -> float:
    if not math.isfinite(points) or points < 0:
        raise ValueError(f"points must be a number from 0 on, got {points}")
    return float(points)


def _raise_if_failed(cell: _Cell) -> None:
    lines = [record.line for record in cell.records if record.status != "passed"]
    if lines:
        raise ChecksFailed("\n".join([_summary(cell), *lines]))


def _summary(cell: _Cell) -> str:
    if cell.records and all(record.status == "not done" for record in cell.records):
        return f"{cell.exercise}: not done yet"
    left = round(cell.points - cell.offered, ROUNDING)
    if not cell.offered:
        return f"{cell.exercise}: hidden checks decide about its {left:g} points when your work is graded"
    text = f"{cell.exercise}: {cell.earned:g} of {cell.offered:g} points"
    return f"{text}; hidden checks decide about {left:g} more when your work is graded" if left else text


# Mixed with the ink of the page, so that they can be read on a light page and on a dark one.
_COLOURS = {
    status: f"color-mix(in srgb, {colour} 60%, currentColor)"
    for status, colour in {"passed": "#1a7f37", "failed": "#b35900", "not done": "#6e7781"}.items()
}


def _html_line(record: Record) -> str:
    mark, colour = MARKS[record.status], _COLOURS[record.status]
    name, message = _as_html(record.case), _as_html(record.message)
    if record.status == "not done":
        return f'<div style="color:{colour}"><b>{mark}</b> {name}: {message}</div>'
    line = f'<div style="color:{colour}"><b>{mark}</b> {name}</div>'
    return line + (f'<div style="margin-left:1.5em">{message}</div>' if message else "")


def _as_html(text: str) -> str:
    return with_code(html.escape(text)).replace("\n", "<br>")


def _show(data: dict[str, Any]) -> None:
    if InteractiveShell.initialized():
        display(data, raw=True)
    else:
        print(data["text/plain"])
