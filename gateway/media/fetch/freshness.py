"""How long a fetched body may be served again: RFC 9111, as a cache shared by all callers reads it. Pure.

Whatever cannot be read counts as the stricter of its readings. All requests of the gateway have the same headers, so
of the ways in which a reply can vary only `*` matters.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from multidict import MultiMapping

Fields = Mapping[str, str]  # by names in lower case

FIELDS = ("age", "cache-control", "date", "etag", "expires", "last-modified", "vary")
FOREVER = 2**31  # what the RFC has a larger number read as
DATES = ("%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y")

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"  # noqa: S105
_DIRECTIVE = re.compile(
    rf'[ \t]*+(?:(?P<name>{_TOKEN})(?:=(?:(?P<token>{_TOKEN})|"(?P<quoted>(?:[^"\\]|\\.)*+)"))?+)?+[ \t]*+(?:,|$)'
)
_ETAG = re.compile(r'(?P<weak>W/)?(?P<tag>"[\x21\x23-\x7e]*")')
_SECONDS = re.compile(r"[0-9]+")


def relevant(headers: MultiMapping[str]) -> Fields:
    """The headers that decide, each as one line."""
    return {name: ", ".join(headers.getall(name)) for name in FIELDS if name in headers}


def lifetime(fields: Fields) -> int | None:
    """Seconds for which a reply may be served again; 0 where the server must be asked, None where it is not kept."""
    directives = _directives(fields.get("cache-control", ""))
    if directives is None or directives.keys() & {"no-store", "private"}:
        return None
    if "*" in re.split(r"[ \t,]+", fields.get("vary", "")):
        return None
    age = _seconds(fields["age"], FOREVER) if "age" in fields else 0
    seconds = 0 if "no-cache" in directives else max(0, _explicit(directives, fields) - age)
    return seconds if seconds or conditions(fields) else None


def conditions(fields: Fields) -> dict[str, str]:
    """The request headers that ask whether a reply is still the current one."""
    etag, modified = fields.get("etag", ""), fields.get("last-modified", "")
    asked = {"If-None-Match": etag} if _ETAG.fullmatch(etag) else {}
    return asked | ({"If-Modified-Since": modified} if modified.isascii() and _date(modified) else {})


def is_same(kept: Fields, told: Fields) -> bool:
    """Whether a 304 speaks of the version that is kept: it may name none, but no other."""
    return all(
        _version(name, told[name]) == _version(name, kept.get(name, ""))
        for name in ("etag", "last-modified")
        if name in told
    )


def renewed(kept: Fields, told: Fields) -> Fields:
    """The headers after a 304. Age and Date were those of the earlier reply."""
    return {name: value for name, value in kept.items() if name not in ("age", "date")} | dict(told)


def _directives(text: str) -> dict[str, str] | None:
    """Read Cache-Control; None where it is malformed, as any directive might stand there.

    A directive with two values has none.
    """
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        match = _DIRECTIVE.match(text, at)
        if match is None:
            return None
        if match["name"]:
            name, value = match["name"].lower(), match["token"] or match["quoted"] or ""
            found[name] = value if found.get(name, value) == value else ""
        at = match.end()
    return found


def _explicit(directives: Mapping[str, str], fields: Fields) -> int:
    for name in ("s-maxage", "max-age"):
        if name in directives:
            return _seconds(directives[name], 0)
    expires, date = _date(fields.get("expires", "")), _date(fields.get("date", ""))
    return int((expires - date).total_seconds()) if expires and date else 0


def _seconds(text: str, otherwise: int) -> int:
    if not _SECONDS.fullmatch(text):
        return otherwise
    digits = text.lstrip("0") or "0"
    return min(int(digits), FOREVER) if len(digits) <= len(str(FOREVER)) else FOREVER


def _date(text: str) -> datetime | None:
    for form in DATES:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None


def _version(name: str, value: str) -> str:
    """A validator for comparison: servers on the way make an ETag weak without another version."""
    return value.removeprefix("W/") if name == "etag" else value
