"""Admission: never more than there is room for, first come first served, and nobody who gives up takes a place along."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.admission import Admission, Ticket
from gateway.errors import GatewayError
from gateway.settings import Admission as Limits

REQUESTS, BYTES, PATIENCE = 3, 10, 5.0


class Clockwork(asyncio.SelectorEventLoop):
    """A loop whose time stands still until it is told otherwise, and which turns as often as it is told."""

    def __init__(self) -> None:
        self.now = 0.0
        super().__init__()

    def time(self) -> float:
        return self.now

    def turn(self) -> None:
        self.call_soon(self.stop)
        self.run_forever()


class Request:
    """One request, and since when it waits."""

    def __init__(self, admission: Admission, size: int, loop: Clockwork) -> None:
        self.size = size
        self.task = loop.create_task(self._enter(admission, loop))
        self.gone = False

    async def _enter(self, admission: Admission, loop: Clockwork) -> Ticket:
        self.since = loop.now
        return await admission.enter(self.size)

    @property
    def waits(self) -> bool:
        return not self.task.done()

    @property
    def is_inside(self) -> bool:
        return self.task.done() and not self.gone and not self.task.cancelled() and not self.task.exception()

    @property
    def ticket(self) -> Ticket:
        return self.task.result()


class Crowd(RuleBasedStateMachine):
    """Requests that come, grow, shrink, end, lose patience and are cancelled, with any number of turns between."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = Clockwork()
        self.complaints: list[object] = []
        self.loop.set_exception_handler(lambda _, context: self.complaints.append(context))
        self.admission = Admission(Limits(max_requests=REQUESTS, max_bytes=BYTES, queue_timeout=PATIENCE))
        self.came: list[Request] = []

    def inside(self) -> list[Request]:
        return [one for one in self.came if one.is_inside]

    def waiting(self) -> list[Request]:
        return [one for one in self.came if one.waits]

    @rule(size=st.integers(0, 2 * BYTES))
    def comes(self, size: int) -> None:
        self.came.append(Request(self.admission, size, self.loop))

    @rule(times=st.integers(1, 3))
    def turns(self, times: int) -> None:
        for _ in range(times):
            self.loop.turn()

    @rule(seconds=st.sampled_from([1.0, PATIENCE]))
    def time_passes(self, seconds: float) -> None:
        self.loop.now += seconds

    @precondition(lambda self: self.waiting())
    @rule(data=st.data())
    def is_cancelled(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from(self.waiting())).task.cancel()

    @precondition(lambda self: self.inside())
    @rule(data=st.data())
    def ends(self, data: st.DataObject) -> None:
        self.leave(data.draw(st.sampled_from(self.inside())))

    @precondition(lambda self: self.inside())
    @rule(data=st.data(), size=st.integers(0, 2 * BYTES))
    def is_resized(self, data: st.DataObject, size: int) -> None:
        data.draw(st.sampled_from(self.inside())).ticket.resize(size)

    @rule()
    def all_settles(self) -> None:
        """Who waits then has a reason to, and nobody who came later was let in before."""
        for _ in range(8):
            self.loop.turn()
        held = [one.ticket.size for one in self.inside()]
        waiting = self.waiting()
        assert all(self.loop.now - one.since < PATIENCE for one in waiting)
        if waiting:
            first = waiting[0]
            assert len(held) == REQUESTS or (held and sum(held) + first.size > BYTES)
            assert not any(one.is_inside for one in self.came[self.came.index(first) :])

    @invariant()
    def there_are_never_too_many(self) -> None:
        assert len(self.inside()) <= REQUESTS

    @invariant()
    def who_is_turned_away_is_told_why(self) -> None:
        for one in self.came:
            if one.task.done() and not one.task.cancelled() and (error := one.task.exception()):
                assert isinstance(error, GatewayError)
                assert error.code == "overloaded"

    def leave(self, one: Request) -> None:
        one.ticket.leave()
        one.gone = True

    def teardown(self) -> None:
        """All go, some in the very turn in which they are let in: then there is all the room that there was."""
        while self.waiting() or self.inside():
            for one in self.inside():
                self.leave(one)
            for one in self.waiting()[::2]:
                one.task.cancel()
            self.loop.turn()
        try:
            self.loop.run_until_complete(all_room(self.admission))
            assert self.complaints == []
        finally:
            self.loop.close()


