"""Base64 data URLs, taken apart and put together; their text has megabytes, so it is copied only where it must be.

pybase64 reads 5 MB of it in a quarter of a millisecond, for which the standard library takes eleven.
"""

import binascii
import re
import string
from typing import NamedTuple

import pybase64

from gateway.errors import InvalidRequest
from gateway.wire.lump import Lump

_DATA_URL = re.compile(r"data:([^;,]*)((?:;[^;,]*)*),", re.IGNORECASE)
_LONGEST_HEAD = 512  # of a lump, which has less
_STRAYS = ("\n", "\r", " ", "\t", "-", "_")


class DataUrl(NamedTuple):
    """``mime`` as declared, and where in ``value`` the base64 text begins; bare base64 is one without a head."""

    mime: str
    value: str | Lump
    start: int

    @property
    def text(self) -> str:
        return self.value[self.start :]

    def decode(self, param: str) -> bytes:
        """Raises InvalidRequest for broken base64."""
        if isinstance(self.value, Lump):
            return pybase64.b64decode(self.value.text[self.start :])
        return decode(self.text, param)

    @property
    def size(self) -> int:
        """Characters of the base64 text."""
        return len(self.value) - self.start

    @property
    def bytes(self) -> int:
        """What the text decodes to, where it is plain."""
        return self.size // 4 * 3 - self.value.endswith("=") - self.value.endswith("==")

    def beginning(self, size: int) -> str:
        return self.value[self.start : self.start + size]

    @property
    def is_plain(self) -> bool:
        """Whether every backend's decoder reads it: padded, no white space, the standard alphabet."""
        if isinstance(self.value, Lump):
            return True
        return self.size % 4 == 0 and not any(self.value.find(stray, self.start) >= 0 for stray in _STRAYS)


def parse(value: str | Lump, param: str) -> DataUrl:
    """Raises InvalidRequest for a data URL that is not base64 or has nothing in it."""
    head = _DATA_URL.match(value if isinstance(value, str) else value[:_LONGEST_HEAD])
    if not head:
        text = "The data URL is incomplete: data:image/png;base64,… is its form."
        raise InvalidRequest(text, param=param, code="invalid_image_url")
    if ";base64" not in head[2].lower():
        raise InvalidRequest("The data URL must be base64.", param=param, code="invalid_image_url")
    if head.end() == len(value):
        raise InvalidRequest("The data URL has no data.", param=param, code="invalid_image_url")
    return DataUrl(head[1].strip(), value, head.end())


def decode(text: str, param: str) -> bytes:
    """The bytes of base64 text; line breaks, a missing padding and the URL-safe alphabet are taken."""
    plain = "".join(text.split()) if any(space in text for space in string.whitespace) else text
    plain = plain.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return pybase64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest("The base64 text is broken.", param=param, code="invalid_base64") from error


def head(text: str, param: str) -> bytes:
    """The bytes of the beginning of a longer base64 text."""
    start = "".join(text.split())
    return decode(start[: len(start) // 4 * 4], param)


def make(mime: str, text: str) -> str:
    return f"data:{mime};base64,{text}"


def encode(mime: str, data: bytes) -> Lump:
    """The data URL of bytes, as it goes into a body without being looked at again."""
    return Lump(memoryview(b"data:%b;base64,%b" % (mime.encode("ascii"), pybase64.b64encode(data))))
