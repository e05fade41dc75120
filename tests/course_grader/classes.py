"""A class whose work is graded: a gradebook and autograded notebooks, written by hand and so in no time."""

import copy
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbgrader.api import Base, Comment, Grade, Gradebook, Student, SubmittedAssignment, SubmittedNotebook
from sqlalchemy import create_engine

from course_format.cells import nbgrader
from course_format.chapter import KERNELSPEC, ROOT, Chapter
from course_format.record import LONGEST, MIME_TYPE
from course_grader.course import Course

SCHEMA = {"locked": False, "schema_version": 3, "task": False}


def record(case: str, points: float = 1, message: str = "", **fields: Any) -> dict:
    """A check record; failed if it has a message, of which a record holds the beginning."""
    message = message[:LONGEST]
    status = fields.pop("status", "failed" if message else "passed")
    data = {"exercise": "", "case": case, "points": points, "earned": points if status == "passed" else 0.0}
    return data | {"status": status, "mistake": None, "message": message, "hidden": False} | fields


def shown(data: dict) -> NotebookNode:
    """The output that a case leaves in its cell."""
    return new_output("display_data", data={"text/plain": data["case"], MIME_TYPE: data})


def printed(text: str) -> NotebookNode:
    """The output of a print."""
    return new_output("stream", name="stdout", text=text)


def solution_cell(name: str, source: str) -> NotebookNode:
    """The cell that a student writes."""
    meta = SCHEMA | {"grade": False, "grade_id": name, "solution": True}
    return new_code_cell(source, metadata={"nbgrader": meta}, id=name)


def tests_cell(name: str, points: float, cases: str) -> NotebookNode:
    """The test cell of an exercise."""
    meta = SCHEMA | {"grade": True, "grade_id": f"test_{name}", "points": points, "solution": False}
    source = f'check.exercise("{name}", points={points})\n{cases}\ncheck.score()'
    return new_code_cell(source, metadata={"nbgrader": meta}, id=f"test_{name}")


def written_cell(name: str, points: float, source: str) -> NotebookNode:
    """The cell of a written question."""
    meta = SCHEMA | {"grade": True, "grade_id": name, "points": points, "solution": True}
    return new_markdown_cell(source, metadata={"nbgrader": meta}, id=name)


def small_chapter() -> NotebookNode:
    """Two exercises, one that is worth nothing, and a written question."""
    cells = [
        new_markdown_cell("# Sums", id="title"),
        new_code_cell("from course_utils import check", id="imports"),
        new_markdown_cell("### Exercise 1.1: `add` &nbsp; (2 points)\n\nAdd.", id="question-add"),
        solution_cell(
            "add",
            "def add(a, b):\n    ### BEGIN SOLUTION\n    return sum((a, b), start=0 * a)\n"
            "    ### END SOLUTION",
        ),
        tests_cell(
            "add",
            2,
            'with check.case("adds", points=1):\n    check.equal(add(1, 2), 3)\n### BEGIN HIDDEN TESTS\n'
            'with check.case("adds large numbers", points=1, hidden=True):\n'
            "    for large in (10**9, 10**12):\n"
            "        check.equal(add(large, large + 1), 2 * large + 1, "
            '"large numbers are added as small ones")\n'
            "### END HIDDEN TESTS",
        ),
        new_markdown_cell("### Exercise 1.2: `twice` &nbsp; (3 points)\n\nDouble.", id="question-twice"),
        solution_cell(
            "twice", "def twice(x):\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION"
        ),
        tests_cell("twice", 3, 'with check.case("doubles", points=3):\n    check.equal(twice(2), 4)'),
        solution_cell("free", "free = None"),
        tests_cell("free", 0, 'with check.case("is there"):\n    check.that(free is None, "where is it")'),
        new_markdown_cell(
            "### Exercise 1.3: in your own words &nbsp; (2 points)\n\nWhy is $a + b = b + a$?", id="question"
        ),
        written_cell("why", 2, "**Model answer.** Counting does not care where it starts, as we saw."),
    ]
    return new_notebook(cells=cells, metadata={"kernelspec": KERNELSPEC, "course": {"title": "Sums"}})


