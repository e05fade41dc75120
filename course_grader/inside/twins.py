"""Objects that exist twice, at the desk and with the examiner, and are kept equal.

An object that may change (a tensor, a list, a module) and has travelled has a number, the same on both sides.
Before a call the desk is told what has changed with the examiner, and after it the examiner what has changed
at the desk. Tensors and arrays are views of storages, which have numbers of their own: so two that share
memory on one side share it on the other.

To find what has changed, all that may have is compared with what both sides knew. What nobody but the table
of twins refers to cannot have: the examiner forgets it, and the desk lets it rest until the examiner names
it.
"""

import collections
import ctypes
import operator
import sys
import types
import weakref
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


KINDS = {
    **dict.fromkeys(TENSORS, "tensor"),
    **dict.fromkeys(LISTS, "list"),
    **dict.fromkeys(DICTS, "dict"),
    np.ndarray: "array",
    set: "set",
    torch.Generator: "generator",
    types.CellType: "cell",
    pd.DataFrame: "table",
    pd.Series: "table",
}


def kind(value: Any) -> str | None:
    """How changes of this object are told; None if it does not change, or nobody tells."""
    cls = type(value)
    if cls in KINDS:
        return KINDS[cls]
    if isinstance(value, NOT_OBJECTS) or cls.__module__ in ("builtins", "torch", "numpy", "pathlib"):
        return None
    if cls.__module__.startswith("pandas."):
        return None  # inner parts of a table
    return "object" if hasattr(value, "__dict__") else None


@dataclass(frozen=True, slots=True, eq=False)
class TensorParts:
    """What may change in a tensor besides its values, which its storage tells.

    memory: where they are, to be compared.
    """

    requires_grad: bool
    leaf: bool
    grad: torch.Tensor | None
    memory: Any

    def __eq__(self, other: Any) -> bool:
        return (
            self.grad is other.grad
            and self.memory == other.memory
            and (self.requires_grad, self.leaf) == (other.requires_grad, other.leaf)
        )


def parts(value: Any) -> Any:
    """What may change in an object, its inner objects as they are."""
    match kind(value):
        case "tensor":
            leaf = value.is_leaf
            return TensorParts(value.requires_grad, leaf, value.grad if leaf else None, _memory(value))
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
    """Make an object contain what `parts` said of its twin. A tensor's memory: another tensor, or None."""
    match kind(value):
        case "tensor":
            if new.memory is not None:
                value.data = new.memory
            if new.leaf and not value.is_leaf:
                value.detach_()
            if value.is_leaf and value.requires_grad != new.requires_grad:
                value.requires_grad_(new.requires_grad)
            if value.is_leaf:
                if new.grad is not None and new.grad.dtype != value.dtype:
                    value.grad_dtype = None  # any, as after a module's double()
                value.grad = new.grad
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


def _memory(value: torch.Tensor) -> tuple:
    """Where a tensor's values are, to be compared."""
    if value.layout != torch.strided:
        return (value.layout,)
    address = value.untyped_storage().data_ptr()  # that of the tensor itself is 0 if it has no entries
    return address, value.shape, value.stride(), value.storage_offset(), value.dtype


def place(value: torch.Tensor) -> list:
    """Where in its storage a tensor lies."""
    return [list(value.shape), list(value.stride()), value.storage_offset(), str(value.dtype)]


def same_parts(old: Any, new: Any) -> bool:
    """Whether two answers of `parts` say the same: the same inner objects, or equal plain values."""
    if isinstance(old, TensorParts):
        return old == new
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


def _has_the_same(value: Any, old: Any) -> bool:
    """Whether a container holds the very objects that it did: what is quickly seen of most."""
    if type(old) is dict:
        now = value if type(value) in DICTS else vars(value)
        same = map(operator.is_, dict.values(now), old.values())
        return len(now) == len(old) and all(same) and all(map(operator.is_, now, old))
    return type(value) in LISTS and len(value) == len(old) and all(map(operator.is_, value, old))


def _has_another_way(value: Any) -> bool:
    """Whether an object may be changed by somebody who does not refer to it."""
    match kind(value):
        case "tensor":
            return value._use_count() > 1  # by a graph, or a view
        case "object":
            return sys.getrefcount(vars(value)) > 2
        case "table":
            return True
    return False


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


_memcmp = ctypes.CDLL(None).memcmp
_memcmp.argtypes = ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t


def content(storage: torch.UntypedStorage) -> bytes:
    """A copy of what a storage holds."""
    return ctypes.string_at(storage.data_ptr(), storage.nbytes())


