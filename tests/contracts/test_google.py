"""What the Google adapters add to what every provider promises: families, lists of voices, and the ways of gRPC."""

import asyncio
import json
import os
import struct
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import grpc
import pytest
import structlog
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from pydantic import ValidationError

from segue.clock import ManualClock
from segue.errors import FailureCategory, ProviderError, ProviderTimeout, Unavailable, UnknownLanguage, UnknownVoice
from segue.providers.google import GoogleSynthesizer
from segue.providers.google_refusals import categorize
from segue.providers.google_wav import samples
from segue.vendors import google as vendor
from segue.voice.ports import Recording, Synthesizer, Utterance
from tests.vendors.google import CHIRP, RECOGNIZERS, STREAMED, SYNTHESIZERS, recognizer, serving, synthesizer
from tests.vendors.google_service import KEY
from tests.vendors.script import CATEGORY, Fault, Heard, Opening, Script, Stand

SENTENCE = "Good morning, here is the weather."
VOICE = {"google-wavenet": "en-US-Wavenet-D"}
CHIRP_VOICE = "en-US-Chirp3-HD-Kore"
TOLD = [(name, fault) for name, faults in (
    ("google-wavenet", sorted(set(CATEGORY) - {Fault.JSON_ERROR, Fault.HTML})),
    ("google-chirp3-streaming", [*[Fault.AUTH, Fault.QUOTA, Fault.RATE_LIMIT, Fault.BAD_REQUEST, Fault.SERVER],
                                 Fault.RESET, Fault.CUT, Fault.ODD, Fault.WRONG_TYPE]),
) for fault in faults]  # fmt: skip
SECOND = Recording(bytes(32_000), 16_000, "en")


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that is about to happen; a minute at most."""
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.005)


async def spoken(provider: Synthesizer, utterance: Utterance, came: list[bytes] | None = None) -> bytes:
    """The whole sound of an utterance; `came` holds its pieces even when it breaks off."""
    came = [] if came is None else came
    async with aclosing(provider.speak(utterance)) as pieces:
        async for piece in pieces:
            assert len(piece.pcm) % 2 == 0
            came.append(piece.pcm)
    return b"".join(came)


def saying(stand: Stand[Synthesizer], text: str = SENTENCE, **more: Any) -> Utterance:
    """English by the first voice in mind of a flavour."""
    return Utterance(text, "en", VOICE.get(stand.provider.name, CHIRP_VOICE), **more)


@pytest.fixture(params=list(SYNTHESIZERS))
async def stand(request: pytest.FixtureRequest) -> AsyncIterator[Stand[Synthesizer]]:
    """Each flavour of synthesizer with its server."""
    async with SYNTHESIZERS[request.param]() as opened:
        yield opened


@asynccontextmanager
async def started(provider: Any) -> AsyncIterator[Any]:
    """A provider from its start to its close."""
    await provider.start()
    try:
        yield provider
    finally:
        await provider.close()


async def test_every_flavour_speaks_the_whole_sentence(stand: Stand[Synthesizer]) -> None:
    """A sentence comes in whole samples, as long as the server made it, under the name of who spoke it."""
    async with aclosing(stand.provider.speak(saying(stand))) as source:
        pieces = [piece async for piece in source]

    assert sum(len(piece.pcm) for piece in pieces) == len(SENTENCE) * 60 * 24 * 2
    assert len(pieces) > 1
    assert {piece.rate for piece in pieces} == {24_000}
    assert {(piece.provider, piece.voice) for piece in pieces} == {(stand.provider.name, saying(stand).voice)}
    assert all(piece.model.startswith(stand.provider.about.model) for piece in pieces)
    assert all(len(piece.pcm) % 2 == 0 for piece in pieces)
    assert stand.provider.about.vendor == "google"
    assert stand.provider.about.place == stand.url
    assert stand.heard[-1].headers["x-goog-api-key"] == KEY
    assert stand.heard[-1].finished


async def test_the_language_code_is_that_of_the_voice() -> None:
    """A voice of Taiwan is asked for with Taiwan's code, though `zh` stands for China by default."""
    async with SYNTHESIZERS["google-wavenet"]() as stand:
        assert await spoken(stand.provider, Utterance("早安", "zh", "cmn-TW-Wavenet-B"))
        request = stand.heard[-1].body

    assert (request.voice.language_code, request.voice.name) == ("cmn-TW", "cmn-TW-Wavenet-B")


