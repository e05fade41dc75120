"""What the release puts around a chapter, so that its notebook runs alone and ends with what comes next.

Below the title: links that open it in Colab and on Binder, if pyproject.toml says where the course is, and a
cell that installs the course where it is missing. At the end: how to hand it in. The texts and the solved
notebooks have none of this, and grading needs none of it.
"""

import html
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course_format.cells import FRAME, STILL, tags
from course_format.chapter import ROOT, ChapterError, set_ids

GITHUB = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+)")
PNG = "image/png"

INSTALL = """\
# Where the course is missing, as in Colab, this installs it. Everywhere else it does nothing.
from importlib.util import find_spec
from pathlib import Path

if find_spec("course_utils") is None:
    wheels = sorted(map(str, Path().glob("deep_learning_notebooks-*.whl")))
{otherwise}
    keep = "--no-deps" if find_spec("torch") else ""  # a torch that is here already fits its GPU
    get_ipython().run_line_magic("pip", f"install --quiet {{keep}} {{source}}")
"""
FROM_ADDRESS = """\
    source = wheels[-1] if wheels else "{address}\""""
FROM_WHEEL = """\
    if not wheels:
        raise ModuleNotFoundError(
            "the course is not installed here: upload the wheel of the course, which your instructor has, "
            "to the folder of this notebook, then run this cell again"
        )
    source = wheels[-1]"""

BADGES = """\
[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({colab})
[![Open on Binder](https://mybinder.org/badge_logo.svg)]({binder})"""

HAND_IN = """\
**Hand in.** Save this notebook, then run `make hand-in CHAPTER={name}` in a terminal, in the top folder of
the course, and upload the file that it packs to the page of your course. Without make, the command is
`python -m course_utils.hand_in {name}`. In Colab and on Binder, choose *Download* in the menu *File* and
upload `{stem}.ipynb` itself. On a JupyterHub, choose *Nbgrader > Assignment List*, then *Submit*."""


@dataclass(frozen=True)
class Home:
    """Where students find the course on GitHub. repository: OWNER/NAME."""

    repository: str
    branch: str

    def colab(self, name: str, stem: str) -> str:
        """The address that opens a chapter in Colab."""
        file = f"blob/{self.branch}/notebooks/{name}/{stem}.ipynb"
        return f"https://colab.research.google.com/github/{self.repository}/{file}"

    def binder(self, name: str, stem: str) -> str:
        """The address that opens a chapter on Binder, in the folder that binder/postBuild makes."""
        place = f"lab/tree/work/{name}/{stem}.ipynb"
        return f"https://mybinder.org/v2/gh/{self.repository}/{self.branch}?urlpath={place}"

    @property
    def archive(self) -> str:
        """What pip installs the course from."""
        return f"https://github.com/{self.repository}/archive/refs/heads/{self.branch}.zip"


def home(path: Path = ROOT / "pyproject.toml") -> Home | None:
    """What [tool.course] says; None if it names no repository. Raises ChapterError if it is not on GitHub."""
    about = tomllib.loads(path.read_text(encoding="utf-8"))["tool"].get("course", {})
    repository = about.get("repository", "")
    if not repository:
        return None
    found = GITHUB.fullmatch(repository.rstrip("/").removesuffix(".git"))
    if found is None:
        raise ChapterError(
            "pyproject.toml: the repository in [tool.course] should be like https://github.com/OWNER/NAME, "
            f"because Colab opens no other, or empty; it is {repository!r}"
        )
    return Home(found[1], about.get("branch", "main"))


def install_cell(at: Home | None) -> str:
    """The code that installs the course where it is missing: from a wheel beside the notebook, or from at."""
    otherwise = FROM_ADDRESS.format(address=at.archive) if at else FROM_WHEEL
    return INSTALL.format(otherwise=otherwise).rstrip()


def put(notebook: NotebookNode, at: Home | None, name: str, stem: str) -> None:
    """Put the frame around a released chapter, in place, and give its still picture its alt text."""
    title, rest = notebook.cells[0], notebook.cells[1:]
    for cell in rest:
        if STILL in tags(cell):
            for output in cell.outputs:
                _say_alt(output)
    badges = BADGES.format(colab=at.colab(name, stem), binder=at.binder(name, stem)) if at else ""
    above = [new_markdown_cell(badges)] if badges else []
    above.append(new_code_cell(install_cell(at), metadata={"jupyter": {"source_hidden": True}}))
    below = [new_markdown_cell(HAND_IN.format(name=name, stem=stem))]
    around = new_notebook(cells=[*above, *below])
    for cell in around.cells:
        cell.metadata["tags"] = [FRAME]
    set_ids(around)  # the others keep theirs, which are those of the solved notebook
    notebook.cells = [title, *above, *rest, *below]


def _say_alt(output: NotebookNode) -> None:
    """Turn a picture into HTML with its alt text: JupyterLab shows a PNG without."""
    if PNG in output.get("data", {}):
        about = output.metadata.pop(PNG)
        png = "".join(output.data.pop(PNG).split())
        output.data["text/html"] = (
            f'<img alt="{html.escape(about["alt"])}" width="{about["width"]}" '
            f'style="max-width: 100%; height: auto" src="data:{PNG};base64,{png}">'
        )
