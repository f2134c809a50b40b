"""Pictures that were converted: each once for all who ask at the same time, and kept for the next turn of a chat."""

import hashlib
from typing import NamedTuple

import orjson

from gateway.errors import InvalidRequest, stopping
from gateway.media.blob import Blob
from gateway.media.conform import Mend
from gateway.media.decoders import Undecodable
from gateway.media.flight import Cancelled, Flights
from gateway.media.formats import sniff
from gateway.media.formats.header import Header
from gateway.media.lru import Lru
from gateway.media.workshop import Product, Workshop

_KEPT = 32 << 20  # bytes; some twenty photos at the size in which backends take them


class Print(NamedTuple):
    """A converted picture."""

    blob: Blob
    mime: str


class Darkroom:
    """Has pictures converted by the workshop; ``budget`` is the most pixels that a child may meet."""

    def __init__(self, workshop: Workshop, budget: int) -> None:
        self._workshop = workshop
        self._budget = budget
        self._kept: Lru[str, Print] = Lru(_KEPT)
        self._flights: Flights[str, Print] = Flights()

    async def digest(self, blob: Blob, mend: Mend | None) -> str:
        """Names the picture as it is sent, without converting it first; begins with the original's hash."""
        original = await blob.digest()
        if mend is None:
            return original
        orders = orjson.dumps(mend.orders("", self._budget))
        return f"{original}-{hashlib.sha256(orders).hexdigest()[:16]}"

    async def mended(self, blob: Blob, header: Header, mend: Mend, param: str) -> Print:
        """Raises InvalidRequest where the picture cannot be decoded."""
        digest = await self.digest(blob, mend)
        kept = self._kept.get(digest)
        if kept is not None:
            return kept
        try:
            return await self._flights.join(digest, lambda: self._develop(digest, blob, header, mend))
        except Undecodable as failed:
            raise InvalidRequest(failed.text, param=param, code=failed.code) from failed
        except Cancelled as error:
            raise stopping() from error

    async def close(self) -> None:
        await self._flights.close()

    async def _develop(self, digest: str, blob: Blob, header: Header, mend: Mend) -> Print:
        orders = mend.orders(header.mime, self._budget)
        products = await self._workshop.run("mend", orders, blob.data)
        made = _print(products, mend)
        self._kept.put(digest, made, made.blob.size)
        return made


def _print(products: list[Product], mend: Mend) -> Print:
    """What the child says is not trusted: it has met hostile bytes."""
    if len(products) == 1:
        mime = sniff(products[0].data)
        if mime in mend.formats:
            return Print(Blob.of(products[0].data), mime)
    raise Undecodable("undecodable", "It cannot be decoded.")
