"""The rules by which takes are judged: alone, against each other, and against what was kept; and what is heard."""

import io
import json
import wave
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from segue.operations.listening.heard import (
    Again,
    compared,
    errors,
    of_again,
    of_alike,
    of_paces,
    of_pins,
    of_states,
    of_take,
)
from segue.operations.listening.samples import Sample, Scene, due, samples, scene
from segue.operations.listening.take import Kept, Take, kept, taken
from segue.operations.listening.verified import Arm, differ, of_arm, of_both, of_counter, of_expected, of_kept, voice_of
from segue.operations.listening.verified import Kept as Cached
from segue.operations.ports import Answer
from segue.operations.report import Check, Level
from segue.routing import Arm as Side

RATE = 24_000
TEXT = "a text of some forty letters that takes its time to say"
VOICES = {"items": [{"name": name, "provider": "one", "languages": ["en"]} for name in ("alba", "bruno")]}
VOICES["items"] += [{"name": "cora", "provider": "two", "languages": ["en-GB", "uk"]}]


@cache
def pcm(pitch_hz: float = 110.0, seconds: float = 3.0, peak: float = 0.3) -> bytes:
    """A hum with syllables that dies away: something that passes for a voice."""
    at = np.arange(round(seconds * RATE)) / RATE
    hum = sum(np.sin(2 * np.pi * n * pitch_hz * at + n) / (1 + ((n * pitch_hz - 500) / 200) ** 2) for n in range(1, 40))
    hum = hum * np.sin(np.pi * 4 * at) ** 2
    return bytes(np.rint(hum / np.abs(hum).max() * peak * 32_767).astype("<i2").tobytes())


