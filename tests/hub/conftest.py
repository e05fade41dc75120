"""The browser of tests/browser, for the hub."""

from tests.browser.conftest import browser, page, pytest_runtest_makereport

__all__ = ["browser", "page", "pytest_runtest_makereport"]
