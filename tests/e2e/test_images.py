"""Pictures made and edited through both backends, in OpenAI's terms and in Ark's."""

import base64
import io
from typing import Any

import openai
import orjson
import pytest
from PIL import Image

from .conftest import Gateway, Http, Launch, Simulated
from .pictures import data_url, encoded, small
from .servers import Gallery

V40, V45, PRO = "doubao-seedream-4-0-250828", "doubao-seedream-4-5-251128", "doubao-seedream-5-0-pro-260401"
SERIES = {"sequential_image_generation": "auto", "sequential_image_generation_options": {"max_images": 3}}
FAILING = 'barns [[fault: {"failed_images": [1]}]]'
ALL_FAIL = 'barns [[fault: {"failed_images": [0]}]]'
QWEN = {"qwen-image": {"backend": "maas"}, "qwen_image_edit": {"backend": "maas"}}
PATH = "/images/generations"


@pytest.fixture
def both(launch: Launch) -> Gateway:
    return launch(models=QWEN)


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def from_base64(text: str | None) -> Image.Image:
    assert text is not None
    return opened(base64.b64decode(text, validate=True))


def photo(colour: str, size: tuple[int, int] = (600, 520), format: str = "PNG") -> bytes:
    return encoded(Image.new("RGB", size, colour), format)


def shows(image: Image.Image, place: tuple[int, int], colour: str) -> None:
    wanted = Image.new("RGB", (1, 1), colour).getpixel((0, 0))
    found = image.getpixel(place)
    assert isinstance(wanted, tuple)
    assert isinstance(found, tuple)
    assert all(abs(a - b) < 16 for a, b in zip(wanted, found, strict=True)), (colour, found)


async def test_openais_terms_on_seedream(gateway: Gateway, http: Http, sim: Simulated) -> None:
    raw = await gateway.openai.images.with_raw_response.generate(
        model=V45, prompt="a red barn", size="1024x1024", quality="high", n=1, user="u", background="opaque"
    )
    changes = raw.headers["x-arkway-changes"].split(", ")
    assert changes == ["size:1024x1024=1920x1920", "drop:n", "drop:background", "drop:quality", "drop:user"]
    answer = raw.parse()
    assert answer.created > 1_600_000_000
    assert answer.usage is not None
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (0, 1920 * 1920 // 256)
    assert answer.usage.input_tokens_details.image_tokens == 0
    assert answer.data is not None
    picture = opened((await http.get(str(answer.data[0].url))).body)
    assert picture.size == (1920, 1920)
    shows(picture, (900, 900), "red")
    sent = (await sim.last(PATH))["body"]
    assert sent == {"model": V45, "prompt": "a red barn", "size": "1920x1920"}


async def test_base64_and_arks_own_fields_on_seedream(gateway: Gateway, sim: Simulated) -> None:
    answer = await gateway.openai.images.generate(
        model=V40,
        prompt="a blue lake",
        size="512x512",
        response_format="b64_json",
        extra_body={"watermark": False, "seed": 5},
    )
    assert answer.data is not None
    picture = from_base64(answer.data[0].b64_json)
    assert picture.size == (960, 960)
    shows(picture, (955, 955), "blue")
    assert (await sim.last(PATH))["body"]["seed"] == 5


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"model": V45, "size": "8192x8192"}, "size"),
        ({"model": V45, "background": "transparent"}, "background"),
        ({"model": V45, "output_format": "webp"}, "output_format"),
        ({"model": V45, "n": 11}, "n"),
        ({"model": V45, "n": 2, "stream": True}, "n"),
        ({"model": "qwen-image", "stream": True}, "stream"),
        ({"model": "qwen-image", "size": "4096x4096"}, "size"),
        ({"model": "qwen_image_edit", "image": [data_url(small())] * 2}, "image"),
    ],
)
async def test_what_cannot_be_served_is_refused_before_the_backend_hears_of_it(
    both: Gateway, http: Http, sim: Simulated, asked: dict[str, Any], param: str
) -> None:
    answer = await http.post(f"{both.v1}{PATH}", {"prompt": "p", **asked})
    assert (answer.status, answer.error["param"]) == (400, param)
    assert await sim.requests(PATH) == []


