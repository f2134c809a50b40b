"""What every subject tells of itself."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import ClassVar

UPSTREAM_KEY = "sk-upstream"


@dataclass(frozen=True)
class Site:
    """What one start is given: an empty directory, its port and the upstream's."""

    home: Path
    port: int
    upstream: int

    def write(self, name: str, text: str) -> str:
        path = self.home / name
        path.write_text(text)
        return str(path)


class Subject(ABC):
    name: ClassVar[str]
    takes: ClassVar[frozenset[str]]
    """The axes it is measured on, by their names or their groups'."""
    cores: ClassVar[int] = 1

    @abstractmethod
    def lacks(self) -> str | None:
        """Why it cannot be measured here, if so."""

    @abstractmethod
    def version(self) -> str: ...

    def headers(self, upstream: int) -> Mapping[str, str]:
        """What its callers send beside what all callers send; ``upstream`` is a port."""
        return {}


class Direct(Subject):
    """The upstream alone: what load and upstream reach together on their core."""

    name = "direct"
    takes = frozenset({"latency", "json", "streams", "picture", "upload", "workers"})

    def lacks(self) -> None:
        return None

    def version(self) -> str:
        return f"uvloop {version('uvloop')}"


class Gateway(Subject):
    """A program that stands between the load and the upstream."""

    takes = frozenset({"ready", "idle", "latency", "json", "streams", "picture"})
    ready_path: ClassVar[str] = "/health/ready"
    ready_limit: ClassVar[float] = 20.0
    env: ClassVar[Mapping[str, str]] = {}

    @abstractmethod
    def command(self, site: Site) -> list[str]:
        """The command line, once its configuration is written."""
