"""How the desk tells the examiner about values: as JSON that can say nothing but plain values.

`Encoder` is used at the desk, `Decoder` by the examiner. What is plain (numbers, texts, containers, tensors,
arrays, tables, modules of torch.nn) is built anew by the examiner; every other object stays at the desk and
is known by its number. Nothing is unpickled, no code is named but classes of torch.nn.

A value is a JSON scalar, or a list that begins with a tag.
"""

import collections
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import torch

from course_grader.inside.twins import (
    TENSORS,
    TensorParts,
    Twins,
    kind,
    place,
    storage_of,
    storage_with,
    with_graph,
)

DEEPEST = 40  # containers inside each other
HUGE = 2**24  # bytes of one tensor
SPARE, PAGE = 4, 4096  # a storage so many times as large as its tensor, and larger than so many bytes
MOST = 2_000_000  # values in one message
LARGEST = 2**27  # bytes of all arrays and texts in one message
LONGEST = 4000  # digits of a whole number: Python reads no more of them from JSON
# Columns in which an entry may be missing.
MASKED = {"boolean", "Float32", "Float64"} | {f"{u}Int{bits}" for u in ("", "U") for bits in (8, 16, 32, 64)}
NUMBERS, SMALL = {bool, int, float}, 2**63
SCALARS = {bool, int, float, str, type(None)}
# The special methods that a stand-in of an object has if the object has them.
SPECIAL = """
    add sub mul matmul truediv floordiv mod divmod pow lshift rshift and xor or iadd isub imul
    itruediv radd rsub rmul rmatmul rtruediv rfloordiv rmod rpow rand rxor ror neg pos abs
    invert eq ne lt le gt ge len getitem setitem delitem contains iter next call enter exit
    int float index bool str repr format fspath reversed round
""".split()  # noqa: SIM905 (as a list it would take a line for each)


def is_library_module(value: Any) -> bool:
    """A module of torch.nn itself, used as it comes: the examiner can have one of its own."""
    cls = type(value)
    if not isinstance(value, torch.nn.Module) or not cls.__module__.startswith("torch.nn."):
        return False
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return library_module(cls.__module__, cls.__qualname__) is cls and not any(
        vars(value).get(h) for h in hooks
    )


def library_module(module: Any, name: Any) -> type | None:
    """The class of torch.nn with this name."""
    found = getattr(torch.nn, name, None) if isinstance(name, str) else None
    known = isinstance(found, type) and issubclass(found, torch.nn.Module)
    return found if known and found.__module__ == module else None


