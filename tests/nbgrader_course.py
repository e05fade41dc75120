"""A course folder in which tests run the real nbgrader, as an instructor would."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Gradebook

from course_format.chapter import ROOT


@dataclass
class Course:
    """A course folder. Its gradebook is made by the first nbgrader command."""

    folder: Path

    def nbgrader(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
        """Run one nbgrader command in the course folder."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        done = subprocess.run(
            [sys.executable, "-m", "nbgrader", *arguments],
            cwd=self.folder,
            env=os.environ | {"PATH": path, "COURSE_DATA": "embedded"},
            capture_output=True,
            text=True,
        )
        if check:
            assert done.returncode == 0, done.stdout + done.stderr
        return done

    def submit(self, student: str, assignment: str, notebook: NotebookNode, name: str) -> None:
        """Hand in a notebook."""
        path = self.folder / "submitted" / student / assignment / f"{name}.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(notebook, path)

    def scores(self, student: str, assignment: str) -> dict[str, float | None]:
        """grade_id -> points from the autograder; None for what waits for a person."""
        with Gradebook(f"sqlite:///{self.folder / 'gradebook.db'}") as gradebook:
            submission = gradebook.find_submission(assignment, student)
            return {grade.name: grade.auto_score for nb in submission.notebooks for grade in nb.grades}

    def autograded(self, student: str, assignment: str, name: str) -> NotebookNode:
        """The notebook as it ran."""
        path = self.folder / "autograded" / student / assignment / f"{name}.ipynb"
        return nbformat.read(path, as_version=4)

    def feedback(self, student: str, assignment: str, name: str) -> str:
        """The HTML page that goes back to the student."""
        path = self.folder / "feedback" / student / assignment / f"{name}.html"
        return path.read_text(encoding="utf-8")


def fresh_clone(target: Path) -> Course:
    """The files that a clone of this working tree would have, and nothing else."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listing.stdout.splitlines():
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, target / name)
    return Course(target)


def cell_of(notebook: NotebookNode, grade_id: str) -> NotebookNode:
    """The cell with this grade_id."""
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


def texts(cell: NotebookNode) -> str:
    """All that a cell has to say, as plain text."""
    said = []
    for output in cell.outputs:
        said.append(output.get("text", ""))
        said.append(output.get("data", {}).get("text/plain", ""))
        said.append("\n".join(output.get("traceback", [])))
    return "\n".join(said)
