"""THE path of a request: from what a caller asks to a backend's reply.

route -> prepare -> media -> exchange (open -> error | whole | stream). ``Relay`` calls everyone; nobody calls back.
"""

import random
import time
from dataclasses import dataclass

from gateway.errors import GatewayError, InvalidRequest, UpstreamError
from gateway.exchange import Call, Exchange, FilesGone, mark
from gateway.media import resolved
from gateway.media.intake import Intake
from gateway.media.resolved import Place
from gateway.outlet import Outlet
from gateway.reply import Followed, Reply, Streamed, Whole
from gateway.responses import compaction
from gateway.responses.keeping import Turn
from gateway.responses.lifecycle import Lifecycle
from gateway.responses.recall import Recalled
from gateway.routing import Candidate, Prepared, Router
from gateway.telemetry import Record, log, settle
from gateway.upstream import Upstreams
from gateway.wire import body as wire_body
from gateway.wire import headers, items, media


@dataclass(frozen=True, slots=True)
class Relay:
    """What the path needs of the gateway; made once."""

    router: Router
    intake: Intake
    upstreams: Upstreams
    lifecycle: Lifecycle
    keep_alive: float

    async def __call__(self, call: Call) -> Reply:
        """Serves a call. Raises GatewayError. The reply owns the connection to the backend until it has been sent."""
        model = wire_body.string(call.body, "model")
        call.record.model, call.record.stream = model, wire_body.flag(call.body, "stream")
        if not call.principal.may_use(model):
            raise _not_allowed(model)
        if call.api != "responses":
            return await self._tried(call, self._candidates(call))
        joined = call.continuation.joined(call.body) if call.continuation else Recalled(call.body)
        earlier = joined.earlier
        try:
            recalled = await self.lifecycle.recall(joined.body, call.principal.owner)
            earlier += recalled.earlier
            continues, body = call.body.get("previous_response_id"), compaction.opened(recalled.body)
            return await self._response(call._replace(body=body, said=joined.body, continues=continues))
        except GatewayError as error:
            error.param = items.callers_place(error.param, earlier)
            raise

    async def _response(self, call: Call) -> Reply:
        """A Responses call, with all that was said before in its body."""
        candidates = self._candidates(call)
        if call.body.get("previous_response_id"):
            candidates = _with_own_responses(candidates)
        if wire_body.flag(call.body, "background") and call.mark is None:
            translated = [
                one for one in candidates if one.backend.spoken("responses", call.body) != "responses"
            ]
            if translated:
                return await self._in_background(call, translated)
        return await self._tried(call, candidates)

    async def _in_background(self, call: Call, candidates: list[Candidate]) -> Reply:
        """The response as it is before anything was done for it; the work on it goes on without its caller."""
        candidate = candidates[0]
        prepared = candidate.prepare(call.api, call.body, {})  # what is wrong with it is told at once
        turn = self._turn(call, prepared, candidate)
        if turn is None:
            raise RuntimeError("a response in the background is always kept")
        call.record.backend, call.record.changes = candidate.backend.name, prepared.changes
        inner = Record(call.record.request_id, "BACKGROUND", call.record.path)
        inner.api, inner.caller, inner.model, inner.stream = (
            call.api,
            call.record.caller,
            call.record.model,
            True,
        )
        run = call._replace(body={**call.body, "stream": True}, record=inner, mark=mark())

        async def serve(outlet: Outlet) -> None:
            ticket = await call.ticket.admission.enter(call.ticket.size)
            try:
                reply = await self._tried(run._replace(ticket=ticket), candidates)
                await reply(outlet)
            finally:
                ticket.leave()
                settle(inner)

        draft = await self.lifecycle.start(turn, run.mark or mark(), serve)
        work = self.lifecycle.running.find(turn.owner, draft["id"])
        if call.record.stream and work and work.events:
            return Followed(work.events.follow(-1, self.keep_alive), call.record)
        return Whole(200, {}, wire_body.dump(draft), call.record)

    def _candidates(self, call: Call) -> list[Candidate]:
        chance = random.random()  # noqa: S311 - a draw by weight
        return self.router.resolve(call.record.model or "", call.api, call.body, chance)

    async def _tried(self, call: Call, candidates: list[Candidate]) -> Whole | Streamed:
        """The candidates in order until one answers, never after the first byte."""
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
        exchange = await self._made(call, candidate)
        try:
            return await exchange.reply(self.upstreams, self.keep_alive)
        except FilesGone:
            await self.intake.forget(exchange.place, exchange.file_ids)
        again = await self._made(call, candidate)
        return await again._replace(file_ids=()).reply(self.upstreams, self.keep_alive)

    async def _made(self, call: Call, candidate: Candidate) -> Exchange:
        """The call as this candidate takes it, its media included. Raises InvalidRequest."""
        backend = candidate.backend
        prepared = candidate.prepare(call.api, call.body, headers.to_upstream(call.headers))
        turn = self._turn(call, prepared, candidate)
        rules = backend.media_for(prepared.api, prepared.body)
        key = backend.key(call.principal.upstream_key)
        place = Place(backend, prepared.api, rules, key, call.principal.owner)
        if call.continues:
            prepared.asked["previous_response_id"] = call.continues
        prepared, file_ids = await self._with_media(call, place, prepared)
        bodies = backend.split(prepared.api, prepared.body)
        requests = [backend.request(prepared.api, one, prepared.headers) for one in bodies]
        call.ticket.resize(max(call.record.bytes_in, sum([len(request.body or b"") for request in requests])))
        return Exchange(call, place, prepared, requests, file_ids, self.lifecycle, turn)

    async def _with_media(self, call: Call, place: Place, prepared: Prepared) -> tuple[Prepared, list[str]]:
        """The request with its media as the place takes them, and the ids of our uploads in it."""
        record, refs = call.record, prepared.media(call.api)
        record.changes, record.pictures = prepared.changes, len(refs)
        if not refs:
            return prepared, []
        started = time.perf_counter()
        taken = await self.intake.resolve(refs, place)
        record.media_seconds = time.perf_counter() - started
        record.changes = (*prepared.changes, *resolved.changes(taken))
        body = media.replace(prepared.body, resolved.parts(taken))
        return prepared._replace(body=body), [one.file_id for one in taken if one.file_id]

    def _turn(self, call: Call, prepared: Prepared, candidate: Candidate) -> Turn | None:
        """What the gateway keeps of a response that no backend keeps. Raises InvalidRequest."""
        if call.said is None or prepared.translation is None:
            return None
        return self.lifecycle.turn(call.principal.owner, call.said, candidate.backend.name)


def _with_own_responses(candidates: list[Candidate]) -> list[Candidate]:
    """Those that may know an id which is none of ours."""
    able = [one for one in candidates if "responses" in one.backend.paths]
    if not able:
        text = f"{candidates[0].backend.title} keeps no responses, and this id is none of the gateway's."
        raise InvalidRequest(text, param="previous_response_id", code="previous_response_not_found")
    return able


def _not_allowed(model: str) -> GatewayError:
    text = f"This key may not use the model `{model}`."
    return GatewayError(403, text, type="permission_error", code="model_not_allowed", param="model")
