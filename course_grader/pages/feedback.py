"""Feedback: one HTML page per student, made from the check records and the gradebook.

A page shows what the student wrote, what every check said about it, and what the instructor said. It never
shows the source of a test, nor what was printed in a hidden case, which may be its data; and texts that came
out of the student's run only if they hold nothing secret.
"""

import base64
import binascii
import itertools
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import nbformat
from markdown_it import MarkdownIt
from markupsafe import Markup
from nbformat import NotebookNode

from course_format import record
from course_format.cells import is_test, nbgrader, visible
from course_format.exercises import Exercise, exercises, titled
from course_format.record import MIME_TYPE
from course_grader.course import Course
from course_grader.files import write_atomically
from course_grader.gradebook.read import GradedSubmission, read_submissions, state
from course_grader.pages import html
from course_grader.pages.leaks import model_answers, secrets_of

LONGEST_PRINT = 4_000  # characters of what one test cell printed
LONGEST_MESSAGE = 2_000
MOST_CASES = 60  # of one exercise; more come from no honest test cell
MOST_PICTURES, LARGEST_PICTURE = 4, 500_000  # of one cell; bytes
PNG = b"\x89PNG\r\n\x1a\n"
DRAWN = "A picture that your code drew"  # the alt text where there is none
ADDRESS = ("timestamp.txt", "submission_secret.txt")  # which nbgrader's exchange puts into a submission
UNANSWERED = "YOUR ANSWER HERE"
# What a student can do about a reason that has these words.
ADVICE = (
    (
        "No module named|cannot import|ImportError",
        "A package or a module is not there where notebooks are graded. Hand in modules of your own beside "
        "the notebook; do without other packages in your answers.",
    ),
    (
        "(Syntax|Indentation|Tab)Error",
        "A cell with such an error does not run at all. Before you hand in, choose "
        "`Restart Kernel and Run All Cells`: each of them must run.",
    ),
    (
        "NameError|is not defined",
        "A name must be defined above the cell that uses it, as `Restart Kernel and Run All Cells` shows.",
    ),
    ("No such file", "Hand in the files that your notebook reads, and open them by a path beside it."),
    (
        "was stopped after|was not run|seconds together|memory|ended its",
        "Look for a loop that never ends. Keep trainings out of the cells of exercises, and make your own "
        "ones short before you hand in.",
    ),
    (
        "may lack what it uses",
        "Your Python is newer than that of the grader: use what the older one knows, too.",
    ),
    (
        "are missing|put back|lost their names|in its place",
        "Write into the notebook as you got it, and keep its cells.",
    ),
    ("a person", "Your instructor looks at this; you need not do anything."),
    ("timestamp", "Ask your instructor whether the time at which you handed in is right."),
)
LAST_ADVICE = (
    "If you think that this has cost you points, show this page to your instructor: your work is kept as it "
    "ran, and can be graded again.",
)
MODEL_ANSWER = "(left out: it repeats the model answer)"


@dataclass(frozen=True)
class Picture:
    """data: the PNG in base64. alt: what it shows, for people who cannot see it."""

    data: str
    alt: str


def write_feedback(course: Course, assignment: str, students: Sequence[str] | None = None) -> list[Path]:
    """Write one self-contained page per graded student, where nbgrader puts its feedback.

    students: whom to write for; None means everyone. Returns the paths, in the order of the student ids.
    Raises GraderError if nobody is graded, or one of these students is not.
    """
    chapter = course.chapter(assignment)
    told = _Told(assignment, nbformat.read(chapter.solved, as_version=4))
    pages = []
    for submission in read_submissions(course, assignment, students):
        folder = course.path("feedback", submission.student, assignment)
        page = _page(told, submission)
        pages.append(write_atomically(folder / f"{chapter.stem}.html", page))
        _address(course.path("submitted", submission.student, assignment), folder)
    return pages


def _address(submitted: Path, feedback: Path) -> None:
    """Put beside a page what `nbgrader release_feedback` needs to send it to the submission it belongs to."""
    for name in ADDRESS:
        if (submitted / name).is_file():
            shutil.copyfile(submitted / name, feedback / name)


class _Told:
    """What the pages of a class tell of the chapter, and what they must not tell."""

    def __init__(self, assignment: str, solved: NotebookNode):
        self.title = solved.metadata.get("course", {}).get("title", assignment)
        self.exercises = exercises(solved)
        self.secrets = secrets_of(solved)
        self.model_answers = model_answers(solved)
        tests = filter(is_test, solved.cells)
        self.partly_hidden = {nbgrader(c)["grade_id"] for c in tests if visible(c.source) != c.source}

    def clean(self, text: str, submission: GradedSubmission, longest: int = LONGEST_MESSAGE) -> str:
        """A text that came out of the student's run, cut to size, or a note in its place."""
        return self.secrets.hold_back(html.cut(text, longest), submission.own)


def _page(told: _Told, submission: GradedSubmission) -> str:
    reason = told.clean(submission.reason, submission)
    reasons = [titled(line, told.exercises) for line in reason.splitlines()]
    return html.render(
        "feedback.html",
        title=told.title,
        student=submission.label,
        score=submission.score,
        points=submission.points,
        waiting=sum(mark.points for mark in submission.marks.values() if not mark.marked),
        penalty=submission.penalty,
        reasons=reasons,
        advice=_advice(reasons),
        parts=[Part(told, submission, exercise) for exercise in told.exercises],
    )


