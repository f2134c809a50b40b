"""THE path of a request: from what a caller asks to a backend's reply.

route -> prepare -> media -> exchange (open -> error | whole | stream). ``Relay`` calls everyone; nobody calls back.
"""

import random
import time
from dataclasses import dataclass, replace

from gateway.backends.base import Json
from gateway.errors import GatewayError, UpstreamError
from gateway.exchange import Call, Exchange, FilesGone
from gateway.media import resolved
from gateway.media.intake import Intake
from gateway.media.resolved import Place
from gateway.reply import Streamed, Whole
from gateway.routing import Candidate, Router
from gateway.telemetry import log
from gateway.upstream import Upstreams
from gateway.wire import body as wire_body
from gateway.wire import headers, media


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
        model = wire_body.string(call.body, "model")
        call.record.model, call.record.stream = model, wire_body.flag(call.body, "stream")
        if not call.principal.may_use(model):
            raise _not_allowed(model)
        candidates = self.router.resolve(model, call.api, random.random())  # noqa: S311 - a draw by weight
        for candidate in candidates[:-1]:
            try:
                return await self._attempt(call, candidate)
            except UpstreamError as error:
                if error.status < 500 and error.status != 429:
                    raise
                log.warning(
                    "fallback",
                    request_id=call.record.request_id,
                    backend=candidate.backend.name,
                    code=error.code,
                )
        return await self._attempt(call, candidates[-1])

    async def _attempt(self, call: Call, candidate: Candidate) -> Whole | Streamed:
        """One candidate, and once more where it has lost a file that was uploaded to it."""
        call.record.backend, call.record.upstream_model = candidate.backend.name, candidate.model
        exchange = await self._made(call, candidate, call.body)
        try:
            return await exchange.reply(self.upstreams, self.keep_alive)
        except FilesGone:
            await self.intake.forget(exchange.place, exchange.file_ids)
        again = await self._made(call, candidate, call.body)
        return await replace(again, file_ids=()).reply(self.upstreams, self.keep_alive)

    async def _made(self, call: Call, candidate: Candidate, body: Json) -> Exchange:
        """The call as this candidate takes it, its media included. Raises InvalidRequest."""
        backend, record = candidate.backend, call.record
        prepared = candidate.prepare(call.api, body, headers.to_upstream(call.headers))
        rules = backend.media_for(prepared.api, prepared.body)
        key = backend.key(call.principal.upstream_key)
        place = Place(backend, prepared.api, rules, key, call.principal.owner)
        refs = prepared.media(call.api)
        record.pictures, started = len(refs), time.perf_counter()
        taken = await self.intake.resolve(refs, place) if refs else []
        record.media_seconds = time.perf_counter() - started if refs else None
        record.changes = (*prepared.changes, *resolved.changes(taken))
        prepared = prepared._replace(body=media.replace(prepared.body, resolved.parts(taken)))
        bodies = backend.split(prepared.api, prepared.body)
        requests = [backend.request(prepared.api, one, prepared.headers) for one in bodies]
        call.ticket.resize(max(record.bytes_in, sum(len(request.body or b"") for request in requests)))
        file_ids = [one.file_id for one in taken if one.file_id]
        return Exchange(call, place, prepared, requests, file_ids)


def _not_allowed(model: str) -> GatewayError:
    text = f"This key may not use the model `{model}`."
    return GatewayError(403, text, type="permission_error", code="model_not_allowed", param="model")
