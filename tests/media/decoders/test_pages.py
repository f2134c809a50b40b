"""PDFs as pictures: the right pages, upright, within every limit; what is hostile or locked is refused by name."""

import hashlib
import io
import resource
import subprocess
import sys
from typing import Any

import pypdfium2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gateway.media.decoders import Undecodable
from gateway.media.decoders.pages import pages

Page = tuple[dict[str, Any], Image.Image]
ORDERS: dict[str, Any] = {"width": 400, "max_pages": 20, "cut": False, "max_bytes": None, "max_pixels": None}
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
PADDING = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")


def decode(pdf: bytes, **orders: Any) -> list[Page]:
    return [
        (meta, Image.open(io.BytesIO(data))) for meta, data in pages(io.BytesIO(pdf), {**ORDERS, **orders})
    ]


def refusal(pdf: bytes, **orders: Any) -> tuple[str, str]:
    with pytest.raises(Undecodable) as caught:
        decode(pdf, **orders)
    return caught.value.code, caught.value.text


def written(*objects: bytes, trailer: bytes = b"") -> bytes:
    """A PDF of these objects, numbered from 1; the first is the catalogue."""
    out, places = b"%PDF-1.6\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table)
    end = b"trailer\n<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n"
    return out + head + end % (len(objects) + 1, trailer, len(out))


def stream(content: bytes, entries: bytes = b"") -> bytes:
    return b"<<%s/Length %d>>\nstream\n%s\nendstream" % (entries, len(content), content)


def one_page(box: str = "0 0 200 100", page: bytes = b"", *more: bytes, root: bytes = b"") -> bytes:
    """Red in the lower left quarter of 200 by 100 points; further objects are numbered from 5."""
    return written(
        b"<</Type/Catalog/Pages 2 0 R%s>>" % root,
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[%s]/Contents 4 0 R%s>>" % (box.encode(), page),
        stream(b"1 0 0 rg 0 0 100 50 re f"),
        *more,
    )


def coloured(count: int) -> bytes:
    """Page n is of the grey n * 10, as Pillow saves pictures."""
    first, *others = [Image.new("RGB", (60, 80), (number * 10,) * 3) for number in range(1, count + 1)]
    file = io.BytesIO()
    first.save(file, "PDF", save_all=True, append_images=others)
    return file.getvalue()


def locked(password: bytes) -> bytes:
    """Encrypted with RC4 of 40 bits."""
    owner, permissions, name = bytes(range(32)), -4, b"0123456789abcdef"
    signed = permissions.to_bytes(4, "little", signed=True)
    key = hashlib.md5((password + PADDING)[:32] + owner + signed + name).digest()[:5]
    encrypt = b"<</Filter/Standard/V 1/R 2/O<%s>/U<%s>/P %d>>"
    hexes = (owner.hex().encode(), rc4(key, PADDING).hex().encode())
    key_of_stream = hashlib.md5(key + bytes((4, 0, 0, 0, 0))).digest()[:10]
    return written(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]/Contents 4 0 R>>",
        stream(rc4(key_of_stream, b"1 0 0 rg 0 0 100 50 re f")),
        encrypt % (*hexes, permissions),
        trailer=b"/Encrypt 5 0 R/ID[<%s><%s>]" % (name.hex().encode(), name.hex().encode()),
    )


def rc4(key: bytes, data: bytes) -> bytes:
    box, j = list(range(256)), 0
    for i in range(256):
        j = (j + box[i] + key[i % len(key)]) % 256
        box[i], box[j] = box[j], box[i]
    out, i, j = bytearray(), 0, 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + box[i]) % 256
        box[i], box[j] = box[j], box[i]
        out.append(byte ^ box[(box[i] + box[j]) % 256])
    return bytes(out)


def colour(image: Image.Image, x: float, y: float) -> tuple[int, ...]:
    """The nearest pure colour at a place given in parts of the sides."""
    pixel = image.convert("RGB").getpixel((int(x * image.width), int(y * image.height)))
    assert isinstance(pixel, tuple)
    return tuple(255 if value > 127 else 0 for value in pixel)


