"""A server that stands for the service behind the read-aloud of Microsoft Edge.

The service has no public documentation. This was written in November 2026 from what its public client library, edge-tts
7.2.7, sends and expects: the token made from the time, the two messages of a request, and the messages of an answer.
That a socket is closed with 1007 on a wrong request and with 1011 on an error of its own is how the documented sockets
of Azure's speech service, whose voices these are, do it. It hums instead of speaking, in real MP3.
"""

import asyncio
import functools
import hashlib
import json
import math
import re
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any
from xml.etree import ElementTree

import lameenc
from aiohttp import WSMsgType, web

from segue.clock import SystemClock
from segue.providers.edge import EdgeSynthesizer
from segue.vendors import edge as vendor
from segue.voice.ports import Synthesizer
from tests.vendors.script import Fault, Heard, Opening, Script, Stand

CLIENT = "6A5AA1D4EAFF4E9FB37E23D68491D6F4"
"""The browser's public name for itself; no secret."""
PATH = "/consumer/speech/synthesize/readaloud"
RATE = 24_000
MESSAGE_BYTES = 720
TOKEN_S = 300
EPOCH_S = 11_644_473_600
"""From the beginning of 1601, where the service's time begins, to that of 1970."""
VOICES = {
    "uk-UA-PolinaNeural": "Female", "uk-UA-OstapNeural": "Male", "ru-RU-SvetlanaNeural": "Female",
    "ru-RU-DmitryNeural": "Male", "en-US-AvaNeural": "Female", "en-US-AndrewNeural": "Male",
    "en-GB-SoniaNeural": "Female", "zh-CN-XiaoxiaoNeural": "Female", "zh-CN-liaoning-XiaobeiNeural": "Female",
    "zh-HK-HiuMaanNeural": "Female", "iu-Latn-CA-SiqiniqNeural": "Female", "de-DE-KatjaNeural": "Female",
}  # fmt: skip
FORM = "audio-24khz-48kbitrate-mono-mp3"
SPEAK = "{http://www.w3.org/2001/10/synthesis}"
PAGE = "<!DOCTYPE html><html><body><h1>Sign in to the wireless network</h1></body></html>"
STATUS = {Fault.AUTH: 401, Fault.RATE_LIMIT: 429}


class Refused(Exception):
    """The request is not as the client library's are."""


@dataclass
class EdgeScript(Script):
    """What this server can be told besides."""

    ahead_s: float = 0.0
    """By how much its clock is ahead of ours."""
    dated: bool = True
    """Whether its refusals say what time it is there."""
    listing: str = "voices"
    """What it lists: `voices`, or `nothing`, or it answers with `html`, or it is `refused`."""
    status: int = 503
    """What the connection is refused with while `refusing`."""
    refusing: bool = False
    closing: int = 1011
    """The number with which it closes a socket on a fault of its own."""


@functools.lru_cache(maxsize=64)
def song(samples: int, rate: int = RATE, peak: float = 0.2) -> bytes:
    """MP3 of a tone of 200 Hz, at 48 kbit/s as the service's; `peak` 0 is silence, more than 1 is clipped."""
    wave = (max(-1.0, min(1.0, peak * math.sin(2 * math.pi * 200 * at / rate))) for at in range(samples))
    return encoded(struct.pack(f"<{samples}h", *(round(32_767 * value) for value in wave)), rate)


def encoded(pcm: bytes, rate: int = RATE) -> bytes:
    """Mono s16le as MP3 of 48 kbit/s."""
    encoder = lameenc.Encoder()
    encoder.set_bit_rate(48)
    encoder.set_in_sample_rate(rate)
    encoder.set_channels(1)
    encoder.set_quality(7)
    encoder.silence()
    return bytes(encoder.encode(pcm)) + bytes(encoder.flush())


def token(wall: float) -> str:
    """What a caller has to know at this time."""
    seconds = int(wall + EPOCH_S) // TOKEN_S * TOKEN_S
    return hashlib.sha256(f"{seconds * 10_000_000}{CLIENT}".encode()).hexdigest().upper()


