"""Every alert fires when it should, and is silent just below its limit."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from segue.delivery.plan import Plan
from segue.delivery.planfile import read_plan
from segue.telemetry.alerts import everything
from segue.telemetry.rule import Alert, Links, Recording, alerts_of, text
from segue.telemetry.rules import Basis
from segue.vendors.telemetry import AlertSettings
from tests.house.source import ROOT
from tests.prometheus import promtool

PLANS = sorted((ROOT / "plans").glob("*.yaml"))


def plan(name: str) -> Plan:
    """One of the project's plans."""
    return read_plan((ROOT / "plans" / f"{name}.yaml").read_text(encoding="utf-8"), name)


BASIS = Basis(
    alerts=AlertSettings(cache_hit_share=0.8, backup_s=93_600), plans=(plan("voice-phase2"), plan("voice-v2-switch"))
)
RULES = everything(BASIS)
ALERTS = {alert.name: alert for alert in alerts_of(RULES)}
TURNS = "segue_turns_total{{variant='{variant}',profile='{profile}',language='en',outcome='{outcome}'}}"
TTFA = "segue_ttfa_seconds_bucket{{variant='{variant}',profile='{profile}',language='en',le='{le}'}}"
Series = Mapping[str, str]


def turns(outcome: str, values: str, *, profile: str = "fast", variant: str = "v") -> dict[str, str]:
    """Counted turns."""
    return {TURNS.format(variant=variant, profile=profile, outcome=outcome): values}


def heard(le: str, values: str, *, profile: str = "fast", variant: str = "v") -> dict[str, str]:
    """Counted first sounds that came within a limit."""
    return {TTFA.format(variant=variant, profile=profile, le=le): values}


def attempts(provider: str, outcome: str, values: str) -> dict[str, str]:
    """Counted attempts of a synthesizer."""
    return {f"segue_attempts_total{{role='synthesizer',provider='{provider}',outcome='{outcome}'}}": values}


def served(word: str, values: str) -> dict[str, str]:
    """Counted turns by what was served."""
    return {f"segue_served_total{{variant='v',profile='fast',language='en',served='{word}'}}": values}


def spoken(le: str, values: str) -> dict[str, str]:
    """Counted times of one synthesizer."""
    name = "count" if le == "" else "bucket"
    edge = f",le='{le}'" if le else ""
    return {f"segue_synthesis_seconds_{name}{{provider='p',outcome='completed'{edge}}}": values}


def gauge(name: str, values: str, **labels: str) -> dict[str, str]:
    """A figure that is read."""
    given = ",".join(f"{key}='{value}'" for key, value in {"instance": "a", "job": "segue", **labels}.items())
    return {f"{name}{{{given}}}": values}


UP = gauge("up", "1x200")
WELL = turns("completed", "0+100x60") | turns("failed", "0x60") | heard("5.0", "0+100x60")


def late(in_time: int, *, profile: str = "fast", le: str = "5.0") -> dict[str, str]:
    """A hundred turns a minute, of which so many are heard in time."""
    return turns("completed", "0+100x60", profile=profile) | heard(le, f"0+{in_time}x60", profile=profile)


def failing(share: int) -> dict[str, str]:
    """A hundred turns a minute, of which so many fail."""
    return turns("completed", f"0+{100 - share}x60") | turns("failed", f"0+{share}x60") | heard("5.0", "0+100x60")


def gated(variant: str, *, good: int, late_of: int = 0) -> dict[str, str]:
    """A hundred turns a minute of one variant: so many within 6 s, and so many failed."""
    return (
        turns("completed", f"0+{100 - late_of}x60", variant=variant)
        | turns("failed", f"0+{late_of}x60", variant=variant)
        | heard("6.0", f"0+{good}x60", variant=variant)
    )


