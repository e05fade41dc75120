"""The course seen as one: its terms in English and Chinese, and which chapter needs which."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat

HEAD_OF_TERMS = "| English | Chinese (中文) | what it is |"
ABOUT_TERMS = """The key terms of all chapters, in English and in Chinese: the course has readers of both.
The number of a chapter leads to it."""


@dataclass(frozen=True)
class Term:
    """A row of a chapter's table of key terms. chapter: the chapter's name."""

    english: str
    chinese: str
    meaning: str
    chapter: str


def terms(notebook: Path) -> list[Term]:
    """The key terms of a chapter's notebook, from the table in its first cell; none without such a table."""
    lines = nbformat.read(notebook, as_version=4).cells[0].source.splitlines()
    if HEAD_OF_TERMS not in lines:
        return []
    return list(_rows(lines[lines.index(HEAD_OF_TERMS) + 2 :], notebook.parent.name))


def _rows(lines: list[str], chapter: str) -> Iterator[Term]:
    for line in lines:
        if not line.startswith("|"):
            return
        english, chinese, meaning = (entry.strip() for entry in line.strip("|").split("|"))
        yield Term(english, chinese, meaning, chapter)


def glossary(notebooks: Path) -> str:
    """All chapters' key terms in one page, in alphabetical order, each with a link to its chapters.

    notebooks: the folder of the chapters' folders; links are relative to it. Where chapters explain a term in
    different words, each explanation has the number of its chapter in front.
    """
    found: dict[str, list[Term]] = {}
    links = {}
    for path in sorted(notebooks.glob("*/*.ipynb")):
        links[path.parent.name] = f"[{path.parent.name[:2]}]({path.relative_to(notebooks).as_posix()})"
        for term in terms(path):
            found.setdefault(term.english.casefold(), []).append(term)
    lines = ["# Glossary", "", ABOUT_TERMS, "", f"{HEAD_OF_TERMS} chapter |", "|---|---|---|---|"]
    for _, places in sorted(found.items()):
        where = ", ".join(links[term.chapter] for term in places)
        lines.append(f"| {places[0].english} | {places[0].chinese} | {_meaning(places)} | {where} |")
    return "\n".join(lines) + "\n"


def _meaning(places: list[Term]) -> str:
    meanings = {term.meaning for term in places}
    if len(meanings) == 1:
        return meanings.pop()
    return "<br>".join(f"{term.chapter[:2]}: {term.meaning}" for term in places)


def chapter_map(notebooks: Path) -> str:
    """Which chapter needs which, as a Mermaid diagram: an arrow leads from what is needed.

    An arrow that follows from others is left out.
    """
    lines, needed = ["```mermaid", "flowchart TD"], {}
    for path in sorted(notebooks.glob("*/*.ipynb")):
        course, name = nbformat.read(path, as_version=4).metadata["course"], path.parent.name
        lines.append(f'    {name[:2]}["{name[:2]} {course["title"]}"]')
        direct = [other for other in course["prerequisites"] if other in needed]
        behind = set().union(*(needed[other] for other in direct))  # needed by what is needed
        lines += [f"    {other[:2]} --> {name[:2]}" for other in direct if other not in behind]
        needed[name] = behind | set(direct)
    return "\n".join([*lines, "```"])
