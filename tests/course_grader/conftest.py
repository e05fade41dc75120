"""One fork server for all tests of the grader: starting it takes seconds, forking from it none."""

from typing import Any

import pytest

from course_grader.job import GraderError
from course_grader.run import client
from course_grader.run.client import ForkServer


@pytest.fixture(scope="session")
def server():
    """A fork server in the sandbox."""
    with ForkServer(sandboxed=True) as server:
        server.ensure()
        yield server


@pytest.fixture
def refused(tmp_path, monkeypatch) -> list[dict[str, Any]]:
    """The settings of each fork server that a command in an empty folder wants to start. None starts."""
    asked = []

    def refuse(sandboxed: bool, **settings: Any) -> None:
        asked.append(settings)
        raise GraderError("not in this test")

    monkeypatch.setattr(client, "ForkServer", refuse)
    monkeypatch.chdir(tmp_path)
    return asked
