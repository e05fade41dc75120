"""`make lab`: bring the chapters into work/ and open JupyterLab at the start page.

A chapter that is already in work/ is never touched, whatever the course brings. The folder jupyter/ beside
this file holds the settings of the students' JupyterLab. They apply to this one start of it, so that the
JupyterLab of an instructor in the same environment stays as it is.
"""

import contextlib
import os
import shutil
import sys
from functools import cache
from pathlib import Path
from typing import Any

from course_utils import overview, progress
from course_utils.progress import Chapter

import nbformat
from jupyterlab.labapp import LabApp
from nbformat.sign import NotebookNotary

from course_format.cells import hours

START, GLOSSARY = "START.md", "GLOSSARY.md"
JUPYTER = Path(__file__).with_name("jupyter")
HEAD = """\
# Deep learning, chapter by chapter

Work through the chapters in order. Each one explains, shows, and then asks you to write code that is
checked on the spot. Checks are folded to one line; click the dots to read one. {advice}

[Your progress]({progress}) shows every exercise: done, partly done or open, and what failed last.

**Coming back** to a chapter, or after a kernel restart, nothing is defined yet, and a cell says
`NameError: name 'check' is not defined`. Click the cell where you want to go on, then **Run all above** in
the bar over the notebook. If it stops at a cell of yours with an error, correct that cell or turn its lines
into comments, and click again.

{worked}{commands}
| chapter | what it is about | time | points | your checks so far |
|---|---|---:|---:|---:|
"""
WORKED = """\
Once an exercise has passed its visible checks, `cu.worked("ramp")` in a new cell shows a worked solution,
here that of `ramp`, with its reasoning.

"""
AT_HOME = """\
Two commands are for a terminal, in the top folder of the course; save the chapter before you use them:

| | in a terminal | without make |
|---|---|---|
| begin an exercise again; your old answer is kept | `make start-over CHAPTER=01_tensors EXERCISE=ramp` \
| `python -m course_utils.start_over 01_tensors ramp` |
| hand in a chapter | `make hand-in CHAPTER=01_tensors` | `python -m course_utils.hand_in 01_tensors` |
"""
ON_A_HUB = """\
Save a chapter before you hand it in, and before you begin one of its exercises again:

| you want to | |
|---|---|
| hand in a chapter | *Nbgrader > Assignment List*, then *Submit* |
| see your feedback | there, *Fetch Feedback*, then *view feedback* |
| get a chapter that was released since you began | there, *Fetch* |
| begin an exercise again; your old answer is kept | in a terminal (*File > New > Terminal*), \
`cd ~/deep_learning; python -m course_utils.start_over 01_tensors ramp` |
"""
FOOT = """
The last column counts visible checks, as you last saved each chapter; the rest of the points, hidden checks
and written answers, is added when your work is graded. To begin a whole chapter again, rename its folder and
{restart}.

All terms of the course, in English and Chinese, are in the [glossary]({glossary}). An arrow of this map leads
from a chapter to those that need it:

{map}

*This page and the page of progress are written anew whenever you save a chapter; keep your own notes
elsewhere. Your chapters are in the folder `work/`, and updating the course never changes them.*
"""


def copy_missing(notebooks: Path, work: Path) -> list[str]:
    """Copy each chapter folder that work/ does not have yet. Returns the names of the copied ones.

    A copy that breaks off leaves nothing behind that would pass for a chapter.
    """
    copied = []
    for chapter in sorted(path for path in notebooks.iterdir() if path.is_dir()):
        target = work / chapter.name
        if not target.exists():
            unfinished = work / f".{chapter.name}.part"
            shutil.rmtree(unfinished, ignore_errors=True)
            shutil.copytree(chapter, unfinished)
            unfinished.rename(target)
            copied.append(chapter.name)
    return copied


