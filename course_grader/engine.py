"""Grades one submission: bytes in, a result out. No gradebook, no folders; whatever happens, there is a result."""

import time
from dataclasses import dataclass, field

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.utils import determine_grade, is_grade, is_solution

from course_builder.chapter import is_test, nbgrader
from course_grader.assemble import Assembled, assemble
from course_grader.client import ForkServer, Session, SessionEnded, open_session
from course_grader.steps import EXPERIMENT
from course_grader.work import RECORD, Job, Result

MAX_PROCESSES = 10  # a submission that ends its process more often than this has had its chance
OTHER_FLAG = "the outputs of {name} look like check records, and are none"


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
        self._processes = 0
        for cell in self.assembled.notebook.cells:
            if cell.cell_type != "code" or EXPERIMENT in cell.metadata.get("tags", []):
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
            return self._break_off(cell, str(ended))
        self.flags += [f"{_place(cell)}: {flag}" for flag in done["flags"]]
        if done["error"]:
            self._break_off(cell, done["error"])
        elif not is_test(cell):
            self._done.append(cell)
        if is_test(cell):
            self._score(cell, done)

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
            self._session = open_session(self.server, self.job.limits, imports, self.job.files)
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
            request = {"test": cell.source, "exercise": _exercise(cell)}
        for reply in session.run(request, self._deadline - time.monotonic()):
            if "output" in reply:
                outputs.append(_valid_output(reply["output"]))
            elif "update" in reply:
                self._update(reply["update"])
            elif "clear" in reply:
                outputs.clear()
        return reply["done"]

    def _update(self, change: dict) -> None:
        """Change the earlier outputs that were displayed under the same id."""
        for cell in self.assembled.notebook.cells:
            for output in cell.get("outputs", []):
                if output.get("transient", {}).get("display_id") == change["display_id"]:
                    output["data"], output["metadata"] = change["data"], change["metadata"]

    def _break_off(self, cell: NotebookNode, reason: str) -> None:
        """Say in the cell and in the result why this cell did not come to its end."""
        cell.outputs.append(new_output("error", ename="BrokenOff", evalue=reason, traceback=[reason]))
        self.reasons.append(f"{_place(cell)}: {reason}")
        if is_test(cell):
            self.scores[nbgrader(cell)["grade_id"]] = 0.0

    def _score(self, cell: NotebookNode, done: dict) -> None:
        """Take the score of a test cell, and leave in its outputs no records but its own."""
        records = list(done["records"])
        for output in cell.outputs:
            if RECORD not in output.get("data", {}):
                continue
            if records and output.data[RECORD] == records[0]:
                records.pop(0)
            else:
                del output.data[RECORD]
                self.flags.append(OTHER_FLAG.format(name=_place(cell)))
        score = float(done["score"])
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
        for output in cell.get("outputs", []):
            output.pop("transient", None)
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
        files={name: data for name, data in job.files.items() if not name.endswith(".ipynb")},
    )


def _exercise(cell: NotebookNode) -> str:
    return nbgrader(cell)["grade_id"].removeprefix("test_")


def _place(cell: NotebookNode) -> str:
    return nbgrader(cell).get("grade_id") or f"cell {cell.id}"


def _valid_output(output: dict) -> NotebookNode:
    """An output as a session sent it. Raises SessionEnded if it is none: the process was tampered with."""
    try:
        node = nbformat.from_dict(output)
        nbformat.validate({k: v for k, v in node.items() if k != "transient"}, ref="output", version=4)
    except Exception as error:
        raise SessionEnded("the process sent an output that is none, so it was ended") from error
    return node
