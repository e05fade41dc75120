"""The one-way build: text source -> solved notebook -> student's notebook.

    solutions/NN_name/name.py  ->  solutions/NN_name/name.ipynb  ->  notebooks/NN_name/name.ipynb

Only what changed is executed. A built notebook that was edited by hand is never overwritten.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from course_utils.check import MIME_TYPE

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from nbgrader.converters import GenerateAssignment
from nbgrader.coursedir import CourseDirectory
from tqdm import tqdm
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from course_builder.chapter import NOTEBOOKS, ROOT, SOLUTIONS, Chapter, ChapterError, chapters, fingerprint

CELL_SECONDS = 120  # a cell that runs longer than this breaks the build


def build(names: Sequence[str] = (), force: bool = False) -> None:
    """Build the chapters with these names, or all; with force also those whose text did not change."""
    found = [chapter for chapter in chapters() if not names or chapter.name in names]
    unknown = set(names) - {chapter.name for chapter in found}
    if unknown:
        raise ChapterError(f"there is no chapter {', '.join(sorted(unknown))} in {SOLUTIONS.name}/")
    for chapter in tqdm(found, desc="solved notebooks"):
        build_solved(chapter, force)
    with tempfile.TemporaryDirectory() as folder:
        for released in release(found, Path(folder)):
            _install(released, NOTEBOOKS / released.name)


def build_solved(chapter: Chapter, force: bool = False) -> bool:
    """Execute a chapter into its solved notebook, if its text changed. Returns whether it was executed."""
    notebook = chapter.read()
    built = _read_built(chapter.solved)
    if built is not None and fingerprint(built) == fingerprint(notebook) and not force:
        return False
    # JupyterLab saves a paired notebook together with its text, so an edit there stands in both.
    if built is not None and _edited(built) and _sources(built) != _sources(notebook):
        raise ChapterError(
            f"{chapter.solved.relative_to(ROOT)} was edited by hand: move the change to {chapter.text.name} "
            f"and delete the notebook, then run `make build` again"
        )
    notebook.metadata["course"]["built"] = fingerprint(notebook)
    execute(notebook, chapter)
    nbformat.write(notebook, chapter.solved)
    return True


def execute(notebook: NotebookNode, chapter: Chapter) -> None:
    """Run all cells in place, on the embedded data, keeping what is the same in every run."""
    environment = os.environ | {"COURSE_DATA": "embedded", "OMP_NUM_THREADS": "2"}
    client = NotebookClient(
        notebook, timeout=CELL_SECONDS, record_timing=False, store_widget_state=False, kernel_name="python3"
    )
    try:
        client.execute(env=environment, cwd=str(chapter.folder))
    except CellExecutionError as error:
        raise ChapterError(f"{chapter.name} does not run:\n{error}") from error
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            _refuse(output, chapter)


def _refuse(output: NotebookNode, chapter: Chapter) -> None:
    """A solved chapter writes nothing to standard error and passes its own checks."""
    if output.get("name") == "stderr":
        raise ChapterError(f"{chapter.name} writes to standard error: {output.text.strip()}")
    record = output.get("data", {}).get(MIME_TYPE)
    if record and record["status"] != "passed":
        raise ChapterError(f"{chapter.name}: the chapter's own solution fails: {output.data['text/plain']}")


def release(found: list[Chapter], folder: Path) -> list[Path]:
    """Let nbgrader make the students' notebooks of these chapters under `folder`.

    Works on copies with a database of its own, so that no live gradebook is touched. Returns the released
    chapter folders.
    """
    for chapter in found:
        target = folder / SOLUTIONS.name / chapter.name
        shutil.copytree(chapter.folder, target, ignore=shutil.ignore_patterns("*.py", ".ipynb_checkpoints"))
        nbgrader_generate(chapter.name, folder)
    return [folder / NOTEBOOKS.name / chapter.name for chapter in found]


def nbgrader_generate(name: str, folder: Path) -> None:
    """What `nbgrader generate_assignment NAME` does in `folder`."""
    config = nbgrader_config()
    config.CourseDirectory.root = str(folder)
    config.CourseDirectory.assignment_id = name
    config.CourseDirectory.db_url = f"sqlite:///{folder / 'gradebook.db'}"
    # nbgrader runs alembic, its database tool, by name.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    converter = GenerateAssignment(coursedir=CourseDirectory(config=config), config=config)
    converter.log.setLevel("ERROR")
    converter.start()


def nbgrader_config() -> Config:
    """The settings of nbgrader_config.py."""
    return PyFileConfigLoader("nbgrader_config.py", path=str(ROOT)).load_config()


def _read_built(path: Path) -> NotebookNode | None:
    if not path.exists():
        return None
    try:
        return nbformat.read(path, as_version=4)
    except nbformat.reader.NotJSONError as error:
        raise ChapterError(
            f"{path.relative_to(ROOT)} is broken: delete it and run `make build` again"
        ) from error


def _edited(notebook: NotebookNode) -> bool:
    return notebook.metadata.get("course", {}).get("built") != fingerprint(notebook)


def _sources(notebook: NotebookNode) -> list[tuple[str, str]]:
    return [(cell.cell_type, cell.source) for cell in notebook.cells]


def _install(released: Path, target: Path) -> None:
    """Bring one released chapter folder into place, touching only files that differ."""
    for old in target.glob("*.ipynb"):
        if _edited(_read_built(old)):
            raise ChapterError(
                f"{old.relative_to(ROOT)} was edited by hand: make the change in "
                f"{SOLUTIONS.name}/{target.name} and delete the notebook, then run `make build` again"
            )
    for source in sorted(path for path in released.rglob("*") if path.is_file()):
        copy = target / source.relative_to(released)
        if not copy.exists() or copy.read_bytes() != source.read_bytes():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)
