"""A visit keeps its arm by a signed token; one that cannot be believed is ignored and counted."""

import string
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.clock import ManualClock
from segue.routing import Exposure, Reason, RoutingTable, Variant
from segue.voice.assignment import Session
from segue.voice.session import EXPIRED, FOREIGN, IGNORED, LONGEST, MALFORMED, TAMPERED, Assigner, Sessions

HELD = Session("0123456789abcdef", "chirp3/2", "candidate")


@pytest.fixture
def clock() -> ManualClock:
    """A clock that is turned by hand."""
    return ManualClock()


@pytest.fixture
def sessions(clock: ManualClock) -> Sessions:
    """Tokens that last a minute."""
    return Sessions(b"secret", clock, 60.0)


def ignored(sessions: Sessions) -> dict[str, int]:
    """What was ignored, by why, without zeros."""
    return {why: count for why, count in sessions.ignored.items() if count}


@pytest.mark.parametrize("listener", ["anna", "Олена", "王小明", None, "\ud800"])
@pytest.mark.parametrize("session", [HELD, Session("0" * 16), Session("f" * 16, "voice-phase2/13", "baseline")])
def test_a_session_comes_back_as_it_was(sessions: Sessions, session: Session, listener: str | None) -> None:
    """The same listener is read what was written for it, and the name does not stand in the token."""
    token = sessions.issue(session, listener)

    assert sessions.read(token, listener) == session
    assert token.isascii()
    assert len(token) < 200
    assert listener is None or listener not in token
    assert not ignored(sessions)


def test_another_replica_reads_it(sessions: Sessions, clock: ManualClock) -> None:
    """Whoever has the secret can read it; nobody remembers anything."""
    assert Sessions(b"secret", clock).read(sessions.issue(HELD, "anna"), "anna") == HELD


def test_no_token_is_no_fault(sessions: Sessions) -> None:
    """The first turn of a session brings none, and nothing is counted."""
    assert sessions.read(None, "anna") is None
    assert sessions.read("", "anna") is None
    assert not ignored(sessions)


async def test_a_token_ends(sessions: Sessions, clock: ManualClock) -> None:
    """It is good for its time and not longer; each fresh one begins its time anew."""
    token = sessions.issue(HELD, "anna")
    await clock.advance(59.0)
    fresh = sessions.issue(sessions.read(token, "anna") or Session("none"), "anna")
    await clock.advance(1.0)
    assert sessions.read(token, "anna") is None
    await clock.advance(58.0)
    assert sessions.read(fresh, "anna") == HELD
    assert ignored(sessions) == {EXPIRED: 1}


@pytest.mark.parametrize("listener", ["bob", None, ""])
def test_it_belongs_to_its_listener(sessions: Sessions, listener: str | None) -> None:
    """Another listener, or nobody, cannot take over an arm."""
    assert sessions.read(sessions.issue(HELD, "anna"), listener) is None
    assert ignored(sessions) == {FOREIGN: 1}


def test_the_key_of_another_server_is_noticed(sessions: Sessions, clock: ManualClock) -> None:
    """Without the secret nobody can write one."""
    assert sessions.read(Sessions(b"other", clock, 60.0).issue(HELD, "anna"), "anna") is None
    assert ignored(sessions) == {TAMPERED: 1}


def test_no_character_of_it_can_be_changed(sessions: Sessions) -> None:
    """Each character of a token matters: with any other in its place it is ignored."""
    token = sessions.issue(Session(HELD.id, HELD.rollout, "baseline"), "anna")
    for at, sign in enumerate(token):
        for other in "bc0.9":
            if other != sign:
                assert sessions.read(token[:at] + other + token[at + 1 :], "anna") is None
    assert set(ignored(sessions)) == {MALFORMED, TAMPERED}


@given(st.text() | st.text(alphabet=string.hexdigits + ".-/", min_size=100))
def test_nothing_that_is_sent_is_an_error(text: str) -> None:
    """Whatever text is sent as a token, the turn goes on without it."""
    sessions = Sessions(b"secret", ManualClock())
    assert sessions.read(text, "anna") is None
    assert sum(sessions.ignored.values()) == bool(text)


