"""Prints the page of alerts: when each fires, what it means, what to do."""

from collections.abc import Iterable

from docs.printers.markdown import page, table
from segue.telemetry.alerts import alerts, everything
from segue.telemetry.alerts_plan import KIND
from segue.telemetry.dashboards import dashboards
from segue.telemetry.rule import Alert, Group, Links, Recording, annotations
from segue.telemetry.rules import Basis
from segue.vendors.telemetry import AlertSettings

_OPENING = """
Written by `segue telemetry export` for Prometheus; [how to have them read](../how-to/alerts-and-dashboards.md). The
limits here are the shipped ones: each comes from a setting, and the exported file says from which.

A `page` calls somebody at once, a `ticket` waits for a working day. An alert about a share is a quotient of two counts
over the same time, is silent below {least} turns (`voice.degradation.min_turns`) or {bad} bad ones
(`telemetry.alerts.min_bad`), and counts “slower than” at an edge of a histogram. Where there is no traffic, shares are
silent, and `SegueNoTurns`, `SegueOutage`, `SegueGone` and `SegueDown` speak instead.
"""
_PLANS = """
Each plan that is given to the export (`--plan FILE`) adds one alert for each of its gates of latency, failure,
fallback, underflow, regression, and of a mean of turns. Gates about the whole server (`quiet`, `memory`) and about the
mean of a synthesizer have none: other alerts watch that.
"""
_ASKED_FOR = {"SegueCacheMisses": "cache_hit_share", "SegueBackupStale": "backup_s"}
"""Alerts that are there only where their setting is."""


def alerts_page(note: str) -> str:
    """Every alert with its section, those of plans as one, the recorded series, and the dashboards."""
    basis = Basis(alerts=AlertSettings(cache_hit_share=0.8, backup_s=93_600.0))
    groups = alerts(basis)
    found = [(group, [rule for rule in group.rules if isinstance(rule, Alert)]) for group in groups]
    rows = [
        (f"[`{alert.name}`](#{alert.name.lower()})", alert.severity.value, _plain(alert.summary), _for(alert))
        for _, those in found
        for alert in those
    ]
    opening = _OPENING.format(least=basis.degradation.min_turns, bad=basis.alerts.min_bad)
    return page(
        "# Alerts",
        note,
        opening,
        table(["alert", "severity", "in short", "after"], rows),
        *(part for group, those in found for part in _sections(group, those)),
        "## Gates of plans",
        f"### {KIND}",
        _PLANS,
        "**Means:** a candidate is over the limit of one of its gates, as Prometheus sees it over ten minutes.",
        "**Do:** `segue rollout status` says how the rollout itself sees it. If it does not act and listeners suffer: "
        "`segue rollout rollback`.",
        "## Recorded series",
        table(["series", "what it is"], _recorded(everything(Basis()))),
        "## Dashboards",
        table(["file", "what it shows"], [(f"`{each.uid}.json`", each.about) for each in dashboards(Basis())]),
    )


def _sections(group: Group, those: Iterable[Alert]) -> list[str]:
    parts = [f"## {group.about.rstrip('.')}"]
    for alert in those:
        told = annotations(alert, Links())["description"]
        parts += [
            f"### {alert.name}",
            f"**Says:** {_plain(told)}",
            f"**Means:** {alert.meaning}",
            f"**Do:** {alert.remedy}",
            *([f"**Its numbers:** {alert.source}."] if alert.source else []),
        ]
        if alert.name in _ASKED_FOR:
            parts.append(f"Only where `telemetry.alerts.{_ASKED_FOR[alert.name]}` is set, which as shipped it is not.")
    return parts


def _plain(template: str) -> str:
    """A text of an alert with its templates as plain placeholders."""
    said = template
    while "{{" in said:
        before, _, rest = said.partition("{{")
        inside, _, after = rest.partition("}}")
        words = inside.strip()
        if words.startswith("if"):
            then, _, rest = after.partition("{{ else }}")
            other, _, rest = rest.partition("{{ end }}")
            said = f"{before}{then}, or: {other}{rest}"
            continue
        if words.startswith("with"):
            name, after = "…", after.partition("{{ end }}")[2]
        elif words.startswith("$labels."):
            name = words.removeprefix("$labels.")
        else:
            name = "share" if "humanizePercentage" in words else "time" if "Duration" in words else "number"
        said = f"{before}‹{name}›{after}"
    return said


def _for(alert: Alert) -> str:
    return f"{alert.for_s // 60} min" if alert.for_s else "at once"


def _recorded(groups: Iterable[Group]) -> list[tuple[str, str]]:
    """Each series once, whatever its window."""
    found: dict[str, str] = {}
    said = {
        "turns_over": "turns that completed or failed",
        "turns_slow": "turns without a sound within what their profile promises, failed ones included",
        "turns_failed": "turns that failed",
        "turns_ended": "turns that ended, in whatever way",
        "underflow_turns": "turns in which a listener at normal speed would have waited in mid-reply",
    }
    for rule in (rule for group in groups for rule in group.rules if isinstance(rule, Recording)):
        name, _, how = rule.record.rpartition(":")
        what = next((words for key, words in said.items() if name.endswith(key)), "a quantile of the measure it names")
        kind = "increase" if how.startswith("increase") else how.split("_")[0]
        window = how.removeprefix("increase") if kind == "increase" else how.split("_")[1]
        key = f"`{name}:{kind}`"
        before = found.get(key, "").rpartition("over ")[2]
        windows = [*filter(None, before.split(", ")), window] if before else [window]
        found[key] = f"{what}, over {', '.join(dict.fromkeys(windows))}"
    return list(found.items())
