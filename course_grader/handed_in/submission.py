"""Reads the folder that a student handed in: files as bytes, and what is wrong with them in sentences."""

import os
import stat
from pathlib import Path

MOST_FILES = 1_000
MOST_LEVELS = 20  # of folders
MOST_PROBLEMS = 20  # sentences about files; nobody reads more
LONGEST_TIMESTAMP = 10_000  # bytes
LONGEST_NAME = 100  # characters of a file name in a sentence
# What editors and archives leave behind. nbgrader itself writes the last two beside the notebook.
JUNK = (".ipynb_checkpoints", "__MACOSX", ".DS_Store", "timestamp.txt", "submission_secret.txt")


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
