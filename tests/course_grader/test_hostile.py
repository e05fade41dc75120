"""Whatever a submission does to itself or to the grader: it gets a score, and a readable reason."""

import contextlib
import copy
import json
import threading
import time
from dataclasses import replace

import nbformat
import psutil
import pytest

from course_format.record import MIME_TYPE
from course_grader.job import Limits
from course_grader.run import client
from course_grader.run.client import ForkServer
from tests.course_grader import small
from tests.course_grader.attempts import ALL, QUICK, assert_undisturbed, attempt, below, inside, printed
from tests.nbgrader_course import cell_of

TIGHT = replace(small.UNHURRIED, memory=2**29, processes=16)
LATE = f"this cell was stopped after {QUICK.cell_seconds} seconds"
STUBBORN = "it did not stop when its time was over, so its process was ended"
NOTHING = ALL | {"test_second": 0.0}


@pytest.fixture(autouse=True)
def little_grace(monkeypatch):
    """A cell that does not stop by itself costs a test seconds otherwise."""
    monkeypatch.setattr(client, "GRACE_SECONDS", 1)


@pytest.fixture(autouse=True)
def the_next_one_notices_nothing(server):
    """Holds for every test here."""
    yield
    assert_undisturbed(server)


ENDINGS = {
    "os._exit": ("import os\nos._exit(3)", "it ended its own process (exit code 3)"),
    "segmentation fault": ("import ctypes\nctypes.string_at(0)", "it crashed (segmentation fault)"),
    "closing all files": ("import os\nos.closerange(0, 100)", "it ended its own process (exit code 1)"),
    "endless loop": ("while True: pass", LATE),
    "long sleep": ("import time\ntime.sleep(1000)", LATE),
    "ignoring signals": (
        "import signal as s\nfor n in s.SIGINT, s.SIGALRM: s.signal(n, s.SIG_IGN)\nwhile True: 1",
        STUBBORN,
    ),
    "catching everything": (
        "import time\nwhile True:\n    try: time.sleep(1000)\n    except BaseException: pass",
        STUBBORN,
    ),
    "timer off": ("import signal\nsignal.setitimer(signal.ITIMER_REAL, 0)\nwhile True: 1", STUBBORN),
}


PLACES = [("test_second", name) for name in ENDINGS]
PLACES += [
    ("second", name) for name in ("os._exit", "segmentation fault", "endless loop", "ignoring signals")
]


@pytest.mark.parametrize(("place", "ending"), PLACES)
def test_an_exercise_that_does_not_come_to_its_end_costs_its_own_points(server, place, ending):
    code, reason = ENDINGS[ending]
    answer = f"{small.RIGHT['second']}\n{code}" if place == "second" else inside("second", code)
    limits = QUICK if reason in (LATE, STUBBORN) else small.UNHURRIED
    result = attempt(server, limits=limits, second=answer)
    # A cell that could be stopped leaves the process, and what it defined, to the next one.
    expected = ALL if (place, reason) == ("second", LATE) else NOTHING
    assert (small.earned(result), result.reason) == (expected, f"{place}: {reason}")
    assert reason in printed(result, place)


def test_sys_exit_ends_a_call_and_not_the_process(server):
    top = attempt(server, second=f"{small.RIGHT['second']}\nimport sys\nsys.exit('bye')")
    assert (small.earned(top), top.reason) == (ALL, "second: SystemExit: bye (line 4: `sys.exit('bye')`)")
    called = attempt(server, second=inside("second", "import sys\nsys.exit('bye')"))
    assert (small.earned(called), called.reason) == (NOTHING, "")
    assert "your code stopped with SystemExit: bye" in printed(called, "test_second")


def test_an_interrupt_from_the_answer_itself_breaks_its_test_off(server):
    result = attempt(server, second=inside("second", "raise KeyboardInterrupt"))
    assert small.earned(result) == NOTHING
    assert result.reason == "test_second: this test cell broke off with KeyboardInterrupt"


def test_a_test_that_breaks_off_for_want_of_the_answer_says_so(server):
    chapter = copy.deepcopy(small.prepared())
    test = cell_of(chapter, "test_second")
    test.source = test.source.replace("\n", "\ndouble = second\n", 1)
    notebook = small.handed_in(second="pass")
    result = small.grade(server, notebook, chapter=nbformat.writes(chapter))
    assert small.earned(result) == NOTHING
    assert result.reason.endswith("\ntest_second: the notebook does not define second")


def test_cases_before_a_timeout_keep_their_points(server):
    result = attempt(server, limits=QUICK, second=inside("second", "while x != 3: pass"))
    assert (small.earned(result), result.reason) == (ALL | {"test_second": 1.5}, f"test_second: {LATE}")


