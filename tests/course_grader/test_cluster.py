"""A scheduler and two workers on loopback grade a class; one worker is killed in the middle."""

import signal
import subprocess
import sys

import pytest

from course_grader import cluster as cluster_module
from course_grader.job import GraderError
from tests.course_grader import small
from tests.course_grader.gradebooks import content
from tests.course_grader.small import STUDENTS, make_course
from tests.nbgrader_course import Course as Clone

SCHEDULER = ("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
WORKER = ("worker", "--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1")


def dask(folder, *arguments):
    """A process of the cluster, in a folder that has nothing to do with the course."""
    command = [sys.executable, "-P", "-m", "dask", *arguments]
    return subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """(address, the two workers). Each test kills what it must; they stand in the order of how much."""
    folder = tmp_path_factory.mktemp("cluster")
    scheduler = dask(folder, *SCHEDULER)
    address = next(line for line in scheduler.stderr if "Scheduler at" in line).split()[-1]
    workers = [dask(folder, *WORKER, address) for _ in range(2)]
    for worker in workers:
        assert any("Registered to" in line for line in worker.stderr)
    yield address, workers
    for process in (*workers, scheduler):
        process.kill()  # does nothing to one that a test has killed
        process.wait()
        process.stderr.close()


def grade(course, address, *more):
    command = [
        sys.executable,
        "-P",
        "-m",
        "course_grader",
        "grade",
        small.NAME,
        "--scheduler",
        address,
        *more,
    ]
    return subprocess.Popen(
        command, cwd=course.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_a_killed_worker_loses_nothing(cluster, tmp_path):
    address, workers = cluster
    course = make_course(tmp_path)
    grader = grade(course, address)
    assert "points" in grader.stdout.readline()
    workers[0].send_signal(signal.SIGKILL)
    said, errors = grader.communicate()
    assert grader.returncode == 0, said + errors
    assert len(content(course.db_url)["course_grader_result"]) == len(STUDENTS)
    for number, student in enumerate(STUDENTS):
        scores = Clone(course.folder).scores(student, small.NAME)
        assert scores == small.POINTS | {"test_first": 2.0 if number == 1 else 0.0, "written": None}


def test_without_a_scheduler_the_grader_says_so(monkeypatch):
    monkeypatch.setattr(cluster_module, "CONNECT_SECONDS", 1)
    with (
        pytest.raises(GraderError, match="there is no Dask scheduler at tcp:"),
        cluster_module.connect("tcp://127.0.0.1:9"),
    ):
        pass


def test_without_workers_the_grader_says_so(cluster):
    address, workers = cluster
    for worker in workers:
        worker.kill()
        worker.wait()
    with (
        pytest.raises(GraderError, match="has no workers yet"),
        cluster_module.connect(address),
    ):
        pass
