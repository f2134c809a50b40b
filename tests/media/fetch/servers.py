"""Raw servers on loopback, names answered by an injected resolver, and a fetcher between them."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from gateway.media.fetch.fetcher import UNREACHABLE, Fetcher
from gateway.media.fetch.guard import AllowList
from gateway.media.fetch.remote import Fetched, FetchFailed, FetchLimits

LIMITS = FetchLimits(bytes=1000, time=5.0, redirects=3, parallel=8)
PNG = b"\x89PNG\r\n\x1a\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 8\r\n\r\n" + PNG

Reply = bytes | Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Server:
    """Answers the n-th request with the n-th reply, the last one for ever, and keeps what it was sent."""

    replies: list[Reply]
    requests: list[str] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
            reply = self.replies[min(len(self.requests), len(self.replies)) - 1]
            self.arrived.set()
            if callable(reply):
                await reply(reader, writer)
            else:
                writer.write(reply)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


class Names(AbstractResolver):
    """Answers the n-th question about a name with its n-th list of addresses, the last one for ever."""

    def __init__(self, **names: list[list[str]]) -> None:
        self.names = {name.replace("_", "."): answers for name, answers in names.items()}
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        if host not in self.names:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        answers = self.names[host]
        addresses = answers[min(self.asked.count(host), len(answers)) - 1]
        return [answer(host, port, address) for address in addresses]

    async def close(self) -> None:
        pass


def answer(host: str, port: int, address: str) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)


@dataclass
class World:
    stack: AsyncExitStack

    async def server(
        self, *replies: Reply, host: str = "127.0.0.1", port: int = 0, **options: object
    ) -> Server:
        server = Server(list(replies))
        listener = await asyncio.start_server(server.serve, host, port, **options)
        self.stack.push_async_callback(close_listener, listener)
        server.port = listener.sockets[0].getsockname()[1]
        return server

    def fetcher(
        self,
        limits: FetchLimits = LIMITS,
        resolver: AbstractResolver | None = None,
        allow: str = "127.0.0.1",
        clock: Callable[[], float] = time.monotonic,
    ) -> Fetcher:
        hosts = AllowList.parse(allow.split())
        fetcher = Fetcher(limits, hosts, resolver=resolver or Names(), clock=clock)
        self.stack.push_async_callback(fetcher.close)
        return fetcher


async def close_listener(listener: asyncio.Server) -> None:
    listener.close()


def redirect(location: str, status: int = 302) -> bytes:
    return f"HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode(
        errors="surrogateescape"
    )


async def silence(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def reason_of(fetch: Awaitable[Fetched]) -> str:
    with pytest.raises(FetchFailed) as failed:
        await fetch
    assert failed.value.__cause__ is not None or failed.value.reason != UNREACHABLE
    return failed.value.reason