async def test_speed_and_pitch_go_where_they_are_taken() -> None:
    """WaveNet is given speed and pitch; Chirp 3: HD is given speed, whole or streamed, and speaks at its own pitch."""
    lengths = {}
    for name, opening in SYNTHESIZERS.items():
        async with opening() as stand:
            lengths[name] = len(await spoken(stand.provider, saying(stand, speed=2.0, pitch_st=3.0)))
            body = stand.heard[-1].body
        if name == "google-chirp3-streaming":
            assert body[0].streaming_config.streaming_audio_config.speaking_rate == 2.0
            assert [request.input.text for request in body[1:]] == [SENTENCE]
        else:
            assert body.audio_config.speaking_rate == 2.0
            assert body.audio_config.pitch == (3.0 if name == "google-wavenet" else 0.0)

    assert set(lengths.values()) == {len(SENTENCE) * 30 * 24 * 2}


async def test_the_voices_are_those_of_the_family_in_our_languages(stand: Stand[Synthesizer]) -> None:
    """Of all that Google lists, the settled family in the configured languages is offered; Cantonese is no Mandarin."""
    voices = {voice.name: voice for voice in stand.provider.voices()}
    chirp = stand.provider.name != "google-wavenet"

    assert isinstance(stand.provider, GoogleSynthesizer)
    assert stand.provider.listed
    assert all(("Chirp3-HD" if chirp else "Wavenet") in name for name in voices)
    assert {voice.languages for voice in voices.values()} == {("en",), ("uk",), ("ru",), ("zh",)}
    assert not [name for name in voices if name.startswith(("yue", "de", "Achernar"))]
    assert voices["ru-RU-Chirp3-HD-Puck" if chirp else "ru-RU-Wavenet-B"].gender == "male"
    assert voices["uk-UA-Chirp3-HD-Kore" if chirp else "uk-UA-Wavenet-B"].gender == "female"
    assert ("cmn-TW-Wavenet-B" in voices) is not chirp
    assert not [name for name in voices if name.startswith("cmn-TW-Chirp3")]


async def test_voices_of_the_configured_locale_come_first() -> None:
    """The first voice of a language is one of the locale that is configured for it; another language is left out."""
    async with serving(Script()) as url:
        provider = synthesizer("google", url, locales={"zh": "cmn-TW", "en": "en-GB"})
        async with started(provider):
            names = [voice.name for voice in provider.voices()]

    assert names[0] == "cmn-TW-Wavenet-A"
    assert next(name for name in names if name.startswith("en-")) == "en-GB-Wavenet-A"
    assert "cmn-CN-Wavenet-A" in names
    assert not [name for name in names if name.startswith(("ru", "uk"))]


async def test_a_voice_that_is_not_there_is_never_replaced(stand: Stand[Synthesizer]) -> None:
    """An unknown voice, one of another family, and one of another language are refused without a call."""
    for voice, language in (
        ("en-US-Chirp3-HD-Regulus", "en"), ("en-US-Neural2-A", "en"), ("uk-UA-Wavenet-B", "en"), ("", "en"),
        ("cmn-TW-Chirp3-HD-Kore", "zh"), (saying(stand).voice, "uk"), (saying(stand).voice, "fr"),
    ):  # fmt: skip
        with pytest.raises(UnknownVoice):
            await spoken(stand.provider, Utterance("Hello.", language, voice))

    assert not stand.heard


