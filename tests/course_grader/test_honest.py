"""One class of honest students whose notebooks come from other machines: nobody loses a point to the grader.

Each case says which points are wanted and what the instructor and the student read about it.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_raw_cell

from course_format.cells import nbgrader
from course_format.chapter import ROOT
from course_grader import grading
from course_grader.course import Course
from course_grader.gradebook.write import Recorder
from course_grader.job import Limits
from course_grader.pages.feedback import write_feedback
from course_grader.pages.report import write_report
from tests.course_grader import small
from tests.course_grader.test_feedback import Page
from tests.nbgrader_course import cell_of

ALL, SECOND_LOST = 6.0, 3.0
LIMITS = Limits(cell_seconds=3, seconds=24)
EXPERIMENT = "clothes = [1, 2, 3]\nprint('an experiment ran')"
QUESTION = "### Exercise 1.4: in your own words &nbsp; (4 points)\n\nWhy is it so?"
STUB = "YOUR ANSWER HERE"


def chapter() -> NotebookNode:
    """The small chapter with an experiment that defines something, and a question for the written answer."""
    notebook = small.chapter()
    at = next(n for n, cell in enumerate(notebook.cells) if cell.id == "training")
    notebook.cells[at].source = EXPERIMENT
    notebook.cells.insert(2, notebook.cells.pop(at))
    notebook.cells.insert(-1, new_markdown_cell(QUESTION, id="question"))
    notebook.cells.append(new_markdown_cell("## Recap\n\nAll is well that ends well.", id="recap"))
    return notebook


@dataclass(frozen=True)
class Case:
    """What one student hands in. waits: whether a person marks the written answer. says: in the reason, and
    nothing means that there is none.
    """

    hand_in: Callable[[Path], None]
    points: float
    waits: bool
    says: tuple[str, ...]


CASES: dict[str, Case] = {}


def case(name: str, hand_in: Callable[[Path], None], *says: str, points: float = ALL, waits: bool = True):
    CASES[name] = Case(hand_in, points, waits, says)


def released() -> NotebookNode:
    """The notebook as students get it, with right answers."""
    notebook, answers = copy.deepcopy(chapter()), small.handed_in()
    for cell in notebook.cells:
        if nbgrader(cell):
            cell.source = cell_of(answers, nbgrader(cell)["grade_id"]).source
    return notebook


def put(folder: Path, notebook: NotebookNode | bytes, name: str = "small.ipynb") -> None:
    content = notebook if isinstance(notebook, bytes) else nbformat.writes(notebook).encode()
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def place(notebook: NotebookNode, name: str) -> int:
    return next(n for n, cell in enumerate(notebook.cells) if cell.id == name)


def edited(edit: Callable[[NotebookNode], object], **files: str) -> Callable[[Path], None]:
    """Hand in a right notebook after an edit, and files beside it (`a_py` is called a.py)."""

    def hand_in(folder: Path) -> None:
        notebook = released()
        edit(notebook)
        put(folder, notebook)
        for name, content in files.items():
            put(folder, content.encode(), name.replace("__", "/").replace("_", "."))

    return hand_in


def imports(source: str) -> Callable[[Path], None]:
    """Another cell with the imports; IMPORTS stands for the chapter's own."""

    def edit(notebook: NotebookNode) -> None:
        notebook.cells[place(notebook, "imports")].source = source.replace("IMPORTS", small.IMPORTS)

    return edited(edit)


def before(source: str, second: str = small.RIGHT["second"], **files: str) -> Callable[[Path], None]:
    """One more cell above the answers, and an answer to the second exercise."""

    def edit(notebook: NotebookNode) -> None:
        notebook.cells.insert(place(notebook, "first"), new_code_cell(source))
        cell_of(notebook, "second").source = second

    return edited(edit, **files)


def answered(source: str, **files: str) -> Callable[[Path], None]:
    """An answer to the second exercise."""
    return edited(lambda notebook: cell_of(notebook, "second").update(source=source), **files)


RIGHT = small.RIGHT["second"]

# Whatever fails in the cell with the imports: the chapter's own run all the same.

