"""A dry run of handing out a chapter: what is told of it, and what may not go out."""

import shutil

import nbformat
import pytest

from course_format.chapter import NOTEBOOKS, ROOT, SOLUTIONS, ChapterError, chapters
from course_grader.__main__ import main
from course_grader.course import Course
from course_grader.job import GraderError
from course_grader.preview import preview
from tests.nbgrader_course import cell_of

FIRST = chapters()[0]


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    """A course folder with the first chapter, without its text: the build need not be current here."""
    folder = tmp_path_factory.mktemp("course")
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    shutil.copytree(SOLUTIONS / FIRST.name, folder / "solutions" / FIRST.name)
    shutil.copytree(NOTEBOOKS / FIRST.name, folder / "notebooks" / FIRST.name)
    (source(Course(folder)) / FIRST.text.name).unlink()
    return folder


@pytest.fixture
def course(pristine, tmp_path) -> Course:
    shutil.copytree(pristine, tmp_path / "course")
    return Course(tmp_path / "course")


def source(course):
    return course.folder / "solutions" / FIRST.name


def files(course) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in course.folder.rglob("*") if path.is_file()}


def test_it_tells_what_students_get_and_writes_nothing(course, monkeypatch, capsys):
    monkeypatch.chdir(course.folder)
    before = files(course)
    assert main(["preview", FIRST.name]) == 0
    said = capsys.readouterr().out
    assert said.startswith("01_tensors: Tensors, about 4.5 hours; needs Python\n36 points, 2 of them")
    assert "  Exercise 1.1: `ramp` (2 points, about 5 minutes, ★☆☆)\n" in said
    assert "marked by your instructor)\nstudents get\n  tensors.ipynb, " in said
    assert "13 to answer, 12 with checks\nready to hand out:" in said
    assert files(course) == before


def test_a_chapter_that_is_unknown_or_not_built(course):
    with pytest.raises(ChapterError, match="there is no chapter '99_no' in solutions/"):
        preview(course, "99_no")
    shutil.rmtree(course.folder / "notebooks")
    with pytest.raises(
        GraderError, match=r"there is no notebooks/01_tensors/tensors\.ipynb: run `make build`"
    ):
        preview(course, FIRST.name)


def test_a_release_that_was_changed_by_hand(course):
    path = course.folder / "notebooks" / FIRST.name / FIRST.solved.name
    path.write_text(path.read_text(encoding="utf-8").replace("ankle boots", "boots"), encoding="utf-8")
    with pytest.raises(
        GraderError, match=r"notebooks/01_tensors/tensors\.ipynb is not what 01_tensors gives"
    ):
        preview(course, FIRST.name)


def test_a_file_that_the_source_does_not_have(course):
    (course.folder / "notebooks" / FIRST.name / "answers.txt").write_text("A solution.")
    with pytest.raises(
        GraderError, match=r"answers\.txt is not what 01_tensors gives today: run `make build`"
    ):
        preview(course, FIRST.name)


@pytest.mark.parametrize("grade_id", ["outer", "test_outer", "written_broadcasting"])
def test_a_solution_that_would_go_out(course, monkeypatch, grade_id):
    """A step that nbgrader_config.py has lost leaves it in the release, today as when it was built."""
    folder = course.folder / "notebooks" / FIRST.name
    monkeypatch.setattr("course_grader.preview.release", lambda found, elsewhere: [folder])
    released, solved = (nbformat.read(at / FIRST.solved.name, 4) for at in (folder, source(course)))
    cell_of(released, grade_id).source = cell_of(solved, grade_id).source.replace("###", "#")
    nbformat.write(released, folder / FIRST.solved.name)
    with pytest.raises(GraderError, match="shows a part of a solution or of a hidden test, in the cell that"):
        preview(course, FIRST.name)
