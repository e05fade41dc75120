"""One class in which nearly everybody hands in something odd or broken, graded from the command line.

Each case says which points are wanted and what the instructor reads. Odd work that is right keeps its points.
"""

import contextlib
import copy
import html
import io
import json
import os
import re
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader.converters import GenerateFeedback
from nbgrader.coursedir import CourseDirectory
from nbgrader.nbgraderformat import MetadataValidator

from course_format.cells import is_test, nbgrader
from course_format.chapter import ROOT
from course_format.record import MIME_TYPE
from course_grader.__main__ import main
from course_grader.course import Course, put_in_gradebook
from course_grader.gradebook.write import Graded as Row
from course_grader.gradebook.write import Recorder
from course_grader.grading import write_autograded
from course_grader.run import client
from tests.course_grader import gradebooks, small

ALL, NONE = (2, 3, 1), (0, 0, 0)
FIRST_LOST, SECOND_LOST = (0, 3, 1), (2, 0, 1)
RIGHT = small.RIGHT
OTHER_SECOND = "def second(x):\n    return x + x"


@dataclass(frozen=True)
class Case:
    """What one student hands in. points: of the three exercises. waits: whether a person has to mark the
    written answer. reasons: each is in the reason, and without any there is no reason at all.
    """

    hand_in: Callable[[Path], None]
    points: tuple[float, float, float]
    waits: bool
    reasons: tuple[str, ...]


CASES: dict[str, Case] = {}


def broken(points: tuple[float, float, float], *reasons: str, waits: bool = True) -> Callable:
    """Register a function that writes into the folder of the student who has its name."""

    def register(hand_in: Callable[[Path], None]) -> Callable[[Path], None]:
        CASES[hand_in.__name__] = Case(hand_in, points, waits, reasons)
        return hand_in

    return register


def put(folder: Path, notebook: NotebookNode | dict | list | bytes, name: str = "small.ipynb") -> None:
    content = notebook if isinstance(notebook, bytes) else json.dumps(notebook).encode()
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def place(notebook: NotebookNode, grade_id: str) -> int:
    """Where a cell stands, in a notebook that still has its ids."""
    return next(i for i, cell in enumerate(notebook.cells) if cell.id == grade_id)


def without(*grade_ids: str, **answers: str) -> NotebookNode:
    """A notebook with right answers, but for these cells and these answers."""
    notebook = small.handed_in(**answers)
    notebook.cells = [cell for cell in notebook.cells if cell.id not in grade_ids]
    return notebook


def changed(grade_id: str, source: str | None = None, **fields: object) -> NotebookNode:
    """A notebook with right answers and one changed cell."""
    notebook = small.handed_in()
    cell = notebook.cells[place(notebook, grade_id)]
    cell.update(fields, source=cell.source if source is None else source)
    return notebook


def copied(grade_id: str, at: int | None = None, source: str | None = None, **answers: str) -> NotebookNode:
    """A notebook with a copy of a cell, as JupyterLab makes it: with its metadata, and an id of its own.

    at: where it is put; behind the cell itself if None. source: of the copy.
    """
    notebook = small.handed_in(**answers)
    original = notebook.cells[place(notebook, grade_id)]
    copy_of_it = copy.deepcopy(original) | {"id": "copy", "source": source or original.source}
    notebook.cells.insert(place(notebook, grade_id) + 1 if at is None else at, nbformat.from_dict(copy_of_it))
    return notebook


def stub(name: str) -> str:
    """What the student got to fill in."""
    return next(cell.source for cell in small.prepared().cells if cell.id == name)


def stripped(notebook: NotebookNode, ids: bool = False) -> NotebookNode:
    """A notebook without any metadata, as a version of the format has it that knows no ids."""
    for cell in notebook.cells:
        cell.metadata = {}
        if ids:
            del cell["id"]
    notebook.metadata = {}
    notebook.nbformat_minor = 4 if ids else 5
    return notebook


def with_meta(name: str, **meta: object) -> NotebookNode:
    notebook = small.handed_in()
    notebook.cells[place(notebook, name)].metadata.nbgrader.update(meta)
    return notebook


# Nothing to complain about.


@broken(ALL)
def perfect(folder):
    put(folder, small.handed_in())


@broken(NONE, waits=False)
def untouched(folder):
    put(folder, small.handed_in(**{name: stub(name) for name in RIGHT}))


# Test cells.


@broken(ALL, "missing, and were put back: test_first")
def deleted_test_cell(folder):
    put(folder, without("test_first"))


