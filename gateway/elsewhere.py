"""What backends keep themselves under ids of their own: whichever knows an id answers for it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from gateway.backends.base import Backend, UpstreamReply, UpstreamRequest
from gateway.errors import UpstreamError
from gateway.upstream import Upstreams


class Found(NamedTuple):
    """Which backend knows it, and what that one answered."""

    backend: Backend
    reply: UpstreamReply


async def ask(
    upstreams: Upstreams,
    backends: Sequence[Backend],
    request: Callable[[Backend], UpstreamRequest],
    callers_key: str | None,
) -> Found | None:
    """The answer of the first backend whose answer is not a 404; None where there is none.

    ``callers_key`` is the caller's own key, in passthrough mode. Raises UpstreamError where a backend refuses, or
    where one that might know the id cannot be asked.
    """
    silent: UpstreamError | None = None
    for backend in backends:
        try:
            reply = await upstreams.fetch(backend, backend.key(callers_key), request(backend))
        except UpstreamError as error:
            silent = silent or error
            continue
        if reply.status == 404:
            continue
        if not 200 <= reply.status < 300:
            raise backend.error(reply.status, reply.headers, reply.body, callers_key=callers_key is not None)
        return Found(backend, reply)
    if silent:
        raise silent
    return None
