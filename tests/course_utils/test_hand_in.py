"""Handing in: what is said about a notebook, how it runs in a fresh kernel, and what is packed."""

import copy
import hashlib
import os
import re
import zipfile
from datetime import datetime

from course_utils import hand_in

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course_format.cells import cases, nbgrader
from course_format.record import Record

NAME = "01_sums"


def meta(name, **changes):
    plain = {"grade": False, "locked": False, "solution": False, "task": False, "schema_version": 3}
    return {"nbgrader": plain | {"grade_id": name} | changes}


def exercise(name, number, expected):
    """The cells of an exercise worth 2 points, half of them in visible cases."""
    test = (
        f'check.exercise("{name}", points=2)\nwith check.case("works", points=0.75):\n'
        f"    check.equal({name}(1), {expected})\n"
        f'with check.case("works again", points=0.25):\n    check.equal({name}(1), {expected})\ncheck.score()'
    )
    return [
        new_markdown_cell(
            f"### Exercise 1.{number}: `{name}` &nbsp; (2 points, about 5 minutes, ★☆☆)\n\nDo."
        ),
        new_code_cell(
            f"def {name}(x):\n    # YOUR CODE HERE\n    raise check.NotDoneYet",
            metadata=meta(name, solution=True),
        ),
        new_code_cell(test, metadata=meta(f"test_{name}", grade=True, locked=True, points=2)),
    ]


def chapter():
    cells = [
        new_markdown_cell("# Sums"),
        new_code_cell("from course_utils import check"),
        new_code_cell("shown = 1", metadata={"tags": ["experiment"]}),
        *exercise("add", 1, 2),
        *exercise("twice", 2, 2),
        new_markdown_cell("### Exercise 1.3: in your own words &nbsp; (2 points)\n\nWhy?"),
        new_markdown_cell(
            "YOUR ANSWER HERE", metadata=meta("written_why", grade=True, solution=True, points=2)
        ),
    ]
    return new_notebook(cells=cells, metadata={"course": {"title": "Sums"}})


def cell(notebook, name):
    return next(one for one in notebook.cells if nbgrader(one).get("grade_id") == name)


def judge(notebook, name, status="passed", message=""):
    """Write records into a test cell, as a run of it leaves them."""
    test = cell(notebook, f"test_{name}")
    test.outputs = [
        new_output(
            "display_data", data=Record(name, one.case, one.points, earned, status, None, message, False).data
        )
        for one in cases(test.source)
        for earned in [one.points if status == "passed" else 0.0]
    ]


@pytest.fixture
def course(tmp_path, monkeypatch):
    """The top folder of a course with one chapter; a function that saves the student's notebook."""
    monkeypatch.chdir(tmp_path)
    for folder in ("notebooks", "work"):
        (tmp_path / folder / NAME).mkdir(parents=True)
        nbformat.write(chapter(), tmp_path / folder / NAME / "sums.ipynb")
    return tmp_path


def save(course, notebook):
    nbformat.write(notebook, course / "work" / NAME / "sums.ipynb")


def found(course):
    return hand_in.find(NAME, course / "notebooks", course / "work")


def said(course, result=None):
    """The report, as one text; of a notebook that is not run if there is no result."""
    work = found(course)
    _, problems = hand_in.files(work)
    return "\n".join(hand_in.report(work, result or hand_in.records(work), problems))


@pytest.mark.parametrize("wanted", ["01_sums", "01", "1", "sums"])
def test_a_chapter_is_found_by_its_name_or_number(course, wanted):
    assert hand_in.find(wanted, course / "notebooks", course / "work").name == NAME


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ("", "say which chapter, as in `make hand-in CHAPTER=01_sums`: there are 01_sums"),
        ("7", "there is no chapter '7', as in `make hand-in CHAPTER=01_sums`: there are 01_sums"),
    ],
)
def test_another_chapter_is_a_clear_error(course, wanted, sentence):
    with pytest.raises(hand_in.CannotHandIn, match=re.escape(sentence)):
        hand_in.find(wanted, course / "notebooks", course / "work")


