"""The chain in the moments that are easy to get wrong: between two awaits, in a crowd, and when somebody lets go."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segue.clock import ManualClock, SystemClock
from segue.errors import FailureCategory, ProviderError, ProvidersResting
from segue.providers.scripted import Faults, ScriptedSynthesizer
from segue.settings import Settings
from segue.voice.attempt import Limits
from segue.voice.breaker import NOT_ITS_FAULT, BreakerRules, BreakerState
from segue.voice.chain import Chain
from segue.voice.fallback import FallbackRules
from segue.voice.roster import Roster
from segue.voice.slots import Slots
from segue.wiring.chains import Team, synthesizers
from tests.unit.test_chain import TEXT, Reader, Reading, chain, through

Play = Callable[[str], AsyncGenerator[str, None]]


@dataclass
class Player(Reader):
    """A provider that does what a function says."""

    play: Play | None = None

    async def read(self, text: str) -> AsyncGenerator[str, None]:
        """Whatever it plays."""
        assert self.play is not None
        self.log.append(text)
        self.open += 1
        try:
            async with aclosing(self.play(text)) as letters:
                async for letter in letters:
                    yield letter
        finally:
            self.open -= 1


class Looking(Reading):
    """An errand that asks a cache, which takes a moment."""

    async def kept(self, name: str) -> list[str] | None:
        """What was kept."""
        await asyncio.sleep(0)
        return await super().kept(name)


async def test_who_queues_for_a_place_does_not_insist_on_a_provider_that_has_failed_meanwhile() -> None:
    """Of twenty errands that wait for the one place of a dead provider, no more reach it than open its breaker."""
    clock = ManualClock()
    dead, healthy = Reader(clock, stalls=True), Reader(clock)
    walk = chain(clock, dead, healthy)
    walk.targets["a"].places = Slots(1)
    errands = [Reading() for _ in range(20)]
    doing = [asyncio.ensure_future(errand.done(walk)) for errand in errands]
    await clock.advance(21.0)
    assert all(one.done() for one in doing)
    assert await asyncio.gather(*doing) == [TEXT] * 20
    assert len(dead.log) == 5


async def test_a_crowd_makes_no_more_probes_than_are_needed() -> None:
    """Ten errands at once for an only provider whose rest is over: three are probes, the others are told to wait."""
    clock = ManualClock()
    only = Reader(clock, FailureCategory.AUTH)
    walk = chain(clock, only)
    with pytest.raises(ProviderError):
        await Reading().done(walk)
    await clock.advance(12.0)
    only.fails, only.first_s = None, 1.0
    only.log.clear()

    doing = [asyncio.ensure_future(Looking().done(walk)) for _ in range(10)]
    await clock.advance(0.5)
    assert len(only.log) == 3
    await clock.advance(5.0)
    results = await asyncio.gather(*doing, return_exceptions=True)
    assert sum(result == TEXT for result in results) == 3
    assert sum(isinstance(result, ProvidersResting) for result in results) == 7
    assert walk.targets["a"].breaker.state is BreakerState.CLOSED


async def test_repeats_of_a_crowd_stay_within_the_budget() -> None:
    """Thirty errands that fail in the same moment repeat as often as the budget has room, however they are timed."""
    clock = ManualClock()
    only = Reader(clock, FailureCategory.EMPTY_AUDIO)
    walk = chain(clock, only)
    walk.targets["a"].breaker.rules = BreakerRules(in_a_row=1000, least=1000)
    doing = [asyncio.ensure_future(Reading().done(walk)) for _ in range(30)]
    await clock.advance(10.0)
    assert all(isinstance(result, ProviderError) for result in await asyncio.gather(*doing, return_exceptions=True))
    assert len(only.log) == 30 + 8


@pytest.mark.parametrize("error", [ValueError("oops"), KeyError("oops"), OSError("broken pipe")])
async def test_trouble_in_letting_go_is_nobodys_failure(error: Exception) -> None:
    """A provider that throws while it is being closed does not spoil the fallback from what it did before."""
    clock = ManualClock()

    async def clumsy(text: str) -> AsyncGenerator[str, None]:
        try:
            for letter in text:
                yield letter
        except GeneratorExit:
            raise error from None

    class Listening(Reading):
        def weigh(self, item: str) -> float:
            if len(self.delivered) == 3 and not self.endings:
                raise ProviderError("distorted")
            return super().weigh(item)

    errand = Listening()
    assert await errand.done(chain(clock, Player(clock, play=clumsy), Reader(clock))) == TEXT
    assert errand.outcomes == [("a", "server"), ("b", "completed")]


async def test_a_provider_that_cancels_itself_has_failed() -> None:
    """A library that raises CancelledError where nobody cancelled anything is a failure like any other."""
    clock = ManualClock()

    async def gives_up(text: str) -> AsyncGenerator[str, None]:
        yield text[0]
        raise asyncio.CancelledError

    errand = Reading()
    assert await errand.done(chain(clock, Player(clock, play=gives_up), Reader(clock))) == TEXT
    assert errand.outcomes == [("a", "server"), ("b", "completed")]


async def test_who_never_lets_others_run_is_stopped_all_the_same() -> None:
    """A provider that sends nothing to hear, faster than the event loop turns, ends at its limit and not in memory."""
    clock = SystemClock()
    sent = 0

    async def floods(text: str) -> AsyncGenerator[str, None]:
        nonlocal sent
        while sent < 3_000_000:
            sent += 1
            yield ""
        yield text

    class Choosy(Reading):
        def weigh(self, item: str) -> float:
            return super().weigh(item) if item else 0.0

    errand = Choosy()
    walk = chain(clock, Player(clock, play=floods), Reader(clock), limits=Limits(0.2, 0.2, 5.0))
    assert await errand.done(walk) == TEXT
    assert errand.outcomes == [("a", "timeout"), ("b", "completed")]


async def test_an_errand_that_nobody_can_ever_do_is_not_put_off() -> None:
    """Where every provider is unsuitable or left out, the caller is not told to come again in a moment."""
    clock = ManualClock()
    walk = chain(clock, Reader(clock), Reader(clock))
    walk.targets["b"].out = "set B_KEY"
    with pytest.raises(ProviderError, match=r"none can do it \(a: no_voice; b: set B_KEY\)") as raised:
        await Reading().done(walk, {"a": "no_voice"})
    assert not isinstance(raised.value, ProvidersResting)
    assert raised.value.category is FailureCategory.UNSUPPORTED


async def test_a_hedge_that_has_nothing_to_say_does_not_win() -> None:
    """Who ends at once without a letter is not quicker than who is still at it."""
    clock = ManualClock()
    late, empty = Reader(clock, first_s=1.0), Reader(clock, after=99)
    empty.read = _nothing  # type: ignore[method-assign]
    errand = Reading(hedge_s=0.3)
    walk = chain(clock, late, empty)
    assert await through(clock, errand.done(walk)) == TEXT
    assert errand.adopted == [("a", False)]
    assert len(late.log) == 1
    assert walk.tally.hedges_won == 0


async def _nothing(text: str) -> AsyncGenerator[str, None]:
    for letter in text[:0]:
        yield letter


async def test_who_leaves_while_the_loser_of_a_hedge_is_let_go_leaves_nothing_behind() -> None:
    """The winner is closed as well when the listener goes in that very moment."""
    clock = ManualClock()

    async def clings(text: str) -> AsyncGenerator[str, None]:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await clock.sleep(1.0)
        yield text

    slow, quick = Player(clock, play=clings), Reader(clock, first_s=0.1)
    walk = chain(clock, slow, quick)
    errand = Reading(hedge_s=0.3)
    doing = asyncio.ensure_future(errand.done(walk))
    await clock.advance(0.5)
    assert quick.open == 1
    doing.cancel()
    await clock.advance(2.0)
    assert doing.cancelled()
    assert [slow.open, quick.open] == [0, 0]
    assert sorted(errand.outcomes) == [("a", "cancelled"), ("b", "cancelled")]
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_probe_that_ends_strangely_is_made_again() -> None:
    """A probe that cancels itself does not keep its provider from being tried out for ever."""
    clock = ManualClock()
    odd = Reader(clock, FailureCategory.AUTH)
    walk = chain(clock, odd, Reader(clock))
    await Reading().done(walk)
    odd.fails = asyncio.CancelledError()  # type: ignore[assignment]

    async def strange(provider: Reader) -> None:
        if provider.fails is not None:
            raise asyncio.CancelledError

    walk.probe = strange
    await clock.advance(70.0)
    await through(clock, Reading().done(walk), 1.0)
    assert walk.targets["a"].breaker.state is BreakerState.HALF_OPEN
    odd.fails = None
    await through(clock, Reading().done(walk), 1.0)
    assert walk.targets["a"].breaker.state is BreakerState.CLOSED


async def test_an_errand_pauses_no_longer_than_its_patience() -> None:
    """Three providers that each ask for two seconds are not waited for one after the other."""
    clock = ManualClock()
    later = ProviderError("later", category=FailureCategory.RATE_LIMIT, retry_after_s=2.0)
    walk = chain(clock, *(Reader(clock, later) for _ in range(3)))
    doing = asyncio.ensure_future(Reading().done(walk))
    await clock.advance(FallbackRules().patience_s)
    assert doing.done()
    with pytest.raises(ProviderError, match="later"):
        await doing


NOISE = st.sampled_from(["good", "slow", *FailureCategory, "stalls", "cut"])


@settings(max_examples=30)
@given(
    course=st.lists(st.tuples(NOISE, NOISE, st.floats(0, 40), st.integers(1, 4), st.booleans()), max_size=6),
    seed=st.integers(0, 99),
)
def test_every_attempt_has_one_end_and_every_breaker_can_close(
    course: list[tuple[Any, Any, float, int, bool]], seed: int
) -> None:
    """Through any weather, crowds, hedges and hang-ups: probes, places and tasks come back, and so do providers."""

    async def run() -> None:
        clock = ManualClock()
        readers = [Reader(clock), Reader(clock)]
        walk = chain(clock, *readers, places=2)
        walk.chance.seed(seed)
        for *moods, gap_s, crowd, leaves in course:
            for reader, mood in zip(readers, moods, strict=True):
                _moody(reader, mood)
            errands = [Looking(hedge_s=0.3 if number % 2 else None) for number in range(crowd)]
            doing = [asyncio.ensure_future(errand.done(walk)) for errand in errands]
            await clock.advance(gap_s / 10)
            if leaves:
                doing[0].cancel()
            await clock.advance(gap_s)
            _bounded(walk)
            if gap_s > 20:
                assert all(one.done() for one in doing)
            await clock.advance(40.0)
            await asyncio.gather(*doing, return_exceptions=True)
            _settled(walk, errands)
        for reader in readers:
            _moody(reader, "good")
        await clock.advance(70.0)
        for _ in range(4):
            assert await through(clock, Reading().done(walk), 2.0) == TEXT
        assert {target.breaker.state for target in walk.targets.values()} == {BreakerState.CLOSED}
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(run())


def _moody(reader: Reader, mood: Any) -> None:
    reader.fails, reader.stalls, reader.after, reader.first_s = None, mood == "stalls", 0, 0.0
    if isinstance(mood, FailureCategory):
        reader.fails = mood
    elif mood == "slow":
        reader.first_s = 2.5
    elif mood == "cut":
        reader.fails, reader.after = FailureCategory.TRUNCATED, 5


def _bounded(walk: Chain[Reader]) -> None:
    """What must hold in the middle of anything."""
    for target in walk.targets.values():
        assert 0 <= target.breaker._probes_out <= target.breaker.rules.probes
        assert target.places is not None
        assert 0 <= target.places.held <= 2


def _settled(walk: Chain[Reader], errands: list[Looking]) -> None:
    """What must hold when nobody is on the way."""
    _bounded(walk)
    for target in walk.targets.values():
        assert target.breaker._probes_out == 0
        assert target.places is not None
        assert (target.places.held, target.places.waiting, target.provider.open) == (0, 0, 0)
    for errand in errands:
        assert TEXT.startswith(errand.delivered)
        assert [name for name, cached in errand.adopted if not cached] == [name for name, _ in errand.adopted]
    assert sum(target.calls for target in walk.targets.values()) == sum(
        len([one for one in target.provider.log if one != "x"]) for target in walk.targets.values()
    )


@pytest.mark.parametrize("category", sorted(NOT_ITS_FAULT))
async def test_a_refused_probe_is_not_asked_over_and_over(category: FailureCategory) -> None:
    """A provider that refuses the probe's own text is there: it is asked three times, once each, and is back."""
    clock = ManualClock()
    picky = Reader(clock, FailureCategory.AUTH)
    walk = chain(clock, picky, Reader(clock))
    await Reading().done(walk)
    asked = 0

    async def refused(_: Reader) -> None:
        nonlocal asked
        asked += 1
        if asked > 9:
            await asyncio.get_running_loop().create_future()
        raise ProviderError("not this text", category=category)

    walk.probe, picky.fails = refused, None
    await clock.advance(70.0)
    await through(clock, Reading().done(walk), 1.0)
    assert asked == 3
    errand = Reading()
    assert await errand.done(walk) == TEXT
    assert errand.adopted == [("a", False)]
    await walk.close()


