"""What a backend would refuse of a picture: every limit, just inside and just beyond, and what is ordered to mend it."""

import base64
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.backends.ark_media import MEDIA
from gateway.backends.media import MB, ImageRules, pictures
from gateway.backends.modelarts import ModelArts
from gateway.errors import InvalidRequest
from gateway.media.conform import Mend, check_budget, conform, encoded_size, max_bytes
from gateway.media.formats.header import Header

TITLE = "The backend"
PARAM = "input[0].content[1].image_url"
NAMES = ("png", "jpeg", "gif", "heic")


def judged(
    header: Header,
    size: int,
    rules: ImageRules,
    *,
    by_id: bool = False,
    on_violation: Literal["fix", "reject"] = "fix",
) -> Mend | InvalidRequest | None:
    try:
        return conform(header, size, rules, title=TITLE, by_id=by_id, on_violation=on_violation, param=PARAM)
    except InvalidRequest as error:
        return error


def beyond(header: Header, size: int, rules: ImageRules, *, by_id: bool) -> dict[str, tuple[Any, Any]]:
    """The limits that a picture passes, by their names, each with the figure that passes it."""
    short, long = sorted((header.width, header.height))
    text = len(base64.b64encode(bytes(size)))
    figures = {
        "min_side": (rules.min_side, short, -1),
        "min_pixels": (rules.min_pixels, header.width * header.height, -1),
        "max_ratio": (rules.max_ratio, long / short, 1),
        "max_pixels": (rules.max_pixels, header.width * header.height, 1),
        "max_side": (rules.max_side, long, 1),
        "max_bytes": (None if by_id else rules.max_bytes, size, 1),
        "max_encoded": (None if by_id else rules.max_encoded, text, 1),
        "max_uploaded": (rules.max_uploaded if by_id else None, size, 1),
        "stills": (1 if rules.stills else None, header.frames, 1),
    }
    passed = {
        name: (limit, figure)
        for name, (limit, figure, sign) in figures.items()
        if limit is not None and sign * figure > sign * limit
    }
    if header.mime not in rules.formats:
        passed["formats"] = (sorted(rules.formats)[0].removeprefix("image/"), header.mime)
    return passed


HOPELESS = ("min_side", "min_pixels", "max_ratio")
some = st.none() | st.integers(1, 40)
rules_of = st.builds(
    ImageRules,
    formats=st.sets(st.sampled_from(sorted(pictures(*NAMES))), min_size=1).map(frozenset),
    takes_file_ids=st.booleans(),
    max_bytes=some,
    max_encoded=st.none() | st.integers(4, 60),
    max_uploaded=some,
    min_pixels=some,
    max_pixels=st.none() | st.integers(1, 400),
    min_side=some,
    max_side=some,
    max_ratio=st.none() | st.integers(1, 5),
    stills=st.booleans(),
)
headers = st.builds(
    Header,
    st.sampled_from(sorted(pictures(*NAMES))),
    st.integers(1, 50),
    st.integers(1, 50),
    st.integers(1, 3),
)
sizes = st.integers(1, 50)


@given(headers, sizes, rules_of, st.booleans())
def test_nothing_is_done_only_where_every_limit_holds(
    header: Header, size: int, rules: ImageRules, by_id: bool
) -> None:
    passed = beyond(header, size, rules, by_id=by_id)
    verdict = judged(header, size, rules, by_id=by_id)
    if any(name in passed for name in HOPELESS):
        assert isinstance(verdict, InvalidRequest)
    elif passed:
        assert isinstance(verdict, Mend)
    else:
        assert verdict is None


@given(headers, sizes, rules_of, st.booleans())
def test_a_refusal_names_a_limit_and_the_figure_that_passes_it(
    header: Header, size: int, rules: ImageRules, by_id: bool
) -> None:
    passed = beyond(header, size, rules, by_id=by_id)
    verdict = judged(header, size, rules, by_id=by_id, on_violation="reject")
    if not passed:
        assert verdict is None
        return
    assert isinstance(verdict, InvalidRequest)
    assert (verdict.status, verdict.param) == (400, PARAM)
    assert TITLE in verdict.message
    told = [
        name
        for name, (limit, figure) in passed.items()
        if _says(verdict.message, limit) and _says(verdict.message, figure)
    ]
    assert told, (verdict.message, passed)


