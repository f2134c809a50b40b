"""A simple value that fits a JSON schema."""

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

_DEEPEST = 8
_COUNTS = range(1, 100)
_CHOICES = ("anyOf", "oneOf", "allOf")
_SIMPLE: Mapping[str, Any] = {"integer": 1, "number": 1.5, "boolean": True, "null": None}


def sample(schema: Schema, text: str = "example") -> Any:
    return _sample(schema, schema, text, 0)


def _sample(schema: Any, root: Schema, text: str, depth: int) -> Any:
    schema = _resolved(schema, root)
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return schema["enum"][0]
    kind = _kind(schema)
    if kind == "object":
        return _object(schema, root, text, depth)
    if kind == "array":
        return _array(schema, root, text, depth)
    return _SIMPLE.get(kind, text)


def _object(schema: Schema, root: Schema, text: str, depth: int) -> dict[str, Any]:
    properties = _mapping(schema.get("properties")) if depth < _DEEPEST else {}
    return {name: _sample(inner, root, text, depth + 1) for name, inner in properties.items()}


def _array(schema: Schema, root: Schema, text: str, depth: int) -> list[Any]:
    if depth >= _DEEPEST or "items" not in schema:
        return []
    count = schema.get("minItems", 1)
    return [_sample(schema["items"], root, text, depth + 1)] * (count if count in _COUNTS else 1)


def _resolved(schema: Any, root: Schema) -> Schema:
    resolved = _mapping(schema)
    for _ in range(_DEEPEST):
        choices = next((resolved[key] for key in _CHOICES if resolved.get(key)), None)
        if isinstance(choices, list):
            resolved = _mapping(choices[0])
        elif "$ref" in resolved:
            resolved = _definition(str(resolved["$ref"]), root)
    return resolved


def _definition(reference: str, root: Schema) -> Schema:
    definitions = {**_mapping(root.get("definitions")), **_mapping(root.get("$defs"))}
    return _mapping(definitions.get(reference.rpartition("/")[2]))


def _mapping(value: Any) -> Schema:
    return value if isinstance(value, dict) else {}


def _kind(schema: Schema) -> str:
    kind = schema.get("type") or ("object" if "properties" in schema else "string")
    return str(kind[0] if isinstance(kind, list) else kind)
