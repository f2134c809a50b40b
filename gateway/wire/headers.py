"""Which headers travel on. Both ways it is a list of what may pass: what nobody thought of stays behind."""

from collections.abc import Iterable, Mapping

RawHeaders = Iterable[tuple[bytes, bytes]]

# Named by the vendors' pages and SDKs; hop-by-hop and credential headers are thereby never forwarded.
_UPSTREAM_PREFIX = b"ark-beta-"
_UPSTREAM_NAMES = frozenset(
    {b"x-client-request-id", b"x-prompt-cache-id", b"x-fornax-trace", b"x-is-encrypted", b"x-span-id"}
)
_CALLER_PREFIXES = ("x-ratelimit-",)
_CALLER_NAMES = frozenset(
    {"retry-after", "retry-after-ms", "x-should-retry", "x-client-request-id", "x-tt-logid"}
)


def to_upstream(headers: RawHeaders) -> dict[str, str]:
    """The caller's headers that go to the backend, names in lower case."""
    return {
        low.decode("latin-1"): value.decode("latin-1")
        for name, value in headers
        if (low := name.lower()) in _UPSTREAM_NAMES or low.startswith(_UPSTREAM_PREFIX)
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


def find(headers: RawHeaders, name: bytes) -> str | None:
    """The first header of that lower-case name; ASGI servers give names in lower case."""
    for key, value in headers:
        if key == name:
            return value.decode("latin-1")
    return None
