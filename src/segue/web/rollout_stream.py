"""What a rollout does as it happens (events), and everything that is kept of an attempt (export)."""

import json
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter

from segue.clock import Clock
from segue.delivery.evidence import Block, Look
from segue.delivery.plan import Plan
from segue.delivery.ports import RolloutStore
from segue.delivery.rollout import Rollout
from segue.delivery.status import DECISION
from segue.web.standing import Standing

EVERY_S = 0.5
"""So often it is asked whether anything changed."""
AT_LEAST_S = 5.0
"""A status comes at least this often, so that a silence means that the server has gone."""
RECENT = 20
"""So many of the latest decisions come first, where none is named after which to begin."""
PAGE = 1000
LONGEST_ID = 18
"""Digits of a place in the events, and the stroke between; what is longer is no place of ours."""
BLOCK, LOOK, PLAN, ROLLOUT = TypeAdapter(Block), TypeAdapter(Look), TypeAdapter(Plan), TypeAdapter(Rollout)


def resumed_after(last_event_id: str) -> tuple[int, int] | None:
    """The attempt and the number of the decision that a client has had last, as in `2/14`; None where it says none."""
    attempt, _, number = last_event_id.partition("/")
    if len(last_event_id) > LONGEST_ID or not (attempt.isdecimal() and number.isdecimal()):
        return None
    return max(1, int(attempt)), int(number)


async def events(
    name: str,
    after: tuple[int, int] | None,
    standing: Standing,
    store: RolloutStore,
    clock: Clock,
    ended: Callable[[], bool],
) -> AsyncGenerator[bytes, None]:
    """The status at once, whenever it changes and at least every five seconds; before it, each new decision.

    The stream ends where `ended` says so.

    Raises:
        UnknownRollout: there is none of this name.
        Unavailable: what is kept cannot be read.
    """
    shown, shown_at, had = "", 0.0, after
    while not ended():
        seen = await standing.seen(name)
        attempt, count = seen.rollout.attempt, seen.rollout.decisions
        if had is None or had[0] > attempt:
            had = (attempt, max(0, count - RECENT))
        while had < (attempt, count):
            for decision in await store.decisions(name, attempt=had[0], after=had[1], limit=PAGE):
                had = (had[0], decision.number)
                yield _event("decision", DECISION.dump_python(decision, mode="json"), f"{had[0]}/{had[1]}")
            if had[0] == attempt:
                break
            had = (had[0] + 1, 0)
        status = standing.told(seen)
        now, steady = clock.now(), _steady(status)
        if steady != shown or now - shown_at >= AT_LEAST_S:
            shown, shown_at = steady, now
            yield _event("status", status)
        await clock.sleep(EVERY_S)


async def export(rollout: Rollout, store: RolloutStore) -> AsyncGenerator[bytes, None]:
    """Everything that is kept of an attempt, one JSON object a line: the plan, the rollout, decisions, looks, blocks.

    Each line has its `kind`, and its value under that word; a look also has the `version` that it led to. What is
    decided and closed while this is read is left out, so that the lines fit together.

    Raises:
        Unavailable: what is kept cannot be read.
    """
    name, attempt = rollout.name, rollout.attempt
    yield _line("plan", PLAN.dump_python(rollout.plan, mode="json"))
    # What an approval link carries is nobody's business but the link's.
    yield _line("rollout", ROLLOUT.dump_python(replace(rollout, nonce=""), mode="json"))
    after = 0
    looked: set[float] = set()  # not the latest of them: a clock may be set back
    while decisions := await store.decisions(name, attempt=attempt, after=after, limit=PAGE):
        for decision in decisions:
            if decision.number <= rollout.decisions:
                yield _line("decision", DECISION.dump_python(decision, mode="json"))
        after = decisions[-1].number
    after = 0
    while looks := await store.looks(name, attempt, after=after, limit=PAGE):
        for version, look in looks:
            if version <= rollout.version:
                looked.add(look.at)
                yield _line("look", LOOK.dump_python(look, mode="json"), version=version)
        after = looks[-1][0]
    after = 0
    while blocks := await store.blocks(name, attempt, after=after, limit=PAGE):
        for block in blocks:
            if block.closed_at in looked:
                yield _line("block", BLOCK.dump_python(block, mode="json"))
        after += len(blocks)


def _steady(status: dict[str, Any]) -> str:
    """A status without what changes by itself as time goes by."""
    stage = {name: value for name, value in status["stage"].items() if name not in {"elapsed_s", "left_s"}}
    control = {name: value for name, value in status["controller"].items() if name != "ticked_s_ago"}
    return json.dumps({**status, "stage": stage, "controller": control, "ages": None}, sort_keys=True)


def _event(kind: str, values: dict[str, Any], number: str = "") -> bytes:
    head = f"event: {kind}\n" + (f"id: {number}\n" if number else "")
    return f"{head}data: {json.dumps(values, ensure_ascii=False)}\n\n".encode()


def _line(kind: str, value: Any, **more: Any) -> bytes:
    return json.dumps({"kind": kind, **more, kind: value}, ensure_ascii=False).encode() + b"\n"
