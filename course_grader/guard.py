"""What the tests rest on, kept as it was before the student's code ran, and a watch over what that code does.

Tests and answers share one process, so a determined student can still deceive them; docs/trust.md says how
far this goes. Student code can replace whatever it finds under a name. So there are no classes here, the
session takes this module out of sys.modules, and what must not be replaced lives in the variables of a
function.
"""

import builtins
import contextlib
import ctypes
import sys
import sysconfig
import types
from _thread import get_ident
from collections.abc import Callable, Iterator, Mapping
from operator import is_
from os.path import abspath
from pathlib import Path
from typing import Any

# Whose functions and classes the tests use. Packages stand for all their modules.
PACKAGES = ("course_format", "course_utils", "course_grader", "torch.testing", "numpy.testing")
MODULES = (
    "IPython.core.display_functions",
    "IPython.core.displayhook",
    "IPython.core.displaypub",
    "IPython.core.formatters",
    "IPython.core.interactiveshell",
    "_thread",
    "builtins",
    "contextlib",
    "copy",
    "dataclasses",
    "html",
    "inspect",
    "json",
    "json.encoder",
    "linecache",
    "math",
    "numpy",
    "os",
    "posixpath",
    "random",
    "re",
    "signal",
    "sys",
    "tempfile",
    "torch",
    "torch._tensor",
    "torch.autograd",
    "torch.functional",
    "torch.nn.functional",
    "torch.overrides",
    "traceback",
    "types",
)
CLASSES = ("torch.Tensor", "torch.nn.Module", "torch.Generator")
CHECK = "course_utils.check"  # here plain values count, too: a tolerance decides about an answer
# What Python, IPython and check.case themselves change as they run.
CHANGING = {"_", "_cell", "_inside_case", "_passed", "displayhook", "excepthook"}
CHANGING |= {"__builtins__", "__warningregistry__", "stdin", "stdout", "stderr", "_instance", "Storage"}
HIDDEN = ("course_grader.guard", "course_grader.session")  # a session takes them out of sys.modules
MISSING = object()
# How an object is shown may be changed: it is put back before a test, and no sign of anything.
SHOWING = {"__repr__", "__str__", "__format__", "__dir__"}


def make_guard() -> tuple[Callable[[bool], list[str]], frozenset[int]]:
    """Remember functions, classes, their code and defaults as they are now.

    Returns a function that puts back what has been replaced since then, and returns its names; its argument
    says whether the code of functions may have been replaced, which takes longer to find out. Also returns
    the ids of these functions.
    """
    vars_of_builtins = vars(builtins)
    known = vars_of_builtins.copy()
    owners = [(*owner, list(owner[2]), list(owner[2].values())) for owner in _owners()]
    functions = _functions(value for *_, values in owners for value in values)
    codes = [(f, f.__code__, f.__defaults__) for f in functions]
    options = [(_name(f), f.__kwdefaults__, f.__kwdefaults__.copy()) for f in functions if f.__kwdefaults__]
    owners += [(name, now, kept, list(kept), list(kept.values())) for name, now, kept in options]
    everything = [(*owner, set(_names(owner[1]))) for owner in owners]
    cells = [(_name(f), cell, cell.cell_contents) for f in functions for cell in _filled(f)]
    modules = [(name, owner) for name, owner, *_ in owners if isinstance(owner, types.ModuleType)]

    def restore(code_too: bool) -> list[str]:
        found = []
        # First, and in bare syntax, because all that follows needs them.
        for name in known:
            if vars_of_builtins.get(name, MISSING) is not known[name] and name not in CHANGING:
                vars_of_builtins[name] = known[name]
                found.append(f"builtins.{name}")
        for label, owner, kept, names, values, all_names in everything:
            now = owner if isinstance(owner, dict) else vars(owner)
            if not all(map(is_, map(now.get, names), values)):
                found += [f"{label}.{name}" for name in _put_back(owner, now, kept) if name not in SHOWING]
            if len(now) != len(all_names) or now.keys() != all_names:
                found += [f"{label}.{name}" for name in _take_away(owner, now.keys() - all_names, known)]
        for label, cell, content in cells:
            if cell.cell_contents is not content:
                cell.cell_contents = content
                found.append(label)
        for name, module in modules:
            if sys.modules.get(name) is not module:
                sys.modules[name] = module
                found.append(f"sys.modules[{name!r}]")
        if code_too:
            found += _put_code_back(codes)
        return found

    return restore, frozenset(map(id, functions))


