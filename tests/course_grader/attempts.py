"""Submissions that try something. Each must leave the server as good as it was."""

import copy
import time

import nbformat
import psutil
from nbformat.v4 import new_code_cell

from course_grader.job import Limits, Result
from course_grader.run.client import ForkServer
from tests.course_grader import small
from tests.nbgrader_course import cell_of, texts

QUICK = Limits(cell_seconds=2, seconds=40)  # for what ends by its time alone: a busy machine is slow
ALL = small.POINTS


def attempt(server: ForkServer, before: str = "", limits: Limits = small.UNHURRIED, **answers: str) -> Result:
    """Grade a submission that has one more cell before its first answer."""
    notebook = small.handed_in(**answers)
    if before:
        notebook.cells.insert(2, new_code_cell(before, id="before"))
    return small.grade(server, notebook, limits=limits)


def assert_undisturbed(server: ForkServer) -> None:
    """The next submission earns all its points, and no process is left of any."""
    following = small.grade(server, small.handed_in())
    assert (small.earned(following), following.reason, following.flags) == (ALL, "", ())
    assert_no_process_left(server)


def assert_no_process_left(server: ForkServer) -> None:
    """Under bubblewrap runs the server, and nothing else."""
    deadline = time.monotonic() + 10
    while len(found := below(server)) > (1 if server.sandboxed else 0) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(found) == (1 if server.sandboxed else 0), found


def below(server: ForkServer) -> list[psutil.Process]:
    """All processes that came from the one that was started."""
    return psutil.Process(server.pid).children(recursive=True)


def printed(result: Result, cell: str) -> str:
    """All that a cell has to say."""
    notebook = nbformat.reads(result.notebook, as_version=4)
    found = [one for one in notebook.cells if one.id == cell]
    return texts(found[0] if found else cell_of(notebook, cell))


def inside(name: str, code: str) -> str:
    """The right answer to an exercise, which runs this code first at every call."""
    head, body = copy.copy(small.RIGHT[name]).split("\n")
    return "\n".join([head, *(f"    {line}" for line in code.split("\n")), body])
