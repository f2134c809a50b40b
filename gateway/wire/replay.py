"""The events of a response that is done: what a stream of it would have told, each text in one piece."""

from collections.abc import Iterator
from typing import Any

from gateway.wire import sse
from gateway.wire.course import ENDINGS

Json = dict[str, Any]


def replayed(response: Json) -> Iterator[bytes]:
    """The frames in order; the number of each is its place."""
    for number, event in enumerate(_events(response)):
        yield sse.encode({**event, "sequence_number": number}, event["type"])


def _events(response: Json) -> Iterator[Json]:
    begun = {
        **response,
        "status": "in_progress",
        "output": [],
        "usage": None,
        "error": None,
        "incomplete_details": None,
        "completed_at": None,
    }
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    output = response.get("output")
    for index, item in enumerate(output if isinstance(output, list) else []):
        if isinstance(item, dict):
            yield from _item(item, index)
    status = response.get("status")
    if status in ENDINGS:
        yield {"type": f"response.{status}", "response": response}


def _item(item: Json, index: int) -> Iterator[Json]:
    opened: Json = {name: [] for name in ("content", "summary") if name in item}
    opened |= {"arguments": ""} if item.get("type") == "function_call" else {}
    opened["status"] = "in_progress"
    yield {"type": "response.output_item.added", "output_index": index, "item": {**item, **opened}}
    where = {"item_id": item.get("id"), "output_index": index}
    for i, part in enumerate(_parts(item, "summary")):
        yield from _part("reasoning_summary", {**where, "summary_index": i}, part, "text")
    for i, part in enumerate(_parts(item, "content")):
        yield from _part("content", {**where, "content_index": i}, part, str(part.get("type")))
    if item.get("type") == "function_call":
        arguments = item.get("arguments")
        head = "response.function_call_arguments"
        yield {"type": f"{head}.delta", **where, "delta": arguments}
        yield {"type": f"{head}.done", **where, "name": item.get("name"), "arguments": arguments}
    yield {"type": "response.output_item.done", "output_index": index, "item": item}


def _parts(item: Json, name: str) -> list[Json]:
    parts = item.get(name)
    return [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []


def _part(family: str, where: Json, part: Json, kind: str) -> Iterator[Json]:
    """A part opened empty, its text in one delta, and the part whole."""
    field = "refusal" if kind == "refusal" else "text"
    told = f"response.{family}_{kind}" if family == "reasoning_summary" else f"response.{kind}"
    text = part.get(field)
    extra: Json = {"logprobs": []} if kind == "output_text" else {}
    yield {"type": f"response.{family}_part.added", **where, "part": {**part, field: ""}}
    if isinstance(text, str):
        yield {"type": f"{told}.delta", **where, "delta": text, **extra}
        yield {"type": f"{told}.done", **where, field: text, **extra}
    yield {"type": f"response.{family}_part.done", **where, "part": part}
