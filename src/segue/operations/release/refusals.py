"""How many messages rate limits must have refused, from when they were sent and answered. Values and rules only.

The server decided each at a moment between the two. So there is a fewest and a most; where all was quick, they are one.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from segue.console.ratelimit import Policy, decide
from segue.operations.report import Check, Figure, Level

_POLICY = re.compile(r'"([a-z]+)";q=(\d+);w=(\d+)')
RUNS = "runs"
"""Refuses those who have too many replies under way; what it refuses counts against no rate."""
HINT = "Compare the settings of rate_limits with what the documents promise; look at who else was refused meanwhile."


@dataclass(frozen=True, slots=True)
class Attempt:
    """A message of the load. Times in whole microseconds of one clock."""

    sent_us: int
    answered_us: int
    status: int
    policy: str = ""
    """Which limit refused it."""
    run: str = ""
    """The run that it began."""

    def as_dict(self, began_us: int) -> dict[str, float | int]:
        """As plain values, its time counted from the beginning."""
        took_ms = round((self.answered_us - self.sent_us) / 1000.0, 1)
        return {"at_s": round((self.sent_us - began_us) / 1e6, 4), "took_ms": took_ms, "status": self.status}


def policies(header: str, told: Mapping[str, float]) -> tuple[Policy, ...]:
    """The policies that the header `RateLimit-Policy` names; `told` is how many a second each allows, where known.

    The header has the window in whole seconds; without `told` a second less would be possible too.
    """
    found = []
    for name, burst, window_s in _POLICY.findall(header):
        found.append(Policy(name, told.get(name) or int(burst) / max(1, int(window_s)), int(burst)))
    return tuple(found)


def expected(attempts: Sequence[Attempt], limits: Iterable[Policy]) -> tuple[int, int]:
    """The fewest and the most of these attempts that the limits refuse, if all of them was free before."""
    wanted = [(each.name, each) for each in limits]
    first, rest = attempts[0], attempts[1:]
    slow = [first.sent_us, *(each.answered_us for each in rest)]
    quick = [first.answered_us, *(each.sent_us for each in rest)]
    return _refused(slow, wanted), _refused(quick, wanted)


def _refused(moments: Iterable[int], wanted: Sequence[tuple[str, Policy]]) -> int:
    arrivals: Mapping[str, int] = {}
    refused, now_us = 0, 0
    for moment_us in moments:
        now_us = max(now_us, moment_us)
        said, arrivals = decide(arrivals, wanted, now_us)
        refused += not said.allowed
    return refused


def judged(attempts: Sequence[Attempt], limits: Sequence[Policy], counted: float | None) -> tuple[Check, Check]:
    """The checks `load.refused` and `load.counted`; `counted` is by how much the server's counter moved."""
    busy = len(attempts)
    attempts = [each for each in attempts if each.policy != RUNS]  # those were given back to the limits
    busy -= len(attempts)
    refused = sum(each.status == 429 for each in attempts)
    odd = sorted({each.status for each in attempts} - {200, 202, 429})
    fewest, most = expected(attempts, limits)
    lasted_s = (attempts[-1].answered_us - attempts[0].sent_us) / 1e6
    figures: dict[str, Figure] = {"sent": len(attempts), "refused": refused, "fewest": fewest, "most": most}
    figures |= {"lasted_s": round(lasted_s, 3), "busy": busy}
    must = f"exactly {fewest}" if fewest == most else f"{fewest} to {most}"
    told = f"{refused} of {len(attempts)} messages were refused within {lasted_s:.2f} s; the limits say {must}"
    if odd:
        others = ", ".join(map(str, odd))
        first = Check("load.refused", Level.FAIL, f"{told}, and some were answered {others}.", figures, HINT)
    else:
        level = Level.PASS if fewest <= refused <= most else Level.FAIL
        first = Check("load.refused", level, f"{told}.", figures, "" if level is Level.PASS else HINT)
    return first, _counted(refused, counted)


def _counted(refused: int, counted: float | None) -> Check:
    sample = "segue_rate_limited_total"
    if counted is None:
        return Check("load.counted", Level.NOT_MEASURED, f"{sample} cannot be read before and after the load.")
    figures = {"counted": counted, "refused": refused}
    told = f"{sample} moved by {counted:.0f}, and {refused} were refused"
    if counted < refused:
        hint = "Is /metrics that of the server which was asked?"
        return Check("load.counted", Level.FAIL, f"{told}: refusals are not counted.", figures, hint)
    if counted > refused:
        return Check("load.counted", Level.WARN, f"{told}: others were refused too, or it counts twice.", figures, HINT)
    return Check("load.counted", Level.PASS, f"{told}.", figures)
