"""Google Cloud Text-to-Speech and Speech-to-Text as our own gRPC services: `google` opens them for tests.

They use the messages of the official packages (google-cloud-texttospeech 2.38, google-cloud-speech 2.41) under the
services' public method names. What they check and how they refuse follows Google's public reference of the v1 APIs,
its pages on quotas and limits, on Chirp 3: HD and on the error model with its details, as of 2026. They hum instead of
speaking, and hear what they are told to hear.
"""

import asyncio
import math
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NoReturn

import grpc
from google.auth import jwt
from google.cloud import speech_v1 as stt
from google.cloud import texttospeech_v1 as tts
from google.protobuf import any_pb2, duration_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2

from segue.clock import Clock, SystemClock
from tests.vendors.script import Fault, Heard, Script

KEY = "a-key-that-only-the-stand-takes"
RATE = 24_000
CHUNK_BYTES = RATE * 2 // 10
STREAMED_RATES = (8_000, 16_000, 24_000, 48_000)

STARS = {
    "Achernar": 2, "Achird": 1, "Algenib": 1, "Algieba": 1, "Alnilam": 1, "Aoede": 2, "Autonoe": 2, "Callirrhoe": 2,
    "Charon": 1, "Despina": 2, "Enceladus": 1, "Erinome": 2, "Fenrir": 1, "Gacrux": 2, "Iapetus": 1, "Kore": 2,
    "Laomedeia": 2, "Leda": 2, "Orus": 1, "Pulcherrima": 2, "Puck": 1, "Rasalgethi": 1, "Sadachbia": 1,
    "Sadaltager": 1, "Schedar": 1, "Sulafat": 2, "Umbriel": 1, "Vindemiatrix": 2, "Zephyr": 2, "Zubenelgenubi": 1,
}  # fmt: skip
VOICES: Mapping[str, int] = {
    **{f"{locale}-Chirp3-HD-{star}": gender
       for locale in ("en-US", "en-GB", "uk-UA", "ru-RU", "cmn-CN", "yue-HK", "de-DE")
       for star, gender in STARS.items()},
    "en-US-Wavenet-A": 1, "en-US-Wavenet-C": 2, "en-US-Wavenet-D": 1, "en-US-Wavenet-F": 2, "en-GB-Wavenet-A": 2,
    "uk-UA-Wavenet-B": 2, "ru-RU-Wavenet-A": 2, "ru-RU-Wavenet-B": 1, "ru-RU-Wavenet-D": 1,
    "cmn-CN-Wavenet-A": 2, "cmn-CN-Wavenet-B": 1, "cmn-TW-Wavenet-A": 2, "cmn-TW-Wavenet-B": 1, "cmn-TW-Wavenet-C": 1,
    "yue-HK-Standard-A": 2, "en-US-Standard-B": 1, "en-US-Neural2-A": 1, "de-DE-Wavenet-G": 2, "Achernar": 2,
}  # fmt: skip
"""The voices this server lists, with Google's number of their gender: also families and languages nobody asked for."""

LOCALES_HEARD = {"en-US", "uk-UA", "ru-RU", "cmn-Hans-CN"}
MODELS_HEARD = {"latest_short", "latest_long", "command_and_search", "default"}

REFUSALS: dict[Fault, tuple[grpc.StatusCode, str, str, dict[str, str]]] = {
    Fault.AUTH: (
        grpc.StatusCode.INVALID_ARGUMENT,
        "API key not valid. Please pass a valid API key.",
        "API_KEY_INVALID",
        {"service": "texttospeech.googleapis.com"},
    ),
    Fault.QUOTA: (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "Quota exceeded for quota metric 'Characters' and limit 'Characters per day'.",
        "RATE_LIMIT_EXCEEDED",
        {"quota_limit": "CharactersPerDayPerProject", "quota_unit": "1/d/{project}"},
    ),
    Fault.RATE_LIMIT: (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "Quota exceeded for quota metric 'All requests' and limit 'All requests per minute'.",
        "RATE_LIMIT_EXCEEDED",
        {"quota_limit": "RequestsPerMinutePerProject", "quota_unit": "1/min/{project}"},
    ),
    Fault.BAD_REQUEST: (grpc.StatusCode.INVALID_ARGUMENT, "Request contains an invalid argument.", "", {}),
    Fault.SERVER: (grpc.StatusCode.INTERNAL, "Internal error encountered.", "", {}),
}


