"""Only headers that are meant to travel do, in either direction."""

import pytest

from gateway.wire import headers


@pytest.mark.parametrize(
    "name",
    [
        "ark-beta-image-process",
        "ark-beta-anything-new",
        "x-client-request-id",
        "x-prompt-cache-id",
        "x-is-encrypted",
    ],
)
def test_arks_own_headers_go_up(name: str) -> None:
    assert headers.to_upstream({name.encode(): b"v"}) == {name: "v"}


@pytest.mark.parametrize(
    "name",
    [
        "authorization",
        "proxy-authorization",
        "cookie",
        "host",
        "connection",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "content-length",
        "content-encoding",
        "accept-encoding",
        "x-forwarded-for",
        "x-api-key",
        "x-stainless-lang",
        "x-ark-beta-image-process",
        "made-up",
    ],
)
def test_credentials_hops_and_strangers_stay_behind(name: str) -> None:
    assert headers.to_upstream({name.encode(): b"v"}) == {}


@pytest.mark.parametrize(
    "name",
    [
        "retry-after",
        "retry-after-ms",
        "x-should-retry",
        "x-client-request-id",
        "x-tt-logid",
        "x-ratelimit-remaining",
    ],
)
def test_what_the_caller_can_use_goes_down(name: str) -> None:
    assert headers.to_caller({name: "v"}) == {name: "v"}


@pytest.mark.parametrize(
    "name",
    [
        "set-cookie",
        "content-encoding",
        "content-length",
        "transfer-encoding",
        "server",
        "connection",
        "content-type",
        "x-arkway-model",
    ],
)
def test_the_backends_own_business_does_not(name: str) -> None:
    assert headers.to_caller({name: "v"}) == {}


def test_the_backends_request_id_goes_down_under_a_name_of_its_own() -> None:
    assert headers.to_caller({"x-request-id": "0217"}) == {"x-upstream-request-id": "0217"}


def test_a_header_is_found_by_its_name_and_the_first_counts() -> None:
    given = headers.named([(b"host", b"a"), (b"origin", b"\xe9"), (b"host", b"b")])
    assert headers.find(given, b"host") == "a"
    assert headers.find(given, b"origin") == "é"
    assert headers.find(given, b"cookie") is None