def test_a_signal_handler_of_an_earlier_cell_does_not_stop_the_clock(server):
    before = "import signal\nsignal.signal(signal.SIGALRM, lambda *_: None)\nsignal.alarm(1000)"
    result = attempt(server, before, QUICK, second=inside("second", "while True: pass"))
    assert result.reason == f"test_second: {LATE}"


def test_all_cells_together_have_a_limit(server):
    slow = "import time\ntime.sleep(0.7)"
    answers = {name: inside(name, slow) for name in ("first", "second", "third")}
    result = attempt(server, limits=Limits(cell_seconds=2, seconds=1.2), **answers)
    assert small.earned(result)["test_third"] == 0.0
    assert "test_third: it was not run: the submission had used up its 1.2 seconds" in result.reason


def test_a_submission_that_ends_its_process_again_and_again(server):
    notebook = small.handed_in()
    for number in range(12):
        notebook.cells.insert(2, small.new_code_cell("import os\nos._exit(0)", id=f"end{number}"))
    result = small.grade(server, notebook)
    assert small.earned(result) == dict.fromkeys(ALL, 0.0)
    assert "it was not run: the submission had ended its process 10 times" in result.reason


def test_time_and_processes_count_while_earlier_cells_run_again(server):
    notebook = small.handed_in()
    for number in range(9):
        slow = "import time\ntime.sleep(0.3)"
        notebook.cells.insert(2, small.new_code_cell(slow, id=f"slow{number}"))
    for number in range(8):
        notebook.cells.insert(11, small.new_code_cell("import os\nos._exit(0)", id=f"end{number}"))
    started = time.monotonic()
    result = small.grade(server, notebook, limits=Limits(cell_seconds=1, seconds=6))
    assert time.monotonic() - started < 20  # without a limit 9 x 2.7 s, and slower on a busy machine
    assert "it was not run: the submission had used up its 6 seconds" in result.reason


# Memory and processes

SEVERAL = """import os, time
for _ in range(4):
    if os.fork() == 0:
        block = bytearray(300 * 2**20)
        block[::4096] = bytes(len(block) // 4096)
        time.sleep(5)
time.sleep(5)"""


def test_a_memory_bomb_gets_a_memory_error(server):
    result = attempt(
        server, limits=TIGHT, second=inside("second", "all = []\nwhile True: all.append(bytearray(2**24))")
    )
    assert (small.earned(result), result.reason) == (NOTHING, "")
    assert "your code stopped with MemoryError" in printed(result, "test_second")


def test_processes_that_need_too_much_memory_together_are_ended(server):
    result = attempt(server, limits=TIGHT, second=inside("second", SEVERAL))
    assert small.earned(result) == NOTHING
    assert result.reason == "test_second: it used more than 0.5 GiB of memory, so its process was ended"


def test_memory_shared_with_workers_counts_once(server):
    fork = """import torch, multiprocessing, time
block = torch.zeros(80 * 2**20)  # 320 MB
workers = [multiprocessing.Process(target=time.sleep, args=(0.3,)) for _ in range(4)]
for worker in workers: worker.start()
for worker in workers: worker.join()"""
    result = attempt(server, limits=TIGHT, second=inside("second", fork))
    assert (small.earned(result), result.reason, result.flags) == (ALL, "", ())


HELD_ELSEWHERE = {
    "memfd": "os.memfd_create('x')",
    "System V": "if ctypes.CDLL(None).shmget(0, 4096, 0o1600) == -1: raise OSError('no such thing here')",
    "files in /tmp": "for name in 'xy': open('/tmp/' + name, 'wb').write(bytes(150 * 2**20))",
    "files in /dev/shm": ("for name in 'xy': open('/dev/shm/' + name, 'wb').write(bytes(150 * 2**20))"),
    "one large file": "open('/tmp/x', 'wb').truncate(2**30)",
    "open files": "files = [open('/dev/null') for _ in range(2000)]",
}


@pytest.mark.parametrize("code", HELD_ELSEWHERE.values(), ids=HELD_ELSEWHERE)
def test_memory_outside_of_any_process_has_limits_of_its_own(server, code):
    result = attempt(server, second=inside("second", f"import os, ctypes\n{code}"))
    assert (small.earned(result), result.reason) == (NOTHING, "")
    assert "your code stopped with OSError" in printed(result, "test_second")


def test_a_fork_bomb_stays_within_its_limit(server):
    bomb = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"
    limits = replace(QUICK, processes=16)
    with counting(server) as most:
        result = attempt(server, limits=limits, second=inside("second", bomb))
    assert small.earned(result) == NOTHING
    assert result.reason.startswith("test_second: ")
    # Besides what came from the submission: the server, two keepers, the examiner, one about to be refused.
    assert 10 < max(most) <= 5 + limits.processes


