"""Answers that are wrong, and try to be taken for right ones. Each earns nothing, and disturbs nobody.

docs/trust.md lists them, and says what such an answer could still do.
"""

import json

import pytest

from course_format.record import MIME_TYPE
from course_grader.run import client
from tests.course_grader import small
from tests.course_grader.attempts import ALL, assert_undisturbed, attempt, inside, printed

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


def wrong(code: str, value: str = "None") -> str:
    """An answer that runs this code at every call, and returns a wrong value."""
    lines = "".join(f"    {line}\n" for line in code.split("\n"))
    return f"def second(x):\n{lines}    return {value}"


CHEATS = {
    "statements replaced": wrong("""
from course_utils import check
from course_utils.check import _statements
check.equal = check.close = _statements.equal = _statements._same = lambda *a, **k: True"""),
    "record class replaced": wrong("""
from course_format import record
from course_utils.check import _cell
class Forged(record.Record):
    status = 'passed'
_cell.Record = record.Record = Forged"""),
    "frames searched": wrong(
        """
import sys
frame, found = sys._getframe(), []
while frame:
    found += [v for v in frame.f_locals.values() if type(v) in (int, float) and v == 6]
    frame = frame.f_back""",
        "next((v for v in found if v != x), None)",
    ),
    "objects searched": wrong("""
import gc
from course_format.record import Record
for one in gc.get_objects():
    if isinstance(one, Record): object.__setattr__(one, 'earned', one.points)"""),
    "a record shown": wrong(f"""
from IPython.display import display
display({{{MIME_TYPE!r}: {RECORD!r}}}, raw=True)"""),
    "a score sent": wrong(f"""
data = {{{MIME_TYPE!r}: {RECORD!r}}}
output = {{'output_type': 'display_data', 'metadata': {{}}, 'data': data}}
get_ipython().outputs.send({{'output': output}})"""),
    "equal to everything": wrong(
        """
class Any:
    __eq__ = __le__ = __ge__ = lambda *_: True""",
        "Any()",
    ),
    "a number equal to everything": wrong(
        """
class Any(int):
    __eq__ = lambda *_: True
    __ne__ = lambda *_: False
    __hash__ = int.__hash__""",
        "Any(5)",
    ),
    "code where it is unpickled": wrong(
        """
class Bomb:
    __reduce__ = lambda self: (print, ('unpickled',))""",
        "Bomb()",
    ),
    "converts itself": wrong(
        """
import numpy as np
class Any:
    __float__ = __int__ = __index__ = lambda *_: 6
    __array__ = lambda *a, **k: np.array(6)""",
        "Any()",
    ),
    "an exception called eval": wrong("raise type('eval', (Exception,), {})('6')"),
    "an exception whose text runs code": wrong("""
class Odd(Exception):
    __str__ = lambda self: exec('import os') or 'odd'
raise Odd"""),
    "an exception of the checks": wrong("""
from course_utils import check
raise check.Failed('passed')"""),
    "a tensor that answers for itself": wrong(
        """
import torch
class T(torch.Tensor):
    @classmethod
    def __torch_function__(cls, *a, **k): return True""",
        "torch.zeros(()).as_subclass(T)",
    ),
    "a mode of torch left on": wrong("""
from torch.overrides import TorchFunctionMode
class Yes(TorchFunctionMode):
    def __torch_function__(self, *a, **k): return True
Yes().__enter__()"""),
    "other processes read": wrong("""
import subprocess
subprocess.run(['sh', '-c', 'ls /proc; cat /proc/*/environ'], capture_output=True)"""),
}
DESK_REPLACED = wrong("""
import course_grader.inside.codec as codec
codec.Encoder.value = lambda self, value: 6 if value is None else value""")


@pytest.mark.parametrize("answer", CHEATS.values(), ids=CHEATS)
def test_a_cheat_earns_nothing(server, answer):
    result = attempt(server, second=answer)
    assert small.earned(result) == NOTHING, printed(result, "test_second")
    assert_undisturbed(server)


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
