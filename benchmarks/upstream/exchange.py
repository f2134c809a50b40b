"""One connection to the upstream, whose requests come one after the other."""

import asyncio
import hashlib
import re
import time
from dataclasses import asdict
from functools import cache
from typing import cast

import httptools
import orjson

from benchmarks import bodies
from benchmarks.upstream import chat, files, http, responses
from benchmarks.upstream.chat import ChatStream
from benchmarks.upstream.files import Shelf
from benchmarks.upstream.responses import ResponseStream
from benchmarks.upstream.seen import Seen

SCRIPT = re.compile(rb"stream tokens=(\d+) rate=(\d+)")
PICTURE = re.compile(rb'data:image/[a-z]+;base64,([^"]*)"')
FILE_ID = re.compile(rb'"(file-bench-\d+)"')
HEAD_BYTES = 4096
ANSWER = b"The picture shows a harbour at dusk, with three boats and a lighthouse."

# All connections share it: what was read is parsed before anything else is read.
READ_BUFFER = memoryview(bytearray(256 * 1024))


@cache
def plain(api: str) -> bytes:
    return chat.answer(ANSWER) if api == "chat" else responses.answer(ANSWER)


@cache
def picture(name: str) -> bytes:
    """No word on how long it may be kept, so that no cache on the way answers in the upstream's place."""
    return http.response(bodies.png(bodies.SIZES[name]), b"image/png")


class Exchange(asyncio.BufferedProtocol):
    def __init__(self, seen: Seen, shelf: Shelf) -> None:
        self.seen = seen
        self.shelf = shelf
        self.loop = asyncio.get_running_loop()
        self.parser = httptools.HttpRequestParser(self)
        self.rest = self.received = self.length = 0
        self.keeps = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        return READ_BUFFER

    def buffer_updated(self, nbytes: int) -> None:
        if nbytes < self.rest:
            self.rest -= nbytes
        elif self.rest:
            self.rest = 0
            self.parser = httptools.HttpRequestParser(self)
            self.complete()
        else:
            self.parser.feed_data(READ_BUFFER[:nbytes])
            self.look_away()

    def look_away(self) -> None:
        """The rest of a body that is only weighed passes by the parser, which would copy it."""
        missing = self.length - self.received
        if missing > 0 and self.received >= HEAD_BYTES and not self.keeps:
            self.rest, self.received = missing, self.length

    def on_message_begin(self) -> None:
        self.head = b""
        self.parts: list[bytes] = []
        self.received = self.length = 0
        self.keeps = False

    def on_url(self, url: bytes) -> None:
        self.url = url

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"content-length":
            self.length = int(value)

    def on_headers_complete(self) -> None:
        self.method = self.parser.get_method()

    def on_body(self, body: bytes) -> None:
        self.received += len(body)
        if len(self.head) < HEAD_BYTES:
            self.head += body[:HEAD_BYTES]
            self.keeps = b"digest" in self.head or self.url.endswith(b"/files")
        if self.keeps:
            self.parts.append(body)

    def on_message_complete(self) -> None:
        self.complete()

    def complete(self) -> None:
        if self.method == b"GET":
            self.give()
        elif self.url.endswith(b"/chat/completions"):
            self.seen.chats += 1
            self.reply("chat")
        elif self.url.endswith(b"/responses"):
            self.seen.responses += 1
            self.reply("responses")
        elif self.url.endswith(b"/files"):
            self.take()
        else:
            self.transport.write(http.NOT_FOUND)

    def give(self) -> None:
        name = self.url.rpartition(b"/")[2].partition(b".")[0].decode()
        if name in bodies.SIZES:
            self.seen.fetches += 1
            self.transport.write(picture(name))
        else:
            self.transport.write(http.response(orjson.dumps(asdict(self.seen))))

    def take(self) -> None:
        data = files.content(b"".join(self.parts))
        self.seen.uploads += 1
        self.seen.upload_bytes += len(data)
        self.loop.call_later(files.UPLOAD_SECONDS, self.transport.write, self.shelf.put(data))

    def reply(self, api: str) -> None:
        self.seen.body_bytes += self.received
        self.seen.pictures += self.head.count(b"data:image/")
        self.seen.file_ids += sum(name in self.shelf.digests for name in FILE_ID.findall(self.head))
        if script := SCRIPT.search(self.head):
            self.stream(ChatStream() if api == "chat" else ResponseStream(), int(script[1]), int(script[2]))
        elif self.parts:
            content = self.digest()
            self.transport.write(chat.answer(content) if api == "chat" else responses.answer(content))
        else:
            self.transport.write(plain(api))

    def digest(self) -> bytes:
        """Of the base64 text in a data URL, or of an uploaded file."""
        body = b"".join(self.parts)
        if found := PICTURE.search(body):
            return hashlib.sha256(found[1]).hexdigest().encode()
        named = FILE_ID.search(body)
        return self.shelf.digests.get(named[1], b"no such file") if named else b"no picture"

    def stream(self, frames: ChatStream | ResponseStream, tokens: int, rate: int) -> None:
        self.transport.write(frames.start())
        self.send_token(frames, 0, tokens, 1 / rate, self.loop.time())

    def send_token(
        self, frames: ChatStream | ResponseStream, index: int, tokens: int, pause: float, began: float
    ) -> None:
        if self.transport.is_closing():
            return
        if index == tokens:
            self.transport.write(frames.end())
            return
        self.transport.write(frames.token(time.monotonic_ns()))
        self.seen.chunks += 1
        # Counted from the start, so that a late token does not delay those after it.
        due = began + (index + 1) * pause
        self.loop.call_at(due, self.send_token, frames, index + 1, tokens, pause, began)
