"""What is OpenAI's own: its requests field by field, WAV as it streams it, and streamed replies in every disorder."""

import asyncio
import json
import math
import struct
from contextlib import aclosing
from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.clock import ManualClock, SystemClock
from segue.errors import FailureCategory, ProviderError, ProviderRefusal, Unavailable
from segue.providers.completions import CONTINUE, MOST_MALFORMED, OpenAICompatibleModel
from segue.providers.openai import OpenAIRecognizer, OpenAISynthesizer
from segue.providers.openai_riff import HEAD_BYTES, NotThis, Riff
from segue.vendors import openai as vendor
from segue.voice.containers import wav
from segue.voice.ports import Message, Prompt, Recording, Speech, Utterance
from tests.server import running
from tests.vendors.openai import completions, serving, speech, transcripts
from tests.vendors.openai_chat import ModelScript, chunk, event
from tests.vendors.openai_wire import KEY
from tests.vendors.script import Fault, Stand

SAMPLES = struct.pack("<500h", *range(500))
FORM = struct.pack("<HHIIHH", 1, 1, 24_000, 48_000, 2, 16)
NOTE = b"LIST\x1a\0\0\0INFOISFT\x0e\0\0\0Lavf61.7.100\0\0"


def riff(data: bytes = SAMPLES, *, size: int | None = None, form: bytes = FORM, before: bytes = b"") -> bytes:
    """A WAV file; `size` is what it claims of its samples, unknown when None."""
    claimed = 0xFFFFFFFF if size is None else size
    head = b"RIFF\xff\xff\xff\xffWAVE" + struct.pack("<4sI", b"fmt ", len(form)) + form
    return head + before + struct.pack("<4sI", b"data", claimed) + data


def read(file: bytes, step: int) -> tuple[bytes, str | None]:
    """The samples of a file that comes in pieces of so many bytes, and what is wrong with its end."""
    reader = Riff(24_000)
    pieces = [reader.push(file[at : at + step]) for at in range(0, len(file), step)]
    assert all(len(piece) % 2 == 0 for piece in pieces)
    return b"".join(pieces), reader.complaint()


@given(step=st.integers(1, 2000))
def test_a_file_in_pieces_is_the_file(step: int) -> None:
    """However a WAV file is cut on its way, its samples are the same, with and without known sizes and other chunks."""
    extensible = (
        struct.pack("<HHIIHH", 0xFFFE, 1, 24_000, 48_000, 2, 16) + struct.pack("<HHIH", 22, 16, 4, 1) + bytes(14)
    )
    for file in (
        wav.header(24_000) + SAMPLES,
        wav.whole(SAMPLES, 24_000),
        riff(),
        riff(size=0),
        riff(before=NOTE),
        riff(before=b"junk\x03\0\0\0abc\0"),
        riff(size=1000),
        riff(SAMPLES + NOTE, size=1000),
        riff(form=FORM + b"\0\0"),
        riff(form=extensible),
    ):
        assert read(file, step) == (SAMPLES, None)


@pytest.mark.parametrize(
    ("file", "what"),
    [
        (b"", "inside the header of its WAV file, after 0 bytes"),
        (b"RIF", "inside the header"),
        (riff()[:30], "inside the header"),
        (riff(before=NOTE)[:50], "inside the header"),
        (riff()[:-1], "in the middle of a sample"),
        (riff(size=1000)[:-2], "2 bytes before the end"),
    ],
)
def test_what_ends_early_is_found(file: bytes, what: str) -> None:
    """A file that ends in its header, inside a sample, or before its own measure is not a whole one."""
    for step in (1, 7, 5000):
        assert what in (read(file, step)[1] or "")


@pytest.mark.parametrize(
    ("file", "what"),
    [
        (b'{"error": {}}', "no WAV file"),
        (b"ID3\x04\0\0\0\0\0\0\0\0\0", "no WAV file"),
        (b"RIFF\0\0\0\0AVI LIST", "no WAV file"),
        (riff(form=struct.pack("<HHIIHH", 1, 2, 24_000, 96_000, 4, 16)), "2 channels"),
        (riff(form=struct.pack("<HHIIHH", 3, 1, 24_000, 96_000, 4, 32)), "32-bit samples of format 0x0003"),
        (riff(form=struct.pack("<HHIIHH", 1, 1, 16_000, 32_000, 2, 16)), "16000 samples a second, not 24000"),
        (riff(form=b"\1\0\1\0"), "format is cut short"),
        (b"RIFF\0\0\0\0WAVEdata\x10\0\0\0" + SAMPLES, "how its samples are stored"),
        (riff(size=1000) + riff(size=1000), "several WAV files"),
    ],
)
def test_what_is_something_else_is_refused(file: bytes, what: str) -> None:
    """Another container, other samples or a second file are refused, whatever they are sent as."""
    for step in (1, 333, 1 << 20):
        with pytest.raises(NotThis, match=what):
            read(file, step)


