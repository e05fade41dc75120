"""Puts a notebook together that can be graded: the chapter's own tests, and the student's own cells.

nbgrader trusts the metadata of what was handed in. Here the chapter says what is graded and for how many
points; from the student come sources only, and the order of the cells.
"""

import copy
import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import count
from pathlib import PurePosixPath

import nbformat
from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbgrader.preprocessors import SaveCells
from nbgrader.utils import compute_checksum, is_solution
from traitlets.config import Config

from course_format.cells import EXPERIMENT, exercise_of, is_experiment, is_test, is_written, nbgrader, visible
from course_format.chapter import KERNELSPEC
from course_grader.handed_in import submission, written
from course_grader.job import Job

# The first statement of a test cell.
OPENING = re.compile(r"(?:\s*#.*\n)*\s*check\.exercise\(\s*[\"'](\w+)[\"']")
# What a cell defines at its top level: `def f`, `class F`, `f = ...`, `f: type = ...`.
DEFINED = re.compile(
    r"^(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)|^(\w+)[ \t]*(?::[^=\n]+)?=(?!=)", re.MULTILINE
)
CELL_ID = re.compile(r"[a-zA-Z0-9-_]{1,64}")
LONGEST_ERROR = 200
ANOTHER = "no cell of this chapter is in it: is it another notebook?"
DOCUMENTS = (
    ".txt",
    ".md",
    ".rtf",
    ".doc",
    ".docx",
    ".odt",
    ".pdf",
    ".png",
    ".jpg",
    ".jpeg",
    ".heic",
    ".webp",
)


@dataclass(frozen=True)
class Assembled:
    """A notebook to run, sentences about what was wrong, and the solution cells that nobody touched.

    chapter: the chapter's own cells, which nobody may change. imports: id of the cell with the imports.
    folder: of the files handed in, the one that holds the notebook. python: the version with which it was
    saved; (0, 0) if it does not say.
    """

    notebook: NotebookNode
    problems: tuple[str, ...]
    unanswered: frozenset[str]
    chapter: list[NotebookNode]
    imports: str = ""
    folder: str = "."
    python: tuple[int, int] = (0, 0)


def prepare(solved: NotebookNode, config: Config) -> NotebookNode:
    """The chapter as the gradebook knows it: stubs in place of solutions, hidden tests included.

    These are nbgrader's own steps up to the one that saves the cells in the gradebook.
    """
    notebook, resources = copy.deepcopy(solved), ResourcesDict()
    for step in config.GenerateAssignment.preprocessors:
        if step is SaveCells:
            return notebook
        notebook, resources = step(parent=None, config=config).preprocess(notebook, resources)
    raise ValueError("nbgrader_config.py: GenerateAssignment.preprocessors must have SaveCells")


def assemble(job: Job) -> Assembled:
    """Merge what was handed in with the chapter. If nothing can be used, the chapter as it was released.

    Whatever was handed in, this returns: what nobody has thought of counts as a notebook that cannot be used.
    """
    book = _book(job.chapter)
    try:
        return _assemble(job, book)
    except Exception as error:
        said = " ".join(f"{type(error).__name__}: {error}".split())[:LONGEST_ERROR]
        problem = f"the notebook cannot be graded, so all exercises count as not done ({said})"
        return _finish(book, copy.deepcopy(book.cells), [*job.problems, problem])


def _assemble(job: Job, book: "_Book") -> Assembled:
    name, cells, problems = _handed_in(job, book)
    problems = [*job.problems, *problems]
    if cells is None:
        return _finish(book, copy.deepcopy(book.cells), problems)
    merged, notes = _merge(cells, book, _documents(job))
    result = _finish(book, merged, [*problems, *notes])
    folder, python = str(PurePosixPath(name).parent), submission.python_version(job.files[name])
    return replace(result, folder=folder, python=python)


@lru_cache(maxsize=2)  # one submission after another is of the same chapter
def _book(chapter: str) -> "_Book":
    return _Book(chapter)


