"""What a window says of a server, and what the table of alarms asks for."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from segue.cli.gauges import BARS, spark
from segue.clock import ManualClock
from segue.errors import Unavailable
from segue.operations.ports import Answer
from segue.operations.report import Level
from segue.operations.watching.alarms import ALARMS, LEAST, Severity, gravest, of_share
from segue.operations.watching.gathering import Gathering, windows
from segue.operations.watching.monitor import Around, of_characters, promised, told
from segue.operations.watching.scrape import parsed
from segue.operations.watching.windows import Window, between
from segue.records import AttemptOutcome, Outcome, TurnRecord
from segue.telemetry.metrics import Metrics
from tests.records import SPOKEN, broken, turn

PLANS = Path(__file__).parents[2] / "plans"
RESCUED = (replace(SPOKEN, outcome=AttemptOutcome.FAILED, category="server"), replace(SPOKEN, provider="second"))
OURS = Around(promised(None))
ROLLOUT = {
    "name": "hd", "key": "hd/1", "attempt": 1, "phase": "running", "share_bp": 500, "sentence": "It runs.",
    "dropped": [],
    "stage": {"index": 0, "name": "few"}, "stages": [{"cohort": {"characters": ["pip_boy"]}}],
    "baseline": {"name": "baseline"}, "candidate": {"name": "hd"},
    "gates": [{"gate": "ttfa", "word": "pass", "n": 9, "bad": 1, "value": 0.1, "limit": 0.05, "unit": "share",
               "reason": "38 of 97 turns were slow.", "on_breach": "rollback"}],
}  # fmt: skip


def well(**changes: Any) -> TurnRecord:
    """A turn that its first choice served."""
    return turn(**{"first_choice": "espeak", **changes})


def window(*records: TurnRecord, around: Around = OURS, minutes: float = 1.0) -> dict[str, Any]:
    """What is told of a window in which these turns ended."""
    metrics = Metrics()
    before = parsed(metrics.exposition()[0].decode(), 1000.0)
    for record in records:
        metrics.observe(record)
    after = parsed(metrics.exposition()[0].decode(), 1000.0 + 60.0 * minutes)
    return told(between(before, after), after, around)


def check(found: Mapping[str, Any], name: str) -> Any:
    """The check of this name; there must be exactly one."""
    (one,) = [each for each in found["checks"] if each["name"] == name]
    return one


def test_a_server_that_is_well_raises_no_alarm() -> None:
    """With turns enough and nothing wrong every figure is within its limit."""
    found = window(*[well()] * 60)

    assert found["verdict"] == "ok"
    (one,) = found["variants"]
    assert (one["turns"], one["success"], one["fallback"]) == (60, 1.0, 0.0)
    assert one["ttfa"]["p95_between_ms"][0] < 900.0 <= one["ttfa"]["p95_between_ms"][1]


@pytest.mark.parametrize("count", [0, 1, LEAST - 1])
def test_few_turns_are_no_health(count: int) -> None:
    """Fewer turns than are needed are no data: never well, however well they went."""
    assert window(*[well()] * count)["verdict"] == "no_data"


def test_few_turns_can_be_proof_of_harm() -> None:
    """Five turns that all failed prove more than 10 % with 99 % confidence; one that failed proves nothing."""
    assert window(*[broken()] * 5)["verdict"] == "p0"
    assert window(broken())["verdict"] == "no_data"


def test_a_turn_that_was_rescued_is_a_fallback_and_no_failure() -> None:
    """A failed attempt and another provider's good one are one listener served."""
    found = window(*[well()] * 20, *[well(attempts=RESCUED)] * 20)

    (one,) = found["variants"]
    assert (one["success"], one["failed"], one["fallback"]) == (1.0, 0.0, 0.5)
    assert check(found, "success.baseline")["level"] == "pass"
    assert check(found, "fallback.baseline")["figures"]["severity"] == "p0"


def test_what_listeners_cut_short_is_neither_good_nor_bad() -> None:
    """Abandoned turns make no success, and do not count towards the turns that are needed."""
    found = window(*[well()] * 10, *[well(outcome=Outcome.ABANDONED)] * 90)

    assert found["variants"][0]["judged"] == 10
    assert check(found, "success.baseline")["level"] == "no_data"


