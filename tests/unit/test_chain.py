"""The one walk of a chain: every letter of an errand is delivered once, whoever fails where."""

import asyncio
import math
import random
from collections.abc import AsyncGenerator, Awaitable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.clock import Clock, ManualClock, SystemClock
from segue.errors import FailureCategory, ProviderError, ProviderRefusal, ProvidersResting, ProviderTimeout
from segue.records import AttemptOutcome
from segue.voice.attempt import Ending, Limits, Target
from segue.voice.breaker import Breaker, BreakerState, Budget
from segue.voice.chain import Chain
from segue.voice.slots import Slots

TEXT = "abcdefghij"


@dataclass
class Reader:
    """A provider that reads letters out; it fails as told, `calls` times, after so many letters."""

    clock: Clock
    fails: FailureCategory | Exception | None = None
    after: int = 0
    calls: int | None = None
    first_s: float = 0.0
    stalls: bool = False
    log: list[str] = field(default_factory=list)
    open: int = 0

    async def read(self, text: str) -> AsyncGenerator[str, None]:
        """The letters."""
        self.log.append(text)
        self.open += 1
        try:
            if self.first_s:
                await self.clock.sleep(self.first_s)
            broken = self.fails is not None or self.stalls
            if broken and self.calls is not None:
                broken, self.calls = self.calls > 0, self.calls - 1
            for number, letter in enumerate(text):
                if broken and number >= self.after:
                    await self._fail()
                yield letter
            if broken and self.after >= len(text):
                await self._fail()
        finally:
            self.open -= 1

    async def _fail(self) -> None:
        if self.stalls:
            await asyncio.get_running_loop().create_future()
        if isinstance(self.fails, Exception):
            raise self.fails
        assert self.fails is not None
        raise ProviderError("broken", category=self.fails)


class Reading:
    """An errand: the text, read once; what was delivered is not asked for again."""

    priority = 0

    def __init__(self, text: str = TEXT, hedge_s: float | None = None, kept: dict[str, str] | None = None) -> None:
        self.text = text
        self.hedge_s = hedge_s
        self.delivered = ""
        self.endings: list[Ending] = []
        self.adopted: list[tuple[str, bool]] = []
        self._kept = kept or {}

    async def begin(self, name: str, provider: Reader) -> AsyncGenerator[str, None]:
        """Ask for the rest."""
        del name
        return provider.read(self.text[len(self.delivered) :])

    def weigh(self, item: str) -> float:
        """Any letter is progress."""
        del item
        return math.inf

    async def kept(self, name: str) -> list[str] | None:
        """What was kept."""
        return list(self._kept[name]) if name in self._kept and not self.delivered else None

    def adopt(self, name: str, *, cached: bool) -> None:
        """Note it."""
        self.adopted.append((name, cached))

    async def finish(self) -> None:
        """Half a text is no text."""
        if self.delivered != self.text:
            raise ProviderError("incomplete", category=FailureCategory.TRUNCATED)

    def ended(self, ending: Ending) -> None:
        """Note it."""
        self.endings.append(ending)

    async def done(self, chain: Chain[Reader], unsuitable: Mapping[str, str] | None = None) -> str:
        """Carry it out."""
        async with aclosing(chain.run(self, tuple(chain.targets), unsuitable)) as letters:
            async for letter in letters:
                self.delivered += letter
        return self.delivered

    @property
    def outcomes(self) -> list[tuple[str, str]]:
        """Who ended how."""
        return [(ending.name, (ending.category or ending.outcome).value) for ending in self.endings]


async def probe(provider: Reader) -> None:
    """One letter."""
    async for _ in provider.read("x"):
        pass


def chain(clock: Clock, *readers: Reader, limits: Limits | None = None, places: int | None = None) -> Chain[Reader]:
    """Readers under the names a, b, c."""
    targets = {
        name: Target(
            name, reader, limits or Limits(4.0, 1.5, 60.0), Breaker(), Budget(), Slots(places) if places else None
        )
        for name, reader in zip("abc", readers, strict=False)
    }
    return Chain(targets, clock, probe, chance=random.Random(1))  # noqa: S311 - the same course each time


