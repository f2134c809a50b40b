"""The scripted upstream: answers chat calls at once or at a given pace, and counts what it saw.

The last user message says what to answer, because every gateway hands that on unchanged: `stream tokens=100
rate=50` asks for a paced stream, `digest` for the SHA-256 of the picture, anything else for a plain answer.
"""

import asyncio
import hashlib
import re
import time
from argparse import ArgumentParser
from dataclasses import asdict, dataclass
from typing import cast

import httptools
import orjson
import uvloop

STREAM = re.compile(rb"stream tokens=(\d+) rate=(\d+)")
PICTURE = re.compile(rb'data:image/[a-z]+;base64,([^"]*)"')
HEAD_BYTES = 4096

ANSWER = orjson.dumps(
    {
        "id": "chatcmpl-bench",
        "object": "chat.completion",
        "created": 1765193821,
        "model": "bench-vision",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "reasoning_content": None,
                    "content": "CONTENT",
                    "tool_calls": [],
                },
                "logprobs": None,
                "finish_reason": "stop",
                "stop_reason": None,
            }
        ],
        "usage": {"prompt_tokens": 283, "total_tokens": 301, "completion_tokens": 18},
        "prompt_logprobs": None,
    }
)


def json_response(body: bytes, status: bytes = b"200 OK") -> bytes:
    head = b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % (status, len(body)) + body


def answer(content: bytes) -> bytes:
    return json_response(ANSWER.replace(b"CONTENT", content))


def http_chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def frame(delta: bytes, finish: bytes) -> bytes:
    """ModelArts' form: usage stands in every chunk unless the caller declines it."""
    return http_chunk(
        b'data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1765193821,"model":"bench-vision",'
        b'"choices":[{"index":0,"delta":{%b},"logprobs":null,"finish_reason":%b}],'
        b'"usage":{"prompt_tokens":283,"total_tokens":301,"completion_tokens":18}}\n\n' % (delta, finish)
    )


# All connections share it: what was read is parsed before anything else is read.
READ_BUFFER = memoryview(bytearray(128 * 1024))

PLAIN = answer(b"The picture shows a harbour at dusk, with three boats and a lighthouse.")
NOT_FOUND = json_response(b'{"error":{"message":"no such path"}}', b"404 Not Found")
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
STREAM_START = STREAM_HEAD + frame(b'"role":"assistant","content":""', b"null")
STREAM_END = frame(b"", b'"stop"') + http_chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n"
# The token is the moment of sending, at a fixed width: the frame's length stays and the reader sees the delay.
TOKEN_START, TOKEN_END = frame(b'"content":"%b "' % (b"@" * 18), b"null").split(b"@" * 18)


@dataclass
class Seen:
    requests: int = 0
    body_bytes: int = 0
    pictures: int = 0
    chunks: int = 0


class Exchange(asyncio.BufferedProtocol):
    """One connection, whose requests come one after the other."""

    def __init__(self, seen: Seen) -> None:
        self.seen = seen
        self.loop = asyncio.get_running_loop()
        self.parser = httptools.HttpRequestParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        return READ_BUFFER

    def buffer_updated(self, nbytes: int) -> None:
        self.parser.feed_data(READ_BUFFER[:nbytes])

    def on_message_begin(self) -> None:
        self.head = b""
        self.parts: list[bytes] = []
        self.size = 0

    def on_url(self, url: bytes) -> None:
        self.url = url

    def on_body(self, body: bytes) -> None:
        self.size += len(body)
        if len(self.head) < HEAD_BYTES:
            self.head += body[:HEAD_BYTES]
        if b"digest" in self.head:
            self.parts.append(body)

    def on_message_complete(self) -> None:
        if self.parser.get_method() == b"GET":
            self.tell()
        elif self.url.endswith(b"/chat/completions"):
            self.chat()
        else:
            self.transport.write(NOT_FOUND)

    def tell(self) -> None:
        self.transport.write(json_response(orjson.dumps(asdict(self.seen))))

    def chat(self) -> None:
        self.seen.requests += 1
        self.seen.body_bytes += self.size
        self.seen.pictures += self.head.count(b"data:image/")
        if script := STREAM.search(self.head):
            self.stream(int(script[1]), int(script[2]))
        elif self.parts:
            self.transport.write(answer(self.digest()))
        else:
            self.transport.write(PLAIN)

    def digest(self) -> bytes:
        picture = PICTURE.search(b"".join(self.parts))
        return hashlib.sha256(picture[1]).hexdigest().encode() if picture else b"no picture"

    def stream(self, tokens: int, rate: int) -> None:
        self.transport.write(STREAM_START)
        self.send_token(0, tokens, 1 / rate, self.loop.time())

    def send_token(self, index: int, tokens: int, pause: float, began: float) -> None:
        if self.transport.is_closing():
            return
        if index == tokens:
            self.transport.write(STREAM_END)
            return
        self.transport.write(b"%b%018d%b" % (TOKEN_START, time.monotonic_ns(), TOKEN_END))
        self.seen.chunks += 1
        # Counted from the start, so that a late token does not delay those after it.
        due = began + (index + 1) * pause
        self.loop.call_at(due, self.send_token, index + 1, tokens, pause, began)


async def serve(port: int) -> None:
    seen = Seen()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Exchange(seen), "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    uvloop.run(serve(parser.parse_args().port))
