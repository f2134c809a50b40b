"""Content parts of the Responses API as those of chat: text, and media in the order in which they came."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from gateway.errors import InvalidRequest, json_type, not_an_object

Json = dict[str, Any]


class _Medium(NamedTuple):
    """The chat part of a medium, which is also the name of the object in it; and what is called otherwise there."""

    kind: str
    renamed: Mapping[str, str]


_MEDIA: Mapping[str, _Medium] = {
    "input_image": _Medium("image_url", {"image_url": "url"}),
    "input_video": _Medium("video_url", {"video_url": "url"}),
    "input_audio": _Medium("input_audio", {"audio_url": "url"}),
    "input_file": _Medium("file", {}),
}
# The field that holds the text. A model's refusal is what it said, and few chat backends know a part for it.
_TEXTS = {"input_text": "text", "output_text": "text", "text": "text", "refusal": "refusal"}
_OF_ANSWERS = frozenset({"type", "annotations", "logprobs"})


def is_medium(part: Any) -> bool:
    return isinstance(part, dict) and isinstance(part.get("type"), str) and part["type"] in _MEDIA


def parts(value: Any, param: str) -> list[Json]:
    """Chat's parts for a content of the Responses API. Raises InvalidRequest naming the part that has none."""
    if isinstance(value, str):
        return [{"type": "text", "text": value}]
    if not isinstance(value, list):
        text = f"`{param}` must be a string or an array of content parts, not {json_type(value)}."
        raise InvalidRequest(text, param=param, code="invalid_type")
    return [_part(part, f"{param}[{j}]") for j, part in enumerate(value)]


def _part(part: Any, param: str) -> Json:
    if not isinstance(part, dict):
        raise not_an_object("A content part", part, param=param)
    if is_medium(part):
        return _medium(part, _MEDIA[part["type"]])
    kind = part.get("type")
    name = _TEXTS.get(kind) if isinstance(kind, str) else None
    if name is None:
        text = f"A chat backend has no counterpart to a content part of type `{kind}`; known are text, pictures, video, audio and files."
        raise InvalidRequest(text, param=param, code="unsupported_content")
    if not isinstance(part.get(name), str):
        text = f"`{name}` of a `{kind}` part must be a string, not {json_type(part.get(name))}."
        raise InvalidRequest(text, param=f"{param}.{name}", code="invalid_type")
    kept = {field: part[field] for field in part.keys() - _OF_ANSWERS - {name} if part[field] is not None}
    return {"type": "text", "text": part[name], **kept}


def _medium(part: Json, medium: _Medium) -> Json:
    held = {field: value for field, value in part.items() if field != "type" and value is not None}
    own = held.get(medium.kind)
    if isinstance(own, dict) and medium.kind == "input_audio":  # OpenAI's form of it, which is chat's own
        return {"type": medium.kind, medium.kind: own}
    return {
        "type": medium.kind,
        medium.kind: {medium.renamed.get(field, field): value for field, value in held.items()},
    }


def content(found: list[Json]) -> str | list[Json]:
    """A message's content: one plain text as a string, which models without eyes take too."""
    plain = len(found) == 1 and found[0].keys() == {"type", "text"}
    return found[0]["text"] if plain else found


def spoken(found: list[Json]) -> str | list[Json]:
    """An assistant's content. Its texts are pieces of one answer; not every backend takes them as parts."""
    if all(part.keys() == {"type", "text"} for part in found):
        return "".join(part["text"] for part in found)
    return found
