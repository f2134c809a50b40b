"""Each test runs on both event loops, and leaves no socket behind."""

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

import pytest
import uvloop

from gateway.http1.pool import Pool


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": asyncio.SelectorEventLoop, "uvloop": uvloop.new_event_loop}


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    pool = Pool()
    yield pool
    pool.close()


@pytest.fixture(autouse=True)
def no_socket_left() -> Iterator[None]:
    """Counted where the system tells; everywhere, a transport that was not closed is a ResourceWarning."""
    before = sockets()
    yield
    if sockets() > before:
        gc.collect()  # what is only not collected yet; after each test it would take half of the suite's time
    assert sockets() <= before


def sockets() -> int:
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        return 0
    links = []
    for descriptor in folder.iterdir():
        try:
            links.append(os.readlink(descriptor))
        except FileNotFoundError:  # the folder's own
            continue
    return sum(link.startswith("socket:") for link in links)
