"""The forked kernel: Jupyter's tools start, watch and stop it, and it shows what an ordinary kernel shows."""

import contextlib
import os
import shutil
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest
from jupyter_client import KernelManager
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from nbformat.v4 import new_code_cell, new_notebook

from course_builder.chapter import ROOT
from course_grader import provisioner
from course_grader.forkserver import _descendants
from course_grader.work import GraderError
from tests.course_grader import small
from tests.nbgrader_course import Course, cell_of, texts

FORKED, ORDINARY = "course-fork", "python3"
CELLS = {
    "text": "print('one', flush=True)\n'two'",
    "figure": "import matplotlib.pyplot as plt\nplt.plot([1, 3, 2]);",
    "figure after the magic": "%matplotlib inline\nplt.figure(figsize=(2, 1)).subplots();",
    "exception": "1 / 0",
    "input": "input('who are you? ')",
    "standard input": "import sys\nsys.__stdin__.read()",
    "folder": "import os\nprint(os.getcwd(), os.listdir('.'))",
    "module beside the notebook": "import beside\nbeside.NAME",
    "path": "sys.path",
    "command line": "sys.argv[0]",
    "environment": "sorted((k, v) for k, v in os.environ.items())",
    "process group": "os.getpgid(0) == os.getsid(0) == os.getpid()",
    "signals": "import signal\n[signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)]",
    "shell": "!echo from the shell",
    "faulthandler": "import faulthandler\nfaulthandler.is_enabled()",
    "await": "import asyncio\nawait asyncio.sleep(0)",
    "comm targets": "import ipywidgets\nsorted(get_ipython().kernel.comm_manager.targets)",
    "names": "sorted(globals())",
    "threads": "import torch\ntorch.manual_seed(0)\nthreads = lambda: len(os.listdir('/proc/self/task'))\n"
    "before = threads()\na = torch.randn(300, 400, requires_grad=True)\n(a @ a.T).tanh().sum().backward()\n"
    "torch.get_num_threads(), threads() - before, a.grad.sum().item()",
    "random numbers": "import random\nimport numpy\n"
    "print(random.random(), numpy.random.rand(), torch.initial_seed())",
    "widget": "ipywidgets.IntSlider(3)",
}
DIFFERENT = ("random numbers", "widget")  # in every process, so they are looked at by themselves


def run(kernel: str, *sources: str, folder: Path | None = None, env: dict | None = None) -> list[list]:
    """Execute cells. Returns each cell's outputs."""
    notebook = new_notebook(cells=[new_code_cell(source) for source in sources])
    resources = {"metadata": {"path": str(folder or ROOT)}}
    client = NotebookClient(notebook, kernel_name=kernel, allow_errors=True, resources=resources, timeout=60)
    client.execute(env=os.environ | (env or {}))
    return [cell.outputs for cell in notebook.cells]


@pytest.fixture(scope="module")
def shown(tmp_path_factory) -> dict[str, dict[str, list]]:
    """kernel -> what CELLS show in it."""
    folder = tmp_path_factory.mktemp("folder")
    (folder / "beside.py").write_text("NAME = 'beside'")
    env = {"COURSE_DATA": "auto", "A_VARIABLE": "of this kernel"}
    outputs = {kernel: run(kernel, *CELLS.values(), folder=folder, env=env) for kernel in (ORDINARY, FORKED)}
    return {kernel: dict(zip(CELLS, cells, strict=True)) for kernel, cells in outputs.items()}


@contextlib.contextmanager
def kernel(**options):
    """A forked kernel's manager and its client."""
    manager = KernelManager(kernel_name=FORKED)
    manager.start_kernel(**options)
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    try:
        yield manager, client
    finally:
        client.stop_channels()
        if manager.has_kernel:
            manager.shutdown_kernel(now=True)


def printed(client, source: str) -> str:
    """What a cell prints."""
    said = []
    client.execute_interactive(
        source, timeout=60, output_hook=lambda m: said.append(m["content"].get("text", ""))
    )
    return "".join(said).strip()


def wait_until(condition) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def alive(process: int) -> bool:
    return Path(f"/proc/{process}").exists()


