"""Programs under measurement: started on one core, weighed with all their children, and always stopped."""

import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

STOP_SECONDS = 5.0
POLL_SECONDS = 0.005
HOST = "127.0.0.1"


class StartError(Exception):
    """The program ended, or did not become ready in time."""


@dataclass
class Program:
    process: subprocess.Popen[bytes]
    port: int
    log: Path
    ready_seconds: float = 0.0

    def pids(self) -> Iterator[int]:
        """The whole tree: each program leads a session of its own, which its children share."""
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and session(entry) == self.process.pid:
                yield int(entry.name)

    def cpu_seconds(self) -> float:
        return sum(cpu_seconds(pid) for pid in self.pids())

    def memory(self) -> dict[str, float]:
        """RSS and PSS in MB; in a sum of RSS, pages shared within the tree count more than once."""
        rollups = [smaps(pid) for pid in self.pids()]
        return {f"{kind.lower()}_mb": sum(each.get(kind, 0.0) for each in rollups) for kind in ("Rss", "Pss")}

    def complaint(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1][:200] if lines else "it printed nothing"


def session(entry: Path) -> int | None:
    try:
        stat = (entry / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return int(stat.rpartition(")")[2].split()[3])


def cpu_seconds(pid: int) -> float:
    """From the process's own clock, to the nanosecond, as /proc/PID/stat counts in steps of 10 ms."""
    try:
        return time.clock_gettime(~pid << 3 | 2)
    except OSError:
        return 0.0


def smaps(pid: int) -> dict[str, float]:
    rows = (line.split() for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    return {name.rstrip(":"): int(kilobytes) * 1024 / 1e6 for name, kilobytes, _ in rows}


@contextmanager
def on_cores(cores: set[int]) -> Iterator[None]:
    """Children inherit the cores, so they are on them from their first instruction."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    command: list[str],
    *,
    cores: set[int],
    port: int,
    ready_path: str,
    ready_limit: float,
    log: Path,
    env: Mapping[str, str],
) -> Iterator[Program]:
    began = time.perf_counter()
    with on_cores(cores), log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **env},
            cwd=log.parent,
            start_new_session=True,
        )
    program = Program(process, port, log)
    try:
        await_ready(program, ready_path, ready_limit)
        program.ready_seconds = time.perf_counter() - began
        yield program
    finally:
        stop(process)


def await_ready(program: Program, path: str, limit: float) -> None:
    end = time.perf_counter() + limit
    while not answers(program.port, path):
        if program.process.poll() is not None:
            raise StartError(f"ended with status {program.process.returncode}: {program.complaint()}")
        if time.perf_counter() > end:
            raise StartError(f"not ready after {limit:.0f} s: {program.complaint()}")
        time.sleep(POLL_SECONDS)


def answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=1.0)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def stop(process: subprocess.Popen[bytes]) -> None:
    signal_group(process, signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        pass
    finally:
        signal_group(process, signal.SIGKILL)
        process.wait()


def signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return
