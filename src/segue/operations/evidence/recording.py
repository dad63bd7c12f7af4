"""Puts on record what operations found: an entry in the audit, the server's signature, and the newest of each command.

What was found while no server ran waits as a signed file in the data folder; the next start there enters it, once.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import structlog

from segue.clock import Clock
from segue.console.actions import Actions, Deed
from segue.console.audit import Draft
from segue.console.heads import Signer, Trust
from segue.console.operations import ACTION, COMMAND, Operation, Place, Signed, target
from segue.console.operator import START, Operator, Scope
from segue.errors import InvalidRequest, SegueError
from segue.operations.evidence.envelope import REPORT_TYPE, Envelope, from_text, sealed, vouched
from segue.operations.evidence.filing import Filing
from segue.operations.evidence.recorded import MOST_COMMANDS, operation, report_of
from segue.operations.report import EXIT_CODES, Level

log = structlog.get_logger("segue.operations")

FOLLOW_S = 10.0
"""How often it is seen what other servers have put on record."""


class OperationStore(Protocol):
    """Keeps the newest operation of each command. Every method may raise `Unavailable`."""

    async def record(self, operation: Operation, draft: Draft, *, once: bool = False) -> Place:
        """Keep an operation, unless a newer one is kept, in one transaction with its entry; where that entry is.

        With `once` an operation whose digest was entered so before is not entered again: its entry is told.
        """

    async def newest(self) -> Sequence[Operation]:
        """The newest of each command, by name."""


class Recording:
    """One server's. `waiting` is where files of evidence wait to be entered; None where nothing is kept."""

    def __init__(
        self,
        actions: Actions,
        store: OperationStore,
        signer: Signer,
        trust: Trust,
        clock: Clock,
        waiting: Filing | None,
    ) -> None:
        self._actions = actions
        self._store = store
        self._signer = signer
        self._trust = trust
        self._clock = clock
        self._waiting = waiting
        self._seen: dict[str, Operation] = {}
        self._following: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Enter what waits, see what is kept, and follow what others keep. What fails is told, and stops nothing."""
        if self._waiting is not None:
            for file in await asyncio.to_thread(self._waiting.pending):
                await self._settle(self._waiting, file)
        await self._look()
        self._following = asyncio.create_task(self._follow(), name="operations")

    async def close(self) -> None:
        """Stop following."""
        following, self._following = self._following, None
        if following is not None:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    async def record(self, by: Operator, command: str, outcome: str, payload: bytes, request: str) -> Signed:
        """Put a report on record in somebody's name.

        Raises:
            Forbidden: they may not.
            InvalidRequest: the payload is no report, or not of this command and outcome; or there are too many
                commands.
            Unavailable: it could not be written.
        """

        async def do(draft: Draft) -> Signed:
            report = report_of(payload)
            if (report.command, report.outcome.value) != (command, outcome):
                raise InvalidRequest("`command` and `outcome` are not those of the report.", param="command")
            self._check(command)
            found = operation(report, payload, draft.at_us, by.name)
            place = await self._store.record(found, replace(draft, after=found.digest, facts=_facts(found)))
            self._seen[command] = found
            ((key, signature),) = sealed(payload, REPORT_TYPE, self._signer).signatures.items()
            return Signed(found, place, key, signature)

        named = target(command) if COMMAND.fullmatch(command) else "operation"
        return await self._actions.act(by, Deed(ACTION, named, Scope.ROLLOUT_WRITE, request), do)

    async def newest(self) -> Sequence[Operation]:
        """The newest of each command, by name.

        Raises:
            Unavailable: what is kept cannot be read.
        """
        found = await self._store.newest()
        self._seen = {each.command: each for each in found}
        return found

    def ages_s(self) -> Mapping[str, float]:
        """How long ago each command was last on record, by command."""
        now_us = self._clock.wall() * 1e6
        return {name: max(0.0, (now_us - each.at_us) / 1e6) for name, each in dict(self._seen).items()}

    def outcomes(self) -> Mapping[str, float]:
        """The exit code of each command that was last on record."""
        return {name: float(EXIT_CODES[Level(each.outcome)]) for name, each in dict(self._seen).items()}

    def _check(self, command: str) -> None:
        if command not in self._seen and len(self._seen) >= MOST_COMMANDS:
            raise InvalidRequest(
                f"There are {MOST_COMMANDS} commands on record; no other one is kept.", param="command"
            )

    async def _settle(self, waiting: Filing, file: Path) -> None:
        """Enter what a file holds, once, and put it among the others. A crash leaves it for the next start."""
        try:
            envelope = from_text(await asyncio.to_thread(waiting.text, file))
            if envelope is None or envelope.payload_type != REPORT_TYPE:
                raise InvalidRequest("it is no evidence")
            vouchers = vouched(envelope, self._trust)
            if not vouchers or set(vouchers.values()) != {True}:
                raise InvalidRequest("no key that is trusted here signed it as it is")
            place = await self._enter(envelope)
            entered = replace(envelope, audit=place.as_dict())
            await asyncio.to_thread(waiting.settle, file, entered)
        except (SegueError, OSError) as error:
            log.error("evidence that waits was not entered", file=str(file), reason=str(error))

    async def _enter(self, envelope: Envelope) -> Place:
        report = report_of(envelope.payload)
        deed = Deed(ACTION, target(report.command), None)
        draft = self._actions.draft(START, deed)
        self._check(report.command)
        found = operation(report, envelope.payload, min(draft.at_us, report.ended_us), START.name)
        facts = {**_facts(found), "late": 1}
        return await self._store.record(found, replace(draft, after=found.digest, facts=facts), once=True)

    async def _look(self) -> None:
        try:
            await self.newest()
        except SegueError as error:
            log.warning("it cannot be seen what operations are on record", reason=error.message)

    async def _follow(self) -> None:
        while True:
            await self._clock.sleep(FOLLOW_S)
            await self._look()


def _facts(found: Operation) -> dict[str, str | int]:
    return {"outcome": found.outcome, **found.counts}
