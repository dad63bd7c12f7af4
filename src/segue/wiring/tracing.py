"""Traces, where the settings name a collector; nothing of their library is loaded where they do not."""

from collections.abc import Callable
from typing import Protocol

from segue.errors import ConfigurationError
from segue.records import Recognition, TurnRecord
from segue.telemetry.metrics import Metrics
from segue.vendors.telemetry import TelemetrySettings
from segue.voice.timeline import Timeline


class Tracer(Protocol):
    """Follows turns from their beginning, and tells of them when they are over."""

    dropped: int

    async def start(self) -> None:
        """Begin to send."""

    async def close(self) -> None:
        """Send what waits, and end."""

    def began(self, turn: str) -> None:
        """A turn began in this task."""

    def over(self, record: TurnRecord) -> None:
        """A turn is over."""

    def heard(self, recognition: Recognition) -> None:
        """A recording was written down in this task, or could not be."""


def tracer_of(settings: TelemetrySettings, metrics: Metrics) -> Tracer | None:
    """Who sends traces; None where nobody wants them.

    Raises:
        ConfigurationError: they are wanted, but their library is not installed.
    """
    if not settings.traces:
        return None
    try:
        from segue.telemetry.traces import Traces  # noqa: PLC0415 - loaded only where it is wanted
    except ImportError as error:
        raise ConfigurationError(
            "telemetry.traces needs the extra `otel`: pip install 'segue[otel]'.", param="telemetry.traces"
        ) from error
    made = Traces(settings)
    metrics.watch("spans_dropped", lambda: float(made.dropped))
    return made


def watching(watch: Callable[[Timeline], None], tracer: Tracer | None) -> Callable[[Timeline], None]:
    """Tell the tracer of each turn that begins, and then who else watches."""
    if tracer is None:
        return watch

    def began(timeline: Timeline) -> None:
        tracer.began(timeline.heading.turn)
        watch(timeline)

    return began
