"""What a hedge of the first sentence gains where a synthesizer is slow now and then, and what it costs."""

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchmarks.gateway import Gateway, also, segue
from benchmarks.load import Pool, Run, drive, steady
from benchmarks.misbehaving import ORDINARY, SECOND
from benchmarks.records import records
from benchmarks.report import figures
from benchmarks.scenes import Plan, Tick, asking, disturbed, ttfa
from benchmarks.tail import Tail
from benchmarks.texts import PLACES, Said
from segue.records import AttemptOutcome, TurnRecord

SPEAKING = {"reply": "", "real_time_factor": 0.3, "chunk_ms": 200.0, "ms_per_character": 40.0}
"""Half the pace of real speech, so that more turns fit into a minute; the second sentence follows the first closely."""
PERCENT = 8
"""Sentences of the first synthesizer that begin late. With 5 %, luck would decide on which side of the 95th percentile
they fall."""
FIRST = Tail(share=PERCENT / 100)
SENSIBLE_MS = round(ORDINARY.ordinary_s(0.95) * 100) * 10.0
"""The 95th percentile of what is ordinary, to the next 10 ms: a hedge that fires has most likely met the tail."""
HASTY_MS = round(ORDINARY.ordinary_s(0.5) * 100) * 10.0
"""The median: half of all turns ask twice."""
LATE_MS = 1000.0
HEDGES_MS = (0.0, HASTY_MS, SENSIBLE_MS, LATE_MS)
"""Every setting that is compared; 0 is none."""
A_SECOND = 6.0
"""Turns that are asked for in a second, of each gateway."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a crowd of turns cost: counted in attempts and characters that went to synthesizers."""

    turns: int
    sentences: int
    asked_twice: int
    second_won: int
    two_voices: int
    characters: int
    characters_asked: int

    def as_dict(self) -> dict[str, Any]:
        """Shares first, and what they are of."""
        return {
            "first_sentences_asked_twice": round(self.asked_twice / self.turns, 4),
            "sentences_asked_twice": round(self.asked_twice / self.sentences, 4),
            "more_characters_asked_for": round(self.characters_asked / self.characters - 1.0, 4),
            "replies_with_two_voices": round(self.two_voices / self.turns, 4),
            "second_was_quicker": round(self.second_won / self.asked_twice, 4) if self.asked_twice else None,
            "turns": self.turns,
            "sentences": self.sentences,
        }


def replies(count: int) -> list[Said]:
    """So many replies of two sentences, no two the same: lateness is drawn from the text."""
    return [
        Said(
            "en", f"Train {number} to the {PLACES[number % len(PLACES)]} is here. Its doors close in {number} seconds."
        )
        for number in range(100, 100 + count)
    ]


def cost(kept: Sequence[TurnRecord]) -> Cost:
    """What these turns cost."""
    turns = [record for record in kept if record.attempts]
    asked = [(record.turn, attempt) for record in turns for attempt in record.attempts]
    spoken = {(turn, attempt.seq): attempt.characters for turn, attempt in asked}
    speakers = [
        {attempt.provider for attempt in record.attempts if attempt.outcome is AttemptOutcome.COMPLETED}
        for record in turns
    ]
    hedged = [attempt for _, attempt in asked if attempt.hedge]
    return Cost(
        turns=len(turns),
        sentences=len(spoken),
        asked_twice=len(hedged),
        second_won=sum(attempt.outcome is AttemptOutcome.COMPLETED for attempt in hedged),
        two_voices=sum(len(names) > 1 for names in speakers),
        characters=sum(spoken.values()),
        characters_asked=sum(attempt.characters for _, attempt in asked),
    )


async def hedge(plan: Plan, tick: Tick) -> dict[str, Any]:
    """The same turns with every setting of `voice.hedge_first_ms`, at the same time, each in a process of its own.

    The first synthesizer has a tail, the second has none. How late each sentence begins depends on its text alone, so
    every setting has the same luck.
    """
    with ExitStack() as started:
        gateways = {}
        for hedge_ms in HEDGES_MS:
            tick(f"hedge: starting with {hedge_ms:g} ms")
            gateways[hedge_ms] = started.enter_context(
                segue(
                    SPEAKING,
                    voice={"hedge_first_ms": hedge_ms},
                    providers=also(synthesizers=[SECOND]),
                    serving=("benchmarks.misbehaving", "tail", str(PERCENT)),
                )
            )
        said = replies(plan.hedged)
        tick(f"hedge: {len(said)} turns with each of {len(gateways)} settings")
        runs = await asyncio.gather(*(_take(gateway, said) for gateway in gateways.values()))
        ways = dict(zip(gateways, runs, strict=True))
    off, sensible = ttfa(ways[0.0][0]), ttfa(ways[SENSIBLE_MS][0])
    return {
        "ttfa_with_to_without": _ratios(sensible, off),
        "setting": SPEAKING,
        "first": {"median_s": FIRST.median_s, "spread": FIRST.spread, "share": FIRST.share, "slow_s": FIRST.slow_s},
        "second": {"median_s": ORDINARY.median_s, "spread": ORDINARY.spread, "share": 0.0},
        "sensible_ms": SENSIBLE_MS,
        "ways": {f"{hedge_ms:g}": _way(hedge_ms, *way) for hedge_ms, way in ways.items()},
    }


async def _take(gateway: Gateway, said: Sequence[Said]) -> tuple[Run, Cost]:
    """One turn that pays for everything once and is not counted, then all of them."""
    pool = Pool(gateway.host, gateway.port, "ndjson")
    await drive(partial(asking, pool, replies=[Said("en", "Ten past nine.")]), [0.0])
    await pool.warm(int(A_SECOND * 10))
    run = await drive(partial(asking, pool, replies=said), steady(len(said), len(said) / A_SECOND, 1))
    pool.close()
    return run, cost((await records(gateway, len(said) + 1))[1:])


def _ratios(ours: Sequence[float], theirs: Sequence[float]) -> dict[str, float]:
    mine, other = figures(ours), figures(theirs)
    return {name: round(mine[name] / other[name], 3) for name in ("p50", "p95", "p99", "mean")}


def _way(hedge_ms: float, run: Run, spent: Cost) -> dict[str, Any]:
    return {
        "ttfa_ms": figures(ttfa(run)),
        **spent.as_dict(),
        "asked_twice_by_the_law": round(FIRST.later_than(hedge_ms / 1000.0), 4) if hedge_ms else 0.0,
        "turns_with_underflow": round(sum(row.underflows > 0 for row in run.rows) / len(run.rows), 4),
        "outcomes": run.outcomes,
        "disturbed": disturbed(run),
        "ttfa_ms_of_each": [row.ttfa_ms for row in run.rows],
    }