def _owners() -> Iterator[tuple[str, Any, dict]]:
    """(name, module, class or dict, what in it is guarded) of everything that is guarded."""
    seen: set[int] = set()
    for name, module in sorted(sys.modules.items()):
        if name in HIDDEN or not (name in MODULES or f"{name}.".startswith(tuple(f"{p}." for p in PACKAGES))):
            continue
        ours = name.startswith(CHECK)
        yield name, module, _guarded(module, plain_too=ours)
        for key, value in list(vars(module).items()):
            own = isinstance(value, type) and value.__module__ == name and name not in ("torch", "numpy")
            if (own or f"{name}.{key}" in CLASSES) and id(value) not in seen and _can_change(value):
                seen.add(id(value))
                yield f"{name}.{key}", value, _guarded(value)
            elif ours and isinstance(value, dict) and not key.startswith("__") and key not in CHANGING:
                yield f"{name}.{key}", value, value.copy()


def _guarded(owner: Any, plain_too: bool = False) -> dict[str, Any]:
    return {
        name: value
        for name, value in vars(owner).items()
        if name not in CHANGING
        and getattr(value, "__name__", None) not in HIDDEN
        and (plain_too or callable(value) or isinstance(value, types.ModuleType | property | staticmethod))
    }


def _can_change(cls: type) -> bool:
    """Whether Python code can replace an attribute of a class at all."""
    return not cls.__flags__ & (1 << 8)  # Py_TPFLAGS_IMMUTABLETYPE


def _functions(values: Iterator[Any]) -> list[types.FunctionType]:
    """The functions among these, and those that they wrap, each once."""
    found: dict[int, types.FunctionType] = {}
    waiting = list(values)
    while waiting:
        value = waiting.pop()
        if isinstance(value, property):
            waiting += [value.fget, value.fset]
        elif isinstance(value, staticmethod | classmethod):
            waiting.append(value.__func__)
        elif isinstance(value, types.FunctionType) and id(value) not in found:
            found[id(value)] = value
            waiting += [cell.cell_contents for cell in _filled(value)]
    return list(found.values())


def _filled(function: types.FunctionType) -> Iterator[types.CellType]:
    """The variables that a function of the course keeps from the function around it."""
    if function.__module__ and function.__module__.startswith(PACKAGES):
        for cell in function.__closure__ or ():
            with contextlib.suppress(ValueError):  # not filled yet
                if isinstance(cell.cell_contents, types.FunctionType | type):
                    yield cell


def _name(function: types.FunctionType) -> str:
    return f"{function.__module__}.{function.__qualname__}"


def _names(owner: Any) -> Mapping:
    return owner if isinstance(owner, dict) else vars(owner)


def _put_back(owner: Any, now: Mapping, kept: dict) -> list[str]:
    """Put back what was replaced. Returns the names, but for those under which a plain type stood."""
    names = [name for name, value in kept.items() if now.get(name, MISSING) is not value]
    telling = [
        name for name in names if not (isinstance(kept[name], type) and _is_shim(owner, now.get(name)))
    ]
    for name in names:
        if isinstance(owner, type):
            type.__setattr__(owner, name, kept[name])
        else:
            (owner if isinstance(owner, dict) else vars(owner))[name] = kept[name]
    return telling


def _is_shim(owner: Any, value: Any) -> bool:
    """Whether a library was given a plain type under another name, as in `np.int = int` for older code."""
    is_library = isinstance(owner, types.ModuleType) and not owner.__name__.startswith(PACKAGES)
    return is_library and isinstance(value, type) and value.__module__ in ("builtins", "numpy")


def _take_away(owner: Any, new: set[str], known: dict) -> list[str]:
    """Delete new names that hide others: inherited ones in a class, builtins in a module."""
    if isinstance(owner, type):
        before = {name for base in owner.__mro__[1:] for name in vars(base)}
    else:
        before = new if isinstance(owner, dict) else known.keys()
    names = sorted(name for name in (new & before) - CHANGING if isinstance(name, str))
    names = [name for name in names if not _is_shim(owner, _names(owner)[name])]
    for name in names:
        type.__delattr__(owner, name) if isinstance(owner, type) else _names(owner).pop(name)
    return names


def _put_code_back(codes: list[tuple]) -> list[str]:
    found = []
    for function, code, defaults in codes:
        if function.__code__ is not code or function.__defaults__ is not defaults:
            function.__code__, function.__defaults__ = code, defaults
            found.append(_name(function))
    return found


LIBRARIES = tuple({*sysconfig.get_paths().values(), sys.base_prefix, sys.prefix, "<frozen", "<test "})
COURSE = tuple(
    str(Path(__file__).parents[1] / name) for name in ("course_format", "course_utils", "course_grader")
)
# In a path that leads to the tests or to others' work. Any other may come from the student's own desk.
SOUGHT = (
    str(Path(__file__).parents[1]),
    "gradebook",
    "solutions",
    "submitted",
    "autograded",
    "/.ssh",
    "/.git",
)

