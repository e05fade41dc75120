"""The rules for a chapter's text: each breach gets one sentence that says what to do."""

import pytest
from course_builder.chapter import Chapter, ChapterError, chapters, fingerprint

HEADER = """\
# ---
# jupyter:
#   course:
#     title: Things
#     summary: What things are
#     minutes: 10
#     prerequisites: [Python]
#   jupytext:
#     formats: ipynb,py:percent
#     notebook_metadata_filter: course
# ---

# %% [markdown]
# **Points:** 2

# %%
from course_utils import check
"""
EXERCISE = """
# %% nbgrader={"grade": false, "grade_id": "thing", "locked": false, "schema_version": 3, "solution": true, "task": false}
def thing():
    ### BEGIN SOLUTION
    return 1
    ### END SOLUTION
"""
TEST = """
# %% nbgrader={"grade": true, "grade_id": "test_thing", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.exercise("thing", points=2)
with check.case("is one", points=1.5):
    check.equal(thing(), 1)
### BEGIN HIDDEN TESTS
with check.case("is not two", points=0.5, hidden=True):
    check.that(thing() != 2, "it is two")
### END HIDDEN TESTS
check.score()
"""
GOOD = HEADER + EXERCISE + TEST


@pytest.fixture
def chapter(tmp_path):
    """A function that writes a chapter's text and returns the chapter."""

    def write(text):
        folder = tmp_path / "01_things"
        folder.mkdir(exist_ok=True)
        (folder / "things.py").write_text(text)
        return Chapter(folder)

    return write


def test_a_good_chapter_is_read(chapter):
    notebook = chapter(GOOD).read()
    assert [cell.id for cell in notebook.cells][2:] == ["thing", "test_thing"]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("#     title: Things\n", "", "the header needs `course: title:` (str)"),
        ("minutes: 10", "minutes: ten", "the header needs `course: minutes:` (int)"),
        (
            "**Points:** 2",
            "**Points:** 3",
            "the first cell must say `**Points:** 2`, the sum of all its exercises",
        ),
        ("points=1.5", "points=1", "test cell 'test_thing' is worth 2 points but its cases add up to 1.5"),
        (
            ", hidden=True",
            "",
            "has a case 'is not two' whose hidden=True does not fit the hidden-tests region",
        ),
        ("### BEGIN HIDDEN TESTS\n", "", "whose hidden=True does not fit the hidden-tests region"),
        ('check.exercise("thing", points=2)', "pass", "must begin with check.exercise('thing', points=2)"),
        ('"is not two"', '"is one"', "test cell 'test_thing' has two cases named 'is one'"),
        ("check.score()\n", "", "must end with check.score()"),
        (
            '"grade_id": "thing"',
            '"grade_id": "other"',
            "exercise 'other' has no test cell with the grade_id 'test_other'",
        ),
        ('"grade_id": "test_thing"', '"grade_id": "thing"', "the grade_id 'thing' is used more than once"),
        ("    return 1\n", "    return (\n", "the cell 'thing' is no valid Python"),
        ("check.that(thing() != 2", "check.that(thing( != 2", "the cell 'test_thing' is no valid Python"),
    ],
)
def test_a_breach_of_the_rules_is_named(chapter, old, new, problem):
    assert old in GOOD
    with pytest.raises(ChapterError) as error:
        chapter(GOOD.replace(old, new)).read()
    assert problem in str(error.value)
    assert str(error.value).startswith("01_things/things.py: ")


def test_a_missing_text_is_named(tmp_path):
    (tmp_path / "02_empty").mkdir()
    with pytest.raises(ChapterError, match=r"02_empty has no text source 02_empty/empty\.py"):
        Chapter(tmp_path / "02_empty").read()


def test_ids_come_from_content_and_are_unique(chapter):
    twice = "\n# %%\n1 + 1\n"
    first, second = (chapter(GOOD + twice + twice).read() for _ in range(2))
    ids = [cell.id for cell in first.cells]
    assert ids == [cell.id for cell in second.cells]
    assert len(set(ids)) == len(ids)
    assert ids[-1] == f"{ids[-2]}-2"


def test_an_id_does_not_depend_on_the_place_of_a_cell(chapter):
    before = {cell.source: cell.id for cell in chapter(GOOD + "\n# %%\n1 + 1\n").read().cells}
    after = {cell.source: cell.id for cell in chapter(GOOD + "\n# %%\n2 + 2\n\n# %%\n1 + 1\n").read().cells}
    assert before.items() <= after.items()


def test_the_fingerprint_sees_source_and_metadata_and_not_outputs(chapter):
    notebook = chapter(GOOD).read()
    before = fingerprint(notebook)
    notebook.cells[1].outputs = [{"output_type": "stream", "name": "stdout", "text": "hello"}]
    assert fingerprint(notebook) == before
    notebook.cells[1].metadata["tags"] = ["experiment"]
    assert fingerprint(notebook) != before


def test_the_chapters_of_the_course_keep_the_rules():
    for chapter in chapters():
        chapter.read()