async def test_without_the_list_the_published_voices_are_offered() -> None:
    """A refused list costs one warning, not the provider: what the documentation names is offered, and speaks."""
    async with serving(Script(fault=Fault.SERVER, calls=1)) as url:
        provider = synthesizer("google", url, **CHIRP)
        with structlog.testing.capture_logs() as logs:
            await provider.start()
            await provider.start()
        async with started(provider):
            assert not provider.listed
            assert len({voice.name for voice in provider.voices() if voice.languages == ("uk",)}) == 30
            assert await spoken(provider, Utterance("Hello.", "en", CHIRP_VOICE))

    assert [entry["event"] for entry in logs] == ["voices not listed"]
    assert "INTERNAL" in logs[0]["reason"]


async def test_a_silent_service_does_not_hold_up_the_start() -> None:
    """The start waits five seconds for the list, on our clock, and no longer."""
    clock, heard = ManualClock(), list[Heard]()
    async with serving(Script(fault=Fault.SILENT), heard) as url:
        provider = synthesizer("google", url, clock)
        starting = asyncio.create_task(provider.start())
        await until(lambda: bool(heard))
        await clock.advance(4.9)
        assert not starting.done()
        await clock.advance(0.2)
        await starting
        await until(lambda: heard[0].cancelled)
        await provider.close()

    assert not provider.listed
    assert provider.voices()


@pytest.mark.parametrize(("name", "fault"), TOLD)
async def test_what_goes_wrong_is_told_by_category(name: str, fault: Fault) -> None:
    """Each fault is the category it is, is told under the provider's name, and never shows the key."""
    async with SYNTHESIZERS[name]() as stand:
        stand.script.fault, stand.script.after = fault, 9_600
        came: list[bytes] = []
        with pytest.raises(ProviderError) as caught:
            await spoken(stand.provider, saying(stand), came)

        assert caught.value.category in CATEGORY[fault]
        assert caught.value.provider == name
        assert KEY not in caught.value.message
        heard_before = {Fault.CUT: 9_600, Fault.ODD: len(SENTENCE) * 60 * 48 - 2} if stand.faults == STREAMED else {}
        assert len(b"".join(came)) == heard_before.get(fault, 0)
        stand.script.fault = None
        assert await spoken(stand.provider, saying(stand)), "the next call goes well again"


@pytest.mark.parametrize("status", [grpc.StatusCode.INTERNAL, grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE])
async def test_a_stream_that_ends_with_an_error_was_cut_off(status: grpc.StatusCode) -> None:
    """An error after the first audio is `truncated`: it is neither a clean end nor a call that never began."""
    script, utterance = Script(), Utterance(SENTENCE, "en", CHIRP_VOICE)
    came: list[bytes] = []
    async with (
        serving(script, cut_status=status) as url,
        started(synthesizer("google", url, **CHIRP, streaming=True)) as provider,
    ):
        script.fault, script.after = Fault.CUT, 4_800
        with pytest.raises(ProviderError) as caught:
            await spoken(provider, utterance, came)
        script.after = 0
        with pytest.raises(ProviderError) as at_once:
            await spoken(provider, utterance)

    assert len(b"".join(came)) == 4_800
    assert caught.value.category is FailureCategory.TRUNCATED
    assert at_once.value.category is categorize(status.name, "")


async def test_the_wait_that_google_asks_for_is_told() -> None:
    """RetryInfo in the details of a refusal becomes `retry_after_s`."""
    async with SYNTHESIZERS["google-chirp3"]() as stand:
        stand.script.fault, stand.script.retry_after_s = Fault.RATE_LIMIT, 2.5
        with pytest.raises(ProviderError) as caught:
            await spoken(stand.provider, saying(stand))

    assert caught.value.retry_after_s == 2.5