@pytest.mark.parametrize("name", [name for name in CELLS if name not in DIFFERENT])
def test_a_cell_shows_what_it_shows_in_an_ordinary_kernel(shown, name):
    assert shown[FORKED][name] == shown[ORDINARY][name]
    assert shown[FORKED][name] or name == "await"


def test_the_kernel_is_forked_indeed(shown):
    assert [o["text"] for o in run(FORKED, "import sys\nprint(sys.flags.safe_path)")[0]] == ["True\n"]


def test_a_figure_is_shown_once(shown):
    for name in ("figure", "figure after the magic"):
        assert [sorted(output["data"]) for output in shown[FORKED][name]] == [["image/png", "text/plain"]]


def test_a_widget_is_shown_as_in_an_ordinary_kernel(shown):
    view = "application/vnd.jupyter.widget-view+json"
    data = [shown[kernel]["widget"][0]["data"] for kernel in (FORKED, ORDINARY)]
    assert data[0][view].pop("model_id") != data[1][view].pop("model_id")
    assert data[0] == data[1]


def test_two_kernels_do_not_draw_the_same_random_numbers(shown):
    one = shown[FORKED]["random numbers"][0]["text"].split()
    other = run(FORKED, "import os, sys, torch", CELLS["random numbers"])[1][0]["text"].split()
    assert len(one) == 3
    assert not set(one) & set(other)


def test_a_kernel_has_the_environment_that_it_is_given(shown):
    source = "import os\nprint(os.environ.get('COURSE_DATA'), os.environ.get('HOME'))\n!echo $A_VARIABLE"
    with kernel(env={"PATH": os.environ["PATH"], "A_VARIABLE": "a value"}) as (_, client):
        assert printed(client, source).split() == ["None", "None", "a", "value"]


def test_one_thread_if_the_environment_says_so():
    outputs = run(FORKED, "import torch\nprint(torch.get_num_threads())", env={"OMP_NUM_THREADS": "1"})
    assert outputs[0][0]["text"] == "1\n"


def test_an_interrupt_ends_the_cell_and_not_the_kernel():
    with kernel() as (manager, client):
        printed(client, "kept = 1")
        endless = "print('running', flush=True)\nwhile True:\n    pass"
        sent = client.execute(endless, stop_on_error=False)  # or it may drop the cell that comes next
        while client.get_iopub_msg(timeout=20)["content"].get("text") != "running\n":
            pass
        manager.interrupt_kernel()
        replies = iter(lambda: client.get_shell_msg(timeout=20), None)
        reply = next(r for r in replies if r["parent_header"]["msg_id"] == sent)
        assert reply["content"]["ename"] == "KeyboardInterrupt"
        assert printed(client, "print(kept)") == "1"


def test_killing_a_kernel_ends_what_it_started():
    start = "import subprocess, os\n"
    start += "print(os.getpid(), subprocess.Popen(['sleep', '1000'], start_new_session=True).pid)"
    with kernel() as (manager, client):
        processes = [int(word) for word in printed(client, start).split()]
        assert all(map(alive, processes))
        process = manager.provisioner.process
        manager.shutdown_kernel(now=True)
        assert process.returncode == -signal.SIGKILL
        assert not any(map(alive, processes))


def test_a_kernel_that_ends_itself_is_noticed():
    with pytest.raises(DeadKernelError):
        run(FORKED, "import os\nos._exit(3)")


def test_the_exit_status_is_the_kernels():
    with kernel() as (manager, client):
        process = manager.provisioner.process
        client.execute("import os\nos._exit(3)")
        assert process.wait() == 3
        process.send_signal(signal.SIGINT)  # to nobody
        assert not manager.is_alive()


def test_a_kernel_that_is_shut_down_ends_as_python_does(tmp_path):
    source = "import atexit\natexit.register(lambda: print('the end', file=file))\nfile = open('said', 'w')"
    source += "\nfile.write('begun, ')"
    with kernel(cwd=str(tmp_path)) as (manager, client):
        printed(client, source)
        process = manager.provisioner.process
        manager.shutdown_kernel()
        assert process.returncode == 0
    assert (tmp_path / "said").read_text() == "begun, the end\n"


