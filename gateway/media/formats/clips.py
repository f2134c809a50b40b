"""Video, audio and PDF by their first bytes."""

from gateway.media.formats.magic import sniff

ENOUGH = 1024

_MAGIC = (
    (b"ID3", "audio/mpeg"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
)
_RIFF = {b"AVI ": "video/x-msvideo", b"WAVE": "audio/wav"}
_MP4 = (
    *(
        b"isom",
        b"avc1",
        b"hvc1",
        b"mp41",
        b"mp42",
        b"mp71",
        b"M4V ",
        b"M4VH",
        b"M4VP",
        b"f4v ",
        b"dash",
        b"mmp4",
    ),
    *(b"iso%d" % version for version in range(2, 10)),
)
_BRANDS = {
    b"qt  ": "video/quicktime",
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
    **dict.fromkeys(_MP4, "video/mp4"),
}
# What QuickTime files began with before there was ftyp.
_OLD_QUICKTIME = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})


def sniff_clip(head: bytes) -> str | None:
    """The MIME type of the clip or document that begins with ``head`` (1024 bytes are enough); None for no known one."""
    if sniff(head):
        return None
    checks = (_sniff_magic, _sniff_riff, _sniff_boxes, _sniff_ebml, _sniff_frame, _sniff_pdf)
    return next((mime for check in checks if (mime := check(head))), None)


def _sniff_magic(head: bytes) -> str | None:
    return next((mime for magic, mime in _MAGIC if head.startswith(magic)), None)


def _sniff_riff(head: bytes) -> str | None:
    return _RIFF.get(head[8:12]) if head[:4] == b"RIFF" else None


def _sniff_boxes(head: bytes) -> str | None:
    """By the major brand, or where that is a maker's own, by the first compatible one that is known."""
    if head[4:8] in _OLD_QUICKTIME:
        return "video/quicktime"
    if head[4:8] != b"ftyp":
        return None
    end = min(int.from_bytes(head[:4], "big"), len(head), ENOUGH)
    brands = (head[at : at + 4] for at in (8, *range(16, end - 3, 4)))
    return next((_BRANDS[brand] for brand in brands if brand in _BRANDS), None)


def _sniff_ebml(head: bytes) -> str | None:
    if head[:4] != b"\x1aE\xdf\xa3":
        return None
    return "video/webm" if b"webm" in head[:64] else "video/x-matroska"


def _sniff_frame(head: bytes) -> str | None:
    """A bare audio frame: its sync is short, so the other fields must be possible."""
    if len(head) < 4 or head[0] != 0xFF:
        return None
    if head[1] & 0xF6 == 0xF0:  # ADTS
        return "audio/aac" if head[2] >> 2 & 0xF < 13 else None
    layer_three, version = head[1] & 0xE6 == 0xE2, head[1] >> 3 & 3
    possible = version != 1 and head[2] >> 4 not in (0, 15) and head[2] >> 2 & 3 != 3
    return "audio/mpeg" if layer_three and possible else None


def _sniff_pdf(head: bytes) -> str | None:
    """Readers accept other bytes before the header."""
    return "application/pdf" if b"%PDF-" in head[:ENOUGH] else None