OTHERS = "No module named 'google'"
case("control", edited(lambda notebook: None))
case(
    "missing package",
    imports("import seaborn as sns\nsns.set_theme()\nIMPORTS\ndef twice(x): return 2 * x"),
    "the cell with the imports: ModuleNotFoundError: No module named 'seaborn' (line 1: `import seaborn",
    "NameError: name 'sns' is not defined",
)
case("colab", imports("from google.colab import drive\ndrive.mount('/content/drive')\nIMPORTS"), OTHERS)
case(
    "newer Python", imports("IMPORTS\ntype Table = list"), "SyntaxError: invalid syntax", "type Table = list"
)
case("backend", imports("import matplotlib\nmatplotlib.use('TkAgg')\nIMPORTS"), "Cannot load backend 'TkAgg'")
case("widget", imports("%matplotlib widget\nIMPORTS"), "'widget' is not a recognised GUI loop")
case("sys.exit", imports("import sys\nsys.exit('no GPU')\nIMPORTS"), "SystemExit: no GPU")
case("os._exit", imports("import os\nos._exit(1)\nIMPORTS"), "it ended its own process (exit code 1)")
case(
    "sleep",
    imports("!sleep 60\nIMPORTS"),
    "the cell with the imports: a command in it was stopped after 3 seconds",
)
case("raise", imports("raise RuntimeError('set up first')\nIMPORTS"), "RuntimeError: set up first")
case("input", imports("name = input('Who are you? ')\nIMPORTS"), "EOFError")
case("future", imports("from __future__ import annotations\nIMPORTS"))
case("star", imports("from torch import *\nfrom math import *\nIMPORTS"))
case("colab in folder", imports("import os\nos.chdir('/content/drive/MyDrive')\nIMPORTS"), "No such file")


def without_metadata(folder: Path) -> None:
    notebook = released()
    notebook.cells[place(notebook, "imports")].source = f"import seaborn\n{small.IMPORTS}"
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({})
        del cell["id"]
    notebook.nbformat_minor = 4
    put(folder, notebook)


case(
    "no metadata", without_metadata, "the cell with the imports: ModuleNotFoundError", "have lost their names"
)

# What the machine lacks costs a statement, not the answer below it.

case("import above an answer", answered(f"import seaborn as sns\n\n{RIGHT}"), "second: ModuleNotFoundError")
case("magic above an answer", answered(f"%load_ext tensorboard\n\n{RIGHT}"), "second: ModuleNotFoundError")
case("an own cell that fails", before("1 / 0"), "the cell that begins with `1 / 0`: ZeroDivisionError")
case(
    "a real error of an answer",
    answered("def second(x):\n\ty = 2 * x\n        return y"),
    "second: TabError: inconsistent use of tabs and spaces in indentation (line 3: `return y`)",
    points=SECOND_LOST,
)
case(
    "an answer for a newer Python",
    edited(
        lambda notebook: (
            cell_of(notebook, "second").update(source="def second[T](x: T) -> T:\n    return 2 * x"),
            notebook.metadata.update({"language_info": {"name": "python", "version": "3.99.1"}}),
        )
    ),
    "second: SyntaxError: expected '(' (line 1: `def second[T](x: T) -> T:`)",
    "the notebook was written with Python 3.99, and graded with ",
    points=SECOND_LOST,
)

# Global settings.

SETTINGS = {
    "default device": "torch.set_default_device('cuda')\nW = torch.zeros(3)",
    "another device": "torch.set_default_device('mps')",
    "set_device": "torch.cuda.set_device(0)\ntorch.set_default_tensor_type('torch.cuda.FloatTensor')",
    "default dtype": "torch.set_default_dtype(torch.float64)",
    "printing": "torch.set_printoptions(precision=1)\nimport numpy as np\nnp.set_printoptions(threshold=3)",
    "strictness": "import numpy as np, warnings\nnp.seterr(all='raise')\nwarnings.simplefilter('error')",
    "autocast": "torch.autocast('cpu', dtype=torch.bfloat16).__enter__()",
    "anomalies": "torch.autograd.set_detect_anomaly(True)\ntorch.use_deterministic_algorithms(True)",
    "pandas": "import pandas as pd\npd.set_option('display.max_rows', 3, 'mode.string_storage', 'python')",
    "matplotlib": "import matplotlib.pyplot as plt\nplt.switch_backend('agg')\nplt.style.use('ggplot')",
    "locale": "import locale\nlocale.setlocale(locale.LC_ALL, 'C')",
    "folder": "import os\nos.makedirs('gone')\nos.chdir('gone')\nos.rmdir('../gone')",
    "data": "import os\nos.environ['COURSE_DATA'] = 'real'",
    "streams": "import sys\nsys.stderr = sys.stdout",
}
for name, code in SETTINGS.items():
    warns = "import warnings\ndef second(x):\n    warnings.warn('once')\n    return 2 * x"
    case(f"setting: {name}", before(code, second=warns))