def test_a_very_long_text_is_not_looked_at(sessions: Sessions) -> None:
    """What is longer than any token is none."""
    assert sessions.read("a" * LONGEST + sessions.issue(HELD, "anna"), "anna") is None
    assert ignored(sessions) == {MALFORMED: 1}


def test_every_reason_has_a_zero_to_rise_from(sessions: Sessions) -> None:
    """All reasons are counted from the start, so that the first one is seen."""
    assert dict(sessions.ignored) == dict.fromkeys(IGNORED, 0)


class Street:
    """Two replicas behind one table."""

    def __init__(self, clock: ManualClock) -> None:
        self.table = RoutingTable()
        self.replicas = [Assigner(lambda: self.table, Sessions(b"secret", clock)) for _ in range(2)]
        self.turns = 0

    def expose(self, share_bp: int, **changes: object) -> None:
        """Publish the next table."""
        exposure = replace(Exposure("chirp3/1", 0, Variant("new"), share_bp, salt="chirp3"), **changes)  # type: ignore[arg-type]
        self.table = replace(self.table, version=self.table.version + 1, exposure=exposure)

    def turn(self, token: str | None, character: str | None = None) -> tuple[str, str, str]:
        """A turn of listener-1 (bucket 644) at the replica whose turn it is: arm, reason and the fresh token."""
        self.turns += 1
        placed = self.replicas[self.turns % 2].place("listener-1", token, character=character, language="en")
        assert placed.token is not None
        return placed.assignment.arm, placed.assignment.reason, placed.token


def test_a_visit_keeps_its_arm_through_the_stages(clock: ManualClock) -> None:
    """Up and down, from replica to replica, by each turn's fresh token; without it the table alone decides."""
    street = Street(clock)
    street.expose(500)
    arm, reason, early = street.turn(None)
    assert (arm, reason) == ("baseline", Reason.SHARE)
    street.expose(5000)
    arm, reason, early = street.turn(early)
    assert (arm, reason) == ("baseline", Reason.SESSION)

    arm, reason, late = street.turn(None)
    assert (arm, reason) == ("candidate", Reason.SHARE)
    street.expose(500)
    arm, reason, late = street.turn(late)
    assert (arm, reason) == ("candidate", Reason.SESSION)
    assert street.turn(None)[:2] == ("baseline", Reason.SHARE)

    street.table = replace(street.table, version=9, exposure=None)
    assert street.turn(late)[:2] == ("", Reason.NO_ROLLOUT)
    street.expose(10_000, rollout="chirp3/2")
    assert street.turn(early)[:2] == ("candidate", Reason.SHARE)


def test_turns_that_are_left_out_do_not_change_the_arm(clock: ManualClock) -> None:
    """A character that is outside or dropped speaks as the baseline, and the next one as the session was drawn."""
    street = Street(clock)
    street.expose(5000, dropped=("nick",))
    _, _, token = street.turn(None)
    street.expose(500, dropped=("nick",))
    arm, reason, token = street.turn(token, "nick")
    assert (arm, reason) == ("", Reason.DROPPED)
    assert street.turn(token)[:2] == ("candidate", Reason.SESSION)


def test_a_session_is_drawn_by_its_first_counted_turn(clock: ManualClock) -> None:
    """A session that began with a turn outside the rollout has no arm yet."""
    street = Street(clock)
    street.expose(500, dropped=("nick",))
    _, _, token = street.turn(None, "nick")
    street.expose(5000, dropped=("nick",))
    assert street.turn(token)[:2] == ("candidate", Reason.SHARE)


def test_the_vote_is_the_sessions_or_the_listeners(clock: ManualClock) -> None:
    """A turn that brings a token votes for its session, which stays the same; another one for its listener."""
    street = Street(clock)
    first = street.replicas[0].place("anna")
    second = street.replicas[1].place("anna", first.token)
    third = street.replicas[0].place("anna", second.token)

    assert first.session == "anna"
    assert second.session == third.session
    assert second.session is not None
    assert len(second.session) == 16
    assert street.replicas[0].place(None).session is None


def test_without_a_secret_there_are_no_sessions() -> None:
    """An assigner without sessions hands out no token and reads none."""
    assigner = Assigner(RoutingTable)
    placed = assigner.place("anna", "whatever")
    assert (placed.session, placed.token, placed.version) == ("anna", None, 1)
