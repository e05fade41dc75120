"""Answers that look copied: pairs of students who agree more than chance would have it.

With short exercises nearly everybody writes the same, so one equal answer says nothing. An equal answer
counts the more, the fewer in this class have it: minus the logarithm of their share, and double if it is
wrong. A pair is listed if its sum is more than the logarithm of the number of pairs: if answers were drawn at
random from those of the class, one such pair or less would be expected. People do not draw at random, they
learn from the same pages: a listed pair is a reason to look, and no more.
"""

import ast
import math
import re
import warnings
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

SMALLEST = 20  # statements and expressions in an answer that is long enough to tell something
MANY = 0.2  # an answer that a larger share of the class has is no sign of anything
FEWEST = 5  # students; in a smaller class nothing can be said


@dataclass(frozen=True)
class Answer:
    """One student's answer to one exercise."""

    student: str
    exercise: str
    source: str
    right: bool


@dataclass(frozen=True)
class Shared:
    """An answer that two students share. having: how many of the `answered` students have it."""

    exercise: str
    sources: tuple[str, str]
    having: int
    answered: int
    right: bool

    @property
    def weight(self) -> float:
        return (1 if self.right else 2) * math.log(self.answered / self.having)

    @property
    def to_the_letter(self) -> bool:
        """Whether they are equal with names, comments and spaces."""
        return self.sources[0].strip() == self.sources[1].strip()


@dataclass(frozen=True)
class Pair:
    """Two students, and the answers that they share."""

    students: tuple[str, str]
    shared: tuple[Shared, ...]

    @property
    def weight(self) -> float:
        return math.fsum(shared.weight for shared in self.shared)


def alike(answers: Iterable[Answer], solutions: Mapping[str, str]) -> list[Pair]:
    """The pairs of students whose answers look copied, the most unlikely pair first.

    solutions: exercise -> the chapter's own solution, which nobody has to copy from a classmate.
    """
    by_exercise = defaultdict(list)
    for answer in answers:
        by_exercise[answer.exercise].append(answer)
    students = {answer.student for of_exercise in by_exercise.values() for answer in of_exercise}
    if len(students) < FEWEST:
        return []
    shared = defaultdict(list)
    for exercise, of_exercise in by_exercise.items():
        for students_of_pair, common in _shared(of_exercise, normal_form(solutions.get(exercise, ""))):
            shared[students_of_pair].append(common)
    pairs = [Pair(names, tuple(common)) for names, common in shared.items()]
    enough = math.log(math.comb(len(students), 2))
    return sorted((p for p in pairs if p.weight > enough), key=lambda p: (-p.weight, p.students))


def _shared(answers: list[Answer], solution: str | None) -> Iterable[tuple[tuple[str, str], Shared]]:
    groups = defaultdict(list)
    for answer in answers:
        groups[normal_form(answer.source)].append(answer)
    for form, group in groups.items():
        if form is None or form == solution or len(group) > max(2, MANY * len(answers)):
            continue
        for one, other in combinations(sorted(group, key=lambda answer: answer.student), 2):
            common = Shared(
                exercise=one.exercise,
                sources=(one.source, other.source),
                having=len(group),
                answered=len(answers),
                right=one.right and other.right,
            )
            yield (one.student, other.student), common


def normal_form(source: str) -> str | None:
    """An answer without what is easily changed: comments, docstrings, annotations, spaces, variables' names.

    None if it defines no function or class, or is too short to tell anything.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about strange escapes in a student's texts
            tree = ast.parse(source)
        return _form_of_tree(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return _form_of_text(source)


def _form_of_tree(tree: ast.Module) -> str | None:
    if not any(isinstance(node, _DEFINITIONS) for node in tree.body):
        return None
    tree = _Plain(tree).visit(tree)
    size = sum(isinstance(node, ast.stmt | ast.expr) for node in ast.walk(tree))
    return ast.dump(tree, annotate_fields=False) if size >= SMALLEST else None


def _form_of_text(source: str) -> str | None:
    """For code that is no Python: its words and signs, without comments and spaces."""
    bare = re.sub(r"#.*", "", source)
    long_enough = len(re.findall(r"\w+", bare)) >= SMALLEST
    return "".join(bare.split()) if "def " in bare and long_enough else None


_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class _Plain(ast.NodeTransformer):
    """Takes docstrings and annotations away and numbers the variables in the order in which they appear."""

    def __init__(self, tree: ast.Module):
        self.numbers: dict[str, str] = {}
        self.variables = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
        self.variables |= {
            node.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }

    def number(self, name: str) -> str:
        return self.numbers.setdefault(name, f"v{len(self.numbers)}") if name in self.variables else name

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self.number(node.id), node.ctx)

    def visit_arg(self, node: ast.arg) -> ast.arg:
        return ast.arg(self.number(node.arg))

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is None:
            return ast.Pass()
        return self.visit(ast.Assign([node.target], node.value))

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, _DEFINITIONS):
            node.body = [line for line in node.body if not _is_text(line)] or [ast.Pass()]
            node.returns = None
        return super().generic_visit(node)


def _is_text(line: ast.stmt) -> bool:
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)
