"""The course as a whole: one set of pins for all ways in, and nothing of one machine in any file."""

import ast
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest
import yaml
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from course_builder import student
from course_format.cells import hours
from course_format.chapter import BUILT, ROOT, chapters, points

TOML = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = TOML["project"]
STUDENTS = PROJECT["dependencies"]
INSTRUCTORS = [*STUDENTS, *(name for extra in PROJECT["optional-dependencies"].values() for name in extra)]
CONTRIBUTORS = [*INSTRUCTORS, *TOML["dependency-groups"]["dev"]]
LOCKS = {"requirements.txt": STUDENTS, "requirements-dev.txt": CONTRIBUTORS}
CUDA = re.compile(r"(nvidia|cuda|triton)")
OURS = {"course_builder", "course_format", "course_grader", "course_utils", "benchmarks", "tests"}

each_lock = pytest.mark.parametrize("lock", LOCKS)


def pins(lock: str) -> list[Requirement]:
    return [Requirement(line) for line in (ROOT / lock).read_text().splitlines()]


def here(requirement: Requirement) -> bool:
    return requirement.marker is None or requirement.marker.evaluate(default_environment() | {"extra": ""})


def names(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(text).name) for text in requirements}


@each_lock
def test_every_requirement_is_an_exact_pin(lock):
    assert [str(pin) for pin in pins(lock) if not re.fullmatch(r"==[\w.]+", str(pin.specifier))] == []
    assert {"torch": "==2.13.0", "torchvision": "==0.28.0"}.items() <= {
        pin.name: str(pin.specifier) for pin in pins(lock)
    }.items()


@each_lock
def test_the_pins_cover_all_that_is_needed(lock):
    pinned = {canonicalize_name(pin.name) for pin in pins(lock) if here(pin)}
    needed = [Requirement(text) for text in LOCKS[lock]]
    seen = set()
    while needed:
        requirement = needed.pop()
        name = canonicalize_name(requirement.name)
        if name in seen or not here(requirement) or CUDA.match(name):
            continue
        seen.add(name)
        assert name in pinned, f"{name} is not in {lock}: run `make lock`"
        needed += [Requirement(text) for text in importlib.metadata.requires(name) or []]


def test_students_get_the_pins_that_everybody_has():
    pinned = {(pin.name, str(pin.specifier)) for pin in pins("requirements-dev.txt")}
    assert {(pin.name, str(pin.specifier)) for pin in pins("requirements.txt")} <= pinned, "run `make lock`"


def test_students_need_no_tools_of_instructors_and_contributors():
    pinned = {pin.name for pin in pins("requirements.txt")}
    assert pinned & {"nbgrader", "jupytext", "sqlalchemy", "pytest", "nbval", "ruff", "distributed"} == set()


def test_the_tests_run_with_the_pinned_versions():
    installed = {
        pin.name: importlib.metadata.version(pin.name) for pin in pins("requirements-dev.txt") if here(pin)
    }
    wrong = [
        f"{pin} is {installed[pin.name]}"
        for pin in pins("requirements-dev.txt")
        if here(pin) and not pin.specifier.contains(installed[pin.name])
    ]
    assert wrong == []


def test_conda_gets_the_same_pins():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    python, pip, packages = environment["dependencies"]
    assert (pip, packages) == ("pip", {"pip": ["--requirement requirements.txt", "--editable ."]})
    assert python.removeprefix("python=") in PROJECT["requires-python"]


def test_binder_gets_the_same_pins_and_the_chapters(tmp_path):
    lines = (ROOT / "binder" / "requirements.txt").read_text().splitlines()
    assert {"--requirement ../requirements.txt", "--editable ."} <= set(lines)
    torch = {line.removesuffix("+cpu") for line in lines if "==" in line}
    assert torch <= {str(pin) for pin in pins("requirements.txt")}
    python = (ROOT / "binder" / "runtime.txt").read_text().strip().removeprefix("python-")
    assert python in PROJECT["requires-python"]
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    there = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([ROOT / "binder" / "postBuild"], cwd=tmp_path, env=os.environ | there)
    assert done.returncode == 0
    made = {path.name for path in (tmp_path / "work").iterdir()}
    assert made == {*(chapter.name for chapter in chapters()), "START.md", "PROGRESS.md", "GLOSSARY.md"}


def imported(source: str) -> set[str]:
    """The top-level modules that some code imports, the standard library and our own left out."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module.split(".")[0])
    return found - sys.stdlib_module_names - OURS


def code(folder: str) -> list[str]:
    """All code below a folder, notebooks included."""
    cells = [
        cell.source
        for path in sorted((ROOT / folder).rglob("*.ipynb"))
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "code"
    ]
    return cells + [path.read_text(encoding="utf-8") for path in sorted((ROOT / folder).rglob("*.py"))]


@pytest.mark.parametrize(
    ("folder", "declared"),
    [
        ("course_utils", STUDENTS),
        ("notebooks", STUDENTS),
        ("course_format", INSTRUCTORS),  # of its modules, those for students are tested below
        ("course_builder", INSTRUCTORS),
        ("course_grader", INSTRUCTORS),
        ("benchmarks", CONTRIBUTORS),
        ("tests", CONTRIBUTORS),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_imported_is_declared(folder, declared):
    sources = code(folder)
    assert sources, "the test looks in the wrong place"
    modules = set().union(*map(imported, sources))
    distributions = importlib.metadata.packages_distributions()
    homes = {module: {canonicalize_name(name) for name in distributions[module]} for module in modules}
    missing = {module for module, home in homes.items() if not home & names(declared)}
    assert missing == set(), "declare it in pyproject.toml, and run `make lock`"


ONLY_FOR_STUDENTS = """
import importlib, pkgutil, sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in REFUSED:
            raise ModuleNotFoundError(f"students do not have {name}")
