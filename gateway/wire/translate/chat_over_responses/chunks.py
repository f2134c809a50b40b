"""Chunks of a streamed chat completion as frames; what all of them share is written once."""

from typing import Any

import orjson

from gateway.wire import sse
from gateway.wire.translate.translation import Json, Mark

DONE = b"data: %s\n\n" % sse.DONE
_HEAD = b'data: {"id":%s,"object":"chat.completion.chunk","created":%d,"model":%s,'
_DELTA = b'"choices":[{"index":0,"delta":'
_TAIL = b',"logprobs":null,"finish_reason":%s}]%s}\n\n'


class Chunks:
    """The chunks of one completion; ``with_usage`` is the caller's ``stream_options.include_usage``."""

    def __init__(self, mark: Mark, model: Any, *, with_usage: bool) -> None:
        self._mark = mark
        self._with_usage = with_usage
        self._no_usage = b',"usage":null' if with_usage else b""
        self._tail = _TAIL % (b"null", self._no_usage)
        self.name(model)

    def name(self, model: Any) -> None:
        """The model, by the name that the backend has for it."""
        shown = orjson.dumps(model if isinstance(model, str) else "")
        self._head = _HEAD % (orjson.dumps(f"chatcmpl-{self._mark.digits}"), self._mark.created_at, shown)
        self._delta = self._head + _DELTA

    def delta(self, delta: Json) -> bytes:
        try:
            return b"%s%s%s" % (self._delta, orjson.dumps(delta), self._tail)
        except TypeError:  # nested more deeply than can be written
            return b""

    def finish(self, reason: str) -> bytes:
        return b"%s{}%s" % (self._delta, _TAIL % (orjson.dumps(reason), self._no_usage))

    def usage(self, usage: Json | None) -> bytes:
        """The chunk of the usage, where the caller wants it and the backend told it."""
        if usage is None or not self._with_usage:
            return b""
        return b'%s"choices":[],"usage":%s}\n\n' % (self._head, orjson.dumps(usage))
