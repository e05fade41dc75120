"""Runs the cells of one submission, in a forked child. What it says goes out as JSON lines.

Each submission has two such children: the desk runs the student's cells, and the examiner, which never runs a
line of theirs, the tests. While a test runs, the desk serves the examiner over a socket of their own
(course_grader.inside.desk).

Requests, one JSON line each, in this order: one that opens the session, then any number of cells.

    {"imports": source of the chapter's first code cell, "files": {path: base64}, "folder": where to start}
    {"id": text, "names": [source, ...]}             what these cells define and use; nothing runs
    {"id": text, "cell": source, "goes_on": bool}    an ordinary cell, in the student's IPython shell
    {"id": text, "serve": exercise}                  calls for the test of this exercise, until it ends
    {"id": text, "test": source, ...}                a test cell, as test_cell.request has it

"seconds" of a cell or a test is how long it may run ("spare" comes on top), and "goes_on" whether it goes on
behind what fails.

Replies, each cell's outputs as they come, and one line when it is done; "at" is when it was sent, in seconds:

    {"ready": true}
    {"output": an output as nbformat describes it}
    {"update": {"display_id": ..., "data": ..., "metadata": ...}}    of an earlier output with this id
    {"clear": true}                                                  the outputs of this cell so far
    {"done": the request's id, "error": null or why it was broken off,
     "lost": "gone" or "no message" when there is no more desk, else null,
     "records": [...], "names": [...], "failures": what failed in it, as own_cell.run_cell describes it}
"""

import base64
import builtins
import json
import linecache
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import Any

from course_utils import check
from course_utils.check import _desk

from course_format.cells import blanked
from course_grader.inside import examiner, habits, own_cell, test_cell, wire
from course_grader.inside.desk import CellTimeout, Desk
from course_grader.inside.shell import Outputs, connect, make_shell
from course_grader.job import Limits

FOLDER = Path("/tmp/submission")
# Whatever a notebook has set: the data are those that are here.
ENVIRONMENT = {"NBGRADER_EXECUTION": "autograde", "COURSE_DATA": "embedded"}
DEFERRED_SECONDS = 0.05  # how long a timeout waits while a line is being sent
AGAIN_SECONDS = 1.0  # between a timeout and the next one, for a cell that goes on after the first

# Bound before student code runs, which may give the names to something else.
set_timer, set_handler, set_mask, execute, environment = (
    signal.setitimer,
    signal.signal,
    signal.pthread_sigmask,
    builtins.exec,
    os.environ,
)


@cache
def usual_settings() -> Callable[[], AbstractContextManager]:
    """The context in which tests run, made once in the server, before any student could set anything."""
    return habits.make_harmless()


def start(connection: socket.socket, joint: socket.socket, request: dict, limits: Limits) -> int:
    """Serve one submission on this connection until the other side hangs up. Returns the exit status.

    joint: the socket between desk and examiner.
    """
    settings = usual_settings()
    _own_environment(request)
    outputs = Outputs(connection, limits.output)
    shell = make_shell()
    connect(shell, outputs)
    requests = connection.makefile("r", encoding="utf-8")
    imports = _open(json.loads(next(requests)))
    # Whatever becomes of the student's own cell with the imports, those of the chapter are there.
    shell.user_ns.update({name: value for name, value in imports.items() if name != "__builtins__"})
    outputs.send({"ready": True})
    os.register_at_fork(after_in_child=lambda: os.dup2(os.open(os.devnull, os.O_RDWR), joint.fileno()))
    desk, alarms, own_process = Desk(joint, shell.user_ns, outputs.flush), [], os.getpid()
    on_alarm = _alarm_handler(outputs, desk, alarms)
    for line in requests:
        one = json.loads(line)
        done = {"done": one["id"], "error": None, "lost": None, "records": [], "names": [], "failures": []}
        outputs.begin()
        environment.update(ENVIRONMENT)
        if sys.stdout is None or sys.stderr is None:
            outputs.put_streams_back()
        try:
            alarms.clear()
            _start_clock(on_alarm, one["seconds"] + one.get("spare", 0))
            if "test" in one:
                with settings():
                    _run_test(done, one, imports, joint)
            elif "serve" in one:
                _prepare_serving(outputs)
                with settings():
                    desk.serve(test_cell.file_of(one["serve"]))
            elif "names" in one:
                done["names"] = [own_cell.names(shell, source) for source in one["names"]]
            else:
                _run_cell(done, shell, one)
                if alarms:  # IPython stops a command of the system, and goes on with the cell
                    says = f"a command in it was stopped after {one['seconds']:.3g} seconds"
                    done["failures"].append({"kind": "CellTimeout", "says": says})
        except CellTimeout:
            done["error"] = f"this cell was stopped after {one['seconds']:.3g} seconds"
        except wire.Hangup as hangup:
            done["lost"] = "no message" if isinstance(hangup, wire.NoMessage) else "gone"
        finally:
            _stop_clock()
        if os.getpid() != own_process:  # the cell forked, and this is its copy of us
            return 0
        outputs.end()
        outputs.send(done)
    return 0


