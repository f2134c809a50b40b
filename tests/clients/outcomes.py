"""What the clients' scripts tell, line by line, and the table of it."""

from dataclasses import dataclass, field

_MARKS = {"ok": "ok", "failed": "FAILED"}


@dataclass
class Outcomes:
    """Of each client, API and model: scenario -> what became of it."""

    rows: dict[tuple[str, str, str], dict[str, str]] = field(default_factory=dict)
    client: str = ""

    def read(self, line: str) -> None:
        """`client NAME VERSION`, then `ok|failed API MODEL SCENARIO [WHY]`; all else is talk."""
        first, *rest = line.split() or [""]
        if first == "client":
            self.client = " ".join(rest)
        elif first in _MARKS:
            api, model, scenario = rest[:3]
            self.rows.setdefault((self.client, api, model), {})[scenario] = _MARKS[first]

    def table(self) -> str:
        scenarios = list(dict.fromkeys(name for row in self.rows.values() for name in row))
        head = ["client", "API", "model", *scenarios]
        body = [
            [*names, *(row.get(scenario, "-") for scenario in scenarios)] for names, row in self.rows.items()
        ]
        widths = [max(map(len, column)) for column in zip(head, *body, strict=True)]
        return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in ([], head, *body))
