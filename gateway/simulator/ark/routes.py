"""Ark's paths."""

from starlette.routing import BaseRoute, Route

from gateway.simulator.ark import chat, embeddings, files, images, models, responses, tasks
from gateway.simulator.ark.errors import Ark, unknown_action
from gateway.simulator.call import Handler
from gateway.simulator.exchange import Exchange

_ENDPOINTS: tuple[tuple[str, str, Handler], ...] = (
    ("POST", "/chat/completions", chat.complete),
    ("POST", "/batch/chat/completions", chat.complete),
    ("POST", "/bots/chat/completions", chat.complete_as_bot),
    ("POST", "/context/create", chat.create_context),
    ("POST", "/context/chat/completions", chat.complete_in_context),
    ("POST", "/responses", responses.create),
    ("GET", "/responses/{id}", responses.retrieve),
    ("DELETE", "/responses/{id}", responses.delete),
    ("GET", "/responses/{id}/input_items", responses.list_input_items),
    ("POST", "/files", files.create),
    ("GET", "/files", files.list_files),
    ("GET", "/files/{id}", files.retrieve),
    ("DELETE", "/files/{id}", files.delete),
    ("POST", "/images/generations", images.generate),
    ("POST", "/embeddings", embeddings.embed_texts),
    ("POST", "/embeddings/multimodal", embeddings.embed_media),
    ("POST", "/tokenization", embeddings.tokenize),
    ("GET", "/models", models.list_models),
    ("GET", "/models/{id}", models.retrieve),
    ("POST", "/contents/generations/tasks", tasks.create),
    ("GET", "/contents/generations/tasks", tasks.list_tasks),
    ("GET", "/contents/generations/tasks/{id}", tasks.retrieve),
    ("DELETE", "/contents/generations/tasks/{id}", tasks.delete),
)


def ark_routes(prefix: str) -> list[BaseRoute]:
    vendor = Ark()
    known = [
        Route(prefix + path, Exchange(vendor, handler), methods=[method])
        for method, path, handler in _ENDPOINTS
    ]
    return [*known, Route(prefix + "/{action:path}", Exchange(vendor, unknown_action))]
