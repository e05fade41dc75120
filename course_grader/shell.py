"""The student's IPython shell in a session, and what becomes of all that it shows and prints."""

import contextlib
import fcntl
import json
import os
import socket
import sys
from base64 import b64encode
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from matplotlib_inline.backend_inline import configure_inline_support
from nbformat.v4 import new_output
from traitlets import Any as AnyTrait
from traitlets.config import Config

CHUNK = 8192  # characters of a stream that wait before they are sent


class Outputs:
    """Sends a cell's outputs as they come, up to a number of bytes per cell; the rest is left out."""

    def __init__(self, connection: socket.socket, limit: int) -> None:
        self._connection = connection
        self._limit = limit
        self._left = limit
        self._text: list[str] = []
        self._stream = ""
        self._files = [_capture(number) for number in (1, 2)]
        sys.stdout, sys.stderr = Stream("stdout", self), Stream("stderr", self)

    def send(self, message: dict) -> None:
        """Send one line, whatever the limit."""
        self._connection.sendall(json.dumps(message).encode() + b"\n")

    def begin(self) -> None:
        """A new cell has the whole limit again."""
        self._left = self._limit

    def end(self) -> None:
        """Send what is waiting, and what arrived on file descriptors 1 and 2."""
        for stream, file in zip(("stdout", "stderr"), self._files, strict=True):
            size = os.fstat(file).st_size
            if size:
                self.write(stream, os.pread(file, self._limit + 1, 0).decode(errors="replace"))
                os.ftruncate(file, 0)
        self.flush()

    def write(self, stream: str, text: str) -> None:
        """Take text that was printed."""
        if stream != self._stream:
            self.flush()
            self._stream = stream
        self._text.append(text)
        if sum(map(len, self._text)) > CHUNK:
            self.flush()

    def flush(self) -> None:
        """Send the text that is waiting."""
        text, self._text = "".join(self._text), []
        if text:
            self._bounded(new_output("stream", name=self._stream, text=text[: max(self._left, 0)]), len(text))

    def show(self, output: dict) -> None:
        """Send an output that is no stream."""
        self.flush()
        self._bounded(output, len(json.dumps(output, default=str)))

    def update(self, message: dict) -> None:
        """Send a change of earlier outputs."""
        self.flush()
        self._left -= len(json.dumps(message, default=str))
        if self._left >= 0:
            self.send(message)

    def _bounded(self, output: dict, size: int) -> None:
        if self._left < 0:
            return
        self._left -= size
        if self._left >= 0 or output["output_type"] == "stream":
            self.send({"output": output})
        if self._left < 0:
            notice = f"\n[more than {self._limit:,} bytes of output: the rest was left out]\n"
            self.send({"output": new_output("stream", name="stdout", text=notice)})


def _capture(number: int) -> int:
    """Have what C code and subprocesses write to a file descriptor collected in memory. Returns the collector."""
    file = os.memfd_create(f"fd{number}")
    fcntl.fcntl(file, fcntl.F_SETFL, os.O_APPEND)  # after a truncation, writing begins at the start
    os.dup2(file, number)
    return file


class Stream:
    """sys.stdout or sys.stderr of a session."""

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

    def writelines(self, lines) -> None:
        """Take several pieces of text."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Nothing waits here."""

    def isatty(self) -> bool:
        """No terminal."""
        return False

    def readable(self) -> bool:
        """No input."""
        return False

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
        output = new_output("display_data", data=data, metadata=metadata or {})
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
        output = new_output(
            "execute_result", data=format_dict, metadata=md_dict or {}, execution_count=self.prompt_count
        )
        self.outputs.show(_plain(output))


class _Shell(InteractiveShell):
    outputs = AnyTrait()

    def enable_gui(self, gui: str | None = None) -> None:
        """Pictures are shown inline: there is no window system."""

    def _showtraceback(self, etype, evalue, stb) -> None:
        text = [str(line) for line in stb]
        self.outputs.show(
            new_output("error", ename=etype.__name__, evalue=_safe_text(evalue), traceback=text)
        )


def make_shell(outputs: Outputs) -> InteractiveShell:
    """An IPython shell whose outputs go to `outputs`, with matplotlib's pictures inline."""
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    shell = _Shell.instance(
        config=config, outputs=outputs, display_pub_class=_Publisher, displayhook_class=_Hook
    )
    shell.display_pub.outputs = shell.displayhook.outputs = outputs
    configure_inline_support(shell, "module://matplotlib_inline.backend_inline")
    return shell


def _plain(message: dict) -> dict:
    """The message as JSON can carry it: bytes of pictures as base64."""

    def convert(value: Any) -> Any:
        return b64encode(value).decode() if isinstance(value, bytes) else repr(value)

    return json.loads(json.dumps(message, default=convert))


def _safe_text(error: BaseException) -> str:
    with contextlib.suppress(Exception):
        return str(error)
    return "<the text of this error cannot be shown>"
