"""One fork server for all tests of the grader: starting it takes seconds, forking from it none."""

import pytest

from course_grader.run.client import ForkServer


@pytest.fixture(scope="session")
def server():
    """A fork server in the sandbox."""
    with ForkServer(sandboxed=True) as server:
        server.ensure()
        yield server