def test_outside_of_the_course_it_says_where_to_run(tmp_path):
    with pytest.raises(hand_in.CannotHandIn, match="run this in the top folder of the course"):
        hand_in.find("1", tmp_path / "notebooks", tmp_path / "work")


def test_a_notebook_that_is_not_there(course):
    path = course / "work" / NAME / "sums.ipynb"
    path.rename(path.with_name("sums (1).ipynb"))
    with pytest.raises(
        hand_in.CannotHandIn, match=r"only sums \(1\).ipynb: rename the one that is your work"
    ):
        found(course)
    path.with_name("sums (1).ipynb").unlink()
    with pytest.raises(hand_in.CannotHandIn, match="`make lab` copies the chapters"):
        found(course)


def test_a_broken_notebook_is_not_packed_and_its_copy_is_named(course, capsys):
    path = course / "work" / NAME / "sums.ipynb"
    path.write_text("{ broken")
    (path.parent / ".ipynb_checkpoints").mkdir()
    (path.parent / ".ipynb_checkpoints" / "sums-checkpoint.ipynb").write_text("{}")
    assert hand_in.main([NAME]) == 1
    stderr = capsys.readouterr().err
    assert "sums.ipynb is not a notebook any more, so nothing was packed: JupyterLab keeps an older" in stderr
    assert not (course / "hand-in").exists()


def test_another_chapters_notebook_is_not_packed(course):
    save(course, new_notebook(cells=[new_code_cell("1", metadata=meta("other", solution=True))]))
    with pytest.raises(hand_in.CannotHandIn, match="holds no exercise of 01_sums"):
        found(course)


def test_what_is_unfinished_is_named_with_its_points(course):
    notebook = chapter()
    judge(notebook, "add", "failed", "it adds\n  one too much")
    save(course, notebook)
    lines = said(course).splitlines()
    assert "  - Exercise 1.1: `add`, 0 of 1 points: it adds one too much (and 1 more)" in lines
    assert "  - Exercise 1.2: `twice`: you have not run its check" in lines
    assert "  - Exercise 1.3: in your own words: no answer yet" in lines
    assert "Visible checks, as you saved it: 0 of 1 points." not in lines[-1]
    assert lines[-1].startswith("Visible checks, as you saved it: 0 of 2 points. The chapter has 6:")


def test_a_stub_is_not_done(course):
    notebook = chapter()
    judge(notebook, "add", "not done", "not done yet")
    save(course, notebook)
    assert "Exercise 1.1: `add`, 0 of 1 points: not done yet" in said(course)


def test_a_finished_notebook_has_nothing_to_do(course):
    notebook = chapter()
    judge(notebook, "add")
    judge(notebook, "twice")
    cell(notebook, "written_why").source = "Because."
    save(course, notebook)
    assert said(course).splitlines()[1:] == [
        "Visible checks, as you saved it: 2 of 2 points. The chapter has 6: hidden checks and written "
        "answers are judged when it is graded."
    ]


def test_missing_doubled_and_changed_cells_are_named(course):
    notebook = chapter()
    notebook.cells.remove(cell(notebook, "add"))
    doubled = copy.deepcopy(cell(notebook, "twice"))
    doubled.id = "another"
    notebook.cells.append(doubled)
    cell(notebook, "test_add").source += "\nprint(1)"
    save(course, notebook)
    report = said(course)
    assert "the answer cell `add` is missing: copy it from a fresh notebook of the chapter" in report
    assert "the cell `twice` is there 2 times: keep one" in report
    assert "these checks are not as in the course: add (you changed them" in report
    notebook.cells.remove(cell(notebook, "test_twice"))
    save(course, notebook)
    assert "the check of `twice` is missing" in said(course)


