"""Data URLs: taken apart, decoded in every spelling, and put together."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import InvalidRequest
from gateway.wire import data_url
from tests.strategies import refusal

DATA = "data:image/png;base64,iVBORw0KGgo="


@given(st.text() | st.text("data:;,base64/+=-_ \n", max_size=60))
def test_no_text_crashes_what_reads_it(text: str) -> None:
    for read in (data_url.parse, data_url.decode, data_url.head):
        error = refusal(read, text, "p")
        assert error is None or (error.param, error.status) == ("p", 400)


@given(st.binary(max_size=200), st.booleans(), st.booleans(), st.integers(1, 80))
def test_base64_is_read_with_line_breaks_without_padding_and_in_either_alphabet(
    data: bytes, padded: bool, url_safe: bool, width: int
) -> None:
    text = (base64.urlsafe_b64encode if url_safe else base64.b64encode)(data).decode()
    text = text if padded else text.rstrip("=")
    folded = "\r\n".join(text[i : i + width] for i in range(0, len(text), width))
    assert data_url.decode(folded, "p") == data


@pytest.mark.parametrize("text", ["A", "AAAAA", "AA!A", "A=AA", "图图", "AAAA\x00"])
def test_broken_base64_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        data_url.decode(text, "p")
    assert caught.value.code == "invalid_base64"


@given(st.binary(max_size=300), st.integers(4, 400), st.integers(1, 80))
def test_the_head_is_the_beginning_of_what_is_decoded(data: bytes, size: int, width: int) -> None:
    text = base64.b64encode(data).decode()
    folded = "\n".join(text[i : i + width] for i in range(0, len(text), width))
    assert data.startswith(data_url.head(folded[:size], "p"))


@given(st.binary(min_size=1, max_size=300))
def test_the_size_is_told_without_decoding(data: bytes) -> None:
    url = data_url.parse(data_url.make("image/png", base64.b64encode(data).decode()), "p")
    assert url.bytes == len(data)
    assert url.is_plain


@pytest.mark.parametrize("text", ["AAA", "AA\nAA", "AA-_", "AAAA AAA", "AAAA\r\nAAAA", "AA\tAA"])
def test_text_that_some_decoder_would_refuse_is_not_plain(text: str) -> None:
    assert not data_url.parse(f"data:image/x-y;base64,{text}", "p").is_plain


@pytest.mark.parametrize(
    ("value", "mime", "text"),
    [
        (DATA, "image/png", "iVBORw0KGgo="),
        ("data:image/PNG;charset=utf-8;base64,AAAA", "image/PNG", "AAAA"),
        ("data:;base64,AAAA", "", "AAAA"),
        ("DATA:image/png;BASE64,AAAA", "image/png", "AAAA"),
        ("data: image/png ;base64,A,B", "image/png", "A,B"),
    ],
)
def test_a_data_url_is_taken_apart(value: str, mime: str, text: str) -> None:
    url = data_url.parse(value, "p")
    assert (url.mime, url.text, url.size, url.beginning(99)) == (mime, text, len(text), text)


@pytest.mark.parametrize(
    "value", ["data:", "data:image/png;base64", "data:image/png,AAAA", "data:image/png;base64,", "data:,"]
)
def test_a_data_url_without_base64_data_is_refused(value: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        data_url.parse(value, "p")
    assert (caught.value.param, caught.value.code) == ("p", "invalid_image_url")


@given(st.sampled_from(["image/png", "image/jpeg"]), st.binary(min_size=1))
def test_a_data_url_that_was_built_is_taken_apart_again(mime: str, data: bytes) -> None:
    text = base64.b64encode(data).decode()
    url = data_url.parse(data_url.make(mime, text), "p")
    assert (url.mime, url.text) == (mime, text)
