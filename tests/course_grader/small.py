"""A small chapter with three exercises and a written question, and submissions to it."""

import copy
import json
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course_format.cells import nbgrader
from course_format.chapter import KERNELSPEC, ROOT, fingerprint
from course_grader.course import Course
from course_grader.handed_in.assemble import prepare
from course_grader.job import Job, Limits, Result
from course_grader.run import engine
from course_grader.run.client import ForkServer

NAME, STEM = "01_small", "small"
POINTS = {"test_first": 2.0, "test_second": 3.0, "test_third": 1.0}
RIGHT = {
    "first": "def first(x):\n    return x + 1",
    "second": "def second(x):\n    return 2 * x",
    "third": "def third(x):\n    return x * x",
    "written": "Because it is so.",
}
UNHURRIED = Limits(cell_seconds=60, seconds=300)
STUDENTS = [f"student{number}" for number in range(8)]
ADA = STUDENTS[1]  # of make_course: the one whose answers are all right
IMPORTS = "import math\n\nimport course_utils as cu\nfrom course_utils import check\n\nimport torch"


def chapter() -> NotebookNode:
    """The solved chapter: first (2 points, half of them hidden), second (3), third (1), written (4)."""
    cells = [new_markdown_cell("# Small", id="title"), new_code_cell(IMPORTS, id="imports")]
    for name, (given, expected) in {"first": (1, 2), "second": (3, 6), "third": (3, 9)}.items():
        cells += [_solution(name), _test(name, given, expected, POINTS[f"test_{name}"])]
    cells.append(
        new_code_cell("print('an experiment ran')", id="training", metadata={"tags": ["experiment"]})
    )
    meta = _meta("written", grade=True, solution=True, points=4)
    cells.append(new_markdown_cell("The model answer.", id="written", metadata=meta))
    return new_notebook(cells=cells, metadata={"kernelspec": KERNELSPEC, "course": {}})


def _meta(name: str, **changes) -> dict:
    plain = {"grade": False, "locked": False, "solution": False, "task": False, "schema_version": 3}
    return {"nbgrader": plain | {"grade_id": name} | changes}


def _solution(name: str) -> NotebookNode:
    body = RIGHT[name].splitlines()[1]
    source = f"def {name}(x):\n    ### BEGIN SOLUTION\n{body}\n    ### END SOLUTION"
    return new_code_cell(source, id=name, metadata=_meta(name, solution=True))


def _test(name: str, given: float, expected: float, points: float) -> NotebookNode:
    source = f"""check.exercise("{name}", points={points})
with check.case("an example", points={points / 2}):
    check.equal({name}({given}), {expected})
### BEGIN HIDDEN TESTS
with check.case("another example", points={points / 2}, hidden=True):
    check.equal({name}(0.5), {eval(RIGHT[name].splitlines()[1].strip()[7:], {"x": 0.5})})
### END HIDDEN TESTS
check.score()"""
    return new_code_cell(
        source, id=f"test_{name}", metadata=_meta(f"test_{name}", grade=True, locked=True, points=points)
    )


def prepared() -> NotebookNode:
    """The chapter as the gradebook knows it."""
    return prepare(chapter(), Course(ROOT).config)


def handed_in(**answers: str) -> NotebookNode:
    """What a student hands in: right answers, but for those given here by the name of their exercise."""
    notebook = copy.deepcopy(prepared())
    for cell in notebook.cells:
        name = nbgrader(cell).get("grade_id")
        if name in RIGHT:
            cell.source = (RIGHT | answers)[name]
        lines = cell.source.split("\n")
        if "### BEGIN HIDDEN TESTS" in lines:
            begin, end = lines.index("### BEGIN HIDDEN TESTS"), lines.index("### END HIDDEN TESTS")
            cell.source = "\n".join(lines[:begin] + lines[end + 1 :])
    return notebook


def job(notebook: NotebookNode | dict | bytes, **changes) -> Job:
    """The job to grade this notebook. changes: to the job's other fields."""
    content = notebook if isinstance(notebook, bytes) else json.dumps(notebook).encode()
    fields = {
        "assignment": NAME,
        "student": "ada",
        "name": STEM,
        "chapter": nbformat.writes(prepared()),
        "version": fingerprint(chapter()),
        "files": {f"{STEM}.ipynb": content},
        "limits": UNHURRIED,
    }
    return Job(**fields | changes)


def grade(server: ForkServer, notebook: NotebookNode | dict | bytes, **changes) -> Result:
    """Grade a notebook as it was handed in."""
    return engine.grade(job(notebook, **changes), server)


def earned(result: Result) -> dict[str, float]:
    """The scores of the test cells."""
    return {name: score for name, score in result.scores.items() if name.startswith("test_")}


def make_course(folder: Path) -> Course:
    """A course folder with a class of eight, of whom number n answers `first` with x + n: one is right."""
    (folder / "nbgrader_config.py").write_bytes((ROOT / "nbgrader_config.py").read_bytes())
    (folder / "solutions" / NAME).mkdir(parents=True)
    nbformat.write(chapter(), folder / "solutions" / NAME / f"{STEM}.ipynb")
    for number, student in enumerate(STUDENTS):
        path = folder / "submitted" / student / NAME / f"{STEM}.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(handed_in(first=f"def first(x):\n    return x + {number}"), path)
    return Course(folder)
