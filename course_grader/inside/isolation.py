"""Linux namespaces, capabilities and limits for one forked process, through libc (Python has them from 3.12).

Sources: unshare(2), user_namespaces(7), pid_namespaces(7), mount(2), prctl(2), capset(2), seccomp(2), bpf(4),
madvise(2).
"""

import contextlib
import ctypes
import errno
import os
import platform
import resource
import signal
import struct
from collections.abc import Iterator
from pathlib import Path

NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = (
    0x00020000,
    0x04000000,
    0x08000000,
    0x10000000,
    0x20000000,
    0x40000000,
)
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1 << 5, 1 << 12, 1 << 14, 1 << 18
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP = 1, 4, 22
PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 36, 38
MADV_COLLAPSE, LARGE_PAGE = 25, 2**21  # Linux 6.1
CAPABILITY_VERSION = 0x20080522
NOBODY = 65534  # the user without rights of its own on every Linux
DATA = "/course-data"  # where the server draws the embedded data; its children may only read there
SCRATCH_SIZE = "256m"  # of each writable folder: they live in memory
OPEN_FILES = 1024  # of one process: pipes and sockets hold memory, too

# System calls that student code has no use for. Their numbers, from the kernel's system call tables.
FORBIDDEN = {
    "x86_64": {
        "shmget": 29,  # memory that belongs to no process
        "memfd_create": 319,
        "memfd_secret": 447,
        "add_key": 248,  # keys outlive a process, and all submissions share the server's key ring
        "request_key": 249,
        "keyctl": 250,
        "perf_event_open": 298,  # parts of the kernel where its holes used to be
        "bpf": 321,
        "userfaultfd": 323,
        "io_uring_setup": 425,
    },
    "aarch64": {
        "shmget": 194,
        "memfd_create": 279,
        "memfd_secret": 447,
        "add_key": 217,
        "request_key": 218,
        "keyctl": 219,
        "perf_event_open": 241,
        "bpf": 280,
        "userfaultfd": 282,
        "io_uring_setup": 425,
    },
}
# The kinds of sockets that notebooks have a use for; others, such as those to a virtual machine's host, are
# in no network namespace. Numbers of the call, and of the families in linux/socket.h.
SOCKET = {"x86_64": 41, "aarch64": 198}
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16}
LOCAL_FAMILIES = {"AF_UNIX": 1}  # where there is no network namespace
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # AUDIT_ARCH_..., linux/audit.h
FIRST_X32 = 0x40000000  # from here on, x86_64 has the same system calls under other numbers

libc = ctypes.CDLL(None, use_errno=True)


def become_nobody() -> None:
    """Stop being root. The kernel holds root to no limit on processes, not even inside namespaces."""
    if os.getuid() == 0:
        become(NOBODY)


def become(user: int) -> None:
    """Stop being root, and be the user and group of this number, for good."""
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    # Changing the user has made /proc/self unwritable for this process; enter_namespaces writes there.
    _call(libc.prctl, PR_SET_DUMPABLE, 1, 0, 0, 0)


def use_large_pages() -> Iterator[int]:
    """Have the kernel put this process's memory into pages of 2 MiB, where it can. Yields after each piece.

    A fork copies a table of all pages: with large ones it takes a quarter of the time, as does a child's end.
    All pieces together take half a second.
    """
    for line in Path("/proc/self/maps").read_text().splitlines():
        where, mode, _, _, file, *name = line.split()
        if mode.startswith("rw") and file == "0" and name in ([], ["[heap]"]):
            first, last = (int(address, 16) for address in where.split("-"))
            for piece in range(-(-first // LARGE_PAGE) * LARGE_PAGE, last - LARGE_PAGE + 1, LARGE_PAGE):
                # An error means that the kernel cannot, or does not know how.
                libc.madvise(ctypes.c_void_p(piece), ctypes.c_size_t(LARGE_PAGE), MADV_COLLAPSE)
                yield piece


def enter_namespaces() -> None:
    """Give this process user, mount, network, IPC and host-name namespaces, and its next child a process one.

    The user stays who it is, and no other user exists inside. Needs a process with one thread.
    """
    uid, gid = os.getuid(), os.getgid()
    _call(libc.unshare, NEWUSER | NEWPID | NEWNET | NEWIPC | NEWUTS)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")


def mount_own_folders(shown: list[Path]) -> None:
    """As the first process of its namespaces: see own processes only, write to own scratch folders only.

    The mounts are this process's own: its keeper goes on seeing the system's processes. shown: what stays
    to be seen even if it lies in /tmp, as a course may.
    """
    _call(libc.unshare, NEWNS)
    _mount("none", "/", "", MS_REC | MS_PRIVATE, "")
    inside = {path: os.open(path, os.O_PATH) for path in shown if path.is_relative_to("/tmp")}
    scratch = f"size={SCRATCH_SIZE},mode=1777"
    _mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, scratch)
    for path, handle in inside.items():
        path.mkdir(parents=True)
        _mount(f"/proc/self/fd/{handle}", str(path), "", MS_BIND | MS_REC, "")
        os.close(handle)
    _mount("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, scratch)
    terminals = "newinstance,ptmxmode=0666,mode=0620"  # a terminal would be a way to other submissions
    _mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, terminals)
    _mount("none", DATA, "", MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, "")
    _mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, "")
    # Nobody inside makes further user namespaces, which would give capabilities back.
    Path("/proc/sys/user/max_user_namespaces").write_text("0")


