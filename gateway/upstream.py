"""Requests to backends: one pool of connections, timeouts, retries, and the map of what can go wrong there.

The seam to the outside. The rest of the gateway sees ``UpstreamResponse`` and UpstreamError, never the client.
"""

from __future__ import annotations

import asyncio
import importlib
import io
import random
import time
import urllib.request
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, BinaryIO, ClassVar, Protocol
from urllib.parse import urlsplit

import structlog

from gateway import __version__
from gateway.backends.base import Backend, Flow, Form, T, UpstreamReply, UpstreamRequest
from gateway.errors import StorageUnavailable, UpstreamError
from gateway.http1.pool import NotConnected, Pool
from gateway.settings import Upstream

if TYPE_CHECKING:
    from gateway.http1.courier import Courier

_MAX_WHOLE = 256 << 20  # bytes of an answer that is no stream: fifteen 4K pictures as base64 fit
_FIRST_PAUSE = 0.1  # seconds before the first retry; doubles, with jitter

log = structlog.get_logger(__name__)


class Incoming(Protocol):
    """An answer whose headers have come, by lower-case names, as either client has it."""

    status: int
    headers: dict[str, str]

    async def next_chunk(self) -> bytes:
        """What has come since the last call, at least one byte, and nothing at a proper end. Raises one of
        ``UpstreamResponse.failures`` where the connection broke or the body is shorter than it said."""

    async def flow(self, take: Callable[[bytes], bool]) -> bool:
        """Gives all that comes to ``take``, at once as it comes, until that wants no more for now: then true. False
        at a proper end. Raises as ``next_chunk`` does, and what ``take`` raises."""

    def close(self) -> None:
        """Gives the connection back after a whole body, and cuts it otherwise."""


class UpstreamResponse:
    """An answer whose headers have come. Closed before its end, it closes the connection at once."""

    __slots__ = ("_title", "close", "flow", "headers", "next_chunk", "status")

    failures: ClassVar = (OSError,)

    def __init__(self, answer: Incoming, title: str) -> None:
        self._title = title
        self.status = answer.status
        self.headers: Mapping[str, str] = answer.headers
        # The client's own methods: a stream has thousands of chunks, and each layer costs.
        self.next_chunk = answer.next_chunk
        self.flow = answer.flow
        self.close = answer.close

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

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


class Upstreams:
    """Opens requests to backends."""

    def __init__(self, settings: Upstream, per_backend: Mapping[str, Upstream]) -> None:
        self._settings = settings
        self._per_backend = per_backend
        self._pool: Pool | None = None
        self._courier: Courier | None = None
        self._proxies = urllib.request.getproxies()  # the environment is read once: each look takes 20 us

    def policy(self, backend: Backend) -> Upstream:
        return self._per_backend.get(backend.name, self._settings)

    async def start(self) -> None:
        self._pool = Pool()

    async def close(self) -> None:
        if self._pool is not None:
            self._pool.close()
        if self._courier is not None:
            await self._courier.close()

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
            except NotConnected as error:
                failed: Exception = error
            except OSError as error:
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
        try:
            proxy = self._proxy(backend.base_url) if self._proxies else None
            if request.form or proxy:
                answer: Incoming = await self._by_courier(backend, key, request, connect, proxy)
            elif self._pool is None:
                raise RuntimeError("start() comes first")
            else:
                headers = _headers(key, request)
                answer = await self._pool.send(
                    request.method,
                    backend.base_url,
                    request.path,
                    headers,
                    request.body or b"",
                    connect=connect,
                )
        except TimeoutError as error:
            text = f"{backend.title} did not accept a connection within {connect:g} s."
            raise UpstreamError(504, text, code="upstream_timeout") from error
        return UpstreamResponse(answer, backend.title)

    async def _by_courier(
        self, backend: Backend, key: str, request: UpstreamRequest, connect: float, proxy: str | None
    ) -> Incoming:
        if self._courier is None:
            # A tenth of the memory at rest, for what few ever need; and in a thread, as it takes a tenth of a second.
            module = await asyncio.to_thread(importlib.import_module, "gateway.http1.courier")
            self._courier = self._courier or module.Courier()
        form, url = request.form, backend.base_url + request.path
        file = (form.fields, _source(form), form.filename, form.content_type) if form else None
        headers, body = _headers(key, request), request.body or b""
        return await self._courier.send(
            request.method, url, headers, body, connect=connect, proxy=proxy, file=file
        )

    def _proxy(self, base: str) -> str | None:
        """The proxy that the environment names for the way there."""
        url = urlsplit(base)
        proxy = self._proxies.get(url.scheme)
        if proxy is None or urllib.request.proxy_bypass(url.netloc):
            return None
        return proxy if "://" in proxy else f"http://{proxy}"

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
    elif request.method == "POST" and not request.form:
        headers["content-length"] = "0"  # else some servers answer 411 (RFC 9110, 8.6)
    return {**headers, **request.headers}


def _source(form: Form) -> BinaryIO:
    """What the form's file is read from, opened anew for each sending. Raises StorageUnavailable."""
    if isinstance(form.data, bytes):
        return io.BytesIO(form.data)
    try:
        return form.data.open("rb")
    except OSError as error:
        raise StorageUnavailable("disk") from error
