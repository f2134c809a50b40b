"""Ark's Files API: an upload takes its time, and is `active` when it is answered."""

import hashlib
import time

import orjson

from benchmarks.upstream import http

UPLOAD_SECONDS = 0.3
LIFETIME = 7 * 86400


def content(form: bytes) -> bytes:
    """The file in a multipart body: its part is the one with a filename."""
    boundary = form[: form.index(b"\r\n")]
    start = form.index(b"\r\n\r\n", form.index(b'filename="')) + 4
    return form[start : form.index(b"\r\n" + boundary, start)]


class Shelf:
    """The SHA-256 of each file that was uploaded."""

    def __init__(self) -> None:
        self.digests: dict[bytes, bytes] = {}

    def put(self, data: bytes) -> bytes:
        """Answers as Ark does."""
        file_id = f"file-bench-{len(self.digests)}"
        self.digests[file_id.encode()] = hashlib.sha256(data).hexdigest().encode()
        now = int(time.time())
        told = {
            "object": "file",
            "id": file_id,
            "purpose": "user_data",
            "filename": "picture.png",
            "bytes": len(data),
            "mime_type": "image/png",
            "created_at": now,
            "expire_at": now + LIFETIME,
            "status": "active",
        }
        return http.response(orjson.dumps(told))
