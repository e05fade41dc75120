"""Scores as CSV files."""

import contextlib
import csv
import os
import sqlite3
from datetime import datetime

import pytest
from nbgrader.api import Gradebook
from nbgrader.plugins.export import CsvExportPlugin

from course_grader.course import Course, GraderError
from course_grader.pages.export import export
from course_grader.pages.feedback import write_feedback
from course_grader.pages.report import write_report
from tests.course_grader.classes import graded_class, record, small_chapter

NAME, OTHER = "01_sums", "02_more"


@pytest.fixture
def class_(tmp_path):
    """Two graded students and one who handed in nothing; two assignments, of which nobody did the second."""
    made = graded_class(tmp_path, NAME, small_chapter())
    made.add(
        "ann",
        outputs={"test_add": [record("adds", 1.5)]},
        manual={"why": 0.5},
        penalty=0.25,
        first_name="Ann",
        last_name="Young",
        email="ann@example.org",
    )
    doubled = {"test_twice": [record("doubles", 3)]}
    made.add("bob", outputs=doubled, penalty=5, first_name="李", last_name="雷")
    with made.gradebook() as gradebook:
        gradebook.add_assignment(OTHER, duedate="2026-03-01", course_id="deep_learning")
        gradebook.add_notebook("more", OTHER)
        gradebook.add_grade_cell("test_x", "more", OTHER, max_score=3, cell_type="code")
        gradebook.add_student("zoe")
        gradebook.find_submission(NAME, "ann").timestamp = datetime(2026, 2, 3, 4, 5, 6)
        gradebook.db.commit()
    return made


def rows(class_, form, **options):
    path = class_.course.folder / "scores.csv"
    assert export(class_.course, form, path, **options) is None
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_nbgraders_form_is_nbgraders_file(class_):
    ours, theirs = class_.course.folder / "ours.csv", class_.course.folder / "theirs.csv"
    export(class_.course, "nbgrader", ours)
    plugin = CsvExportPlugin(to=str(theirs))
    with Gradebook(class_.course.db_url, "deep_learning") as gradebook:
        plugin.export(gradebook)
    assert ours.read_bytes() == theirs.read_bytes()
    assert "2.0,0.25,1.75,7.0" in ours.read_text(encoding="utf-8")
    assert "雷,李" in ours.read_text(encoding="utf-8")


def test_nbgraders_form_of_one_assignment(class_):
    found = rows(class_, "nbgrader", assignments=[OTHER])
    assert [row[0] for row in found[1:]] == [OTHER] * 3
    assert {row[9] for row in found[1:]} == {"0.0"}


def test_canvas(class_):
    assert rows(class_, "canvas") == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", NAME, OTHER],
        ["    Points Possible", "", "", "", "", "7.0", "3.0"],
        ["zoe", "", "", "zoe", "", "", ""],
        ["Young, Ann", "", "", "ann", "", "1.75", ""],
        ["雷, 李", "", "", "bob", "", "0.0", ""],
    ]


def test_moodle(class_):
    assert rows(class_, "moodle", assignments=[NAME]) == [
        ["First name", "Last name", "ID number", "Email address", NAME],
        ["", "", "zoe", "", ""],
        ["Ann", "Young", "ann", "ann@example.org", "1.75"],
        ["李", "雷", "bob", "", "0.0"],
    ]


@pytest.mark.parametrize("form", ["nbgrader", "canvas", "moodle"])
def test_commas_quotes_and_line_ends_in_names(class_, form):
    class_.add("odd", first_name='Jo "J", Jr.\nthe 2nd', last_name="O'Neil, van")
    found = rows(class_, form)
    assert len({len(row) for row in found}) == 1
    assert any("O'Neil, van" in cell for row in found for cell in row)


@pytest.mark.parametrize("form", ["nbgrader", "canvas", "moodle"])
def test_no_text_of_a_student_is_a_formula(class_, form):
    formulas = [f"{start}HYPERLINK(1)" for start in ("=", "+", "-", "@", "\t", "＝")]
    for formula in formulas:
        class_.add(formula, first_name=formula, last_name=formula, email=formula)
    cells = [cell for row in rows(class_, form) for cell in row]
    for formula in formulas:
        assert sum(cell.startswith(f"'{formula}") for cell in cells) >= 2
    assert not any(cell.startswith(tuple(formulas)) for cell in cells)


def test_numbers_stay_numbers(class_):
    with class_.gradebook() as gradebook:
        gradebook.find_grade("why", "sums", NAME, "ann").manual_score = -5
        gradebook.db.commit()
    ann = next(row for row in rows(class_, "nbgrader", assignments=[NAME]) if row[3] == "ann")
    assert ann[7:10] == ["-3.5", "0.25", "0.0"]


def test_written_as_a_whole_into_a_new_folder(class_):
    path = class_.course.folder / "new" / "scores.csv"
    export(class_.course, "canvas", path)
    export(class_.course, "canvas", path)
    assert os.listdir(path.parent) == ["scores.csv"]


def test_an_unknown_assignment_or_form(class_):
    with pytest.raises(GraderError, match="no assignment '03_no' in the gradebook: it has 01_sums, 02"):
        rows(class_, "canvas", assignments=[NAME, "03_no"])
    with pytest.raises(GraderError, match="choose nbgrader, canvas, moodle"):
        rows(class_, "excel")
    assert not (class_.course.folder / "scores.csv").exists()


def test_no_gradebook(class_):
    (class_.course.folder / "gradebook.db").unlink()
    with pytest.raises(GraderError, match="there is no gradebook"):
        export(Course(class_.course.folder), "canvas", class_.course.folder / "scores.csv")
    assert not (class_.course.folder / "gradebook.db").exists()


def _damage(path):
    path.write_bytes(b"this is no database " * 100)


def _empty_a_table(path):
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("DROP TABLE grade")
        database.commit()


@pytest.mark.parametrize("harm", [_damage, _empty_a_table])
@pytest.mark.parametrize(
    "read",
    [
        lambda course: export(course, "canvas", course.folder / "scores.csv"),
        lambda course: write_feedback(course, NAME),
        lambda course: write_report(course, NAME),
    ],
    ids=["export", "feedback", "report"],
)
def test_a_damaged_gradebook_is_told_in_a_sentence(class_, harm, read):
    harm(class_.course.folder / "gradebook.db")
    with pytest.raises(GraderError, match=r"the gradebook \S+ cannot be used \(.+\): see that it can be"):
        read(Course(class_.course.folder))