@pytest.mark.parametrize(
    ("bad", "n", "level"),
    [(0, 60, "pass"), (4, 60, "pass"), (9, 60, "warn"), (14, 60, "fail"), (60, 60, "fail"), (0, 20, "no_data")],
)
def test_an_alarm_needs_proof(bad: int, n: int, level: str) -> None:
    """A share is an alarm only where its exact bound is over the limit, the gravest limit first."""
    assert of_share("success", "failed", bad, n).level == level


def test_slow_turns_are_held_to_their_own_profile() -> None:
    """6 s break the promise of the fast profile and keep that of the other one."""
    slow = [well(ttfa=6000.0, profile="fast")] * 40

    assert check(window(*slow), "ttfa.baseline")["figures"]["bad"] == 40
    assert check(window(*[replace(each, profile="quality") for each in slow]), "ttfa.baseline")["figures"]["bad"] == 0


def test_silence_is_a_reason_to_go_back_at_once() -> None:
    """More than a fifth of turns without a sound 5 s after their first sentence are P0."""
    found = window(*[well()] * 30, *[well(ttfa=7000.0, first_tts=6000.0)] * 30)

    assert check(found, "silence.baseline")["figures"]["severity"] == "p0"
    assert found["verdict"] == "p0"


def test_both_arms_of_a_rollout_are_asked_for() -> None:
    """A candidate without turns is no data, whatever the baseline does; its evidence and cohort are told."""
    around = Around(promised(None), (ROLLOUT,), characters={"hd": {"failures": {"pip_boy": {"n": 9, "bad": 1.0}}}})
    found = window(*[well()] * 60, around=around)

    assert found["verdict"] == "no_data"
    assert check(found, "success.hd")["level"] == "no_data"
    assert found["variants"][0]["arm"] == "baseline"
    assert found["rollouts"][0]["cohort"] == {"characters": ["pip_boy"]}
    assert found["rollouts"][0]["characters"]["failures"]["pip_boy"]["n"] == 9


@pytest.mark.parametrize(("deed", "verdict"), [("rollback", "p0"), ("step_back", "p1"), ("hold", "p1")])
def test_a_broken_gate_is_an_alarm(deed: str, verdict: str) -> None:
    """What a gate proved is taken as it is: going back is P0, anything else P1."""
    gate = {**ROLLOUT["gates"][0], "word": "breach", "on_breach": deed}  # type: ignore[index]
    around = Around(promised(None), ({**ROLLOUT, "gates": [gate]},))

    assert window(*[well()] * 60, *[well(variant="hd")] * 60, around=around)["verdict"] == verdict


def test_a_rollout_that_was_rolled_back_is_told() -> None:
    """It is a reason to look, and its candidate is waited for no longer."""
    around = Around(promised(None), ({**ROLLOUT, "phase": "rolled_back", "sentence": "ttfa: too slow."},))
    found = window(*[well()] * 60, around=around)

    assert found["verdict"] == "p1"
    assert "ttfa: too slow." in check(found, "rollout.hd")["reason"]


def test_what_the_server_says_of_itself_is_a_limit() -> None:
    """Objectives come from the server where it tells them, and an emergency is P0."""
    mine = promised({"profiles": {"fast": {"ttfa_p95_ms": {"objective": 800.0}}}})
    assert (mine["fast"]["ttfa_p95_ms"], mine["fast"]["first_tts_p95_ms"]) == (800.0, 2000.0)
    metrics = Metrics()
    metrics.watch("degradation", lambda: {"model": 4.0, "synthesis": 0.0})
    latest = parsed(metrics.exposition()[0].decode(), 0.0)

    assert check(told(between(latest, latest), latest, OURS), "degradation.model")["level"] == "fail"


def test_characters_are_counted_from_the_blocks_of_the_window() -> None:
    """Only blocks that ended within the window count, and badness is in whole turns."""
    counts = {"pip_boy": {"n": 4, "bad": 1_500_000}}
    blocks = [{"series": "failures", "until": until, "characters": counts} for until in (90.0, 110.0, 120.0)]

    assert of_characters(blocks, 100.0) == {"failures": {"pip_boy": {"n": 8, "bad": 3.0}}}