@pytest.mark.parametrize(
    ("status", "said", "category"),
    [
        ("UNAUTHENTICATED", "Request had invalid authentication credentials.", "auth"),
        ("INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", "auth"),
        ("INVALID_ARGUMENT", "API key expired. Please renew the API key. API_KEY_INVALID", "auth"),
        (
            "PERMISSION_DENIED",
            "Cloud Text-to-Speech API has not been used in project 1 before or it is disabled.",
            "auth",
        ),
        ("PERMISSION_DENIED", "This API method requires billing to be enabled. BILLING_DISABLED", "quota"),
        ("RESOURCE_EXHAUSTED", "Quota exceeded for limit 'All requests per minute'. 1/min/{project}", "rate_limit"),
        ("RESOURCE_EXHAUSTED", "Quota exceeded for limit 'DefaultRequestsPerDayPerProject'.", "quota"),
        ("RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota). 1/d/{project}", "quota"),
        ("RESOURCE_EXHAUSTED", "CLIENT: Received message larger than max (5000000 vs. 4194304)", "server"),
        ("INVALID_ARGUMENT", "This request contains sentences that are too long.", "unsupported"),
        ("INVALID_ARGUMENT", "Voice 'xx' does not exist. Is it misspelled?", "unsupported"),
        ("INVALID_ARGUMENT", "Request contains an invalid argument.", "bad_request"),
        ("UNAVAILABLE", "failed to connect to all addresses", "network"),
        ("DEADLINE_EXCEEDED", "Deadline Exceeded", "timeout"),
        ("INTERNAL", "Internal error encountered.", "server"),
        ("UNKNOWN", "", "server"),
        ("CANCELLED", "The operation was cancelled.", "truncated"),
    ],
)
def test_refusals_are_read_for_what_they_say(status: str, said: str, category: str) -> None:
    """Google tells a wrong key as a bad argument and every limit as a quota: the sentence decides then."""
    assert categorize(status, said).value == category


async def test_what_the_service_would_refuse_is_refused_before_the_call(stand: Stand[Synthesizer]) -> None:
    """Texts over 5000 bytes (not characters), and speeds and pitches out of range, are unsupported, and nobody asks."""
    wrong = [saying(stand, "я" * 2_501), saying(stand, speed=2.5), saying(stand, speed=0.1)]
    if stand.provider.name == "google-wavenet":
        wrong.append(saying(stand, pitch_st=21.0))
    for utterance in wrong:
        with pytest.raises(ProviderError) as caught:
            await spoken(stand.provider, utterance)
        assert caught.value.category is FailureCategory.UNSUPPORTED
    assert not stand.heard

    stand.script.ms_per_character = 1.0
    assert await spoken(stand.provider, saying(stand, "a" * 5_000)), "the limit itself is taken"
    assert await spoken(stand.provider, saying(stand, " \n")) == b""
    assert await spoken(stand.provider, saying(stand, "broken \ud83d half")), "half a character is left out"
    assert len(stand.heard) == 2


async def test_a_long_answer_is_taken() -> None:
    """An answer of more than gRPC's own 4 MB comes through."""
    async with SYNTHESIZERS["google-chirp3"]() as stand:
        stand.script.ms_per_character = 70.0
        assert len(await spoken(stand.provider, saying(stand, "a" * 2_000))) == 2_000 * 70 * 48


async def test_closing_the_generator_ends_the_work_at_once(stand: Stand[Synthesizer]) -> None:
    """Google hears at once that nobody listens any more: between two pieces, and while nothing comes."""
    streams = stand.provider.name.endswith("streaming")
    stand.script.fault, stand.script.after = (Fault.STALL, 4_800) if streams else (Fault.SILENT, 0)
    if streams:
        pieces = stand.provider.speak(saying(stand))
        assert (await anext(pieces)).pcm
        await pieces.aclose()
        await until(lambda: stand.heard[0].cancelled)
        stand.heard.clear()

    waiting = asyncio.create_task(spoken(stand.provider, saying(stand)))
    await until(lambda: bool(stand.heard))
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await until(lambda: stand.heard[0].cancelled)


