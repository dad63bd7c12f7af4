"""One attempt of one provider at one errand, within its limits, with exactly one end that the breaker is told."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import structlog

from segue.clock import Clock
from segue.errors import CallerError, FailureCategory, ProviderError, ProviderTimeout, SegueError
from segue.records import AttemptOutcome
from segue.voice.breaker import Breaker, Budget
from segue.voice.slots import Slots

log = structlog.get_logger("segue.chain")

P = TypeVar("P")
P_contra = TypeVar("P_contra", contravariant=True)
T = TypeVar("T")

SLOW_SHARE = 0.5
"""A first item later than this share of its limit makes a call a slow one."""
FLOOR = 0.1
"""Below this share of real time what comes counts as a stall, however steadily it trickles."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds a provider may keep us waiting. `what` names the thing that is waited for, in messages."""

    first_s: float
    stall_s: float
    total_s: float
    what: str = "audible audio"


class Watch:
    """Adds up how long a provider kept us waiting; the time its listener takes is not its fault."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.progressed = False
        self.waited_s = 0.0
        self._stalled_s = 0.0
        self._gained_s = 0.0

    @property
    def allowance_s(self) -> float:
        """How long the next wait may last."""
        limits = self.limits
        left_s = limits.first_s - self.waited_s if not self.progressed else limits.stall_s - self._stalled_s
        return max(0.0, min(left_s, limits.total_s - self.waited_s))

    def waited(self, seconds: float) -> None:
        """It kept us waiting so long."""
        self.waited_s += seconds
        self._stalled_s += seconds

    def gained(self, seconds: float) -> None:
        """Something came: so many seconds of what is wanted, 0 if it was nothing to hear, infinite for any token."""
        if seconds <= 0:
            return
        if not self.progressed:  # the wait for the first has its own limit, and is no stall
            self.progressed, self._stalled_s = True, 0.0
        self._gained_s += seconds
        if self._gained_s >= self.limits.stall_s * FLOOR:
            self._stalled_s = self._gained_s = 0.0

    def complaint(self) -> str:
        """What did not come in time."""
        limits = self.limits
        if not self.progressed:
            return f"no {limits.what} within {limits.first_s:g} s"
        if limits.total_s - self.waited_s <= 0:
            return f"not done within {limits.total_s:g} s"
        return f"no more {limits.what} within {limits.stall_s:g} s"


@dataclass(slots=True)
class LastError:
    """The last failure of a provider, for people. `at` is in Unix seconds."""

    category: FailureCategory
    message: str
    at: float


@dataclass(slots=True)
class Target(Generic[P]):
    """A provider in its place: with its limits, its breaker, its retry budget and its places."""

    name: str
    provider: P
    limits: Limits
    breaker: Breaker
    budget: Budget
    places: Slots | None = None
    out: str | None = None
    """Why it cannot be used at all (a missing key, a missing library); None when it can."""
    off: str | None = None
    """Why an operator switched it off; None while it is on."""
    last_error: LastError | None = None
    calls: int = 0
    failures: int = 0

    @property
    def unusable(self) -> str | None:
        """Why it is passed by, whoever asks; None where it is not."""
        return self.out if self.out is not None or self.off is None else f"switched off: {self.off}"


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ended; times in milliseconds since it began, None where the moment never came."""

    name: str
    outcome: AttemptOutcome
    category: FailureCategory | None
    first_ms: float | None
    audible_ms: float | None
    total_ms: float
    hedge: bool
    began: float | None = None
    """Monotonic seconds; None where it was no attempt of a provider."""


class Errand(Protocol[P_contra, T]):
    """Something that any suitable provider of a chain can do: a reply, a sentence, a recording."""

    priority: int
    hedge_s: float | None
    """After this long without anything to hear a second provider is asked too; None never."""

    async def begin(self, name: str, provider: P_contra) -> AsyncGenerator[T, None]:
        """Ask a provider, for all of it or for what is still missing; not timed until the first item is awaited."""

    def weigh(self, item: T) -> float:
        """Seconds of what is wanted in an item: 0 while there is nothing to hear, infinite where any item will do."""

    async def kept(self, name: str) -> list[T] | None:
        """What this provider made of the same errand before, where it was kept."""

    def adopt(self, name: str, *, cached: bool) -> None:
        """From now on items come from this provider."""

    async def finish(self) -> None:
        """All items came.

        Raises:
            ProviderError: together they are not what was asked for.
        """

    def ended(self, ending: Ending) -> None:
        """An attempt ended."""


