"""Grading on a Dask cluster: submissions travel as bytes and results come back, no shared file system.

dask scheduler                                      on one machine
dask worker tcp://scheduler:8786 --nthreads 1       on every machine, as often as it has cores
course-grader grade 01_tensors --scheduler tcp://scheduler:8786
"""

import atexit
import threading
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager

from course_grader.job import GraderError, Job, Result
from course_grader.run.client import ForkServer
from course_grader.run.engine import grade

CONNECT_SECONDS = 20
TRIES = 3  # a submission whose worker died goes to another one, so often

_lock = threading.Lock()
_servers: dict[bool, ForkServer] = {}


def grade_on_worker(job: Job, sandboxed: bool) -> Result:
    """Grade one submission in a Dask worker, which keeps one fork server for all that come."""
    with _lock:
        if sandboxed not in _servers:
            _servers[sandboxed] = ForkServer(sandboxed)
            atexit.register(_servers[sandboxed].stop)
    return grade(job, _servers[sandboxed])


@contextmanager
def connect(address: str) -> Iterator[tuple[Executor, int]]:
    """The cluster behind a scheduler's address, and how many threads its workers have.

    Raises GraderError if there is none, or it has no workers.
    """
    from distributed import Client

    try:
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise GraderError(f"there is no Dask scheduler at {address}: {error}") from error
    with client:
        threads = sum(client.nthreads().values())
        if not threads:
            raise GraderError(f"the scheduler at {address} has no workers yet: start some with `dask worker`")
        yield client.get_executor(pure=False, retries=TRIES), threads
