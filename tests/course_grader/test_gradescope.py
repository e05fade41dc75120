"""The autograder for Gradescope: the zip, and real runs of it in a folder that looks like Gradescope's."""

import json
import os
import stat
import subprocess
import sys
import tempfile
import zipfile
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell

from course_format.chapter import ROOT
from course_grader.__main__ import main
from course_grader.job import GraderError
from course_grader.platforms import alone, gradescope_run
from course_grader.run import client
from tests.course_grader import small
from tests.course_grader.attempts import inside

FIELDS = {  # of an entry, as https://gradescope-autograders.readthedocs.io/en/latest/specs/ has them
    *("score", "max_score", "status", "name", "name_format", "number", "output", "output_format"),
    *("tags", "visibility", "extra_data"),
}
ALL_POINTS = 6
# What Docker leaves to root: no mounts and no namespaces, so that there is no sandbox.
DOCKER = (
    "-all,+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid,+setpcap,"
    "+net_bind_service,+net_raw,+sys_chroot,+mknod,+audit_write,+setfcap"
)


@pytest.fixture
def autograder(tmp_path) -> Path:
    """A folder as Gradescope sets it up, with the small chapter, and nothing handed in."""
    checks = alone.Checks(small.NAME, small.STEM, nbformat.writes(small.prepared()), "1", True)
    for name in ("source", "submission", "results"):
        (tmp_path / name).mkdir()
    settings = {"minutes": 10, "chapter": asdict(checks)}
    (tmp_path / "source" / "chapter.json").write_text(json.dumps(settings))
    return tmp_path


@pytest.fixture
def run(autograder, server, monkeypatch):
    """Hands in files, runs the autograder in this process, and returns what Gradescope reads."""

    @contextmanager
    def shared():
        yield server, ""

    monkeypatch.setattr(alone, "safest_server", shared)

    def run(**files) -> dict:
        for name, content in files.items():
            path = autograder / "submission" / f"{name}.ipynb"
            path.write_bytes(content if isinstance(content, bytes) else nbformat.writes(content).encode())
        return results_of(autograder, gradescope_run.main(autograder))

    return run


def results_of(autograder: Path, status: int) -> dict:
    """The results, which must be as Gradescope documents them, whatever was handed in."""
    assert status == 0
    found = json.loads((autograder / "results" / "results.json").read_text())
    assert len(found["tests"]) == 7  # six cases and a written question
    for one in found["tests"]:
        assert one.keys() <= FIELDS
        assert one["status"] in ("passed", "failed") and one["visibility"] in ("visible", "after_published")
        assert isinstance(one["output"], str) and 0 <= one.get("score", 0) <= one.get("max_score", 0)
    return found


def scores(found: dict) -> list[float]:
    return [one["score"] for one in found["tests"] if "score" in one]


def test_an_honest_submission(run):
    found = run(small=small.handed_in())
    assert sum(scores(found)) == sum(one.get("max_score", 0) for one in found["tests"]) == ALL_POINTS
    assert found["output"] == "" and isinstance(found["execution_time"], int)
    first, hidden, *_, written = found["tests"]
    assert (first["name"], first["number"], first["visibility"]) == ("first: an example", "1.1", "visible")
    assert (hidden["name"], hidden["visibility"]) == ("first: another example", "after_published")
    assert "score" not in written and "max_score" not in written
    assert (written["name"], written["status"]) == ("written (marked by a person)", "passed")
    assert written["output"] == "4 points are given by hand; your answer is there"


def test_a_submission_that_is_half_done(run):
    found = run(small=small.handed_in(second="def second(x):\n    return x", third="", written=""))
    assert scores(found) == [1, 1, 0, 0, 0, 0]
    assert found["tests"][2]["output"] == "expected 6, found 3"
    assert found["tests"][-1]["status"] == "failed" and "no answer yet" in found["tests"][-1]["output"]


