"""What large media cost in memory: `python -m benchmarks.memory`.

The gateway's highest RSS while many requests with a large picture wait for their turn, and while the largest file goes
through it, to the disk and on to the simulated Ark. Loopback only; whatever is started is stopped.
"""

import asyncio
import base64
import io
import math
import os
import random
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
from PIL import Image

from benchmarks.bodies import HEADERS
from benchmarks.process import Program, free_port, running
from benchmarks.subjects import Arkway, Site

MB = 1 << 20
PICTURE = 8 * MB  # of base64 text
TOGETHER = (8, 32, 128)
FILE = 512 * MB
LIMIT = 120.0


def noise() -> bytes:
    side = math.isqrt(PICTURE * 3 // 4 // 3)
    image = Image.frombytes("RGB", (side, side), random.Random(8).randbytes(side * side * 3))
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)
    return file.getvalue()


def peak(program: Program) -> float:
    """The highest RSS since the last ``forget``, in MB: of the gateway's own process, its children aside."""
    lines = Path(f"/proc/{program.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM"))


def forget(program: Program) -> None:
    Path(f"/proc/{program.process.pid}/clear_refs").write_text("5")


@contextmanager
def vendors(home: Path) -> Iterator[Program]:
    port = free_port()
    command = [str(Arkway().program), "simulate", "--port", str(port)]
    with running(
        command,
        cores={max(os.sched_getaffinity(0))},
        port=port,
        ready_path="/_simulator/state",
        ready_limit=20.0,
        log=home / "simulator.log",
        env={},
    ) as program:
        yield program


@contextmanager
def arkway(home: Path, upstream: int) -> Iterator[Program]:
    site = Site(home, free_port(), upstream)
    with running(
        Arkway().command(site),
        cores={min(os.sched_getaffinity(0))},
        port=site.port,
        ready_path="/health/ready",
        ready_limit=20.0,
        log=home / "arkway.log",
        env={"ARKWAY_ADMISSION__QUEUE_TIMEOUT": "100s"},  # all are to have their turn
    ) as program:
        yield program


async def pictures(program: Program, count: int) -> float:
    """Peak RSS while ``count`` callers send the same large picture at once to a backend that takes it as it is."""
    url = f"data:image/png;base64,{base64.b64encode(noise()).decode()}"
    part = {"type": "image_url", "image_url": {"url": url}}
    body = {"model": "bench-vision", "messages": [{"role": "user", "content": [part]}]}
    forget(program)
    async with session(program) as http:
        statuses = await asyncio.gather(*(post(http, "/v1/chat/completions", body) for _ in range(count)))
    assert set(statuses) == {200}, statuses
    return peak(program)


async def post(http: aiohttp.ClientSession, path: str, body: Any) -> int:
    async with http.post(path, json=body) as response:
        await response.read()
        return response.status


def session(program: Program) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        f"http://127.0.0.1:{program.port}",
        headers={"authorization": HEADERS["authorization"]},
        connector=aiohttp.TCPConnector(limit=0),
        timeout=aiohttp.ClientTimeout(total=LIMIT),
    )


async def zeros() -> AsyncIterator[bytes]:
    """A file that begins as an MP4 does; the rest is nothing."""
    yield b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom".ljust(MB, b"\0")
    for _ in range(FILE // MB - 1):
        yield bytes(MB)


async def file(program: Program) -> dict[str, float]:
    forget(program)
    async with session(program) as http:
        form = aiohttp.FormData({"purpose": "user_data"})
        form.add_field(
            "file", aiohttp.AsyncIterablePayload(zeros()), filename="a.mp4", content_type="video/mp4"
        )
        async with http.post("/v1/files", data=form) as response:
            assert response.status == 200, await response.text()
            stored = await response.json()
        told = {"to the disk": peak(program)}
        forget(program)
        part = {"type": "input_video", "file_id": stored["id"]}
        body = {"model": "ark-vision", "input": [{"role": "user", "content": [part]}]}
        status = await post(http, "/v1/responses", body)
        assert status == 200, status
        return {**told, "on to Ark": peak(program)}


async def measure() -> None:
    with TemporaryDirectory(prefix="arkway-memory-") as name:
        home = Path(name)
        with vendors(home) as upstream:
            for count in TOGETHER:
                place = home / str(count)
                place.mkdir()
                with arkway(place, upstream.port) as program:
                    rest = peak(program)
                    most = await pictures(program, count)
                    print(
                        f"{count:4} requests with a picture of 8 MB at once: {most:6.0f} MB ({rest:.0f} at rest)"
                    )
            place = home / "file"
            place.mkdir()
            with arkway(place, upstream.port) as program:
                for what, most in (await file(program)).items():
                    print(f"a file of 512 MB, {what}: {most:6.0f} MB")


if __name__ == "__main__":
    sys.exit(asyncio.run(measure()))
