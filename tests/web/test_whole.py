"""Answers that come when they are finished, from real servers: whole replies, kept files, and who they say spoke."""

import base64
import hashlib
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from segue.voice.containers import wav
from tests.server import RunningServer, running
from tests.vendors import openai
from tests.vendors.openai_wire import KEY
from tests.vendors.script import Fault, Script
from tests.vendors.street import opened

CHAT = "/api/voice/chat/stream"
TTS = "/api/voice/tts"
LINK_S = 2.0
STALL_S = 1.0
PATIENCE_S = 20.0


@pytest.fixture(scope="module")
def script() -> Script:
    """What our OpenAI server does; it is well again before each test."""
    return Script()


@pytest.fixture(scope="module")
def server(script: Script) -> Iterator[RunningServer]:
    """Our OpenAI server speaks first, eSpeak NG behind it; nothing is cached, links live for two seconds."""
    with opened() as street:
        speaker = {
            "vendor": "openai-synthesizer", "model": "tts-1", "key": KEY, "languages": ["en"],
            "url": street.open(openai.serving(script)),
        }  # fmt: skip
        config = {
            "voice": {
                "languages": ["en"],
                "breaker": {"in_a_row": 1000, "least": 1000},
                "limits": {"stall_s": STALL_S},
            },
            "providers": {"named": {"speaker": speaker}, "synthesizers": ["speaker", "espeak"]},
            "cache": {"enabled": False},
            "files": {"link_s": LINK_S},
        }
        with running(config) as server:
            yield server


def stop_in_the_middle(script: Script) -> None:
    """Let the next sentence stop after a second of it was heard; whoever goes on does not begin anew."""
    script.fault, script.after, script.calls = Fault.STALL, 48_000, 1


@pytest.fixture(autouse=True)
def well(script: Script) -> None:
    """Whatever failed before does so no more."""
    script.fault, script.calls, script.after = None, None, 0


def post(server: RunningServer, path: str, **body: Any) -> httpx2.Response:
    """A request for English speech."""
    return httpx2.post(server.url + path, json={"language": "en", **body}, timeout=60)


def problem(answer: httpx2.Response) -> tuple[int, str]:
    """Status and code of a refusal."""
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


@pytest.fixture
def off(server: RunningServer) -> Iterator[None]:
    """Streamed speech is switched off meanwhile."""
    for enabled in (False, True):
        answer = httpx2.post(
            f"{server.url}/api/voice/switch",
            json={"enabled": enabled, "reason": "trying things"},
            headers=server.headers,
        )
        assert answer.status_code == 200
        if not enabled:
            yield


