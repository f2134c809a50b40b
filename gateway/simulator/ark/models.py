"""Ark's list of models: the whole catalogue, not what an account may use."""

from typing import Any

from gateway.simulator.ark.errors import ArkError
from gateway.simulator.call import Call
from gateway.simulator.reply import Reply, answer

_CATALOGUE = (
    "doubao-seed-1-6-vision-250815",
    "doubao-seed-1-6-251015",
    "doubao-seed-2-0-pro-260215",
    "doubao-seed-2-0-mini-260215",
    "doubao-1-5-vision-pro-32k-250115",
    "doubao-1-5-pro-32k-250115",
    "doubao-seedream-4-0-250828",
    "doubao-seedream-4-5-251128",
    "doubao-embedding-vision-250615",
    "doubao-embedding-large-text-250515",
)
_MADE = 1_735_689_600


async def list_models(call: Call) -> Reply:
    return answer({"object": "list", "data": [_model(id) for id in _CATALOGUE]})


async def retrieve(call: Call) -> Reply:
    id = call.parameters["id"]
    if id not in _CATALOGUE:
        message = f"The model or endpoint {id} does not exist or you do not have access to it."
        raise ArkError(404, "InvalidEndpointOrModel.NotFound", message)
    return answer(_model(id))


def _model(id: str) -> dict[str, Any]:
    return {"id": id, "object": "model", "created": _MADE, "owned_by": "volcengine"}
