"""Requests to backends: one pool of connections, timeouts, retries, and the map of what can go wrong there.

The seam to the outside. The rest of the gateway sees ``UpstreamResponse`` and UpstreamError, never the client.
"""

import asyncio
import io
import random
import time
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import BinaryIO, ClassVar

import aiohttp
import structlog

from gateway import __version__
from gateway.backends.base import Backend, Flow, Form, T, UpstreamReply, UpstreamRequest
from gateway.errors import StorageUnavailable, UpstreamError
from gateway.settings import Upstream

_MAX_WHOLE = 256 << 20  # bytes of an answer that is no stream: fifteen 4K pictures as base64 fit
_PIECE = 1 << 20  # of a larger body; aiohttp warns of whole ones, whose sending may hold up all others
_FIRST_PAUSE = 0.1  # seconds before the first retry; doubles, with jitter

log = structlog.get_logger(__name__)


class UpstreamResponse:
    """An answer whose headers have come. Closed before its end, it closes the connection at once."""

    failures: ClassVar = (aiohttp.ClientError, OSError)

    def __init__(self, response: aiohttp.ClientResponse, title: str, source: BinaryIO | None = None) -> None:
        """``source`` is what the request's form is read from: an answer may come before all of it is sent."""
        self._response = response
        self._source = source
        self._title = title
        self.status = response.status
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in response.headers.items()}

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def next_chunk(self) -> Callable[[], Awaitable[bytes]]:
        """Gives what has come since the last call, at least one byte, and nothing at a proper end. It raises one
        of ``failures`` where the connection broke or the body is shorter than it said.

        The client's own method: a stream has thousands of chunks, and each layer costs.
        """
        return self._response.content.readany

    def broken(self) -> UpstreamError:
        """What one of ``failures`` means."""
        return UpstreamError(502, f"{self._title} broke off its answer.", code="upstream_broken")

    async def read(self) -> bytes:
        """The whole body."""
        parts, size = [], 0
        try:
            while part := await self.next_chunk():
                parts.append(part)
                size += len(part)
                if size > _MAX_WHOLE:
                    text = f"{self._title} answered more than {_MAX_WHOLE} bytes."
                    raise UpstreamError(502, text, code="upstream_too_large")
        except self.failures as error:
            raise self.broken() from error
        return b"".join(parts)

    def close(self) -> None:
        """Gives the connection back after a whole body, and cuts it otherwise."""
        self._response.close()
        if self._source is not None:
            self._source.close()


