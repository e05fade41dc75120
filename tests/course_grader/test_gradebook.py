"""What a Result becomes in nbgrader's gradebook: the same rows as nbgrader's own, all of them or none."""

import copy
import itertools
import random
import signal
import sqlite3
import threading
import time
from datetime import datetime, timedelta

import nbformat
import pytest
from nbgrader.api import Gradebook

from course_grader.course import Course, GraderError, put_in_gradebook
from course_grader.gradebook.penalties import CannotWrite, renew_penalties
from course_grader.gradebook.write import Graded, Recorder
from course_grader.job import Job
from tests import nbgrader_course
from tests.course_grader.gradebooks import (
    FIRST,
    PROCESSES,
    SECOND,
    content,
    copy_course,
    make_course,
    record_all,
    record_and_die,
    record_and_tell,
    result,
    run,
    scores,
)

DUE = datetime(2030, 5, 1, 12)
TOO_LATE = DUE + timedelta(days=1)
LATE_IS_ZERO = 'c.LateSubmissionPlugin.penalty_method = "zero"'


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return make_course(tmp_path_factory.mktemp("original"))


@pytest.fixture
def course(original, tmp_path):
    return copy_course(original, tmp_path / "course")


@pytest.fixture
def other(original, tmp_path):
    """A second course like the first."""
    return copy_course(original, tmp_path / "other")


@pytest.fixture
def record(course):
    with Recorder(course) as recorder:
        yield recorder.record


def graded(course, assignment=FIRST):
    with Recorder(course) as recorder:
        return recorder.graded(assignment)


def notebook_of(gradebook, student):
    return gradebook.find_submission_notebook("tiny", FIRST, student)


def set_due(course):
    with Gradebook(course.db_url) as gradebook:
        gradebook.update_or_create_assignment(FIRST, duedate=DUE)


def hand_in_at(course, student, moment):
    folder = course.path("submitted", student, FIRST)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "timestamp.txt").write_text(f"{moment} UTC\n", encoding="utf-8")


# ann is in time and answers everything; bob is late and leaves two answers as they were.
CLASS = (
    result("ann", timestamp=DUE),
    result(
        "bob",
        one=0.0,
        written=0.0,
        unanswered=frozenset({"one", "written"}),
        timestamp=DUE + timedelta(minutes=1),
    ),
)


@pytest.fixture(scope="module")
def late(original, tmp_path_factory):
    """A course with a due date, before anything is graded."""
    course = copy_course(original, tmp_path_factory.mktemp("late") / "course", LATE_IS_ZERO)
    set_due(course)
    hand_in_at(course, "ann", DUE)
    hand_in_at(course, "bob", DUE + timedelta(minutes=1))
    return course


@pytest.fixture(scope="module")
def by_nbgrader(late, tmp_path_factory):
    """The same course: course-grader gave ann other scores, then plain nbgrader graded both."""
    course = copy_course(late, tmp_path_factory.mktemp("by_nbgrader") / "course")
    record_all(course.folder, [result("ann", one=0.0, written=1.0)])
    shell = nbgrader_course.Course(course.folder)
    shell.nbgrader("generate_assignment", FIRST)
    for one in CLASS:
        submission = nbformat.read(course.folder / "notebooks" / FIRST / "tiny.ipynb", as_version=4)
        for name in {"one", "two", "written"} - one.unanswered:
            points = one.scores.get(f"test_{name}")
            nbgrader_course.cell_of(submission, name).source = f"def {name}():\n    return {points}"
        nbformat.write(submission, course.path("submitted", one.student, FIRST) / "tiny.ipynb")
    shell.nbgrader("autograde", FIRST)
    return shell


class TestBesideNbgrader:
    def test_every_table_of_nbgrader_has_the_same_rows(self, late, by_nbgrader, tmp_path):
        course = copy_course(late, tmp_path / "course")
        record_all(course.folder, CLASS)
        expected, found = content(Course(by_nbgrader.folder).db_url), content(course.db_url)
        assert any("No response." in row for row in expected["comment"])
        assert any(row[-1] == "3.0" for row in expected["submitted_notebook"])  # the penalty of bob
        for name in expected.keys() - {Graded.__tablename__}:
            assert found[name] == expected[name]

    def test_grading_again_after_nbgrader_changes_no_row_of_its_own(self, by_nbgrader, tmp_path):
        course = copy_course(Course(by_nbgrader.folder), tmp_path / "course")
        expected = content(course.db_url)
        record_all(course.folder, CLASS)
        found = content(course.db_url)
        assert found.pop(Graded.__tablename__) != expected.pop(Graded.__tablename__)
        assert found == expected

    def test_a_row_is_not_trusted_after_nbgrader_graded(self, by_nbgrader):
        assert graded(Course(by_nbgrader.folder)) == {}

    def test_nbgraders_own_commands_do_not_mind_our_table(self, by_nbgrader):
        by_nbgrader.nbgrader("db", "upgrade")
        by_nbgrader.nbgrader("export")
        assert "bob" in (by_nbgrader.folder / "grades.csv").read_text(encoding="utf-8")


