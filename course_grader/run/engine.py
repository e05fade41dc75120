"""Grades one submission: bytes in, a result out. No gradebook, no folders; there always is a result."""

import copy
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

import fastjsonschema
import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.utils import determine_grade, is_grade, is_solution

from course_format import record
from course_format.cells import cases, exercise_of, is_test, nbgrader
from course_format.record import MIME_TYPE, Record
from course_grader.handed_in.assemble import Assembled, assemble
from course_grader.handed_in.submission import beside_notebooks
from course_grader.inside import data_sets, test_cell
from course_grader.job import GraderError, Job, Result
from course_grader.run import needs
from course_grader.run.client import NO_MESSAGE, ForkServer, Session, SessionEnded

MAX_PROCESSES = 10  # a submission that ends its process more often than this has had its chance
MAX_OUTPUT = 20  # all cells together may print as much as so many of them alone
MAX_DEPTH = 20  # of the data in an output
MAX_FLAGS = 200
MAX_SENTENCE = 500  # characters of what a session says
MAX_FAILURES = 8  # cells whose errors are told; one that fails often brings down others
FIRST_LINE = 60  # characters of a cell's first line, by which it is called
OTHER_FLAG = "its outputs look like check records, and are none"
LEFT_OUT = "\n[the submission has printed too much: the rest was left out]\n"

# Time is kept back for the tests: all other cells together have one share of it. When that is used up, each
# of them may still define something quickly, until they have used the larger share.
OWN_SHARE, LARGER_SHARE = 0.5, 0.75
QUICK = 1.0  # seconds
NOT_DONE = "NotDoneYet"  # an exercise that nobody has touched is no failure of its cell
NO_TURNS = nullcontext()  # whoever comes runs at once


def grade(job: Job, server: ForkServer, turns: AbstractContextManager = NO_TURNS) -> Result:
    """Run one submission against its chapter's tests and score it.

    turns: a semaphore that says how many submissions run at a time; others are prepared and written up
    meanwhile. A submission's time counts from its turn.
    """
    assembled = assemble(job)
    run = _Run(job, server, assembled)
    try:
        if server.sandboxed:  # elsewhere the student's code that runs now could reach its processes
            run.prepare()
        with turns:
            started = time.monotonic()
            run.all_cells()
            seconds = time.monotonic() - started
    finally:
        run.close()
    return _result(job, assembled, run, seconds)


class _Again(Exception):
    """A cell of the student's failed, perhaps for want of a cell that was left out."""


