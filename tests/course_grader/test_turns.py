"""Submissions take turns: one is prepared while another one runs, and neither notices."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace

from course_grader.job import Result
from course_grader.run import engine
from course_grader.run.client import ForkServer
from tests.course_grader import small
from tests.course_grader.attempts import ALL, assert_no_process_left, below


def grade(server: ForkServer, before: Callable[[], None], **answers: str) -> Result:
    """Grade a submission that waits for its turn until `before` has returned."""

    @contextmanager
    def turns() -> Iterator[None]:
        before()
        yield

    return engine.grade(small.job(small.handed_in(**answers)), server, turns())


def assert_right(result: Result) -> None:
    assert (small.earned(result), result.reason, result.flags) == (ALL, "", ())


def test_processes_that_are_lost_before_their_turn_cost_nothing(server):
    assert_no_process_left(server)

    def kill() -> None:
        waiting = below(server)[1:]
        assert len(waiting) == 4, "two keepers, the desk and the examiner"
        for process in waiting:
            process.kill()
        for process in waiting:
            process.wait(10)

    assert_right(grade(server, kill))
    assert_no_process_left(server)


def test_waiting_takes_none_of_the_time_of_a_submission(server, monkeypatch):
    late = [0.0]
    monkeypatch.setattr(engine, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + late[0]))
    result = grade(server, lambda: late.append(late.pop() + 1000))
    assert_right(result)
    assert result.seconds < 1000


def test_without_the_sandbox_a_submission_has_no_processes_before_its_turn():
    with ForkServer(sandboxed=False) as server:
        assert_right(grade(server, lambda: assert_no_process_left(server)))
