"""What the course adds to nbgrader's autograder, feedback and formgrader, for nbgrader_config.py."""

import re
from typing import Any

import bleach
from bleach.css_sanitizer import CSSSanitizer
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.preprocessors import ClearHiddenTests, NbGraderPreprocessor
from nbgrader.utils import is_grade, is_locked, is_solution

from course_format.cells import EXPERIMENT, is_test

SKIPPED = "skip-execution"  # what nbclient leaves out

# What texts, tables and pictures need: nothing that runs, leads into the server, or looks like its buttons.
TAGS = """
    a abbr b blockquote br caption center cite code dd del details div dl dt em figcaption figure h1 h2 h3
    h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp small span strong sub summary sup table tbody td
    tfoot th thead tr tt u ul var
""".split()  # noqa: SIM905 (as a list it would take a line for each)
ATTRIBUTES = "align alt colspan height open rowspan scope start style title width".split()  # noqa: SIM905
CLASS = re.compile(r"highlight|hl-\w+|language-\w+|[a-z]{1,2}\d?|anchor-link")  # of code and headings
LINK, PICTURE = re.compile(r"https?://|mailto:"), re.compile(r"data:image/(png|jpeg|gif);base64,")
STYLES = CSSSanitizer(allowed_css_properties=["color", "background-color", "margin-left", "text-align"])
UNSEEN = re.compile(r"(?is)<(script|style)\b.*?(</\1\s*>|\Z)")  # bleach would show what is between the tags


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


def harmless(html: str) -> str:
    """HTML without all that could act on a page that shows it; its text, tables and pictures stay.

    The formgrader shows what students wrote and displayed, on a page that may do what the instructor may: a
    script in it could set its own points, and run commands as the instructor.
    """
    return bleach.clean(
        UNSEEN.sub("", html),
        tags=TAGS,
        attributes=_may_stay,
        protocols={"http", "https", "mailto", "data"},
        strip=True,
        css_sanitizer=STYLES,
    )


def _may_stay(tag: str, name: str, value: str) -> bool:
    match name:
        case "class":
            return all(map(CLASS.fullmatch, value.split()))
        case "href":
            return tag == "a" and LINK.match(value) is not None
        case "src":
            return tag == "img" and PICTURE.match(value) is not None
    return name in ATTRIBUTES
