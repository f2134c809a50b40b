"""Converted pictures, by real children: each made once, kept, named before it is made, and failures told by place."""

import asyncio
import hashlib
import io
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from gateway.errors import GatewayError, InvalidRequest
from gateway.media.blob import Blob
from gateway.media.conform import Mend
from gateway.media.darkroom import Darkroom, Print
from gateway.media.formats import inspect
from gateway.media.formats.header import Header
from gateway.media.workshop import Product, Workshop

BUDGET = 1_000_000
MEND = Mend(("image/jpeg", "image/png"), None, 20, None, stills=False, why="it is too large")


class Counting(Workshop):
    """A workshop that tells how many jobs it was given."""

    jobs = 0

    async def run(self, job: str, orders: Mapping[str, Any], source: bytes | Path) -> list[Product]:
        self.jobs += 1
        return await super().run(job, orders, source)


@pytest.fixture
async def workshop() -> AsyncIterator[Counting]:
    workshop = Counting(parallel=2, seconds=20)
    yield workshop
    await workshop.close()


@pytest.fixture
def darkroom(workshop: Counting) -> Darkroom:
    return Darkroom(workshop, BUDGET)


def picture(width: int = 40, height: int = 30) -> Blob:
    buffer = io.BytesIO()
    Image.frombytes("RGB", (width, height), os.urandom(width * height * 3)).save(buffer, "PNG")
    return Blob.of(buffer.getvalue())


async def header(blob: Blob) -> Header:
    found = inspect(await blob.read())
    assert found
    return found


async def mended(darkroom: Darkroom, blob: Blob, mend: Mend = MEND, param: str = "p") -> Print:
    return await darkroom.mended(blob, await header(blob), mend, param)


async def begun(workshop: Counting, jobs: int = 1) -> None:
    async with asyncio.timeout(5):
        while workshop.jobs < jobs:
            await asyncio.sleep(0)


async def test_a_picture_is_made_once_for_all_who_ask_and_kept(
    darkroom: Darkroom, workshop: Counting
) -> None:
    blob = picture()
    prints = await asyncio.gather(*(mended(darkroom, blob) for _ in range(5)))
    prints.append(await mended(darkroom, Blob.of(await blob.read())))
    assert workshop.jobs == 1
    assert {one.blob for one in prints} == {prints[0].blob}
    image = Image.open(io.BytesIO(await prints[0].blob.read()))
    assert image.size == (20, 15)
    assert prints[0].mime == image.get_format_mimetype()
    assert prints[0].blob.size == len(await prints[0].blob.read())


async def test_other_orders_make_another_picture(darkroom: Darkroom, workshop: Counting) -> None:
    blob = picture()
    one, other = await asyncio.gather(
        mended(darkroom, blob), mended(darkroom, blob, MEND._replace(max_side=10))
    )
    assert one.blob != other.blob
    assert workshop.jobs == 2


async def test_a_picture_on_disk_is_read_by_the_child(darkroom: Darkroom, tmp_path: Path) -> None:
    blob = picture()
    path = tmp_path / "picture"
    path.write_bytes(await blob.read())
    made = await mended(darkroom, Blob(path, blob.size))
    assert Image.open(io.BytesIO(await made.blob.read())).size == (20, 15)


async def test_a_name_begins_with_the_originals_hash_and_tells_the_orders_apart(darkroom: Darkroom) -> None:
    blob = picture()
    sha256 = hashlib.sha256(await blob.read()).hexdigest()
    assert await darkroom.digest(blob, None) == sha256
    name = await darkroom.digest(blob, MEND)
    assert name.startswith(f"{sha256}-")
    assert name == await darkroom.digest(blob, MEND._replace(why="another reason for the same"))
    others = [MEND._replace(max_side=21), MEND._replace(formats=("image/png",)), MEND._replace(stills=True)]
    names = {await darkroom.digest(blob, one) for one in others} | {name, sha256}
    assert len(names) == 5
    assert name != await darkroom.digest(picture(), MEND)


async def test_one_that_cannot_be_decoded_is_refused_by_its_place(
    darkroom: Darkroom, workshop: Counting
) -> None:
    whole = picture()
    blob, promised = Blob.of((await whole.read())[:-500]), await header(whole)
    told = await asyncio.gather(
        *(darkroom.mended(blob, promised, MEND, param) for param in ("input[0]", "input[1]")),
        return_exceptions=True,
    )
    assert [(type(one), one.param, one.code) for one in told if isinstance(one, GatewayError)] == [
        (InvalidRequest, "input[0]", "truncated_or_broken"),
        (InvalidRequest, "input[1]", "truncated_or_broken"),
    ]
    assert workshop.jobs == 1
    with pytest.raises(InvalidRequest):  # a failure is not kept
        await darkroom.mended(blob, promised, MEND, "p")
    assert workshop.jobs == 2


async def test_more_pixels_than_may_be_decoded_are_refused_by_the_child_too(workshop: Counting) -> None:
    blob = picture(40, 30)
    with pytest.raises(InvalidRequest) as refused:
        await mended(Darkroom(workshop, 1199), blob)
    assert (refused.value.code, refused.value.param) == ("too_many_pixels", "p")
    assert "1199" in refused.value.message


async def test_who_leaves_does_not_end_it_for_the_other(darkroom: Darkroom, workshop: Counting) -> None:
    blob = picture()
    one, other = (asyncio.create_task(mended(darkroom, blob)) for _ in range(2))
    await begun(workshop)
    one.cancel()
    assert (await other).blob.size
    assert one.cancelled()
    assert workshop.jobs == 1


async def test_closing_tells_those_who_wait_that_the_gateway_stops(
    darkroom: Darkroom, workshop: Counting
) -> None:
    task = asyncio.create_task(mended(darkroom, picture()))
    await begun(workshop)
    await darkroom.close()
    with pytest.raises(GatewayError) as stopped:
        await task
    assert (stopped.value.status, stopped.value.code) == (503, "gateway_stopping")
