"""Grades one submission: bytes in, a result out. No gradebook, no folders; there always is a result."""

import math
import time
from dataclasses import dataclass, field
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.utils import determine_grade, is_grade, is_solution

from course_format import record
from course_format.cells import cases, exercise_of, is_experiment, is_test, nbgrader
from course_format.record import MIME_TYPE, Record
from course_grader.assemble import Assembled, assemble
from course_grader.client import NO_MESSAGE, ForkServer, Session, SessionEnded, open_session
from course_grader.submission import beside_notebooks
from course_grader.work import Job, Result

MAX_PROCESSES = 10  # a submission that ends its process more often than this has had its chance
MAX_OUTPUT = 20  # all cells together may print as much as so many of them alone
MAX_DEPTH = 20  # of the data in an output
MAX_FLAGS = 200
MAX_SENTENCE = 500  # characters of what a session says
OTHER_FLAG = "its outputs look like check records, and are none"
LEFT_OUT = "\n[the submission has printed too much: the rest was left out]\n"


def grade(job: Job, server: ForkServer) -> Result:
    """Run one submission against its chapter's tests and score it."""
    server.ensure()
    started = time.monotonic()
    assembled = assemble(job)
    run = _Run(job, server, assembled)
    run.all_cells()
    return _result(job, assembled, run, time.monotonic() - started)


