"""The state of global things that a call may read and change: random generators, and whether graphs are kept.

They travel with every call, as if tests and answers shared a process.
"""

import random
from typing import Any

import numpy as np
import torch


def now() -> dict[str, Any]:
    """All of it, as plain values and tensors."""
    return {
        "torch": torch.get_rng_state(),
        "numpy": np.random.get_state(),
        "python": random.getstate(),
        "grad": torch.is_grad_enabled(),
    }


def take_over(new: dict[str, Any]) -> None:
    """Set what is in here."""
    if "torch" in new:
        torch.set_rng_state(new["torch"])
    if "numpy" in new:
        np.random.set_state(new["numpy"])
    if "python" in new:
        random.setstate(new["python"])
    if "grad" in new:
        torch.set_grad_enabled(new["grad"])


def changed(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """What is different in new."""
    return {name: value for name, value in new.items() if not _same(value, old.get(name))}


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and torch.equal(a, b)
    if isinstance(a, tuple) and isinstance(a[1], np.ndarray):
        return isinstance(b, tuple) and a[2:] == b[2:] and a[1].tobytes() == b[1].tobytes()
    return a == b


def to_json(new: dict[str, Any]) -> dict[str, Any]:
    """As the desk tells it."""
    said = dict(new)
    if "torch" in new:
        said["torch"] = new["torch"].numpy().tobytes().hex()
    if "numpy" in new:
        name, keys, *rest = new["numpy"]
        said["numpy"] = [name, keys.tolist(), *rest]
    return said


def from_json(said: dict[str, Any]) -> dict[str, Any]:
    """What `to_json` said, or an error of Python."""
    new = {}
    if "torch" in said:
        new["torch"] = torch.frombuffer(bytearray.fromhex(said["torch"]), dtype=torch.uint8)
    if "numpy" in said:
        name, keys, place, *rest = said["numpy"]
        if type(place) is not int or not 0 <= place <= len(keys):
            raise ValueError("numpy would read beyond its numbers")
        new["numpy"] = (name, np.array(keys, dtype=np.uint32), place, *rest)
    if "python" in said:
        version, state, gauss = said["python"]
        new["python"] = (version, tuple(state), gauss)
    if "grad" in said:
        new["grad"] = bool(said["grad"])
    return new
