"""What strict clients require of Responses, by the Open Responses specification and OpenAI's types."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

TABLES: dict[str, Any] = orjson.loads(Path(__file__).with_suffix(".json").read_bytes())
_INNER = ("incomplete_details", "error", "text", "reasoning", "usage")


def wrong_with_response(value: Any, at: str = "response") -> Iterator[str]:
    """The required fields of a Response object that are missing, or of another type."""
    yield from _wrong(value, TABLES["response"], at)
    for name in _INNER:
        if value.get(name) is not None:
            yield from _wrong(value[name], TABLES[f"response.{name}"], f"{at}.{name}")
    for name in ("input_tokens_details", "output_tokens_details"):
        details = (value.get("usage") or {}).get(name)
        if details is not None:
            yield from _wrong(details, TABLES[f"response.usage.{name}"], f"{at}.usage.{name}")
    yield from _typed((value.get("text") or {}).get("format") or {}, "formats", f"{at}.text.format")
    for i, tool in enumerate(value.get("tools") or []):
        yield from _typed(tool, "tools", f"{at}.tools[{i}]")
    for i, item in enumerate(value.get("output") or []):
        yield from wrong_with_item(item, f"{at}.output[{i}]")


def wrong_with_item(value: Any, at: str = "item") -> Iterator[str]:
    yield from _typed(value, "items", at)
    for name in ("content", "summary"):
        for i, part in enumerate(value.get(name) or []):
            yield from wrong_with_part(part, f"{at}.{name}[{i}]")


def wrong_with_part(value: Any, at: str = "part") -> Iterator[str]:
    yield from _typed(value, "parts", at)
    for i, annotation in enumerate(value.get("annotations") or []):
        yield from _typed(annotation, "annotations", f"{at}.annotations[{i}]")


def wrong_with_event(value: Any) -> Iterator[str]:
    """Likewise of an event; one that is not of the specification needs its type and its number alone."""
    at = str(value.get("type"))
    yield from _wrong(value, {"type": "string", "sequence_number": "number"}, at)
    yield from _typed(value, "events", at)
    if isinstance(value.get("response"), dict):
        yield from wrong_with_response(value["response"], f"{at}: response")
    if isinstance(value.get("item"), dict):
        yield from wrong_with_item(value["item"], f"{at}: item")
    if isinstance(value.get("part"), dict):
        yield from wrong_with_part(value["part"], f"{at}: part")
    if isinstance(value.get("annotation"), dict):
        yield from _typed(value["annotation"], "annotations", f"{at}: annotation")


def _typed(value: Any, table: str, at: str) -> Iterator[str]:
    yield from _wrong(value, TABLES[table].get(value.get("type"), {}), at)


def _wrong(value: Any, required: dict[str, str], at: str) -> Iterator[str]:
    for name, types in required.items():
        if name not in value:
            yield f"{at}.{name} is missing"
        elif _type(value[name]) not in types.split():
            yield f"{at}.{name} is {_type(value[name])}, not {types}"


def _type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    names = {str: "string", int: "number", float: "number", list: "array", dict: "object", type(None): "null"}
    return names[type(value)]
