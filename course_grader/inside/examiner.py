"""The examiner's side of the desk: stand-ins for what is there, and the calls that travel.

It implements course_utils.check._desk.Desk. Nothing that comes from the desk is trusted: it is read by
codec.Decoder, and whatever is no sound message ends the desk.
"""

import builtins
import contextlib
import copy
import inspect
import io
import operator
import pickle
import socket
import types
from collections.abc import Callable, Iterator
from typing import Any

from course_utils.check._failure import Failed, NotDoneYet

import cloudpickle
import numpy as np
import pandas as pd
import torch

from course_grader.inside import desk as at_desk
from course_grader.inside import settings, wire
from course_grader.inside.codec import SCALARS, SPECIAL, Decoder
from course_grader.inside.twins import TENSORS, Twins, kind, place, set_parts, storage_of

BINARY = {
    "add",
    "sub",
    "mul",
    "matmul",
    "truediv",
    "floordiv",
    "mod",
    "pow",
    "lshift",
    "rshift",
    "and_",
    "xor",
    "or_",
}
BINARY |= {"iadd", "isub", "imul", "itruediv"}
COMPARISONS = {"eq", "ne", "lt", "le", "gt", "ge"}
# What is asked of a stand-in under such a name. By others, libraries would take memory or a verdict from it.
ASKED = {f"__{one}__" for one in (*SPECIAL, "name", "qualname", "doc", "module", "init")}
LONGEST_NAME = 200  # characters of the name of a class or of a mistake
ERRORS = {
    name: one
    for name, one in vars(builtins).items()
    if isinstance(one, type) and issubclass(one, BaseException)
}
ERRORS |= {"UnpicklingError": pickle.UnpicklingError, "PicklingError": pickle.PicklingError}
ERRORS |= {one.__name__: one for one in (np.linalg.LinAlgError, torch.linalg.LinAlgError)}
FUNCTIONS = {"function": types.FunctionType, "method": types.MethodType, "generator": types.GeneratorType}
FUNCTIONS |= {"builtin_function_or_method": types.BuiltinFunctionType}
# For each function it looks for modules that the other side must import, which takes a millisecond.
# The desk has them all: both were forked from one server.
cloudpickle.cloudpickle._find_imported_submodules = lambda code, dependencies: []