class Encoder:
    """Values of the desk, as JSON and byte strings. One for each message."""

    def __init__(self, twins: Twins, handles: dict[int, Any]) -> None:
        self.twins = twins
        self.handles = handles
        self.blobs: list[bytes] = []
        self.depth = 0
        self.left, self.bytes_left = MOST, LARGEST
        self.new: list[int] = []  # numbers that this message gives to objects and storages

    def take_back(self) -> None:
        """The message is not sent: nobody but the desk has heard of what is new in it."""
        for number in self.new:
            self.twins.numbers.pop(id(self.handles.pop(number, None)), None)
        self.twins.forget(self.new)

    def value(self, value: Any) -> Any:
        self.left -= 1
        if self.left < 0:
            raise ValueError("the value is too large")
        number = self.twins.number(value)
        if number is not None:
            return ["ref", number]
        self.depth += 1
        try:
            if self.depth > DEEPEST:
                raise ValueError("the value is nested too deeply")
            return self._new(value)
        finally:
            self.depth -= 1

    def _new(self, value: Any) -> Any:
        cls = type(value)
        if cls is str:
            self._count(len(value))
        if cls in SCALARS:
            return value if cls is not int or value.bit_length() < 3 * LONGEST else self._handle(value)
        writer = WRITERS.get(cls)
        if writer is not None:
            return writer(self, value)
        if isinstance(value, np.generic) and value.dtype.kind in "biufcSUmM" and cls.__module__ == "numpy":
            return ["np", value.dtype.str, self._blob(value.tobytes())]
        if isinstance(value, torch.nn.parameter.UninitializedTensorMixin):
            return self._handle(value)  # of a lazy layer that has not seen its input yet
        if isinstance(value, torch.Tensor):
            plain = torch.Tensor.detach(value).as_subclass(torch.Tensor)
            return ["subtensor", cls.__name__, self._tensor(plain)]
        if isinstance(value, tuple) and cls.__module__ == "torch.return_types":
            return ["result", cls.__name__.rpartition(".")[2], self._entries(tuple(value))]
        if isinstance(value, tuple) and isinstance(getattr(cls, "_fields", None), tuple):
            return ["named", cls.__name__, list(map(str, cls._fields)), self._entries(tuple(value))]
        if is_library_module(value):
            return self._module(value)
        return self._handle(value)

    def parts(self, value: Any, parts: Any) -> Any:
        """What changed in an object: its parts, whose own identity does not matter."""
        match kind(value):
            case "dict" | "object":
                return self._pairs(parts)
            case "list" | "set" | "cell":
                return self._entries(parts)
            case "tensor":
                flags = [parts.requires_grad, parts.leaf]
                return [flags, self.value(parts.grad), self.value(parts.memory)]
            case "generator":
                return self._blob(parts.numpy().tobytes())
            case "table":
                return self._new(parts)
        return None

    def _blob(self, data: bytes) -> int:
        self._count(len(data))
        self.blobs.append(data)
        return len(self.blobs) - 1

    def _count(self, size: int) -> None:
        self.bytes_left -= size
        if self.bytes_left < 0:
            raise ValueError("the value is too large")

    def _entries(self, values: Any) -> list:
        values = list(values)
        if all(type(value) in NUMBERS and -SMALL < value < SMALL for value in values):
            self.left -= len(values)  # a long list of numbers takes no time
            if self.left >= 0:
                return values
        return [self.value(value) for value in values]

    def _pairs(self, values: dict) -> list:
        return [[self.value(key), self.value(value)] for key, value in dict.items(values)]

    def _add(self, value: Any) -> int:
        number = self._number()
        self.twins.add(value, number)
        return number

    def _number(self) -> int:
        self.new.append(self.twins.new_number())
        return self.new[-1]

    def _storage(self, value: torch.Tensor | np.ndarray) -> Any:
        storage = storage_of(value)
        if storage is None:
            return None
        number = self.twins.storage_number(storage)
        if number is None:
            number = self._number()
            self.twins.add_storage(storage, number, lasting=isinstance(value, np.ndarray))
            return [number, self._blob(self.twins.bytes_known[number])]
        self.twins.wake(number)
        return number

    def _tensor(self, value: torch.Tensor) -> list:
        if value.layout != torch.strided or value.is_quantized or value.device.type not in ("cpu", "meta"):
            return self._handle(value)
        if value.numel() and value.device.type == "cpu" and not value.untyped_storage().nbytes():
            return self._handle(value)  # somebody took its memory away
        value_ = value.detach()
        if value_.is_conj() or value_.is_neg():
            value_ = value_.resolve_conj().resolve_neg()
        memory, size = value.untyped_storage(), value.numel() * value.element_size()
        if memory.nbytes() > SPARE * size + PAGE and self.twins.storage_number(memory) is None:
            value_ = value_.clone()  # a small window of a large tensor
        if value_.untyped_storage().nbytes() > HUGE:  # only its shape is looked at, and says what is wrong
            value_ = value_.new_full((), float("nan") if value_.is_floating_point() else 0).expand(
                value_.shape
            )
        storage = self._storage(value_)
        grad = self.value(value.grad) if value.is_leaf else None
        flags = [value.requires_grad, value.is_leaf, type(value) is torch.nn.Parameter, value.device.type]
        number = self._add(value)
        return ["tensor", number, storage, place(value_), flags, grad]

    def _array(self, value: np.ndarray) -> list:
        if value.dtype.kind not in "biufcSUmM":
            return ["objects", list(value.shape), self._entries(value.ravel().tolist())]
        storage = self._storage(value) if value.dtype.kind not in "mM" else None
        if storage is None:
            return [
                "bytes array",
                self._add(value),
                str(value.dtype),
                list(value.shape),
                self._blob(value.tobytes()),
            ]
        start = value.__array_interface__["data"][0] - storage_of(value).data_ptr()
        return [
            "array",
            self._add(value),
            storage,
            str(value.dtype),
            list(value.shape),
            list(value.strides),
            start,
        ]

    def _module(self, value: torch.nn.Module) -> list:
        number = self._add(value)
        return ["module", number, type(value).__module__, type(value).__qualname__, self._pairs(vars(value))]

    def _list(self, value: list) -> list:
        return ["list", self._add(value), self._entries(value)]

    def _dict(self, value: dict) -> list:
        return ["dict", type(value).__name__, self._add(value), self._pairs(value)]

    def _frame(self, value: pd.DataFrame) -> list:
        columns = [self._column(value.iloc[:, k]) for k in range(value.shape[1])]
        return ["frame", self._add(value), self._entries(value.columns), self._entries(value.index), columns]

    def _series(self, value: pd.Series) -> list:
        index = self._entries(value.index)
        return ["series", self._add(value), self.value(value.name), index, self._column(value)]

    def _column(self, value: pd.Series) -> list:
        name = str(value.dtype)
        if isinstance(value.dtype, np.dtype) and value.dtype.kind in "mM":
            return [name, value.to_numpy().view("int64").tolist()]
        entries = [None if name in MASKED and entry is pd.NA else entry for entry in value.tolist()]
        return [name if _table_dtype(name) is not None else "object", self._entries(entries)]

    def _handle(self, value: Any) -> list:
        """An object that stays here."""
        number = self._number()
        self.handles[number] = value
        self.twins.numbers[id(value)] = number
        if isinstance(value, type):
            special = [name for name in SPECIAL if _has(value, name)]
            bases = [self.value(base) for base in value.__mro__[1:-1] if not _is_library(base)]
            return ["class", number, value.__name__, special, bases, _library_base(value)]
        return ["object", number, self.value(type(value))]


