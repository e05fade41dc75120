"""The notebook that is run: the chapter's own tests, the student's own answers, whatever was handed in."""

import copy
import json
import random
from collections.abc import Callable

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader.nbgraderformat import MetadataValidator

from course_format.cells import is_test, nbgrader
from course_format.chapter import NOTEBOOKS, chapters, set_ids
from course_grader.handed_in import assemble as module
from course_grader.handed_in.assemble import Assembled, assemble
from course_grader.handed_in.released import is_as_built
from course_grader.run import engine
from tests.course_grader import small

CHAPTER = small.prepared()
GRADED = {nbgrader(cell)["grade_id"]: cell for cell in CHAPTER.cells if nbgrader(cell)}
TESTS = [name for name in GRADED if name.startswith("test_")]
ANSWERS = {"first", "second", "third", "written"}


def assembled(notebook: NotebookNode | dict | bytes, **changes: object) -> Assembled:
    return check(assemble(small.job(notebook, **changes)))


def check(result: Assembled) -> Assembled:
    """What holds for every assembled notebook."""
    nbformat.validate(result.notebook)
    MetadataValidator().validate_nb(result.notebook)
    names = names_in(result)
    assert len(set(names)) == len(names)
    assert {*TESTS, "written"} <= set(names)
    for cell in result.notebook.cells:
        if nbgrader(cell):
            own = GRADED[nbgrader(cell)["grade_id"]]
            assert (cell.cell_type, cell.metadata) == (own.cell_type, own.metadata)
            assert cell.source == own.source or cell.id in ANSWERS
        else:
            assert cell.metadata in ({}, {"tags": ["experiment"]})
        if cell.cell_type == "code":
            assert cell.outputs == []
    assert len({cell.id for cell in result.notebook.cells}) == len(result.notebook.cells)
    assert all(problem.isprintable() for problem in result.problems), result.problems
    assert result.unanswered <= ANSWERS
    return result


def names_in(result: Assembled) -> list[str]:
    """The grade_ids of an assembled notebook in their order."""
    return [nbgrader(cell)["grade_id"] for cell in result.notebook.cells if nbgrader(cell)]


def sources_in(result: Assembled) -> list[str]:
    return [cell.source for cell in result.notebook.cells]


def answer(result: Assembled, name: str) -> str:
    return next(cell.source for cell in result.notebook.cells if nbgrader(cell).get("grade_id") == name)


def place(notebook: NotebookNode, name: str) -> int:
    return next(i for i, cell in enumerate(notebook.cells) if cell.id == name)


def without(*names: str, **answers: str) -> NotebookNode:
    notebook = small.handed_in(**answers)
    notebook.cells = [cell for cell in notebook.cells if cell.id not in names]
    return notebook


def with_cell(source: str, at: int, base: NotebookNode | None = None, **fields: object) -> NotebookNode:
    """A notebook with one more code cell."""
    notebook = base or small.handed_in()
    notebook.cells.insert(at, new_code_cell(source, **fields))
    return notebook


UNTOUCHED = {name: GRADED[name].source for name in ANSWERS}


def test_a_right_notebook_is_the_chapter_with_its_answers():
    result = assembled(small.handed_in())
    assert [cell.id for cell in result.notebook.cells] == [cell.id for cell in CHAPTER.cells]
    assert {name: answer(result, name) for name in ANSWERS} == small.RIGHT
    assert (result.problems, result.unanswered) == ((), frozenset())


def test_an_untouched_notebook_is_the_chapter():
    result = assembled(small.handed_in(**UNTOUCHED))
    assert sources_in(result) == [cell.source for cell in CHAPTER.cells]
    assert (result.problems, result.unanswered) == ((), ANSWERS)


def test_other_line_ends_are_no_answer():
    stub = GRADED["first"].source.replace("\n", "\r\n")
    assert assembled(small.handed_in(first=stub)).unanswered == {"first"}


def test_an_emptied_cell_is_an_answer_as_for_nbgrader():
    assert assembled(small.handed_in(first="")).unanswered == frozenset()


def test_a_deleted_solution_is_unanswered_and_its_stub_hides_no_other_cell():
    result = assembled(without("first"))
    assert "first" not in names_in(result)
    assert result.unanswered == {"first"}
    assert result.problems == ("these cells are missing: first",)


@pytest.mark.parametrize("name", TESTS)
def test_a_deleted_test_goes_behind_its_exercise(name):
    result = assembled(without(name))
    assert names_in(result) == list(GRADED)
    assert result.problems == (f"these cells are missing, and were put back: {name}",)


