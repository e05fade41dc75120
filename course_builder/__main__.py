"""python -m course_builder build [--force]"""

import argparse
import sys

from course_builder.build import build
from course_builder.chapter import ChapterError


def main() -> None:
    parser = argparse.ArgumentParser(prog="course_builder", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("build").add_argument("--force", action="store_true", help="execute every chapter")
    options = parser.parse_args()
    try:
        build(options.force)
    except ChapterError as error:
        sys.exit(f"course_builder: {error}")


if __name__ == "__main__":
    main()
