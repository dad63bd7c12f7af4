"""Sends messages, each once: whoever sends the same again is answered with what came of the first.

    once → limit → claim and keep the message and its run → make the reply, apart from whoever waits

Duplicates that arrive while the first is on its way here are told so before anything is counted. On other servers the
store decides: whoever comes second finds the claim of the first.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import structlog

from segue.clock import Clock
from segue.console.actions import Actions, Deed
from segue.console.answers import answer
from segue.console.audit import REPLAYED, Draft, digest
from segue.console.chats import Claim, Message, Run, RunState
from segue.console.operator import Operator, Scope
from segue.console.ports import UNKNOWN_CHAT, AuditStore, ChatStore
from segue.console.ratelimit import Verdict
from segue.console.running import Runs
from segue.console.wanted import (
    AGAIN,
    FAILED,
    LIMITED,
    OUTCOMES,
    OVERLOADED,
    POLICIES,
    REFUSED,
    REPLAY,
    REUSED,
    RUNNING,
    SENT,
    Claims,
    Limits,
    Sent,
    Wanted,
)
from segue.errors import (
    KeyReused,
    NotFound,
    Overloaded,
    RateLimited,
    SegueError,
    StillRunning,
    Unavailable,
)
from segue.vendors.console import ChatSettings

log = structlog.get_logger("segue.console")

TURNS = 3
"""How often a claim may change under our hands before the sender is asked to come again."""


class Sending:
    """Sends messages; one for the whole process."""

    def __init__(
        self,
        store: ChatStore,
        runs: Runs,
        actions: Actions,
        audit: AuditStore,
        limits: Limits,
        claims: Claims,
        clock: Clock,
        settings: ChatSettings,
        new_id: Callable[[], str],
        node: str,
    ) -> None:
        self._store = store
        self._runs = runs
        self._actions = actions
        self._audit = audit
        self._limits = limits
        self._claims = claims
        self._clock = clock
        self._settings = settings
        self._new_id = new_id
        self._node = node
        self._under_way: dict[str, _UnderWay] = {}
        self._tasks: set[asyncio.Task[Sent]] = set()
        self.outcomes: Counter[str] = Counter(dict.fromkeys(OUTCOMES, 0))
        """How many requests to send there were, by what came of them."""
        self.limited: Counter[str] = Counter(dict.fromkeys(POLICIES, 0))
        """How many were refused by a rate limit, by its policy."""

    async def send(self, by: Operator, wanted: Wanted) -> Sent:
        """Send a message, or say what came of it when it was sent before.

        A sender who leaves meanwhile changes nothing.

        Raises:
            StillRunning: it is under way; `Location` says where.
            KeyReused: the key was used for another message.
            SegueError: whatever keeps it from being sent; then nothing was, and nothing was counted.
        """
        task = asyncio.create_task(_Attempt(self, by, wanted).send())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            sent = await asyncio.shield(task)
        except SegueError as error:
            self.outcomes[_outcome(error)] += 1
            if isinstance(error, RateLimited):
                self.limited[error.policy] += 1
            log.info("message not sent", chat=wanted.chat, key=wanted.scope[:16], code=error.code)
            raise
        outcome = REPLAY if sent.status is not None else AGAIN if sent.live and sent.live.run.attempt > 1 else SENT
        self.outcomes[outcome] += 1
        log.info("message sent", chat=wanted.chat, key=wanted.scope[:16], run=sent.run, outcome=outcome)
        return sent


class _UnderWay:
    """A key that is being claimed here, or looked up.

    `found` is set as soon as it is known what it stands for: the run that is under way, or the claim with its answer;
    None where the request came to nothing.
    """

    def __init__(self, fingerprint: str) -> None:
        self.fingerprint = fingerprint
        self.found: asyncio.Future[str | Claim | None] = asyncio.get_running_loop().create_future()

    def settle(self, found: str | Claim | None) -> None:
        """Say what the key stands for; what was said first holds."""
        if not self.found.done():
            self.found.set_result(found)


class _Attempt:
    """One request to send, on its way."""

    def __init__(self, sending: Sending, by: Operator, wanted: Wanted) -> None:
        self._of = sending
        self._by = by
        self._wanted = wanted
        self._again: Run | None = None
        """The run of this key that failed before."""
        self._began = sending._clock.now()
        self._mine: _UnderWay | None = None
        self._reserved = False
        self._verdict: Verdict | None = None

    async def send(self) -> Sent:
        """See `Sending.send`."""
        wanted = self._wanted
        deed = Deed("message.send", f"chat/{wanted.chat}", Scope.SEND, wanted.request, chat=wanted.chat)
        try:
            return await self._of._actions.act(self._by, deed, self._do, once=self, limit=self._limit)
        finally:
            if self._mine is not None:
                self._mine.settle(None)
                del self._of._under_way[wanted.scope]
            if self._reserved:
                self._of._runs.release()

    async def before(self, draft: Draft) -> Sent | None:
        """See `Once.before`."""
        of, wanted = self._of, self._wanted
        there = of._under_way.get(wanted.scope)
        if there is not None:
            self._refuse_other(there.fingerprint)
            found = await asyncio.shield(there.found)
            if isinstance(found, Claim):
                return await self._replay(draft, found)
            raise _running(found)
        self._mine = of._under_way[wanted.scope] = _UnderWay(wanted.fingerprint)
        if await of._store.chat(wanted.chat) is None:
            raise NotFound(UNKNOWN_CHAT, code="unknown_chat")
        claim = await of._claims.front.find(wanted.scope) if of._claims.front is not None else None
        if not of._claims.only and (claim is None or claim.status is None):
            claim = await of._store.claim(wanted.scope, now_us=draft.at_us)
        return None if claim is None else await self._answered(draft, claim)

    async def _answered(self, draft: Draft, claim: Claim) -> Sent | None:
        """What a claim says to this request; None where its run failed, and is begun again."""
        of = self._of
        self._refuse_other(claim.fingerprint)
        body = claim.body
        if body is None:
            run = await of._store.run(claim.run)
            if run is None:
                return None
            if run.state is RunState.RUNNING:
                self._settle(run.id)
                raise _running(run.id)
            if run.state is RunState.FAILED:
                self._again = run
                return None
            body = await self._rebuilt(run)
        answered = replace(claim, status=200, body=body)
        self._settle(answered)
        if of._claims.front is not None:
            await of._claims.front.put(answered)
        return await self._replay(draft, answered)

    async def _replay(self, draft: Draft, claim: Claim) -> Sent:
        """The answer once more."""
        entry = replace(draft, status=REPLAYED, duration_ms=self._took_ms(), facts={"run": claim.run})
        await self._of._audit.append(entry)
        return Sent(claim.run, status=claim.status, body=claim.body or "")

    async def _rebuilt(self, run: Run) -> str:
        """The answer of a run that is done, from what is kept of it."""
        message, reply = await self._of._store.message(run.message), await self._of._store.message(run.reply)
        if message is None or reply is None:
            raise NotFound(UNKNOWN_CHAT, code="unknown_chat")
        return answer(run, message, reply)

    def _refuse_other(self, fingerprint: str) -> None:
        if fingerprint != self._wanted.fingerprint:
            raise KeyReused

    async def _limit(self) -> None:
        """Take a place, and count the request."""
        of, limits = self._of, self._of._limits
        of._runs.reserve()
        self._reserved = True
        verdict = await limits.store.take(limits.scopes(self._by.name, self._wanted.chat))
        if not verdict.allowed:
            raise limits.refused(verdict)
        self._verdict = verdict

    async def _do(self, draft: Draft) -> Sent:
        """Claim the key and keep the message, or answer as the one who was quicker; then begin the run."""
        try:
            for _ in range(TURNS):
                sent = await self._try(draft)
                if sent is not None and sent.live is not None:
                    return sent
                if sent is not None:
                    await self._give_back()
                    return sent
            raise _running(None)
        except BaseException:
            await self._give_back()
            raise

    async def _try(self, draft: Draft) -> Sent | None:
        of, wanted = self._of, self._wanted
        message, run, claim = self._drafted(draft)
        entry = replace(
            draft,
            after=digest({"id": message.id, "text": wanted.text}),
            duration_ms=self._took_ms(),
            facts={"run": run.id, "message": message.id, "attempt": run.attempt},
        )
        kept = None if of._claims.only else claim
        sent = await of._store.send(message, run, kept, entry=entry, most_runs=of._limits.most_runs)
        if isinstance(sent, Claim):
            return await self._answered(draft, sent)
        self._settle(run.id)
        of._runs.release()
        self._reserved = False
        live = of._runs.begin(run, sent)
        if of._claims.only and of._claims.front is not None:
            await of._claims.front.put(claim)
        return Sent(run.id, sent, live, self._verdict)

    def _drafted(self, draft: Draft) -> tuple[Message, Run, Claim]:
        """The message, its run and its claim: new ones, or the next attempt at those that are kept."""
        of, wanted, by, at_us = self._of, self._wanted, self._by.name, draft.at_us
        holder, until_us = of._runs.lease()
        before = self._again
        if before is not None:
            run = replace(
                before,
                state=RunState.RUNNING,
                attempt=before.attempt + 1,
                token=before.token + 1,
                holder=holder,
                until_us=until_us,
                code="",
                reason="",
                ended_us=None,
            )
        else:
            ids = (f"{of._node}.{of._new_id()}", wanted.chat, of._new_id())
            run = Run(*ids, by, at_us, wanted.asked, holder=holder, until_us=until_us)
        message = Message(run.message, wanted.chat, at_us, "user", wanted.text, run.id, by)
        expires_us = at_us + round(of._settings.keep_answers_s * 1e6)
        return message, run, Claim(wanted.scope, wanted.fingerprint, run.id, at_us, expires_us)

    def _settle(self, found: str | Claim) -> None:
        if self._mine is not None:
            self._mine.settle(found)

    def _took_ms(self) -> int:
        return round((self._of._clock.now() - self._began) * 1000.0)

    async def _give_back(self) -> None:
        """Undo what was counted: this request had no effect."""
        verdict, self._verdict = self._verdict, None
        if verdict is not None:
            with suppress(Unavailable):
                await self._of._limits.store.give_back(self._of._limits.scopes(self._by.name, self._wanted.chat))


def _running(run: str | None) -> StillRunning:
    """The error of a repetition; where the first came to nothing, only time is told."""
    where = {"Location": f"/api/runs/{run}"} if run is not None else {}
    return StillRunning(headers={**where, "Retry-After": "1"})


def _outcome(error: SegueError) -> str:
    kinds = {StillRunning: RUNNING, KeyReused: REUSED, RateLimited: LIMITED, Overloaded: OVERLOADED}
    return kinds.get(type(error), REFUSED if error.status < 500 else FAILED)
