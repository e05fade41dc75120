"""A tiny course with a gradebook, Results made by hand, and what the tables contain afterwards."""

import itertools
import os
import shutil
import signal
from collections.abc import Iterable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.api import Base, Gradebook
from sqlalchemy import Column, Engine, create_engine, event, inspect, select

from course_format.chapter import KERNELSPEC, ROOT
from course_grader.course import Course, put_in_gradebook
from course_grader.gradebook.write import Graded, Recorder
from course_grader.job import Result

FIRST, SECOND = "01_tiny", "02_tiny"

# Children are forked from a process that has imported everything once.
PROCESSES = get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.course_grader.gradebooks", "pytest"])


def _meta(name: str, **changes: object) -> dict:
    plain = {"grade": False, "locked": False, "solution": False, "task": False, "schema_version": 3}
    return {"nbgrader": plain | {"grade_id": name} | changes}


def chapter() -> nbformat.NotebookNode:
    """Two exercises with a test cell each (2 and 3 points) and a written question (4 points)."""
    cells = [new_markdown_cell("# Tiny", id="title")]
    for name, points in (("one", 2), ("two", 3)):
        answer = f"def {name}():\n    ### BEGIN SOLUTION\n    return {points}\n    ### END SOLUTION"
        cells.append(new_code_cell(answer, id=name, metadata=_meta(name, solution=True)))
        test = _meta(f"test_{name}", grade=True, locked=True, points=points)
        cells.append(new_code_cell(f"{name}()", id=f"test_{name}", metadata=test))
    written = _meta("written", grade=True, solution=True, points=4)
    cells.append(new_markdown_cell("Because ...", id="written", metadata=written))
    return new_notebook(cells=cells, metadata={"kernelspec": KERNELSPEC, "course": {}})


def make_course(folder: Path, *settings: str) -> Course:
    """A course of two equal chapters which are in its gradebook. settings: lines for nbgrader_config.py."""
    config = (ROOT / "nbgrader_config.py").read_text(encoding="utf-8")
    (folder / "nbgrader_config.py").write_text("\n".join([config, *settings]), encoding="utf-8")
    for name in (FIRST, SECOND):
        (folder / "solutions" / name).mkdir(parents=True)
        nbformat.write(chapter(), folder / "solutions" / name / "tiny.ipynb")
        put_in_gradebook(Course(folder), name)
    return Course(folder)


def copy_course(course: Course, folder: Path, *settings: str) -> Course:
    """The same course with a gradebook of its own; the lines of settings come last."""
    shutil.copytree(course.folder, folder)
    with open(folder / "nbgrader_config.py", "a", encoding="utf-8") as config:
        config.write("\n".join(["", *settings]))
    return Course(folder)


def result(student: str, one: float = 2.0, two: float = 3.0, written: float | None = None, **more) -> Result:
    """A Result for the tiny chapter. more: other fields than the scores."""
    fields = {
        "assignment": FIRST,
        "student": student,
        "name": "tiny",
        "version": "chapter-1",
        "digest": "files-1",
        "scores": {"test_one": one, "test_two": two, "written": written},
        "unanswered": frozenset(),
        "reason": "",
        "flags": (),
        "notebook": "{}",
        "seconds": 0.5,
    }
    return Result(**fields | more)


def record_all(folder: Path, results: Iterable[Result]) -> None:
    """Record results one after another, as a grader does."""
    with Recorder(Course(folder)) as recorder:
        for one in results:
            recorder.record(one)


def record_and_tell(folder: Path, results: Iterable[Result], pipe: Connection) -> None:
    """Record results, and say each student's name before."""
    with Recorder(Course(folder)) as recorder:
        for one in results:
            pipe.send(one.student)
            recorder.record(one)


def record_and_die(folder: Path, one: Result, steps: int) -> None:
    """Record one result, and be killed before the statement with this number, or before the commit."""
    step = itertools.count()

    def count(*_: object) -> None:
        if next(step) == steps:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "before_cursor_execute", count)
    event.listen(Engine, "commit", count)
    record_all(folder, [one])


def run(*jobs: tuple) -> list[int]:
    """Run (function, *arguments) in processes of their own, all at once. Returns their exit codes."""
    processes = [PROCESSES.Process(target=function, args=arguments) for function, *arguments in jobs]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return [process.exitcode for process in processes]


def content(db_url: str) -> dict[str, list[tuple]]:
    """table -> its sorted rows, for nbgrader's tables and our own. In place of an id made by chance stands
    the row that it means.
    """
    found, meaning = {}, {}
    engine = create_engine(db_url)
    with engine.connect() as connection:
        existing = inspect(connection).get_table_names()
        for table in [*Base.metadata.sorted_tables, Graded.__table__]:
            if table.name not in existing:
                continue
            rows = []
            for row in connection.execute(select(table)).mappings():
                told = [meaning.get(str(row[c.name]), row[c.name]) for c in table.c if not _by_chance(c)]
                rows.append((table.name, *map(str, told)))
                meaning.setdefault(str(row.get("id")), rows[-1])
            found[table.name] = sorted(rows)
    engine.dispose()
    return found


def _by_chance(column: Column) -> bool:
    made = column.primary_key and column.default is not None
    return made or column.name == "graded_at"


def scores(db_url: str, student: str, assignment: str = FIRST) -> dict[str, float | None]:
    """grade_id -> points from the autograder, as nbgrader reads them."""
    with Gradebook(db_url) as gradebook:
        notebook = gradebook.find_submission_notebook("tiny", assignment, student)
        return {grade.name: grade.auto_score for grade in notebook.grades}
