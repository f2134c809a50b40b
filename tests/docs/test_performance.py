"""The page on performance states what its run measured, and nothing else."""

import pytest

from benchmarks import chart, page
from benchmarks.publish import DATA, PAGE, PICTURE
from benchmarks.samples import Results

ANEW = "write it anew: python -m benchmarks.publish docs/performance.json"


@pytest.fixture(scope="module")
def results() -> Results:
    return Results.load(DATA)


def test_the_tables_are_those_of_the_run(results: Results) -> None:
    text = PAGE.read_text("utf-8")
    assert page.renewed(text, results) == text, ANEW


def test_the_picture_is_that_of_the_run(results: Results) -> None:
    assert chart.svg(results.samples) == PICTURE.read_text("utf-8"), ANEW
