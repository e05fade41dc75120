"""The rules for a chapter's text: each breach gets one sentence with its line that says what to do."""

import pytest

from course_format.cells import nbgrader
from course_format.chapter import BUILT, Chapter, ChapterError, chapters, fingerprint

HEADER = """\
# ---
# jupyter:
#   course:
#     prerequisites:
#     - Python
#     summary: What things are
#     title: Things
#   jupytext:
#     cell_metadata_filter: all,-nbgrader
#     formats: ipynb,py:percent
#     notebook_metadata_filter: course,kernelspec,jupytext,-jupytext.text_representation
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
r\"\"\"
# 1 Things

**Time:** x. **You need:** Python. **Points:** x.
\"\"\"

# %%
from course_utils import check

# %% [markdown]
r\"\"\"
### Exercise 1.1: `thing` &nbsp; (2 points, about 10 minutes, ★☆☆)
\"\"\"

"""
EXERCISE = """\
# %% exercise="thing"
def thing():
    ### BEGIN SOLUTION
    return 1
    ### END SOLUTION

"""
TEST = """\
# %% test="thing"
check.exercise("thing", points=2)
with check.case("is one", points=1.5):
    check.equal(thing(), 1)
### BEGIN HIDDEN TESTS
with check.case("is not two", points=0.5, hidden=True):
    check.that(thing() != 2, "it is two")
### END HIDDEN TESTS
check.score()

"""
WRITTEN = """\
# %% [markdown]
r\"\"\"
### Exercise 1.2: in your own words &nbsp; (1 point, about 5 minutes, marked by your instructor)
\"\"\"

# %% [markdown] written="why" points=1
r\"\"\"
**Model answer.** Because.
\"\"\"
"""
GOOD = HEADER + EXERCISE + TEST + WRITTEN


def line_of(text, part):
    """The 1-based line on which a part of the text begins."""
    return text[: text.index(part)].count("\n") + 1


@pytest.fixture
def chapter(tmp_path):
    """A function that writes a chapter's text and returns the chapter."""

    def write(text):
        folder = tmp_path / "01_things"
        folder.mkdir(exist_ok=True)
        (folder / "things.py").write_bytes(text.encode() if isinstance(text, str) else text)
        return Chapter(folder)

    return write


def test_a_good_chapter_is_read_and_filled_in(chapter):
    notebook = chapter(GOOD).read()
    assert [cell.id for cell in notebook.cells if nbgrader(cell)] == ["thing", "test_thing", "written_why"]
    assert [nbgrader(cell).get("points") for cell in notebook.cells if nbgrader(cell)] == [None, 2, 1]
    assert [nbgrader(cell)["locked"] for cell in notebook.cells if nbgrader(cell)] == [False, True, False]
    assert "**Time:** about 0.5 hours. **You need:** Python. **Points:** 3." in notebook.cells[0].source
    assert notebook.metadata[BUILT] == {"minutes": 30}


