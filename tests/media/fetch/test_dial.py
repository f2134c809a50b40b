"""Names and sockets of a fetch. What is refused stands in test_ssrf_table and test_ssrf_rows."""

import socket

import pytest

from gateway.media.fetch.dial import SystemResolver


async def test_the_system_resolver_answers() -> None:
    resolver = SystemResolver()
    try:
        answers = await resolver.resolve("localhost", 80, socket.AF_UNSPEC)
        assert {answer["host"] for answer in answers} <= {"127.0.0.1", "::1"}
        with pytest.raises(socket.gaierror):
            await resolver.resolve("no-such-name.invalid", 80, socket.AF_UNSPEC)
    finally:
        await resolver.close()
