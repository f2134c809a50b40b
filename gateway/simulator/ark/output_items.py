"""The items of a Responses answer, as they stand when they are done."""

from collections.abc import Sequence
from typing import Any

from gateway.simulator.answer import Draft, FunctionCall
from gateway.simulator.ark.image_process import Round
from gateway.simulator.ids import Ids

Item = dict[str, Any]


def output_items(drafted: Draft, rounds: Sequence[Round], urls: Sequence[str | None], ids: Ids) -> list[Item]:
    """A reasoning item, where the model thinks, stands before each tool call and before the message."""
    items: list[Item] = []
    for round, url in zip(rounds, urls, strict=True):
        if drafted.thought:
            items.append(_reasoning([f"I use {round.action} ", "on the picture."], ids))
        items.append(_image_process(round, url, ids))
    status = "incomplete" if drafted.cut else "completed"
    if drafted.thought:
        items.append(
            _reasoning(drafted.thought, ids, "completed" if drafted.text or drafted.calls else status)
        )
    if drafted.text or drafted.refusal:
        items.append(_message(drafted, "completed" if drafted.calls else status, ids))
    items.extend(_function_call(call, ids) for call in drafted.calls)
    if drafted.calls:
        items[-1]["status"] = status
    return items


def _reasoning(thought: Sequence[str], ids: Ids, status: str = "completed") -> Item:
    summary = [{"type": "summary_text", "text": "".join(thought)}]
    return {"id": ids.item("rs"), "type": "reasoning", "summary": summary, "status": status}


def _message(drafted: Draft, status: str, ids: Ids) -> Item:
    text, refusal = "".join(drafted.text), "".join(drafted.refusal)
    said = [{"type": "output_text", "text": text}] if text else []
    refused = [{"type": "refusal", "refusal": refusal}] if refusal else []
    return {
        "type": "message",
        "role": "assistant",
        "content": [*said, *refused],
        "status": status,
        "id": ids.item("msg"),
    }


def _function_call(call: FunctionCall, ids: Ids) -> Item:
    return {
        "type": "function_call",
        "id": ids.item("fc"),
        "call_id": ids.call(),
        "name": call.name,
        "arguments": call.arguments,
        "status": "completed",
    }


def _image_process(round: Round, url: str | None, ids: Ids) -> Item:
    result = {"result_image_url": url} if url else {}
    return {
        "type": "image_process",
        "action": {"type": round.action, **result},
        "arguments": round.arguments,
        **({"error": {"message": round.error}} if round.error else {}),
        "status": "failed" if round.error else "completed",
        "id": ids.item("ip"),
    }