async def test_the_openai_sdk_reads_a_stream_with_a_failed_picture_to_its_end(gateway: Gateway) -> None:
    stream = await gateway.openai.images.generate(
        model=V40, prompt=FAILING, size="512x512", stream=True, partial_images=2, extra_body=SERIES
    )
    events: list[Any] = [event async for event in stream]
    assert [event.type.rpartition(".")[2] for event in events] == [
        "partial_succeeded",
        "partial_failed",
        "partial_succeeded",
        "completed",
    ]
    assert events[1].failure["code"] == "OutputImageSensitiveContentDetected"
    assert not hasattr(events[1], "error")
    assert [event.image_index for event in events[:3]] == [0, 1, 2]
    assert events[-1].usage.generated_images == 2


async def test_arks_dialect_keeps_the_failed_pictures_error(gateway: Gateway, http: Http) -> None:
    body = {"model": V40, "prompt": FAILING, "size": "960x960", "stream": True, **SERIES}
    answer = await http.post(f"{gateway.v3}{PATH}", body)
    failed = next(frame for frame in answer.frames if b"partial_failed" in frame)
    assert b'"error":{"code":"OutputImageSensitiveContentDetected"' in failed
    assert answer.frames[-1] == b"data: [DONE]"


async def test_a_failed_picture_of_a_whole_answer_keeps_its_place(gateway: Gateway) -> None:
    answer = await gateway.openai.images.generate(
        model=V40, prompt=FAILING, size="512x512", extra_body=SERIES
    )
    first, second, third = answer.data or []
    assert first.url
    assert third.url
    assert second.url is None
    assert second.model_extra is not None
    assert second.model_extra["error"]["code"] == "OutputImageSensitiveContentDetected"


