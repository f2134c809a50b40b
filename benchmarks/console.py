"""The tables on a terminal."""

from itertools import pairwise

from rich.console import Console
from rich.table import Table as Grid

from benchmarks.samples import Samples
from benchmarks.tables import TABLES, TARGETS_HEAD, Table, target_rows

TEXT = ("", "subject", "doubts", "verdict")


def show(samples: Samples, console: Console) -> None:
    for table in TABLES:
        if any(axis in samples.axes() for axis in table.axes):
            console.print(grid(table, samples), "")
    targets = empty("Arkway's targets: ratios of medians", TARGETS_HEAD)
    for row in target_rows(samples):
        targets.add_row(*row)
    console.print(targets)


def grid(table: Table, samples: Samples) -> Grid:
    shown = empty(table.title, table.head())
    rows = list(table.rows(samples))
    for (axis, row), (following, _) in pairwise([*rows, ("", [])]):
        shown.add_row(*row, end_section=axis != following)
    return shown


def empty(title: str, head: list[str]) -> Grid:
    grid = Grid(title=title, title_justify="left", title_style="bold")
    for heading in head:
        grid.add_column(heading, justify="left" if heading in TEXT else "right")
    return grid
