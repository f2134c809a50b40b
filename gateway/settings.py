"""The configuration: environment over YAML file over defaults, as frozen models.

Each part of the gateway receives its own slice. Unknown keys are errors that name the nearest known one.
"""

import difflib
import ipaddress
import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

DEFAULT_FILE = Path("config/gateway.yaml")

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
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


class ConfigError(Exception):
    """The configuration cannot be used; the message says what is wrong and how to mend it."""


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

    name: str
    key: SecretStr
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
        if not re.match(r"https?://[^/\s]+", self.base_url):
            raise ValueError("base_url must be an http(s) URL")  # not told back: it may be a key put there
        return self


class ModelEntry(_Slice):
    """Where a model name goes: the backend, its name there, and what is added to a request."""

    backend: str
    model: str | None = None
    weight: float = Field(1.0, ge=0)
    tools: tuple[dict[str, Any], ...] = Field((), repr=False)  # an mcp tool holds a key
    extra: dict[str, Any] = Field({}, repr=False)


class Fetch(_Slice):
    """Limits of one remote picture (and ``parallel``: how many of one request at a time)."""

    bytes: Size = 20 << 20
    time: Duration = 10.0
    redirects: int = Field(3, ge=0, le=10)
    parallel: int = Field(8, ge=1, le=64)


class Images(_Slice):
    """How pictures are taken in."""

    remote: Literal["normalise", "forward"] = "normalise"
    allow_hosts: tuple[str, ...] = ()
    local_roots: tuple[Path, ...] = ()
    on_violation: Literal["fix", "reject"] = "fix"
    upload_over: Size = 256 << 10
    fetch: Fetch = Fetch()


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
        for name, entries in self.models.items():
            if not entries:
                raise ValueError(f"models.{name}: the list is empty; name at least one backend")
            for entry in entries:
                if entry.backend not in self.backends:
                    raise ValueError(
                        f"models.{name}: there is no backend {entry.backend!r}{_nearest(entry.backend, self.backends)}"
                    )
            if not any(entry.weight for entry in entries):
                raise ValueError(f"models.{name}: every weight is 0; give one entry a weight")
        return self

    @property
    def listens_beyond_loopback(self) -> bool:
        return not is_loopback(self.server.host)


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def load(path: Path | None = None) -> Settings:
    """The settings from ``path`` (else ``ARKWAY_CONFIG``, else config/gateway.yaml where it exists).

    Raises ConfigError with one sentence that says what to mend.
    """
    named = path or (Path(os.environ["ARKWAY_CONFIG"]) if os.environ.get("ARKWAY_CONFIG") else None)
    source = named or (DEFAULT_FILE if DEFAULT_FILE.is_file() else None)
    values = _read(source) if source else {}
    _check_environment()
    if not values.get("backends"):
        values["backends"] = _backends_from_environment(values.get("access"))
    try:
        settings = Settings(**values)
    except ValidationError as error:
        raise ConfigError(_explained(error, str(source or "the environment"))) from None
    except (ValueError, TypeError) as error:
        raise ConfigError(_unreadable(error)) from None
    if settings.models:
        return settings
    return settings.model_copy(update={"models": _default_models(settings.backends)})


def _check_environment() -> None:
    """pydantic-settings passes over variables of sections that do not exist; a misspelt one must not go unseen."""
    for name in os.environ:
        section, nested, _ = name.removeprefix("ARKWAY_").partition("__")
        if name.startswith("ARKWAY_") and nested and section.lower() not in Settings.model_fields:
            near = _nearest(section.lower(), Settings.model_fields)
            raise ConfigError(f"The environment variable {name} is of no known section{near}")


def _unreadable(error: Exception) -> str:
    """The sentence for a variable that pydantic-settings cannot parse; its own tells the section, and maybe a secret."""
    section = re.search(r'field "(\w+)"', str(error))
    where = f"ARKWAY_{section[1].upper()}__…" if section else "ARKWAY_…"
    return f"The environment variable {where} cannot be read: lists and mappings are written as JSON, such as '[\"10.0.0.0/8\"]'."


