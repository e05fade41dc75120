"""The steps that the course adds to `nbgrader autograde` and `generate_feedback`, for nbgrader_config.py."""

from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.preprocessors import ClearHiddenTests, NbGraderPreprocessor
from nbgrader.utils import is_grade, is_locked, is_solution

from course_format.cells import EXPERIMENT, is_test

SKIPPED = "skip-execution"  # what nbclient leaves out


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
        ended = any(output.output_type in ("execute_result", "error") for output in cell.get("outputs", []))
        if is_test(cell) and not is_solution(cell) and not ended:
            message = "this test cell did not come to its end, so it earns no points"
            cell.outputs.append(new_output("error", ename="NoScore", evalue=message, traceback=[message]))
        return cell, resources


class HideTests(ClearHiddenTests):
    """Take the hidden tests out of the feedback, from the source and from tracebacks."""

    def preprocess_cell(self, cell: NotebookNode, resources: Any, cell_index: int) -> tuple:
        cell, resources = super().preprocess_cell(cell, resources, cell_index)
        if is_test(cell):
            for output in cell.outputs:
                if output.output_type == "error":
                    output.traceback = [f"{output.ename}: {output.evalue}"]
        return cell, resources
