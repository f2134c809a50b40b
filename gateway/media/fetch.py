"""Remote pictures, video and PDF: fetched from checked addresses only, within limits of size, time and redirects."""

import asyncio
import io
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address

from aiohttp import (
    AddrInfoType,
    ClientError,
    ClientPayloadError,
    ClientResponse,
    ClientResponseError,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
)
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from gateway import __version__
from gateway.media.flight import Cancelled, Flights
from gateway.media.guard import (
    AddressRefused,
    AllowList,
    Refused,
    RemoteUrl,
    check_address,
    parse_redirect,
    parse_remote,
)

MAX_ANSWERS = 16
MAX_FETCHES = 64  # of this process; the limit of one request is its caller's
REDIRECTS = frozenset({301, 302, 303, 307, 308})
HEADERS = {"User-Agent": f"arkway/{__version__}", "Accept-Encoding": "identity"}

# One sentence for every outcome of the network: telling refused from closed from silent would map the inside.
UNREACHABLE = "the address is not one that this gateway fetches from or it did not answer"


@dataclass(frozen=True)
class FetchLimits:
    bytes: int
    time: float
    redirects: int
    parallel: int
    dns: float = 3.0


@dataclass(frozen=True)
class Fetched:
    data: bytes
    content_type: str | None


class FetchFailed(Exception):
    """A fetch without a result; `reason` is meant for the caller, the cause for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Fetcher:
    """Fetches over checked addresses; concurrent fetches of one URL share a flight."""

    def __init__(
        self, limits: FetchLimits, allow: AllowList, *, resolver: AbstractResolver | None = None
    ) -> None:
        self._limits = limits
        self._allow = allow
        self._resolver = resolver or SystemResolver()
        self._owns_resolver = resolver is None
        self._slots = asyncio.Semaphore(MAX_FETCHES)
        self._flights: Flights[str, Fetched] = Flights()

    async def fetch(self, url: str) -> Fetched:
        """Fetch a URL, or join the fetch of it that is under way."""
        try:
            return await self._flights.join(url, lambda: self._fetch_once(url))
        except Cancelled as error:
            raise FetchFailed("the gateway is closing") from error

    async def close(self) -> None:
        await self._flights.close()
        if self._owns_resolver:
            await self._resolver.close()

    async def _fetch_once(self, url: str) -> Fetched:
        try:
            async with asyncio.timeout(self._limits.time), self._slots:
                return await self._follow(url)
        except AddressRefused as error:
            raise FetchFailed(UNREACHABLE) from error
        except Refused as error:
            raise FetchFailed(error.reason) from error
        except TimeoutError as error:
            raise FetchFailed(f"it took longer than {self._limits.time:g} seconds") from error
        except ClientPayloadError as error:
            raise FetchFailed("the reply broke off") from error
        except ClientResponseError as error:
            # Its text holds the URL with its query, and what the server sent after the first line.
            raise FetchFailed(UNREACHABLE) from ClientError(error.message.partition("\n")[0])
        except (ClientError, OSError) as error:
            raise FetchFailed(UNREACHABLE) from error

    async def _follow(self, url: str) -> Fetched:
        remote = parse_remote(url, allow=self._allow)
        for _ in range(self._limits.redirects + 1):
            reply = await self._get(remote)
            if isinstance(reply, Fetched):
                return reply
            remote = parse_redirect(remote, reply, allow=self._allow)
        raise FetchFailed(f"it redirects more than {self._limits.redirects} times")

    async def _get(self, remote: RemoteUrl) -> Fetched | str:
        """Make one hop: the body, or the Location that it redirects to."""
        url = URL(remote.url, encoded=True)
        async with await self._connect(remote) as session, session.get(url, allow_redirects=False) as reply:
            location = reply.headers.get("Location")
            if reply.status in REDIRECTS and location:
                return location
            _check_head(reply, self._limits.bytes)
            return Fetched(await _read(reply, self._limits.bytes), reply.headers.get("Content-Type"))

    async def _connect(self, remote: RemoteUrl) -> ClientSession:
        """Make a client for one hop: it knows the checked answers only, whatever the name resolves to later."""
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
            timeout=ClientTimeout(total=None),  # the deadline is over all hops, in _fetch_once
            auto_decompress=False,
            trust_env=False,
        )

    async def _resolve(self, remote: RemoteUrl) -> list[ResolveResult]:
        try:
            async with asyncio.timeout(self._limits.dns):
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


def _check_head(reply: ClientResponse, max_bytes: int) -> None:
    if reply.status in REDIRECTS:
        raise FetchFailed(f"the server answered HTTP {reply.status} without a Location")
    if not 200 <= reply.status < 300:
        raise FetchFailed(f"the server answered HTTP {reply.status}")
    codings = reply.headers.getall("Content-Encoding", [])
    if any(coding.strip().lower() not in ("", "identity") for coding in codings):
        raise FetchFailed("the reply is compressed, which was not asked for")
    if (reply.content_length or 0) > max_bytes:
        raise FetchFailed(f"it has {reply.content_length} bytes, over the limit of {max_bytes}")


async def _read(reply: ClientResponse, max_bytes: int) -> bytes:
    body = io.BytesIO()  # its getvalue() hands out the buffer without a copy
    async for chunk in reply.content.iter_any():
        if body.tell() + len(chunk) > max_bytes:
            raise FetchFailed(f"it is over the limit of {max_bytes} bytes")
        body.write(chunk)
    return body.getvalue()
