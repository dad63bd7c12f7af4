"""Rollouts for tests: a plan of three stages, and a rollout of it that has just begun."""

from dataclasses import replace
from typing import Any

from segue.delivery.book import entered, opened, settle
from segue.delivery.evidence import Look
from segue.delivery.plan import OnBreach, Plan
from segue.delivery.rollout import Phase, Rollout
from segue.delivery.stages import share_bp
from segue.delivery.verdict import Breach, Doubt, Judgement
from segue.routing import RoutingTable, Variant

NOW = 1_774_861_200.0
"""Monday, 2026-03-30, 09:00 UTC."""
MINUTE, HOUR = 60.0, 3600.0
CERTIFIED = Judgement(certified=True)
WAITING = Judgement(waiting_for="underflow needs about 120 more listeners.")
SEEN = Look()


def plan(**changes: Any) -> Plan:
    """Stages few (5 %), half (50 %, to be approved) and all (100 %), of half an hour each, and a bake of an hour."""
    document: dict[str, Any] = {
        "name": "chirp3",
        "baseline": {"name": "wavenet", "synthesizer": "google", "voice": "wavenet-b"},
        "candidate": {"name": "hd", "synthesizer": "google", "voice": "chirp3-hd"},
        "gates": {"ttfa": {"kind": "latency", "over": "6s"}, "failures": {"kind": "failure"}},
        "stages": [
            {"name": "few", "share": "5%", "dwell": "30m"},
            {"name": "half", "share": "50%", "dwell": "30m", "approval": True},
            {"name": "all", "share": "100%", "dwell": "30m"},
        ],
        "bake": {"holdback": "5%", "dwell": "1h"},
        "verdict": {"wait_limit": "2h"},
    }
    return Plan.model_validate({**document, **changes})


def rollout(of: Plan | None = None, **changes: Any) -> Rollout:
    """A rollout that began at NOW, with changes; a stage brings its share, and the bake its phase."""
    of = of or plan()
    terms = settle(of)
    stage = changes.get("stage", 0)
    begun = Rollout(
        plan=of,
        attempt=1,
        version=1,
        phase=Phase.BAKING if stage == len(of.stages) else Phase.RUNNING,
        stage=0,
        stage_since=NOW,
        started_at=NOW,
        share_bp=share_bp(of, stage),
        terms=terms,
        book=entered(of, terms, opened(of, terms), 0),
        before=Variant("baseline"),
        resume_to=Phase.BAKING if stage == len(of.stages) else Phase.RUNNING,
        nonce="abc",
    )
    return replace(begun, **changes)


def table(version: int = 2) -> RoutingTable:
    """A routing table in which nothing was ever rolled out."""
    return RoutingTable(version)


def breach(action: OnBreach = OnBreach.ROLLBACK, gate: str = "ttfa", character: str = "") -> Breach:
    """A proof of harm."""
    reason = f"{gate}: 38 of 97 turns were slower than 6 s (39 %, at most 5 %)."
    return Breach(action, gate, "alone" if character else "slow tier", reason, character)


def harmed(action: OnBreach = OnBreach.ROLLBACK, gate: str = "ttfa", character: str = "") -> Judgement:
    """A judgement with one breach."""
    return Judgement(breaches=(breach(action, gate, character),))


def doubted(code: str, gate: str = "") -> Judgement:
    """A judgement that certifies all, and doubts its evidence."""
    return Judgement(doubts=(Doubt(code, f"Something is wrong: {code}.", gate),), certified=True)
