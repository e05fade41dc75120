"""Worked solutions: nothing before the checks have passed, code and reasoning after."""

import course_utils as cu
from course_utils import _worked, check

import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell
from nbformat.v4 import new_code_cell

from course_format.cells import is_test
from course_format.chapter import NOTEBOOKS, SOLUTIONS, chapters
from tests.course_utils.small_course import STUB, TEST, chapter, said, save, write

PASSED = said("works", "passed"), said("works with nothing", "passed")
FAILED = said("works", "passed"), said("works with nothing", "failed", "an empty *list* has no first element")
CODE = "def a():\n    ### BEGIN SOLUTION\n    return 'the code of the solution'\n    ### END SOLUTION"
REASONING = "# Things\n\n## a\n\nBecause it works.\n\n## other\n\nNot this one.\n"
SHOWN = """\
**Worked solution of `a`**

```python
def a():
    return 'the code of the solution'
```

Because it works.
"""


@pytest.fixture
def course(tmp_path, monkeypatch):
    """The top folder of a course with solutions/, in which nothing was done; the student is in 01_one."""
    monkeypatch.setattr(_worked, "ROOT", tmp_path)
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    monkeypatch.setattr(check._cell, "_passed", {})
    _, work = write(tmp_path)
    other = chapter()
    other.cells[2].metadata["nbgrader"]["grade_id"] = "elsewhere"
    other.cells[3].metadata["nbgrader"]["grade_id"] = "test_elsewhere"
    nbformat.write(other, tmp_path / "notebooks" / "02_two" / "two.ipynb")
    solved = tmp_path / "solutions" / "01_one"
    solved.mkdir(parents=True)
    nbformat.write(chapter(answer=CODE), solved / "one.ipynb")
    (solved / "worked.md").write_text(REASONING)
    save(work, "01_one", chapter())
    monkeypatch.chdir(work / "01_one")
    return tmp_path


def shown(capsys, exercise="a"):
    cu.worked(exercise)
    return capsys.readouterr().out


def test_it_opens_once_the_saved_checks_have_passed(course, capsys):
    save(course / "work", "01_one", chapter(*PASSED, answer="a = 1"))
    assert shown(capsys) == SHOWN


def test_it_can_be_asked_for_from_anywhere(course, capsys, monkeypatch):
    save(course / "work", "01_one", chapter(*PASSED))
    monkeypatch.chdir(course)
    assert shown(capsys) == SHOWN


@pytest.mark.parametrize("records", [(), FAILED, PASSED[:1]], ids=["never run", "failed", "broke off"])
def test_before_it_says_what_is_missing_and_shows_nothing(course, capsys, records):
    save(course / "work", "01_one", chapter(*records))
    said = shown(capsys)
    assert "`a`: the worked solution opens once all visible checks have passed." in said
    assert "save the notebook, then run this cell again" in said
    assert ("has no first element" in said) == (records == FAILED)
    assert "the code of the solution" not in said and "Because it works" not in said


def test_a_broken_notebook_opens_nothing(course, capsys):
    (course / "work" / "01_one" / "one.ipynb").write_text("{ broken")
    said = shown(capsys)
    assert "\none.ipynb is not a notebook (any more): restore it from a copy.\n" in said
    assert "the code of the solution" not in said


def test_what_was_passed_in_this_session_counts_before_it_is_saved(course, monkeypatch):
    shell, showing = InteractiveShell(), []
    monkeypatch.setattr(InteractiveShell, "initialized", lambda: True)
    monkeypatch.setattr(InteractiveShell, "instance", lambda: shell)
    monkeypatch.setattr(_worked, "display", lambda what: showing.append(what.data))
    shell.user_ns["check"] = check
    shell.run_cell("def a():\n    return 1")
    cu.worked("a")
    shell.run_cell(TEST)
    cu.worked("a")
    assert "opens once" in showing[0]
    assert showing[-1] + "\n" == SHOWN


