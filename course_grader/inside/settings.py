"""The state of global things that a call may read and change: random generators, and whether graphs are kept.

They travel with every call, as if tests and answers shared a process.
"""

import array
import ctypes
import random
from typing import Any

import numpy as np
import torch

MERSENNE_BYTES = 624 * 4 + 4  # numpy's struct: its numbers, and the place among them
HAS_GAUSS = 3  # where numpy says that half of a pair of normal numbers is kept for the next call

_numpy_before: tuple[bytes, list] = b"", []


def now() -> dict[str, Any]:
    """All of it, the numbers of the generators as bytes: these are quickly compared and sent."""
    version, state, gauss = random.getstate()
    return {
        "torch": torch.get_rng_state().numpy().tobytes(),
        "numpy": _of_numpy(),
        "python": [version, array.array("I", state).tobytes(), gauss],
        "grad": torch.is_grad_enabled(),
    }


def _of_numpy() -> list:
    """The state of numpy's generator. To ask for it takes long: its memory tells whether it has changed."""
    global _numpy_before
    generator = np.random.get_bit_generator()
    memory = b""
    if type(generator) is np.random.MT19937:
        memory = ctypes.string_at(generator.ctypes.state_address, MERSENNE_BYTES)
    known, state = _numpy_before
    if not memory or memory != known or state[HAS_GAUSS]:
        name, keys, *rest = np.random.get_state()
        state = [name, keys.tobytes(), *rest]
        _numpy_before = memory, state
    return state


def take_over(new: dict[str, Any]) -> None:
    """Set what is in here."""
    if "torch" in new:
        torch.set_rng_state(torch.frombuffer(bytearray(new["torch"]), dtype=torch.uint8))
    if "numpy" in new:
        name, keys, *of_numpy = new["numpy"]
        np.random.set_state((name, np.frombuffer(keys, dtype=np.uint32), *of_numpy))
    if "python" in new:
        version, state, gauss = new["python"]
        random.setstate((version, tuple(array.array("I", state)), gauss))
    if "grad" in new:
        torch.set_grad_enabled(new["grad"])


def changed(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """What is different in new."""
    return {name: value for name, value in new.items() if value != old.get(name)}


def to_json(new: dict[str, Any]) -> dict[str, Any]:
    """As the desk tells it."""
    return {name: _with_texts(value) for name, value in new.items()}


def _with_texts(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_texts(one) for one in value]
    return value.hex() if isinstance(value, bytes) else value


def from_json(said: dict[str, Any]) -> dict[str, Any]:
    """What `to_json` said, or an error of Python."""
    new = {}
    if "torch" in said:
        new["torch"] = bytes.fromhex(said["torch"])
    if "numpy" in said:
        name, keys, place, *rest = said["numpy"]
        keys = bytes.fromhex(keys)
        if type(place) is not int or not 0 <= place <= len(keys) // 4:
            raise ValueError("numpy would read beyond its numbers")
        new["numpy"] = [name, keys, place, *rest]
    if "python" in said:
        version, state, gauss = said["python"]
        new["python"] = [version, bytes.fromhex(state), gauss]
    if "grad" in said:
        new["grad"] = bool(said["grad"])
    return new
