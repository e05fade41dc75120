"""The reasoning behind the solutions, solutions/NN_name/worked.md: a section for each exercise, in order."""

import ast
import re

import pytest

from course_format.cells import is_answer, nbgrader
from course_format.chapter import chapters

CHAPTERS = chapters()
each_chapter = pytest.mark.parametrize("chapter", CHAPTERS, ids=[chapter.name for chapter in CHAPTERS])
SECTION = re.compile(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
CARD = re.compile(r"^- \*\*(.+?)\*\*, (?:\((\w)\)|line (\d+)|(\w+)):", re.MULTILINE)


def sections(chapter):
    """(exercise, reasoning) in the order of the text."""
    return SECTION.findall((chapter.folder / "worked.md").read_text(encoding="utf-8"))


def solutions(chapter):
    """exercise -> the chapter's own solution, in the chapter's order."""
    cells = [cell for cell in chapter.read().cells if cell.cell_type == "code" and is_answer(cell)]
    return {nbgrader(cell)["grade_id"]: cell.source for cell in cells}


@each_chapter
def test_every_exercise_has_one_section_in_the_order_of_the_chapter(chapter):
    assert [exercise for exercise, _ in sections(chapter)] == list(solutions(chapter))


@each_chapter
def test_a_section_is_short_but_says_something(chapter):
    lengths = {exercise: len(reasoning.split()) for exercise, reasoning in sections(chapter)}
    assert {exercise: words for exercise, words in lengths.items() if not 30 <= words <= 140} == {}


@each_chapter
def test_every_claim_card_gets_its_reason_beside_the_answer_of_the_solution(chapter):
    texts, seen = dict(sections(chapter)), 0
    for exercise, source in solutions(chapter).items():
        if exercise.startswith("claims_"):
            answers = ast.literal_eval(ast.parse(source).body[-1].value)
            found = {card: "".join(answer) for card, *answer in CARD.findall(texts[exercise])}
            assert found == {card: str(answer) for card, answer in answers.items()}, exercise
            seen += 1
    assert seen, "the test looks in the wrong place"


@each_chapter
def test_the_text_opens_with_one_line_of_title(chapter):
    opening = (chapter.folder / "worked.md").read_text(encoding="utf-8").split("## ")[0]
    assert re.fullmatch(r"# \d+ .+\n\n", opening)
