"""Answers that are wrong, and try to be taken for right ones. Each earns nothing, and disturbs nobody.

docs/trust.md lists them, and says what such an answer could still do.
"""

import json

import nbformat
import pytest

from course_format.chapter import ROOT
from course_format.record import MIME_TYPE
from course_grader.pages.feedback import write_feedback
from course_grader.run import client
from tests.course_grader import small
from tests.course_grader.attempts import ALL, assert_undisturbed, attempt, inside, printed
from tests.course_grader.classes import graded_class
from tests.nbgrader_course import cell_of

NOTHING = ALL | {"test_second": 0.0}
RECORD = {
    "exercise": "second",
    "case": "an example",
    "points": 1.5,
    "earned": 1.5,
    "status": "passed",
    "mistake": None,
    "message": "",
    "hidden": False,
}
OUTPUT = {"output_type": "display_data", "metadata": {}, "data": {MIME_TYPE: RECORD}}


def wrong(code: str, value: str = "None") -> str:
    """An answer that runs this code at every call, and returns a wrong value."""
    lines = "".join(f"    {line}\n" for line in code.split("\n"))
    return f"def second(x):\n{lines}    return {value}"


CHEATS = {
    "replaces functions, classes or tolerances of `course_utils.check`, `course_format`, torch, builtins": {
        "statements": wrong("""
from course_utils import check
from course_utils.check import _statements
check.equal = check.close = _statements.equal = _statements._same = lambda *a, **k: True"""),
        "the record's class": wrong("""
from course_format import record
from course_utils.check import _cell
class Forged(record.Record):
    status = 'passed'
_cell.Record = record.Record = Forged"""),
        "builtins": wrong("import builtins\nbuiltins.bool = builtins.isinstance = lambda *_: True"),
        "functions of torch": wrong(
            "import torch\ntorch.isclose = torch.equal = lambda *a, **k: torch.ones(())"
        ),
    },
    "searches frames, tracebacks, `gc`, `linecache` for the test or for expected values": {
        "frames": wrong(
            """
import sys
frame, found = sys._getframe(), []
while frame:
    found += [v for v in frame.f_locals.values() if type(v) in (int, float) and v == 6]
    frame = frame.f_back""",
            "next((v for v in found if v != x), None)",
        ),
        "records": wrong("""
import gc
from course_format.record import Record
for one in gc.get_objects():
    if isinstance(one, Record): object.__setattr__(one, 'earned', one.points)"""),
        "texts of tests": wrong(
            "import linecache\nfound = [line for _, _, lines, _ in map(tuple, linecache.cache.values())"
            " for line in lines if 'check.equal(second(' in line]",
            "eval(found[0].partition('), ')[2][:-1]) if found else None",
        ),
        "chapters on the disk": wrong(
            "import pathlib\nbooks = pathlib.Path('/tmp').rglob('*.ipynb')\n"
            "texts = [book.read_text() for book in books]\n"
            "found = [text for text in texts if 'HIDDEN' in text and 'check.exercise' in text]",
            "2 * x if found else None",
        ),
    },
    "shows check records, or sends the grader a score": {
        "a record shown": wrong(f"""
from IPython.display import display
display({{{MIME_TYPE!r}: {RECORD!r}}}, raw=True)"""),
        "a record sent": wrong(f"get_ipython().outputs.send({{'output': {OUTPUT!r}, 'trusted': True}})"),
        "an earlier output changed": wrong(
            f"get_ipython().outputs.send({{'update': {{'display_id': 'None', **{OUTPUT!r}}}}})"
        ),
        "records of a test": wrong(f"get_ipython().outputs.send({{'records': [{RECORD!r}], 'score': 3.0}})"),
    },
    "returns an object or a number that calls itself equal to everything, or converts itself": {
        "an object": wrong("class Any:\n    __eq__ = __le__ = __ge__ = lambda *_: True", "Any()"),
        "a whole number": wrong(
            """
class Any(int):
    __eq__ = lambda *_: True
    __ne__ = lambda *_: False
    __hash__ = int.__hash__""",
            "Any(5)",
        ),
        "a number": wrong(
            "class Any(float):\n    __eq__ = lambda *_: True\n    __hash__ = float.__hash__", "Any(5)"
        ),
        "a list": wrong("class Any(list):\n    __eq__ = lambda *_: True", "Any([5])"),
        "a mock": wrong("from unittest.mock import ANY", "ANY"),
        "a class of a class": wrong(
            """
class Kind(type):
    __eq__ = __instancecheck__ = lambda *_: True
    __hash__ = type.__hash__
class Any(metaclass=Kind):
    __class__ = int
    __eq__ = lambda *_: True""",
            "Any()",
        ),
        "conversions": wrong(
            """
import numpy as np
class Any:
    __float__ = __int__ = __index__ = lambda *_: 6
    __array__ = lambda *a, **k: np.array(6)""",
            "Any()",
        ),
        "a tensor that answers for itself": wrong(
            """
import torch
class T(torch.Tensor):
    @classmethod
    def __torch_function__(cls, *a, **k): return True""",
            "torch.zeros(()).as_subclass(T)",
        ),
        "not a number": wrong("", "float('nan')"),
        "the argument": wrong("", "x"),
    },
    "returns an object that runs code where it is unpickled, printed, hashed or deleted": {
        "unpickled": wrong("class Bomb:\n    __reduce__ = lambda self: (eval, ('6',))", "Bomb()"),
        "printed": wrong("class Bomb:\n    __repr__ = lambda self: exec('raise SystemExit')", "Bomb()"),
        "printed as what is no text": wrong("class Bomb:\n    __repr__ = lambda self: 6", "Bomb()"),
        "hashed": wrong("class Bomb:\n    __hash__ = lambda self: exec('raise SystemExit') or 1", "[Bomb()]"),
        "deleted": wrong("class Bomb:\n    __del__ = lambda self: print('deleted')", "Bomb()"),
    },
    "returns memory of the examiner's: a tensor without any, an array at an address": {
        "taken memory": wrong(
            "import torch\nz = torch.full((64,), 5.0)\nz.untyped_storage().resize_(0)", "z"
        ),
        "an address": wrong(
            """
class Any(float):
    __array_interface__ = {'data': (4096, False), 'shape': (9,), 'typestr': '<f8', 'version': 3}""",
            "Any()",
        ),
    },
    "returns what is huge, nested, endless or of a kind that nobody expects": {
        "nested": wrong("d = []\nfor _ in range(10**4): d = [d]", "d"),
        "in itself": wrong("d = []\nd.append(d)", "d"),
        "six thousand digits": wrong("", "10**6000"),
        "three million numbers": wrong("", "[0] * (3 * 10**6)"),
        "an endless generator": wrong("", "iter(lambda: 6, 7)"),
        "a sparse tensor": wrong("import torch", "torch.eye(3).to_sparse()"),
        "a quantised tensor": wrong(
            "import torch", "torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.quint8)"
        ),
        "a meta tensor": wrong("import torch", "torch.ones((), device='meta')"),
        "a nested tensor": wrong(
            "import torch, warnings\nwarnings.simplefilter('ignore')",
            "torch.nested.nested_tensor([torch.ones(1)])",
        ),
        "a text of numpy's": wrong("import numpy as np", "np.str_('6')"),
    },
    "raises an exception called `eval`, one whose text runs code, or one of the checks' own": {
        "eval": wrong("raise type('eval', (Exception,), {})('6')"),
        "a text that runs code": wrong("""
class Odd(Exception):
    __str__ = lambda self: exec('raise KeyboardInterrupt') or 'odd'
raise Odd"""),
        "Failed": wrong("from course_utils import check\nraise check.Failed('passed', {'a': [1]})"),
        "NotDoneYet": wrong("from course_utils import check\nraise check.NotDoneYet"),
        "look-alikes": wrong("raise type('Failed', (Exception,), {})('passed')"),
        "a name of a metaclass": wrong("""
class Kind(type):
    __name__ = property(lambda cls: 6)
raise Kind('E', (Exception,), {})"""),
        "the end of the connection": wrong("from course_grader.inside import wire\nraise wire.Hangup('x')"),
        "SystemExit": wrong("raise SystemExit(0)"),
        "GeneratorExit": wrong("raise GeneratorExit"),
    },
    "leaves modes of torch, hooks, traces, handlers of signals, timers or threads behind": {
        "a mode of torch": wrong("""
from torch.overrides import TorchFunctionMode
class Yes(TorchFunctionMode):
    def __torch_function__(self, *a, **k): return True
Yes().__enter__()"""),
        "a trace": wrong("import sys\nsys.settrace(lambda *a: None)\nsys.setprofile(lambda *a: None)"),
        "handlers of signals": wrong("""
import signal
for number in (signal.SIGALRM, signal.SIGTERM, signal.SIGINT): signal.signal(number, signal.SIG_IGN)"""),
        "a thread": wrong(
            "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()"
        ),
        "what happens at the end": wrong(
            "import atexit, gc\natexit.register(print, 6)\ngc.callbacks.append(print)"
        ),
        "global settings": wrong(
            "import torch\ntorch.use_deterministic_algorithms(True)\n"
            "torch.set_default_dtype(torch.float64)\ntorch.set_grad_enabled(False)"
        ),
    },
    "`ctypes`, `/proc`, `os.fork`, subprocesses, descriptors": {
        "processes read": wrong("""
import subprocess
subprocess.run(['sh', '-c', 'ls /proc; cat /proc/*/environ /proc/*/maps'], capture_output=True)"""),
        "a process traced": wrong("""
import ctypes
libc = ctypes.CDLL(None)
for number in range(1, 9): libc.ptrace(16, number, 0, 0)"""),
        "a copy that goes on": wrong("import os, time\nif os.fork() == 0: time.sleep(0.2)"),
        "another program": wrong("import os\nos.execv('/bin/true', ['true'])"),
        "descriptors closed": wrong("import os\nos.closerange(3, 64)"),
        "descriptors written": wrong("""
import os
for number in range(3, 64):
    try: os.write(number, b'{"done": 1}\\n{"ended": 0}\\n')
    except OSError: pass"""),
    },
}
ATTEMPTS = [
    pytest.param(answer, id=f"{kind}-{name}") for kind, all in CHEATS.items() for name, answer in all.items()
]
DESK_REPLACED = wrong("""
import course_grader.inside.codec as codec
codec.Encoder.value = lambda self, value: 6 if value is None else value""")


