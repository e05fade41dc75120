"""The surroundings in which a case runs the student's code.

Whatever a notebook did to the global state before, a case starts from the same state and puts the
notebook's own back. What the student's code writes to standard error arrives as ordinary output, because
nbgrader gives 0 points to a cell with anything on standard error.
"""

import contextlib
import os
import random
import sys
import tempfile
from collections.abc import Callable, Iterator

import numpy as np
import torch

STDOUT = sys.stdout  # before any notebook could redirect it


@contextlib.contextmanager
def same_for_everyone(seed: int) -> Iterator[None]:
    """Seed the global generators and set torch's global switches; restore the notebook's own at the end."""
    python_state, numpy_state, torch_state = random.getstate(), np.random.get_state(), torch.get_rng_state()
    dtype, device = torch.get_default_dtype(), torch.get_default_device()
    random.seed(seed)
    np.random.seed(seed)
    torch.random.default_generator.manual_seed(seed)
    torch.set_default_dtype(torch.float32)
    if device.type != "cpu":
        torch.set_default_device(None)
    try:
        with torch.inference_mode(False), torch.enable_grad():
            yield
    finally:
        torch.set_default_dtype(dtype)
        if device.type != "cpu":
            torch.set_default_device(device)
        torch.set_rng_state(torch_state)
        np.random.set_state(numpy_state)
        random.setstate(python_state)


@contextlib.contextmanager
def stderr_as_stdout() -> Iterator[None]:
    """Send standard error to standard output, from Python and from C (file descriptor 2) alike."""
    stderr = sys.stderr
    if stderr is not None:
        stderr.flush()
        # Replacing write on the stream itself also catches logging handlers, which keep the stream.
        stderr.write = _write_to_stdout(stderr)
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as from_c:
        os.dup2(from_c.fileno(), 2)
        try:
            yield
        finally:
            if stderr is not None:
                del stderr.write
            os.dup2(terminal, 2)
            os.close(terminal)
            from_c.seek(0)
            _print(from_c.read().decode(errors="replace"))


def _write_to_stdout(stderr) -> Callable[[str], int]:
    """What writes to standard output also where a notebook has made one stream of the two.

    A notebook may say `sys.stderr = sys.stdout`, or the other way round, or print through an object of its
    own that writes to the other stream. Writing to sys.stdout then comes back to here.
    """
    own_write, inside = stderr.write, False

    def write(text: str) -> int:
        nonlocal inside
        if inside or sys.stdout is stderr:
            plain = STDOUT is not None and STDOUT is not stderr
            return STDOUT.write(text) if plain else own_write(text)
        inside = True
        try:
            return sys.stdout.write(text)
        finally:
            inside = False

    return write


def _print(text: str) -> None:
    if text:
        (sys.stdout or STDOUT).write(text)
