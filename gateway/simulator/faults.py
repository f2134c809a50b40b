"""Scripted failures, for the tests of whoever calls a simulated vendor.

A fault is a JSON object. It stands inside any text of a request, ``[[fault: {"status": 429}]]``, or is queued for the
next matching requests: ``POST /_simulator/faults {"fault": {"status": 429}, "times": 1, "path": "/chat/completions"}``.
``HELP`` tells each field; the fields combine. A chunk is one frame of a stream, or an eighth of a whole body.
"""

import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

_OPENING = "[[fault:"
_CLOSING = "]]"

HELP = {
    "status": "answer this HTTP status with the vendor's own error body",
    "code": "the error's code, instead of the usual one for the status",
    "message": "the error's message",
    "retry_after": "seconds for the retry-after header of the error",
    "body": "send this text as the body, with `status` or 200",
    "shape": "ModelArts only: which of its five error shapes, a to e",
    "delay": "seconds of silence before the headers",
    "stall_after": "chunks, then silence; 0 sends the headers alone",
    "stall": "seconds of that silence; without it, until the caller leaves",
    "reset_after": "chunks, then a TCP reset",
    "cut_after": "chunks, then a clean end of the HTTP body, without finish and without [DONE]",
    "cut_mid_frame": "true: the cut leaves half a frame behind (without cut_after, of the second one)",
    "error_after": "chunks, then the vendor's error event, and the end",
    "slow_bytes": "seconds between single bytes",
    "garbage": "true: bytes that are neither JSON nor an event stream",
    "html": "true: 200 with an HTML page",
    "chunk_delay": "seconds between chunks, instead of the simulator's",
    "chunks": "how many text chunks the answer has",
    "text": "the exact text of the answer",
    "thought": "the exact reasoning before it; an empty one for none",
    "refusal": "what the answer refuses with, after its text; without `text` it has none",
    "calls": "the functions it calls: a list of {name, arguments}, the arguments as a string; after `text`, if given",
    "finish": "length or content_filter: what cut it short",
    "no_done": "true: leave out [DONE] alone",
    "file_gone": "true: the request's files are deleted and not found; the same file uploaded again is taken",
    "tool_error": "image_process calls fail with this message, told at the top level of their completed event",
    "failed_images": "images/generations: the indexes of the pictures that fail",
}


class ScriptedCall(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: str
    arguments: str = "{}"


class Fault(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    status: int | None = Field(None, ge=200, le=599)
    code: str | None = None
    message: str | None = None
    retry_after: float | None = None
    body: str | None = None
    shape: Literal["a", "b", "c", "d", "e"] | None = None
    delay: float = Field(0, ge=0)
    stall_after: int | None = Field(None, ge=0)
    stall: float | None = Field(None, ge=0)
    reset_after: int | None = Field(None, ge=0)
    cut_after: int | None = Field(None, ge=0)
    cut_mid_frame: bool = False
    error_after: int | None = Field(None, ge=0)
    slow_bytes: float | None = Field(None, ge=0)
    garbage: bool = False
    html: bool = False
    chunk_delay: float | None = Field(None, ge=0)
    chunks: int | None = Field(None, ge=1)
    text: str | None = None
    thought: str | None = None
    refusal: str | None = None
    calls: tuple[ScriptedCall, ...] | None = Field(None, strict=False)
    finish: Literal["length", "content_filter"] | None = None
    no_done: bool = False
    file_gone: bool = False
    tool_error: str | None = None
    failed_images: tuple[int, ...] = Field((), strict=False)

    @property
    def refuses(self) -> bool:
        return self.status is not None and self.status >= 400 and self.body is None

    @property
    def breaks_body(self) -> bool:
        positions = (self.stall_after, self.reset_after, self.cut_after, self.error_after, self.slow_bytes)
        return self.cut_mid_frame or any(position is not None for position in positions)


NO_FAULT = Fault()


class BadFault(ValueError):
    """A script that is not understood; the message says why."""


class Order(BaseModel):
    """The body of ``POST /_simulator/faults``."""

    model_config = ConfigDict(extra="forbid")

    fault: Fault
    times: int = Field(1, ge=1)
    path: str = ""


@dataclass
class FaultQueue:
    orders: deque[Order] = field(default_factory=deque)

    def take(self, path: str) -> Fault | None:
        order = next((order for order in self.orders if order.path in path), None)
        if order is None:
            return None
        order.times -= 1
        if order.times == 0:
            self.orders.remove(order)
        return order.fault


def order_of(body: bytes) -> Order:
    try:
        return Order.model_validate_json(body)
    except ValidationError as error:
        raise BadFault(str(error)) from error


def scripted(body: Any) -> Fault | None:
    """The fault that a text of the request asks for."""
    for text in _texts(body):
        start = text.find(_OPENING)
        if start >= 0:
            return _parse(text[start + len(_OPENING) :])
    return None


def without_script(text: str) -> str:
    start = text.find(_OPENING)
    if start < 0:
        return text
    try:
        _, length = _decode(text[start + len(_OPENING) :])
    except BadFault:
        return text
    return (text[:start] + text[start + len(_OPENING) + length :].removeprefix(_CLOSING)).strip()


def _parse(script: str) -> Fault:
    fields, _ = _decode(script)
    try:
        return Fault.model_validate(fields)
    except ValidationError as error:
        raise BadFault(str(error)) from error


def _decode(script: str) -> tuple[Any, int]:
    padding = len(script) - len(script.lstrip())
    try:
        return json.JSONDecoder().raw_decode(script, padding)
    except ValueError as error:
        raise BadFault(f"the fault is not JSON: {error}") from error


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str) and not value.startswith("data:"):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
