"""`/v1/chat/completions`, `/v1/models` and the menus, as OpenAI's own client sees them."""

import asyncio
from typing import Any

import httpx2
import openai
import pytest

from segue.configuration import OpenAINames
from tests.server import RunningServer, running

QUESTION: list[Any] = [{"role": "user", "content": "Tell me more about yourself."}]


def test_a_streamed_reply_is_the_whole_reply(client: openai.OpenAI) -> None:
    """The deltas of a stream together are the reply that comes at once, and both count the same tokens."""
    whole = client.chat.completions.create(model="gpt-4o-mini", messages=QUESTION)
    chunks = list(
        client.chat.completions.create(
            model="gpt-4o-mini", messages=QUESTION, stream=True, stream_options={"include_usage": True}
        )
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)

    assert whole.object == "chat.completion"
    assert whole.choices[0].finish_reason == "stop"
    assert whole.choices[0].message.content == text
    assert len(text) > 20
    assert len(chunks) > 4
    assert chunks[0].choices[0].delta.role == "assistant"
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk.id for chunk in chunks}) == 1
    assert [chunk.choices[0].finish_reason for chunk in chunks[:-1]] == [None] * (len(chunks) - 2) + ["stop"]
    assert chunks[-1].choices == []
    assert [chunk.usage for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert chunks[-1].usage == whole.usage
    assert whole.usage is not None
    assert whole.usage.prompt_tokens == 6
    assert whole.usage.total_tokens == 6 + whole.usage.completion_tokens


def test_a_stream_ends_with_its_mark(embedded: RunningServer) -> None:
    """On the wire there are only `data:` lines, `[DONE]` is the last, and usage comes only where it was asked for."""
    answer = httpx2.post(
        f"{embedded.url}/v1/chat/completions", json={"model": "segue", "messages": QUESTION, "stream": True}
    )
    lines = [line for line in answer.text.split("\n") if line]
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert all(line.startswith("data: ") for line in lines)
    assert lines[-1] == "data: [DONE]"
    assert "usage" not in answer.text


@pytest.mark.parametrize("model", [*OpenAINames().chat_models, "segue", "offline", "gpt-4o-2024-11-20"])
def test_every_chat_model_name_answers_and_the_reply_says_who(client: openai.OpenAI, model: str) -> None:
    """OpenAI's names mean the configured model; the reply names the model that really wrote it."""
    reply = client.chat.completions.create(model=model, messages=[{"role": "user", "content": "Hello!"}])
    assert reply.model == "offline"
    assert reply.choices[0].message.content


def test_a_reply_ends_where_it_was_told_to(client: openai.OpenAI) -> None:
    """`stop` cuts before the sequence, `max_completion_tokens` after so many pieces, streamed or not."""
    whole = client.chat.completions.create(model="gpt-4o", messages=QUESTION).choices[0].message.content
    assert whole is not None
    stop = whole[len(whole) // 2 : len(whole) // 2 + 5]
    cut = client.chat.completions.create(model="gpt-4o", messages=QUESTION, stop=stop)
    assert cut.choices[0].message.content == whole[: whole.index(stop)]
    assert cut.choices[0].finish_reason == "stop"

    short = client.chat.completions.create(model="gpt-4o", messages=QUESTION, max_completion_tokens=3)
    assert short.choices[0].finish_reason == "length"
    assert whole.startswith(short.choices[0].message.content or "?")
    assert short.usage is not None
    assert short.usage.completion_tokens == 3
    streamed = list(client.chat.completions.create(model="gpt-4o", messages=QUESTION, max_tokens=3, stream=True))
    assert streamed[-1].choices[0].finish_reason == "length"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 3}, "n"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "user", "content": " "}]}, "messages"),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": [5]}]}, "messages.0.content.0"),
        ({"stop": 5}, "stop"),
        ({"temperature": 3}, "temperature"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"extra_body": {"language": "tlh"}}, "language"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
    ],
)
def test_what_cannot_be_served_is_refused(client: openai.OpenAI, fields: dict[str, Any], param: str) -> None:
    """Each mistake is a 400 that says which field to mend, streamed or not."""
    for stream in (False, True):
        with pytest.raises(openai.BadRequestError) as caught:
            client.chat.completions.create(**{"model": "gpt-4o", "messages": QUESTION, "stream": stream, **fields})
        assert (caught.value.type, caught.value.param) == ("invalid_request_error", param)


def test_a_body_that_is_not_json_is_refused(embedded: RunningServer) -> None:
    """A page of another origin could send a body that does not say it is JSON; broken JSON is a 400."""
    url = f"{embedded.url}/v1/chat/completions"
    assert httpx2.post(url, content=b"{}", headers={"content-type": "text/plain"}).status_code == 415
    broken = httpx2.post(url, content=b"{", headers={"content-type": "application/json"})
    assert broken.status_code == 400
    assert broken.json()["error"]["type"] == "invalid_request_error"


def test_an_unknown_chat_model_is_not_found(client: openai.OpenAI) -> None:
    """A name that does not chat is a 404 that lists the names that do."""
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="tts-1", messages=QUESTION)
    assert (caught.value.code, caught.value.param) == ("unknown_model", "model")
    assert "gpt-4o-mini" in caught.value.message