@pytest.mark.parametrize("providers", [1, 2])
async def test_slow_speech_is_better_than_none(providers: int) -> None:
    """Where all providers are slow and nobody is quick, every errand is done, also in a crowd, until they fail."""
    clock = ManualClock()
    walk = chain(clock, *(Reader(clock, first_s=2.5) for _ in range(providers)))
    for _ in range(20):
        doing = [asyncio.ensure_future(Reading().done(walk)) for _ in range(6)]
        await clock.advance(4.0)
        assert await asyncio.gather(*doing) == [TEXT] * 6
    assert {target.breaker.state for target in walk.targets.values()} != {BreakerState.CLOSED}
    for target in walk.targets.values():
        target.provider.fails = FailureCategory.SERVER
    for _ in range(20):
        await asyncio.gather(through(clock, Reading().done(walk), 5.0), return_exceptions=True)
    before = sum(target.calls for target in walk.targets.values())
    with pytest.raises(ProvidersResting):
        await Reading().done(walk)
    assert sum(target.calls for target in walk.targets.values()) == before


async def test_a_slow_provider_is_passed_by_where_there_is_a_quick_one() -> None:
    """Slowness opens its breaker for as long as failures do, as long as somebody else is there."""
    clock = ManualClock()
    slow, quick = Reader(clock, first_s=2.5), Reader(clock)
    walk = chain(clock, slow, quick)
    for _ in range(8):
        assert await through(clock, Reading().done(walk), 4.0) == TEXT
    assert (len(slow.log), len(quick.log)) == (5, 3)


