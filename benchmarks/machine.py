"""Where a run takes place, and what else goes on there."""

import os
import platform
import sys
from pathlib import Path


def facts() -> dict[str, object]:
    return {
        "system": platform.platform(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
        "python": python(),
    }


def python() -> str:
    """The interpreter of this run: where it was built makes as much of a difference as its version."""
    return f"{platform.python_version()} of {sys.base_prefix}"


def processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next(
        (line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine()
    )


def busy_seconds(cores: set[int]) -> float:
    """What all programs together have computed on these cores; the kernel counts in steps of 10 ms."""
    rows = (line.split() for line in Path("/proc/stat").read_text().splitlines())
    ticks = {name: sum(map(int, columns[:3])) for name, *columns in rows if name.startswith("cpu")}
    return sum(ticks[f"cpu{core}"] for core in cores) / os.sysconf("SC_CLK_TCK")