async def test_closing_the_provider_is_told_to_who_listens(stand: Stand[Synthesizer]) -> None:
    """A call that is cut off by our own close ends with a ProviderError, not with a cancellation nobody asked for."""
    stand.script.fault = Fault.SILENT
    waiting = asyncio.create_task(spoken(stand.provider, saying(stand)))
    await until(lambda: bool(stand.heard))
    await stand.provider.close()  # type: ignore[attr-defined]
    with pytest.raises(ProviderError) as caught:
        await waiting

    assert caught.value.category is FailureCategory.TRUNCATED
    with pytest.raises(Unavailable):
        await spoken(stand.provider, saying(stand))


async def test_nobody_at_the_address_is_a_network_failure() -> None:
    """Where nobody listens the provider starts all the same, and each call fails at once."""
    listener = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    listener.close()
    await listener.wait_closed()
    async with started(synthesizer("google", f"http://127.0.0.1:{port}")) as provider:
        assert not provider.listed
        with pytest.raises(ProviderError) as caught:
            await spoken(provider, Utterance("Hello.", "en", "en-US-Wavenet-D"))

    assert caught.value.category is FailureCategory.NETWORK


async def test_a_connection_that_never_stands_is_given_up() -> None:
    """Somebody who accepts and says nothing costs the connect limit, on our clock."""
    accepted: list[asyncio.StreamWriter] = []
    listener = await asyncio.start_server(lambda _, writer: accepted.append(writer), "127.0.0.1", 0)
    clock = ManualClock()
    provider = recognizer("google", f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}", clock)
    async with started(provider):
        hearing = asyncio.create_task(provider.hear(SECOND))
        await until(lambda: bool(accepted))
        await clock.advance(2.9)
        assert not hearing.done()
        await clock.advance(0.2)
        with pytest.raises(ProviderTimeout):
            await hearing
    for writer in accepted:
        writer.transport.abort()
    listener.close()
    await listener.wait_closed()


async def test_a_slow_connection_is_given_its_time() -> None:
    """A connection that takes a third of a second to stand is waited for: gRPC's pauses do not shorten the limit."""
    async with serving(Script(), slow_s=0.35) as url, started(recognizer("google", url)) as provider:
        assert (await provider.hear(SECOND)).text == "hello world"


def _certificate() -> tuple[bytes, bytes]:
    """A private key and a certificate for 127.0.0.1 that it signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "stand")]), datetime.now(UTC)
    built = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), now - timedelta(hours=1), now + timedelta(hours=1)
    ).add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private, built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


OVER_TLS = """
import asyncio, sys
from tests.contracts.test_google import SECOND, recognizer, started
async def story():
    async with started(recognizer("google", sys.argv[1])) as provider:
        print((await provider.hear(SECOND)).text)
asyncio.run(story())
"""


async def test_https_is_tls(tmp_path: Path) -> None:
    """An https address speaks TLS to a certificate it trusts, and is a network failure to one it does not."""
    tls, trusted = _certificate(), tmp_path / "roots.pem"
    trusted.write_bytes(tls[1])
    async with serving(Script(), tls=tls) as url:
        async with started(recognizer("google", url)) as provider:
            assert await _category(provider) is FailureCategory.NETWORK
        trusting = await asyncio.create_subprocess_exec(
            sys.executable, "-c", OVER_TLS, url, cwd=Path(__file__).parents[2], stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(trusted)},
        )  # fmt: skip
        said, _ = await trusting.communicate()

    assert said.decode().split() == ["hello", "world"]


async def test_a_service_that_comes_back_is_found() -> None:
    """After a failed connection the next attempts find the service within seconds, not after minutes of backing off."""
    async with serving(Script()) as url:
        pass
    port = int(url.rpartition(":")[2])
    async with started(recognizer("google", url)) as provider:
        with pytest.raises(ProviderError):
            await provider.hear(SECOND)
        server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
        server.add_insecure_port(f"127.0.0.1:{port}")
        await server.start()
        async with asyncio.timeout(10):
            while (category := await _category(provider)) is FailureCategory.NETWORK:
                await asyncio.sleep(0.05)
        await server.stop(None)

    assert category is FailureCategory.UNSUPPORTED, "this server has no such method: it was reached"


async def _category(provider: Any) -> FailureCategory:
    with pytest.raises(ProviderError) as caught:
        await provider.hear(SECOND)
    return caught.value.category


def _account(path: Path, **changes: str) -> tuple[Path, str]:
    """The JSON file of a service account with a fresh key, and what verifies its tokens."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    told = {
        "type": "service_account", "client_email": "segue@example.iam.gserviceaccount.com", "private_key_id": "1",
        "private_key": private.decode(), "token_uri": "https://oauth2.example/token", **changes,
    }  # fmt: skip
    file = path / "account.json"
    file.write_text(json.dumps(told))
    return file, public.decode()


