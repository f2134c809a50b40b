"""A run as a picture: groups of horizontal bars, readable on a light and on a dark page. SVG, and nothing else."""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from statistics import median

from benchmarks import doubts
from benchmarks.samples import Samples
from benchmarks.tables import Form, fine, whole
from benchmarks.targets import OWN

WIDTH, LABEL, VALUE = 720, 96, 150
BAR, BASE, STEP, HEADING, GAP = 16, 13, 22, 26, 14
FULL = WIDTH - LABEL - VALUE

STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .heading { font-weight: 600 }
  .note { fill: #59636e }
  .own { fill: #0969da }
  .peer { fill: #8c959f }
  .spread { stroke: #1f2328; stroke-width: 1.5 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .note { fill: #9198a1 }
    .own { fill: #4493f8 }
    .peer { fill: #656c76 }
    .spread { stroke: #f0f6fc }
  }
"""


@dataclass(frozen=True)
class Group:
    heading: str
    note: str
    axis: str
    key: str
    form: Form = fine
    added: bool = False


GROUPS = (
    Group("JSON chat, 32 callers", "requests/s, more is better", "json", "rate", whole),
    Group("Added to a JSON answer, one caller", "ms, less is better", "latency", "p50_ms", added=True),
    Group("CPU for each chunk, 200 streams at 50 tokens/s", "us, less is better", "streams-200", "cpu_us"),
    Group("Chat with a picture of 5 MiB, 4 callers", "requests/s, more is better", "picture-5m", "rate"),
    Group("Memory at rest", "RSS in MB, less is better", "idle", "rss_mb"),
)


@dataclass(frozen=True)
class Bar:
    subject: str
    values: list[float]
    held: str = ""
    """Why its numbers do not count, if so."""

    @property
    def middle(self) -> float:
        return median(self.values)


def bars(group: Group, samples: Samples) -> list[Bar]:
    """Of those who stand between the load and the upstream, Arkway first."""
    found = []
    for subject in sorted(samples.subjects(group.axis), key=lambda name: name != OWN):
        values = (samples.added if group.added else samples.of)(group.axis, subject, group.key)
        held = doubts.held_back(samples, group.axis, subject) if group.key == "cpu_us" else []
        if values and subject != "direct":
            found.append(Bar(subject, values, ", ".join(held)))
    return found


def svg(samples: Samples) -> str:
    parts: list[str] = []
    y = 0
    for group in GROUPS:
        if shown := bars(group, samples):
            parts += drawn(group, shown, y)
            y += HEADING + STEP * len(shown) + GAP
    size = f'width="{WIDTH}" height="{y}" viewBox="0 0 {WIDTH} {y}"'
    title = "Arkway beside other gateways, one core each"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{title}">'
    return "\n".join([head, f"<style>{STYLE}</style>", *parts, "</svg>", ""])


def drawn(group: Group, shown: list[Bar], y: int) -> Iterator[str]:
    note = f'<tspan class="note" font-weight="400" dx="8">{escape(group.note)}</tspan>'
    yield f'<text class="heading" x="0" y="{y + 16}">{escape(group.heading)}{note}</text>'
    most = max((max(bar.values) for bar in shown if not bar.held), default=0)
    for number, bar in enumerate(shown):
        top = y + HEADING + STEP * number
        yield f'<text x="{LABEL - 8}" y="{top + BASE}" text-anchor="end">{escape(bar.subject)}</text>'
        if bar.held:
            yield f'<text class="note" x="{LABEL}" y="{top + BASE}">not counted: {escape(bar.held)}</text>'
        else:
            yield from drawn_bar(group, bar, FULL / most if most > 0 else 0, top)


def drawn_bar(group: Group, bar: Bar, scale: float, y: int) -> Iterator[str]:
    kind = "own" if bar.subject == OWN else "peer"
    low, middle, high = (max(value, 0) * scale for value in (min(bar.values), bar.middle, max(bar.values)))
    yield f'<rect class="{kind}" x="{LABEL}" y="{y}" width="{middle:.1f}" height="{BAR}" rx="2"/>'
    if len(bar.values) > 1:
        ends = f'x1="{LABEL + low:.1f}" x2="{LABEL + high:.1f}" y1="{y + BAR / 2}" y2="{y + BAR / 2}"'
        yield f'<line class="spread" {ends}/>'
    yield f'<text x="{LABEL + high + 6:.1f}" y="{y + BASE}">{group.form(bar.middle)}</text>'