CASES: dict[str, tuple[Series, Series]] = {
    # By alert: series with which it fires after twenty minutes, and series with which it does not.
    "SegueTTFAFast": (late(94), late(96)),
    "SegueTTFAQuality": (late(94, profile="quality", le="7.0"), late(96, profile="quality", le="7.0")),
    "SegueTurnsFailing": (failing(6), failing(4)),
    "SegueOutage": (
        turns("completed", "50x60") | turns("failed", "0+5x60"),
        turns("completed", "0+1x60") | turns("failed", "0+5x60"),
    ),
    "SegueNoTurns": (turns("completed", "0+10x15 150x60"), turns("completed", "0+10x60")),
    "SegueUnderflow": (
        WELL | {"segue_underflow_turns_total{variant='v',source='virtual'}": "0+2x60"},
        WELL | {"segue_underflow_turns_total{variant='v',source='virtual'}": "0+0.5x60"},
    ),
    "SegueEmergency": (
        gauge("segue_degradation", "4x60", axis="failures"),
        gauge("segue_degradation", "3x60", axis="m"),
    ),
    "SegueTTFABudgetPage": (late(20), late(75)),
    "SegueSuccessBudgetPage": (failing(16), failing(5)),
    "SegueUnderflowBudgetPage": (
        WELL | {"segue_underflow_turns_total{variant='v',source='virtual'}": "0+16x60"},
        WELL | {"segue_underflow_turns_total{variant='v',source='virtual'}": "0+5x60"},
    ),
    "SegueSynthesisErrors": (
        attempts("p", "completed", "0+94x60") | attempts("p", "failed", "0+6x60"),
        attempts("p", "completed", "0+96x60") | attempts("p", "failed", "0+4x60"),
    ),
    "SegueProviderErrors": (
        attempts("p", "completed", "0+97x60")
        | attempts("p", "failed", "0+3x60")
        | attempts("q", "completed", "0+9x60"),
        attempts("p", "completed", "0+99x60") | attempts("p", "failed", "0+1x60"),
    ),
    "SegueFallbackShare": (
        served("primary", "0+88x60") | served("fallback", "0+8x60") | served("resumed", "0+4x60"),
        served("primary", "0+91x60") | served("fallback", "0+9x60") | served("unfinished", "0+100x60"),
    ),
    "SegueSynthesisSlow": (
        spoken("", "0+100x60") | spoken("2.0", "0+94x60"),
        spoken("", "0+100x60") | spoken("2.0", "0+96x60"),
    ),
    "SegueSynthesisLate": (
        spoken("", "0+100x60") | spoken("3.0", "0+94x60"),
        spoken("", "0+100x60") | spoken("3.0", "0+96x60"),
    ),
    "SegueCacheMisses": (
        {
            "segue_cache_lookups_total{result='hits'}": "0+75x60",
            "segue_cache_lookups_total{result='misses'}": "0+25x60",
        },
        {
            "segue_cache_lookups_total{result='hits'}": "0+85x60",
            "segue_cache_lookups_total{result='misses'}": "0+15x60",
        },
    ),
    "SegueDown": (gauge("up", "0x60"), UP),
    "SegueGone": ({"other{a='b'}": "1x60"}, UP),
    "SegueSilent": (UP, UP | gauge("segue_build_info", "1x60", version="1")),
    "SegueNodeDead": (gauge("segue_node_state", "0x60", node="n"), gauge("segue_node_state", "0.5x60", node="n")),
    "SegueNobodyServes": (
        gauge("segue_provider_resting", "1x60", provider="model:a")
        | gauge("segue_provider_left_out", "0x60", provider="model:a")
        | gauge("segue_provider_resting", "0x60", provider="model:b")
        | gauge("segue_provider_left_out", "1x60", provider="model:b"),
        gauge("segue_provider_resting", "1x60", provider="model:a")
        | gauge("segue_provider_left_out", "0x60", provider="model:a")
        | gauge("segue_provider_resting", "0.5x60", provider="model:b")
        | gauge("segue_provider_left_out", "0x60", provider="model:b"),
    ),
    "SegueProviderResting": (
        gauge("segue_provider_resting", "1x60", provider="model:a"),
        gauge("segue_provider_resting", "0.5x60", provider="model:a"),
    ),
    "SegueProviderLeftOut": (
        gauge("segue_provider_left_out", "1x60", provider="model:a"),
        gauge("segue_provider_left_out", "0x60", provider="model:a"),
    ),
    "SegueWorkerNotReady": (
        gauge("segue_worker_ready", "0x60", worker="w"),
        gauge("segue_worker_ready", "1x60", worker="w"),
    ),
    "SegueDatabaseGone": (gauge("segue_database_ready", "0x60"), gauge("segue_database_ready", "1x60")),
    "SegueWritesQueue": (gauge("segue_queued_writes", "501x60"), gauge("segue_queued_writes", "500x60")),
    "SegueWritesLost": (gauge("segue_lost_writes_total", "0+1x60"), gauge("segue_lost_writes_total", "7x60")),
    "SegueAuditHeadLate": (
        gauge("segue_audit_head_age_seconds", "181x60"),
        gauge("segue_audit_head_age_seconds", "180x60"),
    ),
    "SegueAuditFailing": (gauge("segue_audit_failures_total", "0+1x60"), gauge("segue_audit_failures_total", "3x60")),
    "SegueRedisGone": (gauge("segue_redis_gone_seconds", "61x60"), gauge("segue_redis_gone_seconds", "60x60")),
    "SegueSpansDropped": (gauge("segue_spans_dropped_total", "0+1x60"), gauge("segue_spans_dropped_total", "3x60")),
    "SegueRolloutStalled": (gauge("segue_rollout_stalled", "1x60"), gauge("segue_rollout_stalled", "0x60")),
    "SegueDeliveryFailing": (
        gauge("segue_delivery_failures_total", "0+2x60"),
        gauge("segue_delivery_failures_total", "0+0.5x60"),
    ),
    "SegueMessagesGivenUp": (
        gauge("segue_messages_total", "0+1x60", result="given_up"),
        gauge("segue_messages_total", "0+1x60", result="delivered"),
    ),
    "SegueCanaryStale": (
        gauge("segue_operation_age_seconds", "93601x60", command="canary"),
        gauge("segue_operation_age_seconds", "93600x60", command="canary")
        | gauge("segue_operation_age_seconds", "999999x60", command="restore")
        | gauge("segue_build_info", "1x60", version="1"),
    ),
    "SegueBackupStale": (
        gauge("segue_operation_age_seconds", "93601x60", command="backup"),
        gauge("segue_operation_age_seconds", "93600x60", command="backup")
        | gauge("segue_operation_age_seconds", "999999x60", command="restore")
        | gauge("segue_build_info", "1x60", version="1"),
    ),
    "SegueOperationFailed": (
        gauge("segue_operation_outcome", "1x60", command="canary"),
        gauge("segue_operation_outcome", "2x60", command="canary")
        | gauge("segue_operation_outcome", "1x60", command="incident"),
    ),
    "SegueGateMissed_voice_phase2_ttfa": (gated("streamed", good=94), gated("streamed", good=96)),
    "SegueGateMissed_voice_phase2_first_tts": (
        {
            "segue_first_tts_seconds_count{variant='streamed'}": "0+100x60",
            "segue_first_tts_seconds_bucket{variant='streamed',le='2.5'}": "0+94x60",
        },
        {
            "segue_first_tts_seconds_count{variant='streamed'}": "0+100x60",
            "segue_first_tts_seconds_bucket{variant='streamed',le='2.5'}": "0+96x60",
        },
    ),
    "SegueGateMissed_voice_phase2_underflow": (
        gated("streamed", good=100) | {"segue_underflow_turns_total{variant='streamed',source='virtual'}": "0+6x60"},
        gated("streamed", good=100) | {"segue_underflow_turns_total{variant='streamed',source='virtual'}": "0+4x60"},
    ),
    "SegueGateMissed_voice_phase2_failures": (
        gated("streamed", good=90, late_of=6),
        gated("streamed", good=90, late_of=4),
    ),
}
SLOW_CASES: dict[str, tuple[Series, Series]] = {
    # Over long times, in steps of four minutes; of three days Prometheus knows the latest five hours.
    name: (
        {key: re.sub(r"x60", "x200", values) for key, values in fires.items()},
        {key: re.sub(r"x60", "x200", values) for key, values in silent.items()},
    )
    for name, (fires, silent) in {
        "SegueTTFABudgetTicket": (late(94), late(97)),
        "SegueSuccessBudgetTicket": (
            turns("completed", "0+980x60") | turns("failed", "0+20x60"),
            turns("completed", "0+995x60") | turns("failed", "0+5x60"),
        ),
        "SegueUnderflowBudgetTicket": (
            WELL | {"segue_underflow_turns_total{variant='v',source='virtual'}": "0+2x60"},
            WELL | {"segue_underflow_turns_total{variant='v',source='virtual'}": "0+0.5x60"},
        ),
    }.items()
}
OF_SWITCH = [name for name in ALERTS if name.startswith("SegueGateMissed_voice_v2_switch")]


