"""Imports between the packages of the course go in one direction: each can be read without those above it."""

import ast
from pathlib import Path

import pytest

from course_format.chapter import ROOT

# Each may import those before it. What runs behind the sandbox has a test of its own, test_boundary.py.
PACKAGES = ("course_format", "course_utils", "course_builder", "course_grader")
GRADER = (
    *("job", "files", "inside", "handed_in", "run", "cluster"),
    *("course", "lateness", "grading_steps", "gradebook", "grading"),
    *("pages", "preview", "collecting", "platforms", "__main__"),
)


def modules(imported_by: Path) -> set[str]:
    """The full names that a file imports."""
    names = set()
    for node in ast.walk(ast.parse(imported_by.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def upward(folder: Path, order: tuple[str, ...], prefix: str = "") -> list[str]:
    """The imports that lead from one of these parts of a folder to a later one."""
    found = []
    for place, part in enumerate(order):
        files = (folder / part).rglob("*.py") if (folder / part).is_dir() else [folder / f"{part}.py"]
        later = tuple(f"{prefix}{other}." for other in order[place + 1 :])
        for file in files:
            names = sorted(name for name in modules(file) if f"{name}.".startswith(later))
            found += [f"{file.relative_to(folder)} imports {name}" for name in names]
    return found


def test_packages_import_only_those_below_them():
    assert upward(ROOT, PACKAGES) == []


def test_parts_of_the_grader_import_only_those_below_them():
    assert upward(ROOT / "course_grader", GRADER, "course_grader.") == []


def test_the_order_names_every_part():
    assert {path.name for path in ROOT.glob("course_*")} == set(PACKAGES)
    grader = ROOT / "course_grader"
    folders = {path.parent.name for path in grader.glob("*/__init__.py")}
    assert folders | {path.stem for path in grader.glob("*.py")} - {"__init__"} == set(GRADER)


@pytest.mark.parametrize(
    ("source", "refused"),
    [
        ("from course_grader import job", ["course_utils/it.py imports course_grader.job"]),
        ("import course_grader.job", ["course_utils/it.py imports course_grader.job"]),
        ("def f():\n    import course_grader", ["course_utils/it.py imports course_grader"]),
        ("from course_format import cells\nimport course_graders", []),
    ],
)
def test_an_import_upward_is_found(tmp_path, source, refused):
    for package in PACKAGES:
        (tmp_path / package).mkdir()
    (tmp_path / "course_utils" / "it.py").write_text(source)
    assert upward(tmp_path, PACKAGES) == refused
