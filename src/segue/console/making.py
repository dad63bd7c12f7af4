"""Makes one reply: asks for it, tells of it as it comes, holds its lease meanwhile, and ends the run in the store."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from typing import Any

import structlog

from segue.clock import Clock
from segue.console.actions import Actions, Deed
from segue.console.answers import OUTCOME_UNKNOWN, answer, message_told, storable
from segue.console.audit import FAILED, OK, REFUSED, Draft, digest
from segue.console.chats import End, Event, Message, Run, RunState
from segue.console.live import Live, State
from segue.console.operator import Operator
from segue.console.ports import ChatStore, Replier
from segue.errors import Overloaded, ProviderError, SegueError, Unavailable
from segue.vendors.console import ChatSettings

log = structlog.get_logger("segue.console")

WRITE_S = 0.2
"""How long what happened in a run may be in memory only."""


class OutcomeUnknown(SegueError):
    """Servers died over this reply so often that it is begun no more; it may have been made in part. Ask again."""

    status = 503
    code = OUTCOME_UNKNOWN
    retryable = True


@dataclass(frozen=True, slots=True)
class Hand:
    """Who makes runs here. `holder` names this process; `chance` draws from 0 to 1; `new_id` gives a fresh id.

    `alone` says that nobody else can be using the store: whatever is under way in it when we start was left behind.
    """

    holder: str
    chance: Callable[[], float]
    new_id: Callable[[], str]
    alone: bool = False


class Maker:
    """Makes replies, each apart from the others. Once it is `closed`, what cannot be begun is left to others."""

    def __init__(
        self, store: ChatStore, replier: Replier, actions: Actions, clock: Clock, settings: ChatSettings, hand: Hand
    ) -> None:
        self._store = store
        self._replier = replier
        self._actions = actions
        self._clock = clock
        self._settings = settings
        self._hand = hand
        self.closed = False

    def lease(self) -> tuple[str, int]:
        """Who holds a run that begins here now, and until when (Unix microseconds)."""
        return self._hand.holder, self.now_us() + round(self._settings.lease_s * 1e6)

    def now_us(self) -> int:
        """Unix microseconds."""
        return round(self._clock.wall() * 1e6)

    async def run(self, live: Live) -> None:
        """One attempt: the reply is made while the lease is held. Whatever comes, it is over here when this returns."""
        making, holding = asyncio.create_task(self._make(live)), asyncio.create_task(self._hold(live))
        try:
            await asyncio.wait({making, holding}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (making, holding):
                task.cancel()
            for each in await asyncio.gather(making, holding, return_exceptions=True):
                if isinstance(each, Exception):
                    log.error("run broken off", run=live.run.id, exc_info=each)
            live.over(State.LOST)

    async def give_up(self, live: Live) -> None:
        """Hand a run over: whoever looks for runs next goes on with it."""
        live.over(State.HANDED)
        with suppress(Unavailable):
            await self._store.renew(live.run.id, live.run.token, self.now_us())

    async def _make(self, live: Live) -> None:
        """Ask for the reply, tell of it as it comes, and end the run."""
        run, texts, facts = live.run, list[str](), dict[str, Any]()
        try:
            if run.attempt > 1:
                live.tell("restarted", {"attempt": run.attempt})
            live.tell("run", {"run": run.id, "chat": run.chat, "message": run.message, "attempt": run.attempt})
            if live.message is None and run.attempt > self._settings.attempts:
                raise OutcomeUnknown
            live.message = live.message or await self._store.message(run.message)
            if live.message is None:
                return  # the chat was removed
            async with aclosing(await self._events(live.message, run)) as events:
                async for event in events:
                    if event.kind == "done":
                        facts.update(event.data)
                        continue
                    if event.kind == "text":
                        texts.append(event.data["text"])
                    live.tell(event.kind, event.data)
                    await asyncio.sleep(0)  # whoever follows comes first, also where the next event is there already
            text = storable("".join(texts))
            if not text.strip():
                raise ProviderError("The language model answered with nothing.")
        except SegueError as error:
            await self._fail(live, error)
        except Exception:
            log.exception("run failed", run=run.id)
            await self._fail(live, SegueError())
        else:
            await self._done(live, text, facts)

    async def _events(self, message: Message, run: Run) -> AsyncGenerator[Event, None]:
        before = await self._store.messages(
            message.chat, place=(message.at_us, message.id), limit=self._settings.history_messages, newest_first=True
        )
        return self._replier.reply(message.text, before[::-1], run)

    async def _hold(self, live: Live) -> None:
        """Keep what happened and renew the lease; returns when the run is somebody else's, or could not be held."""
        renewed = self._clock.now()
        while True:
            await self._clock.sleep(WRITE_S)
            began = self._clock.now()
            try:
                async with live.writing:
                    events = live.unsaved()
                    if events and not await self._store.write(live.run.id, live.run.token, events):
                        return
                    live.saved = events[-1].seq if events else live.saved
                if began - renewed >= self._settings.lease_s / 3:
                    until_us = self.lease()[1]
                    if not await self._store.renew(live.run.id, live.run.token, until_us):
                        return
                    renewed, live.held_until = began, began + self._settings.lease_s
            except Unavailable as error:
                if self._clock.now() >= live.held_until:
                    live.over(State.LOST, error=error)
                    return

    async def _done(self, live: Live, text: str, facts: dict[str, Any]) -> None:
        run, message = live.run, live.message
        assert message is not None  # noqa: S101 - it was read before the reply began
        now_us = self.now_us()
        reply = Message(self._hand.new_id(), run.chat, now_us, "assistant", text, run.id, run.operator)
        done = replace(run, state=RunState.DONE, reply=reply.id, code="", reason="", ended_us=now_us)

        def end(kept: Message | None) -> End:
            assert kept is not None  # noqa: S101 - it is kept in the same breath
            told = {"reply": message_told(kept), **facts}
            return End(Event(live.next, "done", told), 200, answer(done, message, kept))

        entry = replace(self._entry(done), after=digest({"id": reply.id, "text": text}), status=OK)
        await self._finish(live, done, reply, end, entry)

    async def _fail(self, live: Live, error: SegueError) -> None:
        if self.closed and isinstance(error, Overloaded):
            await self.give_up(live)  # this server is about to stop: that is no failure of the reply
            return
        log.warning("run failed", run=live.run.id, code=error.code, reason=error.message)
        reason = storable(error.message)
        failed = replace(
            live.run, state=RunState.FAILED, reply="", code=error.code, reason=reason, ended_us=self.now_us()
        )
        told = {"code": error.code, "message": reason, "retryable": error.retryable}
        status = FAILED if error.status >= 500 else REFUSED
        entry = replace(self._entry(failed), status=status, code=error.code)
        await self._finish(live, failed, None, lambda _: End(Event(live.next, "error", told)), entry, error)

    async def _finish(
        self,
        live: Live,
        run: Run,
        reply: Message | None,
        end: Callable[[Message | None], End],
        entry: Draft,
        error: SegueError | None = None,
    ) -> None:
        """End the run in the store; where that cannot be written it is tried until the lease is over."""
        async with live.writing:
            while True:
                try:
                    events = live.unsaved()
                    ended = await self._store.finish(run, reply=reply, events=events, end=end, entry=entry)
                    ended = ended or await self._ended_before(run, end)
                    break
                except Unavailable as unwritten:
                    if self._clock.now() >= live.held_until:
                        log.error("reply not kept", run=run.id, reason=unwritten.message)
                        live.over(State.LOST, error=unwritten)
                        return
                    await self._clock.sleep(WRITE_S)
            if ended is None:
                live.over(State.LOST)
                return
            live.run, live.saved = run, ended.event.seq
            live.over(State.ENDED, end=ended, error=error, at=self._clock.now())
            took_ms = (self.now_us() - run.at_us) // 1000
            log.info("run over", run=run.id, state=run.state.value, attempt=run.attempt, took_ms=took_ms)

    async def _ended_before(self, run: Run, end: Callable[[Message | None], End]) -> End | None:
        """The end of this very attempt, where it was written although the store could not say so."""
        kept = await self._store.run(run.id)
        if kept is None or (kept.token, kept.state, kept.reply) != (run.token, run.state, run.reply):
            return None
        return end(await self._store.message(run.reply) if run.reply else None)

    def _entry(self, run: Run) -> Draft:
        """The entry of a reply, in the name of whoever asked for it."""
        by = Operator(run.operator, frozenset(), "run")
        facts: dict[str, str | int] = {"run": run.id, "message": run.message, "attempt": run.attempt}
        if run.reply:
            facts["reply"] = run.reply
        draft = self._actions.draft(by, Deed("reply.write", f"chat/{run.chat}", None, chat=run.chat, facts=facts))
        return replace(draft, duration_ms=max(0, (draft.at_us - run.at_us) // 1000))
