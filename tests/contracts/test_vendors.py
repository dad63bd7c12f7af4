"""What every vendor's adapter promises, shown against a server of ours that speaks the vendor's protocol.

A module in `tests/vendors` with a table `SYNTHESIZERS`, `RECOGNIZERS` or `MODELS` is found here by being there. Where a
protocol cannot show a fault, the test of that fault is skipped by name.
"""

import asyncio
import importlib
import logging
import math
import traceback
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any, get_args

import pytest

from segue.configuration import AnyProvider
from segue.errors import FailureCategory, ProviderError, SegueError, UnknownLanguage, UnknownVoice
from segue.vendors.account import Account
from segue.voice.ports import Message, Prompt, Recording, Speech, Transcript, Utterance
from tests.vendors.script import CATEGORY, Fault, Opening, Stand

TEXTS = {
    "en": "It is sunny in Kyiv today, and the wind is light.",
    "uk": "Сьогодні у Києві сонячно, вітер слабкий.",
    "ru": "Сегодня в Киеве солнечно, ветер слабый.",
    "zh": "今天基辅天气晴朗，微风。",
}
HEARING_RATE = 16_000
BEFORE = {"synthesizer": 12_346, "model": 3, "recognizer": 10}
"""How much of an answer is sent before it breaks: bytes of audio, tokens, bytes of a transcript."""

ROLES = {"synthesizer": "SYNTHESIZERS", "recognizer": "RECOGNIZERS", "model": "MODELS"}
SERVERLESS: set[str] = set()
"""Providers without a server, which can show no fault of one."""
BROKEN: dict[str, str] = {}
"""Modules that could not be imported, and why."""


def found() -> dict[str, dict[str, Opening[Any]]]:
    """The tables of all vendors, by role."""
    tables: dict[str, dict[str, Opening[Any]]] = {role: {} for role in ROLES}
    for file in sorted((Path(__file__).parents[1] / "vendors").glob("*.py")):
        try:
            module = importlib.import_module(f"tests.vendors.{file.stem}")
        except Exception:  # told by a test of its own, so that it does not hide the others
            BROKEN[file.name] = traceback.format_exc(limit=3)
            continue
        for role, table in ROLES.items():
            offered = getattr(module, table, {})
            tables[role] |= offered
            SERVERLESS.update(offered if getattr(module, "SERVERLESS", False) else ())
    return tables


FOUND = found()
EVERYTHING = [f"{role}-{name}" for role, table in FOUND.items() for name in table]


async def _opened(opening: Opening[Any]) -> AsyncIterator[Stand[Any]]:
    async with opening() as stand:
        yield stand
    await until(lambda: asyncio.all_tasks() <= {asyncio.current_task()}, "no task is left")


@pytest.fixture(params=FOUND["synthesizer"])
async def speaker(request: pytest.FixtureRequest) -> AsyncIterator[Stand[Any]]:
    """Each synthesizer with its server; afterwards no task of theirs is left."""
    if request.param in SERVERLESS and "fault" in request.fixturenames:
        pytest.skip(f"{request.param} has no server that could fail")
    async for stand in _opened(FOUND["synthesizer"][request.param]):
        yield stand


@pytest.fixture(params=FOUND["recognizer"])
async def hearer(request: pytest.FixtureRequest) -> AsyncIterator[Stand[Any]]:
    """Each recognizer with its server; afterwards no task of theirs is left."""
    async for stand in _opened(FOUND["recognizer"][request.param]):
        yield stand


@pytest.fixture(params=FOUND["model"])
async def writer(request: pytest.FixtureRequest) -> AsyncIterator[Stand[Any]]:
    """Each language model with its server; afterwards no task of theirs is left."""
    async for stand in _opened(FOUND["model"][request.param]):
        yield stand


@pytest.fixture(params=EVERYTHING)
async def stand(request: pytest.FixtureRequest) -> AsyncIterator[Stand[Any]]:
    """Each provider of any role with its server; afterwards no task of theirs is left."""
    role, name = request.param.split("-", 1)
    if name in SERVERLESS and "fault" in request.fixturenames:
        pytest.skip(f"{name} has no server that could fail")
    async for opened in _opened(FOUND[role][name]):
        yield opened


