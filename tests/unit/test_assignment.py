"""Who hears what: a pure function, sticky, monotone, and the same on every machine."""

import math
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segue.routing import BASIS, Arm, Cohort, Exposure, Reason, Restrictions, RoutingTable, Variant, bucket, restrict
from segue.voice.assignment import Assignment, Session, assign

BASELINE, CANDIDATE = Variant("steady"), Variant("new")
LISTENERS = [f"listener-{number}" for number in range(100_000)]
PAGE = Path(__file__).parents[2] / "docs/reference/assignment.md"

names = st.text(min_size=1, max_size=20)
shares = st.integers(0, BASIS)


def table(share_bp: int = 5000, **changes: object) -> RoutingTable:
    """A table with a running rollout."""
    exposure = Exposure("voice/1", 2, CANDIDATE, share_bp, salt="voice")
    return RoutingTable(7, BASELINE, replace(exposure, **changes))  # type: ignore[arg-type]


def hears(listener: str, share_bp: int, **asked: object) -> bool:
    """Whether a listener is given the candidate."""
    return assign(listener, table(share_bp), **asked).variant is CANDIDATE  # type: ignore[arg-type]


def vectors() -> list[tuple[str, str, str, int]]:
    """The golden vectors of the reference page: salt, listener, the hash in hexadecimal digits, bucket."""
    rows = re.findall(r"^\| `(.*?)` \| `(.*?)` \| `([0-9a-f]{16})` \| (\d+) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    return [(salt, listener, digest, int(number)) for salt, listener, digest, number in rows]


def test_the_golden_vectors_hold() -> None:
    """The buckets that are published, so that others can draw as Segue does, are those it draws."""
    assert len(vectors()) >= 10
    for salt, listener, digest, number in vectors():
        assert (bucket(salt, listener), int(digest, 16) * BASIS // 2**64) == (number, number), (salt, listener)


def test_the_share_ends_where_it_says() -> None:
    """A share of so many basis points is that many buckets and not one more: of none, nobody, of all, everybody."""
    for number in (0, 1, 4999, BASIS - 1):
        listener = next(name for name in LISTENERS if bucket("voice", name) == number)
        assert not hears(listener, number)
        assert hears(listener, number + 1)


def test_without_a_rollout_everybody_gets_the_baseline() -> None:
    """The reason says whether there was anybody to draw; nothing is counted on a side."""
    plain = RoutingTable(3, BASELINE)

    assert assign("a", plain) == Assignment(BASELINE, Reason.NO_ROLLOUT)
    assert assign(None, plain) == Assignment(BASELINE, Reason.NO_LISTENER)


def test_nobody_is_drawn_without_a_name() -> None:
    """Without a listener it is the baseline, left out of the evidence, whatever the share."""
    found = assign(None, table(BASIS))
    assert found == Assignment(BASELINE, Reason.NO_LISTENER, "", "voice/1", 2)


def test_the_assignment_says_where_the_turn_belongs() -> None:
    """A drawn listener is told the rollout, the stage, the side and why."""
    assert assign("a", table(BASIS)) == Assignment(CANDIDATE, Reason.SHARE, "candidate", "voice/1", 2, own_voice=True)
    assert assign("a", table(0)) == Assignment(BASELINE, Reason.SHARE, "baseline", "voice/1", 2)


@given(names, shares, shares)
def test_nobody_leaves_the_candidate_while_the_share_grows(listener: str, one: int, other: int) -> None:
    """Whoever hears the candidate at a share hears it at every greater one."""
    small, great = sorted((one, other))
    assert hears(listener, great) or not hears(listener, small)


@given(st.sets(names, min_size=2, max_size=50), st.lists(shares, min_size=2, max_size=6))
def test_who_came_first_leaves_last(listeners: set[str], course: list[int]) -> None:
    """While the share shrinks, nobody who came in earlier leaves before one who came in later."""
    rising = sorted(course)
    came = {
        listener: next((step for step, share in enumerate(rising) if hears(listener, share)), len(rising))
        for listener in listeners
    }
    for share in reversed(rising):
        inside = [came[listener] for listener in listeners if hears(listener, share)]
        outside = [came[listener] for listener in listeners if not hears(listener, share)]
        assert not inside or not outside or max(inside) < min(outside)


@pytest.mark.parametrize("share_bp", [100, 500, 1000, 2500, 5000, 9500])
def test_the_realised_share_is_the_share(share_bp: int) -> None:
    """Of 100,000 listeners within 4 standard deviations of the share hear the candidate, with names that are alike."""
    share, n = share_bp / BASIS, len(BUCKETS)
    heard = sum(number < share_bp for number in BUCKETS)
    assert abs(heard - n * share) <= 4 * math.sqrt(n * share * (1 - share))


BUCKETS = [bucket("voice", listener) for listener in LISTENERS]


def test_salts_draw_independently() -> None:
    """Two salts cut listeners in ten each, and none of the hundred cells is favoured (chi-square)."""
    cells = [0] * 100
    for listener, one in zip(LISTENERS, BUCKETS, strict=True):
        cells[one // 1000 * 10 + bucket("model", listener) // 1000] += 1
    expected = len(LISTENERS) / 100
    chi_square = sum((count - expected) ** 2 / expected for count in cells)
    assert chi_square < 153  # exceeded by chance by one pair of salts in 2,500


def test_three_characters_at_a_quarter() -> None:
    """The share is applied to the cohort: a quarter inside it, and nobody outside."""
    cohort = Cohort(characters=("pip_boy", "vault_dweller", "wasteland_trader"))
    quarter, few = table(2500, cohort=cohort), LISTENERS[:20_000]
    inside = [assign(each, quarter, character="pip_boy") for each in few]
    outside = [assign(each, quarter, character="narrator") for each in few[:1000]]
    nobody = [assign(each, quarter) for each in few[:1000]]

    heard = sum(found.arm == Arm.CANDIDATE for found in inside)
    assert abs(heard - 5000) <= 4 * math.sqrt(20_000 * 0.25 * 0.75)
    assert {(found.reason, found.arm, found.variant) for found in outside + nobody} == {(Reason.OUTSIDE, "", BASELINE)}


@pytest.mark.parametrize("condition", ["characters", "languages", "listeners"])
@given(listener=names, character=names, language=st.sampled_from(["en", "uk", "ru", "zh"]))
@settings(max_examples=20)
def test_an_empty_list_is_nobody(condition: str, listener: str, character: str, language: str) -> None:
    """A condition that names nobody lets nobody in, at whatever share."""
    cohort = Cohort(**{condition: ()})
    found = assign(listener, table(BASIS, cohort=cohort), character=character, language=language)
    assert (found.variant, found.reason) == (BASELINE, Reason.OUTSIDE)


def test_a_dropped_character_speaks_as_the_baseline() -> None:
    """A character that alone broke is out for everybody, sessions included, and no longer counted."""
    dropped = table(BASIS, dropped=("nick",))
    held = Session("s", "voice/1", "candidate")

    assert assign("a", dropped, character="nick", session=held).reason is Reason.DROPPED
    assert assign("a", dropped, character="nick").arm == ""
    assert assign("a", dropped, character="other").variant is CANDIDATE


@given(names, shares, st.sampled_from(list(Arm)))
def test_a_session_keeps_its_arm_while_the_share_changes(listener: str, share: int, arm: Arm) -> None:
    """Whatever the share becomes, short of nobody, a session of this attempt stays on its side."""
    found = assign(listener, table(max(share, 1)), session=Session("s", "voice/1", arm.value))
    assert (found.arm, found.reason) == (arm.value, Reason.SESSION)


@given(names, shares)
def test_a_session_of_another_attempt_is_drawn_anew(listener: str, share: int) -> None:
    """An arm of an earlier attempt, or of none, says nothing."""
    plain = assign(listener, table(share))
    for session in (Session("s", "voice/2", "candidate"), Session("s", "", ""), Session("s", "voice/1", "")):
        assert assign(listener, table(share), session=session) == plain


def test_after_a_rollback_no_session_hears_the_candidate() -> None:
    """With the exposure gone, or a share of nobody, the next reply is the baseline's."""
    held = Session("s", "voice/1", "candidate")

    assert assign("a", RoutingTable(8, BASELINE), session=held).variant is BASELINE
    assert assign("a", table(0), session=held).variant is BASELINE


restrictions = st.builds(
    Restrictions,
    enabled=st.booleans(),
    share_bp=shares,
    characters=st.none() | st.lists(st.sampled_from(["a", "b", "c"]), max_size=3).map(tuple),
    fallback=st.booleans(),
)
asks = st.tuples(names, st.sampled_from([None, "a", "b", "c"]), st.none() | st.sampled_from(list(Arm)))


@given(restrictions, restrictions, shares, asks)
@settings(max_examples=300)
def test_restrictions_only_restrict(
    first: Restrictions, second: Restrictions, share: int, ask: tuple[str, str | None, Arm | None]
) -> None:
    """Under restrictions nobody gets the candidate who would not without; a second one gives nothing back."""
    listener, character, arm = ask
    session = Session("s", "voice/1", arm.value) if arm else None
    free = table(share, cohort=Cohort(characters=("a", "b")))
    once = restrict(free, first)
    heard = [
        assign(listener, each, character=character, session=session).variant.name == CANDIDATE.name
        for each in (free, once, restrict(once, second))
    ]
    assert heard == sorted(heard, reverse=True)
    assert restrict(once, first) == once


@given(restrictions, shares, asks)
def test_what_is_held_back_is_left_out(
    restricted: Restrictions, share: int, ask: tuple[str, str | None, Arm | None]
) -> None:
    """A turn that a restriction decided is on no side, and every other is as it would be without."""
    listener, character, arm = ask
    session = Session("s", "voice/1", arm.value) if arm else None
    free = assign(listener, table(share), character=character, session=session)
    found = assign(listener, restrict(table(share), restricted), character=character, session=session)
    if found.reason is Reason.RESTRICTED:
        assert (found.arm, found.variant) == ("", BASELINE)
    else:
        assert (found.arm, found.reason) == (free.arm, free.reason)


@pytest.mark.parametrize(("share", "allowed"), [(5000, 1000), (9500, 5000), (BASIS, 2000), (5000, 5000), (500, 0)])
def test_a_machine_with_a_smaller_share_keeps_the_proportion_of_the_arms(share: int, allowed: int) -> None:
    """What a machine may not show is left out of both arms alike, so that it does not look like a wrong draw."""
    restricted = restrict(table(share), Restrictions(share_bp=allowed))
    arms = Counter(assign(f"listener-{number}", restricted).arm for number in range(20_000))
    counted = arms["candidate"] + arms["baseline"]
    assert counted == pytest.approx(20_000 * allowed / share if allowed < share else 20_000, rel=0.05)
    assert arms["candidate"] == pytest.approx(counted * share / BASIS, rel=0.05)


@pytest.mark.parametrize(
    ("change", "counted"),
    [
        ({}, {"chat", "read out", "named"}),
        ({"model": "big"}, {"chat", "named"}),
        ({"streaming": False}, {"chat", "named"}),
        ({"synthesizer": "other"}, {"chat", "read out"}),
        ({"voice": "other"}, {"chat", "read out"}),
        ({"voice": "other", "model": "big"}, {"chat", "read out", "named"}),
        ({"fallback": False}, {"chat", "read out", "named"}),
    ],
)
def test_only_turns_that_a_variant_can_change_are_counted(change: dict[str, object], counted: set[str]) -> None:
    """What is served alike by both variants says nothing about either, and is left out of the evidence."""
    candidate = replace(BASELINE, name="new", **change)  # type: ignore[arg-type]
    asks = {"chat": {}, "read out": {"written": False}, "named": {"named": True}}
    found = {how: assign("a", table(BASIS, candidate=candidate), **asked) for how, asked in asks.items()}

    assert {how for how, each in found.items() if each.arm} == counted
    left_out = {(each.variant, each.reason) for how, each in found.items() if how not in counted}
    assert left_out <= {(BASELINE, Reason.ALIKE)}


def test_no_name_can_end_a_turn() -> None:
    """Any text is a name, even one that is no Unicode."""
    assert 0 <= bucket("", "\ud800") < BASIS
    assert 0 <= bucket("\0", "") < BASIS
