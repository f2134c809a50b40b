"""What Ark takes of media: https://www.volcengine.com/docs/82379/1362931 (pictures), /1895586 (video), /1902647 (PDF),
/2377589 (audio), /1798161 (image_process), /1824121 (Seedream)."""

from collections.abc import Mapping
from dataclasses import replace

from gateway.backends.media import AUDIO, MB, PDF, VIDEO, ClipRules, ImageRules, MediaRules, pictures

_UPLOADED = 512 * MB
# Above this base64 text comes near the 64 MB of a body. Ark's SDKs have file ids for these parts on chat as well.
_CHAT_INLINE = 40 * MB

_UNDERSTOOD = pictures(
    *("jpeg", "png", "gif", "webp", "bmp", "dib", "tiff", "x-icon", "icns", "sgi", "jp2", "heic", "heif")
)
_PROCESSED = pictures("gif", "jpeg", "png", "webp", "bmp", "tiff", "x-icon", "icns", "jp2")
_REFERENCES = pictures("jpeg", "png", "webp", "bmp", "tiff", "gif", "heic", "heif")

_CHAT_PICTURE = ImageRules(
    _UNDERSTOOD,
    takes_urls=True,
    max_bytes=10 * MB,
    min_pixels=196,
    max_pixels=36_000_000,
    min_side=15,
    max_ratio=150,
)
_PICTURE = replace(_CHAT_PICTURE, takes_file_ids=True, max_uploaded=_UPLOADED)


def _clip(formats: frozenset[str], largest: int) -> ClipRules:
    return ClipRules(
        formats, takes_urls=True, takes_file_ids=True, max_bytes=largest * MB, max_uploaded=_UPLOADED
    )


_RESPONSES = MediaRules(image=_PICTURE, video=_clip(VIDEO, 50), audio=_clip(AUDIO, 25), file=_clip(PDF, 50))


def _on_chat(rules: ClipRules | None) -> ClipRules | None:
    return replace(rules, upload_over=_CHAT_INLINE) if rules else None


MEDIA: Mapping[str, MediaRules] = {
    "chat": MediaRules(
        image=_CHAT_PICTURE,
        video=_on_chat(_RESPONSES.video),
        audio=_on_chat(_RESPONSES.audio),
        file=_on_chat(_RESPONSES.file),
    ),
    "responses": _RESPONSES,
    # The tool works on the picture itself, so its limits hold for uploaded ones too.
    "responses with image_process": replace(
        _RESPONSES, image=replace(_PICTURE, formats=_PROCESSED, max_uploaded=10 * MB, max_ratio=149)
    ),
    "images": MediaRules(
        image=ImageRules(
            _REFERENCES,
            takes_urls=True,
            max_bytes=30 * MB,
            min_pixels=196,
            max_pixels=36_000_000,
            min_side=15,
            max_ratio=16,
            stills=True,
        )
    ),
    "multimodal": MediaRules(image=_CHAT_PICTURE, video=replace(_clip(VIDEO, 50), takes_file_ids=False)),
}