def test_a_header_without_end_is_refused() -> None:
    """Samples that are long in coming are not waited for without end."""
    with pytest.raises(NotThis, match="without samples"):
        read(riff(before=b"junk" + struct.pack("<I", 2 * HEAD_BYTES) + bytes(2 * HEAD_BYTES)), 1000)


async def said(stand: Stand[Any], text: str = "Good morning, Kyiv.", voice: str = "nova", **more: Any) -> list[Speech]:
    """All of a sentence."""
    return [piece async for piece in stand.provider.speak(Utterance(text, "en", voice, **more))]


async def test_a_sentence_is_asked_for_in_full() -> None:
    """The request names model, text, voice and WAV, and a speed only where it is not the normal one."""
    async with speech(model="tts-1-hd") as stand:
        await said(stand)
        await said(stand, speed=1.25)
    plain = {"model": "tts-1-hd", "input": "Good morning, Kyiv.", "voice": "nova", "response_format": "wav"}
    assert [heard.body for heard in stand.heard] == [plain, plain | {"speed": 1.25}]


async def test_what_openai_does_not_take_is_not_sent() -> None:
    """A text that is too long and a speed out of range are refused before the call, as nothing this provider can do."""
    async with speech() as stand:
        for wrong in ({"text": "a" * 4097}, {"speed": 0.2}, {"speed": 4.5}, {"speed": math.nan}):
            with pytest.raises(ProviderError, match="speaker") as refused:
                await said(stand, **wrong)
            assert refused.value.category is FailureCategory.UNSUPPORTED
        assert await said(stand, "... — !?") == []
        assert not stand.heard
        assert await said(stand, "a" * 4096)


@pytest.mark.parametrize(("model", "count"), [("tts-1", 9), ("gpt-4o-mini-tts", 13)])
def test_voices_are_those_of_the_model(model: str, count: int) -> None:
    """Each model offers the voices it has; a server of one's own offers those it is set up with."""
    own = vendor.OpenAISynthesizer.model_validate({"vendor": "openai-synthesizer", "model": model})
    other = own.model_copy(update={"voices": ("af_heart", "bf_emma"), "languages": ("en",)})

    assert len(OpenAISynthesizer("it", own, ManualClock()).voices()) == count
    voices = OpenAISynthesizer("it", other, ManualClock()).voices()
    assert [(voice.name, voice.languages) for voice in voices] == [("af_heart", ("en",)), ("bf_emma", ("en",))]


async def test_another_rate_is_set_up() -> None:
    """A server that speaks at another rate is heard once that rate is set, and refused with that advice before."""
    async with speech() as stand:
        stand.script.fault = Fault.WRONG_RATE
        with pytest.raises(ProviderError, match="16000 samples a second, not 24000; set `rate`"):
            await said(stand)
    async with speech(rate=16_000) as stand:
        stand.script.fault = Fault.WRONG_RATE
        assert (await said(stand))[0].rate == 16_000


async def test_the_wish_to_wait_is_told() -> None:
    """`Retry-After` of a refusal arrives in the error."""
    async with speech() as stand:
        stand.script.fault, stand.script.retry_after_s = Fault.RATE_LIMIT, 7.0
        with pytest.raises(ProviderError) as refused:
            await said(stand)
    assert (refused.value.category, refused.value.retry_after_s) == (FailureCategory.RATE_LIMIT, 7.0)


