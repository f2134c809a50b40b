"""Large pictures at Ark: uploaded once, waited for, used again, and uploaded again when they are gone."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.backends.ark import Ark
from gateway.backends.base import Form
from gateway.errors import StorageUnavailable, UpstreamError
from gateway.media.uploads import Uploads, identity
from gateway.settings import Timeouts, Upstream
from gateway.storage.database import Database
from gateway.upstream import Upstreams

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


@pytest.fixture
async def upstreams() -> AsyncIterator[Upstreams]:
    upstreams = Upstreams(Upstream(retries=1), {})
    await upstreams.start()
    yield upstreams
    await upstreams.close()


@pytest.fixture
def uploads(tmp_path: Path, upstreams: Upstreams) -> Iterator[Uploads]:
    database = Database(f"sqlite:///{tmp_path}/uploads.db")
    database.open()
    yield Uploads(database, upstreams)
    database.close()


def video(path: Path, fps: str = "0.3") -> Form:
    return Form({"preprocess_configs[video][fps]": fps}, "a.mp4", "video/mp4", path)


async def test_file_goes_up_from_the_disk(tmp_path: Path, uploads: Uploads, sim: Simulated) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"video" * 500_000)
    ark = Ark("ark", f"{sim.url}/api/v3", "k")
    file_id = await uploads.upload(ark, "k", "a" * 64, video(path))
    body = (await sim.last("/files"))["body"]
    assert body["preprocess_configs[video][fps]"] == "0.3"
    assert body["file"] == {"filename": "a.mp4", "content_type": "video/mp4", "bytes": 2_500_000}
    assert await uploads.find(ark.account("k"), "a" * 64) == file_id


async def test_file_on_the_disk_is_sent_again_whole(tmp_path: Path, uploads: Uploads) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"video" * 500_000)
    sizes: list[int] = []

    async def answer(request: web.Request) -> web.Response:
        sizes.append(len(await request.read()))
        if len(sizes) == 1:
            assert request.transport is not None
            request.transport.abort()
        return web.json_response({"id": "file-1", "status": "active"})

    async with ark_that_does(answer) as ark:
        assert await uploads.upload(ark, "k", "a" * 64, video(path)) == "file-1"
    assert len(sizes) == 2
    assert sizes[0] == sizes[1] > 2_500_000


async def test_answer_before_the_file_is_all_sent(tmp_path: Path, uploads: Uploads) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(bytes(20 << 20))

    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"error": {"code": "FileQuotaExceeded", "message": "too much"}}, status=403)

    async with ark_that_does(answer) as ark:
        with pytest.raises(UpstreamError, match="too much"):
            await uploads.upload(ark, "k", "a" * 64, video(path))


async def test_upload_takes_longer_than_a_first_token_may(tmp_path: Path) -> None:
    async def answer(request: web.Request) -> web.Response:
        await asyncio.sleep(0.3)
        return web.json_response({"id": "file-1", "status": "active"})

    upstreams = Upstreams(Upstream(timeouts=Timeouts(first_token=0.1)), {})
    await upstreams.start()
    form = Form({}, "a.mp4", "video/mp4", b"video")
    async with ark_that_does(answer) as ark:
        assert (await upstreams.drive(ark, "k", ark.upload(form, 0))).file_id == "file-1"
    await upstreams.close()


@contextlib.asynccontextmanager
async def ark_that_does(answer: Callable[[web.Request], Awaitable[web.Response]]) -> AsyncIterator[Ark]:
    app = web.Application(client_max_size=0)
    app.router.add_post("/files", answer)
    async with TestServer(app) as server:
        yield Ark("ark", str(server.make_url("")), "k")


async def test_file_that_is_gone_from_the_disk(tmp_path: Path, uploads: Uploads, sim: Simulated) -> None:
    ark = Ark("ark", f"{sim.url}/api/v3", "k")
    with pytest.raises(StorageUnavailable):
        await uploads.upload(ark, "k", "a" * 64, video(tmp_path / "none"))
    assert not await sim.requests()


async def test_other_settings_are_another_upload(tmp_path: Path, uploads: Uploads, sim: Simulated) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"video")
    ark, digest = Ark("ark", f"{sim.url}/api/v3", "k"), "a" * 64
    forms = [video(path, fps) for fps in ("1", "2")]
    names = [identity(digest, form.fields) for form in forms]
    ids = [await uploads.upload(ark, "k", name, form) for name, form in zip(names, forms, strict=True)]
    assert len({digest, *names}) == 3
    assert [await uploads.find(ark.account("k"), name) for name in names] == ids
    assert identity(digest, {}) == digest
    await uploads.discard(ark, "another-account", digest)
    await uploads.discard(ark, "k", "b" * 64)
    assert all([await uploads.knows(file_id) for file_id in ids])
    await uploads.discard(ark, "k", digest)
    assert [one["method"] for one in await sim.requests("/files/")] == ["DELETE", "DELETE"]
    assert not any([await uploads.knows(file_id) for file_id in ids])