@pytest.fixture(scope="module", autouse=True)
def later_ones_notice_nothing(server):
    """After all of these attempts."""
    yield
    assert_undisturbed(server)


@pytest.mark.parametrize("answer", ATTEMPTS)
def test_a_cheat_earns_nothing_and_other_exercises_keep_their_points(server, answer):
    result = attempt(server, second=answer)
    assert small.earned(result) == NOTHING, printed(result, "test_second")
    assert "the grader failed here" not in result.reason


def test_the_table_of_cheats_has_a_test_for_each_line():
    table = (ROOT / "docs" / "trust.md").read_text(encoding="utf-8").partition("### Against cheating")[2]
    lines = [line.split(" | ")[0].removeprefix("| ") for line in table.splitlines() if line.startswith("| ")]
    elsewhere = [
        "rewrites `course_grader.inside` in its process, answers in advance, floods or closes the socket",
        "prints or displays what a hidden case gives it",
        "calls what an exercise forbids through `torch.ops`",
        "changes an argument, or what a function of the test has kept",
    ]
    assert lines[1:] == [*CHEATS, *elsewhere]


def test_a_cleared_output_leaves_the_records(server):
    clear = "from IPython.display import clear_output\nclear_output()"
    result = attempt(server, second=inside("second", clear))
    assert (small.earned(result), result.reason, result.flags) == (ALL, "", ())
    outputs = next(cell for cell in json.loads(result.notebook)["cells"] if cell["id"] == "test_second")[
        "outputs"
    ]
    shown = [one["data"][MIME_TYPE]["case"] for one in outputs if MIME_TYPE in one.get("data", {})]
    assert shown == ["an example", "another example"]