async def test_who_rests_is_asked_when_those_who_were_well_have_failed() -> None:
    """An errand that nobody else can do any more is a resting provider's probe, after the rest of an only provider."""
    clock = ManualClock()
    resting, other = Reader(clock, FailureCategory.AUTH), Reader(clock)
    walk = chain(clock, resting, other)
    await Reading().done(walk)
    resting.fails, other.fails = None, FailureCategory.TIMEOUT
    await clock.advance(11.0)
    with pytest.raises(ProviderError, match="a is resting"):
        await Reading().done(walk)
    await clock.advance(2.0)
    errand = Reading()
    assert await errand.done(walk) == TEXT
    assert errand.outcomes == [("b", "timeout"), ("a", "completed")]
    await walk.close()


async def test_the_late_ends_of_old_calls_do_not_prolong_a_rest() -> None:
    """Calls that were under way when the breaker opened, and fail long after it, open nothing anew."""
    clock = ManualClock()
    only = Reader(clock, FailureCategory.AUTH, first_s=3.0)
    walk = chain(clock, only)
    doing = []
    for _ in range(4):
        doing.append(asyncio.ensure_future(Reading().done(walk)))
        await clock.advance(0.9)
    await clock.advance(5.0)
    await asyncio.gather(*doing, return_exceptions=True)
    breaker = walk.targets["a"].breaker
    assert breaker.opened == 1
    assert breaker.since == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("speech", "category"),
    [
        ({"silent": True}, FailureCategory.EMPTY_AUDIO),
        ({"faults": Faults(end=True)}, FailureCategory.EMPTY_AUDIO),
        ({"faults": Faults(end=True, after=2)}, FailureCategory.EMPTY_AUDIO),
        ({}, None),
    ],
    ids=["silence", "nothing", "one sample", "sound"],
)
async def test_silence_brings_no_synthesizer_back(speech: dict[str, Any], category: FailureCategory | None) -> None:
    """A probe is judged as a sentence is: a provider that still says nothing stays where it is."""
    clock = ManualClock()
    probe = synthesizers(Settings(), clock).roster.chain.probe(ScriptedSynthesizer(clock, **speech))
    if category is None:
        await probe
        return
    with pytest.raises(ProviderError) as raised:
        await probe
    assert raised.value.category is category


async def test_a_provider_that_cannot_be_closed_does_not_keep_the_others_open() -> None:
    """All are closed, whatever one of them throws."""
    clock = ManualClock()
    closed: list[str] = []

    class Door(Reader):
        async def close(self) -> None:
            closed.append("closed")
            raise OSError("the pipe is gone")

    team = Team("model", Roster(chain(clock, Door(clock), Door(clock))), needed=True)
    await team.close()
    assert closed == ["closed"] * 2
