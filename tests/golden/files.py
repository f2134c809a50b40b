"""Golden files: what the tests compare with, rewritten when ARKWAY_UPDATE_GOLDEN is set and then read by a person."""

import os
from pathlib import Path

HERE = Path(__file__).parent


def compare(path: Path, got: bytes) -> None:
    if os.environ.get("ARKWAY_UPDATE_GOLDEN"):
        path.write_bytes(got)
    assert path.exists(), f"{path.relative_to(HERE)} is missing; ARKWAY_UPDATE_GOLDEN=1 writes it"
    assert got.decode() == path.read_text("utf-8")


def left_over(folder: Path, pattern: str, wanted: set[Path]) -> set[Path]:
    """The files that no test looks at."""
    return set(folder.rglob(pattern)) - wanted
