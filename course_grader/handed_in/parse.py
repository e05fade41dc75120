"""Reads a notebook that a student handed in, of any version, and however broken it is."""

import json
import re
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4.nbbase import random_cell_id

from course_format.cells import EXPERIMENT

# The last two are of the format before 2015.
KINDS = {"code": "code", "markdown": "markdown", "raw": "raw", "heading": "markdown", "html": "markdown"}
MOST_CELLS = 10_000
MOST_BRACKETS = 2_000_000  # of lists and dicts in a notebook: each takes far more memory than its two bytes
VERSION = re.compile(rb'"version"\s*:\s*"(\d{1,2})\.(\d{1,3})')
VERSION_WITHIN = 1_000  # bytes of the metadata


class UnreadableNotebook(Exception):
    """A file is no notebook; the message says why, to its author."""


def python_version(content: bytes) -> tuple[int, int]:
    """The version of Python with which a notebook was saved last; (0, 0) where it does not say."""
    _, _, info = content.rpartition(b'"language_info"')
    found = VERSION.search(info[:VERSION_WITHIN])
    return (int(found[1]), int(found[2])) if found else (0, 0)


def parse_notebook(content: bytes) -> tuple[list[NotebookNode], list[str]]:
    """The cells of a notebook, as well as they can be made out, and sentences about what is wrong with it.

    Cells come back valid: known type, text as source, no outputs; of the metadata nbgrader's grade_id and the
    tag of experiments. Raises UnreadableNotebook where nothing can be made out.
    """
    text, problems = _decode(content)
    raw_cells = _raw_cells(text)
    if len(raw_cells) > MOST_CELLS:
        raise UnreadableNotebook(f"it has {len(raw_cells):,} cells, and {MOST_CELLS:,} is the most")
    cells = [_cell(raw) for raw in raw_cells]
    if None in cells:
        problems.append("some cells cannot be made out and were left out")
    return [cell for cell in cells if cell is not None], problems


def _decode(content: bytes) -> tuple[str, list[str]]:
    """The text of a notebook. JSON may be UTF-8, -16 or -32, and its first bytes tell."""
    if not content.strip(b"\0 \t\r\n"):
        raise UnreadableNotebook("the file is empty")
    encoding = json.detect_encoding(content)
    problems = [] if encoding.startswith("utf-8") else [f"the notebook is {encoding.upper()}, not UTF-8"]
    try:
        return content.decode(encoding), problems
    except UnicodeDecodeError:
        problems.append("the notebook has bytes that are no text; they were replaced")
        return content.decode(encoding, errors="replace"), problems


def _raw_cells(text: str) -> list[Any]:
    if text.count("[") + text.count("{") > MOST_BRACKETS:
        raise UnreadableNotebook(f"it has more than {MOST_BRACKETS:,} opening brackets")
    try:
        document = json.loads(text)
    except RecursionError:
        raise UnreadableNotebook("it is nested too deeply") from None
    except ValueError as error:
        raise UnreadableNotebook(f"it is not JSON, as notebooks are: {error}") from None
    # Before 2015 the cells stood in worksheets, and what is now their source was called input.
    match document:
        case {"worksheets": [*sheets]}:
            pass
        case _:
            sheets = [document]
    lists = [sheet.get("cells") for sheet in sheets if isinstance(sheet, dict)]
    lists = [cells for cells in lists if isinstance(cells, list)]
    if not lists:
        raise UnreadableNotebook("it has no list of cells")
    return [cell for cells in lists for cell in cells]


def _cell(raw: Any) -> NotebookNode | None:
    if not isinstance(raw, dict):
        return None
    source = raw.get("source", raw.get("input", ""))
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    kind, name = raw.get("cell_type"), raw.get("id")
    if not isinstance(source, str) or not isinstance(kind, str) or kind not in KINDS:
        return None
    cell = NotebookNode(id=name if isinstance(name, str) else random_cell_id(), cell_type=KINDS[kind])
    cell.source, cell.metadata = _clean(source), _metadata(raw.get("metadata"))
    if kind == "code":
        cell.outputs, cell.execution_count = [], None
    pictures = _pictures(raw.get("attachments"))
    if pictures and kind in ("markdown", "raw"):
        cell["attachments"] = pictures
    return cell


def _clean(source: str) -> str:
    """Text with plain line ends and without lone surrogates, which are legal in JSON and in no text file."""
    return source.replace("\r\n", "\n").replace("\r", "\n").encode(errors="replace").decode()


def _metadata(raw: Any) -> NotebookNode:
    """What the grader looks at; there may be anything else, nested as deeply as one likes."""
    kept: dict[str, Any] = {}
    match raw:
        case {"nbgrader": {"grade_id": str(name)}}:
            kept["nbgrader"] = {"grade_id": name}
    match raw:
        case {"tags": [*tags]} if EXPERIMENT in tags:
            kept["tags"] = [EXPERIMENT]
    return nbformat.from_dict(kept)


def _pictures(raw: Any) -> dict[str, dict[str, str]]:
    """The pictures that were pasted into a text cell."""
    files = raw.items() if isinstance(raw, dict) else ()
    found = {
        _clean(name): {kind: data for kind, data in content.items() if _is_picture(kind, data)}
        for name, content in files
        if isinstance(content, dict)
    }
    return {name: content for name, content in found.items() if content}


def _is_picture(kind: str, data: Any) -> bool:
    return kind.startswith("image/") and kind.isascii() and isinstance(data, str) and data.isascii()
