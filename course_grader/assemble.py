"""Puts a notebook together that can be graded: the chapter's own tests, and the student's own cells.

nbgrader trusts the metadata of what was handed in. Here the chapter says what is graded and for how many
points; from the student come sources only, and the order of the cells.
"""

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import nbformat
from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbgrader.preprocessors import SaveCells
from nbgrader.utils import compute_checksum, is_solution
from traitlets.config import Config

from course_builder.chapter import KERNELSPEC, nbgrader
from course_grader import submission
from course_grader.steps import EXPERIMENT
from course_grader.work import Job

OPENING = re.compile(r"^check\.exercise\(\"(\w+)\"", re.MULTILINE)
CELL_ID = re.compile(r"[a-zA-Z0-9-_]{1,64}")


@dataclass(frozen=True)
class Assembled:
    """A notebook to run, sentences about what was wrong, and the solution cells that nobody touched."""

    notebook: NotebookNode
    problems: tuple[str, ...]
    unanswered: frozenset[str]


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
    """Merge what was handed in with the chapter. If nothing can be used, the chapter as it was released."""
    chapter = nbformat.reads(job.chapter, as_version=4)
    trusted = {nbgrader(cell)["grade_id"]: cell for cell in chapter.cells if nbgrader(cell)}
    name, cells, problems = _handed_in(job, trusted)
    problems = [*job.problems, *problems]
    if name is None:
        return _finish(chapter, chapter.cells, problems)
    merged, notes = _merge(cells, chapter, trusted)
    return _finish(chapter, merged, [*problems, *notes])


def _handed_in(job: Job, trusted: dict) -> tuple[str | None, list[NotebookNode], list[str]]:
    """(file name, cells, problems) of the notebook to grade: the one of the right name, else the likeliest."""
    right = f"{job.name}.ipynb"
    names = [name for name in job.files if name.endswith(".ipynb")]
    candidates = [right] if right in names else names
    problems, read = [], {}
    for name in candidates:
        try:
            read[name] = submission.parse_notebook(job.files[name])
        except submission.UnreadableNotebook as error:
            problems.append(f"{name} cannot be read: {error}")
    if not read:
        return None, [], problems or [f"no notebook was handed in: {right} is missing"]
    best = max(read, key=lambda name: len(_known(read[name][0], trusted)))
    if best != right:
        problems.append(f"{right} is missing; {best} was graded in its place")
    cells, notes = read[best]
    return best, cells, [*problems, *notes]


def _known(cells: list[NotebookNode], trusted: dict) -> dict[str, list[int]]:
    """grade_id -> where its cells are, in a notebook whose metadata may be missing or wrong."""
    known: dict[str, list[int]] = {}
    for place, cell in enumerate(cells):
        name = _recognise(cell, trusted)
        if name:
            known.setdefault(name, []).append(place)
    return known


def _recognise(cell: NotebookNode, trusted: dict) -> str | None:
    """The grade_id of a cell: from its metadata, or its id, or because it opens a test."""
    meta = cell.metadata.get("nbgrader")
    opening = OPENING.search(cell.source)
    for name in (
        meta.get("grade_id") if isinstance(meta, dict) else None,
        cell.get("id"),
        f"test_{opening[1]}" if opening and cell.cell_type == "code" else None,
    ):
        if isinstance(name, str) and name in trusted:
            return name
    return None


def _merge(
    cells: list[NotebookNode], chapter: NotebookNode, trusted: dict
) -> tuple[list[NotebookNode], list[str]]:
    """The cells to run, in the student's order, and sentences about what was missing, repeated or changed."""
    known = _known(cells, trusted)
    chosen = {name: _choose(name, places, cells, trusted) for name, places in known.items()}
    names = {place: name for name, places in known.items() for place in places}
    experiments = {cell.source for cell in chapter.cells if _is_experiment(cell)}
    merged: list[NotebookNode] = []
    for place, cell in enumerate(cells):
        name = names.get(place)
        if name is not None and chosen[name] == place:
            merged.append(_graded(trusted[name], cell))
        elif name is None or is_solution(trusted[name]):
            merged.append(_plain(cell, experiments))
    for name in trusted:
        if name not in chosen and not _is_answer_code(trusted[name]):
            _insert(merged, copy.deepcopy(trusted[name]), list(trusted))
    return merged, list(_notes(cells, known, chosen, trusted))


