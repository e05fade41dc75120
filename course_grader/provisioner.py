"""Starts Jupyter's kernels by forking: the kernelspec `course-fork` names this class. See docs/kernels.md."""

import asyncio
import atexit
import json
import os
import signal
import sys
import threading
from functools import cache
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning import LocalProvisioner

from course_grader.client import START_SECONDS, ForkServer
from course_grader.work import GraderError

LAUNCHER = "ipykernel_launcher"

_starting = threading.Lock()


class ForkProvisioner(LocalProvisioner):
    """Jupyter's own provisioner, but for where the process comes from."""

    async def launch_kernel(
        self, cmd: list[str], *, env: dict[str, str], cwd=None, stdout=None, stderr=None, **others: Any
    ) -> KernelConnectionInfo:
        """Fork a kernel. stdout, stderr: as for subprocess.Popen, a file or None for this process's own.

        Raises GraderError where it cannot be forked, or not as it was asked for.
        """
        others.pop("kernel_id", None)
        if others:
            raise GraderError(f"a forked kernel cannot be started with {', '.join(others)}")
        self.cwd = cwd or Path.cwd()
        request = {
            "start": "kernel",
            "arguments": cmd[cmd.index(LAUNCHER) + 1 :],
            "env": env | {"JPY_PARENT_PID": str(os.getpid())},
            "cwd": str(self.cwd),
        }
        files = [_descriptor(stdout, 1), _descriptor(stderr, 2)]
        self.process = await asyncio.to_thread(ForkedKernel, request, files)
        self.pid = self.process.pid
        return self.connection_info

    async def cleanup(self, restart: bool = False) -> None:
        """Hang up, which ends what may still run of the kernel."""
        if self.process:
            self.process.close()
        await super().cleanup(restart)


class ForkedKernel:
    """The process of a kernel, as far as LocalProvisioner knows a subprocess.Popen."""

    stdin = stdout = stderr = None

    def __init__(self, request: dict, descriptors: list[int]) -> None:
        """Raises GraderError if there is no such process."""
        self.returncode: int | None = None
        self._received = b""
        self._connection = _server().connect(request, descriptors)
        message = self._message(START_SECONDS)
        if message is None or "started" not in message:
            self.close()
            reason = message.get("refused", "its process ended") if message else "no answer came"
            raise GraderError(f"the forked kernel does not start: {reason}")
        self.pid = message["started"]

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while the kernel runs."""
        return self._look(0)

    def wait(self) -> int:
        """Wait for the end. Returns the exit code."""
        return self._look(None)

    def send_signal(self, number: int) -> None:
        """Send a signal to the kernel and to the processes of its group. Does nothing after its end."""
        if self.poll() is None:
            self._connection.sendall(b"%d\n" % number)

    def close(self) -> None:
        """Hang up: the keeper kills the kernel and all that came from it."""
        self._connection.close()

    def _look(self, seconds: float | None) -> int | None:
        if self.returncode is None and (message := self._message(seconds)):
            self.returncode = os.waitstatus_to_exitcode(message["ended"])
            self.close()
        return self.returncode

    def _message(self, seconds: float | None) -> dict | None:
        """The next one from the other side; None if none comes in time."""
        self._connection.settimeout(seconds)
        while b"\n" not in self._received.lstrip(b"\n"):
            try:
                received = self._connection.recv(4096)
            except (BlockingIOError, TimeoutError):
                return None
            except ConnectionResetError:
                received = b""
            if not received:
                return {"ended": signal.SIGKILL}  # the keeper was ended, and with it the kernel
            self._received += received
        line, _, self._received = self._received.lstrip(b"\n").partition(b"\n")
        return json.loads(line)


def _server() -> ForkServer:
    """This process's fork server: started for the first kernel, stopped at exit."""
    with _starting:
        return _start_server()


@cache
def _start_server() -> ForkServer:
    if not sys.platform.startswith("linux"):
        raise GraderError("forked kernels need Linux: use the kernel python3 here")
    server = ForkServer(sandboxed=False)
    atexit.register(server.stop)
    return server


def _descriptor(file: Any, default: int) -> int:
    if file is None:
        return default
    return file if isinstance(file, int) else file.fileno()
