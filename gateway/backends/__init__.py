"""The backends, by the ``kind`` that the configuration names. PURE, as everything below this package."""

from gateway.backends.ark import Ark
from gateway.backends.base import Backend
from gateway.backends.modelarts import ModelArts

KINDS: dict[str, type[Backend]] = {backend.kind: backend for backend in (Ark, ModelArts)}
