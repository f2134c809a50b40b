"""The configuration: where values come from, what a mistake is told as, and that no key is ever shown."""

import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.configuration import ConfigError, load
from gateway.settings import Access, BackendEntry, Settings, is_loopback

SECRET = "s3cr3t-0123456789"
ARK = '{kind: ark, base_url: "https://ark.example.com/api/v3", api_key: "<KEY>"}'
MAAS = '{kind: modelarts, base_url: "https://maas.example.com/v1", api_key: "<KEY>"}'


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An environment that configures nothing, in a folder without a file."""
    for name in list(os.environ):
        if name.upper().startswith(("ARKWAY_", "ARK_", "MODELARTS_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def written(text: str) -> Path:
    for placeholder, value in (("<ARK>", ARK), ("<MAAS>", MAAS), ("<KEY>", SECRET)):
        text = text.replace(placeholder, value)
    path = Path("gateway.yaml")
    path.write_text(text, "utf-8")
    return path


def loaded(text: str) -> Settings:
    return load(written(text))


def mistake(text: str) -> str:
    """The sentence that a wrong file is answered with."""
    with pytest.raises(ConfigError) as caught:
        loaded(text)
    return _sentence(caught.value)


def _sentence(error: ConfigError) -> str:
    told = str(error)
    assert "\n" not in told
    assert told.endswith((".", "?"))
    assert SECRET not in told
    assert error.__cause__ is None  # a chained cause would be printed, input and all
    return told


def targets(settings: Settings) -> dict[str, list[str]]:
    return {name: [entry.backend for entry in entries] for name, entries in settings.models.items()}


def test_with_nothing_at_all_there_is_no_backend() -> None:
    settings = load()
    assert (settings.backends, settings.models) == ({}, {})
    assert (settings.server.host, settings.server.port, settings.access.mode) == ("127.0.0.1", 8080, "open")


def test_an_ark_key_makes_the_ark_backend_for_every_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARK_API_KEY", SECRET)
    settings = load()
    assert settings.backends == {
        "ark": BackendEntry.model_validate(
            {"kind": "ark", "base_url": "https://ark.cn-beijing.volces.com/api/v3", "api_key": SECRET}
        )
    }
    assert targets(settings) == {"*": ["ark"]}


def test_arks_base_url_can_be_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARK_API_KEY", SECRET)
    monkeypatch.setenv("ARK_BASE_URL", "https://ark.ap-southeast.bytepluses.com/api/v3")
    assert load().backends["ark"].base_url == "https://ark.ap-southeast.bytepluses.com/api/v3"


def test_a_modelarts_key_and_url_make_the_modelarts_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELARTS_API_KEY", SECRET)
    monkeypatch.setenv("MODELARTS_BASE_URL", "https://h/v2/infer/id/v1")
    settings = load()
    assert (settings.backends["maas"].kind, settings.backends["maas"].base_url) == (
        "modelarts",
        "https://h/v2/infer/id/v1",
    )
    assert targets(settings) == {"*": ["maas"]}


def test_of_two_backends_ark_gets_arks_own_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARK_API_KEY", SECRET)
    monkeypatch.setenv("MODELARTS_API_KEY", SECRET)
    monkeypatch.setenv("MODELARTS_BASE_URL", "https://h/v1")
    assert targets(load()) == {"doubao-*": ["ark"], "ep-*": ["ark"], "bot-*": ["ark"], "*": ["maas"]}


def test_a_modelarts_key_without_its_url_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELARTS_API_KEY", SECRET)
    with pytest.raises(ConfigError, match="MODELARTS_BASE_URL is not") as caught:
        load()
    _sentence(caught.value)


@pytest.mark.parametrize("name", ["MODELARTS_BASE_URL", "ARK_BASE_URL"])
def test_a_url_without_a_key_makes_nothing(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "https://h/v1")
    assert load().backends == {}


def test_an_empty_key_is_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARK_API_KEY", "")
    assert load().backends == {}


def test_backends_in_the_file_go_before_those_of_plain_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARK_API_KEY", SECRET)
    assert list(loaded("backends: {mine: <MAAS>}").backends) == ["mine"]


def test_a_file_without_backends_takes_the_plain_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARK_API_KEY", SECRET)
    assert list(loaded("server: {port: 9000}").backends) == ["ark"]


def test_the_environment_goes_before_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARKWAY_SERVER__PORT", "9001")
    monkeypatch.setenv("ARKWAY_IMAGES__FETCH__TIME", "3s")
    settings = loaded("server: {port: 9000, keep_alive: 5s}\nimages: {fetch: {bytes: 1MiB}}")
    assert (settings.server.port, settings.server.keep_alive) == (9001, 5.0)
    assert (settings.images.fetch.time, settings.images.fetch.bytes) == (3.0, 1 << 20)


def test_a_list_in_the_environment_is_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARKWAY_IMAGES__ALLOW_HOSTS", '["10.0.0.0/8"]')
    assert load().images.allow_hosts == ("10.0.0.0/8",)


def test_a_secret_can_be_set_by_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARKWAY_BACKENDS__ARK__API_KEY", SECRET)
    key = loaded("backends: {ark: {kind: ark, base_url: 'https://h'}}").backends["ark"].api_key
    assert key is not None
    assert key.get_secret_value() == SECRET


def test_the_file_is_found_by_the_environment_and_by_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("config").mkdir()
    Path("config/gateway.yaml").write_text("server: {port: 1111}")
    assert load().server.port == 1111
    Path("other.yaml").write_text("server: {port: 2222}")
    monkeypatch.setenv("ARKWAY_CONFIG", "other.yaml")
    assert load().server.port == 2222
    assert load(written("server: {port: 3333}")).server.port == 3333


def test_a_named_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"missing\.yaml cannot be read: No such file") as caught:
        load(tmp_path / "missing.yaml")
    _sentence(caught.value)


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
def test_an_empty_file_is_the_defaults(text: str) -> None:
    assert loaded(text) == Settings()


def test_a_reference_reads_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERE", "h1")
    monkeypatch.setenv("EMPTY", "")
    text = 'images: {allow_hosts: ["${HERE}.lan", "${NOT_SET:-d}", "${EMPTY:-e}", "${NOT_SET:-}x", "$HERE"]}'
    assert loaded(text).images.allow_hosts == ("h1.lan", "d", "e", "x", "$HERE")


def test_a_reference_may_stand_for_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "9002")
    assert loaded("server: {port: '${PORT}'}").server.port == 9002


def test_a_reference_to_nothing_names_its_key_and_the_variable() -> None:
    told = mistake('backends: {ark: {kind: ark, base_url: "https://h", api_key: "${NOT_SET}"}}')
    assert "backends.ark.api_key reads ${NOT_SET}, which is not set" in told
    assert "access.keys[0].key reads" in mistake("access: {keys: [{name: a, key: '${NOT_SET}'}]}")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("64MiB", 64 << 20),
        ("1.5KiB", 1536),
        ("2 mb", 2_000_000),
        ("10", 10),
        ("7B", 7),
        ("1GiB", 1 << 30),
        (5, 5),
    ],
)
def test_sizes_have_units(text: Any, size: int) -> None:
    assert loaded(f"server: {{max_body_bytes: {text}}}").server.max_body_bytes == size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("15s", 15.0),
        ("30m", 1800.0),
        ("250ms", 0.25),
        ("1.5h", 5400.0),
        ("1d", 86400.0),
        (2, 2.0),
        (0.5, 0.5),
        ("3", 3.0),
    ],
)
def test_durations_have_units(text: Any, seconds: float) -> None:
    assert loaded(f"server: {{keep_alive: {text}}}").server.keep_alive == seconds


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("64MB!", "write a number with a unit, such as 64MiB"),
        ("64 parsecs", "unknown unit 'parsecs'; write for example 64MiB"),
        ("'-1'", "write a number with a unit"),
        ("-1", "greater than 0"),
        ("0", "greater than 0"),
        ("[]", "integer"),
        ("1.5", "integer"),
    ],
)
def test_a_size_that_is_none_is_told_with_its_key(value: str, told: str) -> None:
    sentence = mistake(f"server: {{max_body_bytes: {value}}}")
    assert "server.max_body_bytes: " in sentence
    assert told in sentence


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("serverr: {}", "serverr is not a known key; did you mean 'server'?"),
        ("server: {prot: 1}", "server.prot is not a known key; did you mean 'port'?"),
        ("images: {fetch: {bites: 1}}", "images.fetch.bites is not a known key; did you mean 'bytes'?"),
        ("server: {zzz: 1}", "server.zzz is not a known key; known are host, port,"),
        (
            "backends: {ark: {kind: ark, base_url: 'https://h', apikey: x}}",
            "backends.ark.apikey is not a known key; did you mean 'api_key'?",
        ),
        (
            "access: {keys: [{name: a, key: b, modles: []}]}",
            "access.keys.0.modles is not a known key; did you mean 'models'?",
        ),
        (
            "backends: {a: <ARK>}\nmodels: {m: {backend: a, wieght: 1}}",
            "models.m.0.wieght is not a known key; did you mean 'weight'?",
        ),
        (
            "backends: {a: {kind: ark, base_url: 'https://h', upstream: {retrys: 1}}}",
            "upstream.retrys is not a known key; did you mean 'retries'?",
        ),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest_known_one(text: str, told: str) -> None:
    assert told in mistake(text)


def test_an_unknown_key_of_the_environment_is_named_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARKWAY_SERVER__PROT", "1")
    with pytest.raises(ConfigError, match=r"server\.prot is not a known key; did you mean 'port'") as caught:
        load()
    _sentence(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("server: {port: many}", "server.port: "),
        ("server: {port: 70000}", "server.port: "),
        ("server: 5", "server: "),
        ("access: {mode: closed}", "access.mode: "),
        ("access: {mode: keys}", "access.keys: the mode is keys, so name at least one"),
        ("backends: {a: {kind: azure, base_url: 'https://h'}}", "backends.a.kind: "),
        ("backends: {a: {kind: ark}}", "backends.a.base_url: "),
        ("backends: {a: {kind: ark, base_url: ftp://h}}", "backends.a: base_url must be an http(s) URL"),
        (
            "backends: {a: {kind: ark, base_url: 'http://h:port'}}",
            "backends.a: base_url has a host or a port",
        ),
        (
            "backends: {a: {kind: ark, base_url: 'http://k:<KEY>@h'}}",
            "backends.a: base_url holds a user name",
        ),
        ("backends: {a: {kind: ark, base_url: 'http://h/v1?k=<KEY>'}}", "backends.a: base_url has more than"),
        (
            "backends: {a: {kind: ark, base_url: 'http://h', api_key: 'a b'}}",
            "backends.a: api_key holds a space",
        ),
        ('backends: {a: {kind: ark, base_url: "http://h", api_key: "<KEY>\\n"}}', "api_key holds a space"),
        ("backends: {a: {kind: ark, base_url: 'http://h', api_key: 密钥}}", "api_key holds a space"),
        ("backends: {a: <ARK>}\nmodels: {m: {backend: b}}", "models.m: there is no backend 'b'"),
        ("backends: {maas: <MAAS>}\nmodels: {m: {backend: mass}}", "did you mean 'maas'?"),
        ("backends: {a: <ARK>}\nmodels: {m: []}", "models.m: the list is empty"),
        ("backends: {a: <ARK>}\nmodels: {m: {backend: a, weight: 0}}", "models.m: every weight is 0"),
        ("backends: {a: <ARK>}\nmodels: {m: {backend: a, weight: -1}}", "models.m.0.weight: "),
        ("backends: {a: <ARK>}\nmodels: {m: a}", "models.m: "),
        ("backends: {a: <ARK>}\nmodels: [m]", "models: "),
        ("backends: {a: <ARK>}\nmodels: 5", "models: "),
        ("backends: {a: <ARK>, b: <ARK>}", "There are several backends and no `models:`"),
        ("- a\n- b", "must hold sections such as"),
        ("just text", "must hold sections such as"),
    ],
)
def test_a_mistake_is_one_sentence_that_names_its_key(text: str, told: str) -> None:
    assert told in mistake(text)


@pytest.mark.parametrize(
    "text",
    [
        "backends: {ark: {kind: ark, base_url: 'https://h', api_key: [<KEY>]}}",
        "backends: {ark: {kind: ark, base_url: 'https://h', api_key: {x: <KEY>}}}",
        "backends: {ark: {kind: ark, base_url: <KEY>}}",
        "access: {mode: keys, keys: [{name: a, key: [<KEY>]}]}",
        "access: {mode: keys, keys: <KEY>}",
        "access: {mode: <KEY>}",
        "backends: {ark: {api_key: 'a': <KEY>}}",
        'backends:\n  ark: {api_key: "<KEY>',
        "backends:\n\t- <KEY>",
        "backends: {ark: [<KEY>}",
        "backends: <KEY>",
        "<KEY>",
    ],
)
def test_a_mistake_next_to_a_key_does_not_show_it(text: str) -> None:
    mistake(text)


def test_a_broken_file_is_told_with_its_line() -> None:
    assert "is not valid YAML on line 3: " in mistake("server:\n  port: 1\n bad: [")
    Path("gateway.yaml").write_bytes(b"server: \xff")
    with pytest.raises(ConfigError, match="is not valid YAML: ") as caught:
        load(Path("gateway.yaml"))
    _sentence(caught.value)


def test_a_broken_value_of_the_environment_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARKWAY_BACKENDS", "{" + SECRET)
    with pytest.raises(ConfigError, match="environment") as caught:
        load()
    _sentence(caught.value)


def test_one_entry_is_a_list_of_one() -> None:
    settings = loaded(
        "backends: {a: <ARK>}\nmodels: {one: {backend: a}, two: [{backend: a}, {backend: a, weight: 2}]}"
    )
    assert targets(settings) == {"one": ["a"], "two": ["a", "a"]}


def test_no_text_about_the_settings_shows_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", SECRET)
    settings = loaded(
        """
        access: {mode: keys, keys: [{name: ci, key: "${KEY}"}]}
        backends: {ark: {kind: ark, base_url: "https://h", api_key: "${KEY}"}}
        models:
          m: {backend: ark, tools: [{type: mcp, headers: {authorization: "${KEY}"}}], extra: {k: "${KEY}"}}
        storage: {database: "postgresql://u:${KEY}@h/db"}
        """
    )
    shown = [
        repr(settings),
        str(settings),
        f"{settings.backends}",
        f"{settings.access!r}",
        repr(settings.models),
    ]
    assert settings.models["m"][0].extra == {"k": SECRET}
    assert not any(SECRET in text for text in shown)


def test_not_even_the_validators_own_error_shows_a_key() -> None:
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate(
            {"backends": {"ark": {"kind": "ark", "base_url": "https://h", "api_key": [SECRET]}}}
        )
    assert SECRET not in str(caught.value)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load().server.port = 1


@pytest.mark.parametrize(
    ("host", "beyond"),
    [
        ("127.0.0.1", False),
        ("127.0.0.2", False),
        ("::1", False),
        ("localhost", False),
        ("0.0.0.0", True),
        ("::", True),
        ("10.0.0.1", True),
        ("example.com", True),
        ("", True),
    ],
)
def test_listening_beyond_loopback_is_known(host: str, beyond: bool) -> None:
    assert Settings.model_validate({"server": {"host": host}}).listens_beyond_loopback is beyond
    assert is_loopback(host) is not beyond


def test_the_default_access_is_open_and_has_no_keys() -> None:
    assert Access() == Access(mode="open", keys=())
