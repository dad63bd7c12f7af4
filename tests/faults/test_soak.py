"""The soak, small: the full one is `python -m tests.faults.soak`."""

import asyncio

from tests.faults.soak import soak


def test_nothing_is_left_behind_and_nothing_grows(full: bool) -> None:
    """Turns that are interrupted, and providers that fail, leave no task, handle, thread, worker or memory behind."""
    turns = 10_000 if full else 600
    seen = asyncio.run(soak(turns, turns // 20))
    growth = seen.growth()

    assert seen.failed == 0
    assert seen.interrupted > turns * 0.2
    assert seen.faults > turns * 0.03
    assert {name: value for name, value in growth.items() if value > 0 and name != "rss_mb"} == {}
    assert growth["rss_mb"] < 10
