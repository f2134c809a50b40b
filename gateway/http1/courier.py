"""What the kept connections do not do, by aiohttp: files as forms, read from disk as they go, and ways through a proxy."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import BinaryIO

import aiohttp

from gateway.http1.connection import Broken
from gateway.http1.pool import NotConnected

_PIECE = 1 << 20  # of a larger body; aiohttp warns of whole ones, whose sending may hold up all others


class Carried:
    """An answer whose headers have come; ``source`` is what is being sent: an answer may come before all of it went."""

    def __init__(self, response: aiohttp.ClientResponse, source: BinaryIO | None) -> None:
        self._response = response
        self._source = source
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.headers.items()}

    async def next_chunk(self) -> bytes:
        try:
            return await self._response.content.readany()
        except aiohttp.ClientError as error:
            raise Broken(str(error)) from error

    async def flow(self, take: Callable[[bytes], bool]) -> bool:
        while chunk := await self.next_chunk():
            if not take(chunk):
                return True
        return False

    def close(self) -> None:
        self._response.close()
        if self._source is not None:
            self._source.close()


class Courier:
    """Sends what it is given, by the proxy that is named with it."""

    def __init__(self) -> None:
        self._session = aiohttp.ClientSession(
            # Admission bounds the number of requests; a second bound here could only make them wait unseen.
            connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=30, keepalive_timeout=30),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
            skip_auto_headers=("Accept",),
        )

    async def close(self) -> None:
        await self._session.close()

    async def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        connect: float,
        proxy: str | None = None,
        file: tuple[Mapping[str, str], BinaryIO, str, str] | None = None,
    ) -> Carried:
        """The answer once its headers have come. ``file`` is a form in place of the body: its fields, the file, its
        name and its type. Raises Broken, NotConnected, and TimeoutError where connecting takes too long."""
        source = file[1] if file else None
        try:
            response = await self._session.request(
                method,
                url,
                data=_form(*file) if file else _pieces(body) if len(body) > _PIECE else body or None,
                headers=headers,
                proxy=proxy,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect),
            )
        except BaseException as error:
            if source is not None:
                source.close()
            if isinstance(error, aiohttp.ConnectionTimeoutError):
                raise TimeoutError from error
            if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ClientHttpProxyError):
                raise NotConnected(str(error)) from error
            if isinstance(error, aiohttp.ClientError):
                raise Broken(str(error)) from error
            raise
        return Carried(response, source)


def _form(fields: Mapping[str, str], source: BinaryIO, name: str, content_type: str) -> aiohttp.FormData:
    form = aiohttp.FormData()
    for field, value in fields.items():
        form.add_field(field, value)
    form.add_field("file", source, filename=name, content_type=content_type)
    return form


async def _pieces(body: bytes) -> AsyncIterator[memoryview]:
    view = memoryview(body)
    for start in range(0, len(body), _PIECE):
        yield view[start : start + _PIECE]
