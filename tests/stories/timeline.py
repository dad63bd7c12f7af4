"""A language for stories about rollouts: what happens when, and what has become of the rollout by then.

    with telling("voice-phase2") as story:
        story.start().flow(30)                        # turns a minute, from now on
        story.at("10m").candidate(ttfa_ms=9000)       # from now on
        story.at("20m").expect("rolled back", because="ttfa")

Everything is the real thing, on a clock that is turned by hand: listeners are drawn by `assign` from the published
table, their records are counted by a `Tally`, and the `Controller` closes blocks, judges, decides, saves and publishes.
Only what the voices are like is told.
"""

import asyncio
import heapq
import itertools
import random
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from segue.clock import ManualClock
from segue.delivery.controller import Controller
from segue.delivery.past import Past
from segue.delivery.plan import Plan
from segue.delivery.planfile import read_plan
from segue.delivery.published import Published
from segue.delivery.quantity import duration_s
from segue.delivery.replica import Replica
from segue.delivery.rollout import Command, Decision, Notice, Rollout, Verb
from segue.delivery.tally import Tally
from segue.errors import Unavailable
from segue.records import AttemptOutcome, Mark, Outcome, SynthesisAttempt, TurnRecord, Underflow
from segue.routing import Arm, Variant
from segue.stores.rollouts import MemoryRolloutStore
from segue.vendors.delivery import DeliverySettings
from segue.voice.assignment import Assignment, assign
from tests.records import turn

PLANS = Path(__file__).parents[2] / "plans"
MINUTE_S = 60.0
GIVEN_UP_MS = 600_000.0


def plan_named(name: str) -> Plan:
    """One of the plans that ship."""
    return read_plan((PLANS / f"{name}.yaml").read_text(encoding="utf-8"), f"plans/{name}.yaml")


@dataclass(frozen=True, slots=True)
class Voice:
    """What a variant is like. Shares are parts of one."""

    ttfa_ms: float = 1800.0
    first_tts_ms: float = 500.0
    synthesis_ms: float = 700.0
    failing: float = 0.0
    falling_back: float = 0.0
    stuttering: float = 0.0
    hanging: float = 0.0
    """The share of turns that never answer, and are given up after `GIVEN_UP_MS`."""
    broken: tuple[str, ...] = ()
    """Characters whose turns all fail."""
    silent: bool = False
    """Whether no turn reaches it: whoever should hear it is not there."""


def hurried(name: str, longest: str) -> Plan:
    """A plan that ships, with the times it names cut to `longest`; its gates, shares and blocks are as they are."""
    plan, most_s = plan_named(name), duration_s(longest)
    stages = tuple(stage.model_copy(update={"dwell": min(stage.dwell, most_s)}) for stage in plan.stages)
    bake = plan.bake.model_copy(update={"dwell": min(plan.bake.dwell, most_s)})
    return plan.model_copy(update={"stages": stages, "bake": bake})


@dataclass
class Watched:
    """What there is to see of the server: a `Watcher` that is told."""

    state: str = "ok"
    firing: tuple[str, ...] | None = ()
    bytes: int = 100_000_000
    on: bool = True

    async def degradation(self) -> str:
        """See `Watcher.degradation`."""
        return self.state

    async def alerts(self, _: str) -> tuple[str, ...] | None:
        """See `Watcher.alerts`."""
        return self.firing

    def memory_bytes(self) -> int:
        """See `Watcher.memory_bytes`."""
        return self.bytes

    def enabled(self) -> bool:
        """See `Watcher.enabled`."""
        return self.on

    def lacking(self, variant: Variant) -> tuple[str, ...]:
        """See `Watcher.lacking`."""
        del variant
        return ()


