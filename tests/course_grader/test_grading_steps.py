"""The test language under the real nbgrader: what each kind of test cell earns, and what it says."""

import shutil

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course_format.chapter import KERNELSPEC, ROOT
from tests.nbgrader_course import Course, cell_of, texts

NAME = "01_cases"

# exercise -> (points, the student's cell, the test cell's cases)
EXERCISES = {
    "partial": (
        2,
        "def partial():\n    return 1",
        """
with check.case("is one", points=1.5):
    check.equal(partial(), 1)
### BEGIN HIDDEN TESTS
with check.case("is two", points=0.5, hidden=True):
    check.equal(partial(), 2, "the secret is two")
### END HIDDEN TESTS""",
    ),
    "noisy": (
        1,
        """
import logging, os, subprocess, sys, warnings
logging.basicConfig()
def noisy():
    print("hello"); print("to stderr", file=sys.stderr)
    warnings.warn("a warning")
    os.write(2, b"raw bytes\\n")
    logging.getLogger().error("logged")
    subprocess.run("echo from a child >&2", shell=True)
    return 1""",
        'with check.case("is one", points=1):\n    check.equal(noisy(), 1)',
    ),
    "nan_points": (1, "", 'with check.case("nan", points=float("nan")):\n    pass'),
    "too_many": (1, "", 'with check.case("two", points=2):\n    pass'),
    "breaks_off": (
        2,
        "",
        'with check.case("fine", points=1):\n    pass\nraise RuntimeError("outside of a case")',
    ),
    "after_it": (2, "", 'with check.case("fine", points=1):\n    pass'),
    "crashes": (
        1,
        "def crashes(x):\n    y = x - 1\n    return 1 / y",
        'with check.case("runs", points=1):\n    crashes(1)',
    ),
    "exits": (
        1,
        "import sys\ndef exits():\n    sys.exit(0)",
        'with check.case("runs", points=1):\n    exits()',
    ),
    "skipped": (1, "", 'with check.case("fails", points=1):\n    check.fail("no")'),
    "endless": (
        1,
        "def endless():\n    while True:\n        pass",
        'with check.case("ends", points=1):\n    endless()\n'
        "### BEGIN HIDDEN TESTS\n"
        'with check.case("secret", points=0, hidden=True):\n    pass\n'
        "### END HIDDEN TESTS",
    ),
    "last": (1, "", 'with check.case("fine", points=1):\n    pass'),
}


def solution_cell(name, source):
    meta = {
        "grade": False,
        "grade_id": name,
        "locked": False,
        "schema_version": 3,
        "solution": True,
        "task": False,
    }
    return new_code_cell(source, metadata={"nbgrader": meta}, id=name)


def test_cell(name, points, cases):
    source = f'check.exercise("{name}", points={points})\n{cases}\ncheck.score()'
    meta = {"grade": True, "grade_id": f"test_{name}", "locked": True, "points": points}
    meta |= {"schema_version": 3, "solution": False, "task": False}
    return new_code_cell(source, metadata={"nbgrader": meta}, id=f"test_{name}")


test_cell.__test__ = False


def chapter():
    cells = [
        new_markdown_cell("# Cases", id="title"),
        new_code_cell("from course_utils import check", id="imports"),
    ]
    for name, (points, answer, cases) in EXERCISES.items():
        cells += [solution_cell(name, answer), test_cell(name, points, cases)]
    cells.append(new_code_cell("1 / 0", metadata={"tags": ["experiment"]}, id="experiment"))
    return new_notebook(cells=cells, metadata={"kernelspec": KERNELSPEC, "course": {}})


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course of one chapter with one submission, graded and with feedback."""
    folder = tmp_path_factory.mktemp("course")
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    (folder / "solutions" / NAME).mkdir(parents=True)
    nbformat.write(chapter(), folder / "solutions" / NAME / "cases.ipynb")
    course = Course(folder)
    course.nbgrader("generate_assignment", NAME)
    submission = nbformat.read(folder / "notebooks" / NAME / "cases.ipynb", as_version=4)
    for name, (_, answer, _) in EXERCISES.items():
        cell_of(submission, name).source = answer
    cell_of(submission, "test_skipped").metadata["tags"] = ["skip-execution", "experiment"]
    course.submit("ann", NAME, submission, "cases")
    course.nbgrader("autograde", NAME, "--Execute.timeout=15")
    course.nbgrader("generate_feedback", NAME)
    return course


@pytest.mark.parametrize(
    ("exercise", "points"),
    [
        ("partial", 1.5),
        ("noisy", 1),
        ("nan_points", 0),
        ("too_many", 0),
        ("breaks_off", 0),
        ("after_it", 1),
        ("crashes", 0),
        ("exits", 0),
        ("skipped", 0),
        ("endless", 0),
        ("last", 1),
    ],
)
def test_what_it_earns(course, exercise, points):
    assert course.scores("ann", NAME)[f"test_{exercise}"] == points


@pytest.mark.parametrize(
    ("exercise", "said"),
    [
        ("partial", "✗ is two: the secret is two\n    expected 2, found 1"),
        ("noisy", "from a child"),
        ("nan_points", "points must be a number from 0 on, got nan"),
        ("too_many", "the cases of 'too_many' offer more than its 1 points"),
        ("crashes", "✗ runs: your code stopped with ZeroDivisionError: division by zero\n"),
        ("crashes", "in `crashes`, line 3 of its cell: return 1 / y"),
        ("exits", "✗ runs: your code stopped with SystemExit: 0"),
    ],
)
def test_what_it_says(course, exercise, said):
    assert said in texts(cell_of(course.autograded("ann", NAME, "cases"), f"test_{exercise}"))


def test_experiments_are_left_out(course):
    cells = course.autograded("ann", NAME, "cases").cells
    (experiment,) = [cell for cell in cells if cell.source == "1 / 0"]
    assert experiment.outputs == []


def test_feedback_shows_messages_and_no_hidden_tests(course):
    page = course.feedback("ann", NAME, "cases")
    assert "the secret is two" in page
    assert "line 3 of its cell" in page
    assert "HIDDEN TESTS" not in page
    assert "hidden=True" not in page


def validate(course, tmp_path, change):
    notebook = nbformat.read(course.folder / "notebooks" / NAME / "cases.ipynb", as_version=4)
    wanted = {"title", "imports", "partial", "test_partial"}
    notebook.cells = [cell for cell in notebook.cells if cell.id in wanted]
    cell_of(notebook, "partial").source = change
    nbformat.write(notebook, tmp_path / "cases.ipynb")
    return course.nbgrader("validate", str(tmp_path / "cases.ipynb"), check=False).stdout


def test_validate_passes_without_the_hidden_tests(course, tmp_path):
    assert "Success! Your notebook passes all the tests." in validate(
        course, tmp_path, "def partial():\n    return 1"
    )


def test_validate_shows_one_summary(course, tmp_path):
    said = validate(course, tmp_path, "def partial():\n    return 3")
    assert "✗ is one: expected 1, found 3" in said
    assert "Traceback" not in said
    assert said.count("expected 1, found 3") == 1
