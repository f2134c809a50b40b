"""The documents about the configuration say what the code does."""

import re
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple, get_args, get_origin

import pytest
import yaml
from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from gateway.configuration import load
from gateway.settings import Settings

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "config/gateway.yaml"
ROW = re.compile(r"^\| `([^`]+)` \| [^|]+ \| (required|`[^`]*`) \| `([^`]+)` \| ")
EXAMPLE = re.compile(r"^# ([a-z]+:$|  .*)")
KEYS = ("ARK_API_KEY", "MODELARTS_API_KEY", "ARKWAY_KEY", "ARKWAY_CI_KEY", "ALICE_KEY", "CI_KEY")


class Row(NamedTuple):
    default: str
    variable: str


class Known(NamedTuple):
    field: FieldInfo
    variable: str


def documented() -> dict[str, Row]:
    lines = (ROOT / "docs/configuration.md").read_text("utf-8").splitlines()
    return {found[1]: Row(found[2].strip("`"), found[3]) for line in lines if (found := ROW.match(line))}


def known(model: type[BaseModel], path: str = "", variable: str = "ARKWAY_") -> Iterator[tuple[str, Known]]:
    """Each field by its dotted path. What stands below a list is set together with the list."""
    for name, field in model.model_fields.items():
        here, named = path + name, variable if variable.endswith("[]") else variable + name.upper()
        yield from known_below(field, field.annotation, here, named)


def known_below(field: FieldInfo, annotation: Any, path: str, variable: str) -> Iterator[tuple[str, Known]]:
    shape, inner = get_origin(annotation), [one for one in get_args(annotation) if one is not types.NoneType]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from known(annotation, f"{path}.", variable if variable.endswith("[]") else f"{variable}__")
    elif shape is dict and is_deep(inner[1]):
        below = "[]" if get_origin(inner[1]) is tuple else "__NAME"
        yield from known_below(field, inner[1], f"{path}.NAME", variable + below)
    elif shape is tuple and is_deep(inner[0]):
        if not path.endswith(".NAME"):
            yield path, Known(field, variable)
        yield from known_below(field, inner[0], f"{path}[]", f"{variable.removesuffix('[]')}[]")
    else:
        yield path, Known(field, variable.removesuffix("[]"))


def is_deep(annotation: Any) -> bool:
    models = (annotation, *get_args(annotation))
    return any(isinstance(model, type) and issubclass(model, BaseModel) for model in models)


def uncommented(text: str) -> str:
    """The examples of the shipped file alone: sections and what is indented below them."""
    return "\n".join(found[1] for line in text.splitlines() if (found := EXAMPLE.match(line)))


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in KEYS:
        monkeypatch.setenv(name, f"key-of-{name}")
    monkeypatch.setenv("MODELARTS_BASE_URL", "https://maas.example/v2/infer/id/v1")
    monkeypatch.delenv("ARK_BASE_URL", raising=False)
    monkeypatch.delenv("ARKWAY_CONFIG", raising=False)


KNOWN = dict(known(Settings))


def test_each_key_is_documented_and_no_other() -> None:
    assert sorted(documented()) == sorted(KNOWN)


@pytest.mark.parametrize("key", KNOWN)
def test_a_default_is_as_documented(key: str) -> None:
    field, told = KNOWN[key].field, documented()[key].default
    if field.is_required():
        assert told == "required"
    else:
        as_read = TypeAdapter(Annotated[field.annotation, *field.metadata]) if field.metadata else None
        value = (as_read or TypeAdapter(field.annotation)).validate_python(yaml.safe_load(told))
        assert value == field.default


@pytest.mark.parametrize("key", KNOWN)
def test_a_variable_is_named_as_documented(key: str) -> None:
    assert documented()[key].variable == KNOWN[key].variable


def test_a_variable_sets_what_it_is_documented_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARKWAY_IMAGES__FETCH__BYTES", "3MiB")
    monkeypatch.setenv("ARKWAY_IMAGES__ALLOW_HOSTS", '["198.18.0.0/15"]')
    monkeypatch.setenv("ARKWAY_BACKENDS__ARK__UPSTREAM", '{"retries": 7}')
    monkeypatch.setenv("ARKWAY_MODELS", '{"some": {"backend": "ark"}}')
    settings = load(SHIPPED)
    assert settings.images.fetch.bytes == 3 << 20
    assert settings.images.allow_hosts == ("198.18.0.0/15",)
    assert settings.backends["ark"].upstream is not None
    assert settings.backends["ark"].upstream.retries == 7
    assert list(settings.models) == ["some"]


def test_the_shipped_file_needs_only_a_key() -> None:
    settings = load(SHIPPED)
    assert {entry.kind for entry in settings.backends.values()} == {"ark", "modelarts"}


def test_the_shipped_file_holds_no_settings_of_its_own() -> None:
    assert yaml.safe_load(SHIPPED.read_text("utf-8")) is None


def test_the_shipped_examples_are_valid(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(uncommented(SHIPPED.read_text("utf-8")), "utf-8")
    settings = load(file)
    assert set(yaml.safe_load(file.read_text("utf-8"))) == set(Settings.model_fields)
    assert settings.access.mode == "keys"
    assert len(settings.models) == 4


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md"])
def test_the_examples_in_a_page_are_valid(page: str, tmp_path: Path) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / page).read_text("utf-8"), re.DOTALL)
    assert blocks
    for block in blocks:
        file = tmp_path / "gateway.yaml"
        file.write_text(block, "utf-8")
        load(file)