class Upstreams:
    """Opens requests to backends."""

    def __init__(self, settings: Upstream, per_backend: Mapping[str, Upstream]) -> None:
        self._settings = settings
        self._per_backend = per_backend
        self._session: aiohttp.ClientSession | None = None

    def policy(self, backend: Backend) -> Upstream:
        return self._per_backend.get(backend.name, self._settings)

    async def start(self) -> None:
        self._session = aiohttp.ClientSession(
            # Admission bounds the number of requests; a second bound here could only make them wait unseen.
            connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=30, keepalive_timeout=30),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
            skip_auto_headers=("Accept",),
            # aiohttp looks through the environment for each request; mostly there is no proxy to find.
            trust_env=bool(urllib.request.getproxies()),
        )

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def open(self, backend: Backend, key: str, request: UpstreamRequest) -> UpstreamResponse:
        """Sends a request and waits for the headers of its answer, whatever their status. How long is the caller's
        business: only connecting has a time of its own.

        A request that got no answer is sent again: up to ``retries`` times where no connection came about, once
        where one broke (backends close idle connections as we take them up). Raises UpstreamError.
        """
        policy = self.policy(backend)
        broken = 0
        for attempt in range(policy.retries + 1):
            try:
                return await self._send(backend, key, request, policy.timeouts.connect)
            except aiohttp.ClientConnectorError as error:
                failed: Exception = error
            except (aiohttp.ClientError, OSError) as error:
                failed, broken = error, broken + 1
            if attempt == policy.retries or broken > 1:
                break
            log.info("upstream.retry", backend=backend.name, attempt=attempt + 1, cause=type(failed).__name__)
            await asyncio.sleep(_FIRST_PAUSE * 2**attempt * (1 + random.random()))  # noqa: S311 - jitter
        text = f"{backend.title} cannot be reached."
        raise UpstreamError(502, text, code="upstream_unreachable") from failed

    async def _send(
        self, backend: Backend, key: str, request: UpstreamRequest, connect: float
    ) -> UpstreamResponse:
        if self._session is None:
            raise RuntimeError("start() comes first")
        form = request.form
        source = _source(form) if form else None
        try:
            response = await self._session.request(
                request.method,
                backend.base_url + request.path,
                data=_payload(form, source) if form and source else _body(request),
                headers=_headers(key, request),
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect),
            )
        except BaseException as error:
            if source:
                source.close()
            if not isinstance(error, aiohttp.ConnectionTimeoutError):
                raise
            text = f"{backend.title} did not accept a connection within {connect:g} s."
            raise UpstreamError(504, text, code="upstream_timeout") from error
        return UpstreamResponse(response, backend.title, source)

    async def fetch(self, backend: Backend, key: str, request: UpstreamRequest) -> UpstreamReply:
        """The whole answer to a request that is no inference (an upload, the list of models), whatever its status."""
        timeouts = self.policy(backend).timeouts
        patience = timeouts.total if request.form else timeouts.first_token  # a large file takes its time
        try:
            async with asyncio.timeout(patience):
                response = await self.open(backend, key, request)
                try:
                    return UpstreamReply(response.status, response.headers, await response.read())
                finally:
                    response.close()
        except TimeoutError as error:
            raise too_slow(backend, patience) from error

    async def drive(self, backend: Backend, key: str, flow: Flow[T]) -> T:
        """Runs a flow: sends what it yields, gives it the answers, returns its result."""
        started = time.monotonic()
        try:
            request = next(flow)
            while True:
                if request.delay:
                    await asyncio.sleep(request.delay)
                request = flow.send(await self.fetch(backend, key, request))
        except StopIteration as stop:
            log.debug("upstream.flow", backend=backend.name, seconds=round(time.monotonic() - started, 3))
            result: T = stop.value
            return result


def too_slow(backend: Backend, seconds: float) -> UpstreamError:
    text = f"{backend.title} gave no answer within {seconds:g} s."
    return UpstreamError(504, text, code="upstream_timeout")


def _headers(key: str, request: UpstreamRequest) -> dict[str, str]:
    headers = {
        "authorization": f"Bearer {key}",
        "accept-encoding": "identity",  # a compressed event stream would sit in the compressor
        "user-agent": f"arkway/{__version__}",
    }
    if request.body is not None:
        headers["content-type"] = "application/json"
        headers["content-length"] = str(len(request.body))
    return {**headers, **request.headers}


def _body(request: UpstreamRequest) -> bytes | AsyncIterator[memoryview] | None:
    body = request.body
    return body if body is None or len(body) <= _PIECE else _pieces(body)


async def _pieces(body: bytes) -> AsyncIterator[memoryview]:
    view = memoryview(body)
    for start in range(0, len(body), _PIECE):
        yield view[start : start + _PIECE]


def _source(form: Form) -> BinaryIO:
    """What the form's file is read from, opened anew for each sending. Raises StorageUnavailable."""
    if isinstance(form.data, bytes):
        return io.BytesIO(form.data)
    try:
        return form.data.open("rb")
    except OSError as error:
        raise StorageUnavailable("disk") from error


def _payload(form: Form, source: BinaryIO) -> aiohttp.FormData:
    payload = aiohttp.FormData()
    for name, value in form.fields.items():
        payload.add_field(name, value)
    payload.add_field("file", source, filename=form.filename, content_type=form.content_type)
    return payload
