"""Reads what all replicas have counted, and what there is to see beside it: everything that a look is given."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace

from segue.delivery.closing import close, look_of
from segue.delivery.evidence import LISTENERS, Block, Cell, Look, merged
from segue.delivery.plan import QuietGate
from segue.delivery.ports import RolloutStore, Watcher
from segue.delivery.rollout import Rollout
from segue.delivery.terms import series_of
from segue.routing import Arm


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen at one look."""

    blocks: tuple[Block, ...]
    """The blocks that are closed by this look."""
    look: Look
    listeners: Mapping[str, int]
    """The listeners of the stage so far, by the arm the hash gave them."""
    own: Sequence[Cell] = ()
    """The cells of this server that were among what was seen."""


@dataclass(slots=True)
class _Stage:
    """What is remembered of the stage that was seen last, so that its cells need not all be read at each look."""

    place: tuple[str, int, float]
    counted_to: int = 0
    listeners: dict[str, int] = field(default_factory=lambda: {arm.value: 0 for arm in Arm})
    latest: dict[str, float | None] = field(default_factory=dict)
    counting: set[str] = field(default_factory=set)
    """The replicas that have counted new listeners; one that was started again is another one."""


class Observer:
    """Looks at rollouts. Blocks close `grace_s` after the last of their turns was settled."""

    def __init__(self, store: RolloutStore, watcher: Watcher, grace_s: float) -> None:
        self._store = store
        self._watcher = watcher
        self._grace_s = grace_s
        self._stage = _Stage(("", 0, 0.0))

    async def see(self, rollout: Rollout, now: float, own: Sequence[Cell] = ()) -> Sight:
        """What there is to see of a live rollout at this Unix second.

        `own` are the cells of this server, which may not be written yet; they stand for what was written of them.

        Raises:
            Unavailable: the store cannot be read.
        """
        stage, closed = self._remembered(rollout), rollout.closed
        from_block = {series.name: closed.get(series.name, 0) for series in series_of(rollout.terms)}
        from_block[LISTENERS] = min(stage.counted_to, closed.get(LISTENERS, 0))
        cells = await self._store.cells(rollout.key, rollout.stage, from_block=from_block)
        return replace(await self._sight(rollout, now, _with(cells, own), stage), own=own)

    async def see_alone(self, rollout: Rollout, now: float, own: Sequence[Cell]) -> Sight:
        """What this server alone can see of a live rollout while the store is gone."""
        return await self._sight(rollout, now, list(own), deepcopy(self._remembered(rollout)))

    async def _sight(self, rollout: Rollout, now: float, cells: list[Cell], stage: _Stage) -> Sight:
        counts = merged(cells)
        look = look_of(
            rollout,
            cells,
            counts,
            now,
            self._grace_s,
            latest=stage.latest,
            degradation=await self._watcher.degradation(),
            alerts=await self._alerts(rollout),
            memory_bytes=self._watcher.memory_bytes(),
            enabled=self._watcher.enabled(),
        )
        stage.latest = {Arm.CANDIDATE.value: look.candidate_at, Arm.BASELINE.value: look.baseline_at}
        stage.counting |= {cell.replica for cell in cells if cell.key.series == LISTENERS and cell.counts.n}
        blocks = close(rollout, counts, now, self._grace_s, replicas=max(1, len(stage.counting)))
        return Sight(blocks, look, _listeners(stage, cells, rollout.closed))

    def _remembered(self, rollout: Rollout) -> _Stage:
        place = (rollout.key, rollout.stage, rollout.stage_since)
        if self._stage.place != place:
            self._stage = _Stage(place)
        return self._stage

    async def _alerts(self, rollout: Rollout) -> tuple[str, ...] | None:
        """The alerts that fire wherever a gate asks for them; None if one of these places does not answer."""
        gates = rollout.plan.gates.values()
        urls = dict.fromkeys(gate.alerts for gate in gates if isinstance(gate, QuietGate) and gate.alerts)
        found: list[str] = []
        for url in urls:
            alerts = await self._watcher.alerts(url)
            if alerts is None:
                return None
            found += alerts
        return tuple(dict.fromkeys(found))


def _with(cells: Sequence[Cell], own: Sequence[Cell]) -> list[Cell]:
    """These cells, with a server's own in place of what it wrote of them before."""
    known = {(cell.replica, cell.key): cell for cell in cells}
    return list((known | {(cell.replica, cell.key): cell for cell in own}).values())


def _listeners(stage: _Stage, cells: list[Cell], closed: Mapping[str, int]) -> dict[str, int]:
    """All listeners of a stage; those of minutes that cannot change any more are remembered."""
    settled_to = max(stage.counted_to, closed.get(LISTENERS, 0) - 1)
    listeners = dict(stage.listeners)
    for cell in cells:
        if cell.key.series != LISTENERS or cell.key.block < stage.counted_to:
            continue
        listeners[cell.key.arm] += cell.counts.n
        if cell.key.block < settled_to:
            stage.listeners[cell.key.arm] += cell.counts.n
    stage.counted_to = settled_to
    return listeners
