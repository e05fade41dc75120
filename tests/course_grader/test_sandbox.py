"""The walls: what a submission can see, reach and leave behind. As root, and as an ordinary user."""

import errno
import os
import platform
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from course_format.chapter import ROOT
from course_grader.inside import isolation, sandbox
from course_grader.job import GraderError, Limits
from course_grader.run.client import ForkServer
from tests.course_grader import small
from tests.course_grader.attempts import ALL, QUICK, assert_undisturbed, attempt, below, inside, printed

USER = 12345  # owns nothing on this machine
walls = pytest.mark.walls  # tests that an ordinary user runs, too


@pytest.fixture(scope="module", autouse=True)
def later_ones_notice_nothing(server):
    """After all of these attempts."""
    yield
    assert_undisturbed(server)


def said(server, code: str) -> str:
    """What a cell prints. It must not fail."""
    result = attempt(server, code)
    assert (small.earned(result), result.reason) == (ALL, "")
    assert '"output_type": "error"' not in result.notebook, printed(result, "before")
    return printed(result, "before").strip()


def refused(server, code: str) -> str:
    """The error that stops a cell."""
    result = attempt(server, code)
    assert small.earned(result) == ALL
    assert '"output_type": "error"' in result.notebook, "nobody stopped this"
    return printed(result, "before").strip().splitlines()[-1]


# What can be seen


@walls
def test_nothing_of_the_course_is_there_but_its_packages(server):
    course = said(server, f"import os\nprint(sorted(os.listdir({str(ROOT)!r})))")
    assert set(eval(course)) <= {".venv", "course_format", "course_grader", "course_utils"}
    assert (
        eval(said(server, "import os\nprint(os.listdir('/home') if os.path.exists('/home') else [])")) == []
    )


@pytest.mark.parametrize(
    "path",
    ["../../gradebook.db", "../gradebook.db", *(str(ROOT / name) for name in ("solutions", "tests", ".git"))],
)
def test_gradebook_and_sources_are_out_of_reach(server, path):
    assert "FileNotFoundError" in refused(server, f"import os\nos.stat({path!r})")


def test_secrets_of_the_system_are_out_of_reach(server):
    home = os.path.join("/root", ".ssh")
    paths = ["/etc/passwd", "/etc/shadow", home, "/var", "/sys", "/run", "/boot", "/opt"]
    assert said(server, f"import os\nprint([path for path in {paths} if os.path.exists(path)])") == "[]"


def test_the_instructors_environment_is_not_handed_on(server, monkeypatch):
    monkeypatch.setenv("A_TOKEN", "secret")
    assert "secret" not in sandbox.environment().values()
    own = {"NBGRADER_EXECUTION", "COURSE_DATA", "CUDA_VISIBLE_DEVICES", "MPLBACKEND", "PWD"}
    own |= {"KINETO_LOG_LEVEL", "TORCHINDUCTOR_CACHE_DIR"}
    found = eval(said(server, "import os\nprint(set(os.environ))"))
    assert found <= set(sandbox.environment()) | own


@walls
def test_only_own_processes_are_there(server):
    code = (
        "import os\nprint(os.getpid(), sorted(int(name) for name in os.listdir('/proc') if name.isdigit()))"
    )
    assert said(server, code) == "1 [1]"


def test_no_file_is_inherited_but_the_own_ones(server):
    listing = "import os\nfor n in os.listdir('/proc/self/fd'):\n"
    listing += "    try: print(os.readlink('/proc/self/fd/' + n))\n    except OSError: pass"
    files = said(server, listing).split("\n")
    assert sum(name.startswith("socket:") for name in files) == 2  # to the grader, and to the examiner
    assert {name for name in files if not name.startswith(("socket:", "/tmp/"))} <= {"/dev/null", ""}


# What can be changed


@walls
@pytest.mark.parametrize(
    "folder",
    ["/", "/usr", "/dev", "/etc", "/course-data", sys.prefix, sys.base_prefix, str(ROOT / "course_utils")],
)
def test_the_system_is_read_only(server, folder):
    assert "Read-only file system" in refused(server, f"open({folder + '/x'!r}, 'w')")


# The course itself may lie in /tmp, and is seen there.
COURSE_IN_TMP = {path.parts[2] for path in sandbox.shown_paths() if path.is_relative_to("/tmp")} | {""}


@walls
@walls
def test_every_submission_has_a_tmp_of_its_own(server):
    write = "import os\nfor folder in ('/tmp', '/dev/shm', '.'): open(folder + '/left', 'w').write('x')"
    assert (
        said(server, f"{write}\nprint(os.getcwd(), sorted(set(os.listdir('/tmp')) - {COURSE_IN_TMP}))")
        == "/tmp/submission ['left', 'submission']"
    )
    seen = said(
        server, f"import os\nprint(set(os.listdir('/tmp')) - {COURSE_IN_TMP}, os.listdir('/dev/shm'))"
    )
    assert seen == "{'submission'} []"


