"""Which provider next: the course of one errand through a chain, as a table of what is said at each step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.errors import FailureCategory
from segue.voice.breaker import Admission
from segue.voice.fallback import PASSING, FallbackRules, GiveUp, Try, Walk

OPEN_DOOR = Admission(True, "closed")
RESTING = Admission(False, "5 failures in a row", after_s=40.0)
RULES = FallbackRules()


def step(
    walk: Walk,
    admissions: Mapping[str, Admission] | None = None,
    spent: Sequence[str] = (),
    luck: float = 0.5,
) -> Try | GiveUp:
    """The next step, where all breakers are closed and all budgets have room but for those named."""
    suitable = [name for name in walk.order if name not in walk.unsuitable]
    doors = dict.fromkeys(suitable, OPEN_DOOR) | dict(admissions or {})
    return walk.next(doors, {name: name not in spent for name in walk.order}, luck)


def asked(found: Try | GiveUp) -> str:
    """Who is asked."""
    assert isinstance(found, Try), found
    return found.name


def test_the_order_of_the_chain_is_the_order_of_preference() -> None:
    """The first choice is asked first; after each failure the next one at once, with why those before it do not."""
    walk = Walk("abc")
    assert step(walk) == Try("a", "first choice")
    walk.failed("a", FailureCategory.TIMEOUT)
    assert step(walk) == Try("b", "a: timeout")
    walk.failed("b", FailureCategory.SERVER)
    assert step(walk) == Try("c", "a: timeout; b: server")


def test_who_cannot_is_never_asked() -> None:
    """A provider that is unsuitable is passed by, with the reason, and is not missed when its breaker is unknown."""
    walk = Walk("abc", {"a": "no_language"})
    assert step(walk) == Try("b", "a: no_language")
    walk.failed("b", FailureCategory.AUTH)
    assert step(walk) == Try("c", "a: no_language; b: auth")
    assert step(Walk("ab", {"a": "no_voice", "b": "set B_KEY"})) == GiveUp("none can do it (a: no_voice; b: set B_KEY)")


def test_who_rests_is_left_alone() -> None:
    """An open breaker is passed by; a half open one is asked only as a probe that its breaker allowed."""
    walk = Walk("ab")
    assert step(walk, {"a": RESTING}) == Try("b", "a: 5 failures in a row")
    assert step(walk, {"a": Admission(True, "half open", probe=True)}) == Try("a", "first choice", probe=True)


def test_a_broken_connection_is_opened_again_at_once() -> None:
    """Where a connection broke before anything came the same provider is asked again, almost at once, and only once."""
    walk = Walk("ab")
    walk.failed("a", FailureCategory.NETWORK)
    found = step(walk, luck=1.0)
    assert found == Try("a", "its connection broke", wait_s=RULES.at_once_s, repeat=True)
    assert step(walk, luck=0.0) == replace(found, wait_s=0.0)
    walk.failed("a", FailureCategory.NETWORK)
    assert asked(step(walk)) == "b"
    walk.failed("b", FailureCategory.NETWORK)
    assert asked(step(walk)) == "b"


@pytest.mark.parametrize(
    ("category", "anything_came", "spent", "admission"),
    [
        (FailureCategory.NETWORK, True, "", OPEN_DOOR),
        (FailureCategory.NETWORK, False, "a", OPEN_DOOR),
        (FailureCategory.NETWORK, False, "", RESTING),
        (FailureCategory.SERVER, False, "", OPEN_DOOR),
        (FailureCategory.TRUNCATED, False, "", OPEN_DOOR),
    ],
    ids=["something came", "budget spent", "breaker opened", "server error", "cut"],
)
def test_what_is_not_worth_asking_again_at_once(
    category: FailureCategory, anything_came: bool, spent: str, admission: Admission
) -> None:
    """After anything else than a connection that gave nothing the listener goes to the next provider."""
    walk = Walk("ab")
    walk.failed("a", category, anything_came=anything_came)
    assert asked(step(walk, {"a": admission}, spent)) == "b"


@pytest.mark.parametrize("category", list(FailureCategory))
def test_only_a_passing_failure_gets_a_second_round(category: FailureCategory) -> None:
    """When all had their turn, whose failure may have passed is asked once more, after a pause drawn by chance."""
    walk = Walk("a")
    walk.failed("a", category, "it broke", anything_came=True)
    found = step(walk, luck=0.25)
    if category in PASSING:
        wait_s = 0.25 * RULES.backoff_s
        assert found == Try("a", f"once more after {category.value}", wait_s=wait_s, repeat=True)
        walk.failed("a", category, "it broke again", anything_came=True)
        found = step(walk)
        assert found == GiveUp("a: it broke; a: it broke again")
    else:
        assert found == GiveUp("a: it broke")


def test_a_silent_provider_is_not_waited_for_twice() -> None:
    """Who was silent will be silent: a timeout is not a passing failure."""
    assert FailureCategory.TIMEOUT not in PASSING


def test_the_second_round_begins_with_who_can_be_asked_soonest() -> None:
    """Of those who may do better the second time the one with the shortest wait comes first."""
    walk = Walk("abc")
    walk.failed("a", FailureCategory.RATE_LIMIT, retry_after_s=2.0)
    walk.failed("b", FailureCategory.AUTH)
    walk.failed("c", FailureCategory.SERVER)
    assert step(walk, luck=0.5) == Try("c", "once more after server", wait_s=0.5 * RULES.backoff_s, repeat=True)
    walk.failed("c", FailureCategory.TIMEOUT)
    assert step(walk, luck=0.0) == Try("a", "once more after rate_limit", wait_s=2.0, repeat=True)


def test_a_provider_is_not_asked_before_it_wants_to_be() -> None:
    """The wait is no shorter than what the provider or its breaker says, the draw comes on top of it."""
    walk = Walk("a")
    walk.failed("a", FailureCategory.RATE_LIMIT, retry_after_s=1.0)
    soon = Admission(False, "it asked to be left alone", after_s=2.0)
    found = step(walk, {"a": soon}, luck=0.5)
    assert isinstance(found, Try)
    assert found.wait_s == 2.0 + 0.5 * RULES.backoff_s
    shut = replace(soon, after_s=0.5)
    found = step(walk, {"a": shut}, luck=0.5)
    assert isinstance(found, Try)
    assert found.wait_s == 1.0 + 0.5 * RULES.backoff_s


def test_patience_and_budget_end_the_second_round() -> None:
    """Nobody waits longer than a listener bears, and no repeat is made that the budget has no room for."""
    walk = Walk("a")
    walk.failed("a", FailureCategory.RATE_LIMIT, "slow down", retry_after_s=RULES.patience_s + 0.1)
    assert step(walk, luck=0.0) == GiveUp("a: slow down")
    assert step(walk, {"a": RESTING}, luck=0.0) == GiveUp("a: slow down", after_s=40.0)

    walk = Walk("a")
    walk.failed("a", FailureCategory.SERVER)
    assert step(walk, spent="a") == GiveUp("a: server")


def test_giving_up_names_everybody_and_a_time() -> None:
    """Who failed is told with its words, who rests with its breaker's reason, and when the first can be asked again."""
    walk = Walk("abc", {"c": "no_voice"})
    walk.failed("a", FailureCategory.TIMEOUT, "a gave no audible audio within 4 s.")
    found = step(walk, {"a": replace(RESTING, after_s=55.0), "b": RESTING})
    assert found == GiveUp(
        "a: a gave no audible audio within 4 s.; b is resting (5 failures in a row)", after_s=RESTING.after_s
    )