def test_models_can_be_listed_and_found(client: openai.OpenAI) -> None:
    """Every name that can be asked for is listed once and can be looked up, dated snapshots too."""
    listed = {model.id: model for model in client.models.list()}
    names = OpenAINames()
    expected = {*names.speech_models, *names.transcription_models, *names.chat_models}
    assert set(listed) == expected | {"segue", "offline", "espeak", "pocketsphinx"}
    assert listed["tts-1"].owned_by == "espeak"
    assert listed["whisper-1"].owned_by == "pocketsphinx"
    assert listed["gpt-4o"].owned_by == "offline"
    for name, model in listed.items():
        assert client.models.retrieve(name) == model
    assert client.models.retrieve("gpt-4o-2024-11-20").id == "gpt-4o-2024-11-20"
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("gpt-99")
    assert caught.value.code == "unknown_model"


def test_the_menus_list_what_can_be_chosen(client: openai.OpenAI, embedded: RunningServer) -> None:
    """What a menu offers works: each model speaks, each voice speaks its language."""
    models = httpx2.get(f"{embedded.url}/v1/audio/models").json()["models"]
    assert {"id": "tts-1", "name": "tts-1"} in models
    voices = httpx2.get(f"{embedded.url}/v1/audio/voices").json()["voices"]
    assert len({voice["id"] for voice in voices}) == len(voices)
    assert {"alloy", "en-us", "uk", "ru", "cmn"} <= {voice["id"] for voice in voices}
    assert all(set(voice) == {"id", "name", "language", "gender", "provider"} for voice in voices)
    assert {voice["language"] for voice in voices} == {"auto", "en", "uk", "ru", "zh"}
    for voice in voices:
        answer = client.audio.speech.create(model="tts-1", voice=voice["id"], input="1", response_format="pcm")
        assert len(answer.content) > 2000
        assert voice["language"] in {"auto", answer.response.headers["x-segue-language"]}


def test_what_is_not_there_is_openais_error_too(embedded: RunningServer) -> None:
    """Unknown paths and methods under `/v1` answer with OpenAI's error object."""
    for path in ("/v1/embeddings", "/v1/audio/speech"):
        missing = httpx2.get(f"{embedded.url}{path}")
        assert missing.status_code in {404, 405}
        assert set(missing.json()["error"]) == {"message", "type", "param", "code"}


async def idle(server: RunningServer) -> None:
    """Return when no turn is running; fail when that does not come."""
    async with asyncio.timeout(30), httpx2.AsyncClient() as client:
        while (await client.get(f"{server.url}/voice/health")).json()["turns"]["running"]:
            await asyncio.sleep(0.01)


async def test_a_caller_who_leaves_stops_the_model() -> None:
    """A hang-up in the middle frees the place of a completion and of a speech, and everyone else is served."""
    slow = {
        "providers": {
            "models": ["scripted"],
            "synthesizers": ["scripted"],
            "recognizers": [],
            "scripted": {"reply": "word " * 500, "token_interval_s": 0.05, "real_time_factor": 1.0},
        }
    }
    with running(slow) as server:
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="anything", max_retries=0) as client:
            stream = await client.chat.completions.create(model="gpt-4o", messages=QUESTION, stream=True)
            assert (await anext(aiter(stream))).choices
            assert server.health()["turns"]["running"] == 1
            await stream.close()
            await idle(server)

            waiting = asyncio.create_task(client.chat.completions.create(model="gpt-4o", messages=QUESTION))
            async with asyncio.timeout(30):
                while not server.health()["turns"]["running"]:
                    await asyncio.sleep(0.01)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            await idle(server)

            async with client.audio.speech.with_streaming_response.create(
                model="tts-1", voice="alloy", input="word " * 200, response_format="pcm"
            ) as speech:
                turn = speech.headers["x-segue-turn"]
                assert await anext(aiter(speech.iter_bytes()))
            await idle(server)
        assert server.record(turn)["outcome"] == "abandoned"


def test_without_a_recognizer_transcriptions_say_so() -> None:
    """Where nothing listens, no transcription model is listed, and asking for one is a 503 that says what to do."""
    with (
        running({"providers": {"recognizers": [], "synthesizers": ["scripted"]}}) as server,
        openai.OpenAI(base_url=f"{server.url}/v1", api_key="anything", max_retries=0) as client,
    ):
        assert "whisper-1" not in {model.id for model in client.models.list()}
        with pytest.raises(openai.InternalServerError, match="recognizer") as caught:
            client.audio.transcriptions.create(model="whisper-1", file=("speech.wav", b"RIFF"))
        assert (caught.value.status_code, caught.value.code) == (503, "unavailable")


async def test_a_flood_is_refused_and_told_when_to_come_back() -> None:
    """Completions take the places of turns: one more than there are is a 503 with Retry-After."""
    config = {
        "voice": {"max_turns": 2},
        "providers": {"models": ["scripted"], "synthesizers": ["scripted"], "recognizers": []}
        | {"scripted": {"reply": "word " * 500, "token_interval_s": 0.05}},
    }
    with running(config) as server:
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="anything", max_retries=0) as client:
            streams = [
                await client.chat.completions.create(model="gpt-4o", messages=QUESTION, stream=True) for _ in range(2)
            ]
            with pytest.raises(openai.InternalServerError) as caught:
                await client.chat.completions.create(model="gpt-4o", messages=QUESTION, stream=True)
            assert (caught.value.status_code, caught.value.code) == (503, "overloaded")
            assert caught.value.response.headers["retry-after"] == "1"
            for stream in streams:
                await stream.close()
            await idle(server)
            assert await client.chat.completions.create(model="gpt-4o", messages=QUESTION, max_tokens=1)
