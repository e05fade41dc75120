"""Answers that turn against their tests: what has no effect, what is caught, what is flagged, what is not.

The tables here are those of docs/trust.md.
"""

import nbformat
import pytest

from course_format.cells import is_test, nbgrader
from course_format.chapter import ROOT, chapters
from course_grader import engine
from course_grader.assemble import prepare
from course_grader.course import Course
from course_grader.work import Job, Limits
from tests.course_grader import small
from tests.course_grader.attempts import ALL, assert_undisturbed, attempt, inside, printed
from tests.students import all_ids, solve, with_known_answers

WRONG = "def second(x):\n    return 0"
NOTHING = ALL | {"test_second": 0.0}
ROOMY = Limits(cell_seconds=5, seconds=20)


@pytest.fixture(scope="module", autouse=True)
def later_ones_notice_nothing(server):
    """After all of these attempts."""
    yield
    assert_undisturbed(server)


def wrongly(code: str) -> str:
    """A wrong answer that runs this code first at every call."""
    return "\n".join(["def second(x):", *(f"    {line}" for line in code.split("\n")), "    return 0"])


# Replacing what the tests use: put back before a test. What a call replaces costs the case its points.
REPLACED = {
    "check.equal": "import course_utils.check as k\nk.equal = k.close = lambda *a, **b: None",
    "display of the records": "import course_utils.check._cell as c\nc.display = lambda *a, **k: None",
    "a comparison in check": "import course_utils.check._statements as s\ns._same = lambda *a: True",
    "a builtin, for check only": "import course_utils.check._statements as s\ns.bool = lambda x: True",
    "torch, for check only": "import course_utils.check._statements as s, math\ns.torch = math",
    "a tolerance": (
        "import course_utils.check._statements as s\nfor d in s.TOLERANCES: s.TOLERANCES[d] = (1e9, 1e9)"
    ),
    "a default value": "check.close.__kwdefaults__['atol'] = 1e9",
    "a variable of a decorator": "check.case.__closure__[0].cell_contents = lambda *a, **k: iter([1])",
    "the code of a function": (
        "import course_utils.check._statements as s\ns._same.__code__ = (lambda a, b: True).__code__"
    ),
    "the record class": (
        "import course_utils.check._cell as c\nold = c.Record.__init__\n"
        "c.Record.__init__ = lambda self, e, n, p, *r: old(self, e, n, p, p, 'passed', None, '', r[-1])"
    ),
    "torch.isclose": "torch.isclose = torch.allclose = torch.equal = lambda *a, **k: torch.tensor(True)",
    "torch.testing": "import torch.testing\ntorch.testing.assert_close = lambda *a, **k: None",
    "numpy.testing": "import numpy.testing\nnumpy.testing.assert_allclose = lambda *a, **k: None",
    "numpy.array_equal": "import numpy\nnumpy.array_equal = lambda *a, **k: True",
    "an operator of tensors": "torch.Tensor.__eq__ = lambda a, b: torch.ones_like(a, dtype=bool)",
    "an inherited operator": "torch.Tensor.__add__ = lambda a, b: a",
    "math.isclose": "import math\nmath.isclose = lambda *a, **k: True",
    "builtins.abs": "import builtins\nbuiltins.abs = builtins.round = lambda *x: 6",
    "the module itself": "import sys\nsys.modules['course_utils.check'] = sys.modules['math']",
}


@pytest.mark.parametrize("code", REPLACED.values(), ids=REPLACED)
def test_what_is_replaced_is_put_back(server, code):
    """By a cell: before the next test, which does not notice. By a call: after its case, which fails."""
    result = attempt(server, code, second=wrongly(code))
    assert small.earned(result) == NOTHING
    flags = "\n".join(result.flags)
    assert "test_first: " in flags and " was replaced before this cell ran; it was put back" in flags
    assert "test_second: " in flags and " was replaced while this cell ran; it was put back" in flags


def test_the_student_reads_why_the_case_earns_nothing(server):
    result = attempt(server, second="def second(x):\n    check.equal = print\n    return 2 * x")
    assert small.earned(result) == NOTHING
    assert "this call replaced course_utils.check.equal, which the tests need" in printed(
        result, "test_second"
    )


