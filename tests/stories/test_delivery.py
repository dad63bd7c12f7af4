"""Rollouts as stories: what becomes of one when the world around it does not behave."""

import pytest
from ruamel.yaml import YAML

from segue.delivery.plan import Plan
from segue.delivery.planfile import plan_of
from segue.delivery.rollout import Kind
from tests.stories.timeline import Story, telling

PLAN = """
name: voice
baseline: {name: old, voice: en-us}
candidate: {name: new, voice: en}
gates:
  ttfa: {kind: latency, over: 6s, at_most: 5%}
  failures: {kind: failure, at_most: 5%, fast: {at_most: 20%}}
stages:
  - {name: few, share: 20%, dwell: 30m}
  - {name: half, share: 50%, dwell: 30m}
bake: {holdback: 5%, dwell: 30m}
"""


def plan(**changes: str) -> Plan:
    """A short plan; keywords are parts of it as YAML, added or in place of its own."""
    yaml = YAML(typ="safe")
    return plan_of({**yaml.load(PLAN), **{name: yaml.load(text) for name, text in changes.items()}})


def at_half(story: Story, per_minute: float = 20) -> Story:
    """The story in its second stage, with turns in both arms."""
    return story.start().command("promote", force=True).flow(per_minute).expect("running", stage="half")


def test_a_good_candidate_is_promoted() -> None:
    """Every stage for its time and its proof; then the candidate is the baseline, and nothing is exposed any more."""
    with telling(plan()) as story:
        story.start().flow(20).at("31m").expect("running", stage="half").expect_share(50)
        story.at("62m").expect("baking").expect_share(95)
        story.at("93m").expect("promoted").expect_share(100)
        table = story.replica.published.current()
        assert (table.baseline.name, table.exposure) == ("new", None)


def test_a_slow_candidate_is_rolled_back_for_the_next_turn() -> None:
    """A slow voice is blamed by name, with its numbers, and the very next turn is spoken by the old one."""
    with telling(plan()) as story:
        at_half(story).at("20m").candidate(ttfa_ms=9000).at("45m").expect("rolled back", because="ttfa")
        assert "slower than 6 s" in story.decisions[-1].reason
        story.forget().after("5m")
        assert {record.variant for record in story.records if record.at > story.decisions[-1].at} == {"old"}


def test_a_failure_that_comes_late_is_found() -> None:
    """Sixty good minutes do not make up for what comes after them."""
    with telling(plan(bake="{holdback: 20%, dwell: 4h}")) as story:
        story.start().flow(20).at("80m").expect("baking").candidate(ttfa_ms=9000)
        story.at("130m").expect("rolled back", because="ttfa").expect_share(0)


def test_what_both_arms_suffer_is_nobodys_fault() -> None:
    """A provider that is slow for all holds the rollout, says so, and lets it go on when it is over."""
    with telling(plan()) as story:
        at_half(story).at("20m").both(ttfa_ms=9000)
        story.at("50m").expect("held", because="common_cause").expect_share(50)
        story.both(ttfa_ms=1800).flow(5).at("3h")
        assert "rolled_back" not in story.kinds()


def test_no_alerts_are_not_quiet_alerts() -> None:
    """Where the alerts cannot be asked for nothing advances and nothing is rolled back; when they can, it goes on."""
    gates = "{ttfa: {kind: latency, over: 6s}, alerts: {kind: quiet, alerts: 'http://127.0.0.1:9'}}"
    with telling(plan(gates=gates)) as story:
        story.start().flow(20).at("20m").server(firing=None)
        story.at("45m").expect("held", because="source").expect_share(20)
        story.server(firing=()).at("50m").expect("running", stage="half")
        assert "rolled_back" not in story.kinds()


def test_an_alert_that_fires_holds() -> None:
    """A firing alert stops a rollout until somebody has looked."""
    gates = "{ttfa: {kind: latency, over: 6s}, alerts: {kind: quiet, alerts: 'http://127.0.0.1:9', for_s: 30s}}"
    with telling(plan(gates=gates)) as story:
        story.start().flow(20).at("5m").server(firing=("VoiceTTFA",)).at("10m").expect("held", because="alerts")
        story.server(firing=()).at("40m").expect_share(20)
        assert story.rollout.phase == "held"
        story.command("resume", reason="it was the other team").at("45m").expect("running", stage="half")


def test_without_turns_nothing_passes_and_nothing_breaks() -> None:
    """An empty night is no proof of anything: it waits, says that it does, and goes on with the first listeners."""
    with telling(plan(), look_s=60) as story:
        story.start().at("3h").expect("held", because="no_data").expect_share(20)
        assert set(story.kinds()) == {"started", "held"}
        story.flow(20).at("3h5m").expect("running", stage="few").at("3h30m").expect("running", stage="half")


