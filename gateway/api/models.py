"""GET /models and /models/{id}: the names that callers can use."""

from typing import Any

import structlog
from fastapi import APIRouter, Request

from gateway.access.gate import Principal
from gateway.backends.base import Backend, UpstreamRequest
from gateway.errors import GatewayError, InvalidRequest
from gateway.routing import Router, matcher
from gateway.upstream import Upstreams
from gateway.wire.sse import Event

log = structlog.get_logger(__name__)


class Catalogue:
    """The configured names, and for a pattern what its backend lists that fits it."""

    def __init__(self, router: Router, upstreams: Upstreams, created: int) -> None:
        self._router = router
        self._upstreams = upstreams
        self._created = created

    async def entries(self, principal: Principal) -> list[dict[str, Any]]:
        names = {name: self._router.backends(name)[0].name for name in self._router.names}
        for pattern in self._router.patterns:
            backend = self._router.backends(pattern)[0]
            fits = matcher(pattern)
            for name in await self._listed(backend, principal):
                if fits(name):
                    names.setdefault(name, backend.name)
        return [self.describe(name, owner) for name, owner in names.items() if principal.may_use(name)]

    async def _listed(self, backend: Backend, principal: Principal) -> list[str]:
        """What a backend lists; a list that cannot be had must not hide the configured names."""
        try:
            key = backend.key(principal.upstream_key)
            reply = await self._upstreams.fetch(backend, key, UpstreamRequest("GET", "/models"))
        except GatewayError as error:
            log.warning("models.unlisted", backend=backend.name, code=error.code)
            return []
        entries = (Event("", reply.body).json() or {}).get("data")
        ids = (
            [entry.get("id") for entry in entries if isinstance(entry, dict)]
            if isinstance(entries, list)
            else []
        )
        return [model for model in ids if isinstance(model, str)]

    def describe(self, name: str, owner: str) -> dict[str, Any]:
        return {"id": name, "object": "model", "created": self._created, "owned_by": owner}


def router(catalogue: Catalogue, routes: Router) -> APIRouter:
    api = APIRouter(tags=["Models"])

    @api.get("/models", summary="List the models")
    async def list_models(request: Request) -> dict[str, Any]:
        return {"object": "list", "data": await catalogue.entries(request.state.principal)}

    @api.get("/models/{model:path}", summary="One model")
    async def retrieve_model(model: str, request: Request) -> dict[str, Any]:
        backends = routes.backends(model)
        if not request.state.principal.may_use(model):
            raise InvalidRequest(f"The model `{model}` does not exist.", code="model_not_found", status=404)
        return catalogue.describe(model, backends[0].name)

    return api
