"""The template repository for GitHub: what is in it, what its workflow runs, and what must not be in it."""

import os
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
import yaml

from course_format.cells import MARKER
from course_format.chapter import ROOT, ChapterError, chapters
from course_grader.__main__ import main
from course_grader.course import Course
from course_grader.platforms.classroom import write_repository
from tests.nbgrader_course import cell_of
from tests.students import all_ids, solve

CHAPTER = chapters()[0]
COPY = f".github/course/{CHAPTER.name}/{CHAPTER.stem}.ipynb"


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    """The repository as it is written."""
    course = tmp_path_factory.mktemp("course")
    shutil.copy(ROOT / "nbgrader_config.py", course)
    shutil.copytree(ROOT / "solutions" / CHAPTER.name, course / "solutions" / CHAPTER.name)
    shutil.copytree(ROOT / "notebooks" / CHAPTER.name, course / "notebooks" / CHAPTER.name)
    (course / "solutions" / CHAPTER.name / CHAPTER.text.name).unlink()  # need not be built here
    folder = tmp_path_factory.mktemp("classroom") / "repository"
    write_repository(Course(course), CHAPTER.name, folder)
    return folder


@pytest.fixture
def repository(pristine, tmp_path) -> Path:
    """A student's copy."""
    shutil.copytree(pristine, tmp_path / "mine")
    return tmp_path / "mine"


@pytest.fixture(scope="module")
def workflow(pristine) -> dict:
    return yaml.safe_load((pristine / ".github" / "workflows" / "classroom.yml").read_text())


def test_what_is_in_it(pristine):
    names = {path.relative_to(pristine).as_posix() for path in pristine.rglob("*") if path.is_file()}
    (wheel,) = (name for name in names if name.endswith(".whl"))
    assert names == {
        *("tensors.ipynb", ".gitignore", ".github/README.md", ".github/workflows/classroom.yml"),
        *(".github/course/constraints.txt", ".github/course/requirements.txt", COPY, wheel),
    }
    release = (ROOT / "notebooks" / CHAPTER.name / "tensors.ipynb").read_bytes()
    assert (pristine / "tensors.ipynb").read_bytes() == (pristine / COPY).read_bytes() == release
    readme = (pristine / ".github" / "README.md").read_text()
    assert readme.startswith("# Tensors\n") and "worth 18.5 points" in readme and Path(wheel).name in readme


def test_no_solution_and_no_hidden_test_is_in_it(pristine):
    for path in pristine.rglob("*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        assert not [line for cell in cells for line in cell.source.splitlines() if MARKER.match(line)]
    (wheel,) = pristine.rglob("*.whl")
    with zipfile.ZipFile(wheel) as packages:
        assert not [name for name in packages.namelist() if name.startswith(("solutions", "tests"))]


def test_the_workflow_names_files_that_are_there(workflow, pristine):
    assert workflow["on"] == ["push", "workflow_dispatch"] and workflow["permissions"] == {"contents": "read"}
    steps = workflow["jobs"]["check"]["steps"]
    install, check = (step["run"] for step in steps if "run" in step)
    words = [word for line in install.splitlines() for word in shlex.split(line)]
    files = [word.removesuffix("[instructors]") for word in words if word.startswith(".github/")]
    files += [word for word in shlex.split(check) if word.endswith(".ipynb")]
    assert len(files) == 4 and all((pristine / name).is_file() for name in files)
    assert (pristine / steps[1]["with"]["cache-dependency-path"]).is_file()


def test_no_name_of_a_template_is_left(pristine):
    for name in (".github/README.md", ".github/workflows/classroom.yml"):
        text = (pristine / name).read_text()
        assert not [word for word in ("WHEEL", "NOTEBOOK", "ASSIGNMENT", "POINTS", "PINS") if word in text]


def test_the_check_of_the_workflow_runs_in_the_repository(workflow, repository):
    """A student has solved the first two exercises; what the runner has as environment is GitHub's."""
    notebook = solve(CHAPTER, all_ids(CHAPTER)[:2])
    cell_of(notebook, "crop").source = "def crop(images, top, left, height, width):\n    return images"
    nbformat.write(notebook, repository / "tensors.ipynb")
    command = workflow["jobs"]["check"]["steps"][-2]["run"]
    summary = repository.parent / "summary.md"
    environment = os.environ | {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-e", "-c", command], cwd=repository, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 1, done.stderr
    assert '::notice title=Autograding report::{"totalPoints":1.5,"maxPoints":18.5}\n' in done.stdout
    assert "| ✓ | Exercise 1.1: ramp | counts row by row | 1 of 1 |" in summary.read_text()
    assert (repository / "report.json").is_file()


def test_a_folder_with_something_in_it_is_left_alone(tmp_path, monkeypatch, capsys):
    (tmp_path / "mine.txt").write_text("mine")
    monkeypatch.chdir(ROOT)
    assert main(["classroom", CHAPTER.name, str(tmp_path)]) == 1
    assert f"{tmp_path} is not empty: name a new folder" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_an_unknown_chapter(tmp_path):
    with pytest.raises(ChapterError, match="there is no chapter '99_no' in solutions/"):
        write_repository(Course(ROOT), "99_no", tmp_path / "new")
    assert not (tmp_path / "new").exists()
