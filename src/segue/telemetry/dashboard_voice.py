"""The dashboard of what listeners get. Its lines are the limits that the alerts have, too."""

from segue.telemetry.panels import Dashboard, Panel, Row
from segue.telemetry.promql import RANGE, SLOW_SHARE, edge, metric, part, quantile, rated
from segue.telemetry.rules import OVER, Basis

_CHOSEN = 'profile=~"$profile",variant=~"$variant"'


def voice_dashboard(basis: Basis) -> Dashboard:
    """How soon, how whole, from whom."""
    turns, served = metric("turns"), metric("served")
    return Dashboard(
        "segue-voice",
        "Segue: voice",
        "What listeners get: how soon, how whole, from whom.",
        (
            Row("Now", _now(basis)),
            Row("The first sound", _first_sound(basis)),
            Row(
                "The whole reply",
                (
                    Panel(
                        "Turns by outcome",
                        {"{{outcome}}": rated(f"{turns}{{{_CHOSEN}}}", "outcome")},
                        "reqps",
                        stacked=True,
                    ),
                    Panel(
                        "What listeners got",
                        {"{{served}}": rated(f"{served}{{{_CHOSEN}}}", "served")},
                        "reqps",
                        "From the first choice, from another, taken up by another, or not whole.",
                        stacked=True,
                    ),
                    Panel(
                        "Failed, by variant",
                        {
                            "{{variant}}": part(
                                f'{turns}{{outcome="failed",{_CHOSEN}}}', f"{turns}{{{OVER},{_CHOSEN}}}", "variant"
                            )
                        },
                        "percentunit",
                        bad_from=(basis.alerts.failed_share, basis.degradation.failed_share),
                    ),
                    Panel(
                        "Listeners who waited in mid-reply",
                        {
                            "{{variant}}": part(
                                f'{metric("underflow_turns")}{{source="virtual",variant=~"$variant"}}',
                                f'{turns}{{variant=~"$variant"}}',
                                "variant",
                            )
                        },
                        "percentunit",
                        bad_from=(basis.underflow_share,),
                    ),
                ),
            ),
            Row("Told and waited", _told()),
            Row("Providers", _providers(basis)),
            Row("Chains", _chains()),
        ),
        {
            "profile": f"label_values({turns}, profile)",
            "variant": f"label_values({turns}, variant)",
        },
    )


def _told() -> tuple[Panel, ...]:
    chosen = 'variant=~"$variant"'
    return (
        Panel(
            "What listeners were told",
            {
                "{{reason}}": rated(f"{metric('degraded')}{{{chosen}}}", "reason"),
                "another voice": rated(f"{metric('substituted_turns')}{{{chosen}}}"),
            },
            "reqps",
        ),
        Panel("Reports of devices", {"{{result}}": rated(metric("playback_reports"), "result")}, "reqps"),
        Panel("Waits in mid-reply", {"{{source}}": rated(f"{metric('underflows')}{{{chosen}}}", "source")}, "reqps"),
        Panel(
            "Time waited in mid-reply",
            {"{{source}}": rated(f"{metric('underflow')}{{{chosen}}}", "source")},
            "s",
            "Seconds in a second, over all listeners.",
        ),
    )


def _chains() -> tuple[Panel, ...]:
    return (
        Panel(
            "Fallbacks, repeats, probes",
            {
                "{{role}} asked another": rated("segue_fallbacks_total", "role"),
                "{{role}} asked again": rated("segue_repeats_total", "role"),
                "{{role}} tried out": rated("segue_probes_total", "role"),
            },
            "reqps",
        ),
        Panel("Second synthesizers beside slow ones", {"{{result}}": rated("segue_hedges_total", "result")}, "reqps"),
        Panel("Writes to the audio cache", {"{{result}}": rated("segue_cache_writes_total", "result")}, "reqps"),
        Panel("Tries of operators", {"{{outcome}}": rated(metric("tries"), "outcome")}, "reqps"),
    )


