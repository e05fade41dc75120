"""How far a student has come, read from the check records in the saved notebooks: `make progress`."""

import html
import math
import re
import sys
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course_format import record
from course_format.cells import cases, exercise_of, is_answer, is_test, is_written, nbgrader
from course_format.record import Record

PAGE = "PROGRESS.md"
DONE, PARTLY, OPEN = "done", "partly", "open"
HEADING = re.compile(r"^### Exercise ([^&(\n]+?) *(?:&nbsp;|\(|$)", re.MULTILINE)
MARKUP = re.compile(r"[^\w\s.,;]|_")  # what could mean something in Markdown, in HTML or in a formula

HEAD = """\
# Your progress

{advice}

This page follows what you save. It counts visible checks; hidden checks and written answers are added when
your work is graded. An exercise is done when all its visible checks have passed, or its written answer is
there.

| chapter | done | partly | open | visible points |
|---|---:|---:|---:|---:|
"""


@dataclass(frozen=True)
class Exercise:
    """One exercise, as it was last saved.

    label: from its heading, such as "1.1: `ramp`". place: id of the cell with that heading.
    earned, visible: points of its visible checks.
    state: DONE, PARTLY or OPEN. failed: those of its visible checks that failed when they last ran.
    """

    name: str
    label: str
    place: str
    earned: float = 0.0
    visible: float = 0.0
    state: str = OPEN
    failed: tuple[Record, ...] = ()


@dataclass(frozen=True)
class Chapter:
    """One chapter, as it was last saved.

    path: of its notebook, in notebooks/ as in work/. minutes: that it takes. points: in all, with hidden
    checks and written answers. problem: why the student's file cannot be read; empty if it can.
    """

    path: str
    title: str
    summary: str
    minutes: int
    points: float
    exercises: tuple[Exercise, ...]
    problem: str = ""

    @property
    def name(self) -> str:
        return self.path.split("/")[0]

    @property
    def earned(self) -> float:
        return math.fsum(one.earned for one in self.exercises)

    @property
    def visible(self) -> float:
        return math.fsum(one.visible for one in self.exercises)

    @property
    def left(self) -> list[Exercise]:
        """The exercises that are not done, in their order."""
        return [one for one in self.exercises if one.state != DONE]

    @property
    def begun(self) -> bool:
        return any(one.state != OPEN for one in self.exercises)


def course(notebooks: Path, work: Path) -> list[Chapter]:
    """All chapters of notebooks/, with what is in the student's copies of them in work/.

    Raises FileNotFoundError if there are no chapters.
    """
    found = [read(work / path.relative_to(notebooks), path) for path in sorted(notebooks.glob("*/*.ipynb"))]
    if not found:
        raise FileNotFoundError(f"there are no chapters in {notebooks}: the course is not complete")
    return found


def read(mine: Path, released: Path) -> Chapter:
    """The progress in one chapter.

    mine: the student's notebook as it was last saved; it need not exist. released: the chapter as handed out.
    """
    chapter, problem = _notebook(released), ""
    try:
        exercises = tuple(_exercises(chapter, _notebook(mine) if mine.exists() else None))
    except Exception:  # what is no notebook fails in many ways
        exercises = tuple(_exercises(chapter, None))
        problem = f"{mine.name} is not a notebook (any more): restore it from a copy"
    about = chapter.metadata["course"]
    return Chapter(
        path=f"{released.parent.name}/{released.name}",
        title=about["title"],
        summary=about["summary"],
        minutes=chapter.metadata["course_build"]["minutes"],
        points=sum(nbgrader(cell).get("points", 0) for cell in chapter.cells),
        exercises=exercises,
        problem=problem,
    )


def _notebook(path: Path) -> NotebookNode:
    status = path.stat()
    return _parsed(path, (status.st_mtime_ns, status.st_size))


@lru_cache(maxsize=64)
def _parsed(path: Path, version: tuple) -> NotebookNode:
    """The notebook in a file. version: changes when the file does; only then it is read again."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # other programs leave out the ids of cells, which do not matter here
        return nbformat.read(path, as_version=4)


def _exercises(chapter: NotebookNode, mine: NotebookNode | None) -> Iterator[Exercise]:
    tests = {exercise_of(nbgrader(cell)["grade_id"]): cell for cell in chapter.cells if is_test(cell)}
    said = check_records(mine.cells if mine else [])
    label = place = ""
    for cell in chapter.cells:
        for heading in HEADING.findall(cell.source if cell.cell_type == "markdown" else ""):
            label, place = heading, cell.id
        if is_answer(cell):
            name = nbgrader(cell)["grade_id"]
            found = Exercise(name, label or name, place or cell.id)
            if is_written(cell):
                yield replace(found, state=DONE if mine and _is_answered(cell, mine) else OPEN)
            elif name in tests:
                yield _checked(found, tests[name], said.get(name, []))


def check_records(cells: Iterable[NotebookNode]) -> dict[str, list[Record]]:
    """exercise -> the records of its visible cases. Of a check cell that stands twice, the last counts."""
    found: dict[str, list[Record]] = {}
    for cell in cells:
        fresh: dict[str, list[Record]] = {}
        for one in record.read(cell.get("outputs", [])):
            if not one.hidden:
                fresh.setdefault(one.exercise, []).append(one)
        found |= fresh
    return found


def _checked(exercise: Exercise, test: NotebookNode, said: list[Record]) -> Exercise:
    """The exercise with what its checks said. Records of other checks than today's do not count."""
    offered = cases(test.source)
    fitting = record.valid([asdict(one) for one in said], offered)
    passed = [one for one in fitting if one.status == "passed"]
    tried = [one for one in fitting if one.status != "not done"]
    state = DONE if offered and len(passed) == len(offered) else PARTLY if tried else OPEN
    return replace(
        exercise,
        earned=math.fsum(one.earned for one in fitting),
        visible=math.fsum(one.points for one in offered),
        state=state,
        failed=tuple(one for one in fitting if one.status == "failed"),
    )