sys.meta_path.insert(0, Refuse())
import course_utils
for module in pkgutil.walk_packages(course_utils.__path__, "course_utils."):
    importlib.import_module(module.name)
from pathlib import Path
from course_utils import lab, progress
page = lab.start_page(Path("notebooks"), progress.course(Path("notebooks"), Path("nowhere")))
assert "01_tensors" in page
"""


def test_students_can_work_with_what_they_have():
    theirs = {canonicalize_name(pin.name) for pin in pins("requirements.txt")}
    refused = {
        module
        for module, homes in importlib.metadata.packages_distributions().items()
        if not {canonicalize_name(home) for home in homes} & theirs
    } - OURS
    assert {"nbgrader", "pytest", "jupytext"} <= refused
    script = ONLY_FOR_STUDENTS.replace("REFUSED", repr(refused))
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def tracked_files():
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listing.splitlines() if (ROOT / name).is_file()]


def test_no_file_names_a_path_of_one_machine():
    machine = re.compile(r"(?<![\w.-])/(root|home/\w+|Users/\w+|tmp/ipykernel\w*|work/main)/")
    texts = [path for path in tracked_files() if path.suffix != ".png" and path.name != "test_course.py"]
    found = [path.name for path in texts if machine.search(path.read_text(encoding="utf-8"))]
    assert found == []


def test_no_large_file_is_committed():
    assert [path.name for path in tracked_files() if path.stat().st_size > 5_000_000] == []


def test_the_workflow_runs_the_commands_of_the_readme():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text())
    commands = [step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step]
    assert commands == ["bash .ci/run", "bash .ci/run everything"]


def test_the_readme_lists_every_chapter_with_its_time_and_points():
    readme = (ROOT / "README.md").read_text()
    for chapter in chapters():
        link = f"[{chapter.name}](notebooks/{chapter.name}/{chapter.stem}.ipynb)"
        (row,) = [line for line in readme.splitlines() if link in line]
        notebook = chapter.read()
        assert row.endswith(f"| {hours(notebook.metadata[BUILT].minutes)} | {points(notebook):g} |")


AMERICAN = re.compile(
    r"\w*(?:standard|general|initial|normal|regular|summar|recogn|minim|maxim|organ|synchron|visual)"
    r"iz(?:e|es|ed|er|ing|ation|ations)\b",
    re.IGNORECASE,
)
NOT_PROSE = re.compile(r"```.*?```|`[^`]*`|\[[^\]]*\]\([^)]*\)|\$[^$]*\$|https?://\S+", re.DOTALL)


def test_the_prose_has_one_spelling():
    found = {
        (chapter.name, word)
        for chapter in chapters()
        for cell in chapter.read().cells
        if cell.cell_type == "markdown"
        for word in AMERICAN.findall(NOT_PROSE.sub(" ", cell.source))
    }
    assert found == set(), "the chapters spell -ise; code and titles of papers stay as they are"


def test_every_make_target_is_explained_in_the_readme():
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    readme = (ROOT / "README.md").read_text() + (ROOT / "CONTRIBUTING.md").read_text()
    assert [target for target in targets if not re.search(f"make {target}(?![-\\w])", readme)] == []


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_make_instructor_opens_the_whole_course_and_finds_what_formgrader_calls():
    done = make(ROOT, "--dry-run", "--old-file=.venv/.tools", "instructor", "ARGS=--no-browser")
    command = " ".join(done.stdout.splitlines()[-2:])
    assert command.startswith(f'PATH="{ROOT}/.venv/bin:$PATH" ')
    assert f'JUPYTER_CONFIG_PATH="{ROOT}/course_grader/jupyter$' in command
    assert list((ROOT / "course_grader" / "jupyter" / "labconfig").iterdir())
    assert command.endswith(f'lab --ServerApp.root_dir="{ROOT}" --no-browser')
    assert shutil.which("alembic", path=str(Path(sys.executable).parent))


def test_in_the_pack_make_lab_works_and_what_cannot_work_says_so(tmp_path):
    for name in student.CONTENTS:
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    started = make(tmp_path, "--dry-run", "lab")
    assert (started.returncode, started.stderr) == (0, "")
    assert "--requirement requirements.txt" in started.stdout
    for target in ("test", "build", "tools", "lock"):
        refused = make(tmp_path, target)
        assert refused.returncode != 0
        assert refused.stdout.startswith(
            "This is the students' pack: make lab, make progress, make start-over, make hand-in and make data"
        )
        assert "No rule" not in refused.stderr
    assert not (tmp_path / ".venv").exists()
