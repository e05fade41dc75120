"""Grades a class: reads what was handed in, has it graded in parallel, and alone touches the gradebook."""

import contextlib
import functools
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace

import nbformat
from nbformat import NotebookNode
from nbgrader.api import MissingEntry
from tqdm import tqdm

from course_format.cells import nbgrader
from course_format.chapter import fingerprint, points
from course_grader import cluster
from course_grader.course import Course, open_gradebook, put_in_gradebook, read_chapter
from course_grader.files import locked, replace_folder
from course_grader.gradebook.penalties import renew_penalties
from course_grader.gradebook.write import Recorder
from course_grader.handed_in import submission, timestamps
from course_grader.handed_in.assemble import prepare
from course_grader.job import LIMITS, GraderError, Job, Limits, Result
from course_grader.run.client import ForkServer
from course_grader.run.engine import grade

# What nbgrader's tables, patterns and pages take: no line ends, no bytes that are no text, no markup.
STUDENT_ID = re.compile(r"""[^\x00-\x1f\x7f<>"\ud800-\udfff]{1,128}""")
THREADS = 2  # of each worker: while the cells of one submission run, another is prepared or written up
AHEAD = 3  # submissions at each worker, so that none of its threads has to wait for us


@dataclass
class Summary:
    """How the grading of a class went. say: gets a line about each one. failed: why there is no result."""

    say: Callable[[str], None]
    graded: list[Result] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)

    def fail(self, student: str, why: str) -> None:
        self.failed[student] = why
        self.say(f"{student}: NOT GRADED. {why}")

    @property
    def count(self) -> int:
        return len(self.graded) + len(self.unchanged) + len(self.failed)


def grade_class(
    course: Course,
    assignment: str,
    *,
    place: "Place",
    students: list[str] | None = None,
    force: bool = False,
    limits: Limits = LIMITS,
    say: Callable[[str], None] = tqdm.write,
) -> Summary:
    """Grade all submissions of an assignment, or those of some students, and record every result.

    place: where they are graded, from on_this_machine or on_cluster. say: gets the line about each.
    Submissions that have not changed since they were graded against the same version of the chapter are left
    alone unless `force`. Raises GraderError if nothing can be graded at all.
    """
    chapter = course.chapter(assignment)
    solved = read_chapter(chapter)
    prepared = prepare(solved, course.config)
    template = Job(
        assignment=assignment,
        student="",
        name=chapter.stem,
        chapter=nbformat.writes(prepared),
        version=fingerprint(solved),
        files={},
        limits=limits,
    )
    summary = Summary(say)
    students = _students(course, assignment, students, summary)
    bring_up_to_date(course, assignment, chapter.stem, prepared)
    total = points(prepared)
    with Recorder(course) as recorder, tqdm(total=len(students), desc=assignment, unit="submission") as bar:
        known = {} if force else recorder.graded(assignment)
        jobs = _changed(course, template, students, known, summary)
        for job, future in _completed(place, jobs):
            bar.update(1 + summary.count - bar.n)
            try:
                result = future.result()
                write_autograded(course, result)
            except GraderError:
                raise  # it would stop every other submission as well
            except Exception as error:
                summary.fail(job.student, f"{type(error).__name__}: {error}")
                continue
            penalty = recorder.record(result)
            summary.graded.append(replace(result, notebook="", files={}))  # a class may have thousands
            say(describe(result, total, penalty))
        bar.update(len(students) - bar.n)
        for renewed in renew_penalties(course, [assignment]):
            say(renewed.sentence)
    return summary


def describe(result: Result, total: float, penalty: float) -> str:
    """The line about one submission, and lines about what the instructor should know.

    penalty: what lateness costs, also of the points that people gave.
    """
    earned = sum(score for score in result.scores.values() if score is not None)
    waiting = sum(score is None for score in result.scores.values())
    parts = [f"{earned:g} of {total:g} points"]
    parts += [f"{penalty:g} off for being late"] * bool(penalty)
    parts += [f"{waiting} to mark by hand"] * bool(waiting)
    lines = [f"{result.student}: {', '.join(parts)}, {result.seconds:.1f} s"]
    lines += [f"    {reason}" for reason in result.reason.splitlines()]
    lines += [f"    REVIEW {flag}" for flag in result.flags]
    return "\n".join(lines)


def write_autograded(course: Course, result: Result) -> None:
    """Put the notebook as it ran, and the files beside it, where nbgrader expects them; all at once."""
    target = course.path("autograded", result.student, result.assignment)
    with locked(target.parent):
        replace_folder(target, {**result.files, f"{result.name}.ipynb": result.notebook.encode()})


