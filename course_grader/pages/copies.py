"""Answers that look copied: pairs of students who agree more than chance would have it.

With short exercises nearly everybody writes the same, so one equal answer says nothing. An equal answer
counts the more, the fewer in this class have it: minus the logarithm of their share, and double if it is
wrong. A pair is listed if its sum is more than the logarithm of the number of pairs: if answers were drawn at
random from those of the class, one such pair or less would be expected. People do not draw at random, they
learn from the same pages: a listed pair is a reason to look, and no more.
"""

import ast
import heapq
import math
import re
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

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


def alike(answers: Iterable[Answer], solutions: Mapping[str, str], most: int | None = None) -> list[Pair]:
    """The pairs of students whose answers look copied, the most unlikely pair first.

    answers: read once, and kept only where they can tell something. solutions: exercise -> the chapter's own
    solution, which nobody has to copy from a classmate. most: so many pairs; None means all.
    """
    own = {exercise: normal_form(source) for exercise, source in solutions.items()}
    students: set[str] = set()
    answered: Counter[str] = Counter()
    by_form: defaultdict[tuple[str, str], dict[str, Answer]] = defaultdict(dict)
    for answer in answers:
        students.add(answer.student)
        answered[answer.exercise] += 1
        form = normal_form(answer.source)
        if form is not None and form != own.get(answer.exercise):
            by_form[answer.exercise, form][answer.student] = answer
    if len(students) < FEWEST:
        return []
    groups = [
        _Group(members, answered[exercise])
        for (exercise, _), members in by_form.items()
        if 2 <= len(members) <= max(2, MANY * answered[exercise])
    ]
    enough = math.log(math.comb(len(students), 2))
    found = _above(groups, sorted(students), enough)
    best = found if most is None else heapq.nsmallest(most, found, key=lambda one: (-one[0], one[1]))
    pairs = [Pair(names, tuple(_shared(groups, *names))) for _, names in best]
    return sorted(pairs, key=lambda pair: (-pair.weight, pair.students))


@dataclass(frozen=True)
class _Group:
    """An answer that several students have: student -> the answer as that one wrote it."""

    members: dict[str, Answer]
    answered: int

    @property
    def weight(self) -> float:
        return math.log(self.answered / len(self.members))


def _above(
    groups: list[_Group], students: list[str], enough: float
) -> Iterator[tuple[float, tuple[str, str]]]:
    """(weight, names) of the pairs that weigh more than this.

    One student after the other is compared with all at once: pairs are too many to be held in memory.
    """
    number = {student: place for place, student in enumerate(students)}
    of_student: defaultdict[str, list[tuple]] = defaultdict(list)
    for group in groups:
        places = np.array([number[student] for student in group.members])
        wrong = np.array([not answer.right for answer in group.members.values()])
        for student, answer in group.members.items():
            of_student[student].append((places, group.weight * (1 + (wrong | (not answer.right)))))
    for student, shared in of_student.items():
        total = np.zeros(len(students))
        for places, weights in shared:
            total[places] += weights
        total[: number[student] + 1] = 0.0
        for place in np.flatnonzero(total > enough):
            yield float(total[place]), (student, students[place])


def _shared(groups: list[_Group], one: str, other: str) -> Iterator[Shared]:
    """What two students share."""
    for group in groups:
        if one in group.members and other in group.members:
            first, second = group.members[one], group.members[other]
            yield Shared(
                exercise=first.exercise,
                sources=(first.source, second.source),
                having=len(group.members),
                answered=group.answered,
                right=first.right and second.right,
            )


@lru_cache(maxsize=10_000)  # most of a class write the same
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
