"""What Arkway shall reach, beside what others reach in the same run."""

from dataclasses import dataclass

MISS = "MISS"


@dataclass(frozen=True)
class Target:
    """Arkway's median, or its ratio to a peer's; without a bound it is only told."""

    text: str
    axis: str
    key: str
    peer: str | None = None
    least: float | None = None
    most: float | None = None

    def word(self, value: float) -> str:
        if self.least is not None:
            return "pass" if value >= self.least else MISS
        if self.most is not None:
            return "pass" if value <= self.most else MISS
        return "told"

    def bound(self) -> str:
        if self.least is not None:
            return f">= {self.least:g}"
        return "" if self.most is None else f"<= {self.most:g}"


@dataclass(frozen=True)
class Verdict:
    text: str
    bound: str
    value: float | None
    word: str
    note: str


TARGETS = (
    Target("JSON requests/s, times LiteLLM's", "json", "rate", "litellm", least=40),
    Target("JSON requests/s, of vllm-router's", "json", "rate", "vllm-router", least=0.3),
    Target("CPU per relayed chunk, times nginx's", "streams", "cpu_us", "nginx", most=2.5),
    Target("CPU per relayed chunk, times vllm-router's", "streams", "cpu_us", "vllm-router"),
    Target("5 MB picture requests/s, of nginx's", "picture", "rate", "nginx", least=0.5),
    Target("5 MB picture requests/s, of nginx-16m's", "picture", "rate", "nginx-16m"),
    Target("Ready, seconds", "ready", "seconds", most=1.5),
    Target("Idle RSS, MB", "idle", "rss_mb", most=90),
)