async def through(clock: ManualClock, doing: Awaitable[str], seconds: float = 60.0) -> str:
    """The result of something that waits on a clock that has to be turned."""
    task = asyncio.ensure_future(doing)
    await clock.advance(seconds)
    return await task


@given(
    faults=st.lists(
        st.tuples(st.sampled_from([None, *FailureCategory]), st.integers(0, 11), st.integers(0, 3)),
        min_size=3,
        max_size=3,
    )
)
def test_every_letter_is_delivered_once(faults: list[tuple[FailureCategory | None, int, int]]) -> None:
    """Whoever fails in whichever way after however much, what is delivered is a prefix, and all of it on success."""

    async def run() -> None:
        clock = ManualClock()
        readers = [Reader(clock, fails, after, calls) for fails, after, calls in faults]
        errand = Reading()
        try:
            assert await through(clock, errand.done(chain(clock, *readers))) == TEXT
        except ProviderError:
            assert all(reader.fails is not None for reader in readers)
        assert TEXT.startswith(errand.delivered)
        assert all(reader.open == 0 for reader in readers)
        assert len(errand.endings) == sum(len(reader.log) for reader in readers) <= 6
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(run())


async def test_the_next_provider_is_asked_at_once() -> None:
    """A server error goes to the next provider without waiting, and is recorded with its category."""
    clock = ManualClock()
    errand = Reading()
    assert await errand.done(chain(clock, Reader(clock, FailureCategory.SERVER), Reader(clock))) == TEXT
    assert errand.outcomes == [("a", "server"), ("b", "completed")]
    assert errand.adopted == [("b", False)]


async def test_a_broken_connection_is_tried_once_more() -> None:
    """A connection that broke before anything came is opened again, before another provider is bothered."""
    clock = ManualClock()
    errand = Reading()
    flaky = Reader(clock, FailureCategory.NETWORK, calls=1)
    assert await through(clock, errand.done(chain(clock, flaky, Reader(clock)))) == TEXT
    assert errand.outcomes == [("a", "network"), ("a", "completed")]


async def test_silence_is_given_up_at_its_limit() -> None:
    """Who says nothing is left after the limit to the first item; the listener's own slowness does not count."""
    clock = ManualClock()
    errand = Reading()
    silent = Reader(clock, stalls=True)
    doing = asyncio.ensure_future(errand.done(chain(clock, silent, Reader(clock))))
    await clock.advance(3.9)
    assert not doing.done()
    await clock.advance(0.2)
    assert await doing == TEXT
    assert errand.outcomes == [("a", "timeout"), ("b", "completed")]
    assert silent.open == 0


async def test_an_only_provider_is_asked_again_after_a_passing_failure() -> None:
    """With nobody else to ask, one repeat is made after a pause; a timeout is not repeated."""
    clock = ManualClock()
    errand, other = Reading(), Reading()
    assert await through(clock, errand.done(chain(clock, Reader(clock, FailureCategory.SERVER, calls=1)))) == TEXT
    with pytest.raises(ProviderTimeout, match=r"a gave no audible audio within 4 s"):
        await through(clock, other.done(chain(clock, Reader(clock, stalls=True))))
    assert len(other.endings) == 1


async def test_retry_after_is_honoured() -> None:
    """An only provider that asks for two seconds gets them; one that asks for a minute is given up at once."""
    clock = ManualClock()
    patient = ProviderError("later", category=FailureCategory.RATE_LIMIT, retry_after_s=2.0)
    began = clock.now()
    errand = Reading()
    doing = asyncio.ensure_future(errand.done(chain(clock, Reader(clock, patient, calls=1))))
    await clock.advance(1.9)
    assert not doing.done()
    await clock.advance(2.0)
    assert await doing == TEXT
    assert clock.now() - began >= 2.0
    long = ProviderError("much later", category=FailureCategory.RATE_LIMIT, retry_after_s=60.0)
    with pytest.raises(ProviderError, match="much later"):
        await Reading().done(chain(clock, Reader(clock, long)))


