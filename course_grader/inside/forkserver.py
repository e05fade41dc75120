"""The fork server: a process that has imported everything once and forks a ready process per submission.

    python -m course_grader.inside.forkserver FD sandbox|open      FD: a listening Unix socket

Whoever connects sends one JSON line. {"draw": data sets} has these drawn, and is answered with
{"failed": null, or why}. {"isolate": whether it gets namespaces of its own, "limits": those of job.Limits,
"folder": where its files go, or null, "user": the number of the user that it becomes, or null} asks for a
process, and has with one more byte a socket: the one between desk and examiner. The rest of this connection
belongs to a session (course_grader.inside.session), which runs cells that come as JSON lines.

For each connection the server forks a keeper, and the keeper forks the child that runs the student's code, in
namespaces of its own if "isolate" is set. The keeper watches over the child: when the other side hangs up, or
when the child needs too much memory, it kills the child and everything that came from it. Its last line on
the connection says how the child ended:

    {"ended": exit status as from os.waitpid, "memory": whether it was killed for its memory}

torch must not have run a threaded operation before a fork, or the child would hang: hence one thread.
"""

import contextlib
import gc
import importlib
import itertools
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from course_grader.inside import data_sets, isolation, sandbox
from course_grader.job import Limits

# What the notebooks import, and what IPython and matplotlib import while the first cells run.
MODULES = (
    "course_utils.check",
    "course_utils.data",
    "course_utils.demo",
    "course_utils.devices",
    "course_utils.plots",
    "course_utils.training",
    "torch",
    "torch._dynamo",
    "torch.utils.data",
    "torchvision",
    "matplotlib.pyplot",
    "matplotlib_inline.backend_inline",
    "numpy.testing",
    "pandas",
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.oinspect",
    "IPython.extensions.storemagic",
    "PIL.JpegImagePlugin",
    "PIL.PngImagePlugin",
    "course_grader.inside.session",
)
INLINE = "module://matplotlib_inline.backend_inline"  # pictures become outputs of the cell
FEW = 16  # processes; after so many, more of them are likely to come
WATCH_SECONDS = 0.05  # between two looks at a child's memory


def main() -> None:
    """Serve until standard input ends, which it does when the process that started the server ends."""
    descriptor, walls = sys.argv[1:]
    if walls == "sandbox":
        isolation.become_nobody()
    gc.disable()  # thousands of modules come in, and none of them is garbage
    for _ in warm_up():
        if _is_over():
            os._exit(0)
    gc.enable()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # keepers report on the connection, not to us
    listener = socket.socket(fileno=int(descriptor))
    gc.freeze()  # the collector would touch, and so copy, every page in every child
    pieces = isolation.use_large_pages()
    for number in itertools.count():
        while number >= FEW and not _is_wanted(listener) and next(pieces, None):
            pass
        if _is_over(listener):
            break
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            try:
                _keep(connection)
            finally:
                os._exit(1)
        connection.close()
    _end_keepers()
    os._exit(0)  # there is nothing to tidy up, and Python would take its time over it


def _is_over(*others: socket.socket) -> bool:
    """Whether standard input has ended. If it has not, waits for that or for a connection to these."""
    return sys.stdin in select.select([sys.stdin, *others], [], [], None if others else 0)[0]


def _is_wanted(listener: socket.socket) -> bool:
    """Whether there is anything to do at once."""
    return bool(select.select([sys.stdin, listener], [], [], 0)[0])


def warm_up() -> Iterator[None]:
    """Import everything, and draw one picture. Yields between its longer steps."""
    # A grade does not depend on what else is on a machine.
    os.environ["COURSE_DATA"] = "embedded"
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    os.environ["MPLBACKEND"] = INLINE
    for name in MODULES:
        importlib.import_module(name)
        yield
    import torch

    torch.set_num_threads(1)
    from IPython.core.pylabtools import activate_matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from course_grader.inside.practice import practise, practise_more

    practise()
    practise_more()
    activate_matplotlib(INLINE)
    figure = Figure()
    figure.subplots().plot([0, 1])
    FigureCanvasAgg(figure).draw()


def _end_keepers() -> None:
    """Have every keeper end what it watches over, and wait until they have."""
    for keeper in _children(os.getpid()):
        with contextlib.suppress(ProcessLookupError):
            os.kill(keeper, signal.SIGTERM)
    with contextlib.suppress(ChildProcessError):  # as SIGCHLD is ignored: they are all gone
        os.wait()