def drop_capabilities() -> None:
    """Give up every privilege over the own namespaces, for good."""
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    _call(libc.capset, header, (ctypes.c_uint32 * 6)())
    _call(libc.prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def die_with_parent(number: int = signal.SIGKILL) -> None:
    """Have the kernel send this process a signal when its parent ends."""
    _call(libc.prctl, PR_SET_PDEATHSIG, number, 0, 0, 0)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends, so that none is lost from sight."""
    _call(libc.prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def limit_processes(count: int) -> None:
    """At most so many processes and threads. After enter_namespaces it counts only those inside."""
    _, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    count = count if hard == resource.RLIM_INFINITY else min(count, hard)
    resource.setrlimit(resource.RLIMIT_NPROC, (count, count))


def limit_memory(size: int) -> None:
    """At most so many bytes of address space beyond what this process has now. No core dumps."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + size
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def limit_open_files() -> None:
    """At most OPEN_FILES, or fewer if this process may have no more."""
    count = min(OPEN_FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))


def close_files(keep: set[int]) -> None:
    """Close every file descriptor but these."""
    for number in {int(name) for name in os.listdir("/proc/self/fd")} - keep:
        with contextlib.suppress(OSError):  # the one that read the folder is closed already
            os.close(number)


def forbid_system_calls(families: dict[str, int] = FAMILIES) -> None:
    """Have the calls in FORBIDDEN, and sockets that are not of these families, fail as "not implemented".

    In this process and all that come from it.

    Needs PR_SET_NO_NEW_PRIVS. Raises OSError on a processor whose numbers are not known.
    """
    machine = platform.machine()
    if machine not in FORBIDDEN:
        raise OSError(errno.ENOTSUP, f"the system calls of {machine} processors are not known to the sandbox")
    numbers = sorted(FORBIDDEN[machine].values())
    program = _filter(ARCHITECTURES[machine], numbers, SOCKET[machine], sorted(families.values()))
    code = ctypes.create_string_buffer(program, len(program))
    header = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code)))
    _call(libc.prctl, PR_SET_SECCOMP, 2, ctypes.byref(header), 0, 0)


def _filter(architecture: int, numbers: list[int], socket: int, families: list[int]) -> bytes:
    """A program for the kernel's packet filter: it refuses the calls of these numbers.

    And the call `socket`, unless its first argument is one of the families.
    """
    load, equal, greater_equal, give = 0x20, 0x15, 0x35, 0x06  # bpf_common.h
    allow, refuse = 0x7FFF0000, 0x00050000 | errno.ENOSYS  # seccomp.h
    number, arch, first_argument = 0, 4, 16  # where they are in struct seccomp_data, little-endian
    steps = [  # what to do, where to go on if it is true, and if not, with which value
        (load, "next", "next", arch),
        (equal, "next", "refuse", architecture),  # as 32-bit programs it would have other numbers
        (load, "next", "next", number),
        (greater_equal, "refuse", "next", FIRST_X32),
        *((equal, "refuse", "next", one) for one in numbers),
        (equal, "next", "allow", socket),
        (load, "next", "next", first_argument),
        *((equal, "allow", "next", family) for family in families),
        (give, "next", "next", refuse),
        (give, "next", "next", allow),
    ]
    program = b""
    for place, (what, if_true, if_false, value) in enumerate(steps):
        left = len(steps) - place
        skip = {"next": 0, "refuse": left - 3, "allow": left - 2}
        program += struct.pack("HBBI", what, skip[if_true], skip[if_false], value)
    return program


def _mount(source: str, target: str, kind: str, flags: int, options: str) -> None:
    _call(libc.mount, source.encode(), target.encode(), kind.encode(), flags, options.encode())


def _call(function, *arguments) -> None:
    if function(*arguments) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{function.__name__}: {os.strerror(error)}")
