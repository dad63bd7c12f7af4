"""What is particular to the voices of Edge, against a server of ours that speaks the service's protocol."""

import asyncio
import importlib.metadata
import socket
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
from edge_tts.communicate import Communicate
from edge_tts.drm import DRM
from pydantic import ValidationError
from structlog.testing import capture_logs

from segue.clock import ManualClock, SystemClock
from segue.errors import FailureCategory, ProviderError, ProviderTimeout, Unavailable, UnknownVoice
from segue.providers.edge import LONGEST_BYTES, EdgeSynthesizer
from segue.providers.edge_line_library import binary_message, load, spoken, text_message
from segue.providers.edge_mp3 import Mp3, NotThis
from segue.providers.edge_voices import KNOWN, known, listed
from segue.vendors import edge as vendor
from segue.voice.ports import Speech, Utterance
from tests.vendors import edge as server
from tests.vendors.script import Fault, Heard, Stand

POLINA = "uk-UA-PolinaNeural"


@pytest.fixture(autouse=True)
def the_librarys_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library keeps its correction of the clock for the whole process: each test begins without one."""
    monkeypatch.setattr(DRM, "clock_skew_seconds", 0.0)


@pytest.fixture
async def reader() -> AsyncIterator[Stand[Any]]:
    """The synthesizer with its server."""
    async with server.speech() as stand:
        yield stand


def settings(**more: Any) -> vendor.EdgeSynthesizer:
    """Settings of the provider."""
    return vendor.EdgeSynthesizer.model_validate({"vendor": "edge", **more})


async def said(stand: Stand[Any], text: str = "Добрий день.", **more: Any) -> list[Speech]:
    """All of a sentence, by Polina where nothing else is said."""
    wanted = {"language": "uk", "voice": POLINA} | more
    return [piece async for piece in stand.provider.speak(Utterance(text, **wanted))]


async def refused(stand: Stand[Any], **more: Any) -> ProviderError:
    """The error with which a sentence is refused."""
    with pytest.raises(ProviderError) as caught:
        await said(stand, **more)
    return caught.value


@pytest.mark.parametrize(
    "text",
    [
        "Рок & рол: 1 < 2 > 0, &amp; лишається &amp;.",
        "“Лапки”, 'апостроф' і \"прямі\".",
        "Смайлик 🙂 і родина 👩‍👩‍👧.",
        "</prosody></voice></speak>",
        "今天<b>基辅</b>天气晴朗。",
    ],
)
async def test_a_text_arrives_as_it_is(reader: Stand[Any], text: str) -> None:
    """Signs that mean something in XML reach the service as part of the text, whatever they would have closed."""
    assert await said(reader, text)
    assert (reader.heard[0].body["text"], reader.heard[0].body["voice"]) == (text, POLINA)


def test_what_xml_cannot_carry_is_a_space() -> None:
    """Control characters, halves of letters and what is no character become spaces: the service refuses them."""
    assert spoken("a\x00b\x0bc\ud800d\ufffee & f") == "a b c d e &amp; f"


@pytest.mark.parametrize(
    ("voice", "speed", "pitch_st", "rate", "pitch"),
    [
        (POLINA, 1.0, 0.0, "+0%", "+0Hz"),
        (POLINA, 1.1, 2.0, "+10%", "+26Hz"),
        ("uk-UA-OstapNeural", 0.75, -12.0, "-25%", "-60Hz"),
        ("uk-UA-OstapNeural", 2.0, 1.0, "+100%", "+7Hz"),
    ],
)
async def test_speed_and_pitch_are_asked_for(
    reader: Stand[Any], voice: str, speed: float, pitch_st: float, rate: str, pitch: str
) -> None:
    """A speed becomes a difference in per cent, semitones one in hertz from the pitch usual for the voice's gender."""
    assert await said(reader, voice=voice, speed=speed, pitch_st=pitch_st)
    assert (reader.heard[0].body["rate"], reader.heard[0].body["pitch"]) == (rate, pitch)


