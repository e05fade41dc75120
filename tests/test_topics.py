"""docs/topics.md: each topic and each mistake of the syllabus has a place, and the place speaks of it."""

import itertools
import re
from dataclasses import dataclass
from functools import cache

import pytest

from course_format.cells import HIDDEN_TESTS, SOLUTION, is_test, is_written, split
from course_format.chapter import NOTEBOOKS, ROOT, chapters

PAGE = ROOT / "docs" / "topics.md"
HEADING = re.compile(r"(#{2,3}) (.+?)(?: &nbsp;.*| \(\d.*)?")  # without points and minutes
LINK = re.compile(r"\[(\d\d)\]\(\.\./notebooks/(\w+)/(\w+)\.ipynb\)")
TOPICS = [str(number) for number in range(1, 207)]
MISTAKES = [f"S{number}" for number in range(1, 73)]
OPENING = "Introduction"  # the name of what comes before a chapter's first section


@dataclass(frozen=True)
class Row:
    number: str
    topic: str
    chapter: str
    section: str
    words: str


def rows(page: str) -> list[Row]:
    """The rows of the page's tables. Each has five entries; the first one is a number."""
    lines = [line for line in page.splitlines() if re.match(r"\| S?\d", line)]
    return [Row(*(entry.strip() for entry in line.strip("|").split(" | "))) for line in lines]


def numbers(found: list[Row]) -> list[str]:
    """The numbers in their order; several places of one topic, one below the other, count once."""
    return [number for number, _ in itertools.groupby(row.number for row in found)]


def one_line(text: str) -> str:
    return " ".join(text.split())


@cache
def places() -> dict[str, dict[str, str]]:
    """Chapter -> section, or exercise -> what students read there, in one line."""
    return {chapter.name: _places(chapter.read()) for chapter in chapters()}


def _places(notebook) -> dict[str, str]:
    found, section, exercise = {OPENING: []}, OPENING, ""
    for cell in notebook.cells:
        if is_written(cell):
            continue
        for line in split(cell.source, SOLUTION, HIDDEN_TESTS)[1]:
            heading = HEADING.fullmatch(line) if cell.cell_type == "markdown" else None
            if heading:
                section = heading[2] if heading[1] == "##" else section
                exercise = heading[2] if heading[2].startswith("Exercise ") else ""
            for name in filter(None, (section, exercise)):
                found.setdefault(name, []).append(line)
        exercise = "" if is_test(cell) else exercise
    return {name: one_line("\n".join(lines)) for name, lines in found.items()}


@pytest.fixture(scope="module")
def found() -> list[Row]:
    return rows(PAGE.read_text())


def test_each_topic_and_each_mistake_has_a_place(found):
    assert numbers(found) == TOPICS + MISTAKES


def test_each_place_exists(found):
    for row in found:
        link = LINK.fullmatch(row.chapter)
        assert link, f"{row.number}: {row.chapter} is no link to a chapter"
        assert link[1] == link[2][:2] and (NOTEBOOKS / link[2] / f"{link[3]}.ipynb").is_file(), row
        assert row.section in places()[link[2]], f"{row.number}: no section {row.section!r} in {link[2]}"


def test_each_place_speaks_of_its_topic(found):
    lost = [
        f"{row.number}: {row.words} is not in {row.chapter}, {row.section}"
        for row in found
        if one_line(row.words[1:-1]) not in places()[LINK.fullmatch(row.chapter)[2]].get(row.section, "")
    ]
    assert lost == []


def test_the_words_are_a_quotation_or_code_and_say_something(found):
    marks = {row.words[0] + row.words[-1] for row in found}
    assert marks <= {'""', "``"} and all(row.topic and len(row.words) >= 12 for row in found)


def test_what_students_do_not_see_is_no_place():
    everything = "\n".join(text for sections in places().values() for text in sections.values())
    assert "Mark scheme" not in everything and "BEGIN SOLUTION" not in everything
    assert "differences = A[:, None, :] - B[None, :, :]" not in everything  # the solution of exercise 1.9


def test_a_section_ends_where_the_next_one_begins():
    sections = places()["01_tensors"]
    assert "Two kinds of random numbers" in sections["1 A picture is a grid of numbers"]
    assert "Two kinds of random numbers" not in sections["2 Which axis disappears?"]
    assert "How alike are two garments?" not in sections["Exercise 1.7: `cosine_similarity`"]
