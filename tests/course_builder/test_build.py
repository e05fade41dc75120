"""The build: what it makes, what it leaves alone, and what it refuses."""

import shutil
from fnmatch import fnmatch
from itertools import pairwise

import jupytext
import nbformat
import pytest
from jupyter_server.services.contents.largefilemanager import LargeFileManager
from jupytext.sync_contentsmanager import build_sync_jupytext_contents_manager_class
from traitlets.config.loader import PyFileConfigLoader

from course_builder import build
from course_format.cells import is_test, nbgrader
from course_format.chapter import (
    BUILT,
    NOTEBOOKS,
    ROOT,
    Chapter,
    ChapterError,
    chapters,
    fingerprint,
    is_edited,
)
from tests.course_format.test_rules import GOOD
from tests.leaks import leaked, secret_lines

CHAPTERS = chapters()
each_chapter = pytest.mark.parametrize("chapter", CHAPTERS, ids=[chapter.name for chapter in CHAPTERS])


def test_both_folders_name_the_same_chapters():
    assert [c.name for c in CHAPTERS] == sorted(path.name for path in NOTEBOOKS.iterdir())
    for chapter in CHAPTERS:
        assert (NOTEBOOKS / chapter.name / f"{chapter.stem}.ipynb").is_file()


@each_chapter
def test_the_solved_notebook_is_the_text(chapter):
    built, text = nbformat.read(chapter.solved, as_version=4), chapter.read()
    advice = f"run `make build`: {chapter.solved.name} is not what {chapter.text.name} says"
    assert fingerprint(built) == fingerprint(text), advice
    assert not is_edited(built), advice
    assert built.metadata[BUILT].minutes == text.metadata[BUILT].minutes, advice


@each_chapter
def test_the_text_is_as_jupyterlab_would_write_it(chapter):
    text = chapter.text.read_text()
    assert jupytext.writes(jupytext.reads(text, "py:percent"), "py:percent") == text


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    folder = tmp_path_factory.mktemp("release")
    build.release(CHAPTERS, folder)
    return folder / NOTEBOOKS.name


@each_chapter
def test_releasing_anew_changes_no_byte(chapter, released):
    mine = {path.name: path.read_bytes() for path in (NOTEBOOKS / chapter.name).iterdir()}
    anew = {path.name: path.read_bytes() for path in (released / chapter.name).iterdir()}
    assert mine == anew, "run `make build`, and do not edit notebooks/ by hand"