def _has(cls: type, name: str) -> bool:
    own = getattr(cls, f"__{name}__", None)
    return own is not None and own is not getattr(object, f"__{name}__", None)


def _is_library(cls: type) -> bool:
    return (cls.__module__ or "").partition(".")[0] in (
        "builtins",
        "torch",
        "collections",
        "abc",
        "typing",
        "enum",
    )


def _library_base(cls: type) -> str:
    """The nearest class of Python or torch that it comes from, by name."""
    base = next(base for base in cls.__mro__ if _is_library(base))
    return f"{base.__module__}.{base.__qualname__}"


WRITERS: dict[type, Callable[[Encoder, Any], Any]] = {
    complex: lambda _, v: ["complex", v.real, v.imag],
    bytes: lambda e, v: ["bytes", e._blob(v)],
    tuple: lambda e, v: ["tuple", e._entries(v)],
    list: Encoder._list,
    dict: Encoder._dict,
    collections.OrderedDict: Encoder._dict,
    collections.defaultdict: Encoder._dict,
    collections.Counter: Encoder._dict,
    set: lambda e, v: ["set", e._add(v), e._entries(v)],
    frozenset: lambda e, v: ["frozenset", e._entries(v)],
    range: lambda _, v: ["range", v.start, v.stop, v.step],
    slice: lambda e, v: ["slice", e._entries((v.start, v.stop, v.step))],
    type(...): lambda _, v: ["ellipsis"],
    torch.Size: lambda _, v: ["size", list(v)],
    torch.dtype: lambda _, v: ["dtype", str(v).removeprefix("torch.")],
    torch.device: lambda _, v: ["device", str(v)],
    pathlib.PosixPath: lambda _, v: ["path", str(v)],
    np.ndarray: Encoder._array,
    pd.DataFrame: Encoder._frame,
    pd.Series: Encoder._series,
    **dict.fromkeys(TENSORS, Encoder._tensor),
}


