"""image_process works on real pixels; the results are fetched and looked at."""

import io
from typing import Any

import pytest
from PIL import Image, ImageDraw

from gateway.simulator.ark.image_process import enabled_actions, planned_actions

from .conftest import Answer, Client
from .media import data_url, encoded, input_image, input_text, picture

TOOL = {"type": "image_process"}
RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)


def quarters() -> bytes:
    """Red, blue over green, white."""
    image = Image.new("RGB", (200, 100), "white")
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 0, 99, 49), fill="red")
    pen.rectangle((100, 0, 199, 49), fill="blue")
    pen.rectangle((0, 50, 99, 99), fill="green")
    return encoded(image)


def calls(answer: Answer) -> list[dict[str, Any]]:
    return [item for item in answer.json["output"] if item["type"] == "image_process"]


async def result(http: Client, call: dict[str, Any]) -> Image.Image:
    fetched = await http.send("GET", call["action"]["result_image_url"])
    assert fetched.headers["content-type"] == "image/png"
    return Image.open(io.BytesIO(fetched.body))


async def process(
    http: Client, prompt: str, tool: dict[str, Any] = TOOL
) -> tuple[dict[str, Any], Image.Image]:
    answer = await http.respond(input_image(quarters()), input_text(prompt), tools=[tool])
    (call,) = calls(answer)
    return call, await result(http, call)


async def test_zoom(http: Client) -> None:
    call, image = await process(http, "zoom on <bbox>500 0 999 499</bbox>")
    assert call["action"]["result_image_url"].startswith(http.base)
    assert call["arguments"] == {"image_index": 0, "bbox_str": "<bbox>500 0 999 499</bbox>", "scale": 2}
    assert image.size == (200, 100)
    assert image.getcolors() == [(200 * 100, BLUE)]


async def test_point(http: Client) -> None:
    call, image = await process(http, "画点 <point>750 250</point> <point>750 750</point>")
    points = "<point>750 250</point><point>750 750</point>"
    assert call["arguments"] == {"image_index": 0, "points": points, "draw_line": False}
    assert image.getpixel((150, 25)) == image.getpixel((150, 75)) == RED
    assert image.getpixel((150, 50)) in (BLUE, WHITE)


async def test_line(http: Client) -> None:
    call, image = await process(http, "point and draw a line: <point>750 250</point><point>750 750</point>")
    assert call["arguments"]["draw_line"] is True
    assert image.getpixel((150, 50)) == RED


async def test_grounding_draws_or_crops(http: Client) -> None:
    call, boxed = await process(http, "框 <bbox>500 500 999 999</bbox>")
    assert call["arguments"] == {"image_index": 0, "bbox_str": "<bbox>500 500 999 999</bbox>", "crop": False}
    assert boxed.size == (200, 100)
    assert (boxed.getpixel((100, 75)), boxed.getpixel((150, 75))) == (RED, WHITE)
    call, cut = await process(http, "grounding, crop it: <bbox>500 500 999 999</bbox>")
    assert call["arguments"]["crop"] is True
    assert cut.getcolors() == [(100 * 50, WHITE)]


async def test_rotate(http: Client) -> None:
    call, image = await process(http, "旋转 90度")
    assert call["arguments"] == {"image_index": 0, "degree": 90}
    assert image.size == (100, 200)
    assert image.getpixel((90, 10)) == RED  # the upper left corner has gone to the upper right


async def test_rounds_work_on_the_result_of_the_one_before(http: Client) -> None:
    prompt = "zoom <bbox>0 0 499 999</bbox>, then rotate, then grounding"
    answer = await http.respond(input_image(quarters()), input_text(prompt), tools=[TOOL])
    rounds = calls(answer)
    assert [item["action"]["type"] for item in rounds] == ["zoom", "rotate", "grounding"]
    assert [item["arguments"]["image_index"] for item in rounds] == [0, 1, 2]
    kinds = [item["type"] for item in answer.json["output"]]
    assert kinds == ["reasoning", "image_process"] * 3 + ["reasoning", "message"]
    sizes = [(await result(http, item)).size for item in rounds]
    assert sizes == [(200, 200), (200, 200), (200, 200)]
    assert "image 2: PNG 200x200" in answer.text
    assert "(rotate of image 1)" in answer.text
    assert answer.text.startswith("I see 4 pictures in 1 message.")


async def test_next_round_by_previous_response_goes_on(http: Client) -> None:
    first = await http.respond(input_image(quarters()), input_text("zoom"), tools=[TOOL])
    second = await http.respond(input_text("now rotate"), tools=[TOOL], previous_response_id=first.json["id"])
    (call,) = calls(second)
    assert call["arguments"]["image_index"] == 1
    assert "image 2: PNG 100x200" in second.text


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("前方路牌写了什么？", ["zoom"]),
        ("数一数有多少颗草莓？", ["point"]),
        ("放大,再旋转", ["zoom", "rotate"]),
        ("rotate it, then zoom", ["rotate", "zoom"]),
    ],
)
def test_prompt_names_the_sub_tools(prompt: str, expected: list[str]) -> None:
    assert planned_actions(prompt, enabled_actions({})) == expected


def test_disabled_sub_tools_are_not_used() -> None:
    tool = {"zoom": {"type": "disabled"}, "point": {"type": "disabled"}, "rotate": None}
    assert enabled_actions(tool) == ["grounding", "rotate"]
    assert planned_actions("zoom", enabled_actions(tool)) == ["grounding"]
    assert planned_actions("zoom", []) == []


async def test_no_picture_no_call(http: Client) -> None:
    assert calls(await http.respond(input_text("zoom"), tools=[TOOL])) == []


@pytest.mark.parametrize(
    ("data", "mime_type"),
    [
        (picture("red", (64, 48), "SGI"), "image/sgi"),
        (picture("red", (64, 48), "HEIC"), "image/heic"),
        (picture("red", (64, 48), "DIB"), "image/bmp"),
    ],
)
async def test_formats_of_understanding_that_the_tool_does_not_take(
    http: Client, data: bytes, mime_type: str
) -> None:
    answer = await http.respond(
        {"type": "input_image", "image_url": data_url(data, mime_type)},
        input_text("zoom, then rotate"),
        tools=[TOOL],
    )
    assert answer.status == 200
    (call,) = calls(answer)
    assert list(call) == ["type", "action", "arguments", "error", "status", "id"]
    assert call["status"] == "failed"
    assert "is not supported" in call["error"]["message"]
    assert "result_image_url" not in call["action"]


async def test_scripted_failure_stands_at_the_top_of_the_completed_event(http: Client) -> None:
    prompt = input_text('zoom [[fault: {"tool_error": "no luck"}]]')
    answer = await http.respond(input_image(picture()), prompt, tools=[TOOL], stream=True)
    (completed,) = [event for event in answer.events if event["type"].endswith("call.completed")]
    assert completed["error"] == {"message": "no luck"}
    natural = await http.respond(
        {"type": "input_image", "image_url": data_url(picture("red", (64, 48), "HEIC"), "image/heic")},
        input_text("zoom"),
        tools=[TOOL],
        stream=True,
    )
    (completed,) = [event for event in natural.events if event["type"].endswith("call.completed")]
    assert "error" not in completed