@broken(FIRST_LOST, "missing, and were put back: test_first")
def deleted_test_cell_of_a_wrong_answer(folder):
    put(folder, without("test_first", first="def first(x):\n    return x"))


@broken(ALL, "missing, and were put back: test_first, test_second, test_third")
def all_test_cells_deleted(folder):
    put(folder, without("test_first", "test_second", "test_third"))


@broken(ALL, "more than once, and one of each counts: test_first")
def duplicated_test_cell(folder):
    put(folder, copied("test_first"))


@broken(FIRST_LOST, "were changed, and the chapter's own were run: test_first")
def edited_test_cell(folder):
    notebook = changed("test_first", 'check.exercise("first", points=2)\n2.0')
    notebook.cells[place(notebook, "first")].source = "def first(x):\n    return 0"
    put(folder, notebook)


@broken(ALL, "were changed, and the chapter's own were run: test_first")
def emptied_test_cell(folder):
    put(folder, changed("test_first", ""))


@broken(ALL, "more than once, and one of each counts: test_first")
def helper_in_a_copied_test_cell(folder):
    helper = "def double(x):\n    return 2 * x"
    put(folder, copied("test_first", source=helper, second="def second(x):\n    return double(x)"))


@broken(ALL, "stood before their exercise, and were run behind it: test_first, test_second, test_third")
def moved_test_cells(folder):
    notebook = small.handed_in()
    notebook.cells.sort(key=lambda cell: (cell.id != "imports", not is_test(cell)))
    put(folder, notebook)


@broken(ALL, "had their type changed, and were graded in their own: test_first")
def text_in_place_of_a_test_cell(folder):
    put(folder, changed("test_first", cell_type="markdown"))


@broken(ALL, "missing, and were put back: test_second")
def text_cell_with_the_id_of_a_test(folder):
    notebook = without("test_second")
    notebook.cells.insert(0, nbformat.from_dict(new_markdown_cell("My name is Ada.", id="test_first")))
    put(folder, notebook)


@broken(SECOND_LOST)
def skipped_test_cell(folder):
    notebook = small.handed_in(second="def second(x):\n    return x")
    notebook.cells[place(notebook, "test_second")].metadata["tags"] = ["skip-execution", "experiment"]
    put(folder, notebook)


# Solution cells.


@broken(FIRST_LOST, "these cells are missing: first")
def solution_cell_deleted(folder):
    put(folder, without("first"))


@broken(ALL, "have lost their names, and were recognised by what they contain: first")
def solution_in_an_added_cell(folder):
    notebook = without("first")
    notebook.cells.insert(2, new_code_cell(RIGHT["first"]))
    put(folder, notebook)


@broken(ALL, "have lost their names, and were recognised by what they contain: first")
def solution_in_an_added_cell_before_the_empty_one(folder):
    notebook = small.handed_in(first="")
    notebook.cells.insert(2, new_code_cell(RIGHT["first"]))
    put(folder, notebook)


@broken(ALL, "have lost their names, and were recognised by what they contain: first")
def solution_in_an_added_cell_before_the_stub(folder):
    notebook = small.handed_in(first=stub("first"))
    notebook.cells.insert(2, new_code_cell(RIGHT["first"]))
    put(folder, notebook)


@broken(ALL, "are missing, and were put back: test_second", "recognised by what they contain: second")
def solution_in_an_added_cell_and_no_test(folder):
    notebook = without("second", "test_second")
    notebook.cells.insert(place(notebook, "third"), new_code_cell(RIGHT["second"]))
    put(folder, notebook)


@broken(ALL, "more than once, and one of each counts: second")
def solution_copied_and_the_second_one_used(folder):
    put(folder, copied("second", source=RIGHT["second"], second=stub("second")))


@broken(ALL, "more than once, and one of each counts: second")
def solution_copied_and_the_first_one_used(folder):
    put(folder, copied("second", source=stub("second")))


@broken(ALL, "more than once, and one of each counts: second")
def solution_copied_and_improved(folder):
    put(folder, copied("second", source=OTHER_SECOND, second="def second(x):\n    return x"))


@broken(ALL, "more than once, and one of each counts: second")
def solution_copied_as_a_draft_below_its_test(folder):
    put(folder, copied("second", at=6, source="def second(x):\n    return x  # a try"))


@broken(ALL, "more than once, and one of each counts: second")
def solution_split_in_two_cells(folder):
    notebook = copied(
        "second", source="def second(x):\n    return double(x)", second="def double(x):\n    return 2 * x"
    )
    put(folder, notebook)


