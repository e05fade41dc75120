"""The rules that every chapter keeps. A breach is one sentence with its line in the text source."""

import ast
import re
from collections import Counter
from collections.abc import Iterator

from nbformat import NotebookNode

from course_format import black_box, cells
from course_format.cells import HIDDEN_TESTS, MARKER, REGIONS, SOLUTION, Case
from course_format.text import Head, Problem

REQUIRED = {"title": str, "summary": str, "prerequisites": list}
# In the heading of an exercise: (3 points, about 10 minutes, ★★☆)
HEADING = re.compile(r"\(([\d.]+) points?,\s+about\s+(\d+)\s+minutes")
TITLE = re.compile(r"\*\*Time:\*\* .+?\. \*\*You need:\*\*.*?\*\*Points:\*\* \S+", re.DOTALL)
FLAGS = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
REGIONS_OF = {"exercise": (SOLUTION,), "test": (HIDDEN_TESTS,)}


def problems(notebook: NotebookNode, heads: list[Head]) -> list[Problem]:
    """Everything that is wrong with a chapter, from top to bottom.

    notebook: as read from the text. heads: the headers of its cells, as many as there are cells.
    """
    found = list(_about_the_chapter(notebook, heads))
    if not found:
        for place, head in enumerate(heads):
            about = _about_the_cell(notebook, heads, place)
            found += [Problem(head.line + line, sentence) for line, sentence in about]
    return found


def _about_the_chapter(notebook: NotebookNode, heads: list[Head]) -> Iterator[Problem]:
    if len(heads) != len(notebook.cells):
        yield Problem(1, "there is text between the header and the first cell: begin it with `# %%`")
        return
    course = notebook.metadata.get("course", {})
    for key, kind in REQUIRED.items():
        if not isinstance(course.get(key), kind):
            yield Problem(1, f"the header needs `course: {key}:` ({kind.__name__})")
    strange = sorted(course.keys() - REQUIRED.keys())
    if strange:
        yield Problem(1, f"the header has an unknown `course: {strange[0]}:`")
    if not notebook.cells or not TITLE.search(notebook.cells[0].source):
        wanted = "`**Time:** x. **You need:** ... **Points:** x.`"
        yield Problem(1, f"the first cell needs {wanted} (x is filled in)")
    seen: set[str] = set()
    for head in heads:
        name = _grade_id(head) if head.name else None
        if name in seen:
            yield Problem(head.line, f"the name {name!r} is used more than once")
        seen |= {name} if name else set()
    yield from _about_definitions(notebook, heads)


def _about_definitions(notebook: NotebookNode, heads: list[Head]) -> Iterator[Problem]:
    """Answer cells are recognised by what they define, and a later one must not undo an earlier one."""
    owner: dict[str, str] = {}
    for head, cell in zip(heads, notebook.cells, strict=True):
        if "exercise" in head.options and _no_python(cell.source, head) is None:
            for name in _defined(cell.source):
                other = owner.setdefault(name, head.options["exercise"])
                if other != head.options["exercise"]:
                    yield Problem(head.line, f"{head.name} defines {name!r}, and so does exercise {other!r}")


def _defined(source: str) -> set[str]:
    """The names that a cell defines at its top level."""
    names = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names


def _grade_id(head: Head) -> str:
    options = head.options
    if "test" in options:
        return cells.TEST + options["test"]
    return cells.WRITTEN + options["written"] if "written" in options else options["exercise"]


About = Iterator[tuple[int, str]]  # a line of a cell, its header being line 0, and a sentence


def _about_the_cell(notebook: NotebookNode, heads: list[Head], place: int) -> About:
    head, source = heads[place], notebook.cells[place].source
    if "written" in head.options:
        yield from _about_the_heading(notebook, place, head, head.options["points"])
    if head.markdown:
        return
    broken = _no_python(source, head)
    if broken:
        yield broken
        return
    yield from _about_regions(source, head)
    if "exercise" in head.options:
        yield from _about_solutions(source, head)
        after = heads[place + 1] if place + 1 < len(heads) else None
        if after is None or after.options.get("test") != head.options["exercise"]:
            wanted = f'`# %% test="{head.options["exercise"]}"`'
            yield 0, f"{head.name} needs its test cell right below it: {wanted}"
    if "test" in head.options:
        before = heads[place - 1] if place else None
        if before is None or before.options.get("exercise") != head.options["test"]:
            wanted = f'`# %% exercise="{head.options["test"]}"`'
            yield 0, f"the exercise of {head.name} must be right above it: {wanted}"
        else:
            yield from _about_the_test(notebook, place, head, before)


