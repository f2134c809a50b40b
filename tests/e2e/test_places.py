"""Pictures in messages of every role and in function outputs, mixed with text: their order is kept."""

from typing import Any

import pytest

from .conftest import Gateway, Http, Simulated
from .pictures import asked, data_url, file_part, large, seen, shape, small, text_part, url_part
from .servers import Gallery

TOOL = {"name": "look", "parameters": {"type": "object", "properties": {}}}


def pictures() -> list[bytes]:
    return [small(colour) for colour in ("red", "white", "blue", "yellow", "black")]


def parts(api: str, gallery: Gallery) -> list[dict[str, Any]]:
    """Five pictures, given in three ways."""
    red, white, blue, yellow, black = pictures()
    urls = [
        data_url(red, "image/jpeg"),
        gallery.put("white", white),
        data_url(blue),
        gallery.put("yellow", yellow),
        data_url(black)[22:],
    ]
    return [url_part(api, url) for url in urls]


def all_shapes() -> list[tuple[str, str, int]]:
    return [
        shape(data, colour)
        for data, colour in zip(pictures(), ("red", "white", "blue", "yellow", "black"), strict=True)
    ]


@pytest.mark.parametrize("model", ["doubao-vision", "qwen-vl"])
async def test_chat(gateway: Gateway, http: Http, gallery: Gallery, model: str) -> None:
    one, two, three, four, five = parts("chat", gallery)
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    messages = [
        {"role": "system", "content": [text_part("chat", "rules"), one]},
        {"role": "user", "content": [two, text_part("chat", "first"), three, text_part("chat", "second")]},
        {"role": "assistant", "content": "so", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": [four, text_part("chat", "result"), five]},
    ]
    body = {"model": model, "messages": messages, "tools": [{"type": "function", "function": TOOL}]}
    answer = await http.post(f"{gateway.v1}/chat/completions", body)
    assert seen(answer.text) == all_shapes()
    order = (
        'order: system: text "rules" [image 0] | user: [image 1] text "first" [image 2] text "second" '
        '| assistant: text "so" | tool: [image 3] text "result" [image 4]'
    )
    assert order in answer.text
    assert answer.changes == ["image:inlined=4"]  # the third was right already


async def test_responses(gateway: Gateway, http: Http, gallery: Gallery) -> None:
    one, two, three, four, five = parts("responses", gallery)
    api = "responses"
    items = [
        {"role": "system", "content": [text_part(api, "rules"), one]},
        {"role": "user", "content": [two, text_part(api, "first"), three, text_part(api, "second")]},
        {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": [four, text_part(api, "result"), five]},
    ]
    body = {"model": "doubao-vision", "input": items, "tools": [{"type": "function", **TOOL}]}
    answer = await http.post(f"{gateway.v1}/responses", body)
    assert seen(answer.text) == all_shapes()
    order = (
        'order: system: text "rules" [image 0] | user: [image 1] text "first" [image 2] text "second" '
        '| tool: [image 3] text "result" [image 4]'
    )
    assert order in answer.text
    assert answer.changes == ["image:inlined=4"]


async def test_large_and_small_pictures_together(gateway: Gateway, http: Http, sim: Simulated) -> None:
    first, second = large("green"), large("blue")
    content = [
        url_part("responses", data_url(data)) for data in (first, small("red"), second, small("white"))
    ]
    body = asked("responses", *content, model="doubao-vision")
    answer = await http.post(f"{gateway.v1}/responses", body)
    colours = [colour for _, colour, _ in seen(answer.text)]
    assert colours == ["green", "red", "blue", "white"]
    assert answer.changes == ["image:uploaded=2"]
    sent = (await sim.last("/responses"))["body"]["input"][0]["content"]
    assert ["file_id" in part for part in sent] == [True, False, True, False]


async def test_fields_beside_a_picture_stay(gateway: Gateway, http: Http, sim: Simulated) -> None:
    limit = {"min_pixels": 3136, "max_pixels": 1_000_000}
    part = url_part("chat", data_url(small(), "image/gif"))
    part["image_url"] |= {"detail": "low", "image_pixel_limit": limit}
    body = asked("chat", part, model="doubao-vision", vendors_own={"kept": [1, None]})
    await http.post(f"{gateway.v1}/chat/completions", body)
    sent = (await sim.last())["body"]
    assert sent["vendors_own"] == {"kept": [1, None]}
    picture = sent["messages"][0]["content"][0]["image_url"]
    assert picture.pop("url").startswith("data:image/png;base64,")
    assert picture == {"detail": "low", "image_pixel_limit": limit}


async def test_one_url_in_one_request_is_fetched_once_while_it_comes(
    gateway: Gateway, http: Http, gallery: Gallery
) -> None:
    url = gallery.put("thrice", small("orange"))
    body = asked("chat", *[url_part("chat", url)] * 3, model="qwen-vl")
    answer = await http.post(f"{gateway.v1}/chat/completions", body)
    assert [colour for _, colour, _ in seen(answer.text)] == ["orange"] * 3
    assert gallery.visits["/thrice"] == 1


async def test_null_beside_a_file_id_is_tolerated(gateway: Gateway, http: Http) -> None:
    file = await gateway.openai.files.create(file=("a.png", small("purple")), purpose="user_data")
    part = {**file_part("responses", file.id), "image_url": None, "detail": None}
    answer = await http.post(f"{gateway.v1}/responses", asked("responses", part, model="doubao-vision"))
    assert seen(answer.text) == [shape(small("purple"), "purple")]