async def test_a_service_account_signs_its_own_tokens(tmp_path: Path) -> None:
    """With a service account's file each service gets a token meant for it, signed here and used again."""
    file, certificate = _account(tmp_path)
    heard: list[Heard] = []
    async with serving(Script(), heard, certificate=certificate) as url:
        async with started(synthesizer("google", url, credentials=str(file))) as provider:
            for _ in range(2):
                assert await spoken(provider, Utterance("Hello.", "en", "en-US-Wavenet-D"))
        async with started(recognizer("google", url, credentials=str(file), key=None)) as listener:
            assert (await listener.hear(SECOND)).text == "hello world"

    tokens = [each.headers["authorization"] for each in heard]
    assert tokens[0] == tokens[1] == tokens[2] != tokens[3]
    assert not [each for each in heard if "x-goog-api-key" in each.headers]


async def test_a_token_is_renewed_before_it_ages(tmp_path: Path) -> None:
    """A token is signed anew five minutes before its hour is over."""
    file, _ = _account(tmp_path)
    clock, heard = ManualClock(), list[Heard]()
    async with (
        serving(Script(), heard) as url,
        started(recognizer("google", url, clock, credentials=str(file))) as listener,
    ):
        for seconds in (0, 3_290, 20):
            await clock.advance(seconds)
            with pytest.raises(ProviderError):
                await listener.hear(SECOND)

    tokens = [each.headers["authorization"] for each in heard]
    assert tokens[0] == tokens[1] != tokens[2]


async def test_a_file_that_is_no_service_account_is_named(tmp_path: Path) -> None:
    """A missing file, one that is no JSON and one of another kind are told at start, with what to set."""
    other = tmp_path / "other.json"
    other.write_text('{"type": "authorized_user"}')
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    for file in (tmp_path / "missing.json", other, broken):
        with pytest.raises(Unavailable, match="GOOGLE_APPLICATION_CREDENTIALS") as caught:
            await synthesizer("google", "http://127.0.0.1:9", credentials=str(file)).start()
        assert str(file) in caught.value.message


async def test_without_a_key_it_does_not_start() -> None:
    """Without any credentials the start says which variables to set."""
    with pytest.raises(Unavailable, match="GOOGLE_API_KEY"):
        await synthesizer("google", "http://127.0.0.1:9", key=None).start()


