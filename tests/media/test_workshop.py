"""The workshop, with real children: they do the job, are limited, know no secrets, and never outlive it."""

import asyncio
import gc
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvloop
from PIL import Image

from gateway.errors import GatewayError
from gateway.media import workshop
from gateway.media.decoders import Undecodable
from gateway.media.workshop import Workshop

MEND = {"mime": "image/png", "formats": ["image/png", "image/jpeg"]}
ROOMY = 2 << 30


def picture(width: int = 40, height: int = 30) -> bytes:
    buffer = io.BytesIO()
    Image.frombytes("RGB", (width, height), os.urandom(width * height * 3)).save(
        buffer, "PNG", compress_level=0
    )
    return buffer.getvalue()


def children() -> set[int]:
    """The processes that this one has started and that still stand in the table, zombies too."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(parent) == os.getpid():
                found.add(int(entry.name))
    return found


async def first_child() -> int:
    async with asyncio.timeout(10):
        while not (found := children()):
            await asyncio.sleep(0.002)
    return min(found)


async def started(pid: int) -> int:
    """The child once it runs Python with its environment, waiting for its order."""
    async with asyncio.timeout(10):
        while b"decoders" not in Path(f"/proc/{pid}/cmdline").read_bytes():
            await asyncio.sleep(0.002)
    return pid


@pytest.fixture(autouse=True)
def no_child_and_no_pipe_stays() -> Iterator[None]:
    uvloop.new_event_loop().close()  # the first one opens pipes that stay
    pipes = len(os.listdir("/proc/self/fd"))
    yield
    gc.collect()
    assert children() == set()
    assert len(os.listdir("/proc/self/fd")) <= pipes


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    """A source that never comes: opening it hangs, as a decoder may."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


def room(*, parallel: int = 2, seconds: float = 20, memory: int = ROOMY) -> Workshop:
    return Workshop(parallel=parallel, seconds=seconds, memory=memory)


async def mended(data: bytes | Path, where: Workshop | None = None, **orders: Any) -> Image.Image:
    (product,) = await (where or room()).run("mend", MEND | orders, data)
    image = Image.open(io.BytesIO(product.data))
    assert (product.meta["width"], product.meta["height"]) == image.size
    return image


async def refusal(work: Any) -> str:
    with pytest.raises(Undecodable) as refused:
        await work
    return refused.value.code


async def test_a_job_is_done() -> None:
    assert (await mended(picture(), max_side=20)).size == (20, 15)


async def test_the_child_opens_a_path_itself(tmp_path: Path) -> None:
    path = tmp_path / "picture \N{SNOWMAN}.png"
    path.write_bytes(picture())
    assert (await mended(path)).size == (40, 30)


async def test_large_input_and_output_pass_at_once() -> None:
    data = picture(2000, 1000)
    (product,) = await room().run("mend", MEND | {"formats": ["image/bmp"]}, data)
    assert len(product.data) > 5_999_000


async def test_a_child_that_does_not_read_on_is_heard() -> None:
    """It is refused its job before it has read all of its input."""
    assert await refusal(room().run("no_such_job", {}, bytes(50_000_000))) == "undecodable"


@pytest.mark.parametrize("kind", ["uvloop", "asyncio"])
def test_it_works_in_any_loop_of_any_thread(kind: str) -> None:
    seen: list[Any] = []

    def work() -> None:
        factory = uvloop.new_event_loop if kind == "uvloop" else asyncio.new_event_loop
        with asyncio.Runner(loop_factory=factory) as runner:
            seen.append(runner.run(mended(picture(1500, 1000))).size)
            seen.append(runner.run(refusal(mended(b"broken"))))
            seen.append(runner.run(cancelled()))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(1500, 1000), "truncated_or_broken", True]


async def cancelled() -> bool:
    """Whether a job that is cancelled early leaves no child behind."""
    data = picture(1500, 1000)
    for delay in (0, 0, 0.001, 0.002, 0.005, 0.02):
        task = asyncio.create_task(mended(data))
        await asyncio.sleep(delay)
        task.cancel()
        await asyncio.wait({task})
    return children() == set()


