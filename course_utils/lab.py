"""`make lab`: bring the chapters into work/ and open JupyterLab at the start page.

A chapter that is already in work/ is never touched, whatever the course brings.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from course_utils import overview, progress

import nbformat

from course_format.cells import hours

START, GLOSSARY = "START.md", "GLOSSARY.md"
SETTINGS = {
    "@jupyterlab/docmanager-extension:plugin": {"defaultViewers": {"markdown": "Markdown Preview"}},
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
}
HEAD = """\
# Deep learning, chapter by chapter

Work through the chapters in order. Each one explains, shows, and then asks you to write code that is
checked on the spot. Checks are folded to one line; click the dots to read one. {advice}

**Coming back** to a chapter, or after a kernel restart, nothing is defined yet, and a cell says
`NameError: name 'check' is not defined`. Click the cell where you want to go on and choose
*Run > Run All Above Selected Cell*.

| chapter | what it is about | time | points | your checks so far |
|---|---|---:|---:|---:|
"""
FOOT = """
The last column counts visible checks, as you last saved each chapter; the rest of the points, hidden checks
and written answers, is added when your work is graded. To start a chapter over, rename its folder and run
`make lab` again.

All terms of the course, in English and Chinese, are in the [glossary]({glossary}). An arrow of this map leads
from a chapter to those that need it:

{map}

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
    rows, advice = [], "**You have passed every visible check.**"
    for path in reversed(chapters):
        link = f"[{path.parent.name}]({path.relative_to(notebooks).as_posix()})"
        row, earned, visible = _row(path, work / path.relative_to(notebooks), link)
        rows.insert(0, row)
        if earned < visible:
            advice = f"**{'Go on with' if earned else 'Begin with'} {link}.**"
    foot = FOOT.format(glossary=GLOSSARY, map=overview.chapter_map(notebooks))
    return HEAD.format(advice=advice) + "\n".join(rows) + "\n" + foot


def _row(path: Path, mine: Path, link: str) -> tuple[str, float, float]:
    """One chapter's row of the table, and the points of its visible checks: earned, and in all."""
    metadata = nbformat.read(path, as_version=4).metadata
    try:
        done = progress.read(mine, path)
        said = f"{done.earned:g} of {done.visible:g}"
    except ValueError as error:
        done, said = progress.read(path, path), str(error)
    about = f"**{metadata['course']['title']}**: {metadata['course']['summary']}"
    needed = hours(metadata["course_build"]["minutes"])
    return f"| {link} | {about} | {needed} | {done.points:g} | {said} |", done.earned, done.visible


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
    (work / GLOSSARY).write_text(overview.glossary(notebooks), encoding="utf-8")
    lab = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={work.resolve()}"]
    set_up_jupyterlab(Path(sys.prefix))
    page = f"--LabApp.default_url=/lab/tree/{START}"
    sys.exit(subprocess.run([*lab, page, *sys.argv[1:]]).returncode)


if __name__ == "__main__":
    main()
