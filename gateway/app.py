"""The composition root: from settings to an ASGI application, everything wired once and no state in modules."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import structlog
from aiohttp.abc import AbstractResolver
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from gateway import __version__
from gateway.access.gate import gate
from gateway.api import files as files_api
from gateway.api import health, models
from gateway.api.edge import Edge, bug, told
from gateway.api.inference import Inference
from gateway.backends import KINDS
from gateway.backends.base import Api, Backend
from gateway.errors import GatewayError, InvalidRequest
from gateway.media.fetch import Fetcher, FetchLimits
from gateway.media.guard import AllowList
from gateway.media.pictures import Pictures
from gateway.media.uploads import Uploads
from gateway.relay import Relay
from gateway.routing import Candidate, Router
from gateway.settings import BackendEntry, ModelEntry, Settings
from gateway.storage import database
from gateway.storage.files import FileStore
from gateway.upstream import Upstreams

_SWEEP = 3600.0  # seconds between two looks for what has expired
_INFERENCE: dict[str, tuple[Api, str]] = {
    "/chat/completions": ("chat", "Chat completions, streamed or whole"),
    "/responses": ("responses", "Responses, streamed or whole"),
    "/images/generations": ("images", "Generate pictures"),
    "/embeddings": ("embeddings", "Embeddings"),
}

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Gateway:
    """The parts that live as long as the process."""

    engine: AsyncEngine
    files: FileStore
    uploads: Uploads
    upstreams: Upstreams
    fetcher: Fetcher
    relay: Relay

    async def start(self) -> None:
        self.files.prepare()
        await database.create_tables(self.engine)
        await self.upstreams.start()

    async def close(self) -> None:
        await self.uploads.close()
        await self.fetcher.close()
        await self.upstreams.close()
        await self.engine.dispose()

    async def sweep(self) -> None:
        """Clears away what has expired, now and then, for ever."""
        while True:
            try:
                await self.files.sweep()
                await self.uploads.sweep()
            except (SQLAlchemyError, OSError) as error:
                log.warning("sweep.failed", cause=repr(error))
            await asyncio.sleep(_SWEEP)


def backend(name: str, entry: BackendEntry) -> Backend:
    key = entry.api_key.get_secret_value() if entry.api_key else None
    return KINDS[entry.kind](name, entry.base_url, key)


def router(settings: Settings) -> Router:
    known = {name: backend(name, entry) for name, entry in settings.backends.items()}

    def candidate(name: str, entry: ModelEntry) -> Candidate:
        model = entry.model or ("" if "*" in name else name)
        return Candidate(known[entry.backend], model, entry.weight, entry.tools, entry.extra)

    return Router(
        {name: [candidate(name, entry) for entry in entries] for name, entries in settings.models.items()}
    )


def wire(settings: Settings, resolver: AbstractResolver | None = None) -> Gateway:
    """The parts, each with its own slice of the settings. ``resolver`` is the name server of picture fetches."""
    engine = database.open_engine(settings.storage.database)
    files = FileStore(engine, settings.storage.files)
    own = {name: entry.upstream for name, entry in settings.backends.items() if entry.upstream}
    upstreams = Upstreams(settings.upstream, own)
    uploads = Uploads(engine, upstreams)
    limits = FetchLimits(**settings.images.fetch.model_dump())
    fetcher = Fetcher(limits, AllowList.parse(settings.images.allow_hosts), resolver=resolver)
    pictures = Pictures(settings.images, fetcher, files, uploads)
    relay = Relay(router(settings), pictures, upstreams, settings.server.keep_alive)
    return Gateway(engine, files, uploads, upstreams, fetcher, relay)


def create_app(settings: Settings, *, resolver: AbstractResolver | None = None) -> ASGIApp:
    """The gateway as an ASGI application: the edge, the hot endpoints, and FastAPI for all the rest."""
    gateway = wire(settings, resolver)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, Any]]:
        await gateway.start()
        sweeper = asyncio.create_task(gateway.sweep())
        try:
            yield {"header_timeout": settings.server.header_timeout}
        finally:
            sweeper.cancel()
            await gateway.close()

    app = FastAPI(
        title="Arkway",
        version=__version__,
        summary="An OpenAI-compatible gateway for Volcengine Ark and Huawei ModelArts.",
        servers=[
            {"url": "/v1", "description": "OpenAI's dialect"},
            {"url": "/api/v3", "description": "Ark's dialect"},
        ],
        lifespan=lifespan,
        exception_handlers={
            HTTPException: _unrouted,
            RequestValidationError: _invalid,
            GatewayError: _refused,
            Exception: _refused,
        },
        redirect_slashes=False,
    )
    hot = {path: Inference(api, gateway.relay, settings.server) for path, (api, _) in _INFERENCE.items()}
    for path, (_, summary) in _INFERENCE.items():
        app.router.routes.append(_documented(path, summary, hot[path]))
    catalogue = models.Catalogue(gateway.relay.router, gateway.upstreams, int(time.time()))
    app.include_router(models.router(catalogue, gateway.relay.router))
    app.include_router(files_api.router(gateway.files))
    app.include_router(health.router(gateway.files))
    return Edge(app, gate(settings.access), hot)


def _documented(path: str, summary: str, endpoint: ASGIApp) -> APIRoute:
    """A route that FastAPI documents and knows the methods of, and that plain ASGI serves."""

    def signature(body: dict[str, Any]) -> Any: ...

    route = APIRoute(path, signature, methods=["POST"], summary=summary, tags=["Inference"], name=path)
    route.app = endpoint
    return route


async def _refused(request: Request, error: Exception) -> Response:
    """A GatewayError raised below the framework, which would make a bare 500 of it."""
    if not isinstance(error, GatewayError):
        error = bug()  # the edge logs what it was
    body = told(request.state.record, error, request.state.dialect)
    return Response(body, error.status, error.headers(), "application/json")


async def _unrouted(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return await _refused(request, _explained(request, error))


def _explained(request: Request, error: HTTPException) -> InvalidRequest:
    where = f"{request.method} {request.scope['path']}"
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "another method")
        return InvalidRequest(
            f"{where} does not exist; use {allowed}.", code="method_not_allowed", status=405
        )
    if error.status_code == 404:
        text = f"{where} does not exist. A base_url ends in /v1 (OpenAI's SDK) or /api/v3 (Ark's); /docs lists the paths."
        return InvalidRequest(text, code="unknown_url", status=404)
    return InvalidRequest(str(error.detail), status=error.status_code)


async def _invalid(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    first = error.errors()[0]
    param = str(first["loc"][-1])
    text = f"`{param}`: {first['msg']}."
    return await _refused(request, InvalidRequest(text, param=param, code="invalid_value"))
