"""The exercises of a chapter, as its headings name them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from nbformat import NotebookNode

from course_format.cells import TEST, is_answer, nbgrader

# ### Exercise 1.1: `ramp` &nbsp; (2 points, about 5 minutes, ★☆☆)
HEADING = re.compile(r"^#+ *(Exercise .*?) *(?:&nbsp;.*)?$", re.MULTILINE)


@dataclass(frozen=True)
class Exercise:
    """One exercise of a chapter. grade_id: of the cell with the points; equal to name if it is written."""

    name: str  # grade_id of the cell that the student writes
    grade_id: str
    title: str
    question: str  # Markdown above the student's cell, without its heading; for written questions

    @property
    def written(self) -> bool:
        return self.name == self.grade_id


def exercises(notebook: NotebookNode) -> list[Exercise]:
    """The exercises of a chapter, solved or as students get it, in order."""
    found, title, question = [], "", ""
    for cell in notebook.cells:
        meta = nbgrader(cell)
        if meta.get("grade"):
            name = meta["grade_id"] if is_answer(cell) else meta["grade_id"].removeprefix(TEST)
            found.append(Exercise(name, meta["grade_id"], title or name, question))
            title, question = "", ""
        elif cell.cell_type == "markdown":
            titles = HEADING.findall(cell.source)
            title = titles[-1] if titles else title
            question = re.sub(r"^#+ .*\n*", "", cell.source, count=1)
    return found


def titled(sentence: str, exercises: Iterable[Exercise]) -> str:
    """A sentence that begins with the name of a cell, with the title of its exercise in place of that."""
    titles = {name: exercise.title for exercise in exercises for name in (exercise.name, exercise.grade_id)}
    cell, colon, rest = sentence.partition(": ")
    return f"{titles[cell]}{colon}{rest}" if cell in titles else sentence