class Server:
    """The handlers. Every sentence asked for is kept in `heard`, whatever becomes of it."""

    def __init__(self, script: EdgeScript, heard: list[Heard]) -> None:
        self.script = script
        self.heard = heard
        self.clock = SystemClock()

    def application(self) -> web.Application:
        """Both paths of the service."""
        application = web.Application()
        application.router.add_get(f"{PATH}/voices/list", self.voices)
        application.router.add_get(f"{PATH}/edge/v1", self.read_aloud)
        return application

    def refusal(self, status: int, wait_s: float | None = None) -> web.Response:
        """An answer that is no socket, with the time it is here."""
        date = formatdate(self.clock.wall() + self.script.ahead_s, usegmt=True) if self.script.dated else "no time"
        return web.Response(status=status, headers={"Date": date, **({"Retry-After": f"{wait_s:g}"} if wait_s else {})})

    def admitted(self, request: web.Request, client: str) -> bool:
        """Whether a caller looks like the browser, and knows the token of now or of the five minutes beside it."""
        now = self.clock.wall() + self.script.ahead_s
        known = {token(now + shift) for shift in (-TOKEN_S, 0, TOKEN_S)}
        return (
            request.query.get(client) == CLIENT
            and request.query.get("Sec-MS-GEC") in known
            and re.fullmatch(r"1-\d+(\.\d+){3}", request.query.get("Sec-MS-GEC-Version", "")) is not None
            and re.fullmatch(r"muid=[0-9A-F]{32};", request.headers.get("Cookie", "")) is not None
            and " Edg/" in request.headers.get("User-Agent", "")
        )

    async def voices(self, request: web.Request) -> web.StreamResponse:
        """`GET …/voices/list`."""
        if not self.admitted(request, "trustedclienttoken") or self.script.listing == "refused":
            return self.refusal(403)
        if self.script.listing == "html":
            return web.Response(text=PAGE, content_type="text/html")
        names = VOICES if self.script.listing == "voices" else {}
        return web.json_response(
            [
                {
                    "Name": f"Microsoft Server Speech Text to Speech Voice ({name.rpartition('-')[0]}, …)",
                    "ShortName": name,
                    "Gender": gender,
                    "Locale": name.rpartition("-")[0],
                    "SuggestedCodec": FORM,
                    "Status": "GA",
                }
                for name, gender in names.items()
            ]
        )

    async def read_aloud(self, request: web.Request) -> web.StreamResponse:
        """`GET …/edge/v1`, a socket for one sentence."""
        tokens = {name: value for name, value in request.query.items() if "ConnectionId" not in name}
        heard = Heard(request.path, {}, {**request.headers, **tokens})
        self.heard.append(heard)
        if not self.admitted(request, "TrustedClientToken"):
            return self.refusal(403)
        if self.script.refusing:
            return self.refusal(self.script.status, self.script.retry_after_s)
        fault = self.script.strike()
        if fault in STATUS:
            return self.refusal(STATUS[fault], self.script.retry_after_s if fault is Fault.RATE_LIMIT else None)
        if fault is Fault.HTML:
            return web.Response(text=PAGE, content_type="text/html")
        if fault is Fault.RESET:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        socket = web.WebSocketResponse(timeout=1.0)
        await socket.prepare(request)
        try:
            heard.body = read(await socket.receive_str(), await socket.receive_str())
            if fault is Fault.BAD_REQUEST:
                raise Refused("Unsupported voice")
            await self._answer(request, socket, heard, fault)
        except Refused as why:
            await socket.close(code=1007, message=str(why).encode())
        except (asyncio.CancelledError, ConnectionResetError):
            heard.cancelled = True
            raise
        return socket

    async def _answer(
        self, request: web.Request, socket: web.WebSocketResponse, heard: Heard, fault: Fault | None
    ) -> None:
        if fault is Fault.SILENT:
            return await self._wait_for_the_end(socket, heard)
        await self.clock.sleep(self.script.delay_s)
        number = heard.body["request"]
        await socket.send_str(text(number, "turn.start", {"context": {"serviceTag": number}}))
        await socket.send_str(text(number, "response", {"audio": {"type": "inline", "streamId": number}}))
        if fault is Fault.SERVER:
            await socket.close(code=self.script.closing, message=b"Internal server error")
            return None
        for piece in self._pieces(await self._sound(heard.body, fault), fault):
            await socket.send_bytes(audio(number, piece, "audio/ogg" if fault is Fault.WRONG_TYPE else "audio/mpeg"))
            if fault is Fault.TRICKLE:
                await self.clock.sleep(1.0)
        if fault is Fault.STALL:
            return await self._wait_for_the_end(socket, heard)
        if fault is Fault.CUT:
            assert request.transport is not None
            request.transport.close()
            return None
        spoken = {
            "Type": "SentenceBoundary",
            "Data": {"Offset": 0, "Duration": 1, "text": {"Text": heard.body["text"]}},
        }
        await socket.send_str(text(number, "audio.metadata", {"Metadata": [spoken]}))
        await socket.send_bytes(audio(number, b"", None))
        await socket.send_str(text(number, "turn.end", {}))
        heard.finished = True
        await socket.close()
        return None

    async def _sound(self, wanted: dict[str, Any], fault: Fault | None) -> bytes:
        """The whole audio of a sentence."""
        rate = 16_000 if fault is Fault.WRONG_RATE else RATE
        speed = 1 + int(wanted["rate"].rstrip("%")) / 100
        if fault is None and self.script.speak is not None:
            return encoded(await self.script.speak(wanted["voice"], wanted["text"], speed, rate), rate)
        samples = round(len(wanted["text"]) * self.script.ms_per_character / speed * rate / 1000)
        peak = {Fault.SILENCE: 0.0, Fault.CLIPPED: 90.0}.get(fault, 0.2) if fault else 0.2
        return song(samples, rate, peak)

    def _pieces(self, whole: bytes, fault: Fault | None) -> Iterator[bytes]:
        """The audio of a sentence, as far as the fault lets it come."""
        if fault is Fault.JSON_ERROR:
            whole = json.dumps({"error": {"code": 500, "message": "out of memory"}}).encode()
        if fault is Fault.WRONG_TYPE:
            whole = b"OggS\0\2" + bytes(400)
        if fault in {Fault.CUT, Fault.END, Fault.STALL}:
            whole = whole[: self.script.after]
        if fault is Fault.EMPTY:
            whole = b""
        step = 1 if fault is Fault.TRICKLE else MESSAGE_BYTES
        for at in range(0, len(whole), step):
            yield whole[at : at + step]

    async def _wait_for_the_end(self, socket: web.WebSocketResponse, heard: Heard) -> None:
        """Send nothing more, until the caller goes."""
        while not socket.closed:
            message = await socket.receive()
            if message.type in {WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR}:
                heard.cancelled = True
                return


