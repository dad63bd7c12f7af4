"""Runs a runbook: step by step, each written down before and after, taken back where it is asked for."""

from collections.abc import Callable
from typing import Protocol

from segue.clock import Clock
from segue.errors import SegueError, Unavailable
from segue.operations.runbook.actions import OPAQUE, Action, Command, Verification
from segue.operations.runbook.book import Runbook, Step
from segue.operations.runbook.journal import Course, Word, to_undo
from segue.operations.runbook.keeping import Journal
from segue.operations.runbook.standing import Seen, Standing, is_done, refusal, standing

ASK_AGAIN_S = 0.25
Tell = Callable[[int, int, str], None]


class Hand(Protocol):
    """Does the actions of some kinds. Every method raises a `SegueError` where it cannot."""

    def look(self, action: Action, run: str) -> Seen:
        """How things stand, without changing anything."""

    def do(self, action: Action, before: Seen, run: str, timeout_s: float) -> None:
        """Do it."""

    def take_back(self, action: Action, before: Seen, run: str, timeout_s: float) -> None:
        """Bring back what was before. Doing it twice does no harm."""


class Hands(Protocol):
    """Who does what."""

    def of(self, action: Action) -> Hand:
        """Who does the actions of this kind."""

    def hold(self, question: Verification, timeout_s: float) -> None:
        """Ask a question; raises a `SegueError` where the answer is not the wanted one."""

    def rest(self, seconds: float) -> None:
        """Let time pass."""


class Engine:
    """Runs one runbook, from wherever its journal says that it is."""

    def __init__(self, runbook: Runbook, journal: Journal, hands: Hands, clock: Clock, tell: Tell) -> None:
        self._runbook = runbook
        self._journal = journal
        self._hands = hands
        self._clock = clock
        self._tell = tell

    def run(self, *, again: bool = False) -> Course:
        """Go on until the end, or until somebody must look; how far it has come.

        With `again` a step of which nobody can tell whether it was done is done once more.
        """
        now = self._journal.course()
        if now.outcome:
            return now
        if not self._is_to_go_back(now) and self._forwards(now, again=again):
            self._journal.write(Word.END, outcome="done")
            return self._journal.course()
        now = self._journal.course()
        return self.take_back() if self._is_to_go_back(now) else now

    def _is_to_go_back(self, now: Course) -> bool:
        return now.undoing or bool(now.failed and not now.unclear and self._runbook.on_failure == "undo")

    def take_back(self) -> Course:
        """Take back every step that was begun, the last first."""
        for name in to_undo(self._journal.course(), [step.name for step in self._runbook.steps]):
            step = self._step(name)
            self._journal.write(Word.UNDO, name)
            try:
                self._undo(step, self._journal.course().before[name])
            except SegueError as error:
                self._journal.write(Word.FAILED, name, reason=f"It could not be taken back: {error.message}")
                return self._journal.course()
            self._journal.write(Word.UNDONE, name)
        self._journal.write(Word.END, outcome="undone")
        return self._journal.course()

    def settle(self) -> None:
        """Take the step that is unclear for done, because somebody has looked."""
        now = self._journal.course()
        if now.begun:
            self._journal.write(Word.DONE, now.begun, took_ms=0.0, looked=True)

    def _forwards(self, now: Course, *, again: bool) -> bool:
        """Do what is left to do; whether all of it is done."""
        steps = self._runbook.steps
        for index, step in enumerate(steps):
            self._tell(index, len(steps), step.name)
            if step.name in now.done:
                continue
            resumed = step.name == now.begun
            try:
                took_ms = self._go_on(step, now.before[step.name], again=again) if resumed else self._begin(step)
            except Unclear as error:
                self._journal.write(Word.UNCLEAR, step.name, reason=error.message)
                return False
            except SegueError as error:
                self._journal.write(Word.FAILED, step.name, reason=error.message)
                return False
            self._journal.write(Word.DONE, step.name, took_ms=took_ms)
        self._tell(len(steps), len(steps), "")
        return True

    def _begin(self, step: Step) -> float:
        """Do a step from its beginning; how long it took."""
        began = self._clock.now()
        hand = self._hands.of(step.do)
        before = hand.look(step.do, self._journal.run)
        why_not = refusal(step.do, before)
        if why_not:
            raise Unavailable(f"{why_not[0].upper()}{why_not[1:]}.")
        self._journal.write(Word.BEGIN, step.name, before=dict(before))
        if not is_done(step.do, before, before):
            hand.do(step.do, before, self._journal.run, step.timeout_s)
        self._verified(step, before)
        return (self._clock.now() - began) * 1000.0

    def _go_on(self, step: Step, before: Seen, *, again: bool) -> float:
        """Go on with a step that was begun: look first, and do it again only where it is as before."""
        began = self._clock.now()
        hand = self._hands.of(step.do)
        stands = standing(step.do, before, hand.look(step.do, self._journal.run))
        if step.do.kind in OPAQUE:
            stands = self._of_opaque(step)
        if stands is Standing.UNCLEAR and not again:
            raise Unclear(
                f"Nobody can tell whether {step.name} was done. Look, then go on with --then done, --then repeat or"
                " --then undo."
            )
        if stands is not Standing.DONE:
            hand.do(step.do, before, self._journal.run, step.timeout_s)
        self._verified(step, before)
        return (self._clock.now() - began) * 1000.0

    def _of_opaque(self, step: Step) -> Standing:
        """How a command stands, a question or a wait: by what verifies it, or because it may be done twice."""
        if step.verify:
            try:
                for question in step.verify:
                    self._hands.hold(question, step.timeout_s)
            except SegueError:
                pass
            else:
                return Standing.DONE
        repeatable = step.repeatable or step.do.kind in ("http", "wait")
        return Standing.NOT_DONE if repeatable else Standing.UNCLEAR

    def _verified(self, step: Step, before: Seen) -> None:
        """Ask until everything holds that must, or until the time is over.

        Raises:
            SegueError: it does not hold; the last reason.
        """
        until = self._clock.now() + step.timeout_s
        while True:
            try:
                self._hold_all(step, before, max(until - self._clock.now(), ASK_AGAIN_S))
            except SegueError as error:
                if self._clock.now() + ASK_AGAIN_S >= until:
                    raise Unavailable(f"After {step.timeout_s:g} s it does not hold: {error.message}") from error
            else:
                return
            self._hands.rest(ASK_AGAIN_S)

    def _hold_all(self, step: Step, before: Seen, left_s: float) -> None:
        if step.do.kind not in OPAQUE:
            now = self._hands.of(step.do).look(step.do, self._journal.run)
            if not is_done(step.do, before, now):
                raise Unavailable(f"{step.do.kind} shows {_told(step.do, now)}.")
        for question in step.verify:
            self._hands.hold(question, left_s)

    def _undo(self, step: Step, before: Seen) -> None:
        if step.undo == "before":
            self._hands.of(step.do).take_back(step.do, before, self._journal.run, step.timeout_s)
        elif step.undo != "nothing":
            for action in step.undo:
                hand = self._hands.of(action)
                seen = hand.look(action, self._journal.run)
                if isinstance(action, Command) or not is_done(action, seen, seen):
                    hand.do(action, seen, self._journal.run, step.timeout_s)

    def _step(self, name: str) -> Step:
        return next(step for step in self._runbook.steps if step.name == name)


class Unclear(SegueError):
    """Nobody can tell whether a step was done."""


def _told(action: Action, seen: Seen) -> str:
    """What was seen, for people; a variable may hold a secret."""
    if action.kind == "variable.set":
        return "another value"
    return ", ".join(f"{name} {value!r}" for name, value in seen.items())
