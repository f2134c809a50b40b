"""ModelArts' paths; there is no Responses API and no Files API."""

from collections.abc import Iterator

from starlette.routing import BaseRoute, Route

from gateway.simulator.call import Handler
from gateway.simulator.exchange import Exchange
from gateway.simulator.modelarts import chat, embeddings, images, models
from gateway.simulator.modelarts.errors import ModelArts, method_not_allowed, unknown_path

_ENDPOINTS: tuple[tuple[str, str, Handler], ...] = (
    ("POST", "/chat/completions", chat.complete),
    ("POST", "/images/generations", images.generate),
    ("POST", "/embeddings", embeddings.embed),
    ("GET", "/models", models.list_models),
)


def modelarts_routes(prefix: str) -> Iterator[BaseRoute]:
    vendor = ModelArts()
    for method, path, handler in _ENDPOINTS:
        yield Route(prefix + path, Exchange(vendor, handler), methods=[method])
    for _, path, _ in _ENDPOINTS:
        yield Route(prefix + path, Exchange(vendor, method_not_allowed))
    yield Route(prefix + "/{action:path}", Exchange(vendor, unknown_path))
