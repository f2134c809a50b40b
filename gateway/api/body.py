"""A request's body, read within limits of size and time."""

import asyncio

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from gateway.errors import InvalidRequest
from gateway.wire.headers import find

_DRAIN_SECONDS = 5.0


def expected_size(scope: Scope, limit: int) -> int:
    """How many bytes the body may have: what it declares, or all that is allowed."""
    declared = _declared(scope)
    return limit if declared is None else min(declared, limit)


async def read_body(scope: Scope, receive: Receive, *, limit: int, seconds: float) -> bytes:
    """All of the body. Raises InvalidRequest (413, 408, 415) and ClientDisconnect."""
    encoding = find(scope["headers"], b"content-encoding")
    if encoding and encoding.lower() != "identity":
        text = f"The request body is compressed ({encoding}); send it plain."
        raise InvalidRequest(text, code="unsupported_encoding", status=415)
    if (_declared(scope) or 0) > limit:
        await _drain(receive, limit)
        raise _too_large(limit)
    try:
        async with asyncio.timeout(seconds):
            return await _read(receive, limit)
    except TimeoutError:
        text = f"The request body did not arrive within {seconds:g} s."
        raise InvalidRequest(text, code="request_timeout", status=408) from None


def _declared(scope: Scope) -> int | None:
    """The body's size as the caller declares it; None where nothing that is a number does."""
    declared = find(scope["headers"], b"content-length") or ""
    return int(declared) if declared.isdecimal() else None


async def _read(receive: Receive, limit: int) -> bytes:
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message["body"]
        if len(body) > limit:
            raise _too_large(limit)
        return body
    parts, size = [], 0
    while message["type"] == "http.request":
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            del parts
            # After the last of it nothing comes any more but the caller's leaving.
            if message.get("more_body"):
                await _drain(receive, limit)
            raise _too_large(limit)
        if not message.get("more_body"):
            return b"".join(parts)
        message = await receive()
    raise ClientDisconnect


async def _drain(receive: Receive, limit: int) -> None:
    """Takes in a little more of a body that is refused: most clients read the answer only after they have sent
    all of it, and an unread body makes the kernel reset the connection and with it the answer."""
    taken = 0
    try:
        async with asyncio.timeout(_DRAIN_SECONDS):
            while taken <= limit:
                message = await receive()
                taken += len(message.get("body", b""))
                if not message.get("more_body"):
                    return
    except TimeoutError:
        return


def _too_large(limit: int) -> InvalidRequest:
    text = f"The request body is over the limit of {limit} bytes (server.max_body_bytes)."
    return InvalidRequest(text, code="request_too_large", status=413)