def _now(basis: Basis) -> tuple[Panel, ...]:
    turns = metric("turns")
    return (
        Panel("Turns in a minute", {"turns": f"60 * {rated(turns)}"}, kind="stat", width=6),
        Panel(
            "Failed",
            {"failed": part(f'{turns}{{outcome="failed"}}', f"{turns}{{{OVER}}}")},
            "percentunit",
            bad_from=(basis.alerts.failed_share,),
            kind="stat",
            width=6,
        ),
        Panel(
            "First sound, 95th percentile",
            {"{{profile}}": 'profile:segue_ttfa_seconds:p95_10m{profile=~"$profile"}'},
            "s",
            bad_from=_seconds(basis.promised.fast.ttfa_p95_ms, basis.promised.quality.ttfa_p95_ms),
            kind="stat",
            width=6,
        ),
        Panel(
            "Alerts firing",
            {"firing": 'count(ALERTS{alertstate="firing",alertname=~"Segue.*"}) or vector(0)'},
            bad_from=(1.0,),
            kind="stat",
            width=6,
        ),
    )


def _first_sound(basis: Basis) -> tuple[Panel, ...]:
    settings, profiles = basis.degradation, basis.promised
    steps = {"first token": "first_token", "first sentence": "first_sentence", "first synthesis": "first_tts"}
    return (
        Panel(
            "First sound by variant",
            {f"{{{{variant}}}} p{share * 100:g}": _p("ttfa", share, "variant") for share in (0.5, 0.95)},
            "s",
            "From the request to the first audible audio that was handed to the transport.",
            _seconds(profiles.fast.ttfa_p95_ms, profiles.quality.ttfa_p95_ms, settings.ttfa_fast_ms),
        ),
        Panel(
            "Where the time goes (95th percentile)",
            {said: quantile(name, 0.95, RANGE, (), _CHOSEN) for said, name in steps.items()},
            "s",
            "Each step from the moment before it.",
        ),
        Panel(
            "First synthesis by variant (95th percentile)",
            {"{{variant}}": _p("first_tts", 0.95, "variant")},
            "s",
            bad_from=_seconds(settings.first_tts_slow_ms, settings.first_tts_degraded_ms, name="first_tts"),
        ),
        Panel(
            "Late first sounds, by profile",
            {"{{profile}}": "profile:segue_turns_slow:increase10m / profile:segue_turns_over:increase10m"},
            "percentunit",
            "Turns without a sound within what the profile promises, failed ones included.",
            (SLOW_SHARE,),
        ),
        Panel(
            "First sound on the device (95th percentile)",
            {"{{variant}}": _p("first_played", 0.95, "variant", 'variant=~"$variant"')},
            "s",
            "As listeners' own devices measured it.",
        ),
        Panel("Degradation by axis", {"{{axis}}": "max by (axis) (segue_degradation)"}, bad_from=(2.0, 4.0)),
    )


def _providers(basis: Basis) -> tuple[Panel, ...]:
    attempts, lookups = metric("attempts"), "segue_cache_lookups_total"
    late = _seconds(basis.alerts.synthesis_slow_ms, basis.alerts.synthesis_late_ms, name="synthesis")
    return (
        Panel(
            "Failed attempts by provider",
            {
                "{{role}} {{provider}}": part(
                    f'{attempts}{{outcome="failed"}}', f'{attempts}{{outcome=~"completed|failed"}}', "role, provider"
                )
            },
            "percentunit",
            bad_from=(basis.alerts.provider_error_share, basis.alerts.tts_error_share),
        ),
        Panel(
            "Failures by kind",
            {"{{provider}} {{category}}": rated(f'{attempts}{{outcome="failed"}}', "provider, category")},
            "reqps",
            stacked=True,
        ),
        Panel(
            "Synthesis of a sentence (95th percentile)",
            {"{{provider}}": _p("synthesis", 0.95, "provider", 'outcome="completed"')},
            "s",
            bad_from=late,
        ),
        Panel(
            "Resting (1), tried out (0.5), used (0)",
            {"{{provider}} at {{instance}}": "segue_provider_resting"},
            bad_from=(1.0,),
        ),
        Panel(
            "Sentences out of the audio cache",
            {
                "share": part(f'{lookups}{{result="hits"}}', f'{lookups}{{result!="bypassed"}}'),
            },
            "percentunit",
        ),
        Panel(
            "Speech handed to listeners, by provider",
            {"{{provider}}": rated(metric("audio"), "provider")},
            "s",
            "Seconds of speech in a second.",
            stacked=True,
        ),
    )


def _p(name: str, share: float, by: str, matchers: str = _CHOSEN) -> str:
    return quantile(name, share, RANGE, (by,), matchers)


def _seconds(*limits_ms: float, name: str = "ttfa") -> tuple[float, ...]:
    return tuple(sorted({edge(name, limit) / 1000.0 for limit in limits_ms}))
