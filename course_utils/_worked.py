"""A worked solution and the reasoning behind it, for whoever has solved the exercise.

In the repository solutions/ has them; in a pack for a class it is the folder worked/, if the instructor asked
for it. Both hold plain files that anybody can open. That a solution is shown after the checks helps to learn
from it, and locks nothing.
"""

import difflib
import os
import re
from pathlib import Path

from course_utils import progress
from course_utils.check import has_passed, has_passed_last

import nbformat
from IPython.core.interactiveshell import InteractiveShell
from IPython.display import Markdown, display

from course_format.cells import MARKER, SOLUTION, exercise_of, is_test, nbgrader

ROOT = Path(__file__).parents[1]
TEXT = "worked.md"  # beside a solved notebook: a section of reasoning for each exercise
FOLDER = "worked"  # of a pack: a page for each chapter

ABSENT = (
    "This course came without worked solutions. Whoever packed it for you left them out, because they "
    "answer the hidden checks, too."
)
ALONE = "Worked solutions are in the folder of the course, and this notebook runs without it."


def worked(exercise: object) -> None:
    """Show the worked solution of an exercise, with its reasoning, once its visible checks have passed.

    exercise: its name, such as "ramp", or its answer. Before, this shows what is still missing and nothing
    else. What was passed in this session counts, and what is saved in the notebook. A grader shows nothing.
    """
    if not os.environ.get("NBGRADER_EXECUTION"):
        _show(_answer_to(str(getattr(exercise, "__name__", exercise))))


def page(folder: Path) -> str:
    """All worked solutions of a chapter as one Markdown page: name, code, reasoning.

    folder: the chapter's, in solutions/.
    """
    cells = nbformat.read(folder / f"{folder.name.split('_', 1)[1]}.ipynb", as_version=4).cells
    answers = {nbgrader(cell).get("grade_id"): cell.source for cell in cells}
    reasoning = (folder / TEXT).read_text(encoding="utf-8")
    sections = [f"# {folder.name}: worked solutions"]
    for name in _exercises(cells):
        code = "\n".join(["```python", *_solved(answers[name]), "```"])
        sections.append(f"## {name}\n\n{code}\n\n{section(reasoning, name)}".rstrip())
    return "\n\n".join(sections) + "\n"


def _solved(answer: str) -> list[str]:
    """The lines of an answer without its markers; of claim cards without the stub above the solution."""
    lines = answer.split("\n")
    top = [place for place, line in enumerate(lines) if line.startswith(f"### BEGIN {SOLUTION}")]
    return [line for line in lines[top[0] if top else 0 :] if not MARKER.match(line)]


def section(text: str, name: str) -> str:
    """What a page says under the heading `## name`; empty if it has no such heading."""
    found = re.search(rf"^## {re.escape(name)}\n(.*?)(?=^## \w+$|\Z)", text, re.DOTALL | re.MULTILINE)
    return found[1].strip() if found else ""


def _answer_to(name: str) -> str:
    """What to show of this exercise, as Markdown."""
    found = {path: _exercises(nbformat.read(path, as_version=4).cells) for path in _chapters()}
    if not found:
        return ALONE
    chapters = [path for path, names in found.items() if name in names]
    here = [path for path in chapters if path.parent.name == Path.cwd().name]
    if not chapters:
        near = difflib.get_close_matches(name, {name for names in found.values() for name in names}, n=1)
        return f"There is no exercise `{name}`" + (f": do you mean `{near[0]}`?" if near else " with checks.")
    if len(here or chapters) > 1:
        return f"More than one chapter has an exercise `{name}`: ask in the notebook of the one you mean."
    chapter = (here or chapters)[0]
    return _missing(name, chapter) or _solution(name, chapter.parent.name)


def _chapters() -> list[Path]:
    return sorted((ROOT / "notebooks").glob("*/*.ipynb"))


def _exercises(cells: list) -> list[str]:
    return [exercise_of(nbgrader(cell)["grade_id"]) for cell in cells if is_test(cell)]


def _missing(name: str, released: Path) -> str:
    """What keeps the solution closed, or nothing if the exercise has passed."""
    if InteractiveShell.initialized() and _passed_here(name, InteractiveShell.instance().user_ns):
        return ""
    at_work = Path.cwd() if Path.cwd().name == released.parent.name else ROOT / "work" / released.parent.name
    chapter = progress.read(at_work / released.name, released)
    exercise = next(one for one in chapter.exercises if one.name == name)
    if exercise.state == progress.DONE:
        return ""
    lines = [f"`{name}`: the worked solution opens once all visible checks have passed."]
    if chapter.problem:
        lines.append(f"{chapter.problem}.")
    if exercise.failed:
        lines.append("In the notebook as you last saved it, these have not:")
        lines.append("\n".join(f"- {progress.plain(one.line)}" for one in exercise.failed))
    lines.append("Run the check below your answer, save the notebook, then run this cell again.")
    return "\n\n".join(lines)


def _passed_here(name: str, names: dict[str, object]) -> bool:
    """Whether an exercise has passed in this session. Claim cards define no name of their own."""
    return has_passed(names[name]) if name in names else has_passed_last(name)


def _solution(name: str, chapter: str) -> str:
    packed, solved = ROOT / FOLDER / f"{chapter}.md", ROOT / "solutions" / chapter
    if packed.exists():
        text = packed.read_text(encoding="utf-8")
    elif (solved / TEXT).exists():
        text = page(solved)
    else:
        return ABSENT
    return f"**Worked solution of `{name}`**\n\n{section(text, name)}"


def _show(text: str) -> None:
    if InteractiveShell.initialized():
        display(Markdown(text))
    else:
        print(text)