# What has no effect on a test, and needs no flag
WITHOUT_EFFECT = {
    "display": "import IPython.display\nIPython.display.display = lambda *a, **k: None",
    "display_pub": "get_ipython().display_pub.publish = lambda *a, **k: None",
    "showtraceback": "get_ipython().showtraceback = lambda *a, **k: None",
    "exception handler": "get_ipython().set_custom_exc((Exception,), lambda *a: None)",
    "AST transformer": (
        "import ast\nclass AllTrue(ast.NodeTransformer):\n"
        "    def visit_Assert(self, node): return ast.Pass()\n"
        "    def visit_Compare(self, node): return ast.Constant(True)\n"
        "get_ipython().ast_transformers.append(AllTrue())"
    ),
    "NBGRADER_EXECUTION": "import os\nos.environ['NBGRADER_EXECUTION'] = 'validate'",
    "its own records list": "import course_utils.check._cell as c\nc._cell = c._inside_case = 3",
    "sys.stdout": "import sys\nsys.stdout = sys.stderr = None",
    "files 1 and 2": "import os\nnothing = os.open('/dev/null', 2)\nos.dup2(nothing, 1); os.dup2(nothing, 2)",
    "atexit": "import atexit, os\natexit.register(os.abort)",
    "names of the tests": "check = print = float = len = torch = 3",
    "the guard": (
        "import course_grader.guard as g, course_grader.session as s\n"
        "g.make_guard = g.watch = s._run_test = s._take_records = lambda *a: None"
    ),
}


@pytest.mark.parametrize("code", WITHOUT_EFFECT.values(), ids=WITHOUT_EFFECT)
def test_what_has_no_effect_on_a_test(server, code):
    result = attempt(server, code, second=WRONG)
    assert (small.earned(result), result.reason, result.flags) == (NOTHING, "", ())
    for message in ("expected 6, found 0", "expected 1.0, found 0"):
        assert message in printed(result, "test_second")


def test_transformers_of_source_reach_the_students_own_cells_only(server):
    result = attempt(server, "get_ipython().input_transformers_cleanup.append(lambda lines: ['pass\\n'])")
    assert (small.earned(result), result.flags) == (dict.fromkeys(ALL, 0.0), ())
    assert "`first` does not exist" in printed(result, "test_first")


# Answers that call themselves equal
EQUAL_TO_ALL = "    def __eq__(self, other): return True\n    __hash__ = None\n"
PRETENDERS = {
    "an object": f"class E:\n{EQUAL_TO_ALL}def second(x): return E()",
    "an int": f"class E(int):\n{EQUAL_TO_ALL}def second(x): return E(0)",
    "a float": f"class E(float):\n{EQUAL_TO_ALL}def second(x): return E(0)",
    "an array": (
        f"import numpy as np\nclass E(np.ndarray):\n{EQUAL_TO_ALL}def second(x): return np.zeros(()).view(E)"
    ),
    "a tensor": (
        "class E(torch.Tensor):\n    def __torch_function__(self, *a, **k): return True\n"
        f"{EQUAL_TO_ALL}def second(x): return torch.zeros(()).as_subclass(E)"
    ),
    "a tensor with a method of its own": (
        "def second(x):\n    t = torch.zeros(())\n    t.item = t.detach = lambda: 2 * x\n    return t"
    ),
}


@pytest.mark.parametrize("answer", PRETENDERS.values(), ids=PRETENDERS)
def test_an_answer_that_calls_itself_equal_is_not(server, answer):
    result = attempt(server, second=answer)
    assert (small.earned(result), result.reason) == (NOTHING, "")


# Records
RECORD = """{"exercise": "second", "case": "%s", "points": 1.5, "earned": 1.5, "status": "passed",
 "mistake": None, "message": "", "hidden": %s}"""
SHOWN = f"""from IPython.display import display
for record in {RECORD % ("an example", False)}, {RECORD % ("another example", True)}:
    display({{"application/vnd.course-check.v1+json": record}}, raw=True)"""


def test_records_that_an_answer_shows_do_not_count(server):
    result = attempt(server, second=wrongly(SHOWN))
    assert (small.earned(result), result.reason) == (NOTHING, "")
    assert result.flags == (f"test_second: {engine.OTHER_FLAG}",)
    assert result.notebook.count('"status": "passed"') == 4  # those of the other two exercises


def test_records_in_other_cells_are_left_out(server):
    result = attempt(server, SHOWN, second=WRONG)
    assert (small.earned(result), result.flags) == (NOTHING, ())
    assert result.notebook.count('"status": "passed"') == 4