def firing(alert: str, at: str, *, fires: bool) -> dict[str, Any]:
    """What promtool is to find of one alert."""
    expr = f'count(ALERTS{{alertname="{alert}",alertstate="firing"}}) > bool 0'
    return {"expr": expr, "eval_time": at, "exp_samples": [{"labels": "{}", "value": 1}] if fires else []}


def at(alert: str) -> str:
    """When its case is looked at: after its own time, which is longest where turns must first stay away."""
    return "30m" if alert == "SegueNoTurns" else "20m"


def case(name: str, series: Series, at: str, *, fires: bool, interval: str = "1m") -> dict[str, Any]:
    """One test of promtool."""
    return {
        "name": f"{name} {'fires' if fires else 'is silent'}",
        "interval": interval,
        "input_series": [{"series": key.replace("'", '"'), "values": values} for key, values in series.items()],
        "promql_expr_test": [firing(name, at, fires=fires)],
    }


def needed(alert: Alert) -> str:
    """A file with one alert and the recordings it rests on: a hundred rules for each case would take minutes."""
    wanted = [
        replace(group, rules=rules)
        for group in RULES
        if (rules := tuple(rule for rule in group.rules if rule is ALERTS[alert.name] or _rests_on(alert, rule)))
    ]
    return text(wanted, Links())


