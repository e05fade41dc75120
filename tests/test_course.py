"""The course as a whole: one set of pins for all ways in, and nothing of one machine in any file."""

import importlib.metadata
import re
import subprocess
import tomllib

import pytest
import yaml
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from course_builder.chapter import ROOT, chapters, points

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PINS = [Requirement(line) for line in (ROOT / "requirements.txt").read_text().splitlines()]
CUDA = re.compile(r"(nvidia|cuda|triton)")


def here(requirement: Requirement) -> bool:
    return requirement.marker is None or requirement.marker.evaluate(default_environment() | {"extra": ""})


def test_every_requirement_is_an_exact_pin():
    assert [str(pin) for pin in PINS if not re.fullmatch(r"==[\w.]+", str(pin.specifier))] == []
    assert {"torch": "==2.13.0", "torchvision": "==0.28.0"}.items() <= {
        pin.name: str(pin.specifier) for pin in PINS
    }.items()


def test_the_pins_cover_all_that_the_course_needs():
    pinned = {canonicalize_name(pin.name) for pin in PINS if here(pin)}
    needed = [Requirement(text) for text in PROJECT["dependencies"]]
    seen = set()
    while needed:
        requirement = needed.pop()
        name = canonicalize_name(requirement.name)
        if name in seen or not here(requirement) or CUDA.match(name):
            continue
        seen.add(name)
        assert name in pinned, f"{name} is not in requirements.txt: run `make lock`"
        needed += [Requirement(text) for text in importlib.metadata.requires(name) or []]


@pytest.mark.parametrize("pin", [pin for pin in PINS if here(pin)], ids=lambda pin: pin.name)
def test_the_tests_run_with_the_pinned_version(pin):
    assert pin.specifier.contains(importlib.metadata.version(pin.name))


def test_conda_and_binder_get_the_same_pins():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    python, pip, packages = environment["dependencies"]
    assert (pip, packages) == ("pip", {"pip": ["--requirement requirements.txt", "--editable ."]})
    assert python.removeprefix("python=") in PROJECT["requires-python"]


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
    assert commands == ["bash .ci/run", "make variants"]


def test_the_readme_lists_every_chapter_with_its_time_and_points():
    readme = (ROOT / "README.md").read_text()
    for chapter in chapters():
        link = f"[{chapter.name}](notebooks/{chapter.name}/{chapter.stem}.ipynb)"
        (row,) = [line for line in readme.splitlines() if link in line]
        notebook = chapter.read()
        assert row.endswith(f"| {notebook.metadata['course']['minutes']} min | {points(notebook):g} |")


def test_every_make_target_is_explained_in_the_readme():
    targets = re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    readme = (ROOT / "README.md").read_text() + (ROOT / "CONTRIBUTING.md").read_text()
    assert [target for target in targets if f"`make {target}`" not in readme] == []
