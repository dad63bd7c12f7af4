"""The plans that ship, as stories: how a good candidate gets through, and what each limit does to a bad one."""

from typing import Any

import pytest

from tests.stories.timeline import Story, hurried, telling

PIP_BOY = ("pip_boy",)
CAST = ("pip_boy", "pip_boy", "pip_boy", "vault_dweller", "wasteland_trader", "ghoul", "minuteman", "ncr_ranger")
"""Who takes turns on staging: the character under test, often, and others."""


def test_phase2_streams_for_everybody_in_the_end() -> None:
    """Nothing before the preflight is agreed to; then 5 %, 50 % and 95 %, each for its time, and at last everybody."""
    with telling(hurried("voice-phase2", "2h"), look_s=60) as story:
        story.start().flow(30).at("10m").expect("waited", because="approval").expect_share(0)
        story.command("approve", stage="few").after("1m").expect("running", stage="few").expect_share(5)
        story.at("40m").expect("running", stage="few")
        story.at("60m").expect("running", stage="half").expect_share(50)
        story.flow(4).at("2h30m").expect("running", stage="half")
        story.at("3h10m").expect("baking").expect_share(95)
        story.at("5h10m").expect("promoted", because="baked")
        assert story.replica.published.current().baseline.streaming
        assert story.kinds() == ["started", "approved", "advanced", "advanced", "advanced", "promoted"]


def forced(story: Story, stage: str) -> Story:
    """The story with its rollout forced on to a stage, and turns in both arms."""
    for _ in story.plan.stages:
        if story.rollout.stage_name == stage:
            break
        story.command("promote", force=True)
    return story.expect("running", stage=stage)


@pytest.mark.parametrize(
    ("what", "because"),
    [
        ({"ttfa_ms": 6500}, "ttfa"),
        ({"first_tts_ms": 2600}, "first_tts"),
        ({"stuttering": 0.3}, "underflow"),
        ({"failing": 0.5}, "failures"),
        ({"hanging": 0.25}, "ttfa"),
    ],
    ids=str,
)
def test_phase2_goes_back_over_each_limit(what: dict[str, Any], because: str) -> None:
    """p95 over 6 s, first speech over 2.5 s, underflows over 5 %, failures: whichever is broken rolls back, by name."""
    with telling("voice-phase2") as story:
        forced(story.start(), "half").flow(20).at("15m").candidate(**what)
        story.at("60m").expect("rolled back", because=because).expect_share(0)
        assert not story.replica.published.current().baseline.streaming


def test_phase2_goes_back_in_an_emergency_and_holds_before_one() -> None:
    """A degraded server holds whatever the stage; an emergency rolls back, whoever caused it."""
    with telling("voice-phase2") as story:
        forced(story.start(), "few").flow(20).at("5m").server(state="slow")
        story.at("8m").expect("held", because="alerts").expect_share(5)
        story.server(state="emergency").at("10m").expect("rolled back", because="emergency").expect_share(0)


def test_chirp3_goes_through_its_stages_on_staging() -> None:
    """Nobody; one character at 10 and 50 %; three at 25 %; after somebody has listened all at 50 %; then all."""
    with telling(hurried("chirp3-staging", "90m"), look_s=120, characters=CAST, language="zh") as story:
        story.start().flow(1).at("60m").expect("running", stage="off").expect_share(0)
        story.at("95m").expect("running", stage="pip-boy-tenth").flow(24).expect_share(10)
        story.at("3h15m").expect("running", stage="pip-boy-half").flow(6).expect_share(50)
        assert story.heard("candidate") == {"pip_boy"}
        story.at("4h50m").expect("running", stage="three-quarter").flow(8).expect_share(25)
        story.at("6h30m").expect("waited", because="approval")
        assert story.heard("candidate") == {"pip_boy", "vault_dweller", "wasteland_trader"}
        story.flow(4).command("approve").after("5m").expect("running", stage="all-half").expect_share(50)
        story.after("95m").expect("baking").flow(2).expect_share(95)
        story.after("95m").expect("promoted", because="baked")
        assert story.heard("candidate") == set(CAST)
        assert story.replica.published.current().baseline.synthesizer == "chirp3"
        assert [notice.event for notice in story.notices()] == [
            "started",
            "advanced",
            "approval",
            "advanced",
            "promoted",
        ]


@pytest.mark.parametrize(
    ("what", "became", "because", "share"),
    [
        ({"failing": 0.6}, "rolled back", "success", 0),
        ({"falling_back": 0.8}, "rolled back", "fallback", 0),
        ({"synthesis_ms": 7000, "first_tts_ms": 6000}, "rolled back", "silence", 0),
        ({"synthesis_ms": 4000}, "stepped back", "duration", 10),
        ({"falling_back": 0.13}, "stepped back", "fallback", 10),
    ],
    ids=str,
)
def test_chirp3_goes_back_at_once_or_by_a_stage(what: dict[str, Any], became: str, because: str, share: float) -> None:
    """Over 10 % errors, 20 % fallback or 5 s everybody goes back at once; a little over the limits, to 10 %."""
    with telling("chirp3-staging", look_s=120, characters=PIP_BOY, language="zh") as story:
        forced(story.start(), "pip-boy-half").flow(20).at("10m").candidate(**what)
        story.at("2h").expect(became, because=because).expect_share(share)


def test_chirp3_steps_back_at_a_few_errors() -> None:
    """Errors that rise to 9 % are told, because WaveNet has fewer; when 5 % is refuted it is stepped back."""
    with telling("chirp3-staging", look_s=120, characters=PIP_BOY, language="zh") as story:
        forced(story.start(), "pip-boy-half").flow(16).both(failing=0.01).at("10m").candidate(failing=0.09)
        for _ in range(60):
            if story.rollout.phase.value != "running":
                break
            story.after("10m")
        story.expect("stepped back", because="success", stage="pip-boy-tenth").expect_share(10)
        assert "warned" in story.kinds()
        story.candidate(failing=0.01).command("resume").after("1h").expect("running", stage="pip-boy-tenth")


