"""Plans as files: what is read, and on which line and how it is said that something is wrong."""

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from segue.delivery.faults import faults
from segue.delivery.plan import Plan
from segue.delivery.planfile import LIMIT_CHARACTERS, LIMIT_DEPTH, MOST, PlanError, plan_of, plan_schema, read_plan

PLANS = sorted((Path(__file__).parents[2] / "plans").glob("*.yaml"))
GOOD = """\
name: chirp3
version: 3
baseline: {name: wavenet, voice: b}
candidate:
  name: hd
  voice: chirp3-hd
gates:
  ttfa:
    kind: latency
    over: 6000ms
    at_most: 5%
  slower: {kind: regression, of: ttfa, tolerate: 20%}
verdict:
  alpha: 2%
  block: auto
stages:
  - name: few
    share: 5%
    dwell: 30m
    cohort: {characters: [pip, vera], languages: "*"}
  - name: all
    share: 100%
    approval: true
bake:
  holdback: 5%
windows:
  - {days: [mon, fri], start: 09:00, end: 17:00, zone: Europe/Kyiv}
notify:
  - {audience: team, on: [rolled_back], stages: [all], url: "http://127.0.0.1:9/"}
"""


def wrong(text: str, name: str = "x.yaml") -> PlanError:
    """What is said of a text that is no plan."""
    with pytest.raises(PlanError) as caught:
        read_plan(text, name)
    return caught.value


def mistaken(good: str, bad: str) -> str:
    """What is said when a piece of the good plan is written otherwise."""
    assert GOOD.count(good) == 1
    return wrong(GOOD.replace(good, bad)).message


def test_a_plan_is_read() -> None:
    """Durations, shares, lists and texts become what they mean."""
    plan = read_plan(GOOD)

    assert plan.stages[0].dwell == 1800.0
    assert plan.stages[0].share == 0.05
    assert plan.stages[0].cohort.characters == ("pip", "vera")
    assert plan.windows[0].start == "09:00"
    assert plan.stages[1].approval is True
    assert plan == plan_of(plan.model_dump(mode="json"))


