"""Everything a running simulator remembers, in one object."""

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from gateway.simulator.ark.stored import StoredFile, StoredResponse
from gateway.simulator.conversation import Conversation
from gateway.simulator.faults import FaultQueue
from gateway.simulator.ids import Ids
from gateway.simulator.recorder import Recorder
from gateway.simulator.shelf import Shelf


@dataclass
class State:
    clock: Callable[[], float]
    chunk_delay: float
    processing_time: float
    ids: Ids = field(init=False)
    faults: FaultQueue = field(default_factory=FaultQueue)
    recorder: Recorder = field(default_factory=Recorder)
    gallery: MutableMapping[str, bytes] = field(default_factory=lambda: Shelf(256))
    files: MutableMapping[str, StoredFile] = field(default_factory=lambda: Shelf(1000))
    lost_files: set[str] = field(default_factory=set)  # digests whose upload a fault has made vanish
    responses: MutableMapping[str, StoredResponse] = field(default_factory=lambda: Shelf(200))
    contexts: MutableMapping[str, Conversation] = field(default_factory=lambda: Shelf(200))
    tasks: MutableMapping[str, dict[str, Any]] = field(default_factory=lambda: Shelf(200))

    def __post_init__(self) -> None:
        self.ids = Ids(self.clock)

    def exhibit(self, picture: bytes, extension: str) -> str:
        """Puts a picture up to be fetched; answers its path."""
        name = f"{self.ids.plain()}.{extension}"
        self.gallery[name] = picture
        return f"/_simulator/pictures/{name}"