async def test_what_is_not_asked_for_at_all(reader: Stand[Any]) -> None:
    """A text that is too long, or a speed the service does not have, is refused before a connection is made."""
    reader.script.ms_per_character = 1
    assert await said(reader, "д" * (LONGEST_BYTES // 2))
    for error in (await refused(reader, text="д" * (LONGEST_BYTES // 2) + "!"), await refused(reader, speed=2.1)):
        assert error.category is FailureCategory.UNSUPPORTED
    assert len(reader.heard) == 1


@pytest.mark.parametrize("after", [0, 1, 720, 3_000])
async def test_a_cut_reply_does_not_end_cleanly(reader: Stand[Any], after: int) -> None:
    """A socket that closes without the service's last word has cut the sentence, however much had come."""
    reader.script.fault, reader.script.after = Fault.CUT, after
    error = await refused(reader)

    assert error.category is (FailureCategory.TRUNCATED if after else FailureCategory.NETWORK)
    assert "last word" in error.message


@pytest.mark.parametrize(
    ("number", "category"),
    [
        (1000, FailureCategory.TRUNCATED),
        (1001, FailureCategory.TRUNCATED),
        (1007, FailureCategory.BAD_REQUEST),
        (1008, FailureCategory.BAD_REQUEST),
        (1011, FailureCategory.SERVER),
        (1013, FailureCategory.SERVER),
        (4429, FailureCategory.TRUNCATED),
    ],
)
async def test_how_a_socket_is_closed_is_told(reader: Stand[Any], number: int, category: FailureCategory) -> None:
    """The number with which the service hangs up says whose fault it is; a polite one is no success either."""
    reader.script.fault, reader.script.closing = Fault.SERVER, number
    error = await refused(reader)

    assert (error.category, f"{number} Internal server error" in error.message) == (category, True)


@pytest.mark.parametrize(
    ("status", "category"),
    [
        (400, FailureCategory.BAD_REQUEST),
        (401, FailureCategory.AUTH),
        (403, FailureCategory.AUTH),
        (404, FailureCategory.BAD_REQUEST),
        (429, FailureCategory.RATE_LIMIT),
        (500, FailureCategory.SERVER),
        (503, FailureCategory.SERVER),
    ],
)
async def test_a_refused_connection_is_told_by_its_status(
    reader: Stand[Any], status: int, category: FailureCategory
) -> None:
    """What is answered instead of a socket has the category of its status, and the time to wait, if one is told."""
    reader.script.refusing, reader.script.status, reader.script.retry_after_s = True, status, 9.0
    error = await refused(reader)

    assert (error.category, error.retry_after_s) == (category, 9.0)
    assert str(status) in error.message
    assert len(reader.heard) == (2 if status == 403 else 1)


async def test_a_wrong_clock_is_set_right(reader: Stand[Any]) -> None:
    """A machine whose clock is an hour off is refused once, learns the service's time, and is answered from then on."""
    reader.script.ahead_s = 3_600.0
    assert await said(reader)
    assert await said(reader)

    assert len(reader.heard) == 3
    assert pytest.approx(3_600, abs=5) == DRM.clock_skew_seconds


async def test_a_refusal_without_a_time(reader: Stand[Any]) -> None:
    """A refused token is told as such where the service does not say what time it is; nobody is asked twice."""
    reader.script.ahead_s, reader.script.dated = 3_600.0, False
    error = await refused(reader)

    assert (error.category, len(reader.heard)) == (FailureCategory.AUTH, 1)
    assert "edge-tts 7.2.7" in error.message


async def test_nobody_there() -> None:
    """Where nobody listens the provider starts with its table of voices, and a sentence fails as one of network."""
    nobody = socket.socket()
    nobody.bind(("127.0.0.1", 0))  # taken, and not listened at: who connects is refused
    provider = EdgeSynthesizer("reader", settings(url=f"ws://127.0.0.1:{nobody.getsockname()[1]}"), SystemClock())
    with capture_logs() as logs:
        await provider.start()
    try:
        with pytest.raises(ProviderError) as caught:
            await anext(provider.speak(Utterance("Добрий день.", "uk", POLINA)))
        with pytest.raises(UnknownVoice, match="could not be had at start"):
            await anext(provider.speak(Utterance("Добрий день.", "uk", "uk-UA-NewNeural")))
    finally:
        await provider.close()
        nobody.close()

    assert not provider.listed
    assert caught.value.category is FailureCategory.NETWORK
    assert [entry["log_level"] for entry in logs] == ["warning"]
    assert {voice.name for voice in provider.voices()} == {name for names in KNOWN.values() for name in names}


async def test_a_server_that_never_answers_the_connection() -> None:
    """The wait for a connection ends when its limit does, at start and for a sentence, and is told as a timeout."""
    came = asyncio.Queue[None]()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.put_nowait(None)
        await reader.read()
        writer.close()

    listener = await asyncio.start_server(silent, "127.0.0.1", 0)
    host, port = listener.sockets[0].getsockname()[:2]
    clock = ManualClock()
    wanted = settings(url=f"ws://{host}:{port}", limits={"connect_s": 2.0})
    provider = EdgeSynthesizer("reader", wanted, clock)
    try:
        async with asyncio.timeout(20):
            start = asyncio.create_task(provider.start())
            await came.get()
            await clock.advance(2.1)
            await start
            assert not provider.listed

            sentence = asyncio.create_task(anext(provider.speak(Utterance("Добрий день.", "uk", POLINA))))
            await came.get()
            await clock.advance(1.8)
            assert not sentence.done()
            await clock.advance(0.3)
            with pytest.raises(ProviderTimeout, match="reader could not be connected to in time"):
                await sentence
    finally:
        await provider.close()
        listener.close()
        await listener.wait_closed()


@pytest.mark.parametrize("listing", ["nothing", "html", "refused"])
async def test_a_list_of_voices_that_is_none(listing: str) -> None:
    """An empty list, a page and a refusal leave the table of known voices in place, and the provider speaks."""
    async with server.speech(server.EdgeScript(listing=listing)) as stand:
        assert not stand.provider.listed  # type: ignore[attr-defined]
        assert stand.provider.voices() == tuple(known("reader").values())
        assert await said(stand)


async def test_the_services_own_list(reader: Stand[Any]) -> None:
    """What the service lists is offered, by language and with its gender: but no name that cannot be asked for."""
    offered = {voice.name: (voice.languages, voice.gender) for voice in reader.provider.voices()}

    assert reader.provider.listed
    assert offered[POLINA] == (("uk",), "female")
    assert offered["zh-CN-liaoning-XiaobeiNeural"] == (("zh",), "female")
    assert offered["zh-HK-HiuMaanNeural"] == (("yue",), "female"), "Cantonese is not Mandarin"
    assert set(offered) == set(server.VOICES) - {"iu-Latn-CA-SiqiniqNeural"}
    for name, (languages, _) in offered.items():
        assert await said(reader, "One two three.", language=languages[0], voice=name)


@pytest.mark.parametrize("told", [None, {}, [], [None, 3, {}, {"ShortName": 5}, {"ShortName": "Polina"}]])
def test_a_list_of_something_else_has_no_voices(told: Any) -> None:
    """A list that does not look as the service's does gives no voices, and no error."""
    assert listed(told, "reader") == {}


def test_the_known_voices_speak_every_language_of_segue() -> None:
    """The table has a woman and a man for each of the four languages."""
    found = {(voice.languages[0], voice.gender) for voice in known("reader").values()}
    assert found == {(language, gender) for language in ("en", "uk", "ru", "zh") for gender in ("female", "male")}


async def test_another_version_of_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another version than the pinned one is warned of at start, with both names, and shown in what the provider is."""
    real = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata, "version", lambda package: "7.9.9" if package == "edge-tts" else real(package)
    )
    with capture_logs() as logs:
        async with server.speech() as stand:
            about = stand.provider.about
            assert await said(stand)

    assert about.version == "7.9.9 (Segue was written against 7.2.7)"
    (warning,) = [entry for entry in logs if entry["log_level"] == "warning"]
    assert (warning["installed"], warning["expected"], warning["provider"]) == ("7.9.9", "7.2.7", "reader")


async def test_the_pinned_version_is_no_news() -> None:
    """With the pinned version, and with voices listed, nothing is logged; the place is told without what follows it."""
    with capture_logs() as logs:
        async with server.speech() as stand:
            about = stand.provider.about
    assert logs == []
    assert (about.vendor, about.version) == ("edge", "7.2.7")
    assert about.place.startswith("127.0.0.1:")
    assert EdgeSynthesizer("reader", settings(), SystemClock()).about.place == "speech.platform.bing.com"


@pytest.mark.parametrize("missing", ["edge_tts", "av"])
async def test_without_the_library(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    """Without what the extra brings the provider does not start, and says what to install."""
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(Unavailable, match=r"pip install 'segue\[edge\]'"):
        await EdgeSynthesizer("reader", settings(), SystemClock()).start()


async def test_a_library_that_lacks_what_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A version whose parts have moved is refused at start by the name of the one that has them."""
    monkeypatch.delattr("edge_tts.communicate.mkssml")
    with pytest.raises(Unavailable, match=r"pip install 'edge-tts==7\.2\.7'"):
        await EdgeSynthesizer("reader", settings(), SystemClock()).start()


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "127.0.0.1:80", "ws://"])
def test_an_address_is_one_of_a_socket(url: str) -> None:
    """An address that is none of a WebSocket is refused with the settings."""
    with pytest.raises(ValidationError):
        settings(url=url)


async def test_whoever_leaves_is_gone_at_once(reader: Stand[Any]) -> None:
    """Closing in the middle does not wait for a server that says nothing: not for its good-bye either."""
    reader.script.fault, reader.script.after = Fault.STALL, 2_880
    async with asyncio.timeout(5):
        async with aclosing(reader.provider.speak(Utterance("Добрий день усім.", "uk", POLINA))) as speech:
            await anext(speech)
        while not reader.heard[0].cancelled:
            await asyncio.sleep(0.001)
    assert not reader.heard[0].finished


def test_a_message_is_taken_apart() -> None:
    """Headers of both kinds of messages are read whatever their case; what is shorter than it says is refused."""
    assert text_message("X-RequestId:7\r\nPATH: turn.end \r\n\r\n{}\r\n\r\n") == (
        {"x-requestid": "7", "path": "turn.end"}, "{}\r\n\r\n"
    )  # fmt: skip
    assert binary_message(server.audio("7", b"\xff\xf3abc", "audio/mpeg")) == (
        {"x-requestid": "7", "content-type": "audio/mpeg", "x-streamid": "7", "path": "audio"}, b"\xff\xf3abc"
    )  # fmt: skip
    for short in (b"", b"\0", b"\0\x09Path"):
        with pytest.raises(ValueError, match="bytes whose headers"):
            binary_message(short)


@pytest.mark.parametrize("size", [1, 7, 143, 720, 100_000])
def test_mp3_comes_out_as_it_went_in(size: int) -> None:
    """However the stream is cut, the same samples come out, and all of them: but for the codec's own delay."""
    song = server.song(24_000)
    decoder = Mp3(24_000)
    pcm = b"".join(decoder.push(song[at : at + size]) for at in range(0, len(song), size)) + decoder.finish()
    whole = Mp3(24_000)

    assert pcm == whole.push(song) + whole.finish()
    assert 24_000 <= len(pcm) / 2 <= 24_000 + 4 * 576


def test_mp3_is_decoded_as_it_comes() -> None:
    """All but the last frame of what has come is out: nobody waits for the end of a sentence to hear its beginning."""
    song = server.song(24_000)
    decoder = Mp3(24_000)
    for frames in range(1, len(song) // 144 + 1):
        pcm = decoder.push(song[(frames - 1) * 144 : frames * 144])
        assert frames < 3 or len(pcm) == 576 * 2


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b'{"error": "no"}', "JSON, not MP3"),
        (b"<html><body>", "an HTML or XML page, not MP3"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "not MP3"),
        (b"OggS\0\2\0\0\0\0", "not MP3"),
        (server.song(4_800, 16_000), "at 16000 Hz, not one at 24000"),
    ],
)
def test_what_is_no_mp3_is_refused(data: bytes, what: str) -> None:
    """Another format, another rate and a page of text are told as what they are, before a sample comes out."""
    with pytest.raises(NotThis, match=what):
        Mp3(24_000).push(data + bytes(2_000))


def test_nothing_decodes_to_nothing() -> None:
    """No data is no audio, to be judged where all audio is judged; data without a frame in it is an error."""
    assert Mp3(24_000).finish() == b""
    decoder = Mp3(24_000)
    assert decoder.push(b"\xff\xf3\x64") == b""
    with pytest.raises(NotThis, match="3 bytes without a frame"):
        decoder.finish()


async def test_the_real_address_is_the_librarys_own() -> None:
    """Without an address the service itself would be asked, in the library's words; with one, only that differs."""
    real, other = load("reader", ""), load("reader", "ws://127.0.0.1:1/x/")
    host = "speech.platform.bing.com/consumer/speech/synthesize/readaloud"

    assert real.socket_url.startswith(f"wss://{host}/edge/v1?TrustedClientToken={server.CLIENT}&ConnectionId=")
    assert real.voices_url.startswith(f"https://{host}/voices/list?trustedclienttoken={server.CLIENT}&Sec-MS-GEC=")
    assert other.socket_url.startswith(f"ws://127.0.0.1:1/x/edge/v1?TrustedClientToken={server.CLIENT}&ConnectionId=")
    assert other.voices_url.startswith(f"http://127.0.0.1:1/x/voices/list?trustedclienttoken={server.CLIENT}&Sec-")
    authorities = await real.authorities()
    assert isinstance(authorities, ssl.SSLContext)
    assert authorities.verify_mode is ssl.CERT_REQUIRED


async def test_the_library_itself_understands_our_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """What our server sends is what the service's own client expects: its audio and its metadata come through."""
    script, heard = server.EdgeScript(), list[Heard]()
    async with server.serving(script, heard) as url:
        monkeypatch.setattr("edge_tts.communicate.WSS_URL", f"{url}/edge/v1?TrustedClientToken={server.CLIENT}")
        chunks = [chunk async for chunk in Communicate("Добрий день & ніч.", POLINA, rate="+50%").stream()]

    assert b"".join(chunk["data"] for chunk in chunks if chunk["type"] == "audio") == server.song(18 * 960)
    assert [chunk["text"] for chunk in chunks if chunk["type"] == "SentenceBoundary"] == ["Добрий день & ніч."]
    assert (heard[0].body["voice"], heard[0].body["rate"]) == (POLINA, "+50%")


async def test_the_library_itself_takes_a_cut_reply_for_a_whole_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason why the conversation is ours: the library ends a sentence cleanly when the socket was cut."""
    script = server.EdgeScript(fault=Fault.CUT, after=3_000)
    async with server.serving(script) as url:
        monkeypatch.setattr("edge_tts.communicate.WSS_URL", f"{url}/edge/v1?TrustedClientToken={server.CLIENT}")
        chunks = [chunk async for chunk in Communicate("Добрий день усім, хто слухає.", POLINA).stream()]

    assert b"".join(chunk["data"] for chunk in chunks if chunk["type"] == "audio")
