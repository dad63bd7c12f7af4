"""The three examples as their own files set them up: real Segue processes, with our servers in the vendors' places.

Of each example only the addresses are turned, by the variables that its README names, and the keys are those that our
servers take. Breakers are as shipped: what a listener hears when a vendor fails is what would be heard of the real one.
"""

import base64
import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import httpx2
import pytest
from ruamel.yaml import YAML

from tests.server import PROJECT, RunningServer, running
from tests.vendors import edge, google, google_service, openai, openai_chat, openai_wire, yandex
from tests.vendors.script import Fault, Heard, Script
from tests.vendors.street import Street, opened

EXAMPLES = PROJECT / "examples"
KEYS = {
    "OPENAI_API_KEY": openai_wire.KEY,
    "GOOGLE_API_KEY": google_service.KEY,
    "GOOGLE_APPLICATION_CREDENTIALS": "",
    "YANDEX_API_KEY": yandex.KEY,
}


@dataclass
class Place:
    """A vendor's place, taken by a server of ours: its script, what it heard, and where it is."""

    script: Any = field(default_factory=Script)
    heard: list[Heard] = field(default_factory=list)
    url: str = ""

    def take(self, street: Street, serving: Callable[[Any, list[Heard]], Any]) -> "Place":
        """Open the server."""
        self.url = street.open(serving(self.script, self.heard))
        return self


@contextmanager
def example(name: str, places: dict[str, Place], keys: dict[str, str], **settings: str) -> Iterator[RunningServer]:
    """Run an example with the providers of these names at our addresses; `settings` are variables below `NAMED`."""
    environment = keys | {f"SEGUE_PROVIDERS__NAMED__{path}": value for path, value in settings.items()}
    environment |= {f"SEGUE_PROVIDERS__NAMED__{name.upper()}__URL": place.url for name, place in places.items()}
    with running(EXAMPLES / name / "segue.yaml", environment=environment) as server:
        yield server


@dataclass
class Reply:
    """A spoken reply: its text, who was heard with which voice, what was told on the way, and who wrote it."""

    text: str
    voices: list[tuple[str, str]]
    degraded: list[tuple[str, str]]
    turn: str
    ended: str


