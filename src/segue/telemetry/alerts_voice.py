"""Alerts about what listeners get: the first sound, failures, waiting in mid-reply."""

from segue.telemetry.promql import SHARE, SLOW_SHARE, counted_at, grown, metric, over, selected
from segue.telemetry.rule import Alert, Group, Severity
from segue.telemetry.rules import Basis
from segue.vendors.degradation import ProfileSettings

_FAILED = 'outcome="failed"'
_COMPLETED = 'outcome="completed"'


def voice_alerts(basis: Basis) -> tuple[Group, ...]:
    """The groups of alerts about what listeners get."""
    return (
        Group("segue-first-sound", "How long listeners wait for the first sound.", _first_sound(basis)),
        Group("segue-turns", "Whether listeners are answered at all.", (*_turns(basis), *_quality(basis))),
    )


def _first_sound(basis: Basis) -> tuple[Alert, ...]:
    return tuple(_breach(basis, name, profile) for name, profile in basis.profiles.items())


def _breach(basis: Basis, name: str, profile: ProfileSettings) -> Alert:
    limit, chosen = f"{profile.ttfa_p95_ms / 1000:g} s", f'{{profile="{name}"}}'
    p95 = f"profile:segue_ttfa_seconds:p95_10m{{profile='{name}'}}"
    return Alert(
        f"SegueTTFA{name.capitalize()}",
        over(
            f"profile:segue_turns_slow:increase10m{chosen}",
            f"profile:segue_turns_over:increase10m{chosen}",
            f"{SLOW_SHARE:g}",
            least=basis.degradation.min_turns,
            least_bad=basis.alerts.min_bad,
        ),
        Severity.TICKET,
        f"Too many {name} replies begin late",
        f"{SHARE} of the {name} turns of the last 10 min had no sound within {limit}, where 5 % may; the 95th "
        f'percentile of those with a sound is {{{{ with query "{p95}" }}}}'
        "{{ . | first | value | humanizeDuration }}{{ else }}not known{{ end }}.",
        "The 95th percentile of the time to the first sound is over what the profile promises. Turns that failed "
        "before any sound count as late, so that a broken provider cannot hide here.",
        "Find the step that grew: [Find out why the first sound is late](../how-to/diagnose-slow-first-audio.md). "
        "If it is the language model, put a quicker one first, or answer with `profile: fast`.",
        f"voice.profiles.{name}.ttfa_p95_ms: {counted_at('ttfa', profile.ttfa_p95_ms)}; voice.degradation.min_turns",
        for_s=600,
        labels={"profile": name},
    )


def _turns(basis: Basis) -> tuple[Alert, ...]:
    settings, least = basis.degradation, basis.degradation.min_turns
    return (
        Alert(
            "SegueTurnsFailing",
            over(
                "sum(profile:segue_turns_failed:increase5m)",
                "sum(profile:segue_turns_over:increase5m)",
                f"{basis.alerts.failed_share:g}",
                least=least,
                least_bad=basis.alerts.min_bad,
            ),
            Severity.PAGE,
            "Turns are failing",
            f"{SHARE} of the turns of the last 5 min failed; the limit is {basis.alerts.failed_share * 100:g} %.",
            "Listeners hear an apology, or nothing, instead of the whole reply.",
            "`segue providers` shows who fails and why; "
            "[Survive the failure of providers](../how-to/survive-provider-failures.md) says how to have a second one. "
            "If a rollout is running, look whether it is the candidate: `segue rollout status`.",
            "telemetry.alerts.failed_share; voice.degradation.min_turns",
            for_s=60,
        ),
        Alert(
            "SegueOutage",
            f"round({grown(selected(metric('turns'), _FAILED), '2m')}) > {settings.failed_in_a_row}\n"
            f"unless\n  {grown(selected(metric('turns'), _COMPLETED), '2m')} > 0",
            Severity.PAGE,
            "Nobody gets a reply",
            "{{ $value | humanize }} turns failed within 2 min, and not one was completed.",
            "Every turn fails. There are no times of replies at such a moment, so nothing that looks at times would "
            "notice.",
            "`segue providers` first; then `GET /readyz` of each server, and the log. Keep listeners from waiting for "
            "nothing with the kill switch while you mend it.",
            "voice.degradation.failed_in_a_row",
            for_s=60,
        ),
    )


def _quality(basis: Basis) -> tuple[Alert, ...]:
    least = basis.degradation.min_turns
    return (
        Alert(
            "SegueNoTurns",
            # A server that began anew has no series of turns before its first one: that is none, not nothing known.
            "(segue:turns_ended:increase10m or 0 * sum(segue_build_info)) == 0\n"
            f"and\n  round(segue:turns_ended:increase1h offset 10m) >= {least}",
            Severity.TICKET,
            "There are no turns any more",
            "No turn ended within 10 min; in the hour before there were some.",
            "Listeners may not reach Segue at all: the page, the proxy or the network in front of it.",
            "Say something yourself from outside. If that works, nobody wanted to talk; if not, look at the proxy: "
            "[Run behind a proxy](../how-to/run-behind-a-proxy.md).",
            "voice.degradation.min_turns",
            for_s=60,
        ),
        Alert(
            "SegueUnderflow",
            over(
                "segue:underflow_turns:increase10m",
                "segue:turns_ended:increase10m",
                f"{basis.underflow_share:g}",
                least=least,
                least_bad=basis.alerts.min_bad,
            ),
            Severity.TICKET,
            "Replies stutter",
            f"In {SHARE} of the turns of the last 10 min a listener had to wait in mid-reply; "
            f"{basis.underflow_share * 100:g} % may.",
            "Speech is made slower than it is heard, so replies have holes.",
            "Look which synthesizer it is, and whether too much runs at once: "
            "[load](../how-to/diagnose-slow-first-audio.md#load).",
            f"voice.profiles.{basis.profile}.underflow_share; voice.degradation.min_turns",
            for_s=300,
        ),
        Alert(
            "SegueEmergency",
            "max by (axis) (segue_degradation) >= 4",
            Severity.PAGE,
            "{{ $labels.axis }} is an emergency",
            "A server says that {{ $labels.axis }} is in a state of emergency.",
            "A server judged its own turns and found that they fail, or that everybody in the chain fails.",
            "See [When replies become slow or fail](../explanation/degradation.md) for what it does by itself, and "
            "`segue providers` for the cause.",
            "voice.degradation.failed_share and failed_in_a_row, judged by the server",
            for_s=60,
        ),
    )
