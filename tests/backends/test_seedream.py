"""Seedream: OpenAI's terms as each generation takes them, and Ark's answers in OpenAI's form."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.backends.ark import Ark
from gateway.errors import InvalidRequest
from gateway.simulator.ark.image_sizes import generation, picture_size
from gateway.wire import fault
from tests.strategies import refusal

BACKEND = Ark("ark", "https://ark.example.com/api/v3", "k")
PRO, LITE, V45, V40, V30 = (
    f"doubao-seedream-{name}"
    for name in ("5-0-pro-260401", "5-0-260128", "4-5-251128", "4-0-250828", "3-0-t2i")
)
ENDPOINT = "ep-20260101-abcde"


def prepare(model: str, **fields: Any) -> tuple[dict[str, Any], list[str]]:
    body, headers, changes = BACKEND.prepare("images", {"model": model, "prompt": "p", **fields})
    assert headers == {}
    return {name: body[name] for name in body if name not in ("model", "prompt")}, [
        one.what for one in changes
    ]


def refused(model: str, **fields: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        prepare(model, **fields)
    assert caught.value.status == 400
    return caught.value


@pytest.mark.parametrize(
    ("model", "asked", "sent"),
    [
        (V45, "1024x1024", "1920x1920"),
        (LITE, "1536x1024", "2352x1568"),
        (V45, "2048x2048", "2048x2048"),
        (V40, "1024x1024", "1024x1024"),
        (V40, "512x512", "960x960"),
        (PRO, "256x256", "960x960"),
        (V30, "256x512", "512x1024"),
        (V30, "513x1000", "513x1000"),
        (V40, "1K", "1K"),
        (V45, "1K", "2K"),
        (V45, "4k", "4k"),
        (LITE, "1.5K", "2K"),
        ("Doubao-Seedream-4.5", "1024x1024", "1920x1920"),
        (ENDPOINT, "1024x1024", "1024x1024"),
        (ENDPOINT, "adaptive", "adaptive"),
    ],
)
def test_a_size_goes_up_as_the_model_takes_it(model: str, asked: str, sent: str) -> None:
    changes = [] if asked == sent else [f"size:{asked}={sent}"]
    assert prepare(model, size=asked) == ({"size": sent}, changes)


@pytest.mark.parametrize("model", [PRO, V45, V30, ENDPOINT])
def test_auto_is_the_models_default(model: str) -> None:
    assert prepare(model, size="auto") == ({}, ["drop:size"])
    assert prepare(model, size=None) == ({}, [])


@pytest.mark.parametrize(
    ("model", "asked", "figure"),
    [
        (V45, "8192x8192", "16777216"),
        (PRO, "3000x3000", "4624220"),
        (PRO, "3K", "4624220"),
        (V40, "8192x400", "16 to 1"),
        (V30, "4096x4096", "2048"),
        (V30, "2048x256", "2048"),
        (V40, "1024*1024", "WIDTHxHEIGHT"),
        (V40, "large", "WIDTHxHEIGHT"),
        (V40, "x" * 100_000, "a string"),
        (V40, 1024, "a number"),
        (ENDPOINT, [1024, 1024], "an array"),
    ],
)
def test_an_impossible_size_is_refused_with_the_limit(model: str, asked: object, figure: str) -> None:
    error = refused(model, size=asked)
    assert error.param == "size"
    assert figure in error.message
    assert len(error.message) < 250


@given(st.sampled_from([PRO, LITE, V45, V40]), st.integers(1, 9999), st.integers(1, 9999))
def test_every_size_that_goes_up_is_one_that_ark_takes(model: str, width: int, height: int) -> None:
    asked = {"model": model, "size": f"{width}x{height}"}
    error = refusal(BACKEND.prepare, "images", asked)
    if error:
        assert error.param == "size"
    else:
        picture_size(BACKEND.prepare("images", asked)[0]["size"], generation(model))


@pytest.mark.parametrize(
    "field",
    ["quality", "style", "moderation", "user", "partial_images", "output_compression", "input_fidelity"],
)
def test_hints_go_and_are_told(field: str) -> None:
    assert prepare(V45, **{field: "high"}) == ({}, [f"drop:{field}"])
    assert prepare(V45, **{field: None}) == ({}, [])


@pytest.mark.parametrize("model", [PRO, V45, ENDPOINT])
@pytest.mark.parametrize("value", ["auto", "opaque"])
def test_the_background_that_there_is_anyway_goes(model: str, value: str) -> None:
    assert prepare(model, background=value) == ({}, ["drop:background"])


def test_a_transparent_background_is_seedream_5_pros() -> None:
    for model in (PRO, ENDPOINT):
        assert prepare(model, background="transparent") == ({"background": "transparent"}, [])
    for model in (LITE, V45, V40, V30):
        error = refused(model, background="transparent")
        assert (error.param, "5.0 pro" in error.message) == ("background", True)


@pytest.mark.parametrize(
    ("model", "asked", "sent", "changes"),
    [
        (PRO, "png", "png", []),
        (LITE, "jpeg", "jpeg", []),
        (LITE, "jpg", "jpeg", ["output_format:jpg=jpeg"]),
        (ENDPOINT, "png", "png", []),
        (V45, "jpeg", None, ["drop:output_format"]),
        (V40, "jpg", None, ["drop:output_format"]),
        (V40, None, None, []),
    ],
)
def test_an_output_format_goes_up_where_there_is_a_choice(
    model: str, asked: str | None, sent: str | None, changes: list[str]
) -> None:
    assert prepare(model, output_format=asked) == ({"output_format": sent} if sent else {}, changes)


@pytest.mark.parametrize(
    ("model", "asked", "gives"),
    [
        (V45, "png", "gives jpeg."),
        (PRO, "webp", "jpeg or png"),
        (ENDPOINT, "webp", "jpeg or png"),
        (PRO, 5, "a number"),
    ],
)
def test_an_output_format_that_would_change_the_answer_is_refused(
    model: str, asked: object, gives: str
) -> None:
    error = refused(model, output_format=asked)
    assert error.param == "output_format"
    assert gives in error.message


@pytest.mark.parametrize(
    "more", [{"stream": True}, {"sequential_image_generation": "auto"}, {"sequential_image_generation": {}}]
)
def test_several_pictures_are_refused_where_one_call_makes_several(more: dict[str, Any]) -> None:
    error = refused(V45, n=2, **more)
    assert error.param == "n"
    assert next(iter(more)) in error.message
    assert prepare(V45, n=1, **more) == (more, ["drop:n"])


def test_a_series_that_is_off_does_not_stand_in_the_way() -> None:
    assert prepare(V45, n=2, sequential_image_generation="disabled")[1] == ["n:2=2-calls"]


def test_arks_own_fields_pass() -> None:
    own = {
        "watermark": False,
        "sequential_image_generation": "auto",
        "sequential_image_generation_options": {"max_images": 3},
        "optimize_prompt_options": {"mode": "fast"},
        "tools": [{"type": "web_search"}],
        "seed": 5,
        "guidance_scale": 2.5,
        "response_format": None,
        "of_tomorrow": 1,
        "stream": True,
    }
    assert prepare(V45, **own) == (own, [])


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("OutputImageSensitiveContentDetected", 400),
        ("InputTextSensitiveContentDetected.PolicyViolation", 400),
        ("InputTextRiskDetection", 400),
        ("InternalServiceError", 502),
        (None, 502),
    ],
)
def test_a_total_failure_under_200_is_an_error_to_openais_callers_alone(
    code: str | None, status: int
) -> None:
    answer = {"model": "m", "created": 1, "error": {"code": code, "message": "no"}}
    assert fault.of(answer) is not None
    assert BACKEND.status_of("images", "openai", answer) == status
    assert BACKEND.status_of("images", "ark", answer) is None


def test_a_partial_failure_is_an_answer() -> None:
    answer = {"data": [{"error": {"code": "c"}}, {"url": "u"}], "error": None}
    assert BACKEND.status_of("images", "openai", answer) is None
    assert BACKEND.status_of("chat", "ark", {"error": {"message": "m"}}) == 502
