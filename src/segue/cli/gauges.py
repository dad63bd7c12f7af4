"""How a watched server looks in a terminal: its verdict, each variant with a line of its past, what is wrong."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

VERDICTS = {
    "ok": ("✔ no alarm", "green"),
    "p1": ("! P1: step back, or look", "yellow"),
    "p0": ("✖ P0: go back at once", "bold red"),
    "no_data": ("? not enough to say", "magenta"),
}
LEVELS = {"fail": "bold red", "warn": "yellow", "no_data": "magenta", "not_measured": "dim"}
BARS = "▁▂▃▄▅▆▇█"
NONE = "–"
WIDE = 120
"""Columns from which on everything is shown."""
PAST = 12
"""So many windows are in a line."""


def spark(values: Sequence[float | None]) -> str:
    """The latest figures as a line of bars between their least and their greatest; a dot where there was none."""
    shown = list(values)[-PAST:]
    known = [value for value in shown if value is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    step = (high - low) / (len(BARS) - 1) or 1.0
    return "".join("·" if value is None else BARS[round((value - low) / step)] for value in shown)


def block(
    told: Mapping[str, Any], past: Sequence[Mapping[str, Any]], place: str, *, wide: bool, judged: bool = True
) -> RenderableType:
    """A window as it stands, with the ones before it, oldest first.

    Where it is not `wide` it fits into 80 columns; what does not hold is told where it is `judged`.
    """
    words, colour = VERDICTS[told["verdict"]]
    ended = datetime.fromtimestamp(told["ended"]).astimezone().strftime("%H:%M:%S")
    head = Text.assemble((words, colour), (f"  {told['window_s']:.0f} s until {ended}", "dim"))
    parts: list[RenderableType] = [head]
    for rollout in told["rollouts"]:
        where = f"{rollout['name']} · {rollout['stage']} · {rollout['share']:.1%} · {rollout['phase']}"
        parts.append(Text(where, style="cyan"))
    if told["variants"]:
        parts += [Text(), _variants(told, past) if wide else _in_short(told, past)]
    if told["providers"]:
        parts += [Text(), _providers(told)]
    parts += [Text(), _around(told)]
    wrong = [check for check in told["checks"] if check["level"] != "pass" and judged]
    for check in sorted(wrong, key=lambda check: list(LEVELS).index(check["level"])):
        parts.append(Text.assemble((f"{check['name']}  ", LEVELS[check["level"]]), check["reason"]))
        if check["level"] in ("fail", "warn"):
            parts.append(Text(f"  → {check.get('hint', '')}", style="dim"))
    return Panel(Group(*parts), title=f"[bold]{place}[/]", title_align="left", border_style=colour, padding=(1, 2))


def _variants(told: Mapping[str, Any], past: Sequence[Mapping[str, Any]]) -> Table:
    table = _table("VARIANT", "TURNS", "SUCCESS", "FALLBACK", "UNDERFLOW", "TTFA P50", "P95", "P99", "FIRST TTS P95")
    for each in told["variants"]:
        before = [_of(window, each["variant"]) for window in past]
        ttfa, first_tts = (
            [known and known["p95_ms"] for known in _each(before, name)] for name in ("ttfa", "first_tts")
        )
        table.add_row(
            Text.assemble(each["variant"], (f" {each['arm']}" if each["arm"] else "", "cyan")),
            f"{each['turns']:,}",
            _cell(_share(each["success"]), _each(before, "success")),
            _cell(_share(each["fallback"]), _each(before, "fallback")),
            _share(each["underflow"]),
            _ms(each["ttfa"]["p50_ms"]),
            _cell(_ms(each["ttfa"]["p95_ms"]), ttfa),
            _ms(each["ttfa"]["p99_ms"]),
            _cell(_ms(each["first_tts"]["p95_ms"]), first_tts),
        )
    return table


def _in_short(told: Mapping[str, Any], past: Sequence[Mapping[str, Any]]) -> Table:
    table = _table("VARIANT", "TURNS", "SUCCESS", "FALLBACK", "TTFA P95", "")
    for each in told["variants"]:
        before = [_of(window, each["variant"]) for window in past[-8:]]
        table.add_row(
            Text(f"{each['variant']} {each['arm']}", style="cyan" if each["arm"] else ""),
            f"{each['turns']:,}",
            _share(each["success"]),
            _share(each["fallback"]),
            _ms(each["ttfa"]["p95_ms"]),
            Text(spark([known and known["p95_ms"] for known in _each(before, "ttfa")]), style="cyan"),
        )
    return table


def _providers(told: Mapping[str, Any]) -> Table:
    table = _table("PROVIDER", "SPOKE", "FAILED", "CACHED", "MEAN", "P95")
    for each in told["providers"]:
        counts = (f"{each[name]:,}" for name in ("completed", "failed", "cached"))
        table.add_row(each["provider"], *counts, _ms(each["mean_ms"]), _ms(each["p95_ms"]))
    return table


def _around(told: Mapping[str, Any]) -> Text:
    requests, cache = told["requests"], told["cache"]
    words = f"{requests['n']:,} requests, {requests['failed']:,} answered 5xx"
    words += f" · cache {_share(cache['hit_rate'])} of {cache['lookups']:,}"
    words += f" · {told['restarts']} restarts" if told["restarts"] else ""
    return Text(words, style="dim")


def _table(*heads: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for head in heads:
        table.add_column(head, justify="left" if head == heads[0] else "right", no_wrap=True)
    return table


def _of(window: Mapping[str, Any], variant: str) -> Mapping[str, Any] | None:
    return next((each for each in window["variants"] if each["variant"] == variant), None)


def _each(before: Sequence[Mapping[str, Any] | None], name: str) -> list[Any]:
    return [None if known is None else known[name] for known in before]


def _cell(words: str, before: Sequence[float | None]) -> Text:
    return Text.assemble(words, (f" {spark(before)}" if len(before) > 1 else "", "cyan"))


def _share(value: float | None) -> str:
    return NONE if value is None else f"{value:.1%}"


def _ms(value: float | None) -> str:
    return NONE if value is None else f"{value:,.0f} ms" if value < 10_000 else f"{value / 1000:,.1f} s"
