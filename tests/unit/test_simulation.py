"""Simulated rollouts: what is drawn is what was asked for, and the code that decides does the rest."""

import json
from pathlib import Path

import pytest
from numpy.random import default_rng

from segue.cli.simulate import simulate as command
from segue.delivery.evidence import LISTENERS, Counts, Series
from segue.delivery.plan import Plan
from segue.delivery.planfile import read_plan
from segue.delivery.rollout import Phase
from segue.delivery.simulation import MEMORY_BYTES, Run, simulate
from segue.delivery.terms import settle
from segue.delivery.traffic import CHARACTERS, Manner, Traffic, manner
from segue.errors import InvalidRequest

PLANS = Path(__file__).parents[2] / "plans"


def plan(name: str = "tutorial") -> Plan:
    """A plan that ships."""
    return read_plan((PLANS / f"{name}.yaml").read_text(encoding="utf-8"), name)


def traffic(of: Plan, candidate: str = "healthy", *, turns_per_s: float = 10.0, seed: int = 1) -> Traffic:
    """Drawn turns for a plan."""
    return Traffic(of, turns_per_s, manner(candidate), manner("healthy"), default_rng(seed))


def run(of: Plan, candidate: str, *, turns_per_s: float = 10.0, seed: int = 1) -> Run:
    """One simulated rollout."""
    return simulate(
        of, settle(of, memory_bytes=MEMORY_BYTES), traffic(of, candidate, turns_per_s=turns_per_s, seed=seed)
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("healthy", Manner()),
        ("", Manner()),
        ("healthy:95%", Manner(used=0.95)),
        ("slow:1.3", Manner(slow=1.3)),
        ("failing:5%, stuttering:2%", Manner(rates={"failure": 0.05, "underflow": 0.02})),
        ("falling-back:20%,after:2h", Manner(rates={"fallback": 0.2}, after_s=7200.0)),
        ("broken:ghoul,broken:raider", Manner(broken=("ghoul", "raider"))),
        ("silent", Manner(silent=True)),
    ],
)
def test_manners_are_read(text: str, found: Manner) -> None:
    """What a candidate is like is said in words, with commas between them."""
    assert manner(text) == found


@pytest.mark.parametrize(
    "text", ["tired", "slow", "slow:fast", "slow:0", "failing:5", "failing:500%", "broken", "after:x"]
)
def test_a_manner_that_is_none_is_refused_with_those_there_are(text: str) -> None:
    """A word that means nothing is told, with the words that do."""
    with pytest.raises(InvalidRequest, match="say healthy, "):
        manner(text)


def test_as_many_turns_are_bad_as_were_asked_for() -> None:
    """A healthy variant uses 70 % of a limit on a duration and 20 % of one on a rate; a slow one what follows."""
    drawn = traffic(plan("voice-phase2"), "slow:1.5,failing:8%", turns_per_s=50.0)

    def shares(measure: str, over_s: float | None) -> tuple[float, float]:
        series = Series("any", measure, 60.0, over_s, over_s)
        candidate = baseline = Counts()
        for _ in range(200):
            ours, theirs, _ = drawn.counts(series, stage=2, share_bp=5000, dropped=(), seconds=60.0, elapsed_s=0.0)
            candidate, baseline = candidate + ours, baseline + theirs
        assert candidate.n == pytest.approx(300_000, rel=0.02)
        assert baseline.n == pytest.approx(300_000, rel=0.02)
        return candidate.bad_share or 0.0, baseline.bad_share or 0.0

    assert shares("failure", None) == (pytest.approx(0.08, rel=0.05), pytest.approx(0.01, rel=0.1))
    slow, healthy = shares("ttfa", 6.0)
    assert healthy == pytest.approx(0.0176, rel=0.1)  # 0.8 % slow, as p95 is at 70 %, and 1 % that failed
    assert slow == pytest.approx(0.138, rel=0.1)


