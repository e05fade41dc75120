"""Objects that exist twice, at the desk and with the examiner, and are kept equal.

An object that may change (a tensor, a list, a module) and has travelled has a number, the same on both sides.
Before a call the desk is told what has changed with the examiner, and after it the examiner what has changed
at the desk. Tensors and arrays are views of storages, which have numbers of their own: so two that share
memory on one side share it on the other.
"""

import collections
import operator
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import torch

TENSORS = (torch.Tensor, torch.nn.Parameter)
LISTS = (list, collections.deque)
DICTS = (dict, collections.OrderedDict, collections.defaultdict, collections.Counter)
NOT_OBJECTS = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.MethodType)


def kind(value: Any) -> str | None:
    """How changes of this object are told; None if it does not change, or nobody tells."""
    cls = type(value)
    if cls in TENSORS:
        return "tensor"
    if cls is np.ndarray:
        return "array"
    if cls in LISTS:
        return "list"
    if cls in DICTS:
        return "dict"
    if cls is set:
        return "set"
    if cls is torch.Generator:
        return "generator"
    if cls is types.CellType:
        return "cell"
    if cls in (pd.DataFrame, pd.Series):
        return "table"
    if isinstance(value, NOT_OBJECTS) or cls.__module__ in ("builtins", "torch", "numpy", "pathlib"):
        return None
    if cls.__module__.startswith("pandas."):
        return None  # inner parts of a table
    return "object" if hasattr(value, "__dict__") else None


def parts(value: Any) -> Any:
    """What may change in an object, its inner objects as they are."""
    match kind(value):
        case "tensor":
            leaf = value.is_leaf
            return {
                "requires_grad": value.requires_grad,
                "leaf": leaf,
                "grad": _grad(value),
                "memory": _memory(value),
            }
        case "array":
            return None  # its storage says it
        case "list":
            return list(value)
        case "dict":
            return dict.copy(value)
        case "set":
            return set.copy(value)
        case "generator":
            return value.get_state()
        case "cell":
            try:
                return [value.cell_contents]
            except ValueError:  # empty
                return []
        case "table":
            return value.copy()
        case "object":
            return dict.copy(vars(value))


def set_parts(value: Any, new: Any) -> None:
    """Make an object contain what `parts` said of its twin."""
    match kind(value):
        case "tensor":
            if new["memory"] is not None:
                value.data = new["memory"]
            if new["leaf"] and not value.is_leaf:
                value.detach_()
            if value.is_leaf and value.requires_grad != new["requires_grad"]:
                value.requires_grad_(new["requires_grad"])
            if value.is_leaf:
                value.grad = new["grad"]
        case "list":
            value.clear()
            value.extend(new)
        case "dict" | "set":
            value.clear()
            value.update(new)
        case "generator":
            value.set_state(new)
        case "cell":
            if new:
                value.cell_contents = new[0]
        case "table":
            value._mgr = new._mgr
        case "object":
            own = vars(value)
            own.clear()
            own.update(new)


def with_graph(value: torch.Tensor) -> torch.Tensor:
    """The same tensor as the result of a computation that nothing is known of: it is no leaf."""
    one = torch.ones((), dtype=value.dtype, requires_grad=True)
    repeats = any(
        stride == 0 and length > 1 for stride, length in zip(value.stride(), value.shape, strict=True)
    )
    return value.detach() * one if repeats else value.detach().mul_(one)


def _grad(value: torch.Tensor) -> torch.Tensor | None:
    return value.grad if value.is_leaf else None


def _memory(value: torch.Tensor) -> str:
    """Where a tensor's values are, as a text to compare."""
    address = value.untyped_storage().data_ptr() if value.layout == torch.strided else 0
    return f"{address} {place(value)}"


def place(value: torch.Tensor) -> list:
    """Where in its storage a tensor lies."""
    return [list(value.shape), list(value.stride()), value.storage_offset(), str(value.dtype)]


def same_parts(old: Any, new: Any) -> bool:
    """Whether two answers of `parts` say the same: the same inner objects, or equal plain values."""
    if isinstance(old, torch.Tensor):
        return torch.equal(old, new)
    if isinstance(old, pd.DataFrame | pd.Series):
        return type(old) is type(new) and old.equals(new) and list(old.axes[-1]) == list(new.axes[-1])
    if isinstance(old, dict):
        keys = len(old) == len(new) and all(map(_same, old, new))
        return keys and all(map(_same, old.values(), new.values()))
    if isinstance(old, set):
        return old == new
    if isinstance(old, list):
        return len(old) == len(new) and (all(map(operator.is_, old, new)) or all(map(_same, old, new)))
    return old is new


ONLY_HERE = 3  # references to an object that nothing else refers to: the table, a loop, getrefcount itself
PLAIN = (bool, int, float, complex, str, bytes, type(None))