def test_chirp3_takes_out_the_character_that_alone_breaks() -> None:
    """One voice of many fails: the character leaves the list, and the others go on hearing the candidate."""
    with telling("chirp3-staging", look_s=120, characters=CAST, language="zh") as story:
        forced(story.start(), "all-half").flow(30).at("10m").candidate(broken=("ghoul",))
        story.at("2h").expect("running", stage="all-half").expect_share(50)
        assert story.rollout.dropped == ("ghoul",)
        assert "dropped" in story.kinds()
        story.forget().after("30m")
        assert story.heard("candidate") == set(CAST) - {"ghoul"}


THREE = ("pip_boy", "vault_dweller", "wasteland_trader")


def test_chirp3_takes_one_of_three_out() -> None:
    """A third of all turns fail, all of one character: it leaves the list, and nobody else goes back for it."""
    with telling("chirp3-staging", look_s=60, characters=THREE, language="zh") as story:
        forced(story.start(), "three-quarter").flow(30).at("10m").candidate(broken=("vault_dweller",))
        story.at("40m").expect("running", stage="three-quarter").expect_share(25)
        assert story.rollout.dropped == ("vault_dweller",)
        assert "rolled_back" not in story.kinds()


def test_chirp3_takes_one_of_three_out_in_the_first_minute() -> None:
    """Seen turn by turn, before any minute is over: the one character leaves the list, and nobody else goes back."""
    with telling("chirp3-staging", look_s=5, characters=THREE, language="zh") as story:
        forced(story.start(), "three-quarter").candidate(broken=("vault_dweller",)).flow(600).at("55s")
        story.expect("running", stage="three-quarter").expect_share(25)
        assert story.rollout.dropped == ("vault_dweller",)
        assert "rolled_back" not in story.kinds()


def test_chirp3_rolls_back_what_all_three_do() -> None:
    """A third of all turns fail, of all three characters: that is nobody's alone."""
    with telling("chirp3-staging", look_s=60, characters=THREE, language="zh") as story:
        forced(story.start(), "three-quarter").flow(30).at("10m").candidate(failing=0.33)
        story.at("40m").expect("rolled back", because="success").expect_share(0)


def test_chirp3_in_production_grows_in_working_hours_only() -> None:
    """Agreed to before nine in Taipei, it begins at nine; what is due in the evening waits, but harm does not."""
    half_past_seven = 1_767_569_400.0  # on Monday, 5 January 2026, in Taipei
    plan = hurried("chirp3-production", "8h30m")
    with telling(plan, look_s=300, characters=CAST, language="zh", wall_s=half_past_seven) as story:
        story.start().command("approve").at("1h25m").expect("waited", because="window").expect_share(0)
        story.at("1h35m").expect("running", stage="tenth").expect_share(10)
        story.flow(4).at("10h5m").expect("running", stage="half").expect_share(50)
        story.at("12h30m").candidate(failing=0.9).at("13h").expect("rolled back").expect_share(0)


def test_chirp3_in_production_waits_for_the_morning() -> None:
    """A dwell that ends at night is no reason to show the candidate to more listeners before somebody is there."""
    five_in_the_afternoon = 1_767_603_600.0  # on Monday, 5 January 2026, in Taipei
    plan = hurried("chirp3-production", "2h")
    with telling(plan, look_s=300, characters=CAST, language="zh", wall_s=five_in_the_afternoon) as story:
        story.start().command("approve").at("10m").expect("running", stage="tenth").flow(12)
        story.at("2h15m").expect("waited", because="window").flow(2)
        story.at("15h50m").expect_share(10)
        story.at("16h10m").expect("running", stage="half").expect_share(50)


@pytest.mark.parametrize(
    ("what", "became", "because"),
    [
        ({"failing": 0.8}, "rolled back", "errors"),
        ({"falling_back": 0.5}, "rolled back", "connectivity"),
        ({"ttfa_ms": 5500}, "rolled back", "slower"),
        ({"synthesis_ms": 5000}, "stepped back", "synthesis"),
    ],
    ids=str,
)
def test_the_switch_of_providers_goes_back(what: dict[str, Any], became: str, because: str) -> None:
    """API failures over 10 %, a provider out of reach, responses half as slow again, slow synthesis: each by name."""
    with telling("voice-v2-switch", look_s=120) as story:
        forced(story.start(), "quarter").flow(20).at("10m").candidate(**what)
        story.at("80m").expect(became, because=because).expect_share(5 if became == "stepped back" else 0)


def test_the_switch_of_providers_goes_back_when_memory_grows() -> None:
    """Three times the memory that the server used at the beginning, for a minute: back, without any statistics."""
    with telling("voice-v2-switch") as story:
        forced(story.start(), "few").flow(10).at("10m").server(bytes=280_000_000).at("20m").expect("running")
        story.server(bytes=310_000_000).at("22m").expect("rolled back", because="memory")


def test_the_switch_of_providers_reaches_everybody() -> None:
    """5, 25, 50 and 95 % on a working day in Moscow; then Google speaks first for everybody."""
    with telling(hurried("voice-v2-switch", "80m"), look_s=60, wall_s=1_767_594_600.0) as story:
        story.start().flow(20).at("85m").expect("running", stage="quarter").flow(6)
        story.at("170m").expect("running", stage="half").flow(4).at("255m").expect("baking").flow(2)
        story.at("340m").expect("promoted")
        assert story.replica.published.current().baseline.synthesizer == "google_tts"
