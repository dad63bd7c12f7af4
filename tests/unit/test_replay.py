"""A rollout decided again from its export, whatever its clock did."""

from pydantic import TypeAdapter

from segue.delivery.closing import close
from segue.delivery.evidence import MILLION, Counts, Key, Look
from segue.delivery.replay import read_export, replay
from segue.delivery.rollout import Command, Decision, Verb
from segue.delivery.step import step
from segue.stores.rollouts import MemoryRolloutStore
from segue.web.rollout_stream import export
from tests.evidence import AT, started

AFTER_S = (61.0, 70.0, 130.0, 70.0, 130.0, 200.0, 150.0)
"""When it is looked at, in seconds after the beginning: the clock is set back twice, and shows some times again."""


async def test_a_clock_that_is_set_back_loses_nothing() -> None:
    """Every block goes into the export, and to the look that closed it: the decisions are the same to the byte."""
    store, begun = MemoryRolloutStore(), started()
    await store.save(begun)
    for number, after_s in enumerate(AFTER_S):
        rollout, table, now = await store.load("night"), await store.table(), AT + after_s
        assert rollout is not None
        counts = {
            Key(rollout.key, 0, series.name, block, arm): Counts(40, bad * MILLION, 40, bad * MILLION)
            for series in rollout.terms.series
            for block in range(4)
            for arm, bad in (("candidate", block), ("baseline", 1))
        }
        command = Command(Verb.FREEZE if number % 2 else Verb.THAW, id=str(number))
        look = Look(at=now, candidate_at=now, baseline_at=now, degradation="ok")
        change = step(rollout, table, now=now, look=look, blocks=close(rollout, counts, now, 2.0), command=command)
        if not change.idle:
            await store.save(change)
    rollout = await store.load("night")
    assert rollout is not None
    assert rollout.closed["failures"] == 3

    kept = read_export([line.decode() async for line in export(rollout, store)])
    decisions = TypeAdapter(list[Decision])
    assert sum(len(moment.blocks) for moment in kept.moments) == len(await store.blocks("night", 1))
    assert decisions.dump_json(replay(kept).decisions) == decisions.dump_json(await store.decisions("night"))
