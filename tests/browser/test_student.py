"""A student in JupyterLab: from the start page to a passed check, a restart and a demonstration."""

import re
import shutil

import pytest
from playwright.sync_api import Response, expect

from course_format.chapter import NOTEBOOKS
from tests.browser.desk import Desk, Server, menu, serving

TENSORS = "01_tensors/tensors.ipynb"
COUNTS_FROM_1 = "def ramp(rows, cols):\n    return torch.arange(1.0, rows * cols + 1).reshape(rows, cols)"
LOSS = re.compile(r"The loss is \d+\.\d\d")
RIGHT = "def ramp(rows, cols):\n    return torch.arange(rows * cols, dtype=torch.float32).reshape(rows, cols)"


@pytest.fixture(scope="module")
def server(browser, tmp_path_factory):
    """What `make lab` starts, with the chapters fresh in work/."""
    folder = tmp_path_factory.mktemp("course")
    shutil.copytree(NOTEBOOKS, folder / "notebooks")
    with serving(["-m", "course_utils.lab"], folder, folder / "jupyter") as server:
        yield server


def is_save(response: Response) -> bool:
    """Whether it answers that the notebook is saved. JupyterLab saves its own layout, too, when it likes."""
    return response.request.method == "PUT" and f"/api/contents/{TENSORS}" in response.url


def opened(page, server: Server, path: str) -> Desk:
    page.goto(server.lab(path))
    return Desk(page).ready()


def test_the_start_page_leads_to_the_first_chapter(page, server):
    page.goto(server.lab("START.md"))
    start = page.locator(".jp-MarkdownViewer")
    expect(start).to_contain_text(re.compile("Begin with .*01_tensors"))
    expect(start.get_by_role("row", name="15_cifar10")).to_contain_text("4 hours")
    start.get_by_role("row", name="01_tensors Tensors").get_by_role("link").click()
    desk = Desk(page).ready()
    expect(desk.panel.get_by_role("heading", name="1 Tensors", exact=True)).to_be_visible()
    expect(desk.run("import course_utils as cu")).to_be_empty()
    boots = desk.run("boots = clothes.data").get_by_alt_text("Six grey pictures of ankle boots on black")
    expect(boots).to_be_visible()
    expect(desk.run("x = torch.arange(12)")).to_contain_text("numbers in all: 12")

    expect(page.locator("#table-of-contents")).to_contain_text("Exercise 1.1: ramp")
    expect(page.locator(".lm-MenuBar")).not_to_contain_text("Nbgrader")  # no tools of instructors
    expect(page.get_by_role("button", name="Validate")).to_have_count(0)


def test_a_check_names_the_mistake_and_after_a_restart_the_chapter_says_how_to_go_on(page, server):
    desk = opened(page, server, TENSORS)
    desk.run("import course_utils as cu")
    said = desk.answer("ramp", "def ramp(", COUNTS_FROM_1)
    expect(said).to_contain_text("✗ counts row by row")
    expect(said).to_contain_text("it starts at 1; the first number is 0")
    said = desk.answer("ramp", "def ramp(", RIGHT)
    expect(said).to_contain_text("✓ counts row by row")
    expect(said).to_contain_text("1.5 of 1.5 points; hidden checks decide about 0.5 more")
    expect(said).not_to_contain_text("✗")

    menu(page, "Kernel", "Restart Kernel…")
    page.get_by_role("button", name="Confirm Kernel Restart").click()
    said = desk.idle().answer("ramp", "def ramp(", RIGHT)
    expect(said).to_contain_text("NameError: name 'check' is not defined")

    expect(desk.panel).to_contain_text(
        "click the cell where you want to go on and choose Run > Run All Above"
    )
    desk.cell("def crop(").locator(".cm-content").click()
    menu(page, "Run", "Run All Above Selected Cell")
    expect(said).to_contain_text("1.5 of 1.5 points")
    expect(said).not_to_contain_text("NameError")

    with page.expect_response(is_save) as saved:
        menu(page, "File", "Save Notebook")
    assert saved.value.ok
    page.goto(server.lab("START.md"))
    row = page.locator(".jp-MarkdownViewer").get_by_role("row", name="01_tensors Tensors")
    expect(row).to_contain_text("1.5 of 18.5")


def test_the_keyboard_moves_a_slider_and_the_picture_follows(page, server):
    desk = opened(page, server, "03_linear_regression/linear_regression.ipynb")
    desk.run("import course_utils as cu")
    desk.run("km = 1 + 8 * torch.rand")
    page.keyboard.press("Shift+Enter")  # the text "Try it"
    page.keyboard.press("Shift+Enter")  # the folded cell of the demonstration
    demo = desk.cell("def draw_line(").locator(".jp-OutputArea").first
    picture, slope = demo.get_by_alt_text("The 40 trips, a line"), demo.get_by_role("slider").first
    expect(demo).to_contain_text(LOSS)
    before, loss = picture.get_attribute("src"), LOSS.search(demo.inner_text())[0]
    slope.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    expect(demo).to_contain_text("1.50")  # the slope that the slider shows
    expect(demo).not_to_contain_text(loss)
    expect(picture).not_to_have_attribute("src", before)
