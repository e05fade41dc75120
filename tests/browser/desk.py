"""JupyterLab in a browser, as a person uses it: a server, and what is done on its page."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

PATIENCE = 120  # seconds that anything may take on a slow machine
expect.set_options(timeout=PATIENCE * 1000)


@dataclass(frozen=True)
class Server:
    """A running JupyterLab. url: ends in a slash. token: lets a browser in."""

    url: str
    token: str

    def lab(self, path: str = "") -> str:
        """The address of JupyterLab with one file of its folder open, or none, whatever was open before."""
        return f"{self.url}lab{path and '/tree/' + path}?reset&token={self.token}"


@contextmanager
def serving(command: list[str], folder: Path, private: Path) -> Iterator[Server]:
    """Run a command that starts JupyterLab in `folder`, on a free port; stop it, and its kernels, at the end.

    private: a folder for JupyterLab's own files, so that the settings of whoever runs the tests do not count.
    """
    names = "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"
    own = {name: str(private / name.lower()) for name in names}
    options = ["--no-browser", "--allow-root", "--ServerApp.port_retries=1000"]
    log = private / "jupyterlab.log"
    private.mkdir()
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [sys.executable, *command, *options],
            cwd=folder,
            env=os.environ | own | {"COURSE_DATA": "embedded"},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield _server(process, Path(own["JUPYTER_RUNTIME_DIR"]), log)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(PATIENCE)


def _server(process: subprocess.Popen, runtime: Path, log: Path) -> Server:
    """The server, as it announces itself in a file, as soon as it does."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        for path in runtime.glob("jpserver-*.json"):
            try:
                said: Mapping = json.loads(path.read_text())
            except ValueError:  # half written
                continue
            return Server(said["url"], said["token"])
        time.sleep(0.1)
    raise AssertionError(f"JupyterLab did not start:\n{log.read_text()}")


class Desk:
    """A notebook that is open in JupyterLab."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.panel = page.locator(".jp-NotebookPanel")

    def ready(self) -> "Desk":
        """Wait until the notebook is open and its kernel waits for work."""
        expect(self.panel.locator(".jp-Cell").nth(1)).to_be_visible()
        return self.idle()

    def idle(self) -> "Desk":
        """Wait until nothing runs. Before there is a kernel, JupyterLab passes over what is to be run."""
        expect(self.page.locator("#jp-bottom-panel")).to_contain_text("(ipykernel) | Idle")
        return self

    def cell(self, words: str) -> Locator:
        """The code cell whose source or output has these words, scrolled into view."""
        cell = self.panel.locator(".jp-CodeCell", has_text=words)
        expect(cell).to_have_count(1)
        cell.evaluate("cell => cell.scrollIntoView({block: 'center'})")  # JupyterLab draws what is in view
        return cell

    def write(self, words: str, source: str) -> None:
        """Replace the source of the code cell that has these words, as if typed."""
        editor = self.cell(words).locator(".cm-content")
        editor.click()
        self.page.keyboard.press("ControlOrMeta+A")
        self.page.keyboard.insert_text(source)

    def run(self, words: str) -> Locator:
        """Run the code cell that has these words, to its end. Returns its outputs."""
        cell = self.cell(words)
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Shift+Enter")
        expect(cell.locator(".jp-InputPrompt")).to_have_text(re.compile(r"\[\d+\]:"))
        return cell.locator(".jp-OutputArea").first

    def answer(self, exercise: str, stub: str, source: str) -> Locator:
        """Write an answer, run it and the check below it. Returns what the check says, maybe not yet.

        stub: words of the answer cell.
        """
        self.write(stub, source)
        self.page.keyboard.press("Shift+Enter")  # which goes on to the check
        self.page.keyboard.press("Shift+Enter")
        return self.cell(f'check.exercise("{exercise}"').locator(".jp-OutputArea").first


def menu(page: Page, name: str, entry: str) -> None:
    """Choose an entry of JupyterLab's menu bar, such as "Run", "Run All Cells"."""
    page.locator(".lm-MenuBar-item", has_text=name).click()
    page.locator(".lm-Menu-itemLabel").get_by_text(entry, exact=True).click()


def until(page: Page, condition: Callable[[], bool]) -> None:
    """Wait until a condition holds that the page does not show, such as what a file contains."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited too long"
        page.wait_for_timeout(100)
