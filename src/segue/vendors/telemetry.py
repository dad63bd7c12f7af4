"""Settings of what is told to the tools that watch Segue: the limits of the alerts, and traces."""

from typing import Annotated

from pydantic import Field

from segue.section import Count, Seconds, Section

Share = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]
Milliseconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class AlertSettings(Section):
    """Limits of the alerts that `segue telemetry export` writes, beside those that profiles and degradation have."""

    min_bad: Count = 3
    """An alert about a share wants so many bad ones at least: one alone, in a quiet hour, is a large share."""
    success_share: Share = 0.99
    """Share of turns that must not fail; what may fail is the budget whose burning calls people."""
    failed_share: Share = 0.05
    """Share of failed turns within five minutes over which people are called."""
    tts_error_share: Share = 0.05
    """Share of failed attempts to speak a sentence, all synthesizers together, within five minutes."""
    provider_error_share: Share = 0.02
    """Share of failed attempts of one provider within five minutes, told as a ticket: others stand in for it."""
    fallback_share: Share = 0.1
    """Share of turns that another provider than the first choice served, within five minutes."""
    synthesis_slow_ms: Milliseconds = 2000.0
    """More than one attempt in twenty of a synthesizer slower than this is a ticket, …"""
    synthesis_late_ms: Milliseconds = 3000.0
    """… and slower than this calls people."""
    cache_hit_share: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of sentences that the audio cache must have; 0 for no such alert: replies are new, only prompts repeat."""
    queued_writes: Count = 500
    """More writes that wait for the database than this are a ticket."""
    canary_s: Seconds = 93_600.0
    """A canary that was not run for so long is stale: a day, and two hours for the night it ran late."""
    backup_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    """A backup that was not made for so long is stale, in seconds; 0 for no such alert: others may copy the disk."""


class TelemetrySettings(Section):
    """What the tools that watch Segue are told."""

    alerts: AlertSettings = AlertSettings()
    traces: Annotated[str, Field(pattern=r"^(https?://\S+)?$")] = ""
    """Where traces go: the address of a collector that takes OTLP over HTTP, such as
    `http://127.0.0.1:4318/v1/traces`; none when empty. Needs the extra `otel`."""
    sampled_share: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Share of turns that are traced, where the caller has not decided already."""
    private: bool = False
    """Whether a trace says who it was: listener, chat and session, under `segue.private.`; never a text."""
    queue_spans: Count = 2048
    """So many spans wait for the collector; more are dropped and counted."""
    send_s: Seconds = 5.0
    """A collector that has not taken a batch by then does without it."""