class TestReplies:
    """`allow_whole` while streamed speech is switched off."""

    @pytest.mark.usefixtures("off")
    def test_a_whole_reply_holds_what_a_stream_would_have_told(self, server: RunningServer) -> None:
        """One JSON value: what `meta` says, the text, all of the sound, who spoke it; and a record like any other."""
        answer = post(server, CHAT, text="Say: good morning to all of you.", allow_whole=True)
        reply = answer.json()
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        assert int(answer.headers["content-length"]) == len(answer.content)
        assert answer.headers["x-segue-turn"] == reply["turn"]
        assert "good morning" in reply["text"].lower()
        assert (reply["language"], reply["model"], reply["format"]) == ("en", "offline", "pcm16")
        assert reply["report_token"]
        pcm = base64.b64decode(reply["audio"], validate=True)
        assert len(pcm) / 2 / reply["sample_rate"] * 1000 == pytest.approx(reply["audio_ms"], abs=1)
        assert reply["audio_ms"] > 500
        assert max(pcm) > 0
        assert (reply["speakers"], reply["degraded"]) == ({"speaker": "alloy"}, [])
        record = server.record(reply["turn"])
        assert (record["kind"], record["outcome"]) == ("chat", "completed")
        assert record["audio_ms"] == pytest.approx(reply["audio_ms"], abs=1)

    @pytest.mark.usefixtures("off")
    def test_a_whole_reply_says_who_spoke_instead(self, server: RunningServer, script: Script) -> None:
        """A provider that stops in the middle: both are named, and so is what happened."""
        stop_in_the_middle(script)
        reply = post(server, CHAT, text="Say: good morning to all of you, and a good night.", allow_whole=True).json()
        assert list(reply["speakers"]) == ["speaker", "espeak"]
        assert [(told["reason"], told["provider"]) for told in reply["degraded"]] == [("resumed", "espeak")]
        assert reply["degraded"][0]["voice"] == reply["speakers"]["espeak"]

    @pytest.mark.usefixtures("off")
    def test_a_whole_reply_in_a_container_is_a_finished_file(self, server: RunningServer) -> None:
        """A WAV file in it has exact sizes."""
        reply = post(server, CHAT, text="Say: good evening.", allow_whole=True, format="wav").json()
        layout, samples = wav.parse(base64.b64decode(reply["audio"]))
        assert len(samples) / layout.frame_bytes / layout.rate * 1000 == pytest.approx(reply["audio_ms"], abs=1)

    @pytest.mark.usefixtures("off")
    def test_who_does_not_allow_it_is_refused(self, server: RunningServer) -> None:
        """Switched off, a stream is refused in both doors; reading a finished file out is not a stream."""
        assert problem(post(server, CHAT, text="Hello.")) == (503, "voice_disabled")
        assert problem(post(server, TTS, text="Hello.", stream=True)) == (503, "voice_disabled")
        assert post(server, TTS, text="Hello to you.").status_code == 200

    @pytest.mark.usefixtures("off")
    def test_a_whole_reply_that_fails_has_its_own_status(self, server: RunningServer) -> None:
        """What cannot be answered is a problem with a status, and not half a reply."""
        assert problem(post(server, CHAT, text="Hello.", allow_whole=True, voice="nobody")) == (400, "unknown_voice")

    def test_switched_on_it_streams_all_the_same(self, server: RunningServer) -> None:
        """`allow_whole` only allows: where speech can be streamed it is."""
        answer = post(server, CHAT, text="Say: good day.", allow_whole=True)
        assert answer.headers["content-type"].startswith("text/event-stream")


def kept(server: RunningServer, text: str, **body: Any) -> dict[str, Any]:
    """What is said of a file that was kept."""
    answer = post(server, TTS, text=text, store=True, **body)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json"), answer.text
    plain: dict[str, Any] = answer.json()
    return plain | {"turn": answer.headers["x-segue-turn"]}


