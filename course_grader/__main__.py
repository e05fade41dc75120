"""The command line: `course-grader term|preview|collect|grade|...`, run in the top folder of a course."""

import argparse
import contextlib
import os
import sys
import time
from pathlib import Path

from course_format import CourseError


def main(arguments: list[str] | None = None) -> int:
    """Run one command. Returns the exit status: 0 only if all that was asked for is done."""
    chosen = _parser().parse_args(arguments)
    try:
        return chosen.run(chosen)
    except CourseError as error:
        print(f"course-grader: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("course-grader: stopped; what was recorded stays, run it again for the rest", file=sys.stderr)
        return 130


def _term(chosen: argparse.Namespace) -> int:
    from course_format.term import read_term
    from course_grader.lateness import policy, write_due_dates

    term = read_term(Path.cwd())
    print(*term.lines(), policy(term), sep="\n")
    if not chosen.dry_run:
        print(*write_due_dates(_course(), term), "the due dates are in the gradebook", sep="\n")
    return 0


def _preview(chosen: argparse.Namespace) -> int:
    from course_grader.preview import preview

    course = _course()
    for assignment in chosen.assignment:
        print("\n".join(preview(course, assignment).lines()))
        print(
            "ready to hand out: it is what its source gives today, and shows no solution and no hidden test"
        )
    return 0


def _collect(chosen: argparse.Namespace) -> int:
    from course_grader.collecting.collect import Options, collect, told

    options = Options(chosen.roster, chosen.times, chosen.timezone, chosen.update, chosen.dry_run)
    summary = collect(_course(), chosen.source, chosen.assignment, options)
    for line in told(summary, chosen.assignment, chosen.dry_run):
        print(line)
    return 1 if summary.refused else 0


def _grade(chosen: argparse.Namespace) -> int:
    started = time.monotonic()
    with contextlib.ExitStack() as stack:
        if chosen.scheduler is None:
            from course_grader.run.client import ForkServer

            # It takes seconds to start, and does so while we import and read.
            server = stack.enter_context(ForkServer(chosen.sandbox, at_once=_looks_new(chosen), ahead=True))
        from course_grader import grading

        place = (
            grading.on_this_machine(server, chosen.workers)
            if chosen.scheduler is None
            else grading.on_cluster(chosen.scheduler, chosen.sandbox)
        )
        summary = grading.grade_class(
            _course(),
            chosen.assignment,
            place=stack.enter_context(place),
            students=chosen.student,
            force=chosen.force,
        )
    troubled = sum(bool(result.reason) for result in summary.graded)
    flagged = sum(bool(result.flags) for result in summary.graded)
    seconds = time.monotonic() - started
    parts = [f"{len(summary.graded)} graded in {seconds:.1f} s" if summary.graded else "nothing to grade"]
    parts += [f"{len(summary.unchanged)} unchanged"] * bool(summary.unchanged)
    parts += [f"{troubled} with something to know"] * bool(troubled)
    parts += [f"{flagged} to review"] * bool(flagged)
    parts += [f"{len(summary.failed)} NOT GRADED: {', '.join(summary.failed)}"] * bool(summary.failed)
    print(f"{chosen.assignment}: {', '.join(parts)}")
    return 1 if summary.failed else 0


def _looks_new(chosen: argparse.Namespace) -> bool:
    """Whether a submission lies in nbgrader's usual folder and is newer than its result, if it has one.

    That is known before anything is imported. Whether it is graded, its content decides.
    """
    for folder in Path("submitted").glob(f"*/{chosen.assignment}"):
        graded = Path("autograded", *folder.parts[1:])
        if chosen.force or not graded.exists():
            return True
        if any(path.lstat().st_mtime > graded.stat().st_mtime for path in [folder, *folder.rglob("*")]):
            return True
    return False


def _feedback(chosen: argparse.Namespace) -> int:
    from course_grader.pages.feedback import write_feedback

    course = _course()
    pages = write_feedback(course, chosen.assignment, chosen.student)
    print(f"{len(pages)} page{'s' * (len(pages) != 1)} in {course.directory.feedback_directory}/")
    return 0


def _report(chosen: argparse.Namespace) -> int:
    from course_grader.pages.report import write_report

    print(write_report(_course(), chosen.assignment, anonymous=chosen.anonymous))
    return 0


def _export(chosen: argparse.Namespace) -> int:
    from course_grader.pages.export import export

    export(_course(), chosen.format, chosen.to, chosen.assignment)
    print(chosen.to)
    return 0


def _gradescope(chosen: argparse.Namespace) -> int:
    from course_grader.platforms.gradescope import write_autograder

    output = chosen.output or Path("dist", f"{chosen.assignment}-gradescope.zip")
    print("\n".join(write_autograder(_course(), chosen.assignment, output, chosen.minutes).lines()))
    return 0


def _classroom(chosen: argparse.Namespace) -> int:
    from course_grader.platforms.classroom import write_repository

    written = write_repository(_course(), chosen.assignment, chosen.folder)
    print(
        f"{written.folder}: a template repository, whose checks are worth {written.points:g} points "
        "(docs/classroom.md says how it gets to GitHub)"
    )
    return 0


def _check(chosen: argparse.Namespace) -> int:
    from course_grader.platforms.check import check

    return check(chosen.notebook, chosen.chapter, report=chosen.report, visible_only=chosen.visible_only)


def _course():
    """The course in the current folder. Imported late: nbgrader takes a second."""
    from course_grader.course import Course

    return Course(Path.cwd())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="course-grader", description="Grade a class, on nbgrader's formats."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    term = commands.add_parser("term", help="check term.toml, and write its due dates into the gradebook")
    term.set_defaults(run=_term)
    term.add_argument("--dry-run", action="store_true", help="show the plan, and write nothing")

    preview = commands.add_parser(
        "preview", help="a dry run of handing out: what students get, and whether it may go out"
    )
    preview.set_defaults(run=_preview)
    preview.add_argument("assignment", nargs="+")

    collect = commands.add_parser(
        "collect", help="put what a learning platform gives into submitted/, with the times"
    )
    collect.set_defaults(run=_collect)
    collect.add_argument(
        "source", type=Path, metavar="ZIP_OR_FOLDER", help="of Moodle, Canvas, Blackboard, ..."
    )
    collect.add_argument("assignment")
    collect.add_argument(
        "--roster",
        type=Path,
        metavar="CSV",
        help="who is in the class, with id and name; else the gradebook says",
    )
    collect.add_argument(
        "--times",
        type=Path,
        metavar="CSV",
        help="when each student handed in; `zip` takes the zip's own times",
    )
    collect.add_argument(
        "--timezone", metavar="ZONE", help="of times without one, as Europe/Berlin; else this machine's"
    )
    collect.add_argument(
        "--update", action="store_true", help="replace what is in submitted/ by what is newer"
    )
    collect.add_argument("--dry-run", action="store_true", help="show what would be done, and do nothing")

    grade = commands.add_parser("grade", help="run the submissions of an assignment and record their scores")
    grade.set_defaults(run=_grade)
    grade.add_argument("assignment")
    grade.add_argument("--student", action="append", metavar="ID", help="only this student; may be repeated")
    grade.add_argument("--workers", type=_positive, default=os.cpu_count(), metavar="N", help="at a time")
    grade.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster, such as tcp://host:8786")
    grade.add_argument(
        "--sandbox", action=argparse.BooleanOptionalAction, default=True, help="keep student code locked in"
    )
    grade.add_argument("--force", action="store_true", help="also what has not changed since it was graded")

    feedback = commands.add_parser("feedback", help="write an HTML page for every student")
    feedback.set_defaults(run=_feedback)
    feedback.add_argument("assignment")
    feedback.add_argument(
        "--student", action="append", metavar="ID", help="only this student; may be repeated"
    )

    report = commands.add_parser("report", help="write one HTML page about the class")
    report.set_defaults(run=_report)
    report.add_argument("assignment")
    report.add_argument("--anonymous", action="store_true", help="leave out who the students are")

    export = commands.add_parser("export", help="write all scores to a CSV file")
    export.set_defaults(run=_export)
    export.add_argument("--assignment", action="append", metavar="NAME", help="only this; may be repeated")
    export.add_argument("--format", choices=("nbgrader", "canvas", "moodle"), default="nbgrader")
    export.add_argument("--to", type=Path, default=Path("grades.csv"), metavar="FILE")

    gradescope = commands.add_parser("gradescope", help="write the autograder of a chapter for Gradescope")
    gradescope.set_defaults(run=_gradescope)
    gradescope.add_argument("assignment")
    gradescope.add_argument("--output", type=Path, metavar="ZIP", help="by default in dist/")
    gradescope.add_argument(
        "--minutes", type=_positive, default=10, help="the time limit that the assignment has on Gradescope"
    )

    classroom = commands.add_parser("classroom", help="write a template repository of a chapter for GitHub")
    classroom.set_defaults(run=_classroom)
    classroom.add_argument("assignment")
    classroom.add_argument("folder", type=Path)

    check = commands.add_parser(
        "check",
        help="check one notebook, on any machine; 0 if all is right, 1 if not, 2 if it cannot be checked",
    )
    check.set_defaults(run=_check)
    check.add_argument("notebook", type=Path)
    check.add_argument(
        "--chapter",
        metavar="NAME_OR_NOTEBOOK",
        help="such as 01_tensors, or the notebook as it was handed out; else the notebook's name says it",
    )
    check.add_argument("--report", type=Path, metavar="FILE", help="write what was found as JSON")
    check.add_argument(
        "--visible-only", action="store_true", help="without the hidden checks, also where they are known"
    )
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


if __name__ == "__main__":
    sys.exit(main())
