"""A world of servers for each test, closed after it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from tests.media.fetch.servers import World


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        yield World(stack)
