"""The simulator's own pages: its scripts, its record of requests, its pictures."""

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.simulator.faults import HELP, BadFault, order_of
from gateway.simulator.state import State

_ABOUT = {
    "name": "Arkway's simulator of Volcengine Ark and Huawei ModelArts",
    "ark": "/api/v3",
    "modelarts": ["/v2/infer/{service_id}/v1", "/v1"],
    "faults": "/_simulator/faults",
    "requests": "/_simulator/requests?after=0",
    "state": "/_simulator/state",
}
_FAULTS_HELP = {
    "in_a_text": '[[fault: {"status": 429}]]',
    "queued": 'POST {"fault": {"status": 429}, "times": 1, "path": "/chat/completions"}; DELETE clears',
    "fields": HELP,
}


async def about(request: Request) -> Response:
    return _json(_ABOUT)


async def read_faults(request: Request) -> Response:
    waiting = [order.model_dump(exclude_defaults=True) for order in _state(request).faults.orders]
    return _json({**_FAULTS_HELP, "waiting": waiting})


async def add_fault(request: Request) -> Response:
    try:
        order = order_of(await request.body())
    except BadFault as error:
        return _json({"error": {"message": str(error)}}, 400)
    _state(request).faults.orders.append(order)
    return _json({"waiting": len(_state(request).faults.orders)})


async def clear_faults(request: Request) -> Response:
    _state(request).faults.orders.clear()
    return Response(status_code=204)


async def read_requests(request: Request) -> Response:
    after = request.query_params.get("after", "0")
    if not after.isdecimal():
        return _json({"error": {"message": "after is the number of a request"}}, 400)
    return _json({"data": _state(request).recorder.after(int(after))})


async def clear_requests(request: Request) -> Response:
    _state(request).recorder.records.clear()
    return Response(status_code=204)


async def read_state(request: Request) -> Response:
    state = _state(request)
    return _json({"open": state.recorder.open, "files": len(state.files)})


async def picture(request: Request) -> Response:
    name = request.path_params["name"]
    data = _state(request).gallery.get(name)
    if data is None:
        return _json({"error": {"message": f"no picture {name}"}}, 404)
    return Response(data, media_type=f"image/{name.rpartition('.')[2]}")


def control_routes() -> list[Route]:
    return [
        Route("/", about),
        Route("/_simulator/faults", read_faults, methods=["GET"]),
        Route("/_simulator/faults", add_fault, methods=["POST"]),
        Route("/_simulator/faults", clear_faults, methods=["DELETE"]),
        Route("/_simulator/requests", read_requests, methods=["GET"]),
        Route("/_simulator/requests", clear_requests, methods=["DELETE"]),
        Route("/_simulator/state", read_state),
        Route("/_simulator/pictures/{name}", picture),
    ]


def _state(request: Request) -> State:
    state: State = request.app.state.simulator
    return state


def _json(body: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, media_type="application/json")
