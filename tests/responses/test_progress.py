"""Streams are kept when they end, and work in the background is kept however it ends."""

import asyncio
from typing import Any

import pytest

from gateway.errors import UpstreamError
from gateway.outlet import Outlet
from gateway.wire import sse
from gateway.wire.replay import replayed
from gateway.wire.translate.translation import Mark

from .conftest import World

MARK = Mark("ab" * 16, 1_000_000)
ID = f"resp_{MARK.digits}"
ITEM = {"id": "msg_1", "type": "message", "role": "assistant", "content": []}
DONE = {"id": ID, "object": "response", "status": "completed", "output": [ITEM], "model": "qwen-vl"}
FRAMES = list(replayed(DONE))


def turn(world: World) -> Any:
    return world.lifecycle.turn("me", {"model": "qwen-vl", "input": "hi", "metadata": {"a": "b"}}, "maas")


async def kept(world: World) -> dict[str, Any] | None:
    stored = await world.lifecycle.store.get("me", ID)
    return stored.response if stored else None


async def test_a_stream_is_kept_before_its_last_event_goes_out(world: World) -> None:
    following = world.lifecycle.follow("me", turn(world), lambda: None)
    for frame in FRAMES[:-1]:
        assert not following.tell(frame)
        assert await kept(world) is None
    assert following.tell(FRAMES[-1])
    await following.settle()
    assert await kept(world) == DONE
    following.close()
    assert world.lifecycle.running.find("me", ID) is None


@pytest.mark.parametrize("keeps", [True, False])
async def test_a_stream_that_is_cancelled(world: World, keeps: bool) -> None:
    stop = asyncio.Event()
    following = world.lifecycle.follow("me", turn(world) if keeps else None, stop.set)
    following.tell(FRAMES[0] + FRAMES[1])
    cancelling = asyncio.create_task(world.lifecycle.running.cancel("me", ID))
    await stop.wait()
    assert following.cancelled
    read = sse.read(await following.cut())
    following.close()
    work = await cancelling
    assert work
    assert read
    assert read.name == "response.cancelled"
    assert work.course.response["status"] == "cancelled"
    assert await kept(world) == (work.course.response if keeps else None)


async def test_a_stream_that_never_said_its_id(world: World) -> None:
    following = world.lifecycle.follow("me", turn(world), lambda: None)
    following.tell(sse.KEEP_ALIVE)
    following.close()
    assert not following.cancelled


async def sent(outlet: Outlet, *frames: bytes) -> None:
    outlet.begin(200, {})
    for frame in (*frames, sse.KEEP_ALIVE):
        if not outlet.write(frame):
            await outlet.ready()
    await outlet.end()


async def events_of(world: World) -> bytes:
    work = world.lifecycle.running.find("me", ID)
    assert work
    assert work.events
    return b"".join([block async for block in work.events.follow(-1, 60)])


async def test_work_in_the_background_goes_on_and_is_kept(world: World) -> None:
    go = asyncio.Event()

    async def serve(outlet: Outlet) -> None:
        await go.wait()
        await sent(outlet, *FRAMES)

    draft = await world.lifecycle.start(turn(world), MARK, serve)
    assert (draft["id"], draft["status"], draft["background"]) == (ID, "queued", True)
    assert draft["metadata"] == {"a": "b"}
    assert await kept(world) == draft
    go.set()
    assert await events_of(world) == b"".join(FRAMES)
    assert await kept(world) == DONE
    assert await world.lifecycle.store.events("me", ID) == b"".join(FRAMES)


async def test_failure_in_the_background_is_told_in_the_response(world: World) -> None:
    async def serve(outlet: Outlet) -> None:
        await sent(outlet, FRAMES[0])
        raise UpstreamError(502, "ModelArts broke off.", code="upstream_broken")

    await world.lifecycle.start(turn(world), MARK, serve)
    told = await events_of(world)
    response = await kept(world)
    assert response
    assert (response["status"], response["error"]["code"]) == ("failed", "upstream_broken")
    last = sse.last_event(told)
    assert last
    assert last.name == "response.failed"
    assert (last.json() or {})["sequence_number"] == 1


async def test_cancelled_work_keeps_what_was_whole(world: World) -> None:
    begun = asyncio.Event()

    async def serve(outlet: Outlet) -> None:
        await sent(outlet, *FRAMES[:-1])
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await sent(
                outlet, *replayed({**DONE, "status": "failed"})
            )  # what a stopping stream says is not the reason
            raise

    await world.lifecycle.start(turn(world), MARK, serve)
    await begun.wait()
    work = await world.lifecycle.running.cancel("me", ID)
    assert work
    assert await kept(world) == work.course.response
    assert (work.course.response["status"], work.course.response["output"]) == ("cancelled", [ITEM])


async def test_work_that_the_stop_ends_has_failed(world: World) -> None:
    begun = asyncio.Event()

    async def serve(outlet: Outlet) -> None:
        begun.set()
        await asyncio.Event().wait()

    await world.lifecycle.start(turn(world), MARK, serve)
    await begun.wait()
    await world.lifecycle.running.close()
    response = await kept(world)
    assert response
    assert (response["status"], response["error"]["code"]) == ("failed", "gateway_stopping")


async def test_work_of_a_process_that_has_gone_has_failed(world: World) -> None:
    async def serve(outlet: Outlet) -> None:
        await asyncio.Event().wait()

    await world.lifecycle.start(turn(world), MARK, serve)
    world.now += 60
    response = await kept(world)
    assert response
    assert (response["status"], response["error"]["code"]) == ("failed", "gateway_stopped")
    await world.lifecycle.running.close()
