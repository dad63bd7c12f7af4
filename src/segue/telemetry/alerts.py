"""Every alert, in groups, with the recording rules that they rest on."""

from segue.telemetry.alerts_budget import budget_alerts
from segue.telemetry.alerts_plan import plan_alerts
from segue.telemetry.alerts_server import server_alerts
from segue.telemetry.alerts_synthesis import synthesis_alerts
from segue.telemetry.alerts_voice import voice_alerts
from segue.telemetry.rule import Group
from segue.telemetry.rules import Basis, recordings


def alerts(basis: Basis) -> tuple[Group, ...]:
    """The groups of alerts."""
    return (
        *voice_alerts(basis),
        budget_alerts(basis),
        synthesis_alerts(basis),
        *server_alerts(basis),
        *plan_alerts(basis),
    )


def everything(basis: Basis) -> tuple[Group, ...]:
    """Recording rules and alerts, those that others rest on first."""
    return (*recordings(basis), *alerts(basis))
