"""The C library's memory, set for bodies of megabytes that come and go.

By default glibc takes each large block from the kernel and gives it back at once, and the kernel maps and zeroes every
page of it anew for the next one: half of what a 5 MB picture cost (`make bench`, axis picture). Here freed memory is
kept while there is work, and given back once it is quiet.
"""

import asyncio
import ctypes
import os
import sys
from pathlib import Path

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3  # malloc.h
_KEPT = 512 << 20  # bytes at the heap's end that may lie free
_STEP = 16 << 20  # bytes by which the heap grows
_FROM_KERNEL = (
    256 << 20
)  # bytes from which a block is the kernel's own: parsing JSON takes several times its size
_PAUSE = 5.0  # seconds between two looks
_WORTH = 32 << 20  # bytes by which the process has grown before giving back is worth it


def keep_freed() -> None:
    """Sets the process's allocator; where there is no glibc, nothing is done."""
    if sys.platform == "linux" and hasattr(_libc(), "mallopt"):
        for parameter, value in (
            (_MMAP_THRESHOLD, _FROM_KERNEL),
            (_TRIM_THRESHOLD, _KEPT),
            (_TOP_PAD, _STEP),
        ):
            _libc().mallopt(parameter, value)


async def give_back(pause: float = _PAUSE) -> None:
    """Gives free memory back to the kernel whenever the process has grown, for ever; looks every ``pause`` seconds."""
    if sys.platform != "linux" or not hasattr(_libc(), "malloc_trim"):
        return
    floor = _resident()
    while True:
        await asyncio.sleep(pause)
        if _resident() > floor + _WORTH:
            await asyncio.to_thread(_libc().malloc_trim, 0)
            floor = _resident()


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
