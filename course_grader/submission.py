"""Reads what one student handed in: files as bytes, and what is wrong with them in sentences."""

import json
import os
import stat
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_raw_cell

NEW_CELL = {"code": new_code_cell, "markdown": new_markdown_cell, "raw": new_raw_cell}


class UnreadableNotebook(Exception):
    """A file is no notebook; the message says why, to its author."""


def read_folder(folder: Path, limit: int) -> tuple[dict[str, bytes], list[str]]:
    """All regular files below a folder, notebooks first, up to `limit` bytes together.

    Links and special files are not followed. Returns (path relative to the folder -> content, sentences about
    what was left out).
    """
    files, problems = {}, []
    for path in sorted(_walk(folder), key=lambda path: (path.suffix != ".ipynb", path)):
        name = str(path.relative_to(folder))
        try:
            if path.is_symlink() or not path.is_file():
                problems.append(f"{name} was left out: it is a link or no regular file")
            elif path.stat().st_size > limit:
                problems.append(f"{name} was left out: it has {path.stat().st_size:,} bytes, too many")
            else:
                files[name] = _read(path)
                limit -= len(files[name])
        except OSError as error:
            problems.append(f"{name} was left out: it cannot be read ({error.strerror})")
    return files, problems


def _walk(folder: Path) -> list[Path]:
    """Files and links below a folder; links to folders are not entered."""
    found = []
    for parent, folders, files in os.walk(folder, followlinks=False):
        links = [name for name in folders if (Path(parent) / name).is_symlink()]
        found += [Path(parent) / name for name in [*files, *links]]
    return [path for path in found if ".ipynb_checkpoints" not in path.parts and path.name != "timestamp.txt"]


def _read(path: Path) -> bytes:
    """The content of a file, which is not followed if it became a link meanwhile."""
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(0, "no regular file")
        return file.read()


def parse_notebook(content: bytes) -> tuple[list[NotebookNode], list[str]]:
    """The cells of a notebook, as well as they can be made out, and sentences about what is wrong with it.

    Cells come back valid: known type, text as source, a dict as metadata, no outputs. Raises
    UnreadableNotebook where nothing can be made out.
    """
    problems = []
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("utf-8", errors="replace")
        problems.append("the notebook has bytes that are not UTF-8; they were replaced")
    cells = [_cell(raw) for raw in _raw_cells(text)]
    if None in cells:
        problems.append("some cells cannot be made out and were left out")
    return [cell for cell in cells if cell is not None], problems


def _raw_cells(text: str) -> list[Any]:
    if not text.strip():
        raise UnreadableNotebook("the file is empty")
    try:
        document = json.loads(text)
        if isinstance(document, dict) and "worksheets" in document:  # the format before 2015
            document = nbformat.convert(nbformat.reader.reads(text), 4)
    except RecursionError:
        raise UnreadableNotebook("it is nested too deeply") from None
    except Exception as error:
        raise UnreadableNotebook(f"it is not JSON, as notebooks are: {error}") from None
    if not isinstance(document, dict) or not isinstance(document.get("cells"), list):
        raise UnreadableNotebook("it has no list of cells")
    return document["cells"]


def _cell(raw: Any) -> NotebookNode | None:
    if not isinstance(raw, dict):
        return None
    source = raw.get("source", "")
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    kind = raw.get("cell_type")
    if not isinstance(source, str) or not isinstance(kind, str) or kind not in NEW_CELL:
        return None
    # Lone surrogates are legal in JSON and in no text file.
    cell = NEW_CELL[kind](source=source.encode("utf-8", errors="replace").decode())
    if isinstance(raw.get("metadata"), dict):
        cell.metadata = nbformat.from_dict(raw["metadata"])
    if isinstance(raw.get("id"), str):
        cell["id"] = raw["id"]
    return cell
