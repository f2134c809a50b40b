"""Where media stand in a request body, what each points to, and the body with others in their place."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

from gateway.errors import InvalidRequest, json_type
from gateway.wire.lump import Lump

Json = dict[str, Any]
Text: TypeAlias = str | Lump
Path = tuple[str | int, ...]
Kind = Literal["image", "video", "audio", "file"]
SourceKind = Literal["remote", "data", "base64", "local", "file_id"]
# What comes in the place of a part: another part (a string in a list of URLs), or several in a row.
New: TypeAlias = Json | Text | list[Json]

_REMOTE = re.compile(r"https?:", re.IGNORECASE)
# White space in one place only: in two that touch, a text that fails is tried in a square of its length.
_BASE64 = re.compile(r"[A-Za-z0-9+/_\-\s]+(?:=\s*){0,2}")
_SHORTEST_BASE64 = 40  # nothing that can be seen or heard is smaller, and no word is taken for it
# The base64 of a JPEG begins with /9j/, a JPEG 2000's with /0//, an MP3's with //.
_PATH_LIKE = re.compile(r"/(?!9j/|0//|/)[^\x00\n]*")
_LOOKED_AT = 4096  # characters: a picture's 5 MB would take 20 ms
_LONGEST_PATH = 4096


class Slot(NamedTuple):
    """How a part of one type holds what it points to: in an object of its own (``holder``) or flat, in one of
    ``sources``, of which the first takes URLs and the last data."""

    kind: Kind
    holder: str | None
    sources: tuple[str, ...]


_CHAT: Mapping[str, Slot] = {
    "image_url": Slot("image", "image_url", ("url",)),
    "video_url": Slot("video", "video_url", ("url",)),
    "input_audio": Slot("audio", "input_audio", ("url", "data")),
    "file": Slot("file", "file", ("file_url", "file_data")),
}
_RESPONSES: Mapping[str, Slot] = {
    "input_image": Slot("image", None, ("image_url",)),
    "input_video": Slot("video", None, ("video_url",)),
    "input_audio": Slot("audio", None, ("audio_url",)),
    "input_file": Slot("file", None, ("file_url", "file_data")),
}
_URL_LIST = Slot("image", None, ())
# OpenAI's part for audio, which Ark's Responses API knows as ``audio_url``.
_OPENAI_AUDIO = "input_audio"


class Source(NamedTuple):
    """What a reference points to: a URL, a data URL, bare base64, a local path or a file id."""

    kind: SourceKind
    value: Text


class MediaRef(NamedTuple):
    """One picture, video, audio or PDF of a body: the way to it, its part, what it points to, its name for errors."""

    path: Path
    part: Any
    slot: Slot
    source: Source
    param: str

    @property
    def kind(self) -> Kind:
        return self.slot.kind

    @property
    def holder(self) -> str:
        """Where the object stands that holds the source and its settings, for errors."""
        return _held_at(self.path, self.slot)

    @property
    def fields(self) -> Json:
        """That object."""
        held = self.part.get(self.slot.holder) if self.slot.holder and isinstance(self.part, dict) else None
        if isinstance(held, dict):
            return held
        return self.part if isinstance(self.part, dict) else {}


def find(api: str, body: Json) -> list[MediaRef]:
    """The media of a body, in order: in messages of every role and in function outputs.

    Raises InvalidRequest for a part that points to nothing.
    """
    if api == "chat":
        return [_ref(*found) for found in _parts(body, "messages", ("content",), _CHAT)]
    if api == "responses":
        return [_ref(*found) for found in _parts(body, "input", ("content", "output"), _RESPONSES)]
    if api == "multimodal":
        return [_ref(*found) for found in _within(body.get("input"), ("input",), _CHAT)]
    if api == "images":
        return list(_url_refs(body.get("image")))
    return []


def _parts(
    body: Json, name: str, places: tuple[str, ...], slots: Mapping[str, Slot]
) -> Iterator[tuple[Path, Json, Slot]]:
    entries = body.get(name)
    for i, entry in enumerate(entries if isinstance(entries, list) else []):
        for place in places if isinstance(entry, dict) else ():
            yield from _within(entry.get(place), (name, i, place), slots)


def _within(parts: Any, path: Path, slots: Mapping[str, Slot]) -> Iterator[tuple[Path, Json, Slot]]:
    for i, part in enumerate(parts if isinstance(parts, list) else []):
        slot = slots.get(str(part.get("type"))) if isinstance(part, dict) else None
        if slot:
            yield (*path, i), part, slot


def _url_refs(value: Any) -> Iterator[MediaRef]:
    many = isinstance(value, list)
    for i, url in enumerate(value if isinstance(value, list) else [] if value is None else [value]):
        path: Path = ("image", i) if many else ("image",)
        param = spelled(path)
        is_id = isinstance(url, str) and url.startswith("file-")
        source = Source("file_id", url) if is_id else _source(url, param)
        yield MediaRef(path, url, _URL_LIST, source, param)


def _ref(path: Path, part: Json, slot: Slot) -> MediaRef:
    held = part.get(slot.holder) if slot.holder else part
    if slot.kind == "audio" and not slot.holder and isinstance(part.get(_OPENAI_AUDIO), dict):
        slot = slot._replace(holder=_OPENAI_AUDIO, sources=("data",))
        held = part[_OPENAI_AUDIO]
    at = _held_at(path, slot)
    if not isinstance(held, dict):  # chat's image_url is a string in some callers' hands
        return MediaRef(path, part, slot, _pointed(held, part, at), at)
    name = next((name for name in slot.sources if held.get(name) is not None), None)
    if name is None and held.get("file_id"):
        param = at if slot.holder else f"{at}.file_id"
        return MediaRef(path, part, slot, Source("file_id", _string(held["file_id"], param)), param)
    name = name or slot.sources[0]
    param = at if slot.sources == ("url",) else f"{at}.{name}"
    return MediaRef(path, part, slot, _source(held.get(name), param), param)


def _held_at(path: Path, slot: Slot) -> str:
    return f"{spelled(path)}.{slot.holder}" if slot.holder else spelled(path)


def _pointed(value: Any, part: Json, param: str) -> Source:
    if value is None and part.get("file_id"):
        return Source("file_id", _string(part["file_id"], param))
    return _source(value, param)


def _source(value: Any, param: str) -> Source:
    if isinstance(value, Lump):
        return Source("data", value)
    return classify(_string(value, param).strip(), param)


def _string(value: Any, param: str) -> str:
    if isinstance(value, str):
        return value
    text = f"It must be given as a string: a URL, a data URL, base64 or a file id; not {json_type(value)}."
    raise InvalidRequest(text, param=param, code="invalid_type")


def classify(value: str, param: str) -> Source:
    """What a string points to. Raises InvalidRequest for one that is nothing of the kind."""
    if value[:5].lower() == "data:":
        return Source("data", value)
    if value[:5].lower() == "file:":
        return Source("local", value)
    if _REMOTE.match(value):
        return Source("remote", value)
    if len(value) <= _LONGEST_PATH and _PATH_LIKE.fullmatch(value):
        return Source("local", value)
    # What is no base64 after that is told by its decoder.
    if len(value) >= _SHORTEST_BASE64 and _BASE64.fullmatch(value, 0, _LOOKED_AT):
        return Source("base64", value)
    text = "This is no http(s) URL, data URL, base64 text, file:// URL, absolute path or file id."
    raise InvalidRequest(text, param=param, code="invalid_image_url")


def spelled(path: Path) -> str:
    """A path in the way that errors name it: ``input[0].content[1]``."""
    first, *rest = path
    return str(first) + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in rest)


def as_url(ref: MediaRef, url: Text) -> Json | Text:
    """The part pointing to a data URL; its other fields (``detail``, ``fps``, pixel limits) stay."""
    if ref.slot is _URL_LIST:
        return url
    if ref.slot.sources == ("data",):
        return _flat_audio(ref, {"audio_url": url})
    if ref.slot.kind == "audio" and ref.slot.holder:
        mime, _, text = str(url).partition(";base64,")
        return _pointing(ref, {"data": text, "format": _AUDIO_NAMES.get(mime.removeprefix("data:"), "mp3")})
    return _pointing(ref, {ref.slot.sources[-1]: url})


def as_file_id(ref: MediaRef, file_id: str) -> Json | str:
    if ref.slot is _URL_LIST:
        return file_id
    where = {"file_id": file_id}
    return _flat_audio(ref, where) if ref.slot.sources == ("data",) else _pointing(ref, where)


def _flat_audio(ref: MediaRef, where: Json) -> Json:
    """OpenAI's part as Ark's Responses API has it."""
    return {name: value for name, value in ref.part.items() if name != _OPENAI_AUDIO} | where


_AUDIO_NAMES = {"audio/mpeg": "mp3", "audio/wav": "wav", "audio/aac": "aac", "audio/mp4": "m4a"}


def _pointing(ref: MediaRef, where: Json) -> Json:
    old = {*ref.slot.sources, "file_id"}
    if ref.slot.holder is None:
        return {name: value for name, value in ref.part.items() if name not in old} | where
    held = ref.part.get(ref.slot.holder)
    kept = {name: value for name, value in held.items() if name not in old} if isinstance(held, dict) else {}
    outer = {name: value for name, value in ref.part.items() if name != "file_id"}
    return outer | {ref.slot.holder: kept | where}


def text_part(api: str, text: str) -> Json:
    return {"type": "text" if api == "chat" else "input_text", "text": text}


def picture_part(api: str, url: Text) -> Json:
    if api == "chat":
        return {"type": "image_url", "image_url": {"url": url}}
    return {"type": "input_image", "image_url": url}


def replace(body: Json, new: Mapping[Path, New]) -> Json:
    """The body with others at the given paths, a list in a row; what is not on the way is shared, nothing changed."""
    # From the end, so that the places of those before it stay.
    for path, value in sorted(new.items(), key=lambda item: _order(item[0]), reverse=True):
        body = _replaced(body, path, value)
    return body


def _order(path: Path) -> list[tuple[bool, str | int]]:
    return [(isinstance(step, str), step) for step in path]


def _replaced(value: Any, path: Path, new: New) -> Any:
    if not path:
        return new
    step, *rest = path
    copied = value.copy()
    if not rest and isinstance(new, list):
        copied[step : step + 1] = new  # type: ignore[operator]  # a part in a list
    else:
        copied[step] = _replaced(value[step], tuple(rest), new)
    return copied
