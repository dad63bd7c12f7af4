"""The spine of the operators' plane: authenticate → once → limit → do → audit, whatever is done.

`by` was let in at the door (a key, a session, the machine's own socket); here it is seen whether that allows the deed.
What `do` changes is written in one transaction with the entry it is handed; what is refused or fails leaves an entry of
its own, so that every attempt stands in the audit exactly once.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

import structlog

from segue.clock import Clock
from segue.console.audit import FAILED, REFUSED, REPLAYED, Draft
from segue.console.operator import Operator, Scope
from segue.console.ports import AuditStore
from segue.errors import Forbidden, SegueError, Unavailable

log = structlog.get_logger("segue.console")

T = TypeVar("T")
Answer_co = TypeVar("Answer_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Deed:
    """What somebody wants to do."""

    action: str
    """As in `Draft.action`."""
    target: str
    scope: Scope | None
    """What it takes; None where being let in is enough."""
    request: str = ""
    """Id of the request."""
    chat: str = ""
    facts: Mapping[str, str | int] = field(default_factory=dict)


class Once(Protocol[Answer_co]):
    """Answers a request that was made before, before anything is counted or done."""

    async def before(self, draft: Draft) -> Answer_co | None:
        """What was answered then, after writing the entry of the repetition; None for a request that is new.

        Raises:
            StillRunning: the same request is on its way.
            KeyReused: the key was used for another request.
        """


Limit = Callable[[], Awaitable[None]]
"""Counts a request against its rate limits; raises `RateLimited`, and then nothing was counted."""


class Actions:
    """Everything operators do goes through `act`. `node` is the name of this one."""

    def __init__(self, audit: AuditStore, clock: Clock, node: str) -> None:
        self._audit = audit
        self._clock = clock
        self._node = node

    async def act(
        self,
        by: Operator,
        deed: Deed,
        do: Callable[[Draft], Awaitable[T]],
        *,
        once: Once[T] | None = None,
        limit: Limit | None = None,
    ) -> T:
        """Do something in somebody's name. `do` gets the entry that must be written with what it changes.

        Raises:
            Forbidden: they may not.
            SegueError: whatever `once`, `limit` and `do` raise; it stands in the audit.
        """
        draft = self.draft(by, deed)
        began = self._clock.now()
        try:
            if deed.scope is not None and not by.may(deed.scope):
                raise Forbidden(f"This key has not the scope `{deed.scope}` that {deed.action} takes.")
            if once is not None and (answer := await once.before(draft)) is not None:
                return answer
            if limit is not None:
                await limit()
            return await do(draft)
        except SegueError as error:
            took_ms = round((self._clock.now() - began) * 1000.0)
            await self._note(replace(draft, status=_status(error), code=error.code, duration_ms=took_ms))
            raise
        except Exception:
            await self._note(replace(draft, status=FAILED, code=SegueError.code))
            raise

    async def repeated(self, draft: Draft) -> None:
        """Write down a deed that changed nothing, for it had its effect before. Where that fails, the log says so."""
        await self._note(replace(draft, status=REPLAYED))

    def draft(self, by: Operator, deed: Deed) -> Draft:
        """The entry of a deed, as it is when it succeeds at once."""
        return Draft(
            at_us=round(self._clock.wall() * 1e6),
            actor=by.name,
            via=by.via,
            action=deed.action,
            target=deed.target,
            request=deed.request,
            node=self._node,
            chat=deed.chat,
            facts=deed.facts,
        )

    async def _note(self, draft: Draft) -> None:
        """Write down what changed nothing. Where even that cannot be written, the log says so."""
        with suppress(Unavailable):
            await self._audit.append(draft)
            return
        log.error("the audit could not be written", action=draft.action, actor=draft.actor, outcome=draft.code)


def _status(error: SegueError) -> str:
    return REFUSED if error.status < 500 else FAILED
