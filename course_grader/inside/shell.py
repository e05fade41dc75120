"""The student's IPython shell in a session, and what becomes of all that it shows and prints."""

import contextlib
import fcntl
import io
import json
import os
import socket
import sys
import tempfile
import threading
import time
from base64 import b64encode
from functools import cache
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from matplotlib_inline.backend_inline import configure_inline_support
from traitlets import Any as AnyTrait
from traitlets.config import Config

CHUNK = 8192  # characters of a stream that wait before they are sent
ENVELOPE = 256  # bytes that every message counts for, besides its content


class Outputs:
    """Sends a cell's outputs as they come, up to a number of bytes per cell; the rest is left out.

    Any thread may write. `sending` tells whether a line is being sent, which must not be interrupted.
    """

    def __init__(self, connection: socket.socket, limit: int) -> None:
        self._connection = connection
        self._limit = limit
        self._left = limit
        self._text: list[str] = []
        self._size = 0
        self._stream = ""
        self._lock = threading.RLock()
        self._files = [_capture(number) for number in (1, 2)]
        self._is_copy = False
        os.register_at_fork(after_in_child=self._become_copy)
        self.sending = False
        self.streams = Stream("stdout", self), Stream("stderr", self)
        self.put_streams_back()

    def put_streams_back(self) -> None:
        """Have print and the like write here."""
        sys.stdout, sys.stderr = self.streams

    def send(self, message: dict) -> None:
        """Send one line, whatever the limit, with the time."""
        with self._lock:
            self.sending = True
            try:
                self._connection.sendall(json.dumps(message | {"at": time.monotonic()}).encode() + b"\n")
            finally:
                self.sending = False

    def begin(self) -> None:
        """A new cell has the whole limit again."""
        self._left = self._limit

    def end(self) -> None:
        """Send what is waiting, and what file descriptors 1 and 2 received."""
        for stream, file in zip(("stdout", "stderr"), self._files, strict=True):
            if text := _take(file, self._limit + 1):
                self.write(stream, text)
        self.flush()

    def write(self, stream: str, text: str) -> None:
        """Take text that was printed."""
        if self._is_copy:
            os.write(1 if stream == "stdout" else 2, text.encode(errors="replace"))
            return
        with self._lock:
            if stream != self._stream:
                self.flush()
                self._stream = stream
            self._text.append(text)
            self._size += len(text)
            if self._size > CHUNK:
                self.flush()

    def flush(self) -> None:
        """Send the text that is waiting."""
        with self._lock:
            text, self._text, self._size = "".join(self._text), [], 0
            if text:
                kept = text[: max(self._left, 0)]
                self._bounded(dict(output_type="stream", name=self._stream, text=kept), len(text))

    def show(self, output: dict) -> None:
        """Send an output that is no stream."""
        with self._lock:
            self.flush()
            self._bounded(output, len(json.dumps(output)))

    def update(self, message: dict) -> None:
        """Send a change of earlier outputs."""
        with self._lock:
            self.flush()
            self._left -= len(json.dumps(message)) + ENVELOPE
            if self._left >= 0 and not self._is_copy:
                self.send(message)

    def _become_copy(self) -> None:
        """In a forked process: let go of the connection, which has one owner only."""
        self._is_copy, self._text, self._lock = True, [], threading.RLock()
        os.dup2(os.open(os.devnull, os.O_RDWR), self._connection.fileno())

    def _bounded(self, output: dict, size: int) -> None:
        if self._left < 0 or self._is_copy:
            return
        self._left -= size + ENVELOPE
        if self._left >= 0 or output["output_type"] == "stream":
            self.send({"output": output})
        if self._left < 0:
            notice = f"\n[more than {self._limit:,} bytes of output: the rest was left out]\n"
            self.send({"output": dict(output_type="stream", name="stdout", text=notice)})