MADE_UP = {
    "an exercise inside of an exercise": (
        "check.exercise('second', points=3.0)\nwith check.case('an example', points=1.5): pass",
        None,
    ),
    "a list of its own": (
        "import course_utils.check._cell as c\nclass Own(list):\n    def append(self, record): pass\n"
        "c._cell.records = Own()",
        "the list of check records was replaced",
    ),
    "more records": (
        "import course_utils.check._cell as c\n"
        "c._cell.records.append(c.Record('second', 'another example', 1.5, 1.5, 'passed', None, '', True))",
        "check records were made up",
    ),
    "what is no record": (
        "import course_utils.check._cell as c, types\n"
        f"c._cell.records.append(types.SimpleNamespace(**{RECORD % ('another example', True)}))",
        None,
    ),
}


@pytest.mark.parametrize(("code", "flag"), MADE_UP.values(), ids=MADE_UP)
def test_records_that_an_answer_makes_up_do_not_count(server, code, flag):
    result = attempt(server, second=wrongly(code))
    assert small.earned(result) == NOTHING
    assert flag is None or flag in "\n".join(result.flags)


# Looking at the test from within
LOOKING = {
    "sys._getframe": "import sys\nsys._getframe(1)",
    "from exec": "exec('import sys; sys._getframe(0)')",
    "inspect.stack": "import inspect\ninspect.stack()",
    "inspect.currentframe": "import inspect\ninspect.currentframe()",
    "logging.currentframe": "import logging\nlogging.currentframe()",
    "traceback.walk_stack": "import traceback\nlist(traceback.walk_stack(None))",
    "sys._current_frames": "import sys\nsys._current_frames()",
    "a traceback": "try: 1 / 0\nexcept ZeroDivisionError as error: error.__traceback__.tb_frame",
    "a generator": "(i for i in 'x').gi_frame",
    "sys.settrace": "import sys\nsys.settrace(lambda *a: None)",
    "sys.setprofile": "import sys\nsys.setprofile(lambda *a: None)\nsys.setprofile(None)",
    "gc.get_objects": "import gc\ngc.get_objects()",
    "gc.get_referrers": "import gc\ngc.get_referrers(x if 'x' in dir() else 1)",
    "an audit hook": "import sys\nsys.addaudithook(lambda *a: None)",
    "ctypes": "import ctypes\nctypes.c_int.from_address(id(ctypes))",
    "ctypes.string_at": "import ctypes\nctypes.string_at(id(ctypes), 8)",
    "ctypes.pythonapi": "import ctypes\nctypes.pythonapi['Py_IncRef']",
    "its own memory as a file": "open('/proc/self/mem', 'rb').close()",
    "os.fork": "import os\nif os.fork() == 0: os._exit(0)",
    "code with a library's name": "exec(compile('1', torch.__file__, 'exec'))",
    "a gradebook": "import os\nos.path.exists('x')\ntry: open('../../gradebook.db')\nexcept OSError: pass",
    "the network": "import socket\ntry: socket.create_connection(('192.0.2.1', 80))\nexcept OSError: pass",
    "a thread": "import threading, time\nthreading.Thread(target=lambda: time.sleep(9), daemon=True).start()",
}


@pytest.mark.parametrize("code", LOOKING.values(), ids=LOOKING)
def test_looking_at_the_test_is_flagged(server, code):
    result = attempt(server, code, second=wrongly(code))
    assert (small.earned(result), result.reason) == (NOTHING, "")
    places = {flag.split(":")[0] for flag in result.flags}
    assert places == ({"cell before"} if "thread" in code else {"cell before", "test_second"})


def test_a_flag_cannot_be_taken_back(server):
    clean_up = """import gc
found = [one for one in gc.get_objects() if type(one).__name__ == "Outputs"]
for outputs in found:
    outputs._flags.clear()
print([outputs._flags for outputs in found])"""
    result = attempt(server, clean_up, second=WRONG)
    assert printed(result, "before").strip() == "[set()]", "the flags are elsewhere now"
    assert any("gc.get_objects was called" in flag for flag in result.flags)


def test_a_forked_process_is_watched_too(server):
    code = """import multiprocessing, sys
worker = multiprocessing.Process(target=lambda: sys._getframe(1))
worker.start()
worker.join()"""
    result = attempt(server, second=wrongly(code))
    assert result.flags == ("test_second: sys._getframe was called: it shows the variables of the test",)


