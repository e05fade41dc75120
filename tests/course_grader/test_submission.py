"""What is read of a student's folder, and what can be made out of a file that should be a notebook."""

import json
import os
import socket
import sys

import nbformat
import pytest

from course_grader.handed_in import submission
from course_grader.handed_in.submission import UnreadableNotebook, parse_notebook, printable, read_folder

LIMIT = 1000


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


# Folders.


def test_files_are_read_with_their_paths(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.csv").write_bytes(b"1,2")
    (tmp_path / "tensors.ipynb").write_bytes(b"{}")
    assert read_folder(tmp_path, LIMIT) == ({"tensors.ipynb": b"{}", "data/a.csv": b"1,2"}, [])


@pytest.mark.parametrize(
    "name",
    [".ipynb_checkpoints/a-checkpoint.ipynb", "__MACOSX/a.ipynb", "._a.ipynb", "timestamp.txt", ".DS_Store"],
)
def test_what_programs_leave_behind_is_no_part_of_a_submission(tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(b"junk")
    assert read_folder(tmp_path, LIMIT) == ({}, [])


def test_a_course_below_a_folder_of_checkpoints_is_read(tmp_path):
    folder = tmp_path / ".ipynb_checkpoints"
    folder.mkdir()
    (folder / "a.csv").write_bytes(b"1")
    assert read_folder(folder, LIMIT) == ({"a.csv": b"1"}, [])


@pytest.mark.parametrize("target", ["secret", "folder", "nowhere", "link", "/etc/passwd", ".."])
def test_links_are_left_out(tmp_path, target):
    handed_in = tmp_path / "handed_in"
    (handed_in / "folder").mkdir(parents=True)
    (tmp_path / "secret").write_text("secret")
    (handed_in / "link").symlink_to(target if target != "secret" else tmp_path / "secret")
    expected = ["link was left out: it is a link or no regular file"]
    assert read_folder(handed_in, LIMIT) == ({}, expected)


@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_special_files_are_left_out_and_nobody_waits_for_them(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)  # the path of a socket has at most 108 bytes
    if kind == "pipe":
        os.mkfifo("special.ipynb")
    else:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("special.ipynb")
    expected = ["special.ipynb was left out: it is a link or no regular file"]
    assert read_folder(tmp_path, LIMIT) == ({}, expected)


def test_a_file_that_becomes_a_pipe_before_it_is_opened_is_left_out(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"1")
    really_open = os.open

    def swapped(path, flags):
        path.unlink()
        os.mkfifo(path)
        return really_open(path, flags)

    monkeypatch.setattr(os, "open", swapped)
    assert read_folder(tmp_path, LIMIT) == ({}, ["a was left out: it is a link or no regular file"])


def test_files_share_the_limit_and_notebooks_come_first(tmp_path):
    for name, size in {"a.csv": 600, "b.ipynb": 700, "c.ipynb": 200, "d.csv": 90}.items():
        (tmp_path / name).write_bytes(bytes(size))
    files, problems = read_folder(tmp_path, LIMIT)
    assert set(files) == {"b.ipynb", "c.ipynb", "d.csv"}
    assert problems == ["a.csv was left out: it has 600 bytes, and 10 are left for it"]


def test_a_sparse_file_of_a_terabyte_is_not_read(tmp_path):
    (tmp_path / "small.ipynb").touch()
    os.truncate(tmp_path / "small.ipynb", 2**40)
    _, problems = read_folder(tmp_path, LIMIT)
    assert problems == ["small.ipynb was left out: it has 1,099,511,627,776 bytes, and 1,000 are left for it"]


def test_a_file_that_may_not_be_read_is_left_out(tmp_path, monkeypatch):
    (tmp_path / "locked").write_bytes(b"1")
    monkeypatch.setattr(os, "open", _refuse)  # root may read everything, so the system would not refuse
    assert read_folder(tmp_path, LIMIT) == (
        {},
        ["locked was left out: it cannot be read (Permission denied)"],
    )


def test_a_folder_that_may_not_be_read_is_left_out(tmp_path, monkeypatch):
    (tmp_path / "locked").mkdir()
    really_scan = os.scandir
    monkeypatch.setattr(
        os, "scandir", lambda path: really_scan(path) if "locked" not in path else _refuse(path)
    )
    expected = ["the folder locked was left out: it cannot be read (Permission denied)"]
    assert read_folder(tmp_path, LIMIT) == ({}, expected)


def _refuse(path, *_):
    raise PermissionError(13, "Permission denied", str(path))


def test_only_what_lies_beside_notebooks_and_not_in_their_place():
    names = ("a.csv", "data/a.csv", "A.IPYNB", "a.ipynb.txt", "a.ipynb/a.csv", "data/a.ipynb")
    assert list(submission.beside_notebooks(dict.fromkeys(names, b""))) == ["a.csv", "data/a.csv"]
    assert [name for name in names if submission.is_notebook(name)] == [
        "A.IPYNB",
        "a.ipynb.txt",
        "data/a.ipynb",
    ]


def test_a_folder_with_the_name_of_a_notebook(tmp_path):
    (tmp_path / "tensors.ipynb").mkdir()
    assert read_folder(tmp_path, LIMIT) == ({}, ["tensors.ipynb is a folder, not a notebook"])


@pytest.mark.parametrize("kind", ["file", "link", "nothing"])
def test_only_a_folder_is_a_submission(tmp_path, kind):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.csv").write_bytes(b"1")
    path = tmp_path / "submission"
    if kind == "file":
        path.write_bytes(b"1")
    elif kind == "link":
        path.symlink_to(tmp_path / "real")
    expected = ["the submission is a link or a file, not a folder; it was not read"]
    assert read_folder(path, LIMIT) == ({}, expected)


@pytest.mark.parametrize(
    "name", [" ", "a b.csv", "line\nbreak", "..a", "-rf", "x" * 255, "张量.csv", "\\", "tab\t"]
)
def test_odd_file_names_are_kept(tmp_path, name):
    (tmp_path / name).write_bytes(b"1")
    assert read_folder(tmp_path, LIMIT) == ({name: b"1"}, [])


def test_names_that_are_no_text(tmp_path):
    for name in (b"\xff.csv", b"\xff.ipynb", b"\xfe.ipynb"):
        (tmp_path / os.fsdecode(name)).write_bytes(b"1")
    files, problems = read_folder(tmp_path, LIMIT)
    assert files == {"?.ipynb": b"1"}
    expected = "?.ipynb was left out: its name is not UTF-8", "?.csv was left out: its name is not UTF-8"
    assert problems == list(expected)


def test_a_sentence_about_a_file_is_one_short_line(tmp_path):
    (tmp_path / ("a\n\u202e" + "x" * 200)).symlink_to("nowhere")
    _, (problem,) = read_folder(tmp_path, LIMIT)
    assert problem.startswith(r"a\n\u202exxx") and problem.isprintable() and len(problem) < 200


def test_printable_leaves_other_alphabets_alone():
    assert printable("张量 (1).ipynb") == "张量 (1).ipynb"


def test_very_many_files(tmp_path, monkeypatch):
    monkeypatch.setattr(submission, "MOST_FILES", 3)
    for number in range(40):
        (tmp_path / f"{number:02}.csv").touch()
    files, problems = read_folder(tmp_path, LIMIT)
    assert set(files) == {"00.csv", "01.csv", "02.csv"}
    assert problems[0] == "03.csv was left out: a submission has at most 3 files"
    assert problems[-1] == "17 more were left out"
    assert len(problems) == 21


def test_folders_nested_very_deeply(tmp_path):
    shallow, deep = (tmp_path.joinpath(*["d"] * levels) for levels in (20, 21))
    deep.mkdir(parents=True)
    for folder in (shallow, deep):
        (folder / "a.csv").touch()
    files, problems = read_folder(tmp_path, LIMIT)
    assert list(files) == ["d/" * 20 + "a.csv"]
    assert problems == ["folders below 20 levels of folders were left out"]


# Notebooks.


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
