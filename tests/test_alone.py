"""Each released notebook runs alone, as in Colab: with what students have and a wheel of the course."""

import importlib.metadata
import json
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path
from zipfile import ZipFile

import nbformat
import pytest
from nbformat import NotebookNode
from packaging.utils import canonicalize_name

from course_builder import student
from course_format import record
from course_format.cells import FRAME, is_test, nbgrader, tags
from course_format.chapter import ROOT, Chapter, chapters
from course_grader.course import Course
from course_grader.handed_in.assemble import assemble
from course_grader.job import Job, Limits
from course_grader.platforms.alone import from_course
from tests.students import all_ids, solve, untouched

CHAPTERS = chapters()
QUICK = CHAPTERS[1].name
each_chapter = pytest.mark.parametrize(
    "chapter",
    [pytest.param(one, id=one.name, marks=pytest.mark.everything) for one in CHAPTERS if one.name != QUICK]
    + [pytest.param(one, id=one.name) for one in CHAPTERS if one.name == QUICK],
)
RUN = """
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], as_version=4)
client = NotebookClient(notebook, timeout=300, kernel_name="python3", allow_errors=True)
try:
    client.execute()
finally:
    nbformat.write(notebook, sys.argv[1])
"""
WHERE = """
import course_format, course_utils, google.colab
print(course_format.__file__, course_utils.__file__, cu.data.data_dir(), sep="\\n")
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    return student.wheel(tmp_path_factory.mktemp("wheel"))


class Machine:
    """A machine like those of Colab. folder: where notebooks run, without one in it. home: of its user."""

    def __init__(self, place: Path) -> None:
        self.folder, self.home, self._venv = place / "content", place / "home", place / "venv"
        for folder in (self.folder, self.home):
            folder.mkdir(parents=True)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", self._venv], check=True)
        (self.packages,) = self._venv.glob("lib/python*/site-packages")
        for entry in _what_students_have():
            (self.packages / entry.name).symlink_to(entry)
        colab = self.packages / "google" / "colab"
        colab.mkdir(parents=True)
        (colab / "__init__.py").touch()

    def run(self, notebook: NotebookNode) -> NotebookNode:
        """Run all cells; the notebook with its outputs."""
        path = self.home / "notebook.ipynb"
        nbformat.write(notebook, path)
        own = {"HOME": str(self.home), "XDG_CACHE_HOME": str(self.home / "cache"), "PIP_NO_INDEX": "1"}
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        command = [self._venv / "bin" / "python", "-c", RUN, path]
        done = subprocess.run(command, cwd=self.folder, env=kept | own, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return nbformat.read(path, as_version=4)


def _what_students_have() -> set[Path]:
    """What the packages of requirements.txt have put into the folder of packages here, and pip."""
    pins = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    theirs = {canonicalize_name(name) for name in re.findall(r"^[\w.-]+", pins, re.MULTILINE)} | {"pip"}
    found = set()
    for one in importlib.metadata.distributions(path=[sysconfig.get_path("purelib")]):
        if canonicalize_name(one.metadata["Name"]) in theirs:
            tops = {path.parts[0] for path in one.files} - {"..", "__pycache__"}
            found |= {Path(one.locate_file(top)) for top in tops}
    return found


@pytest.fixture(scope="module")
def colab(tmp_path_factory, wheel) -> Machine:
    """A machine with the wheel in the folder of the notebook: the first notebook installs it."""
    machine = Machine(tmp_path_factory.mktemp("colab"))
    (machine.folder / wheel.name).write_bytes(wheel.read_bytes())
    return machine


def errors(notebook: NotebookNode) -> list[str]:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [f"{one.ename}: {one.evalue}" for one in outputs if one.output_type == "error"]


def records(notebook: NotebookNode) -> list[record.Record]:
    return [one for cell in notebook.cells if is_test(cell) for one in record.read(cell.outputs)]


def test_the_wheel_holds_what_notebooks_import_and_no_solution_or_test(wheel):
    with ZipFile(wheel) as archive:
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    own = {name: text for name, text in texts.items() if ".dist-info/" not in name}
    assert {name.split("/")[0] for name in own} == {"course_format", "course_utils"}
    assert "course_utils/check/__init__.py" in own
    assert not any(name.endswith((".ipynb", "entry_points.txt", "worked.md")) for name in texts)
    for name in own:  # test_student_pack.py shows these files to be clean
        assert texts[name] == (ROOT / name).read_text(encoding="utf-8")


def test_without_the_course_the_first_cell_says_what_to_do(tmp_path):
    notebook = untouched(CHAPTERS[1])
    place = next(n for n, cell in enumerate(notebook.cells) if FRAME in tags(cell))
    notebook.cells = notebook.cells[: place + 1]
    assert errors(Machine(tmp_path).run(notebook)) == [
        "ModuleNotFoundError: the course is not installed here: upload the wheel of the course, which your "
        "instructor has, to the folder of this notebook, then run this cell again"
    ]


@each_chapter
def test_a_students_notebook_runs_alone(colab: Machine, chapter: Chapter):
    notebook = untouched(chapter)
    notebook.cells.append(nbformat.v4.new_code_cell(WHERE))
    ran = colab.run(notebook)
    assert errors(ran) == []
    assert records(ran) and {one.earned for one in records(ran)} == {0}
    *packages, data = ran.cells[-1].outputs[0].text.split()
    assert [Path(path).parents[1] for path in packages] == [colab.packages] * 2
    assert Path(data).is_relative_to(colab.home)


@pytest.mark.everything
@pytest.mark.parametrize("chapter", [CHAPTERS[3]], ids=[CHAPTERS[3].name])
def test_a_solved_chapter_runs_alone_and_passes_its_checks(colab: Machine, chapter: Chapter):
    ran = colab.run(solve(chapter, all_ids(chapter)))
    assert errors(ran) == []
    tests = {nbgrader(cell)["grade_id"].removeprefix("test_") for cell in ran.cells if is_test(cell)}
    assert {one.exercise for one in records(ran)} <= tests
    assert len(records(ran)) > len(tests)
    assert {one.status for one in records(ran)} == {"passed"}


def as_colab_saves(notebook: NotebookNode, keeping: bool) -> bytes:
    """A notebook in the older format that Colab writes. keeping: whether it kept what nbgrader wrote."""
    saved = json.loads(nbformat.writes(notebook)) | {"nbformat_minor": 0}
    saved["metadata"] = {
        "accelerator": "GPU",
        "colab": {"provenance": [], "gpuType": "T4"},
        "kernelspec": {"name": "python3", "display_name": "Python 3"},
        "language_info": {"name": "python"},
    }
    for number, cell in enumerate(saved["cells"]):
        del cell["id"]
        cell["metadata"] = (cell["metadata"] if keeping else {}) | {"id": f"colab{number:07}"}
    return json.dumps(saved).encode()


@pytest.mark.parametrize("keeping", [True, False], ids=["with metadata", "without metadata"])
def test_what_colab_saves_is_graded_like_any_other_notebook(keeping):
    chapter = CHAPTERS[1]
    graded, ids = from_course(Course(ROOT), chapter.name), all_ids(chapter)
    files = {f"Copy of {chapter.stem}.ipynb": as_colab_saves(solve(chapter, ids), keeping)}
    job = Job(chapter.name, "", chapter.stem, graded.notebook, graded.version, files, (), Limits())
    result = assemble(job)
    own = {cell.id: cell.source for cell in chapter.read().cells if nbgrader(cell)}
    merged = {cell.id: cell.source for cell in result.notebook.cells}
    assert {name: merged[name] for name in own} == own
    assert result.unanswered == frozenset()
    about = "are missing|put back|changed|more than once"
    assert [problem for problem in result.problems if re.search(about, problem)] == []
    assert FRAME not in {tag for cell in result.notebook.cells for tag in tags(cell)}
