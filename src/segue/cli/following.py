"""Follows a rollout by the events of its server until it ends, through restarts of that server."""

import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

from segue.cli import watch as view
from segue.cli.asking import LIMIT_S, Event, Server
from segue.clock import SystemClock
from segue.errors import Unavailable

PROMOTED, ROLLED_BACK, INCONCLUSIVE, TIMED_OUT = 0, 2, 3, 4
ENDS = {"promoted": PROMOTED, "rolled_back": ROLLED_BACK, "held": INCONCLUSIVE}
"""Phases at which watching ends, and the exit code of each."""
PATIENCE_S = 15.0
"""How long a server that has gone is waited for: one that is restarted comes back."""
AGAIN_S = 0.5
"""How long after the end of a stream the next one is asked for."""

Show = Callable[[dict[str, Any], list[dict[str, Any]]], None]
"""Shows a status, with the decisions that are known, oldest first."""


def followed(server: Server, name: str, limit_s: float | None, patience_s: float = PATIENCE_S) -> Iterator[Event]:
    """The events of a rollout, without end; where the stream breaks off it is taken up again.

    Raises:
        TimeoutError: `limit_s` are over.
        Unavailable: the server has gone and did not come back within `patience_s`.
        Refusal: there is no such rollout.
    """
    clock, last, gone_at = SystemClock(), "", None
    end_at = None if limit_s is None else clock.now() + limit_s
    why = Unavailable()
    while True:
        left_s = LIMIT_S if end_at is None else min(LIMIT_S, end_at - clock.now())
        try:
            for event in server.events(f"/api/rollouts/{name}/events", after=last, limit_s=max(0.1, left_s)):
                last, gone_at = event.id or last, None
                yield event
                _in_time(clock.now(), end_at)
        except Unavailable as error:
            why = error
        now = clock.now()
        _in_time(now, end_at)
        gone_at = now if gone_at is None else gone_at
        if now - gone_at >= patience_s:
            raise why
        asyncio.run(clock.sleep(AGAIN_S))


def watched(events: Iterator[Event], show: Show) -> int:
    """Show a rollout after each event until it ends; the exit code."""
    status: dict[str, Any] | None = None
    decisions: list[dict[str, Any]] = []
    try:
        for event in events:
            if event.kind == "decision":
                decisions.append(event.values)
            else:
                status = event.values
            if status is not None:
                show(status, decisions)
            if status is not None and status["phase"] in ENDS:
                return ENDS[status["phase"]]
    except TimeoutError:
        return _ended(status, "it is not decided within the time.", TIMED_OUT)
    except Unavailable as error:
        return _ended(status, f"the server has ended. {error.message}", INCONCLUSIVE)
    return INCONCLUSIVE


def as_json(status: dict[str, Any], decisions: list[dict[str, Any]]) -> None:
    """Print a status as one line of JSON."""
    del decisions
    print(json.dumps(status, ensure_ascii=False), flush=True)


def in_lines() -> Show:
    """Prints decisions as they come, and the sentence whenever the phase, the stage or the share is another."""
    where: tuple[Any, ...] = ()
    count = 0

    def show(status: dict[str, Any], decisions: list[dict[str, Any]]) -> None:
        nonlocal where, count
        for decision in decisions[count:]:
            print(view.line(decision), flush=True)
        now = (status["attempt"], status["phase"], status["stage"]["name"], status["share_bp"])
        if now != where:
            print(status["sentence"], flush=True)
        where, count = now, len(decisions)

    return show


def _ended(status: dict[str, Any] | None, why: str, code: int) -> int:
    told = "" if status is None else f" {status['sentence']}"
    print(f"segue: watching ended: {why}{told}", file=sys.stderr)
    return code


def _in_time(now: float, end_at: float | None) -> None:
    if end_at is not None and now >= end_at:
        raise TimeoutError
