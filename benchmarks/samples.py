"""What was measured: the numbers of each round, and the file that keeps them."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from benchmarks.axes import AXES, Values


@dataclass(frozen=True)
class Sample:
    round: int
    subject: str
    axis: str
    values: Values
    seconds: float
    """That it took to measure."""


class Samples:
    def __init__(self, samples: Iterable[Sample]) -> None:
        self.all = list(samples)
        self._values: dict[tuple[str, str, str], dict[int, float]] = defaultdict(dict)
        for sample in self.all:
            for key, value in sample.values.items():
                self._values[sample.axis, sample.subject, key][sample.round] = value

    def axes(self) -> set[str]:
        return {sample.axis for sample in self.all}

    def subjects(self, axis: str) -> list[str]:
        """In the order in which they were first met."""
        return list(dict.fromkeys(sample.subject for sample in self.all if sample.axis == axis))

    def keys(self, axis: str, subject: str) -> list[str]:
        return [key for at, name, key in self._values if (at, name) == (axis, subject)]

    def of(self, axis: str, subject: str, key: str) -> list[float]:
        """One value a round; none where it was not measured."""
        return list(self._values.get((axis, subject, key), {}).values())

    def added(self, axis: str, subject: str, key: str) -> list[float]:
        """What each round's value has beyond that of ``direct`` in the same round."""
        base = self._values.get((AXES[axis].base or axis, "direct", key), {})
        own = self._values.get((axis, subject, key), {})
        return (
            []
            if subject == "direct"
            else [value - base[number] for number, value in own.items() if number in base]
        )


@dataclass(frozen=True)
class Results:
    """One run: what it was, and its samples."""

    about: dict[str, Any]
    samples: Samples

    @classmethod
    def load(cls, path: Path) -> "Results":
        raw = orjson.loads(path.read_bytes())
        return cls(raw["about"], Samples(Sample(**sample) for sample in raw["samples"]))

    def save(self, path: Path) -> None:
        """One line for each sample."""
        about = orjson.dumps(self.about, option=orjson.OPT_INDENT_2).replace(b"\n", b"\n  ")
        samples = b",\n    ".join(orjson.dumps(asdict(sample)) for sample in self.samples.all)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b'{\n  "about": %b,\n  "samples": [\n    %b\n  ]\n}\n' % (about, samples))
