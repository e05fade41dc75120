"""What can be made out of a file that should be a notebook."""

import json
import sys

import nbformat
import pytest

from course_grader.handed_in.parse import UnreadableNotebook, parse_notebook


def as_json(*cells: object, **fields: object) -> bytes:
    return json.dumps({"cells": list(cells), **fields}).encode()


def code(source: object = "x = 1", **fields: object) -> dict:
    return {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], **fields}


def only_cell(cell: object) -> nbformat.NotebookNode:
    cells, problems = parse_notebook(as_json(cell))
    assert problems == []
    (cell,) = cells
    nbformat.validate(nbformat.v4.new_notebook(cells=[cell]))
    return cell


@pytest.mark.parametrize(
    "content, reason",
    [
        (b"", "the file is empty"),
        (b" \r\n\t", "the file is empty"),
        (bytes(100), "the file is empty"),
        (b"\xef\xbb\xbf", "not JSON"),
        (b"{", "it is not JSON, as notebooks are"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe", "it is not JSON"),
        (b"PK\x03\x04", "it is not JSON"),
        (b"null", "it has no list of cells"),
        (b"3", "it has no list of cells"),
        (b'"cells"', "it has no list of cells"),
        (b"[]", "it has no list of cells"),
        (b"{}", "it has no list of cells"),
        (b'{"cells": null}', "it has no list of cells"),
        (b'{"cells": {"0": {}}}', "it has no list of cells"),
        (b'{"worksheets": []}', "it has no list of cells"),
        (b'{"worksheets": [3, {"cells": 4}]}', "it has no list of cells"),
        (b'{"worksheets": 7}', "it has no list of cells"),
        (b"[" * 100_000, "it is nested too deeply"),
        (b'{"cells": [' + b"1" * 5000 + b"]}", "it is not JSON"),
        (b'{"cells": [' + b"0," * 10_000 + b"0]}", "it has 10,001 cells, and 10,000 is the most"),
        (b'{"cells": [' + b"[]," * 2_000_000 + b"0]}", "it has more than 2,000,000 opening brackets"),
    ],
    ids=lambda value: value if isinstance(value, str) else repr(value[:20]),
)
def test_what_is_no_notebook_says_why(content, reason):
    with pytest.raises(UnreadableNotebook, match=reason):
        parse_notebook(content)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_utf_8_is_read_without_a_word(encoding):
    cells, problems = parse_notebook(
        json.dumps({"cells": [code("é因")]}, ensure_ascii=False).encode(encoding)
    )
    assert [cell.source for cell in cells] == ["é因"]
    assert problems == []


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_other_unicode_is_read_and_mentioned(encoding):
    cells, (problem,) = parse_notebook(
        json.dumps({"cells": [code("é因")]}, ensure_ascii=False).encode(encoding)
    )
    assert [cell.source for cell in cells] == ["é因"]
    assert problem == f"the notebook is {encoding.upper()}, not UTF-8"


def test_bytes_that_are_no_text_are_replaced():
    cells, (problem,) = parse_notebook(as_json(code("# caf@\nx = 1")).replace(b"@", b"\xe9"))
    assert [cell.source for cell in cells] == ["# caf\ufffd\nx = 1"]
    assert "bytes that are no text; they were replaced" in problem


@pytest.mark.parametrize(
    "source, expected",
    [
        ("a\r\nb\rc", "a\nb\nc"),
        (["a\n", "b"], "a\nb"),
        (["a\n", None, 3, "b"], "a\nb"),
        ([], ""),
        ("\ud800", "?"),
        ("\0", "\0"),
        ("\t\ufeff因", "\t\ufeff因"),
    ],
)
def test_sources(source, expected):
    assert only_cell(code(source)).source == expected


@pytest.mark.parametrize(
    "cell",
    [None, 3, "x", [], {}, code(None), code(3), code({}), code(cell_type=None), code(cell_type=["code"])],
)
def test_what_is_no_cell_is_left_out_and_mentioned(cell):
    cells, problems = parse_notebook(as_json(code(), cell))
    assert [cell.source for cell in cells] == ["x = 1"]
    assert problems == ["some cells cannot be made out and were left out"]


@pytest.mark.parametrize(
    "metadata", [None, [], 3, {"nbgrader": None}, {"nbgrader": {"grade_id": 3}}, {"tags": "a"}]
)
def test_strange_metadata_counts_as_none(metadata):
    assert only_cell(code(metadata=metadata)).metadata == {}


def test_of_the_metadata_stays_what_the_grader_looks_at():
    meta = {"grade_id": "ramp", "points": 100, "schema_version": 99, "grade": True}
    cell = only_cell(
        code(
            metadata={
                "nbgrader": meta,
                "tags": ["experiment", None, ["a"], "b,c", "experiment"],
                "deep": [[[]]],
            }
        )
    )
    assert cell.metadata == {"nbgrader": {"grade_id": "ramp"}, "tags": ["experiment"]}


@pytest.mark.parametrize("where", ["metadata", "source", "outputs", "attachments", "id"])
def test_nesting_just_below_what_json_takes(where):
    depth = sys.getrecursionlimit() - 100
    nested = "[" * depth + "]" * depth
    cells, _ = parse_notebook(f'{{"cells": [{{"cell_type": "code", "{where}": {nested}}}]}}'.encode())
    assert [cell.source for cell in cells] == [""]


def test_outputs_are_dropped():
    assert only_cell(code(outputs=[{"output_type": "magic"}], execution_count="three")).outputs == []


def test_pictures_in_text_cells_are_kept():
    pictures = {"a.png": {"image/png": "iVBOR", "text/html": "<script>"}, "b": None, "c": {"image/png": 3}}
    cell = only_cell({"cell_type": "markdown", "source": "![](attachment:a.png)", "attachments": pictures})
    assert cell.attachments == {"a.png": {"image/png": "iVBOR"}}


def test_a_notebook_of_version_3_is_read():
    old = {"cell_type": "code", "language": "python", "input": ["x = 1\n", "y = 2"], "prompt_number": 1}
    heading = {"cell_type": "heading", "level": 2, "source": "Title"}
    content = json.dumps({"nbformat": 3, "worksheets": [{"cells": [heading]}, {"cells": [old]}]}).encode()
    cells, problems = parse_notebook(content)
    assert [(cell.cell_type, cell.source) for cell in cells] == [
        ("markdown", "Title"),
        ("code", "x = 1\ny = 2"),
    ]
    assert problems == []