def _says(message: str, figure: Any) -> bool:
    if figure == 1 and "still" in message:
        return True
    return (f"{figure:g}" if isinstance(figure, float) else str(figure)) in message


@given(headers, sizes, rules_of, st.booleans())
def test_what_is_ordered_is_what_the_backend_takes(
    header: Header, size: int, rules: ImageRules, by_id: bool
) -> None:
    mend = judged(header, size, rules, by_id=by_id)
    if not isinstance(mend, Mend):
        return
    orders = mend.orders(header.mime, 1000)
    assert frozenset(orders["formats"]) == rules.formats
    assert (orders["max_pixels"], orders["max_side"]) == (rules.max_pixels, rules.max_side)
    assert (orders["stills"], orders["mime"], orders["budget"]) == (rules.stills, header.mime, 1000)
    assert "why" not in orders
    assert mend.why
    made = Header(orders["formats"][0], *_shrunk(header, rules))
    assert beyond(made, orders["max_bytes"] or 1, rules, by_id=by_id).keys() <= set(HOPELESS)


def _shrunk(header: Header, rules: ImageRules) -> tuple[int, int]:
    """Within the orders' pixels and side, whatever becomes of the shape."""
    side = min(rules.max_side or 50, int((rules.max_pixels or 2500) ** 0.5))
    return min(header.width, side), min(header.height, side)


@given(st.none() | st.integers(4, 10**9), st.none() | st.integers(1, 10**9))
def test_bytes_are_ordered_so_that_their_base64_fits_just_so(encoded: int | None, raw: int | None) -> None:
    rules = ImageRules(pictures("png"), max_encoded=encoded, max_bytes=raw, max_uploaded=7)
    most = max_bytes(rules, by_id=False)
    assert max_bytes(rules, by_id=True) == 7
    if encoded is None or most is None:
        assert most == raw
        return
    assert encoded_size(most) <= encoded
    assert most == raw or encoded_size(most + 1) > encoded


@given(st.binary(max_size=100))
def test_the_length_of_base64_is_known_without_encoding(data: bytes) -> None:
    assert encoded_size(len(data)) == len(base64.b64encode(data))


CHAT, RESPONSES = MEDIA["chat"].image, MEDIA["responses"].image
PROCESSED, SEEDREAM = MEDIA["responses with image_process"].image, MEDIA["images"].image
MAAS_CHAT, MAAS_IMAGES = ModelArts.media["chat"].image, ModelArts.media["images"].image
OK = (100, 100, 1000)

