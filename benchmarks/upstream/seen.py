"""What the upstream saw; an answer counts only if its request stands here."""

from dataclasses import dataclass


@dataclass
class Seen:
    chats: int = 0
    responses: int = 0
    body_bytes: int = 0
    """Of both."""
    pictures: int = 0
    """Data URLs in them."""
    file_ids: int = 0
    """References to files that were uploaded."""
    uploads: int = 0
    upload_bytes: int = 0
    """Of the files, without their forms."""
    fetches: int = 0
    chunks: int = 0
    """Tokens sent in streams."""
