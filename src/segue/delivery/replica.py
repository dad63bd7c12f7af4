"""What every server does, whoever looks after the rollouts: use the published table, and write what it has counted."""

from collections.abc import Sequence

from segue.clock import Clock
from segue.delivery.evidence import Cell
from segue.delivery.ports import RolloutStore
from segue.delivery.published import Published
from segue.delivery.rollout import Rollout
from segue.delivery.tally import Tally
from segue.routing import RoutingTable


class Replica:
    """One server among those that share a store."""

    def __init__(self, store: RolloutStore, published: Published, tally: Tally, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._behind = False
        self.published = published
        self.tally = tally
        self.rollout: Rollout | None = None
        """The live rollout as it was last read or written; None when there is none."""
        self.held = False
        """Whether this server is ahead of the store: what it reads there is not used until the store has followed."""

    @property
    def name(self) -> str:
        """What tells this server, and this run of it, from others."""
        return self.tally.replica

    async def refresh(self) -> None:
        """Use what the store has published.

        Raises:
            Unavailable: the store cannot be read; what was published before stays.
        """
        table = await self._store.table()
        exposure = table.exposure
        rollout = await self._store.load(name_of(exposure.rollout)) if exposure is not None else None
        if not self.held:
            self.follow(rollout, table)

    def follow(
        self, rollout: Rollout | None, table: RoutingTable | None = None, *, judged: Sequence[Cell] = ()
    ) -> None:
        """Use a rollout and its table from now on, unless what is used already is newer.

        `judged` are the cells of this server, written or not, on which the rollout became what it is.
        """
        if rollout is not None:
            self.tally.judged(judged, rollout.closed)
        if table is not None:
            if table.version < self.published.table.version:
                return
            self.published.publish(table)
        if rollout is not None and not rollout.phase.live:
            rollout = None
        known = self.rollout
        if rollout is not None and known is not None and rollout.key == known.key and rollout.version < known.version:
            return
        self.rollout = rollout
        self.tally.follow(rollout)

    async def flush(self) -> None:
        """Write what was counted and settled up to now; without a live rollout nothing is written.

        Raises:
            Unavailable: it could not be written; it is written with the next flush.
        """
        if self._behind:
            await self.refresh()  # blocks may have been closed meanwhile: what is written to them now is lost
        if self.rollout is None:
            return
        self.tally.sweep(self._clock.wall())
        cells = self.tally.dirty()
        if not cells:
            return
        self.tally.writing += 1
        self._behind = True
        try:
            await self._store.count(cells)
            self.tally.kept(cells)
        finally:
            self.tally.writing -= 1
        self._behind = False


def name_of(key: str) -> str:
    """The rollout's name in `name/2`."""
    return key.rpartition("/")[0]
