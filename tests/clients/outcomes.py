"""What the clients' scripts tell, line by line, and the table of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field

_MARKS = {"ok": "ok", "failed": "FAILED"}


@dataclass
class Outcomes:
    """Of each client, API and model: scenario -> ok or failed."""

    rows: dict[tuple[str, str, str], dict[str, str]] = field(default_factory=dict)
    silent: list[str] = field(default_factory=list)

    def read(self, script: str, lines: Iterable[str]) -> None:
        client, count = script, len(self.rows)
        for line in lines:
            first, *rest = line.split()
            if first == "client":
                client = " ".join(rest)
            elif first in _MARKS:
                api, model, scenario = rest[:3]
                self.rows.setdefault((client, api, model), {})[scenario] = first
        if len(self.rows) == count:
            self.silent.append(client)

    def all_well(self) -> bool:
        told = [outcome for row in self.rows.values() for outcome in row.values()]
        return bool(told) and not self.silent and "failed" not in told

    def table(self) -> str:
        scenarios = list(dict.fromkeys(name for row in self.rows.values() for name in row))
        head = ["client", "API", "model", *scenarios]
        body = [
            [*names, *(_MARKS.get(row.get(scenario, ""), "-") for scenario in scenarios)]
            for names, row in self.rows.items()
        ]
        widths = [max(map(len, column)) for column in zip(head, *body, strict=True)]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in (head, *body)]
        return "\n".join(["", *lines, *(f"{client}: said nothing" for client in self.silent)])
