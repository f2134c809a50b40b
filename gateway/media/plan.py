"""What is done with a picture, decided from what it points to and what the backend takes. Pure."""

from typing import Literal, NamedTuple

from gateway.backends.base import Backend, ImageRules
from gateway.errors import InvalidRequest
from gateway.media.guard import AllowList, Refused, parse_remote, redact
from gateway.settings import Images
from gateway.storage.files import is_own_id
from gateway.wire.media import MediaRef

_SOURCES = {
    "remote": "fetched",
    "data": "decoded",
    "base64": "decoded",
    "local": "read from disk",
    "file_id": "read from the gateway's files",
}


class Plan(NamedTuple):
    """``keep`` the part as it is, ``check`` a data URL that stays inline, or ``load`` the bytes and place them."""

    step: Literal["keep", "check", "load"]
    why: str


def plan(ref: MediaRef, backend: Backend, rules: ImageRules, settings: Images, allow: AllowList) -> Plan:
    """Raises InvalidRequest for a picture that this backend cannot get."""
    kind, value = ref.source
    if kind == "data" and not rules.takes_file_ids:
        return Plan("check", "a data URL; its declared type is compared with what it really is")
    if kind == "remote" and settings.remote == "forward" and rules.takes_urls and _is_public(ref, allow):
        return Plan("keep", f"images.remote is forward, and {backend.title} fetches URLs itself")
    if kind == "file_id" and not is_own_id(value):
        if rules.takes_file_ids:
            return Plan("keep", f"a file of {backend.title}'s own")
        text = f"The file {value!r} is not one of this gateway's, and {backend.title} takes no file ids here."
        raise InvalidRequest(text, param=ref.param, code="unsupported_file_id")
    placed = "inlined as a data URL of its real type"
    if rules.takes_file_ids:
        placed = f"referenced by file id where {backend.title} has it or it is over {settings.upload_over} bytes, else {placed}"
    return Plan("load", f"{_SOURCES[kind]}, then {placed}")


def _is_public(ref: MediaRef, allow: AllowList) -> bool:
    """Whether a backend could fetch the URL: not what the operator opened inside his own network."""
    try:
        remote = parse_remote(ref.source.value, allow=allow)
    except Refused as refused:
        text = f"{redact(ref.source.value)} cannot be forwarded: {refused.reason}."
        raise InvalidRequest(text, param=ref.param, code="invalid_image_url") from refused
    return remote.host not in allow.names and not (remote.address and allow.covers(remote.address))
