"""What is written for the tools that watch Segue, from its settings; and the Prometheus that is asked about it."""

from collections.abc import Sequence

from segue.delivery.plan import Plan
from segue.operations.readiness.telemetry import Monitoring
from segue.providers.prometheus_answers import Answers
from segue.settings import Settings
from segue.telemetry.rules import Basis


def basis_of(settings: Settings, plans: Sequence[Plan] = ()) -> Basis:
    """Everything that rules and dashboards take their numbers from."""
    voice = settings.voice
    return Basis(
        promised=voice.profiles,
        profile=voice.profile,
        degradation=voice.degradation,
        alerts=settings.telemetry.alerts,
        plans=tuple(plans),
        head_s=settings.audit.head_s,
    )


def monitoring_at(url: str) -> Monitoring:
    """The Prometheus at an address."""
    return Answers(url)
