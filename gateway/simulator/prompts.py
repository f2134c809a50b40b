"""The texts and media references of a request body, in order, for either API."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gateway.simulator.faults import without_script

Kind = Literal["picture", "video", "PDF", "audio"]
Body = Mapping[str, Any]


@dataclass(frozen=True)
class Source:
    kind: Kind
    url: str | None = None
    file_id: str | None = None
    data: str | None = None  # bare base64, which chat's input_audio takes
    filename: str | None = None
    fps: float | None = None


@dataclass(frozen=True)
class Turn:
    role: str
    parts: tuple[str | Source, ...]


_RESPONSES_MEDIA: Mapping[str, tuple[Kind, tuple[str, ...]]] = {
    "input_image": ("picture", ("image_url",)),
    "input_video": ("video", ("video_url",)),
    "input_audio": ("audio", ("audio_url",)),
    "input_file": ("PDF", ("file_data", "file_url")),
}
_CHAT_MEDIA: Mapping[str, tuple[Kind, tuple[str, ...]]] = {
    "image_url": ("picture", ("url",)),
    "video_url": ("video", ("url",)),
    "input_audio": ("audio", ("url",)),
    "file": ("PDF", ("file_data", "file_url")),
}


def chat_turns(messages: Iterable[Body]) -> list[Turn]:
    return [Turn(message.get("role", "user"), _chat_parts(message.get("content"))) for message in messages]


def responses_turns(items: Iterable[Body]) -> list[Turn]:
    return [turn for turn in map(_item_turn, items) if turn]


def sources(turns: Iterable[Turn]) -> list[Source]:
    return [part for turn in turns for part in turn.parts if isinstance(part, Source)]


def _item_turn(item: Body) -> Turn | None:
    match item.get("type", "message"):
        case "message":
            return Turn(item.get("role", "user"), _responses_parts(item.get("content")))
        case "function_call_output":
            return Turn("tool", _responses_parts(item.get("output")))
        case _:
            return None


def _responses_parts(content: Any) -> tuple[str | Source, ...]:
    if isinstance(content, str):
        return (without_script(content),)
    return tuple(part for part in map(_responses_part, content or ()) if part is not None)


def _responses_part(part: Body) -> str | Source | None:
    if part.get("type") in ("input_text", "output_text"):
        return without_script(part.get("text") or "")
    media = _RESPONSES_MEDIA.get(part.get("type", ""))
    return _source(media, part) if media else None


def _chat_parts(content: Any) -> tuple[str | Source, ...]:
    if isinstance(content, str):
        return (without_script(content),)
    return tuple(part for part in map(_chat_part, content or ()) if part is not None)


def _chat_part(part: Body) -> str | Source | None:
    type = part.get("type", "")
    if type == "text":
        return without_script(part.get("text") or "")
    media = _CHAT_MEDIA.get(type)
    return _source(media, part.get(type) or {}) if media else None


def _source(media: tuple[Kind, tuple[str, ...]], fields: Body) -> Source:
    kind, names = media
    url = next((fields[name] for name in names if fields.get(name)), None)
    return Source(
        kind, url, fields.get("file_id"), fields.get("data"), fields.get("filename"), fields.get("fps")
    )
