"""What a picture really is, by its first bytes. Names and declared types may lie; these do not."""

from gateway.media.formats import bmp, heif, jp2, png

ENOUGH = 32

_MAGIC = (
    (png.SIGNATURE, "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"II+\x00\x08\x00\x00\x00", "image/tiff"),
    (b"MM\x00+\x00\x08\x00\x00", "image/tiff"),
    (b"icns", "image/icns"),
    (jp2.SIGNATURE, "image/jp2"),
    (jp2.CODESTREAM, "image/jp2"),
)


def sniff(head: bytes) -> str | None:
    """The MIME type of the picture that begins with ``head``; None for no known picture.

    32 bytes are enough, but for HEIF that names its codec further on: with only these, it is image/heif.
    """
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:8] == b"ftyp":
        return heif.sniff(head)
    return next((mime for magic, mime in _MAGIC if head.startswith(magic)), None) or _sniff_weak(head)


def _sniff_weak(head: bytes) -> str | None:
    """Formats whose magic is so short that other fields must agree."""
    if head[:2] == b"BM" and (len(head) < 18 or _little(head, 14, 4) in bmp.HEADERS):
        return "image/bmp"
    if head[:4] == b"\x00\x00\x01\x00" and _little(head, 4, 2):
        return "image/x-icon"
    if _little(head, 0, 4) in (40, 108, 124) and _little(head, 12, 2) == 1:
        return "image/dib"
    if head[:2] == b"\x01\xda" and head[2:3] in (b"\0", b"\1") and head[3:4] in (b"\1", b"\2"):
        return "image/sgi"
    return None


def _little(head: bytes, at: int, size: int) -> int:
    return int.from_bytes(head[at : at + size], "little")
