"""`make student`: the pack for a class. It holds no tests and no answers, and solutions only if asked for.

`make wheel`: what its notebooks import, for notebooks that run without the rest of the pack.
"""

import re
import shutil
import stat
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Collection
from pathlib import Path

from course_utils import _worked

from course_format.chapter import ROOT, ChapterError, chapters

NAME = "deep-learning-notebooks"
CONTENTS = [
    "LICENSE",
    "Makefile",
    "binder",
    "environment.yml",
    "pyproject.toml",
    "requirements.txt",
    "course_format",
    "course_utils",
    "notebooks",
]
README = Path(__file__).with_name("student_readme.md")
COMMANDS = re.compile(rb"^\[project\.scripts\]\n(?:.+\n)+\n?", re.MULTILINE)  # of instructors
BUILD = "import sys; from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"


def pack(folder: Path, worked: bool = False, names: Collection[str] | None = None) -> Path:
    """Write the pack into `folder` (made if missing) and return its path.

    worked: whether it has the worked solutions, which also answer the hidden checks. names: of the chapters
    that go into it; None means all.
    """
    chosen = [chapter for chapter in chapters() if names is None or chapter.name in names]
    others = tuple(f"notebooks/{chapter.name}/" for chapter in chapters() if chapter not in chosen)
    files = {name: (ROOT / name).read_bytes() for name in tracked(CONTENTS) if not name.startswith(others)}
    files["README.md"] = README.read_bytes()
    files["pyproject.toml"] = COMMANDS.sub(b"", files["pyproject.toml"])
    for chapter in chosen if worked else []:
        files[f"{_worked.FOLDER}/{chapter.name}.md"] = _worked.page(chapter.folder).encode()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{NAME}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            add(archive, f"{NAME}/{name}", content)
    return path


def wheel(folder: Path) -> Path:
    """Write a wheel of the pack's packages into `folder` (made if missing) and return its path.

    It holds no chapter, and so no solution and no test. Raises ChapterError if it cannot be built.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as unpacked:
        with zipfile.ZipFile(pack(Path(unpacked))) as archive:
            archive.extractall(unpacked)
        return Path(shutil.copy(build_wheel(Path(unpacked, NAME), Path(unpacked)), folder))


def build_wheel(source: Path, folder: Path) -> Path:
    """Build the project in `source` into `folder`. Raises ChapterError if it cannot be built."""
    command = [sys.executable, "-c", BUILD, str(folder)]
    built = subprocess.run(command, cwd=source, capture_output=True, text=True)
    if built.returncode:
        raise ChapterError(f"the wheel cannot be built:\n{built.stderr.strip()}")
    return folder / built.stdout.splitlines()[-1]


def tracked(contents: list[str]) -> list[str]:
    """The files that these paths mean, as git lists them: caches and other leftovers stay out."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *contents]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return sorted(listing.stdout.splitlines())


def add(archive: zipfile.ZipFile, name: str, content: bytes, mode: int = 0o644) -> None:
    """Put a file into a zip, at a time that is always the same: equal contents make equal zips."""
    info = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
    info.external_attr = (stat.S_IFREG | mode) << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(info, content)