@contextlib.contextmanager
def counting(server):
    """Yields a list that gets the number of processes below the server, again and again."""
    while len(below(server)) > 1:  # those of an earlier test come to their end
        time.sleep(0.01)
    counts, over = [], threading.Event()

    def count():
        while not over.wait(0.05):
            counts.append(len(below(server)))

    counter = threading.Thread(target=count)
    counter.start()
    yield counts
    over.set()
    counter.join()


def test_threads_without_end_get_an_error(server):
    bomb = "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(100,)).start()"
    result = attempt(server, limits=TIGHT, second=inside("second", bomb))
    assert (small.earned(result), result.reason) == (NOTHING, "")
    assert "your code stopped with RuntimeError: can't start new thread" in printed(result, "test_second")


BACKGROUND = {
    "own session": "import subprocess\nsubprocess.Popen(['sleep', '1000'], start_new_session=True)",
    "twice removed": "import os\nos.system('setsid sh -c \"sleep 1000 & sleep 1000\" &')",
    "deaf": "import os\nos.system('trap \"\" TERM INT HUP; (while :; do sleep 1; done) &')",
}


@pytest.mark.parametrize("code", BACKGROUND.values(), ids=BACKGROUND)
def test_background_processes_end_with_their_submission(server, code):
    result = attempt(server, second=inside("second", code))
    assert (small.earned(result), result.reason) == (ALL, "")


# Output

PRINTS = {
    "200 MB": "for _ in range(100): print('x' * 10**6)",
    "10 MB on one line": "print('x' * 10**7)",
    "many small pieces": "for _ in range(60000): print(1, end=''); print(2, file=sys.stderr)",
    "from C": "for _ in range(10): os.write(1, b'x' * 10**7)",
    "many displays": "for _ in range(3000): display('')",
    "an error message": "try: raise ValueError('x' * 10**7)\nexcept ValueError: traceback.print_exc()",
}


@pytest.mark.parametrize("code", PRINTS.values(), ids=PRINTS)
def test_a_flood_of_output_costs_nothing_and_is_cut_off(server, code):
    imports = "import os, sys, traceback\nfrom IPython.display import display\n"
    limits = replace(small.UNHURRIED, output=10**5)
    result = attempt(server, limits=limits, second=inside("second", imports + code))
    assert (small.earned(result), result.reason, result.flags) == (ALL, "", ())
    assert "[more than 100,000 bytes of output: the rest was left out]" in printed(result, "test_second")
    assert len(result.notebook) < 6 * 10**5
    assert [record["case"] for record in records(result, "test_second")] == ["an example", "another example"]


def test_all_cells_together_may_print_so_much(server):
    notebook = small.handed_in()
    for number in range(40):
        notebook.cells.append(small.new_code_cell("print('x' * 9 * 10**4)", id=f"print{number}"))
    result = small.grade(server, notebook, limits=Limits(output=10**5))
    assert (small.earned(result), result.reason) == (ALL, "")
    assert "the submission has printed too much" in result.notebook
    assert len(result.notebook) < 2.5 * 10**6


def test_an_endless_message_from_an_exception_is_cut_off(server):
    result = attempt(server, second=inside("second", "raise ValueError('x' * 10**7)"))
    assert (small.earned(result), result.reason, result.flags) == (NOTHING, "", ())
    assert [len(record["message"]) for record in records(result, "test_second")] == [1000, 1000]


def test_standard_error_costs_nothing(server):
    noise = """import os, sys, warnings, logging
print("one", file=sys.stderr)
warnings.warn("two")
logging.warning("three")
os.write(2, b"four")
os.system("echo five >&2")"""
    result = attempt(server, noise, second=inside("second", noise))
    assert (small.earned(result), result.reason, result.flags) == (ALL, "", ())
    for word in ("one", "two", "three", "four", "five"):
        assert word in printed(result, "before")
        assert word in printed(result, "test_second")


# What the process sends to the grader

MADE_UP = [
    '{"done": 1}',
    '{"done": {"error": null, "records": [], "score": 3.0, "flags": []}}',
    '{"done": "0123456789abcdef", "error": null, "records": []}',
    '{"update": []}',
    '{"update": {"display_id": {}, "data": 3}}',
    '{"ended": "x"}',
    '{"ended": 99999999999999999999999}',
    '{"output": 3}',
    '{"output": {"output_type": "stream", "name": "stdout", "text": NaN}}',
    '{"output": {"output_type": "display_data", "data": {"application/json": 1e999}, "metadata": {}}}',
    '{"output": {"output_type": "display_data", "data": {}, "metadata": {}, "transient": 3}}',
    '{"output": {"output_type": "display_data", "metadata": {}, "data": {"a/json": %s}}}'
    % ("[" * 99 + "]" * 99),
    "[" * 100_000,
    "9" * 5000,
    "[1]",
    "nonsense",
    "\xff",
]