def answer(sound: bytes, **headers: str) -> Answer:
    """What a server says to a try."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(RATE)
        writer.writeframes(sound)
    told = {"provider": "one", "voice": "alba", "variant": "old", "cache": "bypassed", "turn": "1", "model": ""}
    said = {f"segue-{name}": value for name, value in (told | headers).items()}
    return Answer(200, said | {"server-timing": "first;dur=120.5, total;dur=300"}, file.getvalue(), 1.0, 310.0)


@cache
def take(sound: bytes | None = None, sample: Sample | None = None, text: str = TEXT, **headers: str) -> Take:
    """A take of a sound."""
    sample = sample or Sample("", "en", Side.BASELINE, "")
    return taken(sample, text, text, 1000.0, answer(sound or pcm(), **headers))


def refused(status: int, plain: Mapping[str, Any]) -> Take:
    """A take that did not come."""
    said = Answer(status, {}, json.dumps(plain).encode(), 1.0, 1.0)
    return taken(Sample("", "en", Side.BASELINE, ""), TEXT, TEXT, 1000.0, said)


def found(**changes: Any) -> Scene:
    """A server with two synthesizers and two characters."""
    plain: dict[str, Any] = {
        "providers": {
            "items": [
                {
                    "name": "one",
                    "role": "synthesizer",
                    "state": "ready",
                    "reason": "",
                    "vendor": "edge",
                    "version": "7",
                },
                {
                    "name": "two",
                    "role": "synthesizer",
                    "state": "ready",
                    "reason": "",
                    "vendor": "house",
                    "version": "",
                },
            ],
            "chains": {"synthesizers": ["one", "two"]},
        },
        "voices": VOICES,
        "characters": {
            "items": [
                {"key": "guide", "voices": {"one": {"en": "bruno"}}, "languages": ["en"], "speed": 1.0},
                {"key": "clerk", "voices": {"two": {"*": "cora"}}, "languages": ["en", "uk"], "speed": 1.0},
            ]
        },
        "routing": {"baseline": {"name": "old"}, "exposure": None},
        "health": {"languages": ["en", "uk"], "recognition": {"languages": ["en"]}},
    }
    return scene(**(plain | changes))


def exposed(**changes: Any) -> dict[str, Any]:
    """A routing table with a live rollout."""
    exposure = {"candidate": {"name": "new", "synthesizer": "two"}, "rollout": "fresh/1", "share_bp": 500, "stage": 1}
    return {"routing": {"baseline": {"name": "old"}, "exposure": exposure | changes}}


def levels(checks: Sequence[Check]) -> dict[str, Level]:
    """How each came out, by the end of its name."""
    return {check.name.partition(".first.")[2] or check.name: check.level for check in checks}


def test_every_voice_is_listened_to_in_each_arm() -> None:
    """Each character and the default, in the languages it speaks, by the first choice and by each fallback alone."""
    names = [sample.name for sample in samples(found())]
    assert names == [
        "default.en.baseline.first",
        "default.en.baseline.two",
        "default.uk.baseline.first",
        "guide.en.baseline.first",
        "clerk.en.baseline.first",
        "clerk.uk.baseline.first",
    ]
    both = [sample.name for sample in samples(found(**exposed()), languages=("en",))]
    assert "default.en.candidate.first" in both
    assert "default.en.candidate.one" in both, "the fallback of the candidate is the one that is not its own"
    assert "default.en.candidate.two" not in both


def test_nobody_listens_to_whom_no_listener_hears() -> None:
    """Outside the cohort there is no candidate, nor for a character that was taken out; who is left out is told of."""
    alone = [
        sample for sample in samples(found(**exposed(cohort={"characters": ["guide"]}))) if sample.arm == "candidate"
    ]
    assert {sample.character for sample in alone} == {"guide"}
    dropped = samples(found(**exposed(dropped=["guide"])), characters=("guide",))
    assert {sample.arm for sample in dropped} == {Side.BASELINE}
    out = replace(found(), states={"one": ("left out", "set ONE_KEY"), "two": ("ready", "")})
    assert {sample.name for sample in samples(out, characters=("guide",))} == set()
    assert [check.level for check in of_states(out)] == [Level.FAIL]


def test_a_budget_goes_to_what_was_heard_longest_ago() -> None:
    """What was never heard comes first, then the oldest; the rest waits for the next time."""
    wanted = samples(found(), languages=("en",))
    heard = {sample.name: 100.0 + at for at, sample in enumerate(wanted)}
    del heard[wanted[2].name]
    assert due(wanted, heard, 2) == (wanted[2], wanted[0])
    assert len(due(wanted, heard, None)) == len(wanted)


def test_a_take_that_is_as_it_should_be_passes() -> None:
    """Who was to speak did, the sound is sound, and it came in time; what nobody can hear is told as not measured."""
    checks = list(of_take(take(), found()))
    assert levels(checks) == {
        "spoken": Level.PASS,
        "sound": Level.PASS,
        "latency": Level.PASS,
        "words": Level.NOT_MEASURED,
    }


@pytest.mark.parametrize(
    ("wrong", "name", "level"),
    [
        (take(pcm(peak=0.002)), "sound.silent", Level.FAIL),
        (take(provider="two"), "provider", Level.WARN),
        (take(provider="two", sample=None), "provider", Level.WARN),
        (take(variant="new"), "variant", Level.FAIL),
        (take(cache="hit"), "cache", Level.FAIL),
        (replace(take(), first_ms=3000.0), "latency", Level.WARN),
        (replace(take(), first_ms=6000.0), "latency", Level.FAIL),
        (replace(take(), heard="something else", recognizer="whisper"), "words", Level.FAIL),
        (replace(take(), heard="", recognizer="pocketsphinx"), "words", Level.WARN),
        (refused(502, {"detail": "It broke.", "category": "network"}), "spoken", Level.FAIL),
        (refused(200, {"detail": "no sound"}), "spoken", Level.FAIL),
    ],
)
def test_what_is_wrong_with_a_take_is_told(wrong: Take, name: str, level: Level) -> None:
    """Each thing that can be wrong has a check of its own, and what does not hold says what to do."""
    checks = list(of_take(wrong, found()))
    assert levels(checks)[name] == level
    assert all(check.hint for check in checks if check.level in (Level.FAIL, Level.WARN))


def test_two_names_for_one_voice_are_found() -> None:
    """Two voices of a provider that say one text alike are one voice; other texts and other providers say nothing."""
    alike = [take(), take(voice="bruno", sample=Sample("guide", "en", Side.BASELINE, ""))]
    assert [check.level for check in of_alike(alike)] == [Level.FAIL]
    assert not list(of_alike([take(), take(pcm(150.0), voice="bruno")]))
    assert not list(of_alike([take(), take(voice="bruno", text="another text")]))
    assert not list(of_alike([take(), take(voice="bruno", provider="two")]))


def remembered(sound: bytes, **changes: Any) -> Kept:
    """What would be kept of a sound."""
    last = take(sound)
    return replace(Kept(TEXT, 10.0, "one", "alba", 100.0, last.pace_ms, last.mark), **changes)


def test_a_voice_is_compared_with_what_was_kept_of_it() -> None:
    """The same voice passes; another is told from its own text; a voice of another name is not compared."""
    here, same = take(), compared(take(), remembered(pcm()))
    assert same is not None
    assert same.level == Level.PASS
    assert compared(here, remembered(pcm(150.0))) is None, "that takes a second take, of the text that was kept"
    other = of_again(Again(here, remembered(pcm(150.0))))
    assert (other.level, other.reason.startswith("voice changed")) == (Level.FAIL, True)
    assert of_again(Again(here, remembered(pcm(115.0)))).level == Level.WARN
    assert of_again(Again(here, remembered(pcm(110.5)))).level == Level.PASS
    renamed = compared(here, remembered(pcm(), voice="bruno"))
    assert renamed is not None
    assert renamed.level == Level.NOT_MEASURED
    assert of_again(Again(refused(502, {}), remembered(pcm()))).level == Level.NOT_MEASURED


def test_drift_of_latency_is_a_warning() -> None:
    """Twice as long as last time, and some more, is worth a look; a little longer is not."""
    slow = replace(take(), first_ms=1500.0)
    (check,) = [check for check in of_take(slow, found(), remembered(pcm())) if check.name.endswith("latency")]
    assert check.level == Level.WARN
    soon = replace(take(), first_ms=550.0)
    (check,) = [check for check in of_take(soon, found(), remembered(pcm())) if check.name.endswith("latency")]
    assert check.level == Level.PASS


def test_who_is_too_short_is_found_by_itself_and_by_its_fellows() -> None:
    """A take that lasts much less than last time was cut; without a last time the other voices tell."""
    name, cut = take().sample.name, take(pcm(seconds=1.9))
    assert [check.level for check in of_paces([cut], {name: remembered(pcm())})] == [Level.FAIL]
    assert not list(of_paces([take()], {name: remembered(pcm())}))
    fellows = [take(sample=Sample("", "en", Side.BASELINE, each)) for each in ("two", "three")]
    assert [check.level for check in of_paces([take(pcm(seconds=1.5)), *fellows], {})] == [Level.FAIL]
    assert not list(of_paces([take(), *fellows], {}))


def test_pins_hold_by_name_and_by_vendor() -> None:
    """A pinned version must be the one there; who is pinned must be there."""
    pins = {"edge": "7", "one": "8", "nobody": "1"}
    assert [check.level for check in of_pins(found(), pins)] == [Level.PASS, Level.FAIL, Level.FAIL]


@pytest.mark.parametrize(
    ("spoken", "heard", "language", "share"),
    [
        ("one two three four", "one two three four", "en", 0.0),
        ("One, two three; four.", "one two free four", "en", 0.25),
        ("one two three four", "", "en", 1.0),
        ("one two", "zero one two", "en", 0.5),
        ("大家早上好", "大家早上", "zh", 0.2),
    ],
)
def test_errors_of_words_are_counted(spoken: str, heard: str, language: str, share: float) -> None:
    """Words that are missing, added or others count against those that were to be said; in Chinese characters do."""
    assert errors(spoken, heard, language) == pytest.approx(share)


def test_only_what_was_good_is_kept() -> None:
    """What was found wrong is not what the next time is compared with; the newest good one is."""
    plain = take().as_dict()
    reports = [
        {"samples": {"a": plain | {"good": True, "at_s": 1.0}}},
        {"samples": {"a": plain | {"good": True, "at_s": 2.0}, "b": plain | {"good": False}}},
        {"samples": {"a": refused(502, {}).as_dict() | {"good": False}}},
        {},
    ]
    assert {name: each.at_s for name, each in kept(reports).items()} == {"a": 2.0}


def arm(name: str, heard: Take, *straight: Take) -> Arm:
    """An arm of a deployment."""
    return Arm(name, "en", heard, straight or (take(), take()), "one")


@pytest.mark.parametrize(
    ("heard", "name", "level"),
    [
        (take(), "voice", Level.PASS),
        (take(pcm(150.0)), "voice", Level.FAIL),
        (take(pcm(117.0)), "voice", Level.WARN),
        (take(provider="two"), "provider", Level.FAIL),
        (refused(503, {"detail": "It rests."}), "spoken", Level.FAIL),
    ],
)
def test_an_arm_is_known_by_its_sound(heard: Take, name: str, level: Level) -> None:
    """Whatever its label says: an arm must sound like the one who should speak it, asked alone."""
    assert {check.name.rpartition(".")[2]: check.level for check in of_arm(arm("baseline", heard))}[name] == level


def test_a_voice_that_varies_by_itself_is_given_room() -> None:
    """Who says a text a little differently each time is not called another for that."""
    varying = arm("baseline", take(pcm(114.0)), take(pcm(110.0)), take(pcm(113.0)))
    assert [check.level for check in of_arm(varying)] == [Level.PASS, Level.PASS]


def test_arms_that_should_differ_must_be_heard_to() -> None:
    """A candidate with the baseline's sound is a rollout of nothing; where nothing should differ, nothing is said."""
    old, new = arm("baseline", take()), arm("candidate", take(pcm(150.0)))
    assert of_both(old, new, differ=True).level == Level.PASS
    assert of_both(old, replace(new, heard=take()), differ=True).level == Level.FAIL
    assert of_both(old, new, differ=False).level == Level.NOT_MEASURED