# Rules, by id or not; what is just taken and what is just not, as (width, height, bytes[, mime[, frames]]); the code.
BORDERS: list[tuple[str, ImageRules | None, bool, tuple[Any, ...], tuple[Any, ...], str]] = [
    ("ark chat, side", CHAT, False, (15, 100, 9), (14, 100, 9), "image_too_small"),
    ("ark chat, pixels", CHAT, False, (15, 15, 9), (14, 14, 9), "image_too_small"),
    ("ark chat, ratio", CHAT, False, (15, 2250, 9), (15, 2251, 9), "image_too_elongated"),
    ("ark chat, most pixels", CHAT, False, (6000, 6000, 9), (6000, 6001, 9), "image_too_large"),
    ("ark chat, bytes", CHAT, False, (99, 99, 10 * MB), (99, 99, 10 * MB + 1), "image_too_large"),
    ("ark chat, format", CHAT, False, (*OK, "image/heic"), (*OK, "image/avif"), "unsupported_image_format"),
    ("ark chat, moving", CHAT, False, (*OK, "image/gif", 9), (*OK, "image/x", 9), "unsupported_image_format"),
    ("ark, by id", RESPONSES, True, (99, 99, 512 * MB), (99, 99, 512 * MB + 1), "image_too_large"),
    ("ark, inline", RESPONSES, False, (99, 99, 10 * MB), (99, 99, 10 * MB + 1), "image_too_large"),
    ("tool, ratio", PROCESSED, False, (149 * 15, 15, 9), (149 * 15 + 1, 15, 9), "image_too_elongated"),
    ("tool, by id", PROCESSED, True, (99, 99, 10 * MB), (99, 99, 10 * MB + 1), "image_too_large"),
    ("tool, format", PROCESSED, False, (*OK, "image/jp2"), (*OK, "image/heic"), "unsupported_image_format"),
    ("tool, format 2", PROCESSED, False, (*OK, "image/icns"), (*OK, "image/sgi"), "unsupported_image_format"),
    ("seedream, ratio", SEEDREAM, False, (16 * 99, 99, 9), (16 * 99 + 1, 99, 9), "image_too_elongated"),
    ("seedream, bytes", SEEDREAM, False, (99, 99, 30 * MB), (99, 99, 30 * MB + 1), "image_too_large"),
    ("seedream, still", SEEDREAM, False, (*OK, "image/gif", 1), (*OK, "image/gif", 2), "animated_image"),
    ("seedream, side", SEEDREAM, False, (15, 14 * 16, 9), (14, 14 * 16, 9), "image_too_small"),
    ("maas chat, base64", MAAS_CHAT, False, (9, 9, 7864317), (9, 9, 7864318), "image_too_large"),
    ("maas chat, side", MAAS_CHAT, False, (65500, 1, 9), (65501, 1, 9), "image_too_large"),
    ("maas chat, pixels", MAAS_CHAT, False, (13377, 13377, 9), (13378, 13377, 9), "image_too_large"),
    ("maas chat, format", MAAS_CHAT, False, (*OK, "image/gif", 9), (*OK, "image/heic"), "unsupported_image_format"),
    ("maas edit, base64", MAAS_IMAGES, False, (9, 9, 2359296), (9, 9, 2359297), "image_too_large"),
    ("maas edit, side", MAAS_IMAGES, False, (3072, 1, 9), (3073, 1, 9), "image_too_large"),
    ("maas edit, format", MAAS_IMAGES, False, (*OK, "image/jpeg"), (*OK, "image/webp"), "unsupported_image_format"),
]  # fmt: skip


@pytest.mark.parametrize(("rules", "by_id", "inside", "outside", "code"), [row[1:] for row in BORDERS], ids=[row[0] for row in BORDERS])  # fmt: skip
def test_the_borders(
    rules: ImageRules, by_id: bool, inside: tuple[Any, ...], outside: tuple[Any, ...], code: str
) -> None:
    hopeless = code in ("image_too_small", "image_too_elongated")
    header, size = _header(*inside)
    assert judged(header, size, rules, by_id=by_id, on_violation="reject") is None
    header, size = _header(*outside)
    refused = judged(header, size, rules, by_id=by_id, on_violation="reject")
    assert isinstance(refused, InvalidRequest)
    assert refused.code == code
    assert isinstance(judged(header, size, rules, by_id=by_id), InvalidRequest if hopeless else Mend)


def _header(
    width: int, height: int, size: int, mime: str = "image/png", frames: int = 1
) -> tuple[Header, int]:
    return Header(mime, width, height, frames, animated=frames > 1), size


def test_what_is_told() -> None:
    assert CHAT is not None
    small = judged(Header("image/png", 14, 20), 9, CHAT)
    assert isinstance(small, InvalidRequest)
    assert small.message == "The picture is 14x20 pixels; The backend takes sides of at least 15."
    long = judged(Header("image/png", 1000, 150_001), 9, CHAT)
    assert isinstance(long, InvalidRequest)
    assert "a ratio of 150.001; The backend takes at most 150 to 1" in long.message
    mend = judged(Header("image/avif", 7000, 6000), 11 * MB, CHAT)
    assert isinstance(mend, Mend)
    assert mend.why == (
        "image/avif is converted, 7000x6000 = 42000000 pixels are scaled to at most 36000000, "
        "11534336 bytes are brought under 10485760"
    )


def test_the_budget_counts_the_pixels_of_all_frames() -> None:
    check_budget(Header("image/gif", 10, 10, 5, animated=True), 500, PARAM)
    with pytest.raises(InvalidRequest) as refused:
        check_budget(Header("image/gif", 10, 10, 5, animated=True), 499, PARAM)
    error = refused.value
    assert (error.code, error.param, error.status) == ("image_too_large", PARAM, 400)
    assert "500 pixels in 5 frames; at most 499" in error.message
    with pytest.raises(InvalidRequest, match=r"100 pixels; at most 99 are taken \(images.max_pixels\)"):
        check_budget(Header("image/png", 10, 10, 0), 99, PARAM)
