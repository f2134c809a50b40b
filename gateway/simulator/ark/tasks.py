"""Ark's video generation tasks, which succeed after the simulator's processing time."""

from typing import Any

from gateway.simulator.ark.decoding import check_types
from gateway.simulator.ark.errors import invalid_parameter, not_found, require
from gateway.simulator.call import Call
from gateway.simulator.reply import Reply, answer

Json = dict[str, Any]


async def create(call: Call) -> Reply:
    require(call.body, "model", "content")
    check_types(call.body, {"model": "string", "content": "array"}, call.raw)
    id = f"cgt-{call.state.ids.plain()[:20]}"
    call.state.tasks[id] = {
        "id": id,
        "model": call.body["model"],
        "created_at": int(call.now),
        "ready_at": _ready(call),
    }
    return answer({"id": id})


async def retrieve(call: Call) -> Reply:
    return answer(_shown(_task(call), call))


async def list_tasks(call: Call) -> Reply:
    shown = [_shown(task, call) for task in call.state.tasks.values()]
    status = call.query.get("filter.status")
    items = [task for task in reversed(shown) if status in (None, task["status"])]
    size = _number(call, "page_size", 10)
    first = (_number(call, "page_num", 1) - 1) * size
    return answer({"total": len(items), "items": items[first : first + size]})


async def delete(call: Call) -> Reply:
    del call.state.tasks[_task(call)["id"]]
    return answer({})


def _number(call: Call, name: str, default: int) -> int:
    text = call.query.get(name, str(default))
    if not text.isdecimal() or text == "0":
        raise invalid_parameter(name, f"invalid value: `{text}`")
    return int(text)


def _ready(call: Call) -> float:
    return call.now + call.state.processing_time


def _task(call: Call) -> Json:
    id = call.parameters["id"]
    if id not in call.state.tasks:
        raise not_found("Task", id)
    return call.state.tasks[id]


def _shown(task: Json, call: Call) -> Json:
    shown = {name: task[name] for name in ("id", "model", "created_at")}
    if call.now < task["ready_at"]:
        return {**shown, "status": "running", "updated_at": int(call.now)}
    # No video is made: the address has the right form and answers 404.
    video = {"video_url": f"{call.base_url}/_simulator/pictures/{task['id']}.mp4"}
    return {**shown, "status": "succeeded", "content": video, "updated_at": int(task["ready_at"])}
