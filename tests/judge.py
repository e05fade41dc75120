"""Judging an answer by a chapter's own test cell, in a forked child: hundreds of answers in seconds."""

import ast
import importlib
import json
import os
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache, lru_cache
from typing import Any

from course_utils import check

from nbformat import NotebookNode

from course_format.cells import is_answer, is_test, nbgrader
from course_format.chapter import Chapter
from course_grader.inside.forkserver import MODULES
from tests import apart as two_processes
from tests.forking import make_forks_cheap

SECONDS = 60  # a child that takes longer is stopped, and the answer has no verdict


@dataclass(frozen=True)
class Verdict:
    """What the test cell said: the score, and the records of its cases."""

    score: float
    records: list[dict]

    @property
    def messages(self) -> str:
        """All that a student would be told about what failed."""
        return "\n".join(record["message"] for record in self.records if record["status"] != "passed")


@cache
def code_cells(chapter: Chapter) -> list[NotebookNode]:
    """The chapter's code cells, read once for all: they are not to be changed."""
    return [cell for cell in chapter.read().cells if cell.cell_type == "code"]


@cache
def graded_cells(chapter: Chapter) -> dict[str, tuple[str, float]]:
    """exercise -> (source of its test cell, points), hidden tests included."""
    return {
        nbgrader(cell)["grade_id"].removeprefix("test_"): (cell.source, float(nbgrader(cell)["points"]))
        for cell in code_cells(chapter)
        if is_test(cell)
    }


@cache
def imports(chapter: Chapter) -> str:
    """The chapter's first code cell, which holds all its imports.

    What it imports is then loaded, and what torch loads late: a child would spend most of its time on that.
    """
    for name in MODULES:
        importlib.import_module(name)
    source = code_cells(chapter)[0].source
    exec(source, {})
    make_forks_cheap()
    return source


@cache
def solutions(chapter: Chapter) -> dict[str, str]:
    """exercise -> source of its answer cell, as the chapter solves it."""
    return {nbgrader(cell)["grade_id"]: cell.source for cell in code_cells(chapter) if is_answer(cell)}


def judge(chapter: Chapter, exercise: str, answer: dict[str, Any] | str, apart: bool = False) -> Verdict:
    """Run one test cell on one answer, as nbgrader's autograder would.

    apart: whether the answer runs in another process than the test, as in course-grader.
    answer: the names that the answer defines, or the source of its cell. That may use what other exercises
    of the chapter define: it gets their solutions. Needs a parent that has run no threaded torch operation,
    or the child would hang.
    """
    # Whatever can be read and imported before the fork is not read and imported again by every child.
    others = {name: source for name, source in solutions(chapter).items() if name != exercise}
    cells = imports(chapter), others, graded_cells(chapter)[exercise][0]
    with tempfile.TemporaryDirectory() as folder:
        if apart:
            reply = _examiner(chapter, len(_known)).judge(folder, *cells, _sent(answer))
        else:
            reply = _reply_of_a_child(folder, *cells, answer)
    if not reply:
        _examiner.cache_clear()
        raise RuntimeError(f"{exercise}: the child ended without a verdict (crash, or over {SECONDS} s)")
    result = json.loads(reply)
    if "error" in result:
        raise RuntimeError(f"{exercise}: the test cell itself broke off\n{result['error']}")
    return Verdict(**result)


_known: dict[int, Any] = {}


def know(value: Any) -> None:
    """Have every examiner know this value of an answer from its beginning.

    Functions and classes would not arrive there as they are: properties, for one, lose their names.
    """
    _known[id(value)] = value


@dataclass(frozen=True)
class _Known:
    """Stands for a value that is known, on its way to an examiner."""

    id: int


def _sent(answer: dict[str, Any] | str) -> dict[str, Any] | str:
    if isinstance(answer, str):
        return answer
    return {name: _Known(id(value)) if id(value) in _known else value for name, value in answer.items()}


def _received(answer: dict[str, Any] | str) -> dict[str, Any] | str:
    if isinstance(answer, str):
        return answer
    return {name: _known[value.id] if isinstance(value, _Known) else value for name, value in answer.items()}


@lru_cache(maxsize=1)
def _examiner(chapter: Chapter, known: int) -> two_processes.Examiner:
    """The process that judges this chapter's answers one after the other, each at a desk of its own.

    known: how many values it knows; one that becomes known later needs a new examiner.
    """
    return two_processes.Examiner(_settle_in, _judge_apart)


def _judge_apart(folder: str, imports: str, others: dict, test: str, answer: dict | str) -> str:
    os.chdir(folder)  # answers may leave files
    signal.alarm(SECONDS)
    given = _received(answer)
    return _said(two_processes.judge_here, imports, lambda: _defined(imports, others, given, SECONDS), test)


def _reply_of_a_child(folder: str, *what: Any) -> str:
    """What a child says that judges in this folder; nothing if it came to no end."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        os.chdir(folder)  # answers may leave files
        _be_the_child(writer, *what)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        reply = pipe.read()
    os.waitpid(child, 0)
    return reply


def _be_the_child(writer: int, imports: str, others: dict, test: str, answer: dict | str) -> None:
    """Judge, write the verdict, and end without any of the parent's clean-up."""
    _settle_in()
    reply = _said(_judge_here, imports, lambda: _defined(imports, others, answer, SECONDS), test)
    os.write(writer, reply.encode())
    os._exit(0)


def _settle_in() -> None:
    """Have what an autograder has, and say nothing."""
    warnings.resetwarnings()  # pytest makes them errors; at a student's desk they are not
    os.environ["NBGRADER_EXECUTION"] = "autograde"
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115


def _said(judge_here: Callable[..., dict], *what: Any) -> str:
    try:
        return json.dumps(judge_here(*what))
    except BaseException:
        return json.dumps({"error": traceback.format_exc()})


def _defined(imports: str, others: dict, answer: dict | str, seconds: int) -> dict[str, Any]:
    """The names of a notebook in which this answer was given. Its process ends after so many seconds."""
    signal.alarm(seconds)
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(imports, names)
    if isinstance(answer, dict):
        return names | answer
    used = {node.id for node in ast.walk(ast.parse(answer)) if isinstance(node, ast.Name)}
    for source in [source for name, source in others.items() if name in used]:
        exec(source, names)
    exec(compile(answer, "<answer>", "exec"), names)
    return names


def _judge_here(imports: str, define: Callable[[], dict[str, Any]], test: str) -> dict:
    cell, body = define(), ast.parse(test).body
    exec(compile(ast.Module(body[:-1], []), "<test>", "exec"), cell)
    records = [asdict(record) for record in check.records()]
    score = eval(compile(ast.Expression(body[-1].value), "<test>", "eval"), cell)
    return {"score": score, "records": records}
