"""Freed memory stays with the process while it works, and goes back when it is quiet. Each in a process of its own."""

import ctypes
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(
    not (sys.platform == "linux" and hasattr(ctypes.CDLL(None), "malloc_trim")), reason="only glibc is set"
)

_CHURN = """
import resource
from gateway import memory
{set_up}
def churn():
    for _ in range(20):
        kept = [bytes(5 << 20) for _ in range(3)]
churn()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
churn()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""

_QUIET = """
import asyncio
from gateway import memory
memory.keep_freed()

async def main():
    giving = asyncio.create_task(memory.give_back(pause=0.01))
    await asyncio.sleep(0)
    kept = [bytearray(b"x") * (1 << 20) for _ in range(200)]
    full = memory._resident()
    del kept
    async with asyncio.timeout(20):
        while memory._resident() > full - (150 << 20):
            await asyncio.sleep(0.01)
    giving.cancel()

asyncio.run(main())
"""


def run(script: str) -> str:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_large_blocks_are_used_again() -> None:
    kept, unset = (int(run(_CHURN.format(set_up=line))) for line in ("memory.keep_freed()", ""))
    assert kept < unset / 4


def test_what_is_free_goes_back_once_it_is_quiet() -> None:
    run(_QUIET)
