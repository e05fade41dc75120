"""What counts as showing a secret, and what does not: on the real chapters."""

import ast
import json
import time
from functools import cache

import nbformat
import pytest

from course_format.cells import is_test, nbgrader
from course_format.chapter import chapters
from course_grader.pages.leaks import LEFT_OUT, SHORTEST_LINE, _unescape, model_answers, secrets_of
from tests.course_grader.classes import small_chapter
from tests.leaks import secret_lines

CHAPTERS = chapters()
each_chapter = pytest.mark.parametrize("chapter", CHAPTERS, ids=[chapter.name for chapter in CHAPTERS])


@cache
def solved(chapter):
    return nbformat.read(chapter.solved, as_version=4)


@cache
def secrets(chapter):
    return secrets_of(solved(chapter))


@cache
def visible_text(chapter):
    """All that a student gets."""
    path = chapter.folder.parents[1] / "notebooks" / chapter.name / f"{chapter.stem}.ipynb"
    return "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)


@each_chapter
def test_every_secret_line_is_found(chapter):
    for line in secret_lines(chapter, "SOLUTION", "HIDDEN TESTS"):
        assert secrets(chapter).shown_in(f"before\n    {line}\nafter"), line


DISGUISES = {
    "embedded": lambda line: f"ValueError: I found >>{line}<< in the test",
    "repr": lambda line: repr(f"with x:\n\t{line}\n'\"done"),
    "json": lambda line: json.dumps({"source": [line]}),
    "repr of repr": lambda line: repr(repr(f"\"{line}'\n")),
    "letters far apart": lambda line: " ".join(line),
    "one letter a line": lambda line: "\n".join(line),
    "capitals": str.upper,
    "coloured": lambda line: "\x1b[0;31m" + "\x1b[39m \x1b[1;32m".join(line.split(" ")),
    "invisible characters": lambda line: "\u200b".join(line),
}


@each_chapter
@pytest.mark.parametrize("disguise", DISGUISES.values(), ids=DISGUISES)
def test_a_disguised_line_is_found(chapter, disguise):
    visible = "".join(visible_text(chapter).split())
    for line in secret_lines(chapter, "SOLUTION", "HIDDEN TESTS"):
        if "".join(line.split()) not in visible:
            assert secrets(chapter).shown_in(disguise(line)), line


@each_chapter
def test_right_claims_are_found(chapter):
    for cell in solved(chapter).cells:
        if is_test(cell) and "check.right(" in cell.source:
            for node in ast.walk(ast.parse(cell.source)):
                if isinstance(node, ast.Dict) and node.values and isinstance(node.values[0], ast.Constant):
                    pairs = ast.unparse(node)[1:-1].replace(" ", "")
                    if len(pairs) < SHORTEST_LINE:  # one short claim: it may be anywhere
                        continue
                    assert secrets(chapter).shown_in(f"they are {ast.literal_eval(node)}!")


@each_chapter
def test_the_open_part_of_a_chapter_is_no_secret(chapter):
    assert not secrets(chapter).shown_in(visible_text(chapter))


@each_chapter
def test_what_a_hidden_test_says_is_no_secret(chapter):
    for cell in filter(is_test, solved(chapter).cells):
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not secrets(chapter).shown_in(f"at [0]: {node.value}; expected 2, found 1")


def test_a_part_of_a_line_is_found_and_numbers_are_not():
    held = secrets_of(small_chapter())
    assert held.shown_in("it says check.equal(add(large, large + 1), 2 * la and so on")
    assert not held.shown_in("expected 2000000000001, found 1000000000")


def test_the_students_own_line_is_no_secret_to_the_student():
    held, line = secrets_of(small_chapter()), "return sum((a, b), start=0 * a)"
    message = f"in `add`, line 2 of its cell: {line}"
    assert held.hold_back(message) == LEFT_OUT
    assert held.hold_back(message, own=f"def add(a, b):\n  {line}") == message


def test_own_code_does_not_open_the_rest():
    held, line = secrets_of(small_chapter()), "return sum((a, b), start=0 * a)"
    text = f"{line}\nfor large in (10**9, 10**12):"
    assert held.hold_back(text, own=line) == LEFT_OUT


@each_chapter
def test_model_answers_are_found_line_by_line(chapter):
    held = model_answers(solved(chapter))
    written = [c for c in solved(chapter).cells if c.cell_type == "markdown" and nbgrader(c)]
    for line in written[0].source.splitlines():
        if len(line) > 20:
            assert held.shown_in(f"I think\n{line}")
    assert not held.shown_in("The shapes are lined up from the right, so the means meet the columns.")


@pytest.mark.parametrize("text", ["\\" * 200_000, "\\" * 200_000 + "n", "\x1b[" + "1;" * 200_000])
def test_a_long_row_of_escapes_takes_no_longer_than_other_text(text):
    started = time.monotonic()
    _unescape(text)
    assert time.monotonic() - started < 2  # 20,000 backslashes once took 6 s
