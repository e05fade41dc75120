"""However often a grader is killed, however many grade at once: the gradebook is that of one quiet run."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

from course_builder.chapter import ROOT
from course_grader.course import Course
from tests.course_grader import small
from tests.course_grader.gradebooks import content

STUDENTS = [f"student{number}" for number in range(8)]


def make_course(folder: Path) -> Course:
    """A class of eight, every one of whom has something else wrong."""
    (folder / "nbgrader_config.py").write_bytes((ROOT / "nbgrader_config.py").read_bytes())
    (folder / "solutions" / small.NAME).mkdir(parents=True)
    nbformat.write(small.chapter(), folder / "solutions" / small.NAME / f"{small.STEM}.ipynb")
    for number, student in enumerate(STUDENTS):
        answer = f"def first(x):\n    return x + {number}"
        path = folder / "submitted" / student / small.NAME / f"{small.STEM}.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(small.handed_in(first=answer), path)
    return Course(folder)


def start_grader(course: Course) -> subprocess.Popen:
    """`course-grader grade`, whose lines can be read as they come."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "course_grader", "grade", small.NAME, "--workers", "2"],
        cwd=course.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(grader: subprocess.Popen) -> str:
    said, errors = grader.communicate()
    assert grader.returncode == 0, said + errors
    return said


def outcome(course: Course) -> dict:
    """All that stands in the gradebook but how long it took, and which notebooks lie in autograded/."""
    tables = content(course.db_url)
    results = tables["course_grader_result"]
    assert len(results) == len(STUDENTS)
    tables["course_grader_result"] = [row[:7] for row in results]
    tables["autograded"] = sorted(
        str(p.relative_to(course.folder)) for p in course.folder.glob("autograded/**/*")
    )
    return tables


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    course = make_course(tmp_path_factory.mktemp("quiet"))
    finish(start_grader(course))
    return outcome(course)


def test_killed_at_any_moment_and_run_again(undisturbed, tmp_path):
    course = make_course(tmp_path)
    for lines in (0, 1, 2):  # killed after so many submissions of the rest
        grader = start_grader(course)
        for _ in range(lines):
            assert "points" in grader.stdout.readline()
        if not lines:
            time.sleep(1)
        grader.send_signal(signal.SIGKILL)
        grader.communicate()
    said = finish(start_grader(course))
    assert "unchanged" in said
    assert outcome(course) == undisturbed


def test_two_graders_at_once(undisturbed, tmp_path):
    course = make_course(tmp_path)
    for grader in [start_grader(course), start_grader(course)]:
        finish(grader)
    assert outcome(course) == undisturbed


def test_a_killed_grader_leaves_no_process(tmp_path):
    course = make_course(tmp_path)
    grader = start_grader(course)
    assert "points" in grader.stdout.readline()
    children = descendants(grader.pid)
    assert children
    grader.send_signal(signal.SIGKILL)
    grader.communicate()
    for _ in range(100):
        if not any(Path(f"/proc/{child}").exists() for child in children):
            return
        time.sleep(0.1)
    pytest.fail("the fork server or a session outlived its grader")


def descendants(pid: int) -> list[int]:
    """All processes below one."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [below for child in map(int, children) for below in (child, *descendants(child))]
