"""course-grader and nbgrader come to the same scores, and work on the same folders and gradebook in turns."""

import shutil
from functools import cache
from pathlib import Path

import pytest

from course_format.cells import is_test
from course_format.chapter import Chapter
from course_grader import grading
from course_grader.course import Course
from tests.nbgrader_course import Course as Clone


@pytest.fixture(scope="module")
def by_course_grader(server, tmp_path_factory):
    """Grades the class of a clone anew, once per chapter, in a folder of its own."""

    @cache
    def graded(clone: Path, chapter: Chapter) -> Clone:
        folder = tmp_path_factory.mktemp("graded")
        for name in ("solutions", "submitted"):
            shutil.copytree(clone / name, folder / name)
        shutil.copy(clone / "nbgrader_config.py", folder)
        with grading.on_this_machine(server, workers=2) as place:
            summary = grading.grade_class(Course(folder), chapter.name, place=place, say=lambda line: None)
        assert (summary.failed, summary.unchanged) == ({}, [])
        return Clone(folder)

    return graded


@pytest.fixture
def graded(nbgraded, chapter, by_course_grader):
    """The class of `nbgraded`, graded by course-grader."""
    return by_course_grader(nbgraded.folder, chapter)


def submitted(clone: Clone) -> list[str]:
    """The students who have handed in."""
    return sorted(path.name for path in (clone.folder / "submitted").iterdir())


def test_every_cell_of_every_student_has_the_score_that_nbgrader_gives(nbgraded, graded, chapter):
    students = submitted(nbgraded)
    assert len(students) >= 4
    for student in students:
        assert graded.scores(student, chapter.name) == nbgraded.scores(student, chapter.name), student


def test_the_class_is_no_class_of_equals(graded, chapter):
    """Otherwise the comparison would say little."""
    earned = [
        sum(s or 0 for s in graded.scores(n, chapter.name).values())
        for n in ("perfect", "known_0", "untouched")
    ]
    assert earned[0] > earned[1] > earned[2] == 0


def test_the_notebooks_show_what_nbgraders_show(nbgraded, graded, chapter):
    """The same records in the same cells, and no error that was not there."""
    for student in {"perfect", "known_0", "known_1", "untouched"}.intersection(submitted(nbgraded)):
        theirs = nbgraded.autograded(student, chapter.name, chapter.stem)
        ours = graded.autograded(student, chapter.name, chapter.stem)
        assert [cell.source for cell in ours.cells] == [cell.source for cell in theirs.cells]
        for cell, other in zip(ours.cells, theirs.cells, strict=True):
            assert shown(cell) == shown(other), cell.source


def shown(cell):
    """What a cell's outputs are, without what differs from run to run (pictures, addresses, traceback)."""
    found = []
    for output in cell.get("outputs", []):
        if output.output_type == "error":
            found.append((output.ename, output.evalue))
        elif "image/png" not in output.get("data", {}) and is_test(cell):
            found.append(
                (output.output_type, output.get("name"), str(output.get("data", {}).get("text/plain")))
            )
    return found