@each_chapter
def test_the_solved_notebook_ran_quietly_and_in_order(chapter):
    built = nbformat.read(chapter.solved, as_version=4)
    code = [cell for cell in built.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    for cell in code:
        assert all(out.output_type != "error" and out.get("name") != "stderr" for out in cell.outputs), (
            cell.source
        )


@each_chapter
def test_no_solution_or_hidden_test_reaches_the_release(chapter):
    text = (NOTEBOOKS / chapter.name / f"{chapter.stem}.ipynb").read_text(encoding="utf-8")
    sources = "\n".join(cell.source for cell in nbformat.reads(text, as_version=4).cells)
    assert leaked(secret_lines(chapter, "SOLUTION", "HIDDEN TESTS"), sources) == set()
    for word in ("BEGIN SOLUTION", "BEGIN HIDDEN", "Mark scheme", "jupytext"):
        assert word not in text


@each_chapter
def test_the_release_folds_test_cells_and_no_exercise(chapter):
    cells = nbformat.read(NOTEBOOKS / chapter.name / f"{chapter.stem}.ipynb", as_version=4).cells
    for cell in cells:
        folded = cell.metadata.get("jupyter", {}).get("source_hidden", False)
        if is_test(cell):
            assert folded, cell.id
        elif nbgrader(cell):
            assert not folded, cell.id


def test_nothing_but_notebooks_is_released():
    assert {path.suffix for path in NOTEBOOKS.rglob("*") if path.is_file()} == {".ipynb"}


@each_chapter
def test_the_release_keeps_the_still_picture_and_no_other_output(chapter):
    cells = nbformat.read(NOTEBOOKS / chapter.name / f"{chapter.stem}.ipynb", as_version=4).cells
    with_output = [cell for cell in cells if cell.get("outputs")]
    assert len(with_output) == 1
    assert "still" in with_output[0].metadata["tags"]
    assert "<img" in with_output[0].outputs[0].data["text/html"]


# --- a small course of its own ----------------------------------------------------------------------------


def course_in(folder, monkeypatch):
    """Let this folder be the course. Returns its one chapter."""
    monkeypatch.setattr(build, "ROOT", folder)
    monkeypatch.setattr(build, "NOTEBOOKS", folder / "notebooks")
    monkeypatch.setattr(build, "chapters", lambda: chapters(folder / "solutions"))
    return Chapter(folder / "solutions" / "01_things")


def write_course(folder):
    """A course of one tiny chapter."""
    chapter = folder / "solutions" / "01_things"
    chapter.mkdir(parents=True)
    (chapter / "things.py").write_text(GOOD)
    shutil.copy(ROOT / "nbgrader_config.py", folder)


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A course of one tiny chapter, which is not built yet."""
    write_course(tmp_path)
    return course_in(tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def built_course(tmp_path_factory):
    """The folder of the same course, built once."""
    folder = tmp_path_factory.mktemp("built")
    write_course(folder)
    with pytest.MonkeyPatch.context() as patch:
        course_in(folder, patch)
        build.build()
    return folder


@pytest.fixture
def built(built_course, tmp_path, monkeypatch):
    """A copy of it, as its build left it."""
    shutil.copytree(built_course, tmp_path, dirs_exist_ok=True)
    return course_in(tmp_path, monkeypatch)


def stamps(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_building_twice_touches_nothing(built):
    before = stamps(built.folder.parents[1])
    build.build()
    after = stamps(built.folder.parents[1])
    assert before == after


def test_a_changed_text_is_built_again(built):
    built.text.write_text(GOOD.replace("return 1", "return 2 - 1"))
    build.build()
    assert "return 2 - 1" in built.solved.read_text()


def test_a_chapter_is_built_without_a_gpu_wherever_it_is_built(small, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    small.text.write_text(
        GOOD + "\n# %%\nimport os\nprint('GPUs:', os.environ['CUDA_VISIBLE_DEVICES'] or 'none')\n"
    )
    build.build()
    assert "GPUs: none" in small.solved.read_text()


def test_a_chapter_that_does_not_run_leaves_the_old_one(built):
    before = built.solved.read_bytes()
    built.text.write_text(GOOD + "\n# %%\n2 + 2\n1 / 0\n")
    last = built.text.read_text().count("\n")
    with pytest.raises(ChapterError, match=rf"^01_things/things\.py, line {last}: ZeroDivisionError: div"):
        build.build()
    assert built.solved.read_bytes() == before


def test_a_cell_that_does_not_end_is_named(small, monkeypatch):
    monkeypatch.setattr(build, "CELL_SECONDS", 1)
    small.text.write_text(GOOD.replace("from course_utils", "while True:\n    pass\nfrom course_utils"))
    line = small.text.read_text()[: small.text.read_text().index("while")].count("\n") + 1
    with pytest.raises(
        ChapterError, match=rf"^01_things/things\.py, line {line}: this cell runs longer than"
    ):
        build.build()


def test_a_chapter_that_writes_to_stderr_is_refused(small):
    small.text.write_text(GOOD + "\n# %%\nimport warnings\nwarnings.warn('beware')\n")
    with pytest.raises(ChapterError, match="writes to standard error"):
        build.build()


def test_what_is_printed_in_a_row_is_one_output(small):
    flushed = "print(1, flush=True)\nprint(2, flush=True)\ndisplay(3)\nprint(4)"
    small.text.write_text(f"{GOOD}\n# %%\n{flushed}\n")
    build.build()
    outputs = nbformat.read(small.solved, as_version=4).cells[-1].outputs
    assert [output.get("text") or output.data["text/plain"] for output in outputs] == ["1\n2\n", "3", "4\n"]


@each_chapter
def test_no_output_is_in_pieces(chapter):
    for cell in nbformat.read(chapter.solved, as_version=4).cells:
        names = [output.get("name") for output in cell.get("outputs", [])]
        assert not any(one and one == other for one, other in pairwise(names)), cell.source


def test_a_wrong_solution_is_refused(small):
    small.text.write_text(GOOD.replace("return 1", "return 3"))
    with pytest.raises(
        ChapterError, match=r"line \d+: the chapter's own solution fails: ✗ is one: expected 1, found 3"
    ):
        build.build()


def edit(path):
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[1].source += "\nprint('by hand')"
    nbformat.write(notebook, path)


def test_an_edited_solved_notebook_is_not_overwritten(built):
    edit(built.solved)
    with pytest.raises(ChapterError, match=r"^solutions/01_things/things\.ipynb was edited by hand: move"):
        build.build()
    assert "by hand" in built.solved.read_text()


def test_an_edited_release_is_not_overwritten(built):
    path = built.folder.parents[1] / "notebooks" / "01_things" / "things.ipynb"
    edit(path)
    with pytest.raises(ChapterError, match=r"^notebooks/01_things/things\.ipynb was edited by hand: make"):
        build.build()
    assert "by hand" in path.read_text()


def test_a_broken_solved_notebook_is_named(small):
    small.solved.write_text('{"cells": [')
    with pytest.raises(
        ChapterError, match=r"^solutions/01_things/things\.ipynb is broken: delete it and run"
    ):
        build.build()


def save_in_jupyterlab(small, change):
    """Open the solved notebook as JupyterLab does, change its cells, and save it."""
    manager = build_sync_jupytext_contents_manager_class(LargeFileManager)(root_dir=str(small.folder))
    shutil.copy(ROOT / "pyproject.toml", small.folder)  # holds jupytext's settings
    model = manager.get("things.ipynb")
    change(model["content"]["cells"])
    manager.save(model, path="things.ipynb")


def test_editing_the_solved_notebook_in_jupyterlab_keeps_the_text_in_step(built):
    def change(cells):
        for cell in cells:
            cell["source"] = cell["source"].replace("return 1", "return 3 - 2")
        cells.append(nbformat.v4.new_code_cell("1 + 1"))

    save_in_jupyterlab(built, change)
    assert all(new in built.text.read_text() for new in ("return 3 - 2", "1 + 1"))
    build.build()
    assert fingerprint(built.read()) == fingerprint(nbformat.read(built.solved, as_version=4))


def test_one_sentence_changed_in_jupyterlab_changes_one_line_of_the_text(built):
    # The build has written time and points into the notebook, and saving brings them into the text.
    built.text.write_text(
        GOOD.replace("**Time:** x.", "**Time:** about 0.5 hours.").replace("** x.", "** 3.")
    )
    build.build()
    before = built.text.read_text().splitlines()

    def change(cells):
        cells[-1]["source"] = cells[-1]["source"].replace("Because.", "Because it is.")

    save_in_jupyterlab(built, change)
    after = built.text.read_text().splitlines()
    assert [(old, new) for old, new in zip(before, after, strict=True) if old != new] == [
        ("**Model answer.** Because.", "**Model answer.** Because it is.")
    ]
    build.build()
    assert "Because it is." in built.solved.read_text()


def test_a_change_in_the_header_alone_is_built(built):
    built.text.write_text(GOOD.replace("title: Things", "title: Other things"))
    build.build()
    assert nbformat.read(built.solved, as_version=4).metadata["course"]["title"] == "Other things"


def test_everything_is_refused_before_anything_is_written(built):
    second = built.folder.parent / "02_more"
    shutil.copytree(built.folder, second)
    (second / "more.py").write_text(GOOD.replace("points=1.5", "points=1"))
    built.text.write_text(GOOD.replace("return 1", "return 2 - 1"))
    before = stamps(built.folder.parents[1])
    with pytest.raises(ChapterError, match=r"^02_more/more\.py, line \d+: test 'thing' is worth 2 points"):
        build.build()
    assert stamps(built.folder.parents[1]) == before


def test_the_texts_beside_a_solved_notebook_are_not_released(small):
    (small.folder / "worked.md").write_text("## thing\n")
    build.build()
    released = small.folder.parents[1] / "notebooks" / small.name
    assert [path.name for path in released.iterdir()] == ["things.ipynb"]


def test_nbgrader_ignores_the_texts_beside_a_solved_notebook():
    config = PyFileConfigLoader("nbgrader_config.py", path=str(ROOT)).load_config()
    names = {path.name for chapter in CHAPTERS for path in chapter.folder.iterdir() if path.is_file()}
    kept = {name for name in names if not any(fnmatch(name, p) for p in config.CourseDirectory.ignore)}
    assert kept == {chapter.solved.name for chapter in CHAPTERS}


def test_the_build_says_what_it_wrote(small):
    root = small.folder.parents[1]
    written = [small.solved, root / "notebooks" / "01_things" / "things.ipynb"]
    assert build.build() == written
    assert build.build() == []


def test_an_unknown_chapter_is_named(small):
    with pytest.raises(ChapterError, match="there is no chapter 99_none in solutions/"):
        build.build(["99_none"])
