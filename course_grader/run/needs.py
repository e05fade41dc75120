"""Which experiments have to run after all, because an answer uses a name that only they define.

Experiments are left out when grading. At the desk they ran, and an answer may rest on one of them.
"""

import builtins
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from nbformat import NotebookNode

from course_format.cells import PARSING, is_experiment, is_test, nbgrader
from course_grader.inside.own_cell import names_in

WORD = re.compile(r"\w+")
Pair = tuple[Sequence[str], Sequence[str]]  # (names that a cell defines, names that it uses)


@dataclass(frozen=True)
class _Cell:
    cell: NotebookNode
    defined: frozenset[str]
    used: frozenset[str]


def left_out_names(cells: Sequence[NotebookNode], chapter: Sequence[NotebookNode]) -> frozenset[str]:
    """The names that only experiments define, of a notebook's cells, as far as they are the chapter's."""
    sources = {cell.source for cell in chapter}
    known = [cell for cell in cells if cell.cell_type == "code" and cell.source in sources]
    there = _union(_names(cell.source)[0] for cell in known if is_experiment(cell))
    return there - _union(_names(cell.source)[0] for cell in known if not is_experiment(cell))


def needed(
    cells: Sequence[NotebookNode],
    chapter: Sequence[NotebookNode],
    ask: Callable[[list[str]], Sequence[Pair]],
) -> set[str]:
    """The ids of the experiments that have to run.

    cells: those of the notebook to run. chapter: the chapter's own; others may hold anything, and only `ask`
    looks into them: from their sources to what they define and use.
    """
    sources = {cell.source for cell in chapter}
    code = [cell for cell in cells if cell.cell_type == "code" and not is_test(cell)]
    own = [cell for cell in code if cell.source not in sources]
    wanted = left_out_names(cells, chapter)
    if wanted.isdisjoint(word for cell in own for word in WORD.findall(cell.source)):
        return set()
    pairs = dict(zip([cell.id for cell in own], ask([cell.source for cell in own]), strict=False))
    pairs |= {cell.id: _names(cell.source) for cell in code if cell.source in sources}
    known = [_Cell(cell, *map(frozenset, pairs[cell.id])) for cell in code if cell.id in pairs]
    return _closure(known)


def _closure(cells: list[_Cell]) -> set[str]:
    """Follow the names from the answers to the cells that define them, and from there on."""
    running = [one for one in cells if not is_experiment(one.cell)]
    provided = _union(one.defined for one in running) | frozenset(dir(builtins))
    found: set[str] = set()
    waiting = [one for one in running if nbgrader(one.cell)]
    seen = {one.cell.id for one in waiting}
    while waiting:
        used = waiting.pop().used
        for one in cells:
            is_left_out = is_experiment(one.cell)
            if one.cell.id not in seen and one.defined & (used - provided if is_left_out else used):
                seen.add(one.cell.id)
                waiting.append(one)
                found |= {one.cell.id} if is_left_out else set()
    return found


def _names(source: str) -> Pair:
    """What a cell of the chapter defines and uses."""
    with PARSING:
        return _parsed(source)


@cache
def _parsed(source: str) -> Pair:
    try:
        return names_in(source)
    except SyntaxError:  # it has a magic
        return (), ()


def _union(sets: Iterable[Iterable[str]]) -> frozenset[str]:
    return frozenset().union(*sets)
