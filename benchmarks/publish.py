"""A run into the documentation: `python -m benchmarks.publish [RESULTS.json]`, the newest run without a name.

`docs/performance.json` is the run itself; the tables of `docs/performance.md` and the picture are made from it.
"""

import sys
from argparse import ArgumentParser
from pathlib import Path

from benchmarks import chart, page
from benchmarks.samples import Results

ROOT = Path(__file__).parent.parent
RUNS = Path(__file__).parent / "results"
DOCS = ROOT / "docs"
DATA, PAGE, PICTURE = DOCS / "performance.json", DOCS / "performance.md", DOCS / "performance.svg"


def publish(results: Results) -> None:
    text = page.renewed(PAGE.read_text("utf-8"), results)
    results.save(DATA)
    PAGE.write_text(text, "utf-8")
    PICTURE.write_text(chart.svg(results.samples), "utf-8")


def main() -> int:
    parser = ArgumentParser(prog="python -m benchmarks.publish", description=__doc__)
    parser.add_argument("results", type=Path, nargs="?", metavar="RESULTS.json")
    named: Path | None = parser.parse_args().results
    path = named or max(RUNS.glob("*.json"), default=None)
    if path is None or not path.exists():
        print("There are no results yet; `make bench` writes them.", file=sys.stderr)
        return 1
    publish(Results.load(path))
    print(f"{path.name} is in {DATA.name}, {PAGE.name} and {PICTURE.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