def _own_environment(request: dict) -> None:
    folder = Path(request["folder"] or FOLDER)
    folder.mkdir(exist_ok=True)
    os.chdir(folder)
    os.environ["HOME"] = str(folder)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**28, 2**28))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)


def _open(request: dict) -> dict[str, Any]:
    """Put the files in the working folder. Returns what the chapter's imports define."""
    for name, content in request["files"].items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(content))
    top = os.getcwd()
    Path(request["folder"]).mkdir(parents=True, exist_ok=True)
    os.chdir(request["folder"])
    # Modules beside the notebook can be imported, as at the desk, also from another working folder.
    sys.path[:0] = ["", *dict.fromkeys((os.getcwd(), top))]
    imports: dict[str, Any] = {}
    execute(request["imports"], imports)
    return imports


def _alarm_handler(outputs: Outputs, desk: Desk, alarms: list[str]) -> Callable:
    def on_alarm(number: int, frame) -> None:
        if desk.waiting:  # half a message would make the next one unreadable
            desk.late = True
        elif outputs.sending:  # half a line would make the next one unreadable
            set_timer(signal.ITIMER_REAL, DEFERRED_SECONDS, AGAIN_SECONDS)
        else:
            alarms.append("it rang")
            raise CellTimeout

    return on_alarm


def _start_clock(on_alarm: Callable, seconds: float) -> None:
    """Have CellTimeout raised after so many seconds, whatever an earlier cell did to its signal."""
    set_handler(signal.SIGALRM, on_alarm)
    set_mask(signal.SIG_UNBLOCK, {signal.SIGALRM})
    set_timer(signal.ITIMER_REAL, seconds, AGAIN_SECONDS)


def _stop_clock() -> None:
    set_timer(signal.ITIMER_REAL, 0)


def _run_cell(done: dict, shell, request: dict) -> None:
    done["failures"], stopped = own_cell.run_cell(shell, request["cell"], request.get("goes_on", False))
    if isinstance(stopped, CellTimeout):
        done["failures"].pop()
        raise stopped


def _prepare_serving(outputs: Outputs) -> None:
    """Undo what an earlier cell left running."""
    outputs.put_streams_back()
    sys.settrace(None)
    sys.setprofile(None)
    for timer in (signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
        set_timer(timer, 0)


def _run_test(done: dict, request: dict, imports: dict, joint: socket.socket) -> None:
    """Run a test cell; what it calls of the student's is at the desk."""
    file = test_cell.file_of(request["exercise"])
    lines = blanked(request["test"])  # tracebacks find them here
    linecache.cache[file] = (len(request["test"]), None, lines, file)
    desk, names = examiner.Desk(joint), imports | {"__name__": "__main__"}
    _desk.install(desk)
    try:
        names |= desk.names(request, imports)
        execute(test_cell.code_of(request), names)
    except (CellTimeout, wire.Hangup):
        raise
    except BaseException as error:
        done["error"] = f"this test cell broke off with {type(error).__name__}"
        if isinstance(error, NameError) and request["exercise"] not in names:
            done["error"] = f"the notebook does not define {request['exercise']}"
    finally:
        _desk.install(None)
        done["records"] = [vars(record).copy() for record in _records()]
        desk.end()


def _records() -> list:
    """The records of the cases so far; none when the test has not got as far as to open its exercise."""
    try:
        return check.records()
    except RuntimeError:
        return []