MISTAKES: list[tuple[str, str, str]] = [
    ("name: chirp3", "name: Chirp 3", "line 1, name: 'Chirp 3' is no name; use a-z, 0-9, `_` and `-`"),
    ("name: chirp3", "nam: chirp3", "line 1, nam: there is no such key; did you mean name?"),
    ("name: chirp3\n", "", "line 1, name: is missing"),
    ("version: 3", "version: three", "line 2, version: 'three' is not a whole number"),
    ("version: 3", "version: 0", "line 2, version: 0 is out of range: at least 1 is allowed"),
    ("version: 3", "version: 3\nschema_version: 2", "line 3, schema_version: 2 is not 1"),
    ("version: 3", "version: 3\nchanges: speaker", "line 3, changes: 'speaker' is none of voice, model, provider, str"),
    ("version: 3", "version: 3\ncool_down: soon", "line 3, cool_down: 'soon' is no duration; write for example 90s"),
    ("version: 3", "version: 3\nenvironment: chirp3", "line 3, environment: 'chirp3' is no prefix of variables"),
    ("version: 3", "version: 3\nlock_after:", "line 3, lock_after: is empty; write a value, or leave the key out"),
    ("version: 3", "version: 3\nversion: 4", "line 3: the key version is here a second time"),
    ("voice: b}", "vioce: b}", "line 3, baseline.vioce: there is no such key; did you mean voice?"),
    ("voice: b}", "streaming: off}", "line 3, baseline.streaming: 'off' is not true or false in YAML 1.2; write true"),
    ("  name: hd", "  name: wavenet", "line 4, candidate: it has the name of the baseline; give them different names"),
    ("kind: latency\n", "kind: latencies\n", "line 9, gates.ttfa.kind: 'latencies' is none of latency, failure"),
    ("    kind: latency\n", "", "line 8, gates.ttfa.kind: is missing; it says what kind of gate this is"),
    ("over: 6000ms", "over: 6 seconds", "line 10, gates.ttfa.over: '6 seconds' is no duration"),
    ("    over: 6000ms\n", "", "line 8, gates.ttfa.over: is missing"),
    ("at_most: 5%", "at_most: 5", "line 11, gates.ttfa.at_most: 5 is no share; write it with a percent sign"),
    ("at_most: 5%", "at_most: '5'", "line 11, gates.ttfa.at_most: '5' is no share; write it with a percent sign"),
    ("at_most: 5%", "at_most: 105%", "line 11, gates.ttfa.at_most: '105%' is out of range: at most 100% is allowed"),
    ("at_most: 5%", "at_moist: 5%", "line 11, gates.ttfa.at_moist: there is no such key; did you mean at_most?"),
    ("at_most: 5%", "fast: {at_most: 50%, x: 1}", "line 11, gates.ttfa.fast.x: there is no such key; there are at_m"),
    ("at_most: 5%", "on_breach: roll_back", "line 11, gates.ttfa.on_breach: 'roll_back' is none of rollback, st"),
    ("at_most: 5%", "weight: -1", "line 11, gates.ttfa.weight: -1 is out of range: at least 0.001 is allowed"),
    ("of: ttfa", "of: ttfb", "line 12, gates.slower.of: 'ttfb' is no latency or rate gate of this plan"),
    ("tolerate: 20%", "on_breach: drop_cohort", "line 12, gates.slower.on_breach: a regression gate is not judged for"),
    ("slower: {", "Slower: {", "line 12, gates.Slower: 'Slower' is no name"),
    ("alpha: 2%", "alpha: 0%", "line 14, verdict.alpha: '0%' is out of range: at least 0.0001% is allowed"),
    ("block: auto", "block: 1ms", "line 15, verdict.block: '1ms' is out of range: at least 0.5 is allowed"),
    ("version: 3", "version: 3\ncool_down: .inf", "line 3, cool_down: inf is out of range"),
    ("over: 6000ms", "over: 0s", "line 10, gates.ttfa.over: '0s' is out of range: more than 0 is allowed"),
    ("block: auto", "block: car", "line 15, verdict.block: 'car' is neither auto nor a duration; write for example 5m"),
    ("share: 5%", "share: 0.05.", "line 18, stages[1].share: '0.05.' is no share"),
    ("share: 5%", "share: %5", "line 18: found character '%' that cannot start any token; write such a text in quotes"),
    ("[pip, vera]", "pip", "line 20, stages[1].cohort.characters: 'pip' names nobody; write a list such as [pip], or"),
    ("[pip, vera]", "[pip, 7]", "line 20, stages[1].cohort.characters[2]: 7 is not a text"),
    ("  - name: all\n    share", "  - share", "line 21, stages[2].name: is missing"),
    ("  - name: all", "  - name: few", "line 16, stages: each needs a name of its own, and none may be called 'bake'"),
    ("approval: true", "approval: yes", "line 23, stages[2].approval: 'yes' is not true or false in YAML 1.2"),
    ("holdback: 5%", "holdback: 100%", "line 25, bake.holdback: '100%' is out of range: less than 100% is allowed"),
    ("bake:\n  holdback: 5%", "bake: none", "line 24, bake: 'none' is not a block of keys and values"),
    ("[mon, fri]", "[monday]", "line 27, windows[1].days[1]: 'monday' is none of mon, tue"),
    ("start: 09:00", "start: 9:00", "line 27, windows[1].start: '9:00' is no time of day; write for example 09:00"),
    ("Europe/Kyiv", "Europe/Kiew", "line 27, windows[1].zone: 'Europe/Kiew' is no time zone known here"),
    ("on: [rolled_back]", "on: [rollback]", "line 29, notify[1].on[1]: 'rollback' is none of started, advanced"),
    ("on: [rolled_back]", "on: []", "line 29, notify[1].on: needs at least one entry"),
    ("stages: [all]", "stages: [most]", "line 29, notify[1].stages[1]: 'most' is no stage of this plan"),
    (', url: "http://127.0.0.1:9/"', "", "line 29, notify[1]: needs url, or url_variable with the name of the v"),
]  # fmt: skip