# What raises no sign for review, and no reason.

QUIET = {
    "np.int": "import numpy as np\nnp.int = int\nnp.bool = bool\nnp.float = np.float64\nnp.object = object",
    "repr": "torch.Tensor.__repr__ = lambda tensor: f'T{tuple(tensor.shape)}'",
    "breakpoint": "def f():\n    breakpoint()\n    return 1\nf()",
    "pdb": "import pdb\npdb.set_trace()\npdb.run('x = 1')",
    "debugger of IPython": "from IPython.core.debugger import set_trace\nset_trace()\n%debug 1 + 1",
    "profilers": "import cProfile\ncProfile.run('1 + 1')\n%prun sum(range(9))\n%timeit -n 1 -r 1 1 + 1",
    "%%time": "%%time\n1 + 1",
    "trace": "import trace\ntrace.Trace(count=1, trace=0).runfunc(lambda: 1)",
    "doctest": "import doctest\ndef f():\n    '''>>> f()\n    1\n    '''\n    return 1\ndoctest.testmod()",
    "tqdm": "from tqdm.notebook import tqdm\nfor _ in tqdm(range(2)): pass",
    "exit": "exit()",
    "interactivity": "from IPython.core.interactiveshell import InteractiveShell as S\n"
    "S.ast_node_interactivity = 'all'",
}
for name, code in QUIET.items():
    case(f"quiet: {name}", before(code))
case("a breakpoint in an answer", answered("def second(x):\n    breakpoint()\n    return 2 * x"))
case(
    "a file elsewhere",
    before("open('/content/data.csv')"),
    "No such file or directory: '/content/data.csv'",
)
case("a download", before("import urllib.request as r\nr.urlopen('http://example.org')"), "URLError")

# Modules beside the notebook, or written by it.

HELPER = "def double(x): return 2 * x"
USING = "from helper import double\n\ndef second(x):\n    return double(x)"
case("a module beside", answered(USING, helper_py=HELPER))
case(
    "a package beside",
    answered(USING.replace("helper", "tools.helper"), tools____init___py="", tools__helper_py=HELPER),
)
case("a module written", before(f"%%writefile helper.py\n{HELPER}", second=USING))
case(
    "a module reloaded",
    before(
        f"import helper, importlib\nopen('helper.py', 'w').write('''{HELPER}''')\nimportlib.reload(helper)",
        second=USING,
        helper_py="double = None",
    ),
)
case("a module from elsewhere", before("import os\nos.chdir('/tmp')", second=USING, helper_py=HELPER))
case(
    "a module that raises",
    before("import helper\nx = 1", helper_py="import seaborn"),
    "No module named 'seaborn'",
)


def in_a_folder(folder: Path) -> None:
    notebook = released()
    cell_of(notebook, "second").source = USING
    put(folder, notebook, "work/small.ipynb")
    put(folder, HELPER.encode(), "work/helper.py")


case("a module beside, in a folder", in_a_folder, "work/small.ipynb was graded in its place")

# Experiments.


def in_experiment(*sources: str, second: str) -> Callable[[Path], None]:
    """These cells in place of the chapter's experiment, with its tag."""

    def edit(notebook: NotebookNode) -> None:
        at = place(notebook, "training")
        own = [new_code_cell(source, metadata={"tags": ["experiment"]}) for source in sources]
        notebook.cells[at : at + 1] = own
        cell_of(notebook, "second").source = second

    return edited(edit)


