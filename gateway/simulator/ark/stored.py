"""What Ark keeps between calls: uploaded files and responses."""

import hashlib
from dataclasses import dataclass, field
from typing import Any, Literal

from gateway.simulator.conversation import Conversation

FileStatus = Literal["processing", "active", "failed"]


@dataclass(frozen=True)
class StoredFile:
    id: str
    purpose: str
    filename: str
    mime_type: str
    data: bytes = field(repr=False)
    created_at: float
    expire_at: int
    ready_at: float
    preprocess_configs: dict[str, Any] | None = None
    failure: str | None = None

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    def status(self, now: float) -> FileStatus:
        if now < self.ready_at:
            return "processing"
        return "failed" if self.failure else "active"


@dataclass(frozen=True)
class StoredResponse:
    body: bytes
    items: list[dict[str, Any]]
    conversation: Conversation
    expire_at: int