class Listeners:
    """Who takes turns, what they are given, and what is written down about it."""

    def __init__(self, characters: tuple[str, ...], count: int, seed: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - the same story each time
        self._numbers = itertools.count(1)
        self._characters = characters
        self._count = count
        self.voices = {Arm.BASELINE.value: Voice(), Arm.CANDIDATE.value: Voice()}

    def who(self) -> tuple[str, str | None]:
        """The next listener, and the character they talk with."""
        character = self._chance.choice(self._characters) if self._characters else None
        return f"listener-{self._chance.randrange(self._count)}", character

    def record(self, at: float, listener: str, character: str | None, given: Assignment) -> TurnRecord:
        """What a turn will leave."""
        voice = self.voices[given.arm or Arm.BASELINE.value]
        drawn = self._chance.random
        hangs, stutters = drawn() < voice.hanging, drawn() < voice.stuttering
        fails, falls = drawn() < voice.failing or character in voice.broken, drawn() < voice.falling_back
        spoken = SynthesisAttempt(
            0, "first", "first", "voice", AttemptOutcome.COMPLETED, 20, total_ms=voice.synthesis_ms
        )
        record = turn(
            voice.ttfa_ms,
            voice.first_tts_ms,
            turn=f"{next(self._numbers):032x}",
            at=at,
            listener=listener,
            session=listener,
            character=character,
            variant=given.variant.name,
            rollout=given.rollout,
            stage=given.stage,
            arm=given.arm,
            assigned=given.reason.value,
            first_choice="second" if falls else "first",
            attempts=(spoken,),
            underflow=Underflow(2, 900.0) if stutters else Underflow(),
        )
        if fails or hangs:
            marks = {Mark.REQUEST.value: 0.0, Mark.DONE.value: GIVEN_UP_MS if hangs else 300.0}
            record = replace(record, outcome=Outcome.FAILED, error="provider_failed", attempts=(), marks=marks)
        return record


class Kept(MemoryRolloutStore):
    """A store in memory that can be gone."""

    gone = False

    def __getattribute__(self, name: str) -> Any:
        """Whatever is asked of it, unless it is gone."""
        if not name.startswith("_") and name != "gone" and self.gone:
            return _nowhere
        return super().__getattribute__(name)


async def _nowhere(*_: Any, **__: Any) -> Any:
    raise Unavailable("The store is gone.")


class StoryClock(ManualClock):
    """A clock that is set on at once: nobody sleeps in a story."""

    def set_on(self, wall_s: float) -> None:
        """Let it be this Unix second."""
        self._now += max(0.0, wall_s - self.wall())


async def nobody(since: float, limit: int) -> AsyncIterator[TurnRecord]:
    """The records of a server without a past."""
    for record in ():
        yield record


class Story:
    """One server with a rollout, told from outside. Every method that does something returns the story."""

    def __init__(
        self,
        plan: Plan,
        *,
        look_s: float = 60.0,
        characters: tuple[str, ...] = (),
        listeners: int = 2000,
        language: str = "en",
        wall_s: float = 1_767_603_600.0,
        seed: int = 7,
    ) -> None:
        self.plan, self.look_s, self.language = plan, look_s, language
        self.store = store = Kept()
        self.clock = StoryClock(wall_s=wall_s)
        self.began = self.clock.wall()
        self.watched = Watched()
        self.listeners = Listeners(characters, listeners, seed)
        self.records: list[TurnRecord] = []
        self.tally = Tally("only")
        self.replica = Replica(store, Published(), self.tally, self.clock)
        chance = (f"{number:08x}" for number in itertools.count())
        settings = DeliverySettings()
        self.controller = Controller(
            store, self.replica, self.watched, Past(nobody), self.clock, settings, lambda: next(chance)
        )
        self._runner = asyncio.Runner()
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._per_s = 0.0
        self._next_turn = 0.0
        self._attended = True
        self._signed = self.began

    # What happens.

    def start(self, **changes: Any) -> Self:
        """Start the plan."""
        self.answer: Decision = self._run(self.controller.start(self.plan, Command(Verb.START, "olha", **changes)))
        return self

    def command(self, verb: str, **changes: Any) -> Self:
        """Command something, as in `command("roll back", reason="…")`; what was answered is in `answer`."""
        command = Command(Verb(verb.replace(" ", "_")), "olha", **changes)
        self.answer = self._run(self.controller.command(self.plan.name, command))
        return self

    def flow(self, per_minute: float) -> Self:
        """So many turns a minute from now on, evenly spaced."""
        self._per_s = per_minute / MINUTE_S
        self._next_turn = self.clock.wall()
        return self

    def candidate(self, **what: Any) -> Self:
        """The candidate is like this from now on."""
        return self._voice(Arm.CANDIDATE, what)

    def baseline(self, **what: Any) -> Self:
        """The baseline is like this from now on."""
        return self._voice(Arm.BASELINE, what)

    def both(self, **what: Any) -> Self:
        """Both variants are like this from now on: nobody's doing."""
        return self.candidate(**what).baseline(**what)

    def server(self, **what: Any) -> Self:
        """The server looks like this from now on."""
        for name, value in what.items():
            assert hasattr(self.watched, name)
            setattr(self.watched, name, value)
        return self

    def nobody_watches(self) -> Self:
        """From now on nothing runs that counts or looks."""
        self._attended = False
        return self

    def store_is_gone(self) -> Self:
        """From now on nothing can be read or written."""
        self.store.gone = True
        return self

    def store_is_back(self) -> Self:
        """What is kept can be read and written again."""
        self.store.gone = False
        return self

    def somebody_watches(self) -> Self:
        """Whoever counts and looks is back."""
        self._attended = True
        return self

    def at(self, moment: str) -> Self:
        """Let time pass until so long after the story's beginning, with all that happens meanwhile."""
        target = self.began + duration_s(moment)
        assert target >= self.clock.wall(), f"{moment} is over"
        while self.clock.wall() < target:
            self._until(min(target, self.clock.wall() + self.look_s))
            self._look()
        return self

    def after(self, span: str) -> Self:
        """Let so much time pass from now."""
        return self.at(f"{self.clock.wall() - self.began + duration_s(span):.3f}s")

    def until(self, what: str, *, within: str) -> Self:
        """Let time pass until this was decided, look by look, and no longer than so long."""
        word, latest = what.replace(" ", "_"), self.clock.wall() + duration_s(within)
        while word not in self.kinds():
            assert self.clock.wall() < latest, f"{what} did not come within {within}: {self.kinds()}"
            self.after(f"{self.look_s}s")
        return self

    # What is expected.

    def expect(self, what: str, *, because: str = "", stage: str = "") -> Self:
        """The rollout is in this phase or its latest decision is of this kind, by this gate or code, in this stage."""
        rollout, word = self.rollout, what.replace(" ", "_")
        last = rollout.last
        assert last is not None
        told = "\n".join(f"{self._told(each.at)} {each.kind} {each.code} {each.reason}" for each in self.decisions)
        assert word in (rollout.phase.value, last.kind.value), f"{what} was expected, not:\n{told}"
        assert not because or because in (last.gate, last.code), f"{because} was expected:\n{told}"
        assert not stage or stage == rollout.stage_name, f"stage {stage} was expected:\n{told}"
        return self

    def expect_share(self, percent: float) -> Self:
        """So much of the cohort hears the candidate, and that is in force for the next turn."""
        exposure = self.replica.published.current().exposure
        assert self.rollout.share_bp == round(percent * 100)
        assert (exposure.share_bp if exposure is not None else 0) == (
            self.rollout.share_bp if self.rollout.phase.live else 0
        )
        return self

    @property
    def rollout(self) -> Rollout:
        """The rollout as it is kept."""
        found = self._run(self.store.load(self.plan.name))
        assert found is not None
        return found

    @property
    def decisions(self) -> list[Decision]:
        """Everything decided in the latest attempt, in order."""
        return self._run(self.store.decisions(self.plan.name))

    def kinds(self) -> list[str]:
        """What was decided in the latest attempt, without the waiting."""
        return [each.kind.value for each in self.decisions if each.kind.value != "waited"]

    def heard(self, arm: str) -> set[str]:
        """Which characters were heard on this side, since the story began or `forget` was said."""
        return {str(record.character) for record in self.records if record.arm == arm}

    def forget(self) -> Self:
        """Let go of the records so far."""
        self.records.clear()
        return self

    def notices(self) -> list[Notice]:
        """The messages that wait to be sent, oldest first."""
        found: list[Notice] = self._run(self.store.notices(self.clock.wall(), 1000))
        return found

    def close(self) -> None:
        """End the loop the story ran on."""
        self._runner.close()

    # How it is done.

    def _run(self, work: Any) -> Any:
        return self._runner.run(work)

    def _voice(self, arm: Arm, what: Mapping[str, Any]) -> Self:
        self.listeners.voices[arm.value] = replace(self.listeners.voices[arm.value], **what)
        return self

    def _until(self, moment: float) -> None:
        """Everything that happens up to a moment, and a sign of life each minute."""
        while True:
            upcoming = [self._next_turn] if self._per_s else []
            upcoming += [self._events[0][0]] if self._events else []
            now = min([*upcoming, moment])
            self._leave_signs(now)
            if now >= moment:
                break
            self.clock.set_on(now)
            if self._events and self._events[0][0] <= now:
                heapq.heappop(self._events)[2]()
            else:
                self._turn(now)
                self._next_turn += 1.0 / self._per_s
        self.clock.set_on(moment)

    def _leave_signs(self, moment: float) -> None:
        """A sign each minute that somebody was watching, as a server leaves it that writes down what it counted."""
        while self._signed + MINUTE_S / 2 <= moment:
            self._signed += MINUTE_S / 2
            if self._attended:
                self.tally.sweep(self._signed)

    def _turn(self, now: float) -> None:
        """A listener takes a turn: it is counted when it begins, and when it is over."""
        listener, character = self.listeners.who()
        given = assign(listener, self.replica.published.current(), character=character, language=self.language)
        if self.listeners.voices[given.arm or Arm.BASELINE.value].silent:
            return
        record = self.listeners.record(now, listener, character, given)

        def heard() -> Mapping[str, float]:
            return {name: ms for name, ms in record.marks.items() if now + ms / 1000.0 <= self.clock.wall()}

        if self._attended and given.arm:
            self.tally.began(record.turn, now, given.rollout, given.stage, given.arm, character, listener, heard)
        self._at(now + record.marks[Mark.DONE] / 1000.0, lambda: self._over(record))

    def _over(self, record: TurnRecord) -> None:
        self.records.append(record)
        if self._attended:
            self.tally.over(record)

    def _at(self, moment: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._events, (moment, next(self._order), act))

    def _look(self) -> None:
        if self._attended:
            self._run(self._looked())

    async def _looked(self) -> None:
        for do in (self.replica.refresh, self.replica.flush, self.controller.look_after):
            with suppress(Unavailable):
                await do()

    def _told(self, moment: float) -> str:
        return f"{(moment - self.began) / MINUTE_S:8.1f} min"


@contextmanager
def telling(plan: Plan | str, **what: Any) -> Iterator[Story]:
    """A story about a plan, or about one of those that ship."""
    story = Story(plan_named(plan) if isinstance(plan, str) else plan, **what)
    try:
        yield story
    finally:
        story.close()