@dataclass
class _Run:
    """The execution of one notebook, in as many processes as it takes."""

    job: Job
    server: ForkServer
    assembled: Assembled
    scores: dict[str, float | None] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)

    def all_cells(self) -> None:
        """Run every code cell but the experiments, in order."""
        self._deadline = time.monotonic() + self.job.limits.seconds
        self._session: Session | None = None
        self._done: list[NotebookNode] = []  # ordinary cells that a fresh process has to run again
        self._displays: dict[str, list[NotebookNode]] = {}  # outputs that may still change, by display_id
        self._left = MAX_OUTPUT * self.job.limits.output
        self._processes = 0
        for cell in self.assembled.notebook.cells:
            if cell.cell_type != "code" or is_experiment(cell):
                continue
            self._one(cell)
        self._close()

    def _one(self, cell: NotebookNode) -> None:
        refusal = self._why_not()
        if refusal:
            return self._break_off(cell, refusal)
        try:
            done = self._execute(cell, self._ready_session(), cell.outputs)
        except SessionEnded as ended:
            self._close()
            self._keep_records(cell, [])
            return self._break_off(cell, _sentence(str(ended)))
        if done.get("error") is not None:
            self._break_off(cell, _sentence(done["error"]))
        elif not is_test(cell):
            self._done.append(cell)
        valid = record.valid(done.get("records"), cases(cell.source)) if is_test(cell) else []
        self._keep_records(cell, valid)
        if is_test(cell):
            self._score(cell, valid)

    def _why_not(self) -> str | None:
        if time.monotonic() >= self._deadline:
            return f"it was not run: the submission had used up its {self.job.limits.seconds:g} seconds"
        if self._session is None and self._processes >= MAX_PROCESSES:
            return f"it was not run: the submission had ended its process {MAX_PROCESSES} times"
        return None

    def _ready_session(self) -> Session:
        """The running process, or a fresh one in which the cells so far that worked have run again."""
        while self._session is None:
            self._processes += 1
            imports = next(c.source for c in self._chapter().cells if c.cell_type == "code")
            self._session = open_session(
                self.server, self.job.limits, imports, beside_notebooks(self.job.files)
            )
            try:
                for cell in self._done:
                    self._execute(cell, self._session, outputs=[])
            except SessionEnded:
                self._done.remove(cell)
                self._close()
        return self._session

    def _execute(self, cell: NotebookNode, session: Session, outputs: list) -> dict:
        """Run one cell, collecting its outputs. Returns what the session says at its end."""
        request = {"cell": cell.source}
        if is_test(cell):
            request = {"test": cell.source, "exercise": exercise_of(nbgrader(cell)["grade_id"])}
        for reply in session.run(request, self._deadline - time.monotonic()):
            if "output" in reply:
                self._add(_valid_output(reply["output"]), outputs)
            elif "update" in reply:
                self._update(reply["update"])
            elif "clear" in reply:
                outputs.clear()
            elif "flag" in reply and len(self.flags) < MAX_FLAGS:
                self.flags.append(f"{_place(cell)}: {_sentence(reply['flag'])}")
        return reply

    def _add(self, output: NotebookNode, outputs: list) -> None:
        """Keep an output, unless the submission has had its share."""
        if self._left < 0:
            return
        self._left -= len(repr(output))
        if self._left < 0:
            output = new_output("stream", name="stdout", text=LEFT_OUT)
        shown_as = output.pop("transient", {}).get("display_id")
        if shown_as is not None:
            self._displays.setdefault(str(shown_as), []).append(output)
        outputs.append(output)

    def _update(self, change: Any) -> None:
        """Change the earlier outputs that were displayed under the same id."""
        if not isinstance(change, dict):
            raise SessionEnded(NO_MESSAGE)
        content = {"data": change.get("data"), "metadata": change.get("metadata")}
        new = _valid_output({"output_type": "display_data", **content})
        self._left -= len(repr(new))
        for output in self._displays.get(str(change.get("display_id")), []) if self._left >= 0 else []:
            output["data"], output["metadata"] = new["data"], new["metadata"]

    def _break_off(self, cell: NotebookNode, reason: str) -> None:
        """Say in the cell and in the result why this cell did not come to its end."""
        cell.outputs.append(new_output("error", ename="BrokenOff", evalue=reason, traceback=[reason]))
        self.reasons.append(f"{_place(cell)}: {reason}")
        if is_test(cell):
            self.scores[nbgrader(cell)["grade_id"]] = 0.0

    def _keep_records(self, cell: NotebookNode, valid: list[Record]) -> None:
        """Leave in the outputs of a cell the records that count, each once, and no others."""
        waiting = list(valid)
        for output in [output for output in cell.outputs if MIME_TYPE in output.get("data", {})]:
            if waiting and record.parse(output.data[MIME_TYPE]) == waiting[0]:
                waiting.pop(0)
                continue
            del output.data[MIME_TYPE]
            if is_test(cell) and valid:
                self.flags.append(f"{_place(cell)}: {OTHER_FLAG}")
        cell.outputs += [new_output("display_data", data=one.data) for one in waiting]

    def _score(self, cell: NotebookNode, valid: list[Record]) -> None:
        """Take the score of a test cell: the session's word for it does not count."""
        score = round(math.fsum(one.earned for one in valid), record.ROUNDING)
        self.scores[nbgrader(cell)["grade_id"]] = score
        result = new_output("execute_result", data={"text/plain": repr(score)}, execution_count=None)
        cell.outputs.append(result)

    def _close(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    def _chapter(self) -> NotebookNode:
        return nbformat.reads(self.job.chapter, as_version=4)


def _result(job: Job, assembled: Assembled, run: _Run, seconds: float) -> Result:
    notebook = assembled.notebook
    for cell in notebook.cells:
        if is_grade(cell) and is_solution(cell):
            run.scores[nbgrader(cell)["grade_id"]] = determine_grade(cell)[0]
    flags = tuple(dict.fromkeys(run.flags))
    reason = "\n".join([*assembled.problems, *run.reasons])
    notebook.metadata["course_grader"] = {
        "version": job.version,
        "digest": job.digest,
        "reason": reason,
        "flags": list(flags),
        "seconds": round(seconds, 3),
    }
    return Result(
        assignment=job.assignment,
        student=job.student,
        name=job.name,
        version=job.version,
        digest=job.digest,
        scores=run.scores,
        unanswered=assembled.unanswered,
        reason=reason,
        flags=flags,
        notebook=nbformat.writes(notebook),
        seconds=seconds,
        files=beside_notebooks(job.files),
    )


def _place(cell: NotebookNode) -> str:
    return nbgrader(cell).get("grade_id") or f"cell {cell.id}"


def _valid_output(output: Any) -> NotebookNode:
    """An output as a session sent it. Raises SessionEnded if it is none: the process was tampered with."""
    if not isinstance(output, dict) or not isinstance(output.get("transient", {}), dict):
        raise SessionEnded(NO_MESSAGE)
    if _depth_exceeds(output, MAX_DEPTH):
        raise SessionEnded(NO_MESSAGE)
    try:
        node = nbformat.from_dict(output)
        nbformat.validate({k: v for k, v in node.items() if k != "transient"}, ref="output", version=4)
    except Exception as error:
        raise SessionEnded(NO_MESSAGE) from error
    return node


def _depth_exceeds(value: Any, limit: int) -> bool:
    """Whether lists and dicts are nested more deeply; what writes a notebook goes down with them."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return limit == 0 or any(_depth_exceeds(one, limit - 1) for one in inner)


def _sentence(text: Any) -> str:
    """What a session says, as text that any database takes."""
    return (text if isinstance(text, str) else repr(text)).replace("\0", "")[:MAX_SENTENCE]
