"""Rollouts on real servers, for tests of the doors."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx2

from tests.server import RunningServer

QUICK: dict[str, Any] = {
    "providers": {"models": ["scripted"], "synthesizers": ["scripted"], "recognizers": []},
    "delivery": {"tick_s": 0.1, "flush_s": 0.1, "poll_s": 0.1, "grace_s": 1.0},
}
"""A server that looks after rollouts ten times a second, and whose providers take no time."""
LIMIT_S = 20.0


def plan(name: str, **changes: Any) -> dict[str, Any]:
    """A plan of two stages that can be started again at once; the second stage asks for approval."""
    return {
        "name": name,
        "about": "A newer voice.",
        "baseline": {"name": "old"},
        "candidate": {"name": "new"},
        "cool_down": "0s",
        "lock_after": 100,
        "gates": {"ttfa": {"kind": "latency", "over": "6s"}, "success": {"kind": "failure", "at_most": "5%"}},
        "stages": [
            {"name": "half", "share": "50%", "dwell": "1h"},
            {"name": "all", "share": "100%", "dwell": "1h", "approval": True},
        ],
        **changes,
    }


@contextmanager
def started(server: RunningServer, name: str, **changes: Any) -> Iterator[str]:
    """A rollout that runs meanwhile; its address."""
    answer = httpx2.post(f"{server.url}/api/rollouts", json={"plan": plan(name, **changes)}, headers=server.headers)
    assert answer.status_code == 201, answer.text
    address = f"{server.url}/api/rollouts/{name}"
    try:
        yield address
    finally:
        if httpx2.get(address, headers=server.headers).json()["phase"] != "rolled_back":
            over = {"reason": "The test is over."}
            assert httpx2.post(f"{address}/rollback", json=over, headers=server.headers).status_code == 200


def until(condition: Callable[[], Any], limit_s: float = LIMIT_S) -> Any:
    """What a condition gives as soon as it holds."""
    end = time.monotonic() + limit_s
    while not (found := condition()):
        assert time.monotonic() < end, "it did not come to hold in time"
        time.sleep(0.05)
    return found
