"""How long grading takes: nbgrader and course-grader on the same class, in one run, on one machine.

    make bench                                       everything; nbgrader alone takes half an hour
    python -m benchmarks.grading --chapters 01_tensors --sizes 20
    python -m benchmarks.grading --chapters 01_tensors --sizes 2000

The class hands in the known answers of tests/answers, so that wrong and odd work is in it. Both graders leave
out the experiment cells, and begin with the gradebook of a chapter that was handed out. Times are of whole
commands, from their start to their end, sandbox on.
"""

import argparse
import functools
import itertools
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import nbformat

from course_format.chapter import Chapter, chapters
from course_grader.course import Course as CourseFolder
from course_grader.handed_in.assemble import prepare
from course_grader.job import Job, Limits
from course_grader.run import engine
from course_grader.run.client import ForkServer, Session
from tests.nbgrader_course import Course, fresh_clone
from tests.students import all_ids, solve, with_known_answers

DIFFERENT = 50  # notebooks of a class: more than an exercise has known answers


def main() -> None:
    """Run all measurements and print them as tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chapters", nargs="+", default=[chapter.name for chapter in chapters()])
    parser.add_argument("--students", type=int, default=20, help="for the comparison with nbgrader")
    parser.add_argument("--sizes", type=int, nargs="+", default=[20, 100, 400], help="of classes")
    chosen = parser.parse_args()
    found = [chapter for chapter in chapters() if chapter.name in chosen.chapters]
    with tempfile.TemporaryDirectory() as folder:
        compare(found, chosen.students, Path(folder))
        grow(found[0], chosen.sizes, Path(folder))
    parts(found[0], chosen.students)
    memory(found[-1])


class Times(NamedTuple):
    """Seconds that a command takes: for the first student alone, and for a class of so many."""

    first: float
    all: float
    students: int

    @property
    def further(self) -> float:
        """Seconds for each submission after the first."""
        return (self.all - self.first) / (self.students - 1)


def compare(found: list[Chapter], students: int, folder: Path) -> None:
    """The same class through both graders, chapter by chapter."""
    print(f"\n{students} submissions per chapter, one worker, sandbox on; and each one after the first\n")
    print("| chapter | nbgrader autograde | course-grader grade | times faster ", end="")
    print("| nbgrader, a further one | course-grader | times faster | cells with another score |")
    print("|---|" + 7 * "---:|")
    ratios, further, all_theirs = [], [], 0.0
    for chapter in found:
        clone = make_class([chapter], students, folder / f"compare-{chapter.name}")
        gradebook_of_released(clone, [chapter])
        theirs = times(clone, clone.nbgrader, ["autograde", chapter.name], students)
        expected = {student: clone.scores(student, chapter.name) for student in names(students)}
        command = ["grade", chapter.name, "--workers=1"]
        ours = times(clone, functools.partial(run, clone), command, students)
        differ = sum(
            score != clone.scores(student, chapter.name)[cell]
            for student, scores in expected.items()
            for cell, score in scores.items()
        )
        ratios.append(theirs.all / ours.all)
        further.append(theirs.further / ours.further)
        all_theirs += theirs.all
        print(f"| {chapter.name} | {theirs.all:.1f} s | {ours.all:.1f} s | {ratios[-1]:.1f} ", end="")
        print(f"| {theirs.further:.2f} s | {ours.further:.2f} s | {further[-1]:.1f} | {differ} |", flush=True)
    whole, one = map(statistics.geometric_mean, (ratios, further))
    print(f"\nTimes faster, geometric mean of these chapters: {whole:.1f}, for a further one {one:.1f}")
    clone = make_class(found, students, folder / "together")
    gradebook_of_released(clone, found)
    ours = seconds(lambda: run(clone, "grade", "--workers=1"))
    print("All of them, nbgrader one after another, course-grader in one command: ", end="")
    print(f"{all_theirs:.1f} s and {ours:.1f} s, {all_theirs / ours:.1f} times")


def times(clone: Course, grader: Callable, command: list[str], students: int) -> Times:
    """How long a grader's command takes. Its results for the class stay."""
    took = []
    for who in ([f"--student={names(1)[0]}"], []):
        shutil.copy(clone.folder / "released.db", clone.folder / "gradebook.db")
        shutil.rmtree(clone.folder / "autograded", ignore_errors=True)
        took.append(seconds(functools.partial(grader, *command, *who)))
    return Times(*took, students)


def grow(chapter: Chapter, sizes: list[int], folder: Path) -> None:
    """How time grows with the class and with workers."""
    print(f"\ncourse-grader on {chapter.name}: time, and memory of the command itself\n")
    workers = sorted({1, 2, os.cpu_count()})
    columns = [f"{count} worker{'s' * (count > 1)}" for count in workers]
    print("| submissions | " + " | ".join([*columns, "report"]) + " |")
    print("|---:|" + "---:|" * (len(workers) + 1))
    for size in sizes:
        clone = make_class([chapter], size, folder / f"grow-{size}")
        released = gradebook_of_released(clone, [chapter])
        row = []
        for count in workers:
            shutil.copy(released, clone.folder / "gradebook.db")
            start = time.perf_counter()
            held = grade(clone, chapter.name, workers=count)
            row.append(f"{time.perf_counter() - start:.1f} s, {held / 2**20:.0f} MiB")
        start = time.perf_counter()
        held = run(clone, "report", chapter.name)
        row.append(f"{time.perf_counter() - start:.1f} s, {held / 2**20:.0f} MiB")
        print(f"| {size} | " + " | ".join(row) + " |", flush=True)
        shutil.rmtree(clone.folder)


