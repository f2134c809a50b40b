"""Everything that can be configured, as frozen models.

Each part of the gateway receives its own slice. Unknown keys are errors that name the nearest known one.
"""

import difflib
import ipaddress
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from gateway.http1.origin import Origin

_SIZES = {
    "": 1,
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "kib": 1 << 10,
    "mib": 1 << 20,
    "gib": 1 << 30,
}
_DURATIONS = {"ms": 0.001, "": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_QUANTITY = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([a-zA-Z]*)\s*")


def _quantity(units: dict[str, float] | dict[str, int], example: str) -> Any:
    def parse(value: Any) -> Any:
        found = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            if isinstance(value, str):
                raise ValueError(f"write a number with a unit, such as {example}")
            return value
        if found[2].lower() not in units:
            raise ValueError(f"unknown unit {found[2]!r}; write for example {example}")
        return float(found[1]) * units[found[2].lower()]

    return parse


Size = Annotated[int, BeforeValidator(_quantity(_SIZES, "64MiB")), Field(gt=0)]
Budget = Annotated[int, BeforeValidator(_quantity(_SIZES, "64MiB")), Field(ge=0)]  # 0: none
Duration = Annotated[float, BeforeValidator(_quantity(_DURATIONS, "15s")), Field(gt=0)]


class _Slice(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Server(_Slice):
    """Where the gateway listens, and what it takes from callers."""

    host: str = "127.0.0.1"
    port: int = Field(8080, ge=0, le=65535)
    workers: int = Field(1, ge=1)
    max_body_bytes: Size = 64 << 20
    header_timeout: Duration = 15.0
    body_timeout: Duration = 60.0
    keep_alive: Duration = 15.0
    drain_timeout: Duration = 30.0


class Key(_Slice):
    """One static key and what it may do."""

    name: str = Field(min_length=1)
    key: SecretStr = Field(min_length=1)
    team: str | None = None
    models: tuple[str, ...] = ("*",)


class Access(_Slice):
    """Who may call."""

    mode: Literal["open", "keys", "passthrough"] = "open"
    keys: tuple[Key, ...] = ()


class Timeouts(_Slice):
    """How long a backend may take."""

    connect: Duration = 5.0
    first_token: Duration = 120.0
    idle: Duration = 60.0
    total: Duration = 1800.0


class Upstream(_Slice):
    """How the gateway deals with a backend."""

    retries: int = Field(2, ge=0, le=10)
    timeouts: Timeouts = Timeouts()


class BackendEntry(_Slice):
    """One backend: its kind, where it is, and the key for it."""

    kind: Literal["ark", "modelarts"]
    base_url: str
    api_key: SecretStr | None = None
    upstream: Upstream | None = None

    @model_validator(mode="after")
    def _url(self) -> "BackendEntry":
        try:
            Origin.of(self.base_url)
        except ValueError as error:
            raise ValueError(f"base_url {error}") from None
        return self

    @model_validator(mode="after")
    def _sendable(self) -> "BackendEntry":
        key = self.api_key.get_secret_value() if self.api_key else ""
        if key and not re.fullmatch(r"[!-~]+", key):
            raise ValueError("api_key holds a space, a line break or a character that no key has")
        return self


class ModelEntry(_Slice):
    """Where a model name goes: the backend, its name there, and what is added to a request."""

    backend: str
    model: str | None = None
    weight: float = Field(1.0, ge=0)
    tools: tuple[dict[str, Any], ...] = Field((), repr=False)  # an mcp tool holds a key
    extra: dict[str, Any] = Field({}, repr=False)


class Admission(_Slice):
    """How much is worked on at a time: what does not fit waits with its body unread."""

    max_requests: int = Field(1000, ge=1)
    max_bytes: Size = 512 << 20
    queue_timeout: Duration = 5.0


class Fetch(_Slice):
    """Limits of one remote picture, video or PDF (and ``parallel``: how many of one request at a time)."""

    bytes: Size = 20 << 20
    time: Duration = 10.0
    redirects: int = Field(3, ge=0, le=10)
    parallel: int = Field(8, ge=1, le=64)
    cache: Budget = 64 << 20


class Decode(_Slice):
    """The child processes that convert pictures, and take PDFs and videos apart."""

    parallel: int = Field(2, ge=1, le=64)
    time: Duration = 60.0
    memory: Size = 2 << 30


class Video(_Slice):
    """How a video becomes pictures for a backend that takes none."""

    fps: float = Field(1.0, ge=0.2, le=5)
    max_frames: int = Field(32, ge=1, le=512)
    max_side: int = Field(1024, ge=64, le=4096)


class Pdf(_Slice):
    """How a PDF becomes pictures for a backend that takes none; ``width`` in pixels."""

    max_pages: int = Field(20, ge=1, le=500)
    width: int = Field(1024, ge=300, le=4096)


class Images(_Slice):
    """How pictures, videos and PDFs are taken in."""

    remote: Literal["normalise", "forward"] = "normalise"
    allow_hosts: tuple[str, ...] = ()
    local_roots: tuple[Path, ...] = ()
    on_violation: Literal["fix", "reject"] = "fix"
    upload_over: Size = 256 << 10
    max_pixels: int = Field(200_000_000, gt=0)
    process_output: Literal["markdown", "field"] = "markdown"
    fetch: Fetch = Fetch()
    decode: Decode = Decode()
    video: Video = Video()
    pdf: Pdf = Pdf()


class Logging(_Slice):
    """What the log looks like; ``auto`` is readable on a terminal and JSON elsewhere."""

    format: Literal["auto", "json", "console"] = "auto"
    level: Literal["debug", "info", "warning", "error"] = "info"


def _nothing(value: Any) -> None:
    if value is not None:
        raise ValueError("no state is shared through Redis yet; leave it null")


class Storage(_Slice):
    """What must last."""

    database: str = Field("sqlite:///arkway.db", repr=False)  # its URL may hold a password
    files: Path = Path("./arkway-files")
    redis: Annotated[None, BeforeValidator(_nothing)] = None


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {name: [entry] if isinstance(entry, dict) else entry for name, entry in value.items()}


class Settings(BaseSettings):
    """Everything that can be configured."""

    model_config = SettingsConfigDict(
        env_prefix="ARKWAY_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    server: Server = Server()
    access: Access = Access()
    upstream: Upstream = Upstream()
    backends: dict[str, BackendEntry] = {}
    models: Annotated[dict[str, tuple[ModelEntry, ...]], BeforeValidator(_listed)] = {}
    admission: Admission = Admission()
    images: Images = Images()
    logging: Logging = Logging()
    storage: Storage = Storage()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return env_settings, init_settings

    @model_validator(mode="after")
    def _consistent(self) -> "Settings":
        if self.access.mode == "keys" and not self.access.keys:
            raise ValueError("access.keys: the mode is keys, so name at least one: {name: ci, key: sk-…}")
        if len({key.name for key in self.access.keys}) < len(self.access.keys):
            raise ValueError("access.keys: two keys have the same name; files would belong to both")
        if len({key.key.get_secret_value() for key in self.access.keys}) < len(self.access.keys):
            raise ValueError("access.keys: two entries hold the same key; who calls could not be told")
        for name, entries in self.models.items():
            if not entries:
                raise ValueError(f"models.{name}: the list is empty; name at least one backend")
            for entry in entries:
                if entry.backend not in self.backends:
                    raise ValueError(
                        f"models.{name}: there is no backend {entry.backend!r}{nearest(entry.backend, self.backends)}"
                    )
            if not any(entry.weight for entry in entries):
                raise ValueError(f"models.{name}: every weight is 0; give one entry a weight")
        return self

    @property
    def listens_beyond_loopback(self) -> bool:
        return not is_loopback(self.server.host)


def nearest(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(known) or 'none'}."


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