class TestFiles:
    """`store`: speech that is kept and handed out by link."""

    def test_a_link_gives_the_speech_that_was_kept(self, server: RunningServer) -> None:
        """Under its own SHA-256, labelled with who spoke it, from an address on this server that needs no more."""
        file = kept(server, "This is to be kept for a while.", tenant="first")
        digest = file["key"].rpartition("/")[2].partition(".")[0]
        assert file["key"] == f"files/first/{digest}.wav"
        assert file["label"] == {
            "turn": file["turn"], "language": "en", "provider": "speaker", "model": "tts-1", "voice": "alloy",
        }  # fmt: skip
        assert file["expires_in_s"] == LINK_S
        answer = httpx2.get(server.url + file["url"])
        assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/wav")
        assert len(answer.content) == file["size_bytes"]
        assert hashlib.sha256(answer.content).hexdigest() == digest
        layout, samples = wav.parse(answer.content)
        assert len(samples) / layout.frame_bytes / layout.rate * 1000 == pytest.approx(file["audio_ms"], abs=1)
        assert (server.data / "audio" / file["key"]).read_bytes() == answer.content

    def test_a_link_expires(self, server: RunningServer) -> None:
        """It gives the file until its time is over, then says so; a new one works, to the file that was kept first."""
        file = kept(server, "This will be gone soon.")
        url, statuses, until = server.url + file["url"], [], time.monotonic() + PATIENCE_S
        while not statuses or (statuses[-1] == 200 and time.monotonic() < until):
            time.sleep(0.1)
            answer = httpx2.get(url)
            statuses.append(answer.status_code)
        assert problem(answer) == (403, "link_expired")
        again = kept(server, "This will be gone soon.")
        assert (again["key"], again["label"]) == (file["key"], file["label"])
        assert httpx2.get(server.url + again["url"]).status_code == 200

    def test_a_link_opens_no_other_tenants_file(self, server: RunningServer) -> None:
        """The same speech of two tenants is two files, and the link of one does not open that of the other."""
        ours, theirs = (kept(server, "Said by both of us.", tenant=tenant) for tenant in ("ours", "theirs"))
        assert ours["key"].removeprefix("files/ours/") == theirs["key"].removeprefix("files/theirs/")
        stolen = ours["url"].replace("/ours/", "/theirs/")
        assert urlsplit(stolen).path == urlsplit(theirs["url"]).path
        assert problem(httpx2.get(server.url + stolen)) == (403, "link_invalid")
        assert problem(httpx2.get(server.url + urlsplit(theirs["url"]).path)) == (403, "link_invalid")

    def test_what_is_streamed_is_not_kept(self, server: RunningServer) -> None:
        """Both at once is refused, and says which of the two to leave out."""
        answer = post(server, TTS, text="Hello.", store=True, stream=True)
        assert problem(answer) == (400, "invalid_request")
        assert "without `stream`" in answer.json()["detail"]

    @pytest.mark.parametrize("tenant", ["../x", "A", "", "a/b"])
    def test_a_tenant_is_a_name(self, server: RunningServer, tenant: str) -> None:
        """What is none is refused with the name of the field."""
        answer = post(server, TTS, text="Hello.", store=True, tenant=tenant)
        assert answer.status_code == 400
        assert "tenant" in answer.text

    def test_nothing_is_kept_of_what_cannot_be_spoken(self, server: RunningServer) -> None:
        """A text without a word in it makes no file."""
        assert problem(post(server, TTS, text="***", store=True)) == (400, "invalid_request")

    def test_the_label_names_everybody_who_spoke(self, server: RunningServer, script: Script) -> None:
        """A file that two providers spoke is labelled with both, each with its voice."""
        stop_in_the_middle(script)
        label = kept(server, "This sentence is begun by one of them and is finished by another.")["label"]
        assert label["provider"] == "speaker, espeak"
        assert label["voice"].split(", ")[0] == "alloy"
        assert len(label["voice"].split(", ")) == 2


class TestHeaders:
    """What the headers of a finished file and of a stream say."""

    def test_a_voice_that_is_there_is_not_substituted(self, server: RunningServer) -> None:
        """The provider and the voice that were asked for."""
        answer = post(server, TTS, text="Here I am, as you wished.", voice="nova")
        told = {
            name: answer.headers.get(f"x-segue-{name}") for name in ("provider", "voice", "substituted", "language")
        }
        assert told == {"provider": "speaker", "voice": "nova", "substituted": None, "language": "en"}

    @pytest.mark.parametrize("stream", [False, True])
    def test_a_fallbacks_voice_is_told_instead_of_the_one_asked_for(
        self, server: RunningServer, script: Script, stream: bool
    ) -> None:
        """Who really speaks, with which voice, and which voice it stands for; streamed or not."""
        script.fault = Fault.SERVER
        answer = post(server, TTS, text="Somebody else is speaking now.", voice="speaker/nova", stream=stream)
        told = {name: answer.headers.get(f"x-segue-{name}") for name in ("provider", "voice", "substituted")}
        voices = httpx2.get(f"{server.url}/api/voice/voices").json()["items"]
        assert told["provider"] == "espeak"
        assert told["voice"] in {voice["name"] for voice in voices if voice["provider"] == "espeak"}
        assert told["substituted"] == "nova"
        record = server.record(answer.headers["x-segue-turn"])
        assert [(each["provider"], each["outcome"]) for each in record["attempts"]][:2] == [
            ("speaker", "failed"), ("espeak", "completed"),
        ]  # fmt: skip
        assert record["voice"] == "nova"

    def test_a_file_of_two_speakers_names_both(self, server: RunningServer, script: Script) -> None:
        """Where one stops in the middle: both providers, in the order in which they are heard."""
        stop_in_the_middle(script)
        answer = post(server, TTS, text="This sentence is begun by one voice and is finished by another.", voice="nova")
        assert answer.headers["x-segue-provider"] == "speaker, espeak"
        assert answer.headers["x-segue-substituted"] == "nova"
