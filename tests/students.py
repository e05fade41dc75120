"""Students of a class: what they hand in, made from the chapters' solutions and from known answers."""

import ast
import inspect
from pathlib import Path

import nbformat
import numpy as np
import torch
from nbformat import NotebookNode

from course_format.cells import nbgrader
from course_format.chapter import NOTEBOOKS, Chapter
from tests import answers
from tests.answers import Answer
from tests.nbgrader_course import cell_of


def untouched(chapter: Chapter) -> NotebookNode:
    """The notebook as students get it."""
    return nbformat.read(NOTEBOOKS / chapter.name / f"{chapter.stem}.ipynb", as_version=4)


def exercises(chapter: Chapter) -> list[NotebookNode]:
    """The solved cells that a student would write, in order."""
    return [cell for cell in chapter.read().cells if nbgrader(cell).get("solution")]


def all_ids(chapter: Chapter) -> list[str]:
    """The grade_ids of what a student would write, in order."""
    return [nbgrader(cell)["grade_id"] for cell in exercises(chapter)]


def solve(chapter: Chapter, grade_ids: list[str]) -> NotebookNode:
    """The student's notebook with these exercises solved as the chapter solves them."""
    notebook = untouched(chapter)
    for cell in exercises(chapter):
        if nbgrader(cell)["grade_id"] in grade_ids:
            cell_of(notebook, nbgrader(cell)["grade_id"]).source = cell.source
    return notebook


def with_known_answers(chapter: Chapter, number: int) -> NotebookNode:
    """The notebook of a student who gives to every exercise its known answer of this number.

    An exercise with fewer known answers starts again with its first.
    """
    notebook = solve(chapter, all_ids(chapter))
    known: dict[str, list[Answer]] = {}
    for answer in answers.load(chapter.name):
        known.setdefault(answer.exercise, []).append(answer)
    for exercise, given in known.items():
        cell_of(notebook, exercise).source = _source(chapter, given[number % len(given)])
    return notebook


def _source(chapter: Chapter, answer: Answer) -> str:
    """What the student would have typed: the answer's code below what it needs of its file."""
    if answer.edited:
        return answer.value
    if not callable(answer.value):
        typed = f"{answer.name} = {answer.value!r}"
        exec(typed, {"np": np, "torch": torch})  # fails for what cannot be typed, such as a tensor
        return typed
    file = Path(answers.FOLDER / f"{chapter.name}.py").read_text(encoding="utf-8")
    body = ast.parse(file).body
    imports = [node for node in body if isinstance(node, ast.Import)]
    if inspect.isfunction(answer.value):
        definition = ast.parse(inspect.getsource(answer.value)).body[0]
    else:
        definition = _class(body, chapter, answer)
    definition.decorator_list = []
    return "\n".join(map(ast.unparse, [*imports, *_needed(body, definition), definition]))


def _needed(body: list[ast.stmt], definition: ast.stmt) -> list[ast.stmt]:
    """What an answer uses of its file, in order: functions, classes and constants that are no answers."""
    helpers = {name: node for node in body for name in _defined(node)}
    needed, waiting = set(), [definition]
    while waiting:
        used = {node.id for node in ast.walk(waiting.pop()) if isinstance(node, ast.Name)}
        new = {id(helpers[name]): helpers[name] for name in used & helpers.keys()}
        waiting += [node for key, node in new.items() if key not in needed]
        needed |= new.keys()
    return [node for node in body if id(node) in needed]


def _defined(node: ast.stmt) -> list[str]:
    """The names that a statement at the top of a file defines, unless it is an answer."""
    match node:
        case ast.FunctionDef(name=name, decorator_list=[]) | ast.ClassDef(name=name, decorator_list=[]):
            return [name]
        case ast.Assign(targets=targets):
            return [target.id for target in targets if isinstance(target, ast.Name)]
    return []


def _class(body: list[ast.stmt], chapter: Chapter, answer: Answer) -> ast.ClassDef:
    """The definition of a class among several of the same name: answers stand in the file's order."""
    marked = [node for node in body if isinstance(node, ast.ClassDef) and node.decorator_list]
    classes = [known for known in answers.load(chapter.name) if inspect.isclass(known.value)]
    return marked[[known.id for known in classes].index(answer.id)]
