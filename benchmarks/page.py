"""The tables of a run as Markdown, which stand between two marks of a page."""

from collections.abc import Iterable, Iterator
from typing import Any

from benchmarks.samples import Results
from benchmarks.tables import TABLES, TARGETS_HEAD, target_rows

BEGIN, END = "<!-- results: written by `python -m benchmarks.publish` -->", "<!-- end of results -->"


class NoMarks(Exception):
    """The page has no place for the tables."""


def renewed(page: str, results: Results) -> str:
    """The page with the tables of this run in place of those it had. Raises NoMarks."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise NoMarks
    return f"{before}{BEGIN}\n\n{tables(results)}\n{END}{after}"


def tables(results: Results) -> str:
    return "\n".join([*circumstances(results.about), *targets(results), *axes(results)])


def circumstances(about: dict[str, Any]) -> Iterator[str]:
    machine, scale = about["machine"], about["scale"]
    cut = "" if about["complete"] else ", cut off by its time limit"
    yield f"A {scale['name']} run{cut}, {about['time']}, on {machine['cores']} cores of {machine['processor']},"
    yield f"{machine['system']}."
    yield ""
    yield f"Python {machine['python']}. Versions: {versions(about['versions'])}."
    yield ""
    if about["skipped"]:
        yield "Not measured:"
        yield ""
        yield from (f"- {what}: {reason}" for what, reason in about["skipped"].items())
        yield ""


def versions(told: dict[str, str]) -> str:
    return ", ".join(f"{subject} {version}" for subject, version in told.items())


def targets(results: Results) -> Iterator[str]:
    yield "### Targets"
    yield ""
    yield from grid(TARGETS_HEAD, target_rows(results.samples))


def axes(results: Results) -> Iterator[str]:
    for table in TABLES:
        rows = [row for _, row in table.rows(results.samples)]
        if rows:
            yield f"### {table.title}"
            yield ""
            yield from grid(table.head(), rows)


def grid(head: list[str], rows: Iterable[list[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
    yield ""
