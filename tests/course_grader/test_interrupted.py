"""However often a grader is killed, however many grade at once: the gradebook is that of one quiet run."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

from course_format.chapter import ROOT
from course_grader import grading
from course_grader.course import Course
from tests.course_grader import small
from tests.course_grader.gradebooks import content
from tests.course_grader.small import STUDENTS, make_course

PATIENCE = 60  # seconds, for a busy machine


def start_grader(course: Course) -> subprocess.Popen:
    """`course-grader grade`, whose lines can be read as they come."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "course_grader", "grade", small.NAME, "--workers", "2"],
        cwd=course.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # What runs in a shell's background ignores interrupts, and so would all that it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def finish(grader: subprocess.Popen) -> str:
    said, errors = grader.communicate()
    assert grader.returncode == 0, said + errors
    return said


def outcome(course: Course) -> dict:
    """All that the gradebook contains but how long it took, and which notebooks lie in autograded/."""
    tables = content(course.db_url)
    results = tables["course_grader_result"]
    assert len(results) == len(STUDENTS)
    tables["course_grader_result"] = [row[:7] for row in results]
    tables["autograded"] = sorted(
        str(p.relative_to(course.folder)) for p in course.folder.glob("autograded/**/*")
    )
    return tables


@pytest.fixture(scope="module")
def undisturbed(server, tmp_path_factory):
    course = make_course(tmp_path_factory.mktemp("quiet"))
    with grading.on_this_machine(server, workers=2) as place:
        grading.grade_class(course, small.NAME, place=place, say=lambda line: None)
    return outcome(course)


def test_killed_at_any_moment_and_run_again(undisturbed, tmp_path):
    course = make_course(tmp_path)
    for graded in (0, 1):  # killed when the gradebook is there, and when the first of the rest is graded
        grader = start_grader(course)
        wait_until((course.folder / "gradebook.db").exists, grader)
        for _ in range(graded):
            assert "points" in grader.stdout.readline()
        processes = descendants(grader.pid)
        grader.send_signal(signal.SIGKILL)
        grader.communicate()
        wait_until(lambda left=processes: not any(Path(f"/proc/{one}").exists() for one in left))
    assert processes
    assert "unchanged" in finish(start_grader(course))
    assert outcome(course) == undisturbed


def wait_until(happened: Callable[[], bool], grader: subprocess.Popen | None = None) -> None:
    """Wait for something that must happen, while the grader runs if there is one."""
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline, "it has not happened"
        assert grader is None or grader.poll() is None, "the grader has ended"
        time.sleep(0.005)


def descendants(pid: int) -> list[int]:
    """All processes below one."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [below for child in map(int, children) for below in (child, *descendants(child))]


def test_two_graders_at_once(undisturbed, tmp_path):
    course = make_course(tmp_path)
    for grader in [start_grader(course), start_grader(course)]:
        finish(grader)
    assert outcome(course) == undisturbed


def test_an_interrupt_ends_the_grading_within_seconds(tmp_path):
    course = make_course(tmp_path)
    for student in STUDENTS:
        notebook = small.handed_in(first="import time\ntime.sleep(29)")
        nbformat.write(notebook, course.path("submitted", student, small.NAME) / f"{small.STEM}.ipynb")
    grader = start_grader(course)
    wait_until((course.folder / "gradebook.db").exists, grader)
    wait_until(lambda: len(descendants(grader.pid)) > 3, grader)  # submissions are running
    started = time.monotonic()
    grader.send_signal(signal.SIGINT)
    _, errors = grader.communicate(timeout=PATIENCE)
    assert time.monotonic() - started < 15  # it takes under a second where nobody else is at work
    assert grader.returncode == 130
    assert "stopped; what was recorded stays" in errors


def test_a_server_that_nobody_waits_for_ends_before_it_serves():
    """It has no socket to serve on, and does not get as far as to miss it."""
    command = [sys.executable, "-m", "course_grader.inside.forkserver", "999", "open"]
    assert subprocess.run(command, stdin=subprocess.DEVNULL, cwd=ROOT).returncode == 0
