"""`course-grader gradescope CHAPTER`: writes the autograder of a chapter as a zip for Gradescope.

The layout is Gradescope's: setup.sh and run_autograder at the top of the zip. The chapter in it has its
hidden tests, and no solutions. https://gradescope-autograders.readthedocs.io/en/latest/specs/
"""

import json
import zipfile
from dataclasses import asdict
from pathlib import Path

from course_builder.student import add
from course_grader.course import Course
from course_grader.platforms import alone, package

TEMPLATES = Path(__file__).with_name("templates") / "gradescope"
CHAPTER = "chapter.json"  # read by gradescope_run
PROGRAM = 0o755  # the mode of a file


def write_autograder(course: Course, assignment: str, output: Path, minutes: int) -> str:
    """Write the zip. minutes: the time limit that the assignment has on Gradescope. Raises CourseError.

    Returns what an instructor has to enter on Gradescope.
    """
    checks = alone.from_course(course, assignment)
    wheel, content = package.wheel()
    values = {"UV_PIN": package.pin("uv"), "TORCH_PINS": package.torch_pins(), "WHEEL": wheel}
    output.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("setup.sh", "run_autograder"):
            add(archive, name, package.filled(TEMPLATES / name, values), PROGRAM)
        add(archive, CHAPTER, json.dumps({"minutes": minutes, "chapter": asdict(checks)}).encode())
        add(archive, "constraints.txt", package.pins())
        add(archive, wheel, content)
    report = alone.without_run(checks, "")
    by_hand = sum(one.points for one in report.questions)
    marked = f", and {by_hand:g} for a question that you mark by hand" if by_hand else ""
    return (
        f"on Gradescope: {report.points:g} autograder points{marked}; a time limit of {minutes} minutes; "
        "a container with at least 1.5 GB of memory (docs/gradescope.md)"
    )
