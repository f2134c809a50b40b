"""``data:`` URLs and their base64."""

import base64
import binascii
from dataclasses import dataclass


@dataclass(frozen=True)
class DataURL:
    mime_type: str
    encoded: str

    def decode(self) -> bytes:
        return decode_base64(self.encoded)


class BrokenBase64(ValueError):
    """The text is not base64."""


def parse_data_url(url: str) -> DataURL | None:
    head, comma, encoded = url.partition(",")
    if not comma or not head.startswith("data:") or not head.endswith(";base64"):
        return None
    return DataURL(head.removeprefix("data:").removesuffix(";base64"), encoded)


def decode_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BrokenBase64(str(error)) from error
