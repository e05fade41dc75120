"""A student at a real JupyterHub: logs in, opens the released chapter, hands in. docs/hub.md sets one up."""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import expect

from course_format.chapter import ROOT, chapters
from tests.browser.desk import PATIENCE
from tests.nbgrader_course import fresh_clone

CHAPTER = chapters()[0]
PROXY = shutil.which("configurable-http-proxy")
PASSWORD = "only for this test"
PASSED_ON = (
    "COURSE_EXCHANGE",
    "JUPYTER_CONFIG_PATH",
    "PYTHONPATH",
)  # on a machine, folders of the system hold them
# What docs/hub.md sets up, with users that need no account of the machine.
SETTINGS = """
import pwd
from types import SimpleNamespace

load_subconfig({config!r})
pwd.getpwnam = lambda name: SimpleNamespace(pw_dir={homes!r} + "/" + name)
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = {password!r}
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = {homes!r} + "/{{username}}"
c.Spawner.args = {arguments!r}
c.Spawner.environment |= {environment!r}
c.JupyterHub.bind_url = "http://127.0.0.1:{ports[0]}"
c.JupyterHub.hub_port = {ports[1]}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{ports[2]}"
c.JupyterHub.cookie_secret_file = {folder!r} + "/cookie_secret"
c.JupyterHub.db_url = "sqlite:///" + {folder!r} + "/hub.sqlite"
"""

pytestmark = [
    pytest.mark.everything,
    pytest.mark.skipif(
        importlib.util.find_spec("jupyterhub") is None or PROXY is None,
        reason="no hub here: `pip install jupyterhub` and `npm install --global configurable-http-proxy`",
    ),
]


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """The instructor's course, its first chapter released into an exchange beside it."""
    folder = tmp_path_factory.mktemp("hub")
    for name in ("exchange", "homes", "shared"):
        (folder / name).mkdir()
    (folder / "exchange").chmod(0o1777)
    shutil.copy(ROOT / "deploy" / "hub" / "nbgrader_config.py", folder / "shared")
    clone = fresh_clone(folder / "course")
    for step in (["generate_assignment", CHAPTER.name, "--force"], ["release_assignment", CHAPTER.name]):
        nbgrader(folder, clone.folder, *step)
    return folder


def environment(folder: Path) -> dict[str, str]:
    return os.environ | {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "COURSE_EXCHANGE": str(folder / "exchange"),
        "COURSE_TOOLS": sys.prefix,
        "COURSE_DATA": "embedded",
        "JUPYTER_CONFIG_PATH": str(folder / "shared"),
        "PYTHONPATH": str(ROOT),
    }


def nbgrader(folder: Path, where: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "nbgrader", *arguments]
    done = subprocess.run(command, cwd=where, env=environment(folder), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def address(course):
    """A running hub's."""
    with socket.socket() as a, socket.socket() as b, socket.socket() as c:
        for one in (a, b, c):
            one.bind(("127.0.0.1", 0))
        ports = [one.getsockname()[1] for one in (a, b, c)]
    (course / "jupyterhub_config.py").write_text(
        SETTINGS.format(
            config=str(ROOT / "deploy" / "hub" / "jupyterhub_config.py"),
            homes=str(course / "homes"),
            password=PASSWORD,
            environment={name: environment(course)[name] for name in PASSED_ON},
            arguments=["--allow-root"] if os.geteuid() == 0 else [],
            ports=ports,
            folder=str(course),
        )
    )
    command = [sys.executable, "-m", "jupyterhub", "--config", "jupyterhub_config.py"]
    with open(course / "hub.log", "wb") as log:
        process = subprocess.Popen(
            command, cwd=course, env=environment(course), stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield wait_for(f"http://127.0.0.1:{ports[0]}", process, course / "hub.log")
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(PATIENCE)


def wait_for(address: str, process: subprocess.Popen, log: Path) -> str:
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"{address}/hub/login").close()
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.2)
        else:
            return address
    raise AssertionError(log.read_text())


def test_a_student_logs_in_opens_the_released_chapter_and_hands_it_in(page, address, course):
    page.goto(f"{address}/hub/login")
    page.fill("#username_input", "ada")
    page.fill("#password_input", PASSWORD)
    page.click("#login_submit")
    start = page.locator(".jp-MarkdownViewer")
    expect(start).to_contain_text(CHAPTER.name)
    start.get_by_role("link", name=CHAPTER.name).first.click()
    expect(page.locator(".jp-NotebookPanel")).to_contain_text("1 Tensors")

    page.locator(".lm-MenuBar-itemLabel", has_text="Nbgrader").click()
    page.locator(".lm-Menu-itemLabel", has_text="Assignment List").click()
    fetched, submitted = (page.locator(f"#{one}_assignments_list") for one in ("fetched", "submitted"))
    expect(fetched).to_contain_text(CHAPTER.name)
    fetched.get_by_text("Submit", exact=True).first.click()
    expect(submitted).to_contain_text(CHAPTER.name)
    inbound = course / "exchange" / "deep_learning" / "inbound"
    assert len(list(inbound.glob(f"*+{CHAPTER.name}+*"))) == 1
