"""`course-grader classroom CHAPTER FOLDER`: a template repository on GitHub, for one chapter.

It holds what students get, and a workflow that checks their notebook on every push. Nothing in it is secret:
hidden tests stay with the instructor, who clones the repositories and grades them.
"""

from pathlib import Path

from course_format.chapter import ROOT
from course_grader.course import Course
from course_grader.files import write_files
from course_grader.job import GraderError
from course_grader.platforms import alone, package
from course_grader.preview import preview

TEMPLATES = Path(__file__).with_name("templates") / "classroom"
WORKFLOW = ".github/workflows/classroom.yml"
COURSE = ".github/course"  # what the workflow needs
# GitHub shows it on the front page from there, too. Beside the notebook it would be taken for a text
# that may hold the answer to a written question.
README = ".github/README.md"


def write_repository(course: Course, assignment: str, folder: Path) -> float:
    """Write the repository of a chapter into a folder that does not exist yet, or is empty.

    Returns the points of the checks that students see. Raises CourseError if there is something in it, or
    the chapter may not go out.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise GraderError(f"{folder} is not empty: name a new folder")
    found = preview(course, assignment)
    chapter = course.chapter(assignment)
    wheel, packages = package.wheel()
    files = {
        f"{COURSE}/{wheel}": packages,
        f"{COURSE}/constraints.txt": package.pins(),
        f"{COURSE}/requirements.txt": (ROOT / "requirements.txt").read_bytes(),
    }
    for name, content in found.files.items():
        files |= {name: content, f"{COURSE}/{assignment}/{name}": content}
    points = alone.without_run(alone.from_release(found.folder / chapter.solved.name), "").points
    values = {
        "ASSIGNMENT": assignment,
        "NOTEBOOK": chapter.solved.name,
        "TITLE": found.notebook.metadata["course"]["title"],
        "POINTS": f"{points:g}",
        "TORCH_PINS": package.torch_pins(),
        "WHEEL": wheel,
    }
    templates = {WORKFLOW: "classroom.yml", README: "README.md", ".gitignore": "gitignore"}
    for name, template in templates.items():
        files[name] = package.filled(TEMPLATES / template, values)
    write_files(folder, files)
    return points
