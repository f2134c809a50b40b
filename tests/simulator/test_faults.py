"""Each scripted fault, seen from the caller's side of the wire."""

import asyncio
from typing import Any

import aiohttp
import orjson
import pytest

from gateway.simulator.faults import HELP, BadFault, Fault, scripted, without_script

from .conftest import Answer, Client
from .media import input_text, text_part


def script(**fault: Any) -> dict[str, Any]:
    return text_part(f"hello [[fault: {orjson.dumps(fault).decode()}]]")


async def streamed(http: Client, **fault: Any) -> Answer:
    return await http.chat(script(**fault), stream=True)


async def raw_stream(http: Client, fault: dict[str, Any], path: str = "/api/v3/chat/completions") -> bytes:
    """What comes over a bare TCP connection until it closes; raises ConnectionResetError for a reset."""
    body = orjson.dumps(
        {"model": "m", "stream": True, "messages": [{"role": "user", "content": [script(**fault)]}]}
    )
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer k\r\nconnection: close\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", int(http.base.rpartition(":")[2]))
    try:
        writer.write(head.encode() + f"content-length: {len(body)}\r\n\r\n".encode() + body)
        return await reader.read()
    finally:
        writer.close()


async def test_status(http: Client) -> None:
    answer = await http.chat(script(status=429, retry_after=2))
    assert (answer.status, answer.headers["retry-after"]) == (429, "2")
    assert answer.error["code"] == "RateLimitExceeded.EndpointRPMExceeded"
    named = await http.chat(script(status=403, code="AccountOverdueError", message="Pay first."))
    assert named.error["code"] == "AccountOverdueError"
    assert named.error["message"].startswith("Pay first. Request id: 02")


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "InvalidParameter", "BadRequest"),
        (401, "AuthenticationError", "Unauthorized"),
        (404, "InvalidEndpointOrModel.NotFound", "NotFound"),
        (500, "InternalServiceError", "InternalServerError"),
        (503, "ServerOverloaded", "InternalServerError"),
    ],
)
async def test_usual_codes(http: Client, status: int, code: str, kind: str) -> None:
    answer = await http.chat(script(status=status))
    assert (answer.status, answer.error["code"], answer.error["type"]) == (status, code, kind)


@pytest.mark.parametrize(
    ("status", "shape"), [(429, "error"), (500, "error_code"), (401, "error_code"), (405, "detail")]
)
async def test_usual_shapes_of_modelarts(http: Client, status: int, shape: str) -> None:
    answer = await http.maas_chat(script(status=status))
    assert (answer.status, next(iter(answer.json))) == (status, shape)


async def test_body_override(http: Client) -> None:
    answer = await http.chat(script(status=502, body="bad gateway"))
    assert (answer.status, answer.body) == (502, b"bad gateway")
    assert (await http.chat(script(body="{}"))).status == 200


async def test_delay(http: Client) -> None:
    before = asyncio.get_running_loop().time()
    assert (await http.chat(script(delay=0.05))).status == 200
    assert asyncio.get_running_loop().time() - before >= 0.05


@pytest.mark.parametrize("chunks", [0, 2])
async def test_stall(http: Client, chunks: int) -> None:
    body = {
        "model": "m",
        "stream": True,
        "messages": [{"role": "user", "content": [script(stall_after=chunks)]}],
    }
    url = f"{http.ark}/chat/completions"
    async with http.session.post(url, json=body, headers=http.headers) as response:
        assert response.status == 200
        received = b""
        while received.count(b"\n\n") < chunks:
            received += await response.content.readany()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await response.content.readany()


async def test_stall_ends(http: Client) -> None:
    answer = await streamed(http, stall_after=1, stall=0.02)
    assert answer.frames[-1] == b"data: [DONE]"


@pytest.mark.parametrize("chunks", [0, 3])
async def test_reset(http: Client, chunks: int) -> None:
    with pytest.raises(ConnectionResetError):
        await raw_stream(http, {"reset_after": chunks})
    with pytest.raises(aiohttp.ClientError):
        await streamed(http, reset_after=chunks)
    assert [record["outcome"] for record in await http.records()] == ["aborted", "aborted"]
    assert [record["chunks_sent"] for record in await http.records()] == [chunks, chunks]


async def test_reset_of_a_whole_answer(http: Client) -> None:
    with pytest.raises(aiohttp.ClientError):
        await http.chat(script(reset_after=2))


async def test_cut_is_a_clean_end_without_finish(http: Client) -> None:
    received = await raw_stream(http, {"cut_after": 2})
    assert received.endswith(b"\r\n0\r\n\r\n")
    assert received.count(b"data: {") == 2
    assert b"[DONE]" not in received
    assert (await http.records())[-1]["outcome"] == "complete"


async def test_cut_of_a_whole_answer(http: Client) -> None:
    answer = await http.chat(script(cut_after=4))
    with pytest.raises(orjson.JSONDecodeError):
        _ = answer.json


@pytest.mark.parametrize(("fault", "whole"), [({}, 1), ({"cut_after": 3}, 3)])
async def test_cut_in_the_middle_of_a_frame(http: Client, fault: dict[str, Any], whole: int) -> None:
    answer = await streamed(http, cut_mid_frame=True, **fault)
    assert answer.body.count(b"\n\n") == whole
    assert not answer.body.endswith(b"\n")


