"""Answers at a desk of their own: a child of this process, which is the examiner."""

import ast
import contextlib
import os
import socket
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import Any

from course_utils import check
from course_utils.check import _desk

from course_grader.inside import desk as at_desk
from course_grader.inside import examiner, wire
from course_grader.inside.own_cell import names_in

FILE = "<test>"


@contextlib.contextmanager
def desk_with(define: Callable[[], dict[str, Any]]) -> Iterator[examiner.Desk]:
    """A desk whose notebook has the names that define() gives, called in the child."""
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        ours.close()
        _be_the_desk(theirs, define)
    theirs.close()
    desk = examiner.Desk(ours)
    _desk.install(desk)
    try:
        yield desk
        desk.end()
    finally:
        _desk.install(None)
        ours.close()
        os.waitpid(child, 0)


def _be_the_desk(connection: socket.socket, define: Callable[[], dict[str, Any]]) -> None:
    try:
        at_desk.Desk(connection, define(), sys.stdout.flush).serve(FILE)
    except wire.Hangup:
        pass  # the test is over
    except BaseException:
        traceback.print_exc(file=sys.__stderr__)
    finally:
        os._exit(0)


def judge_here(imports: str, define: Callable[[], dict[str, Any]], test: str) -> dict:
    """Run a test cell on the answer that define() gives. Returns {"score": ..., "records": ...}."""
    with desk_with(define) as desk:
        names: dict[str, Any] = {"__name__": "__main__"}
        exec(imports, names)
        _, used = names_in(test)
        for name in [name for name in used if name not in names and name not in dir(__builtins__)]:
            with contextlib.suppress(KeyError):
                names[name] = desk.name(name)
        body = ast.parse(test).body
        exec(compile(ast.Module(body[:-1], []), FILE, "exec"), names)
        records = [vars(record).copy() for record in check.records()]
        score = eval(compile(ast.Expression(body[-1].value), FILE, "eval"), names)
    return {"score": score, "records": records}
