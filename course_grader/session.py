"""Runs the cells of one submission, in the forked child. What it says goes out as JSON lines.

Requests, one JSON line each, in this order: one that opens the session, then any number of cells.

    {"imports": source of the chapter's first code cell, "files": {path: base64}}
    {"cell": source}                                 an ordinary cell, in the student's IPython shell
    {"test": source, "exercise": name}               a test cell, beside that shell

Replies, each cell's outputs as they come, and one line when it is done:

    {"ready": true}
    {"output": an output as nbformat describes it}
    {"update": {"display_id": ..., "data": ..., "metadata": ...}}    of an earlier output with this id
    {"clear": true}                                                  the outputs of this cell so far
    {"done": {"error": null or a sentence, "records": [...], "score": number or null, "flags": [...]}}
"""

import ast
import base64
import builtins
import json
import linecache
import os
import resource
import signal
import socket
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from course_grader import guard
from course_grader.shell import Outputs, make_shell
from course_grader.work import Limits

FOLDER = Path("/tmp/submission")
STUDENT = "<ipython-input"  # how IPython names the code of cells


class CellTimeout(KeyboardInterrupt):
    """A cell ran longer than a cell may. No ordinary `except` of a student catches it."""


def start(connection: socket.socket, request: dict, limits: Limits) -> int:
    """Serve one submission on this connection until the other side hangs up."""
    _own_environment(request)
    session = Session(connection, limits)
    for line in connection.makefile("r", encoding="utf-8"):
        session.handle(json.loads(line))
    return 0


def _own_environment(request: dict) -> None:
    folder = Path(request["folder"] or FOLDER)
    folder.mkdir(exist_ok=True)
    os.chdir(folder)
    os.environ["HOME"] = str(folder)
    os.environ["NBGRADER_EXECUTION"] = "autograde"
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**28, 2**28))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)


class Session:
    """One submission's shell, and the tests beside it."""

    def __init__(self, connection: socket.socket, limits: Limits) -> None:
        self._limits = limits
        self._outputs = Outputs(connection, limits.output)
        self._shell = make_shell(self._outputs)
        self._number = 0
        self._watch = guard.Watch(lambda file: file.startswith(STUDENT))
        self._guard = guard.Guard()
        self._imports: dict[str, Any] = {}
        # Bound now: student code may replace what stands behind these names.
        self._alarm, self._exec = signal.setitimer, builtins.exec
        signal.signal(signal.SIGALRM, _raise_timeout)

    def handle(self, request: dict) -> None:
        """Do what one request asks for."""
        if "imports" in request:
            self._open(request)
        elif "test" in request:
            self._timed(self._test, request["exercise"], request["test"])
        else:
            self._timed(self._cell, request["cell"])

    def _open(self, request: dict) -> None:
        for name, content in request["files"].items():
            path = Path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(base64.b64decode(content))
        exec(request["imports"], self._imports)
        self._watch.start()
        self._outputs.send({"ready": True})

    def _timed(self, run, *arguments: str) -> None:
        done = {"error": None, "records": [], "score": None, "flags": []}
        self._number += 1
        self._outputs.begin()
        self._alarm(signal.ITIMER_REAL, self._limits.cell_seconds)
        try:
            run(done, *arguments)
        except CellTimeout:
            done["error"] = f"this cell was stopped after {self._limits.cell_seconds:g} seconds"
        finally:
            self._alarm(signal.ITIMER_REAL, 0)
        done["flags"] += self._watch.take()
        self._outputs.end()
        self._outputs.send({"done": done})

    def _cell(self, done: dict, source: str) -> None:
        result = self._shell.run_cell(source, store_history=True)
        if isinstance(result.error_in_exec, CellTimeout):
            raise result.error_in_exec

    def _test(self, done: dict, exercise: str, source: str) -> None:
        """Run a test cell outside the student's shell: its transformers and hooks do not reach it."""
        done["flags"] += _tampered(self._guard.restore(), "before")
        done["flags"] += _stop_tracing()
        check = self._imports["check"]
        file = f"<test {exercise}>"
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
        cases = ast.Module(
            ast.parse(source).body[:-1], []
        )  # the last line asks for the score, as we do below
        try:
            self._exec(compile(cases, file, "exec"), {**self._shell.user_ns, **self._imports})
        except (Exception, SystemExit) as error:
            done["error"] = f"this test cell broke off with {type(error).__name__}"
        finally:
            self._alarm(signal.ITIMER_REAL, 0)
            del linecache.cache[file]
            done["flags"] += _tampered(self._guard.restore(), "while")
            done["records"] = [asdict(record) for record in check.records()]
            done["score"] = check.score()


def _raise_timeout(number: int, frame) -> None:
    raise CellTimeout


def _tampered(names: list[str], when: str) -> list[str]:
    return [f"{name} was replaced {when} this cell ran; it was put back" for name in names]


def _stop_tracing() -> list[str]:
    if sys.gettrace() is None and sys.getprofile() is None:
        return []
    sys.settrace(None)
    sys.setprofile(None)
    return ["a trace function was installed"]
