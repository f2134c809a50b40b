"""Ark's strict decoding of request bodies, with the words of its Go decoder."""

from collections.abc import Mapping
from typing import Any

from gateway.simulator.ark.errors import ArkError, invalid
from gateway.simulator.json_types import fits, json_type

_SNIPPET = 32


def check_types(body: Mapping[str, Any], fields: Mapping[str, str], raw: bytes) -> None:
    """A null is an absent value: Ark's own SDK sends each field it was not given as null."""
    for name, value in body.items():
        if name in fields and value is not None and not fits(value, fields[name]):
            raise mismatch(name, value, fields[name], raw)


def check_known(body: Mapping[str, Any], names: Mapping[str, str] | frozenset[str]) -> None:
    for name, value in body.items():
        if name not in names and value is not None:
            raise unknown_field(name)


def unknown_field(name: str) -> ArkError:
    return invalid(f'json: unknown field "{name}"')


def mismatch(name: str, value: Any, go_type: str, raw: bytes) -> ArkError:
    index = _position(name, raw)
    snippet = raw[max(0, index - _SNIPPET // 2) : index + _SNIPPET // 2].decode(errors="replace")
    pointer = "." * min(index, _SNIPPET // 2) + "^"
    wanted = go_type.partition("|")[0]
    return invalid(
        f"Mismatch type {wanted} with value {json_type(value)} at index {index}: "
        f"mismatched type with value\n\n\t{snippet}\n\t{pointer}\n"
    )


def _position(name: str, raw: bytes) -> int:
    """Where the field's value starts; the decoder counts bytes."""
    start = raw.find(f'"{name}"'.encode())
    value = raw[start + len(name) + 2 :].lstrip(b" \t\r\n:") if start >= 0 else b""
    return len(raw) - len(value) if value else 0
