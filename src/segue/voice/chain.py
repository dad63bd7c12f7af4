"""The one walk of a fallback chain, for language models, synthesizers and recognizers alike.

An errand is carried from provider to provider until one has done it. What was passed on stays passed on: the errand
itself knows what is still missing, and asks the next provider for that.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from typing import Generic

import structlog

from segue.clock import Clock
from segue.errors import FailureCategory, ProviderError, ProviderRefusal, ProvidersResting, ProviderTimeout
from segue.voice.attempt import SLOW_SHARE, Attempt, Errand, P, T, Target, as_failure
from segue.voice.breaker import NOT_ITS_FAULT, Admission, BreakerState
from segue.voice.fallback import FallbackRules, GiveUp, Try, Walk
from segue.voice.hedge import done_within, race

log = structlog.get_logger("segue.chain")

Probe = Callable[[P], Awaitable[None]]
"""Asks a provider for next to nothing, and raises what goes wrong."""


@dataclass(slots=True)
class Tally:
    """What a chain has counted. A hedge is a second provider asked for the first sentence; it is won by the second."""

    fallbacks: int = 0
    hedges: int = 0
    hedges_won: int = 0
    repeats: int = 0
    probes: int = 0


@dataclass
class Chain(Generic[P]):
    """Providers of one role. `order` is given with each errand; `probe` tries a resting provider out."""

    targets: Mapping[str, Target[P]]
    clock: Clock
    probe: Probe[P]
    rules: FallbackRules = field(default_factory=FallbackRules)
    chance: random.Random = field(default_factory=random.Random)
    tally: Tally = field(default_factory=Tally)
    _probes: dict[str, asyncio.Task[None]] = field(default_factory=dict, init=False)

    @property
    def out(self) -> dict[str, str]:
        """Providers that cannot be used at all, and why: nobody can, or an operator switched them off."""
        return {name: why for name, target in self.targets.items() if (why := target.unusable) is not None}

    @property
    def failing(self) -> bool:
        """Whether there is no provider left whose breaker is closed."""
        return all(
            target.unusable is not None or target.breaker.state is not BreakerState.CLOSED for target in self._all()
        )

    def able(self, order: Iterable[str]) -> tuple[str, ...]:
        """Of these providers those that can be used."""
        return tuple(name for name in order if name in self.targets and self.targets[name].unusable is None)

    async def close(self) -> None:
        """Stop what runs beside the errands."""
        probes = list(self._probes.values())
        for probe in probes:
            probe.cancel()
        await asyncio.gather(*probes, return_exceptions=True)

    async def run(
        self, errand: Errand[P, T], order: Sequence[str], unsuitable: Mapping[str, str] | None = None
    ) -> AsyncGenerator[T, None]:
        """The items of an errand, from whichever providers it takes.

        Raises:
            ProviderError: no provider could do it, or none could do the rest of it; its message names each and why.
        """
        walk = Walk(order, {**(unsuitable or {}), **self.out}, self.rules)
        looked: set[str] = set()
        while True:
            step = walk.next(self._admissions(walk), self._spare(), self.chance.random())
            kept = await self._kept(errand, walk, step, looked)
            if kept is not None:
                for item in kept:
                    yield item
                return
            if isinstance(step, GiveUp):
                raise self._defeat(walk, step)
            await self._wait(step, walk)
            target = self.targets[step.name]
            async with AsyncExitStack() as held:
                if target.places is not None:
                    await held.enter_async_context(target.places.hold(errand.priority))
                admission = self._admissions(walk)[step.name]
                if not admission.allowed:  # not any more: others learnt something while this errand waited
                    continue
                self._count(step, walk)
                attempt = Attempt(target, errand, self.clock, probe=admission.probe, repeat=step.repeat)
                held.push_async_callback(attempt.close)
                try:
                    attempt, items = await self._first(attempt, walk, errand, held)
                    errand.adopt(attempt.target.name, cached=False)
                    for item in items:
                        yield item
                    async with aclosing(attempt.rest()) as rest:
                        async for item in rest:
                            yield item
                    await errand.finish()
                    attempt.succeeded(self.chance.random())
                    return
                except ProviderRefusal as error:
                    self._failed(attempt, error, walk)
                    raise
                except Exception as error:
                    self._failed(attempt, error, walk)

    async def _wait(self, step: Try, walk: Walk) -> None:
        """The pause before an attempt. A repeat is paid for before the wait, not behind it.

        Otherwise everybody who waits at the same time would find the same budget unspent.
        """
        if step.repeat:
            self.targets[step.name].budget.spent(self.clock.now(), repeat=True)
        if step.wait_s:
            walk.paused(step.wait_s)
            await self.clock.sleep(step.wait_s)

    def _count(self, step: Try, walk: Walk) -> None:
        if step.repeat:
            self.tally.repeats += 1
        elif walk.failures:
            self.tally.fallbacks += 1

    async def _first(
        self, attempt: Attempt[P, T], walk: Walk, errand: Errand[P, T], held: AsyncExitStack
    ) -> tuple[Attempt[P, T], list[T]]:
        """The first items of an attempt, or of the one that overtook it; what is started here is closed by `held`."""
        name = self._beside(attempt, walk) if errand.hedge_s is not None else None
        if errand.hedge_s is None or name is None:
            return attempt, await attempt.first()
        runners = {asyncio.create_task(attempt.first()): attempt}
        (leading,) = runners
        timer = asyncio.create_task(self.clock.sleep(errand.hedge_s))
        try:
            quick = await done_within(leading, timer)
        except BaseException:
            leading.cancel()
            await asyncio.gather(leading, return_exceptions=True)
            raise
        if not quick:
            self.tally.hedges += 1
            beside = Attempt(self.targets[name], errand, self.clock, probe=False, repeat=False, hedge=True)
            held.push_async_callback(beside.close)
            runners[asyncio.create_task(beside.first())] = beside
        first, items = await race(runners, lambda failed, error: self._failed(failed, error, walk))
        self.tally.hedges_won += first is not attempt
        return first, items

    def _beside(self, attempt: Attempt[P, T], walk: Walk) -> str | None:
        """Another provider that can be asked at the same time; it is not bound by its own places."""
        admissions = self._admissions(walk)
        tried = {attempt.target.name, *(failure.name for failure in walk.failures)}
        for name in walk.order:
            if name not in walk.unsuitable and name not in tried and admissions[name].allowed:
                return None if admissions[name].probe else name
        return None

    def _failed(self, attempt: Attempt[P, T], error: Exception, walk: Walk) -> None:
        if attempt.over:
            return
        failure = attempt.failed(error, self.chance.random())
        walk.failed(
            attempt.target.name,
            failure.category,
            failure.message,
            retry_after_s=failure.retry_after_s,
            anything_came=attempt.anything_came,
        )

    async def _kept(self, errand: Errand[P, T], walk: Walk, step: Try | GiveUp, looked: set[str]) -> list[T] | None:
        """What the preferred providers made of it before, up to the one that would be asked now."""
        for name in walk.order:
            if name not in walk.unsuitable and name not in looked:
                looked.add(name)
                kept = await errand.kept(name)
                if kept is not None:
                    errand.adopt(name, cached=True)
                    return kept
            if isinstance(step, Try) and name == step.name:
                break
        return None

    def _admissions(self, walk: Walk) -> dict[str, Admission]:
        """What the breakers say; resting providers whose rest is over are tried out beside the errand."""
        now = self.clock.now()
        suitable, tried = walk.suitable, {failure.name for failure in walk.failures}
        closed = {
            name for name in suitable if name not in tried and self.targets[name].breaker.state is BreakerState.CLOSED
        }
        admissions = {}
        for name in suitable:
            breaker, alone = self.targets[name].breaker, not closed - {name}
            admissions[name] = breaker.admit(now, alone=alone)
            if not alone and breaker.state is BreakerState.HALF_OPEN and name not in self._probes:
                self._probes[name] = asyncio.create_task(self._try_out(self.targets[name]))
        return admissions

    def _spare(self) -> dict[str, bool]:
        now = self.clock.now()
        return {name: target.budget.allows(now) for name, target in self.targets.items()}

    async def _try_out(self, target: Target[P]) -> None:
        """Probes, one after the other, until the breaker closes or opens again."""
        breaker = target.breaker
        try:
            while breaker.admit_probe(self.clock.now()).allowed:
                await self._try_once(target)
        finally:
            self._probes.pop(target.name, None)
        log.info("provider tried out", provider=target.name, state=breaker.state.value, reason=breaker.reason)

    async def _try_once(self, target: Target[P]) -> None:
        """One probe. A provider that refuses what we ask is there and answers: to the breaker that is a good end."""
        breaker, category = target.breaker, None
        breaker.began(probe=True)
        self.tally.probes += 1
        began = self.clock.now()
        try:
            async with self.clock.limit(target.limits.first_s):
                await self.probe(target.provider)
        except asyncio.CancelledError:
            breaker.dropped(probe=True)
            raise
        except Exception as error:
            timeout = isinstance(error, TimeoutError)
            category = FailureCategory.TIMEOUT if timeout else as_failure(error, target.name).category
            log.warning("probe failed", provider=target.name, category=category.value, reason=str(error))
        now, luck = self.clock.now(), self.chance.random()
        if category is None or category in NOT_ITS_FAULT:
            breaker.succeeded(now, luck, slow=now - began > target.limits.first_s * SLOW_SHARE, probe=True)
        else:
            breaker.failed(now, luck, category, probe=True)

    def _defeat(self, walk: Walk, end: GiveUp) -> ProviderError:
        """The error of an errand that nobody could do: the first failure, with all the others told."""
        if not walk.suitable:
            message = f"No provider is there for this: {end.reason}."
            return ProviderError(message, category=FailureCategory.UNSUPPORTED)
        if not walk.failures:
            return ProvidersResting(f"No provider is ready: {end.reason}.", retry_after_s=end.after_s)
        first = walk.failures[0]
        several = len(walk.failures) > 1 or len(walk.suitable) > 1
        message = f"No provider could do it: {end.reason}" if several else first.message
        if all(failure.category is FailureCategory.TIMEOUT for failure in walk.failures):
            return ProviderTimeout(message, provider=first.name)
        return ProviderError(message, provider=first.name, category=first.category)

    def _all(self) -> Iterable[Target[P]]:
        return self.targets.values()
