"""Asks a Prometheus whether it watches Segue as it should."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from segue.errors import Unavailable
from segue.operations.readiness.watched import Firing, Loaded, LoadedRule, Target, judged
from segue.operations.report import Check, Level
from segue.telemetry.alerts_server import JOB
from segue.telemetry.rule import Group, Links, stamped


class Monitoring(Protocol):
    """A Prometheus."""

    @property
    def place(self) -> str:
        """Its address; no secret is in it."""

    def ask(self, path: str, **query: str) -> Any:
        """The `data` of its answer under `/api/v1/` and this path.

        Raises:
            Unavailable: it does not answer, or not as a Prometheus does.
        """


def installed(monitoring: Monitoring, groups: Sequence[Group], links: Links) -> tuple[Check, ...]:
    """The checks of a Prometheus: does it scrape us, has it our rules as they are written now, does anything fire.

    `groups` and `links` are those of the export, without their edition.
    """
    try:
        loaded = _gathered(monitoring)
    except Unavailable as error:
        hint = "Start it, or name its address with --prometheus."
        return (Check("telemetry.prometheus", Level.FAIL, error.message, {}, hint),)
    return judged(loaded, stamped(groups, links))


def _gathered(monitoring: Monitoring) -> Loaded:
    try:
        found = monitoring.ask("rules")["groups"]
        targets = monitoring.ask("targets", state="active")["activeTargets"]
        return Loaded(
            version=str(monitoring.ask("status/buildinfo")["version"]),
            rules={str(group["name"]): tuple(_rule(rule) for rule in group["rules"]) for group in found},
            targets=tuple(_target(each) for each in targets if each["labels"].get("job") == JOB),
            firing=tuple(_firing(monitoring.ask("alerts")["alerts"])),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unavailable(f"{monitoring.place} does not answer as a Prometheus does ({error!r}).") from error


def _rule(plain: Mapping[str, Any]) -> LoadedRule:
    own = {str(name): str(value) for name, value in (plain.get("labels") or {}).items()}
    error = str(plain.get("lastError") or "")
    return LoadedRule(str(plain["name"]), str(plain["query"]), float(plain.get("duration") or 0.0), own, error)


def _target(plain: Mapping[str, Any]) -> Target:
    return Target(str(plain["labels"]["instance"]), plain["health"] == "up", str(plain.get("lastError") or ""))


def _firing(alerts: Sequence[Mapping[str, Any]]) -> list[Firing]:
    return sorted(
        (
            Firing(each["labels"]["alertname"], each["labels"].get("severity", ""), each["annotations"]["description"])
            for each in alerts
            if each["state"] == "firing" and each["labels"]["alertname"].startswith("Segue")
        ),
        key=lambda each: (each.severity, each.name),
    )
