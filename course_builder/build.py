"""The one-way build: text source -> solved notebook -> student's notebook.

    solutions/NN_name/name.py  ->  solutions/NN_name/name.ipynb  ->  notebooks/NN_name/name.ipynb

Everything that can be refused is refused before anything is written. Only what changed is executed. A built
notebook that was edited by hand is never overwritten.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError
from nbconvert.filters import strip_ansi
from nbformat import NotebookNode
from tqdm import tqdm
from traitlets.config.loader import PyFileConfigLoader

from course_builder.generate import generate_assignment
from course_format import record
from course_format.chapter import (
    NOTEBOOKS,
    ROOT,
    SOLUTIONS,
    Chapter,
    ChapterError,
    chapters,
    fingerprint,
    is_edited,
    seal,
    stating,
)

CELL_SECONDS = 120  # a cell that runs longer than this breaks the build
FAILED_LINE = re.compile(r"^Cell In\[\d+\], line (\d+)", re.MULTILINE)  # of a traceback
# What an output could depend on: outputs are the same on every machine.
EVERYWHERE = {"COURSE_DATA": "embedded", "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "2"}


def build(names: Sequence[str] = (), force: bool = False) -> list[Path]:
    """Build the chapters with these names, or all; with force also those whose text did not change.

    Returns the files that were written.
    """
    found = [chapter for chapter in chapters() if not names or chapter.name in names]
    unknown = set(names) - {chapter.name for chapter in found}
    if unknown:
        raise ChapterError(f"there is no chapter {', '.join(sorted(unknown))} in {SOLUTIONS.name}/")
    texts = [(chapter, chapter.read()) for chapter in found]
    changed = [(chapter, notebook) for chapter, notebook in texts if force or _is_new(chapter, notebook)]
    for chapter in found:
        _refuse_edited_release(chapter)
    for chapter, notebook in tqdm(changed, desc="executing", disable=not changed):
        build_solved(chapter, notebook)
    written = [chapter.solved for chapter, _ in changed]
    with tempfile.TemporaryDirectory() as folder:
        for released in release(found, Path(folder)):
            written += _install(released, NOTEBOOKS / released.name)
    return written


def _is_new(chapter: Chapter, notebook: NotebookNode) -> bool:
    """Whether the solved notebook is to be made anew. Raises ChapterError if work would be lost by that."""
    built = _read_built(chapter.solved)
    if built is None or fingerprint(built) == fingerprint(notebook):
        return built is None
    # JupyterLab saves a paired notebook together with its text, so an edit there is in both.
    if is_edited(built) and _sources(built) != _sources(notebook):
        raise ChapterError(
            f"{chapter.solved.relative_to(ROOT)} was edited by hand: move the change to {chapter.text.name} "
            f"and delete the notebook, then run `make build` again"
        )
    return True


def _refuse_edited_release(chapter: Chapter) -> None:
    for old in (NOTEBOOKS / chapter.name).glob("*.ipynb"):
        if is_edited(_read_built(old)):
            raise ChapterError(
                f"{old.relative_to(ROOT)} was edited by hand: make the change in "
                f"{SOLUTIONS.name}/{chapter.name} and delete the notebook, then run `make build` again"
            )


def build_solved(chapter: Chapter, notebook: NotebookNode) -> None:
    """Execute a chapter's notebook and write it as the solved one."""
    seal(notebook)
    execute(notebook, chapter)
    nbformat.write(notebook, chapter.solved)


def execute(notebook: NotebookNode, chapter: Chapter) -> None:
    """Run all cells in place, on the embedded data and without a GPU, keeping what every run gives alike."""
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = os.environ | EVERYWHERE | {"PYTHONPATH": paths}
    begun = []
    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        record_timing=False,
        store_widget_state=False,
        kernel_name="python3",
        extra_arguments=["--log-level=ERROR"],  # a kernel warns that others on this machine could listen
        on_cell_start=lambda cell, cell_index: begun.append(cell_index),
    )
    try:
        client.execute(env=environment, cwd=str(chapter.folder))
    except CellTimeoutError as error:
        where = chapter.place(begun[-1], 1)
        raise ChapterError(f"{where}: this cell runs longer than {CELL_SECONDS} seconds") from error
    except CellExecutionError as error:
        told = strip_ansi(str(error))
        line = FAILED_LINE.search(told)
        where = chapter.place(begun[-1], int(line[1]) if line else 1)
        raise ChapterError(f"{where}: {error.ename}: {error.evalue}\n{told}") from error
    for number, cell in enumerate(notebook.cells):
        if "outputs" in cell:
            cell.outputs = _in_one_piece(cell.outputs)
        for output in cell.get("outputs", []):
            _refuse(output, chapter.place(number, 1))


def _in_one_piece(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """What is printed in a row as one output: into which pieces a kernel cuts it is chance."""
    joined: list[NotebookNode] = []
    for output in outputs:
        if joined and output.get("name", "") and output.get("name") == joined[-1].get("name"):
            joined[-1].text += output.text
        else:
            joined.append(output)
    return joined


def _refuse(output: NotebookNode, where: str) -> None:
    """A solved chapter writes nothing to standard error and passes its own checks."""
    if output.get("name") == "stderr":
        raise ChapterError(f"{where}: this cell writes to standard error: {output.text.strip()}")
    for found in record.read([output]):
        if found.status != "passed":
            raise ChapterError(f"{where}: the chapter's own solution fails: {found.line}")


def release(found: list[Chapter], folder: Path) -> list[Path]:
    """Let nbgrader make the students' notebooks of these chapters under `folder`.

    Works on copies with a database of its own, so that no live gradebook is touched. Returns the released
    chapter folders.
    """
    config = PyFileConfigLoader("nbgrader_config.py", path=str(ROOT)).load_config()
    config.CourseDirectory.root = str(folder)
    config.CourseDirectory.db_url = f"sqlite:///{folder / 'gradebook.db'}"
    texts = shutil.ignore_patterns("*.py", "worked.md", ".ipynb_checkpoints")
    for chapter in found:
        shutil.copytree(chapter.folder, folder / SOLUTIONS.name / chapter.name, ignore=texts)
        generate_assignment(config, chapter.name, log_level="ERROR")
    return [folder / NOTEBOOKS.name / chapter.name for chapter in found]


def _read_built(path: Path) -> NotebookNode | None:
    if not path.exists():
        return None
    try:
        return nbformat.read(path, as_version=4)
    except nbformat.reader.NotJSONError as error:
        place = path.relative_to(ROOT)
        raise ChapterError(f"{place} is broken: delete it and run `make build` again") from error


def _sources(notebook: NotebookNode) -> list[tuple[str, str]]:
    # JupyterLab may show, and save, the text's own idea of time and points, which the build works out anew.
    return [(cell.cell_type, stating(cell.source, "x", "x")) for cell in notebook.cells]


def _install(released: Path, target: Path) -> list[Path]:
    """Bring one released chapter folder into place, touching only files that differ; returns those."""
    written = []
    for source in sorted(path for path in released.rglob("*") if path.is_file()):
        copy = target / source.relative_to(released)
        if not copy.exists() or copy.read_bytes() != source.read_bytes():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)
            written.append(copy)
    return written
