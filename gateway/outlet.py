"""Where an answer goes: an HTTP request, a turn on a WebSocket, or the store of what runs in the background."""

from collections.abc import Mapping
from typing import Protocol


class Outlet(Protocol):
    """Takes one answer, from ``begin`` to ``end``."""

    def begin(self, status: int, headers: Mapping[str, str], length: int | None = None) -> None:
        """The head; it goes out with what follows. ``length`` is the body's, in bytes, where it is known."""

    def write(self, block: bytes) -> bool:
        """A piece of the body, or nothing to send the head off. Whether more may follow before ``ready``."""

    async def ready(self) -> None:
        """Returns when what was written has gone far enough for more."""

    async def end(self, block: bytes = b"") -> None:
        """The last of the body."""