def test_no_privilege_is_left_nor_to_be_had(server):
    status = said(server, "print(open('/proc/self/status').read())")
    values = dict(line.split(":\t") for line in status.splitlines() if ":\t" in line)
    assert {values[name] for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {"0" * 16}
    assert (values["NoNewPrivs"], values["Seccomp"]) == ("1", "2")


NUMBERS = isolation.FORBIDDEN[platform.machine()]
CALLS = {  # and the errors with which the kernel refuses them
    "unshare(0x10000000)": errno.ENOSPC,  # a new user namespace: none are left
    "unshare(0x20000)": errno.EPERM,
    "mount(b'none', b'/tmp', b'tmpfs', 0, None)": errno.EPERM,
    "umount2(b'/proc', 2)": errno.EPERM,
    "setuid(0)": errno.EINVAL,  # there is no such user here
    "chroot(b'/tmp')": errno.EPERM,
    "sethostname(b'x', 1)": errno.EPERM,
    f"syscall({NUMBERS['keyctl']}, 0, -3, 1)": errno.ENOSYS,
    f"syscall({NUMBERS['add_key']}, b'user', b'x', b'x', 1, -3)": errno.ENOSYS,
    f"syscall({NUMBERS['bpf']}, 0, 0, 0)": errno.ENOSYS,
    f"syscall({NUMBERS['io_uring_setup']}, 1, 0)": errno.ENOSYS,
    f"syscall({NUMBERS['userfaultfd']}, 1)": errno.ENOSYS,
    f"syscall({NUMBERS['perf_event_open']}, 0, 0, 0, 0, 0)": errno.ENOSYS,
    f"syscall({NUMBERS['memfd_create']}, b'x', 0)": errno.ENOSYS,
    f"syscall({NUMBERS['shmget']}, 0, 4096, 0o1600)": errno.ENOSYS,
}


@walls
def test_calls_that_would_lead_out_are_refused(server):
    code = f"""import ctypes
libc = ctypes.CDLL(None, use_errno=True)
for call in {list(CALLS)}: print((call, eval("libc." + call), ctypes.get_errno()))"""
    found = [eval(line) for line in said(server, code).splitlines()]
    assert found == [(call, -1, error) for call, error in CALLS.items()]


@pytest.mark.parametrize(
    "name", ["user/max_user_namespaces", "kernel/hostname", "vm/overcommit_memory", "kernel/core_pattern"]
)
def test_settings_of_the_kernel_are_read_only(server, name):
    assert "Error" in refused(server, f"open('/proc/sys/{name}', 'w').write('1')")


# Who can be reached


@walls
@pytest.mark.parametrize("address", ["('192.0.2.1', 80)", "('127.0.0.1', 22)", "('::1', 22)"])
def test_there_is_no_network(server, address):
    refusal = refused(server, f"import socket\nsocket.create_connection({address}, timeout=2)")
    assert "unreachable" in refusal or "Cannot assign" in refusal


def test_there_is_no_name_service(server):
    assert "gaierror" in refused(server, "import socket\nsocket.getaddrinfo('example.org', 80)")


@walls
@pytest.mark.parametrize("family", ["AF_VSOCK", "AF_PACKET", "AF_ALG"])
def test_there_are_no_sockets_that_lead_past_the_network(server, family):
    assert "Function not implemented" in refused(server, f"import socket\nsocket.socket(socket.{family})")


@walls
def test_ordinary_sockets_are_there(server):
    code = "import socket\nfor name in 'AF_UNIX', 'AF_INET', 'AF_INET6': socket.socket(getattr(socket, name))"
    assert said(server, f"{code}\nprint(len(socket.socketpair()))") == "2"


@walls
def test_signals_reach_own_processes_only(server):
    code = f"import os, signal\nfor pid in (0, {server.pid}, {os.getpid()}):\n"
    code += "    try: os.kill(pid, 0); print(pid)\n    except ProcessLookupError: print('nobody')"
    assert said(server, code).split() == ["0", "nobody", "nobody"]
    # -1: everybody that may be reached. That is nobody: the first process of a namespace does not count.
    assert "ProcessLookupError" in refused(server, "import os, signal\nos.kill(-1, signal.SIGKILL)")


def test_the_other_end_of_the_connection_cannot_be_reached_through_it(server):
    code = """import os, signal, socket, struct
connection = get_ipython().outputs._connection
pid, uid, gid = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
print(pid)
try: signal.pidfd_send_signal(connection.getsockopt(socket.SOL_SOCKET, 77), 0)  # SO_PEERPIDFD
except OSError: print("refused")"""
    assert said(server, code).split() == ["0", "refused"]


@walls
def test_two_submissions_at_a_time_do_not_meet(server):
    """Neither through sockets without a file, shared memory, terminals, keys nor files."""
    leave = """import os, pty, socket
s = socket.socket(socket.AF_UNIX); s.bind("\\0meet"); s.listen()
open("/dev/shm/meet", "w"); open("/tmp/meet", "w")
print(pty.openpty())"""
    look = """import os, socket
try: socket.socket(socket.AF_UNIX).connect("\\0meet"); print("met")
except OSError: pass
print(os.listdir("/dev/shm"), os.listdir("/dev/pts"), os.path.exists("/tmp/meet"))"""
    sessions = [server.open_session(Limits(), small.IMPORTS) for _ in range(2)]
    texts = []
    for session, code in zip(sessions, (leave, look), strict=True):
        replies = list(session.run({"cell": code}, 10))
        texts.append("".join(reply["output"].get("text", "") for reply in replies if "output" in reply))
    for session in sessions:
        session.close()
    assert "(" in texts[0] and texts[1].strip() == "[] ['ptmx'] False"


def test_a_killed_server_takes_its_submissions_along():
    with ForkServer() as server:
        session = server.open_session(Limits(), small.IMPORTS)
        stay = "import ctypes, subprocess\nctypes.CDLL(None).prctl(1, 0)\nsubprocess.Popen(['sleep', '1000'])"
        list(session.run({"cell": stay}, 10))
        deadline = time.monotonic() + 10
        while len(below(server)) != 6 and time.monotonic() < deadline:
            time.sleep(0.01)  # the session with which the server was tried out is about to end
        # The server within bubblewrap; two keepers, the desk, the examiner, and what the desk started.
        inner, *others = below(server)
        assert len(others) == 5
        inner.kill()
        for process in others:
            process.wait(10)
        session.close()


# As an ordinary user


@walls
def test_a_fork_bomb_hits_the_limit_of_its_own_submission(server):
    bomb = "import os, time\nwhile True:\n    try: os.fork()\n    except OSError: time.sleep(0.01)"
    limits = replace(QUICK, processes=16)
    result = attempt(server, limits=limits, second=inside("second", bomb))
    assert small.earned(result) == ALL | {"test_second": 0.0}, result
    assert_undisturbed(server)


@walls
def test_too_much_memory_at_once_is_an_error_of_the_answer(server):
    result = attempt(server, second=inside("second", "bytearray(2**40)"))
    assert small.earned(result) == ALL | {"test_second": 0.0}, result


WALLS = f"""
import os, sys, pytest
assert os.getuid() == {USER}
sys.exit(pytest.main(["-m", "walls", "-p", "no:cacheprovider", {__file__!r}]))
"""


def as_user(script: str) -> subprocess.CompletedProcess:
    """Run Python as a user without any rights, who can reach Python and this project.

    Root's home is closed to others on most machines, so the user gets one that shows Python alone.
    """
    home = Path.home()
    shown = {path for path in (Path(sys.base_prefix), ROOT) if path.is_relative_to(home)}
    return subprocess.run(
        [
            *("bwrap", "--dev-bind", "/", "/", "--perms", "0755", "--tmpfs", str(home)),
            *(
                part
                for path in shown
                for parent in reversed(path.parents)
                if parent.is_relative_to(home) and parent != home
                for part in ("--perms", "0755", "--dir", str(parent))
            ),
            *(part for path in shown for part in ("--ro-bind", str(path), str(path))),
            *("--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"),
            *("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"),
            *(sys.executable, "-c", script),
        ],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": "/tmp",
        },
        capture_output=True,
        text=True,
    )


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_the_walls_stand_for_an_ordinary_user_too():
    done = as_user(WALLS)
    assert done.returncode == 0, done.stdout + done.stderr