BY_HELPER = "def second(x):\n    return double(x)"
case("added to an experiment", in_experiment(f"{EXPERIMENT}\n{HELPER}", second=BY_HELPER))
case("inserted in an experiment", in_experiment(EXPERIMENT.replace("\n", f"\n{HELPER}\n"), second=BY_HELPER))
case("split from an experiment", in_experiment(*EXPERIMENT.split("\n"), HELPER, second=BY_HELPER))
case("needs an experiment", answered("def second(x):\n    return clothes[1] * x"))
case(
    "needs an experiment by way of an own cell",
    before("two = clothes[1]", second="def second(x):\n    return two * x"),
)
case(
    "looks at an experiment",
    before("print(clothes)"),
    "NameError: name 'clothes' is not defined (line 1: `print(clothes)`); an experiment defines it",
)

# Answers in odd places.


def all_in_one(at: str) -> Callable[[Path], None]:
    def edit(notebook: NotebookNode) -> None:
        names = ("first", "second", "third")
        one = new_code_cell("\n\n".join(small.RIGHT[name] for name in names))
        notebook.cells.insert(place(notebook, at), one)
        notebook.cells = [cell for cell in notebook.cells if cell.id not in names]

    return edited(edit)


case("all answers in one cell", all_in_one("first"), "are in the cell of another exercise")
case(
    "all answers in one cell below",
    all_in_one("question"),
    "stood before their exercise, and were run behind it",
)
case("an annotated answer", answered("from typing import Callable\nsecond: Callable = lambda x: 2 * x"))

# Written answers.

WORDS = "Because the mean is subtracted from the wrong axis."
PNG = {"answer.png": {"image/png": "iVBORw0KGgo="}}
FOUND = "written: its own cell has no answer; what is near it was put there, so a person has to look"


def unwritten(*cells: NotebookNode, at: int = 1, question: str = QUESTION, keep: bool = True, **files: str):
    """The written answer left as it was; own cells go so far from its place."""

    def edit(notebook: NotebookNode) -> None:
        own = place(notebook, "written")
        notebook.cells[own].source = STUB
        notebook.cells[own - 1].source = question
        notebook.cells[own + at : own + at] = [copy.deepcopy(cell) for cell in cells]
        if not keep:
            notebook.cells.pop(place(notebook, "written"))

    return edited(edit, **files)


case("nothing written", unwritten(), waits=False)
case("written: text below", unwritten(new_markdown_cell(WORDS)), FOUND)
case(
    "written: text above",
    unwritten(new_markdown_cell(WORDS), at=0),
    "recognised by what they contain: written",
)
case("written: above the question", unwritten(new_markdown_cell(WORDS), at=-1), FOUND)
case("written: below the recap", unwritten(new_markdown_cell(WORDS), at=2), FOUND)
case("written: raw", unwritten(new_raw_cell(WORDS)), FOUND)
case("written: comment", unwritten(new_code_cell(f"# {WORDS}")), FOUND)
case("written: no Python", unwritten(new_code_cell(WORDS)), FOUND, "SyntaxError")
case("written: printed", unwritten(new_code_cell(f"print('{WORDS}')")), FOUND)
case("written: Chinese", unwritten(new_code_cell("# 因为平均值减错了轴")), FOUND)
case("written: in the question", unwritten(question=f"{QUESTION}\n\n{WORDS}"), FOUND)
case("written: picture", unwritten(new_markdown_cell("![](attachment:answer.png)", attachments=PNG)), FOUND)
case("written: cell deleted", unwritten(new_markdown_cell(WORDS), keep=False), "written")
case("written: file", unwritten(answer_pdf="%PDF"), "answer.pdf was handed in, so a person has to look")
case("written: own code near", unwritten(new_code_cell("y = [x for x in range(3)]")), waits=False)

# Time.


def trainings(folder: Path) -> None:
    notebook = released()
    loops = [new_code_cell(f"import time\ntime.sleep(2.9)  # training {n}") for n in range(6)]
    notebook.cells[place(notebook, "first") : place(notebook, "first")] = [*loops, new_code_cell(HELPER)]
    cell_of(notebook, "second").source = BY_HELPER
    put(folder, notebook)


