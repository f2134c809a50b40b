"""Where a base URL leads."""

from typing import NamedTuple
from urllib.parse import urlsplit


class Origin(NamedTuple):
    """The host and port to connect to, what the Host header says, and what stands before each path."""

    host: str
    port: int
    tls: bool
    authority: str
    root: str

    @classmethod
    def of(cls, base: str) -> "Origin":
        """Raises ValueError with what is wrong; it repeats nothing of the URL, which may be a key put there."""
        if not base.isprintable() or " " in base:
            raise ValueError("holds a space or a control character")
        try:
            url = urlsplit(base)
            host, port = url.hostname, url.port
            host = host if host is None or host.isascii() else host.encode("idna").decode()
        except ValueError:
            raise ValueError("has a host or a port that is none") from None
        if url.scheme not in ("http", "https") or not host:
            raise ValueError("must be an http(s) URL")
        if "@" in url.netloc:
            raise ValueError("holds a user name; a key belongs in api_key")
        if "?" in base or "#" in base or not url.path.isascii():
            raise ValueError("has more than a host, a port and a percent-encoded path")
        tls = url.scheme == "https"
        literal = f"[{host}]" if ":" in host else host
        authority = literal if port is None else f"{literal}:{port}"
        return cls(host, (443 if tls else 80) if port is None else port, tls, authority, url.path)