def through(first: Take, second: Take, fresh: Take, other: Take | None = None) -> dict[str, Level]:
    """How the checks of a cache came out."""
    checks = of_kept(Cached("baseline", "en", first, second, fresh, 0.25, other))
    return {check.name.rpartition(".")[2]: check.level for check in checks}


def test_a_cache_gives_back_what_was_spoken_and_nothing_else() -> None:
    """The same text has the same bytes and label, sounds like its voice, and is nobody else's."""
    miss, hit, other = take(cache="miss"), take(cache="hit"), take(pcm(150.0), provider="two", cache="miss")
    good = {"own": Level.PASS, "same": Level.PASS, "voice": Level.PASS}
    assert through(miss, hit, take(), other) == good
    assert through(take(pcm(150.0), cache="miss"), take(pcm(150.0), cache="hit"), take())["voice"] == Level.FAIL
    assert through(take(pcm(150.0), cache="miss"), hit, take(), other)["own"] == Level.FAIL, "the other's very bytes"
    assert through(hit, hit, take(), other)["own"] == Level.FAIL, "found, though only the other had asked"
    assert through(miss, take(pcm(111.0), cache="hit"), take())["same"] == Level.FAIL
    assert through(miss, take(cache="hit", voice="bruno"), take())["same"] == Level.FAIL
    assert through(miss, take(cache="miss"), take())["same"] == Level.WARN
    assert through(miss, hit, refused(502, {})) == {"spoken": Level.FAIL}