# Where there can be no sandbox


def test_python_may_be_named_by_a_path_through_a_folder_that_is_not_shown(tmp_path, monkeypatch):
    up = os.path.relpath(sys.executable, tmp_path)
    monkeypatch.setattr(sys, "executable", str(tmp_path / up))
    with ForkServer() as server:
        server.ensure()


def test_without_bubblewrap_grading_does_not_start(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(GraderError, match=r"needs Linux and bubblewrap .* with --no-sandbox .* runs as you"):
        ForkServer(sandboxed=True)


def test_on_another_system_grading_does_not_start(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(GraderError, match="needs Linux and bubblewrap"):
        sandbox.command()


REFUSED = """
from course_grader.run.client import ForkServer
from course_grader.job import GraderError
try:
    with ForkServer(sandboxed=True) as server: server.ensure()
except GraderError as error: print(error)
"""


def test_without_user_namespaces_grading_does_not_start():
    done = subprocess.run(
        [
            *("bwrap", "--dev-bind", "/", "/", "--unshare-user", "--uid", str(USER), "--disable-userns"),
            *(sys.executable, "-c", REFUSED),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith("the sandbox does not start on this machine: "), done.stdout + done.stderr
    assert "User namespaces may be switched off here. With --no-sandbox " in done.stdout
