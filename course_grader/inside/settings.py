"""The state of global things that a call may read and change: random generators, and whether graphs are kept.

They travel with every call, as if tests and answers shared a process.
"""

import array
import random
from typing import Any

from course_utils.check import _world

import torch


def now() -> dict[str, Any]:
    """All of it, the numbers of the generators as bytes: these are quickly compared and sent."""
    version, state, gauss = random.getstate()
    return {
        "torch": torch.get_rng_state().numpy().tobytes(),
        "numpy": _world.numpy_state(),
        "python": [version, array.array("I", state).tobytes(), gauss],
        "grad": torch.is_grad_enabled(),
    }


def take_over(new: dict[str, Any]) -> None:
    """Set what is in here."""
    if "torch" in new:
        torch.set_rng_state(torch.frombuffer(bytearray(new["torch"]), dtype=torch.uint8))
    if "numpy" in new:
        _world.set_numpy_state(new["numpy"])
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
