"""The event stream of Ark's Responses API, compared with a recorded one field by field."""

from typing import Any

from .conftest import Client
from .media import input_image, input_text, picture

# Event type -> its keys, and those of the object inside; the order is the recorded one.
RECORDED = [
    ("response.created", ["type", "response", "sequence_number"]),
    ("response.in_progress", ["type", "response", "sequence_number"]),
    ("response.output_item.added", ["type", "output_index", "item", "sequence_number"]),
    (
        "response.reasoning_summary_part.added",
        ["type", "item_id", "output_index", "summary_index", "part", "sequence_number"],
    ),
    (
        "response.reasoning_summary_text.delta",
        ["type", "summary_index", "delta", "item_id", "output_index", "sequence_number"],
    ),
    (
        "response.reasoning_summary_text.done",
        ["type", "summary_index", "item_id", "output_index", "text", "sequence_number"],
    ),
    (
        "response.reasoning_summary_part.done",
        ["type", "item_id", "output_index", "summary_index", "part", "sequence_number"],
    ),
    ("response.output_item.done", ["type", "output_index", "item", "sequence_number"]),
    ("response.output_item.added", ["type", "output_index", "item", "sequence_number"]),
    (
        "response.content_part.added",
        ["type", "content_index", "item_id", "output_index", "part", "sequence_number"],
    ),
    (
        "response.output_text.delta",
        ["type", "content_index", "delta", "item_id", "output_index", "sequence_number"],
    ),
    (
        "response.output_text.done",
        ["type", "content_index", "item_id", "output_index", "text", "sequence_number"],
    ),
    (
        "response.content_part.done",
        ["type", "content_index", "item_id", "output_index", "part", "sequence_number"],
    ),
    ("response.output_item.done", ["type", "output_index", "item", "sequence_number"]),
    ("response.completed", ["type", "response", "sequence_number"]),
]
OPENING = [
    "created_at",
    "id",
    "max_output_tokens",
    "model",
    "object",
    "service_tier",
    "caching",
    "store",
    "expire_at",
]


def shapes(events: list[Any]) -> list[tuple[str, list[str]]]:
    """Types and keys, runs of deltas told once."""
    found = [(event["type"], list(event)) for event in events]
    return [shape for before, shape in zip([None, *found], found, strict=False) if shape != before]


async def test_stream_equals_the_recorded_one(http: Client) -> None:
    answer = await http.respond(input_text("hello"), stream=True)
    assert shapes(answer.events) == RECORDED
    assert [event["sequence_number"] for event in answer.events] == list(range(len(answer.events)))
    assert answer.frames[-1] == b"data: [DONE]"


async def test_frames_name_their_event(http: Client) -> None:
    answer = await http.respond(input_text("hello"), stream=True)
    for frame, event in zip(answer.frames, answer.events, strict=False):
        assert frame.startswith(f"event: {event['type']}\ndata: ".encode())


async def test_omissions(http: Client) -> None:
    events = (await http.respond(input_text("hello"), stream=True)).events
    created, in_progress = events[:2]
    assert list(created["response"]) == list(in_progress["response"]) == OPENING
    added = [event["item"] for event in events if event["type"] == "response.output_item.added"]
    assert [list(item) for item in added] == [["id", "type", "status"], ["type", "role", "status", "id"]]
    parts = [event["part"] for event in events if event["type"].endswith("part.added")]
    assert parts == [{"type": "summary_text"}, {"type": "output_text"}]
    done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    assert [list(item) for item in done] == [
        ["id", "type", "summary", "status"],
        ["type", "role", "content", "status", "id"],
    ]


async def test_deltas_make_up_the_text_and_the_kept_answer(http: Client) -> None:
    events = (await http.respond(input_text("hello"), stream=True)).events
    final = events[-1]["response"]
    text = "".join(event["delta"] for event in events if event["type"] == "response.output_text.delta")
    assert text == final["output"][1]["content"][0]["text"]
    kept = await http.send("GET", f"{http.ark}/responses/{final['id']}")
    assert kept.json == final


async def test_function_call_events(http: Client) -> None:
    tool = {"type": "function", "name": "f", "parameters": {"properties": {"city": {"type": "string"}}}}
    events = (await http.respond(input_text("call f"), tools=[tool], stream=True)).events
    call = [event for event in events if event.get("output_index") == 1]
    assert [event["type"].removeprefix("response.") for event in call] == [
        "output_item.added",
        *["function_call_arguments.delta"] * 3,
        "function_call_arguments.done",
        "output_item.done",
    ]
    assert list(call[0]["item"]) == ["type", "id", "call_id", "name", "arguments", "status"]
    assert (call[0]["item"]["arguments"], call[0]["item"]["status"]) == ("", "in_progress")
    assert (
        "".join(event["delta"] for event in call[1:4]) == call[4]["arguments"] == call[5]["item"]["arguments"]
    )
    assert list(call[1]) == ["type", "item_id", "output_index", "delta", "sequence_number"]


async def test_incomplete(http: Client) -> None:
    events = (await http.respond(input_text("hello"), max_output_tokens=20, stream=True)).events
    assert events[-1]["type"] == "response.incomplete"
    assert events[-1]["response"]["incomplete_details"] == {"reason": "length"}


async def test_image_process_events(http: Client) -> None:
    answer = await http.respond(
        input_image(picture()), input_text("zoom"), tools=[{"type": "image_process"}], stream=True
    )
    events = [event for event in answer.events if event.get("output_index") == 1]
    added, in_progress, progressing, completed, done = events
    assert [event["type"].removeprefix("response.") for event in events] == [
        "output_item.added",
        "image_process_call.in_progress",
        "image_process_call.progressing",
        "image_process_call.completed",
        "output_item.done",
    ]
    assert list(added["item"]) == ["type", "status", "id"]
    assert list(in_progress) == ["type", "item_id", "output_index", "sequence_number"]
    assert list(progressing) == ["type", "item_id", "output_index", "action", "arguments", "sequence_number"]
    assert progressing["action"] == {"type": "zoom"}
    assert list(completed) == list(progressing)
    assert list(completed["action"]) == ["type", "result_image_url"]
    assert list(done["item"]) == ["type", "action", "arguments", "status", "id"]
    kinds = [item["type"] for item in answer.events[-1]["response"]["output"]]
    assert kinds == ["reasoning", "image_process", "reasoning", "message"]