def _capture(number: int) -> int:
    """Have what C code and subprocesses write to a file descriptor collected. Returns the collector."""
    collector = _collector()
    os.dup2(collector, number)
    return collector


def _collector() -> int:
    """A file without a name that is always written at its end, also after it was emptied."""
    with tempfile.TemporaryFile() as file:
        fcntl.fcntl(file, fcntl.F_SETFL, os.O_APPEND)
        return os.dup(file.fileno())


def _take(file: int, limit: int) -> str:
    """The text in a collector, which is then empty."""
    if os.fstat(file).st_size == 0:
        return ""
    text = os.pread(file, limit, 0).decode(errors="replace")
    os.ftruncate(file, 0)
    return text


class Stream(io.TextIOBase):
    """sys.stdout or sys.stderr of a session. Open to the end, whoever closes it."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, name: str, outputs: Outputs) -> None:
        self.name = f"<{name}>"
        self._stream = name
        self._outputs = outputs

    def write(self, text: str) -> int:
        """Take text; returns its length."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._outputs.write(self._stream, text)
        return len(text)

    def close(self) -> None:
        """A notebook's own streams stay open."""

    def writable(self) -> bool:
        """Open to the end."""
        return True

    def fileno(self) -> int:
        """The file descriptor that subprocesses write to."""
        return 1 if self._stream == "stdout" else 2


class _Publisher(DisplayPublisher):
    outputs = AnyTrait()

    def publish(self, data, metadata=None, *, transient=None, update=False, **_: Any) -> None:
        display_id = (transient or {}).get("display_id")
        if update:
            change = {"display_id": display_id, "data": data, "metadata": metadata or {}}
            self.outputs.update({"update": _plain(change)})
            return
        output = dict(output_type="display_data", data=data, metadata=metadata or {})
        if display_id:
            output["transient"] = {"display_id": display_id}
        self.outputs.show(_plain(output))

    def clear_output(self, wait: bool = False) -> None:
        self.outputs.update({"clear": True})


class _Hook(DisplayHook):
    outputs = AnyTrait()

    def write_output_prompt(self) -> None:
        pass

    def write_format_data(self, format_dict, md_dict=None) -> None:
        output = dict(
            output_type="execute_result",
            data=format_dict,
            metadata=md_dict or {},
            execution_count=self.prompt_count,
        )
        self.outputs.show(_plain(output))


class _Shell(InteractiveShell):
    outputs = AnyTrait()

    def enable_gui(self, gui: str | None = None) -> None:
        """Pictures are shown inline: there is no window system."""

    def ask_exit(self) -> None:
        """`exit` ends a kernel; here the next cell runs all the same."""

    def _showtraceback(self, etype, evalue, stb) -> None:
        text = [str(line) for line in stb]
        error = dict(output_type="error", ename=etype.__name__, evalue=_safe_text(evalue), traceback=text)
        self.outputs.show(_plain(error))


@cache
def make_shell() -> InteractiveShell:
    """The IPython shell of this process, its pictures inline. `connect` says where it shows them."""
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    shell = _Shell.instance(config=config, display_pub_class=_Publisher, displayhook_class=_Hook)
    configure_inline_support(shell, "module://matplotlib_inline.backend_inline")
    return shell


def connect(shell: InteractiveShell, outputs: Outputs) -> None:
    """Have a shell's outputs go to `outputs`."""
    shell.outputs = shell.display_pub.outputs = shell.displayhook.outputs = outputs


def _plain(message: dict) -> dict:
    """The message as JSON can carry it: bytes of pictures as base64, nan and infinity by their names."""

    def convert(value: Any) -> Any:
        return b64encode(value).decode() if isinstance(value, bytes) else repr(value)

    return json.loads(json.dumps(message, default=convert, skipkeys=True), parse_constant=str)


def _safe_text(error: BaseException) -> str:
    with contextlib.suppress(Exception):
        return str(error)
    return "<the text of this error cannot be shown>"
