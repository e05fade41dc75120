"""Which code cells a grade needs: answers, tests, the student's own cells, and what these rest on.

The chapter's own teaching cells and experiments take most of a notebook's time. At the desk they ran, and an
answer may rest on one of them; those that nothing rests on are left out.
"""

import builtins
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from nbformat import NotebookNode

from course_format.cells import PARSING, is_experiment, is_test, nbgrader
from course_grader.handed_in.released import is_as_built
from course_grader.inside.own_cell import names_in

Pair = tuple[Sequence[str], Sequence[str]]  # (names that a cell defines, names that it uses)
# Who uses one of these may use any name. Magics become calls of get_ipython.
USES_ANY_NAME = {"eval", "exec", "globals", "locals", "vars", "get_ipython"}


@dataclass(frozen=True)
class Plan:
    """What to run, as ids of code cells.

    all: everything but the experiments that no answer rests on. least: of these, without the teaching cells
    that nothing rests on, as far as names tell. experiments_define: names that only experiments define.
    """

    all: frozenset[str]
    least: frozenset[str]
    experiments_define: frozenset[str]


@dataclass(frozen=True)
class _Cell:
    cell: NotebookNode
    defined: frozenset[str]
    used: frozenset[str]
    own: bool  # the student's, or changed by them

    @property
    def id(self) -> str:
        return self.cell.id


def plan(
    cells: Sequence[NotebookNode],
    chapter: Sequence[NotebookNode],
    imports: str,
    ask: Callable[[list[str]], Sequence[Pair]],
) -> Plan:
    """Follow the names from cell to cell.

    cells: those of the notebook to run. chapter: the chapter's own; others may hold anything, and only `ask`
    looks into them: from their sources to what they define and use. imports: id of the cell with the imports.
    """
    sources = {cell.source for cell in chapter}
    code = [cell for cell in cells if cell.cell_type == "code"]
    others = [cell for cell in code if cell.source not in sources]
    asked = dict(zip([cell.id for cell in others], ask([cell.source for cell in others]), strict=False))
    # What the build made, for this version of the chapter or another one, is as good as the chapter's.
    own = {cell.id for cell in others if cell.id not in asked or not is_as_built(cell)}
    unknown = ((), tuple(USES_ANY_NAME))
    pairs = {cell.id: asked.get(cell.id, unknown) for cell in others}
    taught = {cell.id: _names(cell.source) for cell in code if cell.id not in pairs}
    known = [_Cell(cell, *map(frozenset, (pairs | taught)[cell.id]), cell.id in own) for cell in code]
    experiments = _experiments([one for one in known if not is_test(one.cell)])
    running = [one for one in known if not is_experiment(one.cell) or one.id in experiments]
    there = _union(one.defined for one in known if is_experiment(one.cell))
    return Plan(
        frozenset(one.id for one in running),
        frozenset(_least(running, imports)),
        there - _union(one.defined for one in known if not (one.own or is_experiment(one.cell))),
    )


def _experiments(cells: list[_Cell]) -> set[str]:
    """The experiments that an answer rests on: they alone define a name that leads to it."""
    running = [one for one in cells if not is_experiment(one.cell)]
    provided = _union(one.defined for one in running) | frozenset(dir(builtins))
    found: set[str] = set()
    waiting = [one for one in running if nbgrader(one.cell)]
    seen = {one.id for one in waiting}
    while waiting:
        used = waiting.pop().used
        for one in cells:
            is_left_out = is_experiment(one.cell)
            if one.id not in seen and one.defined & (used - provided if is_left_out else used):
                seen.add(one.id)
                waiting.append(one)
                found |= {one.id} if is_left_out else set()
    return found


def _least(cells: list[_Cell], imports: str) -> set[str]:
    """All but the teaching cells that nothing rests on.

    With a cell that defines a name come those that use it: they may change what it stands for.
    """
    kept = {one.id for one in cells if one.own or nbgrader(one.cell) or is_experiment(one.cell)} | {imports}
    teaching = [one for one in cells if one.id not in kept]
    waiting = [one for one in cells if one.id in kept]
    if any(one.used & USES_ANY_NAME for one in waiting if one.own):
        return {one.id for one in cells}
    while waiting:
        one = waiting.pop()
        used = one.used - one.defined if is_test(one.cell) else one.used
        taught = used & _union(other.defined for other in teaching)
        for other in teaching:
            if other.id not in kept and taught & (other.defined | other.used):
                kept.add(other.id)
                waiting.append(other)
    return kept


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