def _rests_on(alert: Alert, rule: Recording | Alert) -> bool:
    return isinstance(rule, Recording) and bool(re.search(rf"{rule.record}\b", alert.expr))


def try_out(folder: Path, cases: Mapping[str, list[dict[str, Any]]], interval: str = "1m") -> None:
    """Run the cases of each alert, all in one call of promtool."""
    for name, tests in cases.items():
        (folder / f"{name}.rules").write_text(needed(ALERTS[name]), encoding="utf-8")
        plain = {"rule_files": [f"{name}.rules"], "evaluation_interval": interval, "tests": tests}
        (folder / f"{name}.test").write_text(json.dumps(plain), encoding="utf-8")
    promtool("test", "rules", *(str(folder / f"{name}.test") for name in cases))


def test_every_alert_is_tried_out() -> None:
    """There is a case for each alert that is written, and no case for one that is not."""
    assert set(CASES) | set(SLOW_CASES) | set(OF_SWITCH) == set(ALERTS)


def test_alerts_fire_over_their_limit_and_not_below(tmp_path: Path) -> None:
    """Each alert fires on what it is about, and is silent just below its limit."""
    cases = {
        name: [case(name, fires, at(name), fires=True), case(name, silent, at(name), fires=False)]
        for name, (fires, silent) in CASES.items()
    }
    try_out(tmp_path, cases)


def test_slow_burns_are_seen_over_days(tmp_path: Path) -> None:
    """A budget that burns a little too fast for days is a ticket, and one that does not is none."""
    cases = {
        name: [
            case(name, fires, "5h", fires=True, interval="4m"),
            case(name, silent, "5h", fires=False, interval="4m"),
        ]
        for name, (fires, silent) in SLOW_CASES.items()
    }
    try_out(tmp_path, cases, "4m")


def test_a_total_outage_is_late_too(tmp_path: Path) -> None:
    """Where every turn fails before its first sound there are no times at all, and the alert about them fires."""
    outage = turns("failed", "0+10x60")
    names = ("SegueTTFAFast", "SegueTTFABudgetPage", "SegueTurnsFailing", "SegueOutage", "SegueSuccessBudgetPage")
    try_out(tmp_path, {name: [case(name, outage, "30m", fires=True)] for name in names})