def test_a_candidate_that_nobody_reaches_is_noticed() -> None:
    """Listeners whom the hash gave the candidate never arrive there: the arms are not as large as they should be."""
    with telling(plan()) as story:
        at_half(story).candidate(silent=True).at("15m").expect("held", because="routing").expect_share(50)
        assert "rolled_back" not in story.kinds()


def test_time_in_which_nobody_watched_is_no_dwell() -> None:
    """A server that was down for twenty minutes adds twenty minutes to the stage."""
    with telling(plan()) as story:
        story.start().flow(20).at("10m").nobody_watches().at("30m").somebody_watches()
        story.at("35m").expect("running", stage="few")
        story.at("47m").expect("running", stage="few").at("51m").expect("running", stage="half")


def test_it_steps_back_and_goes_on_when_somebody_says_so() -> None:
    """After a breach the share does not rise by itself, however good it gets; a person resumes, and it is proved."""
    gates = "{ttfa: {kind: latency, over: 6s, on_breach: step_back}}"
    with telling(plan(gates=gates)) as story:
        at_half(story).at("10m").candidate(ttfa_ms=9000)
        story.until("stepped back", within="1h")
        story.expect("stepped back", because="ttfa", stage="few").expect_share(20)
        story.candidate(ttfa_ms=1800).at("90m").expect_share(20)
        story.command("resume").at("95m").expect("running", stage="half").expect_share(50)


def test_a_new_attempt_begins_with_nothing() -> None:
    """After a roll back: not within the cool-down, then as a new attempt with no evidence from the old one."""
    with telling(plan()) as story:
        at_half(story).at("10m").candidate(failing=0.9).at("20m").expect("rolled back")
        assert story.command("retry").answer.kind is Kind.REFUSED
        assert "cool-down" in story.answer.reason
        story.candidate(failing=0.0).at("40m").command("retry", reason="mended").after("31m")
        story.expect("running", stage="half")
        assert (story.rollout.attempt, story.kinds()[0]) == (2, "retried")


def test_windows_delay_the_rise_and_never_the_fall() -> None:
    """Outside of working hours the share stays; harm goes back at any hour."""
    with telling(plan(windows="[{start: '10:00', end: '11:00', zone: UTC}]")) as story:
        story.start().flow(20).at("45m").expect("waited", because="window").expect_share(20)
        story.at("61m").expect("running", stage="half")
        story.at("2h5m").expect("waited", because="window").candidate(failing=0.9)
        story.at("2h20m").expect("rolled back")


def test_an_approval_is_asked_for_last_and_used_once() -> None:
    """When all is proved somebody must agree; the agreement is for this stage, and no other."""
    stages = "[{name: few, share: 20%, dwell: 10m}, {name: half, share: 50%, dwell: 10m, approval: true}]"
    with telling(plan(stages=stages)) as story:
        story.start().flow(30).at("5m").expect("waited", because="dwell")
        story.at("20m").expect("waited", because="approval").expect_share(20)
        assert [notice.event for notice in story.notices()] == []  # nobody asked to be told
        assert story.command("approve", stage="few").answer.kind is Kind.REFUSED
        story.command("approve", stage="half").after("1m").expect("running", stage="half")


@pytest.mark.parametrize("verb", ["freeze", "pause"])
def test_nothing_that_stops_a_rollout_stops_harm(verb: str) -> None:
    """Frozen or paused, a rollout does not advance, and is rolled back all the same."""
    with telling(plan()) as story:
        story.start().flow(20).command(verb, reason="holiday").at("60m").expect_share(20)
        story.candidate(failing=0.9).at("75m").expect("rolled back", because="failures")


def test_a_store_that_is_gone_stops_nothing_that_is_heard() -> None:
    """While nothing can be written the last table holds; what was counted is kept, and the story goes on."""
    with telling(plan()) as story:
        story.start().flow(20).at("20m").store_is_gone().at("28m")
        assert story.replica.published.current().exposure is not None
        story.store_is_back().at("29m").expect("running", stage="few")
        story.at("32m").expect("running", stage="half")


def test_harm_is_ended_here_even_where_it_cannot_be_written() -> None:
    """A person rolls back although the store is gone: it holds for the next turn, and is written when it can be."""
    with telling(plan()) as story:
        at_half(story).at("10m").store_is_gone().at("11m").command("roll back", reason="it hums")
        assert "as soon as" in story.answer.reason
        assert story.replica.published.current().exposure is None
        story.store_is_back().at("13m").expect("rolled back").expect_share(0)