class _Book:
    """The chapter, and what its cells can be recognised by. Submissions share it, so it never changes."""

    def __init__(self, chapter: str) -> None:
        notebook = nbformat.reads(chapter, as_version=4)
        self.metadata, self.cells = notebook.metadata, notebook.cells
        self.graded = {nbgrader(cell)["grade_id"]: cell for cell in self.cells if nbgrader(cell)}

    @cached_property
    def by_source(self) -> dict[str, str]:
        """The source as students got it -> the grade_id."""
        return {_released(cell): name for name, cell in self.graded.items()}

    @cached_property
    def questions(self) -> dict[str, str]:
        """The grade_id of a written answer -> the source of the cell before it, its question."""
        pairs = zip(self.cells, self.cells[1:], strict=False)
        return {nbgrader(two)["grade_id"]: _released(one) for one, two in pairs if is_written(two)}

    @cached_property
    def by_neighbour(self) -> dict[str, str]:
        return {question: name for name, question in self.questions.items()}

    @cached_property
    def definitions(self) -> dict[str, frozenset[str]]:
        """The grade_id of an answer in code -> what its stub defines, if it defines anything."""
        answers = {name: cell for name, cell in self.graded.items() if _is_answer_code(cell)}
        found = {name: _definitions(cell.source) for name, cell in answers.items()}
        return {name: definitions for name, definitions in found.items() if definitions}

    @cached_property
    def given(self) -> set[str]:
        """The sources of all cells that students got."""
        return {_released(cell) for cell in self.cells}

    @cached_property
    def experiments(self) -> set[str]:
        return {_released(cell) for cell in self.cells if is_experiment(cell)}

    @property
    def imports(self) -> NotebookNode:
        """The first code cell, without which hardly any answer runs."""
        return next(cell for cell in self.cells if cell.cell_type == "code")

    def answered(self, name: str, cell: NotebookNode) -> bool:
        """Whether somebody wrote something, or put a picture, into a cell that is there for an answer."""
        return bool(cell.get("attachments")) or cell.source.strip() not in ("", _released(self.graded[name]))

    def was_given(self, cell: NotebookNode) -> bool:
        """Whether a cell is as students got it, in this version of the chapter or in another one."""
        return cell.source.strip() in self.given or _is_as_built(cell)

    def is_experiment(self, cell: NotebookNode) -> bool:
        """Whether this is an experiment of the chapter's, as it was handed out."""
        return cell.source.strip() in self.experiments or (is_experiment(cell) and _is_as_built(cell))


def _handed_in(job: Job, book: _Book) -> tuple[str, list[NotebookNode] | None, list[str]]:
    """(name, cells, problems) of the notebook to grade; no cells if there is none.

    The one of the right name counts if anything was answered in it, else the one with most answers.
    """
    right = f"{job.name}.ipynb"
    names = sorted(filter(submission.is_notebook, job.files), key=lambda name: (name != right, name))
    problems, best = [], None
    for name in names:
        try:
            cells, notes = submission.parse_notebook(job.files[name])
        except submission.UnreadableNotebook as error:
            problems.append(f"{submission.printable(name)} cannot be read: {error}")
            continue
        found = _names(cells, book)
        answers = {found[place] for place in found if _is_answer(found, place, cells, book)}
        worth = (len(answers), len(set(found.values())))
        if best is None or worth > best[0]:
            best = worth, name, cells, notes
        if name == right and answers:
            break
    if best is None:
        return "", None, [*problems, _nothing_to_grade(right, names, job)]
    _, name, cells, notes = best
    return name, cells, [*problems, *_about_names(name, right, names), *notes]


def _documents(job: Job) -> list[str]:
    """The names of texts and pictures beside the notebook, which may contain an answer in words."""
    return [submission.printable(name) for name in sorted(job.files) if name.lower().endswith(DOCUMENTS)][:5]


