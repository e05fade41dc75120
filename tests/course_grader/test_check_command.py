"""`course-grader check`: what it says, its exit status, its report, and what GitHub gets of it."""

import json
from contextlib import contextmanager

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from course_grader.__main__ import main
from course_grader.platforms import alone, check
from tests.course_grader import small

WRONG = "def second(x):\n    return x"


@pytest.fixture(autouse=True)
def one_server(server, monkeypatch):
    """Starting a server takes seconds."""

    @contextmanager
    def shared():
        yield server, ""

    monkeypatch.setattr(alone, "safest_server", shared)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course's folder: the chapter with its solutions, and as students get it."""
    folder = small.make_course(tmp_path_factory.mktemp("course")).folder
    (folder / "notebooks" / small.NAME).mkdir(parents=True)
    nbformat.write(released(), folder / "notebooks" / small.NAME / "small.ipynb")
    return folder


def released():
    """The small chapter as students get it."""
    stubs = {cell.id: cell.source for cell in small.prepared().cells}
    return small.handed_in(**{name: stubs[name] for name in small.RIGHT})


@pytest.fixture
def run(course, tmp_path, monkeypatch, capsys):
    """Runs the command on a notebook, in the folder of the course. Returns (status, what it said)."""
    monkeypatch.chdir(course)

    def run(notebook, *options, name="small.ipynb"):
        content = notebook if isinstance(notebook, bytes) else nbformat.writes(notebook).encode()
        (tmp_path / name).write_bytes(content)
        status = main(["check", str(tmp_path / name), *options])
        said = capsys.readouterr()
        return status, said.out + said.err

    return run


def test_a_line_for_each_case(run):
    status, said = run(small.handed_in(second=WRONG))
    assert status == 1
    assert said.splitlines() == [
        "first, 2 of 2 points",
        "  ✓ an example",
        "  ✓ another example",
        "second, 0 of 3 points",
        "  ✗ an example: expected 6, found 3",
        "  ✗ another example: expected 1.0, found 0.5",
        "third, 1 of 1 points",
        "  ✓ an example",
        "  ✓ another example",
        "written, 4 points: answered",
        "4 of 6 checks passed: 3 of 6 points; 4 more are marked by a person",
    ]


def test_the_status_is_0_when_all_is_done_and_1_while_something_is_open(run):
    assert run(small.handed_in())[0] == 0
    assert run(small.handed_in(written="YOUR ANSWER HERE"))[0] == 1
    status, said = run(released())
    assert status == 1 and "  ○ an example: not done yet\n" in said


def test_hidden_cases_are_left_out_on_demand_and_where_they_are_not_known(run, course, monkeypatch):
    for options in (
        ["--visible-only"],
        ["--chapter", str(course / "notebooks" / small.NAME / "small.ipynb")],
    ):
        status, said = run(small.handed_in(), *options)
        assert status == 0 and "another example" not in said
        assert "3 of 3 checks passed: 3 of 3 points" in said
    (course / "nbgrader_config.py").rename(course / "hidden_config.py")
    try:
        assert "3 of 3 points" in run(small.handed_in())[1]  # a student's folder, with notebooks/ alone
    finally:
        (course / "hidden_config.py").rename(course / "nbgrader_config.py")


def test_the_report(run, tmp_path):
    path = tmp_path / "report.json"
    run(small.handed_in(second=WRONG, third="def third(x)"), "--report", str(path))
    found = json.loads(path.read_text())
    assert {name: found[name] for name in ("format", "status", "chapter", "notebook", "hidden")} == {
        "format": "course-grader check 1",
        "status": "open",
        "chapter": small.NAME,
        "notebook": "small.ipynb",
        "hidden": True,
    }
    assert (found["earned"], found["points"], len(found["cases"])) == (2, 6, 6)
    assert found["cases"][2] == {
        "number": "2.1",
        "exercise": "second",
        "title": "second",
        "case": "an example",
        "points": 1.5,
        "earned": 0.0,
        "status": "failed",
        "mistake": None,
        "message": "expected 6, found 3",
        "hidden": False,
    }
    written = {"number": "4", "exercise": "written", "title": "written", "points": 4, "answered": True}
    assert found["written"] == [written]
    assert found["notes"][0].startswith("third: SyntaxError")


def test_a_chapter_by_its_name_and_a_second_download(run):
    assert run(small.handed_in(), "--chapter", small.NAME, name="ada.ipynb")[0] == 0
    assert run(small.handed_in(), name="small (1).ipynb")[0] == 0
    assert run(small.handed_in(), name="Copy of small.ipynb")[0] == 0