@dataclass
class _Run:
    """The execution of one notebook, in as many processes as it takes."""

    job: Job
    server: ForkServer
    assembled: Assembled
    scores: dict[str, float | None] = field(init=False)
    reasons: list[str] = field(init=False)
    flags: list[str] = field(init=False)
    failed: int = field(init=False)  # statements and cells of the student's
    _plan: needs.Plan | None = field(init=False, default=None)
    _session: Session | None = field(init=False, default=None)
    _data_sets: frozenset[str] = field(init=False, default=frozenset())  # that the cells to run may load

    def prepare(self) -> None:
        """Open the processes, and find out which cells to run. No cell runs."""
        chapter, imports = self.assembled.chapter, self.assembled.imports
        cells = self.assembled.notebook.cells
        self._begin()
        self._plan = needs.plan(cells, chapter, imports, self._ask)
        self._draw_for(self._plan.least)

    def all_cells(self) -> None:
        """Run every code cell that a grade needs, in order.

        Names do not tell everything that a cell rests on. So where a cell of the student's fails, the
        notebook starts again, with all its teaching cells.
        """
        if self._plan is None:
            self.prepare()
        elif self._session is not None and not self._session.is_waiting():
            self.close()  # it was lost before its turn, which is no fault of the student's
        self._begin()
        self._may_start_again = self._plan.least != self._plan.all
        try:
            self._run(self._plan.least)
        except _Again:
            self._draw_for(self._plan.all)
            self._begin()
            self._run(self._plan.all)
        if self.failed > MAX_FAILURES:
            self.reasons.append(f"{self.failed - MAX_FAILURES} more cells failed")

    def close(self) -> None:
        """End the processes, if there are any."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _begin(self) -> None:
        self.scores, self.reasons, self.flags, self.failed = {}, [], [], 0
        self._deadline = time.monotonic() + self.job.limits.seconds
        self._done: list[NotebookNode] = []  # ordinary cells that a fresh process has to run again
        self._displays: dict[str, list[NotebookNode]] = {}  # outputs that may still change, by display_id
        self._left = MAX_OUTPUT * self.job.limits.output
        self._processes = 0  # that were opened for want of one
        self._own_seconds = 0.0  # that cells other than tests have taken
        self._may_start_again = False
        for cell in self.assembled.notebook.cells:
            if cell.cell_type == "code":
                cell.outputs = []

    def _draw_for(self, wanted: frozenset[str]) -> None:
        """Have the data sets drawn that these cells may load, and modules beside the notebook."""
        files = self.job.files.items()
        sources = [content.decode(errors="replace") for name, content in files if name.endswith(".py")]
        sources += [cell.source for cell in self.assembled.notebook.cells if cell.id in wanted]
        # The chapter's imports name what others use.
        self._data_sets = data_sets.named_in(source for source in sources if source != self._chapters_imports)
        self.server.draw(self._data_sets)

    @property
    def _chapters_imports(self) -> str:
        """The chapter's first code cell."""
        return next(cell.source for cell in self.assembled.chapter if cell.cell_type == "code")

    def _run(self, wanted: frozenset[str]) -> None:
        try:
            for cell in self.assembled.notebook.cells:
                if cell.id in wanted:
                    self._one_or_break_off(cell)
        finally:
            self.close()

    def _ask(self, sources: list[str]) -> Sequence:
        """What these cells define and use, as a process finds that has run nothing yet."""
        try:
            seconds = self.job.limits.cell_seconds
            *_, reply = self._ready_session().run({"names": sources}, seconds)
            return reply["names"]
        except (SessionEnded, KeyError):
            self.close()
            return []

    def _one_or_break_off(self, cell: NotebookNode) -> None:
        """Run one cell. What nobody has thought of breaks off this cell, and not the grading."""
        try:
            self._one(cell)
        except (GraderError, _Again):
            raise  # an error of the grader's would stop every other submission as well
        except Exception as error:
            self.close()
            self._keep_records(cell, [])
            said = f"{type(error).__name__}: {_sentence(str(error))}"
            self._break_off(cell, f"the grader failed here ({said}), so a person should look at it")

    def _one(self, cell: NotebookNode) -> None:
        if not is_test(cell) and self._own_seconds >= LARGER_SHARE * self.job.limits.seconds:
            return self._break_off(cell, f"it was not run: {self._own_share()}")
        try:
            done = self._execute(cell, self._ready_session(), cell.outputs)
        except SessionEnded as ended:
            self.close()
            self._keep_records(cell, [])
            return self._break_off(cell, _sentence(str(ended)))
        self._tell_failures(cell, done.get("failures"))
        if done.get("lost") is None and done.get("error") is not None:
            self._break_off(cell, self._explained(cell, done["error"]))
        elif not is_test(cell):
            self._done.append(cell)
        valid = record.valid(done.get("records"), cases(cell.source)) if is_test(cell) else []
        self._keep_records(cell, valid)
        if is_test(cell):
            self._score(cell, valid)
        if done.get("lost") is not None:
            meddled = done["lost"] == "no message"
            reason = NO_MESSAGE if meddled else _sentence(str(self._session.why_lost()))
            self.close()
            self._note_lost(cell, reason)

    def _ready_session(self) -> Session:
        """The running process, or a fresh one in which the cells so far that worked have run again.

        Raises SessionEnded if the submission has had its time, or its share of processes.
        """
        self._refuse_when_over()
        while self._session is None:
            if self._processes >= MAX_PROCESSES:
                raise SessionEnded(
                    f"it was not run: the submission had ended its process {MAX_PROCESSES} times"
                )
            self._processes += 1
            files, folder = beside_notebooks(self.job.files), self.assembled.folder
            self.server.draw(self._data_sets)
            self._session = self.server.open_session(self.job.limits, self._chapters_imports, files, folder)
            self._run_again()
        return self._session

    def _run_again(self) -> None:
        """Run in a fresh process what worked before. A cell that ends the process is not run another time."""
        for cell in list(self._done):
            self._refuse_when_over()
            try:
                done = self._execute(cell, self._session, outputs=[])
            except SessionEnded:
                self._done.remove(cell)
                return self.close()
            if done.get("error") is not None:
                said = self._explained(cell, done["error"])
                self.reasons.append(f"{self._place(cell)}, run again after a crash: {said}")

    def _refuse_when_over(self) -> None:
        if time.monotonic() >= self._deadline:
            self.close()
            used_up = f"the submission had used up its {self.job.limits.seconds:g} seconds"
            raise SessionEnded(f"it was not run: {used_up}")

    def _execute(self, cell: NotebookNode, session: Session, outputs: list) -> dict:
        """Run one cell, collecting its outputs. Returns what the session says at its end."""
        started = time.monotonic()
        try:
            run = session.test if is_test(cell) else session.run
            for reply in run(self._request(cell), self._seconds(cell)):
                if "output" in reply:
                    output = _valid_output(reply["output"])
                    if not reply.get("trusted"):
                        output.get("data", {}).pop(MIME_TYPE, None)
                    self._add(output, outputs)
                elif "update" in reply:
                    self._update(reply["update"])
                elif "clear" in reply:
                    outputs[:] = [one for one in outputs if MIME_TYPE in one.get("data", {})]
            return reply
        finally:
            self._own_seconds += 0.0 if is_test(cell) else time.monotonic() - started

    def _request(self, cell: NotebookNode) -> dict:
        if is_test(cell):
            return test_cell.request(cell.source, exercise_of(nbgrader(cell)["grade_id"]))
        return {"cell": cell.source, "goes_on": cell.id == self.assembled.imports}

    def _seconds(self, cell: NotebookNode) -> float:
        """How long a cell may run."""
        limits = self.job.limits
        seconds = min(limits.cell_seconds, self._deadline - time.monotonic())
        if is_test(cell):
            return seconds
        return min(seconds, max(OWN_SHARE * limits.seconds - self._own_seconds, QUICK))

    def _own_share(self) -> str:
        limit = OWN_SHARE * self.job.limits.seconds
        return f"cells other than tests may take {limit:g} seconds together; the rest is kept for the tests"

    def _explained(self, cell: NotebookNode, error: Any) -> str:
        """Why a cell was broken off, and why so early if that was for the time of those before it."""
        short = self._own_seconds >= OWN_SHARE * self.job.limits.seconds and not is_test(cell)
        return _sentence(error) + (f": {self._own_share()}" if short else "")

    def _tell_failures(self, cell: NotebookNode, failures: Any) -> None:
        """Say in the result what failed in a cell of the student's, which its outputs show."""
        found = [one for one in failures if isinstance(one, dict)] if isinstance(failures, list) else []
        for one in found:
            wants_experiment = (
                one.get("kind") == "NameError" and str(one.get("name")) in self._plan.experiments_define
            )
            if one.get("kind") == NOT_DONE or (wants_experiment and self._is_chapters(cell)):
                continue
            if self._may_start_again and cell.id != self.assembled.imports:
                raise _Again
            self.failed += 1
            if self.failed <= MAX_FAILURES:
                says = _sentence(one.get("says"))
                if wants_experiment:
                    says += "; an experiment defines it, and experiments are left out when grading"
                elif cell.id == self.assembled.imports:
                    says += "; the chapter's own imports were run all the same"
                self.reasons.append(f"{self._place(cell)}: {says}")

    def _is_chapters(self, cell: NotebookNode) -> bool:
        """Whether this is a cell of the chapter's that nobody has changed."""
        return any(cell.source == own.source for own in self.assembled.chapter)

    def _flag(self, cell: NotebookNode, sign: str) -> None:
        """Note a sign of tampering."""
        if len(self.flags) < MAX_FLAGS:
            place = self._place(cell)
            self.flags.append(f"{place}: {sign}" if nbgrader(cell) else f"cell {cell.id}: {sign} ({place})")

    def _place(self, cell: NotebookNode) -> str:
        """What a cell is called in a sentence: cells have no numbers that people see."""
        if nbgrader(cell):
            return nbgrader(cell)["grade_id"]
        if cell.id == self.assembled.imports:
            return "the cell with the imports"
        first = next((line.strip() for line in cell.source.split("\n") if line.strip()), "")
        first = "".join(c if c.isprintable() and c != "`" else " " for c in first[:FIRST_LINE])
        return f"the cell that begins with `{first}`"

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
        """Change the earlier outputs that were displayed under the same id. No check record ever changes."""
        if not isinstance(change, dict):
            raise SessionEnded(NO_MESSAGE)
        content = {"data": change.get("data"), "metadata": change.get("metadata")}
        new = _valid_output({"output_type": "display_data", **content})
        new["data"].pop(MIME_TYPE, None)
        self._left -= len(repr(new))
        for output in self._displays.get(str(change.get("display_id")), []) if self._left >= 0 else []:
            output["data"], output["metadata"] = copy.deepcopy(new["data"]), copy.deepcopy(new["metadata"])

    def _break_off(self, cell: NotebookNode, reason: str) -> None:
        """Say in the cell and in the result why this cell did not come to its end."""
        cell.outputs.append(new_output("error", ename="BrokenOff", evalue=reason, traceback=[reason]))
        self.reasons.append(f"{self._place(cell)}: {reason}")
        if is_test(cell):
            self.scores[nbgrader(cell)["grade_id"]] = 0.0

    def _note_lost(self, cell: NotebookNode, reason: str) -> None:
        """Say that the desk was lost in a test, whose cases before that keep their points."""
        cell.outputs.append(new_output("error", ename="BrokenOff", evalue=reason, traceback=[reason]))
        self.reasons.append(f"{self._place(cell)}: {reason}")
        if reason == NO_MESSAGE:
            self._flag(cell, "it sent messages of its own to the tests")

    def _keep_records(self, cell: NotebookNode, valid: list[Record]) -> None:
        """Leave in the outputs of a cell the records that count, each once, and no others."""
        waiting = list(valid)
        for output in [output for output in cell.outputs if MIME_TYPE in output.get("data", {})]:
            if waiting and record.parse(output.data[MIME_TYPE]) == waiting[0]:
                waiting.pop(0)
                continue
            del output.data[MIME_TYPE]
            if is_test(cell) and valid:
                self._flag(cell, OTHER_FLAG)
        cell.outputs += [new_output("display_data", data=one.data) for one in waiting]

    def _score(self, cell: NotebookNode, valid: list[Record]) -> None:
        """Take the score of a test cell: the session's word for it does not count."""
        score = round(math.fsum(one.earned for one in valid), record.ROUNDING)
        self.scores[nbgrader(cell)["grade_id"]] = score
        result = new_output("execute_result", data={"text/plain": repr(score)}, execution_count=None)
        cell.outputs.append(result)


