"""A dry run of handing out a chapter: what students will get, and whether it may go out."""

import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course_builder.build import release
from course_format.cells import MARKER, hours, is_answer, is_test, is_written, nbgrader
from course_format.chapter import BUILT, Chapter, points
from course_grader.course import Course, read_chapter
from course_grader.job import GraderError
from course_grader.pages.leaks import secrets_of

# ### Exercise 1.1: `ramp` &nbsp; (2 points, about 5 minutes, ★☆☆)
HEADING = re.compile(r"^### (Exercise .+?) *(?:&nbsp;)? *\((.+)\)$", re.MULTILINE)


@dataclass(frozen=True)
class Preview:
    """What students get of a chapter. files: name -> content, of the folder that is handed out."""

    name: str
    folder: Path
    notebook: NotebookNode
    files: dict[str, bytes]

    def lines(self) -> Iterator[str]:
        """The preview, to be read."""
        about, minutes = self.notebook.metadata["course"], self.notebook.metadata[BUILT]["minutes"]
        graded = [cell for cell in self.notebook.cells if nbgrader(cell).get("points")]
        by_hand = sum(nbgrader(cell)["points"] for cell in graded if is_written(cell))
        needed = ", ".join(about["prerequisites"])
        yield f"{self.name}: {about['title']}, about {hours(minutes)}; needs {needed}"
        yield f"{points(self.notebook):g} points, {by_hand:g} of them marked by hand"
        for cell in self.notebook.cells:
            if cell.cell_type == "markdown":
                yield from (f"  {name} ({said})" for name, said in HEADING.findall(cell.source))
        yield "students get"
        yield from (f"  {name}, {len(content) / 1000:.0f} kB" for name, content in self.files.items())
        answers = [cell for cell in self.notebook.cells if is_answer(cell)]
        tests = [cell for cell in self.notebook.cells if is_test(cell)]
        yield f"  {len(self.notebook.cells)} cells: {len(answers)} to answer, {len(tests)} with checks"


def preview(course: Course, assignment: str) -> Preview:
    """Look at the release of a chapter in notebooks/ as students will get it. Nothing is written.

    Raises CourseError if it is not built, is not what its source gives today, or shows a part of a solution,
    of a hidden test or of a model answer.
    """
    chapter = course.chapter(assignment)
    secrets = secrets_of(read_chapter(chapter))
    folder = Path(course.directory.format_path(course.directory.release_directory, ".", assignment))
    shown, files, name = folder.relative_to(course.folder), _files(folder), chapter.solved.name
    if name not in files:
        raise GraderError(f"there is no {shown / name}: run `make build` first")
    changed = _changed(chapter, files)
    if changed:
        raise GraderError(
            f"{shown / changed[0]} is not what {chapter.name} gives today: run `make build`, "
            f"and move what was changed by hand to its source"
        )
    released = nbformat.reads(files[name].decode(), as_version=4)
    for cell in released.cells:
        if secrets.shown_in(cell.source) or any(MARKER.match(line) for line in cell.source.splitlines()):
            first = cell.source.strip().split("\n")[0]
            raise GraderError(
                f"{shown / name} shows a part of a solution or of a hidden test, in the cell "
                f"that begins with {first!r}: do not hand it out, see whether its source has all its markers"
            )
    return Preview(assignment, folder, released, files)


def _changed(chapter: Chapter, files: dict[str, bytes]) -> list[str]:
    """The files that are not what the chapter gives when it is released once more, elsewhere."""
    with tempfile.TemporaryDirectory() as elsewhere:
        (folder,) = release([chapter], Path(elsewhere))
        fresh = _files(folder)
    return sorted(name for name in fresh.keys() | files.keys() if fresh.get(name) != files.get(name))


def _files(folder: Path) -> dict[str, bytes]:
    """Name -> content of what would be handed out of a folder."""
    hidden = {".ipynb_checkpoints", "__pycache__"}
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and hidden.isdisjoint(path.parts))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