async def until(condition: Callable[[], object], what: str, limit_s: float = 5.0) -> None:
    """Wait for something that happens on the other side; fail when it does not."""
    try:
        async with asyncio.timeout(limit_s):
            while not condition():
                await asyncio.sleep(0.002)
    except TimeoutError:
        pytest.fail(f"{what}: not within {limit_s:g} s")


def role_of(stand: Stand[Any]) -> str:
    """What a provider does."""
    return next(
        role
        for role, method in (("synthesizer", "speak"), ("recognizer", "hear"), ("model", "stream"))
        if hasattr(stand.provider, method)
    )


def utterance(stand: Stand[Any], text: str = "", language: str = "", speed: float = 1.0) -> Utterance:
    """A sentence in a language that the synthesizer speaks, by the first voice that does."""
    voices = stand.provider.voices()
    language = language or next(code for code in TEXTS for voice in voices if code in voice.languages)
    voice = next(voice.name for voice in voices if language in voice.languages)
    return Utterance(text or TEXTS[language], language, voice, speed)


def recording(stand: Stand[Any], seconds: float = 1.0) -> Recording:
    """A recording with something in it, in a language that the recognizer hears."""
    samples = (math.sin(at / 20) * 8_000 for at in range(round(seconds * HEARING_RATE)))
    pcm = b"".join(round(sample).to_bytes(2, "little", signed=True) for sample in samples)
    return Recording(pcm, HEARING_RATE, stand.provider.languages[0])


def prompt(text: str = "Hello.", **more: Any) -> Prompt:
    """A conversation whose last word is the listener's."""
    history = (Message("system", "Be kind."), Message("user", "Hi."), Message("assistant", "Hello to you."))
    return Prompt((*history, Message("user", text)), "en", **more)


async def use(stand: Stand[Any]) -> AsyncGenerator[Any, None]:
    """Ask a provider of any role for what it does; the pieces of its answer."""
    match role_of(stand):
        case "synthesizer":
            async with aclosing(stand.provider.speak(utterance(stand))) as speech:
                async for piece in speech:
                    yield piece.pcm
        case "model":
            async with aclosing(stand.provider.stream(prompt())) as tokens:
                async for token in tokens:
                    yield token
        case _:
            yield (await stand.provider.hear(recording(stand))).text


async def outcome(stand: Stand[Any]) -> tuple[list[Any], ProviderError | None]:
    """The pieces that came, and the error at their end, if one came."""
    pieces: list[Any] = []
    try:
        async with asyncio.timeout(20), aclosing(use(stand)) as answer:
            async for piece in answer:
                pieces += [piece]
    except ProviderError as error:
        return pieces, error
    return pieces, None


async def works(stand: Stand[Any]) -> bool:
    """Whether the provider does what it is there for."""
    pieces, error = await outcome(stand)
    assert error is None, error
    return bool(pieces and pieces[0])


def seconds(speech: list[Speech]) -> float:
    """How long it plays."""
    return sum(len(piece.pcm) / 2 / piece.rate for piece in speech)


async def said(stand: Stand[Any], asked: Utterance) -> list[Speech]:
    """All of a sentence."""
    return [piece async for piece in stand.provider.speak(asked)]


def due_s(stand: Stand[Any], asked: Utterance) -> float:
    """How long the server hums for a sentence."""
    return len(asked.text) * stand.script.ms_per_character / asked.speed / 1000


def need(stand: Stand[Any], fault: Fault) -> None:
    """Skip where the protocol cannot show a fault."""
    if fault not in stand.faults:
        pytest.skip(f"{stand.provider.name} cannot show {fault.value}")


def test_every_module_can_be_read() -> None:
    """No module of a vendor's server is broken: its adapters would go untested without a word."""
    assert not BROKEN, "\n".join(BROKEN.values())
    assert EVERYTHING


async def test_it_says_what_it_is(stand: Stand[Any]) -> None:
    """A provider has a name, and its vendor is told; the place it is at holds no secret."""
    assert stand.provider.name
    assert stand.provider.about.vendor
    assert not [secret for secret in secrets(stand) if secret in repr(stand.provider.about)]


async def test_starting_and_closing_twice(stand: Stand[Any]) -> None:
    """A second start changes nothing, nor does a second close; after it every call is refused as such."""
    await stand.provider.start()
    assert await works(stand)
    await stand.provider.close()
    await stand.provider.close()
    with pytest.raises(SegueError):
        await anext(use(stand))


