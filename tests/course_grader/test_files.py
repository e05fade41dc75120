"""Files and folders are whole, or as they were."""

from pathlib import Path

import pytest

from course_grader import files


def content(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.*")}


def test_a_folder_is_replaced_and_nothing_of_the_old_one_stays(tmp_path):
    target = tmp_path / "target"
    files.replace_folder(target, {"a.txt": b"1", "in/b.txt": b"2"})
    (target / "in").chmod(0o500)  # as nbgrader leaves folders behind
    files.replace_folder(target, {"in/c.txt": b"3"})
    assert content(tmp_path) == {"target/in/c.txt": b"3"}


def test_what_an_earlier_stop_left_behind_does_not_matter(tmp_path):
    (tmp_path / ".target.new").mkdir()
    (tmp_path / ".target.new" / "half.txt").write_text("half")
    (tmp_path / ".target.old").write_text("a file")
    files.replace_folder(tmp_path / "target", {"a.txt": b"1"})
    assert content(tmp_path) == {"target/a.txt": b"1"}


@pytest.mark.parametrize("name", ["../b.txt", "in/../../b.txt", "/tmp/b.txt"])
def test_a_name_that_leads_out_of_the_folder_changes_nothing(tmp_path, name):
    target = tmp_path / "target"
    files.replace_folder(target, {"a.txt": b"1"})
    with pytest.raises(ValueError, match="would be written outside of"):
        files.replace_folder(target, {"a.txt": b"2", name: b"3"})
    assert content(tmp_path) == {"target/a.txt": b"1"}


def test_the_folder_itself_may_lie_above(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    files.write_files(Path("..", "target"), {"a.txt": b"1"})
    assert content(tmp_path) == {"target/a.txt": b"1"}


def test_a_text_is_written_into_a_new_folder_and_leaves_nothing_else(tmp_path):
    path = files.write_atomically(tmp_path / "new" / "page.html", "one\ud800\r\n")
    files.write_atomically(path, "two\r\n")
    assert [*path.parent.iterdir()] == [path]
    assert path.read_bytes() == b"two\r\n"


def test_the_folder_itself_may_be_named_by_a_way_up(tmp_path):
    (tmp_path / "here").mkdir()
    files.write_files(tmp_path / "here" / ".." / "there", {"a.txt": b"1"})
    assert content(tmp_path) == {"there/a.txt": b"1"}
