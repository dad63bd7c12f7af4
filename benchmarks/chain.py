"""What a chain of providers costs while its first one is well: for a sentence, for a reply, and for a whole turn."""

import asyncio
import gc
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from statistics import fmean, median
from typing import Any

from benchmarks.gateway import also, segue
from benchmarks.load import Pool, Run, drive
from benchmarks.report import figures, percentile
from benchmarks.scenes import ONE_SENTENCE, Plan, Tick, asking, disturbed, ttfa
from benchmarks.taking import Row, Taking
from segue.clock import SystemClock
from segue.providers.scripted import ScriptedModel, ScriptedSynthesizer
from segue.voice.answering import Answering
from segue.voice.attempt import Errand, Limits, P, T, Target
from segue.voice.breaker import Breaker, Budget
from segue.voice.casting import Casting, Part
from segue.voice.chain import Chain
from segue.voice.lineup import Lineup
from segue.voice.pace import Paces
from segue.voice.ports import LanguageModel, Message, Prompt, Synthesizer, Utterance
from segue.voice.rendering import Manner, Rendering, Sentence, Studio
from segue.voice.timeline import Heading, Timeline

VOICE, LANGUAGE = "scripted-en", "en"
NAMES = ("first", "second", "third")
SPEAKING = {"reply": ONE_SENTENCE.text, "real_time_factor": 0.0, "chunk_ms": 100.0, "ms_per_character": 20.0}
"""A second of speech that is there at once: the time to its first sound is all Segue's."""
APART_S = 0.04
"""Between two turns, so that one is over before the next begins; the pause where calls are rare."""
BLOCKS = 10
"""In so many parts a run is looked at, to see how much its medians differ by chance."""
SWEEP = 250
"""After so many rounds garbage is collected, between two of them."""
CLOCK = SystemClock()

Arm = Callable[[], Awaitable[list[float]]]
"""Asks for a sentence or a reply once; the seconds that were waited for each of its items."""


async def waits(ask: Callable[[], AsyncGenerator[T, None]]) -> list[float]:
    """Ask, and take every item: the first wait holds the asking too."""
    waited, asked = [], time.perf_counter()
    async with aclosing(ask()) as items:
        while await anext(items, None) is not None:
            waited.append(time.perf_counter() - asked)
            asked = time.perf_counter()
    return waited


class Noted(Chain[Synthesizer]):
    """A chain that notes how long each item was waited for, since `asked` (seconds of `perf_counter`)."""

    asked: float = 0.0
    waited: list[float]

    async def run(
        self, errand: Errand[Synthesizer, T], order: Sequence[str], unsuitable: Mapping[str, str] | None = None
    ) -> AsyncGenerator[T, None]:
        """See `Chain.run`."""
        asked, self.waited = self.asked, []
        async with aclosing(super().run(errand, order, unsuitable)) as items:
            async for item in items:
                self.waited.append(time.perf_counter() - asked)
                yield item
                asked = time.perf_counter()


async def _never(_: Any) -> None:
    raise AssertionError("a provider that is well is not tried out")


def _targets(providers: Sequence[P], what: str) -> dict[str, Target[P]]:
    limits = Limits(10.0, 10.0, 60.0, what)
    return {
        name: Target(name, provider, limits, Breaker(), Budget())
        for name, provider in zip(NAMES, providers, strict=False)
    }


def sentences(text: str) -> dict[str, Arm]:
    """A sentence, asked of a synthesizer directly and through chains: as a turn asks, but without what comes after."""
    speakers = [ScriptedSynthesizer(CLOCK, name=name, ms_per_character=30.0) for name in NAMES]

    def rendering(count: int, hedge_s: float | None = None) -> Arm:
        chain = Noted(_targets(speakers[:count], "audible audio"), CLOCK, _never)
        casting = Casting("", dict.fromkeys(NAMES, Part(VOICE)), NAMES[:count])
        studio = Studio(chain, Paces(), CLOCK, hedge_s=hedge_s)

        async def ask() -> list[float]:
            timeline = Timeline(
                Heading("0" * 32, "tts", 0.0, None, None, "", "fast", None, LANGUAGE, "", VOICE, "pcm16"), 0.0
            )
            chain.asked = time.perf_counter()
            manner = Manner(LANGUAGE, casting, Lineup(casting.order))
            await Rendering(Sentence(0, text, text), manner, studio, timeline).run()
            return chain.waited

        return ask

    return {
        "direct": lambda: waits(lambda: speakers[0].speak(Utterance(text, LANGUAGE, VOICE))),
        "one": rendering(1),
        "three": rendering(3),
        "three, hedge armed": rendering(3, hedge_s=5.0),
    }


def replies(text: str) -> dict[str, Arm]:
    """A reply, asked of a language model directly and through chains, as a turn asks."""
    writers = [ScriptedModel(CLOCK, text, name=name) for name in NAMES]
    prompt = Prompt((Message("user", "When does the next train leave?"),), LANGUAGE)

    async def settle() -> str:
        raise AssertionError("no model breaks off")

    def answering(count: int) -> Arm:
        chain: Chain[LanguageModel] = Chain(_targets(writers[:count], "token"), CLOCK, _never)
        return lambda: waits(lambda: chain.run(Answering(prompt, settle, chain), NAMES[:count]))

    return {"direct": lambda: waits(lambda: writers[0].stream(prompt)), "one": answering(1), "three": answering(3)}