@dataclass
class GradedClass:
    """A course folder with one assignment, to which graded students are added."""

    course: Course
    assignment: str
    chapter: NotebookNode

    @property
    def name(self) -> str:
        return self.assignment.split("_", 1)[1]

    def add(
        self,
        student: str,
        answers: Mapping[str, str] | None = None,
        outputs: Mapping[str, Sequence[NotebookNode | dict]] | None = None,
        manual: Mapping[str, float] | None = None,
        comments: Mapping[str, str] | None = None,
        penalty: float | None = None,
        notes: Mapping[str, Any] | None = None,
        **person: str,
    ) -> Path:
        """Put a graded student into the gradebook and write the autograded notebook. Returns its path.

        answers: grade_id -> source. outputs: grade_id -> outputs of the cell, records as dicts; the earned
        points of the records are the automatic score. manual, comments: grade_id -> marks by a person.
        """
        notebook = copy.deepcopy(self.chapter)
        notebook.metadata["course_grader"] = {"version": "1", "digest": "", "reason": "", "flags": []} | dict(
            notes or {}
        )
        scores = {}
        for cell in notebook.cells:
            name = nbgrader(cell).get("grade_id")
            if nbgrader(cell).get("solution"):
                stub = "YOUR ANSWER HERE" if cell.cell_type == "markdown" else ""
                cell.source = (answers or {}).get(name, stub)
            if cell.cell_type == "code":
                given = (outputs or {}).get(name, [])
                cell.outputs = [shown(output) if "case" in output else output for output in given]
                scores[name] = sum(output.get("earned", 0) for output in given)
        with self.gradebook() as gradebook:
            self._mark(gradebook, student, person, scores, manual or {}, comments or {}, penalty)
        path = self.course.path("autograded", student, self.assignment) / f"{self.name}.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(notebook, path)
        return path

    def gradebook(self) -> Gradebook:
        """The open gradebook."""
        return Gradebook(self.course.db_url, "deep_learning")

    def _mark(self, gradebook, student, person, scores, manual, comments, penalty):
        source = gradebook.find_assignment(self.assignment).notebooks[0]
        submission = SubmittedAssignment(assignment_id=source.assignment_id, student_id=student)
        notebook = SubmittedNotebook(notebook_id=source.id, assignment=submission)
        notebook.late_submission_penalty = penalty
        for cell in source.grade_cells:
            auto, hand = scores.get(cell.name), manual.get(cell.name)
            waiting = auto is None and hand is None
            Grade(
                cell_id=cell.id,
                notebook=notebook,
                auto_score=auto,
                manual_score=hand,
                needs_manual_grade=waiting,
            )
        for cell in source.solution_cells:
            Comment(cell_id=cell.id, notebook=notebook, manual_comment=comments.get(cell.name))
        gradebook.db.add_all([Student(id=student, **person), submission])
        gradebook.db.commit()


def graded_class(folder: Path, assignment: str, chapter: NotebookNode) -> GradedClass:
    """A course folder with this solved chapter and a gradebook without students."""
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    target = Chapter(folder / "solutions" / assignment)
    target.folder.mkdir(parents=True)
    nbformat.write(chapter, target.solved)
    made = GradedClass(Course(folder), assignment, chapter)
    engine = create_engine(made.course.db_url)
    Base.metadata.create_all(engine)  # nbgrader would run a program that takes a second
    engine.dispose()
    with made.gradebook() as gradebook:
        gradebook.add_assignment(assignment, course_id="deep_learning")
        gradebook.add_notebook(target.stem, assignment)
        for cell in chapter.cells:
            meta = nbgrader(cell)
            where = (meta.get("grade_id"), target.stem, assignment)
            if meta.get("grade"):
                gradebook.add_grade_cell(*where, max_score=meta["points"], cell_type=cell.cell_type)
            if meta.get("solution"):
                gradebook.add_solution_cell(*where)
    return made
