"""The command line: `course-grader term|preview|collect|grade|...`, run in the top folder of a course."""

import argparse
import atexit
import contextlib
import gc
import itertools
import os
import sys
import time
from pathlib import Path
from typing import Any

from course_format import CourseError

SWITCH_SECONDS = 0.0005  # until a thread of Python gives way to another one; usually ten times as long


def main(arguments: list[str] | None = None) -> int:
    """Run one command. Returns the exit status: 0 only if all that was asked for is done."""
    chosen = _parser().parse_args(arguments)
    atexit.register(gc.freeze)  # Python would look for garbage once more, which takes a quarter of a second
    try:
        return chosen.run(chosen) or 0
    except CourseError as error:
        print(f"course-grader: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("course-grader: stopped; what was recorded stays, run it again for the rest", file=sys.stderr)
        return 130


def _term(chosen: argparse.Namespace) -> None:
    from course_format.term import read_term
    from course_grader.lateness import policy, write_due_dates

    term = read_term(Path.cwd())
    print(*term.lines(), policy(term), sep="\n")
    if not chosen.dry_run:
        print(*write_due_dates(_course(), term), "the due dates are in the gradebook", sep="\n")


def _preview(chosen: argparse.Namespace) -> None:
    from course_grader.preview import preview

    course = _course()
    for assignment in chosen.assignment:
        print(*preview(course, assignment).lines(), sep="\n")
        print("ready to hand out: it is what its source gives, and shows no solution and no hidden test")


def _collect(chosen: argparse.Namespace) -> int:
    from course_grader.collecting.collect import Options, collect, told

    options = Options(chosen.roster, chosen.times, chosen.timezone, chosen.update, chosen.dry_run)
    summary = collect(_course(), chosen.source, chosen.assignment, options)
    print(*told(summary, chosen.assignment, chosen.dry_run), sep="\n")
    return 1 if summary.refused else 0


def _grade(chosen: argparse.Namespace) -> int:
    if chosen.student and not chosen.assignment:
        raise CourseError("name the chapter of which you want one student graded")
    with contextlib.ExitStack() as stack:
        if chosen.scheduler is None:
            from course_grader.run.client import ForkServer

            # It takes seconds to start, and does so while we import and read.
            server = stack.enter_context(ForkServer(chosen.sandbox, at_once=_looks_new(chosen)))
        from course_grader import grading

        # Who waits for a submission must not wait for the thread that writes the gradebook as well.
        sys.setswitchinterval(SWITCH_SECONDS)
        place = (
            grading.on_this_machine(server, chosen.workers)
            if chosen.scheduler is None
            else grading.on_cluster(chosen.scheduler, chosen.sandbox)
        )
        place = stack.enter_context(place)
        course = _course()
        whole = [
            _grade_chapter(course, assignment, place, chosen)
            for assignment in chosen.assignment or course.handed_in()
        ]
    return 0 if all(whole) else 1


def _grade_chapter(course, assignment: str, place, chosen: argparse.Namespace) -> bool:
    """Grade one chapter, and say how that went. Returns whether every submission has a result."""
    from course_grader import grading

    started = time.monotonic()
    try:
        summary = grading.grade_class(
            course, assignment, place=place, students=chosen.student, force=chosen.force
        )
    except CourseError as error:
        print(f"course-grader: {error}", file=sys.stderr)  # other chapters do not wait for this one
        return False
    seconds = time.monotonic() - started
    counted = {
        f"graded in {seconds:.1f} s": len(summary.graded),
        "unchanged": len(summary.unchanged),
        "with something to know": sum(bool(result.reason) for result in summary.graded),
        "to review": sum(bool(result.flags) for result in summary.graded),
        f"NOT GRADED: {', '.join(summary.failed)}": len(summary.failed),
    }
    parts = [f"{count} {what}" for what, count in counted.items() if count]
    print(f"{assignment}: {', '.join(parts if summary.graded else ['nothing to grade', *parts])}")
    return not summary.failed


def _looks_new(chosen: argparse.Namespace) -> bool:
    """Whether a submission lies in nbgrader's usual folder and is newer than its result, if it has one.

    That is known before anything is imported. Whether it is graded, its content decides.
    """
    names = chosen.assignment or ["*"]
    for folder in itertools.chain.from_iterable(Path("submitted").glob(f"*/{name}") for name in names):
        graded = Path("autograded", *folder.parts[1:])
        if chosen.force or not graded.exists():
            return True
        if any(path.lstat().st_mtime > graded.stat().st_mtime for path in [folder, *folder.rglob("*")]):
            return True
    return False


def _feedback(chosen: argparse.Namespace) -> None:
    from course_grader.pages.feedback import write_feedback

    course = _course()
    _renew_penalties(course, [chosen.assignment])
    pages = write_feedback(course, chosen.assignment, chosen.student)
    print(f"{len(pages)} page{'s' * (len(pages) != 1)} in {course.directory.feedback_directory}/")


def _report(chosen: argparse.Namespace) -> None:
    from course_grader.pages.report import write_report

    course = _course()
    _renew_penalties(course, [chosen.assignment])
    print(write_report(course, chosen.assignment, anonymous=chosen.anonymous))


def _export(chosen: argparse.Namespace) -> None:
    from course_grader.pages.export import export

    course = _course()
    _renew_penalties(course, chosen.assignment)
    export(course, chosen.format, chosen.to, chosen.assignment)
    print(chosen.to)


def _gradescope(chosen: argparse.Namespace) -> None:
    from course_grader.platforms.gradescope import write_autograder

    output = chosen.output or Path("dist", f"{chosen.assignment}-gradescope.zip")
    print(output, write_autograder(_course(), chosen.assignment, output, chosen.minutes), sep="\n")


def _classroom(chosen: argparse.Namespace) -> None:
    from course_grader.platforms.classroom import write_repository

    points = write_repository(_course(), chosen.assignment, chosen.folder)
    print(
        f"{chosen.folder}: a template repository, whose checks are worth {points:g} points "
        "(docs/classroom.md says how it gets to GitHub)"
    )


def _check(chosen: argparse.Namespace) -> int:
    from course_grader.platforms.check import check

    return check(chosen.notebook, chosen.chapter, report=chosen.report, visible_only=chosen.visible_only)


def _renew_penalties(course, assignments: list[str] | None) -> None:
    """Work out anew what lateness costs, as `grade` does, and say for whom it has changed; None means in all.

    To whoever may only read the gradebook, it is said what is out of date.
    """
    from course_grader.gradebook.penalties import CannotWrite, renew_penalties

    try:
        for one in renew_penalties(course, assignments):
            print(f"{one.assignment}: {one.sentence}")
    except CannotWrite as error:
        print(f"course-grader: {error}", file=sys.stderr)


def _course():
    """The course in the current folder. Imported late: nbgrader takes a second."""
    from course_grader.course import Course

    return Course(Path.cwd())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="course-grader", description="Grade a class, on nbgrader's formats."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (run, help, arguments) in COMMANDS.items():
        command = commands.add_parser(name, help=help)
        command.set_defaults(run=run)
        for names, options in arguments:
            command.add_argument(*names, **options)
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _argument(*names: str, **options: Any) -> tuple[tuple[str, ...], dict[str, Any]]:
    """What ArgumentParser.add_argument takes."""
    return names, options


_CHAPTER = _argument("assignment", metavar="CHAPTER")
_ONLY = {"action": "append", "help": "only this one; may be repeated"}
_SWITCH = {"action": "store_true"}
# Of each command what it runs, what its help says, and its arguments.
COMMANDS = {
    "term": (
        _term,
        "check term.toml, and write its due dates into the gradebook",
        [_argument("--dry-run", help="show the plan, and write nothing", **_SWITCH)],
    ),
    "preview": (
        _preview,
        "a dry run of handing out: what students get, and whether it may go out",
        [_argument("assignment", nargs="+", metavar="CHAPTER")],
    ),
    "collect": (
        _collect,
        "put what a learning platform gives into submitted/, with the times",
        [
            _argument("source", type=Path, metavar="ZIP_OR_FOLDER", help="of Moodle, Canvas, ..."),
            _CHAPTER,
            _argument("--roster", type=Path, metavar="CSV", help="who is in the class; else the gradebook"),
            _argument("--times", type=Path, metavar="CSV", help="of handing in; `zip`: those in the zip"),
            _argument("--timezone", metavar="ZONE", help="of times without one; else this machine's"),
            _argument("--update", help="replace what is there by what is newer", **_SWITCH),
            _argument("--dry-run", help="show what would be done, and do nothing", **_SWITCH),
        ],
    ),
    "grade": (
        _grade,
        "run the submissions of chapters and record their scores",
        [
            _argument(
                "assignment", nargs="*", metavar="CHAPTER", help="if none is named, all that was handed in"
            ),
            _argument("--student", metavar="ID", **_ONLY),
            _argument("--workers", type=_positive, default=os.cpu_count(), metavar="N", help="at a time"),
            _argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster, such as tcp://host:8786"),
            _argument(
                "--sandbox",
                action=argparse.BooleanOptionalAction,
                default=True,
                help="keep student code locked in",
            ),
            _argument("--force", help="also what has not changed since it was graded", **_SWITCH),
        ],
    ),
    "feedback": (
        _feedback,
        "write an HTML page for every student",
        [_CHAPTER, _argument("--student", metavar="ID", **_ONLY)],
    ),
    "report": (
        _report,
        "write one HTML page about the class",
        [_CHAPTER, _argument("--anonymous", help="leave out who the students are", **_SWITCH)],
    ),
    "export": (
        _export,
        "write all scores to a CSV file",
        [
            _argument("--assignment", metavar="CHAPTER", **_ONLY),
            _argument("--format", choices=("nbgrader", "canvas", "moodle"), default="nbgrader"),
            _argument("--to", type=Path, default=Path("grades.csv"), metavar="FILE"),
        ],
    ),
    "gradescope": (
        _gradescope,
        "write the autograder of a chapter for Gradescope",
        [
            _CHAPTER,
            _argument("--output", type=Path, metavar="ZIP", help="by default in dist/"),
            _argument("--minutes", type=_positive, default=10, help="Gradescope's own time limit"),
        ],
    ),
    "classroom": (
        _classroom,
        "write a template repository of a chapter for GitHub",
        [_CHAPTER, _argument("folder", type=Path)],
    ),
    "check": (
        _check,
        "check one notebook, on any machine; 0 if all is right, 1 if not, 2 if it cannot be checked",
        [
            _argument("notebook", type=Path),
            _argument(
                "--chapter",
                metavar="NAME_OR_NOTEBOOK",
                help="such as 01_tensors, or the notebook as it was handed out; "
                "else the notebook's name says it",
            ),
            _argument("--report", type=Path, metavar="FILE", help="write what was found as JSON"),
            _argument("--visible-only", help="leave out the hidden checks", **_SWITCH),
        ],
    ),
}


if __name__ == "__main__":
    sys.exit(main())
