"""How far a student has come, read from the check records in a saved notebook."""

import math
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course_format import record
from course_format.cells import cases, is_test, nbgrader
from course_format.record import Record


@dataclass(frozen=True)
class Progress:
    """Points of one chapter.

    earned: in visible cases, so far. visible: in all visible cases. points: in all, hidden cases and written
    answers included.
    """

    earned: float
    visible: float
    points: float


def read(mine: Path, released: Path) -> Progress:
    """The progress in one chapter.

    mine: the student's notebook as it was last saved; it need not exist. released: the chapter as handed out.
    Raises ValueError if the student's file is no notebook.
    """
    chapter = nbformat.read(released, as_version=4)
    found = check_records(_read(mine)) if mine.exists() else []
    offered = [case.points for cell in chapter.cells if is_test(cell) for case in cases(cell.source)]
    return Progress(
        earned=math.fsum(one.earned for one in found),
        visible=math.fsum(offered),
        points=sum(nbgrader(cell).get("points", 0) for cell in chapter.cells),
    )


def check_records(notebook: NotebookNode) -> list[Record]:
    """The records of all cases, in the order of the cells. docs/records.md describes the fields."""
    return [one for cell in notebook.cells for one in record.read(cell.get("outputs", []))]


def _read(path: Path) -> NotebookNode:
    try:
        return nbformat.read(path, as_version=4)
    except (nbformat.reader.NotJSONError, nbformat.ValidationError, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name} is not a notebook (any more): restore it from a copy") from error