class TestScores:
    def test_scores_and_nothing_else_by_default(self, course, record):
        record(result("ann", one=0.25, written=None))
        assert scores(course.db_url, "ann") == {"test_one": 0.25, "test_two": 3.0, "written": None}
        with Gradebook(course.db_url) as gradebook:
            grades = notebook_of(gradebook, "ann").grades
            assert {(grade.manual_score, grade.extra_credit) for grade in grades} == {(None, None)}

    def test_what_people_wrote_stays(self, course, record):
        record(result("ann", one=0.0, unanswered=frozenset({"written"})))
        with Gradebook(course.db_url) as gradebook:
            notebook = notebook_of(gradebook, "ann")
            grade = next(grade for grade in notebook.grades if grade.name == "test_one")
            grade.manual_score, grade.extra_credit = 1.5, 0.5
            comment = next(comment for comment in notebook.comments if comment.name == "written")
            comment.manual_comment = "well said"
            notebook.flagged = True
            gradebook.db.commit()
        record(result("ann"))
        with Gradebook(course.db_url) as gradebook:
            notebook = notebook_of(gradebook, "ann")
            grade = next(grade for grade in notebook.grades if grade.name == "test_one")
            comment = next(comment for comment in notebook.comments if comment.name == "written")
            assert (grade.auto_score, grade.manual_score, grade.extra_credit) == (2.0, 1.5, 0.5)
            assert (comment.auto_comment, comment.manual_comment) == (None, "well said")
            assert notebook.flagged

    @pytest.mark.parametrize(
        ("auto", "manual", "needs"),
        [(2.0, None, False), (0.0, None, False), (None, None, True), (2.0, 1.0, True), (None, 1.0, True)],
    )
    def test_who_needs_a_person(self, course, record, auto, manual, needs):
        record(result("ann", one=1.0))
        with Gradebook(course.db_url) as gradebook:
            grade = gradebook.find_grade("test_one", "tiny", FIRST, "ann")
            grade.manual_score, grade.needs_manual_grade = manual, not needs
            gradebook.db.commit()
        record(result("ann", one=auto))
        with Gradebook(course.db_url) as gradebook:
            assert gradebook.find_grade("test_one", "tiny", FIRST, "ann").needs_manual_grade == needs

    def test_no_response_comes_and_goes(self, course, record):
        def comments():
            with Gradebook(course.db_url) as gradebook:
                return {c.name: c.auto_comment for c in notebook_of(gradebook, "ann").comments}

        record(result("ann", unanswered=frozenset({"one"})))
        assert comments() == {"one": "No response.", "two": None, "written": None}
        record(result("ann", unanswered=frozenset({"two"})))
        assert comments() == {"one": None, "two": "No response.", "written": None}

    def test_an_unknown_student_is_created(self, course, record):
        record(result("ann"))
        with Gradebook(course.db_url) as gradebook:
            assert [student.id for student in gradebook.students] == ["ann"]

    def test_unless_nbgrader_was_told_not_to(self, original, tmp_path):
        course = copy_course(original, tmp_path / "course", "c.Autograde.create_student = False")
        before = content(course.db_url)
        with Recorder(course) as recorder, pytest.raises(GraderError, match="nbgrader db student add ann"):
            recorder.record(result("ann"))
        assert content(course.db_url) == before


