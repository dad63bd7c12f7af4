"""Sentences that were spoken before, in a real server: heard again as they were and truly labelled, or not at all.

Our OpenAI server speaks first and eSpeak NG behind it; what a vendor is asked for is what it logged.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.server import RunningServer, running
from tests.vendors import openai
from tests.vendors.openai_wire import KEY
from tests.vendors.script import Fault, Heard, Script
from tests.vendors.street import Street, opened

HIT, MISS = (f'segue_cache_lookups_total{{result="{result}"}}' for result in ("hits", "misses"))
STORED = 'segue_cache_writes_total{result="stored"}'


@dataclass
class Place:
    """Our OpenAI server: its script, what it heard, and its address."""

    script: Script = field(default_factory=Script)
    heard: list[Heard] = field(default_factory=list)
    url: str = ""

    def asked(self, text: str) -> int:
        """How often this text was to be spoken."""
        return sum(call.body["input"] == text for call in self.heard)


@pytest.fixture(scope="module")
def street() -> Iterator[Street]:
    """Where our server stands."""
    with opened() as street:
        yield street


@pytest.fixture(scope="module")
def vendor(street: Street) -> Place:
    """The server that speaks first."""
    place = Place()
    place.url = street.open(openai.serving(place.script, place.heard))
    return place


@pytest.fixture(autouse=True)
def well(vendor: Place) -> None:
    """Whatever failed before does so no more."""
    vendor.script.fault = None


@contextmanager
def segue(vendor: Place, folder: Path) -> Iterator[RunningServer]:
    """A Segue that keeps what it speaks in a folder."""
    speaker = {"vendor": "openai-synthesizer", "model": "tts-1", "key": KEY, "languages": ["en"], "url": vendor.url}
    config = {
        "voice": {"languages": ["en"], "breaker": {"in_a_row": 1000, "least": 1000}},
        "providers": {"named": {"speaker": speaker}, "synthesizers": ["speaker", "espeak"]},
        "storage": {"folder": str(folder)},
    }
    with running(config) as server:
        yield server


@pytest.fixture(scope="module")
def server(vendor: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One of them for most tests."""
    with segue(vendor, tmp_path_factory.mktemp("audio")) as server:
        yield server


@dataclass(frozen=True)
class Spoken:
    """A finished file: its bytes, who spoke it with which voice, and its turn."""

    data: bytes
    provider: str
    voice: str
    turn: str

    @property
    def label(self) -> tuple[str, str]:
        """Who spoke, and with which voice."""
        return self.provider, self.voice


def speak(server: RunningServer, text: str, **fields: Any) -> Spoken:
    """A text read out."""
    answer = httpx2.post(f"{server.url}/api/voice/tts", json={"text": text, "language": "en", **fields}, timeout=60)
    assert answer.status_code == 200, answer.text
    headers = answer.headers
    return Spoken(answer.content, headers["x-segue-provider"], headers["x-segue-voice"], headers["x-segue-turn"])


def records(server: RunningServer, *spoken: Spoken) -> list[dict[str, Any]]:
    """The records of these turns, as `segue turns export` prints them."""
    by_turn = {record["turn"]: record for record in server.records()}
    return [by_turn[each.turn] for each in spoken]