def test_what_is_printed_in_hidden_cases_stays_with_the_instructor(server, tmp_path):
    says = """import os
from IPython.display import display
print('printed', x)
os.write(1, f'written {x}'.encode())
display(f'displayed {x}')"""
    result = attempt(server, second=inside("second", says))
    assert small.earned(result) == ALL
    everything = printed(result, "test_second")
    hidden = {way: f"{way} 0.5" for way in ("printed", "written", "displayed")}
    assert [text for text in hidden.values() if text not in everything] == []
    class_ = graded_class(tmp_path, small.NAME, small.chapter())
    class_.add(
        "ann", outputs={"test_second": cell_of(nbformat.reads(result.notebook, 4), "test_second").outputs}
    )
    (path,) = write_feedback(class_.course, small.NAME)
    page = path.read_text(encoding="utf-8")
    assert "printed 3" in page and "displayed 3" in page
    assert [text for text in hidden.values() if text in page] == []
    assert "What your code printed in hidden checks is not shown." in page


def test_whoever_rewrites_the_desk_earns_what_any_constant_earns(server):
    """It may say for every call what it likes, and what is right is known for the visible example alone."""
    result = attempt(server, second=DESK_REPLACED)
    assert small.earned(result) == ALL | {"test_second": 1.5, "test_third": 0.0}
    assert_undisturbed(server)


