"""The bytes behind a reference, wherever it points, and refusals by the reference's own place."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import InvalidRequest, StorageUnavailable
from gateway.media.blob import OFF_LOOP
from gateway.media.sources import Loaded, Sources
from gateway.settings import Images
from gateway.storage.database import Database
from gateway.storage.files import FileStore, StoredFile
from gateway.wire import media
from tests.media.fetch.servers import PNG, World

PARAM = "messages[0].content[0].image_url"
OWN = {"local_roots": ["/"], "fetch": {"bytes": 1000}}


@pytest.fixture
async def files(tmp_path: Path) -> AsyncIterator[FileStore]:
    database = Database(f"sqlite:///{tmp_path}/files.db")
    database.open()
    files = FileStore(database, tmp_path / "files")
    files.open()
    yield files
    database.close()


async def loaded(world: World, files: FileStore, url: str, **images: Any) -> Loaded:
    part = {"type": "image_url", "image_url": {"file_id" if url.startswith("file-") else "url": url}}
    (ref,) = media.find("chat", {"messages": [{"role": "user", "content": [part]}]})
    sources = Sources(Images.model_validate({**OWN, **images}), world.fetcher(), files)
    return await sources.load(ref, "me")


async def refused(world: World, files: FileStore, url: str, **images: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        await loaded(world, files, url, **images)
    assert caught.value.param == PARAM
    return caught.value


async def stored(files: FileStore, data: bytes, owner: str = "me") -> StoredFile:
    with files.incoming() as incoming:
        await incoming.write(data)
        told = {"filename": "a.png", "purpose": "vision", "mime_type": "image/png"}
        return await files.keep(incoming, owner, **told, expires_at=1 << 40)


async def test_a_url(world: World, files: FileStore) -> None:
    server = await world.server(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n" + PNG)
    got = await loaded(world, files, f"http://127.0.0.1:{server.port}/folder/a.png?token=secret")
    assert (await got.blob.read(), got.name, got.declared) == (PNG, "a.png", None)


async def test_a_url_that_gives_nothing_is_named_without_its_secrets(world: World, files: FileStore) -> None:
    server = await world.server(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
    error = await refused(world, files, f"http://127.0.0.1:{server.port}/a.png?token=secret")
    assert (error.status, error.code) == (400, "invalid_image_url")
    assert "/a.png" in error.message
    assert "secret" not in error.message


@pytest.mark.parametrize("size", [100, OFF_LOOP * 2])
async def test_data_in_the_request(world: World, files: FileStore, size: int) -> None:
    data = PNG * (size // 8)
    text = base64.b64encode(data).decode()
    got = await loaded(world, files, f"data:image/x-odd;base64,{text}")
    assert (await got.blob.read(), got.declared, got.name) == (data, "image/x-odd", None)
    bare = await loaded(world, files, text)
    assert (await bare.blob.read(), bare.declared) == (data, None)


async def test_broken_base64(world: World, files: FileStore) -> None:
    assert (await refused(world, files, "data:image/png;base64,AAAA=A")).code == "invalid_base64"


async def test_a_local_file(world: World, files: FileStore, tmp_path: Path) -> None:
    path = tmp_path / "a b.png"
    path.write_bytes(PNG)
    got = await loaded(world, files, str(path), local_roots=[str(tmp_path)])
    assert (await got.blob.read(), got.name) == (PNG, "a b.png")
    url = await loaded(world, files, f"file://{tmp_path}/a%20b.png", local_roots=[str(tmp_path)])
    assert (await url.blob.read(), url.name) == (PNG, "a b.png")


async def test_a_local_file_outside_of_what_is_open_is_as_one_that_is_not_there(
    world: World, files: FileStore, tmp_path: Path
) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "a.png").write_bytes(PNG)
    told = [
        await refused(world, files, str(tmp_path / name), local_roots=[str(tmp_path / "open")])
        for name in ("a.png", "b.png", "open/../a.png")
    ]
    assert len({(error.message, error.code) for error in told}) == 1


async def test_a_local_file_is_refused_where_nothing_is_open(
    world: World, files: FileStore, tmp_path: Path
) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    await refused(world, files, str(tmp_path / "a.png"), local_roots=[])


async def test_a_file_of_the_gateways_own_is_read_only_when_needed(world: World, files: FileStore) -> None:
    file = await stored(files, PNG)
    got = await loaded(world, files, file.id)
    assert (got.blob.size, got.blob.sha256, got.name) == (8, file.sha256, "a.png")
    assert await got.blob.read() == PNG
    files.path(file).unlink()
    with pytest.raises(StorageUnavailable):
        await got.blob.read()


async def test_another_ones_file_is_as_one_that_is_not_there(world: World, files: FileStore) -> None:
    file = await stored(files, PNG, owner="another")
    for file_id in (file.id, "file-" + "0" * 32):
        error = await refused(world, files, file_id)
        assert (error.status, error.code) == (404, "file_not_found")
