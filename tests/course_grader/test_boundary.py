"""What runs behind the sandbox knows nothing of gradebooks, notebooks and folders."""

import ast
from pathlib import Path

import pytest

from course_format.chapter import ROOT

FILES = sorted((ROOT / "course_grader" / "inside").glob("*.py"))
FOREIGN = ("course_builder", "nbgrader", "sqlalchemy", "tests")


@pytest.mark.parametrize("path", FILES, ids=[path.name for path in FILES])
def test_what_runs_behind_the_sandbox_imports_only_what_it_may(path: Path):
    assert {name for name in imported(path) if name.startswith(FOREIGN)} == set()
    own = {name for name in imported(path) if name.startswith("course_grader.")}
    assert {name for name in own if not name.startswith("course_grader.inside")} <= {"course_grader.job"}


def test_the_examiner_unpickles_nothing():
    for name in ("examiner", "codec", "wire", "settings"):
        tree = ast.parse((ROOT / "course_grader" / "inside" / f"{name}.py").read_text())
        called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        assert not {
            one for one in called if one.endswith((".load", ".loads", "Unpickler", "eval", "exec"))
        } - {"json.loads"}


def imported(path: Path) -> set[str]:
    """The modules that a file imports, by full name."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names if node.module == "course_grader"}
    return found - {"course_grader"}