def _read(path: Path) -> dict[str, Any]:
    try:
        value = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"The configuration file {path} cannot be read: {error.strerror}.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid YAML{_position(error)}.") from None
    if not isinstance(value, dict | None):
        raise ConfigError(f"{path} must hold sections such as `server:` and `backends:`.")
    resolved: dict[str, Any] = _resolved(value or {}, str(path), "")
    return resolved


def _position(error: Exception) -> str:
    """Where the fault is and what; not the text there, which may be a key."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    return (
        f" on line {mark.line + 1}: {problem}" if mark else f": {getattr(error, 'reason', 'it is no text')}"
    )


def _resolved(value: Any, source: str, where: str) -> Any:
    """The value with each ``${NAME}`` replaced from the environment; ``${NAME:-default}`` has one at hand."""
    if isinstance(value, dict):
        return {key: _resolved(inner, source, f"{where}.{key}".lstrip(".")) for key, inner in value.items()}
    if isinstance(value, list):
        return [_resolved(inner, source, f"{where}[{i}]") for i, inner in enumerate(value)]
    if not isinstance(value, str):
        return value

    def look_up(found: re.Match[str]) -> str:
        text = os.environ.get(found[1]) or found[2]
        if text is None:
            raise ConfigError(
                f"{source}: {where} reads ${{{found[1]}}}, which is not set; export {found[1]}=… first."
            )
        return text

    return _REFERENCE.sub(look_up, value)


def _backends_from_environment(access: Any) -> dict[str, Any]:
    """Ark where its key is set or callers bring their own, ModelArts where its key and address are set."""
    backends: dict[str, Any] = {}
    mode = os.environ.get("ARKWAY_ACCESS__MODE") or (access.get("mode") if isinstance(access, dict) else None)
    if os.environ.get("ARK_API_KEY") or mode == "passthrough":
        base_url = os.environ.get("ARK_BASE_URL") or "https://ark.cn-beijing.volces.com/api/v3"
        backends["ark"] = {"kind": "ark", "base_url": base_url, "api_key": os.environ.get("ARK_API_KEY")}
    if os.environ.get("MODELARTS_API_KEY"):
        if not os.environ.get("MODELARTS_BASE_URL"):
            raise ConfigError(
                "MODELARTS_API_KEY is set but MODELARTS_BASE_URL is not; export it too, "
                "for example https://HOST/v2/infer/ID/v1."
            )
        backends["maas"] = {
            "kind": "modelarts",
            "base_url": os.environ["MODELARTS_BASE_URL"],
            "api_key": os.environ["MODELARTS_API_KEY"],
        }
    return backends


def _default_models(backends: dict[str, BackendEntry]) -> dict[str, tuple[ModelEntry, ...]]:
    """Without a list of models every name passes to the one backend; of two, Ark gets Ark's own names."""
    if len(backends) == 1:
        return {"*": (ModelEntry(backend=next(iter(backends))),)}
    by_kind = {entry.kind: (ModelEntry(backend=name),) for name, entry in backends.items()}
    if len(backends) == len(by_kind) == 2:
        ark = by_kind["ark"]
        return {"doubao-*": ark, "ep-*": ark, "bot-*": ark, "*": by_kind["modelarts"]}
    if backends:
        raise ConfigError(
            "There are several backends and no `models:`; name there which model goes to which backend."
        )
    return {}


def _explained(error: ValidationError, source: str) -> str:
    """The first thing wrong, in one sentence: file, key, reason, and the nearest known key for a misspelt one."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(step) for step in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"{source}: {where} is not a known key{_nearest(str(first['loc'][-1]), _known_keys(first['loc'][:-1]))}"
    reason = first["msg"].removeprefix("Value error, ")
    return f"{source}: {where}: {reason}." if where else f"{source}: {reason}."


def _known_keys(path: tuple[int | str, ...]) -> list[str]:
    """The keys of the model that a path leads to."""
    model: Any = Settings
    for step in path:
        fields = getattr(model, "model_fields", None)
        if fields is None or step not in fields:
            continue
        model = _model_in(fields[step].annotation)
    return list(getattr(model, "model_fields", {}))


def _model_in(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = [_model_in(argument) for argument in getattr(annotation, "__args__", ())]
    return next((model for model in inner if model is not None), None)


def _nearest(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(known) or 'none'}."
