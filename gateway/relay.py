"""THE path of a request: the only module that holds the caller and the backend at once.

route -> prepare -> media -> open -> error | whole | stream. ``Relay`` calls everyone; nobody calls back.
"""

import asyncio
import random
import time
from dataclasses import dataclass

from gateway.access.gate import Principal
from gateway.admission import Ticket
from gateway.backends.base import Api, Dialect, Json, UpstreamRequest
from gateway.concurrency import side_by_side
from gateway.errors import GatewayError, UpstreamError
from gateway.media import resolved
from gateway.media.intake import Intake
from gateway.media.resolved import Place
from gateway.reply import Streamed, Whole
from gateway.routing import Candidate, Prepared, Router
from gateway.telemetry import Record, log
from gateway.upstream import UpstreamResponse, Upstreams, too_slow
from gateway.wire import body as wire_body
from gateway.wire import headers, media, usage
from gateway.wire.stream import Chained, Stream
from gateway.wire.translate.translation import Mark


@dataclass(frozen=True, slots=True)
class Call:
    """One request as the edge read it."""

    api: Api
    dialect: Dialect
    headers: list[tuple[bytes, bytes]]
    body: Json
    principal: Principal
    record: Record
    ticket: Ticket


@dataclass(frozen=True, slots=True)
class Relay:
    """What the path needs of the gateway; made once."""

    router: Router
    intake: Intake
    upstreams: Upstreams
    keep_alive: float

    async def __call__(self, call: Call) -> Whole | Streamed:
        """Serves a call: tries its candidates in order until one answers, never after the first byte.

        Raises GatewayError. The reply owns the connection to the backend until it has been sent.
        """
        body = call.body
        model = wire_body.string(body, "model")
        call.record.model, call.record.stream = model, wire_body.flag(body, "stream")
        if not call.principal.may_use(model):
            raise _not_allowed(model)
        candidates = self.router.resolve(model, call.api, random.random())  # noqa: S311 - a draw by weight
        for candidate in candidates[:-1]:
            try:
                return await self._attempt(call, candidate, body)
            except UpstreamError as error:
                if error.status < 500 and error.status != 429:
                    raise
                log.warning(
                    "fallback",
                    request_id=call.record.request_id,
                    backend=candidate.backend.name,
                    code=error.code,
                )
        return await self._attempt(call, candidates[-1], body)

    async def _attempt(self, call: Call, candidate: Candidate, body: Json) -> Whole | Streamed:
        """One candidate, and once more where it has lost a file that was uploaded to it."""
        backend, principal = candidate.backend, call.principal
        key = backend.key(principal.upstream_key)
        call.record.backend, call.record.upstream_model = backend.name, candidate.model
        try:
            return await self._send(call, candidate, key, body)
        except _FilesGone as gone:
            await self.intake.forget(gone.place, gone.file_ids)
            return await self._send(call, candidate, key, body, again=True)

    async def _send(
        self, call: Call, candidate: Candidate, key: str, body: Json, *, again: bool = False
    ) -> Whole | Streamed:
        backend = candidate.backend
        prepared = candidate.prepare(call.api, body, headers.to_upstream(call.headers))
        rules = backend.media_for(prepared.api, prepared.body)
        place = Place(backend, prepared.api, rules, key, call.principal.owner)
        refs = prepared.media(call.api)
        call.record.pictures = len(refs)
        started = time.perf_counter()
        taken = await self.intake.resolve(refs, place) if refs else []
        call.record.media_seconds = time.perf_counter() - started if refs else None
        call.record.changes = (*prepared.changes, *resolved.changes(taken))
        prepared = prepared._replace(body=media.replace(prepared.body, resolved.parts(taken)))
        bodies = backend.split(prepared.api, prepared.body)
        requests = [backend.request(prepared.api, one, prepared.headers) for one in bodies]
        call.ticket.resize(max(call.record.bytes_in, sum(len(request.body or b"") for request in requests)))
        file_ids = [] if again else [one.file_id for one in taken if one.file_id]
        timeouts = self.upstreams.policy(backend).timeouts
        # A whole answer sends its headers when it is done, a stream when it begins.
        patience = timeouts.first_token if call.record.stream else timeouts.total
        try:
            async with asyncio.timeout(patience):
                if len(requests) > 1:
                    return await self._several(call, place, prepared, requests, file_ids)
                upstream = await self._open(call, place, requests[0])
                try:
                    return await self._reply(call, place, prepared, upstream, file_ids)
                except BaseException:
                    upstream.close()
                    raise
        except TimeoutError as error:
            raise too_slow(backend, patience) from error

    async def _open(self, call: Call, place: Place, request: UpstreamRequest) -> UpstreamResponse:
        started = time.perf_counter()
        upstream = await self.upstreams.open(place.backend, place.key, request)
        call.record.upstream_seconds = time.perf_counter() - started
        call.record.upstream_request_id = upstream.headers.get("x-request-id")
        return upstream

    async def _reply(
        self, call: Call, place: Place, prepared: Prepared, upstream: UpstreamResponse, file_ids: list[str]
    ) -> Whole | Streamed:
        backend, record = place.backend, call.record
        if not 200 <= upstream.status < 300:
            raise await self._error(call, place, upstream, file_ids)
        if not record.stream:
            raw = await Whole.read(upstream, backend, prepared.api, call.dialect, record)
            return Whole(upstream.status, upstream.headers, _answer(call, place, prepared, raw), record)
        stream = _stream(call, place, prepared)
        timeouts = self.upstreams.policy(backend).timeouts
        streamed = Streamed(upstream, stream, backend, timeouts, self.keep_alive, record)
        await streamed.begin()
        return streamed

    async def _several(
        self,
        call: Call,
        place: Place,
        prepared: Prepared,
        requests: list[UpstreamRequest],
        file_ids: list[str],
    ) -> Whole:
        """One answer made of several: among them may be failures, all of them are one."""

        async def one(request: UpstreamRequest) -> bytes | UpstreamError:
            try:
                upstream = await self._open(call, place, request)
                try:
                    if not 200 <= upstream.status < 300:
                        raise await self._error(call, place, upstream, file_ids)
                    return await Whole.read(upstream, place.backend, place.api, call.dialect, call.record)
                finally:
                    upstream.close()
            except UpstreamError as error:
                return error

        answers = await side_by_side(map(one, requests), parallel=len(requests))
        errors = [answer for answer in answers if isinstance(answer, UpstreamError)]
        if len(errors) == len(answers):
            raise errors[0]
        told = [wire_body.dump(one.envelope()) if isinstance(one, UpstreamError) else one for one in answers]
        merged = place.backend.merge(place.api, told)
        call.record.usage = usage.of(wire_body.parse(merged))
        answer = _answer(call, place, prepared, merged)
        return Whole(200, {"content-type": "application/json"}, answer, call.record)

    async def _error(
        self, call: Call, place: Place, upstream: UpstreamResponse, file_ids: list[str]
    ) -> Exception:
        raw = await upstream.read()
        callers_key = call.principal.upstream_key is not None
        error = place.backend.error(upstream.status, upstream.headers, raw, callers_key=callers_key)
        gone = bool(file_ids) and place.backend.file_is_gone(error, file_ids)
        return _FilesGone(place, file_ids) if gone else error


class _FilesGone(Exception):
    """The backend does not know files any more that the gateway had uploaded to it."""

    def __init__(self, place: Place, file_ids: list[str]) -> None:
        super().__init__(file_ids)
        self.place = place
        self.file_ids = file_ids


def _answer(call: Call, place: Place, prepared: Prepared, raw: bytes) -> bytes:
    if prepared.translation is None:
        return place.backend.answer(call.api, call.dialect, prepared.served, raw)
    reply = prepared.translation.reply(prepared.asked, _mark())
    return wire_body.dump(reply.answer(wire_body.parse(raw)))


def _stream(call: Call, place: Place, prepared: Prepared) -> Stream:
    if prepared.translation is None:
        return place.backend.stream(call.api, call.dialect, prepared.served)
    own = place.backend.stream(prepared.api, "ark", prepared.body)  # as it comes: the translation needs no more
    return Chained(own, prepared.translation.reply(prepared.asked, _mark()).stream())


def _mark() -> Mark:
    return Mark(f"{random.getrandbits(128):032x}", int(time.time()))


def _not_allowed(model: str) -> GatewayError:
    text = f"This key may not use the model `{model}`."
    return GatewayError(403, text, type="permission_error", code="model_not_allowed", param="model")
