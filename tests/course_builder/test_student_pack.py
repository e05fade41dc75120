"""The pack for a class: all that a student needs, and no solution unless it was asked for."""

import os
import shutil
import subprocess
import sys
import zipfile

from course_utils import _worked

import nbformat
import pytest

from course_builder import __main__ as command
from course_builder import student
from course_format.cells import HIDDEN_TESTS, SOLUTION, is_test, nbgrader
from course_format.chapter import NOTEBOOKS, ROOT, chapters
from tests.leaks import SHORT, leaked, secret_lines

CHAPTERS = chapters()
each_chapter = pytest.mark.parametrize("chapter", CHAPTERS, ids=[chapter.name for chapter in CHAPTERS])
NEEDED = """
course_utils/lab.py
course_utils/progress.py
course_utils/start_over.py
course_utils/hand_in.py
course_utils/_worked.py
course_utils/jupyter/jupyter_server_config.json
course_utils/jupyter/jupyter_server_config.d/no_teacher_tools.json
course_utils/jupyter/labconfig/default_setting_overrides.json
course_utils/jupyter/labconfig/page_config.json
course_utils/jupyter/labextensions/course-pages/package.json
course_utils/jupyter/labextensions/course-pages/static/remoteEntry.js
"""


def unpacked(folder, worked):
    path = student.pack(folder, worked)
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    return folder / path.stem


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    """The unpacked student pack."""
    return unpacked(tmp_path_factory.mktemp("pack"), worked=False)


@pytest.fixture(scope="module")
def pack_with_solutions(tmp_path_factory):
    return unpacked(tmp_path_factory.mktemp("worked"), worked=True)


def files(pack):
    """path in the pack -> its text, for every file."""
    return {
        path.relative_to(pack).as_posix(): path.read_text(encoding="utf-8")
        for path in pack.rglob("*")
        if path.is_file()
    }


def test_the_pack_holds_what_a_student_needs_and_no_more(pack):
    assert {path.name for path in pack.iterdir()} == {"README.md", *student.CONTENTS}
    code = [name for name in files(pack) if name.endswith((".ipynb", ".py"))]
    assert {name.split("/")[0] for name in code} == {"course_format", "course_utils", "notebooks"}
    for chapter in CHAPTERS:
        name = f"notebooks/{chapter.name}/{chapter.stem}.ipynb"
        assert (pack / name).read_bytes() == (ROOT / name).read_bytes()


def test_progress_start_over_and_hand_in_come_with_it(pack):
    assert set(NEEDED.split()) <= files(pack).keys()


@each_chapter
def test_no_solution_and_no_hidden_test_is_in_the_pack(pack, chapter):
    secrets = secret_lines(chapter, SOLUTION, HIDDEN_TESTS)
    texts = {name: text for name, text in files(pack).items() if not _has_code_of_its_own(name, chapter)}
    assert f"notebooks/{chapter.name}/{chapter.stem}.ipynb" in texts
    assert {name: found for name, text in texts.items() if (found := leaked(secrets, _as_read(text)))} == {}


def _has_code_of_its_own(name, chapter):
    """Other chapters have lines such as `with torch.no_grad():`, too, and course_utils has functions that are
    exercises somewhere: the course works with them in the open.
    """
    other_chapter = name.startswith("notebooks/") and not name.startswith(f"notebooks/{chapter.name}/")
    return other_chapter or (name.startswith("course_utils/") and name.endswith(".py"))


def _as_read(text):
    """A notebook's sources as lines; other text as it is."""
    if not text.startswith('{\n "cells"'):
        return text
    return "\n".join(cell.source for cell in nbformat.reads(text, as_version=4).cells)


def reasoning(chapter):
    lines = (chapter.folder / _worked.TEXT).read_text(encoding="utf-8").splitlines()
    return {line.strip() for line in lines if len(line) > SHORT and not line.startswith("#")}


@each_chapter
def test_no_reasoning_is_in_the_pack(pack, chapter):
    secrets = reasoning(chapter)
    assert len(secrets) > 20, "the test would see nothing"
    assert {name for name, text in files(pack).items() if leaked(secrets, text)} == set()


def test_worked_solutions_are_one_folder_more(pack, pack_with_solutions):
    plain, more = files(pack), files(pack_with_solutions)
    assert {name: more[name] for name in plain} == plain
    assert more.keys() - plain.keys() == {f"worked/{chapter.name}.md" for chapter in CHAPTERS}


@each_chapter
def test_a_worked_page_has_every_exercise(pack_with_solutions, chapter):
    page = (pack_with_solutions / "worked" / f"{chapter.name}.md").read_text(encoding="utf-8")
    released = nbformat.read(NOTEBOOKS / chapter.name / f"{chapter.stem}.ipynb", as_version=4)
    names = [nbgrader(cell)["grade_id"].removeprefix("test_") for cell in released.cells if is_test(cell)]
    assert [line.removeprefix("## ") for line in page.splitlines() if line.startswith("## ")] == names
    assert leaked(secret_lines(chapter, SOLUTION), page)
    assert leaked(reasoning(chapter), page)
    assert not leaked(secret_lines(chapter, HIDDEN_TESTS), page)


