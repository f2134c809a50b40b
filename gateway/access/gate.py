"""The gate: from a request's headers to its principal, in the three access modes."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol
from urllib.parse import urlsplit

from gateway.errors import GatewayError
from gateway.routing import matcher
from gateway.settings import Access, is_loopback
from gateway.wire.headers import Headers, find

_ALL = ("*",)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls. ``owner`` is who files belong to; ``upstream_key`` the caller's own key, in passthrough mode."""

    name: str
    owner: str
    models: tuple[str, ...] = _ALL
    upstream_key: str | None = None

    def may_use(self, model: str) -> bool:
        return self.models == _ALL or any(matcher(pattern)(model) for pattern in self.models)

    def __repr__(self) -> str:
        return f"Principal({self.name!r})"


class Gate(Protocol):
    """Lets a request in, or raises GatewayError with 401 or 403."""

    def admit(self, headers: Headers) -> Principal: ...


def gate(settings: Access) -> Gate:
    if settings.mode == "keys":
        return KeyGate(settings)
    return PassthroughGate() if settings.mode == "passthrough" else OpenGate()


class OpenGate:
    """Anyone on this machine. A web page in a browser here is not anyone: it must not reach the gateway by a
    name that was pointed at 127.0.0.1 (DNS rebinding), nor from its own origin."""

    _ANYONE = Principal("local", "local")

    def admit(self, headers: Headers) -> Principal:
        host, origin = find(headers, b"host"), find(headers, b"origin")
        if host is not None and not _names_loopback(f"//{host}"):
            raise _forbidden("In open access mode the gateway answers under localhost and 127.0.0.1 only.")
        if origin is not None and not _names_loopback(origin):
            raise _forbidden("In open access mode no web page of another origin may call the gateway.")
        return self._ANYONE


class KeyGate:
    """Static keys, looked up by their SHA-256: how long that takes tells nothing of a key."""

    def __init__(self, settings: Access) -> None:
        self._principals = {
            _digest(key.key.get_secret_value()): Principal(key.name, _owner(key.team, key.name), key.models)
            for key in settings.keys
        }

    def admit(self, headers: Headers) -> Principal:
        principal = self._principals.get(_digest(_bearer(headers)))
        if principal is None:
            raise _unauthorized("The API key is not valid here.")
        return principal


class PassthroughGate:
    """The caller's own key goes upstream; whether it is good, the backend says."""

    def admit(self, headers: Headers) -> Principal:
        key = _bearer(headers)
        digest = _digest(key).hex()
        return Principal(f"caller-{digest[:8]}", f"caller:{digest[:48]}", upstream_key=key)


def _owner(team: str | None, name: str) -> str:
    return f"team:{team}" if team else f"key:{name}"


def _bearer(headers: Headers) -> str:
    scheme, _, token = (find(headers, b"authorization") or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise _unauthorized("No API key: send it as `Authorization: Bearer KEY`.")
    return token.strip()


@lru_cache(maxsize=1024)
def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def _names_loopback(url: str) -> bool:
    try:
        return is_loopback(urlsplit(url).hostname or "")
    except ValueError:
        return False


def _unauthorized(message: str) -> GatewayError:
    return GatewayError(401, message, type="authentication_error", code="invalid_api_key")


def _forbidden(message: str) -> GatewayError:
    return GatewayError(403, message, type="permission_error", code="forbidden")
