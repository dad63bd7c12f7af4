"""Small plots as SVG, in the colours of the page around them. Pure: values in, text out."""

from collections.abc import Mapping, Sequence
from html import escape
from math import log10
from typing import Any

COLOURS = ("a", "b", "c", "d", "e")
"""Names of the page's variables that hold colours."""
WIDE, TALL = 560, 300
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 14, 34
SHARES = (0.0, 0.5, 0.9, 0.95, 0.99, 0.999)
TICKS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000)


def ecdf(curves: Mapping[str, Sequence[tuple[float, float]]], limits: Mapping[str, float]) -> str:
    """How large a share had come by when: a step curve for each name, and a line for each limit in ms."""
    known = [ms for points in curves.values() for ms, _ in points]
    if not known:
        return _svg("No turns", '<text x="24" y="40">No turn had a sound.</text>', 80)
    low, high = max(1.0, min(known) * 0.8), max(*known, *limits.values(), 2.0) * 1.15

    def x(ms: float) -> float:
        return LEFT + (WIDE - LEFT - RIGHT) * (log10(max(ms, low)) - log10(low)) / (log10(high) - log10(low))

    parts = [_grid(x, low, high)]
    for at, (name, ms) in enumerate(limits.items()):
        line = f'<line x1="{x(ms):.1f}" x2="{x(ms):.1f}" y1="{TOP}" y2="{TALL - BOTTOM}" stroke="var(--bad)"'
        words = (
            f'<text x="{x(ms) - 5:.1f}" y="{TOP + 13 + 16 * at}" text-anchor="end">{escape(name)} {_time(ms)}</text>'
        )
        parts.append(f'{line} stroke-dasharray="4 4"/>{words}')
    for at, points in enumerate(curves.values()):
        if points:
            way = f"M{x(points[0][0]):.1f} {_y(0.0):.1f}" + "".join(
                f"H{x(ms):.1f}V{_y(share):.1f}" for ms, share in points
            )
            colour = COLOURS[at % len(COLOURS)]
            parts.append(f'<path d="{way}" fill="none" stroke="var(--{colour})" stroke-width="2"/>')
    return _svg("Share of turns by the time of their first sound", "".join(parts), TALL)


def waterfall(stages: Mapping[str, Any], steps: Sequence[str], names: Mapping[str, str]) -> str:
    """One stage after another at their medians, each with its 95th percentile from where it begins."""
    shown = [step for step in steps if stages[step]["p50_ms"] is not None]
    begins, begin = {}, 0.0
    for step in shown:
        begins[step], begin = begin, begin + stages[step]["p50_ms"]
    ends = [begins[step] + (stages[step]["p95_ms"] or stages[step]["p50_ms"]) for step in shown]
    whole = max([*ends, begin, 1.0])
    tall, wide = 56 * len(shown) + 20, WIDE - 24
    parts = []
    for at, step in enumerate(shown):
        y, stage = 12 + 56 * at, stages[step]
        x, half = 12 + wide * begins[step] / whole, wide * stage["p50_ms"] / whole
        tail = wide * (stage["p95_ms"] or stage["p50_ms"]) / whole
        words = f"{_time(stage['p50_ms'])}, P95 {_time(stage['p95_ms'])}"
        rect = f'<rect x="{x:.1f}" y="{y + 20}" height="16" rx="3" fill="var(--a)"'
        parts.append(
            f'<text class="ink" x="12" y="{y + 13}">{escape(names[step])}</text>'
            f'<text x="{WIDE - 12}" y="{y + 13}" text-anchor="end">{words}</text>'
            f'{rect} width="{max(tail, 1):.1f}" opacity=".25"/>{rect} width="{max(half, 1):.1f}"/>'
        )
    return _svg("Stages of a turn, one after another", "".join(parts) or '<text x="12" y="15">No turns.</text>', tall)


def hours(rows: Sequence[Mapping[str, Any]]) -> str:
    """A bar for each hour: how tall is its 95th percentile, how strong its number of turns."""
    shown = rows[-168:]
    values = [row["stages"]["ttfa"]["p95_ms"] for row in shown]
    most = max((value for value in values if value is not None), default=0.0)
    busiest = max((row["turns"] for row in shown), default=1)
    wide, tall, width = 1100, 170, 1060 / max(len(shown), 1)
    parts = [f'<text x="12" y="16">{_time(most) if most else "no turns"}</text>']
    for at, (row, value) in enumerate(zip(shown, values, strict=True)):
        high = 110 * (value / most if value is not None and most else 1.0)
        fill = "var(--a)" if value is not None else "var(--bad)"
        told = f"{row['value']}: {_time(value) if value is not None else 'never'}, {row['turns']:,} turns"
        parts.append(
            f'<rect x="{20 + at * width:.1f}" y="{136 - high:.1f}" width="{max(min(width, 40) - 1, 1):.1f}"'
            f' height="{high:.1f}" fill="{fill}" opacity="{0.3 + 0.7 * row["turns"] / busiest:.2f}">'
            f"<title>{escape(told)}</title></rect>"
        )
    if shown:
        parts.append(f'<text x="20" y="158">{escape(shown[0]["value"])}</text>')
        if len(shown) > 1:
            parts.append(f'<text x="{wide - 20}" y="158" text-anchor="end">{escape(shown[-1]["value"])}</text>')
    return _svg("95th percentile by the hour", "".join(parts), tall, wide)


def _grid(x: Any, low: float, high: float) -> str:
    """Lines at shares and at times, as far as they do not crowd."""
    parts = []
    for share in SHARES:
        y = _y(share)
        line = f'<line x1="{LEFT}" x2="{WIDE - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="var(--line)"/>'
        parts.append(f'{line}<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{share * 100:g} %</text>')
    last = -100.0
    for ms in TICKS_MS:
        if low <= ms <= high and x(ms) - last > 52:
            last = x(ms)
            parts.append(f'<text x="{last:.1f}" y="{TALL - 12}" text-anchor="middle">{_time(ms)}</text>')
    return "".join(parts)


def _y(share: float) -> float:
    """Where a share stands: as far again for each tenth of what is left."""
    nines = min(3.0, -log10(max(1e-9, 1.0 - share)))
    return TALL - BOTTOM - (TALL - TOP - BOTTOM) * nines / 3.0


def _time(ms: float | None) -> str:
    if ms is None:
        return "never"
    return f"{ms:,.0f} ms" if ms < 1000 else f"{ms / 1000:.3g} s"


def _svg(title: str, inside: str, tall: int, wide: int = WIDE) -> str:
    return f'<svg viewBox="0 0 {wide} {tall}" role="img" aria-label="{escape(title)}">{inside}</svg>'