async def test_a_refusal_is_final() -> None:
    """What a provider refuses to say is not put to another one."""
    clock = ManualClock()
    other = Reader(clock)
    with pytest.raises(ProviderRefusal):
        await Reading().done(chain(clock, Reader(clock, ProviderRefusal("no")), other))
    assert other.log == []


async def test_all_that_failed_is_told() -> None:
    """The error of an errand that nobody could do names everybody and why, with the first failure's category."""
    clock = ManualClock()
    errand = Reading()
    walk = chain(clock, Reader(clock, FailureCategory.AUTH), Reader(clock, FailureCategory.BAD_REQUEST))
    with pytest.raises(ProviderError, match=r"a: broken; b: broken") as raised:
        await errand.done(walk)
    assert raised.value.category is FailureCategory.AUTH


async def test_a_bug_is_a_failure() -> None:
    """What a provider throws that it should not is its failure, and the next one goes on."""
    clock = ManualClock()
    errand = Reading()
    assert await errand.done(chain(clock, Reader(clock, KeyError("oops"), after=3), Reader(clock))) == TEXT
    assert errand.outcomes == [("a", "server"), ("b", "completed")]


async def test_who_cannot_is_passed_by() -> None:
    """An unsuitable provider is not called and has no failure; nor has one that is left out."""
    clock = ManualClock()
    walk = chain(clock, Reader(clock), Reader(clock), Reader(clock))
    walk.targets["b"].out = "set A_KEY"
    errand = Reading()
    assert await errand.done(walk, {"a": "no_language"}) == TEXT
    assert errand.adopted == [("c", False)]
    assert [len(target.provider.log) for target in walk.targets.values()] == [0, 0, 1]
    with pytest.raises(ProviderError, match=r"none can do it \(a: no_language; c: no_voice; b: set A_KEY\)"):
        await Reading().done(walk, {"a": "no_language", "c": "no_voice"})


async def test_a_flapping_provider_costs_few_attempts() -> None:
    """Dead for sixty of eighty seconds: all errands are done, at most six attempts, back within thirty seconds."""
    clock = ManualClock()
    dead = Reader(clock, FailureCategory.SERVER)
    walk = chain(clock, dead, Reader(clock))
    back_s = None
    attempts = 0
    for number in range(25):
        if number * 4 >= 60:
            dead.fails = None
        during = dead.fails is not None
        errand = Reading()
        assert await through(clock, errand.done(walk), 4.0) == TEXT
        if not during and back_s is None and errand.adopted[-1][0] == "a":
            back_s = number * 4 - 60
        attempts = len(dead.log) if during else attempts
    assert 0 < attempts <= 6
    assert back_s is not None
    assert back_s <= 30


async def test_everybody_resting_is_said_with_a_time() -> None:
    """When all breakers are open nobody is called: the caller is told when to come back."""
    clock = ManualClock()
    readers = [Reader(clock, FailureCategory.AUTH) for _ in range(2)]
    walk = chain(clock, *readers)
    with pytest.raises(ProviderError):
        await Reading().done(walk)
    with pytest.raises(ProvidersResting, match=r"a is resting \(auth\); b is resting \(auth\)") as raised:
        await Reading().done(walk)
    assert [len(reader.log) for reader in readers] == [1, 1]
    assert raised.value.retry_after_s == pytest.approx(12.0)
    for reader in readers:
        reader.fails = None
    await clock.advance(12.0)
    assert await Reading().done(walk) == TEXT


async def test_probes_run_beside_the_errands() -> None:
    """A provider whose rest is over is tried out with something short; no listener is its guinea pig."""
    clock = ManualClock()
    dead = Reader(clock, FailureCategory.AUTH)
    walk = chain(clock, dead, Reader(clock))
    await Reading().done(walk)
    await clock.advance(70.0)
    dead.log.clear()
    errand = Reading()
    await through(clock, errand.done(walk), 1.0)
    assert errand.outcomes == [("b", "completed")]
    assert dead.log == ["x"]
    assert walk.targets["a"].breaker.state is BreakerState.OPEN
    dead.fails = None
    await clock.advance(70.0)
    await through(clock, Reading().done(walk), 1.0)
    assert walk.targets["a"].breaker.state is BreakerState.CLOSED
    assert walk.tally.probes == 4
    await walk.close()