def _choose(name: str, places: list[int], cells: list[NotebookNode], trusted: dict) -> int:
    """Which of several cells with the same name counts: the first that was worked on."""
    touched = [place for place in places if cells[place].source != trusted[name].source]
    return (touched if is_solution(trusted[name]) and touched else places)[0]


def _graded(own: NotebookNode, cell: NotebookNode) -> NotebookNode:
    """The chapter's cell; with the student's source if it is there for an answer."""
    result = copy.deepcopy(own)
    if is_solution(own):
        result.source = cell.source
    return result


def _plain(cell: NotebookNode, experiments: set[str]) -> NotebookNode:
    """A cell of the student's that is not graded."""
    skipped = _is_experiment(cell) or cell.source in experiments
    cell.metadata = nbformat.from_dict({"tags": [EXPERIMENT]} if skipped else {})
    return cell


def _is_experiment(cell: NotebookNode) -> bool:
    tags = cell.metadata.get("tags", [])
    return isinstance(tags, list) and EXPERIMENT in tags


def _is_answer_code(cell: NotebookNode) -> bool:
    """A missing cell of this kind is not put back: its stub would hide an answer that stands elsewhere."""
    return cell.cell_type == "code" and is_solution(cell)


def _insert(merged: list[NotebookNode], cell: NotebookNode, order: list[str]) -> None:
    """Put a missing cell behind the graded cell that comes before it in the chapter, or at the end."""
    places = {nbgrader(other)["grade_id"]: place for place, other in enumerate(merged) if nbgrader(other)}
    before = order[: order.index(nbgrader(cell)["grade_id"])]
    found = [places[name] for name in reversed(before) if name in places]
    merged.insert(found[0] + 1 if found else len(merged), cell)


def _notes(cells: list[NotebookNode], known: dict, chosen: dict, trusted: dict) -> Iterator[str]:
    for name, own in trusted.items():
        if name not in known:
            back = "" if _is_answer_code(own) else " and was put back"
            yield f"the cell {name} is missing{back}"
        elif len(known[name]) > 1:
            yield f"the cell {name} is there {len(known[name])} times; one of them counts"
        if (
            name in chosen
            and not is_solution(own)
            and cells[chosen[name]].source.strip() != _released(own).strip()
        ):
            yield f"the cell {name} was changed; the chapter's own was run"


def _released(cell: NotebookNode) -> str:
    """The source that students got: without hidden tests."""
    lines, hidden = [], False
    for line in cell.source.split("\n"):
        hidden = (hidden or "### BEGIN HIDDEN TESTS" in line) and "### END HIDDEN TESTS" not in line
        if not hidden and "### END HIDDEN TESTS" not in line:
            lines.append(line)
    return "\n".join(lines)


def _finish(chapter: NotebookNode, cells: list[NotebookNode], problems: list[str]) -> Assembled:
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNELSPEC})
    notebook.metadata["course"] = chapter.metadata.get("course", {})
    _set_ids(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbformat.validate(notebook)
    answers = [cell for cell in cells if nbgrader(cell) and is_solution(cell)]
    same = {nbgrader(c)["grade_id"] for c in answers if nbgrader(c).get("checksum") == compute_checksum(c)}
    present = {nbgrader(cell)["grade_id"] for cell in answers}
    missing = {nbgrader(c)["grade_id"] for c in chapter.cells if nbgrader(c) and is_solution(c)} - present
    return Assembled(notebook, tuple(problems), frozenset(same | missing))


def _set_ids(notebook: NotebookNode) -> None:
    """Every cell has a valid id of its own; graded cells have their grade_id."""
    taken = {nbgrader(cell)["grade_id"] for cell in notebook.cells if nbgrader(cell)}
    for number, cell in enumerate(notebook.cells):
        if nbgrader(cell):
            cell["id"] = nbgrader(cell)["grade_id"]
        elif cell["id"] in taken or not CELL_ID.fullmatch(cell["id"]):
            cell["id"] = next(name for k in count() if (name := f"cell-{number}-{k}") not in taken)
        taken.add(cell["id"])