def parts(chapter: Chapter, students: int) -> None:
    """Where the time of one submission goes, in the engine, one after the other.

    `grade` does part of it at the same time: while the cells of one submission run, another is put together,
    its processes are opened, and what a third one brought is written.
    """
    prepared = prepare(chapter.read(), CourseFolder(Path.cwd()).config)
    text, name = nbformat.writes(prepared), f"{chapter.stem}.ipynb"
    took: dict[str, float] = defaultdict(float)
    files = [nbformat.writes(with_known_answers(chapter, number)).encode() for number in range(students)]
    timed(engine, "assemble", "putting it together", took)
    timed(ForkServer, "open_session", "opening two processes", took)
    timed(Session, "run", "cells of the student's", took)
    timed(Session, "test", "tests", took)
    with ForkServer(sandboxed=True) as server:
        server.ensure()
        start = time.perf_counter()
        for student, file in zip(names(students), files, strict=True):
            engine.grade(Job(chapter.name, student, chapter.stem, text, "", {name: file}), server)
        took["all in all"] = time.perf_counter() - start
    print(f"\nOne submission of {chapter.name} in the engine:", end=" ")
    print(", ".join(f"{what} {total / students:.3f} s" for what, total in took.items()))


def timed(where: Any, name: str, what: str, took: dict[str, float]) -> None:
    """Have the time that a function, or a generator until its end, takes added up."""
    function = getattr(where, name)

    def clocked(*args: Any, **kwargs: Any) -> Any:
        start = time.perf_counter()
        result = function(*args, **kwargs)
        if isinstance(result, Iterator):
            result = iter(list(result))
        took[what] += time.perf_counter() - start
        return result

    setattr(where, name, clocked)


def memory(chapter: Chapter) -> None:
    """What the fork server holds, and what the processes of one submission hold of their own."""
    notebook = solve(chapter, all_ids(chapter))
    cells = [
        cell.source for cell in notebook.cells if cell.cell_type == "code" and not cell.metadata.get("tags")
    ]
    with ForkServer(sandboxed=True) as server:
        server.ensure()
        process = descendants(server.pid)[0]  # bubblewrap's child
        print(f"\nMemory of the fork server: {memory_of(process, 'Rss') / 2**20:.0f} MiB")
        session = server.open_session(Limits(), imports=cells[0])
        for cell in cells:
            for _ in session.run({"cell": cell}, seconds=300):
                pass
        held = [memory_of(one, "Private") / 2**20 for one in descendants(process)]
        print(f"One submission of {chapter.name}, desk, examiner, keepers: {sum(held):.0f} MiB of their own")
        session.close()


def make_class(handed_in: list[Chapter], students: int, folder: Path) -> Course:
    """A course folder in which so many students have handed in these chapters.

    In a large class several hand in the same: to make a notebook takes longer than to grade it.
    """
    folder.mkdir()
    clone = fresh_clone(folder)
    for chapter in handed_in:
        different = [with_known_answers(chapter, number) for number in range(min(students, DIFFERENT))]
        for student, notebook in zip(names(students), itertools.cycle(different)):
            clone.submit(student, chapter.name, notebook, chapter.stem)
    return clone


def gradebook_of_released(clone: Course, handed_out: list[Chapter]) -> Path:
    """A copy of the gradebook as it is when chapters were handed out, which is before anybody grades."""
    for chapter in handed_out:
        clone.nbgrader("generate_assignment", chapter.name, "--force")
    return shutil.copy(clone.folder / "gradebook.db", clone.folder / "released.db")


def names(students: int) -> list[str]:
    """The ids of a class."""
    return [f"student{number:03d}" for number in range(students)]


RUN = """
import resource, sys
from course_grader.__main__ import main
status = main(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
sys.exit(status)
"""


def grade(clone: Course, assignment: str, workers: int) -> int:
    """Grade the class anew. Returns the bytes of memory that the command itself held."""
    return run(clone, "grade", assignment, "--workers", str(workers), "--force")


def run(clone: Course, *arguments: str) -> int:
    """Run course-grader as an instructor does. Returns the bytes of memory that the command itself held."""
    command = [sys.executable, "-P", "-c", RUN, *arguments]
    done = subprocess.run(command, cwd=clone.folder, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return int(done.stdout.split()[-1]) * 1024


def seconds(work) -> float:
    """How long a piece of work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def descendants(process: int) -> list[int]:
    """The processes below one, parents before children."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [below for child in map(int, children) for below in (child, *descendants(child))]


def memory_of(process: int, kind: str) -> int:
    """Bytes in memory: "Rss" for all that a process uses, "Private" for what it shares with no other."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(kind))


if __name__ == "__main__":
    main()
