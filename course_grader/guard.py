"""What the tests rest on, kept as it was before the student's code ran, and a watch over what that code does.

Tests and answers share one process, so a determined student can still deceive them; docs/trust.md says how far
this goes. The guard makes the known ways harmless and leaves a sign of them for the instructor.
"""

import builtins
import sys
import sysconfig
import types
from collections.abc import Iterator
from typing import Any

# Whose functions and classes the tests use. Packages stand for all their modules.
PACKAGES = ("course_utils", "course_grader", "torch.testing", "numpy.testing")
MODULES = (
    "IPython.core.display_functions",
    "IPython.core.displayhook",
    "IPython.core.displaypub",
    "IPython.core.formatters",
    "IPython.core.interactiveshell",
    "builtins",
    "contextlib",
    "copy",
    "dataclasses",
    "html",
    "inspect",
    "json",
    "linecache",
    "math",
    "numpy",
    "os",
    "random",
    "re",
    "sys",
    "tempfile",
    "torch",
    "torch.autograd",
    "torch.functional",
    "torch.nn.functional",
    "traceback",
)
CLASSES = ("torch.Tensor", "torch.nn.Module", "torch.Generator")
CODE = (types.FunctionType, types.BuiltinFunctionType, type, property, staticmethod, classmethod)
MISSING = object()


class Guard:
    """Remembers functions, classes and their code; finds what was replaced, and puts it back."""

    def __init__(self) -> None:
        self._owners = list(_owners())
        self._names = [
            (owner, name, value)
            for _, owner in self._owners
            for name, value in vars(owner).items()
            if isinstance(value, CODE) and not (owner is builtins and name == "_")
        ]
        self._labels = {id(owner): label for label, owner in self._owners}
        functions = {id(f): f for _, _, value in self._names for f in _functions(value)}
        self._code = [(f, f.__code__, f.__defaults__, f.__kwdefaults__) for f in functions.values()]

    def restore(self) -> list[str]:
        """Put back what was replaced. Returns the names of it."""
        found = []
        for owner, name, value in self._names:
            if vars(owner).get(name, MISSING) is not value:
                type.__setattr__(owner, name, value) if isinstance(owner, type) else vars(owner).update(
                    {name: value}
                )
                found.append(f"{self._labels[id(owner)]}.{name}")
        for function, code, defaults, kwdefaults in self._code:
            if function.__code__ is not code or function.__defaults__ is not defaults:
                function.__code__, function.__defaults__ = code, defaults
                function.__kwdefaults__ = kwdefaults
                found.append(f"{function.__module__}.{function.__qualname__}")
        return found


def _owners() -> Iterator[tuple[str, Any]]:
    """(name, module or class) of everything that is guarded."""
    seen = set()
    for name, module in sorted(sys.modules.items()):
        if (
            name in MODULES
            or name.startswith(tuple(f"{package}." for package in PACKAGES))
            or name in PACKAGES
        ):
            yield name, module
            for key, value in vars(module).items():
                full = f"{name}.{key}"
                ours = isinstance(value, type) and value.__module__ == name and name not in ("torch", "numpy")
                if (ours or full in CLASSES) and id(value) not in seen and _can_change(value):
                    seen.add(id(value))
                    yield full, value


def _can_change(cls: type) -> bool:
    """Whether Python code can replace an attribute of a class at all."""
    return not hasattr(cls, "__flags__") or not cls.__flags__ & (1 << 8)  # Py_TPFLAGS_IMMUTABLETYPE


def _functions(value: Any) -> Iterator[types.FunctionType]:
    if isinstance(value, staticmethod | classmethod):
        value = value.__func__
    if isinstance(value, property):
        yield from (f for f in (value.fget, value.fset) if isinstance(f, types.FunctionType))
    elif isinstance(value, types.FunctionType):
        yield value


FRAMES = {"sys._getframe", "sys._current_frames", "sys.settrace", "sys.setprofile"}
OBJECTS = {"gc.get_objects", "gc.get_referrers", "gc.get_referents"}
NETWORK = {"socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto"}
LIBRARIES = tuple({*sysconfig.get_paths().values(), sys.base_prefix})
OWN = ("/tmp", "/dev", "/proc/self", "/usr", "/etc", *LIBRARIES)  # where student code may look


class Watch:
    """Notes what the student's code does that no exercise asks for. An audit hook: it cannot be taken away.

    is_student: tells from a code file name whether it is a cell of the student's notebook.
    """

    def __init__(self, is_student) -> None:
        self._is_student = is_student
        self._busy = False
        self.seen: dict[str, None] = {}  # an ordered set

    def start(self) -> None:
        """From now on, to the end of the process."""
        sys.addaudithook(self._hook)

    def take(self) -> list[str]:
        """What was seen since the last time."""
        seen, self.seen = list(self.seen), {}
        return seen

    def _hook(self, event: str, arguments: tuple) -> None:
        if self._busy:
            return
        self._busy = True
        try:
            note = self._note(event, arguments)
            if note:
                self.seen[note] = None
        finally:
            self._busy = False

    def _note(self, event: str, arguments: tuple) -> str | None:
        if event in FRAMES and self._called_by_student(through=("inspect",)):
            return f"{event} was called: it shows the variables of the test"
        if event == "object.__getattr__" and arguments[1] == "tb_frame" and self._called_by_student():
            return "the frames of a traceback were read: they show the variables of the test"
        if event in OBJECTS and self._called_by_student():
            return f"{event} was called: it finds the objects of the test"
        if event == "ctypes.dlopen" or event == "ctypes.cdata":
            return "ctypes was used: it can change any object" if self._called_by_student() else None
        if event in NETWORK and self._student_on_stack():
            return f"the network was tried ({event})"
        if event == "open" and isinstance(arguments[0], str) and self._is_foreign(arguments[0]):
            return f"a file outside was tried: {arguments[0][:200]}" if self._student_on_stack() else None
        return None

    def _is_foreign(self, path: str) -> bool:
        import os.path

        return not os.path.abspath(path).startswith(OWN)

    def _called_by_student(self, through: tuple[str, ...] = ()) -> bool:
        frame = sys._getframe(3)
        while frame is not None and frame.f_globals.get("__name__") in through:
            frame = frame.f_back
        return frame is not None and self._is_student(frame.f_code.co_filename)

    def _student_on_stack(self) -> bool:
        frame = sys._getframe(3)
        while frame is not None:
            if self._is_student(frame.f_code.co_filename):
                return True
            frame = frame.f_back
        return False