class TestLate:
    @pytest.fixture
    def course(self, original, tmp_path):
        course = copy_course(original, tmp_path / "course", LATE_IS_ZERO)
        set_due(course)
        return course

    def penalty(self, course):
        with Gradebook(course.db_url) as gradebook:
            return notebook_of(gradebook, "ann").late_submission_penalty

    def test_the_plugin_sets_the_penalty_and_a_manual_mark_counts(self, course, record):
        record(result("ann", one=1.0, timestamp=TOO_LATE))
        assert self.penalty(course) == 4.0
        with Gradebook(course.db_url) as gradebook:
            gradebook.find_grade("test_one", "tiny", FIRST, "ann").manual_score = 2.0
            gradebook.db.commit()
        record(result("ann", one=1.0, timestamp=TOO_LATE))
        assert self.penalty(course) == 5.0

    def test_an_extension_takes_the_penalty_back(self, course, record):
        record(result("ann", timestamp=TOO_LATE))
        extend(course)
        record(result("ann", timestamp=TOO_LATE))
        assert self.penalty(course) is None

    def test_without_a_timestamp_the_one_in_the_gradebook_stays(self, course, record):
        record(result("ann", timestamp=TOO_LATE))
        record(result("ann"))
        assert self.penalty(course) == 5.0

    def test_an_extension_without_a_due_date_is_no_delay(self, course, record):
        record(result("ann", timestamp=DUE))
        extend(course)
        with Gradebook(course.db_url) as gradebook:
            gradebook.find_assignment(FIRST).duedate = None
            gradebook.db.commit()
        record(result("ann", timestamp=DUE))
        assert self.penalty(course) is None


def extend(course):
    with Gradebook(course.db_url) as gradebook:
        gradebook.grant_extension(FIRST, "ann", days=1)


class TestRenewedPenalties:
    """What may change after a submission was graded, and needs no second run."""

    @pytest.fixture
    def course(self, original, tmp_path):
        course = copy_course(original, tmp_path / "course", LATE_IS_ZERO)
        set_due(course)
        with Recorder(course) as recorder:
            recorder.record(result("ann", timestamp=TOO_LATE))
            recorder.record(result("bob", timestamp=DUE))
        return course

    def renewed(self, course, assignments=(FIRST,)):
        found = renew_penalties(Course(course.folder), assignments)
        return {one.student: one.points for one in found}

    def test_nothing_happens_while_nothing_changes(self, course):
        assert self.renewed(course) == {}

    def test_an_extension_takes_the_penalty_back(self, course):
        extend(course)
        assert self.renewed(course) == {"ann": 0.0}
        assert self.renewed(course) == {}

    @pytest.mark.parametrize(
        ("due", "changed"),
        [(DUE - timedelta(hours=1), {"bob": 5.0}), (TOO_LATE, {"ann": 0.0}), (None, {"ann": 0.0})],
    )
    def test_another_due_date_counts(self, course, due, changed):
        with Gradebook(course.db_url) as gradebook:
            gradebook.find_assignment(FIRST).duedate = due
            gradebook.db.commit()
        assert self.renewed(course) == changed

    def test_points_by_people_count_and_do_not_wait_once_more(self, course):
        with Gradebook(course.db_url) as gradebook:
            for student in ("ann", "bob"):
                written = gradebook.find_grade("written", "tiny", FIRST, student)
                written.manual_score, written.needs_manual_grade = 2.0, False
            gradebook.db.commit()
        assert self.renewed(course) == {"ann": 7.0}
        with Gradebook(course.db_url) as gradebook:
            assert not gradebook.find_grade("written", "tiny", FIRST, "ann").needs_manual_grade

    def test_another_policy_counts(self, course):
        with open(course.folder / "nbgrader_config.py", "a", encoding="utf-8") as config:
            config.write("\nc.LateSubmissionPlugin.penalty_method = 'none'\n")
        assert self.renewed(course) == {"ann": 0.0}

    def test_only_the_wanted_assignments_are_renewed_and_told(self, course):
        extend(course)
        assert self.renewed(course, [SECOND]) == {}
        assert [one.assignment for one in renew_penalties(course, None)] == [FIRST]

    def test_a_gradebook_that_is_only_read_is_an_error_only_if_something_has_changed(self, course):
        file = course.folder / "gradebook.db"
        url = f"sqlite:///file:{file}?mode=ro&uri=true"
        with open(course.folder / "nbgrader_config.py", "a", encoding="utf-8") as config:
            config.write(f"\nc.CourseDirectory.db_url = {url!r}\n")
        assert self.renewed(course) == {}
        extend(course)
        before = file.read_bytes()
        changed = "has changed for ann in 01_tiny, and stays as it was .* readonly database"
        with pytest.raises(CannotWrite, match=changed):
            self.renewed(course)
        assert file.read_bytes() == before

    def test_nobody_is_waited_for_while_nothing_changes(self, course):
        with sqlite3.connect(course.folder / "gradebook.db") as somebody:
            somebody.execute("BEGIN IMMEDIATE")
            assert self.renewed(course) == {}
        somebody.close()


