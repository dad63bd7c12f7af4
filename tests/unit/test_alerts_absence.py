"""What each alert does where its series are not there: it speaks itself, or another speaks for it, or all is well."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from segue.telemetry.rule import Links, text
from tests.prometheus import promtool
from tests.unit.test_alerts import ALERTS, RULES, Series, attempts, gauge, heard, served, turns

FOR_ITSELF = "itself"
WELL = "nothing is amiss"


class Absence(NamedTuple):
    """Who speaks where an alert has no series: itself, another by its name, or nobody, for nothing is amiss."""

    lost: str = "SegueGone"
    """Prometheus scrapes no Segue at all."""
    gone: str = "SegueDown"
    """The server was there, with listeners, and is gone."""
    idle: str = WELL
    """A server began anew, and no turn reached it since; before it there were some."""
    new: str = WELL
    """A server at its very first start: nobody spoke with it, and no operator ran anything."""


OF_TURNS = Absence(idle="SegueNoTurns", new="SegueCanaryStale")
"""Alerts about shares of turns have nothing to judge without turns: that is told once, by who counts them."""
OF_SERVER = Absence()
"""A server that is there tells these from its start, at rest; counters begin at 0, so that the first one is seen."""
ABSENCE: Mapping[str, Absence] = {
    **{name: OF_TURNS for name in ALERTS if name.startswith(("SegueTTFA", "SegueGateMissed_"))},
    "SegueTurnsFailing": OF_TURNS,
    "SegueOutage": OF_TURNS,
    "SegueNoTurns": OF_TURNS._replace(idle=FOR_ITSELF),
    "SegueUnderflow": OF_TURNS,
    "SegueSuccessBudgetPage": OF_TURNS,
    "SegueSuccessBudgetTicket": OF_TURNS,
    "SegueUnderflowBudgetPage": OF_TURNS,
    "SegueUnderflowBudgetTicket": OF_TURNS,
    "SegueSynthesisErrors": OF_TURNS,
    "SegueProviderErrors": OF_TURNS,
    "SegueFallbackShare": OF_TURNS,
    "SegueSynthesisSlow": OF_TURNS,
    "SegueSynthesisLate": OF_TURNS,
    "SegueCacheMisses": OF_TURNS,
    "SegueEmergency": OF_SERVER,
    "SegueDown": OF_SERVER._replace(gone=FOR_ITSELF),
    "SegueGone": OF_SERVER._replace(lost=FOR_ITSELF),
    "SegueSilent": OF_SERVER,
    "SegueNodeDead": OF_SERVER,
    "SegueNobodyServes": OF_SERVER,
    "SegueProviderResting": OF_SERVER,
    "SegueProviderLeftOut": OF_SERVER,
    "SegueWorkerNotReady": OF_SERVER,
    "SegueDatabaseGone": OF_SERVER,
    "SegueWritesQueue": OF_SERVER,
    "SegueWritesLost": OF_SERVER,
    "SegueAuditHeadLate": OF_SERVER,
    "SegueAuditFailing": OF_SERVER,
    "SegueRedisGone": OF_SERVER,
    "SegueSpansDropped": OF_SERVER,
    "SegueRolloutStalled": OF_SERVER,
    "SegueDeliveryFailing": OF_SERVER,
    "SegueMessagesGivenUp": OF_SERVER,
    "SegueCanaryStale": OF_SERVER._replace(new=FOR_ITSELF),
    "SegueBackupStale": OF_SERVER._replace(new=FOR_ITSELF),
    "SegueOperationFailed": OF_SERVER._replace(new="SegueCanaryStale"),
}
STAYS = "1x60"
LEAVES = "1x10 stale"
"""Scraped for ten minutes, then never again."""
TRAFFIC = (
    turns("completed", "0+10x10 stale")
    | turns("failed", "0x10 stale")
    | heard("5.0", "0+10x10 stale")
    | served("primary", "0+10x10 stale")
    | attempts("p", "completed", "0+10x10 stale")
)
CANARY = gauge("segue_operation_age_seconds", "3600+60x60", command="canary")
BACKUP = gauge("segue_operation_age_seconds", "3600+60x60", command="backup")
REST = gauge("segue_build_info", STAYS, version="1") | gauge("segue_database_ready", STAYS)
SITUATIONS: Mapping[str, Series] = {
    "lost": {"other": STAYS},
    "gone": TRAFFIC
    | gauge("up", "1x10 0x50")
    | gauge("segue_build_info", LEAVES, version="1")
    | gauge("segue_operation_age_seconds", "3600+60x10 stale", command="canary")
    | gauge("segue_operation_age_seconds", "3600+60x10 stale", command="backup"),
    "idle": TRAFFIC | gauge("up", STAYS) | REST | CANARY | BACKUP,
    "new": gauge("up", STAYS) | REST,
}


def scene(name: str, series: Series) -> dict[str, Any]:
    """The beginning of one test of promtool."""
    given = [{"series": key.replace("'", '"'), "values": values} for key, values in series.items()]
    return {"name": name, "interval": "1m", "input_series": given}


def play(folder: Path, scenes: list[dict[str, Any]]) -> None:
    """Have promtool play them with all rules loaded together."""
    (folder / "all.rules").write_text(text(RULES, Links()), encoding="utf-8")
    plain = {"rule_files": ["all.rules"], "evaluation_interval": "1m", "tests": scenes}
    (folder / "scenes.test").write_text(json.dumps(plain), encoding="utf-8")
    promtool("test", "rules", str(folder / "scenes.test"))


def test_every_alert_has_its_row() -> None:
    """There is a row for each alert that is written, and who speaks for another is an alert that speaks itself."""
    assert set(ABSENCE) == set(ALERTS)
    for situation in Absence._fields:
        spoken = {getattr(row, situation) for row in ABSENCE.values()} - {FOR_ITSELF, WELL}
        assert all(getattr(ABSENCE[name], situation) == FOR_ITSELF for name in spoken), situation


def test_absence_is_told_by_whom_the_table_names(tmp_path: Path) -> None:
    """In each situation exactly those alerts fire that speak for themselves, with all rules loaded together."""
    scenes = []
    for situation in Absence._fields:
        wanted = sorted(name for name, row in ABSENCE.items() if getattr(row, situation) == FOR_ITSELF)
        assert wanted, situation
        firing = {
            "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
            "eval_time": "25m",
            "exp_samples": [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in wanted],
        }
        scenes.append(scene(situation, SITUATIONS[situation]) | {"promql_expr_test": [firing]})
    play(tmp_path, scenes)


def test_each_server_wants_a_canary(tmp_path: Path) -> None:
    """A canary at one server says nothing of another that does not know of it, and both texts say what is so."""
    there = gauge("segue_build_info", STAYS) | gauge("segue_build_info", STAYS, instance="b")
    there |= gauge("segue_build_info", STAYS, instance="c") | CANARY
    there |= gauge("segue_operation_age_seconds", "100000x60", command="canary", instance="c")
    notes = {
        "runbook_url": "docs/reference/alerts.md#seguecanarystale",
        "dashboard_url": "/d/segue-operators",
    }
    said = {"b": "No canary is on record", "c": "The last canary was 1d 3h 46m 40s ago"}
    alerts = [
        {
            "exp_labels": {"severity": "ticket", "instance": instance, "job": "segue"},
            "exp_annotations": {
                "summary": f"No canary looks after {instance}",
                "description": f"{words}; it is due every 26 h.",
                **notes,
            },
        }
        for instance, words in said.items()
    ]
    told = {"eval_time": "10m", "alertname": "SegueCanaryStale", "exp_alerts": alerts}
    play(tmp_path, [scene("each server", there) | {"alert_rule_test": [told]}])