def read(settings: str, sentence: str) -> dict[str, Any]:
    """What the two messages of a request ask for.

    Raises:
        Refused: they are not of the form that the service reads.
    """
    headers, _, body = settings.partition("\r\n\r\n")
    if "Path:speech.config" not in headers.split("\r\n"):
        raise Refused("no speech.config")
    form = json.loads(body)["context"]["synthesis"]["audio"]["outputFormat"]
    headers, _, ssml = sentence.partition("\r\n\r\n")
    named = dict(line.split(":", 1) for line in headers.split("\r\n"))
    if named.get("Path") != "ssml" or named.get("Content-Type") != "application/ssml+xml" or form != FORM:
        raise Refused("no ssml, or another format than this server has")
    if not re.fullmatch(r"[0-9a-f]{32}", named.get("X-RequestId", "")):
        raise Refused("no number")
    try:
        speak = ElementTree.fromstring(ssml)  # noqa: S314 (our own adapter wrote it)
    except ElementTree.ParseError as wrong:
        raise Refused(f"SSML is not well-formed: {wrong}") from None
    (voice,) = speak.findall(f"{SPEAK}voice")
    (prosody,) = voice.findall(f"{SPEAK}prosody")
    name = re.fullmatch(r"Microsoft Server Speech Text to Speech Voice \((.+), (.+)\)", voice.attrib["name"])
    short = f"{name[1]}-{name[2]}" if name else voice.attrib["name"]
    if short not in VOICES or len(prosody) or len(ssml.encode()) > 8_192:
        raise Refused(f"Unsupported voice {short}, or more than a text in it")
    return {"request": named["X-RequestId"], "voice": short, "text": prosody.text or "", **prosody.attrib}


def text(number: str, path: str, body: dict[str, Any]) -> str:
    """A message of text."""
    kind = "application/json; charset=utf-8"
    return f"X-RequestId:{number}\r\nContent-Type:{kind}\r\nPath:{path}\r\n\r\n{json.dumps(body)}"


def audio(number: str, data: bytes, kind: str | None) -> bytes:
    """A binary message; the last one of an answer has neither a type nor data."""
    lines = [f"X-RequestId:{number}", *([f"Content-Type:{kind}"] if kind else []), f"X-StreamId:{number}", "Path:audio"]
    head = "".join(f"{line}\r\n" for line in lines).encode()
    return struct.pack(">H", len(head)) + head + data


@asynccontextmanager
async def serving(script: EdgeScript, heard: list[Heard] | None = None) -> AsyncIterator[str]:
    """The server alone, on a free port of loopback; gives its address for `url`."""
    server = Server(script, [] if heard is None else heard)
    runner = web.AppRunner(server.application(), handler_cancellation=True, shutdown_timeout=1.0, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield f"ws://{host}:{port}{PATH}"
    finally:
        await runner.cleanup()


FAULTS = frozenset(Fault) - {Fault.QUOTA, Fault.ODD, Fault.CUT_HEADER}
"""Nobody pays, samples are compressed, and MP3 has no header but in each frame."""


@asynccontextmanager
async def speech(script: EdgeScript | None = None, **settings: Any) -> AsyncIterator[Stand[Synthesizer]]:
    """The synthesizer with its server."""
    script, heard = script or EdgeScript(), list[Heard]()
    async with serving(script, heard) as url:
        wanted = vendor.EdgeSynthesizer.model_validate({"vendor": "edge", "url": url, **settings})
        provider = EdgeSynthesizer("reader", wanted, SystemClock())
        await provider.start()
        try:
            yield Stand(provider, script, heard, FAULTS, url, exact=False)
        finally:
            await provider.close()


SYNTHESIZERS: dict[str, Opening[Synthesizer]] = {"edge": speech}
