"""Where pictures stand in a request body, what each points to, and the body with others in their place."""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from gateway.errors import InvalidRequest, json_type

Json = dict[str, Any]
Path = tuple[str | int, ...]
SourceKind = Literal["remote", "data", "base64", "local", "file_id"]

_DATA_URL = re.compile(r"data:([^;,]*)((?:;[^;,]*)*),", re.IGNORECASE)
_REMOTE = re.compile(r"https?:", re.IGNORECASE)
# White space in one place only: in two that touch, a text that fails is tried in a square of its length.
_BASE64 = re.compile(r"[A-Za-z0-9+/_\-\s]+(?:=\s*){0,2}")
_BEGINNING = 8192
_SHORTEST_BASE64 = 40  # no picture is smaller, and no word is taken for one


class Source(NamedTuple):
    """What a reference points to: a URL, a data URL, bare base64, a ``file:`` URL or a file id."""

    kind: SourceKind
    value: str


class MediaRef(NamedTuple):
    """One picture of a body: its part, the way to it, what it points to, and its name for errors."""

    path: Path
    part: Json
    source: Source
    param: str


class DataUrl(NamedTuple):
    """A base64 data URL taken apart: ``mime`` as declared, and where in ``value`` its base64 text begins.

    The text itself is cut out only where it is needed: it has megabytes.
    """

    mime: str
    value: str
    start: int

    @property
    def text(self) -> str:
        return self.value[self.start :]

    @property
    def beginning(self) -> str:
        """Enough of the text for a look at the picture's header."""
        return self.value[self.start : self.start + _BEGINNING]

    @property
    def size(self) -> int:
        """Characters of the base64 text."""
        return len(self.value) - self.start


def find(api: str, body: Json) -> list[MediaRef]:
    """The pictures of a chat or Responses body, in order, in messages of every role and in function outputs."""
    if api == "chat":
        return [_chat_ref(path, part) for path, part in _parts(body, "messages", ("content",), "image_url")]
    if api == "responses":
        places = ("content", "output")
        return [_responses_ref(path, part) for path, part in _parts(body, "input", places, "input_image")]
    return []


def _parts(body: Json, name: str, places: tuple[str, ...], kind: str) -> Iterator[tuple[Path, Json]]:
    entries = body.get(name)
    for i, entry in enumerate(entries if isinstance(entries, list) else []):
        for place in places if isinstance(entry, dict) else ():
            parts = entry.get(place)
            for j, part in enumerate(parts if isinstance(parts, list) else []):
                if isinstance(part, dict) and part.get("type") == kind:
                    yield (name, i, place, j), part


def _chat_ref(path: Path, part: Json) -> MediaRef:
    value = part.get("image_url")
    param = f"{spelled(path)}.image_url"
    if isinstance(value, dict):
        source = _source(value.get("url"), value.get("file_id"), param)
    else:
        source = _source(value, part.get("file_id"), param)
    return MediaRef(path, part, source, param)


def _responses_ref(path: Path, part: Json) -> MediaRef:
    param = f"{spelled(path)}.{'file_id' if part.get('image_url') is None and part.get('file_id') else 'image_url'}"
    return MediaRef(path, part, _source(part.get("image_url"), part.get("file_id"), param), param)


def _source(value: Any, file_id: Any, param: str) -> Source:
    if value is None and isinstance(file_id, str) and file_id:
        return Source("file_id", file_id)
    if not isinstance(value, str):
        text = f"A picture must be given as a string: a URL, a data URL, base64 or a file id; not {json_type(value)}."
        raise InvalidRequest(text, param=param, code="invalid_type")
    return classify(value.strip(), param)


def classify(value: str, param: str) -> Source:
    """What a picture string is. Raises InvalidRequest for one that is nothing that can be a picture."""
    if value[:5].lower() == "data:":
        return Source("data", value)
    if value[:5].lower() == "file:":
        return Source("local", value)
    if _REMOTE.match(value):
        return Source("remote", value)
    if len(value) >= _SHORTEST_BASE64 and _BASE64.fullmatch(value):
        return Source("base64", value)
    text = "This is no http(s) URL, data URL, base64 text, file:// URL or file id of a picture."
    raise InvalidRequest(text, param=param, code="invalid_image_url")


def parse_data_url(value: str, param: str) -> DataUrl:
    """Raises InvalidRequest for a data URL that is not base64 or has nothing in it."""
    head = _DATA_URL.match(value)
    if not head:
        raise InvalidRequest(
            "The data URL is incomplete: data:image/png;base64,… is its form.",
            param=param,
            code="invalid_image_url",
        )
    if ";base64" not in head[2].lower():
        raise InvalidRequest("The data URL must be base64.", param=param, code="invalid_image_url")
    if head.end() == len(value):
        raise InvalidRequest("The data URL has no data.", param=param, code="invalid_image_url")
    return DataUrl(head[1].strip(), value, head.end())


def decode(text: str, param: str) -> bytes:
    """The bytes of base64 text; line breaks, a missing padding and the URL-safe alphabet are taken."""
    plain = "".join(text.split()) if re.search(r"\s", text) else text
    plain = plain.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest(
            "The picture's base64 text is broken.", param=param, code="invalid_base64"
        ) from error


def head(text: str, param: str, size: int = 4096) -> bytes:
    """The first bytes of base64 text, for a look at the picture's header alone."""
    start = "".join(text[:size].split())
    return decode(start[: len(start) // 4 * 4] if len(text) > size else start, param)


def data_url(mime: str, text: str) -> str:
    return f"data:{mime};base64,{text}"


def spelled(path: Path) -> str:
    """A path in the way that errors name it: ``input[0].content[1]``."""
    first, *rest = path
    return str(first) + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in rest)


def as_url(api: str, part: Json, url: str) -> Json:
    """The part pointing to a URL or data URL; its other fields (``detail``, pixel limits) stay."""
    kept = {name: value for name, value in part.items() if name != "file_id"}
    if api != "chat":
        return kept | {"image_url": url}
    old = part.get("image_url")
    inner = {name: value for name, value in old.items() if name != "file_id"} if isinstance(old, dict) else {}
    return kept | {"image_url": inner | {"url": url}}


def as_file_id(part: Json, file_id: str) -> Json:
    return {name: value for name, value in part.items() if name != "image_url"} | {"file_id": file_id}


def replace(body: Json, parts: Mapping[Path, Json]) -> Json:
    """The body with other parts at the given paths; what is not on the way is shared, nothing is changed."""
    for path, part in parts.items():
        body = _replaced(body, path, part)
    return body


def _replaced(value: Any, path: Path, part: Json) -> Any:
    if not path:
        return part
    copied = value.copy()
    copied[path[0]] = _replaced(value[path[0]], path[1:], part)
    return copied
