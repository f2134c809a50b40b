"""The composition root: from settings to an ASGI application, everything wired once and no state in modules."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog
from starlette.routing import Router as StarletteRouter

from gateway import memory
from gateway.access.gate import gate
from gateway.admission import Admission
from gateway.api.compact import Compact
from gateway.api.deferred import Deferred
from gateway.api.edge import Edge, Endpoint
from gateway.api.edits import as_generation
from gateway.api.health import Live, Ready
from gateway.api.inference import Inference
from gateway.api.socket import ResponsesSocket
from gateway.backends import KINDS
from gateway.backends.base import Api, Backend
from gateway.errors import StorageUnavailable
from gateway.media.backend_files import BackendFiles
from gateway.media.clips import Clips
from gateway.media.darkroom import Darkroom
from gateway.media.fetch.guard import AllowList
from gateway.media.fetch.remote import FetchLimits, Remote
from gateway.media.intake import Intake
from gateway.media.pictures import Pictures
from gateway.media.sources import Sources
from gateway.media.uploads import Uploads
from gateway.media.workshop import Workshop
from gateway.relay import Relay
from gateway.responses.lifecycle import Lifecycle
from gateway.routing import Candidate, Router
from gateway.settings import BackendEntry, ModelEntry, Settings
from gateway.storage.claims import NoClaims, StoredClaims
from gateway.storage.database import Database
from gateway.storage.files import FileStore
from gateway.storage.responses import ResponseStore
from gateway.upstream import Upstreams
from gateway.wire.translate import translations

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver
    from fastapi import FastAPI

_SWEEP = 3600.0  # seconds between two looks for what has expired
_INFERENCE: dict[str, Api] = {
    "/chat/completions": "chat",
    "/responses": "responses",
    "/images/generations": "images",
    "/embeddings": "embeddings",
    "/embeddings/multimodal": "multimodal",
}

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Gateway:
    """The parts that live as long as the process."""

    database: Database
    files: FileStore
    backend_files: BackendFiles
    uploads: Uploads
    upstreams: Upstreams
    remote: Remote
    darkroom: Darkroom
    workshop: Workshop
    admission: Admission
    lifecycle: Lifecycle
    relay: Relay

    async def close(self) -> None:
        await self.lifecycle.running.close()
        await self.darkroom.close()
        await self.workshop.close()
        await self.uploads.close()
        await self.remote.close()
        await self.upstreams.close()
        await self.lifecycle.claims.close()
        self.database.close()

    async def sweep(self) -> None:
        """Clears away what has expired, now and then, for ever."""
        while True:
            try:
                for file in await self.files.sweep():
                    await self.backend_files.drop_copies(file, None)
                await self.uploads.sweep()
                await self.lifecycle.store.sweep()
                await self.lifecycle.claims.sweep()
            except (StorageUnavailable, OSError) as error:
                log.warning("sweep.failed", cause=repr(error.__cause__ or error))
            await asyncio.sleep(_SWEEP)


def backend(name: str, entry: BackendEntry) -> Backend:
    key = entry.api_key.get_secret_value() if entry.api_key else None
    return KINDS[entry.kind](name, entry.base_url, key)


def router(settings: Settings) -> Router:
    known = {name: backend(name, entry) for name, entry in settings.backends.items()}
    between = translations(settings.images.process_output)

    def candidate(name: str, entry: ModelEntry) -> Candidate:
        model = entry.model or ("" if "*" in name else name)
        return Candidate(known[entry.backend], model, entry.weight, entry.tools, entry.extra, between)

    return Router(
        {name: [candidate(name, entry) for entry in entries] for name, entries in settings.models.items()}
    )


def wire(settings: Settings, resolver: "AbstractResolver | None" = None) -> Gateway:
    """The parts, each with its own slice of the settings. ``resolver`` is the name server of picture fetches."""
    database = Database(settings.storage.database)
    database.open()
    files = FileStore(database, settings.storage.files)
    files.open()
    own = {name: entry.upstream for name, entry in settings.backends.items() if entry.upstream}
    upstreams = Upstreams(settings.upstream, own)
    uploads = Uploads(database, upstreams)
    backends = [backend(name, entry) for name, entry in settings.backends.items()]
    backend_files = BackendFiles(backends, upstreams, files, uploads)
    limits = FetchLimits(**settings.images.fetch.model_dump())
    images = settings.images
    allow = AllowList.parse(images.allow_hosts)
    remote = Remote(limits, allow, resolver)
    decode = images.decode
    workshop = Workshop(parallel=decode.parallel, seconds=decode.time, memory=decode.memory)
    darkroom = Darkroom(workshop, images.max_pixels)
    sources = Sources(images, remote, files)
    pictures = Pictures(images, allow, sources, darkroom, uploads)
    clips = Clips(images, allow, sources, workshop, uploads)
    intake = Intake(pictures, clips, uploads, images.fetch.parallel)
    claims = StoredClaims(database) if settings.access.mode == "keys" else NoClaims()
    lifecycle = Lifecycle.of(ResponseStore(database), files, claims)
    relay = Relay(router(settings), intake, upstreams, lifecycle, settings.server.keep_alive)
    admission = Admission(settings.admission)
    return Gateway(
        database,
        files,
        backend_files,
        uploads,
        upstreams,
        remote,
        darkroom,
        workshop,
        admission,
        lifecycle,
        relay,
    )


def create_app(settings: Settings, *, resolver: "AbstractResolver | None" = None) -> Edge:
    """The gateway as an application: the edge, the hot endpoints, and a framework for all the rest.

    Raises DatabaseError where what must last has no place.
    """
    gateway = wire(settings, resolver)

    @contextlib.asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[dict[str, Any]]:
        await gateway.upstreams.start()
        lasting = (
            gateway.sweep(),
            gateway.lifecycle.background.stay_alive(),
            gateway.lifecycle.claims.keep_written(),
            memory.give_back(),
        )
        tasks = [asyncio.create_task(one) for one in lasting]
        try:
            yield {"header_timeout": settings.server.header_timeout}
        finally:
            for task in tasks:
                task.cancel()
            await gateway.close()

    hot: dict[tuple[str, str], Endpoint] = {
        ("GET", "/health/live"): Live(),
        ("GET", "/health/ready"): Ready(gateway.files),
    }
    for path, api in _INFERENCE.items():
        hot["POST", path] = Inference(api, gateway.relay, settings.server, gateway.admission)
    hot["POST", "/images/edits"] = Inference(
        "images", gateway.relay, settings.server, gateway.admission, as_generation
    )
    hot["POST", "/responses/compact"] = Inference(
        "responses", Compact(gateway.relay), settings.server, gateway.admission
    )

    def rest() -> "FastAPI":
        from gateway.api import files as files_api
        from gateway.api import responses as responses_api
        from gateway.api.rest import create_rest

        files = files_api.router(
            gateway.files, gateway.backend_files, gateway.remote, settings.server.body_timeout
        )
        shelf = responses_api.Shelf(
            gateway.lifecycle,
            gateway.files,
            gateway.backend_files,
            [backend(name, entry) for name, entry in settings.backends.items()],
            gateway.upstreams,
            settings.server.keep_alive,
        )
        responses = responses_api.router(shelf)
        return create_rest(gateway.relay.router, gateway.upstreams, [files, responses], list(hot))

    most = settings.server.max_body_bytes
    sockets = {"/responses": ResponsesSocket(gateway.relay, gateway.admission, most)}
    return Edge(Deferred(rest), StarletteRouter(lifespan=lifespan), gate(settings.access), hot, sockets)
