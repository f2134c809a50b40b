"""Base URLs: where they lead, and those that lead nowhere."""

import pytest

from gateway.http1.origin import Origin


@pytest.mark.parametrize(
    ("base", "host", "port", "tls", "authority", "root"),
    [
        ("http://h", "h", 80, False, "h", ""),
        ("https://h", "h", 443, True, "h", ""),
        ("https://h:8443/api/v3", "h", 8443, True, "h:8443", "/api/v3"),
        ("https://h:443/v1", "h", 443, True, "h:443", "/v1"),
        ("http://127.0.0.1:1/v1", "127.0.0.1", 1, False, "127.0.0.1:1", "/v1"),
        ("http://[::1]/v1", "::1", 80, False, "[::1]", "/v1"),
        ("https://[2001:DB8::1]:8443/v1", "2001:db8::1", 8443, True, "[2001:db8::1]:8443", "/v1"),
        ("https://Ark.CN-Beijing.volces.com/api/v3", "ark.cn-beijing.volces.com", 443, True, "ark.cn-beijing.volces.com", "/api/v3"),
        ("https://bücher.example/v1", "xn--bcher-kva.example", 443, True, "xn--bcher-kva.example", "/v1"),
        ("https://h/caf%C3%A9", "h", 443, True, "h", "/caf%C3%A9"),
        ("http://h:0", "h", 0, False, "h:0", ""),
    ],
)  # fmt: skip
def test_parts(base: str, host: str, port: int, tls: bool, authority: str, root: str) -> None:
    assert Origin.of(base) == (host, port, tls, authority, root)


@pytest.mark.parametrize(
    ("base", "reason"),
    [
        ("h/v1", "must be an http"),
        ("localhost:8080", "must be an http"),
        ("ftp://h", "must be an http"),
        ("http://", "must be an http"),
        ("http:///v1", "must be an http"),
        ("http://:8080", "must be an http"),
        ("", "must be an http"),
        ("http://h:port/v1", "a host or a port that is none"),
        ("http://h:70000/v1", "a host or a port that is none"),
        ("http://[::1/v1", "a host or a port that is none"),
        ("http://[::g]/v1", "a host or a port that is none"),
        (f"http://{'é' * 64}.example", "a host or a port that is none"),
        ("https://user:SECRET@h/v1", "a user name"),
        ("https://SECRET@h/v1", "a user name"),
        ("https://h/v1?key=SECRET", "more than a host"),
        ("https://h/v1#SECRET", "more than a host"),
        ("https://h/café", "more than a host"),
        ("https://h/a b", "a space"),
        (" https://h", "a space"),
        ("https://h/\r\nx-evil: 1", "a control character"),
        ("https://h\n", "a control character"),
        ("https://h/\x7f", "a control character"),
    ],
)
def test_what_leads_nowhere_is_told_without_the_url(base: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        Origin.of(base)
    assert "SECRET" not in repr(caught.value)
    assert caught.value.__cause__ is None