@broken(ALL, "missing, and were put back: test_second")
def solution_merged_with_its_test(folder):
    notebook = small.handed_in()
    solution, test = (notebook.cells[place(notebook, name)] for name in ("second", "test_second"))
    solution.source += "\n\n" + test.source
    notebook.cells.remove(test)
    put(folder, notebook)


@broken(ALL, "had their type changed, and were graded in their own: second")
def solution_turned_into_text(folder):
    put(folder, changed("second", cell_type="markdown"))


@broken(ALL)
def solution_tagged_as_an_experiment(folder):
    notebook = small.handed_in()
    notebook.cells[place(notebook, "second")].metadata["tags"] = ["experiment"]
    put(folder, notebook)


@broken(ALL)
def solution_that_mentions_other_tests(folder):
    words = '# check.exercise("third", points=1)\nNOTE = """\ncheck.exercise("first", points=2)\n"""\n'
    put(folder, small.handed_in(second=words + RIGHT["second"]))


@broken(ALL)
def exercises_reordered(folder):
    notebook = small.handed_in()
    notebook.cells[2:8] = [notebook.cells[i] for i in (6, 7, 2, 3, 4, 5)]
    put(folder, notebook)


@broken(SECOND_LOST)
def helper_below_the_test_that_needs_it(folder):
    notebook = small.handed_in(second="def second(x):\n    return double(x)")
    notebook.cells.insert(6, new_code_cell("def double(x):\n    return 2 * x"))
    put(folder, notebook)


@broken(ALL, "the first code cell, with the imports, is missing and was put back")
def imports_deleted(folder):
    put(folder, without("imports", first="def first(x):\n    torch.ones(1)\n    return x + 1"))


@broken(SECOND_LOST, "second: SyntaxError: '(' was never closed (line 1: `def second(x:`)")
def syntax_error(folder):
    put(folder, small.handed_in(second="def second(x:\n    return 2 * x"))


@broken(ALL)
def magics(folder):
    source = "%time 1 + 1\n!true\nls = %pwd\n"
    put(folder, small.handed_in(first=source + RIGHT["first"], second="%%capture\n" + RIGHT["second"]))


@broken(SECOND_LOST)
def a_shell_script_as_answer(folder):
    put(folder, small.handed_in(second="%%bash\ntrue"))


@broken(ALL)
def windows_line_ends_and_tabs(folder):
    put(folder, small.handed_in(second="def second(x):\r\n\treturn 2 * x\r\n"))


@broken(ALL)
def lone_surrogate_in_a_string(folder):
    put(folder, small.handed_in(second=RIGHT["second"] + '\nsmile = "\ud83d"'))


@broken(SECOND_LOST, "second: SyntaxError: source code string cannot contain null bytes")
def nul_byte_in_a_cell(folder):
    put(folder, small.handed_in(second=RIGHT["second"] + "\0"))


@broken(ALL)
def a_cell_of_five_megabytes(folder):
    put(folder, small.handed_in(second=RIGHT["second"] + f'\nlong = "{"x" * 5_000_000}"'))


@broken(ALL)
def very_many_cells(folder):
    notebook = json.loads(json.dumps(small.handed_in()))
    more = [
        {"cell_type": "code", "id": f"cell-{i}", "source": "1", "metadata": {}, "outputs": []}
        for i in range(300)
    ]
    notebook["cells"][4:4] = more
    put(folder, notebook)


# Displays.

RECORD = """{"exercise": "second", "case": "an example", "points": 1.5, "earned": 1.5, "status": "passed",
 "mistake": None, "message": "", "hidden": False}"""
UPDATED = f"""from IPython.display import display
for _ in range(2): display("a", display_id="same")
change = {{"text/plain": "b", "application/vnd.course-check.v1+json": {RECORD}}}
display(change, raw=True, display_id="same", update=True)"""


@broken(ALL)
def two_outputs_of_one_id_updated_to_a_record(folder):
    notebook = small.handed_in()
    notebook.cells.insert(2, new_code_cell(UPDATED))
    put(folder, notebook)


@broken(SECOND_LOST)
def output_of_a_test_updated_to_a_record_by_a_later_cell(folder):
    shows = 'def second(x):\n    from IPython.display import display\n    display("a", display_id="same")'
    notebook = small.handed_in(second=shows)
    notebook.cells.append(new_code_cell(UPDATED))
    put(folder, notebook)


# Written answers.


