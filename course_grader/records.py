"""Check records as they come from a session, where student code ran: which of them can be true."""

import ast
import math
from collections.abc import Iterator
from typing import Any

from nbformat import NotebookNode

from course_builder.chapter import nbgrader
from course_grader.work import RECORD

ROUNDING = 6  # digits after the point that a score keeps, as in course_utils.check
LONGEST = 1000  # characters of a message, as in course_utils.check
STATUS = {"passed": "✓", "failed": "✗", "not done": "○"}


def valid(records: Any, cell: NotebookNode) -> list[dict]:
    """The records that fit the cases of this test cell, in their order, each once. All else is left out."""
    cases, found = list(_cases(cell)), []
    for record in records if isinstance(records, list) else []:
        place = next((k for k, case in enumerate(cases) if _fits(record, case)), None)
        if place is not None:
            cases = cases[place + 1 :]
            found.append(record)
    return found


def shown(record: dict) -> dict[str, Any]:
    """The record as the data of an output."""
    line = f"{STATUS[record['status']]} {record['case']}"
    return {"text/plain": f"{line}: {record['message']}" if record["message"] else line, RECORD: record}


def _cases(cell: NotebookNode) -> Iterator[dict]:
    """What the chapter's own test cell says about its cases."""
    exercise = nbgrader(cell)["grade_id"].removeprefix("test_")
    for node in ast.walk(ast.parse(cell.source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "case":
            options = {one.arg: ast.literal_eval(one.value) for one in node.keywords}
            yield {
                "exercise": exercise,
                "case": ast.literal_eval(node.args[0]),
                "points": float(options.get("points", 0.0)),
                "hidden": options.get("hidden", False),
            }


def _fits(record: Any, case: dict) -> bool:
    """Whether a record has the fields of docs/records.md and is one of this case."""
    fields = case.keys() | {"earned", "status", "mistake", "message"}
    if not isinstance(record, dict) or record.keys() != fields:
        return False
    earned = case["points"] if record["status"] == "passed" else 0.0
    return (
        all(record[name] == value and type(record[name]) is type(value) for name, value in case.items())
        and isinstance(record["status"], str)
        and record["status"] in STATUS
        and isinstance(record["earned"], float)
        and math.isclose(record["earned"], earned)
        and isinstance(record["message"], str)
        and len(record["message"]) <= LONGEST
        and isinstance(record["mistake"], str | None)
    )
