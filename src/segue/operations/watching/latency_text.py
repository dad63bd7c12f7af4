"""The latency audit as Markdown. Pure: values in, text out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from segue.operations.report import Report
from segue.operations.watching.portrait import GROUPS, NAMES, NOTE, SIGNS, figure, quantile, span
from segue.operations.watching.vitals import PARTS


def markdown(told: Mapping[str, Any], report: Report) -> str:
    """The text of an audit, as `latency.audit` has it."""
    return "\n".join(_lines(told, report)) + "\n"


def _lines(told: Mapping[str, Any], report: Report) -> Iterator[str]:
    whole = told["all"]
    yield f"# Latency audit of {report.target}\n"
    yield f"{span(told)}. {SIGNS[report.outcome]} {report.outcome.value.replace('_', ' ')}\n"
    cut = "–" if whole["cut_short"] is None else f"{whole['cut_short']:.1%}"
    yield f"Cut short by listeners: {cut}, {whole['left_before_sound']:,} of them before a sound."
    yield f"Failed without a sound: {whole['silent']:,}.\n"
    yield from _table(("stage", "n", "never", *PARTS), (_stage(name, whole["stages"][name]) for name in NAMES))
    yield "\n## What was promised\n"
    rows = ((SIGNS[check.level], f"`{check.name}`", check.reason) for check in report.checks)
    yield from _table(("", "check", "finding"), rows)
    for by in (*GROUPS, "hour"):
        yield f"\n## By {by}\n"
        groups = told["groups"][by]
        cells = ((row["value"] or "none", f"{row['turns']:,}", *_quantiles(row["stages"]["ttfa"])) for row in groups)
        yield from _table((by, "turns", *(f"first sound {part}" for part in PARTS)), cells)
    yield "\n## The slowest turns\n"
    slowest = (
        (f"`{turn['turn']}`", turn["variant"], turn["outcome"], *(figure(turn["stages"].get(name)) for name in NAMES))
        for turn in told["slowest"]
    )
    yield from _table(("turn", "variant", "end", *NAMES.values()), slowest)
    if told["silent"]:
        yield f"\nThe latest that failed without a sound: {', '.join(f'`{turn}`' for turn in told['silent'])}"
    yield f"\n{NOTE}"


def _stage(name: str, stage: Mapping[str, Any]) -> tuple[str, ...]:
    return (NAMES[name], f"{stage['n']:,}", f"{stage['never']:,}", *_quantiles(stage))


def _quantiles(stage: Mapping[str, Any]) -> tuple[str, ...]:
    told = []
    for part in PARTS:
        low, high = stage[f"{part}_between_ms"] or (None, None)
        told.append(f"{quantile(stage, part)} ({figure(low)} … {figure(high)})")
    return tuple(told)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(heads) + " |"
    yield "|" + " --- |" * len(heads)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
