"""What a backend takes of pictures, video, audio and PDF: declared values, read by the planner and the documentation."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["image", "video", "audio", "file"]

MB = 1 << 20
_DEFAULT_BODY = 64 * MB

VIDEO = frozenset({"video/mp4", "video/quicktime", "video/x-msvideo"})
AUDIO = frozenset({"audio/mpeg", "audio/wav", "audio/aac", "audio/mp4"})
PDF = frozenset({"application/pdf"})


def pictures(*names: str) -> frozenset[str]:
    return frozenset(f"image/{name}" for name in names)


@dataclass(frozen=True)
class ImageRules:
    """In which form an API takes pictures, and its limits: bytes, pixels of a frame, sides in pixels, long side to
    short. ``stills``: of an animation or several pages only the first counts."""

    formats: frozenset[str]
    takes_urls: bool = False
    takes_file_ids: bool = False
    max_bytes: int | None = None  # of a picture sent along
    max_encoded: int | None = None  # of its base64 text
    max_uploaded: int | None = None  # of a picture sent by its file id
    min_pixels: int | None = None
    max_pixels: int | None = None
    min_side: int | None = None
    max_side: int | None = None
    max_ratio: int | None = None
    stills: bool = False


@dataclass(frozen=True)
class ClipRules:
    """In which form an API takes video, audio or PDF. ``as_pictures``: not at all, but its frames or pages will do."""

    formats: frozenset[str]
    takes_urls: bool = False
    takes_file_ids: bool = False
    upload_over: int | None = None  # larger ones go by file id; None: as the configuration says
    max_bytes: int | None = None
    max_uploaded: int | None = None
    as_pictures: bool = False


@dataclass(frozen=True)
class MediaRules:
    """One use of a backend: what it takes of each kind (None: nothing), and its largest request body in bytes."""

    image: ImageRules | None = None
    video: ClipRules | None = None
    audio: ClipRules | None = None
    file: ClipRules | None = None
    max_body: int | None = _DEFAULT_BODY

    def of(self, kind: Kind) -> ImageRules | ClipRules | None:
        return {"image": self.image, "video": self.video, "audio": self.audio, "file": self.file}[kind]