async def test_a_total_failure_is_an_error_to_openais_callers_and_an_answer_to_arks(
    gateway: Gateway, http: Http
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await gateway.openai.images.generate(model=V40, prompt=ALL_FAIL, size="512x512")
    assert caught.value.code == "OutputImageSensitiveContentDetected"
    answer = await http.post(f"{gateway.v3}{PATH}", {"model": V40, "prompt": ALL_FAIL, "size": "960x960"})
    assert (answer.status, list(answer.json)) == (200, ["model", "created", "error"])
    told = await gateway.ark.images.generate(model=V40, prompt=ALL_FAIL, size="960x960")
    assert told.error.code == "OutputImageSensitiveContentDetected"


async def test_n_pictures_are_n_calls(gateway: Gateway, sim: Simulated) -> None:
    answer = await gateway.openai.images.generate(
        model=V40, prompt="hills", size="512x512", n=3, extra_body={"seed": 7}
    )
    assert answer.data is not None
    assert len({one.url for one in answer.data}) == 3
    assert answer.usage is not None
    assert answer.usage.output_tokens == 3 * 960 * 960 // 256
    sent = [request["body"] for request in await sim.requests(PATH)]
    assert sorted(one["seed"] for one in sent) == [7, 8, 9]
    assert all("n" not in one for one in sent)


async def test_of_n_pictures_one_may_fail(gateway: Gateway, sim: Simulated) -> None:
    await sim.fault(PATH, failed_images=[0])
    answer = await gateway.openai.images.generate(model=V40, prompt="hills", size="512x512", n=3)
    assert sorted(bool(one.url) for one in answer.data or []) == [False, True, True]


async def test_openais_terms_on_modelarts(both: Gateway, sim: Simulated) -> None:
    raw = await both.openai.images.with_raw_response.generate(
        model="qwen-image", prompt="a red barn", size="auto", output_format="jpeg", style="vivid"
    )
    changes = raw.headers["x-arkway-changes"].split(", ")
    assert changes == ["size:auto=1024x1024", "drop:output_format", "drop:style"]
    answer = raw.parse()
    assert 1_600_000_000 < answer.created < 10_000_000_000
    assert answer.data is not None
    picture = from_base64(answer.data[0].b64_json)
    assert picture.size == (1024, 1024)
    shows(picture, (500, 500), "red")
    assert "error" not in raw.text
    assert (await sim.last(PATH))["body"]["response_format"] == "b64_json"


async def test_a_wanted_url_on_modelarts_is_a_data_url(both: Gateway) -> None:
    raw = await both.openai.images.with_raw_response.generate(
        model="qwen-image", prompt="a blue lake", size="600x530", response_format="url"
    )
    changes = raw.headers["x-arkway-changes"].split(", ")
    assert changes == ["size:600x530=592x528", "response_format:url=data-url"]
    (one,) = raw.parse().data or []
    head, _, text = str(one.url).partition(",")
    assert (head, one.b64_json) == ("data:image/jpeg;base64", None)
    assert from_base64(text).size == (592, 528)


async def test_an_edit_by_form_on_seedream(gateway: Gateway) -> None:
    answer = await gateway.openai.images.edit(
        model=V40,
        prompt="a red barn",
        image=[("a.png", photo("blue"), "image/png"), ("b.jpg", photo("lime", format="JPEG"), "image/png")],
        size="512x512",
        response_format="b64_json",
        n=1,
    )
    assert answer.data is not None
    picture = from_base64(answer.data[0].b64_json)
    shows(picture, (60, 60), "blue")
    shows(picture, (180, 60), "lime")
    shows(picture, (480, 480), "red")


async def test_an_edit_by_form_on_modelarts(both: Gateway) -> None:
    answer = await both.openai.images.edit(
        model="qwen_image_edit", prompt="a red barn", image=photo("blue"), size="1024x1024"
    )
    assert answer.data is not None
    picture = from_base64(answer.data[0].b64_json)
    assert picture.size == (600, 520)
    shows(picture, (20, 20), "blue")


async def test_an_edit_by_form_is_streamed(gateway: Gateway) -> None:
    stream = await gateway.openai.images.edit(
        model=V40, prompt=FAILING, image=photo("blue"), size="512x512", stream=True
    )
    kinds = [event.type async for event in stream]
    assert kinds == ["image_generation.partial_succeeded", "image_generation.completed"]


async def test_an_edit_by_json_in_openais_newer_form(gateway: Gateway, gallery: Gallery) -> None:
    url = gallery.put("edit.png", photo("blue"))
    body = {"model": V40, "prompt": "red", "size": "512x512", "images": [{"image_url": url}]}
    answer: openai.types.ImagesResponse = await gateway.openai.post(
        "/images/edits", body=body | {"response_format": "b64_json"}, cast_to=openai.types.ImagesResponse
    )
    assert answer.data is not None
    shows(from_base64(answer.data[0].b64_json), (60, 60), "blue")


async def test_an_edit_under_arks_prefix_with_arks_own_field(gateway: Gateway, http: Http) -> None:
    body = {"model": V40, "prompt": "red", "size": "960x960", "image": data_url(photo("blue"))}
    answer = await http.post(f"{gateway.v3}/images/edits", body)
    assert (answer.status, list(answer.json)) == (200, ["model", "created", "data", "usage"])


async def test_a_mask_is_refused_by_name(gateway: Gateway, sim: Simulated) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await gateway.openai.images.edit(
            model=V40, prompt="p", image=photo("blue"), mask=photo("white"), size="512x512"
        )
    assert caught.value.param == "mask"
    assert await sim.requests(PATH) == []


@pytest.mark.parametrize(
    ("image", "param"),
    [(b"no picture at all", "image"), ([photo("red"), b"no picture at all"], "image[1]"), (b"", "image")],
)
async def test_a_file_that_is_no_picture_is_refused_by_its_place(
    gateway: Gateway, image: Any, param: str
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await gateway.openai.images.edit(model=V40, prompt="p", image=image)
    assert caught.value.param == param


async def test_an_edit_is_bounded_as_every_body(launch: Launch) -> None:
    gateway = launch(server={"max_body_bytes": 10_000})
    with pytest.raises(openai.APIStatusError) as caught:
        await gateway.openai.images.edit(model=V40, prompt="p", image=b"\x89PNG\r\n\x1a\n" + bytes(20_000))
    assert caught.value.status_code == 413


async def test_an_edit_names_its_errors_in_the_dialect_of_openai(gateway: Gateway, http: Http) -> None:
    answer = await http.send("GET", f"{gateway.v1}/images/edits")
    assert (answer.status, answer.error["code"]) == (405, "method_not_allowed")
    answer = await http.post(f"{gateway.v1}/images/edits", orjson.dumps({"model": V40, "prompt": "p"}))
    assert (answer.status, answer.error["param"]) == (400, "image")