UNUSABLE = {
    "nothing in it": (b"", [], "small.ipynb cannot be read: the file is empty"),
    "no JSON": (b"%PDF", [], "small.ipynb cannot be read: it is not JSON, as notebooks are"),
    "another notebook": (
        new_notebook(cells=[new_code_cell("print(1)")]),
        [],
        "small.ipynb has no cell of 01_small: is it another notebook?",
    ),
    "no such chapter": (small.handed_in(), ["--chapter", "02_no"], "there is no chapter 02_no here: name it"),
    "no such file": (small.handed_in(), ["--chapter", "x/a.ipynb"], "there is no x/a.ipynb, which --chapter"),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_what_cannot_be_checked(run, tmp_path, name):
    notebook, options, sentence = UNUSABLE[name]
    status, said = run(notebook, *options, "--report", str(tmp_path / "r.json"))
    assert status == 2 and said.startswith(f"course-grader: {sentence}") and said.count("\n") == 1
    found = json.loads((tmp_path / "r.json").read_text())
    assert found["status"] == "unusable" and found["message"].startswith(sentence)


def test_a_folder_with_one_notebook_with_none_and_with_two(run, tmp_path, capsys):
    assert main(["check", str(tmp_path)]) == 2
    assert f"there is no notebook in {tmp_path}" in capsys.readouterr().err
    run(small.handed_in())
    assert main(["check", str(tmp_path)]) == 0
    run(small.handed_in(), "--chapter", small.NAME, name="copy.ipynb")
    assert main(["check", str(tmp_path)]) == 2
    assert "name one of copy.ipynb, small.ipynb" in capsys.readouterr().err


def test_other_encodings_are_read(run):
    status, said = run(nbformat.writes(small.handed_in()).encode("utf-16"))
    assert status == 0 and "Note: the notebook is UTF-16, not UTF-8\n" in said
    assert run(nbformat.writes(small.handed_in()).encode("utf-8-sig"))[0] == 0


def test_modules_beside_the_notebook_are_there_and_other_notebooks_are_not(run, tmp_path):
    (tmp_path / "helper.py").write_text("def add(x):\n    return x + 1\n")
    (tmp_path / "old.ipynb").write_text("{")
    status, said = run(small.handed_in(first="from helper import add\n\ndef first(x):\n    return add(x)"))
    assert status == 0, said


def test_the_texts_of_a_repository_are_no_written_answers(run, tmp_path):
    (tmp_path / "README.md").write_text("How to start")
    (tmp_path / "requirements.txt").write_text("torch")
    status, said = run(small.handed_in(written="YOUR ANSWER HERE"))
    assert status == 1 and "written, 4 points: no answer yet" in said
    (tmp_path / "answer.md").write_text("Because it is so.")
    status, said = run(small.handed_in(written="YOUR ANSWER HERE"))
    assert status == 0 and "answer.md" in said


def test_on_github_the_job_has_a_summary_and_the_points(run, tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    (tmp_path / "summary.md").write_text("before\n")
    _, said = run(small.handed_in(second='def second(x):\n    raise ValueError("<b>|`x` `")'))
    summary = (tmp_path / "summary.md").read_text()
    assert summary.startswith("before\n### 01&#95;small: 3 of 6 points\n")
    assert "\n| ✓ | first | an example | 1 of 1 |\n" in summary
    assert "&lt;b&gt;&#124;<code>x</code> &#96;" in summary and "<b>" not in summary
    assert "\n| ✓ | written | answered; your instructor marks it | 4 points |\n" in summary
    # As classroom-resources/autograding-grading-reporter writes them.
    assert "\n::notice title=Autograding complete::Points 3/6\n" in said
    assert '\n::notice title=Autograding report::{"totalPoints":3,"maxPoints":6}\n' in said


def test_on_github_also_what_cannot_be_checked_is_told(run, tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    run(b"")
    assert "the file is empty" in (tmp_path / "summary.md").read_text()


def test_parts_of_points_are_reported(monkeypatch):
    report = alone.Report([outcome(0.5, 1.0), outcome(1.0, 1.0)], [], [], (), 0.0)
    assert list(check.notices(report)) == [
        "::notice title=Autograding complete::Points 1.5/2",
        '::notice title=Autograding report::{"totalPoints":1.5,"maxPoints":2}',
    ]


def outcome(earned: float, points: float) -> alone.Outcome:
    return alone.Outcome("a", "case", points, earned, "passed", None, "", False, "1", "a")