def test_a_restarted_kernel_is_another_one():
    with kernel() as (manager, client):
        first = printed(client, "import os\nprint(os.getpid())")
        manager.restart_kernel(now=True)
        client.wait_for_ready(timeout=60)
        assert printed(client, "import os\nprint(os.getpid())") not in ("", first)
        assert not alive(int(first))


def test_two_kernels_at_a_time_and_ten_in_a_row_leave_nothing_behind():
    with kernel() as (_, one), kernel() as (_, other):
        printed(one, "x = 1")
        printed(other, "x = 2")
        assert printed(one, "print(x)") == "1"
        assert printed(other, "print(x)") == "2"
    processes = set()
    for _ in range(10):
        manager = KernelManager(kernel_name=FORKED)
        manager.start_kernel()
        client = manager.client()
        client.start_channels()
        asked = {"process": "__import__('os').getpid()"}
        reply = client.execute("", user_expressions=asked, reply=True, timeout=60)
        processes.add(reply["content"]["user_expressions"]["process"]["data"]["text/plain"])
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert len(processes) == 10
    wait_until(lambda: not _descendants(provisioner._server().pid))


def test_an_encrypted_connection():
    with kernel(transport_encryption="required") as (_, client):
        assert client.curve_publickey
        assert printed(client, "print(1)") == "1"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"cwd": "/no/such/folder"}, r"does not start: .*No such file or directory: '/no/such/folder'"),
        ({"independent": True}, "cannot be started with independent"),
    ],
)
def test_a_kernel_that_cannot_start_says_why(options, reason):
    manager = KernelManager(kernel_name=FORKED)
    with pytest.raises(GraderError, match=reason):
        manager.start_kernel(**options)
    manager.cleanup_resources()


def test_elsewhere_than_on_linux(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(GraderError, match="need Linux: use the kernel python3"):
        provisioner._start_server.__wrapped__()


def test_a_server_that_was_killed_takes_its_kernels_with_it_and_is_started_again():
    with kernel() as (manager, client):
        start = "import subprocess\nprint(subprocess.Popen(['sleep', '1000'], start_new_session=True).pid)"
        processes = [int(printed(client, start)), manager.provisioner.pid]
        os.kill(provisioner._server().pid, signal.SIGKILL)
        wait_until(lambda: not any(map(alive, processes)))
        wait_until(lambda: not manager.is_alive())
    assert run(FORKED, "print(1)")[0][0]["text"] == "1\n"


def test_nbgrader_gives_the_same_scores_with_either_kernel(tmp_path):
    course = Course(tmp_path / "generated")
    (course.folder / "solutions" / small.NAME).mkdir(parents=True)
    (course.folder / "nbgrader_config.py").write_bytes((ROOT / "nbgrader_config.py").read_bytes())
    nbformat.write(small.chapter(), course.folder / "solutions" / small.NAME / f"{small.STEM}.ipynb")
    say = "\nimport sys\nprint('safe path:', sys.flags.safe_path)"
    answers = {"first": small.RIGHT["first"] + say, "second": "def second(x):\n    return x + 3"}
    course.submit("ada", small.NAME, small.handed_in(**answers), small.STEM)
    course.nbgrader("generate_assignment", small.NAME)

    def grade(kernel_name: str) -> dict[str, float | None]:
        graded = Course(shutil.copytree(course.folder, tmp_path / kernel_name))
        graded.nbgrader("autograde", small.NAME, f"--Execute.kernel_name={kernel_name}")
        notebook = graded.autograded("ada", small.NAME, small.STEM)
        assert f"safe path: {kernel_name == FORKED}" in texts(cell_of(notebook, "first"))
        return graded.scores("ada", small.NAME)

    with ThreadPoolExecutor() as pool:
        scores = list(pool.map(grade, (ORDINARY, FORKED)))
    assert scores[0] == scores[1]
    assert scores[0] == {"test_first": 2, "test_second": 1.5, "test_third": 1, "written": None}