@pytest.mark.parametrize("adapter", [OpenAISynthesizer, OpenAIRecognizer, OpenAICompatibleModel])
async def test_without_a_key_nothing_starts(adapter: Any) -> None:
    """OpenAI's own address needs a key, and the start says which variable to set; another server needs none."""
    settings: Any = {
        OpenAISynthesizer: vendor.OpenAISynthesizer(vendor="openai-synthesizer"),
        OpenAIRecognizer: vendor.OpenAIRecognizer(vendor="openai-recognizer"),
        OpenAICompatibleModel: vendor.OpenAIModel(vendor="openai-model", model="m"),
    }[adapter]
    with pytest.raises(Unavailable, match="it needs a key: set OPENAI_API_KEY"):
        await adapter("it", settings, ManualClock()).start()

    provider = adapter(
        "it", settings.model_copy(update={"url": "http://127.0.0.1:1/v1", "key_variable": ""}), ManualClock()
    )
    assert provider.about.vendor == "openai-compatible"
    await provider.start()
    await provider.close()


HELLO = (Message("system", "Be kind."), Message("user", "Hello."))


async def written(stand: Stand[Any], **more: Any) -> list[str]:
    """All tokens of a reply."""
    return [token async for token in stand.provider.stream(Prompt(HELLO, "en", **more))]


async def taken(*raw: bytes) -> tuple[list[str], ProviderError | None, int]:
    """The tokens of a body that is sent in these pieces, the error at its end, and how many chunks were passed over."""
    tokens: list[str] = []
    async with completions(ModelScript(raw=raw)) as stand, asyncio.timeout(60):
        try:
            async for token in stand.provider.stream(Prompt(HELLO, "en")):
                tokens += [token]
        except ProviderError as error:
            return tokens, error, stand.provider.malformed
        return tokens, None, stand.provider.malformed


ONE, TWO, STOP, DONE = chunk(content="Good "), chunk(content="утро 早"), chunk("stop"), b"data: [DONE]\n\n"
REPLY = ["Good ", "утро 早"]


@pytest.mark.parametrize(
    "raw",
    [
        (ONE, TWO, STOP, DONE),
        (ONE + TWO + STOP + DONE,),
        tuple(bytes([byte]) for byte in ONE + TWO + STOP + DONE),
        ((ONE + TWO + STOP + DONE).replace(b"\n", b"\r\n"),),
        ((ONE + TWO + STOP + DONE).replace(b"\n", b"\r"),),
        (b": waiting\n\n", ONE, b": keep-alive\n\n: ping\n\n", TWO, STOP, DONE),
        (b"event: message\nid: 7\nretry: 10\n" + ONE, TWO, STOP, DONE),
        (ONE.replace(b"data: ", b"data:"), TWO, STOP, DONE),
        (ONE.replace(b', "model"', b',\ndata: "model"'), TWO, STOP, DONE),
        (ONE, TWO, STOP),
        (ONE, TWO, DONE),
        (ONE, chunk("stop", content="утро 早")),
        (ONE, TWO, chunk("length"), DONE),
        (chunk(role="assistant", content=""), ONE, chunk(content=""), TWO, STOP, DONE),
        (chunk(reasoning_content="Hm. "), chunk(reasoning="Well. "), ONE, TWO, STOP, DONE),
        (
            event({"choices": [], "prompt_filter_results": []}),
            ONE,
            TWO,
            STOP,
            event({"choices": [], "usage": {}}),
            DONE,
        ),
        (ONE, event({"choices": [{"delta": {"content": None}, "finish_reason": None}]}), TWO, STOP, DONE),
        (
            ONE,
            event({"choices": [{"delta": {"content": [{"type": "thinking"}, {"type": "text", "text": "утро 早"}]}}]}),
            STOP,
        ),
    ],
)
async def test_a_stream_is_read_however_it_comes(raw: tuple[bytes, ...]) -> None:
    """Line ends, comments, cuts inside letters, either end marker: the reply is the same, and without reasoning."""
    assert await taken(*raw) == (REPLY, None, 0)


async def test_a_refusal_in_words_is_the_reply() -> None:
    """What a model says instead of an answer is said to the listener."""
    assert await taken(chunk(refusal="I cannot."), STOP, DONE) == (["I cannot."], None, 0)


