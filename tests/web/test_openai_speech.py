"""`/v1/audio/speech` as OpenAI's own client sees it, with real speech."""

import asyncio
import base64
import io
import itertools
import json
import math
from typing import Any

import av
import openai
import pytest

from segue.configuration import OpenAINames
from tests.server import RunningServer

RATE = 24_000
TEXT = "The quick brown fox jumps over the lazy dog. Then it sleeps, and dreams of forty-two chickens."
TEXTS = {
    "en": "Good morning to everyone.",
    "uk": "Доброго ранку всім, як ваші справи?",
    "ru": "Доброе утро, это очень хорошо.",
    "zh": "大家早上好。",
}
FRAMES = {"mp3": 576, "opus": 480, "aac": 1024, "flac": 0, "wav": 0, "pcm": 0}
"""Samples in one frame of each format at 24 kHz (an Opus packet of 20 ms)."""
TYPES = {
    "mp3": ("audio/mpeg", "mp3"),
    "opus": ("audio/ogg; codecs=opus", "ogg"),
    "aac": ("audio/aac", "aac"),
    "flac": ("audio/flac", "flac"),
    "wav": ("audio/wav", "wav"),
    "pcm": ("audio/pcm;rate=24000;channels=1", ""),
}


def samples(data: bytes, form: str) -> int:
    """How many samples at 24 kHz FFmpeg finds in a file of this format; for `pcm` the bytes tell."""
    if form == "pcm":
        return len(data) // 2
    reader = TYPES[form][1]
    with av.open(io.BytesIO(data), "r", format=reader) as container:
        stream = container.streams.audio[0]
        counted = sum(frame.samples for frame in container.decode(stream))
        rate = int(stream.rate)
    return round(int(counted) * RATE / rate)


def seconds(client: openai.OpenAI, **fields: Any) -> float:
    """The playing time of a speech."""
    given = {"model": "tts-1", "voice": "alloy", "input": TEXT, "response_format": "pcm", **fields}
    return len(client.audio.speech.create(**given).content) / 2 / RATE


def spoken(server: RunningServer, turn: str) -> int:
    """How many samples at 24 kHz were spoken in a turn, from its record. No two speeches are equal to the sample."""
    record = server.record(turn)
    assert record["outcome"] == "completed"
    return round(float(record["audio_ms"]) * RATE / 1000)


@pytest.mark.parametrize("form", list(FRAMES))
def test_every_format_streams_all_that_was_spoken(client: openai.OpenAI, embedded: RunningServer, form: Any) -> None:
    """Audio comes in several pieces; together they decode to what was spoken, give or take one frame of the format."""
    with client.audio.speech.with_streaming_response.create(
        model="tts-1", voice="alloy", input=TEXT, response_format=form
    ) as answer:
        pieces = list(answer.iter_bytes())
        headers = answer.headers
    assert headers["content-type"] == TYPES[form][0]
    assert headers["cache-control"] == "no-store, no-transform"
    assert len(pieces) > 1
    expected = spoken(embedded, headers["x-segue-turn"])
    assert expected > 3 * RATE
    assert abs(samples(b"".join(pieces), form) - expected) <= FRAMES[form]


def test_mp3_is_the_default(client: openai.OpenAI) -> None:
    """A client that names no format gets mp3, as from OpenAI."""
    answer = client.audio.speech.create(model="gpt-4o-mini-tts", voice="nova", input="Hello.")
    assert answer.response.headers["content-type"] == "audio/mpeg"
    assert samples(answer.content, "mp3") > 0


