"""Runs a cell of the student's own, and says what failed in it.

A notebook comes from another machine. What this one lacks (a package, a magic) costs the statement that asks
for it, not the rest of its cell: an answer may be below an import that it does not need.
"""

import ast
import contextlib
import symtable
import traceback
from collections.abc import Iterator
from typing import Any

CELL_FILE = "<ipython-input-"  # how the file names of cells begin
LONGEST_TEXT = 200  # characters of an error, or of a line


def run_cell(shell: Any, source: str, goes_on: bool) -> tuple[list[dict], BaseException | None]:
    """Run a cell in an IPython shell. Returns what failed, and the error at which the cell stopped for good.

    goes_on: whether it goes on behind every statement that fails, not only behind what the machine lacks.
    Each failure is {"says": a sentence, "kind": the name of the exception, "name": what does not exist}.
    """
    failures: list[dict] = []
    lacking: set[str] = set()  # what the statements that were passed over would have defined
    code, blank = None, _blank_lines(source)
    while True:
        result = shell.run_cell(source, store_history=True)
        error = result.error_before_exec or result.error_in_exec
        if error is None:
            return failures, None
        code = code or _plain_python(shell, source)
        line = _line(error) if result.error_in_exec else getattr(error, "lineno", None)
        failures.append(_failure(error, code, line, blank))
        statement = _statement(code, line) if result.error_in_exec else None
        if statement is None or not (goes_on or _is_lacking(error, statement, lacking)):
            return failures, error
        lacking |= _stored(statement)
        source = _below(code, statement)


def names(shell: Any, source: str) -> tuple[list[str], list[str]]:
    """(names that a cell defines, names that it takes from elsewhere); none where it is no Python."""
    try:
        return names_in(_plain_python(shell, source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return [], []


def names_in(code: str) -> tuple[list[str], list[str]]:
    """(names that a piece of Python defines for all to see, such names that it uses)."""
    defined, used = set(), set()
    top = symtable.symtable(code, "", "exec")
    for scope in _scopes(top):
        for symbol in scope.get_symbols():
            if scope is top or symbol.is_global():
                if symbol.is_assigned() or symbol.is_imported():
                    defined.add(symbol.get_name())
                if symbol.is_referenced():
                    used.add(symbol.get_name())
    return sorted(defined), sorted(used)


def _scopes(scope: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield scope
    for inner in scope.get_children():
        yield from _scopes(inner)


def _plain_python(shell: Any, source: str) -> str:
    """A cell as IPython hands it to Python: magics have become calls. As it is where that fails."""
    with contextlib.suppress(Exception):
        return shell.transform_cell(source)
    return source


def _blank_lines(source: str) -> int:
    """How many blank lines a cell begins with, which IPython takes away before it counts."""
    lines = source.split("\n")
    return next((number for number, line in enumerate(lines) if line.strip()), 0)


def _line(error: BaseException) -> int | None:
    """The line of the cell at which an error left it."""
    frames = traceback.walk_tb(error.__traceback__)
    return next((line for frame, line in frames if frame.f_code.co_filename.startswith(CELL_FILE)), None)


def _failure(error: BaseException, code: str, line: int | None, blank: int) -> dict:
    kind, text = type(error).__name__, ""
    with contextlib.suppress(Exception):
        text = error.msg if isinstance(error, SyntaxError) and line == error.lineno else str(error)
    says = f"{kind}: {text}" if text else kind
    says = " ".join(says[:LONGEST_TEXT].split())
    lines = code.split("\n")
    if line is not None and 0 < line <= len(lines):
        says += f" (line {line + blank}: `{lines[line - 1].strip()[:LONGEST_TEXT]}`)"
    return {"says": says, "kind": kind, "name": getattr(error, "name", None)}


def _statement(code: str, line: int | None) -> ast.stmt | None:
    """The statement of a cell that covers a line."""
    with contextlib.suppress(SyntaxError, ValueError):
        body = ast.parse(code).body if line is not None else []
        return next((one for one in body if _first_line(one) <= line <= one.end_lineno), None)
    return None


def _first_line(statement: ast.stmt) -> int:
    decorators = getattr(statement, "decorator_list", [])
    return min(node.lineno for node in (statement, *decorators))


def _is_lacking(error: BaseException, statement: ast.stmt, lacking: set[str]) -> bool:
    """Whether it is for want of something on this machine that a statement failed."""
    if isinstance(error, NameError) and error.name in lacking:
        return True
    return isinstance(error, ImportError) or "get_ipython()." in ast.unparse(statement)


def _stored(statement: ast.stmt) -> set[str]:
    """The names that a statement defines."""
    found = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.alias):
            found.add(node.asname or node.name.partition(".")[0])
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found


def _below(code: str, statement: ast.stmt) -> str:
    """The part of a cell below a statement, its lines at the same numbers."""
    lines = code.split("\n")
    return "\n".join(["#"] * statement.end_lineno + lines[statement.end_lineno :])
