"""Puts a notebook together that can be graded: the chapter's own tests, and the student's own cells.

nbgrader trusts the metadata of what was handed in. Here the chapter says what is graded and for how many
points; from the student come sources only, and the order of the cells.
"""

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import PurePosixPath

import nbformat
from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbgrader.preprocessors import SaveCells
from nbgrader.utils import compute_checksum, is_solution
from traitlets.config import Config

from course_format.cells import nbgrader
from course_format.chapter import KERNELSPEC
from course_grader.handed_in import submission
from course_grader.handed_in.merge import is_imports, merge
from course_grader.handed_in.parse import UnreadableNotebook, parse_notebook, python_version
from course_grader.handed_in.recognise import recognise
from course_grader.handed_in.released import Released, read_released
from course_grader.job import Job

CELL_ID = re.compile(r"[a-zA-Z0-9-_]{1,64}")
LONGEST_ERROR = 200
DOCUMENTS = (
    *(".txt", ".md", ".rtf", ".doc", ".docx", ".odt", ".pdf"),
    *(".png", ".jpg", ".jpeg", ".heic", ".webp"),
)


@dataclass(frozen=True)
class Assembled:
    """A notebook to run, sentences about what was wrong, and the solution cells that nobody touched.

    chapter: the chapter's own cells, which nobody may change. imports: id of the cell with the imports.
    folder: of the files handed in, the one that holds the notebook. python: the version with which it was
    saved; (0, 0) if it does not say.
    """

    notebook: NotebookNode
    problems: tuple[str, ...]
    unanswered: frozenset[str]
    chapter: list[NotebookNode]
    imports: str = ""
    folder: str = "."
    python: tuple[int, int] = (0, 0)


def prepare(solved: NotebookNode, config: Config) -> NotebookNode:
    """The chapter as the gradebook knows it: stubs in place of solutions, hidden tests included.

    These are nbgrader's own steps up to the one that saves the cells in the gradebook.
    """
    notebook, resources = copy.deepcopy(solved), ResourcesDict()
    for step in config.GenerateAssignment.preprocessors:
        if step is SaveCells:
            return notebook
        notebook, resources = step(parent=None, config=config).preprocess(notebook, resources)
    raise ValueError("nbgrader_config.py: GenerateAssignment.preprocessors must have SaveCells")


def assemble(job: Job) -> Assembled:
    """Merge what was handed in with the chapter. If nothing can be used, the chapter as it was released.

    Whatever was handed in, this returns: what nobody has thought of counts as a notebook that cannot be used.
    """
    released = read_released(job.chapter)
    try:
        return _assemble(job, released)
    except Exception as error:
        said = " ".join(f"{type(error).__name__}: {error}".split())[:LONGEST_ERROR]
        problem = f"the notebook cannot be graded, so all exercises count as not done ({said})"
        return _finish(released, copy.deepcopy(released.cells), [*job.problems, problem])


def _assemble(job: Job, released: Released) -> Assembled:
    name, cells, problems = _handed_in(job, released)
    problems = [*job.problems, *problems]
    if cells is None:
        return _finish(released, copy.deepcopy(released.cells), problems)
    merged, notes = merge(recognise(cells, released), _documents(job))
    result = _finish(released, merged, [*problems, *notes])
    folder, python = str(PurePosixPath(name).parent), python_version(job.files[name])
    return replace(result, folder=folder, python=python)


def _handed_in(job: Job, released: Released) -> tuple[str, list[NotebookNode] | None, list[str]]:
    """(name, cells, problems) of the notebook to grade; no cells if there is none.

    The one of the right name counts if anything was answered in it, else the one with most answers.
    """
    right = f"{job.name}.ipynb"
    names = sorted(filter(submission.is_notebook, job.files), key=lambda name: (name != right, name))
    problems, best = [], None
    for name in names:
        try:
            cells, notes = parse_notebook(job.files[name])
        except UnreadableNotebook as error:
            problems.append(f"{submission.printable(name)} cannot be read: {error}")
            continue
        found = recognise(cells, released)
        answers = {found.names[place] for place in found.names if found.is_answer(place)}
        known = (len(answers), len(set(found.names.values())))
        if best is None or known > best[0]:
            best = known, name, cells, notes
        if name == right and answers:
            break
    if best is None:
        return "", None, [*problems, _nothing_to_grade(right, names, job)]
    _, name, cells, notes = best
    return name, cells, [*problems, *_about_names(name, right, names), *notes]


def _documents(job: Job) -> list[str]:
    """The names of texts and pictures beside the notebook, which may contain an answer in words."""
    return [submission.printable(name) for name in sorted(job.files) if name.lower().endswith(DOCUMENTS)][:5]


def _nothing_to_grade(right: str, names: list[str], job: Job) -> str:
    others = ", ".join(submission.printable(name) for name in sorted(job.files)[:5])
    if names or not others:
        return f"there is no notebook {right} to grade, so all exercises count as not done"
    return f"there is no notebook {right} to grade, only {others}; so all exercises count as not done"


def _about_names(name: str, right: str, names: list[str]) -> Iterator[str]:
    if name != right:
        state = "has no answers" if right in names else "is missing"
        yield f"{right} {state}; {submission.printable(name)} was graded in its place"
    others = [submission.printable(other) for other in names if other not in (name, right)]
    if others:
        yield f"other notebooks were handed in and not graded: {', '.join(others[:5])}"


def _finish(released: Released, cells: list[NotebookNode], problems: list[str]) -> Assembled:
    _set_ids(cells)
    metadata = nbformat.from_dict({"kernelspec": KERNELSPEC, "course": released.metadata.get("course", {})})
    version = {"nbformat": nbformat.v4.nbformat, "nbformat_minor": nbformat.v4.nbformat_minor}
    notebook = NotebookNode(cells=cells, metadata=metadata, **version)
    for cell in cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbformat.validate(notebook)
    answers = [cell for cell in cells if nbgrader(cell) and is_solution(cell)]
    touched = {nbgrader(c)["grade_id"] for c in answers if nbgrader(c).get("checksum") != compute_checksum(c)}
    asked = {name for name, cell in released.graded.items() if is_solution(cell)}
    imports = next((cell.id for cell in cells if is_imports(cell, released.imports)), "")
    return Assembled(notebook, tuple(problems), frozenset(asked - touched), released.cells, imports)


def _set_ids(cells: list[NotebookNode]) -> None:
    """Every cell has a valid id of its own; graded cells have their grade_id."""
    taken = {nbgrader(cell)["grade_id"] for cell in cells if nbgrader(cell)}
    for number, cell in enumerate(cells):
        if nbgrader(cell):
            cell["id"] = nbgrader(cell)["grade_id"]
        elif cell["id"] in taken or not CELL_ID.fullmatch(cell["id"]):
            cell["id"] = next(name for k in count() if (name := f"cell-{number}-{k}") not in taken)
        taken.add(cell["id"])