NAMES = "abcd"
ADMISSIONS = st.builds(
    Admission, st.booleans(), st.just("…"), probe=st.booleans(), after_s=st.floats(0.0, 100.0, allow_nan=False)
)


@dataclass(frozen=True)
class Turn:
    """What the world says at one step, and how the attempt fails that follows from it."""

    admissions: dict[str, Admission]
    spare: dict[str, bool]
    luck: float
    category: FailureCategory
    retry_after_s: float | None
    anything_came: bool


TURNS = st.builds(
    Turn,
    admissions=st.fixed_dictionaries(dict.fromkeys(NAMES, ADMISSIONS)),
    spare=st.fixed_dictionaries({name: st.booleans() for name in NAMES}),
    luck=st.floats(0.0, 1.0),
    category=st.sampled_from(FailureCategory),
    retry_after_s=st.none() | st.floats(0.0, 10.0),
    anything_came=st.booleans(),
)


@given(
    order=st.permutations(NAMES),
    unsuitable=st.sets(st.sampled_from(NAMES)),
    tries_each=st.integers(1, 3),
    turns=st.lists(TURNS, min_size=13, max_size=13),
)
def test_every_walk_ends(order: list[str], unsuitable: set[str], tries_each: int, turns: list[Turn]) -> None:
    """Whatever happens, nobody unsuitable and nobody too often is asked; repeats keep to patience and budget."""
    rules = FallbackRules(tries_each=tries_each)
    walk = Walk(order, dict.fromkeys(unsuitable, "no_voice"), rules)
    for turn in turns:
        found = walk.next(turn.admissions, turn.spare, turn.luck)
        if isinstance(found, GiveUp):
            break
        mine = [failure for failure in walk.failures if failure.name == found.name]
        assert found.name not in unsuitable
        assert len(mine) < tries_each
        assert found.repeat == bool(mine)
        assert 0.0 <= found.wait_s <= rules.patience_s
        if found.repeat:
            assert turn.spare[found.name]
            assert {failure.category for failure in mine} & PASSING
        else:
            assert found.wait_s == 0.0
            assert turn.admissions[found.name].allowed
            met = {failure.name for failure in walk.failures} | unsuitable
            before = [name for name in order[: order.index(found.name)] if name not in met]
            assert not any(turn.admissions[name].allowed for name in before), "an earlier choice was passed over"
        walk.failed(found.name, turn.category, retry_after_s=turn.retry_after_s, anything_came=turn.anything_came)
    else:
        raise AssertionError("the walk did not end")
    assert found.reason
    assert found.after_s >= 0.0