FRAMES = "it shows the variables of the test"
OBJECTS = "it finds the objects of the test"
DIRECT = {
    "sys._getframe": FRAMES,
    "sys._current_frames": FRAMES,
    "sys._current_exceptions": FRAMES,
    "sys.settrace": FRAMES,
    "sys.setprofile": FRAMES,
    "sys.monitoring.register_callback": FRAMES,
    "gc.get_objects": OBJECTS,
    "gc.get_referrers": OBJECTS,
    "gc.get_referents": OBJECTS,
    "sys.addaudithook": "it sees what the tests do",
    "code.__new__": "it makes code that has no source",
    "os.fork": "it doubles the process of the tests",
}
# Functions of libraries that do nothing but hand something on.
HANDING_ON = {"currentframe", "stack", "trace", "getinnerframes", "walk_stack", "walk_tb", "<lambda>"}
HANDING_ON |= {"create_connection"}
MAKING_CODE = {"exec", "function.__new__"}
NETWORK = {"socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"}


def watch(report: Callable[[str], None], guarded: frozenset[int]) -> Callable[[], bool]:
    """From now on to the end of the process, report what student code does that no exercise asks for.

    An audit hook cannot be taken away. Code counts as the student's unless its file is a library's, and as
    what it is called by: libraries themselves read frames all the time. guarded: ids of functions. Returns a
    function that says whether the code or the defaults of any of these have been replaced so far.
    """
    getframe, replaced, busy = sys._getframe, [], {}
    trusted = (*LIBRARIES, *COURSE)

    def by_student(frame: types.FrameType | None) -> bool:
        while frame is not None and frame.f_code.co_filename.startswith(trusted):
            if frame.f_code.co_name not in HANDING_ON and frame.f_code.co_filename != ctypes.__file__:
                return False
            frame = frame.f_back
        return frame is not None

    def student_below(frame: types.FrameType | None) -> bool:
        while frame is not None and frame.f_code.co_filename.startswith(trusted):
            frame = frame.f_back
        return frame is not None

    def note(event: str, arguments: tuple, frame: types.FrameType) -> str | None:
        if event in DIRECT:
            return f"{event} was called: {DIRECT[event]}" if by_student(frame) else None
        if event == "object.__getattr__":
            if arguments[1] in ("tb_frame", "gi_frame", "cr_frame", "ag_frame") and by_student(frame):
                return f"{arguments[1]} was read: {FRAMES}"
        elif event == "object.__setattr__":
            if id(arguments[0]) in guarded:
                replaced.append(True)
                if student_below(frame):
                    return f"{_name(arguments[0])}: its {arguments[1]} was replaced"
        elif event.startswith("ctypes."):
            return "ctypes was used: it can change any object" if by_student(frame) else None
        elif event in NETWORK:
            # Sockets between processes have a path as their address, and are how DataLoader workers talk.
            # What a library does there, such as fetching data, is ordinary work, and in vain.
            if not (event == "socket.connect" or event == "socket.bind") or isinstance(arguments[1], tuple):
                return f"the network was tried ({event})" if by_student(frame) else None
        elif event == "open":
            path = arguments[0].decode() if isinstance(arguments[0], bytes) else arguments[0]
            if isinstance(path, str) and _is_foreign(abspath(path)) and student_below(frame):
                return f"a file outside was tried: {path[:200]}"
        elif event in MAKING_CODE and arguments[0].co_filename.startswith(trusted) and by_student(frame):
            return f"code of its own was given the name of a library's file: {arguments[0].co_filename}"
        return None

    def hook(event: str, arguments: tuple) -> None:
        if event not in interesting and not event.startswith("ctypes."):
            return
        thread = get_ident()
        if thread in busy:  # what this very function does is no news
            return
        busy[thread] = True
        try:
            found = note(event, arguments, getframe(1))
            if found:
                report(found)
        except (OSError, ValueError):
            pass  # a path that is none
        finally:
            del busy[thread]

    interesting = {*DIRECT, *NETWORK, "object.__getattr__", "object.__setattr__", "open", *MAKING_CODE}
    sys.addaudithook(hook)
    return lambda: bool(replaced)


def has_busy_threads() -> bool:
    """Whether a thread but this one is running student code."""
    own = get_ident()
    return any(_runs_student_code(frame) for thread, frame in sys._current_frames().items() if thread != own)


def _runs_student_code(frame: types.FrameType | None) -> bool:
    while frame is not None and frame.f_code.co_filename.startswith((*LIBRARIES, *COURSE)):
        frame = frame.f_back
    return frame is not None


def _is_foreign(path: str) -> bool:
    if path.startswith("/proc/"):
        return path.endswith("/mem")
    return not path.startswith((*LIBRARIES, *COURSE)) and any(sought in path for sought in SOUGHT)
