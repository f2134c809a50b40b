"""Which headers travel on. Both ways it is a list of what may pass: what nobody thought of stays behind."""

from collections.abc import Iterable, Mapping

Headers = Mapping[bytes, bytes]  # names in lower case

# Named by the vendors' pages and SDKs; hop-by-hop and credential headers are thereby never forwarded.
_UPSTREAM_PREFIX = b"ark-beta-"
_UPSTREAM_NAMES = frozenset(
    {b"x-client-request-id", b"x-prompt-cache-id", b"x-fornax-trace", b"x-is-encrypted", b"x-span-id"}
)
_CALLER_PREFIXES = ("x-ratelimit-",)
_CALLER_NAMES = frozenset(
    {"retry-after", "retry-after-ms", "x-should-retry", "x-client-request-id", "x-tt-logid"}
)


def named(pairs: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Headers by name, of equal ones the first; servers give the names in lower case."""
    return dict(reversed(list(pairs)))


def to_upstream(headers: Headers) -> dict[str, str]:
    """The caller's headers that go to the backend."""
    return {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in headers.items()
        if name in _UPSTREAM_NAMES or name.startswith(_UPSTREAM_PREFIX)
    }


def to_caller(headers: Mapping[str, str]) -> dict[str, str]:
    """Those of the backend's headers, with names in lower case, that go to the caller; its request id under a name
    of its own."""
    told = {
        name: value
        for name, value in headers.items()
        if name in _CALLER_NAMES or name.startswith(_CALLER_PREFIXES)
    }
    if "x-request-id" in headers:
        told["x-upstream-request-id"] = headers["x-request-id"]
    return told


def find(headers: Headers, name: bytes) -> str | None:
    value = headers.get(name)
    return None if value is None else value.decode("latin-1")