def test_each_page_is_a_jpeg_of_the_wished_width() -> None:
    given = decode(coloured(3), width=1024)
    told = [{"page": n, "pages": 3, "mime": "image/jpeg", "width": 1024, "height": 1365} for n in (1, 2, 3)]
    assert [meta for meta, _ in given] == told
    for number, (meta, image) in enumerate(given, 1):
        assert image.format == "JPEG"
        assert image.size == (meta["width"], meta["height"])
        assert image.convert("L").getpixel((500, 500)) == pytest.approx(number * 10, abs=3)


def test_pages_made_by_the_library_itself() -> None:
    document = pypdfium2.PdfDocument.new()
    document.new_page(100, 200)
    document.new_page(200, 100)
    file = io.BytesIO()
    document.save(file)
    document.close()
    assert [image.size for _, image in decode(file.getvalue())] == [(400, 800), (400, 200)]


def test_what_is_not_drawn_is_white() -> None:
    [(_, image)] = decode(one_page())
    assert colour(image, 0.25, 0.75) == RED
    assert {colour(image, x, y) for x, y in ((0.25, 0.25), (0.75, 0.25), (0.75, 0.75))} == {WHITE}


@pytest.mark.parametrize(
    ("degrees", "size", "red"),
    [
        (90, (400, 800), (0.25, 0.25)),
        (180, (400, 200), (0.75, 0.25)),
        (270, (400, 800), (0.75, 0.75)),
    ],
)
def test_a_turned_page_stands_upright(degrees: int, size: tuple[int, int], red: tuple[float, float]) -> None:
    [(_, image)] = decode(one_page(page=b"/Rotate %d" % degrees))
    assert image.size == size
    assert colour(image, *red) == RED
    assert colour(image, 1 - red[0], red[1]) == WHITE


def test_annotations_and_form_fields_are_drawn() -> None:
    look = b"/Type/XObject/Subtype/Form/BBox[0 0 100 50]"
    note = b"<</Type/Annot/Subtype/Square/Rect[100 0 200 50]/F 4/AP<</N 6 0 R>>>>"
    field = b"<</Type/Annot/Subtype/Widget/FT/Tx/T(a)/Rect[0 50 100 100]/F 4/AP<</N 8 0 R>>>>"
    [(_, image)] = decode(
        one_page(
            "0 0 200 100",
            b"/Annots[5 0 R 7 0 R]",
            note,
            stream(b"0 1 0 rg 0 0 100 50 re f", look),
            field,
            stream(b"0 0 1 rg 0 0 100 50 re f", look),
            root=b"/AcroForm<</Fields[7 0 R]>>",
        )
    )
    assert colour(image, 0.75, 0.75) == GREEN
    assert colour(image, 0.25, 0.25) == BLUE


def test_too_many_pages_are_refused_with_both_numbers() -> None:
    assert refusal(coloured(25)) == ("too_many_pages", "The PDF has 25 pages; at most 20 are taken.")


def test_or_cut_where_that_is_ordered() -> None:
    given = decode(coloured(25), cut=True)
    assert [(meta["page"], meta["pages"]) for meta, _ in given] == [(n, 25) for n in range(1, 21)]
    assert given[19][1].convert("L").getpixel((9, 9)) == pytest.approx(200, abs=3)


def test_a_page_is_drawn_when_it_is_asked_for() -> None:
    assert next(pages(io.BytesIO(coloured(25)), {**ORDERS, "cut": True}))[0]["page"] == 1


def test_a_pdf_with_a_password_is_refused() -> None:
    assert refusal(locked(b"secret")) == (
        "encrypted_pdf",
        "The PDF is locked with a password; send it without one.",
    )


def test_one_that_opens_without_a_password_is_taken() -> None:
    [(_, image)] = decode(locked(b""))
    assert colour(image, 0.25, 0.75) == RED


@pytest.mark.parametrize(
    "pdf",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"%PDF-1.4\n", id="only a header"),
        pytest.param(b"GIF89a" + bytes(100), id="a picture"),
        pytest.param(one_page()[:120], id="truncated"),
        pytest.param(one_page().replace(b"[3 0 R]", b"[]     "), id="no pages"),
        pytest.param(one_page().replace(b"3 0 obj", b"9 0 obj"), id="a page that is missing"),
    ],
)
def test_what_is_broken_is_refused(pdf: bytes) -> None:
    assert refusal(pdf)[0] == "broken_pdf"