def test_little_traffic_and_single_failures_say_nothing(tmp_path: Path) -> None:
    """Below the least number of turns, or of bad ones, no share is judged."""
    few = turns("completed", "0+1x60") | turns("failed", "0+1x60")
    one = turns("completed", "0+10x60") | turns("failed", "0x20 1x40") | heard("5.0", "0+10x60")
    cases = {"SegueTurnsFailing": [case("SegueTurnsFailing", each, "24m", fires=False) for each in (few, one)]}
    cases["SegueTTFAFast"] = [case("SegueTTFAFast", turns("failed", "0+1x60"), "30m", fires=False)]
    try_out(tmp_path, cases)


def test_a_candidate_is_compared_with_its_baseline(tmp_path: Path) -> None:
    """A regression gate's alert fires where the candidate is worse than the baseline by more than it tolerates."""
    cases = {}
    for name in OF_SWITCH:
        candidate = _of_switch("google", bad=40)
        cases[name] = [
            case(name, candidate | _of_switch("openai", bad=2), "30m", fires=True),
            case(name, _of_switch("google", bad=0) | _of_switch("openai", bad=2), "30m", fires=False),
        ]
    try_out(tmp_path, cases)


def _of_switch(variant: str, *, bad: int) -> dict[str, str]:
    """A hundred turns a minute, of which so many are late, fail, are served by another, or stutter."""
    name = "segue_served_total"
    return (
        turns("completed", f"0+{100 - bad}x60", variant=variant)
        | turns("failed", f"0+{bad}x60", variant=variant)
        | heard("5.0", f"0+{100 - bad}x60", variant=variant)
        | {f"{name}{{variant='{variant}',served='fallback'}}": f"0+{bad}x60"}
        | {f"segue_underflow_turns_total{{variant='{variant}',source='virtual'}}": f"0+{bad}x60"}
    )


def test_what_people_are_told_has_the_number_in_its_unit(tmp_path: Path) -> None:
    """A share is told as a percentage, a time as a time; the links lead to the page of alerts and to a dashboard."""
    told = {
        "name": "told",
        "interval": "1m",
        "input_series": [
            {"series": key.replace("'", '"'), "values": values}
            for key, values in gauge("segue_redis_gone_seconds", "90x60").items()
        ],
        "alert_rule_test": [
            {
                "eval_time": "5m",
                "alertname": "SegueRedisGone",
                "exp_alerts": [
                    {
                        "exp_labels": {"severity": "ticket", "instance": "a", "job": "segue"},
                        "exp_annotations": {
                            "summary": "Redis is gone",
                            "description": "a has not reached Redis for 1m 30s.",
                            "runbook_url": "docs/reference/alerts.md#segueredisgone",
                            "dashboard_url": "/d/segue-operators",
                        },
                    }
                ],
            }
        ],
    }
    share = case("SegueTurnsFailing", failing(25), "30m", fires=True)
    share["alert_rule_test"] = [
        {
            "eval_time": "30m",
            "alertname": "SegueTurnsFailing",
            "exp_alerts": [
                {
                    "exp_labels": {"severity": "page"},
                    "exp_annotations": {
                        "summary": "Turns are failing",
                        "description": "25% of the turns of the last 5 min failed; the limit is 5 %.",
                        "runbook_url": "docs/reference/alerts.md#segueturnsfailing",
                        "dashboard_url": "/d/segue-voice",
                    },
                }
            ],
        }
    ]
    try_out(tmp_path, {"SegueRedisGone": [told], "SegueTurnsFailing": [share]})


def test_all_rules_are_sound_together(tmp_path: Path) -> None:
    """Promtool reads the whole file, with every plan of the project, and finds no rule twice."""
    plans = tuple(plan(path.stem) for path in PLANS)
    (tmp_path / "all.yaml").write_text(text(everything(Basis(plans=plans)), Links()), encoding="utf-8")
    assert "SUCCESS" in promtool("check", "rules", "--lint-fatal", str(tmp_path / "all.yaml"))
