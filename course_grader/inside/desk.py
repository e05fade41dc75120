"""The desk: the process in which the student's cells ran, while the examiner asks it for calls.

What comes from the examiner is trusted, and pickled; what goes back is written by codec.Encoder.
"""

import contextlib
import inspect
import io
import pickle
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from types import GeneratorType, MethodType
from typing import Any

from course_utils.check import _world
from course_utils.check._failure import Failed, NotDoneYet, describe_not_done, in_library, students_part

import numpy as np
import torch

from course_grader.inside import settings, wire
from course_grader.inside.codec import Encoder
from course_grader.inside.twins import Twins, set_parts, storage_with, with_graph

TORCH_NN = str(Path(torch.nn.__file__).parent)
NAMES = 12  # classes that an exception comes from, which are told


class CellTimeout(KeyboardInterrupt):
    """A cell ran longer than a cell may. No ordinary `except` of a student catches it."""


class Desk:
    """Serves the tests of a notebook. names: the notebook's names. flush: sends what was printed.

    waiting: whether it is sending or receiving, which must not be interrupted. late: the time of the test is
    over, and nothing more is called for it.
    """

    def __init__(self, connection: socket.socket, names: dict[str, Any], flush: Callable[[], None]) -> None:
        self.connection = connection
        self.names = names
        self.flush = flush
        self.waiting = False

    def serve(self, test_file: str) -> None:
        """Answer until the examiner says that its test cell has ended. Raises wire.Hangup if it is gone.

        test_file: the code file name of the test cell.
        """
        global _current
        _current = self
        self.test_file, self.late = test_file, False
        self.twins, self.handles = Twins(first=1), {}
        self.methods: dict[int, tuple[Any, str, Any]] = {}  # id of a method -> whose it is, its name, itself
        self.settings = settings.now()
        self.case = contextlib.ExitStack()
        while True:
            head, blobs = self._wait(wire.receive)
            match head:
                case {"end": _}:
                    return self.case.close()
                case {"name": name}:
                    self._reply(lambda name=name: self.names[name])
                case {"call": _}:
                    self._reply(lambda head=head, blobs=blobs: self._call(head, blobs))

    def _wait(self, talk: Callable, *args: Any) -> Any:
        self.waiting = True
        try:
            return talk(self.connection, *args)
        finally:
            self.waiting = False

    def _reply(self, work: Callable[[], Any]) -> None:
        encoder = Encoder(self.twins, self.handles)
        try:
            said = self._said(work, encoder) | self._changes(encoder)
            self.flush()
        except CellTimeout:
            return self._wait(wire.send, {"timeout": True})
        except BaseException as error:  # the result, or what an argument has become, cannot be told
            encoder.take_back()
            encoder = Encoder(self.twins, self.handles)
            untold = {"names": ["ValueError"], "text": _text(error), "library": True}
            said = {"raised": untold, "updates": [], "storages": []}
        said |= {"released": self.twins.released(), "stale": self._stale()}
        new = settings.now()
        said["settings"] = settings.to_json(settings.changed(self.settings, new))
        self.settings = new
        self._wait(wire.send, said, encoder.blobs)
        del encoder
        self.twins.rest()

    def _said(self, work: Callable[[], Any], encoder: Encoder) -> dict:
        """What work() gives or raises."""
        try:
            if self.late:
                raise CellTimeout
            result = work()
        except CellTimeout:
            raise
        except BaseException as error:
            return {"raised": self._raised(error, encoder)}
        return {"value": encoder.value(result)}

    def _stale(self) -> list[int]:
        """The numbers of methods that the examiner keeps, and that getattr would not find any more."""
        stale = [one for one in self.methods.values() if not _is_method(*one)]
        for _, _, method in stale:
            del self.methods[id(method)]
        return [self.twins.number(method) for _, _, method in stale]

    def _changes(self, encoder: Encoder) -> dict:
        """What is new in the result is known to the examiner; what changed in the rest is told."""
        updates = [[n, encoder.parts(self.twins.objects[n], new)] for n, new in self.twins.changed()]
        storages = [[n, encoder._blob(new)] for n, new in self.twins.changed_storages()]
        for number, _ in updates:
            self.twins.settle(number)
        return {"updates": updates, "storages": storages}

    def _call(self, head: dict, blobs: list[bytes]) -> Any:
        message = self.load(head, blobs)
        self.twins.forget(message["forget"])
        for number in message["forget"]:
            handle = self.handles.pop(number, None)
            self.twins.numbers.pop(id(handle), None)
            self.methods.pop(id(handle), None)
        for number, parts in message["updates"]:
            set_parts(self.twins.objects[number], parts)
            self.twins.settle(number)
        for number, new in message["storages"]:
            self.twins.set_bytes(number, new)
        for seed in message["cases"]:
            self._begin_case(seed) if seed is not None else self._end_case()
        if message["cases"] and message["cases"][-1] is not None:
            self.settings = settings.now()  # both sides have the same seeds
        settings.take_over(message["settings"])
        self.settings |= message["settings"]
        with contextlib.ExitStack() as stack:
            for context, args in message["contexts"]:
                stack.enter_context(context(*args))
            return message["function"](*message["args"], **message["kwargs"])

    def _begin_case(self, seed: int) -> None:
        """The surroundings of a case: see course_utils.check._world."""
        self.case.enter_context(_world.stderr_as_stdout())
        self.case.enter_context(_world.same_for_everyone(seed))

    def _end_case(self) -> None:
        """Put back what the notebook had."""
        self.case.close()

    def load(self, head: dict, blobs: list[bytes]) -> Any:
        """What the examiner pickled.

        head: "call", [place in pickle's memo, number] of objects that both know from now on, and "storages",
        the numbers of new ones, whose content follows the pickle.
        """
        for number, content in zip(head["storages"], blobs[1:], strict=True):
            self.twins.add_storage(storage_with(content), number)
        unpickler = _Unpickler(io.BytesIO(blobs[0]), self)
        loaded = unpickler.load()
        memo = unpickler.memo.copy()
        unpickler.memo = {}  # it lives in a cycle, and would keep all that it has made
        for place, number in head["call"]:
            self.twins.add(memo[place], number)
        return loaded

    def object(self, number: int) -> Any:
        if number in self.handles:
            return self.handles[number]
        self.twins.wake(number)
        return self.twins.objects[number]

    def memory(self, number: int) -> torch.UntypedStorage:
        """The storage with this number, for one more tensor or array."""
        self.twins.wake(number)
        return self.twins.storages[number]

    def _raised(self, error: BaseException, encoder: Encoder) -> dict:
        trace = error.__traceback__
        error = error.with_traceback(_below_the_desk(trace))
        said = {
            "names": [cls.__name__ for cls in type(error).__mro__[:-1]][:NAMES],
            "text": _text(error),
            "name": getattr(error, "name", None) if isinstance(error, NameError | AttributeError) else None,
        }
        if isinstance(error, Failed):
            return said | {"mistake": error.mistake}
        if isinstance(error, NotDoneYet):
            return said | {"students": describe_not_done(error, self.test_file)}
        if isinstance(error, KeyError | StopIteration) and len(error.args) == 1:
            with contextlib.suppress(Exception):
                said["argument"] = encoder.value(error.args[0])
        return said | {
            "students": students_part(error, self.test_file),
            "library": in_library(error, self.test_file),
        }