@pytest.mark.parametrize(
    "box",
    [
        "0 0 1000000000 1000000000",
        "0 0 1e9 1e9",
        "0 0 0 0",
        "0 0 -200 -100",
        "0 0 NaN NaN",
        "0 0 99999999999999999999999999999999999999999999999 1",
        "0 0 1000000 1",
        "0 0 0.0001 0.0001",
        "-1e38 -1e38 1e38 1e38",
        "what",
    ],
)
def test_a_hostile_size_gives_a_bounded_picture(box: str) -> None:
    [(meta, image)] = decode(one_page(box))
    assert (meta["width"], meta["height"]) == image.size
    assert image.width == 400
    assert image.height <= 800


@pytest.mark.parametrize("box", ["0 0 10 100000", "0 0 0.001 1000000000"])
def test_a_page_that_is_a_thread_is_refused(box: str) -> None:
    code, text = refusal(one_page(box))
    assert code == "page_too_large"
    assert "300 pixels wide within 36000000 pixels" in text


def test_a_tall_page_is_narrower_so_that_it_has_no_more_pixels() -> None:
    [(_, image)] = decode(one_page("0 0 100 400"), max_pixels=500_000)
    assert image.size == (353, 1412)
    assert refusal(one_page("0 0 100 400"), max_pixels=300_000)[0] == "page_too_large"


def test_a_picture_is_made_to_have_few_bytes() -> None:
    noise, file = Image.effect_noise((800, 800), 200).convert("RGB"), io.BytesIO()
    noise.save(file, "PDF")
    [(_, whole)] = pages(io.BytesIO(file.getvalue()), {**ORDERS, "width": 800})
    by_quality = len(whole) * 2 // 3
    by_size = len(whole) // 10
    for most in (by_quality, by_size):
        [(meta, data)] = pages(io.BytesIO(file.getvalue()), {**ORDERS, "width": 800, "max_bytes": most})
        assert len(data) <= most
        assert Image.open(io.BytesIO(data)).size == (meta["width"], meta["height"])
        assert (meta["width"] == 800) == (most == by_quality)
        assert meta["width"] >= 300
    code, text = refusal(file.getvalue(), max_bytes=1000)
    assert code == "page_too_large"
    assert "1000 bytes at 300 pixels wide" in text


def bounded(pdf: bytes) -> None:
    try:
        given = decode(pdf, width=300, cut=True, max_pages=2, max_pixels=1_000_000)
    except Undecodable as error:
        codes = {error.code}
    else:
        codes = set()
        assert all(image.width * image.height <= 1_000_000 for _, image in given)
    assert codes <= {"broken_pdf", "encrypted_pdf", "page_too_large"}


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_random_bytes_after_the_magic_are_drawn_or_refused(data: bytes) -> None:
    bounded(b"%PDF-1.7\n" + data)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(locked(b"")) - 1), st.binary(min_size=1, max_size=4), st.booleans())
def test_a_damaged_pdf_is_drawn_or_refused(place: int, damage: bytes, cut: bool) -> None:
    whole = locked(b"")
    bounded(whole[:place] if cut else whole[:place] + damage + whole[place + len(damage) :])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=4, max_size=4))
def test_any_box_is_drawn_bounded_or_refused(box: list[float]) -> None:
    bounded(one_page(" ".join(f"{side:f}" for side in box)))


@pytest.mark.skipif(sys.platform != "linux", reason="limits of address space are Linux's")
def test_hostile_sizes_take_little_memory() -> None:
    """At a gigabyte of address space: a page of 1e9 points, and the tallest that is taken."""
    limit = 1 << 30
    orders = {**ORDERS, "width": 1024}
    for box in ("0 0 1000000000 1000000000", "0 0 100 11900"):
        script = (
            "import io, sys; from gateway.media.decoders.pages import pages;"
            "pdf = io.BytesIO(sys.stdin.buffer.read());"
            f"print([meta['width'] for meta, _ in pages(pdf, {orders})])"
        )
        done = subprocess.run(
            [sys.executable, "-c", script],
            input=one_page(box),
            capture_output=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
        )
        assert done.returncode == 0, done.stderr
