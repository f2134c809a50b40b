"""/images/edits: a form, or OpenAI's JSON, as the JSON of a generation."""

import base64
import contextlib
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from gateway.api.edits import as_generation
from gateway.errors import InvalidRequest
from tests.e2e.pictures import data_url, small

JSON = Headers({"content-type": "application/json"})
PNG, JPEG = small("red"), small("blue", format="JPEG")


def form(*parts: tuple[str, str | bytes], declared: str = "image/png") -> tuple[Headers, bytes]:
    """A form's headers and body; bytes are files."""
    raw = b""
    for name, value in parts:
        raw += f'--edge\r\nContent-Disposition: form-data; name="{name}"'.encode()
        if isinstance(value, bytes):
            raw += f'; filename="a.bin"\r\nContent-Type: {declared}'.encode()
        raw += b"\r\n\r\n" + (value if isinstance(value, bytes) else value.encode()) + b"\r\n"
    return Headers({"content-type": "multipart/form-data; boundary=edge"}), raw + b"--edge--\r\n"


async def read(headers: Headers, raw: bytes) -> dict[str, Any]:
    body: dict[str, Any] = orjson.loads(await as_generation(headers, raw))
    return body


async def refused(headers: Headers, raw: bytes) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        await as_generation(headers, raw)
    assert caught.value.status == 400
    return caught.value


async def test_a_form_becomes_json_with_the_values_that_its_texts_stand_for() -> None:
    fields = {
        "model": "m",
        "prompt": "5",
        "n": "2",
        "seed": "-1",
        "guidance_scale": "2.5",
        "watermark": "False",
    }
    body = await read(*form(("image", PNG), ("stream", "true"), *fields.items()))
    assert body == {
        "model": "m",
        "prompt": "5",
        "image": data_url(PNG),
        "n": 2,
        "seed": -1,
        "guidance_scale": 2.5,
        "watermark": False,
        "stream": True,
    }


async def test_a_value_that_stands_for_none_is_left_for_the_rules() -> None:
    body = await read(*form(("image", PNG), ("n", "two"), ("stream", "1")))
    assert (body["n"], body["stream"]) == ("two", "1")


@pytest.mark.parametrize("names", [("image[]", "image[]"), ("image", "image"), ("image[0]", "image[1]")])
async def test_several_pictures_are_a_list_each_of_its_real_type(names: tuple[str, str]) -> None:
    first, second = names
    body = await read(*form((first, PNG), (second, JPEG), declared="application/octet-stream"))
    assert body["image"] == [data_url(PNG), data_url(JPEG, "image/jpeg")]


async def test_a_file_that_is_no_picture_is_left_to_be_judged_with_all_others() -> None:
    body = await read(*form(("image", b"text"), declared="text/plain"))
    assert body["image"] == f"data:text/plain;base64,{base64.b64encode(b'text').decode()}"


async def test_a_picture_may_be_a_text_of_any_length() -> None:
    url = data_url(PNG) + "A" * (2 << 20)
    assert (await read(*form(("image", url))))["image"] == url


async def test_json_with_openais_images_or_with_image() -> None:
    images = [{"image_url": "https://a/b"}, {"file_id": "file-1"}]
    told = await read(JSON, orjson.dumps({"model": "m", "images": images, "x": 1}))
    assert told == {"model": "m", "x": 1, "image": ["https://a/b", "file-1"]}
    own = {"model": "m", "image": "https://a/b", "mask": None}
    assert await read(JSON, orjson.dumps(own)) == own


@pytest.mark.parametrize("name", ["mask", "markup"])
async def test_a_mask_is_refused_by_its_name(name: str) -> None:
    for call in (form(("image", PNG), (name, PNG)), (JSON, orjson.dumps({"image": "x", name: {}}))):
        error = await refused(*call)
        assert (error.param, error.code) == (name, "unsupported_parameter")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "image"),
        ({"image": []}, "image"),
        ({"images": []}, "image"),
        ({"images": "x"}, "images"),
        ({"images": [{"image_url": "x"}, "x"]}, "images[1]"),
        ({"images": [{}]}, "images[0]"),
        ({"image": ["x"] * 17}, "image"),
        ({"images": [{"file_id": "x"}] * 17}, "image"),
    ],
)
async def test_json_without_proper_pictures_is_refused(body: dict[str, Any], param: str) -> None:
    assert (await refused(JSON, orjson.dumps(body))).param == param


async def test_the_limit_of_pictures_is_told_with_the_figure() -> None:
    error = await refused(*form(*[("image[]", PNG)] * 17))
    assert (error.param, error.code) == ("image", "too_many_images")
    assert "17" in error.message
    assert "16" in error.message


async def test_a_form_without_a_picture_or_with_a_file_elsewhere_is_refused() -> None:
    assert (await refused(*form(("prompt", "p")))).param == "image"
    assert (await refused(*form(("image", PNG), ("prompt", PNG)))).param == "prompt"


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary=other"])
@pytest.mark.parametrize("raw", [b"", b"--x\r\n", b"\x00" * 100, b"--other\r\nx\x00: y\r\n\r\n", b"--otherX"])
async def test_a_broken_form_is_refused(content_type: str, raw: bytes) -> None:
    error = await refused(Headers({"content-type": content_type}), raw)
    assert error.code in ("invalid_form", "missing_required_parameter")


async def test_a_form_may_have_at_most_so_many_fields() -> None:
    error = await refused(*form(("image", PNG), *[(f"f{i}", "x") for i in range(65)]))
    assert (error.code, "64" in error.message) == ("invalid_form", True)


@given(st.binary(max_size=300), st.integers(0, 300))
async def test_no_form_crashes_the_reading(noise: bytes, place: int) -> None:
    headers, raw = form(("image", PNG[:40]), ("prompt", "p"))
    with contextlib.suppress(InvalidRequest):
        await as_generation(headers, raw[:place] + noise + raw[place:])
