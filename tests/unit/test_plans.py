"""The plans that ship: what they say is what their sources asked for, and what they name is there."""

from pathlib import Path

import pytest

from segue.delivery.plan import LatencyGate, MeanGate, MemoryGate, OnBreach, Plan, QuietGate, RateGate, RegressionGate
from segue.delivery.planfile import read_plan
from segue.delivery.power import unreachable
from segue.settings import load
from segue.voice.characters import read

PROJECT = Path(__file__).parents[2]
EXAMPLES = {
    "voice-phase2": "phase2-streaming",
    "chirp3-staging": "chirp3",
    "chirp3-production": "chirp3",
    "voice-v2-switch": "voice-v2",
}
HOUR_S, DAY_S = 3600.0, 86_400.0


def plan(name: str) -> Plan:
    """A plan that ships."""
    return read_plan((PROJECT / f"plans/{name}.yaml").read_text(encoding="utf-8"), name)


def stages(of: Plan) -> list[tuple[float, float, object]]:
    """Share, dwell and characters of each stage, the bake included."""
    found = [(stage.share, stage.dwell, stage.cohort.characters) for stage in of.stages]
    return [*found, (1.0 - of.bake.holdback, of.bake.dwell, "*")]


def test_every_plan_is_listed_and_called_as_its_file() -> None:
    """The README of the plans has a row for each, but for the one of the tutorial; names are those of the files."""
    listed = (PROJECT / "plans/README.md").read_text(encoding="utf-8")
    names = {file.stem for file in PROJECT.glob("plans/*.yaml")}
    assert names == {*EXAMPLES, "tutorial"}
    for name in names:
        assert plan(name).name == name
        assert plan(name).about
        assert (f"]({name}.yaml)" in listed) == (name in EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_a_plan_names_is_in_its_example(name: str) -> None:
    """Synthesizers and characters of a plan are those of the configuration that its README names."""
    of, settings = plan(name), load(PROJECT / f"examples/{EXAMPLES[name]}/segue.yaml")
    for variant in (of.baseline, of.candidate):
        assert variant.synthesizer in {"", *settings.providers.synthesizers}
    named = {
        character for stage in of.stages if stage.cohort.characters != "*" for character in stage.cohort.characters
    }
    if named:
        assert settings.voice.characters is not None
        assert named <= set(read(PROJECT / settings.voice.characters).by_key)


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_stage_can_be_proved(name: str) -> None:
    """With twenty turns a second no stage is so small that it would never be proved."""
    assert unreachable(plan(name), 20.0) == []


def test_the_cutover_has_the_figures_of_its_source() -> None:
    """0, 5, 50 and 100 %; p95 of 6 s and 2.5 s; 5 % underflows; half an hour and two hours; no emergency."""
    of = plan("voice-phase2")
    assert stages(of) == [(0.0, 0.0, "*"), (0.05, 0.5 * HOUR_S, "*"), (0.5, 2 * HOUR_S, "*"), (0.95, 24 * HOUR_S, "*")]
    gates = of.gates
    assert isinstance(gates["ttfa"], LatencyGate)
    assert (gates["ttfa"].measure, gates["ttfa"].over, gates["ttfa"].at_most) == ("ttfa", 6.0, 0.05)
    assert isinstance(gates["first_tts"], LatencyGate)
    assert (gates["first_tts"].measure, gates["first_tts"].over, gates["first_tts"].at_most) == ("first_tts", 2.5, 0.05)
    assert isinstance(gates["underflow"], RateGate)
    assert gates["underflow"].at_most == 0.05
    assert isinstance(gates["emergency"], QuietGate)
    assert (gates["emergency"].worst, gates["emergency"].on_breach) == ("fast", OnBreach.ROLLBACK)
    assert (of.baseline.streaming, of.candidate.streaming, of.stages[1].approval) == (False, True, True)


def test_chirp3_has_the_stages_of_its_source() -> None:
    """One character at 10 and 50 %, three at 25 %, all at 50 %, all; then 10, 50 and all in production."""
    three = ("pip_boy", "vault_dweller", "wasteland_trader")
    assert stages(plan("chirp3-staging")) == [
        (0.0, DAY_S, "*"),
        (0.1, DAY_S, ("pip_boy",)),
        (0.5, 2 * DAY_S, ("pip_boy",)),
        (0.25, 3 * DAY_S, three),
        (0.5, 7 * DAY_S, "*"),
        (0.95, 7 * DAY_S, "*"),
    ]
    assert stages(plan("chirp3-production")) == [
        (0.0, 0.0, "*"),
        (0.1, 2 * DAY_S, "*"),
        (0.5, 5 * DAY_S, "*"),
        (0.95, 7 * DAY_S, "*"),
    ]
    staging = plan("chirp3-staging")
    assert staging.environment == "CHIRP3"
    assert (staging.notify[0].audience, staging.notify[0].stages) == ("team", ("off", "pip-boy-tenth", "bake"))


def test_chirp3_has_the_same_gates_on_staging_and_in_production() -> None:
    """95 % success, 5 % fallback, 2 s mean; at once over 10 %, 20 % and 5 s; the character that alone breaks."""
    staging, production = plan("chirp3-staging"), plan("chirp3-production")
    assert staging.gate_digest.isalnum()
    assert staging.gates == production.gates
    assert staging.candidate_digest == production.candidate_digest
    gates = staging.gates
    for name, limit, at_once in (("success", 0.05, 0.1), ("fallback", 0.05, 0.2)):
        gate = gates[name]
        assert isinstance(gate, RateGate)
        assert gate.fast is not None
        assert (gate.at_most, gate.fast.at_most) == (limit, at_once)
        assert (gate.on_breach, gate.otherwise) == (OnBreach.DROP_COHORT, OnBreach.STEP_BACK)
    means = [(gate.at_most, gate.on_breach) for gate in gates.values() if isinstance(gate, MeanGate)]
    assert means == [(2.0, OnBreach.STEP_BACK), (5.0, OnBreach.ROLLBACK)]


def test_the_switch_has_the_triggers_of_its_source() -> None:
    """API failures over 10 %, errors over 5 %, half as slow again, three times the memory."""
    gates = plan("voice-v2-switch").gates
    errors, slower, memory = gates["errors"], gates["slower"], gates["memory"]
    assert isinstance(errors, RateGate)
    assert errors.fast is not None
    assert (errors.at_most, errors.fast.at_most) == (0.05, 0.1)
    assert isinstance(slower, RegressionGate)
    assert (slower.tolerate, slower.of) == (0.5, "response")
    assert isinstance(memory, MemoryGate)
    assert (memory.grow_at_most, memory.on_breach) == (2.0, OnBreach.ROLLBACK)
