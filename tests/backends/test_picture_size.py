"""Sizes: the nearest that a model takes, and refusals that name limit and figure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.backends.picture_size import Pixels, Sides, Size, parse
from gateway.errors import InvalidRequest
from tests.strategies import refusal

PIXELS = Pixels(3_686_400, 16_777_216)
SIDES = Sides(512, 3072, 16)
sides = st.integers(1, 9000)


@pytest.mark.parametrize(
    "text",
    ["", "x", "1024", "1024x", "0x5", "05x5", "-1x5", "1024X1024", "1024*1024", " 1x1", "1x1x1", "٣x٣"],
)
def test_what_is_no_size(text: str) -> None:
    assert parse(text) is None


@given(sides, sides)
def test_a_size_is_read_as_it_is_written(width: int, height: int) -> None:
    assert parse(str(Size(width, height))) == (width, height)


@pytest.mark.parametrize(
    ("asked", "fitting"),
    [
        ((1024, 1024), (1920, 1920)),
        ((1536, 1024), (2352, 1568)),
        ((2048, 2048), (2048, 2048)),
        ((1920, 1920), (1920, 1920)),
        ((160, 10), (7680, 480)),
        ((4096, 4096), (4096, 4096)),
        ((1, 1), (1920, 1920)),
    ],
)
def test_too_few_pixels_are_scaled_up(asked: tuple[int, int], fitting: tuple[int, int]) -> None:
    assert PIXELS.fit(Size(*asked), "m") == fitting


@given(sides, sides, st.sampled_from([921_600, 3_686_400]))
def test_what_is_scaled_is_just_over_the_least_in_nearly_the_same_ratio(
    width: int, height: int, least: int
) -> None:
    rule, asked = Pixels(least, 16_777_216), Size(width, height)
    if max(asked) > 16 * min(asked) or width * height > rule.most:
        with pytest.raises(InvalidRequest):
            rule.fit(asked, "m")
        return
    fitting = rule.fit(asked, "m")
    if width * height >= least:
        assert fitting == asked
        return
    assert least <= fitting.width * fitting.height <= least + fitting.width + fitting.height
    assert (fitting.width - 1) * height < fitting.height * width < (fitting.width + 1) * height + width
    assert max(fitting) <= 16 * min(fitting)


@given(sides, sides)
def test_sides_are_rounded_down_to_the_step_or_scaled_up_to_the_shortest(width: int, height: int) -> None:
    asked = Size(width, height)
    if refusal(SIDES.fit, asked, "m"):
        assert max(asked) >= 3088 or max(asked) * 512 // min(asked) >= 3072
        return
    fitting = SIDES.fit(asked, "m")
    assert all(512 <= side <= 3072 and side % 16 == 0 for side in fitting)
    if min(asked) >= 512:
        assert all(0 <= side - fit < 16 for side, fit in zip(asked, fitting, strict=True))
    else:
        assert min(fitting) == 512


@pytest.mark.parametrize(
    ("rule", "asked", "figures"),
    [
        (PIXELS, (8192, 8192), ("8192x8192", "67108864 pixels", "16777216")),
        (PIXELS, (8192, 400), ("8192x400", "20.48 to 1", "16 to 1")),
        (SIDES, (4000, 1000), ("4000x1000", "4000 pixels", "512 to 3072")),
        (SIDES, (3072, 256), ("3072x256", "6144x512", "512 to 3072")),
    ],
)
def test_a_refusal_names_the_size_the_figure_and_the_limit(
    rule: Pixels | Sides, asked: tuple[int, int], figures: tuple[str, ...]
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        rule.fit(Size(*asked), "seedream-x")
    assert (caught.value.status, caught.value.param) == (400, "size")
    for figure in (*figures, "seedream-x"):
        assert figure in caught.value.message
