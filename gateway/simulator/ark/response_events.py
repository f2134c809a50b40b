"""The event sequence of a streamed Responses answer, with the omissions of the real one.

Ark leaves out what is empty: no ``output`` at the start, no ``content`` of a new message, no ``text`` of a new part.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from gateway.simulator.ark.errors import failure
from gateway.simulator.reply import DONE, Stream, frame

Event = dict[str, Any]
Split = Callable[[str], Sequence[str]]

_ARGUMENTS_CHUNK = 8


def response_stream(
    opening: Event, final: Event, split: Split, request_id: str, *, tool_errors_on_top: bool
) -> Stream:
    """``split`` divides a text into the chunks that it streams in."""
    events = _events(opening, final, split, tool_errors_on_top)
    frames = [_frame(event, number) for number, event in enumerate(events)]
    return Stream([*frames, DONE], lambda number: _error_frame(request_id, number))


def _frame(event: Event, number: int) -> bytes:
    return frame({**event, "sequence_number": number}, event["type"])


def _error_frame(request_id: str, number: int) -> bytes:
    return _frame({"type": "error", **failure(request_id), "param": ""}, number)


def _events(opening: Event, final: Event, split: Split, tool_errors_on_top: bool) -> Iterator[Event]:
    yield {"type": "response.created", "response": opening}
    yield {"type": "response.in_progress", "response": opening}
    for index, item in enumerate(final["output"]):
        yield {"type": "response.output_item.added", "output_index": index, "item": _opened(item)}
        yield from _item_events(item, index, split, tool_errors_on_top)
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    yield {"type": f"response.{final['status']}", "response": final}


def _opened(item: Mapping[str, Any]) -> Event:
    dropped = ("summary", "content", "action", "arguments", "error")
    opened = {name: value for name, value in item.items() if name not in dropped}
    if item["type"] == "function_call":
        opened = {**item, "arguments": ""}
    opened["status"] = "in_progress"
    if item["type"] == "image_process":
        return {name: opened[name] for name in ("type", "status", "id")}
    return opened


def _item_events(item: Event, index: int, split: Split, tool_errors_on_top: bool) -> Iterator[Event]:
    match item["type"]:
        case "reasoning":
            return _reasoning_events(item, index, split)
        case "function_call":
            return _call_events(item, index)
        case "image_process":
            return _image_process_events(item, index, tool_errors_on_top)
        case _:
            return _message_events(item, index, split)


def _reasoning_events(item: Event, index: int, split: Split) -> Iterator[Event]:
    place = {"item_id": item["id"], "output_index": index}
    part = item["summary"][0]
    name = "response.reasoning_summary"
    yield {"type": f"{name}_part.added", **place, "summary_index": 0, "part": {"type": part["type"]}}
    for chunk in split(part["text"]):
        yield {"type": f"{name}_text.delta", "summary_index": 0, "delta": chunk, **place}
    yield {"type": f"{name}_text.done", "summary_index": 0, **place, "text": part["text"]}
    yield {"type": f"{name}_part.done", **place, "summary_index": 0, "part": part}


def _message_events(item: Event, index: int, split: Split) -> Iterator[Event]:
    for number, part in enumerate(item["content"]):
        place = {"content_index": number, "item_id": item["id"], "output_index": index}
        name, field = ("refusal", "refusal") if part["type"] == "refusal" else ("output_text", "text")
        yield {"type": "response.content_part.added", **place, "part": {"type": part["type"]}}
        for chunk in split(part[field]):
            yield {
                "type": f"response.{name}.delta",
                "content_index": number,
                "delta": chunk,
                "item_id": item["id"],
                "output_index": index,
            }
        yield {"type": f"response.{name}.done", **place, field: part[field]}
        yield {"type": "response.content_part.done", **place, "part": part}


def _call_events(item: Event, index: int) -> Iterator[Event]:
    place = {"item_id": item["id"], "output_index": index}
    arguments = item["arguments"]
    for start in range(0, len(arguments), _ARGUMENTS_CHUNK):
        delta = arguments[start : start + _ARGUMENTS_CHUNK]
        yield {"type": "response.function_call_arguments.delta", **place, "delta": delta}
    yield {"type": "response.function_call_arguments.done", **place, "arguments": arguments}


def _image_process_events(item: Event, index: int, tool_errors_on_top: bool) -> Iterator[Event]:
    place = {"item_id": item["id"], "output_index": index}
    arguments = {"arguments": item["arguments"]}
    error = {"error": item["error"]} if tool_errors_on_top and "error" in item else {}
    name = "response.image_process_call"
    yield {"type": f"{name}.in_progress", **place}
    yield {"type": f"{name}.progressing", **place, "action": {"type": item["action"]["type"]}, **arguments}
    yield {"type": f"{name}.completed", **place, "action": item["action"], **arguments, **error}
