"""The site as a reader uses it, on a phone and at a desk, opened from a file and without a network."""

import pytest
from playwright.sync_api import expect

from course_builder import site
from course_format.chapter import chapters

SHOWN = chapters()[:3:2]  # tensors, and linear regression with its wide formulas
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1400, "height": 900}
PAGES = ["index", "glossary", *(chapter.name for chapter in SHOWN)]


@pytest.fixture(scope="module")
def home(browser, tmp_path_factory):
    return site.build(SHOWN, tmp_path_factory.mktemp("site") / "site").parent


@pytest.fixture
def opened(page, home):
    """Opens a page of the site without a network, and returns it when its formulas are drawn."""
    page.context.set_offline(True)

    def open_(name, size=DESK):
        page.set_viewport_size(size)
        page.goto((home / f"{name}.html").as_uri())
        page.wait_for_function("!window.MathJax || MathJax.startup.promise.then(() => true)")
        return page

    return open_


@pytest.mark.parametrize("name", [*PAGES, "search"])
def test_a_page_asks_nothing_of_a_network_and_finds_all_it_needs(name, opened, page):
    asked, missing = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("requestfailed", lambda request: missing.append(request.url))
    page.on("pageerror", lambda error: missing.append(error.message))
    opened(name)
    assert len(asked) > 3
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert missing == []


@pytest.mark.parametrize("width", [PHONE["width"], 768, 1320, 1366, DESK["width"], 1408])
@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_wider_than_the_window(name, width, opened):
    page = opened(name, {"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_every_formula_is_drawn_and_readable_by_a_screen_reader(opened):
    page = opened(SHOWN[1].name)
    formulas = page.locator("article .math").count()
    assert formulas > 10
    assert page.locator("article .math mjx-container svg").count() >= formulas
    assert page.locator("article .math mjx-assistive-mml math").count() >= formulas
    expect(page.locator("[data-mml-node=merror]")).to_have_count(0)


def test_every_picture_is_there(opened):
    page = opened(SHOWN[0].name)
    widths = page.locator("article img").evaluate_all(
        "all => Promise.all(all.map(one => one.decode().then(() => one.naturalWidth)))"
    )
    assert len(widths) > 10 and min(widths) > 0


def test_a_hint_opens_from_the_keyboard(opened):
    page = opened(SHOWN[0].name)
    hint = page.locator("details", has_text="Make all the numbers in one long row first").first
    expect(hint.get_by_text("Make all the numbers in one long row first")).to_be_hidden()
    hint.locator("summary").first.focus()
    page.keyboard.press("Enter")
    expect(hint.get_by_text("Make all the numbers in one long row first")).to_be_visible()


def test_wide_code_is_scrolled_from_the_keyboard(opened):
    page = opened(SHOWN[0].name, PHONE)
    code = page.locator(".exercise pre[tabindex='0']").first
    code.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.activeElement.scrollLeft > 0")


def test_code_that_fits_is_no_stop_for_the_tab_key(opened):
    page = opened(SHOWN[0].name)
    assert page.locator("article pre:not([tabindex])").count() > 20


def test_the_search_finds_a_chapter(opened):
    page = opened("index")
    page.get_by_role("textbox", name="Search").fill("broadcasting")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="1 Tensors").first.click()
    expect(page.locator("h1")).to_contain_text("1 Tensors")


def test_the_theme_follows_the_system_and_can_be_switched(opened, page):
    page.emulate_media(color_scheme="dark")
    opened("index")
    background = "getComputedStyle(document.body).backgroundColor.match(/[0-9]+/)[0] < 100"
    assert page.evaluate(background)
    switch = page.locator("button.theme-toggle:visible")
    switch.click()  # automatic -> light, on a dark system
    page.wait_for_function(f"!({background})")


def test_chapters_lead_to_each_other(opened):
    page = opened(SHOWN[0].name, PHONE)
    page.get_by_role("link", name="Next").click()
    expect(page.locator("h1")).to_contain_text("3 Linear regression")
