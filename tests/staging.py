"""Chains of providers as tests need them: in the order in which they are given, with nothing drawn by chance."""

import random
from typing import Any

from segue.clock import Clock
from segue.voice.attempt import Limits, Target
from segue.voice.breaker import Breaker, Budget
from segue.voice.chain import Chain
from segue.voice.roster import Roster

WRITING = Limits(5.0, 2.0, 600.0, "token")
SPEAKING = Limits(4.0, 1.5, 60.0)
HEARING = Limits(60.0, 60.0, 60.0, "transcript")


async def nobody_is_tried_out(_: Any) -> None:
    """A probe for chains in which nobody rests long enough to need one."""
    raise AssertionError("nobody was to be tried out")


def roster(clock: Clock, limits: Limits, *providers: Any) -> Roster[Any]:
    """These providers as a chain, each under its own name; there may be none."""
    targets = {each.name: Target(each.name, each, limits, Breaker(since=clock.now()), Budget()) for each in providers}
    chance = random.Random(1)  # noqa: S311 - the same course each time
    return Roster(Chain(targets, clock, nobody_is_tried_out, chance=chance), {"": tuple(targets)})
