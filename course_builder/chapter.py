"""A chapter: its text source, and the rules that every chapter keeps."""

import ast
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

ROOT = Path(__file__).parents[1]
SOLUTIONS, NOTEBOOKS = ROOT / "solutions", ROOT / "notebooks"
REQUIRED = {"title": str, "summary": str, "minutes": int, "prerequisites": list}
KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


class ChapterError(Exception):
    """A chapter breaks one of the rules; the message says which and what to do."""


@dataclass(frozen=True)
class Chapter:
    """One chapter of the course, named by its folder, such as 01_tensors."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def stem(self) -> str:
        return self.name.split("_", 1)[1]

    @property
    def text(self) -> Path:
        """The one file that people edit."""
        return self.folder / f"{self.stem}.py"

    @property
    def solved(self) -> Path:
        """The built notebook with solutions and outputs."""
        return self.folder / f"{self.stem}.ipynb"

    def read(self) -> NotebookNode:
        """The notebook that the text source describes: valid, with ids, without outputs."""
        if not self.text.exists():
            raise ChapterError(f"{self.name} has no text source {self.name}/{self.text.name}")
        notebook = jupytext.read(self.text)
        set_ids(notebook)
        notebook.metadata["kernelspec"] = NotebookNode(KERNELSPEC)
        validate(self, notebook)
        return notebook


def chapters(solutions: Path = SOLUTIONS) -> list[Chapter]:
    """All chapters of the course, in order."""
    return [Chapter(path) for path in sorted(solutions.glob("[0-9][0-9]_*")) if path.is_dir()]


def nbgrader(cell: NotebookNode) -> dict:
    """The cell's nbgrader metadata; empty for a cell that nbgrader has no business with."""
    return cell.metadata.get("nbgrader", {})


def is_test(cell: NotebookNode) -> bool:
    """Whether this cell holds the cases of an exercise."""
    return cell.cell_type == "code" and nbgrader(cell).get("grade", False)


def points(notebook: NotebookNode) -> float:
    """What the whole chapter is worth, written answers included."""
    return sum(nbgrader(cell).get("points", 0) for cell in notebook.cells)


def fingerprint(notebook: NotebookNode) -> str:
    """A hash of everything in the cells but their outputs."""
    cells = [[cell.id, cell.cell_type, cell.source, cell.metadata] for cell in notebook.cells]
    return hashlib.sha256(json.dumps(cells, sort_keys=True).encode()).hexdigest()[:16]


def set_ids(notebook: NotebookNode) -> None:
    """Give each cell its grade_id as id, or an id made from its content: never one made by chance."""
    seen: Counter[str] = Counter()
    for cell in notebook.cells:
        content = hashlib.sha256((cell.cell_type + cell.source).encode()).hexdigest()[:12]
        name = nbgrader(cell).get("grade_id", content)
        seen[name] += 1
        cell["id"] = name if seen[name] == 1 or nbgrader(cell) else f"{name}-{seen[name]}"


def validate(chapter: Chapter, notebook: NotebookNode) -> None:
    """Hold a chapter to the rules. Raises ChapterError with one sentence on what to do."""
    for problem in _problems(chapter, notebook):
        raise ChapterError(f"{chapter.text.parent.name}/{chapter.text.name}: {problem}")
    nbformat.validate(notebook)


def _problems(chapter: Chapter, notebook: NotebookNode) -> Iterator[str]:
    yield from _metadata_problems(notebook)
    stated = f"**Points:** {points(notebook):g}"
    if not any(stated in cell.source for cell in notebook.cells[:1]):
        yield f"the first cell must say `{stated}`, the sum of all its exercises"
    grade_ids = Counter(nbgrader(cell)["grade_id"] for cell in notebook.cells if nbgrader(cell))
    repeated = [name for name, count in grade_ids.items() if count > 1]
    yield from (f"the grade_id {name!r} is used more than once" for name in repeated)
    for cell in notebook.cells:
        name = nbgrader(cell).get("grade_id")
        if name is None or cell.cell_type != "code":
            continue
        if not _is_python(cell.source):
            yield f"the cell {name!r} is no valid Python"
        elif is_test(cell):
            yield from (f"test cell {name!r} {problem}" for problem in _test_problems(cell))
        elif f"test_{name}" not in grade_ids:
            yield f"exercise {name!r} has no test cell with the grade_id 'test_{name}'"


def _is_python(source: str) -> bool:
    try:
        ast.parse(source)
    except SyntaxError:
        return False
    return True


def _metadata_problems(notebook: NotebookNode) -> Iterator[str]:
    course = notebook.metadata.get("course", {})
    for key, kind in REQUIRED.items():
        if not isinstance(course.get(key), kind):
            yield f"the header needs `course: {key}:` ({kind.__name__})"


def _test_problems(cell: NotebookNode) -> Iterator[str]:
    meta, body = nbgrader(cell), ast.parse(cell.source).body
    name = meta["grade_id"].removeprefix("test_")
    opening = f"check.exercise({name!r}, points={meta['points']})"
    if ast.unparse(body[0]) != opening:
        yield f"must begin with {opening}"
    if ast.unparse(body[-1]) != "check.score()":
        yield "must end with check.score()"
    cases = [case for node in ast.walk(ast.parse(cell.source)) if (case := _case(node))]
    names = Counter(case["name"] for case in cases)
    yield from (f"has two cases named {name!r}" for name, count in names.items() if count > 1)
    total = sum(case["points"] for case in cases)
    if abs(total - meta["points"]) > 1e-9:
        yield f"is worth {meta['points']} points but its cases add up to {total:g}"
    hidden = _hidden_lines(cell.source)
    for case in cases:
        if case["hidden"] != (case["line"] in hidden):
            yield f"has a case {case['name']!r} whose hidden=True does not fit the hidden-tests region"


def _case(node: ast.AST) -> dict | None:
    if not isinstance(node, ast.Call) or ast.unparse(node.func) != "check.case":
        return None
    options = {keyword.arg: ast.literal_eval(keyword.value) for keyword in node.keywords}
    return {
        "name": ast.literal_eval(node.args[0]),
        "points": options.get("points", 0),
        "hidden": options.get("hidden", False),
        "line": node.lineno,
    }


def _hidden_lines(source: str) -> set[int]:
    lines, inside = set(), False
    for number, line in enumerate(source.splitlines(), start=1):
        if "BEGIN HIDDEN TESTS" in line:
            inside = True
        elif "END HIDDEN TESTS" in line:
            inside = False
        elif inside:
            lines.add(number)
    return lines
