"""What one case of a test cell leaves behind. docs/records.md describes the fields."""

import math
import re
from dataclasses import dataclass, fields
from typing import Any

from course_format.cells import Case

MIME_TYPE = "application/vnd.course-check.v1+json"
ROUNDING = 6  # decimal places that a score keeps
LONGEST = 1000  # characters of a message; an exception of the student's may say anything
MARKS = {"passed": "✓", "failed": "✗", "not done": "○"}  # status -> what a line begins with
NO_MARK = "–"  # of a case that has no such status, because it did not run


@dataclass(frozen=True)
class Record:
    """What one case found."""

    exercise: str
    case: str
    points: float
    earned: float
    status: str  # one of MARKS
    mistake: str | None
    message: str
    hidden: bool

    @property
    def line(self) -> str:
        """The record as one line for people; a longer message is indented."""
        message = self.message.replace("\n", "\n    ")
        return f"{MARKS.get(self.status, NO_MARK)} {self.case}" + (f": {message}" if message else "")

    @property
    def data(self) -> dict[str, Any]:
        """The record as the data of an output."""
        return {"text/plain": self.line, MIME_TYPE: vars(self).copy()}


def with_code(escaped: str) -> str:
    """A message as HTML, with its `names` set as code. escaped: the message, escaped for HTML."""
    return re.sub(r"`([^`\n]+)`", r"<code>\1</code>", escaped)


def read(outputs: list) -> list[Record]:
    """The records in a cell's outputs, in their order. What is not a whole record is left out."""
    found = [output.get("data", {}).get(MIME_TYPE) for output in outputs]
    return [record for data in found if data is not None and (record := parse(data)) is not None]


def parse(data: Any) -> Record | None:
    """The record that this JSON object describes, or None if it describes none."""
    names = {field.name for field in fields(Record)}
    if not isinstance(data, dict) or data.keys() != names:
        return None
    numbers = data["points"], data["earned"]
    texts = data["exercise"], data["case"], data["message"]
    sound = (
        all(isinstance(number, int | float) and not isinstance(number, bool) for number in numbers)
        and all(math.isfinite(number) and number >= 0 for number in numbers)
        and all(isinstance(text, str) for text in texts)
        and isinstance(data["status"], str)
        and data["status"] in MARKS
        and isinstance(data["mistake"], str | None)
        and isinstance(data["hidden"], bool)
        and len(data["message"]) <= LONGEST
    )
    return Record(**data) if sound else None


def valid(found: Any, cases: list[Case]) -> list[Record]:
    """The records that fit these cases, in their order, each once. All else is left out.

    found: JSON objects as they come from a process in which a student's code ran.
    """
    records, left = [], list(cases)
    for data in found if isinstance(found, list) else []:
        record = parse(data)
        place = next((k for k, case in enumerate(left) if record and _fits(record, case)), None)
        if place is not None:
            left = left[place + 1 :]
            records.append(record)
    return records


def _fits(record: Record, case: Case) -> bool:
    earned = case.points if record.status == "passed" else 0.0
    return (
        (record.exercise, record.case, record.hidden) == (case.exercise, case.case, case.hidden)
        and math.isclose(record.points, case.points)
        and math.isclose(record.earned, earned)
    )