class Decoder:
    """Values that came from the desk. Raises an error of Python for whatever no encoder wrote.

    stand_in(number, class) and stand_in_class(number, name, special, bases, library) make what stands for an
    object and a class that stay at the desk.
    """

    def __init__(
        self, twins: Twins, blobs: list[bytes], stand_in: Callable, stand_in_class: Callable
    ) -> None:
        self.twins = twins
        self.blobs = blobs
        self.stand_in = stand_in
        self.stand_in_class = stand_in_class
        self.left = MOST

    def value(self, data: Any, depth: int = 0) -> Any:
        self.left -= 1
        if depth > DEEPEST + 2 or self.left < 0:
            raise ValueError("the value is too large")
        if type(data) in SCALARS:
            return data
        tag, *rest = data
        return READERS[tag](self, depth + 1, *rest)

    def parts(self, value: Any, data: Any) -> Any:
        """What `Encoder.parts` wrote about this object."""
        match kind(value):
            case "dict" | "object":
                return dict(self.pairs(data, 1))
            case "list" | "cell":
                return self.entries(data, 1)
            case "set":
                return set(self.entries(data, 1))
            case "tensor":
                requires_grad, leaf = map(bool, data[0])
                return TensorParts(requires_grad, leaf, self.value(data[1]), self.value(data[2]))
            case "generator":
                return torch.frombuffer(bytearray(self.blobs[data]), dtype=torch.uint8)
            case "table":
                return self.value(data)
        return None

    def entries(self, data: list, depth: int) -> list:
        if {*map(type, data)} <= NUMBERS:
            self.left -= len(data)
            if self.left >= 0:
                return list(data)
        return [self.value(one, depth) for one in data]

    def pairs(self, data: list, depth: int) -> list:
        return [(self.value(key, depth), self.value(value, depth)) for key, value in data]

    def added(self, number: int, value: Any) -> Any:
        self._new_number(number)
        self.twins.add(value, number)
        return value

    def _new_number(self, number: Any) -> None:
        """Numbers of the desk are odd, and used once."""
        if type(number) is not int or number % 2 != 1 or self.twins.taken(number):
            raise ValueError("this number is taken")

    def storage(self, data: Any, lasting: bool = False) -> torch.UntypedStorage | None:
        if data is None:
            return None
        if isinstance(data, list):
            number, blob = data
            self._new_number(number)
            new = storage_with(self.blobs[blob])
            self.twins.add_storage(new, number, lasting=lasting)
            return new
        return self.twins.storages[data]

    def ref(self, _: int, number: int) -> Any:
        if number in self.twins.stand_ins:
            there, cls = self.twins.stand_ins[number]
            stand_in = there()
            return self.stand_in(number, cls) if stand_in is None else stand_in
        return self.twins.objects[number]

    def tensor(self, depth: int, number: int, storage: Any, at: list, flags: list, grad: Any) -> torch.Tensor:
        memory, (shape, stride, offset, dtype) = self.storage(storage), at
        kind_of = _dtype(dtype.removeprefix("torch."))
        _refuse_outside(memory, shape, stride, offset, kind_of.itemsize)
        if memory is None:
            where = "meta" if flags[3] == "meta" else "cpu"
            if where == "cpu" and 0 not in shape:
                raise ValueError("a tensor without memory")  # it would get what somebody left there
            value = torch.empty_strided(shape, stride, dtype=kind_of, device=where)
        else:
            value = torch.tensor([], dtype=kind_of).set_(memory, offset, shape, stride)
        requires_grad, leaf, parameter, _ = map(bool, flags)
        if parameter:
            value = torch.nn.Parameter(value, requires_grad=requires_grad)
        elif requires_grad:
            value = value.requires_grad_() if leaf else with_graph(value)
        if leaf and grad is not None:
            value.grad = self.value(grad, depth)
        return self.added(number, value)

    def array(
        self, _: int, number: int, storage: Any, dtype: str, shape: list, strides: list, start: int
    ) -> np.ndarray:
        memory = torch.tensor([], dtype=torch.uint8).set_(self.storage(storage, lasting=True)).numpy()
        return self.added(number, np.ndarray(shape, _array_dtype(dtype), memory, start, strides))

    def bytes_array(self, _: int, number: int, dtype: str, shape: list, blob: int) -> np.ndarray:
        value = np.frombuffer(self.blobs[blob], _array_dtype(dtype)).reshape(shape).copy()
        return self.added(number, value)

    def objects(self, depth: int, shape: list, entries: list) -> np.ndarray:
        value = np.empty(len(entries), dtype=object)
        value[:] = self.entries(entries, depth)
        return value.reshape(shape)

    def module(self, depth: int, number: int, module: str, name: str, own: list) -> torch.nn.Module:
        cls = library_module(module, name)
        value = cls.__new__(cls)
        vars(value).update(training=True)
        self.added(number, value)
        vars(value).update(self.pairs(own, depth))
        self.twins.settle(number)
        return value

    def list(self, depth: int, number: int, entries: list) -> list:
        value = self.added(number, [])
        value.extend(self.entries(entries, depth))
        self.twins.settle(number)
        return value

    def dict(self, depth: int, name: str, number: int, pairs: list) -> dict:
        value = self.added(number, DICTS[name]())
        for key, entry in self.pairs(pairs, depth):  # a Counter's update would count the pairs
            value[key] = entry
        self.twins.settle(number)
        return value

    def set(self, depth: int, number: int, entries: list) -> set:
        return self.added(number, set(self.entries(entries, depth)))

    def frame(self, depth: int, number: int, columns: list, index: list, data: list) -> pd.DataFrame:
        rows = pd.Index(self.entries(index, depth))
        series = [self._column(one, rows, depth) for one in data]
        value = pd.concat(series, axis=1) if series else pd.DataFrame(index=rows)
        value.columns = pd.Index(self.entries(columns, depth)) if series else value.columns
        return self.added(number, value)

    def series(self, depth: int, number: int, name: Any, index: list, data: list) -> pd.Series:
        value = self._column(data, pd.Index(self.entries(index, depth)), depth)
        value.name = self.value(name, depth)
        return self.added(number, value)

    def _column(self, data: list, index: pd.Index, depth: int) -> pd.Series:
        name, entries = data
        dtype, values = _table_dtype(name), self.entries(entries, depth)
        if isinstance(dtype, np.dtype) and dtype.kind in "mM":
            values = np.array(values, dtype="int64").view(dtype)
        elif dtype is None:
            raise ValueError(f"{name} is no dtype of a column")
        return pd.Series(values, index=index, dtype=dtype)

    def named(self, depth: int, name: str, fields: list, entries: list) -> tuple:
        values = self.entries(entries, depth)
        return collections.namedtuple(_identifier(name), map(_identifier, fields))(*values)

    def subtensor(self, depth: int, name: str, data: list) -> torch.Tensor:
        cls = type(_identifier(name), (torch.Tensor,), {})
        return self.value(data, depth).as_subclass(cls)

    def numpy(self, _: int, name: str, blob: int) -> np.generic:
        dtype = _array_dtype(name)
        return np.frombuffer(self.blobs[blob], dtype)[0] if dtype.itemsize else dtype.type()

    def object(self, depth: int, number: int, cls: Any) -> Any:
        self._new_number(number)
        return self.stand_in(number, self.value(cls, depth))

    def cls(self, depth: int, number: int, name: str, special: list, bases: list, library: str) -> type:
        self._new_number(number)
        if not set(special) <= set(SPECIAL):
            raise ValueError("no special method")
        return self.stand_in_class(number, name, special, self.entries(bases, depth), library)


