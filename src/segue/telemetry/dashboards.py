"""Every dashboard."""

from segue.telemetry.dashboard_rollout import rollout_dashboard
from segue.telemetry.dashboard_servers import machine_dashboard, operators_dashboard
from segue.telemetry.dashboard_voice import voice_dashboard
from segue.telemetry.panels import Dashboard
from segue.telemetry.rules import Basis


def dashboards(basis: Basis) -> tuple[Dashboard, ...]:
    """What listeners get, how a rollout goes, what operators do, how the machines are."""
    return (voice_dashboard(basis), rollout_dashboard(basis), operators_dashboard(basis), machine_dashboard())