@pytest.mark.parametrize(
    "bad",
    [
        b'data: {"choices":[{"delta":{"cont\n\n',
        b"data: [1, 2]\n\n",
        b'data: {"choices": "none"}\n\n',
        b'data: {"choices": [{"delta": {"content": 7}}]}\n\n',
        b'data: {"object": "ping"}\n\n',
        b"data: \xff\xfe\n\n",
    ],
)
async def test_one_bad_chunk_is_passed_over(bad: bytes) -> None:
    """A chunk that cannot be read costs itself and no more, and is counted; many of them are a broken server."""
    assert await taken(ONE, bad, TWO, STOP, DONE) == (REPLY, None, 1)

    tokens, error, malformed = await taken(ONE, *[bad] * (MOST_MALFORMED + 1), TWO, STOP, DONE)
    assert (tokens, malformed) == (["Good "], MOST_MALFORMED + 1)
    assert error is not None
    assert error.category is FailureCategory.SERVER


@pytest.mark.parametrize(
    ("last", "category"),
    [
        ((), FailureCategory.TRUNCATED),
        ((b'data: {"choi',), FailureCategory.TRUNCATED),
        ((chunk("abort"), DONE), FailureCategory.TRUNCATED),
        ((chunk("content_filter"), DONE), FailureCategory.BAD_REQUEST),
        ((event({"error": {"message": "overloaded", "type": "server_error"}}), DONE), FailureCategory.SERVER),
        ((event({"error": {"message": "quota", "code": "insufficient_quota"}}),), FailureCategory.QUOTA),
        ((event({"error": {"message": "slow", "code": 429}}),), FailureCategory.RATE_LIMIT),
        ((event({"error": {"message": "too long", "code": "context_length_exceeded"}}),), FailureCategory.BAD_REQUEST),
        ((event({"error": "model runner has stopped"}),), FailureCategory.SERVER),
        ((b"data: " + b"x" * 1_100_000 + b"\n\n",), FailureCategory.SERVER),
    ],
)
async def test_an_end_that_is_none(last: tuple[bytes, ...], category: FailureCategory) -> None:
    """A reply that just stops, is stopped, or tells of an error is a failure, after what came before was passed on."""
    tokens, error, _ = await taken(ONE, *last)

    assert tokens == ["Good "]
    assert error is not None
    assert error.category is category
    assert isinstance(error, ProviderRefusal) == (b"content_filter" in b"".join(last))
    assert error.message.startswith("writer ")


async def test_a_full_context_is_told() -> None:
    """A conversation that is too long is refused as such, and not asked again."""
    async with completions(ModelScript(context=5)) as stand:
        with pytest.raises(ProviderError, match="context_length_exceeded") as refused:
            await written(stand)
    assert refused.value.category is FailureCategory.BAD_REQUEST
    assert len(stand.heard) == 1


async def test_a_reply_is_asked_for_in_full() -> None:
    """What a prompt does not say is taken from the settings, and what neither says is left to the server."""
    async with completions(max_tokens=50, temperature=0.3) as stand:
        await written(stand)
        await written(stand, model="large", max_tokens=2, temperature=1.0)
        assert await written(stand, max_tokens=0) == []
    messages = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello."}]
    first, second = (heard.body for heard in stand.heard)
    plain = {"messages": messages, "stream": True}
    assert first == plain | {"model": "small", "max_tokens": 50, "temperature": 0.3}
    assert second == plain | {"model": "large", "max_tokens": 2, "temperature": 1.0}

    async with completions() as stand:
        await written(stand)
    assert stand.heard[0].body == plain | {"model": "small"}


async def test_a_limit_of_tokens_is_an_end() -> None:
    """A reply that ends because no more was asked for is a whole one."""
    async with completions() as stand:
        assert await written(stand, max_tokens=2) == list(stand.script.tokens[:2])


