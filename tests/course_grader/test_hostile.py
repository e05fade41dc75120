"""Whatever a submission does to itself, to its limits or to the grader: it gets a score and a readable reason."""

import contextlib
import json
import os
import resource

import psutil
import pytest

from course_grader import client
from course_grader.client import ForkServer
from course_grader.work import RECORD, Limits
from tests.course_grader import small
from tests.course_grader.attempts import ALL, QUICK, assert_undisturbed, attempt, inside, printed

TIGHT = Limits(cell_seconds=2, seconds=20, memory=2**29, processes=16)
LATE = "this cell was stopped after 1 seconds"
STUBBORN = "it did not stop when its time was over, so its process was ended"


@pytest.fixture(autouse=True)
def little_grace(monkeypatch):
    """A cell that does not stop by itself costs a test seconds otherwise."""
    monkeypatch.setattr(client, "GRACE_SECONDS", 0.5)


ENDINGS = {
    "os._exit": ("import os\nos._exit(3)", "it ended its own process (exit code 3)"),
    "segmentation fault": ("import ctypes\nctypes.string_at(0)", "it crashed (segmentation fault)"),
    "abort": ("import os\nos.abort()", "it crashed (segmentation fault)"),
    "closing all files": ("import os\nos.closerange(0, 100)", "it ended its own process (exit code 1)"),
    "endless loop": ("while True: pass", LATE),
    "long sleep": ("import time\ntime.sleep(1000)", LATE),
    "loop that ignores signals": (
        "import signal\nfor n in (signal.SIGINT, signal.SIGALRM): signal.signal(n, signal.SIG_IGN)\nwhile True: 1",
        STUBBORN,
    ),
    "loop that blocks signals": (
        "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\nwhile True: 1",
        STUBBORN,
    ),
    "loop that catches everything": (
        "while True:\n    try:\n        while True: 1\n    except BaseException: 1\n    else: 1",
        STUBBORN,
    ),
    "timer switched off": ("import signal\nsignal.setitimer(signal.ITIMER_REAL, 0)\nwhile True: 1", STUBBORN),
}


@pytest.mark.parametrize(("code", "reason"), ENDINGS.values(), ids=ENDINGS)
def test_a_cell_that_does_not_end_well_costs_its_own_exercise_only(server, code, reason):
    if reason is STUBBORN and "except" in code:
        code = f"while True:\n    try:\n        {code.splitlines()[0]} 1\n    except BaseException: 1"
    at_the_top = attempt(server, second=f"{small.RIGHT['second']}\n{code}")
    assert small.earned(at_the_top) == ALL | {"test_second": 0.0}
    assert at_the_top.reason.startswith("second: ")