async def all_room(admission: Admission) -> None:
    """Whether exactly as many enter at once as the limits say."""
    few = [await at_once(admission, 0) for _ in range(REQUESTS)]
    await has_to_wait(admission, 0)
    few.pop().leave()
    few.append(await at_once(admission, BYTES))
    few.pop(0).leave()
    await has_to_wait(admission, 1)
    for ticket in few:
        ticket.leave()


async def at_once(admission: Admission, size: int) -> Ticket:
    task = asyncio.create_task(admission.enter(size))
    await asyncio.sleep(0)
    assert task.done(), "it has to wait"
    return task.result()


async def has_to_wait(admission: Admission, size: int) -> None:
    task = await waits(admission, size)
    task.cancel()
    await asyncio.wait({task})


async def waits(admission: Admission, size: int) -> asyncio.Task[Ticket]:
    task = asyncio.create_task(admission.enter(size))
    await settle()
    assert not task.done(), "it was let in"
    return task


async def settle() -> None:
    """Lets everything run that can run now."""
    for _ in range(6):
        await asyncio.sleep(0)


TestCrowd = Crowd.TestCase
TestCrowd.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


@pytest.fixture
async def admission() -> AsyncIterator[Admission]:
    admission = Admission(Limits(max_requests=REQUESTS, max_bytes=BYTES, queue_timeout=60))
    yield admission
    await all_room(admission)


async def test_a_huge_one_is_let_in_alone_and_holds_up_those_behind_it(admission: Admission) -> None:
    small = await at_once(admission, 1)
    huge = await waits(admission, 100 * BYTES)
    behind = await waits(admission, 1)
    small.leave()
    ticket = await huge
    await settle()
    assert not behind.done()
    ticket.leave()
    (await behind).leave()


async def test_one_that_shrinks_lets_others_in(admission: Admission) -> None:
    ticket = await at_once(admission, BYTES)
    others = [await waits(admission, BYTES // 2) for _ in range(3)]
    ticket.resize(0)
    await settle()
    assert [other.done() for other in others] == [True, True, False]
    ticket.leave()
    for other in others:
        (await other).leave()


async def test_one_that_grows_waits_for_nobody_and_others_wait_the_longer(admission: Admission) -> None:
    one, other = await at_once(admission, 1), await at_once(admission, 1)
    one.resize(3 * BYTES)
    late = await waits(admission, 1)
    other.leave()
    await settle()
    assert not late.done()
    one.leave()
    (await late).leave()


async def test_who_waits_too_long_is_told_when_to_come_again() -> None:
    admission = Admission(Limits(max_requests=1, max_bytes=BYTES, queue_timeout=0.01))
    ticket = await at_once(admission, 7)
    with pytest.raises(GatewayError) as refused:
        await admission.enter(1)
    error = refused.value
    assert (error.status, error.code, error.headers()) == (503, "overloaded", {"retry-after": "1"})
    assert "1 requests with 7 bytes" in error.message
    assert "0.01 s" in error.message
    assert error.__cause__ is None
    ticket.leave()
    (await at_once(admission, BYTES)).leave()


@pytest.mark.parametrize("turns", range(5))
@pytest.mark.parametrize("order", ["leave first", "cancel first"])
async def test_one_that_is_cancelled_as_its_turn_comes_passes_it_on(
    admission: Admission, turns: int, order: str
) -> None:
    full = [await at_once(admission, 0) for _ in range(REQUESTS)]
    first, second = await waits(admission, 0), await waits(admission, 0)
    steps = [full.pop().leave, first.cancel]
    for step in steps if order == "leave first" else reversed(steps):
        step()
        for _ in range(turns):
            await asyncio.sleep(0)
    await settle()
    if first.cancelled():
        (await second).leave()
    else:
        (await first).leave()
        (await second).leave()
    for ticket in full:
        ticket.leave()
