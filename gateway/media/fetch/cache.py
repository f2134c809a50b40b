"""Fetched bodies by URL, for as long as the headers that came with them allow."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from gateway.media.fetch.freshness import Fields, is_same, lifetime, renewed
from gateway.media.lru import Lru

OVERHEAD = 1024  # of an entry, about: without it, many small bodies would take far more than the budget


@dataclass(frozen=True)
class Kept:
    data: bytes
    content_type: str | None
    fields: Fields
    until: float


class Cache:
    """Keeps bodies within ``budget`` bytes. One that is not fresh may be asked about, and is never served unasked."""

    def __init__(self, budget: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._bodies: Lru[str, Kept] = Lru(budget)
        self.clock = clock

    def get(self, url: str) -> Kept | None:
        return self._bodies.get(url)

    def is_fresh(self, kept: Kept) -> bool:
        return self.clock() < kept.until

    def put(self, url: str, data: bytes, content_type: str | None, fields: Fields, *, asked: float) -> None:
        """Keep a body if it may be kept; it ages from the moment it was ``asked`` for."""
        self._bodies.drop(url)
        seconds = lifetime(fields)
        if seconds is not None:
            size = len(data) + len(url) + sum(map(len, fields.values())) + OVERHEAD
            self._bodies.put(url, Kept(data, content_type, fields, asked + seconds), size)

    def renew(self, url: str, kept: Kept, told: Fields, *, asked: float) -> bool:
        """Take in the headers of a 304. False: it speaks of another version, and none is kept any more."""
        if not is_same(kept.fields, told):
            self._bodies.drop(url)
            return False
        self.put(url, kept.data, kept.content_type, renewed(kept.fields, told), asked=asked)
        return True