async def test_what_the_child_refuses_is_told_in_our_words() -> None:
    with pytest.raises(Undecodable) as refused:
        await mended(picture()[:500])
    assert refused.value.code == "truncated_or_broken"
    assert refused.value.text == "The picture is truncated or broken."


async def test_a_job_without_a_module_fails_alone() -> None:
    where = room()
    assert await refusal(where.run("no_such_job", {}, b"")) == "undecodable"
    assert (await mended(picture(), where)).size == (40, 30)


async def test_a_child_that_hangs_is_killed(fifo: Path) -> None:
    begun = time.monotonic()
    assert await refusal(room(seconds=0.3).run("mend", MEND, fifo)) == "too_slow_to_decode"
    assert 0.3 <= time.monotonic() - begun < 3
    assert children() == set()


async def test_a_child_kills_itself_where_nobody_does(fifo: Path) -> None:
    order = {"job": "mend", "orders": MEND, "path": str(fifo), "size": 0, "memory": ROOMY, "seconds": 0}
    process = await asyncio.create_subprocess_exec(
        *workshop.COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    async with asyncio.timeout(10):
        await process.communicate(json.dumps(order).encode() + b"\n")
    assert process.returncode == -signal.SIGALRM


async def test_who_leaves_takes_the_child_with_him(fifo: Path) -> None:
    task = asyncio.create_task(room().run("mend", MEND, fifo))
    await first_child()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert children() == set()


async def test_who_leaves_twice_too(fifo: Path) -> None:
    task = asyncio.create_task(room().run("mend", MEND, fifo))
    await first_child()
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(5):
        while children():
            await asyncio.sleep(0.002)


async def test_closing_kills_what_runs_and_turns_away_who_waits(fifo: Path) -> None:
    where = room(parallel=1)
    tasks = [asyncio.create_task(where.run("mend", MEND, fifo)) for _ in range(3)]
    await first_child()
    await where.close()
    assert children() == set()
    for task in tasks:
        with pytest.raises(GatewayError) as stopped:
            await task
        assert stopped.value.code == "gateway_stopping"
    with pytest.raises(GatewayError):
        await mended(picture(), where)
    await where.close()


async def test_closing_right_after_the_start_leaves_nothing(fifo: Path) -> None:
    where = room()
    task = asyncio.create_task(where.run("mend", MEND, fifo))
    await asyncio.sleep(0)
    await where.close()
    with pytest.raises(GatewayError):
        await task


async def test_too_little_memory_is_said_to_be_so() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (6000, 4000)).save(buffer, "PNG", compress_level=1)  # 96 MB when it is decoded
    data = buffer.getvalue()
    assert await refusal(mended(data, room(memory=110 << 20), max_side=300)) == "too_large_to_decode"
    assert (await mended(data, room(memory=1 << 30), max_side=300)).size == (300, 200)


async def test_a_child_that_the_system_kills_is_no_riddle(fifo: Path) -> None:
    task = asyncio.create_task(refusal(room().run("mend", MEND, fifo)))
    os.kill(await first_child(), signal.SIGKILL)
    assert await task == "too_large_to_decode"


async def test_a_child_that_crashes_is_told_as_undecodable(fifo: Path) -> None:
    task = asyncio.create_task(refusal(room().run("mend", MEND, fifo)))
    os.kill(await first_child(), signal.SIGSEGV)
    assert await task == "undecodable"


