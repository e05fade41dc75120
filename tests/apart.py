"""Answers at a desk of their own: a child of this process, which is the examiner."""

import ast
import builtins
import contextlib
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Iterator
from functools import cache
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from types import CodeType
from typing import Any

from course_utils import check
from course_utils.check import _desk

from course_grader.inside import desk as at_desk
from course_grader.inside import examiner, isolation, wire
from course_grader.inside.own_cell import names_in

FILE = "<test>"


class Examiner:
    """A process that judges one answer after the other, as that of a session does. Each gets a new desk.

    settle_in() is called in it first, and judge(*what) for each answer; it gives a text.
    """

    def __init__(self, settle_in: Callable[[], None], judge: Callable[..., str]) -> None:
        self.connection, theirs = Pipe()
        self.child = os.fork()
        if self.child == 0:
            # It lives long: a server of this process would wait in vain for its standard input to end.
            isolation.close_files({0, 1, 2, theirs.fileno()})
            _be_the_examiner(theirs, settle_in, judge)
        theirs.close()

    def judge(self, *what: Any) -> str:
        """What judge(*what) gives there; nothing if the process has come to its end."""
        try:
            self.connection.send(what)
            return self.connection.recv()
        except (EOFError, OSError):
            return ""

    def __del__(self) -> None:
        os.kill(self.child, signal.SIGKILL)
        os.waitpid(self.child, 0)
        self.connection.close()


def _be_the_examiner(
    connection: Connection, settle_in: Callable[[], None], judge: Callable[..., str]
) -> None:
    try:
        settle_in()
        while True:
            connection.send(judge(*connection.recv()))
    finally:
        os._exit(0)


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
        cases, score, used = _compiled(test)
        for name in [name for name in used if name not in names and name not in dir(builtins)]:
            with contextlib.suppress(KeyError):
                names[name] = desk.name(name)
        exec(cases, names)
        records = [vars(record).copy() for record in check.records()]
        return {"score": eval(score, names), "records": records}


@cache
def _compiled(test: str) -> tuple[CodeType, CodeType, frozenset[str]]:
    """The cases of a test cell, the expression that asks for the score, and the names that the cell uses."""
    *cases, score = ast.parse(test).body
    _, used = names_in(test)
    statements = compile(ast.Module(cases, []), FILE, "exec")
    return statements, compile(ast.Expression(score.value), FILE, "eval"), frozenset(used)