def test_the_numbers_are_those_of_the_plans() -> None:
    """Every limit that names a plan is the one that stands there."""
    checked = 0
    for alarm in ALARMS:
        plan, _, gate = alarm.source.partition(": ")
        if not gate:
            continue
        gate, _, fast = gate.partition(", ")
        document = YAML(typ="safe").load((PLANS / f"{plan}.yaml").read_text(encoding="utf-8"))["gates"][gate]
        said = str((document["fast"] if fast else document)["at_most"])
        assert alarm.limit == (float(said[:-1]) / 100.0 if said.endswith("%") else float(said.removesuffix("s")))
        assert alarm.over_s is None or document["over"] == f"{alarm.over_s:g}s"
        checked += 1
    assert checked == len([alarm for alarm in ALARMS if "objective" not in alarm.source]) == 10


class Flaky:
    """A server whose metrics can be asked for, or not; all else it refuses."""

    place = "here"

    def __init__(self) -> None:
        self.metrics = Metrics()
        self.there = True

    def fetch(self, method: str, path: str, **_: Any) -> Answer:
        """See `Asking.fetch`."""
        assert method == "GET"
        if not self.there:
            raise Unavailable("nobody answers")
        if path != "/metrics":
            return Answer(401, {}, b'{"detail": "no key"}', 0.0, 0.0)
        return Answer(200, {}, self.metrics.exposition()[0], 0.0, 0.0)


def test_a_server_that_goes_away_is_told_and_survived() -> None:
    """While it is away there is no data; then the window reaches back to the last reading, and nothing is invented."""
    server, clock = Flaky(), ManualClock()
    script = iter([lambda: None, lambda: setattr(server, "there", False), lambda: setattr(server, "there", True)])

    def wait(seconds: float) -> None:
        asyncio.run(clock.advance(seconds))
        for _ in range(40):
            server.metrics.observe(well())
        next(script)()

    shown = windows(Gathering(server, clock), wait, 10.0, 10.0)
    first, away, back = next(shown), next(shown), next(shown)

    assert (first["verdict"], first["variants"][0]["turns"], first["window_s"]) == ("ok", 40, 10.0)
    assert (away["answering"], away["verdict"]) == (False, "no_data")
    assert away["checks"][0]["reason"] == "nobody answers"
    assert (back["answering"], back["variants"][0]["turns"], back["window_s"]) == (True, 80, 20.0)
    assert check(first, "rollout")["level"] == "not_measured"


def test_several_servers_behind_one_address_are_no_data() -> None:
    """Where another process answered, nothing is said of listeners, however good the figures look."""
    latest = parsed('segue_degradation{axis="speed"} 0\n', 60.0)
    found = told(Window(0.0, 60.0, {}, stranger=True), latest, OURS)
    assert [(each["name"], each["level"]) for each in found["checks"]] == [("watch.same", "no_data")]
    assert found["verdict"] == "no_data"


def test_a_window_slides_over_several_readings() -> None:
    """With a longer window than interval each look judges the latest readings together."""
    server, clock = Flaky(), ManualClock()

    def wait(seconds: float) -> None:
        asyncio.run(clock.advance(seconds))
        server.metrics.observe(well())

    shown = windows(Gathering(server, clock), wait, 10.0, 30.0)

    assert [next(shown)["window_s"] for _ in range(5)] == [10.0, 20.0, 30.0, 30.0, 30.0]


def test_words_and_lines() -> None:
    """The gravest word wins, and a line of bars has a dot where there was no figure."""
    p1 = replace(of_share("a", "failed", 9, 60))
    assert gravest([p1, of_share("b", "failed", 60, 60)]) == "p0"
    assert gravest([p1, of_share("b", "failed", 0, 60)]) == "p1"
    assert gravest([p1, of_share("b", "failed", 0, 1)]) == "no_data"
    assert p1.level is Level.WARN
    assert p1.figures["severity"] == Severity.P1
    assert spark([0.0, None, 1.0]) == f"{BARS[0]}·{BARS[-1]}"
    assert spark([2.0, 2.0]) == BARS[0] * 2
