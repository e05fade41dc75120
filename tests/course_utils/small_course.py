"""A course of two small chapters, and answers to them, for the tests of what a student uses."""

from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course_format.record import Record

STUB = "def a():\n    # YOUR CODE HERE\n    raise check.NotDoneYet"
QUESTION = "YOUR ANSWER HERE"
TEST = """\
check.exercise("a", points=3)
with check.case("works", points=1.5):
    pass
with check.case("works with nothing", points=0.5):
    pass
check.score()"""
POINTS = {"works": 1.5, "works with nothing": 0.5}


def graded(name: str, **more: object) -> dict:
    return {"nbgrader": {"grade": False, "grade_id": name, "solution": False, **more}}


def said(case: str, status: str, message: str = "", exercise: str = "a") -> Record:
    """What one case of the exercise left behind."""
    points = POINTS.get(case, 1.0)
    return Record(exercise, case, points, points if status == "passed" else 0.0, status, None, message, False)


def chapter(*records: Record, answer: str = STUB, written: str = QUESTION) -> NotebookNode:
    """A chapter with one exercise, whose checks left these records, and one written question.

    It is worth 5 points, 2 of them in visible cases.
    """
    outputs = [new_output("display_data", data=one.data) for one in records]
    course = {"title": "Things", "summary": "What things are", "prerequisites": ["Python"]}
    cells = [
        new_markdown_cell("# Things", id="title"),
        new_markdown_cell("### Exercise 1.1: `a` &nbsp; (3 points, about 5 minutes)", id="heading_a"),
        new_code_cell(answer, metadata=graded("a", solution=True), id="a", execution_count=None),
        new_code_cell(TEST, metadata=graded("test_a", grade=True, points=3), outputs=outputs, id="test_a"),
        new_markdown_cell("### Exercise 1.2: in your own words &nbsp; (2 points)", id="heading_b"),
        new_markdown_cell(
            written, metadata=graded("written_b", grade=True, solution=True, points=2), id="written_b"
        ),
    ]
    return new_notebook(cells=cells, metadata={"course": course, "course_build": {"minutes": 30}})


def write(folder: Path) -> tuple[Path, Path]:
    """Write a course with the chapters 01_one and 02_two into a folder. Returns its notebooks/ and work/."""
    for name in ("01_one", "02_two"):
        (folder / "notebooks" / name).mkdir(parents=True)
        nbformat.write(chapter(), folder / "notebooks" / name / f"{name[3:]}.ipynb")
    (folder / "work").mkdir()
    return folder / "notebooks", folder / "work"


def save(work: Path, name: str, notebook: NotebookNode) -> Path:
    """Save a chapter into work/, as JupyterLab does."""
    path = work / name / f"{name[3:]}.ipynb"
    path.parent.mkdir(exist_ok=True)
    nbformat.write(notebook, path)
    return path
