"""Connections to checked addresses: names are resolved once, and no other address is dialled."""

import asyncio
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from ipaddress import ip_address

from aiohttp import AddrInfoType, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult

from gateway import __version__
from gateway.media.fetch.guard import AddressRefused, AllowList, RemoteUrl, check_address

MAX_ANSWERS = 16
HEADERS = {"User-Agent": f"arkway/{__version__}", "Accept-Encoding": "identity"}


class Dialler:
    """Makes a client for each hop, which knows the checked answers only, whatever the name resolves to later."""

    def __init__(self, allow: AllowList, resolver: AbstractResolver | None, dns_time: float) -> None:
        self._allow = allow
        self._resolver = resolver or SystemResolver()
        self._owns_resolver = resolver is None
        self._dns_time = dns_time

    async def close(self) -> None:
        if self._owns_resolver:
            await self._resolver.close()

    async def connect(self, remote: RemoteUrl) -> ClientSession:
        connector = TCPConnector(
            resolver=_Pinned([] if remote.address else await self._resolve(remote)),
            use_dns_cache=False,
            force_close=True,
            socket_factory=partial(open_socket, remote, self._allow),
        )
        return ClientSession(
            connector=connector,
            cookie_jar=DummyCookieJar(),
            headers=HEADERS,
            timeout=ClientTimeout(total=None),  # the deadline is the caller's, over all hops
            auto_decompress=False,
            trust_env=False,
        )

    async def _resolve(self, remote: RemoteUrl) -> list[ResolveResult]:
        try:
            async with asyncio.timeout(self._dns_time):
                answers = await self._resolver.resolve(remote.host, remote.port, family=socket.AF_UNSPEC)
        except TimeoutError as error:
            raise AddressRefused(f"no answer about {remote.host}") from error
        if not answers:
            raise AddressRefused(f"{remote.host} has no address")
        for answer in answers:  # one bad answer condemns all, or the order of them would decide
            _check_text(answer["host"], remote, self._allow)
        return answers[:MAX_ANSWERS]


class SystemResolver(AbstractResolver):
    """The system's resolver in threads of its own, so that a name server that hangs holds up nothing else."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(16, thread_name_prefix="resolver")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        look_up = partial(socket.getaddrinfo, host, port, family, socket.SOCK_STREAM, 0, socket.AI_ADDRCONFIG)
        found = await asyncio.get_running_loop().run_in_executor(self._threads, look_up)
        return [
            ResolveResult(hostname=host, host=str(at[0]), port=port, family=kind, proto=proto, flags=0)
            for kind, _, proto, _, at in found
        ]

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


class _Pinned(AbstractResolver):
    """The answers that passed, for as often as the client asks: it retries a connection that breaks."""

    def __init__(self, answers: Sequence[ResolveResult]) -> None:
        self._answers = list(answers)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return self._answers

    async def close(self) -> None:
        pass


def open_socket(remote: RemoteUrl, allow: AllowList, info: AddrInfoType) -> socket.socket:
    """Open the socket that is about to be dialled: the last look at the very address."""
    family, kind, protocol, _, address = info
    try:
        _check_text(str(address[0]), remote, allow)
    except AddressRefused as error:  # the client expects an OSError here
        raise PermissionError(error.reason) from error
    return socket.socket(family, kind, protocol)


def _check_text(address: str, remote: RemoteUrl, allow: AllowList) -> None:
    try:
        parsed = ip_address(address)
    except ValueError:
        raise AddressRefused(f"{address!r} is no address") from None
    check_address(parsed, allow=allow, host=remote.host, port=remote.port)