async def _no_connections() -> None:
    """There is nothing to break."""


@dataclass
class Google:
    """Both services."""

    script: Script
    heard: list[Heard]
    certificate: str = ""
    """Verifies the tokens of a service account."""
    confidence: float = 0.93
    """How sure the recognizer says it is; 0 is what Google sends where it does not say."""
    cut_status: grpc.StatusCode | None = None
    """The status with which a stream is cut off; without one its connection is reset."""
    clock: Clock = field(default_factory=SystemClock)
    """Keeps the delay of an answer and the pace of a trickle."""
    reset: Callable[[], Awaitable[None]] = _no_connections
    """Breaks the callers' connections."""

    def handlers(self) -> tuple[grpc.GenericRpcHandler, ...]:
        """What is registered with the gRPC server."""
        unary, stream = grpc.unary_unary_rpc_method_handler, grpc.stream_stream_rpc_method_handler
        speak = {
            "ListVoices": _method(unary, self.list_voices, tts.ListVoicesRequest, tts.ListVoicesResponse),
            "SynthesizeSpeech": _method(
                unary, self.synthesize, tts.SynthesizeSpeechRequest, tts.SynthesizeSpeechResponse
            ),
            "StreamingSynthesize": _method(
                stream, self.stream, tts.StreamingSynthesizeRequest, tts.StreamingSynthesizeResponse
            ),
        }
        hear = {"Recognize": _method(unary, self.recognize, stt.RecognizeRequest, stt.RecognizeResponse)}
        return (
            grpc.method_handlers_generic_handler("google.cloud.texttospeech.v1.TextToSpeech", speak),
            grpc.method_handlers_generic_handler("google.cloud.speech.v1.Speech", hear),
        )

    async def list_voices(self, request: Any, context: Any) -> Any:
        """Every voice, or those of one language."""
        async with self._call("ListVoices", request, context, "texttospeech") as (_, fault):
            await self._fail(fault, context)
            listed = [
                tts.Voice(name=name, language_codes=[locale], ssml_gender=gender, natural_sample_rate_hertz=RATE)
                for name, gender in VOICES.items()
                if (locale := _locale(name)).startswith(request.language_code)
            ]
            return tts.ListVoicesResponse(voices=listed)

    async def synthesize(self, request: Any, context: Any) -> Any:
        """A whole text as one WAV file."""
        async with self._call("SynthesizeSpeech", request, context, "texttospeech") as (_, fault):
            audio = request.audio_config
            await self._fail(fault, context)
            await self._check_text(request.input.text, context)
            await self._check_voice(request.voice, context)
            if audio.audio_encoding != tts.AudioEncoding.LINEAR16:
                await _invalid(context, "This server makes LINEAR16 only.")
            await self._check_rate(audio, context)
            if not -20.0 <= audio.pitch <= 20.0 or (audio.pitch and "Chirp3" in request.voice.name):
                await _invalid(context, "This voice does not support pitch parameters at this time.")
            await self.clock.sleep(self.script.delay_s)
            pcm = await self._sound(request.input.text, request.voice.name, audio, fault)
            return tts.SynthesizeSpeechResponse(
                audio_content=_wav_at_fault(pcm, audio.sample_rate_hertz or RATE, fault, self.script.after)
            )

    async def stream(self, requests: Any, context: Any) -> AsyncIterator[Any]:
        """Audio of Chirp 3: HD while it is made: PCM without a header, in pieces of a tenth of a second."""
        first = await anext(aiter(requests), None)
        async with self._call("StreamingSynthesize", first, context, "texttospeech") as (heard, fault):
            await self._fail(fault, context)
            config = first.streaming_config if first is not None and "streaming_config" in first else None
            if config is None:
                await _invalid(context, "The first message must hold a streaming_config.")
            await self._check_voice(config.voice, context)
            audio = config.streaming_audio_config
            if "Chirp3-HD" not in config.voice.name:
                await _invalid(context, f"Voice {config.voice.name} does not support streaming synthesis.")
            if audio.audio_encoding != tts.AudioEncoding.PCM or audio.sample_rate_hertz not in STREAMED_RATES:
                await _invalid(context, "This server streams PCM at 8000, 16000, 24000 or 48000 Hz only.")
            await self._check_rate(audio, context)
            sent = 0
            async for request in requests:
                heard.body.append(request)
                if "input" not in request:
                    await _invalid(context, "Every message after the first must hold input.")
                await self._check_text(request.input.text, context)
                await self.clock.sleep(self.script.delay_s)
                pcm = await self._sound(request.input.text, config.voice.name, audio, fault)
                async for piece in self._pieces(pcm, fault, sent, context):
                    sent += len(piece)
                    yield tts.StreamingSynthesizeResponse(audio_content=piece)

    async def recognize(self, request: Any, context: Any) -> Any:
        """A recording inside the request, of a minute at most."""
        async with self._call("Recognize", request, context, "speech") as (_, fault):
            config, content = request.config, request.audio.content
            await self._fail(fault, context)
            if config.encoding != stt.RecognitionConfig.AudioEncoding.LINEAR16:
                await _invalid(context, "This server hears LINEAR16 only.")
            if not 8_000 <= config.sample_rate_hertz <= 48_000:
                await _invalid(context, f"Invalid sample rate {config.sample_rate_hertz}.")
            if config.language_code not in LOCALES_HEARD or config.model not in MODELS_HEARD:
                await _invalid(
                    context, f"The model {config.model!r} is not supported for language {config.language_code!r}."
                )
            if not content:
                await _invalid(context, "RecognitionAudio not set.")
            if len(content) > 10 * 1024 * 1024 or len(content) / 2 / config.sample_rate_hertz > 60:
                await _invalid(context, "Sync input too long. For audio longer than 1 min use LongRunningRecognize.")
            phrases = [phrase for hints in config.speech_contexts for phrase in hints.phrases]
            if len(phrases) > 5_000 or any(len(phrase) > 100 for phrase in phrases):
                await _invalid(context, "Phrases are too many or too long.")
            await self.clock.sleep(self.script.delay_s)
            if fault is Fault.EMPTY or not self.script.transcript:
                return stt.RecognizeResponse()
            duration_s = len(content) / 2 / config.sample_rate_hertz
            return self._recognized(duration_s, timed=config.enable_word_time_offsets)

    @asynccontextmanager
    async def _call(
        self, method: str, request: Any, context: Any, service: str
    ) -> AsyncIterator[tuple[Heard, Fault | None]]:
        """Note a request, see who asks, and note how it ends."""
        headers = {key: value for key, value in context.invocation_metadata() if isinstance(value, str)}
        heard = Heard(method, [request] if method == "StreamingSynthesize" else request, headers, context.peer())
        self.heard.append(heard)
        try:
            await self._admit(headers, context, service)
            yield heard, self.script.strike()
        except (asyncio.CancelledError, GeneratorExit):
            heard.cancelled = True
            raise
        heard.finished = True

    async def _admit(self, headers: dict[str, str], context: Any, service: str) -> None:
        """An API key, or a token that a service account signed for this very service."""
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind == "Bearer" and self.certificate:
            try:
                jwt.decode(token, certs=self.certificate, audience=f"https://{service}.googleapis.com/")
            except ValueError as error:
                await _refuse(context, grpc.StatusCode.UNAUTHENTICATED, f"Invalid credentials: {error}")
        elif "x-goog-api-key" not in headers:
            said = "Method doesn't allow unregistered callers (callers without established identity)."
            await _refuse(context, grpc.StatusCode.PERMISSION_DENIED, said)
        elif headers["x-goog-api-key"] != KEY:
            await self._fail(Fault.AUTH, context)

    async def _fail(self, fault: Fault | None, context: Any) -> None:
        """Refuse, fall silent or break the connection, before anything was answered."""
        if fault in REFUSALS:
            status, said, reason, metadata = REFUSALS[fault]
            details: list[Any] = [
                error_details_pb2.ErrorInfo(reason=reason, domain="googleapis.com", metadata=metadata)
            ]
            if fault is Fault.RATE_LIMIT and self.script.retry_after_s is not None:
                details.append(error_details_pb2.RetryInfo(retry_delay=_duration(self.script.retry_after_s)))
            await _refuse(context, status, said, details if reason else ())
        if fault is Fault.RESET:
            await self.reset()
        if fault in {Fault.SILENT, Fault.RESET}:
            await _for_ever()

    async def _pieces(self, pcm: bytes, fault: Fault | None, sent: int, context: Any) -> AsyncIterator[bytes]:
        """The pieces of a stream, up to where it goes wrong."""
        if fault is Fault.TRICKLE:
            for at in range(len(pcm)):
                yield pcm[at : at + 1]
                await self.clock.sleep(1.0)
        if fault is Fault.WRONG_TYPE:
            pcm = _wav(pcm, RATE)
        if fault is Fault.ODD:
            pcm = pcm[:-1]
        stops = fault in {Fault.CUT, Fault.END, Fault.STALL}
        if stops:
            pcm = pcm[: max(0, self.script.after - sent)]
        for at in range(0, len(pcm), CHUNK_BYTES):
            yield pcm[at : at + CHUNK_BYTES]
        if fault is Fault.CUT and self.cut_status is not None:
            await _refuse(context, self.cut_status, "The stream was cut off.")
        if fault is Fault.CUT:
            await self.reset()
        if fault in {Fault.CUT, Fault.STALL}:
            await _for_ever()

    async def _sound(self, text: str, voice: str, audio: Any, fault: Fault | None) -> bytes:
        if fault is None and self.script.speak is not None:
            speed = audio.speaking_rate or 1.0
            return await self.script.speak(voice, text, speed, audio.sample_rate_hertz or RATE)
        return self._hum(text, audio, fault)

    def _hum(self, text: str, audio: Any, fault: Fault | None) -> bytes:
        rate = audio.sample_rate_hertz or RATE
        samples = round(len(text) * self.script.ms_per_character / (audio.speaking_rate or 1.0) * rate / 1000)
        if fault is Fault.EMPTY:
            return b""
        if fault is Fault.SILENCE:
            return bytes(samples * 2)
        period = rate // 200
        peak = 32767 if fault is Fault.CLIPPED else 6553
        wave = [peak * math.sin(2 * math.pi * at / period) for at in range(period)]
        if fault is Fault.CLIPPED:
            wave = [math.copysign(peak, value) for value in wave]
        return (struct.pack(f"<{period}h", *map(round, wave)) * (samples // period + 1))[: samples * 2]

    def _recognized(self, duration_s: float, *, timed: bool) -> Any:
        """A result for every line of the transcript; later ones begin with a space, and the words lie side by side."""
        lines, at, results = self.script.transcript.split("\n"), 0, []
        each_s = duration_s / max(1, len(self.script.transcript.split()))
        for number, line in enumerate(lines):
            told = []
            for word in line.split():
                told.append(
                    stt.WordInfo(word=word, start_time=_duration(at * each_s), end_time=_duration((at + 1) * each_s))
                )
                at += 1
            best = stt.SpeechRecognitionAlternative(
                transcript=" " + line if number else line, confidence=self.confidence, words=told if timed else []
            )
            results.append(stt.SpeechRecognitionResult(alternatives=[best]))
        return stt.RecognizeResponse(results=results)

    async def _check_text(self, text: str, context: Any) -> None:
        if not text:
            await _invalid(context, "Input text not set.")
        if len(text.encode()) > 5_000:
            await _invalid(context, "Either `input.text` or `input.ssml` is longer than the limit of 5000 bytes.")

    async def _check_voice(self, voice: Any, context: Any) -> None:
        if voice.name not in VOICES:
            await _invalid(context, f"Voice '{voice.name}' does not exist. Is it misspelled?")
        if voice.language_code.lower() != _locale(voice.name).lower():
            await _invalid(context, f"Requested language code '{voice.language_code}' doesn't match '{voice.name}'.")

    async def _check_rate(self, audio: Any, context: Any) -> None:
        if audio.speaking_rate and not 0.25 <= audio.speaking_rate <= 2.0:
            await _invalid(context, "Invalid speaking rate: it must be between 0.25 and 2.0.")


def _method(kind: Any, behaviour: Any, request: Any, answer: Any) -> Any:
    return kind(behaviour, request_deserializer=request.deserialize, response_serializer=answer.serialize)


def _locale(name: str) -> str:
    return "-".join(name.split("-")[:2]) if "-" in name else "und"


def _duration(seconds: float) -> duration_pb2.Duration:
    return duration_pb2.Duration(seconds=int(seconds), nanos=round(seconds % 1 * 1e9))


async def _for_ever() -> None:
    await asyncio.get_running_loop().create_future()


async def _refuse(context: Any, status: grpc.StatusCode, said: str, details: Any = ()) -> NoReturn:
    """End a call the way Google's error model does: the status, the sentence, and details in the trailers."""
    packed = []
    for detail in details:
        box = any_pb2.Any()
        box.Pack(detail)
        packed.append(box)
    told = status_pb2.Status(code=code_pb2.Code.Value(status.name), message=said, details=packed)
    trailers = (("grpc-status-details-bin", told.SerializeToString()),) if packed else ()
    await context.abort(status, said, trailers)
    raise AssertionError("abort raises")


async def _invalid(context: Any, said: str) -> NoReturn:
    await _refuse(context, grpc.StatusCode.INVALID_ARGUMENT, said)


def _wav(pcm: bytes, rate: int, claimed: int | None = None) -> bytes:
    """A WAV file as LINEAR16 comes in: 44 bytes before the samples."""
    size = len(pcm) if claimed is None else claimed
    form = struct.pack("<HHIIHH", 1, 1, rate, rate * 2, 2, 16)
    opening = struct.pack("<4sI4s4sI", b"RIFF", 36 + size, b"WAVE", b"fmt ", len(form))
    return opening + form + struct.pack("<4sI", b"data", size) + pcm


def _wav_at_fault(pcm: bytes, rate: int, fault: Fault | None, after: int) -> bytes:
    """The WAV file as it arrives, whole or not."""
    arriving: dict[Fault | None, bytes] = {
        Fault.EMPTY: b"",
        Fault.CUT: _wav(pcm[: max(0, min(after, len(pcm) - 2))], rate, len(pcm)),
        Fault.CUT_HEADER: _wav(pcm, rate)[:30],
        Fault.END: _wav(pcm[:after], rate),
        Fault.ODD: _wav(pcm[:-1], rate),
        Fault.WRONG_RATE: _wav(pcm, 16_000),
        Fault.WRONG_TYPE: b"ID3\x04\x00\x00\x00\x00\x00\x00" + b"\xff\xf3\x44\xc4" + bytes(400),
    }
    return arriving.get(fault, _wav(pcm, rate))
