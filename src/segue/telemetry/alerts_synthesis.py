"""Alerts about how sentences are spoken, and by whom: errors, fallbacks, slowness, the audio cache."""

from segue.errors import FailureCategory
from segue.telemetry.promql import SHARE, SLOW_SHARE, counted_at, grown, le, metric, or_none, over, selected
from segue.telemetry.rule import Alert, Group, Severity
from segue.telemetry.rules import Basis

_DONE = 'outcome=~"completed|failed"'


def synthesis_alerts(basis: Basis) -> Group:
    """The group of alerts about providers and synthesis."""
    return Group("segue-synthesis", "How sentences are spoken, and by whom.", _synthesis(basis))


def _synthesis(basis: Basis) -> tuple[Alert, ...]:
    numbers, least = basis.alerts, basis.degradation.min_turns
    spoken = selected(metric("attempts"), 'role="synthesizer"', _DONE)
    spoken_badly = selected(metric("attempts"), 'role="synthesizer"', 'outcome="failed"')
    asked = grown(selected(metric("attempts"), _DONE), "5m", ("role", "provider"))
    failed = grown(selected(metric("attempts"), 'outcome="failed"'), "5m", ("role", "provider"))
    served = grown(selected(metric("served"), 'served!="unfinished"'), "5m", ("variant",))
    helped = grown(selected(metric("served"), 'served=~"fallback|resumed"'), "5m", ("variant",))
    enough = {"least": least, "least_bad": numbers.min_bad}
    found = [
        Alert(
            "SegueSynthesisErrors",
            over(
                or_none(grown(spoken_badly, "5m"), grown(spoken, "5m")),
                grown(spoken, "5m"),
                f"{numbers.tts_error_share:g}",
                **enough,
            ),
            Severity.PAGE,
            "Synthesis fails too often",
            f"{SHARE} of the attempts to speak a sentence within 5 min failed; the limit is "
            f"{numbers.tts_error_share * 100:g} %.",
            "Sentences are spoken late or by another voice, because the first attempt failed.",
            "`segue providers` shows the last error of each. Take a provider that only fails out of the chain.",
            "telemetry.alerts.tts_error_share; voice.degradation.min_turns",
            for_s=60,
        ),
        Alert(
            "SegueProviderErrors",
            over(failed, asked, f"{numbers.provider_error_share:g}", **enough),
            Severity.TICKET,
            "{{ $labels.provider }} fails too often",
            f"{SHARE} of the calls of {{{{ $labels.provider }}}} ({{{{ $labels.role }}}}) within 5 min failed; the "
            f"limit is {numbers.provider_error_share * 100:g} %.",
            "One provider fails while others stand in for it. The kinds of failure are "
            f"{', '.join(f'`{each.value}`' for each in FailureCategory)}.",
            "Look at the kind: `auth` and `quota` need somebody's hand, `rate_limit` a smaller "
            "`voice.provider_at_once`, the rest is mostly theirs.",
            "telemetry.alerts.provider_error_share; voice.degradation.min_turns",
            for_s=300,
        ),
        Alert(
            "SegueFallbackShare",
            over(helped, served, f"{numbers.fallback_share:g}", **enough),
            Severity.TICKET,
            "Variant {{ $labels.variant }} is often served by another provider",
            f"{SHARE} of the turns of {{{{ $labels.variant }}}} within 5 min were served by another provider than the "
            f"first choice; the limit is {numbers.fallback_share * 100:g} %.",
            "Listeners hear another voice, or wait longer, than they were meant to.",
            "`segue providers` names the provider that fails. During a rollout its own gate judges the candidate; this "
            "alert also watches the baseline.",
            "telemetry.alerts.fallback_share; voice.degradation.min_turns",
            for_s=300,
        ),
        _slow_synthesis(basis, "SegueSynthesisSlow", numbers.synthesis_slow_ms, "synthesis_slow_ms", Severity.TICKET),
        _slow_synthesis(basis, "SegueSynthesisLate", numbers.synthesis_late_ms, "synthesis_late_ms", Severity.PAGE),
    ]
    return (*found, *_cache(basis))


def _slow_synthesis(basis: Basis, name: str, limit_ms: float, setting: str, severity: Severity) -> Alert:
    made = 'outcome="completed"'
    histogram = metric("synthesis")
    every = grown(selected(f"{histogram}_count", made), "10m", ("provider",))
    soon = grown(selected(f"{histogram}_bucket", f'le="{le("synthesis", limit_ms)}"', made), "10m", ("provider",))
    return Alert(
        name,
        over(
            f"({every} - {soon})",
            every,
            f"{SLOW_SHARE:g}",
            least=basis.degradation.min_turns,
            least_bad=basis.alerts.min_bad,
        ),
        severity,
        "{{ $labels.provider }} speaks slowly",
        f"{SHARE} of the sentences of {{{{ $labels.provider }}}} within 10 min took longer than {limit_ms / 1000:g} s, "
        "where 5 % may.",
        f"The 95th percentile of a provider's synthesis is over {limit_ms / 1000:g} s: replies begin late or stutter.",
        "Ask the provider's own status page; put another synthesizer first, or let `voice.hedge_first_ms` ask a second "
        "one beside it.",
        f"telemetry.alerts.{setting}: {counted_at('synthesis', limit_ms)}; voice.degradation.min_turns",
        for_s=300,
    )


def _cache(basis: Basis) -> tuple[Alert, ...]:
    share = basis.alerts.cache_hit_share
    if not share:
        return ()
    looked_up = grown(selected("segue_cache_lookups_total", 'result!="bypassed"'), "15m")
    missed = grown(selected("segue_cache_lookups_total", 'result!~"hits|bypassed"'), "15m")
    return (
        Alert(
            "SegueCacheMisses",
            over(
                missed,
                looked_up,
                f"{round(1.0 - share, 6):g}",
                least=basis.degradation.min_turns,
                least_bad=basis.alerts.min_bad,
            ),
            Severity.TICKET,
            "The audio cache helps too seldom",
            f"{SHARE} of the sentences of the last 15 min were not in the audio cache; {100 - share * 100:g} % may.",
            "Sentences that used to be kept are made anew: replies are slower, and cost more.",
            "Look whether the storage was emptied or cannot be written (`segue_cache_writes_total`), or whether the "
            "voice, the speed or the texts changed.",
            "telemetry.alerts.cache_hit_share; voice.degradation.min_turns",
            for_s=900,
        ),
    )