def test_figures_must_move_with_what_happens() -> None:
    """One try moves the counter by one; by none it is stale, by more somebody else is there."""
    moves = [of_counter(5.0, after, 1).level for after in (6.0, 5.0, 8.0)]
    assert moves == [Level.PASS, Level.FAIL, Level.WARN]


def test_settings_are_compared_value_by_value() -> None:
    """Any part of the settings can be expected; what differs or is not there fails by its own name."""
    effective = {"voice": {"languages": ["en"], "profile": "fast"}, "providers": {"named": {}}}
    expected = {"voice": {"languages": ["en"], "profile": "quality"}, "cache": {"enabled": True}}
    told = {check.name: check.level for check in of_expected(expected, effective)}
    assert told == {
        "settings.voice.languages": Level.PASS,
        "settings.voice.profile": Level.FAIL,
        "settings.cache.enabled": Level.FAIL,
    }


def test_the_voice_that_should_speak_is_that_of_the_settings() -> None:
    """A variant's voice comes first, then the provider's own, then the language's; one that it has not is none."""
    there = found(**exposed(candidate={"name": "new", "voice": "bruno"}))
    settings = {"voice": {"voices": {"en": "alba"}, "provider_voices": {"one": {"en": "bruno"}}}}
    assert voice_of(there, settings, Side.CANDIDATE, "one", "en") == "bruno"
    assert voice_of(there, {"voice": {"voices": {"en": "alba"}}}, Side.BASELINE, "one", "en") == "alba"
    assert voice_of(there, settings, Side.BASELINE, "one", "en") == "bruno"
    assert voice_of(there, settings, Side.BASELINE, "two", "en") == ""


def test_arms_differ_where_their_speakers_do() -> None:
    """Another synthesizer, or another voice that knows the language; a voice that does not know it changes nothing."""
    assert not differ(found(), "en")
    assert differ(found(**exposed()), "uk")
    voice = found(**exposed(candidate={"name": "new", "voice": "bruno"}))
    assert differ(voice, "en")
    assert not differ(voice, "uk")
