"""What of a chapter must not reach its students, and whether a text shows it.

A text that came out of a student's run may hold lines of the tests: a traceback quotes them, and so can a
student on purpose. Here a text counts as showing a secret if it holds one of its lines, or any WINDOW letters
and digits of it in a row, whatever stands between them: so also quoted, escaped as by repr, wrapped, coloured
or cut off. A text that was encoded on purpose (backwards, in hexadecimal, drawn in a picture) is not found.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from nbformat import NotebookNode

from course_format.cells import REGIONS, is_written, split

WINDOW = 24  # letters and digits in a row that are no accident
KNOWN = 18  # of them that are in the open part in a row: then the others are the accident
LETTERS = 12  # letters among them: numbers alone are data, which a message may tell
SHORTEST_LINE = 12  # a shorter line, without its spaces, may well stand elsewhere by chance

LEFT_OUT = "(left out: it showed a part of the tests)"

COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
# A run of backslashes is taken whole or not at all: to try each of its parts takes the square of the time.
ESCAPES = re.compile(r"(?<!\\)\\++(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|[nrt])")


@dataclass(frozen=True)
class Secrets:
    """windows: runs of letters and digits. inside, lines: lines without their spaces, to be found inside of
    a text, or only as one whole line of it (because the open part of the chapter has the same inside a line).
    """

    windows: frozenset[str]
    inside: frozenset[str]
    lines: frozenset[str]

    def shown_in(self, text: str, own: str = "") -> bool:
        """Whether a text shows a secret that is not also in `own`, the code that its student handed in."""
        windows, lines = self._found(text)
        if not windows and not lines:
            return False
        plain, tight = _plain(own), _tight(own)
        return any(window not in plain for window in windows) or any(line not in tight for line in lines)

    def hold_back(self, text: str, own: str = "") -> str:
        """The text, or a note in its place if it shows a secret."""
        return LEFT_OUT if self.shown_in(text, own) else text

    def _found(self, text: str) -> tuple[set[str], set[str]]:
        tight = _tight(text)
        whole = {_tight(line) for line in text.splitlines()} & self.lines
        return self.windows & _windows(text), whole | {line for line in self.inside if line in tight}


def secrets_of(solved: NotebookNode) -> Secrets:
    """The secrets of a solved notebook: solutions, hidden tests, right claims, model answers, mark schemes.

    What is also in the open part of the chapter is no secret, nor is a sentence that a test says.
    """
    secret, shown = [], []
    for cell in solved.cells:
        hidden, visible = _split(cell)
        secret.append(hidden)
        shown += [visible, *(_sentences(cell.source) if hidden and cell.cell_type == "code" else ())]
    lines = [line for text in secret for line in text.splitlines()]
    claims = [claim for cell in solved.cells if cell.cell_type == "code" for claim in _claims(cell.source)]
    known = set().union(*(_runs(_plain(text), KNOWN) for text in shown))
    return Secrets(
        windows=frozenset(w for text in secret for w in _windows(text) if _is_telling(w, known)),
        **_secret_lines([*lines, *claims], shown),
    )


def model_answers(solved: NotebookNode) -> Secrets:
    """The model answers to the written questions, line by line: a student's own words are no secret."""
    lines = [line for cell in solved.cells if is_written(cell) for line in cell.source.splitlines()]
    return Secrets(frozenset(), **_secret_lines(lines, [_split(cell)[1] for cell in solved.cells]))


def _secret_lines(lines: Iterable[str], shown: Iterable[str]) -> dict[str, frozenset[str]]:
    visible = {_tight(line) for text in shown for line in text.splitlines()}
    secret = {line for line in map(_tight, lines) if len(line) >= SHORTEST_LINE} - visible
    everything = "\0".join(map(_tight, shown))
    return {"inside": frozenset(x for x in secret if x not in everything), "lines": frozenset(secret)}


def _split(cell: NotebookNode) -> tuple[str, str]:
    """The secret lines of a cell, and the others."""
    if is_written(cell):
        return cell.source, ""
    secret, visible = split(cell.source, *REGIONS)
    return "\n".join(secret), "\n".join(visible)


def _sentences(source: str) -> Iterator[str]:
    """The texts in a piece of code: names of cases, messages, and what a solution says when it raises."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _claims(source: str) -> Iterator[str]:
    """What stands between the braces of {"claim": "answer", ...}, as Python would write it."""
    for table in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Dict)):
        if all(isinstance(part, ast.Constant) for part in [*table.keys, *table.values]):
            yield ast.unparse(table)[1:-1]


def _is_telling(window: str, known: set[str]) -> bool:
    return sum(map(str.isalpha, window)) >= LETTERS and known.isdisjoint(_runs(window, KNOWN))


def _windows(text: str) -> set[str]:
    return _runs(_plain(text), WINDOW)


def _runs(text: str, length: int) -> set[str]:
    return {text[start : start + length] for start in range(len(text) - length + 1)}


def _plain(text: str) -> str:
    """Letters and digits only."""
    return "".join(filter(str.isalnum, _unescape(text).lower()))


def _tight(text: str) -> str:
    """Without spaces, backslashes and what cannot be seen; one kind of quotes."""
    kept = (c for c in _unescape(text).lower() if c.isprintable() and not c.isspace() and c != "\\")
    return "".join(kept).replace('"', "'")


def _unescape(text: str) -> str:
    return ESCAPES.sub(_character, COLOURS.sub("", text))


def _character(escape: re.Match) -> str:
    return chr(int(escape[1] or escape[2], 16)) if escape[1] or escape[2] else " "
