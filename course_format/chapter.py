"""A chapter: where its files are, and the notebook that its text source describes."""

import ast
import hashlib
import json
import math
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

from course_format import CourseError, cells, rules
from course_format.cells import TEST, WRITTEN, is_answer, is_test, nbgrader
from course_format.text import Problem, scan

ROOT = Path(__file__).parents[1]
SOLUTIONS, NOTEBOOKS = ROOT / "solutions", ROOT / "notebooks"
KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
BUILT = "course_build"  # metadata that the build adds to a notebook: "minutes", and "source", a fingerprint

WORDS_PER_MINUTE = 120
UNHURRIED = 1.3  # how much longer a student takes than the sum of the parts
TIME = re.compile(r"(\*\*Time:\*\*) .+?\. (?=\*\*You need:\*\*)", re.DOTALL)
POINTS = re.compile(r"(\*\*Points:\*\*) \S+")
FOLDED = re.compile(r"<details>.*?</details>", re.DOTALL)


class ChapterError(CourseError):
    """A chapter breaks one of the rules; the message says which and what to do."""


@dataclass(frozen=True)
class Chapter:
    """One chapter of the course, named by its folder, such as 01_tensors."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def stem(self) -> str:
        return self.name.split("_", 1)[1]

    @property
    def text(self) -> Path:
        """The one file that people edit."""
        return self.folder / f"{self.stem}.py"

    @property
    def solved(self) -> Path:
        """The built notebook with solutions and outputs."""
        return self.folder / f"{self.stem}.ipynb"

    def read(self) -> NotebookNode:
        """The notebook that the text source describes: valid, with ids and points, without outputs.

        Raises ChapterError with one sentence that names the file, the line and what to do.
        """
        if not self.text.exists():
            raise ChapterError(f"{self.name} has no text source {self.name}/{self.text.name}")
        try:
            source = self.text.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise ChapterError(f"{self.name}/{self.text.name} is not UTF-8 text") from None
        heads, problems = scan(source)
        self._refuse(problems)
        notebook = jupytext.reads(source, "py:percent")
        self._refuse(rules.problems(notebook, heads))
        fill(notebook)
        nbformat.validate(notebook)
        return notebook

    def _refuse(self, problems: list[Problem]) -> None:
        for problem in problems:
            raise ChapterError(f"{self._line(problem.line)}: {problem.sentence}")

    def place(self, cell: int, line: int) -> str:
        """Where a line of a cell is in the text source, in words. cell: from 0. line: from 1."""
        heads, _ = scan(self.text.read_text(encoding="utf-8"))
        return self._line(heads[cell].line + line)

    def _line(self, number: int) -> str:
        return f"{self.name}/{self.text.name}, line {number}"


def chapters(solutions: Path = SOLUTIONS) -> list[Chapter]:
    """All chapters of the course, in order."""
    return [Chapter(path) for path in sorted(solutions.glob("[0-9][0-9]_*")) if path.is_dir()]


def find_chapter(name: str, solutions: Path = SOLUTIONS) -> Chapter:
    """The built chapter of this name. Raises ChapterError if there is none."""
    chapter = Chapter(solutions / name)
    if "_" not in name or not chapter.solved.is_file():
        raise ChapterError(f"there is no chapter {name!r} in {solutions.name}/")
    return chapter


def fill(notebook: NotebookNode) -> None:
    """Write what follows from the text into a notebook: nbgrader's metadata, points, the time needed, ids."""
    for cell in notebook.cells:
        if "exercise" in cell.metadata:
            cell.metadata["nbgrader"] = _graded(cell.metadata["exercise"], solution=True)
        elif "test" in cell.metadata:
            _, worth = cells.opening(ast.parse(cell.source))
            cell.metadata["nbgrader"] = _graded(TEST + cell.metadata["test"], points=worth)
        elif "written" in cell.metadata:
            name, worth = WRITTEN + cell.metadata["written"], cell.metadata["points"]
            cell.metadata["nbgrader"] = _graded(name, solution=True, points=worth)
    minutes, title = minutes_needed(notebook), notebook.cells[0]
    title.source = stating(title.source, f"about {cells.hours(minutes)}", f"{points(notebook):g}")
    notebook.metadata["kernelspec"] = NotebookNode(KERNELSPEC)
    notebook.metadata[BUILT] = NotebookNode(minutes=minutes)
    set_ids(notebook)


def stating(title: str, time: str, points: str) -> str:
    """The first cell of a chapter with this time and these points."""
    return POINTS.sub(rf"\1 {points}.", TIME.sub(rf"\1 {time}. ", title))


def _graded(grade_id: str, *, solution: bool = False, points: float | None = None) -> NotebookNode:
    graded = points is not None
    meta = NotebookNode(
        grade=graded, grade_id=grade_id, locked=not solution, schema_version=3, solution=solution, task=False
    )
    if graded:
        meta["points"] = int(points) if points == int(points) else points
    return meta


def points(notebook: NotebookNode) -> float:
    """What the whole chapter is worth, written answers included."""
    return sum(nbgrader(cell).get("points", 0) for cell in notebook.cells)


def minutes_needed(notebook: NotebookNode) -> int:
    """How long a student needs, in whole half hours: for prose, code to read and run, and exercises.

    Folded asides, test cells and answer cells do not count; an exercise takes the minutes in its heading.
    """
    given = [cell for cell in notebook.cells if not is_answer(cell) and not is_test(cell)]
    prose = [FOLDED.sub("", cell.source) for cell in given if cell.cell_type == "markdown"]
    code = [cell for cell in given if cell.cell_type == "code"]
    words = sum(len(source.split()) for source in prose)
    exercises = sum(int(found[2]) for source in prose for found in rules.HEADING.finditer(source))
    minutes = UNHURRIED * (words / WORDS_PER_MINUTE + len(code) + exercises)
    return max(30, 30 * math.ceil(minutes / 30))


def fingerprint(notebook: NotebookNode) -> str:
    """A hash of the chapter's description and of everything in the cells but their outputs."""
    content = [[cell.id, cell.cell_type, cell.source, cell.metadata] for cell in notebook.cells]
    whole = [notebook.metadata.get("course", {}), content]
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()[:16]


def is_edited(notebook: NotebookNode) -> bool:
    """Whether somebody changed a built notebook by hand."""
    return notebook.metadata.get(BUILT, {}).get("source") != fingerprint(notebook)


def seal(notebook: NotebookNode) -> None:
    """Write down what was built, so that `is_edited` can tell later."""
    notebook.metadata.setdefault(BUILT, NotebookNode())["source"] = fingerprint(notebook)


def set_ids(notebook: NotebookNode) -> None:
    """Give each cell its grade_id as id, or an id made from its content: never one made by chance."""
    seen: Counter[str] = Counter()
    for cell in notebook.cells:
        name = nbgrader(cell).get("grade_id", cells.content_id(cell))
        seen[name] += 1
        cell["id"] = name if seen[name] == 1 or nbgrader(cell) else f"{name}-{seen[name]}"
