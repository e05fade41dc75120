"""Judging an answer as the grader does: the tests with the examiner, the answer at a desk of its own."""

import ast
import contextlib
import os
import socket
import sys
import traceback
from typing import Any

from course_utils import check
from course_utils.check import _desk

from course_grader.inside import desk as at_desk
from course_grader.inside import examiner, wire
from course_grader.own_cell import names_in

FILE = "<test>"


def judge_here(imports: str, others: dict, test: str, answer: dict | str) -> dict:
    """As tests.judge does, with the answer in a child of this process. Returns records and score."""
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        ours.close()
        _be_the_desk(theirs, imports, others, answer)
    theirs.close()
    desk = examiner.Desk(ours)
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(imports, names)
    body = ast.parse(test).body
    _, used = names_in(test)
    for name in [name for name in used if name not in names and name not in dir(__builtins__)]:
        with contextlib.suppress(KeyError):
            names[name] = desk.name(name)
    _desk.install(desk)
    exec(compile(ast.Module(body[:-1], []), FILE, "exec"), names)
    records = [vars(record) for record in check.records()]
    _desk.install(None)
    score = eval(compile(ast.Expression(body[-1].value), FILE, "eval"), names)
    desk.end()
    ours.close()
    os.waitpid(child, 0)
    return {"score": score, "records": records}


def _be_the_desk(connection: socket.socket, imports: str, others: dict, answer: dict | str) -> None:
    try:
        names: dict[str, Any] = {"__name__": "__main__"}
        exec(imports, names)
        if isinstance(answer, str):
            used = {node.id for node in ast.walk(ast.parse(answer)) if isinstance(node, ast.Name)}
            for source in [source for name, source in others.items() if name in used]:
                exec(source, names)
            exec(compile(answer, "<answer>", "exec"), names)
        else:
            names |= answer
        at_desk.Desk(connection, names, sys.stdout.flush).serve(FILE)
    except wire.Hangup:
        pass
    except BaseException:
        traceback.print_exc(file=sys.__stderr__)
    finally:
        os._exit(0)
