"""What remote fetches promise, without the client that makes them: it takes an eighth of the memory at rest."""

import asyncio
import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.media.fetch.guard import AllowList

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver

    from gateway.media.fetch.fetcher import Fetcher


@dataclass(frozen=True)
class FetchLimits:
    """Bytes and seconds of one fetch, its redirects, how many one request makes at a time; bytes of the cache."""

    bytes: int
    time: float
    redirects: int
    parallel: int
    dns: float = 3.0
    cache: int = 64 << 20


@dataclass(frozen=True)
class Fetched:
    data: bytes
    content_type: str | None


class FetchFailed(Exception):
    """A fetch without a result; `reason` is meant for the caller, the cause for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Remote:
    """The fetcher, made when the first URL is to be fetched."""

    def __init__(
        self, limits: FetchLimits, allow: AllowList, resolver: "AbstractResolver | None" = None
    ) -> None:
        self._limits = limits
        self._allow = allow
        self._resolver = resolver
        self._fetcher: Fetcher | None = None

    async def fetch(self, url: str) -> Fetched:
        """Raises FetchFailed."""
        if self._fetcher is None:
            # In a thread: the import takes a tenth of a second, in which running streams would stand still.
            await asyncio.to_thread(importlib.import_module, "gateway.media.fetch.fetcher")
        return await self._made().fetch(url)

    def _made(self) -> "Fetcher":
        if self._fetcher is None:
            from gateway.media.fetch.fetcher import Fetcher

            self._fetcher = Fetcher(self._limits, self._allow, resolver=self._resolver)
        return self._fetcher

    async def close(self) -> None:
        if self._fetcher is not None:
            await self._fetcher.close()
