"""One HTTP answer on its way out, down to resetting its TCP connection."""

import asyncio
import socket
import struct
from collections.abc import Mapping

from starlette.types import Receive, Send

from gateway.simulator.recorder import Record

# l_onoff, l_linger: a close with zero linger sends RST in place of FIN.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Wire:
    def __init__(self, receive: Receive, send: Send, record: Record) -> None:
        self._receive = receive
        self._send = send
        self._record = record

    async def start(self, status: int, headers: Mapping[str, str]) -> None:
        self._record.status = status
        encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": encoded})

    async def write(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})
        self._record.chunks_sent += 1

    async def finish(self, data: bytes) -> None:
        """The last bytes and the end of the body in one write: a caller that closes on [DONE] has seen it all."""
        await self._send({"type": "http.response.body", "body": data, "more_body": False})
        self._record.chunks_sent += bool(data)
        self._record.outcome = "complete"

    async def drip(self, data: bytes, pause: float) -> None:
        for byte in data:
            await self._send({"type": "http.response.body", "body": bytes((byte,)), "more_body": True})
            await asyncio.sleep(pause)
        self._record.chunks_sent += 1

    async def reset(self) -> None:
        """ASGI cannot reset a connection; uvicorn's ``receive`` is bound to the object that holds it."""
        self._record.outcome = "aborted"
        transport = getattr(getattr(self._receive, "__self__", None), "transport", None)
        if transport is None:
            return  # another server: an answer left unfinished closes the connection
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        transport.abort()
        await left(self._receive)


async def left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
