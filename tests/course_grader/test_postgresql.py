"""The gradebook in a real PostgreSQL server: many graders at once, and nothing lost."""

import signal
import threading
import time
from contextlib import contextmanager
from datetime import datetime

import pytest
from nbgrader.api import Gradebook
from sqlalchemy import create_engine, text

from course_grader.course import Course, GraderError
from course_grader.gradebook.connection import LOCK
from course_grader.gradebook.penalties import CannotWrite, renew_penalties
from course_grader.gradebook.write import Recorder
from tests.course_grader import postgresql
from tests.course_grader.gradebooks import (
    FIRST,
    PROCESSES,
    SECOND,
    content,
    copy_course,
    make_course,
    record_all,
    record_and_die,
    result,
    run,
    scores,
)

WORKERS = 20


@pytest.fixture(scope="module")
def server():
    with postgresql.server() as running:
        yield running


def in_database(url):
    return f"c.CourseDirectory.db_url = {url!r}"


@pytest.fixture(scope="module")
def original(server, tmp_path_factory):
    """A course which nbgrader itself brought into a database of the server."""
    return make_course(tmp_path_factory.mktemp("original"), in_database(server.url()))


@pytest.fixture
def course(server, original, tmp_path):
    server.copy("gradebook", to=tmp_path.name)
    return copy_course(original, tmp_path / "course", in_database(server.url(tmp_path.name)))


def graded(course, assignment=FIRST):
    with Recorder(course) as recorder:
        return recorder.graded(assignment)


@contextmanager
def someone_else(course, statement):
    """A transaction that has run a statement, and commits at the end of the block."""
    engine = create_engine(course.db_url)
    with engine.begin() as connection:
        connection.execute(text(statement))
        yield
    engine.dispose()


def record_once_blocked(server, course, one):
    """A thread that records a result, and waits for a lock now."""
    thread = threading.Thread(target=record_all, args=(course.folder, [one]))
    thread.start()
    while server.sql("SELECT count(*) FROM pg_locks WHERE NOT granted") == "0":
        assert thread.is_alive(), "it waited for nobody"
        time.sleep(0.02)
    return thread


def test_it_writes_the_same_rows_as_to_sqlite(course, original, tmp_path):
    results = [
        result("ann", one=1 / 3, unanswered=frozenset({"two"}), reason="it broke off", flags=("patched",)),
        result("bob", written=0.0),
        result("cid", reason="ends with \0 and \ud800, 好", flags=("\0 and \ud800",)),
        result("ann", two=0.1, version="chapter-2"),
    ]
    (tmp_path / "sqlite").mkdir()
    sqlite = make_course(tmp_path / "sqlite")
    for place in (course, sqlite):
        record_all(place.folder, results)
    assert content(course.db_url) == content(sqlite.db_url)
    for place in (course, sqlite):
        rows = graded(place)
        assert rows["ann"].scores == results[-1].scores
        odd = rows["cid"].reason, rows["cid"].flags
        assert odd == ("ends with ? and ?, 好", ["\0 and \ud800"]), place.db_url


def record_when_all_are_ready(folder, results, gate):
    with Recorder(Course(folder)) as recorder:
        gate.wait()
        for one in results:
            recorder.record(one)


def test_twenty_workers_lose_no_score(course):
    """Each records three students of its own and three that all of them grade, in two assignments."""
    gate = PROCESSES.Barrier(WORKERS)
    own = {
        (assignment, f"w{worker}-{number}"): result(
            f"w{worker}-{number}", one=worker / WORKERS, two=number / 3, assignment=assignment
        )
        for worker in range(WORKERS)
        for number, assignment in enumerate([FIRST, SECOND, FIRST])
    }
    everybodys = {
        (worker, student): result(
            student,
            one=worker / WORKERS,
            two=worker / WORKERS,
            version=f"from-{worker}",
            assignment=(FIRST, SECOND)[worker % 2],
        )
        for worker in range(WORKERS)
        for student in ("ann", "bob", "cid")
    }

    def work(worker):
        mine = [one for (_, student), one in own.items() if student.startswith(f"w{worker}-")]
        shared = [one for (by, _), one in everybodys.items() if by == worker]
        return [one for pair in zip(shared, mine, strict=True) for one in pair]

    jobs = [(record_when_all_are_ready, course.folder, work(worker), gate) for worker in range(WORKERS)]
    assert run(*jobs) == [0] * WORKERS
    for (assignment, student), one in own.items():
        assert scores(course.db_url, student, assignment) == one.scores
    for assignment in (FIRST, SECOND):
        rows = graded(course, assignment)
        assert rows.keys() == {name for place, name in own if place == assignment} | {"ann", "bob", "cid"}
        for student in ("ann", "bob", "cid"):
            last = int(rows[student].version.removeprefix("from-"))
            assert scores(course.db_url, student, assignment) == everybodys[last, student].scores


