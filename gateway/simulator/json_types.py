"""JSON types by the names that Go gives them."""

from collections.abc import Mapping
from typing import Any

_PYTHON_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "bool": (bool,),
    "int64": (int,),
    "float64": (int, float),
    "object": (dict,),
    "array": (list,),
    "string|array": (str, list),
    "string|object": (str, dict),
}
_JSON_NAMES = {str: "string", bool: "bool", int: "number", float: "number", dict: "object", list: "array"}


def fits(value: Any, go_type: str) -> bool:
    """Python takes a bool for an int; JSON does not."""
    return isinstance(value, _PYTHON_TYPES[go_type]) and isinstance(value, bool) == (go_type == "bool")


def json_type(value: Any) -> str:
    return _JSON_NAMES.get(type(value), "null")