def _no_python(source: str, head: Head) -> tuple[int, str] | None:
    """What is wrong with the syntax of a cell. Magics are for cells that are neither exercise nor test."""
    error = _syntax_error(source)
    if error and not head.name:
        from IPython.core.inputtransformer2 import TransformerManager  # late: it takes a while

        error = _syntax_error(TransformerManager().transform_cell(source))
    if error is None:
        return None
    return error.lineno or 1, f"{head.name or 'this cell'} is no valid Python: {error.msg}"


def _syntax_error(source: str) -> SyntaxError | None:
    try:
        compile(source, "", "exec", FLAGS)
    except SyntaxError as error:
        return error
    return None


def _about_regions(source: str, head: Head) -> About:
    role = next((role for role in REGIONS_OF if role in head.options), "")
    allowed, open_at = REGIONS_OF.get(role, ()), 0
    for number, line in enumerate(source.split("\n"), start=1):
        marker = MARKER.match(line)
        if marker is None:
            words = re.search(r"#.*\b(BEGIN|END)\b.*\b(" + "|".join(REGIONS) + r")\b", line)
            if words:
                yield number, f"write the marker as `### {words[1]} {words[2]}`, on a line of its own"
        elif marker[2] not in allowed:
            of = next((role for role, regions in REGIONS_OF.items() if marker[2] in regions), "written")
            yield number, f"a {marker[2].lower()} region goes into a cell with `{of}=...` in its header"
        elif (marker[1] == "BEGIN") == bool(open_at):
            yield number, f"this `{marker[0].strip()}` has no partner"
        else:
            open_at = number if marker[1] == "BEGIN" else 0
    if open_at:
        yield open_at, f"the region that begins here is not closed: `### END {allowed[0]}` is missing"


def _about_solutions(source: str, head: Head) -> About:
    """An exercise has a solution, and at most one in each of its functions."""
    markers = enumerate(map(MARKER.match, source.split("\n")), start=1)
    begun = [number for number, marker in markers if marker and marker[1] == "BEGIN"]
    if not begun:
        yield 0, f"{head.name} needs `### BEGIN SOLUTION` and `### END SOLUTION`, found none"
    homes = [_function_above(source, number) for number in begun]
    for place, number in enumerate(begun):
        if homes[place] in homes[:place]:
            yield number, "this is a second solution in one function: one pair of markers for each"


def _function_above(source: str, line: int) -> int:
    """The line of the last function that begins above a line of a cell; 0 if there is none."""
    functions = [node.lineno for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    return max((number for number in functions if number <= line), default=0)


def _about_the_test(notebook: NotebookNode, place: int, head: Head, before: Head) -> About:
    """before: the header of the exercise above."""
    source, answer = notebook.cells[place].source, notebook.cells[place - 1].source
    body = ast.parse(source)
    try:
        opened, points = cells.opening(body)
        found = cells.cases(source)
    except ValueError as error:
        yield 0, f"{head.name}: {error}"
        return
    if opened != head.options["test"]:
        yield 1, f"check.exercise names {opened!r}, the header {head.options['test']!r}"
    if ast.unparse(body.body[-1]) != "check.score()":
        yield 0, f"{head.name} must end with check.score()"
    yield from _about_cases(found, points, cells.hidden_lines(source), head)
    if _no_python(answer, before) is None:  # else it is told already
        for line, sentence in sorted(black_box.breaches(body, _defined_anywhere(answer))):
            yield line, f"{head.name}: {sentence}"
    yield from _about_the_heading(notebook, place - 1, head, points)


def _about_cases(found: list[Case], points: float, hidden: set[int], head: Head) -> About:
    """hidden: the lines of the hidden-tests region."""
    for case, count in Counter(one.case for one in found).items():
        if count > 1:
            yield 0, f"{head.name} has two cases named {case!r}"
    total = sum(one.points for one in found)
    if abs(total - points) > 1e-9:
        yield 1, f"{head.name} is worth {points:g} points, and its cases add up to {total:g}"
    for one in found:
        if one.hidden != (one.line in hidden):
            where = "inside the hidden-tests region, and only there"
            yield one.line, f"the case {one.case!r} needs hidden=True {where}"


def _defined_anywhere(source: str) -> set[str]:
    """The names at the top level of an answer's cell, and those of all its functions."""
    nodes = ast.walk(ast.parse(source))
    return _defined(source) | {node.name for node in nodes if isinstance(node, ast.FunctionDef)}


def _about_the_heading(notebook: NotebookNode, place: int, head: Head, points: float) -> About:
    """The heading of an exercise says its points and minutes; it is the last one above the answer."""
    texts = [cell.source for cell in notebook.cells[:place] if cell.cell_type == "markdown"]
    headings = [found for text in texts for found in HEADING.finditer(text)]
    if not headings:
        yield 0, f"{head.name} needs a heading above it with `({points:g} points, about 10 minutes, ★★☆)`"
    elif float(headings[-1][1]) != points:
        heading = f"the heading above says {headings[-1][1]} points"
        yield 0, f"{head.name} is worth {points:g} points, and {heading}"
