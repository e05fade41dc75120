"""The browser of tests/browser, for the hub."""

from tests.browser.conftest import browser, page

__all__ = ["browser", "page"]
