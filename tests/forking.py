"""Forks that cost little: a process that has imported torch forks thousands of times in the tests."""

import ctypes
import gc
from pathlib import Path

HUGE = 2 << 20  # bytes of a huge page
MADV_COLLAPSE = 25  # of Linux 6.1


def make_forks_cheap() -> None:
    """Spare each child of this process the copying of memory that it does not change.

    The collector leaves alone what is there now: it would touch every page. And memory comes in huge pages: a
    fork then copies a table of hundreds of entries, not of tens of thousands. Older systems go on as usual.
    """
    gc.freeze()
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
    for line in Path("/proc/self/maps").read_text().splitlines():
        between, rights, _, _, file, *_ = line.split()
        if rights.startswith("rw") and file == "0":
            start, end = (int(address, 16) for address in between.split("-"))
            for page in range(-(-start // HUGE) * HUGE, end - HUGE + 1, HUGE):
                madvise(page, HUGE, MADV_COLLAPSE)
