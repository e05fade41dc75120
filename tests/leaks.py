"""What of a chapter must not reach students, and whether it did."""

import zlib
from pathlib import Path

import nbformat
from bs4 import BeautifulSoup

from course_format.cells import nbgrader
from course_format.chapter import Chapter

SHORT = 20  # a shorter line may well stand elsewhere by chance


def secret_lines(chapter: Chapter, *regions: str) -> set[str]:
    """The lines that stand in these regions ("SOLUTION", "HIDDEN TESTS") and nowhere else in the chapter.

    A model answer in a written question counts as a solution.
    """
    secret: set[str] = set()
    shown: set[str] = set()
    for cell in chapter.read().cells:
        model_answer = (
            cell.cell_type == "markdown" and nbgrader(cell).get("solution") and "SOLUTION" in regions
        )
        inside = False
        for line in map(str.strip, cell.source.splitlines()):
            if line.startswith("### "):
                inside = line.startswith("### BEGIN") and line.removeprefix("### BEGIN ") in regions
            else:
                (secret if inside or model_answer else shown).add(line)
    found = {line for line in secret - shown if len(line) > SHORT}
    assert found, f"{chapter.name} has nothing to hide in {regions}: the test would see nothing"
    return found


def leaked(secrets: set[str], text: str) -> set[str]:
    """The secret lines that stand in this text, as whole lines."""
    return secrets & set(map(str.strip, text.splitlines()))


def texts_below(folder: Path) -> dict[Path, str]:
    """All that can be read in the files below a folder: HTML without and with its tags, notebooks by cells.

    A file of an unknown kind is a KeyError: nothing is skipped but pictures.
    """
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix not in PICTURES]
    return {path: READERS[path.suffix](path.read_bytes()) for path in files}


def _plain(data: bytes) -> str:
    return data.decode()


def _page(data: bytes) -> str:
    return f"{BeautifulSoup(data, 'html.parser').get_text()}\n{data.decode()}"


def _notebook(data: bytes) -> str:
    return "\n".join(cell.source for cell in nbformat.reads(data.decode(), as_version=4).cells)


def _inventory(data: bytes) -> str:
    return zlib.decompress(data.split(b"\n", 4)[4]).decode()  # Sphinx's list of headings, below four lines


PICTURES = {".png", ".svg"}
READERS = dict.fromkeys(("", ".css", ".js", ".map", ".txt"), _plain) | {
    ".html": _page,
    ".ipynb": _notebook,
    ".inv": _inventory,
}