def test_a_deleted_test_goes_behind_the_cells_added_for_it():
    unrecognised = "if True:\n    def second(x): return 2 * x"
    result = assembled(with_cell(unrecognised, 4, without("second", "test_second")))
    sources = sources_in(result)
    assert sources.index(unrecognised) == sources.index(GRADED["test_second"].source) - 1
    assert [name for name in names_in(result) if name in TESTS] == TESTS


@pytest.mark.parametrize("at", [2, 5, 8])
def test_an_added_solution_counts_wherever_it_stands_and_its_test_comes_later(at):
    notebook = with_cell(small.RIGHT["second"], at, without("second"))
    result = assembled(notebook)
    names = names_in(result)
    assert names.index("second") < names.index("test_second")
    assert result.unanswered == frozenset()
    assert result.problems[0] == (
        "these cells have lost their names, and were recognised by what they contain: second"
    )


@pytest.mark.parametrize("at", [2, 5, 8])
def test_an_added_solution_counts_in_place_of_an_untouched_stub(at):
    result = assembled(with_cell(small.RIGHT["second"], at, small.handed_in(second=UNTOUCHED["second"])))
    assert answer(result, "second") == small.RIGHT["second"]
    assert UNTOUCHED["second"] not in sources_in(result)


def test_an_added_cell_does_not_count_beside_a_worked_on_one():
    scratch = "def second(x):\n    return 17"
    result = assembled(with_cell(scratch, 2))
    assert answer(result, "second") == small.RIGHT["second"]
    assert scratch in sources_in(result)
    assert result.problems == ()


def test_an_added_solution_with_the_tag_of_an_experiment_is_run():
    notebook = with_cell(small.RIGHT["second"], 4, without("second"), metadata={"tags": ["experiment"]})
    assert answer(assembled(notebook), "second") == small.RIGHT["second"]


def test_an_exercise_that_defines_nothing_is_not_found_in_every_cell():
    chapter = small.prepared()
    chapter.cells[place(chapter, "first")].source = "print(0)"
    notebook = with_cell("x = 1", 2, small.handed_in(first="print(0)"))
    result = assemble(small.job(notebook, chapter=nbformat.writes(chapter)))
    assert answer(result, "first") == "print(0)"


@pytest.mark.parametrize(
    "opening",
    [
        'check.exercise("second", points=3)',
        "check.exercise('second', points=9)",
        '# mine\n\ncheck.exercise( "second")',
    ],
)
def test_a_test_cell_without_a_name_is_recognised_by_its_first_statement(opening):
    result = assembled(with_cell(opening, 5, without("test_second")))
    assert names_in(result) == list(GRADED)
    assert opening not in sources_in(result)


@pytest.mark.parametrize(
    "source",
    [
        'def first(x):\n    return x + 1\ncheck.exercise("second", points=3)',
        'NOTE = """\ncheck.exercise("second", points=3)\n"""',
        'if True:\n    check.exercise("second", points=3)',
        '# check.exercise("second", points=3)',
        'my_check.exercise("second", points=3)',
    ],
)
def test_a_cell_that_only_mentions_a_test_is_none(source):
    result = assembled(with_cell(source, 1, without("test_second")))
    assert source in sources_in(result)
    assert "these cells are missing, and were put back: test_second" in result.problems


def test_a_copy_of_the_test_in_an_own_cell_is_no_second_test():
    source = 'check.exercise("second", points=3)\nmy = "experiment"'
    result = assembled(with_cell(source, 5))
    assert source in sources_in(result)
    assert result.problems == ()


def test_a_test_above_its_exercise_is_run_behind_it():
    notebook = small.handed_in()
    notebook.cells.insert(0, notebook.cells.pop(place(notebook, "test_third")))
    result = assembled(notebook)
    assert names_in(result) == list(GRADED)
    assert result.problems == ("these cells stood before their exercise, and were run behind it: test_third",)


def test_the_order_of_the_exercises_is_the_students():
    notebook = small.handed_in()
    notebook.cells.reverse()
    assert [name for name in names_in(assembled(notebook)) if name in ANSWERS] == [
        "written",
        "third",
        "second",
        "first",
    ]


def copies(name: str, *sources: str, test_at: int | None = None) -> NotebookNode:
    """A notebook with several cells of one name, in a row."""
    notebook = small.handed_in()
    at = place(notebook, name)
    cell = notebook.cells.pop(at)
    for i, source in enumerate(sources):
        notebook.cells.insert(at + i, nbformat.from_dict(cell | {"source": source, "id": f"{name}-{i}"}))
    return notebook


