"""Servers that stand for Yandex SpeechKit's synthesis and recognition, version 1 of the API.

Written in November 2026 from Yandex's public documentation: the descriptions of the methods tts:synthesize and
stt:recognize, the lists of voices and of languages, the page on response codes and the quotas and limits; the shape of
an error is that of the page's older edition, which the service still answers in. The documentation does not say which
content type bare samples have; here it is the one they are sent under in its examples. A refused key is told back in
full, which the real service does not do: whoever repeats it is found out. It hums instead of speaking.
"""

import asyncio
import json
import math
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl

from aiohttp import web

from segue.clock import SystemClock
from segue.providers.yandex import YandexRecognizer, YandexSynthesizer
from segue.vendors import yandex as vendor
from segue.voice.ports import Recognizer, Synthesizer
from tests.vendors.script import Fault, Heard, Opening, Script, Stand

KEY = "AQVN-a-key-that-only-the-stand-takes"
FOLDER = "b1g-the-folder-of-the-key"
LONGEST_BODY = 15 * 1024
LARGEST_RECORDING = 1024 * 1024
LANGUAGES = {
    "marina": "ru-RU", "alena": "ru-RU", "filipp": "ru-RU", "ermil": "ru-RU", "jane": "ru-RU", "omazh": "ru-RU",
    "zahar": "ru-RU", "madi_ru": "ru-RU", "john": "en-US", "lea": "de-DE", "amira": "kk-KZ", "madi": "kk-KZ",
    "nigora": "uz-UZ",
}  # fmt: skip
"""Each voice of version 1 with its language."""
HEARD = "ru-RU en-US de-DE es-ES fi-FI fr-FR he-HE it-IT kk-KZ nl-NL pl-PL pt-PT sv-SE tr-TR uz-UZ".split()
FIELDS = {"text", "ssml", "lang", "voice", "emotion", "speed", "format", "sampleRateHertz", "folderId"}

PAGE = "<!DOCTYPE html><html><body><h1>Sign in to the wireless network</h1></body></html>"
REFUSALS = {
    Fault.AUTH: (401, "UNAUTHORIZED", "rpc error: code = Unauthenticated desc = Unknown api key '{key}'"),
    Fault.QUOTA: (402, "PAYMENT_REQUIRED", "The billing account is not active"),
    Fault.RATE_LIMIT: (429, "TOO_MANY_REQUESTS", "Quota exceeded: 40 requests per second"),
    Fault.BAD_REQUEST: (400, "BAD_REQUEST", "The request is wrong"),
    Fault.SERVER: (500, "INTERNAL_SERVER_ERROR", "rpc error: code = Internal desc = internal error"),
}
"""Status, code and message of each refusal."""


class Refused(Exception):
    """The request is not as documented."""


def refusal(status: int, code: str, message: str, wait_s: float | None = None) -> web.Response:
    """An error in SpeechKit's shape."""
    headers = {"Retry-After": f"{wait_s:g}"} if wait_s else {}
    return web.json_response({"error_code": code, "error_message": message}, status=status, headers=headers)


