"""Files and folders that are whole or not there, whenever a command is stopped."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path


def write_atomically(path: Path, text: str) -> Path:
    """Write a file so that nobody ever sees a half of it; makes the folder if it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.write_text(text, encoding="utf-8", errors="replace", newline="")
    os.replace(part, path)
    return path


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files, by relative path, into a folder. Raises ValueError if one would lie outside of it."""
    for name, content in files.items():
        path = folder / name
        if ".." in Path(name).parts or not path.is_relative_to(folder):
            raise ValueError(f"a file named {name!r} would be written outside of {folder}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def replace_folder(target: Path, files: Mapping[str, bytes]) -> None:
    """Put these files, by relative path, in place of a folder, if there is one; all of them or none."""
    fresh, old = (target.with_name(f".{target.name}.{word}") for word in ("new", "old"))
    for left_behind in (fresh, old):
        _remove(left_behind)
    try:
        write_files(fresh, files)
        if os.path.lexists(target):
            target.rename(old)
        fresh.rename(target)
    finally:
        _remove(fresh)
    _remove(old)


def _remove(path: Path) -> None:
    """Remove a folder, which nbgrader may have left read-only, or a file, if there is one."""
    if path.is_dir() and not path.is_symlink():
        for folder, _, _ in os.walk(path):
            os.chmod(folder, 0o755)
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other graders on this machine out of what must not happen twice at once."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