def _nothing_to_grade(right: str, names: list[str], job: Job) -> str:
    others = ", ".join(submission.printable(name) for name in sorted(job.files)[:5])
    if names or not others:
        return f"there is no notebook {right} to grade, so all exercises count as not done"
    return f"there is no notebook {right} to grade, only {others}; so all exercises count as not done"


def _about_names(name: str, right: str, names: list[str]) -> Iterator[str]:
    if name != right:
        state = "has no answers" if right in names else "is missing"
        yield f"{right} {state}; {submission.printable(name)} was graded in its place"
    others = [submission.printable(other) for other in names if other not in (name, right)]
    if others:
        yield f"other notebooks were handed in and not graded: {', '.join(others[:5])}"


def _names(cells: list[NotebookNode], book: _Book) -> dict[int, str]:
    """place -> grade_id, for the cells of a notebook whose metadata may be missing or wrong.

    The stronger signs come first. A weaker one counts for a name that no stronger one has found, or found
    without an answer in it.
    """
    names: dict[int, str] = {}
    for sign in (_by_metadata, _by_id, _by_source, _by_content):
        settled = {name for place, name in names.items() if _settles(name, cells[place], book)}
        for place in range(len(cells)):
            name = sign(cells, place, book)
            if place not in names and name in book.graded and name not in settled:
                names[place] = name
    return names


def _settles(name: str, cell: NotebookNode, book: _Book) -> bool:
    return not is_solution(book.graded[name]) or book.answered(name, cell)


def _by_metadata(cells: list[NotebookNode], place: int, book: _Book) -> str | None:
    return nbgrader(cells[place]).get("grade_id")


def _by_id(cells: list[NotebookNode], place: int, book: _Book) -> str | None:
    return cells[place].get("id")


def _by_source(cells: list[NotebookNode], place: int, book: _Book) -> str | None:
    return book.by_source.get(cells[place].source.strip())


def _by_content(cells: list[NotebookNode], place: int, book: _Book) -> str | None:
    """A cell that opens a test, defines what an exercise asks for, or follows a written question."""
    cell = cells[place]
    if cell.source.strip() in book.given:
        return None
    if cell.cell_type in ("markdown", "raw"):
        return book.by_neighbour.get(cells[place - 1].source.strip()) if place else None
    opening = OPENING.match(cell.source)
    if opening:
        return f"test_{opening[1]}"
    defined = _definitions(cell.source) if cell.cell_type == "code" else frozenset()
    return next((name for name, needed in book.definitions.items() if needed <= defined), None)


def _definitions(source: str) -> frozenset[str]:
    return frozenset(function or variable for function, variable in DEFINED.findall(source))


def _is_answer(names: dict[int, str], place: int, cells: list[NotebookNode], book: _Book) -> bool:
    name = names[place]
    return is_solution(book.graded[name]) and book.answered(name, cells[place])


def _merge(
    cells: list[NotebookNode], book: _Book, documents: list[str]
) -> tuple[list[NotebookNode], list[str]]:
    """The cells to run, in the student's order, and sentences about what was missing, repeated or changed.

    documents: names of texts and pictures that were handed in beside the notebook.
    """
    names = _names(cells, book)
    chosen = _choose(names, cells, book)
    homes = _homes(cells, names, chosen, book)
    for name in homes:
        chosen.pop(name, None)
    behind = chosen | homes
    early = [
        name for name in book.graded if name in chosen and chosen[name] < behind.get(exercise_of(name), -1)
    ]
    missing = [name for name, own in book.graded.items() if name not in chosen and not _is_answer_code(own)]
    notes = list(_notes(cells, names, chosen, homes, early, book))
    collected = written.collect(cells, names, chosen, book, documents) if names else {}
    notes += [f"{name}: {answer.note}" for name, answer in collected.items()]
    merged = list(_in_order(cells, names, chosen, early, book))
    for name in book.graded:
        if name in early or name in missing:
            home = homes.get(exercise_of(name))
            _insert(merged, copy.deepcopy(book.graded[name]), list(book.graded), home)
    for _, cell in merged:
        if nbgrader(cell).get("grade_id") in collected:
            collected[nbgrader(cell)["grade_id"]].write_into(cell)
    merged_cells = [cell for _, cell in merged]
    if not any(_is_imports(cell, book.imports) for cell in cells):
        merged_cells.insert(0, copy.deepcopy(book.imports))
        notes.append("the first code cell, with the imports, is missing and was put back")
    return merged_cells, notes if names else [ANOTHER]


