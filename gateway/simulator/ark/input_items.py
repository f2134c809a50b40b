"""The input of a Responses request: checked item by item, and listed again by its id."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from gateway.simulator.ark.decoding import check_types, mismatch
from gateway.simulator.ark.errors import invalid_parameter, not_found
from gateway.simulator.ark.stored import StoredResponse
from gateway.simulator.ids import Ids

Item = Mapping[str, Any]

_ROLES = ("user", "system", "developer", "assistant")
_DETAILS = ("auto", "low", "high", "xhigh")
_ITEMS = (
    "message",
    "function_call",
    "function_call_output",
    "reasoning",
    "item_reference",
    "mcp_list_tools",
    "mcp_call",
    "mcp_approval_request",
    "mcp_approval_response",
    "image_process",
    "web_search_call",
    "knowledge_search_call",
    "doubao_app_call",
)
_PARTS = (
    "input_text",
    "input_image",
    "input_video",
    "input_file",
    "input_audio",
    "output_text",
    "reasoning_text",
)
_STRINGS = (
    "text",
    "image_url",
    "video_url",
    "file_url",
    "file_data",
    "filename",
    "audio_url",
    "file_id",
    "detail",
)
_PART_FIELDS = {**dict.fromkeys(_STRINGS, "string"), "fps": "float64"}
_PREFIXES = {"message": "msg", "function_call": "fc", "function_call_output": "fco", "reasoning": "rs"}
_PICTURE_URL = "message.input_image.image_url"


def input_items(value: Any, raw: bytes) -> list[Item]:
    if value is None:
        return []
    if isinstance(value, str):
        return [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": value}]}]
    for index, item in enumerate(value):
        _check_item(item, index, raw)
    return list(value)


def _check_item(item: Any, index: int, raw: bytes) -> None:
    if not isinstance(item, dict):
        raise mismatch("input", item, "object", raw)
    type = item.get("type") or "message"
    if type not in _ITEMS:
        raise invalid_parameter(f"input[{index}].type", f"invalid value: `{type}`")
    if type == "message" and item.get("role") not in _ROLES:
        raise invalid_parameter(f"input[{index}].role", f"invalid value: `{item.get('role')}`")
    check_types(item, {"id": "string", "role": "string"}, raw)
    name = {"message": "content", "function_call_output": "output"}.get(type)
    if name:
        _check_parts(item.get(name), name, f"input[{index}].{name}", raw)


def _check_parts(parts: Any, name: str, path: str, raw: bytes) -> None:
    if parts is None or isinstance(parts, str):
        return
    if not isinstance(parts, list):
        raise mismatch(name, parts, "string|array", raw)
    for index, part in enumerate(parts):
        if not isinstance(part, dict):
            raise mismatch(name, part, "object", raw)
        _check_part(part, f"{path}[{index}]", raw)


def _check_part(part: Mapping[str, Any], path: str, raw: bytes) -> None:
    type = part.get("type")
    if type not in _PARTS:
        raise invalid_parameter(f"{path}.type", f"invalid value: `{type}`")
    check_types(part, _PART_FIELDS, raw)
    if part.get("detail") is not None and type == "input_image" and part["detail"] not in _DETAILS:
        raise invalid_parameter(
            f"{path}.detail",
            f"invalid value: `{part['detail']}`",
            code="InvalidArgumentError.InvalidImageDetail",
        )


def with_ids(items: Sequence[Item], ids: Ids) -> list[dict[str, Any]]:
    return [_with_id(item, ids) for item in items]


def _with_id(item: Item, ids: Ids) -> dict[str, Any]:
    type = item.get("type") or "message"
    return {"type": type, **item, "id": item.get("id") or ids.item(_PREFIXES.get(type, "item"))}


def dereferenced(items: Sequence[Item], stored: Sequence[StoredResponse]) -> list[Item]:
    return [_found(item, stored) if item.get("type") == "item_reference" else item for item in items]


def _found(reference: Item, stored: Sequence[StoredResponse]) -> Item:
    for response in stored:
        for item in (*response.items, *orjson.loads(response.body)["output"]):
            if item["id"] == reference.get("id"):
                return dict(item)
    raise not_found("Item", str(reference.get("id")))


def shown(item: Item, include: Sequence[str]) -> dict[str, Any]:
    """Picture URLs are left out of a listing that does not ask for them."""
    content = item.get("content")
    if _PICTURE_URL in include or not isinstance(content, list):
        return dict(item)
    parts = [{name: value for name, value in part.items() if name != "image_url"} for part in content]
    return {**item, "content": parts}
