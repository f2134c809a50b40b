"""Where hostile bytes are decoded: one child process for each job, limited, without secrets, and killed on time.

A decoder that is conquered, hangs or eats memory harms its own job only, and its memory goes back to the system.
What a child answers is not trusted: lines, sizes and the number of products are bounded.
"""

import asyncio
import json
import os
import signal
import sys
import time
from asyncio import StreamReader, StreamWriter
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, cast

import orjson
import structlog

from gateway.errors import GatewayError, stopping
from gateway.media.decoders import Undecodable

MAX_LINE = 64 << 10
MAX_PRODUCTS = 1024
MAX_OUTPUT = 256 << 20
MAX_CODE, MAX_TEXT = 50, 500
MAX_COMPLAINT = 2 << 10
CHUNK = 256 << 10
FAREWELL = 2.0  # seconds for the pipes of a killed child to end: what it started may still hold them
COMMAND = (sys.executable, "-s", "-P", "-B", "-W", "ignore", "-m", "gateway.media.decoders")
KEPT = ("LD_LIBRARY_PATH", "PYTHONHOME", "SYSTEMROOT")

log = structlog.get_logger(__name__)


class Product(NamedTuple):
    """One result of a job: what the decoder says of it, and its bytes."""

    meta: dict[str, Any]
    data: bytes


class Workshop:
    """Runs jobs of `gateway.media.decoders`, so many at a time, each within its seconds and bytes of memory."""

    def __init__(self, *, parallel: int, seconds: float, memory: int = 2 << 30) -> None:
        self._parallel = parallel
        self._seconds = seconds
        self._memory = memory
        self._slots = asyncio.Semaphore(parallel)
        self._children: set[_Child] = set()
        self._closed = False

    async def run(self, job: str, orders: Mapping[str, Any], source: bytes | Path) -> list[Product]:
        """The products of a job. Raises Undecodable. Waiting for a slot does not count as time."""
        data = source if isinstance(source, bytes) else b""
        request = {
            "job": job,
            "orders": dict(orders),
            "path": None if isinstance(source, bytes) else str(source),
            "size": len(data),
            "memory": self._memory,
            "seconds": self._seconds,
        }
        line = json.dumps(request).encode() + b"\n"
        await self._slots.acquire()  # given back when the child is gone, whenever its caller leaves
        if self._closed:
            self._slots.release()
            raise stopping()
        # A task of its own: a start that is cancelled halfway would leave its child to be found by chance.
        starting = asyncio.create_task(_Child.start(job, line, data))
        try:
            return await self._answer(starting)
        finally:
            await asyncio.shield(self._end(starting))

    async def _answer(self, starting: "asyncio.Task[_Child]") -> list[Product]:
        try:
            async with asyncio.timeout(self._seconds):
                child = await asyncio.shield(starting)
                if self._closed:
                    raise stopping()
                self._children.add(child)
                return await child.answer()
        except (TimeoutError, Undecodable) as error:
            if self._closed:
                raise stopping() from error
            if isinstance(error, Undecodable):
                raise
            raise _too_slow(self._seconds) from error

    async def _end(self, starting: "asyncio.Task[_Child]") -> None:
        try:
            await asyncio.wait({starting})
            if starting.exception() is None:
                self._children.discard(starting.result())
                await starting.result().end()
        finally:
            self._slots.release()

    async def close(self) -> None:
        """Kill what runs, and wait until it is gone; whoever waits is told that the gateway stops."""
        self._closed = True
        for child in self._children:
            child.kill()
        for _ in range(self._parallel):
            await self._slots.acquire()
        for _ in range(self._parallel):
            self._slots.release()


