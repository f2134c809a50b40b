"""Stored responses last, expire, belong to one owner, and tell honestly what became of them."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import InvalidRequest
from gateway.storage.database import Database
from gateway.storage.files import RESPONSE_INPUT, FileStore
from gateway.storage.responses import LEASE, ResponseStore, StoredResponse, expires_at, is_own_response_id

DAY = 86400
EVENTS = b'event: response.created\ndata: {"sequence_number":0}\n\n' * 50


@dataclass
class Clock:
    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Shelf:
    store: ResponseStore
    files: FileStore
    clock: Clock

    async def file(self, days: float = 30) -> str:
        with self.files.incoming() as incoming:
            await incoming.write(b"a picture")
            stored = await self.files.keep(
                incoming,
                "me",
                filename="image",
                purpose=RESPONSE_INPUT,
                mime_type="image/png",
                expires_at=int(self.clock.now + days * DAY),
            )
        return stored.id


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    clock = Clock()
    database = Database(f"sqlite:///{tmp_path}/arkway.db")
    database.open()
    files = FileStore(database, tmp_path / "files", clock)
    files.open()
    yield Shelf(ResponseStore(database, clock), files, clock)
    database.close()


def id_of(number: int) -> str:
    return f"resp_{number:032x}"


def message(number: int, role: str) -> dict[str, Any]:
    return {"type": "message", "role": role, "id": f"msg_{number:032x}{'f000' if role == 'user' else '0000'}"}


def response(number: int = 1, *, owner: str = "me", days: float = 30, **more: Any) -> StoredResponse:
    status = more.pop("status", "completed")
    return StoredResponse(
        id=id_of(number),
        owner=owner,
        model="qwen-vl",
        backend="maas",
        created_at=1_000_000,
        expires_at=int(1_000_000 + days * DAY),
        response={"id": id_of(number), "status": status, "output": [message(number, "assistant")]},
        input=[message(number, "user")],
        **more,
    )


async def test_a_response_is_found_by_its_owner_alone(shelf: Shelf) -> None:
    await shelf.store.put(response())
    assert await shelf.store.get("me", id_of(1)) == response()
    assert await shelf.store.get("you", id_of(1)) is None
    assert await shelf.store.chain("you", id_of(1)) == []
    assert await shelf.store.delete("you", id_of(1)) is None
    assert await shelf.store.finish("you", id_of(1), {"status": "failed"}) is False
    assert await shelf.store.get("me", id_of(1)) == response()


async def test_a_response_is_put_in_the_place_of_its_former_self(shelf: Shelf) -> None:
    await shelf.store.put(response(status="in_progress", alive_until=shelf.clock.now + 1))
    await shelf.store.put(response())
    assert await shelf.store.get("me", id_of(1)) == response()


async def test_a_response_expires(shelf: Shelf) -> None:
    await shelf.store.put(response(1, days=1))
    await shelf.store.put(response(2, days=2))
    shelf.clock.now += DAY
    assert await shelf.store.get("me", id_of(1)) is None
    assert await shelf.store.delete("me", id_of(1)) is None
    await shelf.store.sweep()
    shelf.clock.now -= DAY
    assert await shelf.store.get("me", id_of(1)) is None
    assert await shelf.store.get("me", id_of(2))


async def test_a_sweep_takes_more_than_one_transaction_holds(shelf: Shelf) -> None:
    shelf.store._database._transact(
        lambda connection: [shelf.store._put(connection, response(n, days=0), ["f"]) for n in range(1001)]
    )
    await shelf.store.put(response(2000, days=1))
    await shelf.store.sweep()
    shelf.clock.now -= 1
    assert await shelf.store.get("me", id_of(1000)) is None
    assert await shelf.store.delete("me", id_of(2000)) == []


async def test_a_chain_is_told_oldest_first(shelf: Shelf) -> None:
    for number in (1, 2, 3):
        previous = id_of(number - 1) if number > 1 else None
        await shelf.store.put(response(number, previous_response_id=previous))
    await shelf.store.put(response(9))
    assert [one.id for one in await shelf.store.chain("me", id_of(3))] == [id_of(1), id_of(2), id_of(3)]
    assert [one.id for one in await shelf.store.chain("me", id_of(2))] == [id_of(1), id_of(2)]


async def test_a_chain_without_its_beginning_says_what_is_missing(shelf: Shelf) -> None:
    for number in (1, 2, 3):
        await shelf.store.put(response(number, previous_response_id=id_of(number - 1)))
    await shelf.store.delete("me", id_of(1))
    chain = await shelf.store.chain("me", id_of(3))
    assert [one.id for one in chain] == [id_of(2), id_of(3)]
    assert chain[0].previous_response_id == id_of(1)


async def test_a_chain_that_bites_its_tail_ends(shelf: Shelf) -> None:
    await shelf.store.put(response(1, previous_response_id=id_of(2)))
    await shelf.store.put(response(2, previous_response_id=id_of(1)))
    assert [one.id for one in await shelf.store.chain("me", id_of(2))] == [id_of(1), id_of(2)]


async def test_a_chain_never_leads_to_a_foreign_response(shelf: Shelf) -> None:
    await shelf.store.put(response(1, owner="you"))
    await shelf.store.put(response(2, previous_response_id=id_of(1)))
    assert [one.id for one in await shelf.store.chain("me", id_of(2))] == [id_of(2)]


async def test_what_is_continued_lasts_as_long_as_what_continues_it(shelf: Shelf) -> None:
    picture = await shelf.file(days=2)
    await shelf.store.put(response(1, days=2), [picture])
    await shelf.store.put(response(2, days=9, previous_response_id=id_of(1)))
    await shelf.store.put(response(3, days=1, previous_response_id=id_of(2)))
    shelf.clock.now += 8 * DAY
    await shelf.store.sweep()
    await shelf.files.sweep()
    assert len(await shelf.store.chain("me", id_of(2))) == 2
    assert await shelf.files.get("me", picture)


async def test_a_file_goes_with_the_last_response_that_holds_it(shelf: Shelf) -> None:
    one, two = await shelf.file(), await shelf.file()
    await shelf.store.put(response(1), [one, two])
    await shelf.store.put(response(2), [two])
    assert await shelf.store.delete("me", id_of(1)) == [one]
    assert await shelf.store.delete("me", id_of(2)) == [two]


async def test_items_are_found_by_their_ids(shelf: Shelf) -> None:
    await shelf.store.put(response(1))
    await shelf.store.put(response(2, owner="you"))
    asked, told, foreign = message(1, "user"), message(1, "assistant"), message(2, "user")
    found = await shelf.store.items("me", [told["id"], asked["id"], foreign["id"], "msg_1", "x", ""])
    assert found == {told["id"]: told, asked["id"]: asked}
    assert list(found) == [told["id"], asked["id"]]


async def test_events_are_told_as_they_were(shelf: Shelf) -> None:
    await shelf.store.put(response(status="in_progress", alive_until=shelf.clock.now + LEASE))
    assert await shelf.store.events("me", id_of(1)) is None
    assert await shelf.store.finish("me", id_of(1), response().response, EVENTS)
    assert await shelf.store.events("me", id_of(1)) == EVENTS
    assert await shelf.store.events("you", id_of(1)) is None
    assert await shelf.store.get("me", id_of(1)) == response()


async def test_what_was_deleted_meanwhile_stays_deleted(shelf: Shelf) -> None:
    await shelf.store.put(response(status="in_progress", alive_until=shelf.clock.now + LEASE))
    assert await shelf.store.delete("me", id_of(1)) == []
    assert not await shelf.store.finish("me", id_of(1), response().response, EVENTS)
    assert await shelf.store.get("me", id_of(1)) is None


@pytest.mark.parametrize("status", ["queued", "in_progress"])
async def test_a_response_that_nobody_works_on_any_more_has_failed(shelf: Shelf, status: str) -> None:
    await shelf.store.put(response(status=status, alive_until=shelf.clock.now + LEASE))
    shelf.clock.now += LEASE - 1
    await shelf.store.renew([id_of(1)])
    shelf.clock.now += LEASE - 1
    alive = await shelf.store.get("me", id_of(1))
    assert alive
    assert alive.status == status
    shelf.clock.now += 1
    dead = await shelf.store.get("me", id_of(1))
    assert dead
    assert (dead.status, dead.response["error"]["code"]) == ("failed", "gateway_stopped")
    assert [one.status for one in await shelf.store.chain("me", id_of(1))] == ["failed"]


async def test_many_at_once(shelf: Shelf) -> None:
    await asyncio.gather(*(shelf.store.put(response(number)) for number in range(30)))
    found = await asyncio.gather(*(shelf.store.get("me", id_of(number)) for number in range(30)))
    assert found == [response(number) for number in range(30)]


def test_own_ids_are_told_from_arks() -> None:
    assert is_own_response_id(id_of(2))
    assert not is_own_response_id("resp_02177494466149900bcc3116dfc56b9203b01425516f61b9ebd48")
    assert not is_own_response_id(id_of(1).removeprefix("resp_"))
    assert not is_own_response_id("resp_" + "G" * 32)


@given(st.text(max_size=40))
def test_no_other_text_is_an_own_id(text: str) -> None:
    assert not is_own_response_id(f"resp_{text}-")


def test_a_response_lasts_thirty_days_unless_told() -> None:
    assert expires_at({}, 1000.9) == 1000 + 30 * DAY
    assert expires_at({"expire_at": 1000 + DAY}, 1000.9) == 1000 + DAY


@pytest.mark.parametrize("seconds", [-1, 0, 1800, 31 * DAY])
def test_an_expiry_is_not_clamped(seconds: int) -> None:
    with pytest.raises(InvalidRequest, match=rf"{seconds} s; .* 3600 and 2592000 s") as refused:
        expires_at({"expire_at": 1_000_000 + seconds}, 1_000_000)
    assert refused.value.param == "expire_at"


@pytest.mark.parametrize("wrong", ["1760759307", 1.5, True, [], {}])
def test_an_expiry_is_a_whole_number(wrong: Any) -> None:
    with pytest.raises(InvalidRequest, match="Unix seconds") as refused:
        expires_at({"expire_at": wrong}, 0)
    assert (refused.value.param, refused.value.code) == ("expire_at", "invalid_type")
