"""The outside of the fork server: starting one, and talking to the sessions that it forks."""

import base64
import contextlib
import json
import os
import secrets
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import asdict
from pathlib import Path

from course_grader.inside import sandbox
from course_grader.job import GraderError, Limits

START_SECONDS = 120  # a cold disk may take long over importing torch
GRACE_SECONDS = 3  # a cell that does not stop by itself after its time is ended with its process
# What a session may send for one cell: JSON makes up to 12 bytes of a character, and puts some words around.
# More than this is a flood.
BYTES_PER_OUTPUT = 16
SPARE_BYTES = 2**20
NO_MESSAGE = "the process sent something that is no message, so it was ended"


class SessionEnded(Exception):
    """The process of a session ended, or had to be ended. The message is a readable reason."""


class ForkServer:
    """A fork server for any number of sessions at a time. Use as a context manager.

    It starts at once and is ready some seconds later; `ensure` waits for that, and starts a dead one again.
    """

    def __init__(
        self,
        sandboxed: bool = True,
        users: tuple[int, int] | None = None,
        at_once: bool = True,
    ) -> None:
        """users: without the sandbox, for root: numbers of two users without rights, which the processes of
        the student's code and of the tests become, one each. at_once: if not, it starts at its first use.

        Raises GraderError without bubblewrap.
        """
        self.sandboxed, self.users = sandboxed, users
        self._walls = sandbox.command() if sandboxed else []
        self._lock = threading.Lock()
        self._stopped = self._ready = False
        self._process: subprocess.Popen | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="course-grader-")
        self._address = str(Path(self._folder.name) / "socket")
        self._readable = tempfile.TemporaryDirectory(prefix="course-data-")  # also for the users
        os.chmod(self._readable.name, 0o755)
        if at_once:
            self._start()

    def __enter__(self) -> "ForkServer":
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The process that was started: bubblewrap, or the server itself."""
        return self._process.pid

    def ensure(self) -> None:
        """Have a server that works. Raises GraderError if it does not start."""
        with self._lock:
            self._have_process()
            if not self._ready:
                self._try_out()

    def _have_process(self) -> None:
        """Start the server, if it has not been started or is dead."""
        if self._stopped:
            raise GraderError("the grading was stopped")
        if self._process is None:
            self._start()
        elif self._process.poll() is not None and self._ready:
            self._end()
            self._start()

    def draw(self, names: Collection[str]) -> None:
        """Have these data sets drawn, as course_grader.inside.data_sets calls them, unless they are there.

        Raises GraderError if that is not done.
        """
        with self._lock:
            if self._drawn.issuperset(names):
                return
            self._have_process()
            try:
                with self._connect({"draw": sorted(names)}) as connection:
                    failed = json.loads(connection.makefile("rb").read())["failed"]
            except (OSError, ValueError) as error:
                failed = f"the fork server has ended ({error})"
            if failed:
                raise GraderError(f"the data sets cannot be drawn: {failed}")
            self._drawn |= frozenset(names)

    def stop(self) -> None:
        """End the server and every session, for good. A thread that uses it meanwhile gets an error."""
        if not self._stopped:
            self._stopped = True
            if self._process is not None:
                if not self._ready:
                    self._process.kill()  # it would import everything first
                self._end()
            self._folder.cleanup()
            self._readable.cleanup()

    def open_session(
        self,
        limits: Limits,
        imports: str = "",
        files: dict[str, bytes] | None = None,
        folder: str = ".",
    ) -> "Session":
        """Fresh processes for one submission. Raises SessionEnded if they do not come up.

        imports: source of the chapter's first code cell. files: what was handed in, by relative path. folder:
        of them the one in which the notebook lies.
        """
        with self._lock:
            self._have_process()
        try:
            session = self._fork(limits)
            session.open(imports, files, folder)
        except (OSError, SessionEnded) as error:
            self.ensure()  # it says so if the fault is the server's
            raise SessionEnded(str(error)) from error
        self._ready = True
        return session

    def _fork(self, limits: Limits) -> "Session":
        ends = socket.socketpair()
        started = []
        for end, user in zip(ends, self.users or (None, None), strict=True):
            # In the sandbox every process has a /tmp of its own; without it, a folder of its own must do.
            scratch = None if self.sandboxed else tempfile.TemporaryDirectory(prefix="submission-")
            if user is not None:
                os.chown(scratch.name, user, user)
            request = {"limits": asdict(limits), "folder": scratch and scratch.name, "user": user}
            connection = self._connect({"isolate": self.sandboxed, **request})
            socket.send_fds(connection, [b"\0"], [end.fileno()])
            started.append(_Process(connection, limits, scratch))
            end.close()
        return Session(*started)

    def _end(self) -> None:
        self._process.stdin.close()
        self._process.wait()
        self._said.close()

    def _start(self) -> None:
        self._ready, self._drawn = False, frozenset()
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 (it lives as long as the server)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._address)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self._address)
            listener.listen(64)
            python = os.path.abspath(sys.executable)  # behind the walls, what .. goes through may be missing
            # -P: course_grader is the installed one, whatever lies in the current folder.
            server = [python, "-P", "-m", "course_grader.inside.forkserver", str(listener.fileno())]
            self._process = subprocess.Popen(
                [*self._walls, *server, "sandbox" if self.sandboxed else "open"],
                pass_fds=[listener.fileno()],
                stdin=subprocess.PIPE,
                stdout=self._said,
                stderr=self._said,
                env=self._environment(),
                start_new_session=True,  # an interrupt in the terminal is not for the server
            )

    def _environment(self) -> dict[str, str] | None:
        """The environment of the server; None is that of this process."""
        if self.sandboxed:
            return sandbox.environment()
        if self.users is None:
            return None
        own = {name: self._readable.name for name in ("COURSE_DATA_DIR", "HOME", "MPLCONFIGDIR")}
        return sandbox.environment() | own

    def _try_out(self) -> None:
        """Open a first session: it shows that forking, and a child's namespaces, work on this machine."""
        try:
            session = self._fork(Limits())
            session.open()
            session.close()
            self._ready = True
        except (OSError, SessionEnded) as error:
            self._process.kill()
            self._process.wait()
            self._said.seek(0)
            said = self._said.read().decode(errors="replace")
            raise GraderError(_cannot_start(self.sandboxed, f"{said}{error}")) from error

    def _connect(self, request: dict) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(START_SECONDS)
        connection.connect(self._address)
        connection.sendall(json.dumps(request).encode() + b"\n")
        return connection


