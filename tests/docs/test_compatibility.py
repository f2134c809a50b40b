"""The compatibility page says what the backends declare."""

from pathlib import Path

from gateway.backends import KINDS
from gateway.compatibility import table

PAGE = Path(__file__).parents[2] / "docs/compatibility.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == table(), "run `make docs`"


def test_every_rule_is_told() -> None:
    page = table()
    for backend in KINDS.values():
        for rule in (rule for rules in backend.rules.values() for rule in rules):
            assert f"`{rule.field}`" in page


def test_every_header_is_told() -> None:
    page = table()
    for backend in KINDS.values():
        for header in backend.beta_headers.values():
            assert f"`{header}: true`" in page
