"""Who is told of a decision, and what the message says."""

from typing import Any

import pytest

from segue.delivery.apply import written
from segue.delivery.decision import Ruling
from segue.delivery.notices import addressed, notices
from segue.delivery.plan import EVENTS
from segue.delivery.rollout import Decision, Kind, Notice, Rollout
from tests.underway import NOW, plan, rollout

TEAM = {"audience": "team", "url": "http://127.0.0.1:9/"}


def decision(of: Rollout, kind: Kind, code: str = "breach", reason: str = "So it is.") -> Decision:
    """A decision about a rollout."""
    return written(of, Ruling(kind, code, reason), now=NOW, numbers={"gates": {}})


def told(kind: Kind, code: str = "breach", *, before: Rollout | None = None, **notify: Any) -> tuple[Notice, ...]:
    """Who is told of a decision in the stage half."""
    of = rollout(plan(notify=[{**TEAM, **notify}]), stage=1)
    return notices(before, of, decision(of, kind, code))


@pytest.mark.parametrize(
    ("kind", "code", "event"),
    [
        (Kind.STARTED, "command", "started"),
        (Kind.RETRIED, "command", "started"),
        (Kind.ADVANCED, "certified", "advanced"),
        (Kind.WAITED, "approval", "approval"),
        (Kind.HELD, "common_cause", "held"),
        (Kind.HELD, "wait_limit", "held"),
        (Kind.HELD, "no_data", "stale"),
        (Kind.HELD, "stale", "stale"),
        (Kind.STEPPED_BACK, "breach", "stepped_back"),
        (Kind.DROPPED, "breach", "dropped"),
        (Kind.WARNED, "breach", "warned"),
        (Kind.ROLLED_BACK, "breach", "rolled_back"),
        (Kind.PROMOTED, "baked", "promoted"),
    ],
)
def test_what_people_are_told_of(kind: Kind, code: str, event: str) -> None:
    """Where a plan does not say, people are told of everything that changes what listeners hear or needs somebody."""
    (notice,) = told(kind, code)
    assert notice.event == event
    assert event in EVENTS
    assert told(kind, code, on=[event])
    assert not told(kind, code, on=["commanded"])


@pytest.mark.parametrize("code", ["dwell", "certification", "window", "frozen", "kill_switch"])
def test_nobody_is_told_of_waiting(code: str) -> None:
    """That a rollout waits as it should is no news."""
    assert not told(Kind.WAITED, code, on=[*EVENTS, "commanded"])


@pytest.mark.parametrize("kind", [Kind.PAUSED, Kind.RESUMED, Kind.APPROVED, Kind.FROZEN, Kind.THAWED])
def test_commands_are_told_where_asked_for(kind: Kind) -> None:
    """Commands that change no share are told to those who ask for commands."""
    assert not told(kind, "command")
    assert told(kind, "command", on=["commanded"])[0].event == "commanded"


def test_stages_limit_who_is_told() -> None:
    """Who asks for one stage is told of that one; of a step back those of both stages are told."""
    assert told(Kind.HELD, stages=["half"])
    assert not told(Kind.HELD, stages=["few"])
    assert not told(Kind.STEPPED_BACK, before=rollout(stage=2), stages=["few"])
    assert told(Kind.STEPPED_BACK, before=rollout(stage=2), stages=["all"])


def test_a_message_has_an_id_of_its_own_that_repeats() -> None:
    """Two entries for one audience are two messages, and the same decision has the same ids again."""
    of = rollout(plan(notify=[TEAM, {**TEAM, "format": "slack"}, {**TEAM, "audience": "others"}]))
    rolled_back = decision(of, Kind.ROLLED_BACK)
    first, second = notices(None, of, rolled_back), notices(None, of, rolled_back)

    assert [notice.id for notice in first] == ["chirp3/1#1/0-team", "chirp3/1#1/1-team", "chirp3/1#1/2-others"]
    assert first == second
    assert {notice.next_at for notice in first} == {NOW}


def test_a_webhook_has_everything() -> None:
    """Programs get the whole decision, its words as words."""
    (notice,) = told(Kind.ROLLED_BACK)

    assert notice.body["event"] == "rolled_back"
    assert notice.body["audience"] == "team"
    assert notice.body["kind"] == "rolled_back"
    assert notice.body["reason"] == "So it is."
    assert {"rollout", "attempt", "number", "at", "actor", "stage", "share_bp", "phase", "numbers"} <= set(notice.body)
    assert "link" not in notice.body


def test_slack_is_told_in_its_own_shape() -> None:
    """Slack gets a text for its notification and blocks to show, in which nothing is taken for markup of Slack's."""
    of = rollout(plan(notify=[{**TEAM, "format": "slack"}]))
    (notice,) = notices(None, of, decision(of, Kind.HELD, reason="<!here> a & b " + "x" * 4000))

    assert notice.body["text"].startswith("chirp3: &lt;!here&gt; a &amp; b xxx")
    first, last = notice.body["blocks"]
    assert first["text"]["text"].startswith("*chirp3*: &lt;!here&gt;")
    assert len(first["text"]["text"]) <= 3000
    assert last["elements"][0]["text"] == "attempt 1 · few · 5 % hear hd · running · controller"


@pytest.mark.parametrize("form", ["webhook", "slack"])
def test_an_approval_carries_its_link(form: str) -> None:
    """Whoever is asked for an approval gets a link; its address is put there by who delivers it."""
    (notice,) = told(Kind.WAITED, "approval", format=form)
    path = "/api/rollouts/chirp3/approval?nonce=abc"

    assert f"https://segue.example{path}" in str(addressed(notice.body, "https://segue.example/"))
    assert "{public_url}" not in str(addressed(notice.body, ""))
    assert path in str(addressed(notice.body, ""))


def test_without_a_nonce_there_is_no_link() -> None:
    """A link that nobody could use is not sent."""
    of = rollout(plan(notify=[TEAM]), nonce="")
    (notice,) = notices(None, of, decision(of, Kind.WAITED, "approval"))
    assert "link" not in notice.body
