"""How each provider stands, as plain values that need no further explanation."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from segue.clock import ManualClock
from segue.errors import FailureCategory
from segue.voice.attempt import LastError, Limits, Target
from segue.voice.breaker import Breaker, BreakerRules, Budget
from segue.voice.chain import Chain
from segue.voice.ports import About
from segue.voice.roster import Roster
from segue.voice.slots import Slots
from segue.voice.standing import OUT, READY, RESTING, TRIED, standing

RULES = BreakerRules(jitter=0.0)
LIMITS = Limits(4.0, 1.5, 60.0)


class Provider:
    """Something with a name and an origin."""

    about = About("acme", "m1", "2.0", "https://voice.example")


def target(name: str, **changes: Any) -> Target[Any]:
    """A provider in its place, ready unless changed."""
    return Target(name, Provider(), LIMITS, Breaker(RULES, since=100.0), Budget(), **changes)


def told(*targets: Target[Any], now: float = 130.0) -> dict[str, Mapping[str, Any]]:
    """How these stand, by name, in the order of the answer."""

    async def probe(_: Any) -> None:
        raise AssertionError("telling how things stand calls nobody")

    roster = Roster(Chain({each.name: each for each in targets}, ManualClock(), probe))
    return {each["name"]: each for each in standing("synthesizer", roster, now)}


def opened(name: str) -> Target[Any]:
    """A provider that was left alone at 120 s."""
    resting = target(name)
    resting.breaker.failed(120.0, 0.0, FailureCategory.AUTH)
    return resting


def test_a_ready_provider() -> None:
    """What it is, since when it is fine, its limits, and what it has done."""
    assert told(target("a", places=Slots(3), calls=7)) == {
        "a": {
            "name": "a",
            "role": "synthesizer",
            "state": READY,
            "reason": "no failures",
            "vendor": "acme",
            "model": "m1",
            "version": "2.0",
            "place": "https://voice.example",
            "breaker": {"state": "closed", "for_s": 30.0, "opened": 0, "rests_s": None, "failing_share": None},
            "limits": {"first_s": 4.0, "stall_s": 1.5, "total_s": 60.0, "at_once": 3},
            "calls": 7,
            "failures": 0,
            "running": 0,
            "last_error": None,
        }
    }


def test_providers_are_told_in_the_order_of_the_chain() -> None:
    """The first choice comes first, whatever its state."""
    assert list(told(opened("c"), target("a"), target("b"))) == ["c", "a", "b"]


def test_a_resting_provider() -> None:
    """Why it rests, since when, and how long it still will: never less than nothing."""
    stood = told(opened("a"), target("b"))["a"]
    assert (stood["state"], stood["reason"]) == (RESTING, "auth")
    assert stood["breaker"] == {
        "state": "open",
        "for_s": 10.0,
        "opened": 1,
        "rests_s": RULES.open_s - 10.0,
        "failing_share": None,
    }
    assert told(opened("a"), target("b"), now=500.0)["a"]["breaker"]["rests_s"] == 0.0


def test_who_is_alone_rests_for_a_shorter_time() -> None:
    """Where nobody else is ready the rest that is told is the short one that is really kept."""
    short = RULES.alone_s - 10.0
    assert told(opened("a"))["a"]["breaker"]["rests_s"] == short
    stood = told(opened("a"), opened("b"), target("c", out="set C_KEY"))
    assert [stood[name]["breaker"]["rests_s"] for name in "ab"] == [short, short]


def test_a_provider_that_is_tried_out() -> None:
    """Its rest over and asked for again, it is being tried until its breaker closes."""
    resting = opened("a")
    assert resting.breaker.admit_probe(120.0 + RULES.open_s).allowed
    stood = told(resting, now=181.0)["a"]
    assert (stood["state"], stood["breaker"]["state"], stood["breaker"]["rests_s"]) == (TRIED, "half_open", None)


def test_what_is_left_out_is_told_before_all_else() -> None:
    """A provider that cannot be used at all says what is missing, whatever its breaker says."""
    resting = opened("a")
    resting.out = "set A_KEY or `key`"
    stood = told(resting)["a"]
    assert (stood["state"], stood["reason"]) == (OUT, "set A_KEY or `key`")


def test_the_last_error_and_the_share_of_failing_calls() -> None:
    """The last error has its kind, its words and its time; the share counts the calls of the window."""
    failing = target("a", failures=1, last_error=LastError(FailureCategory.SERVER, "It broke.", 1_700_000_000.0))
    failing.breaker.failed(129.0, 0.0, FailureCategory.SERVER)
    failing.breaker.succeeded(129.5, 0.0)
    stood = told(failing)["a"]
    assert stood["last_error"] == {"category": "server", "message": "It broke.", "at": 1_700_000_000.0}
    assert stood["breaker"]["failing_share"] == 0.5
    assert (stood["state"], stood["failures"]) == (READY, 1)


@pytest.mark.parametrize("at_once", [None, 2])
async def test_what_is_running_is_known_only_where_it_is_limited(at_once: int | None) -> None:
    """Calls at once are counted where there is a limit to them; elsewhere there is no figure, not a zero."""
    limited = target("a", places=Slots(at_once) if at_once else None)
    if limited.places is None:
        stood = told(limited)["a"]
        assert (stood["running"], stood["limits"]["at_once"]) == (None, None)
        return
    async with limited.places.hold():
        stood = told(limited)["a"]
    assert (stood["running"], stood["limits"]["at_once"]) == (1, 2)


def test_everything_is_plain() -> None:
    """What is told can be sent as JSON as it stands."""
    failing = opened("a")
    failing.last_error = LastError(FailureCategory.AUTH, "refused", 1.0)
    assert json.loads(json.dumps(told(failing, target("b")))) == told(failing, target("b"))