READERS: dict[str, Callable] = {
    "ref": Decoder.ref,
    "complex": lambda _, __, real, imag: complex(real, imag),
    "bytes": lambda d, _, blob: d.blobs[blob],
    "tuple": lambda d, depth, entries: tuple(d.entries(entries, depth)),
    "list": Decoder.list,
    "dict": Decoder.dict,
    "set": Decoder.set,
    "frozenset": lambda d, depth, entries: frozenset(d.entries(entries, depth)),
    "range": lambda _, __, *limits: range(*limits),
    "slice": lambda d, depth, limits: slice(*d.entries(limits, depth)),
    "ellipsis": lambda _, __: ...,
    "size": lambda _, __, entries: torch.Size(entries),
    "dtype": lambda _, __, name: _dtype(name),
    "device": lambda _, __, name: torch.device(name),
    "path": lambda _, __, name: pathlib.PosixPath(name),
    "np": Decoder.numpy,
    "tensor": Decoder.tensor,
    "array": Decoder.array,
    "bytes array": Decoder.bytes_array,
    "objects": Decoder.objects,
    "subtensor": Decoder.subtensor,
    "named": Decoder.named,
    "result": lambda d, depth, name, entries: _return_type(name)(d.entries(entries, depth)),
    "module": Decoder.module,
    "frame": Decoder.frame,
    "series": Decoder.series,
    "object": Decoder.object,
    "class": Decoder.cls,
}
DICTS = {
    cls.__name__: cls for cls in (dict, collections.OrderedDict, collections.defaultdict, collections.Counter)
}


def _refuse_outside(memory: Any, shape: list, stride: list, offset: int, itemsize: int) -> None:
    """Raise unless a tensor lies in its storage: torch would enlarge that."""
    if any(number < 0 for number in (*shape, *stride, offset)):
        raise ValueError("a negative length")
    last = offset + sum((n - 1) * step for n, step in zip(shape, stride, strict=True))
    if memory is not None and 0 not in shape and (last + 1) * itemsize > memory.nbytes():
        raise ValueError("a tensor outside of its storage")


def _dtype(name: str) -> torch.dtype:
    found = getattr(torch, name)
    if not isinstance(found, torch.dtype):
        raise ValueError(f"{name} is no dtype")
    return found


def _array_dtype(name: str) -> np.dtype:
    found = np.dtype(name) if isinstance(name, str) else None
    if found is None or found.kind not in "biufcSUmM":
        raise ValueError(f"{name} is no dtype of numbers or texts")
    return found


def _table_dtype(name: str) -> Any:
    """The dtype of a column with this name; None for one that is not known."""
    if name in ("object", "str", "string", "category", *MASKED):
        return name
    try:
        return _array_dtype(name)
    except (TypeError, ValueError):
        return None


def _return_type(name: str) -> type:
    """What torch.max and the like return."""
    found = getattr(torch.return_types, name)
    if not (isinstance(found, type) and issubclass(found, tuple)):
        raise ValueError("no return type")
    return found


def _identifier(name: Any) -> str:
    if not isinstance(name, str) or not name.isidentifier() or name.startswith("__"):
        raise ValueError("no name")
    return name
