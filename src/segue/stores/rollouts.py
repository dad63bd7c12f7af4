"""Rollouts kept in memory: for tests, rehearsals, and a server that may forget when it ends."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace

from pydantic import TypeAdapter

from segue.console.audit import Draft, digest
from segue.delivery.done import done
from segue.delivery.evidence import Block, Cell, Key, Look
from segue.delivery.ports import Conflict
from segue.delivery.rollout import Change, Decision, Notice, Rollout
from segue.routing import RoutingTable

_ROLLOUT = TypeAdapter(Rollout)


@dataclass(slots=True)
class _Attempt:
    """One attempt of a rollout, with everything that was written of it."""

    rollout: Rollout
    decisions: list[Decision] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    looks: list[tuple[int, Look]] = field(default_factory=list)


class MemoryRolloutStore:
    """Keeps every attempt for as long as the process lives. Several controllers may share one.

    `audited` takes the entry of whatever is decided, and what it refuses is not saved; `node` is the name in entries.
    """

    def __init__(self, audited: Callable[[Draft], None] | None = None, node: str = "") -> None:
        self._audited = audited
        self._node = node
        self._attempts: dict[str, dict[int, _Attempt]] = {}
        self._order: list[str] = []
        self._table = RoutingTable()
        self._cells: dict[tuple[str, Key], Cell] = {}
        self._lease: tuple[str, float] = ("", 0.0)
        self._notices: dict[str, tuple[Notice, bool, str]] = {}

    async def load(self, name: str) -> Rollout | None:
        """See `RolloutStore.load`."""
        attempt = self._attempt(name, None)
        return attempt.rollout if attempt is not None else None

    async def latest(self) -> list[Rollout]:
        """See `RolloutStore.latest`."""
        found = [self._attempt(name, None) for name in reversed(self._order)]
        return [attempt.rollout for attempt in found if attempt is not None]

    async def attempt(self, name: str, attempt: int) -> Rollout | None:
        """See `RolloutStore.attempt`."""
        found = self._attempt(name, attempt)
        return found.rollout if found is not None else None

    async def table(self) -> RoutingTable:
        """See `RolloutStore.table`."""
        return self._table

    async def save(self, change: Change) -> None:
        """See `RolloutStore.save`."""
        rollout = change.rollout
        before = self._attempt(rollout.name, None)
        self._refuse_conflicts(change, before.rollout if before is not None else None)
        if self._audited is not None and (entry := self._entry(change)) is not None:
            self._audited(entry)
        if before is None or rollout.version == 1:
            before = self._attempts.setdefault(rollout.name, {})[rollout.attempt] = _Attempt(rollout)
        elif before.rollout.stage_since != rollout.stage_since or not rollout.phase.live:
            self._cells = {place: cell for place, cell in self._cells.items() if cell.key.rollout != rollout.key}
        before.rollout = rollout
        before.blocks += change.blocks
        if change.decision is not None:
            before.decisions.append(change.decision)
        if change.look is not None:
            before.looks.append((rollout.version, change.look))
        self._order = [*(name for name in self._order if name != rollout.name), rollout.name]
        if change.table is not None:
            self._table = change.table
        for notice in change.notices:
            self._notices.setdefault(notice.id, (notice, True, ""))

    def _entry(self, change: Change) -> Draft | None:
        if (what := done(change)) is None:
            return None
        before = self._attempt(change.rollout.name, change.rollout.attempt)
        return Draft(
            **asdict(what),
            before=_digest(before.rollout) if before is not None else "",
            after=_digest(change.rollout),
            node=self._node,
        )

    def _refuse_conflicts(self, change: Change, before: Rollout | None) -> None:
        rollout, table = change.rollout, change.table
        at = (before.attempt, before.version) if before is not None else (0, 0)
        follows = rollout.attempt > at[0] if rollout.version == 1 else (rollout.attempt, rollout.version - 1) == at
        if not follows:
            raise Conflict(
                f"{rollout.key} was to be written as version {rollout.version}, but attempt {at[0]} is at version"
                f" {at[1]} by now. Read it again."
            )
        if table is not None and table.version != self._table.version + 1:
            raise Conflict(
                f"The routing table was to be written as version {table.version}, but it is at version"
                f" {self._table.version} by now. Read it again."
            )

    async def decisions(
        self, name: str, *, attempt: int | None = None, after: int = 0, limit: int = 1000
    ) -> list[Decision]:
        """See `RolloutStore.decisions`."""
        found = self._attempt(name, attempt)
        return [each for each in found.decisions if each.number > after][:limit] if found is not None else []

    async def blocks(self, name: str, attempt: int, *, after: int = 0, limit: int = 10_000) -> list[Block]:
        """See `RolloutStore.blocks`."""
        found = self._attempt(name, attempt)
        return found.blocks[after : after + limit] if found is not None else []

    async def looks(self, name: str, attempt: int, *, after: int = 0, limit: int = 1000) -> list[tuple[int, Look]]:
        """See `RolloutStore.looks`."""
        found = self._attempt(name, attempt)
        return [each for each in found.looks if each[0] > after][:limit] if found is not None else []

    async def count(self, cells: Sequence[Cell]) -> None:
        """See `RolloutStore.count`."""
        self._cells |= {(cell.replica, cell.key): cell for cell in cells}

    async def cells(self, rollout: str, stage: int, *, from_block: dict[str, int]) -> list[Cell]:
        """See `RolloutStore.cells`."""
        return [
            cell
            for _, cell in sorted(self._cells.items(), key=lambda kept: (kept[0][1], kept[0][0]))
            if (cell.key.rollout, cell.key.stage) == (rollout, stage)
            and cell.key.series in from_block
            and cell.key.block >= from_block[cell.key.series]
        ]

    async def forget_cells(self, rollout: str, stage: int, *, before_block: dict[str, int]) -> None:
        """See `RolloutStore.forget_cells`."""
        self._cells = {
            place: cell
            for place, cell in self._cells.items()
            if (cell.key.rollout, cell.key.stage) != (rollout, stage)
            or cell.key.block >= before_block.get(cell.key.series, 0)
        }

    async def lease(self, holder: str, now: float, seconds: float) -> bool:
        """See `RolloutStore.lease`."""
        if self._lease[0] != holder and self._lease[1] > now:
            return False
        self._lease = (holder, now + seconds)
        return True

    async def notices(self, now: float, limit: int = 20) -> list[Notice]:
        """See `RolloutStore.notices`."""
        waiting = [notice for notice, open_, _ in self._notices.values() if open_ and notice.next_at <= now]
        return sorted(waiting, key=lambda notice: (notice.at, notice.id))[:limit]

    async def noticed(self, notice: Notice, *, next_at: float | None, error: str = "") -> None:
        """See `RolloutStore.noticed`."""
        tried = replace(notice, attempts=notice.attempts + 1, next_at=notice.next_at if next_at is None else next_at)
        self._notices[notice.id] = (tried, next_at is not None, error)

    def _attempt(self, name: str, attempt: int | None) -> _Attempt | None:
        attempts = self._attempts.get(name, {})
        return attempts.get(max(attempts, default=0) if attempt is None else attempt)


def _digest(rollout: Rollout) -> str:
    return digest(_ROLLOUT.dump_python(rollout, mode="json"))
