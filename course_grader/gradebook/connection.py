"""Connects to the database of a gradebook, whose tables are nbgrader's."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nbgrader.api import Assignment, BaseCell, Comment, Grade, SubmittedAssignment, SubmittedNotebook
from sqlalchemy import Engine, Select, create_engine, make_url, select
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from course_grader.job import GraderError

# One writer at a time, from before the first read to the commit. The number is only a name for the lock.
LOCK = {"sqlite": "BEGIN IMMEDIATE", "postgresql": "SELECT pg_advisory_xact_lock(7306081)"}
OPTIONS = {
    # seconds that a writer waits for another one, or for the formgrader
    "sqlite": {"connect_args": {"timeout": 60}},
    # A stricter level would show what was there before the lock was waited for.
    "postgresql": {
        "connect_args": {"connect_timeout": 30},
        "isolation_level": "READ COMMITTED",
        "pool_pre_ping": True,
    },
}


def gradebook_engine(db_url: str, first: str = "nbgrader generate_assignment") -> Engine:
    """The database of a gradebook. Raises GraderError if it is none, or of a kind that cannot be locked.

    first: the command that makes a gradebook.
    """
    try:
        url = make_url(db_url)
    except ArgumentError:
        example = "postgresql://user:password@host/name"
        raise GraderError(
            f"db_url in nbgrader_config.py is no address of a database: write one such as {example}"
        ) from None
    kind, database = url.get_backend_name(), url.database or ""
    if kind not in LOCK:
        raise GraderError(f"the gradebook {url} is in {kind}: course-grader works with sqlite or postgresql")
    # SQLite would make an empty file.
    if kind == "sqlite" and not database.startswith("file:") and not Path(database).is_file():
        raise GraderError(f"there is no gradebook {url} yet: run `{first}` first")
    try:
        return create_engine(url, **OPTIONS[kind])
    except (ImportError, NoSuchModuleError) as error:
        raise GraderError(
            f"the driver of the gradebook {url} is not installed ({error}): install it, or name another one "
            f"in db_url, as in postgresql+psycopg2://"
        ) from error


@contextmanager
def explained(engine: Engine) -> Iterator[None]:
    """Turn the errors of a database into one sentence each."""
    try:
        yield
    except SQLAlchemyError as error:
        cause = " ".join(str(getattr(error, "orig", error)).split())
        raise GraderError(
            f"the gradebook {engine.url} cannot be used ({cause}): see that it can be reached and written to"
        ) from error


def select_cells(assignment: str, kind: type[Grade] | type[Comment], *columns: Any) -> Select:
    """These columns, also of BaseCell, for the grades or the comments of all who handed in an assignment."""
    return (
        select(*columns)
        .select_from(SubmittedAssignment)
        .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
        .join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        .join(kind, kind.notebook_id == SubmittedNotebook.id)
        .join(BaseCell, BaseCell.id == kind.cell_id)
        .where(Assignment.name == assignment)
    )