JOINT = """
import os, socket, struct
for name in os.listdir('/proc/self/fd'):
    try: joint = socket.socket(fileno=os.dup(int(name)))
    except OSError: continue
"""
REPLY = '{"head": {"value": 6, "updates": [], "storages": [], "settings": {}}, "sizes": []}'
SAYS_SIX = "def second(x):\n    return 6"
ON_THE_SOCKET = {
    "nonsense": "    joint.sendall(b'nonsense' * 100)",
    "a reply in advance": f"    joint.sendall(struct.pack('!I', {len(REPLY)}) + {REPLY.encode()!r})",
    "a flood": """    joint.setblocking(False)
    try:
        while True: joint.sendall(bytes(10**6))
    except OSError: pass""",
    "a hang-up": "    joint.shutdown(socket.SHUT_RDWR)",
}


@pytest.mark.parametrize("code", ON_THE_SOCKET.values(), ids=ON_THE_SOCKET)
def test_what_an_answer_writes_on_sockets_costs_its_own_points(server, code):
    answer = wrong(JOINT + code)
    result = attempt(server, second=answer)
    # A reply in advance is worth what an answer is that returns this value, whatever it is given.
    assert (
        small.earned(result)["test_second"] <= small.earned(attempt(server, second=SAYS_SIX))["test_second"]
    )
    assert small.earned(result)["test_second"] == 0.0 or result.flags
    assert small.earned(result)["test_third"] in (0.0, ALL["test_third"])
    assert_undisturbed(server)


def test_what_is_no_message_to_the_tests_is_marked_for_review(server, monkeypatch):
    monkeypatch.setattr(client, "GRACE_SECONDS", 1)
    code = "from course_grader.inside import desk\n"
    code += "desk._current.connection.sendall(b'\\0\\0\\0\\3xyz')"
    result = attempt(server, second=inside("second", code))
    assert small.earned(result) == NOTHING
    assert result.flags == ("test_second: it sent messages of its own to the tests",)


def test_the_tests_are_nowhere_at_the_desk(server):
    """Neither the hidden test nor what it expects is in the process that runs the answers."""
    search = """import gc
texts = [one for one in gc.get_objects() if isinstance(one, (str, list, dict, tuple))]
found = [one for one in texts if isinstance(one, str) and 'another example' in one]
import linecache
found += [name for name in linecache.cache if name.startswith('<test')]
print('found', len(found))"""
    result = attempt(server, second=inside("second", search))
    assert "found 0" in printed(result, "test_second")


def test_a_record_at_the_desk_never_reaches_the_notebook(server):
    show = f"from IPython.display import display\ndisplay({{{MIME_TYPE!r}: {RECORD!r}}}, raw=True)"
    result = attempt(server, show, second=inside("second", show))
    assert (small.earned(result), result.reason) == (ALL, "")
    cells = json.loads(result.notebook)["cells"]
    for cell in cells:
        shown = [o["data"][MIME_TYPE] for o in cell.get("outputs", []) if MIME_TYPE in o.get("data", {})]
        exercise = cell["id"].removeprefix("test_")
        assert [one["exercise"] for one in shown] == [exercise] * (2 * cell["id"].startswith("test_"))