START = """
from pathlib import Path
from course_utils import lab, progress, start_over
print(lab.__file__)
print(lab.copy_missing(Path("notebooks"), Path("work")))
lab.write_pages(Path("notebooks"), Path("work"))
path = next(Path("work/01_tensors").glob("*.ipynb"))
path.write_text(path.read_text().replace("# YOUR CODE HERE", "# my own"))
start_over.start_over("01_tensors", "ramp", Path())
progress.main()
"""
ASK = "from course_utils import _worked; print(_worked._solution('ramp', '01_tensors'))"


def run(pack, script):
    environment = os.environ | {"PYTHONPATH": str(pack), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=pack, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_student_can_start_from_the_pack(pack, tmp_path):
    pack = shutil.copytree(pack, tmp_path / "unpacked")
    (pack / "work").mkdir()
    module, copied, *report = run(pack, START).splitlines()
    assert module == str(pack / "course_utils" / "lab.py")
    assert copied == str([chapter.name for chapter in CHAPTERS])
    assert report[-1] == "Next: 01_tensors, exercise 1.1: `ramp`"
    assert {"START.md", "PROGRESS.md", "earlier_answers"} <= {path.name for path in (pack / "work").iterdir()}


def test_without_worked_solutions_the_course_says_so(pack):
    assert run(pack, ASK).startswith("This course came without worked solutions.")


def test_with_them_it_shows_them(pack_with_solutions):
    assert run(pack_with_solutions, ASK).startswith("**Worked solution of `ramp`**\n\n```python\ndef ramp(")


@pytest.mark.parametrize("worked", [False, True])
def test_packing_twice_gives_the_same_file(tmp_path, worked):
    first = student.pack(tmp_path, worked).read_bytes()
    assert student.pack(tmp_path, worked).read_bytes() == first


@pytest.mark.parametrize(
    ("options", "worked", "says"),
    [
        ([], False, "without worked solutions: all chapters"),
        (["--worked"], True, "with worked solutions: all chapters"),
    ],
)
def test_the_command_says_what_it_packed(monkeypatch, capsys, tmp_path, options, worked, says):
    asked = []
    monkeypatch.setattr(command, "_of_the_term", lambda: None)
    monkeypatch.setattr(command, "pack", lambda folder, with_them, names: asked.append(with_them) or tmp_path)
    monkeypatch.setattr(sys, "argv", ["course_builder", "student", *options])
    command.main()
    assert asked == [worked]
    assert capsys.readouterr().out == f"{tmp_path} {says}\n"


TERM = '[due]\n01_tensors = "2026-10-12 23:59"\n02_autograd = "2026-10-19 23:59"\n'


@pytest.fixture
def planned(monkeypatch, tmp_path):
    """The course in another folder, with a plan of the term."""
    (tmp_path / "solutions").symlink_to(ROOT / "solutions")
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    (tmp_path / "term.toml").write_text(TERM)
    monkeypatch.setattr(command, "ROOT", tmp_path)
    monkeypatch.setattr(sys, "argv", ["course_builder", "student", "--worked"])
    return tmp_path


def test_a_term_packs_its_own_chapters_and_they_start(planned, capsys):
    command.main()
    said = capsys.readouterr().out
    assert "with worked solutions: 01_tensors, 02_autograd, as term.toml says" in said
    with zipfile.ZipFile(said.split(" with ")[0]) as archive:
        archive.extractall(planned)
    found = planned / student.NAME
    chosen = {"01_tensors", "02_autograd"}
    assert {path.name for path in (found / "notebooks").iterdir()} == chosen
    assert {path.stem for path in (found / "worked").iterdir()} == chosen
    (found / "work").mkdir()
    assert run(found, START).splitlines()[1] == str(sorted(chosen))


def test_a_broken_term_packs_nothing(planned):
    (planned / "term.toml").write_text(TERM.replace("01_tensors", "02_tensors"))
    with pytest.raises(SystemExit, match="there is no chapter '02_tensors' in solutions/"):
        command.main()
    assert not (planned / "dist").exists()


@pytest.mark.parametrize(("asked", "option"), [("yes", "--worked"), ("no", ""), ("", "")])
def test_make_packs_them_only_for_yes(asked, option):
    make = [
        "make",
        "--dry-run",
        "--no-print-directory",
        "--old-file=.venv/.tools",
        "student",
        f"WORKED={asked}",
    ]
    lines = subprocess.run(make, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    assert lines[-1].strip() == f".venv/bin/python -m course_builder student {option}".strip()
