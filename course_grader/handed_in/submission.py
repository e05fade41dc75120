"""Reads what one student handed in: files as bytes, and what is wrong with them in sentences."""

import json
import os
import re
import stat
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4.nbbase import random_cell_id

from course_format.cells import EXPERIMENT

# The last two are of the format before 2015.
KINDS = {"code": "code", "markdown": "markdown", "raw": "raw", "heading": "markdown", "html": "markdown"}
MOST_FILES = 1_000
MOST_LEVELS = 20  # of folders
MOST_CELLS = 10_000
MOST_BRACKETS = 2_000_000  # of lists and dicts in a notebook: each takes far more memory than its two bytes
MOST_PROBLEMS = 20  # sentences about files; nobody reads more
VERSION = re.compile(rb'"version"\s*:\s*"(\d{1,2})\.(\d{1,3})')
VERSION_WITHIN = 1_000  # bytes of the metadata
LONGEST_TIMESTAMP = 10_000  # bytes
LONGEST_NAME = 100  # characters of a file name in a sentence
# What editors and archives leave behind. nbgrader itself writes the last two beside the notebook.
JUNK = (".ipynb_checkpoints", "__MACOSX", ".DS_Store", "timestamp.txt", "submission_secret.txt")


class UnreadableNotebook(Exception):
    """A file is no notebook; the message says why, to its author."""


class _LeftOut(Exception):
    """A file is not read; the message says why."""


def read_folder(folder: Path, limit: int) -> tuple[dict[str, bytes], list[str]]:
    """All regular files below a folder, notebooks and small ones first, up to `limit` bytes together.

    Links and special files are not followed. Returns (path relative to the folder -> content, sentences about
    what was left out). Every path is valid text.
    """
    if folder.is_symlink() or not folder.is_dir():
        return {}, ["the submission is a link or a file, not a folder; it was not read"]
    paths, problems = _walk(folder)
    files: dict[str, bytes] = {}
    for path in sorted(paths, key=lambda path: (not is_notebook(path.name), _size(path), path)):
        found = str(path.relative_to(folder))
        name = found.encode(errors="replace").decode()  # old archives have names that are no UTF-8
        try:
            _check_name(name, found, files)
            files[name] = _read(path, limit)
            limit -= len(files[name])
        except _LeftOut as reason:
            problems.append(f"{printable(name)} was left out: {reason}")
        except OSError as error:
            problems.append(f"{printable(name)} was left out: it cannot be read ({error.strerror})")
    more = len(problems) - MOST_PROBLEMS
    return files, problems if more <= 0 else [*problems[:MOST_PROBLEMS], f"{more} more were left out"]


def read_timestamp(folder: Path) -> str:
    """What timestamp.txt says; empty if there is none. Where it cannot be read, something that is no date."""
    path = folder / "timestamp.txt"
    if not os.path.lexists(path):
        return ""
    try:
        return _read(path, LONGEST_TIMESTAMP).decode("utf-8-sig")
    except (_LeftOut, OSError, UnicodeDecodeError):
        return "unreadable"


def python_version(content: bytes) -> tuple[int, int]:
    """The version of Python with which a notebook was saved last; (0, 0) where it does not say."""
    _, _, info = content.rpartition(b'"language_info"')
    found = VERSION.search(info[:VERSION_WITHIN])
    return (int(found[1]), int(found[2])) if found else (0, 0)


def is_notebook(name: str) -> bool:
    """Whether a file is handed in as a notebook, also as tensors.IPYNB or tensors.ipynb.txt."""
    return ".ipynb" in name.rpartition("/")[2].lower()


def beside_notebooks(files: dict[str, bytes]) -> dict[str, bytes]:
    """What was handed in with the notebook, but for folders that are in the place of one."""
    return {name: content for name, content in files.items() if ".ipynb" not in name.lower()}


def printable(text: str) -> str:
    """A name as it can appear in a sentence: one line, nothing invisible, not too long."""
    shown = repr(text)[1:-1]
    return shown if len(shown) <= LONGEST_NAME else f"{shown[:LONGEST_NAME]}..."


def _walk(folder: Path) -> tuple[list[Path], list[str]]:
    """(files and links below a folder, sentences about folders). Links to folders are not entered."""
    found: list[Path] = []
    problems: list[str] = []

    def unreadable(error: OSError) -> None:
        name = printable(str(Path(error.filename).relative_to(folder)))
        problems.append(f"the folder {name} was left out: it cannot be read ({error.strerror})")

    for parent, folders, files in os.walk(folder, onerror=unreadable):
        folders[:] = [name for name in folders if not _is_junk(name)]
        if folders and len(Path(parent).relative_to(folder).parts) >= MOST_LEVELS:
            problems.append(f"folders below {MOST_LEVELS} levels of folders were left out")
            folders.clear()
        links = [name for name in folders if os.path.islink(os.path.join(parent, name))]
        found += [Path(parent, name) for name in [*files, *links] if not _is_junk(name)]
        problems += [
            f"{printable(name)} is a folder, not a notebook"
            for name in folders
            if is_notebook(name) and name not in links
        ]
    return found, problems


def _is_junk(name: str) -> bool:
    return name in JUNK or name.startswith("._")


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def _check_name(name: str, found: str, files: dict[str, bytes]) -> None:
    """A notebook counts whatever it is called; other files are opened by their exact name, or not at all."""
    if name in files or (name != found and not is_notebook(name)):
        raise _LeftOut("its name is not UTF-8")
    if len(files) >= MOST_FILES:
        raise _LeftOut(f"a submission has at most {MOST_FILES:,} files")


def _read(path: Path, limit: int) -> bytes:
    """The content of a file, which is looked at before it is opened, and again: it may have been replaced."""
    if not stat.S_ISREG(path.lstat().st_mode):
        raise _LeftOut("it is a link or no regular file")
    # Opening a named pipe would wait for somebody to write into it.
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        now = os.fstat(file.fileno())
        if not stat.S_ISREG(now.st_mode):
            raise _LeftOut("it is a link or no regular file")
        if now.st_size > limit:
            raise _LeftOut(f"it has {now.st_size:,} bytes, and {limit:,} are left for it")
        return file.read(limit)


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
    sheets = document.get("worksheets") if isinstance(document, dict) else None
    sheets = sheets if isinstance(sheets, list) else [document]
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
    raw = raw if isinstance(raw, dict) else {}
    meta, tags = raw.get("nbgrader"), raw.get("tags")
    kept: dict[str, Any] = {}
    if isinstance(meta, dict) and isinstance(meta.get("grade_id"), str):
        kept["nbgrader"] = {"grade_id": meta["grade_id"]}
    if isinstance(tags, list) and EXPERIMENT in tags:
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
