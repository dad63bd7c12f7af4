"""The measurements of `first_audio`: each takes a plan and returns plain figures."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import reference
from benchmarks.gateway import running, segue
from benchmarks.load import Pool, Run, drive, in_flight, poisson, steady
from benchmarks.report import differences, figures, median_of, percentile, table
from benchmarks.taking import Taking
from benchmarks.texts import Said
from segue.configuration import ScriptedSettings

ONE_SENTENCE = Said("en", "The next train leaves at ten past nine in the morning.")
"""About three seconds of speech in one piece, so that sound is sent at the pace at which it is made."""
PACED = {"reply": ONE_SENTENCE.text, "real_time_factor": 1.0, "chunk_ms": 100.0, "ms_per_character": 60.0}
"""Speech made exactly as fast as it is heard: the hardest case that can be played without a gap."""
ASK = {"text": "When does the next train leave?", "language": "en"}


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured. Seconds are lengths of arrivals; turns that have begun are waited for besides."""

    in_flight: int
    repeats: int
    overhead_s: float
    compared_s: float
    steps: tuple[int, ...]
    rounds: int
    turns: int
    carriers_s: float
    pairs: int
    paused: int
    alternated: int
    hedged: int
    seed: int = 20


Tick = Callable[[str], None]
"""Told what is being measured now."""


async def asking(pool: Pool, taking: Taking, *, audio_format: str | None = None, replies: Sequence[Said] = ()) -> None:
    """Take one turn from a gateway; a gateway that repeats what it is told is told one of `replies`."""
    said = replies[taking.number % len(replies)] if replies else None
    body = {"text": said.text, "language": said.language} if said else ASK
    await pool.take({**body, "format": audio_format} if audio_format else body, taking)


async def _warm_up(pool: Pool, turns: int = 5) -> dict[str, Any]:
    """The first turn of a fresh process, which pays for everything once, and some more; reported apart."""
    first = await drive(partial(asking, pool), [0.0])
    more = await drive(partial(asking, pool), [0.05 * turn for turn in range(turns)])
    rows = [*first.done, *more.done]
    if len(rows) != turns + 1:
        raise RuntimeError(f"Warming up, turns ended as {first.outcomes} and {more.outcomes}.")
    return {
        "first_turn_ttfa_ms": rows[0].ttfa_ms,
        "ttfa_ms": figures(row.ttfa_ms for row in rows[1:] if row.ttfa_ms is not None),
        "turn_s": round(median(row.total_ms for row in rows[1:]) / 1000.0, 3),
        "audio_s": round(median(row.audio_ms for row in rows[1:]) / 1000.0, 3),
    }


def ttfa(run: Run) -> list[float]:
    """Times to first audible audio of the turns that ended well, in milliseconds."""
    return [row.ttfa_ms for row in run.done if row.ttfa_ms is not None]


DISTURBED_MS = 5.0
"""A generator that writes one request in a hundred this late, or later, did not have its core to itself."""


def disturbed(run: Run) -> bool:
    """Whether something else took the load generator's core, so that the run's tail is not the gateway's."""
    return bool(run.rows) and percentile([row.late_ms for row in run.rows], 99) >= DISTURBED_MS


def _client(run: Run, ramp_s: float = 0.0) -> dict[str, Any]:
    """What the load generator itself did: how late it was, and what it cost."""
    return {
        "late_ms": figures(row.late_ms for row in run.rows),
        "disturbed": disturbed(run),
        "cpu_ms_per_turn": round(run.client_cpu_s * 1000.0 / max(1, len(run.rows)), 3),
        "in_flight": round(in_flight(run.rows, ramp_s, run.rows[-1].at_s if run.rows else 0.0), 1),
        "outcomes": run.outcomes,
        "cold_connections": sum(not row.warm for row in run.rows),
    }