@pytest.mark.parametrize("form", ["mp3", "wav", "pcm"])
def test_speech_comes_as_events(client: openai.OpenAI, embedded: RunningServer, form: Any) -> None:
    """`stream_format=sse` gives deltas that together are the file, then one `done` with its usage."""
    with client.audio.speech.with_streaming_response.create(
        model="gpt-4o-mini-tts", voice="alloy", input=TEXT, response_format=form, stream_format="sse"
    ) as answer:
        headers = answer.headers
        lines = [line for line in answer.iter_lines() if line]
    assert headers["content-type"] == "text/event-stream; charset=utf-8"
    assert headers["x-accel-buffering"] == "no"
    assert all(line.startswith("data: ") for line in lines)
    found = [json.loads(line.removeprefix("data: ")) for line in lines]

    assert len(found) > 3
    assert {event["type"] for event in found[:-1]} == {"speech.audio.delta"}
    expected = spoken(embedded, headers["x-segue-turn"])
    data = b"".join(base64.b64decode(event["audio"]) for event in found[:-1])
    assert abs(samples(data, form) - expected) <= FRAMES[form]
    tokens = math.ceil(expected / RATE / 0.05)
    assert found[-1] == {
        "type": "speech.audio.done",
        "usage": {"input_tokens": 22, "output_tokens": tokens, "total_tokens": 22 + tokens},
    }


def test_speed_changes_how_long_it_takes(client: openai.OpenAI) -> None:
    """Half the speed is longer, double the speed shorter, and 1 is what nothing said gives."""
    normal = seconds(client)
    assert seconds(client, speed=1.0) == pytest.approx(normal, abs=0.1)
    assert 1.5 * normal < seconds(client, speed=0.5) < 2.6 * normal
    assert 0.35 * normal < seconds(client, speed=2.0) < 0.7 * normal


@pytest.mark.parametrize("speed", [0.25, 4.0])
def test_the_ends_of_the_range_of_speed_are_spoken(client: openai.OpenAI, speed: float) -> None:
    """0.25 and 4 are served."""
    assert seconds(client, speed=speed) > 0.5


@pytest.mark.parametrize("speed", [0.24, 4.01, -1, 0])
def test_other_speeds_are_refused(client: openai.OpenAI, speed: float) -> None:
    """A speed outside 0.25 to 4 is the caller's mistake, and the error says where."""
    with pytest.raises(openai.BadRequestError) as caught:
        client.audio.speech.create(model="tts-1", voice="alloy", input="Hello.", speed=speed)
    assert caught.value.param == "speed"


def test_the_longest_text_is_spoken_and_one_more_character_is_not(client: openai.OpenAI) -> None:
    """4096 characters are read out; 4097 are refused, as are none and only blanks."""
    text = ("Words " * 683)[:4096]
    assert len(text) == 4096
    assert seconds(client, input=text, speed=4.0) > 10
    for wrong in (text + "x", "", " \n "):
        with pytest.raises(openai.BadRequestError) as caught:
            client.audio.speech.create(model="tts-1", voice="alloy", input=wrong)
        error = caught.value
        assert (error.type, error.param) == ("invalid_request_error", "input")
        assert "input" in error.message


@pytest.mark.parametrize("voice", [*OpenAINames().voices])
@pytest.mark.parametrize("language", list(TEXTS))
def test_openai_voices_speak_the_language_of_the_text(client: openai.OpenAI, voice: str, language: str) -> None:
    """Each of OpenAI's voice names speaks each language; the language is recognized from the text."""
    answer = client.audio.speech.create(model="tts-1", voice=voice, input=TEXTS[language], response_format="pcm")
    assert answer.response.headers["x-segue-language"] == language
    assert len(answer.content) / 2 / RATE > 0.4


def test_female_and_male_names_are_different_voices(client: openai.OpenAI) -> None:
    """A female and a male name of OpenAI's are not the same configured voice."""
    chosen = {
        voice: client.audio.speech.create(model="tts-1", voice=voice, input="Hello.").response.headers["x-segue-voice"]
        for voice in ("nova", "onyx")
    }
    assert chosen["nova"] != chosen["onyx"]


