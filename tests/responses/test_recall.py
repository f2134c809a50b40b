"""What was said before comes back, in order, with its pictures; what is not there is refused by name."""

import base64
import random
from typing import Any

import pytest

from gateway.errors import InvalidRequest

from .conftest import World

PICTURE = "data:image/png;base64," + base64.b64encode(random.Random(1).randbytes(3000)).decode()
SMALL = "data:image/png;base64," + base64.b64encode(b"small").decode()


def image(url: str = PICTURE) -> dict[str, Any]:
    return {"type": "input_image", "image_url": url, "detail": "high"}


def said(id: str, text: str) -> dict[str, Any]:
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return {"type": "message", "id": id, "role": "assistant", "status": "completed", "content": [part]}


def texts(body: dict[str, Any]) -> list[str]:
    return [part.get("text", part["type"]) for item in body["input"] for part in item["content"]]


async def refused(world: World, body: dict[str, Any], owner: str = "me") -> InvalidRequest:
    with pytest.raises(InvalidRequest) as error:
        await world.lifecycle.recall(body, owner)
    return error.value


async def test_three_rounds(world: World) -> None:
    thought = {"type": "reasoning", "id": "rs_1", "summary": [], "content": [], "status": "completed"}
    first = await world.keep(1, {"input": "one", "instructions": "be brief"}, {**thought}, said("msg_a", "1"))
    body = {"input": [{"role": "user", "content": "two"}], "previous_response_id": first}
    second = await world.keep(2, body, said("msg_b", "2"))
    recalled = await world.lifecycle.recall({"input": "three", "previous_response_id": second, "x": 1}, "me")
    assert recalled.earlier == 5
    assert recalled.body["input"][1] == thought
    del recalled.body["input"][1]
    assert texts(recalled.body) == ["one", "1", "two", "2", "three"]
    assert set(recalled.body) == {"input", "x"}


async def test_a_body_that_goes_back_to_nothing_of_ours_stays_as_it_is(world: World) -> None:
    for more in ({}, {"previous_response_id": None}, {"previous_response_id": "resp_0217749446614990abc"}):
        body = {"input": "hello", **more}
        recalled = await world.lifecycle.recall(body, "me")
        assert recalled.body is body
        assert recalled.earlier == 0


async def test_pictures_come_back_by_reference(world: World) -> None:
    content = [image(), image(SMALL), image("https://example.com/a.png")]
    id = await world.keep(1, {"input": [{"role": "user", "content": content}]})
    recalled = await world.lifecycle.recall({"input": "and?", "previous_response_id": id}, "me")
    reference, small, remote = recalled.body["input"][0]["content"]
    assert set(reference) == {"type", "file_id", "detail"}
    assert (small, remote) == tuple(content[1:])
    file = await world.files.get("me", reference["file_id"])
    assert file
    assert file.mime_type == "image/png"
    assert base64.b64encode(await world.files.read(file)).decode() in PICTURE
    assert await world.files.page("me", purpose=None, after=None, limit=9, newest_first=True) == ([], False)
    assert await world.files.get("you", reference["file_id"]) is None


async def test_one_file_for_each_content_of_an_owner(world: World) -> None:
    body = {"input": [{"role": "user", "content": [image(), image()]}]}
    ids = [await world.keep(1, body), await world.keep(2, body), await world.keep(3, body, owner="you")]
    kept = [await world.lifecycle.store.get("you" if i == 2 else "me", id) for i, id in enumerate(ids)]
    files = [[part["file_id"] for part in one.input[0]["content"]] for one in kept if one]
    assert files[0] == files[1] == [files[0][0]] * 2
    assert files[2][0] != files[0][0]
    assert await world.lifecycle.store.delete("me", ids[0]) == []
    assert await world.lifecycle.store.delete("me", ids[1]) == [files[0][0]]


async def test_a_file_that_is_used_again_lasts_longer(world: World) -> None:
    body = {"input": [{"role": "user", "content": [image()]}]}
    await world.keep(1, {**body, "expire_at": int(world.now) + 86400})
    await world.keep(2, body)
    world.now += 29 * 86400
    assert await world.files.sweep() == []
    world.now += 86400
    assert len(await world.files.sweep()) == 1


