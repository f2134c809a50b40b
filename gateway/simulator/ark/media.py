"""How Ark takes in pictures and other media, and each limit it sets them."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from gateway.simulator.ark.download import download
from gateway.simulator.ark.errors import ArkError, invalid, invalid_parameter, missing, not_found
from gateway.simulator.ark.picture_rules import UNDERSTANDING, Rules, admit
from gateway.simulator.ark.stored import StoredFile
from gateway.simulator.call import Call
from gateway.simulator.conversation import Clip, Message
from gateway.simulator.data_url import BrokenBase64, DataURL, decode_base64, parse_data_url
from gateway.simulator.pictures import Picture
from gateway.simulator.prompts import Source, Turn

_LARGEST = {"video": 50, "PDF": 50, "audio": 25}  # MB, by URL or base64
_PREFIXES = {"picture": "image/", "video": "video/", "audio": "audio/", "PDF": "application/pdf"}


async def see(turns: Sequence[Turn], call: Call) -> tuple[Message, ...]:
    """The turns with their media fetched, checked and looked at; pictures are numbered through the request."""
    messages: list[Message] = []
    number = 0
    for turn in turns:
        parts: list[str | Picture | Clip] = []
        for part in turn.parts:
            seen = part if isinstance(part, str) else await look(part, number, call)
            number += isinstance(seen, Picture)
            parts.append(seen)
        messages.append(Message(turn.role, tuple(parts)))
    return tuple(messages)


async def look(source: Source, number: int, call: Call, rules: Rules = UNDERSTANDING) -> Picture | Clip:
    data, declared = await _content(source, call)
    if source.kind != "picture":
        return _clip(source, data, _fps(source, call))
    by_file = replace(rules, largest=None) if source.file_id else rules
    return await asyncio.to_thread(admit, data, declared, number, by_file)


async def _content(source: Source, call: Call) -> tuple[bytes, str | None]:
    """The bytes, and the MIME type that the caller declared, if any."""
    if source.file_id:
        return stored(source.file_id, source.kind, call).data, None
    if source.data:
        return await asyncio.to_thread(_decode, source.data, source), None
    if not source.url:
        raise invalid("The url of the input is empty.", code="InvalidImageURL.EmptyURL", param="image_url")
    if source.url.startswith(("http://", "https://")):
        return await download(source.url), None
    return await _inline(source.url, source)


async def _inline(url: str, source: Source) -> tuple[bytes, str | None]:
    parsed: DataURL | None = parse_data_url(url)
    if parsed is None:
        raise _broken(source)
    declared = parsed.mime_type if source.kind == "picture" else None
    return await asyncio.to_thread(_decode, parsed.encoded, source), declared


def stored(id: str, kind: str, call: Call) -> StoredFile:
    file = call.state.files.get(id)
    if file is None or call.now >= file.expire_at:
        raise not_found("File", id)
    status = file.status(call.now)
    if status != "active":
        raise ArkError(403, "OperationDenied.InvalidState", f"The file `{id}` is {status}, not active.")
    if not file.mime_type.startswith(_PREFIXES[kind]):
        raise invalid(f"The file `{id}` of type {file.mime_type} cannot be used as {kind}.", param="file_id")
    return file


def _decode(text: str, source: Source) -> bytes:
    try:
        return decode_base64(text)
    except BrokenBase64 as error:
        raise _broken(source) from error


def _broken(source: Source) -> ArkError:
    name = "image_url" if source.kind == "picture" else source.kind.lower()
    return invalid(f"Invalid base64 {name}.", param=name)


def _fps(source: Source, call: Call) -> float:
    """A part's own does not count where the video comes by its file id."""
    if source.fps is not None and not 0.2 <= source.fps <= 5:
        raise invalid_parameter("fps", "must be between 0.2 and 5")
    if not source.file_id:
        return 1 if source.fps is None else source.fps
    configs = stored(source.file_id, source.kind, call).preprocess_configs or {}
    fps: float = configs.get("video", {}).get("fps", 1)
    return fps


def _clip(source: Source, data: bytes, fps: float) -> Clip:
    limit = _LARGEST[source.kind]
    if not source.file_id and len(data) > limit * 1024 * 1024:
        raise invalid(f"The size of the input {source.kind} exceeds the limit ({limit} MB).")
    if source.kind == "PDF" and not data.startswith(b"%PDF"):
        raise invalid("The input file is not a PDF.", param="file_data")
    if source.kind == "PDF" and (source.url or "").startswith("data:") and not source.filename:
        raise missing("filename")
    return Clip(source.kind, len(data), fps)