def _is_answered(question: NotebookNode, mine: NotebookNode) -> bool:
    name = nbgrader(question)["grade_id"]
    answers = [cell.source for cell in mine.cells if nbgrader(cell).get("grade_id") == name]
    return any(source.strip() not in ("", question.source.strip()) for source in answers)


def next_step(chapters: list[Chapter]) -> tuple[Chapter, Exercise] | None:
    """What to do next, or None if all is done.

    It is in the last chapter that was begun, or in those behind it; then comes what was left open before.
    """
    begun = [k for k, chapter in enumerate(chapters) if chapter.begun]
    last = begun[-1] if begun else 0
    for chapter in [*chapters[last:], *chapters[:last]]:
        if chapter.left:
            return chapter, chapter.left[0]
    return None


def page(chapters: list[Chapter]) -> str:
    """The page of progress: Markdown, with links to the chapters that are relative to work/."""
    rows = [_row(f"[{one.name}]({one.path})", [one]) for one in chapters]
    text = HEAD.format(advice=advice(chapters)) + "\n".join([*rows, _row("**all**", chapters)]) + "\n"
    failed = [_failures(chapter, one) for chapter in chapters for one in chapter.exercises if one.failed]
    if failed:
        text += "\n## What failed when you last ran its check\n\n" + "\n".join(failed) + "\n"
    return text + "".join(_details(chapter) for chapter in chapters if chapter.begun or chapter.problem)


def advice(chapters: list[Chapter]) -> str:
    """What to do next, as one bold sentence with a link: to the exercise, or to a chapter not yet begun."""
    step = next_step(chapters)
    if step is None:
        return "**You have done every exercise.**"
    chapter, exercise = step
    if not chapter.begun:
        return f"**Begin with [{chapter.name}]({chapter.path}).**"
    return f"**Go on with [exercise {exercise.label}]({_place(chapter, exercise)}) in {chapter.name}.**"


def _place(chapter: Chapter, exercise: Exercise) -> str:
    """A link that JupyterLab follows to the exercise."""
    return f"{chapter.path}#cell-id={exercise.place}"


def _row(first: str, chapters: list[Chapter]) -> str:
    return f"| {first} | {' | '.join(map(str, _counts(chapters)))} | {_points(chapters)} |"


def _counts(chapters: list[Chapter]) -> list[int]:
    """How many exercises are done, partly done and open."""
    states = Counter(one.state for chapter in chapters for one in chapter.exercises)
    return [states[state] for state in (DONE, PARTLY, OPEN)]


def _points(parts: Iterable[Chapter | Exercise]) -> str:
    parts = list(parts)
    return f"{math.fsum(one.earned for one in parts):g} of {math.fsum(one.visible for one in parts):g}"


def _failures(chapter: Chapter, exercise: Exercise) -> str:
    lines = "".join(f"<br>{plain(one.line)}" for one in exercise.failed)
    return f"- [Exercise {exercise.label}]({_place(chapter, exercise)}) in {chapter.name}{lines}"


def plain(text: str) -> str:
    """Text that Markdown shows as it is, whatever it says, but for its `names`, which are set as code."""
    parts = (MARKUP.sub(lambda found: f"&#{ord(found[0])};", part) for part in text.split("`"))
    with_code = record.with_code("`".join(parts)).replace("`", "&#96;")
    return re.sub(r"\n\s*", "<br>", with_code)


def _details(chapter: Chapter) -> str:
    lines = [f"\n## {chapter.name}: {html.escape(chapter.title)}\n"]
    if chapter.problem:
        lines.append(f"**{chapter.problem}**\n")
    lines += ["| exercise | | visible points |", "|---|---|---:|"]
    for one in chapter.exercises:
        points = _points([one]) if one.visible else ""
        lines.append(f"| [{one.label}]({_place(chapter, one)}) | {one.state} | {points} |")
    return "\n".join(lines) + "\n"


def report(chapters: list[Chapter]) -> str:
    """The progress as plain text, for a terminal."""
    width = max(len(chapter.name) for chapter in chapters)
    lines = [_line(chapter.name.ljust(width), [chapter]) for chapter in chapters]
    lines += [_line("all".ljust(width), chapters)]
    for chapter in chapters:
        lines += ["", f"{chapter.name}: {chapter.problem}"] if chapter.problem else []
        for one in chapter.exercises:
            if one.failed:
                lines += ["", f"{chapter.name}, exercise {one.label} failed last:"]
                lines += [f"  {failed.line}" for failed in one.failed]
    step = next_step(chapters)
    done = "You have done every exercise."
    return "\n".join([*lines, "", f"Next: {step[0].name}, exercise {step[1].label}" if step else done])


def _line(name: str, chapters: list[Chapter]) -> str:
    done, partly, left = _counts(chapters)
    return f"{name}  {done:3} done  {partly:3} partly  {left:3} open   {_points(chapters)} visible points"


def main() -> None:
    notebooks = Path("notebooks")
    if not notebooks.is_dir():
        sys.exit("progress: run this in the top folder of the course, where notebooks/ is")
    print(report(course(notebooks, Path("work"))))


if __name__ == "__main__":
    main()