@pytest.mark.parametrize(("good", "bad", "told"), MISTAKES, ids=[told[:40] for _, _, told in MISTAKES])
def test_a_mistake_is_told_with_its_line(good: str, bad: str, told: str) -> None:
    """Whatever is wrong is said with file, line, place and what to write instead."""
    message = mistaken(good, bad)
    assert any(line.startswith(f"x.yaml, {told}") for line in message.splitlines()), message


def test_everything_wrong_is_told_at_once() -> None:
    """Whoever mends a plan need not find the next mistake by trying again."""
    bad = GOOD.replace("over: 6000ms", "over: x").replace("share: 100%", "share: 1").replace("chirp3-hd", "[1]")
    found = wrong(bad).problems

    assert [(problem.line, problem.where) for problem in found] == [
        (6, "candidate.voice"), (10, "gates.ttfa.over"), (22, "stages[2].share"),
    ]  # fmt: skip


def test_no_more_than_ten_are_listed() -> None:
    """Of many mistakes the first ten are told, and how many more there are; `problems` has them all."""
    error = wrong(GOOD + "".join(f"key{index}: 1\n" for index in range(14)))

    assert len(error.problems) == 14
    assert len(error.message.splitlines()) == MOST + 1
    assert error.message.endswith("… and 4 more.")


def test_a_plan_without_gates_is_refused() -> None:
    """Without any gate everything would count as proved."""
    text = "name: a\nbaseline: {name: b}\ncandidate: {name: c}\nstages: [{name: s, share: 5%}]\ngates: {}\n"
    assert wrong(text).message.startswith("x.yaml, line 5, gates: a plan needs at least one gate")


def test_words_that_look_like_truths_stay_words() -> None:
    """In YAML 1.2 `on` is a text: as a key of notify it is what it says, and as a name it is a name."""
    plan = read_plan(GOOD.replace("voice: b", "voice: off").replace("[pip, vera]", "[on, no]"))
    assert plan.baseline.voice == "off"
    assert plan.stages[0].cohort.characters == ("on", "no")


def test_yaml_1_1_is_explained() -> None:
    """Under YAML 1.1 the key `on` is read as true; that is said in words, with what to do."""
    message = wrong(f"%YAML 1.1\n---\n{GOOD}").message
    assert "line 31, notify[1].True: this key is read as true or false; remove the line `%YAML 1.1`" in message


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "x.yaml, line 1: a plan is written as `key: value`; see `segue plan schema`."),
        ("- 1", "x.yaml, line 1: a plan is written as `key: value`; see `segue plan schema`."),
        ("a: [1\n", "x.yaml, line 2: expected ',' or ']', but got '<stream end>'."),
        ("a: 1\n---\nb: 2\n", "x.yaml, line 2: a second document begins here; a plan file has one."),
        ("a: 2026-13-45\n", "x.yaml: cannot be read: month must be in 1..12."),
        ("a: \x00", "x.yaml: cannot be read: unacceptable character #x0000: special characters are not allowed."),
        ("a: " + "[" * 3000, f"x.yaml: has more than {LIMIT_DEPTH} brackets open at once."),
        ("? " * 3000, "x.yaml: cannot be read: maximum recursion depth exceeded"),
        ("a: " + "x" * LIMIT_CHARACTERS, f"x.yaml: is longer than {LIMIT_CHARACTERS} characters."),
    ],
)
def test_what_is_no_yaml_is_told_as_such(text: str, told: str) -> None:
    """A text that cannot be read at all is refused with a sentence, and never with an error of the reader."""
    assert wrong(text).message.startswith(told)


@pytest.mark.parametrize("key", ["7", "1.5", "? [a, b]\n", "? {a: b}\n", "null", "2026-01-02", "true"])
def test_a_key_that_is_no_text_is_told_as_such(key: str) -> None:
    """A key may look like a number, a date, a list or nothing; the plan's keys are texts."""
    found = wrong(f"{GOOD}{key}: 1\n").problems
    assert any("quote" in problem.reason for problem in found)


