"""A real JupyterHub in a browser: a chapter from its release to the feedback, as docs/hub.md tells."""

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

from course_utils import lab

import nbformat
import pytest
from playwright.sync_api import FrameLocator, Page, expect

from course_format.chapter import ROOT, chapters
from tests.browser.desk import PATIENCE, menu
from tests.nbgrader_course import fresh_clone
from tests.students import all_ids, solve

CHAPTER = chapters()[0]
STUDENT, INSTRUCTOR = "ada", "instructor"
COURSE = f"homes/{INSTRUCTOR}/deep-learning-notebooks"  # in the folder of the hub
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
    """The folder of a hub, in it the instructor's course, whose first chapter is released."""
    folder = tmp_path_factory.mktemp("hub")
    for name in ("exchange", "homes", "shared"):
        (folder / name).mkdir()
    (folder / "exchange").chmod(0o1777)
    shutil.copy(ROOT / "deploy" / "hub" / "nbgrader_config.py", folder / "shared")
    clone = fresh_clone(folder / COURSE)
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


def log_in(page: Page, address: str, name: str) -> None:
    """Be this user, whoever was logged in before, on what their JupyterLab shows first."""
    page.goto(f"{address}/hub/logout")
    page.goto(f"{address}/hub/login")
    page.fill("#username_input", name)
    page.fill("#password_input", PASSWORD)
    page.click("#login_submit")
    expect(page.locator(".lm-MenuBar")).to_contain_text("Nbgrader")
    first = f"lab/tree/{lab.START}" if name == STUDENT else "lab"
    page.goto(f"{address}/user/{name}/{first}?reset")
    # What is opened before this would lie behind it.
    expect(page.locator(".jp-MarkdownViewer" if name == STUDENT else ".jp-Launcher")).to_be_visible()


def in_terminal(page: Page, command: str, until: Path, makes: str) -> None:
    """Run a command in a terminal of JupyterLab until a folder holds a file that it makes."""
    page.locator(".lm-MenuBar-item", has_text="File").click()
    page.locator(".lm-Menu-itemLabel").get_by_text("New", exact=True).hover()
    page.locator(".lm-Menu-itemLabel").get_by_text("Terminal", exact=True).click()
    page.locator(".jp-Terminal .xterm").click()
    page.keyboard.type(f"{command}\n")
    for _ in range(PATIENCE):
        if list(until.glob(makes)):
            return
        page.wait_for_timeout(1000)
    raise AssertionError(f"{command} made no {makes} in {until}")


def formgrader(page: Page) -> FrameLocator:
    menu(page, "Nbgrader", "Formgrader")
    return page.frame_locator("iframe")


def test_a_student_opens_the_released_chapter_from_the_start_page(page, address):
    log_in(page, address, STUDENT)
    start = page.locator(".jp-MarkdownViewer")
    expect(start).to_contain_text("Nbgrader > Assignment List")
    start.get_by_role("link", name=CHAPTER.name).first.click()
    expect(page.locator(".jp-NotebookPanel")).to_contain_text("1 Tensors")


def test_a_chapter_is_handed_in_collected_graded_and_comes_back_as_feedback(page, address, course):
    exchange, work = (
        course / "exchange" / "deep_learning",
        course / "homes" / STUDENT / "deep_learning" / "work",
    )
    log_in(page, address, STUDENT)
    nbformat.write(solve(CHAPTER, all_ids(CHAPTER)), work / CHAPTER.name / f"{CHAPTER.stem}.ipynb")
    menu(page, "Nbgrader", "Assignment List")
    page.locator("#fetched_assignments_list").get_by_role("button", name="Submit").click()
    expect(page.locator("#submitted_assignments_list")).to_contain_text(CHAPTER.name)

    log_in(page, address, INSTRUCTOR)
    row = formgrader(page).get_by_role("row", name=CHAPTER.name)
    expect(row).to_contain_text("released")
    row.locator(".collect a").click()
    dialog = page.frame_locator("iframe").get_by_role("dialog")
    expect(dialog).to_contain_text(f"Successfully collected submissions of '{CHAPTER.name}'")
    dialog.get_by_role("button", name="OK").click()

    grader = (
        f"python -m course_grader grade {CHAPTER.name} && python -m course_grader feedback {CHAPTER.name}"
    )
    in_terminal(page, grader, course / COURSE / "feedback", f"*/{CHAPTER.name}/*.html")
    log_in(page, address, INSTRUCTOR)
    students = formgrader(page)
    students.get_by_role("link", name="Manage Students").click()
    expect(students.get_by_role("row").nth(1)).to_contain_text("34 / 36")
    in_terminal(page, f"nbgrader release_feedback {CHAPTER.name}", exchange / "feedback", "*.html")

    log_in(page, address, STUDENT)
    menu(page, "Nbgrader", "Assignment List")
    submitted = page.locator("#submitted_assignments_list")
    submitted.get_by_role("button", name="Fetch Feedback").click()
    submitted.get_by_text("view feedback").click()
    page.locator(".jp-DirListing-item", has_text=f"{CHAPTER.stem}.html").dblclick()
    expect(page.frame_locator(".jp-HTMLViewer iframe").locator("body")).to_contain_text("34 of 36 points")


def test_a_student_begins_an_exercise_again_in_a_terminal(page, address, course):
    log_in(page, address, STUDENT)
    again = f"cd ~/deep_learning; python -m course_utils.start_over {CHAPTER.name} ramp"
    folder = course / "homes" / STUDENT / "deep_learning"
    in_terminal(page, again, folder, "work/earlier_answers/*/ramp_*")