async def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the client library is not installed the start says what to install."""
    monkeypatch.setitem(sys.modules, "google.cloud.texttospeech_v1", None)
    with pytest.raises(Unavailable, match=r"pip install 'segue\[google\]'"):
        await synthesizer("google", "http://127.0.0.1:9").start()


async def test_before_its_start_it_is_unavailable() -> None:
    """A provider that was not started says so, and closing it twice is no error."""
    provider, listener = synthesizer("google", "http://127.0.0.1:9"), recognizer("google", "http://127.0.0.1:9")
    with pytest.raises(Unavailable):
        await spoken(provider, Utterance("Hello.", "en", "en-US-Wavenet-D"))
    with pytest.raises(Unavailable):
        await listener.hear(SECOND)
    for each in (provider, listener):
        await each.close()
        await each.close()


def test_only_chirp_streams() -> None:
    """Settings that ask a WaveNet voice for a stream are refused where they are read."""
    with pytest.raises(ValidationError, match="chirp3-hd"):
        vendor.GoogleSynthesizer.model_validate({"vendor": "google-synthesizer", "streaming": True})


def test_it_runs_on_the_loop_that_segue_runs_on() -> None:
    """All of it runs on uvloop too: a stream, a recording, a cancelled call and a reset connection."""

    async def story() -> None:
        async with SYNTHESIZERS["google-chirp3-streaming"]() as stand:
            assert len(await spoken(stand.provider, saying(stand))) == len(SENTENCE) * 60 * 48
            stand.script.fault = Fault.SILENT
            waiting = asyncio.create_task(spoken(stand.provider, saying(stand)))
            await until(lambda: len(stand.heard) == 2)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            await until(lambda: stand.heard[1].cancelled)
            stand.script.fault = Fault.RESET
            with pytest.raises(ProviderError):
                await spoken(stand.provider, saying(stand))
        async with RECOGNIZERS["google"]() as listening:
            assert (await listening.provider.hear(SECOND)).text == "hello world"

    uvloop.run(story())


@pytest.mark.parametrize("opening", [*SYNTHESIZERS.values()], ids=[*SYNTHESIZERS])
async def test_nothing_is_left_behind(opening: Opening[Synthesizer]) -> None:
    """Sentences that were spoken, cut off and cancelled leave no task behind."""
    before = asyncio.all_tasks()
    async with opening() as stand:
        for fault in (None, Fault.SERVER, Fault.RESET, Fault.CUT, None):
            stand.script.fault, stand.script.after = fault, 4_800
            async with aclosing(stand.provider.speak(saying(stand))) as pieces:
                try:
                    await anext(pieces)
                except ProviderError:
                    assert fault is not None
    await until(lambda: asyncio.all_tasks() <= before)


def _wav(rate: int = 24_000, bits: int = 16, channels: int = 1, extra: bytes = b"", size: int | None = None) -> bytes:
    pcm = struct.pack("<8h", *range(8))
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * channels * bits // 8, channels * bits // 8, bits)
    told = len(pcm) if size is None else size
    head = b"WAVE" + struct.pack("<4sI", b"fmt ", 16) + form + extra + struct.pack("<4sI", b"data", told)
    return struct.pack("<4sI", b"RIFF", len(head) + len(pcm)) + head + pcm


def test_a_wav_file_is_all_there_or_none_of_it() -> None:
    """Cut at any byte a file is `truncated`; whole it gives its samples, with other chunks stepped over."""
    whole = _wav()
    for cut in range(1, len(whole)):
        with pytest.raises(ProviderError) as caught:
            samples(whole[:cut], 24_000, "google")
        assert caught.value.category is FailureCategory.TRUNCATED, cut

    pcm = struct.pack("<8h", *range(8))
    assert samples(whole, 24_000, "google") == pcm
    assert samples(_wav(extra=b"LIST\x03\x00\x00\x00abc\x00"), 24_000, "google") == pcm
    assert samples(_wav(size=0xFFFFFFFF), 24_000, "google") == pcm
    assert samples(whole + b"LIST\x00\x00\x00\x00", 24_000, "google") == pcm
    assert samples(b"", 24_000, "google") == b""


@pytest.mark.parametrize(
    "data",
    [
        _wav(rate=16_000), _wav(bits=8), _wav(channels=2), b"ID3\x04" + bytes(60), b"OggS" + bytes(60),
        b'{"error": {"code": 403}}', b"<!doctype html><title>Login</title>", bytes(400), b"RIFF\x00\x00\x00\x00AVI ",
        _wav()[:12] + struct.pack("<4sI", b"data", 2) + b"ab",
    ],
)  # fmt: skip
def test_what_is_no_such_wav_is_not_taken_for_sound(data: bytes) -> None:
    """Another rate, shape or container, JSON, HTML and bare samples are the server's fault, and none of it is heard."""
    with pytest.raises(ProviderError) as caught:
        samples(data, 24_000, "google")
    assert caught.value.category is FailureCategory.SERVER


