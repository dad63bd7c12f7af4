"""What is particular to Yandex SpeechKit's adapters, against a server of ours that speaks the service's protocol."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
from aiohttp import web
from pydantic import ValidationError

from segue.clock import SystemClock
from segue.errors import FailureCategory, ProviderError, Unavailable, UnknownLanguage, UnknownVoice
from segue.providers.yandex import LARGEST_FORM, YandexRecognizer, YandexSynthesizer, spoken, unlike_samples
from segue.vendors import yandex as vendor
from segue.voice.ports import Recording, Speech, Utterance
from tests.vendors import yandex as server
from tests.vendors.script import Fault, Stand

QUIET = b"\0\0" * 1600


@pytest.fixture
async def speaker() -> AsyncIterator[Stand[Any]]:
    """The synthesizer with its server."""
    async with server.speech() as stand:
        yield stand


@pytest.fixture
async def hearer() -> AsyncIterator[Stand[Any]]:
    """The recognizer with its server."""
    async with server.hearing() as stand:
        yield stand


async def said(stand: Stand[Any], text: str, language: str = "ru", voice: str = "alena", **more: Any) -> list[Speech]:
    """All of a sentence."""
    return [piece async for piece in stand.provider.speak(Utterance(text, language, voice, **more))]


async def refused(stand: Stand[Any], text: str = "Добрый день.", **more: Any) -> ProviderError:
    """The error with which a sentence is refused."""
    with pytest.raises(ProviderError) as caught:
        await said(stand, text, **more)
    return caught.value


@pytest.mark.parametrize(
    "text",
    [
        "Рок & ролл: a=1&voice=zahar&speed=3.",
        "Меньше < больше > 5 % “кавычки” 'апостроф' \"прямые\".",
        "Смайлик 🙂 и семья 👩‍👩‍👧; ударе́ние.",
        "100%25 + plus?",
    ],
)
async def test_a_text_arrives_as_it_is(speaker: Stand[Any], text: str) -> None:
    """Signs that mean something in a form or in XML reach the service as part of the text, and change nothing else."""
    assert await said(speaker, text)
    fields = speaker.heard[0].body

    assert fields == {
        "text": text, "lang": "ru-RU", "voice": "alena", "format": "lpcm", "sampleRateHertz": "48000",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("пауза <[large]> и sil<[3000]>", "пауза < [large]> и sil< [3000]>"),
        ("фонемы [[v a sʲ ʌ]]", "фонемы [ [v a sʲ ʌ]]"),
        ("с+обака, C++ и 2 + 2", "с+ обака, C++ и 2 + 2"),
        ("очень **важно**", "очень * *важно* *"),
        ("один\x00два\ud800три\n", "один два три "),
    ],
)
def test_markup_is_not_obeyed(text: str, plain: str) -> None:
    """Signs that the service would take as its markup are taken apart; nothing else of a text is changed."""
    assert spoken(text) == plain


async def test_every_voice_is_asked_for_in_its_own_language(speaker: Stand[Any]) -> None:
    """Each voice on offer is one that the service has, in the language under which it is offered."""
    for voice in speaker.provider.voices():
        assert await said(speaker, "One two three.", voice.languages[0], voice.name)
    assert {voice.name for voice in speaker.provider.voices()} == set(server.LANGUAGES)
    assert {voice.gender for voice in speaker.provider.voices()} == {"female", "male"}


@pytest.mark.parametrize("language", ["uk", "zh", "ukr", ""])
async def test_languages_that_are_not_spoken(speaker: Stand[Any], language: str) -> None:
    """Ukrainian and Chinese are refused with what is spoken instead, before anybody is asked."""
    with pytest.raises(UnknownVoice, match=f"taiga has no voice for '{language}': it speaks ru, en"):
        await said(speaker, "Добрий день.", language)
    assert not speaker.heard


async def test_a_voice_of_another_language(speaker: Stand[Any]) -> None:
    """A voice speaks its own language only, and a name that was nearly right is told."""
    with pytest.raises(UnknownVoice, match="it has john"):
        await said(speaker, "Hello.", "en", "alena")
    with pytest.raises(UnknownVoice, match="did you mean alena"):
        await said(speaker, "Добрый день.", "ru", "aliona")
    assert not speaker.heard


async def test_speed_is_told_where_it_is_not_the_normal_one(speaker: Stand[Any]) -> None:
    """A speed goes out as the service spells it; one that it does not have is refused before the call."""
    await said(speaker, "Добрый день.", speed=1.15)
    assert speaker.heard[0].body["speed"] == "1.15"
    for speed in (0.05, 3.01):
        assert (await refused(speaker, speed=speed)).category is FailureCategory.UNSUPPORTED
    assert len(speaker.heard) == 1


async def test_texts_that_are_too_long(speaker: Stand[Any]) -> None:
    """A text beyond 5000 characters, or beyond the size of a request once it is encoded, is refused before the call."""
    speaker.script.ms_per_character = 1
    assert await said(speaker, "a " * 2_500, "en", "john")
    error = await refused(speaker, "a" * 5_001, language="en", voice="john")
    assert (error.category, "5000 characters" in error.message) == (FailureCategory.UNSUPPORTED, True)

    assert await said(speaker, "да" * 1_200)
    error = await refused(speaker, "да" * 1_300)
    assert (error.category, str(LARGEST_FORM) in error.message) == (FailureCategory.UNSUPPORTED, True)
    assert len(speaker.heard) == 2


async def test_the_folder_is_sent_where_one_is_set(hearer: Stand[Any], speaker: Stand[Any]) -> None:
    """The folder goes with every request of a provider that has one, and with none of one that has not."""
    await said(speaker, "Добрый день.")
    await hearer.provider.hear(Recording(QUIET, 16_000, "ru"))

    assert "folderId" not in speaker.heard[0].body
    assert hearer.heard[0].body["folderId"] == server.FOLDER


@pytest.mark.parametrize(
    ("fault", "category", "told"),
    [
        (Fault.AUTH, FailureCategory.AUTH, "Unknown api key"),
        (Fault.QUOTA, FailureCategory.QUOTA, "billing account"),
        (Fault.RATE_LIMIT, FailureCategory.RATE_LIMIT, "40 requests per second (too_many_requests)"),
        (Fault.BAD_REQUEST, FailureCategory.BAD_REQUEST, "The request is wrong (bad_request)"),
        (Fault.JSON_ERROR, FailureCategory.SERVER, "no backend is left"),
    ],
)
async def test_the_service_is_quoted(speaker: Stand[Any], fault: Fault, category: FailureCategory, told: str) -> None:
    """What the service says of an error is handed on in its words, without its braces."""
    speaker.script.fault = fault
    error = await refused(speaker)

    assert error.category is category
    assert told in error.message
    assert "{" not in error.message


@pytest.mark.parametrize(
    ("content_type", "head", "wrong"),
    [
        ("audio/x-pcm", b"\0\0\1\0", None),
        ("audio/x-pcm;bit=16;rate=48000", b"\0\0\1\0", None),
        ("application/octet-stream", b"\xff\xff\x10\0", None),
        ("audio/x-pcm;bit=16;rate=8000", b"\0\0\1\0", "8000 samples a second, not 48000"),
        ("audio/mpeg", b"\0\0\1\0", "audio/mpeg, not bare samples"),
        ("audio/x-pcm", b"RIFF", "something else than samples"),
        ("audio/x-pcm", b"OggS", "something else than samples"),
        ("audio/x-pcm", b'{"er', "something else than samples"),
        ("audio/x-pcm", b"<htm", "something else than samples"),
    ],
)
def test_what_is_taken_for_samples(content_type: str, head: bytes, wrong: str | None) -> None:
    """Bare samples are known by a content type that does not deny it and a beginning that is nothing else's."""
    assert unlike_samples(content_type, head) == wrong