async def overhead(plan: Plan, tick: Tick) -> dict[str, Any]:
    """What the gateway adds to the time to first audible audio, with `plan.in_flight` turns in flight on average.

    On the same arrivals, one after another: once the canned server (what measuring costs), and `plan.repeats` times
    the providers called directly in this process, and Segue. Turns that begin before as much time has passed
    as one turn takes are kept but not counted: until then fewer are in flight. The overhead of a turn is its time to
    first audible audio less the median of the direct calls of the same repeat.
    """
    use = reference.providers(ScriptedSettings.model_validate(PACED))
    runs, kept = [], []
    with segue(PACED) as gateway:
        pool = Pool(gateway.host, gateway.port, "ndjson")
        tick("overhead: warming up")
        warm = await _warm_up(pool)
        turn_s = warm["turn_s"]
        for repeat in range(plan.repeats):
            moments = poisson(plan.in_flight / turn_s, turn_s + plan.overhead_s, plan.seed + repeat)
            compared = [moment for moment in moments if moment < turn_s + plan.compared_s]
            if repeat == 0:
                tick("overhead: canned answers")
                floor = (await _canned(turn_s, compared, plan)).after(turn_s)
            tick(f"overhead: providers called directly, run {repeat + 1} of {plan.repeats}")
            straight = await drive(partial(reference.direct, use, ONE_SENTENCE), compared)
            tick(f"overhead: Segue, run {repeat + 1} of {plan.repeats}")
            await pool.warm(plan.in_flight * 2)
            before = gateway.cost()
            run = await drive(partial(asking, pool), moments)
            used_s = gateway.cost().cpu_s - before.cpu_s
            kept.append(table(run.rows, ("at_s", "late_ms", "warm", "outcome", "ttfa_ms", "total_ms", "underflows")))
            runs.append(_overhead_of(run, straight, used_s, turn_s))
        pool.close()
    return {
        "setting": PACED,
        "warm_up": warm,
        "median_of_runs": {
            name: median_of([run[name] for run in runs])
            for name in ("overhead_ms", "ttfa_ms", "direct_ttfa_ms", "inside_ms")
        },
        "canned_ttfa_ms": figures(ttfa(floor)),
        "counted_from_s": turn_s,
        "runs": runs,
        "turns": kept,
    }


def _overhead_of(run: Run, straight: Run, used_s: float, ramp_s: float) -> dict[str, Any]:
    counted, total_s = run.after(ramp_s), _length_s(run)
    return {
        "overhead_ms": figures(differences(ttfa(counted), ttfa(straight.after(ramp_s)))),
        "ttfa_ms": figures(ttfa(counted)),
        "direct_ttfa_ms": figures(ttfa(straight.after(ramp_s))),
        "inside_ms": figures(row.timings["first_sent_ms"] for row in counted.done if "first_sent_ms" in row.timings),
        "gateway_cpu_share": round(used_s / total_s, 3) if total_s else None,
        "client": _client(run, ramp_s),
    }


def _length_s(run: Run) -> float:
    """From the first moment to the end of the last turn."""
    return max((row.at_s + row.total_ms / 1000.0 for row in run.rows), default=0.0)


async def _canned(hold_s: float, moments: Sequence[float], plan: Plan) -> Run:
    with TemporaryDirectory(prefix="segue-bench-") as name:
        command = [sys.executable, "-m", "benchmarks.canned", str(hold_s)]
        with running(command, Path(name)) as server:
            pool = Pool(server.host, server.port, "ndjson")
            await pool.warm(plan.in_flight * 2)
            run = await drive(partial(asking, pool), moments)
            pool.close()
    return run


