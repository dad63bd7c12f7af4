"""What listeners suffer from speech that misbehaves: late pieces, slow making, stalls, cuts and false ends.

Where sentences fail there are two settings: the synthesizer alone, and another one behind it.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
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
EVERY = 4
"""Every so-manieth sentence fails where sentences fail at all."""


@dataclass(frozen=True, slots=True)
class Profile:
    """How speech misbehaves: settings that differ from `CALM`, and a fault of every fourth sentence."""

    scripted: Mapping[str, float]
    fault: str = ""
    second: bool = False
    """Whether there is another synthesizer, one that never fails."""


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
            serving = ("benchmarks.misbehaving", profile.fault, str(EVERY)) if profile.fault else None
            settings = {**CALM, **profile.scripted}
            voice = {"limits": {"stall_s": STALL_S}}
            others = also(synthesizers=[SECOND]) if profile.second else {}
            gateways[name] = started.enter_context(segue(settings, voice=voice, providers=others, serving=serving))
        tick(f"faults: {len(gateways)} profiles at once")
        runs = await asyncio.gather(*(_listen(gateway) for gateway in gateways.values()))
        kept = [await records(gateway, len(run.rows) + 1) for gateway, run in zip(gateways.values(), runs, strict=True)]
    return {
        "setting": CALM,
        "every": EVERY,
        "stall_limit_s": STALL_S,
        "profiles": {name: _suffered(run, turns) for name, run, turns in zip(gateways, runs, kept, strict=True)},
    }


async def _listen(gateway: Gateway) -> Run:
    """One short turn that pays for everything once and is not counted, then the crowd."""
    pool = Pool(gateway.host, gateway.port, "ndjson")
    take = partial(asking, pool, replies=ROUTES)
    await drive(partial(asking, pool, replies=[Said("en", "Ten past nine.")]), [0.0])
    run = await drive(take, steady(LISTENERS, PERIOD_S, 2))
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
