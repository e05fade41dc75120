"""The surroundings in which a case runs the student's code.

Whatever a notebook did to the global state before, a case starts from the same state and puts the
notebook's own back. What the student's code writes to standard error arrives as ordinary output, because
nbgrader gives 0 points to a cell with anything on standard error.
"""

import contextlib
import ctypes
import os
import random
import sys
import tempfile
from collections.abc import Callable, Iterator

import numpy as np
import torch

STDOUT = sys.stdout  # before any notebook could redirect it
MERSENNE = "MT19937"  # the generator that np.random has unless a notebook gives it another
KEY_BYTES, PLACE_BYTES = 624 * 4, 4  # in the memory of numpy's generator: its numbers, the place among them
HAS_GAUSS = 3  # where numpy says that half of a pair of normal numbers is kept for the next call

_of_cases = np.random.MT19937()  # numpy's generator inside cases
_known: dict[int, tuple[bytes, list]] = {}  # address of a generator -> its memory, its state


@contextlib.contextmanager
def same_for_everyone(seed: int) -> Iterator[None]:
    """Seed the global generators and set torch's global switches; restore the notebook's own at the end."""
    python_state, torch_state = random.getstate(), torch.get_rng_state()
    of_notebook, of_numpy = np.random.get_bit_generator(), numpy_state()
    dtype, device = torch.get_default_dtype(), torch.get_default_device()
    random.seed(seed)
    np.random.set_bit_generator(_of_cases)
    np.random.seed(seed)
    numpy_state(seeded=True)
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
        np.random.set_bit_generator(of_notebook)
        if of_numpy[HAS_GAUSS]:  # which is lost on the way
            set_numpy_state(of_numpy)
        random.setstate(python_state)


def numpy_state(seeded: bool = False) -> list:
    """What np.random.get_state() gives, the numbers as bytes. Of another generator: its name.

    numpy takes long to tell it. Its memory tells whether there is anything new.
    seeded: whether that has just happened, so that numpy keeps no half of a pair.
    """
    generator = np.random.get_bit_generator()
    if type(generator) is not np.random.MT19937:
        return [type(generator).__name__, b"", 0, 0, 0.0]
    address = generator.ctypes.state_address
    memory = ctypes.string_at(address, KEY_BYTES + PLACE_BYTES)
    before, state = _known.get(address, (b"", []))
    if seeded:
        place = int.from_bytes(memory[KEY_BYTES:], sys.byteorder)
        state = [MERSENNE, memory[:KEY_BYTES], place, 0, 0.0]
    elif memory != before or state[HAS_GAUSS]:
        name, keys, *rest = np.random.get_state()
        state = [name, keys.tobytes(), *rest]
    _known[address] = memory, state
    return state


def set_numpy_state(state: list) -> None:
    """Give numpy's own generator the state that `numpy_state` told."""
    name, keys, *rest = state
    if name == MERSENNE:
        np.random.set_state((name, np.frombuffer(keys, dtype=np.uint32), *rest))


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
