"""Answers as they come over the wire, with what is to become of them. ``+`` in a name: more than the answer came."""

from dataclasses import dataclass

from gateway.http1.connection import Broken

from .servers import Told


@dataclass(frozen=True)
class Case:
    """``kept``: the next request may go over the same connection; ``close``: the server ends it after the bytes."""

    raw: bytes
    told: Told | type[Broken]
    kept: bool = False
    close: bool = False


def _head(*lines: str, status: str = "HTTP/1.1 200 OK") -> bytes:
    return "".join(f"{line}\r\n" for line in (status, *lines, "")).encode("latin-1")


def _told(body: bytes = b"hi", status: int = 200, **headers: str) -> Told:
    return Told(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


_SIZED = _head("content-length: 2")
_CHUNKED = _head("transfer-encoding: chunked")
_TWO = _told(content_length="2")
_PARTS = _told(transfer_encoding="chunked")
_NOT = "HTTP/1.1 {} No"


def _sized(*lines: str, **more: str) -> bytes:
    return _head(*lines, "content-length: 2", **more) + b"hi"


def _chunked(rest: bytes) -> bytes:
    return _CHUNKED + rest


GOOD = {
    "length": Case(_SIZED + b"hi", _TWO, kept=True),
    "length of nothing": Case(_head("content-length: 0"), _told(b"", content_length="0"), kept=True),
    "chunks": Case(_chunked(b"1\r\nh\r\n1\r\ni\r\n0\r\n\r\n"), _PARTS, kept=True),
    "chunked in capitals": Case(
        _head("Transfer-Encoding: Chunked") + b"2\r\nhi\r\n0\r\n\r\n",
        _told(transfer_encoding="Chunked"),
        kept=True,
    ),
    "chunk extensions": Case(_chunked(b'2;a=b;c="d e"\r\nhi\r\n0;x\r\n\r\n'), _PARTS, kept=True),
    "trailers are no headers": Case(
        _head("transfer-encoding: chunked", "x-a: first")
        + b"2\r\nhi\r\n0\r\nx-a: second\r\ncontent-type: text/evil\r\n\r\n",
        _told(transfer_encoding="chunked", x_a="first"),
        kept=True,
    ),
    "neither, ended by the connection": Case(_head() + b"hi", _told(), close=True),
    "neither, ended by the connection, empty": Case(_head(), _told(b""), close=True),
    "no reason phrase": Case(_sized(status="HTTP/1.1 200"), _TWO, kept=True),
    "line breaks before": Case(b"\r\n\r\n" + _SIZED + b"hi", _TWO, kept=True),
    "header without a value": Case(_sized("x-a:"), _told(x_a="", content_length="2"), kept=True),
    "header bytes beyond ASCII": Case(
        _sized("x-a: caf\xe9 \xff"), _told(x_a="caf\xe9 \xff", content_length="2"), kept=True
    ),
    "header names in any case": Case(
        _sized("X-Request-ID: A"), _told(x_request_id="A", content_length="2"), kept=True
    ),
    "of equal headers the last": Case(
        _sized("x-a: 1", "x-a: 2"), _told(x_a="2", content_length="2"), kept=True
    ),
    "connection: close": Case(_sized("connection: close"), _told(connection="close", content_length="2")),
    "HTTP/1.0": Case(_sized(status="HTTP/1.0 200 OK"), _TWO),
    "HTTP/1.0 kept alive": Case(
        _sized("connection: keep-alive", status="HTTP/1.0 200 OK"),
        _told(connection="keep-alive", content_length="2"),
        kept=True,
    ),
    "HTTP/1.0 with chunks is not kept": Case(
        _head("connection: keep-alive", "transfer-encoding: chunked", status="HTTP/1.0 200 OK")
        + b"2\r\nhi\r\n0\r\n\r\n",
        _told(connection="keep-alive", transfer_encoding="chunked"),
    ),
    "HTTP/1.0 ended by the connection": Case(_head(status="HTTP/1.0 200 OK") + b"hi", _told(), close=True),
    "204": Case(_head(status=_NOT.format(204)), _told(b"", 204), kept=True),
    "204 that offers another protocol": Case(
        _head("connection: upgrade", "upgrade: h2c", status=_NOT.format(204)),
        _told(b"", 204, connection="upgrade", upgrade="h2c"),
        kept=True,
    ),
    "304 with a length": Case(
        _head("content-length: 9", status=_NOT.format(304)), _told(b"", 304, content_length="9"), kept=True
    ),
    "200 that offers another protocol": Case(
        _sized("connection: upgrade", "upgrade: h2c"),
        _told(connection="upgrade", upgrade="h2c", content_length="2"),
        kept=True,
    ),
    "error with a body": Case(
        _sized(status=_NOT.format(429)), _told(status=429, content_length="2"), kept=True
    ),
    "redirection is not followed": Case(
        _sized("location: http://127.0.0.1:1/", status=_NOT.format(307)),
        _told(status=307, location="http://127.0.0.1:1/", content_length="2"),
        kept=True,
    ),
    "100 before": Case(_head(status=_NOT.format(100)) + _SIZED + b"hi", _TWO, kept=True),
    "102, 103 and 104 before, their headers forgotten": Case(
        b"".join(_head("x-a: no", status=_NOT.format(code)) for code in (102, 103, 104)) + _SIZED + b"hi",
        _TWO,
        kept=True,
    ),
}

MORE = {
    "+ bytes": Case(_SIZED + b"hiX", _TWO),
    "+ bytes after connection: close": Case(
        _sized("connection: close") + b"X", _told(connection="close", content_length="2")
    ),
    "+ bytes after chunks": Case(_chunked(b"2\r\nhi\r\n0\r\n\r\nX"), _PARTS),
    "+ bytes after 204": Case(_head(status=_NOT.format(204)) + b"hi", _told(b"", 204)),
    "+ a second answer": Case(_SIZED + b"hi" + _SIZED + b"ho", _TWO),
    "+ half a second answer": Case(_SIZED + b"hi" + _SIZED[:20], _TWO),
    "+ an interim answer": Case(_SIZED + b"hi" + _head(status=_NOT.format(100)), _TWO),
}

BAD = {
    "nothing": Case(b"", Broken, close=True),
    "no HTTP": Case(b"220 mail.example.com ESMTP\r\n", Broken),
    "a request": Case(b"GET / HTTP/1.1\r\n\r\n", Broken),
    "half a status line": Case(b"HTTP/1.1 20", Broken, close=True),
    "half the headers": Case(_SIZED[:-4], Broken, close=True),
    "only an interim answer": Case(_head(status=_NOT.format(100)), Broken, close=True),
    "103 with a length": Case(_head("content-length: 2", status=_NOT.format(103)) + _SIZED + b"hi", Broken),
    "104 with a length and a body": Case(
        _head("content-length: 2", status=_NOT.format(104)) + b"hi" + _SIZED + b"ho", Broken
    ),
    "100 with chunks": Case(
        _head("transfer-encoding: chunked", status=_NOT.format(100)) + _SIZED + b"hi", Broken
    ),
    "101": Case(_head("connection: upgrade", "upgrade: h2c", status=_NOT.format(101)) + b"hi", Broken),
    "101 without its headers": Case(_head(status=_NOT.format(101)) + b"hi", Broken),
    "status of two digits": Case(_sized(status=_NOT.format(99)), Broken),
    "status of four digits": Case(_sized(status=_NOT.format(2000)), Broken),
    "status 000": Case(_sized(status=_NOT.format("000")), Broken),
    "status 099 and an answer after it": Case(_sized(status=_NOT.format("099")) + _SIZED + b"ho", Broken),
    "length and chunks": Case(
        _head("content-length: 2", "transfer-encoding: chunked") + b"2\r\nhi\r\n0\r\n\r\n", Broken
    ),
    "chunks and length": Case(
        _head("transfer-encoding: chunked", "content-length: 2") + b"2\r\nhi\r\n0\r\n\r\n", Broken
    ),
    "two lengths": Case(_head("content-length: 2", "content-length: 3") + b"hi", Broken),
    "one length twice": Case(_head("content-length: 2", "content-length: 2") + b"hi", Broken),
    "lengths in one header": Case(_head("content-length: 2, 2") + b"hi", Broken),
    **{
        f"length {value!r}": Case(_head(f"content-length: {value}") + b"hi", Broken)
        for value in ("-2", "+2", "0x2", "two", "", "99999999999999999999999")
    },
    "space before the colon": Case(_head("content-length : 2") + b"hi", Broken),
    "header without a colon": Case(_sized("nothing"), Broken),
    "header over two lines": Case(_sized("x-a: b", " c"), Broken),
    "NUL in a header": Case(_sized("x-a: \0"), Broken),
    "carriage return in a header": Case(_sized("x-a: a\rb"), Broken),
    "lines that end with LF alone": Case(b"HTTP/1.1 200 OK\ncontent-length: 2\n\nhi", Broken),
    **{
        f"transfer-encoding {value!r}": Case(
            _head(f"transfer-encoding: {value}") + b"2\r\nhi\r\n0\r\n\r\n", Broken, close=True
        )
        for value in ("gzip", "gzip, chunked", "chunked, gzip", "identity", "xchunked")
    },
    **{
        f"chunk size {size!r}": Case(_chunked(size.encode() + b"\r\nhi\r\n0\r\n\r\n"), Broken)
        for size in ("zz", "-2", "0x2", "", "2 ", "f" * 20)
    },
    "chunk longer than its size": Case(_chunked(b"2\r\nhix\r\n0\r\n\r\n"), Broken),
    "chunk size ended by LF alone": Case(_chunked(b"2\nhi\r\n0\r\n\r\n"), Broken),
    "LF alone in a chunk extension": Case(_chunked(b"2;a\nhi\r\n0\r\n\r\n"), Broken),
    "shorter than its length": Case(_SIZED + b"h", Broken, close=True),
    "chunks without the last": Case(_chunked(b"2\r\nhi\r\n"), Broken, close=True),
    "half a chunk": Case(_chunked(b"9\r\nhi"), Broken, close=True),
    "half a trailer": Case(_chunked(b"2\r\nhi\r\n0\r\nx-a: "), Broken, close=True),
}

CASES = {**GOOD, **MORE, **BAD}
