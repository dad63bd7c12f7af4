"""What OpenAI's own client sees when a provider fails: before the answer has begun, and after."""

import asyncio
import json
import math
import struct
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import openai
import pytest
import uvicorn
from openai.types.chat import ChatCompletionChunk

from segue.errors import FailureCategory, ProviderError
from segue.settings import Settings
from segue.voice.containers import wav
from segue.voice.plane import VoicePlane
from segue.voice.ports import About, Prompt, Recording, Speech, Transcript, Utterance, VoiceInfo
from segue.wiring.house import build

RATE = 24_000
TONE = b"".join(struct.pack("<h", round(8000 * math.sin(at / 8))) for at in range(RATE // 2))
WAV = wav.whole(TONE, RATE)
QUESTION: list[Any] = [{"role": "user", "content": "Hello?"}]
QUOTA = ProviderError("The quota is used up.", provider="scripted", category=FailureCategory.QUOTA)
PASSING = ProviderError("It stumbled.", provider="scripted", category=FailureCategory.SERVER)


class FaultyModel:
    """Writes some words, then fails or falls silent; `calls` times, if that is given, and well after that."""

    name = "scripted"
    about = About("test", "faulty-1")

    def __init__(
        self, words: int, *, silent: bool = False, fails: ProviderError = QUOTA, calls: int | None = None
    ) -> None:
        self._words = words
        self._silent = silent
        self._fails = fails
        self._calls = calls
        self.asked = 0

    async def stream(self, _: Prompt) -> AsyncGenerator[str, None]:
        self.asked += 1
        if self._calls is not None and self.asked > self._calls:
            yield "All is well."
            return
        for _at in range(self._words):
            yield "word "
        if self._silent:
            await asyncio.Event().wait()
        raise self._fails


class FaultyVoice:
    """Speaks every sentence but those with the word `broken`."""

    name = "scripted"
    about = About("test")

    def voices(self) -> tuple[VoiceInfo, ...]:
        return (VoiceInfo("scripted-en", self.name, ("en",), "female"),)

    async def speak(self, utterance: Utterance) -> AsyncGenerator[Speech, None]:
        if "broken" in utterance.text:
            raise QUOTA
        yield Speech(TONE, RATE, self.name, "tone", utterance.voice)


class EndlessRecognizer:
    """Listens for ever, and knows how many do."""

    name = "pocketsphinx"
    about = About("test")
    languages: tuple[str, ...] = ("en",)

    def __init__(self) -> None:
        self.listening = 0

    async def hear(self, recording: Recording) -> Transcript:
        self.listening += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.listening -= 1
        raise AssertionError(recording)


@asynccontextmanager
async def door_with(
    model: FaultyModel, recognizer: EndlessRecognizer | None = None, recognition_s: float = 0.3
) -> AsyncGenerator[tuple[openai.AsyncOpenAI, VoicePlane], None]:
    """A whole Segue over a real socket, whose only providers are ones that fail."""
    house = build(
        Settings.model_validate(
            {
                "voice": {
                    "languages": ["en"],
                    "limits": {"first_token_s": 0.2, "token_stall_s": 0.2, "recognition_s": recognition_s},
                },
                "providers": {
                    "models": ["scripted"],
                    "synthesizers": ["scripted"],
                    "recognizers": ["pocketsphinx"] if recognizer else [],
                },
                "cache": {"enabled": False},
            }
        ),
        keep=False,
    )
    plane = house.plane
    plane.models.chain.targets["scripted"].provider = model
    plane.speech.chain.targets["scripted"].provider = FaultyVoice()
    if recognizer is not None:
        plane.hearing.recognizers.chain.targets["pocketsphinx"].provider = recognizer
    async with house.running():
        server = uvicorn.Server(uvicorn.Config(house.app(), port=0, log_config=None, lifespan="off"))
        serving = asyncio.create_task(server._serve())
        while not server.started:
            await asyncio.sleep(0.005)
        port = server.servers[0].sockets[0].getsockname()[1]
        try:
            async with openai.AsyncOpenAI(
                base_url=f"http://127.0.0.1:{port}/v1", api_key="anything", max_retries=0, timeout=20
            ) as client:
                yield client, plane
        finally:
            server.should_exit = True
            await serving
    assert plane.turns.places.held == 0


async def read_into(found: list[Any], stream: AsyncIterable[Any]) -> None:
    """Add what comes to a list, which keeps it when the stream fails."""
    async for item in stream:
        found.append(item)  # noqa: PERF401 - a comprehension would lose what came before the failure


@pytest.mark.parametrize("stream", [False, True])
async def test_a_model_that_fails_at_once_is_a_status(stream: bool) -> None:
    """Before the first piece the failure is a status, streamed or not."""
    async with door_with(FaultyModel(0)) as (client, _):
        with pytest.raises(openai.InternalServerError) as caught:
            await client.chat.completions.create(model="gpt-4o", messages=QUESTION, stream=stream)
    assert (caught.value.status_code, caught.value.type) == (502, "server_error")
    assert "quota" in caught.value.message


async def test_a_model_that_fails_later_is_an_error_event() -> None:
    """After the first piece the failure is an event that OpenAI's client raises, and `[DONE]` does not come."""
    async with door_with(FaultyModel(3)) as (client, _):
        stream = await client.chat.completions.create(model="gpt-4o", messages=QUESTION, stream=True)
        chunks: list[ChatCompletionChunk] = []
        with pytest.raises(openai.APIError, match="quota") as caught:
            await read_into(chunks, stream)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "word word word "
        assert caught.value.code == "provider_failed"

    async with door_with(FaultyModel(3)) as (client, _), httpx2.AsyncClient() as raw:
        answer = await raw.post(
            f"{client.base_url}chat/completions", json={"model": "gpt-4o", "messages": QUESTION, "stream": True}
        )
        last = answer.text.strip().split("\n\n")[-1]
        assert set(json.loads(last.removeprefix("data: "))) == {"error"}

    async with door_with(FaultyModel(3)) as (client, _):
        with pytest.raises(openai.InternalServerError) as whole:
            await client.chat.completions.create(model="gpt-4o", messages=QUESTION)
        assert whole.value.status_code == 502


async def test_an_only_model_whose_quota_is_used_up_is_left_alone() -> None:
    """After a refusal that would come again the model is not asked: 503, and why."""
    model = FaultyModel(0)
    async with door_with(model) as (client, _):
        with pytest.raises(openai.InternalServerError):
            await client.chat.completions.create(model="gpt-4o", messages=QUESTION)
        with pytest.raises(openai.InternalServerError, match=r"scripted is resting \(quota\)") as caught:
            await client.chat.completions.create(model="gpt-4o", messages=QUESTION)
    assert (caught.value.status_code, caught.value.code) == (503, "providers_resting")
    assert 1 <= int(caught.value.response.headers["retry-after"]) <= 12
    assert model.asked == 1


@pytest.mark.parametrize("stream", [False, True])
async def test_a_passing_failure_of_an_only_model_is_not_noticed(stream: bool) -> None:
    """A failure that may pass is tried once more; the caller sees the reply, and nothing of the failure."""
    model = FaultyModel(0, fails=PASSING, calls=1)
    async with door_with(model) as (client, _):
        if stream:
            chunks: list[ChatCompletionChunk] = []
            await read_into(
                chunks, await client.chat.completions.create(model="gpt-4o", messages=QUESTION, stream=True)
            )
            text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
            assert {chunk.model for chunk in chunks} == {"faulty-1"}
        else:
            answer = await client.chat.completions.create(model="gpt-4o", messages=QUESTION)
            text = answer.choices[0].message.content or ""
            assert answer.model == "faulty-1"
    assert text == "All is well."
    assert model.asked == 2


@pytest.mark.parametrize("stream_format", ["audio", "sse"])
async def test_speech_that_fails_at_once_is_a_status(stream_format: Any) -> None:
    """Before the first audible sound the failure is a status, also where events were asked for."""
    async with door_with(FaultyModel(0)) as (client, _):
        with pytest.raises(openai.InternalServerError, match="quota") as caught:
            await client.audio.speech.create(
                model="tts-1", voice="alloy", input="This is broken.", stream_format=stream_format
            )
        assert caught.value.status_code == 502


HALF = "The first sentence is spoken well and to its end. The second one is broken."


async def test_speech_that_fails_later_breaks_off() -> None:
    """Bare audio has no words for a failure: the connection breaks off, so that half a file never looks whole."""
    async with door_with(FaultyModel(0)) as (client, plane):
        async with client.audio.speech.with_streaming_response.create(
            model="tts-1", voice="alloy", input=HALF, response_format="pcm"
        ) as answer:
            turn, heard = answer.headers["x-segue-turn"], list[bytes]()
            with pytest.raises(httpx2.RemoteProtocolError):
                await read_into(heard, answer.iter_bytes())
        assert len(b"".join(heard)) > len(TONE) // 2
        record = await plane.records.find(turn)
        assert record is not None
        assert record.outcome == "failed"


async def test_speech_events_end_with_the_error() -> None:
    """In events the failure is the last of them, with OpenAI's error object, and `done` does not come."""
    async with (
        door_with(FaultyModel(0)) as (client, _),
        client.audio.speech.with_streaming_response.create(
            model="tts-1", voice="alloy", input=HALF, response_format="pcm", stream_format="sse"
        ) as answer,
    ):
        found = [json.loads(line.removeprefix("data: ")) async for line in answer.iter_lines() if line]
    kinds = [event["type"] for event in found]
    assert kinds[0] == "speech.audio.delta"
    assert kinds[-1] == "speech.audio.error"
    assert "speech.audio.done" not in kinds
    assert found[-1]["error"]["code"] == "provider_failed"
    assert "quota" in found[-1]["error"]["message"]


async def test_a_recognizer_that_takes_too_long_is_given_up() -> None:
    """A recognition over its limit is a 504, also where events were asked for, and the recognizer is let go."""
    recognizer = EndlessRecognizer()
    async with door_with(FaultyModel(0), recognizer) as (client, _):
        for stream in (False, True):
            with pytest.raises(openai.InternalServerError, match=r"within 0\.3 s") as caught:
                await client.audio.transcriptions.create(model="whisper-1", file=("a.wav", WAV), stream=stream)
            assert caught.value.status_code == 504
    assert recognizer.listening == 0


async def test_a_caller_who_leaves_is_not_listened_to() -> None:
    """A hang-up during recognition stops it at once, long before its limit."""
    recognizer = EndlessRecognizer()
    async with door_with(FaultyModel(0), recognizer, recognition_s=60.0) as (client, _):
        asking = asyncio.create_task(client.audio.transcriptions.create(model="whisper-1", file=("a.wav", WAV)))
        async with asyncio.timeout(30):
            while not recognizer.listening:
                await asyncio.sleep(0.005)
            asking.cancel()
            while recognizer.listening:
                await asyncio.sleep(0.005)