async def test_other_media_by_reference(world: World) -> None:
    parts = [
        {"type": "input_file", "filename": "a.pdf", "file_data": PICTURE},
        {"type": "input_audio", "input_audio": {"data": PICTURE.partition(",")[2], "format": "mp3"}},
    ]
    output = {"type": "function_call_output", "call_id": "c", "output": [image()]}
    id = await world.keep(1, {"input": [{"role": "user", "content": parts}, output]})
    stored = await world.lifecycle.store.get("me", id)
    assert stored
    pdf, audio = stored.input[0]["content"]
    assert set(pdf) == {"type", "filename", "file_id"}
    assert set(audio) == {"type", "file_id"}
    assert set(stored.input[1]["output"][0]) == {"type", "file_id", "detail"}
    assert PICTURE[60:160] not in str(stored.input)


@pytest.mark.parametrize("owner", ["me", "you"])
async def test_what_is_unknown_or_foreign_is_refused_alike(world: World, owner: str) -> None:
    await world.keep(1, {"input": "one"}, owner="them")
    for number in (1, 7):
        error = await refused(world, {"input": "x", "previous_response_id": f"resp_{number:032x}"}, owner)
        assert (error.status, error.param, error.code) == (
            400,
            "previous_response_id",
            "previous_response_not_found",
        )


async def test_a_chain_with_a_hole_is_refused(world: World) -> None:
    first = await world.keep(1, {"input": "one"})
    second = await world.keep(2, {"input": "two", "previous_response_id": first})
    await world.lifecycle.store.delete("me", first)
    error = await refused(world, {"input": "three", "previous_response_id": second})
    assert first in error.message
    assert error.param == "previous_response_id"


async def test_a_chain_that_is_too_long_is_refused(world: World) -> None:
    many = await world.keep(1, {"input": [{"role": "user", "content": "x"}] * 999})
    assert (await world.lifecycle.recall({"input": "x", "previous_response_id": many}, "me")).earlier == 999
    more = {"input": [{"role": "user", "content": "x"}] * 2, "previous_response_id": many}
    error = await refused(world, more)
    assert "1001 items; at most 1000" in error.message


async def test_an_output_that_answers_no_call_is_refused(world: World) -> None:
    call = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "look", "arguments": "{}"}
    first = await world.keep(1, {"input": "one"}, call)
    outputs = [{"type": "function_call_output", "call_id": id, "output": "x"} for id in ("c1", "c2")]
    body = {"previous_response_id": first}
    assert (await world.lifecycle.recall({**body, "input": outputs[:1]}, "me")).earlier == 2
    error = await refused(world, {**body, "input": outputs})
    assert (error.param, error.code) == ("input[1].call_id", "function_call_not_found")
    with_call = [{**call, "call_id": "c2"}, *outputs]
    assert (await world.lifecycle.recall({**body, "input": with_call}, "me")).earlier == 2
    elsewhere = [{"type": "item_reference", "id": "fc_021774"}, *outputs]
    assert (await world.lifecycle.recall({**body, "input": elsewhere}, "me")).earlier == 2


async def test_a_wrong_type_is_refused(world: World) -> None:
    error = await refused(world, {"input": "x", "previous_response_id": 5})
    assert (error.param, error.code) == ("previous_response_id", "invalid_type")


async def test_references_to_our_items(world: World) -> None:
    item = said(f"msg_{1:032x}0000", "hi")
    await world.keep(1, {"input": "one"}, item)
    references = [{"type": "item_reference", "id": item["id"]}, {"id": item["id"]}]
    foreign = {"type": "item_reference", "id": "msg_021774"}
    recalled = await world.lifecycle.recall({"input": [*references, foreign, "?"]}, "me")
    assert recalled.body["input"] == [item, item, foreign, "?"]
    unknown = await world.lifecycle.recall({"input": references}, "you")
    assert unknown.body["input"] == references


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"store": False, "background": True}, "store"),
        ({"store": 1}, "store"),
        ({"expire_at": 5}, "expire_at"),
    ],
)
async def test_what_cannot_be_kept_so(world: World, more: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        world.lifecycle.turn("me", {"input": "x", **more}, "maas")
    assert error.value.param == param


async def test_who_wants_nothing_kept(world: World) -> None:
    assert world.lifecycle.turn("me", {"input": "x", "store": False}, "maas") is None
    assert world.lifecycle.turn("me", {"input": "x", "store": None}, "maas")