def test_a_small_file_cannot_unfold_into_a_huge_one() -> None:
    """Repetitions of repetitions are counted as what they unfold to, and refused before they are."""
    lines = ["a: &a [1,1,1,1,1,1,1,1,1,1]"]
    for above, below in zip("abcdefgh", "bcdefghi", strict=True):
        lines.append(f"{below}: &{below} [{','.join([f'*{above}'] * 10)}]")
    assert "unfolds into more than 20000 values" in wrong("\n".join(lines)).message
    assert "gates" in wrong("a: &a {b: *a}").message


def test_an_object_is_read_without_lines() -> None:
    """A plan that came as JSON has the same mistakes, only without lines."""
    document: dict[str, Any] = {**YAML(typ="safe").load(GOOD), "version": "x"}
    with pytest.raises(PlanError) as caught:
        plan_of(document)
    assert [(problem.line, problem.where) for problem in caught.value.problems] == [(None, "version")]
    assert caught.value.message == "version: 'x' is not a whole number."
    assert caught.value.status == 400


@pytest.mark.parametrize("changes", [{"about": "a\ud800"}, {"about": "\0"}, {"ab\udfffout": "a"}])
def test_halves_of_characters_are_refused(changes: dict[str, str]) -> None:
    """JSON can hold what no text can; kept, it would break every answer that shows it."""
    with pytest.raises(PlanError) as refused:
        plan_of({**YAML(typ="safe").load(GOOD), **changes})
    refused.value.message.encode()


def test_a_plan_is_no_longer_than_people_write() -> None:
    """A hundred stages are enough for any plan, and what may last has an end."""
    stages = [{"name": f"s{number}", "share": "5%"} for number in range(101)]
    plain = {**YAML(typ="safe").load(GOOD), "stages": stages}
    with pytest.raises(PlanError, match="stages: has too many entries; 100 are allowed"):
        plan_of(plain)
    with pytest.raises(PlanError, match=r"bake\.dwell: inf is"):
        plan_of({**plain, "stages": stages[:1], "bake": {"dwell": float("inf")}})


def test_every_block_of_a_plan_has_its_keys_told() -> None:
    """An unknown key is answered with the keys there are, in every block and every kind of gate."""
    plain = read_plan(GOOD).model_dump(mode="json")
    kinds = plan_schema()["properties"]["gates"]["patternProperties"].popitem()[1]["discriminator"]["mapping"]
    places: list[tuple[Any, ...]] = [(), ("baseline",), ("candidate",), ("verdict",), ("bake",), ("stages", 0)]
    places += [("stages", 0, "cohort"), ("windows", 0), ("notify", 0), ("gates", "g", "fast")]
    places += [("gates", "g", kind) for kind in kinds]
    for place in places:
        error: Any = {"type": "extra_forbidden", "loc": (*place, "zzz"), "msg": "", "input": 1}
        (fault,) = faults([error], plain)
        assert "; there are " in fault.reason, place


@pytest.mark.parametrize("path", PLANS, ids=[path.name for path in PLANS])
def test_the_plans_that_ship_are_plans(path: Path) -> None:
    """Every plan of the project is read, and fits the published schema."""
    text = path.read_text(encoding="utf-8")
    assert read_plan(text, path.name).stages
    Draft202012Validator(plan_schema()).validate(YAML(typ="safe").load(text))


def test_the_schema_is_one_and_refuses_what_the_reader_refuses() -> None:
    """The schema is valid, closed against unknown keys, and shows defaults as people write them."""
    schema = plan_schema()
    Draft202012Validator.check_schema(schema)
    document = YAML(typ="safe").load(GOOD)
    check = Draft202012Validator(schema)

    check.validate(document)
    for broken in ({**document, "nam": 1}, {**document, "bake": {"holdback": 5}}, {**document, "stages": []}):
        assert not check.is_valid(broken)
        with pytest.raises(PlanError):
            plan_of(broken)
    assert schema["$defs"]["LatencyGate"]["properties"]["at_most"]["default"] == "5%"
    assert set(schema["properties"]) == set(Plan.model_fields)