def storage_with(content: bytes) -> torch.UntypedStorage:
    """A new storage that holds these bytes."""
    new = torch.UntypedStorage(len(content))
    ctypes.memmove(new.data_ptr(), content, len(content))
    return new


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
    bytes_known: dict[int, bytes] = field(default_factory=dict)
    lasting: set[int] = field(default_factory=set)
    awake: set[int] = field(default_factory=set)  # objects and storages that may change
    resting: dict[int, int | None] = field(default_factory=dict)  # number of a tensor -> that of its storage
    rest_on: collections.Counter = field(default_factory=collections.Counter)  # storage -> resting tensors
    stand_ins: dict[int, tuple[weakref.ref, type]] = field(default_factory=dict)  # they hold nothing
    gone: set[int] = field(default_factory=set)  # numbers of stand-ins that nobody refers to any more
    _next: int = 0

    def new_number(self) -> int:
        self._next += 2
        return self._next + self.first

    def taken(self, number: int) -> bool:
        return number in self.objects or number in self.storages or number in self.stand_ins

    def add(self, value: Any, number: int) -> None:
        """An object gets its number. Both sides agree about it now."""
        self.objects[number] = value
        self.numbers[id(value)] = number
        self.settle(number)

    def number(self, value: Any) -> int | None:
        return self.numbers.get(id(value))

    def add_stand_in(self, value: Any, number: int) -> None:
        """What stands for an object of the other side gets that object's number."""

        def gone(_: weakref.ref, address: int = id(value)) -> None:
            self.numbers.pop(address, None)
            self.gone.add(number)

        self.numbers[id(value)] = number
        self.stand_ins[number] = weakref.ref(value, gone), type(value)
        self.gone.discard(number)

    def add_storage(self, storage: torch.UntypedStorage, number: int, lasting: bool = False) -> None:
        """A storage gets its number. lasting: it belongs to an array, which torch does not count."""
        self.storages[number] = storage
        self.storage_numbers[storage.data_ptr()] = number
        self.bytes_known[number] = content(storage)
        self.awake.add(number)
        if lasting:
            self.lasting.add(number)

    def storage_number(self, storage: torch.UntypedStorage) -> int | None:
        number = self.storage_numbers.get(storage.data_ptr())
        here = number in self.storages and self.storages[number].data_ptr() == storage.data_ptr()
        return number if here else None

    def changed(self) -> Iterator[tuple[int, Any]]:
        """(number, parts) of every object whose parts are others than those that both sides know."""
        for number in sorted(self.awake & self.known.keys()):
            old, value = self.known[number], self.objects[number]
            if _has_the_same(value, old):
                continue
            new = parts(value)
            if not same_parts(old, new):
                if type(new) is TensorParts:
                    moved = value.detach() if new.memory != old.memory else None
                    new = TensorParts(new.requires_grad, new.leaf, new.grad, moved)
                yield number, new

    def changed_storages(self) -> Iterator[tuple[int, bytes]]:
        """(number, content) of every storage whose bytes are others than those that both sides know."""
        for number in sorted(self.awake & self.storages.keys()):
            storage, known = self.storages[number], self.bytes_known[number]
            if storage.nbytes() != len(known):
                raise ValueError("the memory of an argument has another size than before")
            if _memcmp(storage.data_ptr(), known, len(known)):
                self.bytes_known[number] = content(storage)
                yield number, self.bytes_known[number]

    def set_bytes(self, number: int, new: bytes) -> None:
        storage = self.storages[number]
        if len(new) != storage.nbytes():
            raise ValueError("a storage has another size")
        ctypes.memmove(storage.data_ptr(), new, len(new))
        self.bytes_known[number] = new

    def unused(self) -> list[int]:
        """Numbers of what only this table refers to: objects, storages without a tensor, stand-ins."""
        found = [number for number in self.objects if self._is_only_here(number)]
        gone, self.gone = self.gone, set()
        return [*found, *gone] + [
            number for number in self.storages.keys() - self.lasting if not self._may_be_used(number)
        ]

    def forget(self, numbers: list[int]) -> None:
        """These are no twins any more."""
        for number in numbers:
            if number in self.storages:
                self.storage_numbers.pop(self.storages.pop(number).data_ptr(), None)
                self.rest_on.pop(number, None)
                del self.bytes_known[number]
            elif number in self.objects:
                self.wake(number)
                self.numbers.pop(id(self.objects.pop(number)), None)
                self.known.pop(number, None)
            self.stand_ins.pop(number, None)
            self.awake.discard(number)

    def settle(self, number: int) -> None:
        """Both sides now know this object as it is."""
        self.wake(number)
        self.known[number] = parts(self.objects[number])

    def released(self) -> list[int]:
        """Numbers of tensors and storages made on this side that only this table refers to: they can go."""
        tensors = [
            number
            for number in self.resting
            if number % 2 == self.first and number in self.objects and not self.objects[number].requires_grad
        ]
        inside = collections.Counter(self.resting[number] for number in tensors)
        own = (number for number in self.storages.keys() - self.awake if number % 2 == self.first)
        return tensors + [number for number in own if self.rest_on[number] == inside[number]]

    def rest(self) -> None:
        """Nothing runs now: what only this table refers to cannot change until somebody names it."""
        for number in self.awake & self.objects.keys():
            if self._is_only_here(number) and not _has_another_way(self.objects[number]):
                self.awake.discard(number)
                if type(self.objects[number]) in TENSORS:
                    storage = storage_of(self.objects[number])
                    self.resting[number] = None if storage is None else self.storage_number(storage)
                    self.rest_on[self.resting[number]] += 1
        for number in (self.awake & self.storages.keys()) - self.lasting:
            if not self._may_be_used(number):
                self.awake.discard(number)

    def _is_only_here(self, number: int) -> bool:
        # The table refers to it, and getrefcount itself; a loop over items() would, too.
        return sys.getrefcount(self.objects[number]) <= 2

    def _may_be_used(self, number: int) -> bool:
        """Whether there is a tensor with this storage that does not rest."""
        if sys.getrefcount(self.storages[number]) > 2:
            return True
        return torch._C._storage_Use_Count(self.storages[number]._cdata) > 1 + self.rest_on[number]

    def wake(self, number: int) -> None:
        """Somebody may change this object from now on."""
        self.awake.add(number)
        if number in self.resting:
            at = self.resting.pop(number)
            self.rest_on[at] -= 1
            if at in self.storages:
                self.awake.add(at)
