"""A student who comes back: progress that follows each save, the button that runs all above, a new start."""

import re
import shutil

from course_utils import start_over

import pytest
from playwright.sync_api import expect

from course_format.chapter import NOTEBOOKS
from tests.browser.desk import Desk, menu, serving, until

TENSORS = "01_tensors/tensors.ipynb"
COUNTS_FROM_1 = "def ramp(rows, cols):\n    return torch.arange(1.0, rows * cols + 1).reshape(rows, cols)"
RIGHT = "def ramp(rows, cols):\n    return torch.arange(rows * cols, dtype=torch.float32).reshape(rows, cols)"
CHANGED = "has changed on disk since the last time it was opened or saved"


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = tmp_path_factory.mktemp("course")
    shutil.copytree(NOTEBOOKS, folder / "notebooks")
    return folder


@pytest.fixture(scope="module")
def server(browser, course):
    """What `make lab` starts, with the chapters fresh in work/."""
    with serving(["-m", "course_utils.lab"], course, course / "jupyter") as server:
        yield server


@pytest.fixture
def autosave(page, server):
    """JupyterLab saves every three seconds by itself, not every 30."""
    address = f"{server.url}lab/api/settings/@jupyterlab/docmanager-extension:plugin?token={server.token}"
    page.request.put(address, data={"raw": '{"autosaveInterval": 3}'})
    yield
    page.request.put(address, data={"raw": "{}"})


def show(page, tab):
    """Bring a tab of JupyterLab to the front."""
    page.locator(".lm-TabBar-tab", has_text=tab).click()


def save(page):
    page.keyboard.press("ControlOrMeta+S")
    tab = page.locator(".lm-TabBar-tab", has_text="tensors.ipynb")
    expect(tab).not_to_have_class(re.compile("jp-mod-dirty"))


def test_progress_follows_each_save_and_leads_to_the_next_exercise(page, server):
    page.goto(server.lab("START.md"))
    page.get_by_role("link", name="Your progress").click()
    progress = page.locator(".jp-MarkdownViewer", has_text="This page follows what you save")
    row = progress.get_by_role("row", name="01_tensors")
    expect(row).to_contain_text("0 of 18.5")
    row.get_by_role("link").click()
    desk = Desk(page).ready()

    desk.cell("def crop(").locator(".cm-content").click()
    desk.panel.locator(".jp-Toolbar").get_by_text("Run all above").click()
    check = desk.cell('check.exercise("ramp"').locator(".jp-OutputArea").first
    expect(check).to_contain_text("ramp: not done yet")
    said = desk.answer("ramp", "def ramp(", COUNTS_FROM_1)
    expect(said).to_contain_text("✗ counts row by row")
    save(page)
    show(page, "PROGRESS.md")
    expect(progress).to_contain_text("counts row by row: it starts at 1; the first number is 0")

    progress.get_by_role("link", name="Exercise 1.1").first.click()
    expect(desk.answer("ramp", "def ramp(", RIGHT)).to_contain_text("1.5 of 1.5 points")
    save(page)
    show(page, "PROGRESS.md")
    expect(progress).to_contain_text("Go on with exercise 1.2: crop")
    expect(row).to_contain_text("1.5 of 18.5")


def test_a_new_start_under_an_open_notebook_loses_nothing_unsaid(page, server, course):
    page.goto(server.lab(TENSORS))
    desk = Desk(page).ready()
    desk.write("def ramp(", "def ramp(rows, cols):\n    return 'first try'")
    save(page)
    desk.write("def crop(", "def crop(images, top, left, size):\n    return 'not saved'")
    kept = start_over.start_over("01_tensors", "ramp", course)
    assert "first try" in kept.read_text()
    page.keyboard.press("ControlOrMeta+S")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(CHANGED)
    dialog.get_by_role("button", name="Overwrite").click()
    expect(dialog).to_have_count(0)
    saved = course / "work" / TENSORS
    until(page, lambda: "not saved" in saved.read_text())  # the file is written after the dialog is gone

    start_over.start_over("01_tensors", "ramp", course)
    menu(page, "File", "Reload Notebook from Disk")
    expect(desk.cell("def ramp(")).to_contain_text("YOUR CODE HERE")
    expect(desk.cell("def crop(")).to_contain_text("not saved")


def test_what_happens_during_a_save_is_neither_a_conflict_nor_lost(page, server, course, autosave):
    """JupyterLab saves by itself, too: reads the file's hash, writes, reads the hash of what it wrote."""
    asked = []

    def hold_what_follows_a_write(request):
        asked.append(request)
        if len(asked) not in (2, 4):
            request.continue_()

    page.goto(server.lab(TENSORS))
    desk = Desk(page).ready()
    page.route(re.compile(r"/api/contents/01_tensors/tensors\.ipynb\?.*hash=1"), hold_what_follows_a_write)
    desk.write("def ramp(", "def ramp(rows, cols):\n    return 'first'")
    page.keyboard.press("ControlOrMeta+S")
    until(page, lambda: len(asked) == 2)
    desk.write("def ramp(", "def ramp(rows, cols):\n    return 'second'")
    asked[1].continue_()
    until(page, lambda: len(asked) == 4)  # JupyterLab's own save, of what was written during the first
    desk.write("def ramp(", "def ramp(rows, cols):\n    return 'third'")
    menu(page, "File", "Save All")
    page.wait_for_timeout(1000)  # time enough for JupyterLab to take the file for somebody else's
    asked[3].continue_()
    saved = course / "work" / TENSORS
    until(page, lambda: "third" in saved.read_text())
    expect(page.get_by_role("dialog")).to_have_count(0)
