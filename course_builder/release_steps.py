"""What the course adds to nbgrader's release of a chapter; nbgrader_config.py says where each step goes."""

import re
from typing import Any

from nbformat import NotebookNode
from nbgrader.preprocessors import ClearOutput, ClearSolutions, NbGraderPreprocessor

from course_builder import frame
from course_format.cells import STILL, is_test, tags
from course_format.chapter import seal

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
        if STILL in tags(cell):
            cell["execution_count"] = None
            return cell, resources
        return super().preprocess_cell(cell, resources, cell_index)


class FoldTests(NbGraderPreprocessor):
    """Show test cells folded to their first line, so that the page is the story and not its checks.

    A click unfolds them in JupyterLab; nothing is hidden that the student may not read.
    """

    def preprocess_cell(self, cell: NotebookNode, resources: Any, cell_index: int) -> tuple:
        if is_test(cell):
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
