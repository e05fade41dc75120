"""`python -m course_utils.hub`: what a JupyterHub starts for a student, in place of jupyterhub-singleuser.

The student's chapters are those that were released through nbgrader's exchange. They are copied into
~/deep_learning/work at each start, which is what fetching them does; what is there already is never touched.
The JupyterLab is that of `make lab`, with nbgrader's assignment list to fetch, submit and see feedback.
docs/hub.md says how a hub is set up.
"""

import os
import sys
from pathlib import Path

from course_utils import lab

JUPYTER = Path(__file__).with_name("jupyter_hub")  # settings that differ from those of `make lab`
RELEASED = "COURSE_RELEASED"  # names the folder of released chapters
NOTHING_YET = """\
# Deep learning, chapter by chapter

No chapter has been released yet. Once your instructor has released one, restart your server
(*File > Hub Control Panel > Stop My Server*, then start it), or open *Nbgrader > Assignment List*
and fetch it there.
"""


def prepare(released: Path, folder: Path) -> Path:
    """Bring the released chapters into folder/work, with the pages about them. Returns that work folder."""
    work = folder / "work"
    work.mkdir(parents=True, exist_ok=True)
    notebooks = folder / "notebooks"  # beside work/, where a save looks for the chapters
    notebooks.unlink(missing_ok=True)
    notebooks.symlink_to(released)
    try:
        lab.prepare(notebooks, work)
    except FileNotFoundError:
        (work / lab.START).write_text(NOTHING_YET, encoding="utf-8")
    return work


def command(work: Path) -> list[str]:
    """The command that serves a student's work folder to the hub."""
    return [
        "jupyterhub-singleuser",
        f"--ServerApp.root_dir={work}",
        f"--LabApp.extra_labextensions_path={lab.JUPYTER / 'labextensions'}",
    ]


def main() -> None:
    if not (released := os.environ.get(RELEASED)):
        sys.exit(f"course_utils.hub: {RELEASED} must name the folder of released chapters: see docs/hub.md")
    work = prepare(Path(released), Path.home() / "deep_learning")
    lab.set_up_jupyterlab()
    os.environ["JUPYTER_CONFIG_PATH"] = f"{JUPYTER}{os.pathsep}{os.environ['JUPYTER_CONFIG_PATH']}"
    os.environ["JUPYTERHUB_DEFAULT_URL"] = f"/lab/tree/{lab.START}"
    os.chdir(work)
    start = command(work)
    os.execvp(start[0], [*start, *sys.argv[1:]])


if __name__ == "__main__":
    main()
