"""The exercises of a chapter, as its headings name them."""

import nbformat
import pytest

from course_format.cells import is_answer, nbgrader
from course_format.chapter import chapters
from course_format.exercises import exercises, titled

CHAPTERS = chapters()


@pytest.mark.parametrize("chapter", CHAPTERS, ids=[chapter.name for chapter in CHAPTERS])
def test_every_answer_belongs_to_an_exercise_with_a_title_of_its_own(chapter):
    notebook = nbformat.read(chapter.solved, as_version=4)
    found = exercises(notebook)
    answers = [nbgrader(cell)["grade_id"] for cell in notebook.cells if is_answer(cell)]
    assert [exercise.name for exercise in found] == answers
    number = int(chapter.name[:2])
    for place, exercise in enumerate(found, start=1):
        assert exercise.title.startswith(f"Exercise {number}.{place}: ")
        assert "points" not in exercise.title and "&nbsp;" not in exercise.title
    assert sum(exercise.written for exercise in found) == 1


def test_a_sentence_about_a_cell_gets_the_title_of_its_exercise():
    found = exercises(nbformat.read(CHAPTERS[0].solved, as_version=4))
    assert titled("ramp: NameError: x: y", found) == "Exercise 1.1: `ramp`: NameError: x: y"
    assert titled("test_ramp: it was stopped", found) == "Exercise 1.1: `ramp`: it was stopped"
    assert titled("other: it was stopped", found) == "other: it was stopped"
