"""When the first sound leaves, against the ways in which the same providers are combined today."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean, median
from typing import Any

from benchmarks import reference
from benchmarks.gateway import segue
from benchmarks.load import Pool, Run, Take, drive
from benchmarks.report import figures
from benchmarks.scenes import Plan, Tick, asking, ttfa
from benchmarks.texts import REPLIES, Said
from segue.configuration import ScriptedSettings

TALKING = {
    "reply": "",
    "first_token_s": 0.2,
    "first_audio_s": 0.15,
    "real_time_factor": 0.3,
    "chunk_ms": 100.0,
    "ms_per_character": 60.0,
}
"""A model that has read its prompt in 0.2 s, and speech of the kind that vendors sell."""
ALPHABETS = {"token_interval_s": 1 / 30}
"""Scripted tokens have up to five characters, about one of a real model's: 30 of them a second."""
CHINESE = {"token_interval_s": 0.11, "ms_per_character": 200.0}
"""Five Chinese characters are more than three tokens of a real model, and take a second to say."""


@dataclass(frozen=True, slots=True)
class Group:
    """Replies with the same pace, and what became of them: runs by way, and when each reply's second sentence ended."""

    runs: Mapping[str, Run]
    second_ms: Sequence[float]


async def early(plan: Plan, tick: Tick) -> dict[str, Any]:
    """All ways side by side, each with replies in four languages; they mostly wait."""
    tick("early: all ways side by side")
    alphabets, chinese = [[said for said in REPLIES if (said.language == "zh") is zh] for zh in (False, True)]
    turns = max(1, plan.turns // len(REPLIES))
    groups = await asyncio.gather(
        _group(alphabets, {**TALKING, **ALPHABETS}, turns), _group(chinese, {**TALKING, **CHINESE}, turns)
    )
    runs = {name: Run(sum((group.runs[name].rows for group in groups), ()), 0.0) for name in groups[0].runs}
    ours = runs["segue"]
    second_ms = [moment for group in groups for moment in group.second_ms]
    sooner_ms = [end - row.ttfa_ms for end, row in zip(second_ms, ours.rows, strict=True) if row.ttfa_ms is not None]
    return {
        "setting": {"all": TALKING, "alphabets": ALPHABETS, "chinese": CHINESE},
        "second_sentence_written_ms": figures(second_ms),
        "first_audible_sooner_than_that_ms": figures(sooner_ms),
        "turns_audible_before_second_sentence": sum(ms > 0 for ms in sooner_ms),
        "turns": len(ours.rows),
        "marks_ms": _marks(ours),
        "ways": {name: _way(run, ours) for name, run in runs.items()},
    }


async def _group(replies: Sequence[Said], setting: Mapping[str, Any], turns: int) -> Group:
    """Take every reply `turns` times in every way."""
    use = reference.providers(ScriptedSettings.model_validate(setting))
    moments = [0.37 * turn for turn in range(turns * len(replies))]
    ways: dict[str, Take] = {
        name: partial(way, use, replies)
        for name, way in (("whole", reference.whole), ("serial", reference.serial), ("livekit", reference.livekit))
    }
    with segue(setting) as gateway:
        pool = Pool(gateway.host, gateway.port, "ndjson")
        ways["segue"] = partial(asking, pool, replies=replies)
        # The first turn of each pays for imports, and finds out whether there is such a way here.
        first = await asyncio.gather(*(drive(take, [0.0]) for take in ways.values()))
        there = [name for name, run in zip(ways, first, strict=True) if run.done]
        await pool.warm(len(moments))
        written, runs = await asyncio.gather(
            asyncio.gather(*(reference.schedule(use, said) for said in replies)),
            asyncio.gather(*(drive(ways[name], moments) for name in there)),
        )
        pool.close()
    return Group(dict(zip(there, runs, strict=True)), [written[turn % len(replies)][1] for turn in range(len(moments))])


def _marks(run: Run) -> dict[str, float]:
    names = run.done[0].timings
    return {name: round(median(row.timings[name] for row in run.done), 3) for name in names}


def _way(run: Run, ours: Run) -> dict[str, Any]:
    return {
        "ttfa_ms": figures(ttfa(run)),
        "ttfa_ratio": round(median(ttfa(run)) / median(ttfa(ours)), 2) if run.done else None,
        "underflows_per_turn": round(fmean(row.underflows for row in run.rows), 2),
        "underflow_ms_per_turn": round(fmean(row.underflow_ms for row in run.rows), 1),
        "ttfa_ms_of_each": [row.ttfa_ms for row in run.rows],
        "outcomes": run.outcomes,
    }