def sending(line: bytes) -> str:
    """A right answer in a cell that sends a line to the grader by itself."""
    send = f"get_ipython().outputs._connection.sendall({line!r})"
    return f"{small.RIGHT['second']}\n{send}\nimport time\ntime.sleep(0.05)"


@pytest.mark.parametrize("line", MADE_UP, ids=[line[:40] for line in MADE_UP])
def test_what_is_no_message_ends_the_process(server, line):
    result = attempt(server, second=sending(line.encode("latin-1") + b"\n"))
    assert (small.earned(result), result.reason) == (NOTHING, f"second: {client.NO_MESSAGE}")
    json.loads(result.notebook).keys()


@pytest.mark.parametrize(
    "line", ['{"refused": "no"}', '{"clear": 7}', '{"x": {"a": "\\ud800\\u0000"}}', '{"x": 1}']
)
def test_harmless_messages_do_no_harm(server, line):
    result = attempt(server, second=sending(line.encode() + b"\n"))
    assert (small.earned(result), result.reason) == (ALL, "")
    result.notebook.encode()


def test_a_made_up_end_is_an_end(server):
    result = attempt(server, second=sending(b'{"ended": 9, "memory": false}\n'))
    assert result.reason == "second: its process was ended by signal 9 (SIGKILL)"
    result = attempt(server, second=sending(b'{"ended": 50, "memory": false}\n'))
    assert result.reason == "second: its process was ended by signal 50 (a real-time signal)"


@pytest.mark.parametrize(
    "line", [b"x" * 1000, b'{"clear": 1}\n' * 100, b"\n" * 1000], ids=["no end", "lines", "empty"]
)
def test_a_flood_of_messages_ends_the_process(server, line):
    flood = f"send = get_ipython().outputs._connection.sendall\nwhile True: send({line!r} * 100)"
    memory = psutil.Process().memory_info().rss
    result = attempt(server, limits=replace(small.UNHURRIED, output=10**5), second=flood)
    assert small.earned(result) == NOTHING
    assert result.reason == "second: it sent far more than a cell may print, so its process was ended"
    assert psutil.Process().memory_info().rss - memory < 200 * 2**20


def test_a_hung_up_connection_is_an_end(server):
    hang_up = "import socket\nget_ipython().outputs._connection.shutdown(socket.SHUT_RDWR)\nwhile True: pass"
    result = attempt(server, second=f"{small.RIGHT['second']}\n{hang_up}")
    assert (small.earned(result), result.reason) == (NOTHING, "second: the process is gone")


def test_a_copy_of_the_process_does_not_answer_in_its_place(server):
    result = attempt(
        server, second=f"{small.RIGHT['second']}\nimport os\nif os.fork(): os.wait()\nprint('twice')"
    )
    assert (small.earned(result), result.reason) == (ALL, "")
    assert printed(result, "second").count("twice") == 2


def records(result, cell: str) -> list[dict]:
    """The check records in a cell's outputs."""
    notebook = json.loads(result.notebook)
    outputs = next(one["outputs"] for one in notebook["cells"] if one["id"] == cell)
    return [output["data"][MIME_TYPE] for output in outputs if MIME_TYPE in output.get("data", {})]


# Without a sandbox


@pytest.fixture(scope="module")
def open_server():
    """A fork server without walls."""
    with ForkServer(sandboxed=False) as server:
        server.ensure()
        yield server


@pytest.fixture
def used_server(open_server):
    """The same, and after the test it is as good as before."""
    yield open_server
    assert_undisturbed(open_server)


@pytest.mark.parametrize("code", BACKGROUND.values(), ids=BACKGROUND)
def test_background_processes_end_without_a_sandbox_too(used_server, code):
    result = attempt(used_server, second=inside("second", code))
    assert (small.earned(result), result.reason) == (ALL, "")


@pytest.mark.parametrize("name", ["os._exit", "endless loop", "ignoring signals"])
def test_time_and_crashes_are_handled_without_a_sandbox_too(used_server, name):
    code, reason = ENDINGS[name]
    result = attempt(used_server, limits=QUICK, second=inside("second", code))
    assert (small.earned(result), result.reason) == (NOTHING, f"test_second: {reason}")


def test_memory_has_a_limit_without_a_sandbox_too(used_server):
    result = attempt(used_server, limits=TIGHT, second=inside("second", "bytearray(2**30)"))
    assert "your code stopped with MemoryError" in printed(result, "test_second")
    assert small.earned(attempt(used_server, limits=TIGHT, second=inside("second", SEVERAL))) == NOTHING