def tone(samples: int, rate: int, peak: float = 0.2) -> Iterator[bytes]:
    """A tone of 200 Hz in pieces of 100 ms; `peak` 0 is silence, more than 1 is clipped."""
    wave = [max(-1.0, min(1.0, peak * math.sin(2 * math.pi * 200 * at / rate))) for at in range(rate // 10)]
    piece = struct.pack(f"<{len(wave)}h", *(round(32_767 * value) for value in wave))
    for at in range(0, samples * 2, len(piece)):
        yield piece[: samples * 2 - at]


class Server:
    """The handlers of both roles. Every request is kept in `heard`, whatever becomes of it."""

    def __init__(self, script: Script, heard: list[Heard]) -> None:
        self.script = script
        self.heard = heard
        self.clock = SystemClock()

    def application(self) -> web.Application:
        """Both methods, at the paths they have on the service's two hosts."""
        application = web.Application(client_max_size=2 * LARGEST_RECORDING)
        application.router.add_post("/speech/v1/tts:synthesize", self.synthesize)
        application.router.add_post("/speech/v1/stt:recognize", self.recognize)
        return application

    async def synthesize(self, request: web.Request) -> web.StreamResponse:
        """`POST /speech/v1/tts:synthesize`: the fields of the form are kept as the body."""
        body = await request.read()
        fields = dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict"))
        return await self._answer(request, Heard(request.path, fields, dict(request.headers)), self._speak, len(body))

    async def recognize(self, request: web.Request) -> web.StreamResponse:
        """`POST /speech/v1/stt:recognize`: the query is kept as the body, with the recording's length in bytes."""
        body = await request.read()
        query = {**request.query, "bytes": str(len(body))}
        return await self._answer(request, Heard(request.path, query, dict(request.headers)), self._hear, len(body))

    async def _answer(
        self,
        request: web.Request,
        heard: Heard,
        give: Callable[[web.Request, Heard, Fault | None], Awaitable[web.StreamResponse]],
        size: int,
    ) -> web.StreamResponse:
        self.heard.append(heard)
        said = heard.headers.get("Authorization", "")
        if said != f"Api-Key {KEY}":
            status, code, message = REFUSALS[Fault.AUTH]
            return refusal(status, code, message.format(key=said.removeprefix("Api-Key ")))
        try:
            check_form(heard, size) if give == self._speak else check_query(heard, size)
        except Refused as why:
            return refusal(400, "BAD_REQUEST", f"rpc error: code = InvalidArgument desc = {why}")
        fault = self.script.strike()
        if fault in REFUSALS:
            status, code, message = REFUSALS[fault]
            wait_s = self.script.retry_after_s if fault is Fault.RATE_LIMIT else None
            return refusal(status, code, message.format(key=KEY), wait_s)
        if fault is Fault.HTML:
            return web.Response(text=PAGE, content_type="text/html")
        if fault is Fault.RESET:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        try:
            if fault is Fault.SILENT:
                await asyncio.get_running_loop().create_future()
            await self.clock.sleep(self.script.delay_s)
            answer = await give(request, heard, fault)
        except (asyncio.CancelledError, ConnectionResetError):
            heard.cancelled = True
            raise
        heard.finished = True
        return answer

    async def _speak(self, request: web.Request, heard: Heard, fault: Fault | None) -> web.StreamResponse:
        wanted = heard.body
        rate = 16_000 if fault is Fault.WRONG_RATE else int(wanted["sampleRateHertz"])
        speed = float(wanted.get("speed", "1.0"))
        samples = round(len(wanted["text"]) * self.script.ms_per_character / speed * rate / 1000)
        kind = "audio/ogg" if fault is Fault.WRONG_TYPE else f"audio/x-pcm;bit=16;rate={rate}"
        if fault is Fault.WRONG_TYPE:
            return await self._send(request, kind, iter([b"OggS\0\2" + bytes(400)]), fault)
        if fault is Fault.JSON_ERROR:
            told = json.dumps({"error_code": "INTERNAL_SERVER_ERROR", "error_message": "no backend is left"})
            return await self._send(request, kind, iter([told.encode()]), fault)
        if fault is Fault.EMPTY:
            return await self._send(request, kind, iter(()), fault)
        peak = {Fault.SILENCE: 0.0, Fault.CLIPPED: 90.0}.get(fault, 0.2) if fault else 0.2
        body = tone(samples, rate, peak)
        if fault is Fault.ODD:
            body = iter([b"".join(body)[:-1]])
        return await self._send(request, kind, body, fault)

    async def _hear(self, request: web.Request, _: Heard, fault: Fault | None) -> web.StreamResponse:
        text = json.dumps({"result": self.script.transcript}, ensure_ascii=False)
        if fault is Fault.JSON_ERROR:
            text = json.dumps({"error_code": "INTERNAL_SERVER_ERROR", "error_message": "no backend is left"})
        kind = "audio/ogg" if fault is Fault.WRONG_TYPE else "application/json"
        return await self._send(request, kind, iter([text.encode()]), fault)

    async def _send(
        self, request: web.Request, kind: str, body: Iterator[bytes], fault: Fault | None
    ) -> web.StreamResponse:
        """The body in chunks, as far as the fault lets it come."""
        answer = web.StreamResponse(headers={"Content-Type": kind})
        answer.enable_chunked_encoding()
        await answer.prepare(request)
        sent = 0
        for whole in body:
            piece = whole
            if fault in {Fault.CUT, Fault.END, Fault.STALL}:
                piece = piece[: self.script.after - sent]
            if fault is Fault.TRICKLE:
                for at in range(len(piece)):
                    await answer.write(piece[at : at + 1])
                    await self.clock.sleep(1.0)
            elif piece:
                await answer.write(piece)
            sent += len(piece)
        if fault is Fault.CUT:
            assert request.transport is not None
            request.transport.close()  # what was written still leaves; the end of the chunks does not
        if fault is Fault.STALL:
            await asyncio.get_running_loop().create_future()
        return answer


def check_form(heard: Heard, size: int) -> None:
    """What the service asks of a request for speech.

    Raises:
        Refused: it is not so.
    """
    fields = heard.body
    if heard.headers.get("Content-Type") != "application/x-www-form-urlencoded":
        raise Refused("the body is no form")
    if size > LONGEST_BODY:
        raise Refused("the body is too large")
    if not 0 < len(fields.get("text", "")) <= 5_000:
        raise Refused("the text is empty or too long")
    if not any(character.isalnum() for character in fields["text"]):
        raise Refused("the text has nothing to say")
    if LANGUAGES.get(fields.get("voice", "")) != fields.get("lang"):
        raise Refused("no such voice of this language")
    if not 0.1 <= float(fields.get("speed", "1.0")) <= 3.0:
        raise Refused("the speed is out of range")
    if fields.get("format") != "lpcm" or fields.get("sampleRateHertz") not in {"8000", "16000", "48000"}:
        raise Refused("the stand speaks lpcm alone, at one of three rates")
    if fields.get("folderId", FOLDER) != FOLDER or set(fields) - FIELDS:
        raise Refused("another folder than the key's, or a field that does not exist")


def check_query(heard: Heard, size: int) -> None:
    """What the service asks of a recording.

    Raises:
        Refused: it is not so.
    """
    query = heard.body
    if query.get("lang") not in HEARD:
        raise Refused("the language is not heard")
    if query.get("format") != "lpcm" or query.get("sampleRateHertz") not in {"8000", "16000", "48000"}:
        raise Refused("the stand hears lpcm alone, at one of three rates")
    if not 0 < size <= LARGEST_RECORDING or size / 2 / int(query["sampleRateHertz"]) > 30:
        raise Refused("audio is empty, larger than 1 MB or longer than 30 s")
    if query.get("folderId", FOLDER) != FOLDER:
        raise Refused("another folder than the key's")


@asynccontextmanager
async def serving(script: Script, heard: list[Heard] | None = None) -> AsyncIterator[str]:
    """The server alone, on a free port of loopback; gives its address, which is that of both methods."""
    server = Server(script, [] if heard is None else heard)
    runner = web.AppRunner(server.application(), handler_cancellation=True, shutdown_timeout=1.0, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


SPEECH_FAULTS = frozenset(Fault) - {Fault.CUT_HEADER}
"""Bare samples have no header that could be cut."""
HEARING_FAULTS = frozenset(Fault) - {
    Fault.CUT_HEADER, Fault.END, Fault.EMPTY, Fault.SILENCE, Fault.CLIPPED, Fault.WRONG_RATE, Fault.ODD,
}  # fmt: skip
"""An answer without audio."""


@asynccontextmanager
async def speech() -> AsyncIterator[Stand[Synthesizer]]:
    """The synthesizer with its server."""
    script, heard = Script(), list[Heard]()
    async with serving(script, heard) as url:
        settings = vendor.YandexSynthesizer.model_validate({"vendor": "yandex-synthesizer", "url": url, "key": KEY})
        provider = YandexSynthesizer("taiga", settings, SystemClock())
        await provider.start()
        try:
            yield Stand(provider, script, heard, SPEECH_FAULTS, url)
        finally:
            await provider.close()


@asynccontextmanager
async def hearing() -> AsyncIterator[Stand[Recognizer]]:
    """The recognizer with its server."""
    script, heard = Script(), list[Heard]()
    async with serving(script, heard) as url:
        settings = vendor.YandexRecognizer.model_validate(
            {"vendor": "yandex-recognizer", "url": url, "key": KEY, "folder": FOLDER}
        )
        provider = YandexRecognizer("taiga-ears", settings, SystemClock())
        await provider.start()
        try:
            yield Stand(provider, script, heard, HEARING_FAULTS, url, streams=False)
        finally:
            await provider.close()


SYNTHESIZERS: dict[str, Opening[Synthesizer]] = {"yandex": speech}
RECOGNIZERS: dict[str, Opening[Recognizer]] = {"yandex": hearing}
