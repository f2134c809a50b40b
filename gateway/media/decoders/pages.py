"""A PDF as pictures of its pages, for backends that take no PDF.

Orders: `width`, in pixels, at least 300; `max_pages`; `cut`, whether only the first `max_pages` of a longer document
are taken; `max_bytes` and `max_pixels` of one picture, or None.

Yields one JPEG for each page, in order, with `{"page": 1, "pages": 3, "mime": "image/jpeg", "width": 1024, "height":
1448}`. `pages` counts the document's, also where it is cut; width and height are in pixels. Pages are upright, on
white, with annotations and form fields. One that would break a limit at `width` is narrower, though never under 300.

Raises Undecodable with `broken_pdf`, `encrypted_pdf`, `too_many_pages` or `page_too_large`.
"""

import math
from collections.abc import Iterator
from contextlib import closing
from typing import Any, BinaryIO

import pypdfium2  # type: ignore[import-untyped]
import pypdfium2.raw as pdfium  # type: ignore[import-untyped]
from PIL import Image

from gateway.media.decoders import Orders, Products, Undecodable, jpeg

MIN_WIDTH = 300
MAX_PIXELS = 36_000_000
LOCKED = (pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY)


def pages(source: BinaryIO, orders: Orders) -> Products:
    """One JPEG for each page of the PDF."""
    with _open(source) as document:
        total, most = len(document), orders["max_pages"]
        if total > most and not orders["cut"]:
            raise Undecodable("too_many_pages", f"The PDF has {total} pages; at most {most} are taken.")
        for number, page in _load(document, min(total, most)):
            yield _picture(page, number, total, orders)


def _open(source: BinaryIO) -> pypdfium2.PdfDocument:
    try:
        document = pypdfium2.PdfDocument(source)
        document.init_forms()
    except pypdfium2.PdfiumError as error:
        if error.err_code in LOCKED:
            text = "The PDF is locked with a password; send it without one."
            raise Undecodable("encrypted_pdf", text) from error
        raise Undecodable("broken_pdf", "The file is no PDF, or a broken one.") from error
    return document


def _load(document: pypdfium2.PdfDocument, count: int) -> Iterator[tuple[int, pypdfium2.PdfPage]]:
    for number in range(1, count + 1):
        try:
            page = document[number - 1]
        except pypdfium2.PdfiumError as error:
            raise Undecodable("broken_pdf", f"Page {number} of the PDF is broken.") from error
        with closing(page):
            yield number, page


def _picture(
    page: pypdfium2.PdfPage, number: int, total: int, orders: Orders
) -> tuple[dict[str, Any], bytes]:
    width, height = _size(page, number, orders)
    max_bytes = orders["max_bytes"]
    encoded = jpeg.encode(_render(page, width, height), max_bytes=max_bytes, min_width=MIN_WIDTH)
    if encoded is None:
        limit = f"{max_bytes} bytes at {MIN_WIDTH} pixels wide, the least that is sent"
        raise Undecodable("page_too_large", f"Page {number} of the PDF has more than {limit}.")
    image, data = encoded
    meta = {"page": number, "pages": total, "mime": jpeg.MIME, "width": image.width, "height": image.height}
    return meta, data


def _size(page: pypdfium2.PdfPage, number: int, orders: Orders) -> tuple[int, int]:
    """Width and height in pixels, known to be bounded before anything is drawn."""
    wide, high = page.get_size()
    if not (0 < wide < math.inf and 0 < high < math.inf):
        raise Undecodable("broken_pdf", f"Page {number} of the PDF has no size.")
    most = orders["max_pixels"] or MAX_PIXELS
    ratio = high / wide
    width = int(min(orders["width"], math.sqrt(most / ratio), jpeg.MAX_SIDE / ratio))
    if width < MIN_WIDTH:
        limit = f"{MIN_WIDTH} pixels wide within {most} pixels and {jpeg.MAX_SIDE} a side"
        text = f"Page {number} of the PDF is {wide:g} by {high:g} points, too tall to be {limit}."
        raise Undecodable("page_too_large", text)
    return width, max(1, int(width * ratio))


def _render(page: pypdfium2.PdfPage, width: int, height: int) -> Image.Image:
    """Draw at exactly this size: the library's own method takes a scale, which rounds up."""
    bitmap = pypdfium2.PdfBitmap.new_native(width, height, pdfium.FPDFBitmap_BGR)
    with closing(bitmap):
        bitmap.fill_rect((255, 255, 255, 255), 0, 0, width, height)
        place = (bitmap, page, 0, 0, width, height, 0, pdfium.FPDF_ANNOT)
        pdfium.FPDF_RenderPageBitmap(*place)
        if page.formenv:
            pdfium.FPDF_FFLDraw(page.formenv, *place)
        image: Image.Image = bitmap.to_pil()
    return image
