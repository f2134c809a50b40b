"""Sending a reply at its pace, with whatever the fault does to it on the way."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.simulator.faults import Fault
from gateway.simulator.reply import DONE, Reply, Stream, Whole
from gateway.simulator.wire import Wire

_FOREVER = 86_400.0
_PIECES = 8
_GARBAGE = b"\x00\xff\xfe\x13}{ not json, not an event \xc3\x28\r\r\n"
_PAGE = b"<!DOCTYPE html><html><head><title>502</title></head><body><h1>Bad Gateway</h1></body></html>"


async def deliver(reply: Reply, fault: Fault, wire: Wire, headers: Mapping[str, str], pace: float) -> None:
    reply = _replaced(reply, fault)
    if isinstance(reply, Whole) and not fault.breaks_body:
        await _deliver_whole(reply, wire, headers)
    else:
        await _deliver_frames(reply, fault, wire, headers, pace)


async def _deliver_whole(reply: Whole, wire: Wire, headers: Mapping[str, str]) -> None:
    length = {"content-type": reply.content_type, "content-length": str(len(reply.body))}
    await wire.start(reply.status, {**length, **headers, **reply.headers})
    await wire.finish(reply.body)


async def _deliver_frames(
    reply: Reply, fault: Fault, wire: Wire, headers: Mapping[str, str], pace: float
) -> None:
    status, extra = (reply.status, reply.headers) if isinstance(reply, Whole) else (200, {})
    await wire.start(status, {"content-type": reply.content_type, **headers, **extra})
    frames = _frames(reply, fault)
    strikes = Strikes.of(fault, len(frames) - 1)
    for index, frame in enumerate(frames):
        if index == strikes.stall:
            await asyncio.sleep(_FOREVER if fault.stall is None else fault.stall)
        if index == strikes.reset:
            return await wire.reset()
        if index == strikes.error and isinstance(reply, Stream):
            return await wire.finish(reply.error(index))
        if index == strikes.cut:
            return await wire.finish(frame[: len(frame) // 2] if fault.cut_mid_frame else b"")
        await _send(frame, index == len(frames) - 1, fault, wire)
        if index < len(frames) - 1:
            await asyncio.sleep(pace)
    return None


async def _send(frame: bytes, last: bool, fault: Fault, wire: Wire) -> None:
    if fault.slow_bytes is not None:
        await wire.drip(frame, fault.slow_bytes)
        if last:
            await wire.finish(b"")
    elif last:
        await wire.finish(frame)
    else:
        await wire.write(frame)


@dataclass(frozen=True)
class Strikes:
    """Before which frame each fault strikes; one beyond the end strikes before the last."""

    stall: int | None
    reset: int | None
    cut: int | None
    error: int | None

    @classmethod
    def of(cls, fault: Fault, last: int) -> "Strikes":
        def within(position: int | None) -> int | None:
            return None if position is None else min(position, last)

        cut = 1 if fault.cut_mid_frame and fault.cut_after is None else fault.cut_after
        return cls(
            within(fault.stall_after), within(fault.reset_after), within(cut), within(fault.error_after)
        )


def _replaced(reply: Reply, fault: Fault) -> Reply:
    if fault.garbage:
        return Whole(_GARBAGE, content_type=reply.content_type)
    if fault.html:
        return Whole(_PAGE, content_type="text/html; charset=utf-8")
    if fault.body is not None:
        return Whole(fault.body.encode(), fault.status or 200, reply.content_type)
    return reply


def _frames(reply: Reply, fault: Fault) -> list[bytes]:
    if isinstance(reply, Whole):
        return _pieces(reply.body)
    ends_with_done = reply.frames[-1].replace(b" ", b"") == DONE.replace(b" ", b"")
    return reply.frames[:-1] if fault.no_done and ends_with_done else reply.frames


def _pieces(body: bytes) -> list[bytes]:
    size = max(1, -(-len(body) // _PIECES))
    return [body[start : start + size] for start in range(0, len(body), size)] or [b""]
