"""The addresses of hosts."""

import asyncio
import socket
from collections.abc import Sequence
from functools import partial
from typing import TypeAlias

from aiohappyeyeballs import AddrInfoType

_KNOWN = 30.0  # seconds until a name is looked up again

Name: TypeAlias = tuple[str, int]
Lookup: TypeAlias = "asyncio.Task[Sequence[AddrInfoType]]"


class Names:
    """Looks a name up once for all who wait: a few threads do that, which a burst of connections would fill."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._lookups: dict[Name, tuple[float, Lookup]] = {}

    async def find(self, name: Name) -> Sequence[AddrInfoType]:
        """The addresses of a host and port. Raises OSError where there are none, and UnicodeError for no name."""
        now = self._loop.time()
        since, lookup = self._lookups.get(name, (now, None))
        if lookup is None or now - since > _KNOWN:
            lookup = self._loop.create_task(self._look_up(name))
            lookup.add_done_callback(partial(self._looked_up, name))
            self._lookups[name] = now, lookup
        return await asyncio.shield(lookup)

    def forget(self, name: Name) -> None:
        """Where the addresses lead nowhere: they may be others by now."""
        if name in self._lookups and self._lookups[name][1].done():
            del self._lookups[name]

    async def _look_up(self, name: Name) -> Sequence[AddrInfoType]:
        return await self._loop.getaddrinfo(*name, type=socket.SOCK_STREAM)

    def _looked_up(self, name: Name, lookup: Lookup) -> None:
        if lookup.cancelled() or lookup.exception():  # which those are told who wait, if any still do
            self.forget(name)