async def test_openai_itself_is_asked_in_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenAI refuses the old name of the limit and every field it does not know; it is sent neither, and no prefill."""
    async with completions(ModelScript(kind="openai")) as stand:
        monkeypatch.setattr(vendor, "PUBLIC", stand.url)
        assert await written(stand, max_tokens=3) == list(stand.script.tokens[:3])
        assert await written(stand, spoken="Good mor")
    assert stand.heard[0].body["max_completion_tokens"] == 3
    assert len(stand.heard) == 2
    assert stand.heard[1].body["messages"][-1]["role"] == "user"


SPOKEN = "Good morning. The weather in Kyiv "
BEGUN = {"role": "assistant", "content": SPOKEN.rstrip()}
ASKED = {"role": "user", "content": f"{CONTINUE}{SPOKEN.rstrip()}"}


@pytest.mark.parametrize(
    ("script", "roles"),
    [
        (ModelScript(kind="ollama"), ["assistant", "assistant"]),
        (ModelScript(kind="vllm"), ["assistant", "assistant"]),
        (ModelScript(kind="llama.cpp"), ["assistant", "assistant"]),
        (ModelScript(kind="llama.cpp", thinks=True), ["assistant", "user", "user"]),
        (ModelScript(refuses_begun=True), ["assistant", "user", "user"]),
    ],
    ids=lambda value: value.kind if isinstance(value, ModelScript) else "",
)
async def test_a_begun_reply_is_gone_on_with(script: ModelScript, roles: list[str]) -> None:
    """The words that were spoken are handed over as the beginning of the answer, and asked for where that is refused.

    A refusal costs one request, once: it is remembered.
    """
    async with completions(script) as stand:
        for _ in range(2):
            assert await written(stand, spoken=SPOKEN) == list(script.tokens)
    asked = [heard.body for heard in stand.heard]

    assert [body["messages"][-1]["role"] for body in asked] == roles
    for body in asked:
        if body["messages"][-1]["role"] == "assistant":
            assert body["messages"][2:] == [BEGUN]
            assert (body["add_generation_prompt"], body["continue_final_message"]) == (False, True)
        else:
            assert body["messages"][2:] == [BEGUN, ASKED]
            assert "continue_final_message" not in body


@pytest.mark.parametrize(("prefill", "roles"), [("never", ["user"]), ("always", ["assistant"])])
async def test_prefill_can_be_settled(prefill: str, roles: list[str]) -> None:
    """`never` asks in words at once; `always` insists, so that a refusal is a failure."""
    async with completions(ModelScript(refuses_begun=True), prefill=prefill) as stand:
        if prefill == "always":
            with pytest.raises(ProviderError, match="begun answer"):
                await written(stand, spoken=SPOKEN)
        else:
            assert await written(stand, spoken=SPOKEN)
    assert [heard.body["messages"][-1]["role"] for heard in stand.heard] == roles


@pytest.mark.parametrize(
    "fault", [Fault.SERVER, Fault.RATE_LIMIT, Fault.AUTH, Fault.RESET, Fault.END, Fault.CUT], ids=str
)
async def test_only_a_refusal_is_asked_in_words(fault: Fault) -> None:
    """A failure while going on is a failure, not a reason to ask in other words."""
    async with completions() as stand:
        stand.script.fault, stand.script.after = fault, 2
        with pytest.raises(ProviderError):
            await written(stand, spoken=SPOKEN)
    assert len(stand.heard) == 1


async def test_what_was_begun_is_not_begun_again() -> None:
    """A refusal that comes after the first token is a failure: its listener would hear the same words twice."""
    refusal = event({"error": {"message": "too long", "code": 400}})
    async with completions(ModelScript(raw=(ONE, refusal))) as stand:
        with pytest.raises(ProviderError, match="too long"):
            await written(stand, spoken=SPOKEN)
    assert len(stand.heard) == 1


async def test_a_bad_request_in_both_forms_is_not_remembered() -> None:
    """A server that refuses both forms refuses something else: the next reply is begun as if nothing had been."""
    async with completions() as stand:
        stand.script.fault, stand.script.calls = Fault.BAD_REQUEST, 2
        with pytest.raises(ProviderError):
            await written(stand, spoken=SPOKEN)
        assert await written(stand, spoken=SPOKEN)
    assert [heard.body["messages"][-1]["role"] for heard in stand.heard] == ["assistant", "user", "assistant"]


async def test_a_late_end_of_the_body_is_not_waited_for() -> None:
    """Once the reply is over, a server that keeps the connection open keeps nobody waiting."""
    script = ModelScript(raw=(ONE, TWO, STOP), fault=Fault.STALL)
    async with completions(script) as stand, asyncio.timeout(5):
        assert await written(stand) == REPLY


async def test_a_connection_serves_the_next_reply() -> None:
    """A reply that was read to its end leaves its connection for the next; one that was left takes it along."""
    async with completions() as stand:
        for _ in range(2):
            assert await written(stand) == list(stand.script.tokens)
        async with aclosing(stand.provider.stream(Prompt(HELLO, "en"))) as reply:
            await anext(reply)
        await written(stand)
    first, second, third, fourth = (heard.caller for heard in stand.heard)
    assert first == second == third != fourth


def tone(seconds: float, rate: int = 16_000) -> bytes:
    """Something to hear."""
    return struct.pack(
        f"<{round(seconds * rate)}h", *(round(8000 * math.sin(at / 9)) for at in range(round(seconds * rate)))
    )


async def test_times_and_confidence_are_the_servers() -> None:
    """Whisper's times and the mean probability of its tokens are handed on; who tells neither is credited with none."""
    async with transcripts(model="whisper-1") as stand:
        told = await stand.provider.hear(Recording(tone(2.0), 16_000, "en"))
    assert [(word.text, word.start_s, word.end_s) for word in told.words] == [("hello", 0.0, 1.0), ("world", 1.0, 2.0)]
    assert told.confidence == pytest.approx(math.exp(-0.25))

    async with transcripts(model="gpt-4o-transcribe") as stand:
        told = await stand.provider.hear(Recording(tone(2.0), 16_000, "en"))
    assert (told.words, told.confidence) == ((), pytest.approx(math.exp(-0.5)))

    async with transcripts() as stand:
        told = await stand.provider.hear(Recording(tone(2.0), 16_000, "en"))
    assert (told.text, told.words, told.confidence, told.duration_s) == ("hello world", (), None, 2.0)


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        ("gpt-transcribe", {"response_format": ["json"], "keywords[]": ["good morning", "stop"]}),
        (
            "gpt-4o-mini-transcribe",
            {"response_format": ["json"], "include[]": ["logprobs"], "prompt": ["good morning, stop"]},
        ),
        ("gpt-4o-transcribe-diarize", {"response_format": ["json"]}),
        (
            "whisper-1",
            {
                "response_format": ["verbose_json"],
                "timestamp_granularities[]": ["word", "segment"],
                "prompt": ["good morning, stop"],
            },
        ),
    ],
)
async def test_a_recording_is_sent_in_full(model: str, fields: dict[str, list[str]]) -> None:
    """The recording goes as WAV with its language and the phrases it may hold, in the form the model takes them."""
    async with transcripts(model=model) as stand:
        await stand.provider.hear(Recording(tone(0.5), 16_000, "uk", phrases=("good morning", "stop"), expected="stop"))
    assert stand.heard[0].body == fields | {"model": [model], "language": ["uk"], "file": [0.5]}


