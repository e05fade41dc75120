"""A PostgreSQL server of the test's own: in a temporary folder, reached through a socket, gone at the end."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

PATIENCE = 60  # seconds for the server to come up or go down


@dataclass
class Server:
    """A server whose files lie in `folder`, with one database named `gradebook` when it is new."""

    folder: Path
    programs: Path
    process: subprocess.Popen | None = field(default=None)

    def url(self, database: str = "gradebook") -> str:
        """What stands as db_url in nbgrader_config.py."""
        return f"postgresql://grader@/{database}?host={self.folder}"

    def create(self) -> None:
        """Make the files of the server."""
        options = ["--username=grader", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"]
        self._run("initdb", f"--pgdata={self.folder / 'data'}", *options)

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        # Nothing here has to survive the machine.
        settings = [f"--unix_socket_directories={self.folder}", "--listen_addresses=", "--fsync=off"]
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                [self.programs / "postgres", "-D", self.folder / "data", *settings],
                stdout=log,
                stderr=log,
                **self._account(),
            )
        deadline = time.monotonic() + PATIENCE
        while subprocess.call(
            [self.programs / "pg_isready", "--quiet", f"--host={self.folder}"], stdout=subprocess.DEVNULL
        ):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start: {(self.folder / 'log').read_text()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop the server at once; whoever is connected loses the connection."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(PATIENCE)

    def copy(self, database: str, to: str) -> None:
        """Make a second database like one that nobody uses now."""
        self.sql(f'CREATE DATABASE "{to}" TEMPLATE "{database}"')

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Run one statement. Returns what psql prints."""
        address = [f"--host={self.folder}", "--username=grader", f"--dbname={database}"]
        options = ["--no-psqlrc", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]
        return self._run("psql", *address, *options, f"--command={statement}")

    def _run(self, program: str, *arguments: str) -> str:
        done = subprocess.run(
            [self.programs / program, *arguments], capture_output=True, text=True, **self._account()
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stdout}{done.stderr}")
        return done.stdout.strip()

    def _account(self) -> dict:
        """PostgreSQL refuses to run as root: run it as the owner of the folder."""
        owner = self.folder.stat()
        account = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
        return {"cwd": self.folder} | (account if os.geteuid() == 0 else {})


def programs() -> Path:
    """The folder of the newest PostgreSQL that Debian's package installed."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if not found:
        raise RuntimeError("PostgreSQL is not installed: run `apt-get install postgresql`")
    return max(found, key=lambda path: float(path.parent.name))


@contextmanager
def server() -> Iterator[Server]:
    """A running server. Afterwards neither a process nor a file of it is left."""
    tools = programs()
    # Not pytest's folder: that is root's alone, and the name of a socket must be short.
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "nobody", "nogroup")
        running = Server(folder, tools)
        running.create()
        running.start()
        try:
            running.sql("CREATE DATABASE gradebook")
            yield running
        finally:
            running.stop()
    finally:
        shutil.rmtree(folder)