def bring_up_to_date(course: Course, assignment: str, name: str, prepared: NotebookNode) -> None:
    """Have the gradebook know this version of the chapter; nothing happens if it does."""
    with locked(course.folder):
        if _sources_in_gradebook(course, assignment, name) != _sources(prepared):
            put_in_gradebook(course, assignment)


def _sources(prepared: NotebookNode) -> dict[str, tuple]:
    """grade_id -> what the gradebook keeps of a cell."""
    cells = [cell for cell in prepared.cells if nbgrader(cell)]
    return {
        nbgrader(cell)["grade_id"]: (nbgrader(cell)["checksum"], nbgrader(cell).get("points"))
        for cell in cells
    }


def _sources_in_gradebook(course: Course, assignment: str, name: str) -> dict[str, tuple]:
    try:
        with open_gradebook(course) as gradebook:
            notebook = gradebook.find_notebook(name, assignment)
            scores = {cell.name: cell.max_score for cell in notebook.grade_cells}
            return {cell.name: (cell.checksum, scores.get(cell.name)) for cell in notebook.source_cells}
    except MissingEntry:
        return {}


def _students(course: Course, assignment: str, wanted: list[str] | None, summary: Summary) -> list[str]:
    """The students to grade: everyone who handed in something, or those who are wanted.

    What nobody would look at, or a gradebook cannot hold, has failed.
    """
    handed_in = course.students(assignment)
    missing = sorted(set(wanted or ()) - set(handed_in))
    if missing:
        raise GraderError(f"no submission of {assignment} by {', '.join(missing)}")
    if wanted is None:
        for path in course.misplaced():
            name = submission.printable(str(path.relative_to(course.folder)))
            summary.fail(name, f"it lies outside of a folder such as STUDENT/{assignment}: move it there")
        if not handed_in:
            submitted = course.directory.submitted_directory
            raise GraderError(f"nobody has handed in {assignment}: {submitted}/ has none")
    usable = []
    for student in handed_in if wanted is None else wanted:
        if STUDENT_ID.fullmatch(student):
            usable.append(student)
        else:
            why = 'an id is one line of at most 128 characters without < > ": rename the folder'
            summary.fail(submission.printable(student), why)
    return usable


def _changed(
    course: Course, template: Job, students: list[str], known: dict, summary: Summary
) -> Iterator[Job]:
    """The jobs of all whose result is missing or out of date, read one after another."""
    for student in students:
        folder = course.path("submitted", student, template.assignment)
        files, problems = submission.read_folder(folder, template.limits.files)
        handed_in, doubt = timestamps.parse(submission.read_timestamp(folder))
        job = replace(
            template,
            student=student,
            files=files,
            problems=(*problems, *filter(None, [doubt])),
            timestamp=handed_in,
        )
        notebook = course.path("autograded", student, template.assignment) / f"{template.name}.ipynb"
        if student in known and known[student].answers(job) and notebook.exists():
            summary.unchanged.append(student)
        else:
            yield job


@dataclass(frozen=True)
class Place:
    """Where submissions are graded: an executor, the function that it runs, and how many run at a time."""

    executor: Executor
    run: Callable[[Job], Result]
    workers: int


@contextlib.contextmanager
def on_this_machine(server: ForkServer, workers: int) -> Iterator[Place]:
    """Grade with one fork server. workers: so many submissions run their cells at a time.

    An interrupt ends the server: what runs is broken off, and what waits never runs.
    """
    executor = ThreadPoolExecutor(THREADS * workers)
    turns = threading.Semaphore(workers)
    try:
        yield Place(executor, functools.partial(grade, server=server, turns=turns), workers)
    except KeyboardInterrupt:
        server.stop()
        raise
    finally:
        executor.shutdown(cancel_futures=True)


@contextlib.contextmanager
def on_cluster(address: str, sandboxed: bool) -> Iterator[Place]:
    """Grade on a Dask cluster; address: of its scheduler."""
    with cluster.connect(address) as (executor, workers):
        yield Place(executor, functools.partial(cluster.grade_on_worker, sandboxed=sandboxed), workers)


def _completed(place: Place, jobs: Iterator[Job]) -> Iterator[tuple[Job, Future]]:
    """Run all jobs, few of them in memory at a time; yields each as it is done."""
    running: dict[Future, Job] = {}
    for job in jobs:
        running[place.executor.submit(place.run, job)] = job
        while len(running) >= AHEAD * place.workers:
            yield from _done(running)
    while running:
        yield from _done(running)


def _done(running: dict[Future, Job]) -> Iterator[tuple[Job, Future]]:
    for future in wait(running, return_when=FIRST_COMPLETED).done:
        yield running.pop(future), future