@pytest.mark.parametrize(
    "sources, counts",
    [
        (("a = 1", "stub"), "a = 1"),
        (("stub", "a = 1"), "a = 1"),
        (("a = 1", "b = 2"), "b = 2"),
        (("a = 1", ""), "a = 1"),
        (("stub", "a = 1", "stub", "b = 2", "stub"), "b = 2"),
        (("stub", "stub"), "stub"),
    ],
)
def test_of_several_answers_the_last_that_was_worked_on_counts(sources, counts):
    sources = [UNTOUCHED["second"] if source == "stub" else source for source in sources]
    result = assembled(copies("second", *sources))
    assert answer(result, "second") == (UNTOUCHED["second"] if counts == "stub" else counts)
    assert sources_in(result).count(UNTOUCHED["second"]) == (counts == "stub")
    assert all(source in sources_in(result) for source in sources if source != UNTOUCHED["second"])
    assert "these cells are there more than once, and one of each counts: second" in result.problems


def test_an_answer_below_the_test_counts_only_if_there_is_none_above():
    notebook = small.handed_in()
    again = copy.deepcopy(notebook.cells[place(notebook, "second")]) | {"id": "again", "source": "draft = 1"}
    notebook.cells.append(nbformat.from_dict(again))
    assert answer(assembled(notebook), "second") == small.RIGHT["second"]
    notebook.cells[place(notebook, "second")].source = UNTOUCHED["second"]
    result = assembled(notebook)
    assert answer(result, "second") == "draft = 1"
    assert names_in(result).index("second") < names_in(result).index("test_second")


def test_a_changed_copy_of_a_test_is_an_ordinary_cell():
    released = small.handed_in().cells[place(CHAPTER, "test_second")].source
    result = assembled(copies("test_second", "helper = 1", released, "other = 2"))
    assert {"helper = 1", "other = 2"} <= set(sources_in(result))


@pytest.mark.parametrize("kind", ["markdown", "raw"])
@pytest.mark.parametrize("name", ["first", "test_first"])
def test_a_cell_of_another_type_is_graded_in_its_own(name, kind):
    notebook = small.handed_in()
    notebook.cells[place(notebook, name)]["cell_type"] = kind
    result = assembled(notebook)
    assert names_in(result) == list(GRADED)
    assert answer(result, "first") == small.RIGHT["first"]
    assert result.problems == (f"these cells had their type changed, and were graded in their own: {name}",)


# Written answers.


def written(result: Assembled) -> NotebookNode:
    return next(cell for cell in result.notebook.cells if cell.id == "written")


def test_a_deleted_written_answer_is_unanswered():
    result = assembled(without("written"))
    assert answer(result, "written") == UNTOUCHED["written"]
    assert result.unanswered == {"written"}


def test_a_written_answer_may_stand_in_another_cell_and_a_person_looks():
    notebook = without("written")
    notebook.cells.insert(3, new_markdown_cell("Because it is so."))
    result = assembled(notebook)
    assert "may be in another cell" in answer(result, "written")
    assert "Because it is so." in sources_in(result)
    assert result.unanswered == frozenset()


def test_a_written_answer_without_a_name_is_recognised_behind_its_question():
    notebook = without("written")
    notebook.cells.append(new_markdown_cell("Because it is so."))
    result = assembled(notebook)
    assert answer(result, "written") == "Because it is so."


def test_what_the_chapter_says_behind_a_question_is_no_answer():
    notebook = without("written")
    notebook.cells.append(notebook.cells.pop(place(notebook, "title")))
    result = assembled(notebook)
    assert answer(result, "written") == UNTOUCHED["written"]
    assert "# Small" in sources_in(result)


def test_a_picture_pasted_into_a_written_answer_is_kept():
    notebook = small.handed_in(written="![](attachment:a.png)")
    notebook.cells[place(notebook, "written")]["attachments"] = {"a.png": {"image/png": "iVBOR"}}
    assert written(assembled(notebook)).attachments == {"a.png": {"image/png": "iVBOR"}}


# Experiments and other cells.


def tags(result: Assembled, source: str) -> list[str]:
    return next(c.metadata.get("tags", []) for c in result.notebook.cells if c.source == source)


