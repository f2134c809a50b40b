"""A request body: from bytes to a dict, with an error that tells what to mend."""

from typing import Any

import orjson

from gateway.errors import InvalidRequest, json_type
from gateway.wire import lump

Json = dict[str, Any]


def parse(raw: bytes, *, lumps: bool = False) -> Json:
    """The JSON object in ``raw``; with ``lumps``, large data URLs are left in its bytes (see ``lump``).

    Raises InvalidRequest naming the line and column of the fault, an empty body, a comment or a wrong type.
    """
    if not raw.strip():
        raise InvalidRequest("The request body is empty; send a JSON object.", code="empty_body")
    try:
        body = (lump.loads(raw) if lumps else None) or orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise _explained(raw, error) from error
    if not isinstance(body, dict):
        raise InvalidRequest(
            f"The request body must be a JSON object, not {json_type(body)}.", code="invalid_type"
        )
    return body


def value(raw: bytes) -> Any:
    """What the JSON in ``raw`` says; None for what is no JSON."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None


def _explained(raw: bytes, error: orjson.JSONDecodeError) -> InvalidRequest:
    # Ark's documentation prints // comments inside its JSON samples, so people paste them.
    if error.doc[error.pos : error.pos + 2] in ("//", "/*"):
        text = f"The request body has a comment on line {error.lineno}; JSON has no comments: remove it."
        return InvalidRequest(text, code="invalid_json")
    where = f"line {error.lineno} column {error.colno}"
    return InvalidRequest(f"The request body is not valid JSON: {error.msg} at {where}.", code="invalid_json")


def dump(body: Any) -> bytes:
    """Raises InvalidRequest for a body of more than 254 levels, of which ``parse`` takes some."""
    try:
        return lump.dumps(body)
    except TypeError as error:
        raise InvalidRequest("The request body is nested too deeply.", code="invalid_json") from error


def string(body: Json, name: str) -> str:
    """The required string ``name`` of ``body``."""
    value = body.get(name)
    if value is None:
        raise InvalidRequest(
            f"The parameter `{name}` is missing.", param=name, code="missing_required_parameter"
        )
    if not isinstance(value, str) or not value:
        text = (
            f"`{name}` must be a non-empty string, not {json_type(value) if value != '' else 'an empty one'}."
        )
        raise InvalidRequest(text, param=name, code="invalid_type")
    return value


def flag(body: Json, name: str) -> bool:
    """The optional boolean ``name`` of ``body``; absent and null are false."""
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise InvalidRequest(
            f"`{name}` must be a boolean, not {json_type(value)}.", param=name, code="invalid_type"
        )
    return bool(value)


def items(body: Json, name: str) -> list[Any]:
    """The optional array ``name`` of ``body``; absent and null are empty."""
    value = body.get(name)
    if value is not None and not isinstance(value, list):
        raise InvalidRequest(
            f"`{name}` must be an array, not {json_type(value)}.", param=name, code="invalid_type"
        )
    return value or []
