"""Rollouts as tests need them: a plan, the rollout that comes of it, and turns on either side."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from segue.delivery.evidence import Cell, Look
from segue.delivery.plan import Plan
from segue.delivery.rollout import Change, Command, Rollout, Verb
from segue.delivery.step import begin, step
from segue.delivery.terms import settle
from segue.records import Mark, Outcome, TurnRecord
from segue.routing import RoutingTable, Variant
from tests.records import turn

AT = 1_700_000_000.0
"""Unix seconds at which the rollouts of these tests begin."""


def plan(**changes: Any) -> Plan:
    """Two stages of some minutes, and a gate of every kind that is counted."""
    document = {
        "name": "night",
        "baseline": {"name": "day", "synthesizer": "espeak"},
        "candidate": {"name": "night", "synthesizer": "scripted"},
        "gates": {
            "ttfa": {"kind": "latency", "over": "6s", "at_most": "5%", "fast": {"at_most": "50%"}},
            "failures": {"kind": "failure", "at_most": "5%", "fast": {"at_most": "10%"}},
        },
        "verdict": {"block": "60s"},
        "stages": [{"name": "few", "share": "20%", "dwell": "10m"}, {"name": "half", "share": "50%", "dwell": "10m"}],
        "bake": {"holdback": "5%", "dwell": "10m"},
        "notify": [{"audience": "team", "url": "http://127.0.0.1:9/", "on": ["started", "advanced", "rolled_back"]}],
        **changes,
    }
    return Plan.model_validate(document)


def started(wanted: Plan | None = None, *, at: float = AT, **command: Any) -> Change:
    """The change that begins a rollout on a server on which nothing was ever rolled out."""
    wanted = wanted or plan()
    return begin(
        wanted,
        RoutingTable(),
        now=at,
        command=Command(Verb.START, **command),
        attempt=1,
        terms=settle(wanted),
        memory_bytes=0,
        before=None,
    )


def commanded(rollout: Rollout, table: RoutingTable, verb: Verb, *, at: float = AT + 1, **command: Any) -> Change:
    """The change that obeys a command, without anything to see."""
    return step(rollout, table, now=at, look=Look(at=at), command=Command(verb, **command))


def heard(
    rollout: Rollout,
    number: int,
    *,
    after_s: float = 1.0,
    arm: str = "candidate",
    ttfa_ms: float = 900.0,
    **changes: Any,
) -> TurnRecord:
    """A turn of this rollout that began so long after its stage did: a listener of its own, two seconds of speech."""
    record = turn(
        ttfa_ms,
        turn=f"{number:032x}",
        at=rollout.stage_since + after_s,
        listener=f"listener-{number}",
        session=f"session-{number}",
        rollout=rollout.key,
        stage=rollout.stage,
        arm=arm,
        assigned="share",
        audio_ms=2000.0,
    )
    return replace(record, **changes)


def unheard(rollout: Rollout, number: int, outcome: Outcome, *, done_ms: float, **changes: Any) -> TurnRecord:
    """A turn that ended so early without a sound."""
    marks = {Mark.REQUEST.value: 0.0, Mark.DONE.value: done_ms}
    return heard(rollout, number, outcome=outcome, marks=marks, attempts=(), audio_ms=0.0, **changes)


def counted(
    cells: Sequence[Cell], series: str, arm: str = "candidate", character: str = ""
) -> dict[int, tuple[int, float]]:
    """By block: trials and bad ones, of one series and arm."""
    return {
        cell.key.block: (cell.counts.n, cell.counts.k)
        for cell in cells
        if (cell.key.series, cell.key.arm, cell.key.character) == (series, arm, character)
    }


class Quiet:
    """A watcher of a server on which all is well; what it says can be changed."""

    def __init__(self) -> None:
        self.state = "ok"
        self.firing: Mapping[str, tuple[str, ...] | None] = {}
        self.memory = 100_000_000
        self.on = True
        self.lacks: Mapping[str, tuple[str, ...]] = {}

    async def degradation(self) -> str:
        """See `Watcher.degradation`."""
        return self.state

    async def alerts(self, url: str) -> tuple[str, ...] | None:
        """See `Watcher.alerts`."""
        return self.firing.get(url, ())

    def memory_bytes(self) -> int:
        """See `Watcher.memory_bytes`."""
        return self.memory

    def enabled(self) -> bool:
        """See `Watcher.enabled`."""
        return self.on

    def lacking(self, variant: Variant) -> tuple[str, ...]:
        """See `Watcher.lacking`."""
        return self.lacks.get(variant.name, ())


class Chance:
    """Words that are drawn by nobody: the same in every run."""

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix
        self._drawn = 0

    def __call__(self) -> str:
        """The next one."""
        self._drawn += 1
        return f"{self._prefix}{self._drawn:08x}"