def test_claim_cards_that_were_passed_in_this_session_count_though_they_define_no_such_name(
    course, monkeypatch
):
    shell, showing = InteractiveShell(), []
    monkeypatch.setattr(InteractiveShell, "initialized", lambda: True)
    monkeypatch.setattr(InteractiveShell, "instance", lambda: shell)
    monkeypatch.setattr(_worked, "display", lambda what: showing.append(what.data))
    shell.user_ns["check"] = check
    claims = TEST.replace("    pass", "    check.that(answers, 'not answered yet')", 1)
    for answers in (["true"], []):
        shell.user_ns["answers"] = answers
        shell.run_cell(claims)
        cu.worked("a")
    assert [said.startswith("**Worked solution") for said in showing] == [True, False]


def test_of_claim_cards_the_solution_is_shown_without_the_stub(tmp_path):
    cards = "a = {'one': '?'}\n### BEGIN SOLUTION\na = {'one': 'b'}\n### END SOLUTION"
    (tmp_path / "01_one").mkdir()
    nbformat.write(chapter(answer=cards), tmp_path / "01_one" / "one.ipynb")
    (tmp_path / "01_one" / "worked.md").write_text(REASONING)
    assert "## a\n\n```python\na = {'one': 'b'}\n```\n" in _worked.page(tmp_path / "01_one")


def test_an_answer_may_be_asked_for_by_itself(course, capsys):
    def a():
        """Defined as the exercise is."""

    assert shown(capsys, a) == shown(capsys, "a")


def test_a_grader_gets_nothing(course, capsys, monkeypatch):
    save(course / "work", "01_one", chapter(*PASSED))
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    assert shown(capsys) == ""


def test_a_pack_without_worked_solutions_says_so(course, capsys):
    save(course / "work", "01_one", chapter(*PASSED))
    (course / "solutions").rename(course / "elsewhere")
    assert shown(capsys).startswith("This course came without worked solutions.")


def test_a_pack_with_them_shows_the_same(course, capsys):
    save(course / "work", "01_one", chapter(*PASSED))
    (course / "worked").mkdir()
    (course / "worked" / "01_one.md").write_text(_worked.page(course / "solutions" / "01_one"))
    (course / "solutions").rename(course / "elsewhere")
    assert shown(capsys) == SHOWN


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("elsewher", "There is no exercise `elsewher`: do you mean `elsewhere`?"),
        ("qqq", "There is no exercise `qqq` with checks."),
        ("written_b", "There is no exercise `written_b` with checks."),
    ],
)
def test_an_unknown_exercise_is_named(course, capsys, name, says):
    assert shown(capsys, name) == says + "\n"


def test_a_name_that_two_chapters_have_is_that_of_the_chapter_at_work(course, capsys, monkeypatch):
    nbformat.write(chapter(), course / "notebooks" / "02_two" / "two.ipynb")
    save(course / "work", "01_one", chapter(*PASSED))
    assert shown(capsys) == SHOWN
    monkeypatch.chdir(course)
    assert shown(capsys).startswith("More than one chapter has an exercise `a`")


@pytest.mark.parametrize("name", [one.name for one in chapters()])
def test_every_exercise_has_its_code_and_its_reasoning(name):
    text, reasons = _worked.page(SOLUTIONS / name), (SOLUTIONS / name / "worked.md").read_text()
    (released,) = (NOTEBOOKS / name).glob("*.ipynb")
    tests = [cell for cell in nbformat.read(released, as_version=4).cells if is_test(cell)]
    exercises = [cell.id.removeprefix("test_") for cell in tests]
    for exercise in exercises:
        why = _worked.section(reasons, exercise)
        assert len(why.split()) > 20, f"{exercise} is not explained"
        found = _worked.section(text, exercise)
        assert found.startswith("```python\n") and found.endswith(f"```\n\n{why}")
        assert "### " not in found and STUB.splitlines()[1].strip() not in found


def test_the_cells_of_a_student_are_not_read_as_headings():
    code = new_code_cell("## a comment, not a heading\n").source
    assert _worked.section(f"## a\n\n```python\n{code}```\n\nWhy.\n\n## b\n\nx", "a").endswith("Why.")