class TestOurRow:
    def test_nothing_is_graded_before_the_first_result(self, course):
        assert graded(course) == {}

    def test_it_says_what_was_graded(self, course, record):
        record(result("ann", written=None, reason="it broke off", flags=("patched check",), seconds=1.5))
        row = graded(course)["ann"]
        assert (row.version, row.digest) == ("chapter-1", "files-1")
        assert (row.reason, row.flags, row.seconds) == ("it broke off", ["patched check"], 1.5)
        assert row.scores == {"test_one": 2.0, "test_two": 3.0, "written": None}

    def test_regrading_renews_it(self, course, record):
        record(result("ann", reason="it broke off", flags=("patched check",)))
        record(result("ann", version="chapter-2", digest="files-2"))
        row = graded(course)["ann"]
        assert (row.version, row.digest, row.reason, row.flags) == ("chapter-2", "files-2", "", [])

    def test_each_assignment_has_its_own(self, course, record):
        record(result("ann"))
        record(result("bob", assignment=SECOND))
        assert (graded(course).keys(), graded(course, SECOND).keys()) == ({"ann"}, {"bob"})

    @pytest.mark.parametrize(
        ("changes", "same"),
        [
            ({}, True),
            ({"version": "chapter-2"}, False),
            ({"files": {}}, False),
            ({"timestamp": DUE}, False),
        ],
    )
    def test_it_answers_the_same_work_only(self, course, record, changes, same):
        fields = {"assignment": FIRST, "student": "ann", "name": "tiny", "chapter": "{}"}
        fields |= {"version": "chapter-1", "files": {"tiny.ipynb": b"{}"}}
        record(result("ann", digest=Job(**fields).digest))
        assert graded(course)["ann"].answers(Job(**fields | changes)) == same

    def test_it_is_not_trusted_when_the_score_is_another(self, course, record):
        record(result("ann"))
        record(result("bob"))
        with Gradebook(course.db_url) as gradebook:
            gradebook.find_grade("test_two", "tiny", FIRST, "ann").auto_score = 2.5
            gradebook.db.commit()
        assert graded(course).keys() == {"bob"}

    def test_it_is_trusted_when_a_person_marked(self, course, record):
        record(result("ann"))
        with Gradebook(course.db_url) as gradebook:
            gradebook.find_grade("written", "tiny", FIRST, "ann").manual_score = 3.0
            gradebook.db.commit()
        assert graded(course).keys() == {"ann"}

    def test_it_is_not_trusted_when_the_submission_was_removed(self, course, record):
        record(result("ann"))
        with Gradebook(course.db_url) as gradebook:
            gradebook.remove_submission(FIRST, "ann")
        assert graded(course) == {}


class TestErrors:
    def test_no_gradebook(self, course):
        (course.folder / "gradebook.db").unlink()
        with pytest.raises(GraderError, match=r"there is no gradebook .*generate_assignment"):
            Recorder(course)
        assert not (course.folder / "gradebook.db").exists()

    def test_an_empty_gradebook(self, course, record):
        (course.folder / "gradebook.db").write_bytes(b"")
        with pytest.raises(GraderError, match=f"{FIRST} is not in the gradebook"):
            record(result("ann"))

    def test_an_unknown_assignment(self, course, record):
        record(result("ann"))
        before = content(course.db_url)
        with pytest.raises(GraderError, match="03_tiny is not in the gradebook: run"):
            record(result("bob", assignment="03_tiny"))
        assert content(course.db_url) == before

    @pytest.mark.parametrize(
        "changes", [{"scores": {"test_one": 2.0}}, {"name": "other"}, {"scores": {"test_three": 1.0}}]
    )
    def test_another_chapter_than_the_gradebook_knows(self, course, record, changes):
        record(result("ann"))
        before = content(course.db_url)
        with pytest.raises(GraderError, match="other exercises in the gradebook"):
            record(result("bob", **changes))
        assert content(course.db_url) == before

    def test_a_gradebook_that_cannot_be_written_to(self, course):
        url = f"sqlite:///file:{course.folder / 'gradebook.db'}?mode=ro&uri=true"
        read_only = copy_course(course, course.folder / "read_only", f"c.CourseDirectory.db_url = {url!r}")
        with Recorder(read_only) as recorder, pytest.raises(GraderError, match="readonly database"):
            recorder.record(result("ann"))

    @pytest.mark.parametrize(
        ("url", "said"),
        [
            ("mysql://me:secret@host/x", "course-grader works with sqlite or postgresql"),
            ("postgresql+nothing://me:secret@host/x", "the driver of the gradebook .* is not installed"),
            ("me:secret", "db_url in nbgrader_config.py is no address"),
        ],
    )
    def test_a_database_that_the_grader_does_not_know(self, course, url, said):
        odd = copy_course(course, course.folder / "odd", f"c.CourseDirectory.db_url = {url!r}")
        with pytest.raises(GraderError, match=said) as error:
            Recorder(odd)
        assert "secret" not in str(error.value)

    def test_a_file_that_is_no_database(self, course, record):
        (course.folder / "gradebook.db").write_text("not a database" * 100, encoding="utf-8")
        with pytest.raises(GraderError, match="file is not a database"):
            record(result("ann"))


