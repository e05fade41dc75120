"""A browser for the tests of this folder, and what its page showed when one of them failed."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.desk import PATIENCE

FAILURES = Path(__file__).with_name("failures")  # ignored by git
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium. Closed with the module: other tests need the thread's event loop."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here: `apt-get install chromium`, or `.ci/run`, and run again")
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=as_root)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh window, which knows of no other one."""
    page = browser.new_page(viewport={"width": 1300, "height": 900})
    page.set_default_timeout(PATIENCE * 1000)
    yield page
    page.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    """Keep what the page of a failed test shows, as a picture and as text, and say where."""
    report = yield
    if report.failed and isinstance(page := getattr(item, "funcargs", {}).get("page"), Page):
        kept = FAILURES / re.sub(r"\W+", "_", item.name)
        FAILURES.mkdir(exist_ok=True)
        page.screenshot(path=kept.with_suffix(".png"))
        kept.with_suffix(".txt").write_text(page.locator("body").inner_text(), encoding="utf-8")
        report.sections.append(("what the page showed", f"{kept}.png\n{kept}.txt"))
    return report