def test_a_cohort_takes_its_part_of_the_turns() -> None:
    """Three characters of fourteen have three fourteenths of the turns, and nobody else is counted."""
    of = plan("chirp3-staging")
    drawn = traffic(of, turns_per_s=14.0)
    assert len(drawn.characters) == CHARACTERS
    series = Series("character", "failure", 1000.0, by_character=True)
    candidate, baseline, alone = drawn.counts(
        series, stage=3, share_bp=2500, dropped=("pip_boy",), seconds=1000.0, elapsed_s=0.0
    )
    assert set(alone) == {"vault_dweller", "wasteland_trader"}
    assert candidate.n == sum(each.n for each in alone.values()) == pytest.approx(500, rel=0.2)
    assert baseline.n == pytest.approx(1500, rel=0.2)
    listeners = Series(LISTENERS, LISTENERS, 60.0)
    assert drawn.counts(listeners, stage=0, share_bp=0, dropped=(), seconds=60.0, elapsed_s=0.0)[0].n == 0


@pytest.mark.parametrize(
    ("candidate", "phase", "gates"),
    [
        ("healthy", Phase.PROMOTED, {""}),
        ("slow:3", Phase.ROLLED_BACK, {"ttfa", "joint"}),
        ("failing:50%", Phase.ROLLED_BACK, {"failures", "ttfa", "joint"}),
        ("silent", Phase.HELD, {""}),
    ],
)
def test_each_candidate_gets_what_it_deserves(candidate: str, phase: Phase, gates: set[str]) -> None:
    """Ten rollouts each: good ones are promoted, bad ones rolled back by name, and silence holds."""
    of = plan()
    runs = [run(of, candidate, seed=seed) for seed in range(10)]
    assert {each.phase for each in runs} == {phase}
    assert {each.gate for each in runs} <= gates
    assert all(each.reason for each in runs)


def test_harm_that_comes_later_is_found_later() -> None:
    """A candidate that is good for a minute is rolled back after that minute, and more listeners have heard it."""
    of = plan()
    soon, late = (run(of, words) for words in ("failing:50%", "failing:50%,after:75s"))
    assert soon.after_s < 60
    assert late.after_s > 75
    assert late.heard > soon.heard > 0


def test_one_broken_character_is_taken_out() -> None:
    """Of fourteen characters one fails: it is dropped in the stage in which it is first heard."""
    of = plan("chirp3-staging")
    hurried = tuple(stage.model_copy(update={"dwell": 3600.0}) for stage in of.stages)
    bake = of.bake.model_copy(update={"dwell": 3600.0})
    found = run(of.model_copy(update={"stages": hurried, "bake": bake}), "broken:ghoul", turns_per_s=20.0)
    assert (found.phase, found.dropped) == (Phase.PROMOTED, ("ghoul",))


def test_the_same_seed_draws_the_same_rollout() -> None:
    """Whoever tries it again sees the same; another seed is another rollout."""
    first, again, other = (run(plan(), "slow:2", seed=seed) for seed in (3, 3, 4))
    assert first == again != other


def test_the_command_tells_every_run(capsys: pytest.CaptureFixture[str]) -> None:
    """With --json each run is a line with its decisions; without, a table of ends."""
    command(PLANS / "tutorial.yaml", turns_per_s=10.0, candidate="failing:40%", runs=4, json_=True)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["end"] for line in lines] == ["rolled back"] * 4
    assert lines[0]["decisions"][0]["kind"] == "started"

    command(PLANS / "tutorial.yaml", turns_per_s=10.0, runs=2)
    told = capsys.readouterr().out
    assert "promoted" in told
    assert "2 (100%)" in told


@pytest.mark.parametrize("wrong", [{"runs": 0}, {"processes": 0}, {"turns_per_s": 0.0}, {"turns_per_s": float("nan")}])
def test_the_command_wants_something_to_do(wrong: dict[str, float]) -> None:
    """No runs, no processes or no turns are refused."""
    with pytest.raises(InvalidRequest, match="must be positive"):
        command(PLANS / "tutorial.yaml", **wrong)  # type: ignore[arg-type]