def test_experiments_are_left_out_whatever_became_of_their_tags():
    training = "print('an experiment ran')"
    notebook = small.handed_in()
    cell = notebook.cells[place(notebook, "training")]
    assert tags(assembled(notebook), training) == ["experiment"]
    for metadata in ({}, {"tags": []}, {"tags": None}, {"tags": [["experiment"]]}, None):
        cell["metadata"] = metadata
        assert tags(assembled(notebook), training) == ["experiment"]


def test_an_experiment_with_something_added_is_the_students_own():
    notebook = small.handed_in()
    cell = notebook.cells[place(notebook, "training")]
    assert cell.metadata.tags == ["experiment"]
    cell.source += "\ndef helper(x): return x"
    assert tags(assembled(notebook), cell.source) == []


def test_a_split_experiment_is_the_students_own():
    notebook = small.handed_in()
    at = place(notebook, "training")
    for source in ("print('an experiment", "ran')"):
        notebook.cells.insert(at, new_code_cell(source, metadata={"tags": ["experiment"]}))
        assert tags(assembled(notebook), source) == []


def test_an_experiment_of_an_older_version_of_the_chapter_is_one():
    notebook = small.handed_in()
    older = notebook.cells[place(notebook, "training")]
    older.source = "print('an older experiment')"
    set_ids(notebook)  # as the build did
    assert tags(assembled(notebook), older.source) == ["experiment"]
    older.source += "\nx = 1"
    assert tags(assembled(notebook), older.source) == []


def test_the_build_makes_the_ids_of_cells_from_their_content():
    chapter = chapters()[0]
    released = nbformat.read(NOTEBOOKS / chapter.name / f"{chapter.stem}.ipynb", as_version=4)
    # The first cell has its time and points filled in after its text is read.
    assert all(is_as_built(cell) for cell in released.cells[1:] if not nbgrader(cell))


def test_no_tag_reaches_a_graded_cell():
    notebook = small.handed_in()
    for cell in notebook.cells:
        cell.metadata["tags"] = ["experiment", "skip-execution"]
    assert names_in(assembled(notebook)) == list(GRADED)  # `check` has looked at their metadata


def test_metadata_of_other_cells_is_dropped():
    meta = {"nbgrader": {"grade_id": "bonus", "grade": True, "points": 100, "solution": False}}
    assert "bonus" not in names_in(assembled(with_cell("1", 1, metadata=meta)))


@pytest.mark.parametrize("change", ["delete", "markdown"])
def test_missing_imports_are_put_back(change):
    notebook = without("imports") if change == "delete" else small.handed_in()
    if change == "markdown":
        notebook.cells[place(notebook, "imports")]["cell_type"] = "markdown"
    result = assembled(notebook)
    first = result.notebook.cells[0]
    assert (first.cell_type, first.source) == ("code", small.IMPORTS)
    assert result.problems == ("the first code cell, with the imports, is missing and was put back",)


def test_changed_imports_stay_as_they_are():
    notebook = small.handed_in()
    notebook.cells[place(notebook, "imports")].source += "\nimport numpy"
    result = assembled(notebook)
    assert small.IMPORTS not in sources_in(result)
    assert result.problems == ()


# Which notebook.


def files(**notebooks: NotebookNode | bytes) -> dict[str, bytes]:
    return {
        f"{name}.ipynb": content if isinstance(content, bytes) else json.dumps(content).encode()
        for name, content in notebooks.items()
    }


def graded_one(**notebooks: NotebookNode | bytes) -> tuple[str, tuple[str, ...]]:
    """(the written answer of the notebook that was graded, the problems)."""
    result = check(assemble(small.job(b"", files=files(**notebooks))))
    return answer(result, "written"), result.problems


def test_the_right_name_counts_if_anything_is_answered_in_it():
    one = small.handed_in(**UNTOUCHED | {"written": "here"})
    said, problems = graded_one(small=one, copy=small.handed_in(written="there"), broken=b"")
    assert said == "here"
    assert problems == ("other notebooks were handed in and not graded: broken.ipynb, copy.ipynb",)


@pytest.mark.parametrize("right", [b"", small.handed_in(**UNTOUCHED), {"cells": []}])
def test_else_the_one_with_most_answers_counts(right):
    half = small.handed_in(first="", second="", written="half")
    said, problems = graded_one(small=right, a=half, b=small.handed_in(written="whole"), c=half)
    assert said == "whole"
    assert "small.ipynb has no answers; b.ipynb was graded in its place" in problems


def test_without_the_right_name_any_notebook_counts():
    said, problems = graded_one(Small=small.handed_in(written="here"))
    assert said == "here"
    assert problems == ("small.ipynb is missing; Small.ipynb was graded in its place",)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"cells": 3}'])
