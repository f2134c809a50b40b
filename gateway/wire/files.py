"""The Files API's words: what the text fields of a form ask for, and Ark's file object in OpenAI's terms."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from gateway.errors import InvalidRequest

Json = dict[str, Any]

_DAY = 86400
_DEFAULT_DAYS, _MAX_DAYS = 7, 30
_SKEW = 60  # seconds by which a caller's clock and the way here may make "in one day" less
_ANCHOR, _SECONDS, _EXPIRE_AT = "expires_after[anchor]", "expires_after[seconds]", "expire_at"
_NUMBER = re.compile(r"\d{1,9}(\.\d{1,9})?", re.ASCII)
_SETTING = re.compile(r"preprocess_configs\[video\]\[(\w+)\]", re.ASCII)
_LONGEST_MODEL = 128
_STATUS = {"processing": "uploaded", "active": "processed", "failed": "error"}


class _Range(NamedTuple):
    least: float
    most: float
    whole: bool = True


_VIDEO = {
    "fps": _Range(0.2, 5, whole=False),
    "max_video_tokens": _Range(10240, 204800),
    "min_frame_tokens": _Range(16, 128),
    "max_frame_tokens": _Range(128, 640),
    "min_frames": _Range(5, 16),
}


def expiry(fields: Mapping[str, str], now: int) -> int:
    """Unix seconds from OpenAI's ``expires_after`` or Ark's ``expire_at``: 1 to 30 days from now, 7 unless said.

    Raises InvalidRequest.
    """
    param = _expiry_param(fields)
    if param is None:
        return now + _DEFAULT_DAYS * _DAY
    text = fields.get(param, "")
    if not text.isdecimal():
        raise InvalidRequest(
            f"`{param}` must be a whole number of seconds.", param=param, code="invalid_type"
        )
    seconds = int(text) - now if param == _EXPIRE_AT else int(text)
    if not _DAY - _SKEW <= seconds <= _MAX_DAYS * _DAY + _SKEW:
        message = f"The file would expire in {seconds} s; it must be between {_DAY} and {_MAX_DAYS * _DAY} s (1 to 30 days)."
        raise InvalidRequest(message, param=param, code="invalid_value")
    return now + seconds


def _expiry_param(fields: Mapping[str, str]) -> str | None:
    anchor = fields.get(_ANCHOR)
    if anchor is not None and anchor != "created_at":
        text = f"`{_ANCHOR}` must be created_at: a file's time begins when it is made."
        raise InvalidRequest(text, param=_ANCHOR, code="invalid_value")
    relative = anchor is not None or _SECONDS in fields
    if relative and fields.get(_EXPIRE_AT):
        text = f"`{_EXPIRE_AT}` and `expires_after` say the same in two ways; send one of them."
        raise InvalidRequest(text, param=_EXPIRE_AT, code="invalid_value")
    if relative:
        return _SECONDS
    return _EXPIRE_AT if fields.get(_EXPIRE_AT) else None


def preprocess_configs(fields: Mapping[str, str]) -> Json | None:
    """Ark's settings for a video, from fields such as ``preprocess_configs[video][fps]``; None where there are none.

    Raises InvalidRequest with the field as ``param``.
    """
    video = {}
    for param, text in fields.items():
        if param.startswith("preprocess_configs"):
            found = _SETTING.fullmatch(param)
            name = found[1] if found else ""
            video[name] = _video_setting(param, name, text)
    return {"video": video} if video else None


def _video_setting(param: str, name: str, text: str) -> float | str:
    if name == "model":
        if not 1 <= len(text) <= _LONGEST_MODEL:
            message = f"`{param}` must have 1 to {_LONGEST_MODEL} characters, not {len(text)}."
            raise InvalidRequest(message, param=param, code="invalid_value")
        return text
    if name not in _VIDEO:
        message = (
            f"`{param[:100]}` is not known; preprocess_configs[video] takes {', '.join([*_VIDEO, 'model'])}."
        )
        raise InvalidRequest(message, param=param[:100], code="unknown_parameter")
    return _number(param, text, _VIDEO[name])


def _number(param: str, text: str, limits: _Range) -> float:
    number = float(text) if _NUMBER.fullmatch(text) else None
    if number is None or (limits.whole and not number.is_integer()):
        kind = "a whole number" if limits.whole else "a number"
        raise InvalidRequest(f"`{param}` must be {kind}.", param=param, code="invalid_type")
    if not limits.least <= number <= limits.most:
        message = f"`{param}` must be between {limits.least:g} and {limits.most:g}, not {number:g}."
        raise InvalidRequest(message, param=param, code="invalid_value")
    return int(number) if number.is_integer() else number


def as_openai(file: Json) -> Json:
    """Ark's file object in OpenAI's terms; fields that OpenAI does not have stay."""
    told = {"expires_at" if name == _EXPIRE_AT else name: value for name, value in file.items()}
    status = file.get("status")
    if isinstance(status, str):
        told["status"] = _STATUS.get(status, status)
    return told
