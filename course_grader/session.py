"""Runs the cells of one submission, in the forked child. What it says goes out as JSON lines.

Requests, one JSON line each, in this order: one that opens the session, then any number of cells.

    {"imports": source of the chapter's first code cell, "files": {path: base64}, "folder": where to start}
    {"id": text, "names": [source, ...]}             what these cells define and use; nothing runs
    {"id": text, "cell": source, "goes_on": bool}    an ordinary cell, in the student's IPython shell
    {"id": text, "test": source, "exercise": name}   a test cell, beside that shell

"seconds" of a cell or a test is how long it may run, and "goes_on" whether it goes on behind what fails.

Replies, each cell's outputs as they come, and one line when it is done:

    {"ready": true}
    {"output": an output as nbformat describes it}
    {"update": {"display_id": ..., "data": ..., "metadata": ...}}    of an earlier output with this id
    {"clear": true}                                                  the outputs of this cell so far
    {"flag": a sentence}                                             a sign of tampering, when it is seen
    {"done": the request's id, "error": null or why it was broken off, "records": [...], "names": [...],
     "failures": what failed in it, as own_cell.run_cell describes it}

Student code finds whatever has a name, is a class, or belongs to an object with a name. Hence there are no
classes here that do anything, and the module is taken out of sys.modules before student code runs.
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
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import Any

from course_utils.check import _cell as state_of_checks

import course_grader
from course_format.cells import blanked, count_cases
from course_grader import guard, habits, own_cell
from course_grader.shell import Outputs, make_shell
from course_grader.work import Limits

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


class CellTimeout(KeyboardInterrupt):
    """A cell ran longer than a cell may. No ordinary `except` of a student catches it."""


@cache
def guarded() -> tuple[Callable[[bool], list[str]], frozenset[int]]:
    """The guard of this process. Made once in the server: that takes as long as all else in a session."""
    return guard.make_guard()


@cache
def usual_settings() -> Callable[[], AbstractContextManager]:
    """The context in which tests run, made once in the server, before any student could set anything."""
    return habits.make_harmless()


def start(connection: socket.socket, request: dict, limits: Limits) -> int:
    """Serve one submission on this connection until the other side hangs up. Returns the exit status."""
    (restore, functions), settings = guarded(), usual_settings()
    _own_environment(request)
    _hide()
    outputs = Outputs(connection, limits.output)
    shell = make_shell(outputs)
    requests = connection.makefile("r", encoding="utf-8")
    imports = _open(json.loads(next(requests)))
    # Whatever becomes of the student's own cell with the imports, those of the chapter are there.
    shell.user_ns.update({name: value for name, value in imports.items() if name != "__builtins__"})
    code_replaced = guard.watch(outputs.report, functions)
    outputs.send({"ready": True})
    alarms: list[str] = []
    on_alarm = _alarm_handler(outputs, alarms)
    own_process, busy = os.getpid(), False
    for line in requests:
        one = json.loads(line)
        done = {"done": one["id"], "error": None, "records": [], "names": [], "failures": []}
        outputs.begin()
        environment.update(ENVIRONMENT)
        if sys.stdout is None or sys.stderr is None:
            outputs.put_streams_back()
        try:
            alarms.clear()
            _start_clock(on_alarm, one["seconds"])
            if "test" in one:
                _prepare_test(outputs, restore(code_replaced()))
                names = _names_of_test(shell.user_ns, imports, one["exercise"])
                with settings():
                    _run_test(done, one, names, outputs, lambda: restore(code_replaced()))
            elif "names" in one:
                done["names"] = [own_cell.names(shell, source) for source in one["names"]]
            else:
                _run_cell(done, shell, one)
                if alarms:  # IPython stops a command of the system, and goes on with the cell
                    says = f"a command in it was stopped after {one['seconds']:.3g} seconds"
                    done["failures"].append({"kind": "CellTimeout", "says": says})
        except CellTimeout:
            done["error"] = f"this cell was stopped after {one['seconds']:.3g} seconds"
        finally:
            _stop_clock()
        if os.getpid() != own_process:  # the cell forked, and this is its copy of us
            return 0
        if not busy and (busy := guard.has_busy_threads()):
            outputs.report("a thread that it started was still running")
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


def _hide() -> None:
    for name in guard.HIDDEN:
        del sys.modules[name]
        delattr(course_grader, name.rpartition(".")[2])


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


def _alarm_handler(outputs: Outputs, alarms: list[str]) -> Callable:
    def on_alarm(number: int, frame) -> None:
        if outputs.sending:  # half a line would make the next one unreadable
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


def _prepare_test(outputs: Outputs, replaced: list[str]) -> None:
    """Undo what an earlier cell did to the surroundings of a test."""
    for name in replaced:
        outputs.report(f"{name} was replaced before this cell ran; it was put back")
    outputs.put_streams_back()
    state_of_checks._inside_case = False
    sys.settrace(None)
    sys.setprofile(None)
    for timer in (signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
        set_timer(timer, 0)


def _names_of_test(user_ns: dict, imports: dict, exercise: str) -> dict[str, Any]:
    """The notebook's names; those of Python and of the chapter's imports mean what they should."""
    python = {name: value for name, value in vars(builtins).items() if not name.startswith("__")}
    names = {**user_ns, **python, **imports}
    if exercise in user_ns:
        names[exercise] = user_ns[exercise]
    return names


def _run_test(done: dict, request: dict, names: dict, outputs: Outputs, restore: Callable) -> None:
    """Run a test cell outside the student's shell: its transformers and hooks do not reach it."""
    source, file = request["test"], f"<test {request['exercise']}>"
    lines = blanked(source)  # tracebacks and students find them here
    linecache.cache[file] = (len(source), None, lines, file)
    opening, *statements = ast.parse(source).body[:-1]  # the last one asks for the score
    execute(compile(ast.Module([opening], []), file, "exec"), names)
    cell = state_of_checks._cell
    records, cases = cell.records, 0
    try:
        for statement in statements:
            cases = count_cases(statement)
            execute(compile(ast.Module([statement], []), file, "exec"), names)
            if cases:
                _take_records(done, records, cases, _tampering(cell, records, restore), outputs)
                cases = 0
    except CellTimeout:
        raise
    except BaseException as error:
        done["error"] = f"this test cell broke off with {type(error).__name__}"
    finally:
        _stop_clock()
        _take_records(done, records, cases, _tampering(cell, records, restore), outputs)


def _tampering(cell, records: list, restore: Callable) -> list[str]:
    """What has been replaced since the last time, the state of the checks included. Puts it back."""
    found = restore()
    if state_of_checks._cell is not cell or cell.records is not records:
        found.append("the list of check records")
        state_of_checks._cell, cell.records = cell, records
    return found


def _take_records(done: dict, records: list, cases: int, replaced: list[str], outputs: Outputs) -> None:
    """Take over the records of the cases that have just run. They do not count if the tests were replaced."""
    new = [vars(record).copy() for record in records if type(record) is state_of_checks.Record]
    records.clear()
    if len(new) > cases:
        outputs.report("check records were made up")
    new = new[len(new) - min(cases, len(new)) :]  # a case adds its own at its end
    for name in replaced:
        outputs.report(f"{name} was replaced while this cell ran; it was put back")
        message = f"this call replaced {name}, which the tests need"
        new = [one | {"earned": 0.0, "status": "failed", "mistake": None, "message": message} for one in new]
    done["records"] += new
