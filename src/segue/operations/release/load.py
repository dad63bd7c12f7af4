"""The load of a release, which its own limits must refuse in part, and the watch after it."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from segue.clock import Clock
from segue.console.ratelimit import Policy
from segue.operations.ports import Asking
from segue.operations.release import refusals, spike
from segue.operations.release.refusals import Attempt
from segue.operations.release.smoke import NEEDS, Wait, scraped
from segue.operations.release.visit import Visit, fetched, opened, sent
from segue.operations.report import Check, Level
from segue.operations.watching.scrape import Scrape
from segue.operations.watching.windows import Window, between

BEYOND = 5
"""So many messages more than the burst allows."""
MOST = 200
"""A load of more messages is too much for a server that others use."""
LOOKS = 20
"""So many looks in the time of the watch."""
LEAST_S = 0.25
PAUSE_S = 0.5
TRIES = 180
"""So often, so many seconds apart, it is asked whether a reply of the load is made."""
Tell = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Look:
    """One look of the watch: a message, and what was counted since the look before."""

    at_s: float
    """Seconds since the watch began."""
    took_ms: float
    status: int
    requests_per_s: float
    faults: float

    def as_dict(self) -> dict[str, float | int]:
        """As plain values, for the page."""
        return {
            "at_s": round(self.at_s, 3),
            "took_ms": round(self.took_ms, 1),
            "status": self.status,
            "per_s": round(self.requests_per_s, 2),
            "faults": self.faults,
        }


def loaded(
    asking: Asking, visit: Visit, clock: Clock, per_s: Mapping[str, float], wait: Wait
) -> tuple[tuple[Check, ...], list[dict[str, Any]]]:
    """Send more to one chat than its burst allows; the checks, and each message as plain values.

    `per_s` is how many a second each policy allows, as the configuration in force says.
    """
    chat = opened(asking, visit) if visit.key else ""
    if not chat:
        return _unknown(visit.trouble or "No chat could be opened."), []
    before = scraped(asking, clock)
    first, header = _attempt(asking, visit, chat, clock, 0)
    limits = refusals.policies(header, per_s)
    most = min((each.burst for each in limits), default=0)
    if not 0 < most <= MOST:
        why = f"The burst is {most}: a load that it refuses is too much for a server in use." if most else _NONE
        return _unknown(why), []
    attempts = [first, *(_attempt(asking, visit, chat, clock, number)[0] for number in range(1, most + BEYOND))]
    checks = refusals.judged(attempts, limits, _moved(before, scraped(asking, clock), limits))
    for attempt in attempts:
        _ended(asking, visit, attempt.run, wait)
    return checks, [each.as_dict(first.sent_us) for each in attempts]


def watched(
    asking: Asking, visit: Visit, clock: Clock, minutes: float, wait: Wait, tell: Tell
) -> tuple[tuple[Check, ...], list[dict[str, Any]]]:
    """Look at the metrics again and again, with a message at each look; the checks, and each look as plain values."""
    every_s = max(minutes * 60.0 / LOOKS, LEAST_S)
    looks = max(1, math.ceil(minutes * 60.0 / every_s))
    chat = opened(asking, visit) if visit.key else ""
    windows: list[Window] = []
    seen: list[Look] = []
    before, began = scraped(asking, clock), clock.now()
    for number in range(1, looks + 1):
        tell(number - 1, looks, "Watching for server faults")
        answer = sent(asking, visit, chat, f"{visit.name}-watch-{number}", wait=True) if chat else None
        fetched(asking, "GET", "/api/ready")
        wait(max(0.0, began + number * every_s - clock.now()))
        after = scraped(asking, clock)
        took_ms, status = (answer.took_ms, answer.status) if answer is not None else (0.0, 0)
        rate, faults = 0.0, 0.0
        if isinstance(before, Scrape) and isinstance(after, Scrape):
            window = between(before, after)
            windows.append(window)
            rate, faults = spike.asked([window]) / max(window.long_s, 1e-3), sum(spike.faults([window]).values())
        seen.append(Look(clock.now() - began, took_ms, status, rate, faults))
        before = after if isinstance(after, Scrape) else before
    tell(looks, looks, "Watching for server faults")
    checks = spike.judged(windows, minutes, [each.status for each in seen], looks)
    return checks, [each.as_dict() for each in seen]


def _attempt(asking: Asking, visit: Visit, chat: str, clock: Clock, number: int) -> tuple[Attempt, str]:
    """One message of the load, and the policies that its answer names."""
    sent_us = round(clock.now() * 1e6)
    answer = sent(asking, visit, chat, f"{visit.name}-load-{number}", wait=False)
    answered_us, plain = round(clock.now() * 1e6), answer.plain()
    policy = str(plain.get("policy", "")) if isinstance(plain, dict) and not answer.ok else ""
    run = answer.headers.get("x-segue-run", "") if answer.ok else ""
    attempt = Attempt(sent_us, answered_us, answer.status, policy, run)
    return attempt, answer.headers.get("ratelimit-policy", "")


def _ended(asking: Asking, visit: Visit, run: str, wait: Wait) -> None:
    """Wait until a reply is made, so that the watch does not begin with those of the load."""
    for _ in range(TRIES):
        answer = fetched(asking, "GET", f"/api/runs/{run}", key=visit.key) if run else None
        if answer is None or not answer.ok or answer.plain().get("state") != "running":
            return
        wait(PAUSE_S)


def _moved(before: Scrape | str, after: Scrape | str, limits: Iterable[Policy]) -> float | None:
    """By how much the server's counters of these limits moved."""
    if isinstance(before, str) or isinstance(after, str):
        return None
    counted = between(before, after)
    return sum(counted.total("segue_rate_limited_total", policy=each.name) for each in limits)


def _unknown(why: str) -> tuple[Check, ...]:
    return tuple(Check(name, Level.NOT_MEASURED, why, hint=NEEDS) for name in ("load.refused", "load.counted"))


_NONE = "The answer to a message names no rate limit (`RateLimit-Policy`)."
