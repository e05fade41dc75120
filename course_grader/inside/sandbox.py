"""The walls around the fork server: bubblewrap shows it a read-only system, and nothing of the course's own.

What is visible: the system's libraries and programs, the Python installation, the virtual environment, and
the packages course_utils and course_grader. What is not: the gradebook, the submissions, the solutions, the
tests, home folders, the network.
"""

import os
import shutil
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path

from course_grader.inside.isolation import DATA
from course_grader.job import GraderError

PACKAGES = ("course_format", "course_utils", "course_grader")
SYSTEM = ("/usr", "/etc/ld.so.cache", "/etc/localtime", "/etc/fonts", "/etc/alternatives")
LINKS = ("/lib", "/lib32", "/lib64", "/bin", "/sbin")  # links into /usr, or folders on older systems


def command() -> list[str]:
    """The bubblewrap command that a server's own command follows. Raises GraderError without bubblewrap."""
    bwrap = shutil.which("bwrap")
    if not sys.platform.startswith("linux") or bwrap is None:
        raise GraderError(
            "the sandbox needs Linux and bubblewrap (apt-get install bubblewrap); "
            "with --no-sandbox the students' code runs as you, beside your files"
        )
    as_root = (
        ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"] if os.getuid() == 0 else ["--unshare-user"]
    )
    shown = shown_paths()
    return [
        bwrap,
        *as_root,
        *("--unshare-net", "--unshare-ipc", "--unshare-uts", "--new-session"),
        *("--perms", "1777", "--tmpfs", "/tmp"),  # first, because the course may lie in it
        *(part for folder in _parents(shown) for part in ("--perms", "0755", "--dir", str(folder))),
        *(part for path in shown for part in ("--ro-bind", str(path), str(path))),
        *(part for link in LINKS for part in _link(Path(link))),
        *("--dev", "/dev", "--dir", "/dev/shm", "--bind", "/proc", "/proc"),
        *("--perms", "1777", "--tmpfs", DATA),
        *("--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp"),
    ]


def environment() -> dict[str, str]:
    """The environment of a server inside the walls: nothing of the instructor's own but language and time."""
    kept = ("LANG", "LC_ALL", "TZ", "PYTHONPATH")
    return {
        "COURSE_DATA_DIR": DATA,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"]),
        "HOME": "/tmp",
        "MPLCONFIGDIR": "/tmp/matplotlib",
        "PYTHONDONTWRITEBYTECODE": "1",
        "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",  # pages of 2 MiB, of which a fork has fewer to copy
        # There is no network: pip would try for half a minute.
        "PIP_RETRIES": "0",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        **{name: os.environ[name] for name in kept if name in os.environ},
    }


def shown_paths() -> list[Path]:
    """What a session sees of the system and of the course. Of paths inside each other the outermost alone."""
    packages = [Path(find_spec(name).origin).parent for name in PACKAGES]
    paths = [*map(Path, SYSTEM), Path(sys.base_prefix), Path(sys.prefix), *packages]
    paths += [Path(sysconfig.get_path("purelib")).resolve()]
    found: list[Path] = []
    for path in sorted({path for path in paths if path.exists()}, key=lambda path: len(path.parts)):
        if not any(path.is_relative_to(outer) for outer in found):
            found.append(path)
    return found


def _parents(shown: list[Path]) -> list[Path]:
    """The folders above the shown ones; bubblewrap itself would make them for root alone."""
    parents = {parent for path in shown for parent in path.parents if parent not in (Path("/"), Path("/tmp"))}
    return sorted(parents, key=lambda path: len(path.parts))


def _link(path: Path) -> list[str]:
    if path.is_symlink():
        return ["--symlink", os.readlink(path), str(path)]
    return ["--ro-bind", str(path), str(path)] if path.exists() else []