class Desk:
    """The desk of one test cell, as the examiner sees it."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.twins = Twins(first=0)
        self.contexts: list[tuple[Callable, tuple]] = []
        self.iterators: list[Iterator] = []
        self.cases: list[int | None] = []  # since the last call: seeds of those that began, None for an end
        self.settings = settings.now()
        self.methods: dict[tuple[int, str], Any] = {}  # (number of an object, name) -> a method of it
        self.released: list[int] = []  # twins that the desk has no use for, and is to forget

    # What course_utils.check asks for

    def run(self, function: Callable, *args: Any, **kwargs: Any) -> Any:
        """What the function gives at the desk. Raises what it raises there."""
        unused = self._unused()
        new = settings.now()
        message = {
            "forget": unused,
            "updates": list(self.twins.changed()),
            "storages": list(self.twins.changed_storages()),
            "settings": settings.changed(self.settings, new),
            "cases": self.cases,
            "contexts": list(self.contexts),
            "function": function,
            "args": args,
            "kwargs": kwargs,
        }
        self.settings, self.cases = new, []
        for number, _ in message["updates"]:
            self.twins.settle(number)
        wire.send(self.connection, *self._pickled(message))
        return self._answer()

    def attribute(self, of: Any, name: str) -> Any:
        """What getattr gives at the desk, which is asked for a method once, and says when it has changed."""
        key = self.twins.number(of), name
        if key in self.methods:
            return self.methods[key]
        found, is_method = self.run(at_desk.attribute, of, name)
        if is_method:
            self.methods[key] = found
        return found

    @contextlib.contextmanager
    def inside(self, context: Callable, *args: Any) -> Iterator[None]:
        """Have every call run inside context(*args)."""
        self.contexts.append((context, args))
        try:
            yield
        finally:
            self.contexts.pop()

    @contextlib.contextmanager
    def case(self, seed: int) -> Iterator[None]:
        """The surroundings of a case at the desk. They begin and end there with the next call."""
        self.cases.append(seed)
        self.settings = settings.now()  # both sides have the same seeds
        try:
            yield
        finally:
            self.cases.append(None)

    def name(self, name: str) -> Any:
        """What a name of the notebook means. Raises KeyError if nothing."""
        wire.send(self.connection, {"name": name})
        return self._answer()

    def names(self, request: dict, imports: dict[str, Any]) -> dict[str, Any]:
        """What the notebook's names mean that a test uses. Names of the imports mean what they should.

        request: as test_cell.request has it.
        """
        found = {}
        for name in request["names"]:
            if name == request["exercise"] or name not in imports:
                with contextlib.suppress(KeyError):
                    found[name] = self.name(name)
        return found

    def end(self) -> None:
        """The test cell is over."""
        wire.send(self.connection, {"end": True})

    # The way down

    def _unused(self) -> list[int]:
        """Forget what has become of no use. Returns the numbers, for the desk to do the same."""
        unused, released = self.twins.unused(), self.released
        self.twins.forget(unused)
        self.released = []
        for key in [key for key in self.methods if key[0] in unused]:
            del self.methods[key]
        return unused + released

    def _pickled(self, message: Any) -> tuple[dict, list[bytes]]:
        file = io.BytesIO()
        pickler = _Pickler(file, self)
        pickler.dump(message)
        numbers = []
        own = pickler.passing | {id(message)}
        if isinstance(message, dict):
            own |= {*map(id, message.values()), *(id(parts) for _, parts in message["updates"])}
        for place_in_memo, value in pickler.memo.copy().values():
            if id(value) not in own and kind(value) and self.twins.number(value) is None:
                number = self.twins.new_number()
                self.twins.add(value, number)
                numbers.append([place_in_memo, number])
        pickler.clear_memo()  # it lives in a cycle, and would keep the arguments
        new = [self.twins.bytes_known[number] for number in pickler.storages]
        return {"call": numbers, "storages": pickler.storages}, [file.getvalue(), *new]

    # The way up

    def _answer(self) -> Any:
        while True:
            head, blobs = wire.receive(self.connection)
            if not isinstance(head, dict):
                raise wire.NoMessage("it sent something that is no message")
            if "timeout" in head:
                raise at_desk.CellTimeout
            if "next" not in head:
                return self._result(head, blobs)
            self._give_next(head["next"])

    def _give_next(self, number: Any) -> None:
        try:
            iterator = self.iterators[number]
        except (LookupError, TypeError) as error:
            raise wire.NoMessage("it asked for an iterator that is none") from error
        try:
            item = next(iterator)
        except StopIteration:
            return wire.send(self.connection, {"stop": True})
        wire.send(self.connection, *self._pickled([item]))

    def _result(self, head: dict, blobs: list[bytes]) -> Any:
        decoder = Decoder(self.twins, blobs, self._stand_in, self._stand_in_class)
        try:
            raised = value = None
            if "raised" in head:
                raised = self._error(head["raised"], decoder)
            else:
                value = decoder.value(head["value"])
            for number, parts in head["updates"]:
                twin = self.twins.objects[number]
                if type(twin) is StandInClass:
                    raise ValueError("an object that is not here")
                set_parts(twin, decoder.parts(twin, parts))
                self.twins.settle(number)
            for number, blob in head["storages"]:
                self.twins.set_bytes(number, blobs[blob])
            self._release(head["released"])
            for key in [key for key, one in self.methods.items() if self.twins.number(one) in head["stale"]]:
                del self.methods[key]
            new = settings.from_json(head["settings"])
            settings.take_over(new)
            self.settings |= new
        except Exception as error:
            raise wire.NoMessage(
                f"it sent something that is no message ({type(error).__name__}: {error})"
            ) from error
        if raised is not None:
            raise raised
        return value

    def _release(self, numbers: list) -> None:
        """What the desk has given away is nobody's twin any more."""
        tensors = {number for number, twin in self.twins.objects.items() if type(twin) in TENSORS}
        found = [number for number in numbers if number in tensors or number in self.twins.storages]
        self.twins.forget(found)
        self.released += found

    def _error(self, said: dict, decoder: Decoder) -> BaseException:
        names = [name[:LONGEST_NAME] for name in said["names"] if isinstance(name, str)]
        if "mistake" in said:
            mistake = said["mistake"]
            sound = isinstance(mistake, str) and len(mistake) <= LONGEST_NAME
            return Failed(str(said["text"]), mistake if sound else None)
        found = ERRORS if "library" in said else ERRORS | {"NotDoneYet": NotDoneYet}
        known = next((found[name] for name in names if name in found), Exception)
        cls = known if known.__name__ == names[0] else type(names[0], (known,), {})
        argument = decoder.value(said["argument"]) if "argument" in said else None
        text = str(said["text"])
        error = _make(cls, text if argument is None or type(argument) not in SCALARS else argument)
        if said.get("name") is not None:
            error.name = str(said["name"])
        students = said.get("students")
        error.students_part, error.in_library = students and str(students), bool(said.get("library"))
        return error

    def _stand_in(self, number: int, cls: type) -> Any:
        stand_in = object.__new__(cls)
        self.twins.add_stand_in(stand_in, number)
        return stand_in

    def _stand_in_class(self, number: int, name: str, special: list, bases: list, library: str) -> type:
        own = {f"__{one}__": _special(self, one) for one in special} | {
            "_desk": self,
            "_library": _library(library),
        }
        own.setdefault("__repr__", _special(self, "repr"))
        own["__hash__"] = StandIn.__hash__  # Python takes it away where there is an __eq__
        cls = type.__new__(StandInClass, name, tuple(bases) or (StandIn,), own)
        self.twins.objects[number] = cls
        self.twins.numbers[id(cls)] = number
        return cls