def test_no_text_shows_a_hidden_test(run):
    found = run(
        small=small.handed_in(second="def second(x):\n    raise ValueError('check.equal(second(0.5), 1.0)')")
    )
    assert scores(found)[2:4] == [0, 0]
    assert "second(0.5), 1.0" in found["tests"][2]["output"]  # the student's own words
    open_ones = [one for one in found["tests"] if one["visibility"] == "visible"]
    assert not any("another example" in json.dumps(one) for one in open_ones)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "small.ipynb cannot be read: the file is empty"),
        (b"{", "small.ipynb cannot be read: it is not JSON, as notebooks are"),
        (b"PK\x03\x04", "small.ipynb cannot be read: it is not JSON, as notebooks are"),
    ],
)
def test_a_broken_notebook(run, content, sentence):
    found = run(small=content)
    assert scores(found) == [0] * 6 and found["output"].startswith(sentence)


@pytest.mark.parametrize(
    ("encoding", "said"), [("utf-16", "the notebook is UTF-16, not UTF-8"), ("utf-8-sig", "")]
)
def test_other_encodings(run, encoding, said):
    found = run(small=nbformat.writes(small.handed_in()).encode(encoding))
    assert (sum(scores(found)), found["output"]) == (ALL_POINTS, said)


def test_two_notebooks(run):
    found = run(small=small.handed_in(), copy=small.handed_in(first="def first(x):\n    return 0"))
    assert sum(scores(found)) == ALL_POINTS
    assert found["output"] == "other notebooks were handed in and not graded: copy.ipynb"


def test_nothing_and_no_notebook(run, autograder):
    found = run()
    assert scores(found) == [0] * 6
    assert found["output"] == "there is no notebook small.ipynb in your submission: hand it in"
    (autograder / "submission" / "small.pdf").write_bytes(b"%PDF")
    assert "only small.pdf: hand it in" in run()["output"]


def test_a_notebook_of_another_chapter(run):
    other = nbformat.v4.new_notebook(cells=[new_code_cell("print('elsewhere')")])
    found = run(small=other)
    assert scores(found) == [0] * 6
    assert "no cell of this chapter is in it: is it another notebook?" in found["output"]


# name -> code of an answer, and the minutes of the platform, of which the submission has half
HOSTILE = {"ends its process": ("import os\nos._exit(3)", 10), "never stops": ("while True: pass", 1 / 6)}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_submission(run, autograder, monkeypatch, name):
    ending, minutes = HOSTILE[name]
    monkeypatch.setattr(client, "GRACE_SECONDS", 1)
    monkeypatch.setattr(gradescope_run, "LAST_MOMENT", 60)  # however slow this machine is
    path = autograder / "source" / "chapter.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"minutes": minutes}))
    found = run(small=small.handed_in(second=inside("second", ending)))
    assert scores(found)[:2] == [1, 1] and scores(found)[2:4] == [0, 0]
    assert found["output"].startswith("second: ")
    assert "this check did not run" not in found["tests"][2]["output"] and found["tests"][2]["output"]


def test_a_run_that_comes_to_no_end_leaves_a_result(run, monkeypatch):
    monkeypatch.setattr(gradescope_run, "LAST_MOMENT", 0)
    monkeypatch.setattr(gradescope_run, "_graded", lambda *_: __import__("time").sleep(3600))
    found = run(small=small.handed_in())
    assert scores(found) == [0] * 6 and found["output"] == gradescope_run.UNFINISHED


def test_a_grader_that_fails_leaves_a_result(run, autograder, monkeypatch, capsys):
    def fail(*_, **__):
        raise GraderError("no process can be started")

    monkeypatch.setattr(alone, "grade_alone", fail)
    (autograder / "submission" / "small.ipynb").write_bytes(nbformat.writes(small.handed_in()).encode())
    assert gradescope_run.main(autograder) == 0
    found = json.loads((autograder / "results" / "results.json").read_text())
    assert (found["score"], found["output"]) == (0, gradescope_run.BROKEN)
    assert "no process can be started" in capsys.readouterr().out


def test_instructors_read_that_the_points_differ(run, autograder, capsys):
    (autograder / "submission_metadata.json").write_text('{"assignment": {"total_points": "20.0"}}')
    run(small=small.handed_in())
    assert "the assignment has 20 points on Gradescope, and the chapter 10" in capsys.readouterr().out


