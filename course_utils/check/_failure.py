"""What can go wrong with an answer, and how it is told to the student."""

import linecache
import re
import sysconfig
import traceback
from pathlib import Path
from types import TracebackType

COURSE_UTILS = str(Path(__file__).parents[1])
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


def describe_exception(error: BaseException, test_file: str, hidden: bool) -> str:
    """One or two lines that say what stopped the case, pointing at the student's line if there is one.

    test_file: the code file name of the test cell, whose own frames are not the student's.
    hidden: whether the case is hidden, so that its lines must not be shown.
    """
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if isinstance(error, NameError) and error.name and _raised_in(error.__traceback__, test_file):
        return f"`{error.name}` does not exist: run the cell that defines it first"
    place = _last_student_line(error.__traceback__, test_file)
    if place is not None:
        return f"your code stopped with {what}\n{place}"
    if _raised_in(error.__traceback__, test_file):
        line = "" if hidden else _line_of(traceback.extract_tb(error.__traceback__)[-1])
        return f"this use of your answer failed: {what}" + (f"\nin the check: {line}" if line else "")
    return f"the call stopped with {what}"


def _raised_in(trace: TracebackType | None, file: str) -> bool:
    frames = traceback.extract_tb(trace)
    return bool(frames) and frames[-1].filename == file


def _last_student_line(trace: TracebackType | None, test_file: str) -> str | None:
    for frame in reversed(traceback.extract_tb(trace)):
        if frame.filename != test_file and not _is_library(frame.filename):
            return f"in `{frame.name}`, line {frame.lineno} of its cell: {_line_of(frame)}"
    return None


def _line_of(frame: traceback.FrameSummary) -> str:
    return linecache.getline(frame.filename, frame.lineno).strip()


def _is_library(file: str) -> bool:
    return file.startswith(LIBRARIES) or file.startswith("<frozen")
