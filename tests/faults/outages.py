"""What time and numbers show: a server that dies for a minute, one that always fails, and nobody left but espeak."""

import asyncio
import time
import uuid
from collections.abc import Mapping
from typing import Any

from segue.records import Served
from tests.faults.callers import DONE, Callers
from tests.faults.trial import Result, Scenario, whole
from tests.faults.wall import BRIEFLY, SYNTHESIZERS, Terms, Wall, WallScript
from tests.vendors.script import Fault

SCALE = 20.0
"""So much faster goes everything in the small run; a full run is in real time."""
DEAD_S, EVERY_S, REQUESTS = 60.0, 4.0, 20
MOST_ATTEMPTS = 6
BACK_S = 30.0
STORM, STORM_S = 200, 4.0
SHARE, FLOOR = 0.2, 2
"""How many calls may be repeats: this share of the first ones, and so many besides in ten seconds."""
BY_ESPEAK_MS = 500.0
"""The least that espeak takes for a sentence of six words."""
NO_BREAKER = {"in_a_row": 100_000, "least": 100_000}


def scale(terms: Terms) -> float:
    """How much faster than real time."""
    return 1.0 if terms.full else SCALE


def patient(terms: Terms) -> Mapping[str, Any]:
    """The breaker as shipped, on the scaled clock."""
    factor = scale(terms)
    return {"breaker": {"open_s": 60.0 / factor, "alone_s": 12.0 / factor, "window_s": 300.0 / factor}}


def trusting() -> Mapping[str, Any]:
    """No breaker, so that the retry budget alone keeps calls down; and the budget as shipped."""
    return {"breaker": NO_BREAKER, "retry_share": SHARE}


def _flap(name: str, title: str, script: Mapping[str, Any]) -> Scenario:
    async def play(wall: Wall, callers: Callers, result: Result) -> None:
        """All callers are served, the dead server is left alone, and it is used again soon after it is well."""
        factor, began = scale(wall.terms), time.monotonic()
        primary = wall["primary"]
        primary.script = WallScript(**script)
        dead_until = began + DEAD_S / factor
        served, back_s, number = 0, None, 0
        while back_s is None and time.monotonic() < dead_until + 2 * BACK_S / factor + wall.terms.grace_s:
            await asyncio.sleep(max(0.0, began + number * EVERY_S / factor - time.monotonic()))
            if time.monotonic() >= dead_until and primary.script.fault is not None:
                wall.heal()
            got = await callers.complete(f"{uuid.uuid4().hex}?", stream=True)
            result.runs += 1
            served += got.ended == DONE and got.whole and number < REQUESTS
            result.wrong += got.flaws()
            if got.model == "primary-1":
                result.require(time.monotonic() >= dead_until, "the dead server is said to have answered")
                back_s = time.monotonic() - dead_until
            number += 1
        result.require(served == REQUESTS, f"{served} of the first {REQUESTS} were served")
        attempts = sum(began <= at < dead_until for at, _ in primary.calls())
        result.require(1 <= attempts <= MOST_ATTEMPTS, f"the dead server was asked {attempts} times")
        result.limit_s = BACK_S / factor
        result.took(back_s if back_s is not None else float("inf"))
        late_s = 0.0 if wall.terms.full else 1.0  # a busy machine does not run faster with the clock
        result.require(result.took_s <= result.limit_s + late_s, f"it is back after {result.took_s} s")
        result.note(f"{served} of {REQUESTS} whole replies; the dead server was asked {attempts} times")
        result.note(f"back {result.took_s:g} s after it was well")

    return Scenario(name, title, play, expected=f"all {REQUESTS} served, at most {MOST_ATTEMPTS} calls while dead")


def _storm(name: str, title: str, storm_s: float, script: Mapping[str, Any]) -> Scenario:
    async def play(wall: Wall, callers: Callers, result: Result) -> None:
        """A server that always fails is not drowned in repeats, by its own log."""
        lonely = wall["lonely"]
        lonely.script = WallScript(fault=Fault.SERVER, **script)
        full = wall.terms.full
        requests = STORM if full else STORM // 4
        names, began = [uuid.uuid4().hex for _ in range(requests)], time.monotonic()
        every_s = storm_s / requests / (1.0 if full else 2.0)

        async def ask(number: int, name: str) -> None:
            await lonely.clock.sleep(max(0.0, began + number * every_s - time.monotonic()))
            got = await callers.complete(f"{name}?", "quality", stream=False)
            result.runs += 1
            result.note(whole(got))
            result.took(got.total_s)
            result.require(got.status in {502, 504}, f"it ended as {got.ended} {got.status}")

        await asyncio.gather(*(ask(number, name) for number, name in enumerate(names)))
        calls = [len(lonely.calls(name)) for name in names]
        # On a machine that is too busy a request may run out of time before the server is asked.
        extra, most = sum(max(0, asked - 1) for asked in calls), SHARE * requests + FLOOR
        result.require(calls.count(0) <= requests // 4, f"{calls.count(0)} requests did not reach the server")
        result.require(0 < extra <= most, f"{extra} repeats for {requests} requests, not {most:g} at most")
        result.note(f"{extra} repeats for {requests} requests")

    expected = f"at most {SHARE:.0%} of the requests, and {FLOOR} besides, are repeated"
    return Scenario(name, title, play, expected=expected)


async def _espeak(wall: Wall, callers: Callers, result: Result) -> None:
    """Where nobody else can speak, the synthesizer that needs no network does."""
    for name in SYNTHESIZERS:
        wall[name].script = WallScript(fault=Fault.SERVER)
    got = await callers.listen(f"{BRIEFLY}{uuid.uuid4().hex}?")
    result.runs += 1
    result.note(whole(got))
    result.took(got.first_s or got.total_s)
    result.require(got.ended == DONE and got.whole and got.ends == 1, f"it ended as {got.ended}: {got.text!r}")
    for seq in range(len(got.due)):
        length_ms = len(got.sounds.get(seq, b"")) / 48.0
        result.require(got.speakers.get(seq) == {"espeak"}, f"sentence {seq} is of {got.speakers.get(seq)}")
        result.require(length_ms >= BY_ESPEAK_MS, f"sentence {seq} took {length_ms:.0f} ms")
    result.require(("fallback", "espeak") in got.degraded, f"told {got.degraded}")
    record = await wall.record(got.turn)
    result.require(record.served is Served.FALLBACK, f"record: served {record.served}")


FLAPS = [
    _flap("flap", "503 for 60 s, a request every 4 s", {"fault": Fault.SERVER, "status": 503}),
    _flap("flap-reset", "every connection is reset for 60 s, a request every 4 s", {"fault": Fault.RESET}),
]
ALWAYS = f"500 on every call, {STORM} requests"
STORMS = [
    _storm("storm", f"{ALWAYS} in {STORM_S:g} s, no other model, no breaker", STORM_S, {}),
    _storm("storm-at-once", f"{ALWAYS} at the same time, no other model, no breaker", 0.0, {"delay_s": 0.5}),
    Scenario("espeak", "both synthesizers: 500; espeak is the last of the chain", _espeak, expected="espeak speaks"),
]
