"""How far a student has come, read from the check records in a saved notebook."""

from dataclasses import dataclass
from pathlib import Path

from course_utils.check import MIME_TYPE

import nbformat
from nbformat import NotebookNode


@dataclass(frozen=True)
class Progress:
    """Points of one chapter: earned in visible cases, and offered in all (hidden and written ones too)."""

    earned: float
    points: float


def read(path: Path) -> Progress:
    """The progress in one chapter's notebook, as it was last saved.

    Raises ValueError if the file is no notebook.
    """
    try:
        notebook = nbformat.read(path, as_version=4)
    except (nbformat.reader.NotJSONError, nbformat.ValidationError, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name} is not a notebook (any more): restore it from a copy") from error
    return Progress(
        earned=sum(record["earned"] for record in check_records(notebook)),
        points=sum(cell.metadata.get("nbgrader", {}).get("points", 0) for cell in notebook.cells),
    )


def check_records(notebook: NotebookNode) -> list[dict]:
    """The records of all cases, in the order of the cells. docs/records.md describes the fields."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [output.data[MIME_TYPE] for output in outputs if MIME_TYPE in output.get("data", {})]