@broken(ALL, "missing, and were put back: written", waits=False)
def written_answer_deleted(folder):
    put(folder, without("written"))


@broken(ALL, "missing, and were put back: written", waits=True)
def written_answer_in_some_other_cell(folder):
    notebook = without("written")
    notebook.cells.insert(1, new_markdown_cell("It is so because it is so."))
    put(folder, notebook)


@broken(ALL, "had their type changed, and were graded in their own: written")
def written_answer_turned_into_code(folder):
    put(folder, changed("written", cell_type="code", outputs=[], execution_count=None))


# Metadata.


@broken(ALL)
def metadata_stripped(folder):
    put(folder, stripped(small.handed_in()))


@broken(ALL, "have lost their names, and were recognised by what they contain: first, test_first")
def metadata_and_ids_stripped(folder):
    put(folder, stripped(small.handed_in(), ids=True))


@broken(NONE, "have lost their names", waits=False)
def metadata_and_ids_stripped_untouched(folder):
    put(folder, stripped(small.handed_in(**{name: stub(name) for name in RIGHT}), ids=True))


@broken(ALL)
def points_removed(folder):
    notebook = small.handed_in()
    del notebook.cells[place(notebook, "test_first")].metadata.nbgrader["points"]
    put(folder, notebook)


@broken(FIRST_LOST)
def points_raised(folder):
    notebook = with_meta("test_second", points=100)
    notebook.cells[place(notebook, "first")].source = ""
    put(folder, notebook)


@broken(ALL)
def schema_version_99(folder):
    put(folder, with_meta("test_first", schema_version=99))


@broken(ALL)
def unknown_grade_id(folder):
    put(folder, with_meta("test_first", grade_id="test_from_last_year"))


@broken(ALL)
def metadata_of_strange_types(folder):
    notebook = small.handed_in()
    for cell, metadata in zip(
        notebook.cells, (None, [], 3, {"nbgrader": None}, {"nbgrader": [1]}, {"tags": None}), strict=False
    ):
        cell["metadata"] = metadata
    notebook.cells[7]["metadata"] = {"nbgrader": {"grade_id": ["test_third"]}, "tags": [["experiment"], None]}
    notebook["metadata"] = None
    put(folder, notebook)


@broken(ALL)
def no_kernelspec(folder):
    notebook = small.handed_in()
    del notebook.metadata["kernelspec"]
    put(folder, notebook)


@broken(ALL)
def kernel_of_another_language(folder):
    notebook = small.handed_in()
    notebook.metadata["kernelspec"] = {"display_name": "R", "language": "R", "name": "ir"}
    notebook.metadata["language_info"] = {"name": "R"}
    put(folder, notebook)


@broken(ALL)
def repeated_and_illegal_cell_ids(folder):
    notebook = small.handed_in()
    for cell in notebook.cells:
        cell["id"] = "same" if is_test(cell) else "ä b/" * 50
    put(folder, notebook)


# The notebook's format.


@broken(ALL)
def nbformat_missing(folder):
    notebook = small.handed_in()
    del notebook["nbformat"], notebook["nbformat_minor"]
    put(folder, notebook)


@broken(ALL)
def nbformat_of_the_future(folder):
    put(folder, small.handed_in() | {"nbformat": 5, "nbformat_minor": 99})


@broken(ALL)
def nbformat_3(folder):
    cells = [dict(cell) for cell in small.handed_in().cells]
    for cell in cells:
        if cell["cell_type"] == "code":
            cell |= {"input": cell.pop("source"), "language": "python", "prompt_number": 1}
    heading = {"cell_type": "heading", "level": 1, "source": "Small", "metadata": {}}
    sheet = {"cells": [heading, *cells], "metadata": {}}
    put(folder, {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [sheet]})


@broken(ALL)
def outputs_of_garbage(folder):
    notebook = json.loads(json.dumps(small.handed_in()))
    for cell, outputs in zip(
        notebook["cells"], ("none", None, [1], {}, [{"output_type": "magic"}]), strict=False
    ):
        cell["outputs"] = outputs
    put(folder, notebook)


@broken(SECOND_LOST, "some cells cannot be made out", "these cells are missing: second")
def sources_of_strange_types(folder):
    notebook = json.loads(json.dumps(small.handed_in()))
    notebook["cells"][4]["source"] = None
    notebook["cells"] += [
        {"cell_type": "code", "source": 7},
        {"cell_type": "poem", "source": ""},
        None,
        "cell",
    ]
    put(folder, notebook)


