"""What is read of a student's folder."""

import os
import socket

import pytest

from course_grader.handed_in import submission
from course_grader.handed_in.submission import printable, read_folder

LIMIT = 1000


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
