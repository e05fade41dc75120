"""Finds the answer to a written question that is not in its own cell.

People write into a new cell below, into the question, into a comment, or hand in a photograph. A written
answer counts as missing only where nothing of the student's own is near its place.
"""

import itertools
import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from nbformat import NotebookNode

from course_format.cells import is_written
from course_grader.handed_in.recognise import Recognised

NEARBY = "(This cell was handed in without an answer. This is what is near it in the notebook:)"
ELSEWHERE = "(This cell was handed in without an answer, which may be in another cell of the notebook.)"
BESIDE = "(This cell was handed in without an answer, which may be in what was handed in beside it: {}.)"
ASK = "so a person has to look"
TOKEN = re.compile(r"[^\W\d_]+|[^\w\s]|\n")
WORDS = 2  # in a row, that are no keywords: code has no such thing outside of its comments and texts
LETTERS = 4  # of a script without spaces between its words


@dataclass(frozen=True)
class Found:
    """What takes the place of an empty answer, and a sentence about it."""

    note: str
    source: str
    attachments: dict[str, Any] = field(default_factory=dict)

    def write_into(self, cell: NotebookNode) -> None:
        """Put it into the cell for the answer, where whoever marks it looks."""
        cell.source = self.source
        if self.attachments:
            cell["attachments"] = self.attachments


def collect(found: Recognised, chosen: dict[str, int], documents: list[str]) -> dict[str, Found]:
    """grade_id -> what may be the answer, for the written questions without one.

    chosen: grade_id -> the place of the cell that counts. documents: texts and pictures beside the notebook.
    """
    search = _Search(found, chosen, documents)
    questions = [name for name, own in found.released.graded.items() if is_written(own)]
    return {name: answer for name in questions if (answer := search.answer(name))}


class _Search:
    """Looks for the answers to written questions in one submission."""

    def __init__(self, found: Recognised, chosen: dict[str, int], documents: list[str]) -> None:
        self.cells, self.names, self.released = found.cells, found.names, found.released
        self.chosen, self.documents = chosen, documents

    def answer(self, name: str) -> Found | None:
        """What may be the answer; None if its own cell has one, was emptied, or nothing looks like it."""
        if name in self.chosen:
            cell = self.cells[self.chosen[name]]
            if self.released.answered(name, cell) or not cell.source.strip():
                return None
        return self._near(name) or self._elsewhere(name)

    def _near(self, name: str) -> Found | None:
        """What the student wrote between the graded cells before and behind the question or its answer."""
        anchors = [
            place
            for place, cell in enumerate(self.cells)
            if self.names.get(place) == name or self._is_question(cell, name)
        ]
        places = sorted({place for anchor in anchors for place in self._around(anchor)})
        own = [(self.cells[place], text) for place in places if (text := self._own_text(place, name))]
        if not own:
            return None
        pictures = {key: value for cell, _ in own for key, value in cell.get("attachments", {}).items()}
        source = "\n\n".join([NEARBY, *(text for _, text in own)])
        return Found(f"its own cell has no answer; what is near it was put there, {ASK}", source, pictures)

    def _elsewhere(self, name: str) -> Found | None:
        if self.documents:
            beside = ", ".join(self.documents)
            return Found(f"it has no answer, but {beside} was handed in, {ASK}", BESIDE.format(beside))
        texts = [
            place
            for place, cell in enumerate(self.cells)
            if cell.cell_type != "code" and place not in self.names
        ]
        if name not in self.chosen and any(self._own_text(place, name) for place in texts):
            return Found(f"its cell is missing, and its answer may be in another one, {ASK}", ELSEWHERE)
        return None

    def _around(self, anchor: int) -> Iterator[int]:
        """The places around a cell up to the next graded ones."""
        yield anchor
        for places in (range(anchor - 1, -1, -1), range(anchor + 1, len(self.cells))):
            yield from itertools.takewhile(lambda place: place not in self.names, places)

    def _is_question(self, cell: NotebookNode, name: str) -> bool:
        """Whether this is the cell with the question, which begins with its heading."""
        question = self.released.questions.get(name, "")
        return cell.cell_type != "code" and _heading(cell.source) == _heading(question) != ""

    def _own_text(self, place: int, name: str) -> str:
        """What a student wrote in a cell, as far as it can be an answer; code counts if it holds words."""
        cell = self.cells[place]
        source, stub = cell.source.strip(), self.released.graded[name].source.strip()
        if not cell.get("attachments") and (self.released.was_given(cell) or source == stub):
            return ""
        if cell.cell_type == "code":
            return f"```\n{source}\n```" if has_words(source) else ""
        if self._is_question(cell, name):
            given = {line.strip() for line in self.released.questions[name].split("\n")}
            return "\n".join(line for line in source.split("\n") if line.strip() not in given)
        return source


def _heading(source: str) -> str:
    """The first line, up to the points."""
    return source.strip().partition("\n")[0].partition("&nbsp;")[0].strip()


def has_words(source: str) -> bool:
    """Whether a cell of code says something in words: in a comment, in a text, or as if it were none."""
    row = 0
    for token in TOKEN.findall(source):
        row = row + 1 if token.isalpha() and not keyword.iskeyword(token) else 0
        if row >= WORDS or (token.isalpha() and not token.isascii() and len(token) >= LETTERS):
            return True
    return False
