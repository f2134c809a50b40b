"""One try at one backend: what was made of a call is sent, and what comes back becomes the reply."""

import random
import time
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from gateway.access.gate import Principal
from gateway.admission import Ticket
from gateway.backends.base import Api, Dialect, Json, UpstreamRequest
from gateway.concurrency import Patience, side_by_side
from gateway.errors import UpstreamError
from gateway.media.resolved import Place
from gateway.reply import Streamed, Whole
from gateway.responses.chain import Continuation
from gateway.responses.keeping import Turn
from gateway.responses.lifecycle import Lifecycle
from gateway.routing import Prepared
from gateway.telemetry import Record
from gateway.upstream import UpstreamResponse, Upstreams, too_slow
from gateway.wire import body as wire_body
from gateway.wire import usage
from gateway.wire.headers import Headers
from gateway.wire.stream import Chained, Stream
from gateway.wire.translate.translation import Mark


class Call(NamedTuple):
    """One request as the edge read it."""

    api: Api
    dialect: Dialect
    headers: Headers
    body: Json
    principal: Principal
    record: Record
    ticket: Ticket
    continuation: Continuation | None = None  # where a connection remembers its responses
    continues: str | None = None  # the response that its caller goes on from
    said: Json | None = None  # a Responses body before what is stored was put into it
    mark: Mark | None = None  # where the answer's id is told already


class FilesGone(Exception):
    """The backend does not know files any more that the gateway had uploaded to it."""


class Exchange(NamedTuple):
    """``requests`` are several where the backend makes one picture a call; ``file_ids`` are those of our uploads."""

    call: Call
    place: Place
    prepared: Prepared
    requests: Sequence[UpstreamRequest]
    file_ids: Sequence[str]
    lifecycle: Lifecycle
    turn: Turn | None = None  # where the gateway keeps the response

    async def reply(self, upstreams: Upstreams, keep_alive: float) -> Whole | Streamed:
        """The reply, which owns the connection to the backend until it has been sent.

        Raises UpstreamError, and FilesGone.
        """
        timeouts = upstreams.policy(self.place.backend).timeouts
        # A whole answer sends its headers when it is done, a stream when it begins.
        patience = timeouts.first_token if self.call.record.stream else timeouts.total
        try:
            with Patience(patience):
                if self.call.record.stream:
                    return await self._streamed(upstreams, keep_alive)
                if len(self.requests) > 1:
                    return await self._merged(upstreams)
                return await self._whole(upstreams)
        except TimeoutError as error:
            raise too_slow(self.place.backend, patience) from error

    async def _streamed(self, upstreams: Upstreams, keep_alive: float) -> Streamed:
        upstream = await self._open(upstreams, self.requests[0])
        backend = self.place.backend
        try:
            timeouts = upstreams.policy(backend).timeouts
            streamed = Streamed(upstream, self._stream(), backend, timeouts, keep_alive, self.call.record)
            if self.call.api == "responses" and self.call.mark is None:
                owner, continuation = self.call.principal.owner, self.call.continuation
                streamed.following = self.lifecycle.follow(
                    owner,
                    self.turn,
                    streamed.cancel,
                    claimed=self._is_kept_there(),
                    done=partial(continuation.done, self.call.body) if continuation else None,
                )
            await streamed.begin()
        except BaseException:
            upstream.close()
            raise
        return streamed

    async def _whole(self, upstreams: Upstreams) -> Whole:
        upstream = await self._open(upstreams, self.requests[0])
        answer = self._answer(await self._read(upstream))
        if self.turn:
            await self.lifecycle.keep(self.turn, wire_body.parse(answer))
        return Whole(upstream.status, upstream.headers, answer, self.call.record)

    async def _merged(self, upstreams: Upstreams) -> Whole:
        """One answer made of several: among them may be failures, all of them are one."""

        async def one(request: UpstreamRequest) -> bytes | UpstreamError:
            try:
                return await self._read(await self._open(upstreams, request))
            except UpstreamError as error:
                return error

        answers = await side_by_side(map(one, self.requests), parallel=len(self.requests))
        errors = [answer for answer in answers if isinstance(answer, UpstreamError)]
        if len(errors) == len(answers):
            raise errors[0]
        told = [wire_body.dump(one.envelope()) if isinstance(one, UpstreamError) else one for one in answers]
        merged = self.place.backend.merge(self.place.api, told)
        self.call.record.usage = usage.of(wire_body.parse(merged))
        return Whole(200, {"content-type": "application/json"}, self._answer(merged), self.call.record)

    async def _open(self, upstreams: Upstreams, request: UpstreamRequest) -> UpstreamResponse:
        """The backend's answer, whose headers have come and say that it is a good one."""
        record, started = self.call.record, time.perf_counter()
        upstream = await upstreams.open(self.place.backend, self.place.key, request)
        record.upstream_seconds = time.perf_counter() - started
        record.upstream_request_id = upstream.headers.get("x-request-id")
        if 200 <= upstream.status < 300:
            return upstream
        try:
            raise self._error(upstream, await upstream.read())
        finally:
            upstream.close()

    async def _read(self, upstream: UpstreamResponse) -> bytes:
        try:
            raw, told = await Whole.read(
                upstream, self.place.backend, self.place.api, self.call.dialect, self.call.record
            )
        finally:
            upstream.close()
        if self._is_kept_there():
            self.lifecycle.claims.note(self.call.principal.owner, told)
        return raw

    def _is_kept_there(self) -> bool:
        """Whether the backend keeps the response, under the id that the caller is told."""
        return (
            self.call.api == "responses"
            and self.prepared.translation is None
            and self.prepared.body.get("store") is not False
        )

    def _error(self, upstream: UpstreamResponse, raw: bytes) -> Exception:
        callers_key = self.call.principal.upstream_key is not None
        backend = self.place.backend
        error = backend.error(upstream.status, upstream.headers, raw, callers_key=callers_key)
        gone = bool(self.file_ids) and backend.file_is_gone(error, list(self.file_ids))
        return FilesGone() if gone else error

    def _answer(self, raw: bytes) -> bytes:
        call, prepared = self.call, self.prepared
        if prepared.translation is None:
            return self.place.backend.answer(call.api, call.dialect, prepared.served, raw)
        reply = prepared.translation.reply(prepared.asked, call.mark or mark())
        return wire_body.dump(reply.answer(wire_body.parse(raw)))

    def _stream(self) -> Stream:
        call, prepared, backend = self.call, self.prepared, self.place.backend
        if prepared.translation is None:
            return backend.stream(call.api, call.dialect, prepared.served)
        own = backend.stream(prepared.api, "ark", prepared.body)  # as it comes: the translation needs no more
        return Chained(own, prepared.translation.reply(prepared.asked, call.mark or mark()).stream())


def mark() -> Mark:
    return Mark(f"{random.getrandbits(128):032x}", int(time.time()))