class Attempt(Generic[P, T]):
    """One call: `first` and `rest` give its items; the first of `succeeded`, `failed` and `dropped` ends it."""

    def __init__(
        self, target: Target[P], errand: Errand[P, T], clock: Clock, *, probe: bool, repeat: bool, hedge: bool = False
    ) -> None:
        self.target = target
        self.anything_came = False
        self.over = False
        self._errand = errand
        self._clock = clock
        self._probe = probe
        self._hedge = hedge
        self._watch = Watch(target.limits)
        self._source: AsyncGenerator[T, None] | None = None
        self._began = clock.now()
        self._first_ms: float | None = None
        self._audible_ms: float | None = None
        target.breaker.began(probe=probe)
        if not repeat:  # a repeat was paid for when it was decided on
            target.budget.spent(clock.now())
        target.calls += 1

    @property
    def progressed(self) -> bool:
        """Whether something came that is wanted."""
        return self._watch.progressed

    async def first(self) -> list[T]:
        """Items up to the first that is something to hear, or to the end."""
        self._source = await self._errand.begin(self.target.name, self.target.provider)
        self._began = self._clock.now()
        items: list[T] = []
        while not self._watch.progressed:
            item = await self._next()
            if item is None:
                break
            items.append(item)
        return items

    async def rest(self) -> AsyncGenerator[T, None]:
        """The items after those."""
        while self._watch.progressed and (item := await self._next()) is not None:
            yield item

    async def _next(self) -> T | None:
        assert self._source is not None  # noqa: S101 - `first` comes first
        asked, allowance_s = self._clock.now(), self._watch.allowance_s
        try:
            if allowance_s <= 0:  # who never lets anybody else run can be stopped only here
                raise TimeoutError
            async with self._clock.limit(allowance_s):
                item = await anext(self._source, None)
        except TimeoutError:
            self._watch.waited(self._clock.now() - asked)
            raise ProviderTimeout(
                f"{self.target.name} gave {self._watch.complaint()}.", provider=self.target.name
            ) from None
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise ProviderError(f"{self.target.name} gave up by itself.", provider=self.target.name) from None
        self._watch.waited(self._clock.now() - asked)
        if item is None:
            return None
        self.anything_came = True
        if self._first_ms is None:
            self._first_ms = self._elapsed_ms()
        self._watch.gained(self._errand.weigh(item))
        if self._audible_ms is None and self._watch.progressed:
            self._audible_ms = self._elapsed_ms()
        return item

    def succeeded(self, luck: float) -> None:
        """It came to its good end."""
        if self._end(AttemptOutcome.COMPLETED, None):
            slow = self._audible_ms is not None and self._audible_ms > SLOW_SHARE * self._watch.limits.first_s * 1000.0
            self.target.breaker.succeeded(self._clock.now(), luck, slow=slow, probe=self._probe)

    def failed(self, error: Exception, luck: float) -> ProviderError:
        """It failed; the failure as the family knows it."""
        failure = as_failure(error, self.target.name)
        if self._end(AttemptOutcome.FAILED, failure.category):
            target = self.target
            target.failures += 1
            target.last_error = LastError(failure.category, failure.message, self._clock.wall())
            before = target.breaker.state
            target.breaker.failed(
                self._clock.now(), luck, failure.category, probe=self._probe, retry_after_s=failure.retry_after_s
            )
            log.warning("attempt failed", provider=target.name, category=failure.category.value, reason=failure.message)
            if target.breaker.state is not before:
                log.warning("breaker turned", provider=target.name, state=target.breaker.state.value)
        return failure

    def dropped(self) -> None:
        """We gave it up: the listener went, or another provider was quicker."""
        if self._end(AttemptOutcome.CANCELLED, None):
            self.target.breaker.dropped(probe=self._probe)

    async def close(self) -> None:
        """Stop the provider's work; an attempt that nobody ended was dropped."""
        self.dropped()
        source, self._source = self._source, None
        if source is not None:
            try:
                await source.aclose()
            except Exception as error:  # whatever it is: the attempt is over, and its end is told already
                log.warning("an attempt did not close cleanly", provider=self.target.name, reason=repr(error))

    def _end(self, outcome: AttemptOutcome, category: FailureCategory | None) -> bool:
        if self.over:
            return False
        self.over = True
        ending = Ending(
            self.target.name,
            outcome,
            category,
            self._first_ms,
            self._audible_ms,
            self._elapsed_ms(),
            self._hedge,
            self._began,
        )
        self._errand.ended(ending)
        return True

    def _elapsed_ms(self) -> float:
        return round((self._clock.now() - self._began) * 1000.0, 3)


def since_ms(request: float | None, began: float | None) -> float | None:
    """Milliseconds from one monotonic moment to another; None where one of them is not known."""
    return None if request is None or began is None else round(max(0.0, began - request) * 1000.0, 3)


def as_failure(error: Exception, name: str) -> ProviderError:
    """Any error as a provider's failure: what a provider does not offer is unsupported, what it threw is its bug."""
    if isinstance(error, ProviderError):
        return error
    if isinstance(error, CallerError):
        return ProviderError(error.message, provider=name, category=FailureCategory.UNSUPPORTED)
    if isinstance(error, SegueError):
        return ProviderError(error.message, provider=name, category=FailureCategory.SERVER)
    if isinstance(error, ConnectionError | asyncio.IncompleteReadError):
        return ProviderError(f"{name} broke off: {error}", provider=name, category=FailureCategory.NETWORK)
    log.exception("a provider raised what it should not", provider=name)
    message = f"{name} failed as no provider should; the log has the details."
    return ProviderError(message, provider=name, category=FailureCategory.SERVER)
