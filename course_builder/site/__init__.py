"""`make site`: all chapters as web pages to read, in site/, which needs no network and no server.

A page shows what a student's notebook shows: prose, teaching code, stubs and folded hints. Outputs and
pictures of the teaching code come from the solved notebook. Solutions, tests and their outputs stay out:
a check is named, and runs in the notebook. Sphinx makes the pages, MyST reads their Markdown, Furo is the
theme; conf.py has the settings.
"""

import base64
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence, Set
from pathlib import Path

from course_utils import overview

import nbformat
from nbformat import NotebookNode

from course_builder import frame
from course_format import cells
from course_format.chapter import BUILT, NOTEBOOKS, Chapter, ChapterError, points

HERE = Path(__file__).parent
START = HERE / "start.md"
PNG, WIDGET = "image/png", "application/vnd.jupyter.widget-view+json"
# What `course_utils.yours` prints when the student's own code runs, which is nobody's here.
YOURS = re.compile(r"^\w+: yours$\n?", re.MULTILINE)
WORTH = re.compile(r"^(###.*?)(?: &nbsp;)? \((.* points?, .*)\)$", re.MULTILINE)  # in an exercise's heading
# A chapter's name, or a link from one chapter's notebook to another's.
NAME_OF_CHAPTER = re.compile(r"`(\d\d_\w+)`|\[`(\d\d_\w+)`\]\(\.\./\2/\w+\.ipynb\)")
LINK_TO_NOTEBOOK = re.compile(r"\((\d\d_\w+)/\w+\.ipynb\)")

ASSIGNED = re.compile(r"^(\w+) = ", re.MULTILINE)
WORD = re.compile(r"\w+")

DEMONSTRATION = "*An interactive demonstration: run this cell in the notebook.*"
ANSWERS_SHOWN = "*This output shows your answers: run the cell in the notebook.*"
WORK = """\
Write, run and check your code in this chapter's notebook: `make lab` opens it as `{name}/{stem}.ipynb`, or
[download it]({stem}.ipynb){elsewhere}.
"""
ELSEWHERE = ", or open it [in Colab]({colab}) or [on Binder]({binder})"
WRITTEN = "*Write your answer into the notebook; a person marks it.*"


def build(found: Sequence[Chapter], target: Path) -> Path:
    """Make the pages of these chapters anew in the folder `target`, and return its first page.

    Equal chapters make equal pages. Raises ChapterError, and leaves an old site as it was, if Sphinx has
    anything to complain about.
    """
    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder, "source"), Path(folder, "site")
        source.mkdir()
        write_source(found, source)
        _sphinx(source, made, Path(folder, "doctrees"))
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(made, target)
    return target / "index.html"


def _sphinx(source: Path, made: Path, doctrees: Path) -> None:
    """Run Sphinx in a process of its own, as it changes docutils for the whole process."""
    strict = ["--fail-on-warning", "--keep-going", "--quiet"]
    folders = ["--conf-dir", HERE, "--doctree-dir", doctrees, source, made]
    done = subprocess.run([sys.executable, "-m", "sphinx", *strict, *folders], capture_output=True, text=True)
    if done.returncode:
        complaints = done.stderr.replace(f"{source}/", "").strip()
        raise ChapterError(f"Sphinx refuses a page of the site:\n{complaints}")


def write_source(found: Sequence[Chapter], folder: Path) -> None:
    """Write what Sphinx reads: a start page, one page of Markdown per chapter, the pictures, the glossary."""
    names = {chapter.name for chapter in found}
    for chapter in found:
        page = Page(chapter, names)
        (folder / f"{chapter.name}.md").write_text(page.text, encoding="utf-8")
        for name, picture in page.pictures.items():
            (folder / name).write_bytes(picture)
        shutil.copy(_released(chapter), folder)
    (folder / "glossary.md").write_text(_glossary(names), encoding="utf-8")
    (folder / "index.md").write_text(_start(found), encoding="utf-8")


