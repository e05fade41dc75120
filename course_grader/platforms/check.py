"""`course-grader check NOTEBOOK`: grades one notebook anywhere, for people and for any CI.

docs/check.md describes the exit status and the report.
"""

import html
import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby
from pathlib import Path

from course_format import CourseError
from course_format.record import with_code
from course_grader.course import Course
from course_grader.handed_in import submission
from course_grader.handed_in.merge import ANOTHER
from course_grader.handed_in.parse import UnreadableNotebook, parse_notebook
from course_grader.job import LIMITS, GraderError
from course_grader.platforms import alone
from course_grader.platforms.alone import Checks, Report

FORMAT = "course-grader check 1"
COPY = re.compile(r"^Copy of |(-\d+| ?\(\d+\))$")  # what Colab and browsers add to the name of a copy
DONE, OPEN, UNUSABLE = 0, 1, 2  # exit statuses
# Of a repository, and no texts in which an answer in words may be.
NOT_THEIRS = ("README.md", "requirements.txt", "constraints.txt", "LICENSE.txt")
# What a student's own words may hold and must not become in a table of Markdown.
ENTITIES = {ord(character): f"&#{ord(character)};" for character in "\\*_[]|~"}


def check(
    notebook: Path, chapter: str | None = None, *, report: Path | None = None, visible_only: bool = False
) -> int:
    """Check a notebook and say how it went, a line for each case. Returns the exit status.

    chapter: its name in this course, such as 01_tensors, or the path of its notebook as it was handed out; by
    default the chapter whose notebook has this name. report: a file to be written as JSON.
    """
    try:
        path = _notebook(notebook)
        checks = _checks(chapter, path, visible_only)
        found = _graded(checks, path)
    except CourseError as error:
        print(f"course-grader: {error}", file=sys.stderr)
        _write(report, {"format": FORMAT, "status": "unusable", "message": str(error)})
        _to_github(f"**{_markdown(str(error))}**\n")
        return UNUSABLE
    print("\n".join(lines(found)))
    _write(report, as_json(found, checks, path))
    _to_github(summary(found, checks))
    if "GITHUB_ACTIONS" in os.environ:
        print("\n".join(notices(found)))
    return DONE if found.finished else OPEN


def lines(report: Report) -> Iterator[str]:
    """The report for a terminal."""
    for title, group in groupby(report.outcomes, key=lambda one: one.title):
        mine = list(group)
        earned, most = sum(one.earned for one in mine), sum(one.points for one in mine)
        yield f"{title}, {earned:g} of {most:g} points"
        yield from ("  " + one.line.replace("\n", "\n  ") for one in mine)
    for one in report.questions:
        yield f"{one.title}, {one.points:g} points: {'answered' if one.answered else 'no answer yet'}"
    yield from (f"Note: {note}" for note in report.notes)
    yield _total(report)


def as_json(report: Report, checks: Checks, path: Path) -> dict:
    """The report for programs, as docs/check.md describes it."""
    return {
        "format": FORMAT,
        "status": "done" if report.finished else "open",
        "chapter": checks.assignment,
        "version": checks.version,
        "notebook": path.name,
        "hidden": checks.hidden,
        "earned": report.earned,
        "points": report.points,
        "cases": [asdict(one) for one in report.outcomes],
        "written": [asdict(one) for one in report.questions],
        "notes": report.notes,
        "seconds": round(report.seconds, 3),
    }


def summary(report: Report, checks: Checks) -> str:
    """The report in Markdown, for the summary of a job on GitHub."""
    rows = [("", "exercise", "check", "points"), ("---",) * 4]
    for one in report.outcomes:
        said = _markdown(one.case) + (f"<br>{_markdown(one.message)}" if one.message else "")
        rows.append((one.line[0], _markdown(one.title), said, f"{one.earned:g} of {one.points:g}"))
    for one in report.questions:
        said = "answered; your instructor marks it" if one.answered else "no answer yet"
        rows.append(("✓" if one.answered else "○", _markdown(one.title), said, f"{one.points:g} points"))
    head = [f"### {_markdown(checks.assignment)}: {report.earned:g} of {report.points:g} points", ""]
    notes = [f"> {_markdown(note)}\n" for note in report.notes]
    return "\n".join([*head, *notes, *(f"| {' | '.join(row)} |" for row in rows), "", _total(report), ""])


def notices(report: Report) -> Iterator[str]:
    """The points as GitHub Classroom reads them, from two annotations of the job.

    They are those of classroom-resources/autograding-grading-reporter, which also counts parts of points.
    """
    numbers = {"totalPoints": report.earned, "maxPoints": report.points}
    whole = {name: int(value) if value == int(value) else value for name, value in numbers.items()}
    points = json.dumps(whole, separators=(",", ":"))
    yield f"::notice title=Autograding complete::Points {report.earned:g}/{report.points:g}"
    yield f"::notice title=Autograding report::{points}"