def _result(job: Job, assembled: Assembled, run: _Run, seconds: float) -> Result:
    notebook = assembled.notebook
    for cell in notebook.cells:
        if is_grade(cell) and is_solution(cell):
            run.scores[nbgrader(cell)["grade_id"]] = determine_grade(cell)[0]
    flags = tuple(dict.fromkeys(run.flags))
    reason = "\n".join([*assembled.problems, *run.reasons, *_about_python(assembled, run)])
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
        unanswered=assembled.unanswered - {exercise_of(name) for name, score in run.scores.items() if score},
        reason=reason,
        flags=flags,
        notebook=json.dumps(notebook, ensure_ascii=False),  # its outputs were validated when they came
        seconds=seconds,
        files=beside_notebooks(job.files),
        timestamp=job.timestamp,
    )


def _about_python(assembled: Assembled, run: _Run) -> list[str]:
    """That the student's Python knows more than this one, where something went wrong."""
    points = {nbgrader(c)["grade_id"]: nbgrader(c)["points"] for c in assembled.notebook.cells if is_test(c)}
    lost = any(run.scores.get(name, 0.0) < most for name, most in points.items())
    if assembled.python <= sys.version_info[:2] or not (lost or run.failed):
        return []
    theirs, ours = (".".join(map(str, version)) for version in (assembled.python, sys.version_info[:2]))
    return [
        f"the notebook was written with Python {theirs}, and graded with {ours}, which may lack what it uses"
    ]


