"""Recording rules: what several alerts and panels ask for is counted once.

Counts are kept, not shares: a share over all profiles is the quotient of two sums, and no mean of shares says it.
Names follow Prometheus's own convention: the labels that are left, the figure, what was done to it.
"""

from dataclasses import dataclass, field

from segue.delivery.plan import Plan
from segue.telemetry.promql import counted_at, grown, le, metric, or_none, quantile, selected
from segue.telemetry.rule import Group, Recording
from segue.vendors.degradation import DegradationSettings, ProfileSettings, ProfilesSettings
from segue.vendors.telemetry import AlertSettings

WINDOWS = ("5m", "10m", "30m", "1h")
LONG_WINDOWS = ("2h", "6h", "1d", "3d")
"""These are evaluated less often: they read more, and change less."""
QUANTILES = (("ttfa", "10m"), ("first_tts", "10m"), ("turn", "10m"))
OVER = 'outcome=~"completed|failed"'
"""A turn that its listener cut short or left says nothing of the server."""


@dataclass(frozen=True, slots=True)
class Basis:
    """Everything that rules and dashboards take their numbers from."""

    promised: ProfilesSettings = field(default_factory=ProfilesSettings)
    profile: str = "fast"
    """The profile of a turn that names none: what counts no profiles takes its limit."""
    degradation: DegradationSettings = field(default_factory=DegradationSettings)
    alerts: AlertSettings = field(default_factory=AlertSettings)
    plans: tuple[Plan, ...] = ()
    head_s: float = 60.0
    """How long an entry of the audit may wait for its signed head."""

    @property
    def profiles(self) -> dict[str, ProfileSettings]:
        """What each profile promises."""
        return {"fast": self.promised.fast, "quality": self.promised.quality}

    @property
    def underflow_share(self) -> float:
        """What the default profile promises: underflow is counted over all profiles together."""
        return self.profiles[self.profile].underflow_share


def recordings(basis: Basis) -> tuple[Group, ...]:
    """The groups of recording rules."""
    return (
        Group("segue-counts", "What became of turns, over short times.", _counts(basis, WINDOWS)),
        Group("segue-counts-long", "The same over long times.", _counts(basis, LONG_WINDOWS), interval_s=120),
        Group("segue-quantiles", "How long listeners waited; for people, no alert rests on it.", _quantiles()),
    )


def _counts(basis: Basis, windows: tuple[str, ...]) -> tuple[Recording, ...]:
    found: list[Recording] = []
    for window in windows:
        found += [
            Recording(f"profile:segue_turns_over:increase{window}", over_turns(window)),
            *(_slow(name, profile.ttfa_p95_ms, window) for name, profile in basis.profiles.items()),
            Recording(
                f"profile:segue_turns_failed:increase{window}",
                or_none(grown(selected(metric("turns"), 'outcome="failed"'), window, ("profile",)), over_turns(window)),
            ),
            Recording(
                f"segue:turns_ended:increase{window}",
                grown(metric("turns"), window),
            ),
            Recording(
                f"segue:underflow_turns:increase{window}",
                or_none(
                    grown(selected(metric("underflow_turns"), 'source="virtual"'), window),
                    grown(metric("turns"), window),
                ),
            ),
        ]
    return tuple(found)


def over_turns(window: str, *matchers: str, by: tuple[str, ...] = ("profile",)) -> str:
    """Turns that completed or failed."""
    return grown(selected(metric("turns"), OVER, *matchers), window, by)


def _slow(profile: str, limit_ms: float, window: str) -> Recording:
    """Turns without a sound within the limit, answered or not: a total outage leaves no times, and must count."""
    matcher = f'profile="{profile}"'
    everything = over_turns(window, matcher, by=())
    soon = grown(selected(f"{metric('ttfa')}_bucket", f'le="{le("ttfa", limit_ms)}"', matcher), window)
    return Recording(
        f"profile:segue_turns_slow:increase{window}",
        f"clamp_min(\n  {everything}\n-\n  {or_none(soon, everything)},\n0)",
        f"voice.profiles.{profile}.ttfa_p95_ms: {counted_at('ttfa', limit_ms)}",
        {"profile": profile},
    )


def _quantiles() -> tuple[Recording, ...]:
    return tuple(
        Recording(
            f"profile:segue_{name}_seconds:p{share * 100:g}_{window}",
            quantile(name, share, window, ("profile",)),
        )
        for name, window in QUANTILES
        for share in (0.5, 0.95)
    )