async def test_no_secret_is_inherited(fifo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARK_API_KEY", "sk-planted")
    task = asyncio.create_task(room().run("mend", MEND, fifo))
    pid = await started(await first_child())
    environment = Path(f"/proc/{pid}/environ").read_bytes()
    open_files = {os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir()}
    task.cancel()
    await asyncio.wait({task})
    names = {entry.partition(b"=")[0] for entry in environment.split(b"\0") if entry}
    assert b"planted" not in environment
    assert names <= {b"PYTHONPATH", b"MALLOC_ARENA_MAX", b"LD_LIBRARY_PATH", b"PYTHONHOME"}
    assert not any(name.startswith("socket:") for name in open_files)


async def test_the_limits_hold_in_the_child(fifo: Path) -> None:
    task = asyncio.create_task(room(seconds=7, memory=ROOMY).run("mend", MEND, fifo))
    pid = await first_child()
    async with asyncio.timeout(10):
        while str(ROOMY) not in (limits := Path(f"/proc/{pid}/limits").read_text()):
            await asyncio.sleep(0.002)
    limits = Path(f"/proc/{pid}/limits").read_text()
    task.cancel()
    await asyncio.wait({task})
    hard = {line[:26].strip(): line[26:].split()[:2] for line in limits.splitlines()}
    assert hard["Max address space"] == [str(ROOMY)] * 2
    assert hard["Max file size"] == ["0"] * 2
    assert hard["Max core file size"] == ["0"] * 2
    assert hard["Max cpu time"] == ["8"] * 2


async def test_it_runs_from_anywhere_and_leaves_nothing_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module that lies where the gateway was started is not taken for the library's."""
    (tmp_path / "json.py").write_text("raise SystemExit")
    (tmp_path / "PIL").mkdir()
    monkeypatch.chdir(tmp_path)
    assert (await mended(picture())).size == (40, 30)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["PIL", "json.py"]
    assert Path.cwd() == tmp_path


async def test_never_more_children_than_allowed() -> None:
    where = room(parallel=2)
    jobs = [asyncio.create_task(mended(picture(), where)) for _ in range(20)]
    most = 0
    while not all(job.done() for job in jobs):
        most = max(most, len(children()))
        await asyncio.sleep(0.002)
    assert most == 2
    assert [job.result().size for job in jobs] == [(40, 30)] * 20


async def test_waiting_for_a_slot_is_not_counted_as_time(fifo: Path) -> None:
    where = room(parallel=1, seconds=1)
    hanging = asyncio.create_task(refusal(where.run("mend", MEND, fifo)))
    await asyncio.sleep(0)  # it takes the slot
    assert (await mended(picture(), where)).size == (40, 30)
    assert await hanging == "too_slow_to_decode"


LIES = {
    "no JSON": b"\x80\x02nonsense\n",
    "no object": b"[1]\n",
    "a deep one": b"[" * 60_000 + b"\n",
    "an endless line": b'"' + b"a" * 1_000_000,
    "no size": b'{"meta": {}, "size": "9"}\n',
    "a negative size": b'{"meta": {}, "size": -1}\n',
    "no meta": b'{"meta": [], "size": 0}\n',
    "half a product": b'{"meta": {}, "size": 9}\nhalf',
    "an error of no shape": b'{"error": "no"}\n',
    "nothing": b"",
}
HUGE = {
    "a size": b'{"meta": {}, "size": 99999999999}\n',
    "a number of products": b'{"meta": {}, "size": 0}\n' * 2000,
}


async def told_by(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lie: bytes) -> str:
    """What comes of a child that was conquered: it stands for the decoders, and says what it likes."""
    package = tmp_path / "gateway" / "media" / "decoders"
    package.mkdir(parents=True)
    (tmp_path / "lie").write_bytes(lie)
    (package / "__main__.py").write_text(
        f"import sys; sys.stdout.buffer.write(open({str(tmp_path / 'lie')!r}, 'rb').read())"
    )
    for parent in (package, package.parent, package.parent.parent):
        (parent / "__init__.py").touch()
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return await refusal(room().run("mend", MEND, bytes(1_000_000)))


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
async def test_a_lying_child_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lie: bytes
) -> None:
    assert await told_by(tmp_path, monkeypatch, lie) == "undecodable"


@pytest.mark.parametrize("lie", HUGE.values(), ids=HUGE)
async def test_a_child_that_answers_too_much_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lie: bytes
) -> None:
    assert await told_by(tmp_path, monkeypatch, lie) == "too_large_to_decode"
