"""Remote pictures, video and PDF: fetched from checked addresses only, within limits of size, time and redirects."""

import asyncio
import io
import re
import time
from collections.abc import Callable
from contextlib import AsyncExitStack

from aiohttp import (
    ClientError,
    ClientOSError,
    ClientPayloadError,
    ClientResponse,
    ClientResponseError,
)
from aiohttp.abc import AbstractResolver
from yarl import URL

from gateway.media.fetch.cache import Cache, Kept
from gateway.media.fetch.dial import Dialler
from gateway.media.fetch.freshness import conditions, relevant
from gateway.media.fetch.guard import (
    AddressRefused,
    AllowList,
    Refused,
    RemoteUrl,
    parse_redirect,
    parse_remote,
)
from gateway.media.fetch.remote import Fetched, FetchFailed, FetchLimits
from gateway.media.flight import Cancelled, Flights

MAX_FETCHES = 64  # of this process; the limit of one request is its caller's
REDIRECTS = frozenset({301, 302, 303, 307, 308})

# One sentence for every outcome of the network: telling refused from closed from silent would map the inside.
UNREACHABLE = "the address is not one that this gateway fetches from or it did not answer in time"


class Fetcher:
    """Fetches over checked addresses; concurrent fetches of one URL share a flight, later ones may share its body.

    A kept body is served for a URL that is read anew; its address was checked when it came. It is keyed by the last
    hop: redirects are followed each time.
    """

    def __init__(
        self,
        limits: FetchLimits,
        allow: AllowList,
        *,
        resolver: AbstractResolver | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits
        self._allow = allow
        self._dialler = Dialler(allow, resolver, limits.dns)
        self._slots = asyncio.Semaphore(MAX_FETCHES)
        self._flights: Flights[str, Fetched] = Flights()
        self._cache = Cache(limits.cache, clock)

    async def fetch(self, url: str) -> Fetched:
        """Fetch a URL, or join the fetch of it that is under way."""
        try:
            return await self._flights.join(url, lambda: self._fetch_once(url))
        except Cancelled as error:
            raise FetchFailed("the gateway is closing") from error

    async def close(self) -> None:
        await self._flights.close()
        await self._dialler.close()

    async def _fetch_once(self, url: str) -> Fetched:
        deadline = asyncio.get_running_loop().time() + self._limits.time
        try:
            return await self._follow(url, deadline)
        except AddressRefused as error:
            raise FetchFailed(UNREACHABLE) from error
        except Refused as error:
            raise FetchFailed(error.reason) from error
        except TimeoutError as error:
            raise FetchFailed(f"it took longer than {self._limits.time:g} seconds") from error
        except ClientPayloadError as error:
            raise FetchFailed("the reply broke off") from _without_content(error)
        except (ClientError, OSError) as error:
            raise FetchFailed(UNREACHABLE) from _without_content(error)

    async def _follow(self, url: str, deadline: float) -> Fetched:
        remote = parse_remote(url, allow=self._allow)
        for _ in range(self._limits.redirects + 1):
            reply = await self._get(remote, deadline)
            if isinstance(reply, Fetched):
                return reply
            remote = parse_redirect(remote, reply, allow=self._allow)
        raise FetchFailed(f"it redirects more than {self._limits.redirects} times")

    async def _get(self, remote: RemoteUrl, deadline: float) -> Fetched | str:
        """Make one hop: the body, or the Location that it redirects to."""
        kept = self._cache.get(remote.url)
        if kept and self._cache.is_fresh(kept):
            return Fetched(kept.data, kept.content_type)
        asked = self._cache.clock()
        async with AsyncExitStack() as stack:
            reply = await self._open(remote, kept, deadline, stack)
            location = reply.headers.get("Location")
            if reply.status in REDIRECTS and location:
                return location
            if not (kept and reply.status == 304):
                return await self._take(remote, reply, asked, deadline)
        if self._cache.renew(remote.url, kept, relevant(reply.headers), asked=asked):
            return Fetched(kept.data, kept.content_type)
        return await self._get(remote, deadline)

    async def _open(
        self, remote: RemoteUrl, kept: Kept | None, deadline: float, stack: AsyncExitStack
    ) -> ClientResponse:
        """Dial and read the head of the reply. Too late is as good as never here, like a refusal or a closed port."""
        try:
            async with asyncio.timeout_at(deadline):
                await stack.enter_async_context(self._slots)
                session = await stack.enter_async_context(await self._dialler.connect(remote))
                headers = conditions(kept.fields) if kept else {}
                get = session.get(URL(remote.url, encoded=True), headers=headers, allow_redirects=False)
                return await stack.enter_async_context(get)
        except TimeoutError as error:
            raise FetchFailed(UNREACHABLE) from error

    async def _take(self, remote: RemoteUrl, reply: ClientResponse, asked: float, deadline: float) -> Fetched:
        _check_head(reply, self._limits.bytes)
        async with asyncio.timeout_at(deadline):
            fetched = Fetched(await _read(reply, self._limits.bytes), reply.headers.get("Content-Type"))
        if reply.status == 200:
            fields = relevant(reply.headers)
            self._cache.put(remote.url, fetched.data, fetched.content_type, fields, asked=asked)
        return fetched


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


def _without_content(error: ClientError | OSError) -> ClientError | OSError:
    """The error for the log: no URL with its signature, nothing that the server sent."""
    if isinstance(error, ClientOSError) or not isinstance(error, ClientError):
        return error
    told = error.message if isinstance(error, ClientResponseError) else type(error).__name__
    return ClientError(re.split(r"[:\n]", told)[0])