def _choose(names: dict[int, str], cells: list[NotebookNode], book: _Book) -> dict[str, int]:
    """grade_id -> the place of the cell that counts. It matters only where several have the same name.

    Of tests that is the last one. Of answers it is the last before the test in which something was written:
    that one the test would see if the notebook ran from top to bottom.
    """
    chosen = {}
    for name in sorted(set(names.values()), key=lambda name: is_solution(book.graded[name])):
        places = [place for place in names if names[place] == name]
        if is_solution(book.graded[name]):
            places = [place for place in places if book.answered(name, cells[place])] or places[:1]
            test = chosen.get(f"test_{name}", len(cells))
            places = [place for place in places if place < test] or places[:1]
        else:
            places = [p for p in places if cells[p].source.strip() == _released(book.graded[name])] or places
        chosen[name] = max(places)
    return chosen


def _homes(
    cells: list[NotebookNode], names: dict[int, str], chosen: dict[str, int], book: _Book
) -> dict[str, int]:
    """grade_id -> the place of the answers that are in the cell of another one: some write all into one."""
    tests = {place for place, name in names.items() if is_test(book.graded[name])}
    defined = {
        place: _definitions(cell.source)
        for place, cell in enumerate(cells)
        if cell.cell_type == "code" and place not in tests and not book.was_given(cell)
    }
    homes = {}
    for name, needed in book.definitions.items():
        if name in chosen and book.answered(name, cells[chosen[name]]):
            continue
        places = [place for place, there in defined.items() if needed <= there]
        if places:
            homes[name] = places[-1]
    return homes


def _in_order(
    cells: list[NotebookNode], names: dict[int, str], chosen: dict[str, int], early: list[str], book: _Book
) -> Iterator[tuple[int | None, NotebookNode]]:
    """The student's cells and their places, but for tests that stand elsewhere and copies of given cells."""
    for place, cell in enumerate(cells):
        name = names.get(place)
        if name is not None and chosen.get(name) == place:
            if name not in early:
                yield place, _graded(book.graded[name], cell)
        elif cell.source.strip() not in book.by_source:
            yield place, _plain(cell, book)


def _graded(own: NotebookNode, cell: NotebookNode) -> NotebookNode:
    """The chapter's cell; with the student's source if it is there for an answer."""
    result = copy.deepcopy(own)
    if is_solution(own):
        result.source = cell.source
        if "attachments" in cell and own.cell_type == "markdown":
            result["attachments"] = cell.attachments
    return result


def _plain(cell: NotebookNode, book: _Book) -> NotebookNode:
    """A cell of the student's that is not graded. Only what equals an experiment of the chapter's is one."""
    cell.metadata = nbformat.from_dict({"tags": [EXPERIMENT]} if book.is_experiment(cell) else {})
    return cell


def _is_answer_code(cell: NotebookNode) -> bool:
    """A missing cell of this kind is not put back: its stub would hide an answer that stands elsewhere."""
    return cell.cell_type == "code" and is_solution(cell)


def _is_imports(cell: NotebookNode, imports: NotebookNode) -> bool:
    """Whether this is the cell with the imports, as it was handed out or with most of what it held."""
    theirs, ours = ({*source.split("\n")} - {""} for source in (cell.source, imports.source))
    most = 2 * len(theirs & ours) >= len(ours)
    return (cell.get("id") == imports.id or most) and cell.cell_type == "code"


def _is_as_built(cell: NotebookNode) -> bool:
    """Whether a cell is as the build made it, of whatever version: its id is made from its content."""
    content = hashlib.sha256((cell.cell_type + cell.source).encode()).hexdigest()[:12]
    return cell.get("id", "").partition("-")[0] == content