def _same(a: Any, b: Any) -> bool:
    return a is b or (type(a) is type(b) and type(a) in PLAIN and (a == b or a != a))


def storage_of(value: torch.Tensor | np.ndarray) -> torch.UntypedStorage | None:
    """The memory that a tensor or array lies in; None if it has none (no entries, or no values at all)."""
    if isinstance(value, np.ndarray):
        owner = value
        while isinstance(owner.base, np.ndarray):
            owner = owner.base
        if isinstance(owner.base, torch.Tensor):
            return storage_of(owner.base)
        if not owner.nbytes or not owner.flags.c_contiguous:
            return None
        if not owner.flags.writeable:
            return torch.frombuffer(bytearray(owner.tobytes()), dtype=torch.uint8).untyped_storage()
        return torch.from_numpy(owner.reshape(-1).view(np.uint8)).untyped_storage()
    if value.device.type != "cpu" or value.layout != torch.strided:
        return None
    storage = value.untyped_storage()
    return storage if storage.nbytes() else None


def content(storage: torch.UntypedStorage) -> torch.Tensor:
    """The bytes of a storage, as a view."""
    return torch.tensor([], dtype=torch.uint8).set_(storage)


@dataclass
class Twins:
    """The numbered objects and storages of one side.

    first: 0 or 1; new numbers of this side are even or odd.
    """

    first: int
    objects: dict[int, Any] = field(default_factory=dict)
    numbers: dict[int, int] = field(default_factory=dict)  # id of an object -> its number
    known: dict[int, Any] = field(default_factory=dict)  # number -> its parts when both sides agreed
    storages: dict[int, torch.UntypedStorage] = field(default_factory=dict)
    storage_numbers: dict[int, int] = field(default_factory=dict)  # address -> number
    bytes_known: dict[int, torch.Tensor] = field(default_factory=dict)
    lasting: set[int] = field(default_factory=set)
    _next: int = 0

    def new_number(self) -> int:
        self._next += 2
        return self._next + self.first

    def add(self, value: Any, number: int) -> None:
        """An object gets its number. Both sides agree about it now."""
        self.objects[number] = value
        self.numbers[id(value)] = number
        self.known[number] = parts(value)

    def number(self, value: Any) -> int | None:
        return self.numbers.get(id(value))

    def add_storage(self, storage: torch.UntypedStorage, number: int, lasting: bool = False) -> None:
        """A storage gets its number. lasting: it belongs to an array, which torch does not count."""
        self.storages[number] = storage
        self.storage_numbers[storage.data_ptr()] = number
        self.bytes_known[number] = content(storage).clone()
        if lasting:
            self.lasting.add(number)

    def storage_number(self, storage: torch.UntypedStorage) -> int | None:
        number = self.storage_numbers.get(storage.data_ptr())
        here = number in self.storages and self.storages[number].data_ptr() == storage.data_ptr()
        return number if here else None

    def changed(self) -> Iterator[tuple[int, Any]]:
        """(number, parts) of every object whose parts are others than those that both sides know."""
        for number, old in list(self.known.items()):
            new = parts(self.objects[number])
            if not same_parts(old, new):
                if type(self.objects[number]) in TENSORS:
                    moved = new["memory"] != old["memory"]
                    new["memory"] = self.objects[number].detach() if moved else None
                yield number, new

    def changed_storages(self) -> Iterator[tuple[int, bytes]]:
        """(number, content) of every storage whose bytes are others than those that both sides know."""
        for number, storage in list(self.storages.items()):
            now = content(storage)
            if now.shape != self.bytes_known[number].shape:
                raise ValueError("the memory of an argument has another size than before")
            if not torch.equal(now, self.bytes_known[number]):
                self.bytes_known[number] = now.clone()
                yield number, now.numpy().tobytes()

    def set_bytes(self, number: int, new: bytes) -> None:
        storage = self.storages[number]
        if len(new) != storage.nbytes():
            raise ValueError("a storage has another size")
        with torch.no_grad():
            content(storage).copy_(torch.frombuffer(bytearray(new), dtype=torch.uint8))
        self.bytes_known[number] = content(storage).clone()

    def unused(self) -> list[int]:
        """Numbers of objects that only this table refers to, and of storages without a tensor."""
        found = [number for number, value in self.objects.items() if sys.getrefcount(value) <= ONLY_HERE]
        return found + [
            number
            for number, storage in self.storages.items()
            if number not in self.lasting and torch._C._storage_Use_Count(storage._cdata) <= 1
        ]

    def forget(self, numbers: list[int]) -> None:
        """These are no twins any more."""
        for number in numbers:
            if number in self.storages:
                del self.storages[number]
                del self.bytes_known[number]
            elif number in self.objects:
                self.numbers.pop(id(self.objects.pop(number)), None)
                self.known.pop(number, None)

    def settle(self, number: int) -> None:
        """Both sides now know this object as it is."""
        self.known[number] = parts(self.objects[number])
