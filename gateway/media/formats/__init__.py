"""What media really are, read from their first bytes without decoding."""

from collections.abc import Callable

from gateway.media.formats import bmp, gif, heif, icns, ico, jp2, jpeg, png, sgi, tiff, webp
from gateway.media.formats.clips import sniff_clip
from gateway.media.formats.header import Header, Incomplete
from gateway.media.formats.magic import ENOUGH, sniff
from gateway.media.formats.reader import Broken

__all__ = ["Broken", "Header", "Incomplete", "inspect", "sniff", "sniff_clip"]

READERS: dict[str, Callable[[bytes, bool], Header]] = {
    "image/avif": heif.read,
    "image/bmp": bmp.read,
    "image/dib": bmp.read,
    "image/gif": gif.read,
    "image/heic": heif.read,
    "image/heif": heif.read,
    "image/icns": icns.read,
    "image/jp2": jp2.read,
    "image/jpeg": jpeg.read,
    "image/png": png.read,
    "image/sgi": sgi.read,
    "image/tiff": tiff.read,
    "image/webp": webp.read,
    "image/x-icon": ico.read,
}


def inspect(data: bytes, *, whole: bool = True) -> Header | None:
    """What the picture is; None for no known one. Raises Broken where it tells no size.

    ``data`` that is not the ``whole`` of it raises Incomplete as long as more may change the answer.
    """
    mime = sniff(data)
    if mime is None:
        if not whole and len(data) < ENOUGH:
            raise Incomplete
        return None
    header = READERS[mime](data, whole)
    if not (header.width and header.height):
        raise Broken("a side of no pixels")
    return header
