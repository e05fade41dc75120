"""Which cells are run for a grade, and that what is left out costs nobody a point."""

import hashlib

import nbformat
import pytest

from course_format.cells import is_experiment, is_test, nbgrader
from course_format.chapter import chapters
from course_grader.inside.own_cell import names_in
from course_grader.run import needs
from tests.course_grader import small
from tests.course_grader.attempts import ALL


def cell(source: str, name: str = "", graded: str = "", experiment: bool = False):
    made = nbformat.v4.new_code_cell(source, id=name or source.split()[0])
    if graded:
        made.metadata["nbgrader"] = {"grade_id": graded, "grade": graded.startswith("test_")}
    if experiment:
        made.metadata["tags"] = ["experiment"]
    return made


IMPORTS = cell("import torch", "imports")
X = cell("x = torch.ones(3)", "x")
GROWN = cell("x.add_(1)", "grown")
Y = cell("y = x + 1", "y")
SHOWN = cell("print(y)", "shown")
ANSWER = cell("def f(): return torch.ones(1)", "f", graded="f")
TEST = cell("n = 3\nf(n)\ncheck.score()", "test_f", graded="test_f")
CHAPTER = [IMPORTS, X, GROWN, Y, SHOWN, ANSWER, TEST]
FIRST = {"imports", "f", "test_f"}


def least(*more, instead_of=None, chapter=CHAPTER, ask=None) -> set[str]:
    """What is run of the chapter's cells with these of the student's added, or put in one's place."""
    cells = [one for one in chapter if one is not instead_of] + list(more)
    names = ask or (lambda sources: [names_in(source) for source in sources])
    return set(needs.plan(cells, chapter, "imports", names).least)


def test_teaching_cells_that_nothing_rests_on_are_left_out():
    assert least() == FIRST


def test_names_lead_from_cell_to_cell_and_to_what_changes_their_values():
    assert least(cell("mine = x", "mine")) == FIRST | {"mine", "x", "grown", "y"}
    uses_y = cell("def f(): return y", "f", graded="f")
    assert least(uses_y, instead_of=ANSWER) == FIRST | {"x", "grown", "y", "shown"}


def test_a_test_that_sets_a_name_does_not_ask_for_the_cell_that_sets_it_too():
    assert least(chapter=[*CHAPTER, cell("n = 5", "n")]) == FIRST


@pytest.mark.parametrize("source", ["globals()['x']", "exec('x')", "get_ipython().run_line_magic('who', '')"])
def test_who_may_use_any_name_gets_all_cells(source):
    assert least(cell(source, "mine")) == {one.id for one in CHAPTER} | {"mine"}


def test_what_only_the_release_has_is_a_teaching_cell():
    """The cell that installs the course elsewhere uses get_ipython; it is known by its id."""
    head = cell("source = 1\nget_ipython()")
    head["id"] = hashlib.sha256(("code" + head.source).encode()).hexdigest()[:12]
    assert least(head) == FIRST
    assert least(head, cell("source", "mine")) == FIRST | {"mine", head.id}
    head.source += "  # changed"
    assert least(head) == {one.id for one in CHAPTER} | {head.id}


def test_cells_whose_names_nobody_could_tell_get_all_cells():
    assert least(cell("1", "mine"), ask=lambda sources: []) == {one.id for one in CHAPTER} | {"mine"}


def test_an_experiment_is_run_with_what_it_rests_on():
    chapter = [*CHAPTER, cell("rate = float(x[0])", "rate", experiment=True)]
    assert least(chapter=chapter) == FIRST
    uses_rate = cell("def f(): return rate", "f", graded="f")
    found = least(uses_rate, instead_of=ANSWER, chapter=chapter)
    assert found == FIRST | {"rate", "x", "grown", "y"}


@pytest.mark.parametrize("chapter", chapters(), ids=lambda chapter: chapter.name)
def test_of_every_chapter_most_teaching_cells_are_left_out(chapter):
    cells = chapter.read().cells
    code = [one for one in cells if one.cell_type == "code"]
    plan = needs.plan(cells, cells, code[0].id, lambda sources: [])
    teaching = {one.id for one in code[1:] if not (nbgrader(one) or is_test(one) or is_experiment(one))}
    assert len(teaching & plan.least) < len(teaching) / 2


def grade(server, teaching: str, **answers: str):
    """Grade right answers, or these, to the small chapter with one more teaching cell."""
    extra = nbformat.v4.new_code_cell(teaching, id="teaching")
    chapter, notebook = small.prepared(), small.handed_in(**answers)
    chapter.cells.insert(2, extra)
    notebook.cells.insert(2, extra)
    return small.grade(server, notebook, chapter=nbformat.writes(chapter))


def ran(result) -> bool:
    """Whether the teaching cell was run in the end."""
    cells = nbformat.reads(result.notebook, as_version=4).cells
    return any(one.outputs for one in cells if one.id == "teaching")


def test_an_answer_may_rest_on_a_teaching_cell(server):
    using = "def second(x):\n    return rate * x"
    result = grade(server, "rate = 2\nprint('taught')", second=using)
    assert (small.earned(result), result.reason) == (ALL, "")
    assert ran(result)
    assert not ran(grade(server, "rate = 2\nprint('taught')"))


def test_an_answer_may_rest_on_what_no_name_tells(server):
    """What a left-out cell leaves in a file: the answer's cell fails, and all are run."""
    reads = "rate = int(open('rate.txt').read())\ndef second(x):\n    return rate * x"
    writes = "with open('rate.txt', 'w') as file: file.write('2')\nprint('taught')"
    result = grade(server, writes, second=reads)
    assert (small.earned(result), result.reason) == (ALL, "")
    assert ran(result)


def test_what_fails_with_all_cells_is_told_once(server):
    result = grade(server, "print('taught')", second="def second(x):\n    return 2 * x\n1 / 0")
    assert small.earned(result) == ALL
    assert result.reason.count("ZeroDivisionError") == 1
    assert ran(result)
