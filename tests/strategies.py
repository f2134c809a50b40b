"""What the properties draw from: any JSON, and bodies with something wrong at every place."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import strategies as st

from gateway.errors import InvalidRequest

Path = tuple[str | int, ...]

_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
)
json_values = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)

WRONG: tuple[Any, ...] = (None, True, 0, -1.5, "", "x", [], [None], [[1]], {}, {"type": ["x"]}, {"x": {}})


def spoilt(value: Any) -> Iterator[Any]:
    """The value with each of its places in turn holding each wrong value; the value itself is one of the places."""
    for path in _paths(value):
        for wrong in WRONG:
            yield _put(value, path, wrong)


def _paths(value: Any, path: Path = ()) -> Iterator[Path]:
    yield path
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in steps:
        yield from _paths(inner, (*path, step))


def _put(value: Any, path: Path, new: Any) -> Any:
    if not path:
        return new
    copied = value.copy()
    copied[path[0]] = _put(value[path[0]], path[1:], new)
    return copied


def spoilt_objects(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The spoilt values that are still objects, as a body always is."""
    return (one for one in spoilt(value) if isinstance(one, dict))


@st.composite
def cut(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """The data in pieces, cut anywhere; some may be empty."""
    places = sorted(draw(st.lists(st.integers(0, len(data)), max_size=12)))
    edges = [0, *places, len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


def refusal(work: Callable[..., Any], *args: Any) -> InvalidRequest | None:
    """How the work refuses its arguments; None where it takes them. Whatever else it raises is a bug."""
    try:
        work(*args)
    except InvalidRequest as error:
        return error
    return None