def _keep(connection: socket.socket) -> None:
    """Fork the session that this connection asks for, and stay with it to its end."""
    isolation.die_with_parent(signal.SIGTERM)
    isolation.adopt_orphans()
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    request = json.loads(_first_line(connection))
    if "draw" in request:
        _say(connection, {"failed": _draw(request["draw"])})
        os._exit(0)
    _, (joint,), _, _ = socket.recv_fds(connection, 1, 1)
    limits = Limits(**request.get("limits", {}))
    try:
        if request["isolate"]:
            isolation.enter_namespaces()
            isolation.limit_processes(limits.processes)
        child = os.fork()
        if child == 0:
            _be_the_session(connection, socket.socket(fileno=joint), request, limits)
        os.close(joint)
    except OSError as error:
        _say(connection, {"refused": str(error)})
        os._exit(0)
    status, memory = _watch(child, connection, limits)
    _kill_descendants()
    _say(connection, {"ended": status, "memory": memory})
    os._exit(0)


def _draw(names: Sequence[str]) -> str | None:
    """Draw these data sets. Returns why that has failed."""
    try:
        data_sets.draw(names)
    except Exception as error:
        return str(error) or type(error).__name__
    return None


def _be_the_session(connection: socket.socket, joint: socket.socket, request: dict, limits: Limits) -> None:
    """Build the walls, and serve the submission behind them. Never returns."""
    status = 1
    try:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        isolation.die_with_parent()
        isolation.close_files({0, 1, 2, connection.fileno(), joint.fileno()})
        if request["isolate"]:
            isolation.mount_own_folders(sandbox.shown_paths())
            isolation.drop_capabilities()
            isolation.forbid_system_calls()
        elif request.get("user") is not None:
            isolation.become(request["user"])
            isolation.die_with_parent()  # changing the user has undone it
            isolation.limit_processes(limits.processes)
            isolation.drop_capabilities()
            isolation.forbid_system_calls(isolation.LOCAL_FAMILIES)
        isolation.limit_memory(limits.memory)
        isolation.limit_open_files()
        from course_grader.inside import practice, session

        practice.practise()
        status = session.start(connection, joint, request, limits)
    except OSError as error:
        _say(connection, {"refused": str(error)})
    finally:
        os._exit(status)


def _watch(child: int, connection: socket.socket, limits: Limits) -> tuple[int, bool]:
    """Wait for the child's end, or bring it about. Returns (exit status, whether it was for memory)."""
    idle = _memory(child)
    memory = False
    poll = select.poll()
    poll.register(connection, select.POLLRDHUP)  # what comes in is for the session to read
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status, memory
        if poll.poll(WATCH_SECONDS * 1000):  # the other side hung up
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            return status, memory
        if _needs_more(child, idle, limits.memory):
            memory = True
            os.kill(child, signal.SIGKILL)


def _needs_more(child: int, idle: int, limit: int) -> bool:
    """Whether a child and its descendants hold more bytes than this, beyond what a child holds when idle.

    The exact measure takes the kernel milliseconds, so a rough one that is never smaller comes first.
    """
    family = [child, *_descendants(child)]
    return sum(map(_memory, family)) > idle + limit and sum(map(_own_memory, family)) > idle + limit


def _memory(process: int) -> int:
    """Bytes of memory in use, pages shared with others counted in full."""
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def _own_memory(process: int) -> int:
    """Bytes of memory in use; of a page shared with others only this process's share."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return _memory(process)


def _descendants(process: int) -> list[int]:
    return [pid for child in _children(process) for pid in (child, *_descendants(child))]


def _children(process: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{process}/task"):
            found += map(int, Path(f"/proc/{process}/task/{thread}/children").read_text().split())
    return found


def _kill_descendants() -> None:
    """Kill what the child left behind. In namespaces there is nothing: it all ended with the child."""
    while children := _descendants(os.getpid()):
        for process in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(0.001)


def _end(*_) -> None:
    """End this keeper and all that it watches over."""
    _kill_descendants()
    os._exit(0)


def _first_line(connection: socket.socket) -> bytes:
    """Read up to the end of a line and not a byte further: the rest belongs to the child."""
    line = b""
    while not line.endswith(b"\n"):
        waiting = connection.recv(1 << 16, socket.MSG_PEEK)
        if not waiting:
            _end()
        line += connection.recv(waiting.find(b"\n") + 1 or len(waiting))
    return line


def _say(connection: socket.socket, message: dict) -> None:
    """Send one line; the child may have died in the middle of one, so it starts with an end of line."""
    with contextlib.suppress(OSError):
        connection.sendall(b"\n" + json.dumps(message).encode() + b"\n")


if __name__ == "__main__":
    main()
