"""`make student`: the pack for a class, without solutions, tests or answers."""

import subprocess
import zipfile
from pathlib import Path

from course_format.chapter import ROOT

NAME = "deep-learning-notebooks"
CONTENTS = [
    "LICENSE",
    "Makefile",
    "environment.yml",
    "pyproject.toml",
    "requirements.txt",
    "course_format",
    "course_utils",
    "notebooks",
]
README = Path(__file__).with_name("student_readme.md")
THE_SAME_TIME_FOR_ALL = (2026, 1, 1, 0, 0, 0)  # so that equal contents make equal packs


def pack(folder: Path) -> Path:
    """Write the pack into `folder` (made if missing) and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{NAME}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "README.md", README)
        for name in _tracked():
            _add(archive, name, ROOT / name)
    return path


def _tracked() -> list[str]:
    """The files to pack, as git lists them: caches and other leftovers stay out."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *CONTENTS]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return sorted(listing.stdout.splitlines())


def _add(archive: zipfile.ZipFile, name: str, source: Path) -> None:
    info = zipfile.ZipInfo(f"{NAME}/{name}", THE_SAME_TIME_FOR_ALL)
    info.external_attr = 0o644 << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(info, source.read_bytes())
