"""Small edits of each solution, judged by the chapter's own tests: which of them would keep all points?

    python -m tests.mutate                          # all chapters, as `make everything` does
    python -m tests.mutate 04_softmax_regression    # one chapter
    python -m tests.mutate 04_softmax_regression --exercise softmax

A mutant that keeps all points either shows a blind spot of the tests, or is the same function in other
words. The latter are listed in tests/equivalent_mutants.toml, each with a reason. Every other survivor fails
the run. The texts of errors are not mutated, and devices are not: the tests run without a GPU.
"""

import argparse
import ast
import copy
import itertools
import os
import sys
import tomllib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch
from tqdm import tqdm

from course_format.cells import MARKER, SOLUTION
from course_format.chapter import Chapter, chapters
from tests import judge

EQUIVALENT = Path(__file__).with_name("equivalent_mutants.toml")
SECONDS = 20  # a mutant that takes longer has lost its points

SWAPS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Pow: ast.Mult,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.USub: ast.UAdd,
}
RENAMES = {
    "sum": "mean",
    "mean": "sum",
    "max": "min",
    "min": "max",
    "amax": "amin",
    "argmax": "argmin",
    "maximum": "minimum",
    "minimum": "maximum",
    "zeros_like": "ones_like",
    "ones_like": "zeros_like",
    "zeros": "ones",
    "ones": "zeros",
    "exp": "expm1",
    "log": "log1p",
    "rand_like": "randn_like",
    "mul_": "div_",
    "add_": "sub_",
    "sub_": "add_",
    "train": "eval",
    "eval": "train",
}
DROPPED_CALLS = (
    "detach",
    "clone",
    "abs",
    "sqrt",
    "float",
    "contiguous",
    "copy",
    "deepcopy",
    "sorted",
    "list",
)


@dataclass(frozen=True)
class Mutant:
    """One edit of a solution. old, new: the statement before and after; new is empty for a removed one."""

    chapter: str
    exercise: str
    old: str
    new: str
    source: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.chapter, self.exercise, self.old, self.new

    def __str__(self) -> str:
        return f"{self.chapter} {self.exercise}:\n    {self.old}\n    -> {self.new or '(removed)'}"


def mutants(chapter: Chapter, exercise: str | None = None) -> Iterator[Mutant]:
    """Every small edit of the chapter's solutions, each one once."""
    seen = set()
    for cell in chapter.read().cells:
        name = cell.metadata.get("exercise")
        if name is None or exercise not in (None, name):
            continue
        lines = _solution_lines(cell.source)
        original = ast.unparse(ast.parse(cell.source))
        for old, new, source in _edits(cell.source, lines):
            mutant = Mutant(chapter.name, name, old, new, source)
            if source != original and (name, source) not in seen:
                seen.add((name, source))
                yield mutant


def _solution_lines(source: str) -> set[int]:
    lines, inside = set(), False
    for number, line in enumerate(source.split("\n"), start=1):
        marker = MARKER.match(line)
        if marker and marker[2] == SOLUTION:
            inside = marker[1] == "BEGIN"
        elif inside:
            lines.add(number)
    return lines


def _edits(source: str, lines: set[int]) -> Iterator[tuple[str, str, str]]:
    """(statement before, statement after, source of the whole cell) for each edit inside these lines."""
    tree = ast.parse(source)
    texts = {inner for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for inner in ast.walk(node)}
    for index, node in enumerate(ast.walk(tree)):
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if getattr(node, "lineno", None) not in lines or node in texts or docstring:
            continue
        for number in itertools.count():
            changed = copy.deepcopy(tree)
            target = next(itertools.islice(ast.walk(changed), index, None))
            edit = next(itertools.islice(_changes(target), number, None), None)
            if edit is None:
                break
            before = _statement(tree, index)
            edit()
            after = "" if isinstance(target, ast.stmt) and _is_removed(target) else _statement(changed, index)
            try:
                yield before, after, ast.unparse(ast.fix_missing_locations(changed))
            except (ValueError, AttributeError):  # an edit that gives no valid tree
                continue


def _statement(tree: ast.AST, index: int) -> str:
    """The innermost statement around the node of this number, on one line."""
    found, target = "", next(itertools.islice(ast.walk(tree), index, None))
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt) and any(inner is target for inner in ast.walk(node)):
            found = ast.unparse(node).split("\n")[0]
    return found


def _is_removed(statement: ast.stmt) -> bool:
    return getattr(statement, "removed", False)