def test_hidden_tests_are_not_where_tracebacks_look_for_source(server):
    result = attempt(server, second=wrongly("import linecache\nprint(linecache.getlines('<test second>'))"))
    assert "second(3)" in printed(result, "test_second")  # the visible case, for messages
    assert "second(0.5)" not in printed(result, "test_second")


# What is neither caught nor flagged, as docs/trust.md says. These tests notice when that changes.
UNSEEN = {
    "a signal handler gets the test's frame": """import signal
found = []
signal.signal(signal.SIGUSR1, lambda number, frame: found.append(frame.f_back))
import os
os.kill(os.getpid(), signal.SIGUSR1)
frame = found[0]
while "<test" not in frame.f_code.co_filename: frame = frame.f_back
return {3: 6, 0.5: 1.0}[x]""",
    "a replacement that the same case takes back": """import course_utils.check._statements as s
same = s._same
def once(a, b):
    s._same = same
    return True
s._same = once""",
}


@pytest.mark.parametrize("code", UNSEEN.values(), ids=UNSEEN)
def test_what_is_not_seen(server, code):
    result = attempt(server, second=wrongly(code))
    assert (small.earned(result), result.flags) == (ALL, ())


def test_another_process_can_reach_the_memory_of_the_first_one(server):
    code = "import subprocess\nsubprocess.run(['sh', '-c', 'exec 3<> /proc/1/mem'], check=True)"
    result = attempt(server, second=inside("second", code))
    assert (small.earned(result), result.flags) == (ALL, ())


# Honest work
HONEST = {
    "default dtype": "torch.set_default_dtype(torch.float64)",
    "device": "torch.set_default_device('cpu')",
    "device meta": "torch.set_default_device('meta')",
    "grad": """torch.set_grad_enabled(False)
torch.inference_mode().__enter__()""",
    "names": """check = data = print = list = sum = len = range = float = 3
torch = math = cu = None""",
    "chdir": """import os, tempfile
os.chdir('/tmp')
os.makedirs('x', exist_ok=True)
os.chdir('x')
os.environ['NBGRADER_EXECUTION']=''""",
    "figure": """import matplotlib.pyplot as plt
fig, ax = plt.subplots()
ax.plot([1,2])""",
    "pool": """from concurrent.futures import ThreadPoolExecutor
pool = ThreadPoolExecutor(4)
print(list(pool.map(abs, [-1, -2])))""",
    "threads": """import threading
t = threading.Thread(target=lambda: print('in a thread'))
t.start(); t.join()""",
    "loader": """import torch.utils.data as d
loader = d.DataLoader(d.TensorDataset(torch.arange(100.)), batch_size=10, num_workers=2)
print(sum(len(b[0]) for b in loader))""",
    "persistent loader": """import torch.utils.data as d
dataset = d.TensorDataset(torch.arange(100.))
loader = d.DataLoader(dataset, batch_size=10, num_workers=2, persistent_workers=True)
print(sum(len(b[0]) for b in loader))""",
    "pool of processes": """import multiprocessing as mp
with mp.Pool(2) as pool: print(pool.map(abs, [-1, -2]))""",
    "subprocess": """import subprocess
print(subprocess.run(['echo', 'hello'], capture_output=True, text=True).stdout)
!echo shell
subprocess.run(['echo', 'straight'])""",
    "num_threads": """torch.set_num_threads(4)
a = torch.rand(500, 500)
print((a @ a).shape)""",
    "prints": "for i in range(100000): print(i)",
    "stderr": """import sys, warnings, logging, os
print('a', file=sys.stderr)
warnings.warn('w')
logging.warning('l')
os.write(2, b'c')""",
    "warnings error": """import warnings
warnings.simplefilter('error')""",
    "tqdm": """from tqdm.auto import tqdm
for i in tqdm(range(10)): pass""",
    "redirect": """import io, sys
sys.stdout = io.StringIO()""",
    "locale": """import locale, decimal, gc, sys
locale.setlocale(locale.LC_ALL, 'C')
decimal.getcontext().prec = 3
gc.disable()
sys.setrecursionlimit(10**5)""",
    "own alarm": """import signal
signal.signal(signal.SIGALRM, lambda *a: None)
signal.alarm(1)""",
    "namedtuple": """from collections import namedtuple
from dataclasses import dataclass
from typing import NamedTuple
import enum
P = namedtuple('P', 'x y')
@dataclass
class Q:
    x: int
class E(enum.Enum):
    A = 1
F = enum.Enum('F', 'a b')""",
    "magics": """%matplotlib inline
%timeit -n 1 -r 1 1 + 1
%load_ext autoreload
%autoreload 2
%time 1
%who
torch?""",
    "pandas": """import pandas as pd
df = pd.DataFrame({'a': [1, 2]})
k = 1
print(df.query('a > @k'))
df.plot()""",
    "print_exc": """import traceback
try: 1 / 0
except Exception: traceback.print_exc(); print(traceback.format_exc())""",
    "files": """open('notes.txt', 'w').write('x')
torch.save({'a': 1}, 'model.pt')
print(torch.load('model.pt'))
import pickle, tempfile
tempfile.NamedTemporaryFile().write(b'x')
open('/proc/cpuinfo').read(10)""",
    "compile": """torch.jit.script
f = torch.vmap(lambda x: x + 1)
f(torch.ones(3))
torch.func.grad(lambda x: x * x)(torch.ones(()))""",
    "debug print": """def helper(x):
    import inspect
    return inspect.signature(helper)
print(helper(1))
print(inspect.getsource(helper) if 'inspect' in globals() else '')""",
    "method added": """torch.Tensor.twice = lambda self: 2 * self
import torch.nn as nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.l = nn.Linear(2, 2)
print(Net().l(torch.ones(2)))""",
    "profiler": """import cProfile
cProfile.run('1 + 1')""",
    "interact": """import ipywidgets as w
from IPython.display import display, clear_output, HTML
display(w.IntSlider())
h = display('a', display_id=True)
h.update('b')
clear_output(wait=True)
display(HTML('<b>x</b>'))""",
}