@pytest.mark.skipif(os.getuid() != 0, reason="Gradescope's containers run as root")
def test_the_unzipped_autograder_as_root_without_a_sandbox(tmp_path, monkeypatch, capsys):
    """The submission tries to write its own result and to read the tests; its answers are right."""
    (tmp_path / "course").mkdir()
    monkeypatch.chdir(small.make_course(tmp_path / "course").folder)
    assert (
        main(["gradescope", small.NAME, "--output", str(tmp_path / "out" / "a.zip"), "--minutes", "20"]) == 0
    )
    assert "6 autograder points, and 4 for a question that you mark by hand; a time limit of 20 minutes" in (
        capsys.readouterr().out
    )
    autograder = tmp_path / "autograder"
    unzip(tmp_path / "out" / "a.zip", autograder / "source")
    (autograder / "run_autograder").write_bytes((autograder / "source" / "run_autograder").read_bytes())
    (autograder / "run_autograder").chmod(0o755)
    (autograder / "submission").mkdir()
    notebook = small.handed_in()
    attack = f"""
import os
tried = {{}}
results, tests = "results/results.json", "source/chapter.json"
for path, mode in [(results, "w"), (results, "r"), (tests, "r")]:
    try:
        open(os.path.join({str(autograder)!r}, path), mode)
        tried[path, mode] = "opened"
    except OSError as error:
        tried[path, mode] = type(error).__name__
assert set(tried.values()) == {{"PermissionError"}}, tried
assert os.getuid() >= 20_000"""
    notebook.cells.insert(2, new_code_cell(attack))
    nbformat.write(notebook, autograder / "submission" / "small.ipynb")
    with tempfile.TemporaryDirectory() as opt:  # others can read it, which they cannot in tmp_path
        Path(opt).chmod(0o755)
        Path(opt, "venv").symlink_to(sys.prefix)
        environment = os.environ | {"AUTOGRADER": str(autograder), "COURSE": opt}
        command = ["setpriv", "--bounding-set", DOCKER, str(autograder / "run_autograder")]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
    found = results_of(autograder, done.returncode)
    assert (sum(scores(found)), found["output"]) == (ALL_POINTS, "")
    assert alone.TWO_USERS in done.stdout and done.stderr == ""
    assert stat.S_IMODE(autograder.stat().st_mode) == 0o700


def test_an_autograder_that_does_not_start_leaves_a_result(tmp_path):
    program = ROOT / "course_grader" / "platforms" / "templates" / "gradescope" / "run_autograder"
    environment = os.environ | {"AUTOGRADER": str(tmp_path), "COURSE": str(tmp_path / "nowhere")}
    done = subprocess.run(["bash", str(program)], env=environment, capture_output=True, text=True)
    found = json.loads((tmp_path / "results" / "results.json").read_text())
    assert (done.returncode, found["score"]) == (0, 0) and "did not start" in found["output"]


def test_the_zip_holds_no_solution(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    path = tmp_path / "a.zip"
    assert main(["gradescope", "01_tensors", "--output", str(path)]) == 0
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        chapter = json.loads(archive.read("chapter.json"))["chapter"]
        setup = archive.read("setup.sh").decode()
        wheel = next(name for name in names if name.endswith(".whl"))
        assert {archive.getinfo(name).external_attr >> 16 & 0o777 for name in names[:2]} == {0o755}
        with zipfile.ZipFile(archive.open(wheel)) as packages:
            inside_wheel = packages.namelist()
    assert names == ["setup.sh", "run_autograder", "chapter.json", "constraints.txt", wheel]
    assert "BEGIN SOLUTION" not in chapter["notebook"] and "MARK SCHEME" not in chapter["notebook"]
    assert "BEGIN HIDDEN TESTS" in chapter["notebook"]
    assert f"./{wheel}[instructors]" in setup and "torch==2.13.0 torchvision==" in setup
    assert {name.split("/")[0] for name in inside_wheel if "dist-info" not in name} == {
        *("course_builder", "course_format", "course_grader", "course_utils")
    }
    assert "course_grader/platforms/gradescope_run.py" in inside_wheel
    assert "course_grader/pages/templates/feedback.html" in inside_wheel


def unzip(path: Path, folder: Path) -> None:
    """With the modes of the files, as Gradescope does."""
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            target = Path(archive.extract(info, folder))
            target.chmod(info.external_attr >> 16 & 0o777)
