"""What the fields of an upload ask for, and Ark's file object in OpenAI's terms."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import InvalidRequest
from gateway.wire.files import as_openai, expiry, preprocess_configs
from tests.strategies import json_values

NOW = 1_760_759_307
DAY = 86_400


def test_a_file_lasts_seven_days_unless_told() -> None:
    assert expiry({"purpose": "user_data", "expire_at": ""}, NOW) == NOW + 7 * DAY


@pytest.mark.parametrize("days", [1, 30])
def test_both_ways_to_say_an_expiry(days: int) -> None:
    relative = {"expires_after[anchor]": "created_at", "expires_after[seconds]": str(days * DAY)}
    assert expiry(relative, NOW) == expiry({"expire_at": str(NOW + days * DAY)}, NOW) == NOW + days * DAY


@pytest.mark.parametrize(
    ("fields", "param", "figures"),
    [
        ({"expires_after[seconds]": "3600"}, "expires_after[seconds]", ["3600", "86400", "2592000"]),
        ({"expires_after[seconds]": str(31 * DAY)}, "expires_after[seconds]", ["2678400", "2592000"]),
        ({"expire_at": str(NOW + 60)}, "expire_at", ["60 s", "86400", "2592000"]),
        ({"expire_at": "soon"}, "expire_at", []),
        ({"expires_after[anchor]": "created_at"}, "expires_after[seconds]", []),
        ({"expires_after[anchor]": "last_active_at"}, "expires_after[anchor]", []),
        ({"expires_after[seconds]": str(DAY), "expire_at": str(NOW + DAY)}, "expire_at", []),
    ],
)
def test_an_expiry_is_not_clamped(fields: dict[str, str], param: str, figures: list[str]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        expiry(fields, NOW)
    assert (caught.value.param, caught.value.status) == (param, 400)
    assert all(figure in caught.value.message for figure in figures)


def field(name: str) -> str:
    return f"preprocess_configs[video][{name}]"


def test_settings_for_a_video() -> None:
    fields = {
        "purpose": "user_data",
        field("fps"): "0.3",
        field("model"): "doubao-seed-1-6",
        field("max_video_tokens"): "10240",
        field("min_frame_tokens"): "16",
        field("max_frame_tokens"): "640",
        field("min_frames"): "5.0",
    }
    video = {"fps": 0.3, "model": "doubao-seed-1-6", "max_video_tokens": 10240}
    video |= {"min_frame_tokens": 16, "max_frame_tokens": 640, "min_frames": 5}
    assert preprocess_configs(fields) == {"video": video}
    assert preprocess_configs({"purpose": "user_data"}) is None


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("fps", 0.2, 5),
        ("max_video_tokens", 10240, 204800),
        ("min_frame_tokens", 16, 128),
        ("max_frame_tokens", 128, 640),
        ("min_frames", 5, 16),
    ],
)
def test_each_setting_has_its_range(name: str, least: float, most: float) -> None:
    for edge in (least, most):
        assert preprocess_configs({field(name): str(edge)}) == {"video": {name: edge}}
    step = 0.01 if name == "fps" else 1
    for beyond in (least - step, most + step):
        with pytest.raises(InvalidRequest, match=f"between {least:g} and {most:g}, not {beyond:g}") as caught:
            preprocess_configs({field(name): str(beyond)})
        assert caught.value.param == field(name)


@pytest.mark.parametrize("text", ["", "fast", "nan", "inf", "-1", "1_0", "1e0", "٣", "9" * 400, " 1"])
@pytest.mark.parametrize("name", ["fps", "min_frames"])
def test_what_is_no_number(name: str, text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        preprocess_configs({field(name): text})
    assert caught.value.param == field(name)


@pytest.mark.parametrize("text", ["1.5", "5.5"])
def test_tokens_are_whole(text: str) -> None:
    with pytest.raises(InvalidRequest, match="whole number"):
        preprocess_configs({field("min_frames"): text})


@pytest.mark.parametrize(
    "param",
    [
        "preprocess_configs",
        "preprocess_configs[video]",
        "preprocess_configs[image][fps]",
        "preprocess_configs[video][fsp]",
        "preprocess_configs[video][fps][0]",
        "preprocess_configs[video][]",
    ],
)
def test_an_unknown_setting_is_refused_by_name(param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        preprocess_configs({param: "1"})
    assert caught.value.param == param


@given(st.dictionaries(st.sampled_from([field("fps"), field("model"), field("min_frames")]), st.text()))
def test_any_text_is_taken_or_refused(fields: dict[str, str]) -> None:
    with contextlib.suppress(InvalidRequest):
        assert (preprocess_configs(fields) is None) == (not fields)


@pytest.mark.parametrize(
    ("ark", "openai"), [("processing", "uploaded"), ("active", "processed"), ("failed", "error")]
)
def test_arks_file_in_openais_terms(ark: str, openai: str) -> None:
    file = {"id": "file-1", "status": ark, "expire_at": 5, "mime_type": "video/mp4"}
    assert as_openai(file) == {"id": "file-1", "status": openai, "expires_at": 5, "mime_type": "video/mp4"}


@given(st.dictionaries(st.sampled_from(["id", "status", "expires_at", "new"]), json_values))
def test_a_file_object_in_openais_terms_stays(file: dict[str, Any]) -> None:
    assert as_openai(as_openai(file)) == as_openai(file)
    assert set(as_openai(file)) == set(file)