async def compared(arms: Mapping[str, Arm], rounds: int, *, apart_s: float = 0.0) -> dict[str, Any]:
    """Every arm once a round, in turns first, and each held against `direct` of the same round.

    With `apart_s` there is a pause before each, in which the processor forgets what it had at hand: so much more it
    costs where turns are rare.
    """
    names, found = list(arms), {name: list[list[float]]() for name in arms}
    for number in range(-SWEEP // 5, rounds):
        if number % SWEEP == 0:
            gc.collect()
        for place in range(len(names)):
            name = names[(number + place) % len(names)]
            if apart_s:
                await asyncio.sleep(apart_s)
            waited = await arms[name]()
            if number >= 0:
                found[name].append(waited)
    return {name: _against(rows, found["direct"]) for name, rows in found.items()}


def _against(rows: Sequence[Sequence[float]], direct: Sequence[Sequence[float]]) -> dict[str, Any]:
    """Microseconds: of the first item, and of an item after it (the mean of a round)."""
    firsts, usual = [row[0] * 1e6 for row in rows], [row[0] * 1e6 for row in direct]
    later, plain = [fmean(row[1:]) * 1e6 for row in rows], [fmean(row[1:]) * 1e6 for row in direct]
    shown: dict[str, Any] = {"items": len(rows[0]), "first_us": figures(firsts), "further_us": figures(later)}
    if rows is direct:
        return shown
    added = [ours - theirs for ours, theirs in zip(firsts, usual, strict=True)]
    return {
        "first_added_us": figures(added),
        "further_added_us": figures(ours - theirs for ours, theirs in zip(later, plain, strict=True)),
        **shown,
        "first_added_us_by_percent": [round(percentile(added, share), 1) for share in range(1, 101)],
    }


async def chain(plan: Plan, tick: Tick) -> dict[str, Any]:
    """What a chain of three adds whose first provider is well.

    In this process: the first item of a sentence and of a reply, asked of the provider directly and through the
    product's own chain, errands included (limits, breakers, budgets, the judging of audio, the filters of tokens). The
    scripted providers give everything at once, so that nothing but work is timed: one call after another, and with
    pauses, as a gateway has them that is not busy. Then, over HTTP, the TTFA of a
    gateway with one provider of each kind and of one with three, in turns.
    """
    tick(f"chain: {plan.pairs} sentences each way")
    spoken = await compared(sentences(ONE_SENTENCE.text), plan.pairs)
    tick(f"chain: {plan.pairs} replies each way")
    written = await compared(replies(ONE_SENTENCE.text), plan.pairs)
    tick(f"chain: {plan.paused} of each with pauses")
    seldom = {
        "sentence": await compared(sentences(ONE_SENTENCE.text), plan.paused, apart_s=APART_S),
        "reply": await compared(replies(ONE_SENTENCE.text), plan.paused, apart_s=APART_S),
    }
    tick(f"chain: {plan.alternated} turns with one provider and with three, in turns")
    turns = await _alternated(plan)
    return {
        "ttfa_three_to_one": turns.pop("ttfa_three_to_one"),
        "sentence": spoken,
        "reply": written,
        "with_pauses": seldom,
        "turn": turns,
    }


async def _alternated(plan: Plan) -> dict[str, Any]:
    others = {"models": NAMES[1:], "synthesizers": tuple(f"{name} voice" for name in NAMES[1:])}
    with segue(SPEAKING) as lone, segue(SPEAKING, providers=also(**others)) as chained:
        pools = [Pool(gateway.host, gateway.port, "ndjson") for gateway in (lone, chained)]

        async def take(taking: Taking) -> None:
            await asking(pools[taking.number % 2], taking)

        await drive(take, [APART_S * number for number in range(20)])
        for pool in pools:
            await pool.warm(20)
        run = await drive(take, [APART_S * number for number in range(2 * (plan.alternated // 2))])
        for pool in pools:
            pool.close()
    one, three = Run(run.rows[0::2], 0.0), Run(run.rows[1::2], 0.0)
    first, other = figures(ttfa(one)), figures(ttfa(three))
    return {
        "ttfa_three_to_one": {name: round(other[name] / first[name], 3) for name in ("p50", "p99")},
        "setting": SPEAKING,
        "ttfa_added_ms": {name: round(other[name] - first[name], 3) for name in ("p50", "p99")},
        "ttfa_added_ms_p50_of_parts": added_by_part(one.rows, three.rows),
        "one": _turns(one),
        "three": _turns(three),
        "disturbed": disturbed(run),
    }


def added_by_part(one: Sequence[Row], three: Sequence[Row], parts: int = BLOCKS) -> list[float]:
    """The difference of the median TTFAs in each part of a run, in milliseconds, the smallest first."""
    size = max(1, min(len(one), len(three)) // parts)
    differences = []
    for begin in range(0, parts * size, size):
        medians = [
            median(row.ttfa_ms for row in rows[begin : begin + size] if row.ttfa_ms is not None)
            for rows in (one, three)
        ]
        differences.append(round(medians[1] - medians[0], 3))
    return sorted(differences)


def _turns(run: Run) -> dict[str, Any]:
    inside = figures(row.timings["first_sent_ms"] for row in run.done if "first_sent_ms" in row.timings)
    return {"ttfa_ms": figures(ttfa(run)), "inside_ms": inside, "outcomes": run.outcomes}