case("own trainings", trainings, "seconds together; the rest is kept for the tests")


@pytest.fixture(scope="module")
def graded(server, tmp_path_factory) -> Course:
    """The class of all cases, graded once, with feedback and report."""
    folder = tmp_path_factory.mktemp("honest")
    (folder / "nbgrader_config.py").write_bytes((ROOT / "nbgrader_config.py").read_bytes())
    (folder / "solutions" / small.NAME).mkdir(parents=True)
    nbformat.write(chapter(), folder / "solutions" / small.NAME / f"{small.STEM}.ipynb")
    course = Course(folder)
    for number, one in enumerate(CASES.values()):
        one.hand_in(course.path("submitted", f"s{number}", small.NAME))
    with grading.on_this_machine(server, workers=2) as here:
        grading.grade_class(course, small.NAME, place=here, limits=LIMITS, say=lambda line: None)
    with Recorder(course) as recorder:
        course.__dict__["rows"] = recorder.graded(small.NAME)
    write_feedback(course, small.NAME)
    return course


def student(name: str) -> str:
    return f"s{list(CASES).index(name)}"


def row(course: Course, name: str):
    return course.__dict__["rows"][student(name)]


def page(course: Course, name: str) -> Page:
    path = course.path("feedback", student(name), small.NAME) / f"{small.STEM}.html"
    return Page(path.read_text(encoding="utf-8"))


def autograded(course: Course, name: str) -> NotebookNode:
    path = course.path("autograded", student(name), small.NAME) / f"{small.STEM}.ipynb"
    return nbformat.read(path, as_version=4)


@pytest.mark.parametrize("name", CASES)
def test_points_and_reason(graded, name):
    wanted, found = CASES[name], row(graded, name)
    assert sum(score or 0 for score in found.scores.values()) == wanted.points, found.reason
    assert (found.scores["written"] is None) == wanted.waits, found.reason
    assert all(words in found.reason for words in wanted.says), found.reason
    assert bool(found.reason) == bool(wanted.says), found.reason
    assert found.flags == []


@pytest.mark.parametrize("name", [name for name, one in CASES.items() if one.says])
def test_the_student_reads_the_same_and_what_to_do_next(graded, name):
    shown = page(graded, name)
    for line in row(graded, name).reason.splitlines():
        said = line.replace("`", "").removeprefix("written: ")  # the page has the question's title there
        assert shown.says(said), line
    assert shown.says("What to do next") and shown.says("show this page to your instructor")


def test_the_autograded_notebook_shows_the_error_and_how_the_grading_goes_on(graded):
    cell = next(cell for cell in autograded(graded, "missing package").cells if "seaborn" in cell.source)
    assert "No module named 'seaborn'" in "\n".join(out.get("evalue", "") for out in cell.outputs)


def test_the_error_of_an_answer_stands_beside_it(graded):
    shown = page(graded, "a real error of an answer")
    assert shown.says("Your cell stopped with an error TabError: inconsistent use of tabs and spaces")
    assert shown.says("choose Restart Kernel and Run All Cells")


def test_what_was_written_elsewhere_is_shown_as_the_answer(graded):
    for name in ("written: comment", "written: in the question", "written: Chinese"):
        written = cell_of(autograded(graded, name), "written")
        assert written.source.startswith("(This cell was handed in without an answer.")
        assert WORDS in written.source or "因为" in written.source
        assert page(graded, name).says("This is what is near it in the notebook")
    picture = cell_of(autograded(graded, "written: picture"), "written")
    assert picture.attachments == PNG


def test_the_report_says_whom_to_look_at_first(graded):
    report = Page(write_report(graded, small.NAME).read_text(encoding="utf-8"))
    table = report.text[report.text.index("Whom to look at") :]
    decide = table.index(f"decide {student('written: comment')} ")
    look = table.index(f"look {student('a real error of an answer')} ")
    rest = table.index(f"no points lost {student('colab')} ")
    assert decide < look < rest
    assert student("control") + " " not in table[: table.index("Answers that look copied")]
