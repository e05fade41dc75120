"""Finds the answer to a written question that is not in its own cell.

People write into a new cell below, into the question, into a comment, or hand in a photograph. A written
answer counts as missing only where nothing of the student's own is near its place.
"""

import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from nbformat import NotebookNode

from course_format.cells import is_written

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


def collect(
    cells: list[NotebookNode],
    names: dict[int, str],
    chosen: dict[str, int],
    chapter: Any,
    documents: list[str],
) -> dict[str, Found]:
    """grade_id -> what may be the answer, for the written questions without one.

    names, chosen: which cell is which, as assemble has found out. documents: texts and pictures beside.
    """
    found = {}
    for name, own in chapter.graded.items():
        answered = name in chosen and chapter.answered(name, cells[chosen[name]])
        if is_written(own) and not answered and not _was_emptied(name, cells, chosen):
            answer = _near(name, cells, names, chapter) or _elsewhere(
                name, cells, names, chosen, chapter, documents
            )
            found |= {name: answer} if answer else {}
    return found


def _was_emptied(name: str, cells: list[NotebookNode], chosen: dict[str, int]) -> bool:
    return name in chosen and not cells[chosen[name]].source.strip()


def _near(name: str, cells: list[NotebookNode], names: dict[int, str], chapter: Any) -> Found | None:
    """What the student wrote between the graded cells before and behind the question or its answer."""
    anchors = [p for p, cell in enumerate(cells) if names.get(p) == name or _is_question(cell, name, chapter)]
    places = sorted({place for anchor in anchors for place in _around(anchor, len(cells), names)})
    own = [(cells[place], text) for place in places if (text := _own_text(cells[place], name, chapter))]
    if not own:
        return None
    pictures = {key: value for cell, _ in own for key, value in cell.get("attachments", {}).items()}
    source = "\n\n".join([NEARBY, *(text for _, text in own)])
    return Found(f"its own cell has no answer; what is near it was put there, {ASK}", source, pictures)


def _elsewhere(
    name: str,
    cells: list[NotebookNode],
    names: dict[int, str],
    chosen: dict[str, int],
    chapter: Any,
    documents: list[str],
) -> Found | None:
    if documents:
        beside = ", ".join(documents)
        return Found(f"it has no answer, but {beside} was handed in, {ASK}", BESIDE.format(beside))
    texts = [cell for place, cell in enumerate(cells) if cell.cell_type != "code" and place not in names]
    if name not in chosen and any(_own_text(cell, name, chapter) for cell in texts):
        return Found(f"its cell is missing, and its answer may be in another one, {ASK}", ELSEWHERE)
    return None


def _around(anchor: int, count: int, names: dict[int, str]) -> Iterator[int]:
    """The places around a cell up to the next graded ones."""
    yield anchor
    for step in (-1, 1):
        place = anchor + step
        while 0 <= place < count and place not in names:
            yield place
            place += step


def _is_question(cell: NotebookNode, name: str, chapter: Any) -> bool:
    """Whether this is the cell with the question, which begins with its heading."""
    question = chapter.questions.get(name, "")
    return cell.cell_type != "code" and _heading(cell.source) == _heading(question) != ""


def _heading(source: str) -> str:
    """The first line, up to the points."""
    return source.strip().partition("\n")[0].partition("&nbsp;")[0].strip()


def _own_text(cell: NotebookNode, name: str, chapter: Any) -> str:
    """What a student wrote in a cell, as far as it can be an answer; code counts if it holds words."""
    source = cell.source.strip()
    if not cell.get("attachments") and (chapter.was_given(cell) or _is_stub(source, name, chapter)):
        return ""
    if cell.cell_type == "code":
        return f"```\n{source}\n```" if has_words(source) else ""
    if _is_question(cell, name, chapter):
        given = {line.strip() for line in chapter.questions[name].split("\n")}
        return "\n".join(line for line in source.split("\n") if line.strip() not in given)
    return source


def _is_stub(source: str, name: str, chapter: Any) -> bool:
    return source == chapter.graded[name].source.strip()


def has_words(source: str) -> bool:
    """Whether a cell of code says something in words: in a comment, in a text, or as if it were none."""
    row = 0
    for token in TOKEN.findall(source):
        row = row + 1 if token.isalpha() and not keyword.iskeyword(token) else 0
        if row >= WORDS or (token.isalpha() and not token.isascii() and len(token) >= LETTERS):
            return True
    return False