def _insert(
    merged: list[tuple[int | None, NotebookNode]], cell: NotebookNode, order: list[str], home: int | None
) -> None:
    """Put a cell behind its exercise, or else behind the graded cell before it, and what was added there.

    home: where the answer stands that the cell tests, if it has no cell of its own.
    """
    name = nbgrader(cell)["grade_id"]
    places = {nbgrader(other)["grade_id"]: n for n, (_, other) in enumerate(merged) if nbgrader(other)}
    before = [other for other in order[: order.index(name)] if other in places]
    nearest = exercise_of(name) if exercise_of(name) in places else before[-1] if before else None
    place = places[nearest] + 1 if nearest else 0
    if home is not None:
        place = max(n for n, (origin, _) in enumerate(merged) if origin == home) + 1
    while place < len(merged) and not nbgrader(merged[place][1]):
        place += 1
    merged.insert(place, (None, cell))


def _notes(
    cells: list[NotebookNode],
    names: dict[int, str],
    chosen: dict[str, int],
    homes: dict[str, int],
    early: list[str],
    book: _Book,
) -> Iterator[str]:
    graded = book.graded
    found = {name: cells[chosen[name]] for name in graded if name in chosen}
    missing = [name for name in graded if name not in found and name not in homes]
    strange = [name for name, cell in found.items() if not _bears(name, cell)]
    times = Counter(names.values())
    yield from _about("are missing", [n for n in missing if _is_answer_code(graded[n])])
    yield from _about(
        "are missing, and were put back", [n for n in missing if not _is_answer_code(graded[n])]
    )
    yield from _about("are in the cell of another exercise, and were found there", list(homes))
    yield from _about("have lost their names, and were recognised by what they contain", strange)
    yield from _about(
        "are there more than once, and one of each counts",
        [name for name in found if times[name] > 1 and name not in strange],
    )
    yield from _about(
        "were changed, and the chapter's own were run",
        [n for n in found if is_test(graded[n]) and found[n].source.strip() != _released(graded[n])],
    )
    yield from _about(
        "had their type changed, and were graded in their own",
        [name for name in found if found[name].cell_type != graded[name].cell_type],
    )
    yield from _about("stood before their exercise, and were run behind it", early)


def _bears(name: str, cell: NotebookNode) -> bool:
    return name in (nbgrader(cell).get("grade_id"), cell.get("id"))


def _about(what: str, names: list[str]) -> Iterator[str]:
    if names:
        yield f"these cells {what}: {', '.join(names)}"


def _released(cell: NotebookNode) -> str:
    """The source that students got: without hidden tests."""
    return visible(cell.source).strip()


def _finish(book: _Book, cells: list[NotebookNode], problems: list[str]) -> Assembled:
    _set_ids(cells)
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNELSPEC})
    notebook.metadata["course"] = book.metadata.get("course", {})
    for cell in cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbformat.validate(notebook)
    answers = [cell for cell in cells if nbgrader(cell) and is_solution(cell)]
    touched = {nbgrader(c)["grade_id"] for c in answers if nbgrader(c).get("checksum") != compute_checksum(c)}
    asked = {name for name, cell in book.graded.items() if is_solution(cell)}
    imports = next((cell.id for cell in cells if _is_imports(cell, book.imports)), "")
    return Assembled(notebook, tuple(problems), frozenset(asked - touched), book.cells, imports)


def _set_ids(cells: list[NotebookNode]) -> None:
    """Every cell has a valid id of its own; graded cells have their grade_id."""
    taken = {nbgrader(cell)["grade_id"] for cell in cells if nbgrader(cell)}
    for number, cell in enumerate(cells):
        if nbgrader(cell):
            cell["id"] = nbgrader(cell)["grade_id"]
        elif cell["id"] in taken or not CELL_ID.fullmatch(cell["id"]):
            cell["id"] = next(name for k in count() if (name := f"cell-{number}-{k}") not in taken)
        taken.add(cell["id"])
