"""Whether a Prometheus watches Segue as it should: what it has loaded beside what would be written. Rules only."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from segue.operations.report import Check, Level
from segue.telemetry.rule import DIGEST, Alert, Group, Recording, labels

_WRITE = "Write them with `segue telemetry export`, put the file beside Prometheus's own, and let it read them again."
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class LoadedRule:
    """A rule as Prometheus has it."""

    name: str
    expr: str
    for_s: float
    labels: Mapping[str, str]
    error: str = ""
    """Why its last evaluation failed; empty where it did not."""


@dataclass(frozen=True, slots=True)
class Target:
    """A server that Prometheus scrapes."""

    instance: str
    up: bool
    error: str = ""


@dataclass(frozen=True, slots=True)
class Firing:
    """An alert that fires."""

    name: str
    severity: str
    description: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a Prometheus has."""

    version: str
    rules: Mapping[str, tuple[LoadedRule, ...]]
    """By group."""
    targets: tuple[Target, ...]
    firing: tuple[Firing, ...]


def judged(loaded: Loaded, wanted: Sequence[Group]) -> tuple[Check, ...]:
    """The checks of a Prometheus that answers; `wanted` are the groups with their edition, as they are written."""
    return (
        Check("telemetry.prometheus", Level.PASS, f"Prometheus {loaded.version} answers.", {"version": loaded.version}),
        _scraped(loaded.targets),
        _groups(loaded, wanted),
        _edition(loaded, wanted),
        _same(loaded, wanted),
        _evaluated(loaded, wanted),
        _firing(loaded.firing),
    )


def _scraped(targets: Sequence[Target]) -> Check:
    up = [target.instance for target in targets if target.up]
    figures = {"targets": len(targets), "up": len(up)}
    if not targets:
        said = "Prometheus scrapes no target of the job segue."
        return Check("telemetry.scraped", Level.FAIL, said, figures, "Add the job of the exported prometheus.yaml.")
    if len(up) == len(targets):
        return Check("telemetry.scraped", Level.PASS, f"All {len(up)} targets of the job segue are up.", figures)
    down = "; ".join(f"{each.instance} ({each.error or 'no reason told'})" for each in targets if not each.up)
    level = Level.WARN if up else Level.FAIL
    said = f"{len(targets) - len(up)} of {len(targets)} targets are down: {down}."
    return Check("telemetry.scraped", level, said, figures, "Is the server running, and can Prometheus reach it?")


def _groups(loaded: Loaded, wanted: Sequence[Group]) -> Check:
    missing = [group.name for group in wanted if group.name not in loaded.rules]
    figures = {"wanted": len(wanted), "missing": len(missing)}
    if missing:
        said = f"{len(missing)} of {len(wanted)} groups are not loaded: {_some(missing)}."
        return Check("telemetry.groups", Level.FAIL, said, figures, _WRITE)
    return Check("telemetry.groups", Level.PASS, f"All {len(wanted)} groups are loaded.", figures)


def _edition(loaded: Loaded, wanted: Sequence[Group]) -> Check:
    ours = _digest(wanted)
    theirs = next((rule.labels.get("digest", "") for rule in _all(loaded) if rule.name == DIGEST), "")
    figures = {"ours": ours, "theirs": theirs}
    if not theirs:
        return Check("telemetry.edition", Level.FAIL, "Prometheus has no edition of the rules.", figures, _WRITE)
    if ours == theirs:
        return Check("telemetry.edition", Level.PASS, f"It has this edition of the rules, {ours}.", figures)
    said = f"It has the edition {theirs} of the rules; these settings and plans make {ours}."
    return Check("telemetry.edition", Level.FAIL, said, figures, _WRITE)


def _same(loaded: Loaded, wanted: Sequence[Group]) -> Check:
    """Whether anybody changed a rule by hand: the edition is only what a file says of itself."""
    there = {(rule.name, _stamp(rule.labels)): rule for rule in _all(loaded)}
    changed = []
    for rule in (rule for group in wanted for rule in group.rules):
        name, stamp = (
            (rule.name, _stamp(labels(rule))) if isinstance(rule, Alert) else (rule.record, _stamp(rule.labels))
        )
        found = there.get((name, stamp))
        if found is None or _bare(found.expr) != _bare(rule.expr) or found.for_s != _for_s(rule):
            changed.append(name)
    rules = sum(len(group.rules) for group in wanted)
    figures = {"rules": rules, "different": len(changed)}
    if changed:
        said = f"{len(changed)} of {rules} rules are missing or different: {_some(changed)}."
        return Check("telemetry.rules", Level.FAIL, said, figures, _WRITE)
    return Check("telemetry.rules", Level.PASS, f"All {rules} rules are as they are written.", figures)


def _evaluated(loaded: Loaded, wanted: Sequence[Group]) -> Check:
    ours = {group.name for group in wanted}
    bad = [rule for name, rules in loaded.rules.items() if name in ours for rule in rules if rule.error]
    if not bad:
        return Check("telemetry.evaluated", Level.PASS, "No rule failed when it was evaluated.", {"failed": 0})
    said = f"{len(bad)} rules cannot be evaluated, {bad[0].name} among them: {bad[0].error}."
    hint = "Two servers under one name, or an older Segue, are the usual reasons."
    return Check("telemetry.evaluated", Level.FAIL, said, {"failed": len(bad)}, hint)


def _firing(firing: Sequence[Firing]) -> Check:
    pages = [each for each in firing if each.severity == "page"]
    figures = {"pages": len(pages), "tickets": len(firing) - len(pages)}
    if not firing:
        return Check("telemetry.firing", Level.PASS, "No alert of Segue's fires.", figures)
    first = (pages or list(firing))[0]
    said = f"{_some(sorted({each.name for each in firing}))} fire: {first.description}"
    hint = "docs/reference/alerts.md says what each means and what to do."
    return Check("telemetry.firing", Level.FAIL if pages else Level.WARN, said, figures, hint)


def _digest(wanted: Iterable[Group]) -> str:
    stamps = (rule for group in wanted for rule in group.rules if isinstance(rule, Recording) and rule.record == DIGEST)
    return next((rule.labels["digest"] for rule in stamps), "")


def _all(loaded: Loaded) -> Iterator[LoadedRule]:
    for rules in loaded.rules.values():
        yield from rules


def _stamp(labels_: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(labels_.items()))


def _bare(expr: str) -> str:
    """An expression without what Prometheus writes in its own way: spaces and brackets."""
    return re.sub(r"[\s()]", "", expr)


def _for_s(rule: Recording | Alert) -> float:
    return float(rule.for_s) if isinstance(rule, Alert) else 0.0


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
