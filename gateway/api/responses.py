"""Stored responses: the gateway's own from its store, a backend's from there."""

import re
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from gateway.access.gate import Principal
from gateway.backends.base import Backend, UpstreamRequest
from gateway.elsewhere import Found, ask
from gateway.errors import InvalidRequest
from gateway.media.backend_files import BackendFiles
from gateway.responses.lifecycle import Lifecycle
from gateway.storage.files import FileStore
from gateway.storage.responses import RUNNING, is_own_response_id
from gateway.upstream import Upstreams
from gateway.wire import body as wire_body
from gateway.wire import complete, items, sse
from gateway.wire.course import sequence_number
from gateway.wire.items import Json
from gateway.wire.replay import replayed

_BACKENDS_ID = re.compile(r"resp_[A-Za-z0-9_-]{1,123}")  # it becomes part of a path
_EVENTS = {"cache-control": "no-cache", "x-accel-buffering": "no"}  # nginx would collect the events


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where responses are looked for."""

    lifecycle: Lifecycle
    files: FileStore
    backend_files: BackendFiles
    backends: Sequence[Backend]
    upstreams: Upstreams
    keep_alive: float

    async def find(self, principal: Principal, id: str) -> Json:
        """One of ours, as it is now. Raises InvalidRequest."""
        work = self.lifecycle.running.find(principal.owner, id)
        if work and not work.course.ended:
            return work.course.response
        if work and work.events:
            await work.gone.wait()  # what is told as done must be in the store: the next turn builds on it
        stored = await self.lifecycle.store.get(principal.owner, id)
        if stored is None:
            raise _not_found(id)
        return stored.response

    async def elsewhere(self, principal: Principal, id: str, method: str, rest: str = "") -> Found:
        """A backend's answer about one of its own. Raises InvalidRequest where none knows it, and for a foreign one."""
        backends = [backend for backend in self.backends if "responses" in backend.paths]

        def request(backend: Backend) -> UpstreamRequest:
            return UpstreamRequest(method, f"{backend.paths['responses']}/{id}{rest}")

        possible = _BACKENDS_ID.fullmatch(id) and await self.lifecycle.claims.belongs(principal.owner, id)
        found = await ask(self.upstreams, backends, request, principal.upstream_key) if possible else None
        if found is None:
            raise _not_found(id)
        return found

    async def delete(self, principal: Principal, id: str) -> None:
        """Deletes one of ours, ended first where it is in progress, and the media that it alone held."""
        await self.lifecycle.running.cancel(principal.owner, id)
        file_ids = await self.lifecycle.store.delete(principal.owner, id)
        if file_ids is None:
            raise _not_found(id)
        for file_id in file_ids:
            file = await self.files.delete(principal.owner, file_id)
            if file:
                await self.backend_files.drop_copies(file, principal.upstream_key)

    async def events(self, principal: Principal, id: str, after: int) -> AsyncIterator[bytes]:
        """The events of one of ours with numbers above ``after``. Raises InvalidRequest."""
        work = self.lifecycle.running.find(principal.owner, id)
        if work and work.events:
            return work.events.follow(after, self.keep_alive)
        response = await self.find(principal, id)
        if response.get("status") in RUNNING:
            raise _not_here(id)
        kept = await self.lifecycle.store.events(principal.owner, id)
        return _told(replayed(response) if kept is None else sse.frames(kept), after)