class Page:
    """One chapter as Markdown. text: the page; pictures: file name -> PNG, as the page names them.

    names: the chapters of the site, to which this one may link.
    """

    def __init__(self, chapter: Chapter, names: Set[str]):
        self.pictures: dict[str, bytes] = {}
        self._name, self._names = chapter.name, names
        self._values: set[str] = set()  # the names of answers that are values, not functions
        self._notebook = nbformat.read(_released(chapter), as_version=4)
        solved = nbformat.read(chapter.solved, as_version=4)
        self._solved = {cell.id: cell for cell in solved.cells}
        text = "\n\n".join(block for cell in self._notebook.cells for block in self._blocks(cell))
        title, rest = text.split("\n", 1)
        self.text = f"{title}\n\n{_where_to_work(chapter)}\n{rest}\n"

    def _blocks(self, cell: NotebookNode) -> Iterator[str]:
        if cells.FRAME in cells.tags(cell):
            return  # it is about the notebook
        if cells.is_written(cell):
            yield WRITTEN
        elif cell.cell_type == "markdown":
            yield _linked(WORTH.sub(r"\1\n\n*\2*", cell.source), self._names)
        elif cells.is_test(cell):
            yield _check(cell)
        elif cells.is_answer(cell):
            self._values |= set(ASSIGNED.findall(self._solved[cell.id].source))
            yield _code(cell.source, "exercise")
        else:
            yield from self._teaching(cell)

    def _teaching(self, cell: NotebookNode) -> Iterator[str]:
        """A cell's code, and its outputs in the solved notebook if that has the same code.

        Where a cell works with a student's function, an output shows what any right one gives. Where it works
        with a value that the student works out, the output may show the value itself, and is left out.
        """
        folded = cell.metadata.get("jupyter", {}).get("source_hidden", False)
        code = _code(cell.source, "teaching")
        yield _folded("Show the code", code) if folded else code
        solved = self._solved[cell.id]
        if solved.outputs and self._values & set(WORD.findall(cell.source)):
            yield ANSWERS_SHOWN
            return
        for output in solved.outputs if solved.source == cell.source else ():
            yield from self._output(output)

    def _output(self, output: NotebookNode) -> Iterator[str]:
        data = output.get("data", {})
        if PNG in data:
            yield self._picture(data[PNG], output.metadata[PNG])
        elif WIDGET in data:
            yield DEMONSTRATION
        else:
            text = YOURS.sub("", output.get("text") or data["text/plain"])
            if text.strip():
                yield _block("text", "output", text)

    def _picture(self, encoded: str, about: dict) -> str:
        name = f"{self._name}-{len(self.pictures) + 1}.png"
        self.pictures[name] = base64.b64decode(encoded)
        alt = " ".join(about["alt"].split())
        return f"```{{image}} {name}\n:alt: {alt}\n:width: {about['width']}px\n```"


def _released(chapter: Chapter) -> Path:
    path = NOTEBOOKS / chapter.name / f"{chapter.stem}.ipynb"
    if not path.exists():
        raise ChapterError(f"{chapter.name} is not released yet: run `make build`")
    return path


def _block(language: str, kind: str, text: str) -> str:
    # No chapter has a line of eight backticks.
    return f"````````{{code-block}} {language}\n:class: {kind}\n\n{text.rstrip()}\n````````"


def _code(source: str, kind: str) -> str:
    return _block("ipython3", kind, source)


def _folded(summary: str, inside: str) -> str:
    return f"<details><summary>{summary}</summary>\n\n{inside}\n\n</details>"


def _check(cell: NotebookNode) -> str:
    """What a test cell finds out, without its code."""
    found = cells.cases(cell.source)
    if not found:
        return "*Hidden checks decide about this exercise, when your work is graded.*"
    asked = "\n".join(f"- {case.case}" for case in found)
    return _folded("The check in the notebook asks", asked)


def _where_to_work(chapter: Chapter) -> str:
    about, home = {"name": chapter.name, "stem": chapter.stem}, frame.home()
    elsewhere = ELSEWHERE.format(colab=home.colab(**about), binder=home.binder(**about)) if home else ""
    return WORK.format(elsewhere=elsewhere, **about)


def _linked(text: str, names: Set[str]) -> str:
    """The text with a link to each chapter that it names, if that is a page of the site."""

    def link(found: re.Match) -> str:
        name = found[1] or found[2]
        return f"[`{name}`]({name}.md)" if name in names else f"`{name}`"

    return NAME_OF_CHAPTER.sub(link, text)


def _glossary(names: Set[str]) -> str:
    """The glossary, its links leading to the pages of the site, or to the start page."""
    return LINK_TO_NOTEBOOK.sub(
        lambda found: f"({found[1] if found[1] in names else 'index'}.md)", overview.glossary(NOTEBOOKS)
    )


def _start(found: Sequence[Chapter]) -> str:
    """The start page: what the course is, and its chapters with what each of them builds on."""
    released = {one.name: nbformat.read(_released(one), as_version=4) for one in found}
    titles = {name: notebook.metadata["course"]["title"] for name, notebook in released.items()}
    entries = []
    for name, notebook in released.items():
        course, time = notebook.metadata["course"], cells.hours(notebook.metadata[BUILT].minutes)
        needs = ", ".join(
            f"[{titles[need]}]({need}.md)" if need in titles else need for need in course["prerequisites"]
        )
        entries.append(
            f"1. **[{course['title']}]({name}.md)**: {course['summary']}.\\\n"
            f"   *{time}, {points(notebook):g} points. Builds on:* {needs}"
        )
    text = START.read_text(encoding="utf-8")
    return text.format(entries="\n".join(entries), pages="\n".join(released))