def _make(cls: type, argument: Any) -> BaseException:
    try:
        return cls(argument) if argument != "" else cls()
    except TypeError:  # a Unicode error takes five arguments
        return next(base for base in cls.__mro__ if base in (ValueError, Exception))(argument)


def _library(name: str) -> type:
    """The class of Python or torch with this name."""
    module, _, name = name.rpartition(".")
    if module == "builtins":
        return FUNCTIONS.get(name, vars(builtins).get(name, object))
    if module.startswith("torch.optim"):
        return getattr(torch.optim, name, None) or getattr(torch.optim.lr_scheduler, name, object)
    found = (
        getattr(torch.nn, name, None) or getattr(torch, name, None) or getattr(torch.utils.data, name, object)
    )
    return found if isinstance(found, type) else object


class _Pickler(cloudpickle.Pickler):
    def __init__(self, file: io.BytesIO, desk: Desk) -> None:
        super().__init__(file, protocol=5)
        self.desk = desk
        self.number_of = desk.twins.numbers.get
        self.passing: set[int] = set()  # objects that pickling itself makes
        self.keep: list = []
        self.storages: list[int] = []  # those that the desk does not have yet

    def persistent_id(self, value: Any) -> int | None:
        return self.number_of(id(value))  # called for every inner value

    def reducer_override(self, value: Any) -> Any:
        cls = type(value)
        if cls in TENSORS and value.layout == torch.strided:
            return self._own(
                at_desk.make_tensor,
                (
                    self._storage(value.detach()),
                    place(value),
                    (
                        value.requires_grad,
                        value.is_leaf,
                        cls is torch.nn.Parameter,
                        value.device.type == "meta",
                    ),
                    value.grad if value.is_leaf else None,
                    value._base if value._is_view() else None,
                ),
            )
        if cls is np.ndarray and value.dtype.kind in "biufc":
            storage = self._storage(value)
            if storage is not None:
                start = value.__array_interface__["data"][0] - storage_of(value).data_ptr()
                return self._own(
                    at_desk.make_array, (storage, str(value.dtype), value.shape, value.strides, start)
                )
        if cls in (pd.DataFrame, pd.Series):
            return pickle.loads, (pickle.dumps(value),)  # its inner parts are nobody's twins
        if cls is types.GeneratorType:
            self.desk.iterators.append(value)
            return self._own(at_desk.ExaminersIterator, (len(self.desk.iterators) - 1,))
        return super().reducer_override(value)

    def _storage(self, value: torch.Tensor | np.ndarray) -> int | None:
        """The number of its memory."""
        storage, twins = storage_of(value), self.desk.twins
        if storage is None:
            return None
        number = twins.storage_number(storage)
        if number is None:
            number = twins.new_number()
            twins.add_storage(storage, number, lasting=isinstance(value, np.ndarray))
            self.storages.append(number)
        return number

    def _own(self, function: Callable, args: tuple) -> tuple:
        """How to make a twin; what describes it is no object of the test's."""
        self.keep.append(args)
        self.passing |= {id(args), *map(id, [one for one in args if type(one) in (tuple, list)])}
        return function, args


