"""The steps that the course adds to nbgrader's own; nbgrader_config.py says where each one goes."""

import re
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.preprocessors import ClearHiddenTests, ClearOutput, ClearSolutions, NbGraderPreprocessor
from nbgrader.utils import is_grade, is_locked, is_solution

from course_builder import frame
from course_format.cells import EXPERIMENT, STILL
from course_format.chapter import seal

SKIPPED = "skip-execution"  # what nbclient leaves out

STUB = "# YOUR CODE HERE\nraise check.NotDoneYet"


class MakeStubs(ClearSolutions):
    """Put a stub in place of each solution.

    Inside a function the stub raises. At the top level of a cell (claim cards) it is empty, because a raise
    behind an answer would stop the answered cell.
    """

    def _replace_solution_region(self, cell: NotebookNode, language: str) -> bool:
        inside_function = re.search(r"^[ \t]+.*BEGIN SOLUTION", cell.source, re.MULTILINE)
        self.code_stub = {language: STUB if inside_function else ""}
        replaced = super()._replace_solution_region(cell, language)
        cell.source = cell.source.strip("\n")
        return replaced


class ClearMostOutput(ClearOutput):
    """Clear the outputs of every cell but those tagged `still`."""

    def preprocess_cell(self, cell: NotebookNode, resources: Any, cell_index: int) -> tuple:
        if STILL in cell.metadata.get("tags", []):
            cell["execution_count"] = None
            return cell, resources
        return super().preprocess_cell(cell, resources, cell_index)


class FoldTests(NbGraderPreprocessor):
    """Show test cells folded to their first line, so that the page is the story and not its checks.

    A click unfolds them in JupyterLab; nothing is hidden that the student may not read.
    """

    def preprocess_cell(self, cell: NotebookNode, resources: Any, cell_index: int) -> tuple:
        if cell.cell_type == "code" and is_grade(cell):
            cell.metadata["jupyter"] = {"source_hidden": True}
        return cell, resources


class PutFrame(NbGraderPreprocessor):
    """Put around the chapter what its notebook needs to run alone, and how to hand it in."""

    def preprocess(self, notebook: NotebookNode, resources: Any) -> tuple:
        about = resources["nbgrader"]
        frame.put(notebook, frame.home(), about["assignment"], about["notebook"])
        return notebook, resources


class SealRelease(NbGraderPreprocessor):
    """Take the pairing with the text source out of the release, and write down what was released.

    The fingerprint tells the build whether somebody edited the released notebook by hand.
    """

    def preprocess(self, notebook: NotebookNode, resources: Any) -> tuple:
        notebook.metadata.pop("jupytext", None)
        seal(notebook)
        return notebook, resources


class SkipExperiments(NbGraderPreprocessor):
    """Leave out the experiment cells, and run every other cell whatever tags the submission carries.

    Without this a submission could tag a test cell to be skipped, and nbgrader gives full marks to a test
    cell without output.
    """

    def preprocess_cell(self, cell: NotebookNode, resources: Any, cell_index: int) -> tuple:
        tags = cell.metadata.pop("tags", [])
        graded = is_grade(cell) or is_solution(cell) or is_locked(cell)
        if EXPERIMENT in tags and not graded:
            cell.metadata["tags"] = [EXPERIMENT, SKIPPED]
        return cell, resources


class RequireScore(NbGraderPreprocessor):
    """A test cell that ended without its score earns nothing; nbgrader alone would give it full marks."""

    def preprocess_cell(self, cell: NotebookNode, resources: Any, cell_index: int) -> tuple:
        if cell.cell_type == "code" and is_grade(cell) and not is_solution(cell) and not _ended(cell):
            message = "this test cell did not come to its end, so it earns no points"
            cell.outputs.append(new_output("error", ename="NoScore", evalue=message, traceback=[message]))
        return cell, resources


def _ended(cell: NotebookNode) -> bool:
    return any(output.output_type in ("execute_result", "error") for output in cell.outputs)


class HideTests(ClearHiddenTests):
    """Take the hidden tests out of the feedback, from the source and from tracebacks."""

    def preprocess_cell(self, cell: NotebookNode, resources: Any, cell_index: int) -> tuple:
        cell, resources = super().preprocess_cell(cell, resources, cell_index)
        if cell.cell_type == "code" and is_grade(cell):
            for output in cell.outputs:
                if output.output_type == "error":
                    output.traceback = [f"{output.ename}: {output.evalue}"]
        return cell, resources
