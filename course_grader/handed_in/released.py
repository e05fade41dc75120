"""The chapter as students got it, by which the cells of a submission are recognised."""

import re
from functools import cached_property, lru_cache

import nbformat
from nbformat import NotebookNode
from nbgrader.utils import is_solution

from course_format.cells import content_id, is_experiment, is_written, nbgrader, visible

# What a cell defines at its top level: `def f`, `class F`, `f = ...`, `f: type = ...`.
DEFINED = re.compile(
    r"^(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)|^(\w+)[ \t]*(?::[^=\n]+)?=(?!=)", re.MULTILINE
)


@lru_cache(maxsize=2)  # one submission after another is of the same chapter
def read_released(chapter: str) -> "Released":
    """What students got of a chapter; the same object for the same text of the solved notebook."""
    return Released(chapter)


class Released:
    """A chapter as students got it. It never changes, for all submissions share it.

    chapter: the solved notebook with hidden tests, as JSON text.
    """

    def __init__(self, chapter: str) -> None:
        notebook = nbformat.reads(chapter, as_version=4)
        self.metadata, self.cells = notebook.metadata, notebook.cells
        self.graded = {nbgrader(cell)["grade_id"]: cell for cell in self.cells if nbgrader(cell)}

    @cached_property
    def by_source(self) -> dict[str, str]:
        """The source as students got it -> the grade_id."""
        return {visible_source(cell): name for name, cell in self.graded.items()}

    @cached_property
    def questions(self) -> dict[str, str]:
        """The grade_id of a written answer -> the source of the cell before it, its question."""
        pairs = zip(self.cells, self.cells[1:], strict=False)
        return {nbgrader(two)["grade_id"]: visible_source(one) for one, two in pairs if is_written(two)}

    @cached_property
    def by_neighbour(self) -> dict[str, str]:
        return {question: name for name, question in self.questions.items()}

    @cached_property
    def definitions(self) -> dict[str, frozenset[str]]:
        """The grade_id of an answer in code -> what its stub defines, if it defines anything."""
        answers = {name: cell for name, cell in self.graded.items() if is_answer_code(cell)}
        found = {name: definitions_in(cell.source) for name, cell in answers.items()}
        return {name: definitions for name, definitions in found.items() if definitions}

    @cached_property
    def given(self) -> set[str]:
        """The sources of all cells that students got."""
        return {visible_source(cell) for cell in self.cells}

    @cached_property
    def experiments(self) -> set[str]:
        return {visible_source(cell) for cell in self.cells if is_experiment(cell)}

    @property
    def imports(self) -> NotebookNode:
        """The first code cell, without which hardly any answer runs."""
        return next(cell for cell in self.cells if cell.cell_type == "code")

    def answered(self, name: str, cell: NotebookNode) -> bool:
        """Whether somebody wrote something, or put a picture, into a cell that is there for an answer."""
        as_given = ("", visible_source(self.graded[name]))
        return bool(cell.get("attachments")) or cell.source.strip() not in as_given

    def was_given(self, cell: NotebookNode) -> bool:
        """Whether a cell is as students got it, in this version of the chapter or in another one."""
        return cell.source.strip() in self.given or is_as_built(cell)

    def is_experiment(self, cell: NotebookNode) -> bool:
        """Whether this is an experiment of the chapter's, as it was handed out."""
        return cell.source.strip() in self.experiments or (is_experiment(cell) and is_as_built(cell))


def definitions_in(source: str) -> frozenset[str]:
    """What the text of a cell defines, whether or not it is Python from top to bottom."""
    return frozenset(function or variable for function, variable in DEFINED.findall(source))


def is_answer_code(cell: NotebookNode) -> bool:
    """Whether a cell is for an answer in code."""
    return cell.cell_type == "code" and is_solution(cell)


def is_as_built(cell: NotebookNode) -> bool:
    """Whether a cell is as the build made it, of whatever version: its id is made from its content."""
    return cell.get("id", "").partition("-")[0] == content_id(cell)


def visible_source(cell: NotebookNode) -> str:
    """The source that students got: without hidden tests."""
    return visible(cell.source).strip()
