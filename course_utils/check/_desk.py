"""Where the student's code runs: in this process, or at a desk that a grader keeps apart from the tests.

At the student's own machine, and under plain nbgrader, tests and answers share one process, and the functions
here do nothing of their own. A grader installs a `Desk`: calls of the student's code then travel, and what
must happen beside that code (a mode of torch, a gradient, a solver that is refused) is asked for here.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol


class Desk(Protocol):
    """The other process."""

    def run(self, function: Callable, *args: Any, **kwargs: Any) -> Any:
        """What the function gives there."""

    def inside(self, context: Callable, *args: Any) -> contextlib.AbstractContextManager:
        """Have everything that runs there run inside this context."""

    def case(self, seed: int) -> contextlib.AbstractContextManager:
        """The surroundings of a case, there."""


_desk: Desk | None = None


def install(desk: Desk | None) -> None:
    """From now on the student's code is at this desk; None: here."""
    global _desk
    _desk = desk


def is_elsewhere() -> bool:
    """Whether the student's code runs in another process."""
    return _desk is not None


def run(function: Callable, *args: Any, **kwargs: Any) -> Any:
    """Call a function beside the student's code."""
    return function(*args, **kwargs) if _desk is None else _desk.run(function, *args, **kwargs)


@contextlib.contextmanager
def inside(context: Callable, *args: Any) -> Iterator[None]:
    """Enter context(*args) beside the student's code, and only there."""
    with context(*args) if _desk is None else _desk.inside(context, *args):
        yield


@contextlib.contextmanager
def case(seed: int) -> Iterator[None]:
    """Enter what a case needs beside the student's code, if that is elsewhere."""
    with contextlib.nullcontext() if _desk is None else _desk.case(seed):
        yield
