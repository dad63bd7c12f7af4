"""`segue latency-audit`: where the time of replies goes, from the records of turns."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from segue.cli.asking import HERE, Server, Where
from segue.cli.reporting import END, Ending, finish, progress
from segue.clock import SystemClock
from segue.delivery.quantity import duration_s
from segue.errors import InvalidRequest, SegueError, Unavailable
from segue.operations.report import Report
from segue.operations.watching.gathering import turns
from segue.operations.watching.latency import audit, checks, taken
from segue.operations.watching.latency_text import markdown
from segue.operations.watching.monitor import promised
from segue.operations.watching.portrait import NAMES, figure, page, quantile, span
from segue.operations.watching.vitals import PARTS
from segue.records import TurnRecord
from segue.wiring.turns import turns as recorded

ENDINGS = (".html", ".md", ".json")
BAR = 18
"""Characters of the longest bar."""


def latency_audit(
    *,
    since: str = "24h",
    out: Path | None = None,
    config: Path | None = None,
    where: Where = HERE,
    ending: Ending = END,
) -> None:
    """Say where the time of replies goes, stage by stage, and whether the profiles keep what they promise.

    Parameters
    ----------
    since
        From when on: a duration such as 24h or 7d, or a moment in ISO 8601.
    out
        File for the whole audit, by its ending: .html (a page with plots), .md or .json.
    config
        YAML file with settings, for a data folder whose server does not run.
    """
    if out is not None and out.suffix not in ENDINGS:
        raise InvalidRequest(f"--out {out}: end it in one of {', '.join(ENDINGS)}.")
    clock = SystemClock()
    began_s = clock.wall()
    place, objectives, records = _read(where, config, _moment(since, began_s), quiet=ending.json_)
    times = [found for record in records if (found := taken(record)) is not None]
    told = audit(times, objectives)
    facts = {"since": told["since"], "until": told["until"], "all": told["all"], "slowest": told["slowest"]}
    judged = checks(times, objectives)
    report = Report("latency-audit", place, round(began_s * 1e6), round(clock.wall() * 1e6), judged, facts)
    if out is not None:
        _write(out, told, report)
    if not ending.json_:
        _show(told)
        if out is not None:
            print(f"The whole audit: {out}\n")
    finish(report, where, ending)


def _read(
    where: Where, config: Path | None, since_s: float, *, quiet: bool
) -> tuple[str, Mapping[str, Mapping[str, float]], list[TurnRecord]]:
    """From where, what is promised there, and the turns: of the server, or of the data folder where none answers."""
    server = Server(where)
    try:
        answer = server.fetch("GET", "/api/voice/degradation_status")
    except SegueError:
        if where.url is not None:
            raise
        return _kept(where, config, since_s)
    with progress("Reading turns", quiet=quiet) as bar:
        records = turns(server, since_s, lambda count: bar(count, count, f"Reading turns: {count:,}"))
    return server.place, promised(answer.plain() if answer.ok else None), records


def _kept(
    where: Where, config: Path | None, since_s: float
) -> tuple[str, Mapping[str, Mapping[str, float]], list[TurnRecord]]:
    settings, records = recorded(where.folder, config, since_s)
    profiles = {"fast": settings.voice.profiles.fast, "quality": settings.voice.profiles.quality}
    plain = {
        profile: {name: {"objective": value} for name, value in each.model_dump().items()}
        for profile, each in profiles.items()
    }
    return str(where.folder), promised({"profiles": plain}), records


def _moment(since: str, now_s: float) -> float:
    try:
        return now_s - float(duration_s(since))
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(since).astimezone().timestamp()
    except ValueError:
        raise InvalidRequest(f"--since {since!r}: write 24h, 7d or 2026-11-21T10:30.") from None


def _write(out: Path, told: Mapping[str, Any], report: Report) -> None:
    if out.suffix == ".json":
        text = json.dumps(dict(told) | {"report": report.as_dict()}, ensure_ascii=False, indent=2) + "\n"
    else:
        text = page(told, report) if out.suffix == ".html" else markdown(told, report)
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Unavailable(f"{out} cannot be written: {error.strerror}.") from error


def _show(told: Mapping[str, Any]) -> None:
    """The stages in a terminal, each with a bar as long as its median and its 95th percentile."""
    console = Console(highlight=False)
    whole = told["all"]
    cut = "–" if whole["cut_short"] is None else f"{whole['cut_short']:.1%}"
    console.print(f"[bold]{span(told)}[/]; {cut} cut short, {whole['silent']:,} failed without a sound\n")
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for head in ("STAGE", "N", *(word.upper() for word in PARTS), "P95 IS WITHIN", ""):
        table.add_column(head, justify="left" if head in ("STAGE", "") else "right", no_wrap=True)
    longest = max((whole["stages"][name]["p95_ms"] or 0.0 for name in NAMES), default=0.0) or 1.0
    for name, word in NAMES.items():
        stage = whole["stages"][name]
        low, high = stage["p95_between_ms"] or (None, None)
        half, tail = (round(BAR * (stage[f"{part}_ms"] or 0.0) / longest) for part in ("p50", "p95"))
        bar = f"[cyan]{'█' * half}[/][dim cyan]{'░' * (tail - half)}[/]"
        figures = (quantile(stage, part) for part in PARTS)
        table.add_row(word, f"{stage['n']:,}", *figures, f"{figure(low)} … {figure(high)}", bar)
    console.print(table)
    console.print()