class Session:
    """One submission's two processes. Every call raises SessionEnded when the desk is no more."""

    def __init__(self, desk: "_Process", examiner: "_Process") -> None:
        self._desk, self._examiner = desk, examiner
        self._lost: SessionEnded | None = None  # how the desk was lost

    def is_waiting(self) -> bool:
        """Whether both processes wait for a request: until then they say nothing, unless they have ended."""
        both = self._desk, self._examiner
        said, _, _ = select.select([one.connection for one in both], [], [], 0)
        return not said and not any(one.lines for one in both)

    def open(self, imports: str = "", files: dict[str, bytes] | None = None, folder: str = ".") -> None:
        """Give the processes what ForkServer.open_session says, and wait until they are ready."""
        content = {name: base64.b64encode(data).decode() for name, data in (files or {}).items()}
        for process, handed_in in ((self._desk, content), (self._examiner, {})):
            process.open({"imports": imports, "files": handed_in, "folder": folder})
        try:
            for process in (self._desk, self._examiner):
                process.wait_until_ready()
        except SessionEnded:
            self.close()
            raise

    def close(self) -> None:
        """End the processes and all that they started."""
        self._desk.close()
        self._examiner.close()

    def run(self, request: dict, seconds: float) -> Iterator[dict]:
        """Run cells of the student's at the desk; yields the replies as they come, the last with "done".

        seconds: it may take. The replies are dicts as course_grader.inside.session says, but their content
        may be anything.
        """
        for reply in self._desk.run(request, seconds):
            yield reply | {"trusted": False}

    def test(self, request: dict, seconds: float) -> Iterator[dict]:
        """Run a test cell with the examiner, while the desk serves it. Yields replies as `run` does.

        Only the examiner says what becomes of the test. Of the desk's replies the outputs alone are given on,
        each before the outcome of the case in which it was made. The last reply has "lost" when there is no
        more desk; then `why_lost` says why.
        """
        begun = {
            self._desk: self._desk.begin({"serve": request["exercise"]}, seconds),
            self._examiner: self._examiner.begin(request | {"spare": GRACE_SECONDS}, seconds, GRACE_SECONDS),
        }
        told: dict[_Process, dict] = {}
        while begun:
            for process in _ready(begun, told):
                try:
                    told[process] = process.next(begun[process])
                except SessionEnded as ended:
                    if process is self._examiner:
                        raise
                    self._lose_desk(ended)
                    del begun[process]
            if not told:
                continue
            # What was printed in a case comes before the record of the case.
            process = min(told, key=lambda one: _time(told[one]))
            reply = told.pop(process)
            if "done" in reply:
                del begun[process]
                if process is self._examiner:
                    done = reply
                    if done["lost"] is not None and self._desk in begun:
                        begun[self._desk] = begun[self._desk][0], time.monotonic() + GRACE_SECONDS
            elif process is self._examiner:
                yield reply | {"trusted": True}
            elif "output" in reply or "update" in reply or "clear" in reply:
                yield reply | {"trusted": False}
        if self._lost is not None:
            done["lost"] = done["lost"] or "gone"
        yield done

    def why_lost(self) -> SessionEnded:
        """How the desk came to its end."""
        return self._lost or SessionEnded(NO_MESSAGE)

    def _lose_desk(self, ended: SessionEnded) -> None:
        """Give the desk up. The examiner notices, for the socket between them closes."""
        self._lost = ended
        self._desk.close()