def _valid_output(output: Any) -> NotebookNode:
    """An output as a session sent it. Raises SessionEnded if it is none: the process was tampered with."""
    if not isinstance(output, dict) or not isinstance(output.get("transient", {}), dict):
        raise SessionEnded(NO_MESSAGE)
    if _depth_exceeds(output, MAX_DEPTH):
        raise SessionEnded(NO_MESSAGE)
    validate = _output_validator()
    try:
        node = nbformat.from_dict(output)
        validate({k: v for k, v in node.items() if k != "transient"})
    except Exception as error:
        raise SessionEnded(NO_MESSAGE) from error
    return node


@cache
def _output_validator() -> Callable[[dict], Any]:
    """It raises an exception for what is no output. nbformat.validate takes many times as long."""
    file = resources.files(nbformat.v4) / nbformat.v4.nbformat_schema[None, None]
    schema = json.loads(file.read_text(encoding="utf-8"))
    return fastjsonschema.compile(schema | {"$ref": "#/definitions/output"})


def _depth_exceeds(value: Any, limit: int) -> bool:
    """Whether lists and dicts are nested more deeply; what writes a notebook goes down with them."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return limit == 0 or any(_depth_exceeds(one, limit - 1) for one in inner)


def _sentence(text: Any) -> str:
    """What a session says, as text that any database takes."""
    return (text if isinstance(text, str) else repr(text)).replace("\0", "")[:MAX_SENTENCE]