def test_own_voices_and_languages_pass_through(client: openai.OpenAI, embedded: RunningServer) -> None:
    """A provider's own voice name is used as it is, also as an object; `language` may be said."""
    for voice in ("uk", {"id": "uk"}):
        answer = client.audio.speech.create(model="segue", voice=voice, input="42")  # type: ignore[arg-type]
        assert answer.response.headers["x-segue-voice"] == "uk"
        assert answer.response.headers["x-segue-language"] == "uk"
    said = client.audio.speech.create(model="espeak", voice="alloy", input="42", extra_body={"language": "ru-RU"})
    assert said.response.headers["x-segue-language"] == "ru"
    record = embedded.record(said.response.headers["x-segue-turn"])
    assert (record["kind"], record["language"], record["outcome"]) == ("speech", "ru", "completed")


@pytest.mark.parametrize("model", [*OpenAINames().speech_models, "segue", "espeak", "gpt-4o-mini-tts-2025-12-15"])
def test_every_speech_model_name_speaks(client: openai.OpenAI, model: str) -> None:
    """OpenAI's names, a dated snapshot of one, Segue's own and the provider's mean the configured synthesizer."""
    assert seconds(client, model=model, input="Hello.") > 0.2


def test_an_unknown_model_is_not_found(client: openai.OpenAI) -> None:
    """A name that does not speak is a 404 that lists the names that do."""
    for model in ("tts-99", "whisper-1", "gpt-4o"):
        with pytest.raises(openai.NotFoundError) as caught:
            client.audio.speech.create(model=model, voice="alloy", input="Hello.")
        assert (caught.value.code, caught.value.param) == ("unknown_model", "model")
        assert "tts-1" in caught.value.message


def test_an_unknown_voice_is_refused_with_names(client: openai.OpenAI) -> None:
    """A voice nobody has is a 400 that says what to ask for; it is never replaced silently."""
    with pytest.raises(openai.BadRequestError) as caught:
        client.audio.speech.create(model="tts-1", voice="aloy", input="Hello.")
    assert (caught.value.code, caught.value.param) == ("unknown_voice", "voice")
    assert "alloy" in caught.value.message
    with pytest.raises(openai.BadRequestError) as caught:
        client.audio.speech.create(model="tts-1", voice="uk", input="Hello.", extra_body={"language": "en"})
    assert caught.value.code == "unknown_voice"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"response_format": "midi"}, "response_format"),
        ({"stream_format": "carrier pigeon"}, "stream_format"),
        ({"voice": {"name": "alloy"}}, "voice"),
        ({"voice": 7}, "voice"),
        ({"extra_body": {"language": "tlh"}}, "language"),
        ({"input": "***"}, "input"),
    ],
)
def test_what_cannot_be_served_is_refused(client: openai.OpenAI, fields: dict[str, Any], param: str | None) -> None:
    """Each mistake is a 400 with OpenAI's error object, whichever way the answer was to come."""
    for stream_format in ({}, {"stream_format": "sse"}):
        given = {"model": "tts-1", "voice": "alloy", "input": "Hello.", **stream_format, **fields}
        with pytest.raises(openai.BadRequestError) as caught:
            client.audio.speech.create(**given)
        assert (caught.value.type, caught.value.param) == ("invalid_request_error", param)


def test_instructions_are_accepted(client: openai.OpenAI) -> None:
    """`instructions` change nothing, and are no reason to refuse."""
    assert seconds(client, instructions="Whisper, like a pirate.") == pytest.approx(seconds(client), abs=0.1)


async def test_many_at_once_keep_their_own_words(embedded: RunningServer) -> None:
    """Twenty speeches at once are each what they are alone."""
    texts = ["Word, " + "and word " * number + "end." for number in range(20)]
    async with openai.AsyncOpenAI(base_url=f"{embedded.url}/v1", api_key="anything", max_retries=0) as client:

        async def length_s(text: str) -> float:
            answer = await client.audio.speech.create(model="tts-1", voice="alloy", input=text, response_format="pcm")
            return len(answer.content) / 2 / RATE

        together = await asyncio.gather(*map(length_s, texts))
        alone = [await length_s(text) for text in texts]
    assert together == pytest.approx(alone, abs=0.1)
    assert all(longer - shorter > 0.2 for shorter, longer in itertools.pairwise(alone))