async def test_error_event_of_ark_chat(http: Client) -> None:
    answer = await streamed(http, error_after=2)
    assert answer.frames[2].startswith(b'data: {"error":{"code":"InternalServiceError","message":')
    assert len(answer.frames) == 3


async def test_error_event_of_ark_responses(http: Client) -> None:
    answer = await http.respond(input_text(script(error_after=4)["text"]), stream=True)
    event = answer.events[-1]
    assert list(event) == ["type", "code", "message", "param", "sequence_number"]
    assert (event["type"], event["sequence_number"]) == ("error", 4)
    assert answer.frames[-1].startswith(b"event: error\n")


async def test_error_event_of_modelarts(http: Client) -> None:
    answer = await http.maas_chat(script(error_after=2), stream=True)
    assert answer.frames[-1].startswith(b'data:{"error":{"code":"ModelArts.4503"')
    assert list(answer.events[-1]) == ["error", "error_code", "error_msg", "span_id"]


async def test_slow_bytes_change_nothing_but_the_pace(http: Client) -> None:
    slow = await streamed(http, slow_bytes=0, text="one two")
    assert slow.frames[-1] == b"data: [DONE]"
    assert [chunk["choices"][0]["delta"]["content"] for chunk in slow.events] == ["one ", "two", ""]


@pytest.mark.parametrize("stream", [True, False])
async def test_garbage(http: Client, stream: bool) -> None:
    answer = await http.chat(script(garbage=True), stream=stream)
    assert answer.status == 200
    assert b"\xff" in answer.body


async def test_html(http: Client) -> None:
    answer = await streamed(http, html=True)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")


async def test_no_done(http: Client) -> None:
    answer = await streamed(http, no_done=True)
    assert answer.events[-1]["choices"][0]["finish_reason"] == "stop"
    assert b"[DONE]" not in answer.body
    maas = await http.maas_chat(script(no_done=True), stream=True)
    assert b"[DONE]" not in maas.body


async def test_text(http: Client) -> None:
    assert (await http.chat(script(text="exactly this"))).text == "exactly this"


@pytest.mark.parametrize("chunks", [1, 7, 500])
async def test_chunks(http: Client, chunks: int) -> None:
    answer = await streamed(http, chunks=chunks)
    assert len(answer.events) == chunks + 1
    responses = await http.respond(input_text(script(chunks=chunks)["text"]), stream=True)
    deltas = [event for event in responses.events if event["type"] == "response.output_text.delta"]
    assert len(deltas) == chunks


async def test_chunks_of_a_given_text(http: Client) -> None:
    answer = await streamed(http, chunks=3, text="abcdefgh")
    assert [chunk["choices"][0]["delta"]["content"] for chunk in answer.events] == ["ab", "cd", "efgh", ""]


async def test_chunk_delay(http: Client) -> None:
    before = asyncio.get_running_loop().time()
    await streamed(http, chunks=4, chunk_delay=0.01)
    assert asyncio.get_running_loop().time() - before >= 0.05


async def test_queued_faults_are_consumed_in_order(http: Client) -> None:
    url = f"{http.base}/_simulator/faults"
    await http.post(url, {"fault": {"status": 500}, "times": 2, "path": "/chat/completions"})
    await http.post(url, {"fault": {"status": 429}, "path": "/responses"})
    statuses = [(await http.chat(text_part("hi"))).status for _ in range(3)]
    assert statuses == [500, 500, 200]
    statuses = [(await http.respond(input_text("hi"))).status for _ in range(2)]
    assert statuses == [429, 200]


async def test_queue_is_shown_and_cleared(http: Client) -> None:
    url = f"{http.base}/_simulator/faults"
    await http.post(url, {"fault": {"status": 500}})
    shown = (await http.send("GET", url)).json
    assert shown["waiting"] == [{"fault": {"status": 500}}]
    assert set(shown["fields"]) == set(HELP)
    assert (await http.send("DELETE", url)).status == 204
    assert (await http.chat(text_part("hi"))).status == 200


@pytest.mark.parametrize(
    "order", [{}, {"fault": {"nonsense": 1}}, {"fault": {}, "times": 0}, {"fault": {"status": "500"}}]
)
async def test_queue_refuses_what_it_does_not_know(http: Client, order: dict[str, Any]) -> None:
    assert (await http.post(f"{http.base}/_simulator/faults", order)).status == 400


@pytest.mark.parametrize("text", ["[[fault: {]]", '[[fault: {"nonsense": 1}]]', "[[fault: 5]]"])
async def test_bad_script_is_told(http: Client, text: str) -> None:
    answer = await http.chat(text_part(text))
    assert (answer.status, answer.error["code"]) == (400, "BadFault")


def test_every_field_is_explained() -> None:
    assert set(HELP) == set(Fault.model_fields)


def test_script_is_found_anywhere_and_taken_out() -> None:
    text = 'a [[fault: {"body": "]] }", "status": 502}]] b'
    assert scripted({"deep": [{"in": text}]}) == Fault(body="]] }", status=502)
    assert without_script(text) == "a  b"
    assert without_script("[[fault: broken") == "[[fault: broken"
    assert scripted({"a": 1, "b": "data:[[fault: {}]]"}) is None
    with pytest.raises(BadFault):
        scripted(["[[fault: x]]"])
