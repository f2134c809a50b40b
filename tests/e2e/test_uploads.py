"""Large pictures at Ark: uploaded once, waited for, used again, and uploaded again when they are gone."""

import asyncio

import pytest

from .conftest import Answer, Gateway, Http, Launch, Simulated
from .pictures import asked, data_url, large, seen, shape, small, url_part


async def respond(gateway: Gateway, http: Http, data: bytes, model: str = "doubao-vision") -> Answer:
    body = asked("responses", url_part("responses", data_url(data)), model=model)
    return await http.post(f"{gateway.v1}/responses", body)


async def posts(sim: Simulated) -> int:
    return len([one for one in await sim.requests("/files") if one["method"] == "POST"])


async def test_concurrent_requests_upload_once(gateway: Gateway, http: Http, sim: Simulated) -> None:
    sim.renew(processing_time=0.2)
    data = large("green")
    answers = await asyncio.gather(*(respond(gateway, http, data) for _ in range(12)))
    assert all(seen(answer.text) == [shape(data, "green")] for answer in answers)
    assert await posts(sim) == 1


async def test_form_of_the_upload(gateway: Gateway, http: Http, sim: Simulated) -> None:
    sim.renew(processing_time=0.2)
    data = large("green", format="TIFF")
    await respond(gateway, http, data)
    create, *looks = await sim.requests("/files")
    assert create["headers"]["content-type"].startswith("multipart/form-data")
    assert create["body"]["purpose"] == "user_data"
    assert looks  # it was processing at first
    assert {look["method"] for look in looks} == {"GET"}


async def test_same_bytes_inside_one_request(gateway: Gateway, http: Http, sim: Simulated) -> None:
    part = url_part("responses", data_url(large("blue")))
    await http.post(f"{gateway.v1}/responses", asked("responses", part, part, model="doubao-vision"))
    assert await posts(sim) == 1


async def test_small_picture_that_ark_has_already_goes_by_its_id(
    launch: Launch, http: Http, sim: Simulated, tmp_path: object
) -> None:
    storage = {"database": f"sqlite:///{tmp_path}/shared.db"}
    eager = launch(images={"upload_over": 1}, storage=storage)
    patient = launch(storage=storage)
    assert (await respond(eager, http, small("cyan"))).changes == ["image:uploaded=1"]
    again = await respond(patient, http, small("cyan"))
    assert again.changes == ["image:reused=1"]
    assert seen(again.text) == [shape(small("cyan"), "cyan")]
    assert await posts(sim) == 1


async def test_file_that_is_gone_is_uploaded_again(gateway: Gateway, http: Http, sim: Simulated) -> None:
    data = large("green")
    await respond(gateway, http, data)
    await sim.fault("/responses", file_gone=True)
    again = await respond(gateway, http, data)
    assert (again.status, again.changes) == (200, ["image:uploaded=1"])
    assert seen(again.text) == [shape(data, "green")]
    assert await posts(sim) == 2
    assert (await respond(gateway, http, data)).changes == ["image:reused=1"]


async def test_file_that_is_gone_twice_is_told(gateway: Gateway, http: Http, sim: Simulated) -> None:
    data = large("green")
    await respond(gateway, http, data)
    await sim.fault("/responses", times=2, status=404, message="The file is not found.")
    again = await respond(gateway, http, data)
    assert again.status == 404
    assert "not found" in again.error["message"]
    assert await posts(sim) == 2
    assert len(await sim.requests("/responses")) == 3


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ({"status": 500}, 500, "InternalServiceError"),
        ({"status": 429, "retry_after": 3}, 429, "RateLimitExceeded.EndpointRPMExceeded"),
        ({"status": 401}, 502, "AuthenticationError"),
        ({"status": 403, "code": "AccountOverdueError"}, 502, "AccountOverdueError"),
        ({"garbage": True}, 502, "upload_failed"),
        ({"html": True}, 502, "upload_failed"),
        ({"body": "{}"}, 502, "upload_failed"),
    ],
)
async def test_upload_that_fails(
    gateway: Gateway, http: Http, sim: Simulated, fault: dict[str, object], status: int, code: str
) -> None:
    await sim.fault("/files", **fault)
    answer = await respond(gateway, http, large("green"))
    assert (answer.status, answer.error["code"]) == (status, code)
    assert answer.error["param"] == "input[0].content[0].image_url"
    assert answer.headers.get("retry-after") == ("3" if "retry_after" in fault else None)
    assert not await sim.requests("/responses")
    assert (await respond(gateway, http, large("green"))).status == 200


async def test_upload_that_breaks_off_is_sent_again(gateway: Gateway, http: Http, sim: Simulated) -> None:
    await sim.fault("/files", reset_after=0)
    answer = await respond(gateway, http, large("green"))
    assert answer.status in (200, 502)  # as the headers got through or not


async def test_picture_that_ark_cannot_process(gateway: Gateway, http: Http) -> None:
    broken = large("green")[:-4000]  # its header is whole, its pixels are not
    answer = await respond(gateway, http, broken)
    assert answer.status == 400
    assert answer.error["param"] == "input[0].content[0].image_url"
    assert "process" in answer.error["message"]


async def test_upload_outlives_the_process(
    launch: Launch, http: Http, sim: Simulated, tmp_path: object
) -> None:
    storage = {"database": f"sqlite:///{tmp_path}/shared.db"}
    data = large("green")
    assert (await respond(launch(storage=storage), http, data)).changes == ["image:uploaded=1"]
    assert (await respond(launch(storage=storage), http, data)).changes == ["image:reused=1"]
    assert await posts(sim) == 1