def _ready(begun: "dict[_Process, tuple]", told: "dict[_Process, dict]") -> "list[_Process]":
    """Those that say something or whose time is over. Waits for the first, unless one has told something."""
    silent = [process for process in begun if process not in told]
    heard = any(process.lines for process in silent)
    first = min((begun[process][1] for process in silent), default=0.0)
    seconds = 0 if told or heard else max(first - time.monotonic(), 0)
    ready, _, _ = select.select([process.connection for process in silent], [], [], seconds)
    over = time.monotonic()
    return [one for one in silent if one.lines or one.connection in ready or begun[one][1] <= over]


class _Process:
    """One process of a session, from outside."""

    def __init__(
        self,
        connection: socket.socket,
        limits: Limits,
        scratch: tempfile.TemporaryDirectory | None,
    ) -> None:
        self.connection = connection
        self._scratch = scratch
        self._limits = limits
        self.lines: deque[bytearray] = deque()
        self._rest = bytearray()  # the beginning of the next line

    def open(self, request: dict) -> None:
        self._send(request)

    def wait_until_ready(self) -> None:
        reply = self._receive(time.monotonic() + START_SECONDS)
        if "refused" in reply:
            raise SessionEnded(f"the system refuses namespaces of its own to a process: {reply['refused']}")
        if "ready" not in reply:
            raise SessionEnded(NO_MESSAGE)

    def close(self) -> None:
        """End the process and all that it started."""
        self.connection.close()
        if self._scratch is not None:
            self._scratch.cleanup()

    def run(self, request: dict, seconds: float) -> Iterator[dict]:
        """Send one request; yields the replies as they come, the last with "done". seconds: it may take."""
        begun = self.begin(request, seconds)
        while True:
            reply = self.next(begun)
            yield reply
            if "done" in reply:
                return

    def begin(self, request: dict, seconds: float, spare: float = 0) -> tuple[str, float]:
        """Send one request. Returns what `next` needs: the request's id, and when its time is over."""
        # A reply that was there before its request does not know the request's id.
        request = request | {"id": secrets.token_hex(8), "seconds": seconds}
        self._send(request)
        return request["id"], time.monotonic() + seconds + spare + GRACE_SECONDS

    def next(self, begun: tuple[str, float]) -> dict:
        """The next reply to a request."""
        number, deadline = begun
        reply = self._receive(deadline)
        if "done" in reply and reply["done"] != number:
            raise SessionEnded(NO_MESSAGE)
        return reply

    def _send(self, request: dict) -> None:
        self._left = BYTES_PER_OUTPUT * self._limits.output + SPARE_BYTES
        try:
            self.connection.settimeout(START_SECONDS)
            self.connection.sendall(json.dumps(request).encode() + b"\n")
        except OSError:
            pass  # the process has ended, and the next line to be read says how

    def _receive(self, deadline: float) -> dict:
        line = self._line(deadline)
        try:
            # Infinity, and half a surrogate pair, are read from JSON, but no file or database takes them.
            plain = json.dumps(json.loads(line.decode()), ensure_ascii=False, allow_nan=False)
            reply = json.loads(plain.encode(errors="replace"))
        except (ValueError, RecursionError):
            reply = None
        if not isinstance(reply, dict):
            raise SessionEnded(NO_MESSAGE)
        if "ended" in reply:
            raise SessionEnded(_how_it_ended(reply, self._limits))
        return reply

    def _line(self, deadline: float) -> bytearray:
        """The next line that is not empty."""
        while not self.lines:
            if self._left < 0:
                raise SessionEnded("it sent far more than a cell may print, so its process was ended")
            self.connection.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                received = self.connection.recv(1 << 20)
            except TimeoutError:
                raise SessionEnded(
                    "it did not stop when its time was over, so its process was ended"
                ) from None
            except OSError:
                received = b""
            if not received:
                raise SessionEnded("the process is gone")
            self._left -= len(received)
            self._rest += received
            if b"\n" in received:
                *lines, self._rest = self._rest.split(b"\n")
                self.lines.extend(filter(None, lines))
        return self.lines.popleft()


def _time(reply: dict) -> float:
    """When a reply was sent, in seconds; 0 if it does not say so."""
    at = reply.get("at")
    return at if isinstance(at, float) else 0.0


def _how_it_ended(reply: dict, limits: Limits) -> str:
    try:
        code = os.waitstatus_to_exitcode(reply["ended"])
    except (TypeError, ValueError, OverflowError):
        return NO_MESSAGE
    if reply.get("memory"):
        return f"it used more than {limits.memory / 2**30:.2g} GiB of memory, so its process was ended"
    if code == -signal.SIGSEGV:
        return "it crashed (segmentation fault)"
    if code < 0:
        names = {one.value: one.name for one in signal.Signals}
        return f"its process was ended by signal {-code} ({names.get(-code, 'a real-time signal')})"
    return f"it ended its own process (exit code {code})"


def _cannot_start(sandboxed: bool, said: str) -> str:
    if sandboxed:
        return (
            f"the sandbox does not start on this machine: {said.strip()}\nUser namespaces may be switched "
            "off here. With --no-sandbox the students' code runs as you, beside your files"
        )
    return f"the fork server does not start: {said.strip()}"