@pytest.mark.parametrize(
    ("first_s", "fails", "winner", "hedges"),
    [(0.1, None, "a", 0), (1.0, None, "b", 1), (0.35, None, "a", 1), (1.0, FailureCategory.SERVER, "b", 1)],
)
async def test_a_hedge_takes_the_quicker_one(
    first_s: float, fails: FailureCategory | None, winner: str, hedges: int
) -> None:
    """A second provider is asked only when the first is late; the loser is stopped, and its attempt is no failure."""
    clock = ManualClock()
    slow = Reader(clock, fails, first_s=first_s, after=3 if fails is None else 0)
    quick = Reader(clock, first_s=0.1)
    walk = chain(clock, slow, quick)
    errand = Reading(hedge_s=0.3)
    assert await through(clock, errand.done(walk)) == TEXT
    assert errand.adopted == [(winner, False)]
    assert (walk.tally.hedges, walk.tally.hedges_won) == (hedges, int(winner == "b"))
    lost = [ending for ending in errand.endings if ending.outcome is not AttemptOutcome.COMPLETED]
    assert [ending.outcome for ending in lost] == [AttemptOutcome.CANCELLED] * hedges
    assert slow.open == quick.open == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_both_of_a_hedge_may_fail() -> None:
    """When both fail, the walk goes on to the third with both failures told."""
    clock = ManualClock()
    walk = chain(
        clock,
        Reader(clock, FailureCategory.SERVER, first_s=1.0),
        Reader(clock, FailureCategory.QUOTA, first_s=0.1),
        Reader(clock),
    )
    errand = Reading(hedge_s=0.3)
    assert await through(clock, errand.done(walk)) == TEXT
    assert sorted(errand.outcomes) == [("a", "server"), ("b", "quota"), ("c", "completed")]


@pytest.mark.parametrize("hedge_s", [None, 0.3])
@pytest.mark.parametrize("at_s", [0.0, 0.1, 0.35, 0.5])
async def test_who_leaves_leaves_nothing_behind(at_s: float, hedge_s: float | None) -> None:
    """An errand that is cancelled while providers are waited for stops them all; nobody is blamed."""
    clock = ManualClock()
    readers = [Reader(clock, stalls=True) for _ in range(2)]
    walk = chain(clock, *readers)
    errand = Reading(hedge_s=hedge_s)
    doing = asyncio.ensure_future(errand.done(walk))
    await clock.advance(at_s)
    doing.cancel()
    await asyncio.gather(doing, return_exceptions=True)
    assert [reader.open for reader in readers] == [0, 0]
    assert all(ending.outcome is AttemptOutcome.CANCELLED for ending in errand.endings)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_what_was_kept_is_used_even_of_a_provider_that_rests() -> None:
    """What the first choice made before needs no provider at all; what a later choice made does not jump ahead."""
    clock = ManualClock()
    dead = Reader(clock, FailureCategory.AUTH)
    walk = chain(clock, dead, Reader(clock))
    await Reading().done(walk)
    kept, not_yet = Reading(kept={"a": TEXT}), Reading(kept={"c": TEXT})
    assert await kept.done(walk) == TEXT
    assert kept.adopted == [("a", True)]
    assert kept.endings == []
    await not_yet.done(walk)
    assert not_yet.adopted == [("b", False)]


async def test_places_are_held_for_the_time_of_a_call() -> None:
    """A provider with one place is asked once at a time, and the time in the queue is not counted against it."""
    clock = SystemClock()
    reader = Reader(clock)
    most = 0

    async def watched(errand: Reading) -> str:
        nonlocal most
        async for letter in walk.run(errand, "a"):
            errand.delivered += letter
            most = max(most, reader.open)
            await asyncio.sleep(0)
        return errand.delivered

    walk = chain(clock, reader, places=1)
    assert await asyncio.gather(*(watched(Reading()) for _ in range(5))) == [TEXT] * 5
    assert most == 1
