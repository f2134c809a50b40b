"""Where the settings come from: the environment over a YAML file over defaults, or one sentence on what is wrong."""

import os
import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from gateway.settings import BackendEntry, ModelEntry, Settings, nearest

DEFAULT_FILE = Path("config/gateway.yaml")

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


class ConfigError(Exception):
    """The configuration cannot be used; the message says what is wrong and how to mend it."""


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
            near = nearest(section.lower(), Settings.model_fields)
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
        return f"{source}: {where} is not a known key{nearest(str(first['loc'][-1]), _known_keys(first['loc'][:-1]))}"
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