async def test_phrases_have_a_limit() -> None:
    """More phrases than a prompt may hold are left out whole, the first ones kept."""
    async with transcripts(model="whisper-1") as stand:
        await stand.provider.hear(
            Recording(tone(0.5), 16_000, "en", phrases=tuple(f"phrase {at:03}" for at in range(99)))
        )
    (hint,) = stand.heard[0].body["prompt"]
    assert len(hint) <= 600
    assert hint.split(", ") == [f"phrase {at:03}" for at in range(len(hint.split(", ")))]


async def test_recordings_that_are_not_sent() -> None:
    """What is shorter than OpenAI takes is heard as nothing; what is longer is refused before the call."""
    async with transcripts() as stand:
        short = await stand.provider.hear(Recording(tone(0.05), 16_000, "en"))
        assert (short.text, short.duration_s) == ("", pytest.approx(0.05))
        with pytest.raises(ProviderError, match="25000000 bytes") as refused:
            await stand.provider.hear(Recording(bytes(25_000_000), 16_000, "en"))
        assert refused.value.category is FailureCategory.UNSUPPORTED
        assert not stand.heard


@pytest.mark.parametrize(
    ("extra", "words", "confidence"),
    [
        ({"words": [{"word": "hello"}]}, 0, True),
        ({"words": "hello"}, 0, True),
        ({"words": [{"word": "hello", "start": 2.0, "end": 1.0}]}, 0, True),
        ({"words": [{"word": "hello", "start": math.nan, "end": 1.0}]}, 0, True),
        ({"words": None, "segments": None}, 0, False),
        ({"segments": [{"avg_logprob": "high", "tokens": []}]}, 2, False),
        ({"segments": [{"avg_logprob": -math.inf, "tokens": [1]}]}, 2, False),
        ({"logprobs": [{}]}, 2, False),
    ],
)
async def test_figures_that_make_no_sense_are_left_out(extra: dict[str, Any], words: int, confidence: bool) -> None:
    """Times and probabilities that cannot be read cost themselves, not the transcript."""
    async with transcripts(model="whisper-1") as stand:
        stand.script.extra = extra
        told = await stand.provider.hear(Recording(tone(0.5), 16_000, "en"))
    assert (told.text, len(told.words), told.confidence is not None) == ("hello world", words, confidence)