_current: Desk | None = None


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, desk: Desk) -> None:
        super().__init__(file)
        self.desk = desk

    def persistent_load(self, number: int) -> Any:
        return self.desk.object(number)


def _below_the_desk(trace: Any) -> Any:
    """The part of a traceback behind the functions of this module."""
    kept = trace
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == __file__:
            kept = trace.tb_next
        trace = trace.tb_next
    return kept


def _text(error: BaseException) -> str:
    try:
        return str.__getitem__(str(error), slice(10_000))
    except CellTimeout:
        raise
    except BaseException:
        return "its message cannot be shown"


# What the examiner asks to be called here --------------------------------------------------------------


def make_tensor(
    storage: int | None, at: list, flags: tuple, grad: Any, base: torch.Tensor | None
) -> torch.Tensor:
    """The twin of a tensor. storage: the number of its memory.

    flags: whether it requires a gradient, is a leaf, is a Parameter, is on the meta device.
    base: what it is a view of.
    """
    shape, stride, offset, name = at
    dtype, (requires_grad, leaf, parameter, meta) = getattr(torch, name.removeprefix("torch.")), flags
    if storage is None:
        value = torch.empty_strided(shape, stride, dtype=dtype, device="meta" if meta else "cpu")
    else:
        memory = _current.memory(storage)
        value = torch.tensor([], dtype=dtype).set_(memory, offset, shape, stride)
        if base is not None and base.dtype == dtype and base.requires_grad == requires_grad:
            value = base.as_strided(shape, stride, offset)
    if parameter:
        value = torch.nn.Parameter(value, requires_grad)
    elif requires_grad and not value.requires_grad:
        value = value.requires_grad_() if leaf else with_graph(value)
    if leaf:
        value.grad = grad
    return value


def make_array(storage: int, dtype: str, shape: tuple, strides: tuple, start: int) -> Any:
    """The twin of an array in the same memory."""
    memory = _current.memory(storage)
    buffer = torch.tensor([], dtype=torch.uint8).set_(memory).numpy()
    return np.ndarray(shape, np.dtype(dtype), buffer, start, strides)


class ExaminersIterator:
    """Stands for a generator of a test: each next one is asked for."""

    def __init__(self, number: int) -> None:
        self.number, self.desk = number, _current

    def __iter__(self) -> Iterator:
        return self

    def __next__(self) -> Any:
        self.desk._wait(wire.send, {"next": self.number})
        head, blobs = self.desk._wait(wire.receive)
        if "stop" in head:
            raise StopIteration
        return self.desk.load(head, blobs)[0]


def attribute(of: Any, name: str) -> tuple[Any, bool]:
    """getattr, and whether it found a method, which it finds again until `_stale` says otherwise."""
    value = getattr(of, name)
    is_method = _is_method(of, name, value)
    if is_method:
        _current.methods[id(value)] = of, name, value
    return value, is_method


def _is_method(of: Any, name: str, method: Any) -> bool:
    """Whether this comes from a function in the class of an object, as an attribute with this name does."""
    cls = type(of)
    if type(method) is not MethodType or method.__self__ is not of or name in getattr(of, "__dict__", ()):
        return False
    function = next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), None)
    return function is method.__func__ and cls.__getattribute__ is object.__getattribute__


def iterate(value: Any) -> Any:
    """An iterator over a value; a list of all from a generator of torch.nn, such as parameters()."""
    found = iter(value)
    of_torch = type(found) is GeneratorType and found.gi_code.co_filename.startswith(TORCH_NN)
    return list(found) if of_torch else found


def special(name: str, value: Any, *args: Any) -> Any:
    """Call a special method, as Python would."""
    return getattr(type(value), f"__{name}__")(value, *args)


def parameters(function: Callable) -> list[tuple[str, int]] | None:
    """(name, kind) of a function's parameters; None if it does not say."""
    try:
        found = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    return [(one.name, int(one.kind), one.default is one.empty) for one in found]
