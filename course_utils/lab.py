"""`make lab`: bring the chapters into work/ and open JupyterLab at the start page.

A chapter that is already in work/ is never touched, whatever the course brings.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from course_utils import progress

import nbformat

START = "START.md"
SETTINGS = {
    "@jupyterlab/docmanager-extension:plugin": {"defaultViewers": {"markdown": "Markdown Preview"}},
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
}
HEAD = """\
# Deep learning, chapter by chapter

Work through the chapters in order. Each one explains, shows, and then asks you to write code that is
checked on the spot. Checks are folded to one line; click the dots to read one. {begin}

| chapter | what it is about | time | points | your checks so far |
|---|---|---:|---:|---:|
"""
FOOT = """
The last column counts visible checks, as you last saved each chapter; hidden checks and written answers are
added when your work is graded. To start a chapter over, rename its folder and run `make lab` again.

*This page is written anew at every `make lab`; keep your own notes elsewhere. Your chapters are in the
folder `work/`, and updating the course never changes them.*
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


def start_page(notebooks: Path, work: Path) -> str:
    """The start page: every chapter with its time, its points and what was earned so far."""
    chapters = sorted(notebooks.glob("*/*.ipynb"))
    if not chapters:
        raise FileNotFoundError(
            f"there are no chapters in {notebooks}: run this in the top folder of the course"
        )
    rows, begin = [], None
    for path in chapters:
        mine = work / path.relative_to(notebooks)
        row, started = _row(path, mine)
        rows.append(row)
        if begin is None and not started:
            begin = f"**Begin with [{path.parent.name}]({mine.relative_to(work).as_posix()}).**"
    return HEAD.format(begin=begin or "**You have begun every chapter.**") + "\n".join(rows) + "\n" + FOOT


def _row(path: Path, mine: Path) -> tuple[str, bool]:
    course = nbformat.read(path, as_version=4).metadata["course"]
    link = f"[{path.parent.name}]({path.parent.name}/{path.name})"
    earned = _earned(mine)
    cells = [
        link,
        f"**{course['title']}**: {course['summary']}",
        f"{course['minutes']} min",
        f"{progress.read(path).points:g}",
        earned,
    ]
    return f"| {' | '.join(cells)} |", earned != "0"


def _earned(mine: Path) -> str:
    if not mine.exists():
        return "0"
    try:
        return f"{progress.read(mine).earned:g}"
    except ValueError as error:
        return str(error)


def set_up_jupyterlab(prefix: Path) -> None:
    """Settings of the course's own JupyterLab: Markdown opens as a page, and no questions at the start."""
    folder = prefix / "share" / "jupyter" / "lab" / "settings"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "overrides.json").write_text(json.dumps(SETTINGS, indent=1))


def main() -> None:
    notebooks, work = Path("notebooks"), Path("work")
    if not notebooks.is_dir():
        sys.exit("make lab: run this in the top folder of the course, where notebooks/ is")
    work.mkdir(exist_ok=True)
    for name in copy_missing(notebooks, work):
        print(f"work/{name} is new")
    (work / START).write_text(start_page(notebooks, work), encoding="utf-8")
    lab = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={work.resolve()}"]
    set_up_jupyterlab(Path(sys.prefix))
    page = f"--LabApp.default_url=/lab/tree/{START}"
    sys.exit(subprocess.run([*lab, page, *sys.argv[1:]]).returncode)


if __name__ == "__main__":
    main()
