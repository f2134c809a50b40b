"""Responses in Ark's form: what is empty is left out, and `[DONE]` ends the stream."""

from typing import Any

import orjson

from benchmarks.upstream import http

PART = {"item_id": "msg_0217bench", "output_index": 0, "content_index": 0}
OPENING = {
    "created_at": 1765193821,
    "id": "resp_0217bench",
    "max_output_tokens": 32768,
    "model": "ark-vision",
    "object": "response",
    "service_tier": "default",
    "caching": {"type": "disabled"},
    "store": True,
    "expire_at": 1765453021,
}
USAGE = {
    "input_tokens": 283,
    "output_tokens": 18,
    "total_tokens": 301,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens_details": {"reasoning_tokens": 0},
}


def message(text: str) -> dict[str, Any]:
    return {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": text}],
        "status": "completed",
        "id": PART["item_id"],
    }


def final(text: str) -> dict[str, Any]:
    return OPENING | {"output": [message(text)], "status": "completed", "usage": USAGE}


def answer(content: bytes) -> bytes:
    return http.response(orjson.dumps(final(content.decode())))


class ResponseStream:
    """One stream's events, numbered; its text is repeated whole at the end, as Ark does."""

    def __init__(self) -> None:
        self.number = 0
        self.text: list[bytes] = []

    def event(self, kind: str, **fields: Any) -> bytes:
        data = orjson.dumps({"type": kind, **fields, "sequence_number": self.number})
        self.number += 1
        return http.chunk(b"event: %b\ndata: %b\n\n" % (kind.encode(), data))

    def start(self) -> bytes:
        opened = {"type": "message", "role": "assistant", "status": "in_progress", "id": PART["item_id"]}
        events = (
            self.event("response.created", response=OPENING),
            self.event("response.in_progress", response=OPENING),
            self.event("response.output_item.added", output_index=0, item=opened),
            self.event("response.content_part.added", **PART, part={"type": "output_text"}),
        )
        return http.STREAM_HEAD + b"".join(events)

    def token(self, stamp: int) -> bytes:
        word = b"%018d " % stamp
        self.text.append(word)
        data = (
            b"event: response.output_text.delta\n"
            b'data: {"type":"response.output_text.delta","content_index":0,"delta":"%b",'
            b'"item_id":"msg_0217bench","output_index":0,"sequence_number":%d}\n\n' % (word, self.number)
        )
        self.number += 1
        return http.chunk(data)

    def end(self) -> bytes:
        text = b"".join(self.text).decode()
        item = message(text)
        events = (
            self.event("response.output_text.done", **PART, text=text),
            self.event("response.content_part.done", **PART, part=item["content"][0]),
            self.event("response.output_item.done", output_index=0, item=item),
            self.event("response.completed", response=final(text)),
        )
        return b"".join(events) + http.chunk(b"data: [DONE]\n\n") + http.LAST_CHUNK
