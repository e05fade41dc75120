"""`make start-over CHAPTER=01_tensors EXERCISE=ramp`: begin one exercise again; the old answer is kept."""

import argparse
import os
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course_format.cells import TEST, is_answer, nbgrader

KEPT = "earlier_answers"  # folder in work/: beside the notebook it would be handed in with it
USAGE = """\
make start-over CHAPTER=01_tensors EXERCISE=ramp
   or: python -m course_utils.start_over 01_tensors ramp"""
RELOAD = """\
If the chapter is open in JupyterLab, choose File > Reload Notebook from Disk now. If JupyterLab asks about a
file that has changed, Revert takes what is new, and Overwrite keeps what you see."""


class CannotStartOver(Exception):
    """The exercise stays as it is; the message says why and what to do."""


def start_over(name: str, exercise: str, root: Path) -> Path:
    """Put the stub of an exercise back into the student's notebook, and clear what its check said.

    name: of the chapter, such as 01_tensors. root: the top folder of the course. Returns the file that now
    holds the old answer. Raises CannotStartOver, and then nothing has changed.
    """
    if not (root / "notebooks").is_dir():
        raise CannotStartOver("run this in the top folder of the course, where notebooks/ is")
    released = next((root / "notebooks" / name).glob("*.ipynb"), None)
    if released is None:
        names = ", ".join(path.parent.name for path in sorted((root / "notebooks").glob("*/*.ipynb")))
        raise CannotStartOver(f"there is no chapter {name!r}; there are {names}")
    mine = root / "work" / name / released.name
    if not mine.exists():
        raise CannotStartOver(f"there is no work/{name}/{mine.name} yet: nothing to start over")
    stub = _answer(nbformat.read(released, as_version=4), exercise)
    if stub is None:
        raise CannotStartOver(f"{name} has no exercise {exercise!r}; it has {', '.join(_names(released))}")
    notebook = _read(mine)
    answer = _answer(notebook, exercise)
    if answer is None:
        raise CannotStartOver(
            f"work/{name}/{mine.name} has no cell for {exercise!r} any more: copy it from notebooks/{name}"
        )
    if answer.source == stub.source:
        raise CannotStartOver(f"{exercise} is as it was handed out: nothing to start over")
    kept = _keep(answer, exercise, root / "work" / KEPT / name)
    answer.source = stub.source
    for cell in notebook.cells:
        if cell.cell_type == "code" and nbgrader(cell).get("grade_id") in (exercise, TEST + exercise):
            cell.outputs, cell.execution_count = [], None
    _write(notebook, mine)
    return kept


def _names(released: Path) -> list[str]:
    cells = nbformat.read(released, as_version=4).cells
    return [nbgrader(cell)["grade_id"] for cell in cells if is_answer(cell)]


def _answer(notebook: NotebookNode, exercise: str) -> NotebookNode | None:
    cells = (cell for cell in notebook.cells if is_answer(cell))
    return next((cell for cell in cells if nbgrader(cell).get("grade_id") == exercise), None)


def _read(mine: Path) -> NotebookNode:
    try:
        notebook = nbformat.read(mine, as_version=4)
        nbformat.validate(notebook)
    except Exception as error:  # what is no notebook fails in many ways
        raise CannotStartOver(f"{mine.name} is not a notebook (any more): restore it from a copy") from error
    return notebook


def _keep(answer: NotebookNode, exercise: str, folder: Path) -> Path:
    """Write the old answer into a file of its own, under a number that is free."""
    folder.mkdir(parents=True, exist_ok=True)
    ending = "py" if answer.cell_type == "code" else "md"
    number = 1
    while (folder / f"{exercise}_{number}.{ending}").exists():
        number += 1
    path = folder / f"{exercise}_{number}.{ending}"
    path.write_text(answer.source + "\n", encoding="utf-8")
    return path


def _write(notebook: NotebookNode, path: Path) -> None:
    """Replace the file in one step: a program that is stopped half-way leaves the old notebook."""
    unfinished = path.with_name(f".{path.name}.part")
    nbformat.write(notebook, unfinished)
    os.replace(unfinished, path)


def main() -> None:
    parser = argparse.ArgumentParser(prog="start-over", usage=USAGE, description=__doc__)
    parser.add_argument("chapter", help="such as 01_tensors")
    parser.add_argument("exercise", help="its name in the check's first line, such as ramp")
    options = parser.parse_args()
    try:
        kept = start_over(options.chapter, options.exercise, Path())
    except CannotStartOver as error:
        sys.exit(f"start-over: {error}")
    print(f"{options.exercise} is as it was handed out. Your answer is kept in {kept.as_posix()}.")
    print(RELOAD)


if __name__ == "__main__":
    main()