def attempts(record: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Who was to speak with which voice, and what came of it."""
    return [(each["provider"], each["voice"], each["outcome"]) for each in record["attempts"]]


ALLOY = ("speaker", "alloy")
SPOKEN, CACHED = [(*ALLOY, "completed")], [(*ALLOY, "cached")]


def test_the_second_time_nobody_is_asked(server: RunningServer, vendor: Place) -> None:
    """The same sound to the byte, the same labels, `cached` in the record, one hit and no second call."""
    text = "Your order is on its way to you."
    before = {sample: server.metric(sample) for sample in (HIT, MISS)}
    first, second = speak(server, text), speak(server, text)
    assert first.label == second.label == ALLOY
    assert second.data == first.data
    assert len(first.data) > 48_000
    assert vendor.asked(text) == 1
    assert {sample: server.metric(sample) - value for sample, value in before.items()} == {HIT: 1, MISS: 1}
    spoken, cached = records(server, first, second)
    assert (attempts(spoken), attempts(cached)) == (SPOKEN, CACHED)
    assert (cached["attempts"][0]["model"], cached["first_choice"]) == ("tts-1", "speaker")
    assert cached["attempts"][0]["audio_ms"] == spoken["attempts"][0]["audio_ms"] > 1000


def test_another_format_is_the_same_sentence(server: RunningServer, vendor: Place) -> None:
    """What is kept is the sound before it is encoded: any format of it is made from it."""
    text = "One sentence in several formats."
    whole, bare = speak(server, text), speak(server, text, format="pcm")
    assert whole.data.endswith(bare.data)
    assert len(bare.data) > 48_000
    assert vendor.asked(text) == 1


@pytest.mark.parametrize("change", [{"voice": "nova"}, {"speed": 1.25}])
def test_what_would_sound_otherwise_is_spoken_anew(
    server: RunningServer, vendor: Place, change: dict[str, Any]
) -> None:
    """Another voice or another speed is another sound."""
    text = f"Said in one way and then with {next(iter(change))}."
    speak(server, text)
    assert speak(server, text, **change).label == ("speaker", change.get("voice", "alloy"))
    assert vendor.asked(text) == 2


def test_a_fallbacks_sound_is_kept_as_what_it_is(server: RunningServer, vendor: Place) -> None:
    """While the first one fails the fallback is heard, and kept as itself; when the first is back, it is heard."""
    text = "Who is it that is speaking to you?"
    vendor.script.fault = Fault.SERVER
    instead, again = speak(server, text), speak(server, text)
    assert instead.provider == "espeak"
    assert (again.label, again.data) == (instead.label, instead.data)
    vendor.script.fault = None
    back = speak(server, text)
    assert back.label == ALLOY
    assert back.data != instead.data
    first, second, third = records(server, instead, again, back)
    failed = (*ALLOY, "failed")
    assert attempts(first) == [failed, (*instead.label, "completed")]
    assert attempts(second) == [failed, (*instead.label, "cached")]
    assert attempts(third) == SPOKEN


def test_a_voice_that_fails_is_heard_with_what_was_kept_of_it(server: RunningServer, vendor: Place) -> None:
    """A sentence that the first choice spoke before needs no fallback, and nobody is told of one."""
    text = "This was said while all was well."
    well = speak(server, text)
    vendor.script.fault = Fault.SERVER
    kept = speak(server, text)
    assert (kept.label, kept.data) == (ALLOY, well.data)
    (record,) = records(server, kept)
    assert (attempts(record), record["degraded"], record["outcome"]) == (CACHED, [], "completed")


def test_a_sentence_that_was_cut_off_is_not_kept(server: RunningServer, vendor: Place) -> None:
    """What two providers spoke, or half a sentence, is never heard as one's own."""
    text = "This sentence is cut off in the middle of it."
    vendor.script.fault, vendor.script.after = Fault.CUT, 48_000
    assert "espeak" in speak(server, text).provider
    vendor.script.fault = None
    whole = speak(server, text)
    assert whole.label == ALLOY
    assert len(whole.data) > 96_000
    assert vendor.asked(text) == 2
    assert attempts(*records(server, whole)) == SPOKEN


def test_what_was_kept_is_there_after_a_restart(vendor: Place, tmp_path: Path) -> None:
    """Another process with the same folder says it again without asking anybody."""
    text = "Said before the restart and after it."
    with segue(vendor, tmp_path) as server:
        first = speak(server, text)
    with segue(vendor, tmp_path) as server:
        again = speak(server, text)
        assert [server.metric(sample) for sample in (HIT, MISS, STORED)] == [1, 0, 0]
        assert attempts(*records(server, again)) == CACHED
    assert (again.data, again.label) == (first.data, ALLOY)
    assert vendor.asked(text) == 1
