"""Answers at a desk of their own: a child of this process, which is the examiner."""

import ast
import contextlib
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

from course_utils import check
from course_utils.check import _desk

from course_format.cells import opening
from course_grader.inside import desk as at_desk
from course_grader.inside import examiner, isolation, test_cell, wire


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
def desk_with(define: Callable[[], dict[str, Any]], file: str) -> Iterator[examiner.Desk]:
    """A desk whose notebook has the names that define() gives, called in the child.

    file: the code file name of the test.
    """
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        ours.close()
        _be_the_desk(theirs, define, file)
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


def _be_the_desk(connection: socket.socket, define: Callable[[], dict[str, Any]], file: str) -> None:
    try:
        at_desk.Desk(connection, define(), sys.stdout.flush).serve(file)
    except wire.Hangup:
        pass  # the test is over
    except BaseException:
        traceback.print_exc(file=sys.__stderr__)
    finally:
        os._exit(0)


def judge_here(imports: str, define: Callable[[], dict[str, Any]], test: str) -> dict:
    """Run a test cell on the answer that define() gives. Returns {"score": ..., "records": ...}."""
    exercise, _ = opening(ast.parse(test))
    request = test_cell.request(test, exercise)
    with desk_with(define, test_cell.file_of(exercise)) as desk:
        names: dict[str, Any] = {"__name__": "__main__"}
        exec(imports, names)
        names |= desk.names(request, names)
        exec(test_cell.code_of(request), names)
        records = [vars(record).copy() for record in check.records()]
        return {"score": check.score(), "records": records}