def prepare(notebooks: Path, work: Path) -> list[str]:
    """Bring what is missing into work/, and its pages up to date. Returns the names of the copied chapters.

    Raises FileNotFoundError if there are no chapters in notebooks/.
    """
    work.mkdir(exist_ok=True)
    copied = copy_missing(notebooks, work)
    for name in copied:
        _trust(work / name)
    write_pages(notebooks, work)
    (work / GLOSSARY).write_text(overview.glossary(notebooks), encoding="utf-8")
    return copied


def _trust(chapter: Path) -> None:
    """Sign the notebooks of a chapter as JupyterLab does for what was run in it.

    Of outputs in other notebooks it takes the colours away when they are opened again.
    """
    with contextlib.suppress(OSError):  # without a signature all works, in one colour
        notary = NotebookNotary()
        for path in chapter.glob("*.ipynb"):
            notary.sign(nbformat.read(path, as_version=4))


def write_pages(notebooks: Path, work: Path) -> None:
    """Write the start page and the page of progress into work/, from what is saved there.

    Raises FileNotFoundError if there are no chapters in notebooks/.
    """
    chapters = progress.course(notebooks, work)
    (work / START).write_text(start_page(notebooks, chapters), encoding="utf-8")
    (work / progress.PAGE).write_text(progress.page(chapters), encoding="utf-8")


def start_page(notebooks: Path, chapters: list[Chapter]) -> str:
    """The start page: every chapter with its time, its points and what was earned so far."""
    rows = "\n".join(map(_row, chapters))
    hub = "JUPYTERHUB_USER" in os.environ
    head = HEAD.format(
        advice=progress.advice(chapters),
        progress=progress.PAGE,
        worked=WORKED if any((notebooks.parent / name).is_dir() for name in ("solutions", "worked")) else "",
        commands=ON_A_HUB if hub else AT_HOME,
    )
    restart = "restart your server (*File > Hub Control Panel*)" if hub else "run `make lab` again"
    return f"{head}{rows}\n{FOOT.format(glossary=GLOSSARY, map=_map(notebooks), restart=restart)}"


@cache
def _map(notebooks: Path) -> str:
    """The map of the chapters, which a save does not change. A save should take no time."""
    return overview.chapter_map(notebooks)


def _row(chapter: Chapter) -> str:
    about = f"**{chapter.title}**: {chapter.summary}"
    needed = hours(chapter.minutes).replace(" ", "&nbsp;")
    so_far = chapter.problem or f"{chapter.earned:g} of {chapter.visible:g}"
    return f"| [{chapter.name}]({chapter.path}) | {about} | {needed} | {chapter.points:g} | {so_far} |"


def after_save(model: dict, os_path: str, contents_manager: Any) -> None:
    """Bring the pages up to date. jupyter/jupyter_server_config.json has this called after each save."""
    if model["type"] == "notebook":
        work = Path(contents_manager.root_dir)
        try:
            write_pages(work.parent / "notebooks", work)
        except OSError as error:  # the notebook is saved all the same
            contents_manager.log.warning(
                f"the start page and the page of progress are not up to date: {error}"
            )


def set_up_jupyterlab() -> None:
    """The settings of the students' JupyterLab, and this Python first in its terminals, for this process."""
    for name, first in (("JUPYTER_CONFIG_PATH", JUPYTER), ("PATH", Path(sys.executable).parent)):
        os.environ[name] = os.pathsep.join([str(first), *filter(None, [os.environ.get(name)])])


def main() -> None:
    notebooks, work = Path("notebooks").resolve(), Path("work").resolve()
    if not notebooks.is_dir():
        sys.exit("make lab: run this in the top folder of the course, where notebooks/ is")
    for name in prepare(notebooks, work):
        print(f"work/{name} is new")
    set_up_jupyterlab()
    options = [
        f"--ServerApp.root_dir={work}",
        f"--LabApp.default_url=/lab/tree/{START}",
        f"--LabApp.extra_labextensions_path={JUPYTER / 'labextensions'}",
    ]
    LabApp.launch_instance([*options, *sys.argv[1:]])


if __name__ == "__main__":
    main()