def test_a_notebook_whose_cells_lost_their_metadata_is_packed(course):
    notebook = chapter()
    judge(notebook, "add", "failed", "it adds one too much")
    for one in notebook.cells:
        one.metadata = {}
    save(course, notebook)
    report = said(course)
    assert "its cells have lost what marks them as the course's" in report
    assert "is missing" not in report
    assert "Exercise 1.1: `add`, 0 of 1 points: it adds one too much" in report


def test_files_beside_the_notebook_are_packed_but_for_other_notebooks(course):
    folder = course / "work" / NAME
    for name in ("helper.py", "sub/data.csv", ".ipynb_checkpoints/a.ipynb", "__pycache__/b.pyc", ".hidden"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(name)
    (folder / "sums-Copy1.ipynb").write_text("{}")
    (folder / "link.py").symlink_to(course / "elsewhere.py")
    packed, problems = hand_in.files(found(course))
    assert sorted(packed) == ["helper.py", "sub/data.csv", "sums.ipynb"]
    assert packed["sub/data.csv"] == b"sub/data.csv"
    assert problems == ["other notebooks are not packed: sums-Copy1.ipynb"]


def test_a_copy_that_was_saved_later_is_named(course):
    folder = course / "work" / NAME
    nbformat.write(chapter(), folder / "sums-Copy1.ipynb")
    later = (folder / "sums.ipynb").stat().st_mtime + 60
    os.utime(folder / "sums-Copy1.ipynb", (later, later))
    assert "sums-Copy1.ipynb was saved later than sums.ipynb: which of them is your work?" in said(course)


def test_what_is_too_large_is_said_and_the_rest_is_packed(course, monkeypatch):
    folder = course / "work" / NAME
    (folder / "weights.pt").write_bytes(b"0" * 2000)
    (folder / "small.txt").write_text("0")
    size = (folder / "sums.ipynb").stat().st_size
    monkeypatch.setattr(hand_in, "MOST_BYTES", size + 1000)
    packed, problems = hand_in.files(found(course))
    assert sorted(packed) == ["small.txt", "sums.ipynb"]
    assert problems[0].startswith("weights.pt (0.0 MiB) is not packed: grading reads at most 1,000 files of")
    monkeypatch.setattr(hand_in, "MOST_BYTES", size - 1)
    packed, problems = hand_in.files(found(course))
    assert sorted(packed) == ["sums.ipynb"]
    assert "choose Edit > Clear Outputs of All Cells, save, and hand in again" in problems[0]


def test_the_zip_holds_the_notebook_byte_for_byte_in_a_folder_of_the_chapter(course):
    work = found(course)
    path = hand_in.pack(
        work, {"sums.ipynb": work.content, "a/b.py": b"1"}, course / "out", datetime(2026, 3, 4, 5, 6, 7)
    )
    assert path == course / "out" / "01_sums-2026-03-04-050607.zip"
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["01_sums/sums.ipynb", "01_sums/a/b.py"]
        assert archive.read("01_sums/sums.ipynb") == (course / "work" / NAME / "sums.ipynb").read_bytes()
        assert archive.getinfo("01_sums/a/b.py").date_time == (2026, 3, 4, 5, 6, 6)  # zips count in twos


def test_the_command_packs_unfinished_work_and_says_how_to_hand_it_in(course, capsys):
    before = (course / "work" / NAME / "sums.ipynb").read_bytes()
    assert hand_in.main([NAME, "--no-run"]) == 0
    out = capsys.readouterr().out
    [path] = (course / "hand-in").iterdir()
    assert f"Packed: hand-in/{path.name}, with sums.ipynb" in out
    assert f"Checksum (SHA-256): {hashlib.sha256(path.read_bytes()).hexdigest()}" in out
    assert re.search(r"^Time: \d\d:\d\d:\d\d on \d+ \w+ \d{4} \(UTC[+-]\d{4}\)$", out, re.MULTILINE)
    assert f"upload {path.name} to the page of your course" in out
    assert "Running" not in out
    assert (course / "work" / NAME / "sums.ipynb").read_bytes() == before


def test_an_interrupt_packs_nothing(course, monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(hand_in, "run", interrupted)
    assert hand_in.main([NAME]) == 130
    assert "stopped, so nothing was packed" in capsys.readouterr().err
    assert not (course / "hand-in").exists()


TROUBLES = {
    "stale": "left_over",
    "shown": "print(shown)",
    "asks": 'input("who?")',
    "needs": 'open("helper.txt").read(); import helper; open("written.txt", "w").write("1")',
    "misses": 'open("missing.txt")',
    "endless": "import time\nwhile True: time.sleep(0.1)",
    "dies": "import os\nos._exit(1)",
    "behind": "'never runs'",
}


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A notebook full of trouble, run once: (its work, the result, the text of the report)."""
    course = tmp_path_factory.mktemp("course")
    notebook = chapter()
    judge(notebook, "add")
    judge(notebook, "twice")
    cell(notebook, "add").source = "def add(x):\n    return left_over(x)"
    cell(notebook, "twice").source = "def twice(x):\n    return 2 * x"
    notebook.cells += [new_code_cell(source) for source in TROUBLES.values()]
    for folder, what in (("notebooks", chapter()), ("work", notebook)):
        (course / folder / NAME).mkdir(parents=True)
        nbformat.write(what, course / folder / NAME / "sums.ipynb")
    for name in ("helper.py", "helper.txt"):
        (course / "work" / NAME / name).write_text("")
    work = found(course)
    packed, problems = hand_in.files(work)
    with pytest.MonkeyPatch.context() as patch:
        limits = iter([120] * 5 + [120] * (len(TROUBLES) - 3) + [3, 120, 120])
        patch.setattr(hand_in, "_limit", lambda end: next(limits))
        result = hand_in.run(work, packed)
    return work, result, "\n".join(hand_in.report(work, result, problems))


def test_what_only_an_old_kernel_knew_is_found(ran):
    assert hand_in.lost(ran[0], ran[1]) == ["add"]
    assert "Exercise 1.1: `add` passes in your notebook, and not in a fresh kernel" in ran[2]
    assert "Exercise 1.1: `add`, 0 of 1 points: your code stopped with NameError" in ran[2]
    assert "Exercise 1.2" not in ran[2]
    assert "Visible checks, in a fresh kernel: 1 of 2 points." in ran[2]


@pytest.mark.parametrize(
    "sentence",
    [
        "cell 12 (`left_over`): NameError: name 'left_over' is not defined",
        "cell 13 (`print(shown)`): NameError: name 'shown' is not defined (an experiment makes `shown`, and",
        'cell 14 (`input("who?")`): it waits for input, and nobody answers when it is graded',
        'cell 16 (`open("missing.txt")`): FileNotFoundError: [Errno 2] No such file or directory',
        "cell 17 (`import time`) was stopped after 3 s",
        "cell 18 (`import os`) ended the kernel, so the cells below it did not run",
    ],
)
def test_cells_that_fail_in_a_fresh_kernel_are_named(ran, sentence):
    assert f"  - {sentence}" in ran[2]


def test_the_run_has_the_files_that_are_packed_and_leaves_nothing_in_the_students_folder(ran):
    work, result, _ = ran
    assert not any("cell 15" in error for error in result.errors)
    assert sorted(path.name for path in work.folder.iterdir()) == ["helper.py", "helper.txt", "sums.ipynb"]
    assert work.path.read_bytes() == work.content


def test_experiments_are_left_out(ran):
    assert ran[1].skipped == 1


def test_experiments_run_if_asked_and_the_time_is_limited(course):
    notebook = new_notebook(
        cells=[
            new_code_cell("shown = 1", metadata={"tags": ["experiment"]}),
            new_code_cell("assert shown == 1"),
            cell(chapter(), "add"),
        ]
    )
    save(course, notebook)
    result = hand_in.run(found(course), {}, experiments=True)
    assert (result.skipped, result.errors, result.cut) == (0, [], "")
    result = hand_in.run(found(course), {}, seconds=0)
    assert result.cut == "the time was used up before cell 2 (`assert shown == 1`)"
