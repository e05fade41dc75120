"""The hub's exchange, with the real nbgrader: release, fetch, submit, collect, grade, feedback."""

import os
import subprocess
import sys
from pathlib import Path

from course_utils import hub, lab

import nbformat
import pytest
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from course_format.chapter import ROOT, chapters
from tests.nbgrader_course import fresh_clone
from tests.students import all_ids, solve

CHAPTER = chapters()[0]
CONFIG = ROOT / "deploy" / "hub"


@pytest.fixture
def collect(tmp_path, monkeypatch):
    """nbgrader's collect as the hub configures it, for an exchange in tmp_path."""
    monkeypatch.setenv("COURSE_EXCHANGE", str(tmp_path))
    config = PyFileConfigLoader("nbgrader_config.py", path=str(CONFIG)).load_config()
    return config.ExchangeFactory.collect(coursedir=CourseDirectory(config=Config()))


def test_a_submission_belongs_to_the_owner_of_its_files(collect, tmp_path, monkeypatch):
    forged = tmp_path / "ada+01_tensors+2026-01-01 00:00:00.000000 UTC+random"
    forged.mkdir()
    monkeypatch.setattr("pwd.getpwuid", lambda number: type("user", (), {"pw_name": "ben"}))
    assert collect._path_to_record(str(forged))["username"] == "ben"


def test_links_are_left_out_of_a_submission(collect, tmp_path):
    (tmp_path / "solution.py").write_text("the solution")
    source = tmp_path / "handed_in"
    source.mkdir()
    (source / "tensors.ipynb").write_text("{}")
    (source / "stolen.txt").symlink_to(tmp_path / "solution.py")
    collect.do_copy(str(source), str(tmp_path / "copy"))
    names = {path.name for path in (tmp_path / "copy").iterdir()}
    assert names == {"tensors.ipynb", "timestamp.txt", "submission_secret.txt"}


@pytest.mark.parametrize("how", ["too large", "a link"])
def test_what_is_not_collected_does_not_stop_the_others(collect, tmp_path, how):
    source = tmp_path / "handed_in"
    if how == "a link":
        source.symlink_to(tmp_path)
    else:
        source.mkdir()
        (source / "tensors.ipynb").write_text("{} ")
        collect.coursedir.max_dir_size = 0
    collect.do_copy(str(source), str(tmp_path / "copy"))
    assert not (tmp_path / "copy").exists()


def test_a_student_gets_the_released_chapters(tmp_path):
    released = tmp_path / "outbound"
    work = hub.prepare(released, tmp_path / "home")
    assert (work / lab.START).read_text(encoding="utf-8") == hub.NOTHING_YET
    (released / CHAPTER.name).mkdir(parents=True)
    name = f"{CHAPTER.name}/{CHAPTER.stem}.ipynb"
    (released / name).write_bytes((ROOT / "notebooks" / name).read_bytes())
    assert hub.prepare(released, tmp_path / "home") == work
    assert (work / name).read_bytes() == (released / name).read_bytes()
    assert CHAPTER.name in (work / lab.START).read_text(encoding="utf-8")


def test_a_server_without_the_folder_of_chapters_says_what_is_missing(monkeypatch):
    monkeypatch.delenv(hub.RELEASED, raising=False)
    with pytest.raises(SystemExit, match="COURSE_RELEASED must name"):
        hub.main()


@pytest.mark.everything
def test_from_release_to_feedback(tmp_path):
    """All steps of docs/hub.md, by the user who runs the tests: a hub itself is not started."""
    course = fresh_clone(tmp_path / "course")
    exchange, home, shared = (tmp_path / name for name in ("exchange", "home", "shared"))
    for folder in (exchange, home, shared):
        folder.mkdir()
    exchange.chmod(0o1777)
    (shared / "nbgrader_config.py").write_bytes((CONFIG / "nbgrader_config.py").read_bytes())

    def run(folder: Path, *arguments: str) -> None:
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        settings = {
            "PATH": path,
            "HOME": str(home),
            "PYTHONPATH": str(course.folder),
            "COURSE_EXCHANGE": str(exchange),
            "COURSE_DATA": "embedded",
        }
        done = subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=folder,
            env=os.environ | settings | {"JUPYTER_CONFIG_PATH": str(shared)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    run(course.folder, "nbgrader", "generate_assignment", CHAPTER.name, "--force")
    run(course.folder, "nbgrader", "release_assignment", CHAPTER.name)
    work = hub.prepare(exchange / "deep_learning" / "outbound", home / "deep_learning")
    nbformat.write(solve(CHAPTER, all_ids(CHAPTER)[:3]), work / CHAPTER.name / f"{CHAPTER.stem}.ipynb")
    run(work, "nbgrader", "submit", CHAPTER.name)
    run(course.folder, "nbgrader", "collect", CHAPTER.name)
    run(course.folder, "course_grader", "grade", CHAPTER.name)
    run(course.folder, "course_grader", "feedback", CHAPTER.name)
    run(course.folder, "nbgrader", "release_feedback", CHAPTER.name)
    run(work, "nbgrader", "fetch_feedback", CHAPTER.name)
    assert len(list((work / CHAPTER.name / "feedback").rglob("*.html"))) == 1
