"""python -m course_builder build [CHAPTER ...] [--force] | student [--worked] | wheel | site"""

import argparse
import sys

from course_builder import site
from course_builder.build import build
from course_builder.student import pack, wheel
from course_format import CourseError, term
from course_format.chapter import ROOT, chapters


def main() -> None:
    parser = argparse.ArgumentParser(prog="course_builder", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    building = commands.add_parser("build", help="chapters -> solved notebooks -> student notebooks")
    building.add_argument("chapter", nargs="*", help="such as 01_tensors; all, if none is named")
    building.add_argument("--force", action="store_true", help="execute also what did not change")
    packing = commands.add_parser("student", help="the pack for a class, in dist/")
    packing.add_argument(
        "--worked", action="store_true", help="with worked solutions, which also answer the hidden checks"
    )
    commands.add_parser("wheel", help="what the notebooks import, in dist/, as for Colab")
    commands.add_parser("site", help="all chapters as web pages to read, in site/")
    options = parser.parse_args()
    try:
        if options.command == "student":
            names = _of_the_term()
            which = f"{', '.join(names)}, as {term.FILE} says" if names else "all chapters"
            worked = "with" if options.worked else "without"
            print(pack(ROOT / "dist", options.worked, names), f"{worked} worked solutions: {which}")
        elif options.command == "wheel":
            print(wheel(ROOT / "dist"))
        elif options.command == "site":
            print(site.build(chapters(), ROOT / "site"))
        else:
            _report(build(options.chapter, options.force))
    except CourseError as error:
        sys.exit(f"course_builder: {error}")


def _of_the_term() -> list[str] | None:
    """The names of the term's chapters; None without a plan. Raises CourseError if the plan is wrong."""
    if not (ROOT / term.FILE).exists():
        return None
    return [chapter.name for chapter in term.read_term(ROOT).chapters]


def _report(written: list) -> None:
    names = [str(path.relative_to(ROOT)) for path in written]
    print("\n".join(["written:", *(f"  {name}" for name in names)]) if names else "everything is up to date")


if __name__ == "__main__":
    main()