NO_PARTNER = "has no partner"
BREACHES = {
    "no title": ("#     title: Things\n", "", 1, "the header needs `course: title:` (str)"),
    "a number for a title": ("title: Things", "title: 3", 1, "the header needs `course: title:` (str)"),
    "a key too many": ("#     title:", "#     level: 1\n#     title:", 1, "unknown `course: level:`"),
    "no time": ("**Time:** x. ", "", 1, "the first cell needs `**Time:** x."),
    "points that do not add up": ("points=1.5", "points=1", "check.exercise", "its cases add up to 1.5"),
    "a heading with other points": ("(2 points", "(3 points", "# %% test", "the heading above says 3 points"),
    "no heading": ("(2 points, about 10 minutes, ★☆☆)", "", "# %% test", "needs a heading above it"),
    "hidden outside": (", hidden=True", "", 'with check.case("is not two"', "needs hidden=True inside"),
    "hidden not begun": ("### BEGIN HIDDEN TESTS\n", "", "### END HIDDEN", NO_PARTNER),
    "hidden not closed": (
        "### END HIDDEN TESTS\n",
        "",
        "### BEGIN HIDDEN",
        "`### END HIDDEN TESTS` is missing",
    ),
    "hidden in a solution": (
        "    return 1",
        "    ### BEGIN HIDDEN TESTS\n    return 1\n    ### END HIDDEN TESTS",
        "    ### BEGIN HIDDEN",
        "a hidden tests region goes into a cell with `test=...` in its header",
    ),
    "a mark scheme in a solution": (
        "    return 1",
        "    ### BEGIN MARK SCHEME\n    return 1\n    ### END MARK SCHEME",
        "    ### BEGIN MARK",
        "a mark scheme region goes into a cell with `written=...` in its header",
    ),
    "a marker in other words": (
        "### END SOLUTION",
        "# END SOLUTION",
        "# END SOL",
        "write the marker as `### END",
    ),
    "no solution": (
        "    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION",
        "    return 1",
        "# %% exercise",
        "needs `### BEGIN SOLUTION` and `### END SOLUTION`, found none",
    ),
    "two solutions": (
        "    ### END SOLUTION\n",
        "    ### END SOLUTION\n    ### BEGIN SOLUTION\n    ### END SOLUTION\n",
        38,
        "this is a second solution in one function",
    ),
    "a solution not closed": ("    ### END SOLUTION\n", "", "    ### BEGIN", "`### END SOLUTION` is missing"),
    "a solution not begun": ("    ### BEGIN SOLUTION\n", "", "    ### END", NO_PARTNER),
    "no opening": (
        'check.exercise("thing", points=2)',
        "pass",
        "# %% test",
        "must begin with check.exercise",
    ),
    "another exercise": (
        'check.exercise("thing"',
        'check.exercise("other"',
        "check.exercise",
        "check.exercise names 'other', the header 'thing'",
    ),
    "one case twice": ('"is not two"', '"is one"', "# %% test", "has two cases named 'is one'"),
    "no score": ("check.score()\n", "", "# %% test", "must end with check.score()"),
    "no test": (TEST, "", "# %% exercise", 'needs its test cell right below it: `# %% test="thing"`'),
    "no exercise": (EXERCISE, "", "# %% test", "must be right above it"),
    "a name twice": (WRITTEN, EXERCISE + TEST, 49, "the name 'thing' is used more than once"),
    "one name in two answers": (
        WRITTEN,
        WRITTEN.split("# %% [markdown] written")[0] + (EXERCISE + TEST).replace('"thing"', '"other"'),
        '# %% exercise="other"',
        "exercise 'other' defines 'thing', and so does exercise 'thing'",
    ),
    "no Python": (
        "    return 1\n",
        "    return (\n",
        "    return (",
        "is no valid Python: '(' was never closed",
    ),
    "no Python in another cell": (
        "from course_utils import check\n",
        "from course_utils import check\n%matplotlib inline\nx = (1,\n",
        "x = (1,",
        "this cell is no valid Python: '(' was never closed",
    ),
    "no Python in a test": ("thing() != 2", "thing( != 2", "check.that", "is no valid Python"),
    "a test that reads the source": (
        "    check.equal(thing(), 1)",
        "    check.that(inspect.getsource(thing), 'it is empty')",
        "    check.that(inspect",
        "test 'thing': a test looks at answers from outside, and `inspect` looks inside",
    ),
    "a test that reads the code": (
        "    check.equal(thing(), 1)",
        "    check.equal(thing.__code__.co_argcount, 0)",
        "    check.equal(thing.__code__",
        "`__code__` looks inside",
    ),
    "an import that looks inside": (
        "    check.equal(thing(), 1)",
        "    import gc",
        "    import gc",
        "`gc` looks inside",
    ),
    "an answer called outside of a case": (
        'with check.case("is one"',
        'one = thing()\nwith check.case("is one"',
        "one = thing()",
        "call `thing` in a case, so that its errors are told there",
    ),
    "a result kept for the next case": (
        "    check.equal(thing(), 1)\n### BEGIN HIDDEN TESTS\n"
        'with check.case("is not two", points=0.5, hidden=True):\n',
        "    one = thing()\n    check.equal(one, 1)\n### BEGIN HIDDEN TESTS\n"
        'with check.case("is not two", points=0.5, hidden=True):\n    check.that(one != 3, "it is three")\n',
        "    check.that(one != 3",
        "`one` is from an earlier case: call the answer again",
    ),
    "a gradient through an answer": (
        "    check.equal(thing(), 1)",
        "    one = thing()\n    (one * one).backward()",
        "    (one * one).backward()",
        "gradients through an answer need check.gradient or check.backward",
    ),
    "another gradient through an answer": (
        "    check.equal(thing(), 1)",
        "    torch.autograd.grad(thing().sum(), [])",
        "    torch.autograd.grad",
        "gradients through an answer need check.gradient or check.backward",
    ),
    "a tag with a mistake": (
        "# %%\nfrom",
        '# %% tags=["experimnet"]\nfrom',
        '# %% tags=["exp',
        "the tag 'experimnet' is not one of experiment, still",
    ),
    "a key with a mistake": ("# %% exercise=", "# %% exercize=", "# %% exercize", "'exercize' is not one of"),
    "a header without a space": ("# %%\nfrom", "#%%\nfrom", "#%%", "malformed cell header"),
    "a title in a header": ("# %%\nfrom", "# %% Imports\nfrom", "# %% Imports", "malformed cell header"),
    "a value without quotes": (
        'exercise="thing"',
        "exercise=thing",
        "# %% exercise",
        "is no JSON; a text needs quotes",
    ),
    "a name with a space": (
        'exercise="thing"',
        'exercise="my thing"',
        "# %% exercise",
        "the name of an exercise",
    ),
    "written without points": (
        ' points=1\nr"',
        '\nr"',
        '# %% [markdown] written="why"',
        "its name and its points",
    ),
    "text that is not closed": (
        'Because.\n"""\n',
        "Because.\n",
        '# %% [markdown] written="why"',
        "is not closed",
    ),
    "text below a text": (
        '★☆☆)\n"""\n',
        '★☆☆)\n"""\nMore about it.\n',
        "More about it.",
        'below the closing """',
    ),
    "a text that is not raw": (
        '# %% [markdown]\nr"""\n# 1',
        '# %% [markdown]\n"""\n# 1',
        18,
        "is a raw string",
    ),
}