def _iterator(found: Any) -> Iterator:
    """Over what at_desk.iterate gave: a list of everything, or an iterator that stays there."""
    return iter(found) if type(found) is list else found


# Stand-ins ----------------------------------------------------------------------------------------------


class StandInClass(type):
    """The class of stand-ins for the objects of one class of the desk."""

    def __new__(cls, name: str, bases: tuple, own: dict) -> Any:
        """A test derives a class of its own from the student's: that happens at the desk."""
        return bases[0]._desk.run(type, name, bases, own)

    def __init__(cls, *_: Any) -> None:
        pass

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return cls._desk.run(cls, *args, **kwargs)

    def __getattr__(cls, name: str) -> Any:
        _refuse_unasked(name)
        return cls._desk.run(getattr, cls, name)


class StandIn:
    """Stands for an object that stays at the desk."""

    def __getattribute__(self, name: str) -> Any:
        cls = type(self)
        desk = type.__getattribute__(cls, "_desk")
        match name:
            case "__class__":
                library = type.__getattribute__(cls, "_library")
                return cls if library is object else library
            case "__dict__":
                return desk.run(vars, self)
            case "__deepcopy__":
                return lambda memo: desk.run(copy.deepcopy, self)
            case "__copy__":
                return lambda: desk.run(copy.copy, self)
            case "__signature__":
                return _signature(desk.run(at_desk.parameters, self))
        _refuse_unasked(name)
        return desk.attribute(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        type(self)._desk.run(setattr, self, name, value)

    def __delattr__(self, name: str) -> None:
        type(self)._desk.run(delattr, self, name)

    def __hash__(self) -> int:
        return id(self)


def _refuse_unasked(name: str) -> None:
    """Raise AttributeError for a special name that a library looks for, such as `__array_interface__`."""
    if name.startswith("__") and name.endswith("__") and name not in ASKED:
        raise AttributeError(name)


def _signature(found: Any) -> inspect.Signature | None:
    if found is None:
        return None
    made = [
        inspect.Parameter(n, k, default=inspect.Parameter.empty if none else None) for n, k, none in found
    ]
    return inspect.Signature(made)


def _special(desk: Desk, name: str) -> Callable:
    """A special method of stand-ins."""
    plain = {"and": "and_", "or": "or_"}.get(name, name)
    other = plain.removeprefix("r")
    other = {"and": "and_", "or": "or_"}.get(other, other)
    if name in COMPARISONS:
        # What is right is not shown to it, and not for it to say.
        return lambda self, right: (
            desk.run(getattr(operator, name), self, right)
            if type(type(right)) is StandInClass
            else NotImplemented
        )
    if plain in BINARY:
        return lambda self, right: desk.run(getattr(operator, plain), self, right)
    if plain.startswith("r") and other in BINARY:
        return lambda self, left: desk.run(getattr(operator, other), left, self)
    if name == "call":
        return lambda self, *args, **kwargs: desk.run(self, *args, **kwargs)
    if name == "repr":
        return lambda self: desk.run(repr, self)
    if name == "iter":
        return lambda self: _iterator(desk.run(at_desk.iterate, self))
    return lambda self, *args: desk.run(at_desk.special, name, self, *args)
