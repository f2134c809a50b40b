"""How long a reply may be served again, against the RFC and against what servers really send."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from gateway.media.fetch.freshness import FOREVER, conditions, is_same, lifetime, relevant, renewed

DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
LATER = "Sun, 06 Nov 1994 08:50:37 GMT"
EXPIRES = {"expires": LATER, "date": DATE}


@pytest.mark.parametrize(
    ("cache_control", "seconds"),
    [
        ("max-age=60", 60),
        ("Public, MAX-AGE=60", 60),
        ('max-age="60"', 60),
        (" ,, max-age=60 ,", 60),
        ("max-age=60, s-maxage=5", 5),
        ("max-age=60, max-age=60", 60),
        ("max-age=00000000000000000060", 60),
        ("max-age=9999999999", FOREVER),
        ("max-age=1" + "0" * 5000, FOREVER),
        ('extension="no-store, \\"private", max-age=60', 60),
        ("stale-while-revalidate=600, must-revalidate, max-age=60", 60),
        ("max-age=0", 0),
        ("max-age", 0),
        ("max-age=-1", 0),
        ("max-age=1.5", 0),
        ("max-age=soon", 0),
        ('max-age=""', 0),
        ("max-age=60, max-age=70, max-age=60", 0),
        ("s-maxage=soon, max-age=60", 0),
        ("no-cache, max-age=60", 0),
        ('no-cache="Set-Cookie, X", max-age=60', 0),
        ("", 0),
        ("no-store", None),
        ("private, max-age=60", None),
        ('private="Set-Cookie", max-age=60', None),
        ("max-age=60, NO-STORE", None),
        ("max-age=60; no-store", None),
        ("max-age=60 no-store", None),
        ("max-age = 60", None),
        ("max-age=６0", None),
        ('max-age=60, x="no-store', None),
        ("max-age=60, {", None),
    ],
)
def test_cache_control(cache_control: str, seconds: int | None) -> None:
    assert lifetime({"cache-control": cache_control, "etag": '"a"'}) == seconds
    assert lifetime({"cache-control": cache_control}) == (seconds or None)


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        (EXPIRES, 60),
        ({"expires": "Sunday, 06-Nov-94 08:50:37 GMT", "date": DATE}, 60),
        ({"expires": "Sun Nov  6 08:50:37 1994", "date": DATE}, 60),
        ({"expires": DATE, "date": LATER}, 0),
        ({"expires": "0", "date": DATE}, 0),
        ({"expires": f"{LATER}, {LATER}", "date": DATE}, 0),
        ({"expires": "Sun, 06 Nov 1994 08:50:37 +0800", "date": DATE}, 0),
        ({"expires": LATER}, 0),
        ({"expires": LATER, "date": "now"}, 0),
        (EXPIRES | {"cache-control": "max-age=5"}, 5),
        (EXPIRES | {"cache-control": "max-age=soon"}, 0),
        (EXPIRES | {"cache-control": "no-cache"}, 0),
        (EXPIRES | {"age": "59"}, 1),
        (EXPIRES | {"age": "60"}, 0),
        (EXPIRES | {"age": "9" * 5000}, 0),
        (EXPIRES | {"age": "-5"}, 0),
        (EXPIRES | {"age": "1, 2"}, 0),
        (EXPIRES | {"vary": "Accept, Accept-Encoding"}, 60),
        (EXPIRES | {"vary": "Accept,*"}, None),
        (EXPIRES | {"vary": "*"}, None),
        ({}, 0),
    ],
)
def test_other_headers(fields: dict[str, str], seconds: int | None) -> None:
    assert lifetime({**fields, "last-modified": DATE}) == seconds
    assert lifetime(fields) == (seconds or None)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"etag": '"a"'}, {"If-None-Match": '"a"'}),
        ({"etag": 'W/""'}, {"If-None-Match": 'W/""'}),
        ({"etag": '"a"', "last-modified": DATE}, {"If-None-Match": '"a"', "If-Modified-Since": DATE}),
        ({"etag": "a"}, {}),
        ({"etag": '"a", "b"'}, {}),
        ({"etag": '"\u00e9"'}, {}),
        ({"etag": '"\udcff"'}, {}),
        ({"last-modified": "yesterday"}, {}),
        ({}, {}),
    ],
)
def test_conditions(fields: dict[str, str], expected: dict[str, str]) -> None:
    assert conditions(fields) == expected


@pytest.mark.parametrize(
    ("kept", "told", "same"),
    [
        ({"etag": '"a"'}, {}, True),
        ({"etag": '"a"'}, {"etag": '"a"'}, True),
        ({"etag": '"a"'}, {"etag": 'W/"a"'}, True),
        ({"etag": '"a"'}, {"etag": '"b"'}, False),
        ({"last-modified": DATE}, {"etag": '"b"'}, False),
        ({"etag": '"a"', "last-modified": DATE}, {"etag": '"a"', "last-modified": LATER}, False),
    ],
)
def test_a_304_about_another_version(kept: dict[str, str], told: dict[str, str], same: bool) -> None:
    assert is_same(kept, told) == same


def test_a_304_renews_what_it_names() -> None:
    kept = {"age": "50", "date": DATE, "expires": LATER, "etag": '"a"', "cache-control": "max-age=60"}
    told = {"cache-control": "max-age=9", "date": LATER}
    assert renewed(kept, told) == {
        "expires": LATER,
        "etag": '"a"',
        "cache-control": "max-age=9",
        "date": LATER,
    }
    assert (
        lifetime(renewed({**EXPIRES, "etag": '"a"'}, {})) == 0
    )  # Expires alone says nothing without its Date


def test_lines_of_one_header_count_as_one() -> None:
    headers = CIMultiDict([("Cache-Control", "max-age=60"), ("X", "y"), ("cache-control", "no-store")])
    assert relevant(headers) == {"cache-control": "max-age=60, no-store"}


numbers = st.integers(0, 10**6)
harmless = st.sampled_from(
    ["public", "must-revalidate", "immutable", "x=1", 'x="a, b"', "stale-if-error=9", ""]
)


@given(
    shared=st.none() | numbers,
    own=st.none() | numbers,
    age=numbers,
    others=st.lists(harmless),
    data=st.data(),
)
def test_the_most_exact_header_decides(
    shared: int | None, own: int | None, age: int, others: list[str], data: st.DataObject
) -> None:
    explicit = [f"s-maxage={shared}"] * (shared is not None) + [f"max-age={own}"] * (own is not None)
    directives = data.draw(st.permutations(others + explicit))
    fields = EXPIRES | {"cache-control": ",".join(directives), "age": str(age)}
    expected = shared if shared is not None else own if own is not None else 60
    assert lifetime(fields) == (max(0, expected - age) or None)


@given(st.sampled_from(["no-store", "private", "No-Store", "private=x"]), st.lists(harmless), st.data())
def test_what_must_not_be_kept_is_seen_anywhere(word: str, others: list[str], data: st.DataObject) -> None:
    directives = data.draw(st.permutations([*others, "max-age=60", word]))
    assert lifetime({"cache-control": ", ".join(directives), "etag": '"a"'}) is None


@given(st.integers(0, 2**32), numbers)
def test_expires_counts_from_the_date_of_the_reply(second: int, seconds: int) -> None:
    first = datetime.fromtimestamp(second, UTC)
    dates = [format_datetime(at, usegmt=True) for at in (first, first + timedelta(seconds=seconds))]
    assert lifetime({"date": dates[0], "expires": dates[1]}) == (seconds or None)


text = st.text() | st.text(alphabet='max-age=0123456789",; W/*\\', max_size=40) | st.just(DATE)


@given(
    st.dictionaries(
        st.sampled_from(["age", "cache-control", "date", "etag", "expires", "last-modified", "vary"]), text
    )
)
def test_anything_is_read_and_nothing_odd_is_sent(fields: dict[str, str]) -> None:
    seconds = lifetime(fields)
    assert seconds is None or 0 <= seconds <= FOREVER
    assert all(value.isascii() and value.isprintable() for value in conditions(fields).values())