@pytest.mark.parametrize("code", HONEST.values(), ids=HONEST)
def test_honest_work_keeps_its_points_and_gets_no_flag(server, code):
    result = attempt(server, code, limits=ROOMY)
    assert (small.earned(result), result.reason, result.flags) == (ALL, "", ())
    assert '"output_type": "error"' not in result.notebook


ODD_ANSWERS = {
    "a numpy number": "import numpy as np\ndef second(x): return np.float64(2 * x)",
    "a tensor without axes": "def second(x): return torch.tensor(2 * x, dtype=torch.float64)",
    "with workers": (
        "import torch.utils.data as d\ndef second(x):\n"
        "    loader = d.DataLoader(d.TensorDataset(torch.arange(10.0)), batch_size=5, num_workers=2)\n"
        "    assert sum(len(batch[0]) for batch in loader) == 10\n    return 2 * x"
    ),
    "with an error in between": "import traceback\ndef second(x):\n    try: return 1 / 0\n"
    "    except ZeroDivisionError: traceback.print_exc()\n    return 2 * x",
}


@pytest.mark.parametrize("answer", ODD_ANSWERS.values(), ids=ODD_ANSWERS)
def test_odd_answers_that_are_right(server, answer):
    result = attempt(server, limits=ROOMY, second=answer)
    assert (small.earned(result), result.reason, result.flags) == (ALL, "", ())


def test_outputs_that_json_has_no_word_for(server):
    code = (
        "from IPython.display import display\ndisplay({'application/json': {'a': float('nan')}}, raw=True)\n"
    )
    result = attempt(server, f"{code}print('half a pair: \\ud800')")
    assert (small.earned(result), result.reason, result.flags) == (ALL, "", ())
    assert "half a pair: ?" in printed(result, "before")
    assert "NaN" in result.notebook and ": NaN" not in result.notebook


CHAPTERS = [pytest.param(chapter, id=chapter.name) for chapter in chapters()]


def graded(server, chapter, notebook):
    """A real chapter's result, and the points that its test cells are worth."""
    solved = prepare(nbformat.read(chapter.solved, as_version=4), Course(ROOT).config)
    files = {f"{chapter.stem}.ipynb": nbformat.writes(notebook).encode()}
    job = Job(chapter.name, "ada", chapter.stem, nbformat.writes(solved), "", files)
    points = {nbgrader(cell)["grade_id"]: nbgrader(cell)["points"] for cell in solved.cells if is_test(cell)}
    return engine.grade(job, server), points


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_chapters_own_solutions_get_no_flag(server, chapter):
    result, points = graded(server, chapter, solve(chapter, all_ids(chapter)))
    assert {name: result.scores[name] for name in points} == points
    assert (result.reason, result.flags) == ("", ())


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_known_answers_get_no_flag(server, chapter):
    result, _ = graded(server, chapter, with_known_answers(chapter, 2))
    assert (result.reason, result.flags) == ("", ())