@pytest.mark.parametrize(("old", "new", "where", "problem"), BREACHES.values(), ids=BREACHES)
def test_a_breach_of_the_rules_is_named(chapter, old, new, where, problem):
    assert old in GOOD
    text = GOOD.replace(old, new, 1)
    with pytest.raises(ChapterError) as error:
        chapter(text).read()
    assert problem in str(error.value)
    line = where if isinstance(where, int) else line_of(text, where)
    assert str(error.value).startswith(f"01_things/things.py, line {line}: ")


@pytest.mark.parametrize(
    "test",
    [
        "    net.eval()\n    check.equal(thing(), 1)",  # a mode, and no look inside
        "    check.equal((lambda: thing())(), 1)",
        "    expected.sum().backward()\n    check.equal(thing(), 1)",  # through a reference
        "    one = thing()\n    check.backward(one)",
    ],
)
def test_what_a_test_may_do_is_no_breach(chapter, test):
    chapter(GOOD.replace("    check.equal(thing(), 1)", test)).read()


def test_a_backward_of_the_students_own_may_be_called(chapter):
    own = """class thing:
    ### BEGIN SOLUTION
    def backward(self): return 1
    ### END SOLUTION
"""
    text = GOOD.replace(EXERCISE, f'# %% exercise="thing"\n{own}\n')
    chapter(text.replace("    check.equal(thing(), 1)", "    thing().backward()")).read()


def test_a_byte_order_mark_is_named(chapter):
    with pytest.raises(ChapterError, match=r"things\.py, line 1: begins with a byte-order mark"):
        chapter("\ufeff" + GOOD).read()


def test_what_is_no_text_is_named(chapter):
    with pytest.raises(ChapterError, match=r"01_things/things\.py is not UTF-8 text"):
        chapter(b"\xff\xfe" + GOOD.encode()).read()


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
    before = {cell.source: cell.id for cell in chapter(GOOD + "\n# %%\n1 + 1\n").read().cells[1:]}
    after = {cell.source: cell.id for cell in chapter(GOOD + "\n# %%\n2 + 2\n\n# %%\n1 + 1\n").read().cells}
    assert before.items() <= after.items()


def test_the_fingerprint_sees_source_and_metadata_and_not_outputs(chapter):
    notebook = chapter(GOOD).read()
    before = fingerprint(notebook)
    notebook.cells[1].outputs = [{"output_type": "stream", "name": "stdout", "text": "hello"}]
    assert fingerprint(notebook) == before
    notebook.cells[1].metadata["tags"] = ["experiment"]
    tagged = fingerprint(notebook)
    assert tagged != before
    notebook.metadata["course"]["title"] = "Other things"
    assert fingerprint(notebook) != tagged


def test_the_time_follows_from_words_cells_and_exercises(chapter):
    minutes = chapter(GOOD).read().metadata[BUILT].minutes
    assert minutes == 30  # 1.3 * (37 words / 120 + 1 cell + 15 minutes of exercises), in half hours
    longer = GOOD.replace("# 1 Things", "# 1 Things\n\n" + "word " * 1200)
    assert chapter(longer).read().metadata[BUILT].minutes == 60  # 13 minutes more
    folded = longer.replace("word " * 1200, "<details>\n" + "word " * 1200 + "</details>")
    assert chapter(folded).read().metadata[BUILT].minutes == 30


def test_two_functions_that_need_each_other_have_a_solution_each(chapter):
    both = EXERCISE + EXERCISE.split("\n", 1)[1].replace("def thing", "def things")
    assert "def things" in chapter(GOOD.replace(EXERCISE, both)).read().cells[3].source


def test_the_chapters_of_the_course_keep_the_rules():
    for chapter in chapters():
        chapter.read()