def _advice(reasons: Sequence[str]) -> list[str]:
    """What a student can do about these sentences."""
    found = [advice for words, advice in ADVICE if any(re.search(words, reason) for reason in reasons)]
    return [*found, *LAST_ADVICE]


class Part:
    """What a page shows of one exercise; all texts are free of secrets, and not yet escaped."""

    def __init__(self, told: _Told, submission: GradedSubmission, exercise: Exercise) -> None:
        self._told, self._submission, self.exercise = told, submission, exercise
        self._outputs = [] if exercise.written else submission.outputs(exercise.grade_id)
        self._own = submission.source(exercise.name)
        self.mark = submission.marks.get(exercise.grade_id)
        self.comment = submission.comments.get(exercise.name, "")
        self.question = _markdown(exercise.question) if exercise.written else Markup()
        self.source = "" if exercise.written else self._own.strip("\n")
        self.records = [
            replace(one, case=self._clean(one.case), message=self._clean(one.message))
            for one in submission.records(exercise)[:MOST_CASES]
        ]
        self.passed = [one for one in self.records if one.status == "passed"]
        self.failed = [one for one in self.records if one.status != "passed"]
        self.state = state(self.mark, self.records)

    def _clean(self, text: str, longest: int = LONGEST_MESSAGE) -> str:
        return self._told.clean(text, self._submission, longest)

    @property
    def summary(self) -> str:
        if self.state == "waiting":
            return "not marked yet"
        if self.exercise.written:
            return "marked" if self._own.strip() not in ("", UNANSWERED) else "no answer"
        if self.state == "not done":
            return "not done yet"
        if not self.records:
            return "no check ran"
        failed = len(self.failed)
        return f"{failed} of {len(self.records)} checks to look at" if failed else "all checks passed"

    @cached_property
    def trouble(self) -> str:
        """Why a test cell has less to say than it should; empty if it went its way."""
        for output in self._outputs:
            if output.output_type == "error":
                return self._clean(str(output.get("evalue", ""))) or "the test broke off"
        return "" if self.records or self.exercise.written else "no check of this exercise left a result"

    @cached_property
    def stopped(self) -> str:
        """The error of the student's own cell."""
        begin = f"{self.exercise.name}: "
        lines = [] if self.exercise.written else self._submission.reason.splitlines()
        return self._clean("\n".join(line.removeprefix(begin) for line in lines if line.startswith(begin)))

    @cached_property
    def answer(self) -> Markup:
        """The answer to a written question."""
        source = self._own.strip()
        if not self.exercise.written or source in ("", UNANSWERED):
            return Markup()
        if self._told.model_answers.shown_in(source, self._submission.own):
            return Markup("<p>{}</p>").format(MODEL_ANSWER)
        return _markdown(html.cut(source, html.LONGEST_CODE))

    @cached_property
    def printed(self) -> str:
        """What the student's code printed while it was tested by visible cases, as one text."""
        return self._clean("".join(_prints(self._outputs[: self._open])).strip("\n"), LONGEST_PRINT)

    @cached_property
    def printed_hidden(self) -> bool:
        """Whether it printed anything in hidden cases, or later."""
        return any(text.strip() for text in _prints(self._outputs[self._open :]))

    @cached_property
    def _open(self) -> int:
        """So many outputs belong to visible cases: what a case prints stands before its record.

        Hidden cases come last, and nobody can tell which case printed what stands behind the last record.
        """
        last = 0
        for place, output in enumerate(self._outputs, start=1):
            for found in record.read([output]):
                if found.hidden:
                    return last
                last = place
        return last if self.exercise.grade_id in self._told.partly_hidden else len(self._outputs)

    @cached_property
    def pictures(self) -> list[Picture]:
        """What the student's cell drew; its alt text is the student's, too."""
        found = itertools.islice(_pictures(self._submission.outputs(self.exercise.name)), MOST_PICTURES)
        return [Picture(picture.data, self._clean(picture.alt)) for picture in found]


def _prints(outputs: list[NotebookNode]) -> Iterator[str]:
    for output in outputs:
        if output.output_type == "stream":
            yield output.get("text", "")
        elif output.output_type == "display_data" and MIME_TYPE not in output.get("data", {}):
            yield str(output.get("data", {}).get("text/plain", "")) + "\n"


def _pictures(outputs: list[NotebookNode]) -> Iterator[Picture]:
    """PNG pictures, encoded anew so that nothing but a picture gets into the page."""
    for output in outputs:
        try:
            data = base64.b64decode(output.get("data", {}).get("image/png", ""), validate=False)
        except (binascii.Error, TypeError, ValueError):
            continue
        if data.startswith(PNG) and len(data) <= LARGEST_PICTURE:
            yield Picture(base64.b64encode(data).decode(), _alt(output) or DRAWN)


def _alt(output: NotebookNode) -> str:
    """The alt text that `course_utils.plots` gives a picture; empty if something else drew it."""
    about = output.get("metadata", {}).get("image/png", {})
    alt = about.get("alt", "") if isinstance(about, dict) else ""
    return alt if isinstance(alt, str) else ""


# HTML stays text, and links and pictures stay as they were typed: nothing leads out of the page.
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).disable(["link", "image", "autolink", "reference"])
_MARKDOWN.enable("table")


def _markdown(source: str) -> Markup:
    return Markup(_MARKDOWN.render(source))