async def listeners(plan: Plan, tick: Tick) -> dict[str, Any]:
    """How many listeners one core serves at the pace at which they hear, without a single underflow.

    Listener k asks first at k/N of the period and again each period, which is the length of the reply and a third of
    a second more: at every moment N listeners listen. Two steps with underflows end the climb.
    """
    steps: list[dict[str, Any]] = []
    with segue(PACED) as gateway:
        pool = Pool(gateway.host, gateway.port, "ndjson")
        tick("listeners: warming up")
        warm = await _warm_up(pool)
        period_s, idle = warm["audio_s"] + 0.3, gateway.cost()
        for count in plan.steps:
            tick(f"listeners: {count} at once")
            await pool.warm(count)
            before = gateway.cost()
            run = await drive(partial(asking, pool), steady(count, period_s, plan.rounds))
            after = gateway.cost()
            steps.append(_step(count, run, after.cpu_s - before.cpu_s, after.rss_bytes - idle.rss_bytes))
            if len(steps) > 1 and all(step["turns_with_underflow"] or step["not_done"] for step in steps[-2:]):
                break
        pool.close()
    clean = 0
    for step in steps:
        if step["turns_with_underflow"] or step["not_done"]:
            break
        clean = step["listeners"]
    return {
        "setting": PACED,
        "warm_up": warm,
        "idle_rss_mib": round(idle.rss_bytes / 2**20, 1),
        "most_without_underflow": clean,
        "steps": steps,
    }


def _step(count: int, run: Run, used_s: float, grown_bytes: int) -> dict[str, Any]:
    heard_s = sum(row.audio_ms for row in run.rows) / 1000.0
    return {
        "listeners": count,
        "turns": len(run.rows),
        "not_done": len(run.rows) - len(run.done),
        "turns_with_underflow": sum(row.underflows > 0 for row in run.rows),
        "underflows": sum(row.underflows for row in run.rows),
        "underflow_ms_per_minute": round(sum(row.underflow_ms for row in run.rows) / heard_s * 60.0, 3),
        "ttfa_ms": figures(ttfa(run)),
        "gateway_cpu_share": round(used_s / _length_s(run), 3),
        "cpu_ms_per_listener_s": round(used_s / heard_s * 1000.0, 3),
        "rss_kib_per_listener": round(grown_bytes / 1024 / count, 1),
        "client": _client(run),
    }


CARRIERS = (("ndjson", "pcm16"), ("sse", "pcm16"), ("ws", "pcm16"), ("ndjson", "mp3"), ("ndjson", "opus"))


async def carriers(plan: Plan, tick: Tick) -> dict[str, Any]:
    """The same listening crowd over each way to carry a turn, and in each format; the first turn of each apart."""
    rows = {}
    with segue(PACED) as gateway:
        pools = {kind: Pool(gateway.host, gateway.port, kind) for kind, _ in CARRIERS}
        tick("carriers: warming up")
        warm = await _warm_up(pools["ndjson"])
        for kind, audio_format in CARRIERS:
            tick(f"carriers: {kind} with {audio_format}")
            take = partial(asking, pools[kind], audio_format=None if kind == "ws" else audio_format)
            first = await drive(take, [0.0], pcm=audio_format == "pcm16")
            await pools[kind].warm(plan.in_flight)
            rounds = max(1, round(plan.carriers_s / warm["audio_s"]))
            moments = steady(plan.in_flight, warm["audio_s"] + 0.3, rounds)
            before = gateway.cost()
            run = await drive(take, moments, pcm=audio_format == "pcm16")
            rows[f"{kind} {audio_format}"] = _carried(run, first, gateway.cost().cpu_s - before.cpu_s)
        for pool in pools.values():
            pool.close()
    return {"setting": PACED, "listeners": plan.in_flight, "ways": rows}


def _carried(run: Run, first: Run, used_s: float) -> dict[str, Any]:
    heard_s = sum(row.audio_ms for row in run.done) / 1000.0
    return {
        "ttfa_ms": figures(ttfa(run)),
        "first_turn_ttfa_ms": first.rows[0].ttfa_ms,
        "cpu_ms_per_listener_s": round(used_s / heard_s * 1000.0, 3) if heard_s else None,
        "outcomes": run.outcomes,
    }
