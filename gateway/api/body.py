"""A request's body, read within limits of size and time."""

import asyncio

from gateway.errors import InvalidRequest
from gateway.http1.request import Request, TooLarge
from gateway.wire.headers import Headers, find

_DRAIN_SECONDS = 5.0


def expected_size(headers: Headers, limit: int) -> int:
    """How many bytes the body may have: what it declares, or all that is allowed. More than ``limit`` will not do."""
    declared = find(headers, b"content-length") or ""
    return int(declared) if declared.isdecimal() else limit


async def read_body(request: Request, expected: int, *, limit: int, seconds: float) -> bytes:
    """All of the body, of which so much is expected. Raises InvalidRequest (413, 408, 415) and CallerLeft."""
    encoding = find(request.named, b"content-encoding")
    if encoding and encoding.lower() != "identity":
        text = f"The request body is compressed ({encoding}); send it plain."
        raise InvalidRequest(text, code="unsupported_encoding", status=415)
    try:
        if expected > limit:
            raise TooLarge
        if request.received:  # most often: a timer would cost more than all the rest of this
            return await request.whole(limit)
        async with asyncio.timeout(seconds):
            return await request.whole(limit)
    except TimeoutError:
        text = f"The request body did not arrive within {seconds:g} s."
        raise InvalidRequest(text, code="request_timeout", status=408) from None
    except TooLarge:
        await _drain(request, limit)
        text = f"The request body is over the limit of {limit} bytes (server.max_body_bytes)."
        raise InvalidRequest(text, code="request_too_large", status=413) from None


async def _drain(request: Request, limit: int) -> None:
    """Takes in a little more of a body that is refused: most clients read the answer only after they have sent
    all of it, and an unread body makes the kernel reset the connection and with it the answer."""
    taken = 0
    try:
        async with asyncio.timeout(_DRAIN_SECONDS):
            while taken <= limit and (piece := await request.chunk()):
                taken += len(piece)
    except TimeoutError:
        return