async def test_a_recording_is_heard_with_its_words() -> None:
    """The recording is sent as it is, and comes back as text, words with their times and a confidence."""
    async with RECOGNIZERS["google"]() as stand:
        told = await stand.provider.hear(SECOND)
        request = stand.heard[-1].body

    assert told.text == "hello world"
    assert [(word.text, word.start_s, word.end_s) for word in told.words] == [("hello", 0.0, 0.5), ("world", 0.5, 1.0)]
    assert (told.language, told.provider, told.duration_s, told.confidence) == ("en", "google", 1.0, 0.93)
    assert (request.config.language_code, request.config.sample_rate_hertz) == ("en-US", 16_000)
    assert request.audio.content == SECOND.pcm
    assert request.config.model == stand.provider.about.model == "latest_short"


@pytest.mark.parametrize(
    ("transcript", "language", "text"),
    [("one two\nthree", "en", "one two three"), ("早安\n你好", "zh", "早安你好"), ("", "uk", "")],
)
async def test_several_results_are_one_text(transcript: str, language: str, text: str) -> None:
    """Results are joined as the language writes words; no result is no speech, which is an answer."""
    async with RECOGNIZERS["google"]() as stand:
        stand.script.transcript = transcript
        told = await stand.provider.hear(Recording(SECOND.pcm, 16_000, language))

    assert told.text == text
    assert (told.confidence is None) is (not text)


async def test_a_confidence_that_is_not_told_is_none() -> None:
    """Google sends 0 where it does not say how sure it is: that is no confidence, not a low one."""
    async with serving(Script(), confidence=0.0) as url, started(recognizer("google", url)) as provider:
        assert (await provider.hear(SECOND)).confidence is None


async def test_phrases_are_hints_within_googles_limits() -> None:
    """Phrases, or the expected text, are sent as hints; what is too long for a hint is left out."""
    async with RECOGNIZERS["google"]() as stand:
        long = "a" * 101
        await stand.provider.hear(Recording(SECOND.pcm, 16_000, "en", phrases=("red", "blue", "red", long, " ")))
        await stand.provider.hear(Recording(SECOND.pcm, 16_000, "en", phrases=("red",), expected="good morning"))
        await stand.provider.hear(Recording(SECOND.pcm, 16_000, "en", expected=long))
        hints = [[list(each.phrases) for each in heard.body.config.speech_contexts] for heard in stand.heard]

    assert hints == [[["red", "blue"]], [["good morning"]], []]


async def test_what_cannot_be_heard_is_refused_before_the_call() -> None:
    """A minute is the limit; longer recordings, strange rates and other languages are refused, and nobody is asked."""
    async with RECOGNIZERS["google"]() as stand:
        for recording in (Recording(bytes(2 * 480_008), 8_000, "en"), Recording(bytes(400), 4_000, "en")):
            with pytest.raises(ProviderError) as caught:
                await stand.provider.hear(recording)
            assert caught.value.category is FailureCategory.UNSUPPORTED
        with pytest.raises(UnknownLanguage):
            await stand.provider.hear(Recording(SECOND.pcm, 16_000, "fr"))
        assert (await stand.provider.hear(Recording(b"", 16_000, "en"))).text == ""
        assert not stand.heard

        assert (await stand.provider.hear(Recording(bytes(2 * 480_000), 8_000, "uk-UA"))).language == "uk"
        assert stand.heard[-1].body.config.language_code == "uk-UA"


@pytest.mark.parametrize(
    "fault", [Fault.AUTH, Fault.QUOTA, Fault.RATE_LIMIT, Fault.BAD_REQUEST, Fault.SERVER, Fault.RESET]
)
async def test_a_recognizer_tells_what_goes_wrong(fault: Fault) -> None:
    """Each fault is the category it is, and the next recording is heard again."""
    async with RECOGNIZERS["google"]() as stand:
        stand.script.fault, stand.script.calls = fault, 1
        with pytest.raises(ProviderError) as caught:
            await stand.provider.hear(SECOND)
        assert caught.value.category in CATEGORY[fault]
        assert (await stand.provider.hear(SECOND)).text == "hello world"
