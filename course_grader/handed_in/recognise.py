"""Tells which cell of a submission is which of the chapter's, where names are missing, repeated or wrong."""

import re
from dataclasses import dataclass

from nbformat import NotebookNode
from nbgrader.utils import is_solution

from course_format.cells import nbgrader
from course_grader.handed_in.released import Released, definitions_in

# The first statement of a test cell.
OPENING = re.compile(r"(?:\s*#.*\n)*\s*check\.exercise\(\s*[\"'](\w+)[\"']")


@dataclass(frozen=True)
class Recognised:
    """The cells of a submission, and for those that are known the place -> grade_id."""

    cells: list[NotebookNode]
    names: dict[int, str]
    released: Released

    def is_answer(self, place: int) -> bool:
        """Whether a known cell is there for an answer, and has one."""
        name = self.names[place]
        return is_solution(self.released.graded[name]) and self.released.answered(name, self.cells[place])


def recognise(cells: list[NotebookNode], released: Released) -> Recognised:
    """Find the graded cells, also where their metadata is missing or wrong.

    The stronger signs come first. A weaker one counts for a name that no stronger one has found, or found
    without an answer in it.
    """
    names: dict[int, str] = {}
    signs = [_signs(cells, place, released) for place in range(len(cells))]
    for equally_strong in zip(*signs, strict=True):
        settled = {name for place, name in names.items() if _settles(name, cells[place], released)}
        for place, name in enumerate(equally_strong):
            if place not in names and name in released.graded and name not in settled:
                names[place] = name
    return Recognised(cells, names, released)


def _settles(name: str, cell: NotebookNode, released: Released) -> bool:
    return not is_solution(released.graded[name]) or released.answered(name, cell)


def _signs(cells: list[NotebookNode], place: int, released: Released) -> tuple[str | None, ...]:
    """What a cell is by its metadata, its id, its source, and its content, the strongest sign first."""
    cell = cells[place]
    by_source = released.by_source.get(cell.source.strip())
    return nbgrader(cell).get("grade_id"), cell.get("id"), by_source, _by_content(cells, place, released)


def _by_content(cells: list[NotebookNode], place: int, released: Released) -> str | None:
    """A cell that opens a test, defines what an exercise asks for, or follows a written question."""
    cell = cells[place]
    if cell.source.strip() in released.given:
        return None
    if cell.cell_type in ("markdown", "raw"):
        return released.by_neighbour.get(cells[place - 1].source.strip()) if place else None
    opening = OPENING.match(cell.source)
    if opening:
        return f"test_{opening[1]}"
    defined = definitions_in(cell.source) if cell.cell_type == "code" else frozenset()
    return next((name for name, needed in released.definitions.items() if needed <= defined), None)