@pytest.mark.parametrize("fault", CATEGORY, ids=lambda fault: fault.value)
async def test_every_fault_has_its_category(stand: Stand[Any], fault: Fault) -> None:
    """A fault is told as what it is, under the configured name, and when it is over the same adapter works again."""
    need(stand, fault)
    stand.script.fault, stand.script.calls, stand.script.after = fault, 1, BEFORE[role_of(stand)]
    pieces, error = await outcome(stand)

    assert error is not None, f"taken for a success of {len(pieces)} pieces"
    assert error.category in CATEGORY[fault], error
    assert error.provider == stand.provider.name
    assert stand.provider.name in error.message
    if fault is not Fault.CUT and fault is not Fault.ODD:
        assert len(pieces) == 0, "nothing of it is passed on"
    assert await works(stand)


@pytest.mark.parametrize("fault", [Fault.AUTH, Fault.BAD_REQUEST, Fault.QUOTA, Fault.SERVER], ids=str)
async def test_no_error_tells_the_secret(
    stand: Stand[Any], fault: Fault, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """The key is in no message, no representation, no traceback and no log, also where the server repeats it."""
    need(stand, fault)
    caplog.set_level(logging.DEBUG)
    stand.script.fault = fault
    _, error = await outcome(stand)
    assert error is not None
    hidden = secrets(stand)
    told = [error.message, repr(error), "".join(traceback.format_exception(error)), repr(stand.provider)]
    told += [repr(vars(stand.provider)), caplog.text, "".join(capsys.readouterr())]

    assert hidden or not stand.url or fault is not Fault.AUTH, "the server was asked without a key"
    assert not [secret for secret in hidden for text in told if secret in text]


def secrets(stand: Stand[Any]) -> set[str]:
    """The secrets that the server was sent in its headers."""
    names = ("authorization", "key", "token")
    return {
        value.split()[-1]
        for heard in stand.heard
        for name, value in heard.headers.items()
        if any(part in name.lower() for part in names) and "websocket" not in name.lower()
    }


async def test_a_request_to_wait_is_handed_on(stand: Stand[Any]) -> None:
    """Where the vendor says when to come again, the error says so too."""
    need(stand, Fault.RATE_LIMIT)
    stand.script.fault, stand.script.retry_after_s = Fault.RATE_LIMIT, 7.0
    _, error = await outcome(stand)

    assert error is not None
    assert error.retry_after_s is None or error.retry_after_s == pytest.approx(7.0, abs=1.0)


@pytest.mark.parametrize("fault", [Fault.CUT, Fault.END, Fault.STALL], ids=str)
async def test_what_came_before_a_fault_is_passed_on(stand: Stand[Any], fault: Fault) -> None:
    """Everything that was sent before an answer broke off is handed out, and nothing else; audio in whole samples."""
    need(stand, fault)
    if not stand.streams or role_of(stand) == "recognizer":
        pytest.skip("its answers come whole")
    sent = BEFORE[role_of(stand)]
    stand.script.fault, stand.script.after = fault, sent
    pieces: list[Any] = []
    ended: BaseException | None = None

    async def take() -> None:
        async for piece in use(stand):
            pieces.extend([piece])

    def came() -> int:
        return sum(len(piece) for piece in pieces) if role_of(stand) == "synthesizer" else len(pieces)

    task = asyncio.create_task(take())
    if fault is Fault.STALL:
        await until(lambda: came() >= sent if stand.exact else came(), "what came is handed out while more is awaited")
        assert not task.done()
        task.cancel()
    (ended,) = await asyncio.gather(task, return_exceptions=True)

    if stand.exact:
        assert came() == sent, "unless its answers come whole (streams=False) or compressed (exact=False)"
    if role_of(stand) == "synthesizer":
        assert all(len(piece) % 2 == 0 < len(piece) for piece in pieces)
    if fault is Fault.END:
        marked = role_of(stand) == "model"
        category = getattr(ended, "category", None)
        assert category is FailureCategory.TRUNCATED or (ended is None and not marked), ended


async def test_closing_in_the_middle_hangs_up(stand: Stand[Any]) -> None:
    """Whoever leaves after the first piece leaves the server at once, and the next answer is a whole one."""
    need(stand, Fault.STALL)
    if not stand.streams:
        pytest.skip("its answers come whole")
    stand.script.fault, stand.script.calls, stand.script.after = Fault.STALL, 1, BEFORE[role_of(stand)]
    async with aclosing(use(stand)) as answer:
        async with asyncio.timeout(10):
            assert await anext(answer)
        assert not stand.heard[-1].finished
    await until(lambda: stand.heard[-1].cancelled, "the server sees its caller go", 2.0)

    assert await works(stand)


async def test_cancelling_the_wait_hangs_up(stand: Stand[Any]) -> None:
    """Whoever is cancelled while a silent server is waited for leaves at once, and the next call is answered."""
    need(stand, Fault.SILENT)
    stand.script.fault, stand.script.calls = Fault.SILENT, 1
    before = len(stand.heard)
    task = asyncio.create_task(outcome(stand))
    await until(lambda: len(stand.heard) > before, "the server is asked")
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    await until(lambda: stand.heard[-1].cancelled, "the server sees its caller go", 2.0)

    assert await works(stand)


async def test_ten_at_once(stand: Stand[Any]) -> None:
    """Ten calls at the same time are answered like one."""
    alone, _ = await outcome(stand)
    together = await asyncio.gather(*(outcome(stand) for _ in range(10)))

    assert [error for _, error in together if error] == []
    sizes = [sum(len(piece) for piece in pieces) for pieces, _ in together]
    assert sizes == [pytest.approx(sum(len(piece) for piece in alone), rel=0.15)] * 10


@pytest.mark.parametrize("fault", [Fault.EMPTY, Fault.SILENCE, Fault.CLIPPED], ids=str)
async def test_what_is_judged_above_is_passed_on(speaker: Stand[Any], fault: Fault) -> None:
    """Silent and distorted audio is passed on as it is, to be judged where all audio is; no audio is no success."""
    need(speaker, fault)
    speaker.script.fault = fault
    pieces, error = await outcome(speaker)
    if fault is Fault.EMPTY:
        assert len(pieces) == 0
        return
    assert error is None
    rate = (await said(speaker, utterance(speaker)))[0].rate
    assert sum(len(piece) for piece in pieces) / 2 / rate == pytest.approx(due_s(speaker, utterance(speaker)), rel=0.15)


async def test_voices_are_named_once(speaker: Stand[Any]) -> None:
    """Every voice has its own name, at least one language, and the provider's configured name."""
    voices = speaker.provider.voices()

    assert len({voice.name for voice in voices}) == len(voices) > 0
    assert all(voice.languages and voice.provider == speaker.provider.name for voice in voices)
    assert {voice.gender for voice in voices} <= {"female", "male", "neutral", "unknown"}


async def test_a_sentence_is_as_long_as_it_was_made(speaker: Stand[Any]) -> None:
    """In every language the whole of a sentence arrives, in pieces that say truthfully who spoke."""
    spoken = [code for code in TEXTS if any(code in voice.languages for voice in speaker.provider.voices())]
    for language in spoken:
        asked = utterance(speaker, language=language)
        speech = await said(speaker, asked)

        assert {(piece.provider, piece.voice) for piece in speech} == {(speaker.provider.name, asked.voice)}
        assert len({(piece.rate, piece.model) for piece in speech}) == 1
        assert all(piece.model and len(piece.pcm) % 2 == 0 < len(piece.pcm) for piece in speech)
        if speaker.url:
            assert seconds(speech) == pytest.approx(due_s(speaker, asked), rel=0.15)
    assert spoken


async def test_speed_is_kept(speaker: Stand[Any]) -> None:
    """Half as fast again takes two thirds of the time."""
    normal = seconds(await said(speaker, utterance(speaker)))
    fast = seconds(await said(speaker, utterance(speaker, speed=1.5)))

    assert fast == pytest.approx(normal / 1.5, rel=0.2)


async def test_sentences_do_not_mix(speaker: Stand[Any]) -> None:
    """Sentences of different lengths at the same time each get their own audio."""
    asked = [utterance(speaker, "One two three four five. " * count) for count in range(1, 7)]
    alone = [seconds(await said(speaker, sentence)) for sentence in asked]
    together = await asyncio.gather(*(said(speaker, sentence) for sentence in asked))

    assert [seconds(speech) for speech in together] == [pytest.approx(length, rel=0.15) for length in alone]
    assert alone == sorted(alone)


async def test_a_voice_that_is_not_there(speaker: Stand[Any]) -> None:
    """An unknown voice and a language that is not offered are refused before anybody is asked."""
    good = utterance(speaker)
    for wrong in (Utterance(good.text, good.language, "no such voice"), Utterance("Hej.", "sv", good.voice)):
        with pytest.raises(UnknownVoice, match=speaker.provider.name):
            await said(speaker, wrong)
    assert not speaker.heard


@pytest.mark.parametrize("text", ["", "   ", "\n\t"])
async def test_nothing_is_said_to_nothing(speaker: Stand[Any], text: str) -> None:
    """An empty text gives no audio and no error, and nobody is asked."""
    good = utterance(speaker)

    assert await said(speaker, Utterance(text, good.language, good.voice)) == []
    assert not speaker.heard


async def test_a_recording_is_heard(hearer: Stand[Any]) -> None:
    """A transcript has the text as it was heard, who heard it, and figures that can be true."""
    asked = recording(hearer, 1.5)
    transcript: Transcript = await hearer.provider.hear(asked)

    assert (transcript.provider, transcript.language) == (hearer.provider.name, asked.language)
    assert transcript.duration_s == pytest.approx(1.5, abs=0.01)
    assert transcript.confidence is None or 0 <= transcript.confidence <= 1
    assert all(0 <= word.start_s <= word.end_s <= 2.0 for word in transcript.words)
    if hearer.url:
        assert transcript.text == hearer.script.transcript


async def test_a_language_that_is_not_heard(hearer: Stand[Any]) -> None:
    """A language that the recognizer does not offer is refused before anybody is asked."""
    asked = recording(hearer)
    with pytest.raises(UnknownLanguage, match=hearer.provider.name):
        await hearer.provider.hear(Recording(asked.pcm, asked.rate, "sv"))
    assert not hearer.heard


async def test_nothing_heard_is_an_answer(hearer: Stand[Any]) -> None:
    """An empty recording, and a server that heard nothing, give an empty text and no error."""
    asked = recording(hearer)
    assert (await hearer.provider.hear(Recording(b"", asked.rate, asked.language))).text == ""
    if hearer.url:
        hearer.script.transcript = ""
        transcript = await hearer.provider.hear(asked)
        assert (transcript.text, transcript.words) == ("", ())


async def test_a_reply_comes_token_by_token(writer: Stand[Any]) -> None:
    """A reply is what the server wrote, and its first token does not wait for its last."""
    assert [token async for token in writer.provider.stream(prompt())] == list(writer.script.tokens)
    if Fault.STALL in writer.faults:
        writer.script.fault, writer.script.after = Fault.STALL, 1
        async with aclosing(writer.provider.stream(prompt())) as reply, asyncio.timeout(10):
            assert await anext(reply) == writer.script.tokens[0]


async def test_odd_letters_are_no_failure(stand: Stand[Any]) -> None:
    """Text with half of a letter in it, or with control characters, is answered all the same."""
    odd = "One \ud800 two \x00 three."
    if role_of(stand) == "synthesizer":
        assert await said(stand, utterance(stand, odd))
    elif role_of(stand) == "model":
        assert [token async for token in stand.provider.stream(prompt(odd))]


PAID = [vendor for vendor in get_args(get_args(AnyProvider)[0]) if issubclass(vendor, Account)]
NEEDED: dict[str, dict[str, Any]] = {"openai-model": {"model": "m"}}
"""Settings without a default, by vendor."""


@pytest.mark.parametrize("settings", PAID)
def test_a_missing_key_is_named(settings: type[Account]) -> None:
    """A provider that is paid for names the variable of a key it lacks; one that has its key lacks nothing."""
    (vendor,) = get_args(settings.model_fields["vendor"].annotation)
    plain = {"vendor": vendor, **NEEDED.get(vendor, {})}
    without, having = settings.model_validate(plain), settings.model_validate({**plain, "key": "a-secret-key"})

    assert without.key_variable
    assert without.key_variable in (without.missing or "")
    assert having.missing is None
    assert "a-secret-key" not in repr(having) + str(having)
