"""How much room a body needs before it is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.body import expected_size
from gateway.wire.headers import named

LIMIT = 1000


def expected(*values: bytes) -> int:
    headers = [(b"host", b"h"), *((b"content-length", value) for value in values)]
    return expected_size(named(headers), LIMIT)


@given(st.integers(0, 2 * LIMIT))
def test_it_is_what_is_declared(size: int) -> None:
    assert expected(str(size).encode()) == size


@pytest.mark.parametrize(
    "value", [b"", b"-5", b"1e3", b"0x10", b"5, 5", "\N{SUPERSCRIPT TWO}".encode("latin-1")]
)
def test_what_is_no_number_may_have_all_that_is_allowed(value: bytes) -> None:
    assert expected(value) == LIMIT


def test_a_chunked_body_may_have_all_that_is_allowed() -> None:
    assert expected() == LIMIT