@broken(ALL)
def not_a_number_in_the_json(folder):
    notebook = small.handed_in()
    notebook.metadata["version"] = notebook.cells[2].metadata["x"] = float("nan")
    put(folder, notebook)


@broken(
    NONE, "small.ipynb cannot be read: the file is empty", "no notebook small.ipynb to grade", waits=False
)
def empty_file(folder):
    put(folder, b"")


@broken(NONE, "small.ipynb cannot be read: the file is empty", waits=False)
def file_of_zeros_after_a_crash(folder):
    put(folder, bytes(4096))


@broken(NONE, "small.ipynb cannot be read: it is not JSON, as notebooks are", waits=False)
def not_json(folder):
    put(folder, b"<!DOCTYPE html><html></html>")


@broken(NONE, "small.ipynb cannot be read: it is not JSON, as notebooks are", waits=False)
def half_of_an_upload(folder):
    content = json.dumps(small.handed_in()).encode()
    put(folder, content[: len(content) // 2])


@broken(NONE, "small.ipynb cannot be read: it has no list of cells", waits=False)
def json_that_is_no_notebook(folder):
    put(folder, [1, 2, 3])


@broken(NONE, "small.ipynb cannot be read: it is nested too deeply", waits=False)
def nested_without_end(folder):
    put(folder, b'{"cells":' + b"[" * 100_000 + b"]" * 100_000 + b"}")


@broken(ALL, "bytes that are no text; they were replaced")
def invalid_utf_8(folder):
    content = json.dumps(small.handed_in(written="caf@ au lait")).encode()
    put(folder, content.replace(b"caf@", b"caf\xe9"))


@broken(ALL)
def byte_order_mark(folder):
    put(folder, b"\xef\xbb\xbf" + json.dumps(small.handed_in()).encode())


@broken(ALL, "the notebook is UTF-16, not UTF-8")
def utf_16_from_notepad(folder):
    put(folder, json.dumps(small.handed_in(written="因为")).encode("utf-16"))


# Files.


@broken(NONE, "no cell of this chapter is in it: is it another notebook?", waits=False)
def notebook_of_another_chapter(folder):
    notebook = gradebooks.chapter()
    notebook.cells = [cell for cell in notebook.cells if cell.id != "written"]
    put(folder, notebook)


@broken(ALL, r"small.ipynb is missing; Small of Ada\n.ipynb was graded in its place")
def notebook_renamed(folder):
    put(folder, small.handed_in(), "Small of Ada\n.ipynb")


@broken(ALL, "small.ipynb is missing; small.ipynb.txt was graded in its place")
def notebook_with_the_ending_of_notepad(folder):
    put(folder, small.handed_in(), "small.ipynb.txt")


@broken(ALL, "small.ipynb is missing; 01_small/SMALL.IPYNB was graded in its place")
def notebook_in_a_folder(folder):
    put(folder, small.handed_in(), "01_small/SMALL.IPYNB")
    put(folder, b"\0\5\26\7", "__MACOSX/01_small/._small.ipynb")


@broken(ALL, "small (1).ipynb was graded in its place", "small.ipynb cannot be read")
def two_notebooks_of_which_one_can_be_read(folder):
    put(folder, b"{", "small.ipynb")
    put(folder, small.handed_in(), "small (1).ipynb")


@broken(ALL, "small.ipynb has no answers; small (1).ipynb was graded in its place")
def two_notebooks_of_which_one_is_untouched(folder):
    put(folder, small.handed_in(**{name: stub(name) for name in RIGHT}))
    put(folder, small.handed_in(), "small (1).ipynb")


@broken(FIRST_LOST, "other notebooks were handed in and not graded: Small.ipynb")
def two_notebooks_and_both_worked_on(folder):
    put(folder, small.handed_in(first="def first(x):\n    return x"))
    put(folder, small.handed_in(), "Small.ipynb")


@broken(NONE, "there is no notebook small.ipynb to grade, so all", waits=False)
def nothing_handed_in(folder):
    folder.mkdir(parents=True, exist_ok=True)


@broken(NONE, "there is no notebook small.ipynb to grade, only small.html", waits=False)
def a_page_in_place_of_the_notebook(folder):
    put(folder, b"<html></html>", "small.html")


@broken(NONE, "the submission is a link or a file, not a folder", waits=False)
def a_file_in_place_of_the_folder(folder):
    folder.rmdir()
    folder.write_bytes(b"my work")


@broken(NONE, "small.ipynb is a folder, not a notebook\nthere is no notebook small.ipynb", waits=False)
def notebook_is_a_folder(folder):
    put(folder, b"1,2", "small.ipynb/data.csv")


@broken(NONE, "small.ipynb was left out: it is a link or no regular file", waits=False)
def notebook_is_a_link_to_the_solutions(folder):
    (folder / "small.ipynb").symlink_to("../../../solutions/01_small/small.ipynb")


@broken(NONE, "the submission is a link or a file, not a folder", waits=False)
def folder_is_a_link_to_the_solutions(folder):
    folder.rmdir()
    folder.symlink_to("../../solutions/01_small", target_is_directory=True)


@broken(
    ALL, "gradebook.db was left out: it is a link", "all was left out: it is a link", r"loop was left out"
)
def links_beside_the_notebook(folder):
    put(folder, small.handed_in())
    (folder / "gradebook.db").symlink_to("../../../gradebook.db")
    (folder / "all").symlink_to("../../..", target_is_directory=True)
    (folder / "loop").symlink_to("loop")


@broken(ALL, "pipe was left out: it is a link or no regular file")
def named_pipe(folder):
    put(folder, small.handed_in())
    os.mkfifo(folder / "pipe")


@broken(NONE, "small.ipynb was left out: it is a link or no regular file", waits=False)
def named_pipe_as_notebook(folder):
    os.mkfifo(folder / "small.ipynb")


@broken(ALL, "data.bin was left out: it has 1,073,741,824 bytes")
def a_file_of_a_gigabyte(folder):
    put(folder, small.handed_in())
    put(folder, b"", "data.bin")
    os.truncate(folder / "data.bin", 2**30)


@broken(NONE, "small.ipynb was left out: it has 1,073,741,824 bytes", "no notebook small.ipynb", waits=False)
def a_notebook_of_a_gigabyte(folder):
    put(folder, b"")
    os.truncate(folder / "small.ipynb", 2**30)


@broken(ALL, "was left out: its name is not UTF-8")
def file_names(folder):
    put(folder, small.handed_in(first='def first(x):\n    return x + len(open(" \\n").read())'))
    put(folder, b"1", " \n")
    put(folder, b"2", "x" * 255)
    put(folder, b"3", "..a/...")
    put(folder, b"4", os.fsdecode(b"\xff.csv"))


@broken(ALL, "was graded in its place")
def notebook_whose_name_is_no_text(folder):
    put(folder, small.handed_in(), os.fsdecode("张量.ipynb".encode("gbk")))


# The class.

ODD_IDS = ("ada lovelace", "李雷", "o'neill", "{0}", "%s", "[a]*", "-x", "a" * 128)


@pytest.fixture(scope="module")
def ungraded(tmp_path_factory) -> Course:
    """A course with a chapter in its gradebook, to which nobody has handed in anything."""
    folder = tmp_path_factory.mktemp("course")
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    (folder / "solutions" / small.NAME).mkdir(parents=True)
    nbformat.write(small.chapter(), folder / "solutions" / small.NAME / "small.ipynb")
    put_in_gradebook(Course(folder), small.NAME)
    return Course(folder)


@dataclass(frozen=True)
class Graded:
    """A course after the command line graded it."""

    course: Course
    status: int
    said: str
    rows: dict[str, Row]


def grade_from_command_line(course: Course, server: client.ForkServer, *options: str) -> Graded:
    """Run `course-grader grade` with a fork server that is already there."""
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(said):
        patch.setattr(client, "ForkServer", lambda sandboxed, **_: contextlib.nullcontext(server))
        patch.chdir(course.folder)
        status = main(["grade", small.NAME, "--workers", "2", *options])
    with Recorder(course) as recorder:
        return Graded(course, status, said.getvalue(), recorder.graded(small.NAME))


@pytest.fixture(scope="module")
def graded(ungraded, server) -> Graded:
    """The class of all cases and of students with odd ids."""
    for student, case in CASES.items():
        folder = folder_of(ungraded, student)
        case.hand_in(folder)
    for student in ODD_IDS:
        put(folder_of(ungraded, student), small.handed_in())
    return grade_from_command_line(ungraded, server)


def folder_of(course: Course, student: str) -> Path:
    """Where a student hands in."""
    folder = course.path("submitted", student, small.NAME)
    folder.mkdir(parents=True)
    return folder


def points(row: Row) -> tuple[float, ...]:
    """What the three exercises earned."""
    return tuple(row.scores[name] for name in small.POINTS)


def autograded(course: Course, student: str) -> NotebookNode:
    return nbformat.read(course.path("autograded", student, small.NAME) / "small.ipynb", as_version=4)


@pytest.mark.parametrize("student", CASES)
def test_points_and_reason(graded, student):
    case, row = CASES[student], graded.rows[student]
    assert points(row) == case.points, row.reason
    assert row.scores["written"] == (None if case.waits else 0)
    assert all(reason in row.reason for reason in case.reasons), row.reason
    assert bool(row.reason) == bool(case.reasons), row.reason
    assert row.flags == []


def test_everybody_has_a_result_and_the_command_succeeds(graded):
    assert graded.rows.keys() == CASES.keys() | set(ODD_IDS)
    assert graded.status == 0
    assert f"{len(graded.rows)} graded" in graded.said.splitlines()[-1]
    assert "NOT GRADED" not in graded.said


@pytest.mark.parametrize("student", ODD_IDS)
def test_a_student_with_an_odd_id_keeps_all_points(graded, student):
    assert points(graded.rows[student]) == ALL
    assert graded.rows[student].reason == ""


def test_a_reason_is_readable(graded):
    for row in graded.rows.values():
        for line in row.reason.splitlines():
            assert len(line) < 400 and line.isprintable(), line


def test_nbgrader_takes_every_autograded_notebook(graded):
    expected = {nbgrader(cell)["grade_id"]: cell for cell in small.prepared().cells if nbgrader(cell)}
    for student in graded.rows:
        notebook = autograded(graded.course, student)
        nbformat.validate(notebook)
        MetadataValidator().validate_nb(notebook)
        cells = {nbgrader(cell)["grade_id"]: cell for cell in notebook.cells if nbgrader(cell)}
        for name, cell in cells.items():
            assert cell.metadata == expected[name].metadata
        for name in small.POINTS:
            assert cells[name].source == expected[name].source
        assert "written" in cells


def test_nbgrader_writes_its_own_feedback(graded):
    course = graded.course
    config = course.config.copy()
    config.CourseDirectory.assignment_id = small.NAME
    config.CourseDirectory.student_id = "[d-f]*"
    feedback = GenerateFeedback(coursedir=CourseDirectory(config=config), config=config)
    feedback.start()
    wanted = [student for student in CASES if student[0] in "def"]
    assert len(wanted) > 5
    for student in wanted:
        page = (course.path("feedback", student, small.NAME) / "small.html").read_text(encoding="utf-8")
        text = html.unescape(re.sub("<[^>]+>", "", page))
        assert 'check.exercise("first", points=2.0)' in text
        assert "hidden=True" not in text


def test_no_record_comes_from_an_update(graded):
    for student in (name for name in CASES if name.endswith(("updated_to_a_record", "by_a_later_cell"))):
        for cell in autograded(graded.course, student).cells:
            shown = [one for one in cell.get("outputs", ()) if MIME_TYPE in one.get("data", {})]
            assert len(shown) == (2 if is_test(cell) else 0)


def test_a_second_run_has_nothing_to_do(graded, server):
    again = grade_from_command_line(graded.course, server)
    assert again.status == 0
    assert f"nothing to grade, {len(graded.rows)} unchanged" in again.said
    assert again.rows == graded.rows


# What only an instructor can put right: others are graded all the same, and the exit status says so.


def copy_of(course: Course, folder: Path) -> Course:
    """A course with the same chapter, to which nobody has handed in anything."""
    shutil.copytree(
        course.folder, folder, ignore=shutil.ignore_patterns("submitted", "autograded", "feedback")
    )
    return Course(folder)


@pytest.mark.parametrize(
    "student",
    ["two\nlines", "a" * 129, os.fsdecode(b"\xff"), "<img src=x onerror=alert(1)>"],
    ids=["lines", "long", "bytes", "markup"],
)
def test_an_id_that_no_gradebook_takes(ungraded, server, tmp_path, student):
    course = copy_of(ungraded, tmp_path / "course")
    for name in ("ada", student):
        put(folder_of(course, name), small.handed_in())
    graded = grade_from_command_line(course, server, "--force")
    assert graded.status == 1
    assert "ada: 6 of 10 points, 1 to mark by hand, " in graded.said
    assert "NOT GRADED. an id is one line of at most 128 characters" in graded.said
    assert student not in graded.rows


def test_notebooks_one_folder_too_high_are_named(ungraded, server, tmp_path):
    course = copy_of(ungraded, tmp_path / "course")
    ada = folder_of(course, "ada")
    submitted = ada.parents[1]
    for folder in (ada, submitted, submitted / "hal"):
        put(folder, small.handed_in())
    graded = grade_from_command_line(course, server, "--force")
    assert graded.status == 1
    assert "ada: 6 of 10 points" in graded.said
    for name in ("submitted/small.ipynb", "submitted/hal/small.ipynb"):
        assert f"{name}: NOT GRADED. it lies outside of a folder such as STUDENT/01_small" in graded.said


def test_a_file_where_the_folder_of_a_student_should_be(ungraded, server, tmp_path):
    course = copy_of(ungraded, tmp_path / "course")
    for name in ("ada", "bob"):
        put(folder_of(course, name), small.handed_in())
    (course.folder / "autograded").mkdir()
    (course.folder / "autograded" / "ada").write_text("in the way")
    graded = grade_from_command_line(course, server, "--force")
    assert graded.status == 1
    assert "ada: NOT GRADED. FileExistsError" in graded.said
    assert "bob: 6 of 10 points" in graded.said


# The folder of graded notebooks.


def graded_folder(folder: Path) -> tuple[Course, Path]:
    """A course, and where the work of the student of `gradebooks.result` goes."""
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    course = Course(folder)
    return course, course.path("autograded", "ada", gradebooks.FIRST)


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_was_graded_replaces_what_was_there(tmp_path):
    course, folder = graded_folder(tmp_path)
    write_autograded(course, gradebooks.result("ada", files={"old/data.csv": b"1"}))
    write_autograded(course, gradebooks.result("ada", files={"new/data.csv": b"2"}, notebook="[]"))
    assert content(folder) == {"tiny.ipynb": b"[]", "new/data.csv": b"2"}
    assert os.listdir(folder.parent) == [gradebooks.FIRST]


def test_read_only_folders_of_nbgrader_are_replaced(tmp_path):
    course, folder = graded_folder(tmp_path)
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "a.csv").write_text("1")
    for path in (folder / "data" / "a.csv", folder / "data", folder):
        path.chmod(0o444 if path.is_file() else 0o555)
    write_autograded(course, gradebooks.result("ada"))
    assert content(folder) == {"tiny.ipynb": b"{}"}


@pytest.mark.parametrize("kind", ["file", "link", "dangling link"])
def test_what_is_no_folder_is_replaced_and_links_are_not_followed(tmp_path, kind):
    course, folder = graded_folder(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "kept").write_text("kept")
    folder.parent.mkdir(parents=True)
    if kind == "file":
        folder.write_text("in the way")
    else:
        folder.symlink_to(tmp_path / ("elsewhere" if kind == "link" else "nowhere"))
    write_autograded(course, gradebooks.result("ada"))
    assert not folder.is_symlink()
    assert content(folder) == {"tiny.ipynb": b"{}"}
    assert content(tmp_path / "elsewhere") == {"kept": b"kept"}


def test_what_a_killed_grader_left_behind_is_removed(tmp_path):
    course, folder = graded_folder(tmp_path)
    for name in ("new", "old"):
        put(folder.parent / f".{gradebooks.FIRST}.{name}" / "data", b"half", "half.csv")
    write_autograded(course, gradebooks.result("ada"))
    assert content(folder.parent) == {f"{gradebooks.FIRST}/tiny.ipynb": b"{}"}


@pytest.mark.parametrize("name", ["../../escaped", "data/../../escaped", "/tmp/escaped"])
def test_no_file_is_written_outside_of_the_folder(tmp_path, name):
    course, folder = graded_folder(tmp_path)
    before = content(tmp_path)
    with pytest.raises(ValueError, match="would be written outside of"):
        write_autograded(course, gradebooks.result("ada", files={name: b"x"}))
    assert content(tmp_path) == before
    assert not folder.exists() and not Path("/tmp/escaped").exists()


def test_two_graders_at_once_leave_the_whole_of_one(tmp_path):
    course, folder = graded_folder(tmp_path)
    results = [
        gradebooks.result("ada", notebook=f"[{i}]", files={f"{k}.csv": str(i).encode() for k in range(20)})
        for i in range(8)
    ]
    with ThreadPoolExecutor(4) as executor:
        list(executor.map(lambda result: write_autograded(course, result), results))
    last = content(folder)
    assert len(last) == 21
    assert {text.strip(b"[]") for text in last.values()} == {last["0.csv"]}
    assert os.listdir(folder.parent) == [gradebooks.FIRST]
