"""The course folder of an instructor: nbgrader's settings, its folders, and the chapter of an assignment."""

import copy
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config
from traitlets.config.loader import ConfigFileNotFound, PyFileConfigLoader

from course_builder.generate import find_alembic, generate_assignment
from course_format.chapter import Chapter, find_chapter, fingerprint
from course_grader.job import GraderError


@dataclass(frozen=True)
class Course:
    """A folder with nbgrader_config.py and the submissions of a class."""

    folder: Path

    @cached_property
    def config(self) -> Config:
        """nbgrader's settings, as `nbgrader` itself would read them in this folder."""
        try:
            config = PyFileConfigLoader("nbgrader_config.py", path=str(self.folder)).load_config()
        except ConfigFileNotFound:
            raise GraderError(
                "there is no nbgrader_config.py here: run course-grader in the course's top folder"
            ) from None
        except SystemExit as stop:  # by the course's own settings
            raise GraderError(str(stop)) from None
        config.CourseDirectory.root = str(self.folder)
        return config

    @cached_property
    def directory(self) -> CourseDirectory:
        """nbgrader's own view of the folders."""
        return CourseDirectory(config=self.config)

    @property
    def db_url(self) -> str:
        """Where the gradebook is: SQLite in this folder unless nbgrader_config.py says otherwise."""
        return self.directory.db_url

    def path(self, step: str, student: str, assignment: str) -> Path:
        """The folder of one submission in one of nbgrader's steps: submitted, autograded or feedback."""
        return Path(
            self.directory.format_path(getattr(self.directory, f"{step}_directory"), student, assignment)
        )

    def chapter(self, assignment: str) -> Chapter:
        """The chapter that is the source of an assignment. Raises ChapterError if there is none."""
        folder = Path(self.directory.format_path(self.directory.source_directory, ".", assignment))
        return find_chapter(assignment, folder.parent)

    def students(self, assignment: str) -> list[str]:
        """Everyone who handed in something for this assignment, in order."""
        return sorted(folder.parts[at] for at, folder in self._submitted(assignment))

    def handed_in(self) -> list[str]:
        """The names of all that was handed in, in order, whether or not there are such chapters.

        Raises GraderError if that is nothing. Names with a dot are others': of `collect`, of JupyterLab.
        """
        found = {folder.parts[at + 1] for at, folder in self._submitted("*")}
        found = sorted(name for name in found if "." not in name)
        if not found:
            raise GraderError(f"nobody has handed in anything to {self.directory.submitted_directory}/")
        return found

    def _submitted(self, assignment: str) -> Iterator[tuple[int, Path]]:
        """The paths of submissions, each with the place of the student's id among its parts."""
        submitted = self.directory.submitted_directory
        at = len(Path(self.directory.format_path(submitted, ".", ".")).parts)
        pattern = Path(self.directory.format_path(submitted, "*", assignment))
        root = Path(self.directory.root)
        return ((at, path) for path in root.glob(str(pattern.relative_to(root))))

    def misplaced(self) -> list[Path]:
        """Notebooks in submitted/ that are in no assignment's folder, so that nobody would look at them."""
        top = self.folder / self.directory.submitted_directory
        return sorted(path for pattern in ("*.ipynb", "*/*.ipynb") for path in top.glob(pattern))


def read_chapter(chapter: Chapter) -> NotebookNode:
    """The solved notebook of a chapter, which must be what its text describes.

    Raises GraderError if the text was changed and not built.
    """
    notebook = nbformat.read(chapter.solved, as_version=4)
    if chapter.text.exists() and fingerprint(chapter.read()) != fingerprint(notebook):
        raise GraderError(f"{chapter.solved.name} is older than {chapter.text.name}: run `make build` first")
    return notebook


def put_in_gradebook(course: Course, assignment: str) -> None:
    """Bring an assignment into the gradebook, or up to date there, as `nbgrader generate_assignment` does.

    Manual marks stay. Raises GraderError where nbgrader refuses.
    """
    config = copy.deepcopy(course.config)
    with tempfile.TemporaryDirectory() as release:
        config.CourseDirectory.release_directory = release
        try:
            generate_assignment(config, assignment, log_level="CRITICAL")
        except Exception as error:
            raise GraderError(f"nbgrader cannot take {assignment} into the gradebook: {error}") from error


def open_gradebook(course: Course) -> Gradebook:
    """The gradebook, for a `with` statement; an empty one is made if there is none."""
    find_alembic()
    return Gradebook(course.db_url, course.directory.course_id)