def router(shelf: Shelf) -> APIRouter:
    api = APIRouter(tags=["Responses"])

    @api.get("/responses/{response_id}", summary="A stored response", response_model=None)
    async def retrieve(
        response_id: str, request: Request, stream: bool = False, starting_after: int = -1
    ) -> Response:
        principal: Principal = request.state.principal
        if is_own_response_id(response_id):
            if stream:
                return _streamed(await shelf.events(principal, response_id, starting_after))
            return _json(await shelf.find(principal, response_id))
        found = await shelf.elsewhere(principal, response_id, "GET", _included(request))
        body = found.reply.body
        completed = body if request.state.dialect == "ark" else complete.answer(body, {})
        if not stream:
            return _relayed(request, found, completed)
        return _streamed(_told(replayed(sse.Event("", completed).json() or {}), starting_after))

    @api.delete("/responses/{response_id}", summary="Delete a response", response_model=None)
    async def delete(response_id: str, request: Request) -> Response:
        principal: Principal = request.state.principal
        if not is_own_response_id(response_id):
            return _relayed(request, await shelf.elsewhere(principal, response_id, "DELETE"))
        await shelf.delete(principal, response_id)
        return _json({"id": response_id, "object": "response", "deleted": True})

    @api.get("/responses/{response_id}/input_items", summary="What was asked", response_model=None)
    async def input_items(
        response_id: str,
        request: Request,
        after: str | None = None,
        before: str | None = None,
        limit: int = 20,
        order: Literal["asc", "desc"] = "desc",
    ) -> Response:
        principal: Principal = request.state.principal
        include = items.includes(request.query_params.multi_items())
        if not is_own_response_id(response_id):
            query = {"after": after, "before": before, "limit": limit, "order": order}
            asked = _included(request, {name: value for name, value in query.items() if value is not None})
            found = await shelf.elsewhere(principal, response_id, "GET", f"/input_items{asked}")
            return _relayed(request, found)
        stored = await shelf.lifecycle.store.get(principal.owner, response_id)
        if stored is None:
            raise _not_found(response_id)
        page = items.page(stored.input, after=after, before=before, limit=limit, newest_first=order == "desc")
        return _json({**page, "data": [items.shown(item, include) for item in page["data"]]})

    @api.post("/responses/{response_id}/cancel", summary="Cancel a response", response_model=None)
    async def cancel(response_id: str, request: Request) -> Response:
        principal: Principal = request.state.principal
        work = await shelf.lifecycle.running.cancel(principal.owner, response_id)
        if work:
            return _json(work.course.response)
        if not is_own_response_id(response_id):
            found = await shelf.elsewhere(principal, response_id, "GET")
            text = f"{found.backend.title} cannot cancel a response; only one that this gateway is streaming can be ended."
            raise InvalidRequest(text, param="response_id", code="unsupported_operation")
        response = await shelf.find(principal, response_id)
        if response.get("status") in RUNNING:
            raise _not_here(response_id)
        return _json(response)

    return api


def _json(value: Any) -> Response:
    return Response(wire_body.dump(value), media_type="application/json")


def _streamed(frames: AsyncIterator[bytes]) -> Response:
    return StreamingResponse(frames, headers=_EVENTS, media_type="text/event-stream")


async def _told(frames: Iterator[bytes], after: int) -> AsyncIterator[bytes]:
    """The events with numbers above ``after``."""
    for frame in frames:
        number = sequence_number(frame)
        if number is not None and number > after:
            yield frame


def _relayed(request: Request, found: Found, body: bytes | None = None) -> Response:
    """A backend's answer; ``body`` in the place of its own bytes."""
    request.state.record.backend = found.backend.name
    headers = {"x-arkway-backend": found.backend.name}
    return Response(body or found.reply.body, found.reply.status, headers, "application/json")


def _included(request: Request, query: dict[str, Any] | None = None) -> str:
    """The query for the backend, its list in the one way that Ark's SDK writes it."""
    include = [("include[]", name) for name in items.includes(request.query_params.multi_items())]
    told = urlencode([*(query or {}).items(), *include])
    return f"?{told}" if told else ""


def _not_found(id: str) -> InvalidRequest:
    text = f"There is no response {id[:140]!r}."
    return InvalidRequest(text, param="response_id", code="response_not_found", status=404)


def _not_here(id: str) -> InvalidRequest:
    text = f"The response {id!r} is in progress in another process of the gateway, which alone can stream or cancel it; retrieve it without `stream` until it is done, or try again."
    return InvalidRequest(text, param="response_id", code="response_elsewhere", status=409)