class TestTogether:
    @pytest.mark.parametrize(
        ("assignment", "letter"),
        [(FIRST, "b"), (SECOND, "a")],
        ids=["one assignment", "the same students in another assignment"],
    )
    def test_two_processes_lose_nothing(self, course, other, assignment, letter):
        mine = [result(f"a{number}", one=number / 30) for number in range(30)]
        theirs = [result(f"{letter}{number}", two=number / 30, assignment=assignment) for number in range(30)]
        assert run((record_all, course.folder, mine), (record_all, course.folder, theirs)) == [0, 0]
        record_all(other.folder, mine + theirs)
        assert content(course.db_url) == content(other.db_url)

    def test_it_waits_for_another_writer(self, course, record):
        writer = sqlite3.connect(course.folder / "gradebook.db", isolation_level=None)
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO student (id) VALUES ('ann')")
        waiting = threading.Thread(target=record, args=(result("ann"),))
        waiting.start()
        waiting.join(0.2)
        assert waiting.is_alive()
        writer.execute("COMMIT")
        waiting.join()
        writer.close()
        assert scores(course.db_url, "ann")["test_one"] == 2.0

    def test_it_leaves_the_gradebook_free_between_results(self, course, record):
        record(result("ann"))
        graded(course)
        writer = sqlite3.connect(course.folder / "gradebook.db", isolation_level=None, timeout=0)
        writer.execute("BEGIN EXCLUSIVE")
        writer.execute("ROLLBACK")
        writer.close()


class TestKilled:
    @pytest.mark.parametrize("known", [False, True], ids=["new", "regraded"])
    def test_before_any_statement_it_changes_nothing(self, course, other, known):
        new = result("ann", one=1.0, written=0.0, unanswered=frozenset({"two"}), version="chapter-2")
        for place in (course, other):
            record_all(place.folder, [result("ann")] if known else [])
        before = content(course.db_url)
        record_all(other.folder, [new])
        for steps in itertools.count():
            (code,) = run((record_and_die, course.folder, new, steps))
            if code == 0:
                break
            assert code == -signal.SIGKILL
            assert content(course.db_url) == before, f"killed before step {steps}"
        assert steps > 10
        assert content(course.db_url) == content(other.db_url) != before

    def test_at_any_moment_and_run_again_it_ends_as_if_nothing_had_happened(self, course, other):
        chance = random.Random(0)
        results = [result(f"s{number}", one=number / 50) for number in range(50)]
        for _ in range(8):
            left = [one for one in results if one.student not in graded(course)]
            heard, told = PROCESSES.Pipe(duplex=False)
            child = PROCESSES.Process(target=record_and_tell, args=(course.folder, left, told))
            child.start()
            told.close()  # so that a child that ends early is an error here, and no endless wait
            for _ in range(chance.randint(1, 5)):
                heard.recv()
            time.sleep(chance.uniform(0, 0.008))
            child.kill()
            child.join()
            assert child.exitcode == -signal.SIGKILL
        left = [one for one in results if one.student not in graded(course)]
        assert 0 < len(left) < 50
        record_all(course.folder, left)
        record_all(other.folder, results)
        assert content(course.db_url) == content(other.db_url)


def test_a_repaired_chapter_keeps_marks_and_scores(course, record):
    record(result("ann"))
    with Gradebook(course.db_url) as gradebook:
        gradebook.find_grade("written", "tiny", FIRST, "ann").manual_score = 3.0
        gradebook.db.commit()
    source = course.folder / "solutions" / FIRST / "tiny.ipynb"
    chapter = nbformat.read(source, as_version=4)
    nbgrader_course.cell_of(chapter, "test_one").source = "one() / 2"
    nbformat.write(chapter, source)
    put_in_gradebook(course, FIRST)
    record(result("ann", one=1.0, version="chapter-2"))
    with Gradebook(course.db_url) as gradebook:
        assert notebook_of(gradebook, "ann").score == 1.0 + 3.0 + 3.0


def test_taking_a_chapter_in_leaves_the_settings_as_they_were(course):
    before = copy.deepcopy(course.config)
    put_in_gradebook(course, FIRST)
    assert course.config == before
