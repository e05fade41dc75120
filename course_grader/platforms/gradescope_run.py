"""Grades one submission in a container of Gradescope's: reads submission/, writes results/results.json.

    python -P -m course_grader.platforms.gradescope_run /autograder

Whatever happens, there is a result with a sentence, and the exit status is 0. What is printed is for
instructors alone.
"""

import contextlib
import json
import os
import sys
import threading
import traceback
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from course_grader.files import write_atomically
from course_grader.handed_in import submission
from course_grader.job import LIMITS, Limits
from course_grader.platforms import alone
from course_grader.platforms.alone import Checks, Outcome, Question, Report

CHAPTER = "chapter.json"
VISIBLE, AFTER_PUBLISHED = "visible", "after_published"
OWN_SHARE = 0.5  # of the platform's time, for running the submission; starting up takes some of the rest
LAST_MOMENT = 0.9  # of the platform's time: then there is a result, with points or without
OWN_MEMORY = 700 * 2**20  # bytes that the grader itself needs
LEAST_MEMORY = 256 * 2**20
CGROUPS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
UNFINISHED = (
    "The autograder came to no end within its time, so this result has no points. Look for a loop that never "
    "ends, or a training that takes long, and hand in again; if you find none, tell your instructor."
)
BROKEN = (
    "The autograder itself failed, so this result has no points. Your work is kept, and can be graded again: "
    "tell your instructor."
)


def main(autograder: Path) -> int:
    """Grade what lies in `autograder`, the folder that Gradescope has set up. Returns the exit status, 0."""
    results = autograder / "results" / "results.json"
    try:
        _close(autograder)
        settings = json.loads((autograder / "source" / CHAPTER).read_text(encoding="utf-8"))
        checks, seconds = Checks(**settings["chapter"]), 60 * settings["minutes"]
        _write(results, as_results(alone.without_run(checks, UNFINISHED)))
        report = _in_time(checks, autograder, seconds)
        if report is not None:
            _write(results, as_results(report))
        _tell(report, checks, autograder)
    except BaseException:
        traceback.print_exc(file=sys.stdout)
        if not results.exists() or UNFINISHED in results.read_text(encoding="utf-8"):
            _write(results, {"score": 0, "output": BROKEN, "output_format": "text"})
    sys.stdout.flush()
    return 0


def as_results(report: Report) -> dict[str, Any]:
    """The report as Gradescope reads it: one entry for each case, and one for each written question.

    A hidden case is shown to students when the grades are published. A written question has no score here: a
    person gives it on Gradescope.
    """
    return {
        "output": "\n".join(report.notes),
        "output_format": "text",
        "stdout_visibility": "hidden",
        "execution_time": round(report.seconds),
        "tests": [*map(_of_case, report.outcomes), *map(_of_question, report.questions)],
    }


def _of_case(one: Outcome) -> dict[str, Any]:
    return {
        "name": f"{one.title}: {one.case}",
        "number": one.number,
        "score": one.earned,
        "max_score": one.points,
        "status": "passed" if one.status == "passed" else "failed",
        "output": one.message,
        "visibility": AFTER_PUBLISHED if one.hidden else VISIBLE,
        "extra_data": {"exercise": one.exercise, "mistake": one.mistake},
    }


def _of_question(one: Question) -> dict[str, Any]:
    said = "your answer is there" if one.answered else "there is no answer yet"
    return {
        "name": f"{one.title} (marked by a person)",
        "number": one.number,
        "status": "passed" if one.answered else "failed",
        "output": f"{one.points:g} points are given by hand; {said}",
        "visibility": VISIBLE,
    }


def _close(autograder: Path) -> None:
    """Keep everybody but root out: the tests, the results, and the earlier results in the metadata."""
    (autograder / "results").mkdir(exist_ok=True)
    if os.getuid() == 0:
        autograder.chmod(0o700)


def _in_time(checks: Checks, autograder: Path, seconds: float) -> Report | None:
    """The report, or None if there is none shortly before Gradescope would end all this."""
    found: Future[Report] = Future()

    def work() -> None:
        try:
            found.set_result(_graded(checks, autograder / "submission", seconds))
        except BaseException as error:
            found.set_exception(error)

    # Not an executor's: the interpreter would wait for its threads.
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(LAST_MOMENT * seconds)
    return found.result() if found.done() else None


def _graded(checks: Checks, folder: Path, seconds: float) -> Report:
    files, problems = submission.read_folder(folder, LIMITS.files)
    if not any(map(submission.is_notebook, files)):
        there = ", ".join(submission.printable(name) for name in sorted(files)[:5])
        only = f", only {there}" if there else ""
        return alone.without_run(
            checks, f"there is no notebook {checks.name}.ipynb in your submission{only}: hand it in"
        )
    limits = Limits(seconds=OWN_SHARE * seconds, memory=_memory())
    with alone.safest_server() as (server, said):
        print(said or "the notebook runs in the sandbox")
        return alone.grade_alone(checks, files, server, problems=problems, limits=limits)


def _memory() -> int:
    """Bytes that a submission may need: what the container has, less what the grader itself needs."""
    for path in CGROUPS:
        with contextlib.suppress(OSError, ValueError):
            return max(LEAST_MEMORY, min(LIMITS.memory, int(Path(path).read_text()) - OWN_MEMORY))
    return LIMITS.memory


def _write(path: Path, results: dict[str, Any]) -> None:
    write_atomically(path, json.dumps(results, indent=1))


def _tell(report: Report | None, checks: Checks, autograder: Path) -> None:
    """For instructors, in the output of the autograder."""
    if report is None:
        return print("no result within the time limit: only a note was written")
    print(f"{checks.assignment}: {report.earned:g} of {report.points:g} points in {report.seconds:.1f} s")
    print(*(f"REVIEW {flag}" for flag in report.flags), *_about_points(report, autograder), sep="\n")


def _about_points(report: Report, autograder: Path) -> Iterator[str]:
    """That the assignment on Gradescope has other points than the chapter."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        metadata = json.loads((autograder / "submission_metadata.json").read_text(encoding="utf-8"))
        total = float(metadata["assignment"]["total_points"])
        most = report.points + sum(one.points for one in report.questions)
        if total not in (most, report.points):
            yield f"the assignment has {total:g} points on Gradescope, and the chapter {most:g}"


if __name__ == "__main__":
    status = main(Path(sys.argv[1]))
    # Not sys.exit: a thread that does not end must not keep the container from ending in time.
    os._exit(status)