def ask(server: RunningServer, text: str, **fields: Any) -> Reply:
    """A turn over HTTP; the voices are those that its frames of audio are labelled with."""
    answer = httpx2.post(
        f"{server.url}/api/voice/chat/stream",
        json={"text": text, **fields},
        headers={"accept": "application/x-ndjson"},
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    events = [json.loads(line) for line in answer.text.splitlines()]
    audio = [event for event in events if event["event"] == "audio"]
    assert sum(len(base64.b64decode(event["data"])) for event in audio) > 10_000, events[-1]
    return Reply(
        "".join(event["text"] for event in events if event["event"] == "text"),
        list(dict.fromkeys((event["provider"], event["voice"]) for event in audio)),
        [(event["reason"], event["provider"]) for event in events if event["event"] == "degraded"],
        events[0]["turn"],
        events[-1]["event"],
    )


def read_out(server: RunningServer, text: str, **fields: Any) -> httpx2.Response:
    """A text read out as a WAV file."""
    answer = httpx2.post(f"{server.url}/api/voice/tts", json={"text": text, **fields}, timeout=60)
    assert answer.status_code == 200, answer.text
    assert answer.content[:4] == b"RIFF"
    return answer


def readme_request(server: RunningServer, name: str) -> httpx2.Response:
    """The request that an example's README shows, sent as it stands there."""
    page = (EXAMPLES / name / "README.md").read_text(encoding="utf-8")
    path, body = re.findall(r"curl -\w+ http://127\.0\.0\.1:8002(\S+).*?-d '(.*?)'", page, re.DOTALL)[0]
    answer = httpx2.post(
        server.url + path, content=body.encode(), headers={"content-type": "application/json"}, timeout=60
    )
    assert answer.status_code == 200, answer.text
    return answer


def who(answer: httpx2.Response) -> tuple[str, str]:
    """Who spoke a file, and with which voice."""
    return answer.headers["x-segue-provider"], answer.headers["x-segue-voice"]


def write_down(server: RunningServer, recording: bytes, language: str, **fields: Any) -> httpx2.Response:
    """A recording written down."""
    body = {"audio": base64.b64encode(recording).decode(), "language": language, **fields}
    return httpx2.post(f"{server.url}/api/voice/stt", json=body, timeout=60)


def standing(server: RunningServer) -> dict[str, dict[str, Any]]:
    """Every provider as `/api/providers` tells it, by name."""
    told = httpx2.get(f"{server.url}/api/providers", headers=server.headers).json()
    return {item["name"]: item for item in told["items"]}


CAST = YAML(typ="safe").load((EXAMPLES / "chirp3" / "characters.yaml").read_text(encoding="utf-8"))["characters"]


@pytest.fixture
def google_street() -> Iterator[Street]:
    """Where the two synthesizers of Google stand, until Google is gone."""
    with opened() as street:
        yield street


def say_all(server: RunningServer, sentence: str, provider: str) -> None:
    """Every character says a sentence, and is heard with its own voice at this provider and with no other."""
    for key, character in CAST.items():
        reply = ask(server, f"说{sentence}", character=key, language="zh")
        assert (reply.text, reply.ended) == (sentence, "done")
        assert reply.voices == [(provider, character["voices"][provider]["zh"])], key
        assert reply.degraded == ([] if provider == "chirp3" else [("fallback", provider)]), key


def test_chirp3_gives_each_character_its_own_voice_whoever_speaks(google_street: Street) -> None:
    """All fourteen stream from Chirp 3: HD; when that fails, WaveNet speaks, each with its pitch; else eSpeak NG."""
    chirp, wavenet = (Place().take(google_street, google.serving) for _ in range(2))
    with example("chirp3", {"chirp3": chirp, "wavenet": wavenet}, KEYS) as server:
        assert len(CAST) == 14
        assert who(readme_request(server, "chirp3")) == ("chirp3", "cmn-CN-Chirp3-HD-Puck")
        chirp.heard.clear()
        say_all(server, "欢迎来到废土。", "chirp3")
        streamed = [call for call in chirp.heard if call.path == "StreamingSynthesize"]
        spoken = [(call.body[0].streaming_config.voice.name, call.body[1].input.text) for call in streamed]
        assert spoken == [(each["voices"]["chirp3"]["zh"], "欢迎来到废土。") for each in CAST.values()]
        assert {call.path for call in wavenet.heard} == {"ListVoices"}

        chirp.script.fault = Fault.SERVER
        say_all(server, "请先看看你的手腕。", "wavenet")
        asked = [call.body for call in wavenet.heard if call.path == "SynthesizeSpeech"]
        manner = [(each.voice.name, each.audio_config.speaking_rate, each.audio_config.pitch) for each in asked]
        assert manner == [
            (each["voices"]["wavenet"]["zh"], each["speed"], pytest.approx(each["pitch_st"])) for each in CAST.values()
        ]
        assert standing(server)["chirp3"]["state"] == "resting"

        google_street.close()
        say_all(server, "外面还有一个定居点。", "espeak")
        assert standing(server)["wavenet"]["state"] == "resting"
        # What Chirp 3: HD said before was kept, and is its own voice still.
        say_all(server, "欢迎来到废土。", "chirp3")

        refused = httpx2.post(
            f"{server.url}/api/voice/chat/stream", json={"text": "说你好。", "character": "pip_boi", "language": "zh"}
        )
        problem = refused.json()
        assert (refused.status_code, problem["code"], problem["param"]) == (400, "unknown_character", "character")
        assert "pip_boy" in problem["detail"]


@pytest.fixture(scope="module")
def vendors() -> Iterator[dict[str, Place]]:
    """Three vendors, and each twice: their synthesizers and their recognizers fail apart from each other."""
    with opened() as street:
        yield {
            "openai_tts": Place().take(street, openai.serving),
            "google_tts": Place().take(street, google.serving),
            "yandex_tts": Place().take(street, yandex.serving),
            "openai_stt": Place(openai.HearingScript(transcript="привет от первого")).take(street, openai.serving),
            "google_stt": Place(Script(transcript="привет от второго")).take(street, google.serving),
            "yandex_stt": Place(Script(transcript="привет от третьего")).take(street, yandex.serving),
        }


@pytest.fixture(scope="module")
def orchestra(vendors: dict[str, Place]) -> Iterator[RunningServer]:
    """The example with three vendors and all keys; OpenAI's goes to another address because that was said so."""
    variable = {f"{name}__KEY_VARIABLE": "OPENAI_API_KEY" for name in ("OPENAI_TTS", "OPENAI_STT")}
    with example("voice-v2", vendors, KEYS, **variable) as server:
        yield server


def test_voice_v2_speaks_with_the_next_vendor_when_one_fails(
    orchestra: RunningServer, vendors: dict[str, Place]
) -> None:
    """OpenAI's alloy, then Google's, then Yandex's voice of the language, then eSpeak, as one after another fails."""
    assert who(readme_request(orchestra, "voice-v2")) == ("openai_tts", "alloy")
    stages = [
        ("", "openai_tts", {"ru": "alloy", "en": "alloy"}),
        ("openai_tts", "google_tts", {"ru": "ru-RU-Wavenet-A", "en": "en-US-Wavenet-D"}),
        ("google_tts", "yandex_tts", {"ru": "jane", "en": "john"}),
        ("yandex_tts", "espeak", {"ru": "ru+f3", "en": "en-us"}),
    ]
    texts = {"ru": "До отправления осталось {} минуты.", "en": "There are {} minutes left to go."}  # nothing was kept
    for number, (failing, provider, voices) in enumerate(stages, start=2):
        if failing:
            vendors[failing].script.fault = Fault.SERVER
        for language, text in texts.items():
            answer = read_out(orchestra, text.format(number), language=language)
            assert who(answer) == (provider, voices[language])
            assert "x-segue-substituted" not in answer.headers

    asked = [(call.body["model"], call.body["voice"]) for call in vendors["openai_tts"].heard]
    assert set(asked) == {("tts-1", "alloy")}
    asked = [(call.body.voice.name, call.body.voice.language_code) for call in vendors["google_tts"].heard[1:]]
    assert set(asked) == {("ru-RU-Wavenet-A", "ru-RU"), ("en-US-Wavenet-D", "en-US")}
    asked = [(call.body["voice"], call.body["lang"]) for call in vendors["yandex_tts"].heard]
    assert set(asked) == {("jane", "ru-RU"), ("john", "en-US")}


def test_voice_v2_hears_with_the_next_vendor_when_one_fails(
    orchestra: RunningServer, vendors: dict[str, Place]
) -> None:
    """OpenAI, Google and Yandex hear Russian in turn; after them pocketsphinx hears English, and nobody Russian."""
    english = httpx2.post(
        f"{orchestra.url}/api/voice/tts", json={"text": "Good morning.", "voice": "espeak/en-us", "language": "en"}
    )
    stages = [
        ("", "openai_stt", "первого"),
        ("openai_stt", "google_stt", "второго"),
        ("google_stt", "yandex_stt", "третьего"),
    ]
    for failing, provider, word in stages:
        if failing:
            vendors[failing].script.fault = Fault.SERVER
        told = write_down(orchestra, english.content, "ru").json()
        assert (told["provider"], told["text"]) == (provider, f"привет от {word}")
    assert vendors["openai_stt"].heard[0].body["model"] == ["gpt-transcribe"]
    assert vendors["openai_stt"].heard[0].body["language"] == ["ru"]
    config = vendors["google_stt"].heard[0].body.config
    assert (config.model, config.language_code) == ("latest_long", "ru-RU")
    assert vendors["yandex_stt"].heard[0].body["lang"] == "ru-RU"

    vendors["yandex_stt"].script.fault = Fault.SERVER
    told = write_down(orchestra, english.content, "en", expected="good morning").json()
    assert (told["provider"], told["text"]) == ("pocketsphinx", "good morning")
    refused = write_down(orchestra, english.content, "ru")
    assert refused.status_code == 502
    assert all(name in refused.json()["detail"] for name in ("openai_stt", "google_stt", "yandex_stt"))


@pytest.mark.parametrize(
    ("owned", "provider", "voice"), [("", "espeak", "ru+f3"), ("YANDEX_API_KEY", "yandex_tts", "jane")]
)
def test_voice_v2_leaves_out_by_name_who_has_no_key(
    vendors: dict[str, Place], owned: str, provider: str, voice: str
) -> None:
    """Without keys the server starts, says of each vendor which variable is missing, and speaks with the rest."""
    ours = {name: place for name, place in vendors.items() if owned and name.startswith("yandex")}
    for place in ours.values():
        place.script.fault = None
    with example("voice-v2", ours, {name: KEYS[name] if name == owned else "" for name in KEYS}) as server:
        states = standing(server)
        missing = {"openai": "OPENAI_API_KEY", "google": "GOOGLE_APPLICATION_CREDENTIALS, GOOGLE_API_KEY"}
        missing |= {} if owned else {"yandex": "YANDEX_API_KEY"}
        for vendor, variables in missing.items():
            for name in (f"{vendor}_tts", f"{vendor}_stt"):
                assert states[name]["state"] == "left out"
                assert variables in states[name]["reason"]
                assert any("provider left out" in line and name in line and variables in line for line in server.log)
        assert {name for name, each in states.items() if each["state"] == "left out"} == {
            f"{vendor}_{role}" for vendor in missing for role in ("tts", "stt")
        }
        spoken = read_out(server, "Добрый вечер, друзья.", language="ru")
        assert who(spoken) == (provider, voice)
        heard = write_down(server, spoken.content, "ru")
        assert heard.status_code == (200 if owned else 400)
        if not owned:
            assert "pocketsphinx hears en, not ru" in heard.json()["detail"]


def writers(records: dict[str, Any], reply: Reply) -> list[tuple[str, str, str]]:
    """Which models were asked for a reply, and with what outcome; one that was asked twice is told once."""
    attempts = records[reply.turn]["model_attempts"]
    return list(dict.fromkeys((each["provider"], each["model"], each["outcome"]) for each in attempts))


RIVER = ("Дніпро", " починається", " далеко", " на", " півночі", ".", " Він", " тече", " до", " моря", ".")


@pytest.fixture
def phase2() -> Iterator[tuple[RunningServer, dict[str, Place], dict[str, Street]]]:
    """The example with models of one's own: its server, who stands in each place, and the street of each place."""
    with ExitStack() as stack:
        models = ("gemma3", "qwen3_5", "qwen3_14b")
        streets = {name: stack.enter_context(opened()) for name in (*models, "edge")}
        places = {
            name: Place(openai_chat.ModelScript(tokens=RIVER)).take(streets[name], openai.serving) for name in models
        }
        places["edge"] = Place(edge.EdgeScript()).take(streets["edge"], edge.serving)
        keys = {f"{name.upper()}__KEY": openai_wire.KEY for name in models}  # Ollama takes none; our server wants one
        yield stack.enter_context(example("phase2-streaming", places, {}, **keys)), places, streets


def test_phase2_streaming_has_a_model_and_a_voice_behind_the_first(
    phase2: tuple[RunningServer, dict[str, Place], dict[str, Street]],
) -> None:
    """Polina reads what gemma3 writes, and Ostap where he is asked for; whoever is gone has another behind it."""
    server, places, streets = phase2
    told = standing(server)
    assert version("edge-tts") in told["edge"]["version"]
    limits = {name: each["limits"]["first_s"] for name, each in told.items()}
    assert [limits[name] for name in ("gemma3", "qwen3_5", "qwen3_14b")] == [10, 20, 30]
    first = ask(server, "Розкажи про Дніпро.")
    assert (first.text, first.ended, first.degraded) == ("".join(RIVER), "done", [])
    assert first.voices == [("edge", "uk-UA-PolinaNeural")]
    assert {call.body["voice"] for call in places["edge"].heard} == {"uk-UA-PolinaNeural"}
    assert '"voice": "uk-UA-OstapNeural"' in readme_request(server, "phase2-streaming").text
    assert ask(server, "Ще раз.", voice="uk-UA-OstapNeural").voices == [("edge", "uk-UA-OstapNeural")]
    assert places["edge"].heard[-1].body["voice"] == "uk-UA-OstapNeural"
    assert {call.body["model"] for call in places["gemma3"].heard} == {"gemma3"}

    streets["gemma3"].close()
    second = ask(server, "А тепер?")
    assert (second.text, second.degraded) == ("".join(RIVER), [("fallback", "qwen3_5")])
    well = ask(server, "Подумай добре.", profile="quality")
    assert well.degraded == []
    places["qwen3_5"].script.fault = Fault.SERVER
    last = ask(server, "Подумай ще.", profile="quality")
    assert last.degraded == [("fallback", "qwen3_14b")]

    streets["edge"].close()
    places["qwen3_14b"].script.tokens = ("Інше", " речення", " про", " річку", ".")
    polina = ask(server, "Хто говорить?", profile="quality")
    assert (polina.voices, polina.degraded[1:]) == ([("espeak", "uk+f3")], [("fallback", "espeak")])
    assert ask(server, "А хто тепер?", profile="quality", character="ostap").voices == [("espeak", "uk")]

    records = {record["turn"]: record for record in server.records()}
    assert writers(records, first) == [("gemma3", "gemma3", "completed")]
    assert writers(records, second) == [("gemma3", "gemma3", "failed"), ("qwen3_5", "qwen3.5:35b-a3b", "completed")]
    assert writers(records, well) == [("qwen3_5", "qwen3.5:35b-a3b", "completed")]
    assert writers(records, last) == [("qwen3_5", "qwen3.5:35b-a3b", "failed"), ("qwen3_14b", "qwen3:14b", "completed")]
