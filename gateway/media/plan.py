"""What is done with a picture, video, audio or PDF, decided from what it points to and what the backend takes. PURE."""

from typing import Literal, NamedTuple

from gateway.backends.media import ClipRules, ImageRules, MediaRules
from gateway.errors import InvalidRequest
from gateway.media.fetch.guard import AllowList, Refused, parse_remote, redact
from gateway.settings import Images
from gateway.storage.files import is_own_id
from gateway.wire.media import Kind, MediaRef

NOUNS: dict[Kind, str] = {"image": "picture", "video": "video", "audio": "audio", "file": "PDF"}
_PLURALS: dict[Kind, str] = {"image": "pictures", "video": "video", "audio": "audio", "file": "PDF files"}
_READ = {
    "remote": "fetched",
    "data": "decoded",
    "base64": "decoded",
    "local": "read from disk",
    "file_id": "read from the gateway's files",
}


class Plan(NamedTuple):
    """``keep`` the part as it is, ``check`` a data URL that stays in it, or ``load`` the bytes and place them."""

    step: Literal["keep", "check", "load"]
    why: str


def rules_for(ref: MediaRef, title: str, media: MediaRules) -> ImageRules | ClipRules:
    """Raises InvalidRequest where the backend takes nothing of the kind, in no form."""
    rules = media.of(ref.kind)
    if rules is None:
        text = f"{title} takes no {_PLURALS[ref.kind]} here."
        raise InvalidRequest(text, param=ref.param, code=f"unsupported_{ref.kind}")
    return rules


def plan(
    ref: MediaRef, title: str, rules: ImageRules | ClipRules, settings: Images, allow: AllowList
) -> Plan:
    """Raises InvalidRequest for what this backend cannot get."""
    kind, value = ref.source
    if kind == "data" and isinstance(rules, ImageRules) and not rules.takes_file_ids:
        return Plan("check", "a data URL; its header is compared with what it declares and with the limits")
    if kind == "remote" and settings.remote == "forward" and rules.takes_urls and _is_public(ref, allow):
        return Plan("keep", f"images.remote is forward, and {title} fetches URLs itself")
    if kind == "file_id" and not is_own_id(str(value)):
        if rules.takes_file_ids:
            return Plan("keep", f"a file of {title}'s own")
        text = f"The file {value!r} is not one of this gateway's, and {title} takes no file ids here."
        raise InvalidRequest(text, param=ref.param, code="unsupported_file_id")
    if kind == "local" and not settings.local_roots:
        text = "Local files are not read here: the operator sets images.local_roots to allow it."
        raise InvalidRequest(text, param=ref.param, code="invalid_image_url")
    return Plan("load", f"{_READ[kind]}, then {_placed(ref.kind, title, rules, settings)}")


def upload_over(rules: ImageRules | ClipRules, settings: Images) -> int | None:
    """The size in bytes over which it goes by file id, at the latest where it could not be sent along; None where no
    size does."""
    if not rules.takes_file_ids:
        return None
    own = rules.upload_over if isinstance(rules, ClipRules) else None
    threshold = settings.upload_over if own is None else own
    return threshold if rules.max_bytes is None else min(threshold, rules.max_bytes)


def _placed(kind: Kind, title: str, rules: ImageRules | ClipRules, settings: Images) -> str:
    if isinstance(rules, ClipRules) and rules.as_pictures:
        return "shown as pictures of its frames" if kind == "video" else "shown as pictures of its pages"
    placed = "sent along as a data URL of its real type"
    threshold = upload_over(rules, settings)
    if threshold is None:
        return placed
    return f"referenced by file id where {title} has it or it is over {threshold} bytes, else {placed}"


def _is_public(ref: MediaRef, allow: AllowList) -> bool:
    """Whether a backend could fetch the URL: not what the operator opened inside his own network."""
    try:
        remote = parse_remote(str(ref.source.value), allow=allow)
    except Refused as refused:
        text = f"{redact(str(ref.source.value))} cannot be forwarded: {refused.reason}."
        raise InvalidRequest(text, param=ref.param, code="invalid_image_url") from refused
    return remote.host not in allow.names and not (remote.address and allow.covers(remote.address))
