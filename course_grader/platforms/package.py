"""The course's packages as a wheel, and the pins of what they need, to be installed on another machine."""

import re
import subprocess
import tempfile
from pathlib import Path

from course_builder import student
from course_format.chapter import ROOT
from course_grader.files import write_files
from course_grader.job import GraderError

CONTENTS = ["pyproject.toml", "README.md", "LICENSE", "course_*"]
PINS = "requirements-dev.txt"
TORCH = ("torch", "torchvision")


def wheel() -> tuple[str, bytes]:
    """(name, content) of a wheel of this course as it is now. It holds no chapter, no test and no solution.

    Raises CourseError if it cannot be built.
    """
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "source")
        write_files(source, {name: (ROOT / name).read_bytes() for name in _sources()})
        path = student.build_wheel(source, Path(folder))
        return path.name, path.read_bytes()


def pins() -> bytes:
    """The versions that all packages must have, as constraints for pip."""
    return (ROOT / PINS).read_bytes()


def torch_pins() -> str:
    """The pins of torch and torchvision, as arguments of pip: they come from an index of their own."""
    lines = pins().decode().splitlines()
    return " ".join(line for line in lines if line.split("==")[0] in TORCH)


def pin(name: str) -> str:
    """`name==version`, as everybody has it."""
    return next(line for line in pins().decode().splitlines() if line.split("==")[0] == name)


def filled(template: Path, values: dict[str, str]) -> bytes:
    """A template with these values in the places that have their names, in capitals."""
    names = re.compile("|".join(rf"\b{name}\b" for name in values))
    return names.sub(lambda found: values[found[0]], template.read_text(encoding="utf-8")).encode()


def _sources() -> list[str]:
    """The files of the packages, as git lists them. Raises GraderError outside of a clone."""
    try:
        return [name for name in student.tracked(CONTENTS) if (ROOT / name).is_file()]
    except (OSError, subprocess.CalledProcessError):
        raise GraderError("this works in a clone of the course, made with git") from None
