"""All that is not hot, in FastAPI: models, files, stored responses, and the OpenAPI page, which tells of the hot too."""

import time
from collections.abc import Iterable, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request

from gateway import __version__
from gateway.api import models
from gateway.api.edge import told
from gateway.errors import GatewayError, InvalidRequest, bug
from gateway.routing import Router
from gateway.upstream import Upstreams

_SUMMARIES = {
    "/chat/completions": "Chat completions, streamed or whole",
    "/responses": "Responses, streamed or whole",
    "/responses/compact": "A conversation as its user's messages and a summary of the rest",
    "/images/generations": "Generate pictures",
    "/images/edits": "Edit pictures, sent as a form or as JSON",
    "/embeddings": "Embeddings",
    "/embeddings/multimodal": "One embedding of texts, pictures and videos",
    "/health/live": "The process runs",
    "/health/ready": "Requests can be served",
}


def create_rest(
    router: Router, upstreams: Upstreams, apis: Sequence[APIRouter], hot: Iterable[tuple[str, str]]
) -> FastAPI:
    app = FastAPI(
        title="Arkway",
        version=__version__,
        summary="An OpenAI-compatible gateway for Volcengine Ark and Huawei ModelArts.",
        servers=[
            {"url": "/v1", "description": "OpenAI's dialect"},
            {"url": "/api/v3", "description": "Ark's dialect"},
        ],
        exception_handlers={
            HTTPException: _unrouted,
            RequestValidationError: _invalid,
            GatewayError: _refused,
            Exception: _refused,
        },
        redirect_slashes=False,
    )
    for method, path in hot:
        app.router.routes.append(_documented(method, path))
    app.include_router(models.router(models.Catalogue(router, upstreams, int(time.time())), router))
    for api in apis:
        app.include_router(api)
    return app


def _documented(method: str, path: str) -> APIRoute:
    """A hot endpoint in the documentation, and as the reason why another method is a 405."""

    def post(body: dict[str, Any]) -> Any: ...

    def get() -> Any: ...

    tag = "Health" if path.startswith("/health/") else "Inference"
    signature = post if method == "POST" else get
    return APIRoute(path, signature, methods=[method], summary=_SUMMARIES[path], tags=[tag], name=path)


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
