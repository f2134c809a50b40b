"""Whether a backend would take a picture, judged from its header, and what must be done to it if not. PURE."""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from gateway.backends.media import ImageRules
from gateway.errors import InvalidRequest
from gateway.media.formats.header import Header


class Mend(NamedTuple):
    """What a converter has to achieve: one of ``formats``, no more than these pixels, side and bytes; and why."""

    formats: tuple[str, ...]
    max_pixels: int | None
    max_side: int | None
    max_bytes: int | None
    stills: bool
    why: str

    def orders(self, mime: str, budget: int) -> dict[str, Any]:
        wanted = {name: value for name, value in self._asdict().items() if name != "why"}
        return {**wanted, "mime": mime, "budget": budget}


class Violation(NamedTuple):
    """One limit that is passed: as the caller is told it, and what mends it."""

    code: str
    text: str
    remedy: str


def check_budget(header: Header, budget: int, param: str) -> None:
    """Refuses what would decode to more than ``budget`` pixels, all frames counted (`images.max_pixels`)."""
    pixels = header.pixels * max(header.frames, 1)
    if pixels > budget:
        frames = f" in {header.frames} frames" if header.frames > 1 else ""
        text = f"The picture has {pixels} pixels{frames}; at most {budget} are taken (images.max_pixels)."
        raise InvalidRequest(text, param=param, code="image_too_large")


def conform(
    header: Header,
    size: int,
    rules: ImageRules,
    *,
    title: str,
    by_id: bool,
    on_violation: Literal["fix", "reject"],
    param: str,
) -> Mend | None:
    """What mends a picture of ``size`` bytes for the backend ``title``; None where nothing has to.

    Raises InvalidRequest for what cannot be mended honestly, and with ``reject`` for every violation.
    """
    _check_shape(header, rules, title, param)
    violations = list(_violations(header, size, rules, title, by_id))
    if not violations:
        return None
    if on_violation == "reject":
        raise InvalidRequest(violations[0].text, param=param, code=violations[0].code)
    return Mend(
        tuple(sorted(rules.formats)),
        rules.max_pixels,
        rules.max_side,
        max_bytes(rules, by_id=by_id),
        rules.stills,
        ", ".join(violation.remedy for violation in violations),
    )


def max_bytes(rules: ImageRules, *, by_id: bool) -> int | None:
    """The most bytes that a picture may have, sent along or by its file id."""
    if by_id:
        return rules.max_uploaded
    encoded = None if rules.max_encoded is None else rules.max_encoded // 4 * 3
    return min((limit for limit in (rules.max_bytes, encoded) if limit is not None), default=None)


def encoded_size(size: int) -> int:
    """Characters of base64 for so many bytes."""
    return (size + 2) // 3 * 4


def _check_shape(header: Header, rules: ImageRules, title: str, param: str) -> None:
    """Too small and too elongated: more pixels would be made up, and fewer of one side would distort."""
    short, long = sorted((header.width, header.height))
    shape = f"The picture is {header.width}x{header.height} pixels"
    if rules.min_side is not None and short < rules.min_side:
        text = f"{shape}; {title} takes sides of at least {rules.min_side}."
        raise InvalidRequest(text, param=param, code="image_too_small")
    if rules.min_pixels is not None and header.pixels < rules.min_pixels:
        text = f"{shape}, {header.pixels} in all; {title} takes at least {rules.min_pixels}."
        raise InvalidRequest(text, param=param, code="image_too_small")
    if rules.max_ratio is not None and long > short * rules.max_ratio:
        text = f"{shape}, a ratio of {long / short:g}; {title} takes at most {rules.max_ratio} to 1."
        raise InvalidRequest(text, param=param, code="image_too_elongated")


def _violations(header: Header, size: int, rules: ImageRules, title: str, by_id: bool) -> Iterator[Violation]:
    if header.mime not in rules.formats:
        taken = ", ".join(sorted(name.removeprefix("image/") for name in rules.formats))
        text = f"The picture is {header.mime}; {title} takes {taken}."
        yield Violation("unsupported_image_format", text, f"{header.mime} is converted")
    if rules.stills and header.frames > 1:
        text = f"The picture has {header.frames} frames; {title} takes still pictures."
        yield Violation("animated_image", text, "the first frame is taken")
    if rules.max_pixels is not None and header.pixels > rules.max_pixels:
        figure = f"{header.width}x{header.height} = {header.pixels} pixels"
        text = f"The picture has {figure}; {title} takes at most {rules.max_pixels}."
        yield Violation("image_too_large", text, f"{figure} are scaled to at most {rules.max_pixels}")
    side = max(header.width, header.height)
    if rules.max_side is not None and side > rules.max_side:
        text = (
            f"The picture is {header.width}x{header.height}; {title} takes sides of at most {rules.max_side}."
        )
        yield Violation("image_too_large", text, f"the side of {side} is scaled to at most {rules.max_side}")
    yield from _too_heavy(size, rules, title, by_id)


def _too_heavy(size: int, rules: ImageRules, title: str, by_id: bool) -> Iterator[Violation]:
    largest = rules.max_uploaded if by_id else rules.max_bytes
    if largest is not None and size > largest:
        text = f"The picture has {size} bytes; {title} takes at most {largest}."
        yield Violation("image_too_large", text, f"{size} bytes are brought under {largest}")
    encoded = encoded_size(size)
    if not by_id and rules.max_encoded is not None and encoded > rules.max_encoded:
        text = f"The picture has {encoded} bytes as base64; {title} takes at most {rules.max_encoded}."
        yield Violation(
            "image_too_large", text, f"{encoded} bytes of base64 are brought under {rules.max_encoded}"
        )