def test_without_a_readable_notebook_the_chapter_is_graded(content):
    result = assembled(content)
    assert sources_in(result) == [cell.source for cell in CHAPTER.cells]
    assert result.unanswered == ANSWERS
    assert result.problems[0].startswith("small.ipynb cannot be read: ")
    assert result.problems[1] == (
        "there is no notebook small.ipynb to grade, so all exercises count as not done"
    )


def test_problems_with_files_come_first():
    result = assembled(without("test_first"), problems=("a.csv was left out",))
    assert result.problems[0] == "a.csv was left out"


def test_a_notebook_without_any_cell_of_the_chapter():
    result = assembled({"cells": [new_code_cell("x = 1"), new_markdown_cell("Hello")]})
    assert result.problems == ("no cell of this chapter is in it: is it another notebook?",)
    assert result.unanswered == ANSWERS


def test_five_thousand_cells():
    notebook = small.handed_in()
    notebook.cells[5:5] = [{"cell_type": "code", "source": f"x{i} = {i}", "id": "same"} for i in range(5000)]
    assert len(assembled(notebook).notebook.cells) == 5000 + len(CHAPTER.cells)


# What nobody has thought of.


@pytest.mark.parametrize(
    "error", [KeyError("grade_id"), RecursionError(), MemoryError(), ValueError("a\nb" * 500)]
)
def test_an_unexpected_error_is_a_result_like_any_other(server, monkeypatch, error):
    def fail(*_):
        raise error

    monkeypatch.setattr(module, "merge", fail)
    result = engine.grade(small.job(small.handed_in(), problems=("a.csv was left out",)), server)
    assert result.scores == {**dict.fromkeys(TESTS, 0), "written": 0}
    assert result.unanswered == ANSWERS
    first, second = result.reason.splitlines()
    assert first == "a.csv was left out"
    assert second.startswith(
        f"the notebook cannot be graded, so all exercises count as not done ({type(error).__name__}"
    )
    assert len(second) < 400


STRANGE = (
    None,
    True,
    -1,
    10**30,
    1.5,
    float("nan"),
    "",
    "code",
    "\ud800\0\r",
    "first",
    "test_first",
    [],
    {},
    [[]],
    [None],
)


def mutate(notebook: dict, chance: random.Random) -> None:
    """Break something, somewhere."""
    where, key = chance.choice(list(_places(notebook)))
    change: Callable = chance.choice((_replace, _replace, _remove, _swap, _repeat))
    change(where, key, chance, notebook)


def _places(value: object):
    """(a list or dict, an index or key of it), for everything inside of a document."""
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])


def _replace(where, key, chance, notebook):
    where[key] = copy.deepcopy(chance.choice(STRANGE))


def _remove(where, key, chance, notebook):
    del where[key]


def _swap(where, key, chance, notebook):
    other, other_key = chance.choice(list(_places(notebook)))
    where[key], other[other_key] = copy.deepcopy(other[other_key]), copy.deepcopy(where[key])


def _repeat(where, key, chance, notebook):
    if isinstance(where, list):
        where.insert(chance.randrange(len(where)), copy.deepcopy(where[key]))


@pytest.mark.parametrize("seed", range(15))
def test_no_broken_notebook_breaks_the_assembly(seed):
    chance = random.Random(seed)
    good = json.dumps(small.handed_in())
    for _ in range(20):
        notebook = json.loads(good)
        for _ in range(chance.choice((1, 2, 5, 20))):
            mutate(notebook, chance)
        result = assembled(json.dumps(notebook).encode())
        assert not any("cannot be graded" in problem for problem in result.problems), result.problems


@pytest.mark.parametrize("seed", range(5))
def test_no_broken_bytes_break_the_assembly(seed):
    chance = random.Random(seed)
    good = json.dumps(small.handed_in()).encode()
    for _ in range(20):
        content = bytearray(good)
        for _ in range(chance.choice((1, 3, 30))):
            content[chance.randrange(len(content))] = chance.randrange(256)
        result = assembled(bytes(content[: chance.choice((len(content), chance.randrange(len(content))))]))
        assert not any("cannot be graded" in problem for problem in result.problems), result.problems


def test_what_was_handed_in_changes_no_test_of_the_next():
    before = json.dumps(CHAPTER)
    assembled(small.handed_in(first="x"))
    assert json.dumps(CHAPTER) == before
    assert [cell.source for cell in CHAPTER.cells if is_test(cell)] == [GRADED[name].source for name in TESTS]