def test_graders_take_turns(server, course):
    with someone_else(course, LOCK["postgresql"]):
        waiting = record_once_blocked(server, course, result("ann"))
        assert graded(course) == {}
    waiting.join()
    assert graded(course).keys() == {"ann"}


def test_nbgrader_may_create_the_same_student_at_the_same_moment(server, course):
    with someone_else(course, "INSERT INTO student (id, first_name) VALUES ('ann', 'Ann')"):
        waiting = record_once_blocked(server, course, result("ann"))
    waiting.join()
    assert scores(course.db_url, "ann")["test_one"] == 2.0
    with Gradebook(course.db_url) as gradebook:
        assert gradebook.find_student("ann").first_name == "Ann"


def test_a_mark_that_is_being_given_is_seen(server, course):
    record_all(course.folder, [result("ann")])
    with someone_else(course, "UPDATE grade SET manual_score = 1.5 WHERE auto_score = 2.0"):
        waiting = record_once_blocked(server, course, result("ann", one=0.5))
    waiting.join()
    with Gradebook(course.db_url) as gradebook:
        grade = gradebook.find_grade("test_one", "tiny", FIRST, "ann")
        assert (grade.auto_score, grade.manual_score, grade.needs_manual_grade) == (0.5, 1.5, True)


def test_lateness_is_worked_out_anew_and_only_read_where_that_is_all_we_may(server, course):
    settings = ["c.LateSubmissionPlugin.penalty_method = 'zero'"]
    late = copy_course(course, course.folder.parent / "late", *settings)
    record_all(late.folder, [result("ann", timestamp=datetime(2026, 1, 2))])
    assert renew_penalties(late, None) == []
    with Gradebook(course.db_url) as gradebook:
        gradebook.update_or_create_assignment(FIRST, duedate=datetime(2026, 1, 1))
    url = f"{course.db_url}&options=-cdefault_transaction_read_only%3Don"
    reader = copy_course(late, course.folder.parent / "reader", in_database(url))
    with pytest.raises(CannotWrite, match=r"has changed for ann in 01_tiny, .* read-only transaction"):
        renew_penalties(reader, [FIRST])
    assert [(one.student, one.points) for one in renew_penalties(late, [FIRST])] == [("ann", 5.0)]
    assert renew_penalties(reader, [FIRST]) == []


@pytest.mark.parametrize("steps", [3, 12, 18])
def test_a_killed_grader_leaves_neither_half_a_result_nor_its_lock(course, steps):
    record_all(course.folder, [result("ann")])
    before = content(course.db_url)
    new = result("bob", one=1.0)
    assert run((record_and_die, course.folder, new, steps)) == [-signal.SIGKILL]
    assert content(course.db_url) == before
    record_all(course.folder, [new])
    assert graded(course).keys() == {"ann", "bob"}


def test_a_restart_of_the_server_between_two_results_does_no_harm(server, course):
    with Recorder(course) as recorder:
        recorder.record(result("ann"))
        server.stop()
        server.start()
        recorder.record(result("bob"))
        assert recorder.graded(FIRST).keys() == {"ann", "bob"}


def test_a_server_that_is_down_is_told_and_found_again(server, course):
    with Recorder(course) as recorder:
        recorder.record(result("ann"))
        server.stop()
        try:
            with pytest.raises(GraderError, match=r"the gradebook postgresql.* cannot be used"):
                recorder.record(result("bob"))
            with pytest.raises(GraderError, match=r"the gradebook postgresql.* cannot be used"):
                recorder.graded(FIRST)
        finally:
            server.start()
        recorder.record(result("bob"))
        assert recorder.graded(FIRST).keys() == {"ann", "bob"}


def test_without_postgresql_the_tests_say_what_to_install(monkeypatch):
    monkeypatch.setattr(postgresql.Path, "glob", lambda *_: iter(()))
    with pytest.raises(RuntimeError, match="apt-get install postgresql"):
        postgresql.programs()