async def test_samples_that_come_in_odd_pieces() -> None:
    """Pieces cut anywhere become whole samples, in order, and the first goes out before the next has come."""
    pcm = bytes(range(1, 120)) * 2
    more = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "audio/x-pcm"})
        await response.prepare(request)
        await response.write(pcm[:1])
        await response.write(pcm[1:7])
        await more.wait()
        for at in range(7, len(pcm), 3):
            await response.write(pcm[at : at + 3])
        return response

    application = web.Application()
    application.router.add_post("/speech/v1/tts:synthesize", answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    settings = vendor.YandexSynthesizer.model_validate(
        {"vendor": "yandex-synthesizer", "url": f"http://{host}:{port}/", "key": "k"}
    )
    provider = YandexSynthesizer("taiga", settings, SystemClock())
    await provider.start()
    try:
        async with aclosing(provider.speak(Utterance("Да.", "ru", "alena"))) as speech, asyncio.timeout(10):
            pieces = [(await anext(speech)).pcm]
            assert 4 <= len(pieces[0]) <= 6
            more.set()
            pieces += [piece.pcm async for piece in speech]
        assert b"".join(pieces) == pcm
        assert all(piece and len(piece) % 2 == 0 for piece in pieces)
    finally:
        await provider.close()
        await runner.cleanup()


@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
async def test_recordings_of_any_rate(hearer: Stand[Any], rate: int) -> None:
    """A recording is sent at 16 kHz, whatever it came at, and its length is told of the original."""
    transcript = await hearer.provider.hear(Recording(b"\1\0" * rate, rate, "ru-RU"))

    assert (transcript.language, transcript.duration_s, transcript.confidence) == ("ru", 1.0, None)
    assert int(hearer.heard[0].body["bytes"]) == pytest.approx(32_000, abs=4)


async def test_recordings_that_are_too_long(hearer: Stand[Any]) -> None:
    """Thirty seconds are heard; more is refused before the call, with the length that is the matter."""
    assert (await hearer.provider.hear(Recording(bytes(30 * 32_000), 16_000, "ru"))).text
    with pytest.raises(ProviderError, match=r"at most 30 s at a time, not 30\.1 s") as caught:
        await hearer.provider.hear(Recording(bytes(30 * 32_000 + 3_200), 16_000, "ru"))

    assert caught.value.category is FailureCategory.UNSUPPORTED
    assert len(hearer.heard) == 1


@pytest.mark.parametrize("language", ["uk", "zh"])
async def test_languages_that_are_not_heard(hearer: Stand[Any], language: str) -> None:
    """Ukrainian and Chinese are refused with what is heard instead."""
    with pytest.raises(UnknownLanguage, match="taiga-ears hears ru, en"):
        await hearer.provider.hear(Recording(QUIET, 16_000, language))
    assert not hearer.heard


async def test_an_answer_without_a_result(hearer: Stand[Any]) -> None:
    """A success that holds an error instead of a result is an error, with what it says."""
    hearer.script.fault = Fault.JSON_ERROR
    with pytest.raises(ProviderError, match="no backend is left") as caught:
        await hearer.provider.hear(Recording(QUIET, 16_000, "en"))
    assert caught.value.category is FailureCategory.SERVER


@pytest.mark.parametrize("key", [None, "line\nbreak", "ключ"])
async def test_a_key_that_cannot_be_used(key: str | None) -> None:
    """Without a key, or with one that no header can carry, a provider does not start; the key itself is not told."""
    settings = vendor.YandexRecognizer.model_validate({"vendor": "yandex-recognizer", "key": key})
    with pytest.raises(Unavailable, match="taiga") as caught:
        await YandexRecognizer("taiga", settings, SystemClock()).start()
    assert key is None or key not in caught.value.message


def test_an_address_is_one() -> None:
    """What is no address of HTTP is refused with the settings."""
    with pytest.raises(ValidationError):
        vendor.YandexSynthesizer.model_validate({"vendor": "yandex-synthesizer", "url": "tts.api.cloud.yandex.net"})
