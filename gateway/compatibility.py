"""The compatibility page (docs/compatibility.md), written from what the backends declare. PURE."""

from collections.abc import Iterable, Iterator
from typing import get_args

from gateway.backends import KINDS
from gateway.backends.base import Api, Backend, Json, Rule
from gateway.backends.media import ClipRules, ImageRules
from gateway.errors import InvalidRequest

_INTRO = """# Compatibility

Generated from the backends' declarations by `make docs`; a test fails when it is out of date.

What a backend refuses, the gateway leaves out or rewrites where the answer stays the same, and refuses with a 400 that
says why where it would not. `x-arkway-changes` names each change of a request; `arkway explain` shows them without
sending anything. Fields that are not named here go upstream as they come, unknown ones included.
"""
_TRANSLATED = """Where an API is translated, a field, tool or item that has no counterpart is refused by name if the answer would be
another without it (`n`, `stop`, `conversation`, a tool that must be used), and otherwise left out and told
(`drop:truncation`, `drop:tools[0]`). A chat that travels as Responses loses unknown fields too, as Ark refuses them there.
"""
_IMAGE_PROCESS = {"tools": [{"type": "image_process"}]}
_NAMES = {
    "chat": "Chat completions",
    "responses": "Responses",
    "images": "Image generation",
    "embeddings": "Embeddings",
    "multimodal": "Embeddings of media",
}
_MIB = 1 << 20


def table() -> str:
    """The whole page, in Markdown."""
    backends = tuple(KINDS.values())
    sections = [_INTRO, _apis(backends), _media(backends), *map(_backend, backends)]
    return "\n".join(sections)


def _apis(backends: tuple[type[Backend], ...]) -> str:
    rows = [[_NAMES[api], *(_served(backend, api, {}) for backend in backends)] for api in get_args(Api)]
    processed = [_served(backend, "chat", _IMAGE_PROCESS) for backend in backends]
    rows.insert(1, [f"{_NAMES['chat']} with image_process", *processed])
    heads = ["", *(backend.title for backend in backends)]
    return f"## APIs\n\n{_table(heads, rows)}\n{_TRANSLATED}"


def _served(backend: type[Backend], api: Api, body: Json) -> str:
    """By which path a call is served, or why it is not."""
    example = backend("example", "", None)
    lacking = example.lacks(api)
    if lacking:
        return f"no: {lacking}"
    spoken = example.spoken(api, body)
    try:
        example.prepare(spoken, body)
    except InvalidRequest as refused:
        return f"no: {refused.message}"
    path = f"`{backend.paths[spoken]}`"
    return path if spoken == api else f"translated, over {path}"


def _media(backends: tuple[type[Backend], ...]) -> str:
    pictures = (
        [backend.title, _use(use), *_picture_limits(rules.image)]
        for backend in backends
        for use, rules in backend.media.items()
        if rules.image
    )
    clips = (
        [backend.title, _use(use), noun, *_clip_limits(clip)]
        for backend in backends
        for use, rules in backend.media.items()
        for noun, clip in (("video", rules.video), ("audio", rules.audio), ("PDF", rules.file))
        if clip
    )
    heads = ["", "API", "sent as", "formats", "largest", "shape"]
    return "\n".join(
        [
            "## Pictures that callers send\n",
            "Any of gif, jpeg, png, webp, bmp, dib, tiff, ico, icns, jp2, heic, heif, avif and sgi is taken, and converted",
            "or scaled down where the backend takes less (`images.on_violation: fix`). What is too small or too elongated",
            "is refused.\n",
            _table(heads, pictures),
            "## Video, audio and PDF\n",
            _table(["", "API", "", "sent as", "formats", "largest"], clips),
        ]
    )


def _use(use: str) -> str:
    api, _, tool = use.partition(" ")
    return _NAMES.get(api, api) + (f" {tool}" if tool else "")


def _forms(rules: ImageRules | ClipRules) -> str:
    forms = ["data URL"]
    if rules.takes_file_ids:
        forms.append("file id")
    if rules.takes_urls:
        forms.append("URL (with `images.remote: forward`)")
    return ", ".join(forms)


def _picture_limits(rules: ImageRules) -> list[str]:
    sizes = []
    if rules.max_bytes is not None:
        sizes.append(f"{_mib(rules.max_bytes)} of picture")
    if rules.max_encoded is not None:
        sizes.append(f"{_mib(rules.max_encoded)} of base64")
    if rules.max_uploaded is not None:
        sizes.append(f"{_mib(rules.max_uploaded)} by file id")
    shape = []
    if rules.min_pixels or rules.max_pixels:
        shape.append(f"{rules.min_pixels or 1} to {rules.max_pixels or 'any number of'} pixels")
    if rules.min_side or rules.max_side:
        shape.append(f"sides {rules.min_side or 1} to {rules.max_side or 'any'}")
    if rules.max_ratio:
        shape.append(f"ratio to {rules.max_ratio}:1")
    if rules.stills:
        shape.append("first frame")
    formats = ", ".join(sorted(name.removeprefix("image/") for name in rules.formats))
    return [_forms(rules), formats, ", ".join(sizes) or "no limit", ", ".join(shape) or "any"]


def _clip_limits(rules: ClipRules) -> list[str]:
    if rules.as_pictures:
        return ["pictures of its frames or pages", "any that can be decoded", "as configured"]
    sizes = []
    if rules.max_bytes is not None:
        sizes.append(f"{_mib(rules.max_bytes)} sent along")
    if rules.max_uploaded is not None and rules.takes_file_ids:
        sizes.append(f"{_mib(rules.max_uploaded)} by file id")
    formats = ", ".join(sorted(name.partition("/")[2] for name in rules.formats))
    return [_forms(rules), formats, ", ".join(sizes)]


def _mib(size: int) -> str:
    """``under`` for the limits that are one byte below a round number."""
    if size % _MIB == 0:
        return f"{size // _MIB} MiB"
    return f"under {(size + 1) // _MIB} MiB" if (size + 1) % _MIB == 0 else f"{size} bytes"


def _backend(backend: type[Backend]) -> str:
    parts = [f"## {backend.title}\n"]
    if backend.beta_headers:
        rows = ([f"`{tool}`", f"`{name}: true`"] for tool, name in backend.beta_headers.items())
        parts.append("Headers that are added where the caller does not send them:\n")
        parts.append(_table(["tool in the request", "header"], rows))
    for api, rules in backend.rules.items():
        parts.append(f"### {_NAMES[api]}\n")
        parts.append(_table(["field", "why it does not go upstream as it comes"], _grouped(rules)))
    return "\n".join(parts)


def _grouped(rules: Iterable[Rule]) -> Iterator[list[str]]:
    """One row for each reason, with all fields that have it."""
    fields: dict[str, list[str]] = {}
    for rule in rules:
        fields.setdefault(rule.why, []).append(f"`{rule.field}`")
    return ([", ".join(named), why[0].upper() + why[1:]] for why, named in fields.items())


def _table(heads: list[str], rows: Iterable[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


if __name__ == "__main__":
    print(table(), end="")
