"""What goes to a worker and what comes back: plain data, for a thread or a cluster."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime

from course_format import CourseError


class GraderError(CourseError):
    """The grader cannot go on."""


@dataclass(frozen=True)
class Limits:
    """What one submission may use.

    cell_seconds: one cell; seconds: all cells together. memory: bytes of all its processes, beyond what an
    idle one needs; its files, which live in memory, come on top (isolation.SCRATCH_SIZE). processes: at one
    time, the kernel and its threads included. output: bytes kept of what one cell prints. files: bytes of all
    that was handed in.
    """

    cell_seconds: float = 30
    seconds: float = 300
    memory: int = 4 * 2**30
    processes: int = 64
    output: int = 2**20
    files: int = 50 * 2**20


LIMITS = Limits()  # where nobody says otherwise


@dataclass(frozen=True)
class Job:
    """One submission and all that is needed to grade it.

    chapter: the solved notebook with hidden tests, as JSON text. version: its fingerprint. files: what was
    handed in, by relative path. problems: sentences about what was handed in and left out. timestamp: when it
    was handed in, in UTC.
    """

    assignment: str
    student: str
    name: str  # of the notebook, without .ipynb
    chapter: str
    version: str
    files: dict[str, bytes]
    problems: tuple[str, ...] = ()
    limits: Limits = LIMITS
    timestamp: datetime | None = None

    @property
    def digest(self) -> str:
        """A hash of what was handed in, and when."""
        return digest(self.files | {"/timestamp": str(self.timestamp).encode()})


@dataclass(frozen=True)
class Result:
    """What became of one submission. There is one for every submission, whatever it did.

    scores: grade_id -> points; None where a person has to mark. unanswered: grade_ids of solution cells that
    still are as they were released. reason: what the instructor should know, one sentence per line; empty if
    all went well. flags: signs that the checks were tampered with, for review. notebook: as it ran, as JSON.
    timestamp: when it was handed in, in UTC; None if nobody knows.
    """

    assignment: str
    student: str
    name: str
    version: str
    digest: str
    scores: dict[str, float | None]
    unanswered: frozenset[str]
    reason: str
    flags: tuple[str, ...]
    notebook: str
    seconds: float
    files: dict[str, bytes] = field(default_factory=dict)  # handed in beside the notebook
    timestamp: datetime | None = None


def digest(files: dict[str, bytes]) -> str:
    """A hash of files and their names."""
    total = hashlib.sha256()
    for name, content in sorted(files.items()):
        for part in (name.encode(), content):
            total.update(len(part).to_bytes(8, "big") + part)
    return total.hexdigest()[:32]