class _Child:
    """The process of one job, fed and heard until its end."""

    def __init__(self, process: Process, job: str, request: bytes, data: bytes) -> None:
        self._process = process
        self._stdout = cast(StreamReader, process.stdout)  # all three are pipes
        self._feeding = asyncio.create_task(_feed(cast(StreamWriter, process.stdin), request, data))
        self._complaint = asyncio.create_task(_read_tail(cast(StreamReader, process.stderr)))
        self._report = log.bind(job=job, pid=process.pid, taken=len(data))
        self._begun = time.monotonic()
        self._given = 0

    @classmethod
    async def start(cls, job: str, request: bytes, data: bytes) -> "_Child":
        return cls(await _start(), job, request, data)

    async def answer(self) -> list[Product]:
        """What the child answers. Raises Undecodable with its reason, or with ours where it has none."""
        products: list[Product] = []
        try:
            while (line := await _read_line(self._stdout)).keys() == {"meta", "size"}:
                size = _size(line, MAX_OUTPUT - self._given)
                if len(products) == MAX_PRODUCTS:
                    raise _too_much()
                products.append(Product(_object(line["meta"]), await self._stdout.readexactly(size)))
                self._given += size
            if line == {"done": True}:
                return products
            error = _object(line.get("error"))
            raise Undecodable(str(error.get("code"))[:MAX_CODE], str(error.get("text"))[:MAX_TEXT])
        except EOFError as broken:
            raise _fate(await self._process.wait()) from broken
        except ValueError as nonsense:
            raise _undecodable() from nonsense

    def kill(self) -> None:
        """With what it started."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def end(self) -> None:
        """Kill it if it runs, read its pipes to their ends so that they are closed, and reap it."""
        self.kill()
        seconds = round(time.monotonic() - self._begun, 3)
        try:
            async with asyncio.timeout(FAREWELL):
                await asyncio.gather(self._feeding, _discard(self._stdout), self._complaint)
                await self._process.wait()
        except TimeoutError:
            self._report.warning("decoder.lingers")
            return
        complaint = self._complaint.result().decode("utf-8", "replace")
        self._report.debug("decoder.ended", given=self._given, seconds=seconds, complaint=complaint)


async def _start() -> Process:
    try:
        return await asyncio.create_subprocess_exec(
            *COMMAND,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=_environment(),
            limit=MAX_LINE,
            start_new_session=True,  # Ctrl-C is for the gateway, and a whole group can be killed
        )
    except OSError as error:
        text = "The gateway cannot start a decoder now; send the request again."
        raise GatewayError(503, text, type="server_error", code="overloaded") from error


def _environment() -> dict[str, str]:
    """Nothing but what Python needs to find the modules that the gateway itself would import."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    return {**kept, "PYTHONPATH": path, "MALLOC_ARENA_MAX": "2"}


async def _feed(stdin: StreamWriter, request: bytes, data: bytes) -> None:
    view = memoryview(data)
    try:
        stdin.write(request)
        for start in range(0, len(view), CHUNK):
            stdin.write(view[start : start + CHUNK])
            await stdin.drain()
    except (BrokenPipeError, ConnectionResetError):
        pass  # the child has seen enough; its answer says why
    finally:
        stdin.close()


async def _read_tail(stream: StreamReader) -> bytes:
    tail = b""
    while chunk := await stream.read(CHUNK):
        tail = (tail + chunk)[-MAX_COMPLAINT:]
    return tail


async def _discard(stream: StreamReader) -> None:
    while await stream.read(CHUNK):
        pass


async def _read_line(stdout: StreamReader) -> dict[str, Any]:
    line = await stdout.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    return _object(orjson.loads(line))


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def _size(line: dict[str, Any], left: int) -> int:
    size = line["size"]
    if type(size) is not int or size < 0:
        raise ValueError("not a size")
    if size > left:
        raise _too_much()
    return size


def _fate(status: int) -> Undecodable:
    """Why a child died that has not said it."""
    if status == -signal.SIGXCPU:
        return Undecodable("too_slow_to_decode", "Decoding it takes longer than is allowed here.")
    if status == -signal.SIGKILL:  # by the system: it was out of memory
        return Undecodable("too_large_to_decode", "Decoding it takes more memory than there is.")
    return _undecodable()


def _undecodable() -> Undecodable:
    return Undecodable("undecodable", "It cannot be decoded.")


def _too_much() -> Undecodable:
    text = f"Decoding it gives more than {MAX_OUTPUT} bytes or {MAX_PRODUCTS} parts."
    return Undecodable("too_large_to_decode", text)


def _too_slow(seconds: float) -> Undecodable:
    return Undecodable("too_slow_to_decode", f"Decoding it takes longer than {seconds:g} seconds.")
