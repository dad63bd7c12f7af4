"""What the delivery plane needs from outside: somewhere to keep rollouts, somebody to tell, something to look at."""

from collections.abc import Sequence
from typing import Protocol

from segue.delivery.evidence import Block, Cell, Look
from segue.delivery.rollout import Change, Decision, Notice, Rollout
from segue.errors import CallerError, SegueError
from segue.routing import RoutingTable, Variant


class Conflict(SegueError):
    """Somebody else has written this rollout in the meantime; read it again."""

    status = 409
    code = "conflict"
    retryable = True


class UnknownRollout(CallerError):
    """There is no rollout of this name."""

    status = 404
    code = "unknown_rollout"


class RolloutStore(Protocol):
    """Keeps rollouts, their decisions and evidence, and the one routing table."""

    async def load(self, name: str) -> Rollout | None:
        """The latest attempt of a rollout, or None."""

    async def attempt(self, name: str, attempt: int) -> Rollout | None:
        """One attempt of a rollout as it stands, or stood at its end; None if there is none of this number."""

    async def latest(self) -> list[Rollout]:
        """The latest attempt of every rollout, the one that changed last first."""

    async def table(self) -> RoutingTable:
        """The routing table as last published."""

    async def save(self, change: Change) -> None:
        """Write a change, all of it or nothing; durable when it returns.

        A new attempt has version 1 and a greater number than those before it, and every later change, which only the
        latest attempt may have, the version it read plus one; a table must have the version of the kept one plus one.
        When a stage begins anew or the attempt ends, the cells of the attempt are let go of: nobody closes them.

        Raises:
            Conflict: the rollout or the table has another version by now; nothing was written.
            Unavailable: it could not be written.
        """

    async def decisions(
        self, name: str, *, attempt: int | None = None, after: int = 0, limit: int = 1000
    ) -> list[Decision]:
        """The decisions of an attempt (the latest one when None), in order, those with a number above `after`."""

    async def blocks(self, name: str, attempt: int, *, after: int = 0, limit: int = 10_000) -> list[Block]:
        """The closed blocks of an attempt in the order in which they were closed, from the `after`th on."""

    async def looks(self, name: str, attempt: int, *, after: int = 0, limit: int = 1000) -> list[tuple[int, Look]]:
        """The looks that were saved with the changes of an attempt, in order: each with the version that it led to.

        Those of versions above `after`.
        """

    async def count(self, cells: Sequence[Cell]) -> None:
        """Keep what a replica has counted; each cell replaces the replica's earlier one of the same key.

        Raises:
            Unavailable: it could not be written.
        """

    async def cells(self, rollout: str, stage: int, *, from_block: dict[str, int]) -> list[Cell]:
        """What all replicas have counted in a stage, by series from the given block on.

        `rollout` is written `name/2`; a series that is not named is left out.
        """

    async def forget_cells(self, rollout: str, stage: int, *, before_block: dict[str, int]) -> None:
        """Let go of cells whose blocks are closed, by series."""

    async def lease(self, holder: str, now: float, seconds: float) -> bool:
        """Whether `holder` may look after rollouts until `now + seconds` (Unix). Only saves work: `save` decides."""

    async def notices(self, now: float, limit: int = 20) -> list[Notice]:
        """Messages that are due, oldest first."""

    async def noticed(self, notice: Notice, *, next_at: float | None, error: str = "") -> None:
        """A message was delivered or given up (`next_at` None), or is to be tried again then."""


class Notifier(Protocol):
    """Delivers messages."""

    async def send(self, notice: Notice) -> None:
        """Deliver one.

        Raises:
            Unavailable: it did not arrive; the message says why.
        """


class Watcher(Protocol):
    """Sees what is not counted: the state of the server itself."""

    async def degradation(self) -> str:
        """The state of the worse axis of degradation."""

    async def alerts(self, url: str) -> tuple[str, ...] | None:
        """Names of the alerts that fire at a Prometheus; None when it does not answer within its time limit."""

    def memory_bytes(self) -> int:
        """The memory of this process."""

    def enabled(self) -> bool:
        """Whether spoken replies are switched on."""

    def lacking(self, variant: Variant) -> tuple[str, ...]:
        """What a variant names and this server does not have, a sentence each."""
