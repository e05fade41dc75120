"""Where no namespaces can be made: the student's code and the tests as two users without rights.

A container of Gradescope's is such a place. docs/gradescope.md says what holds there.
"""

import os
from dataclasses import replace

import pytest

from course_grader.platforms import alone
from course_grader.run.client import ForkServer
from tests.course_grader import small
from tests.course_grader.attempts import ALL, assert_no_process_left, attempt, inside, printed

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root can become other users")
DESK, EXAMINER = 2_000_001, 2_000_002
CROWDED = replace(small.UNHURRIED, processes=16)


@pytest.fixture(scope="module")
def server():
    with ForkServer(sandboxed=False, users=(DESK, EXAMINER)) as server:
        server.ensure()
        yield server
        following = small.grade(server, small.handed_in())
        assert (small.earned(following), following.reason, following.flags) == (ALL, "", ())
        assert_no_process_left(server)


def said(server, code: str) -> str:
    """What a cell prints. It must not fail."""
    result = attempt(server, code, limits=CROWDED)
    assert (small.earned(result), result.reason) == (ALL, "")
    return printed(result, "before").strip()


def error(server, code: str) -> str:
    """The error that stops a cell; the submission earns its points all the same."""
    result = attempt(server, code, limits=CROWDED)
    assert small.earned(result) == ALL and result.reason, "nobody stopped this"
    return result.reason


def test_the_users_are_drawn_by_lot():
    """The kernel counts the processes of a user over all containers of a machine."""
    one, other = alone._two_users()
    assert alone.FIRST_USER <= one < other <= alone.LAST_USER
    assert alone._two_users() != (one, other)


def test_the_code_is_run_by_a_user_without_rights(server):
    code = "import os\nprint({*os.getresuid(), *os.getresgid(), *os.getgroups()})"
    assert said(server, code) == f"{{{DESK}}}"


def test_a_folder_that_is_closed_to_others_is_out_of_reach(server, tmp_path):
    (tmp_path / "results.json").write_text("{}")
    tmp_path.chmod(0o700)
    assert "PermissionError" in error(server, f"open({str(tmp_path / 'results.json')!r})")
    assert "PermissionError" in error(server, f"open({str(tmp_path / 'results.json')!r}, 'w')")


def test_other_processes_can_be_neither_read_nor_ended(server):
    code = f"""
import os, signal
readable, ended = [], []
for name in os.listdir("/proc"):
    if name.isdigit() and int(name) != os.getpid():
        try:
            open(f"/proc/{{name}}/mem", "rb").close()
            readable.append(name)
        except OSError:
            pass
for number in ({server.pid}, os.getppid(), 1):
    try:
        os.kill(number, signal.SIGTERM)
        ended.append(number)
    except PermissionError:
        pass
print(readable, ended)"""
    assert said(server, code) == "[] []"


def test_the_tests_are_run_by_another_user(server):
    """The answer looks for the process of the tests, which waits for it."""
    code = f"""
import glob, os
mine = []
for path in glob.glob("/proc/[0-9]*"):
    try:
        if os.stat(path).st_uid == {EXAMINER}:
            mine.append(os.access(path + "/mem", os.R_OK))
    except OSError:
        pass
assert mine == [False], mine"""
    result = attempt(server, second=inside("second", code), limits=CROWDED)
    assert (small.earned(result), result.reason) == (ALL, ""), printed(result, "test_second")


def test_there_is_no_network(server):
    assert "not implemented" in error(server, "import socket\nsocket.socket(socket.AF_INET)")
    assert said(server, "import socket\nprint(len(socket.socketpair()))") == "2"


def test_nobody_becomes_another_user(server):
    assert "PermissionError" in error(server, "import os\nos.setuid(0)")
    assert said(server, "print(open('/proc/self/status').read().split('NoNewPrivs:')[1].split()[0])") == "1"


def test_it_starts_no_more_processes_than_it_may(server):
    code = """
import os, time
count = 0
try:
    while count < 50:
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
        count += 1
except BlockingIOError:
    pass
print(count < 16)"""
    assert said(server, code) == "True"
    assert_no_process_left(server)


def test_its_folder_is_its_own_and_goes_with_it(server):
    folder = said(server, "import os\nopen('mine', 'w').close()\nprint(os.getcwd())")
    assert folder and not os.path.exists(folder)


def test_what_lies_beside_the_notebook_is_there(server):
    job = small.job(small.handed_in(first="from helper import add\ndef first(x):\n    return add(x)"))
    files = job.files | {"helper.py": b"def add(x):\n    return x + 1\n"}
    result = small.grade(server, job.files["small.ipynb"], files=files, limits=CROWDED)
    assert (small.earned(result), result.reason) == (ALL, "")