def _notebook(path: Path) -> Path:
    """The notebook that is meant. Raises GraderError."""
    if path.is_dir():
        inside = sorted(one for one in path.iterdir() if submission.is_notebook(one.name) and one.is_file())
        if len(inside) != 1:
            names = ", ".join(submission.printable(one.name) for one in inside[:5])
            several = f"there are several notebooks in {path}: name one of {names}"
            raise GraderError(several if inside else f"there is no notebook in {path}")
        return inside[0]
    if not path.is_file():
        raise GraderError(f"there is no {path}: name your notebook, such as tensors.ipynb")
    try:
        parse_notebook(path.read_bytes())
    except UnreadableNotebook as error:
        raise GraderError(f"{path.name} cannot be read: {error}") from None
    return path


def _checks(given: str | None, path: Path, visible_only: bool) -> Checks:
    """What to check against. Raises CourseError."""
    if given is not None and given.endswith(".ipynb"):
        return _released(Path(given))
    stem = COPY.sub("", path.stem)
    here, names = Path.cwd(), f"*_{stem}" if given is None else given
    sources = sorted(here.glob(f"solutions/{names}/*.ipynb"))
    if len(sources) == 1 and (here / "nbgrader_config.py").exists():
        return alone.from_course(Course(here), sources[0].parent.name, hidden=not visible_only)
    releases = sorted(here.glob(f"notebooks/{names}/*.ipynb"))
    if len(releases) == 1:
        return _released(releases[0])
    wanted = f"called {stem}" if given is None else given
    raise GraderError(
        f"there is no chapter {wanted} here: name it by --chapter, such as 01_tensors in the folder of the "
        "course, or elsewhere by the path of its notebook as it was handed out"
    )


def _released(path: Path) -> Checks:
    try:
        checks = alone.from_release(path)
    except FileNotFoundError:
        raise GraderError(f"there is no {path}, which --chapter names") from None
    except Exception:
        raise GraderError(f"{path}, which --chapter names, is no notebook of a chapter") from None
    if not any(alone.without_run(checks, "").outcomes):
        raise GraderError(f"{path}, which --chapter names, has no checks")
    return checks


def _graded(checks: Checks, path: Path) -> Report:
    """Run the notebook, with the modules and files of its folder beside it. Raises GraderError."""
    files, problems = _files(path, checks)
    with alone.safest_server() as (server, said):
        if said:
            print(f"course-grader: {said}", file=sys.stderr)
        report = alone.grade_alone(checks, files, server, problems=problems)
    if ANOTHER in report.notes:
        raise GraderError(f"{path.name} has no cell of {checks.assignment}: is it another notebook?")
    return report


def _files(path: Path, checks: Checks) -> tuple[dict[str, bytes], list[str]]:
    """The notebook under the name that is expected, with the files of its folder, and what was left out.

    Other notebooks stay out, and so do folders: this may be somebody's home.
    """
    files, large, left = {f"{checks.name}.ipynb": path.read_bytes()}, 0, LIMITS.files
    for one in sorted(path.resolve().parent.iterdir()):
        theirs = one.name not in NOT_THEIRS and not one.name.startswith(".")
        if not theirs or submission.is_notebook(one.name) or one.is_symlink() or not one.is_file():
            continue
        if one.stat().st_size > left or len(files) >= submission.MOST_FILES:
            large += 1
            continue
        files[one.name] = one.read_bytes()
        left -= len(files[one.name])
    limit = f"{LIMITS.files / 2**20:g} MiB and {submission.MOST_FILES:,} files"
    return files, [f"{large} files beside the notebook were left out: {limit} is the most"] if large else []


def _total(report: Report) -> str:
    passed = sum(one.status == "passed" for one in report.outcomes)
    by_hand = sum(one.points for one in report.questions)
    marked = f"; {by_hand:g} more are marked by a person" if by_hand else ""
    points = f"{report.earned:g} of {report.points:g} points"
    return f"{passed} of {len(report.outcomes)} checks passed: {points}{marked}"


def _write(path: Path | None, content: dict) -> None:
    if path is not None:
        path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _to_github(text: str) -> None:
    """Append Markdown to the summary of the job, if this is one of GitHub Actions."""
    if path := os.environ.get("GITHUB_STEP_SUMMARY"):
        with open(path, "a", encoding="utf-8") as file:
            file.write(text)


def _markdown(text: str) -> str:
    """Text as it is, in a cell of a table; what stands between backticks is set as code."""
    plain = html.escape(text, quote=False).translate(ENTITIES)
    return with_code(plain).replace("`", "&#96;").replace("\n", "<br>")
