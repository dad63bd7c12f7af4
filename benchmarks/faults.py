"""What listeners suffer from speech that misbehaves: late pieces, slow making, stalls, cuts and false ends.

Where sentences fail there are two settings: the synthesizer alone, and another one behind it.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

from benchmarks.gateway import Gateway, also, segue
from benchmarks.load import Pool, Run, drive, steady
from benchmarks.misbehaving import SECOND
from benchmarks.records import records
from benchmarks.report import figures
from benchmarks.scenes import Plan, Tick, asking, ttfa
from benchmarks.texts import ROUTES, Said
from segue.records import TurnRecord

CALM = {"reply": "", "real_time_factor": 0.9, "chunk_ms": 100.0, "ms_per_character": 60.0, "first_audio_s": 0.1}
LISTENERS = 12
PERIOD_S = 7.0
"""A little longer than the longest of `ROUTES` takes to say."""
STALL_S = 1.0
"""The gateway's limit for a gap between two pieces of a sentence, here; it ships with more patience."""
ROUNDS = 4
PERCENT = 25
"""Calls that fail, by chance, where any fail."""


@dataclass(frozen=True, slots=True)
class Profile:
    """How speech misbehaves: settings that differ from `CALM`, and a fault of a quarter of all calls."""

    scripted: Mapping[str, float]
    fault: str = ""
    second: bool = False
    """Whether there is another synthesizer, one that never fails."""

    @property
    def alone(self) -> bool:
        """Whether sentences fail and nobody else is there."""
        return bool(self.fault) and not self.second


PROFILES = {
    "calm": Profile({}),
    "up to 100 ms late": Profile({"jitter_s": 0.1}),
    "up to 400 ms late": Profile({"jitter_s": 0.4}),
    "slower than heard (1.2)": Profile({"real_time_factor": 1.2}),
    "stalls for ever": Profile({}, "stall"),
    "is cut off": Profile({}, "cut"),
    "ends too early": Profile({}, "end"),
    "fails with an error": Profile({}, "error"),
    "stalls for ever, another behind": Profile({}, "stall", second=True),
    "is cut off, another behind": Profile({}, "cut", second=True),
    "ends too early, another behind": Profile({}, "end", second=True),
    "fails with an error, another behind": Profile({}, "error", second=True),
}


async def faults(plan: Plan, tick: Tick) -> dict[str, Any]:
    """Every profile at once, each in a process of its own with a few listeners: they mostly wait."""
    del plan
    with ExitStack() as started:
        gateways = {}
        for name, profile in PROFILES.items():
            tick(f"faults: starting “{name}”")
            serving = ("benchmarks.misbehaving", profile.fault, str(PERCENT)) if profile.fault else None
            settings = {**CALM, **profile.scripted}
            voice = {"limits": {"stall_s": STALL_S}}
            others = also(synthesizers=[SECOND]) if profile.second else {}
            gateways[name] = started.enter_context(segue(settings, voice=voice, providers=others, serving=serving))
        tick(f"faults: {len(gateways)} profiles at once")
        runs = await asyncio.gather(*(_listen(gateway) for gateway in gateways.values()))
        kept = [await records(gateway, len(run.rows) + 1) for gateway, run in zip(gateways.values(), runs, strict=True)]
    profiles = {name: _suffered(run, turns) for name, run, turns in zip(gateways, runs, kept, strict=True)}
    return {
        "turns_done_of_those_with_faults": {
            "alone": _done(runs[at] for at, profile in enumerate(PROFILES.values()) if profile.alone),
            "another behind": _done(runs[at] for at, profile in enumerate(PROFILES.values()) if profile.second),
        },
        "setting": CALM,
        "percent": PERCENT,
        "stall_limit_s": STALL_S,
        "profiles": profiles,
    }


def _done(runs: Iterable[Run]) -> float:
    """The share of turns that were spoken to their end."""
    all_of_them = list(runs)
    return round(sum(len(run.done) for run in all_of_them) / sum(len(run.rows) for run in all_of_them), 4)


async def _listen(gateway: Gateway) -> Run:
    """One short turn that pays for everything once and is not counted, then the crowd."""
    pool = Pool(gateway.host, gateway.port, "ndjson")
    take = partial(asking, pool, replies=ROUTES)
    await drive(partial(asking, pool, replies=[Said("en", "Ten past nine.")]), [0.0])
    run = await drive(take, steady(LISTENERS, PERIOD_S, ROUNDS))
    pool.close()
    return run


def _suffered(run: Run, kept: Sequence[TurnRecord]) -> dict[str, Any]:
    heard_s = sum(row.audio_ms for row in run.rows) / 1000.0
    return {
        "ttfa_ms": figures(ttfa(run)),
        "turns": len(run.rows),
        "outcomes": run.outcomes,
        "served": dict(Counter(record.served.value for record in kept[1:])),
        "heard_s": round(heard_s, 1),
        "underflows": sum(row.underflows for row in run.rows),
        "underflow_ms_per_minute": round(sum(row.underflow_ms for row in run.rows) / heard_s * 60.0, 1),
        "turn_ms": round(median(row.total_ms for row in run.rows), 1),
    }
