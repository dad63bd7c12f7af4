"""Rules of Prometheus as values, and as the file that Prometheus reads. The same values give the same bytes."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

DIGEST = "segue:rules:digest"
"""A series whose label `digest` says which edition of the file a Prometheus has; its value is 1."""


class Severity(StrEnum):
    """Who is told of an alert, and how soon."""

    PAGE = "page"
    """Somebody is called at once: listeners suffer, or something is being lost."""
    TICKET = "ticket"
    """Somebody looks at it on a working day."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A figure that Prometheus computes and keeps."""

    record: str
    expr: str
    source: str = ""
    """Where its numbers come from; a comment in the file."""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Alert:
    """When somebody is told, what they are told, and what they can do."""

    name: str
    expr: str
    severity: Severity
    summary: str
    """One line, with Prometheus's templates in it."""
    description: str
    """What was measured, beside its limit."""
    meaning: str
    """For the page of alerts: what it means for listeners."""
    remedy: str
    """For the page of alerts: what to do."""
    source: str = ""
    """Where its numbers come from: names of settings, or of a plan's gates."""
    for_s: int = 0
    """How long it must hold, in whole seconds."""
    dashboard: str = "segue-voice"
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that are evaluated one after another, every `interval_s`."""

    name: str
    about: str
    rules: tuple[Recording | Alert, ...]
    interval_s: int = 30


@dataclass(frozen=True, slots=True)
class Links:
    """Where the notes of an alert lead: the folder or address of the documents, and the address of Grafana."""

    docs: str = "docs"
    grafana: str = ""

    def runbook(self, alert: Alert) -> str:
        """The section of the page of alerts."""
        return f"{self.docs.rstrip('/')}/reference/alerts.md#{anchor(alert)}"

    def dashboard(self, alert: Alert) -> str:
        """The dashboard to look at."""
        return f"{self.grafana.rstrip('/')}/d/{alert.dashboard}"


def anchor(alert: Alert) -> str:
    """The name of an alert's section; alerts of one kind that plans add share one."""
    return alert.labels.get("kind", alert.name).lower()


def alerts_of(groups: Iterable[Group]) -> tuple[Alert, ...]:
    """Every alert, in order."""
    return tuple(rule for group in groups for rule in group.rules if isinstance(rule, Alert))


def digest(groups: Iterable[Group], links: Links) -> str:
    """What identifies a set of rules: the first 16 hexadecimal digits of the SHA-256 of their text."""
    return hashlib.sha256(_body(groups, links).encode("utf-8")).hexdigest()[:16]


def stamped(groups: Iterable[Group], links: Links) -> tuple[Group, ...]:
    """The groups, and before them one whose only series says which edition they are."""
    groups = tuple(groups)
    stamp = Recording(DIGEST, "vector(1)", "the text of every other group", {"digest": digest(groups, links)})
    return (Group("segue-edition", "Which edition of these rules is loaded.", (stamp,)), *groups)


def text(groups: Iterable[Group], links: Links) -> str:
    """The file of rules, with the edition's own group first."""
    opening = (
        "# Rules for Prometheus, written by `segue telemetry export`. Do not edit them: change the settings or the\n"
        "# plan, and write them again. `segue telemetry check` tells whether Prometheus has this edition.\n"
    )
    return opening + "groups:\n" + _body(stamped(groups, links), links)


def addition(groups: Iterable[Group], links: Links, opening: str) -> str:
    """A file of rules beside that one: after a comment, groups of no edition."""
    return "".join(f"# {line}\n" for line in opening.splitlines()) + "groups:\n" + _body(groups, links)


def _body(groups: Iterable[Group], links: Links) -> str:
    return "".join(_group(group, links) for group in groups)


def _group(group: Group, links: Links) -> str:
    lines = [f"  # {group.about}", f"  - name: {group.name}", f"    interval: {group.interval_s}s", "    rules:"]
    for rule in group.rules:
        lines += _alert(rule, links) if isinstance(rule, Alert) else _recording(rule)
    return "\n".join(lines) + "\n"


def _recording(rule: Recording) -> list[str]:
    return [*_comment(rule.source), f"      - record: {rule.record}", *_expr(rule.expr), *_named("labels", rule.labels)]


def _alert(alert: Alert, links: Links) -> list[str]:
    return [
        *_comment(alert.source),
        f"      - alert: {alert.name}",
        *_expr(alert.expr),
        *([f"        for: {alert.for_s}s"] if alert.for_s else []),
        *_named("labels", labels(alert)),
        *_named("annotations", annotations(alert, links)),
    ]


def labels(alert: Alert) -> dict[str, str]:
    """The labels that an alert has beside those of its expression."""
    return {"severity": alert.severity.value, **alert.labels}


def annotations(alert: Alert, links: Links) -> dict[str, str]:
    """What is told with an alert."""
    return {
        "summary": alert.summary,
        "description": alert.description,
        "runbook_url": links.runbook(alert),
        "dashboard_url": links.dashboard(alert),
    }


def _comment(source: str) -> list[str]:
    return [f"      # From {source}."] if source else []


def _expr(expr: str) -> list[str]:
    if not set("\n\"'") & set(expr):
        return [f"        expr: {json.dumps(expr)}"]
    return ["        expr: |-", *(f"          {line}".rstrip() for line in expr.split("\n"))]


def _named(name: str, values: Mapping[str, str]) -> list[str]:
    if not values:
        return []
    return [
        f"        {name}:",
        *(f"          {key}: {json.dumps(said, ensure_ascii=False)}" for key, said in values.items()),
    ]