def _changes(node: ast.AST):
    """Functions that each make one change to this node in place."""
    match node:
        case ast.BinOp() | ast.BoolOp() | ast.AugAssign() if type(node.op) in SWAPS:
            yield lambda: setattr(node, "op", SWAPS[type(node.op)]())
        case ast.UnaryOp() if type(node.op) in (ast.USub, ast.Not):
            yield lambda: _become(node, node.operand)
        case ast.Compare() if type(node.ops[0]) in SWAPS:
            yield lambda: node.ops.__setitem__(0, SWAPS[type(node.ops[0])]())
        case ast.Constant(value=bool()):
            yield lambda: setattr(node, "value", not node.value)
        case ast.Constant(value=int() | float()):
            yield lambda: setattr(node, "value", node.value + 1)
            if node.value not in (0, 1):
                yield lambda: setattr(node, "value", node.value - 1)
        case ast.Call():
            yield from _changes_of_call(node)
        case ast.Attribute(attr=name) if name in RENAMES:
            yield lambda: setattr(node, "attr", RENAMES[node.attr])
        case ast.If() | ast.IfExp() | ast.While():
            yield lambda: setattr(node, "test", ast.UnaryOp(ast.Not(), node.test))
    if isinstance(node, ast.Expr | ast.AugAssign | ast.Raise | ast.If | ast.For | ast.With):
        yield lambda: _remove(node)


def _changes_of_call(call: ast.Call):
    for place, keyword in enumerate(call.keywords):
        if keyword.arg not in (None, "device"):
            yield lambda place=place: call.keywords.pop(place)
    if isinstance(call.func, ast.Attribute) and call.func.attr in DROPPED_CALLS and not call.args:
        yield lambda: _become(call, call.func.value)
    if len(call.args) == 2 and not any(isinstance(arg, ast.Starred) for arg in call.args):
        yield call.args.reverse


def _become(node: ast.AST, other: ast.AST) -> None:
    """Turn a node into another one."""
    node.__class__ = other.__class__
    node.__dict__ = dict(vars(other))


def _remove(statement: ast.stmt) -> None:
    statement.__class__ = ast.Pass
    statement.removed = True


def survives(mutant: Mutant) -> bool:
    """Whether a mutant keeps all points."""
    chapter = next(one for one in chapters() if one.name == mutant.chapter)
    points = judge.graded_cells(chapter)[mutant.exercise][1]
    try:
        return judge.judge(chapter, mutant.exercise, mutant.source).score == points
    except RuntimeError:  # it ended its process, or ran too long
        return False


def known_equivalent() -> dict[tuple[str, str, str, str], str]:
    """(chapter, exercise, old, new) -> why this edit changes nothing."""
    if not EQUIVALENT.exists():
        return {}
    listed = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8")).get("mutant", [])
    return {(one["chapter"], one["exercise"], one["old"], one["new"]): one["reason"] for one in listed}


def _start_worker() -> None:
    torch.set_num_threads(1)  # forked children of a threaded torch would hang
    judge.SECONDS = SECONDS


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.mutate", description=__doc__.split("\n")[0])
    parser.add_argument("chapter", nargs="*", help="such as 04_softmax_regression; all, if none is named")
    parser.add_argument("--exercise", help="only this exercise")
    options = parser.parse_args()
    found = [chapter for chapter in chapters() if not options.chapter or chapter.name in options.chapter]
    unknown = set(options.chapter) - {chapter.name for chapter in found}
    if unknown:
        sys.exit(f"there is no chapter {', '.join(sorted(unknown))}")
    everything = [mutant for chapter in found for mutant in mutants(chapter, options.exercise)]
    with ProcessPoolExecutor(os.cpu_count(), initializer=_start_worker) as pool:
        verdicts = list(tqdm(pool.map(survives, everything), total=len(everything), unit="mutant"))
    alive = [mutant for mutant, survived in zip(everything, verdicts, strict=True) if survived]
    reasons = known_equivalent()
    blind = [mutant for mutant in alive if mutant.key not in reasons]
    stale = [key for key in reasons if key[0] in {c.name for c in found} and not options.exercise]
    stale = [key for key in stale if key not in {mutant.key for mutant in alive}]
    for mutant in blind:
        print(f"keeps all points: {mutant}")
    for key in stale:
        print(f"listed in {EQUIVALENT.name}, and does not keep all points (any more): {' | '.join(key)}")
    listed = len(alive) - len(blind)
    print(f"{len(everything)} mutants, {len(alive)} keep all points, {listed} of them are listed")
    sys.exit(bool(blind or stale))


if __name__ == "__main__":
    main()
