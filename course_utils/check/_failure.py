"""What can go wrong with an answer, and how it is told to the student."""

import ast
import dis
import inspect
import linecache
import re
import sysconfig
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FrameType, TracebackType

from course_utils.check._show import show

COURSE_UTILS = str(Path(__file__).parents[1])
GRADER = str(Path(__file__).parents[2] / "course_grader")  # its frames lie between a test and an answer
# What torch and Python say when an axis is lost, a pair is taken for a tensor and so on, and what helps.
HELP = {
    r"size of tensor a .* must match": "if you summed or searched along an axis, keepdim=True keeps it",
    r"torch\.return_types\.(max|min)": "along an axis, max and min give two tensors: .values and .indices",
    "a leaf Variable that requires grad": "change a parameter under no_grad; of an input, make a new tensor",
    "view size is not compatible": "reshape copies here, and what is written into a copy is lost",
    "maximum recursion depth": "a function calls itself too often, perhaps without end",
}
NO_RETURN = ": is there a return?"  # what to ask where None came back
LIBRARIES = tuple({COURSE_UTILS, *sysconfig.get_paths().values()})


class NotDoneYet(NotImplementedError):
    """Raised by an exercise that nobody has touched."""

    def __init__(self, message: str = "not done yet"):
        super().__init__(message)


class Failed(AssertionError):
    """A statement about the student's answer does not hold.

    mistake: id of the known mistake that explains it, or None.
    """

    def __init__(self, message: str, mistake: str | None = None):
        super().__init__(message)
        self.mistake = mistake


def mistake_id(message: str) -> str:
    """The id under which a known mistake is counted: its message in lower case, words joined by '-'."""
    return re.sub(r"[^a-z0-9]+", "-", message.lower()).strip("-")


def describe_not_done(stub: NotDoneYet, test_file: str) -> str:
    """'not done yet', or which line is left when the stub's raise is still below code of the student's.

    A stub from another process brings the sentence along.
    """
    if hasattr(stub, "students_part"):
        return str(stub.students_part)
    frame, line = list(traceback.walk_tb(stub.__traceback__))[-1]
    file = frame.f_code.co_filename
    if _is_students(file, test_file) and _has_work("".join(linecache.getlines(file)), line):
        return f"your code is there; now delete `raise check.NotDoneYet` in line {line} of its cell"
    return "not done yet"


def _has_work(source: str, line: int) -> bool:
    """Whether the function around this line has statements besides its docstring and a raise."""
    try:
        functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    except SyntaxError:  # a cell with magics
        return False
    around = [node for node in functions if node.lineno <= line <= node.end_lineno]
    body = around[-1].body if around else []
    return any(not isinstance(one, ast.Raise) and not _is_docstring(one) for one in body)


def describe_exception(error: BaseException, test_file: str, hidden: bool) -> str:
    """A few lines that say what stopped the case, where in the student's code, and for which inputs.

    test_file: the code file name of the test cell, whose own frames are not the student's.
    hidden: whether the case is hidden, so that its lines must not be shown.
    """
    in_test = not in_library(error, test_file)
    if isinstance(error, NameError) and error.name and in_test and not students_part(error, test_file):
        return f"`{error.name}` does not exist: run the cell that defines it first"
    if told := students_part(error, test_file):
        return told
    if in_test:
        line = "" if hidden else _line_of(error.__traceback__, test_file)
        hint = NO_RETURN if "NoneType" in str(error) else ""
        told = f"this use of your answer failed: {_what(error)}{hint}"
        return told + (f"\nin the check: {line}" if line else "")
    return f"the call stopped with {_what(error)}"


def students_part(error: BaseException, test_file: str) -> str | None:
    """What stopped the student's own code, where, and with which inputs; None if the error came elsewhere.

    An error from another process brings the sentence along.
    """
    if hasattr(error, "students_part"):
        return error.students_part
    trace = error.__traceback__
    frames = [one for one in _frames(trace) if _is_students(one.f_code.co_filename, test_file)]
    if not frames:
        return None
    lines = [f"your code stopped with {_what(error)}", _place(trace, frames[-1]), *_inputs(frames[0])]
    return "\n".join(lines)


def in_library(error: BaseException, test_file: str) -> bool:
    """Whether an error came from a library that was called, and not from a line of the test itself."""
    if getattr(error, "in_library", None) is not None:
        return error.in_library
    files = [frame.f_code.co_filename for frame in _frames(error.__traceback__)]
    files = [file for file in files if not file.startswith(GRADER)]
    return bool(files) and files[-1] != test_file


def _what(error: BaseException) -> str:
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return what + "".join(f"; {help}" for words, help in HELP.items() if re.search(words, str(error)))


def _frames(trace: TracebackType | None) -> list[FrameType]:
    return [frame for frame, _ in traceback.walk_tb(trace)]


def _place(trace: TracebackType | None, last: FrameType) -> str:
    number = [line for frame, line in traceback.walk_tb(trace) if frame is last][-1]
    line = linecache.getline(last.f_code.co_filename, number).strip()
    return f"in `{last.f_code.co_name}`, line {number} of its cell: {line}"


def _inputs(frame: FrameType) -> Iterator[str]:
    """What a function of the student's was called with, as far as it has not assigned to it."""
    assigned = _assigned(frame.f_code)
    values = inspect.getargvalues(frame)
    given = {
        name: values.locals[name] for name in values.args if name in values.locals and name not in assigned
    }
    said = [f"{name} = {show(value)}" for name, value in given.items() if name != "self"]
    if said:
        yield f"called with {', '.join(said)}"


def _assigned(code: CodeType) -> set[str]:
    """The local names that a function assigns to."""
    stores = [
        one.argval
        for one in dis.get_instructions(code)
        if one.opname.startswith(("STORE_FAST", "DELETE_FAST"))
    ]
    names = [name for value in stores for name in (value if isinstance(value, tuple) else (value,))]
    return {name for name in names if isinstance(name, str)}


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _line_of(trace: TracebackType | None, test_file: str) -> str:
    """The line of the test that failed."""
    lines = [line for frame, line in traceback.walk_tb(trace) if frame.f_code.co_filename == test_file]
    return linecache.getline(test_file, lines[-1]).strip() if lines else ""


def _is_students(file: str, test_file: str) -> bool:
    return file != test_file and not file.startswith(LIBRARIES) and not file.startswith("<frozen")