def test_settings_say_what_is_wrong() -> None:
    """An address that is none is refused by name, and the key of OpenAI's own address is asked for in any spelling."""
    with pytest.raises(ValueError, match="url"):
        vendor.OpenAIModel.model_validate({"vendor": "openai-model", "model": "m", "url": "localhost:8000"})
    slashed = vendor.OpenAIModel.model_validate({"vendor": "openai-model", "model": "m", "url": f"{vendor.PUBLIC}/"})
    assert slashed.public
    assert slashed.missing == "set OPENAI_API_KEY or `key`"
    assert json.loads(slashed.model_dump_json())["url"] == f"{vendor.PUBLIC}/"


async def test_the_public_client_takes_our_server_for_openai() -> None:
    """OpenAI's own client speaks, hears and writes through the server that stands for OpenAI."""
    async with (
        serving(ModelScript(tokens=("Good ", "morning."), transcript="good morning")) as url,
        openai.AsyncOpenAI(base_url=url, api_key=KEY, max_retries=0) as client,
    ):
        spoken = await client.audio.speech.create(model="tts-1", voice="nova", input="Hello.", response_format="wav")
        layout, body = wav.parse(await spoken.aread())
        assert (layout.rate, len(body)) == (24_000, 6 * 60 * 48)
        for model, form in (("gpt-transcribe", "json"), ("whisper-1", "verbose_json")):
            file = ("a.wav", wav.whole(tone(1.0), 16_000))
            told: Any = await client.audio.transcriptions.create(model=model, file=file, response_format=form)
            assert told.text == "good morning"
        assert [word.word for word in told.words] == ["good", "morning"]
        asked: Any = [{"role": "user", "content": "Hello."}]
        reply = await client.chat.completions.create(model="small", messages=asked, stream=True)
        assert "".join([part.choices[0].delta.content or "" async for part in reply]) == "Good morning."


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.AUTH, openai.AuthenticationError),
        (Fault.QUOTA, openai.RateLimitError),
        (Fault.RATE_LIMIT, openai.RateLimitError),
        (Fault.BAD_REQUEST, openai.BadRequestError),
        (Fault.SERVER, openai.InternalServerError),
        (Fault.RESET, openai.APIConnectionError),
        (Fault.JSON_ERROR, openai.APIError),
    ],
)
async def test_the_public_client_knows_its_refusals(fault: Fault, error: type[Exception]) -> None:
    """What our server does wrong is what OpenAI's own client takes for that failure."""
    async with (
        serving(ModelScript(fault=fault)) as url,
        openai.AsyncOpenAI(base_url=url, api_key=KEY, max_retries=0) as client,
    ):
        asked: Any = [{"role": "user", "content": "Hello."}]
        with pytest.raises(error):
            async for _ in await client.chat.completions.create(model="small", messages=asked, stream=True):
                pass


@pytest.mark.slow
async def test_segue_behind_segue() -> None:
    """Another Segue is a server of this protocol too: its voice, its offline responder and its door are used as one."""
    with running() as server:
        url = f"{server.url}/v1"
        speaker = OpenAISynthesizer(
            "upstream", vendor.OpenAISynthesizer(vendor="openai-synthesizer", url=url, voices=("en-us",)), SystemClock()
        )
        writer = OpenAICompatibleModel(
            "upstream", vendor.OpenAIModel(vendor="openai-model", url=url, model="segue"), SystemClock()
        )
        await speaker.start()
        await writer.start()
        try:
            pcm = [piece.pcm async for piece in speaker.speak(Utterance("Good morning, Kyiv.", "en", "en-us"))]
            assert 0.5 < len(b"".join(pcm)) / 2 / 24_000 < 3
            reply = [token async for token in writer.stream(Prompt((Message("user", "What is 17 plus 4?"),), "en"))]
            assert "21" in "".join(reply)
            with pytest.raises(ProviderError, match="upstream answered 400"):
                _ = [token async for token in writer.stream(Prompt((Message("assistant", "Well."),), "en"))]
        finally:
            await speaker.close()
            await writer.close()
