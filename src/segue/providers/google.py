"""Speech from Google Cloud Text-to-Speech: WaveNet voices, and Chirp 3: HD voices whole or as a stream."""

import difflib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import structlog

from segue.clock import Clock
from segue.errors import FailureCategory, ProviderError, Unavailable, UnknownVoice
from segue.providers.google_channel import GoogleChannel, version
from segue.providers.google_voices import Name, offered, parse, published
from segue.providers.google_wav import samples
from segue.vendors.google import GoogleSynthesizer as Settings
from segue.voice.decoding import sniff
from segue.voice.ports import About, Speech, Utterance, VoiceInfo

log = structlog.get_logger(__name__)

LIBRARY = "google.cloud.texttospeech_v1"
PACKAGE = "google-cloud-texttospeech"
SERVICE = "google.cloud.texttospeech.v1.TextToSpeech"
AUDIENCE = "https://texttospeech.googleapis.com/"
RATE = 24_000
"""Samples a second; both families are made at this rate, and it is asked for by name."""
PIECE_BYTES = RATE
"""Half a second: a whole sentence comes at once, and is handed on in pieces."""
LONGEST_BYTES = 5_000
"""Google's limit of one request, in bytes of UTF-8."""
SPEEDS = (0.25, 2.0)
"""What the service takes as a speaking rate, as the reference of its v1 API says (as of 2026)."""
PITCHES_ST = (-20.0, 20.0)
LIST_S = 5.0
"""How long the start may wait for the list of voices."""


class GoogleSynthesizer:
    """Speaks with the voices of one family, at 24 000 Hz.

    A text over the limit of one request is refused instead of cut: it is a sentence already, a border inside it would
    be heard, and the next provider of a chain may take it whole.
    """

    def __init__(self, name: str, settings: Settings, clock: Clock) -> None:
        self.name = name
        self._settings = settings
        self._clock = clock
        self._channel = GoogleChannel(name, settings.url, settings, clock, service=SERVICE, audience=AUDIENCE)
        self._types: Any = None
        self.listed = False
        """Whether Google itself said which voices it has; otherwise they are those its documentation names."""
        self._offer(published(settings.family))

    async def start(self) -> None:
        """Open the channel and ask which voices there are; where nobody answers, the published ones are offered.

        Raises:
            Unavailable: the library is not installed, or there are no usable credentials; the message says what to do.
        """
        if self._types is not None:
            return
        self._types = await self._channel.start(LIBRARY)
        try:
            async with self._clock.limit(LIST_S):
                answer = await self._channel.ask(
                    "ListVoices", self._types.ListVoicesRequest(), self._types.ListVoicesResponse
                )
        except TimeoutError:
            log.warning("voices not listed", provider=self.name, reason=f"no answer within {LIST_S:g} s")
            return
        except ProviderError as error:
            log.warning("voices not listed", provider=self.name, reason=error.message)
            return
        genders = {1: "male", 2: "female", 3: "neutral"}
        self._offer((voice.name, genders.get(int(voice.ssml_gender), "unknown")) for voice in answer.voices)
        self.listed = True

    async def close(self) -> None:
        """Close the connection; sentences that are being spoken break off."""
        self._types = None
        await self._channel.close()

    @property
    def about(self) -> About:
        """See `Synthesizer.about`."""
        return About("google", self.model, version(PACKAGE), self._settings.url)

    @property
    def model(self) -> str:
        """What speaks, as in `chirp3-hd streaming`."""
        return self._settings.family + (" streaming" if self._settings.streaming else "")

    def voices(self) -> tuple[VoiceInfo, ...]:
        """See `Synthesizer.voices`."""
        return tuple(self._voices.values())

    async def speak(self, utterance: Utterance) -> AsyncGenerator[Speech, None]:
        """See `Synthesizer.speak`. A text without anything in it yields nothing. Chirp 3: HD speaks at its own pitch.

        Raises:
            Unavailable: `start` was not called.
        """
        if self._types is None:
            raise Unavailable(f"{self.name} is not started.")
        voice = self._checked(utterance)
        text = utterance.text.encode(errors="ignore").decode().strip()
        if not text:
            return
        self._fits(text, utterance)
        pieces = self._streamed if self._settings.streaming else self._whole
        async with aclosing(pieces(text, voice, utterance)) as source:
            async for pcm in source:
                yield Speech(pcm, RATE, self.name, self.model, utterance.voice)

    async def _whole(self, text: str, voice: Name, utterance: Utterance) -> AsyncGenerator[bytes, None]:
        types = self._types
        request = types.SynthesizeSpeechRequest(
            input=types.SynthesisInput(text=text),
            voice=types.VoiceSelectionParams(language_code=voice.locale, name=utterance.voice),
            audio_config=types.AudioConfig(
                audio_encoding=types.AudioEncoding.LINEAR16,
                sample_rate_hertz=RATE,
                speaking_rate=utterance.speed,
                pitch=utterance.pitch_st if voice.family == "wavenet" else 0.0,
            ),
        )
        answer = await self._channel.ask("SynthesizeSpeech", request, types.SynthesizeSpeechResponse)
        pcm = samples(answer.audio_content, RATE, self.name)
        for at in range(0, len(pcm), PIECE_BYTES):
            yield pcm[at : at + PIECE_BYTES]

    async def _streamed(self, text: str, voice: Name, utterance: Utterance) -> AsyncGenerator[bytes, None]:
        types = self._types
        config = types.StreamingSynthesizeConfig(
            voice=types.VoiceSelectionParams(language_code=voice.locale, name=utterance.voice),
            streaming_audio_config=types.StreamingAudioConfig(
                audio_encoding=types.AudioEncoding.PCM, sample_rate_hertz=RATE, speaking_rate=utterance.speed
            ),
        )
        requests = (
            types.StreamingSynthesizeRequest(streaming_config=config),
            types.StreamingSynthesizeRequest(input=types.StreamingSynthesisInput(text=text)),
        )
        waiting, begun = b"", False
        stream = self._channel.stream("StreamingSynthesize", requests, types.StreamingSynthesizeResponse)
        async with aclosing(stream) as answers:
            async for answer in answers:
                waiting += answer.audio_content
                if not begun and len(waiting) >= 4:
                    self._refuse_container(waiting)
                    begun = True
                whole = len(waiting) & ~1 if begun else 0
                if whole:
                    yield waiting[:whole]
                    waiting = waiting[whole:]
        if len(waiting) % 2:
            raise self._channel.failure(f"{self.name} ended inside a sample.", FailureCategory.TRUNCATED)
        if waiting:
            yield waiting

    def _refuse_container(self, beginning: bytes) -> None:
        """A stream has no header; one that begins like a file is one."""
        found = "wav" if beginning.startswith(b"RIFF") else sniff(beginning)
        if found and not beginning.startswith(b"\xff"):  # which begins an MP3 frame, but a quiet sample as well
            raise self._channel.failure(f"{self.name} streams {found}, not samples.", FailureCategory.SERVER)

    def _offer(self, listed: Any) -> None:
        voices = offered(listed, self._settings.family, self._settings.locales, self.name)
        self._voices = {voice.name: voice for voice in voices}

    def _checked(self, utterance: Utterance) -> Name:
        """The voice, if it is there and speaks the language."""
        parsed = parse(utterance.voice)
        fitting = [name for name, voice in self._voices.items() if utterance.language in voice.languages]
        if parsed is not None and utterance.voice in fitting:
            return parsed
        near = difflib.get_close_matches(utterance.voice, fitting, n=3, cutoff=0.5)
        offer = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(fitting[:30]) or 'none'}."
        raise UnknownVoice(
            f"{self.name} has no voice {utterance.voice!r} for {utterance.language!r}; {offer}", param="voice"
        )

    def _fits(self, text: str, utterance: Utterance) -> None:
        """Refuse before the call what the service would refuse."""
        bytes_ = len(text.encode())
        problem = ""
        if bytes_ > LONGEST_BYTES:
            problem = f"The text has {bytes_} bytes; {self.name} takes {LONGEST_BYTES}."
        elif not SPEEDS[0] <= utterance.speed <= SPEEDS[1]:
            problem = f"Speed {utterance.speed:g} is out of range; {self.name} takes {SPEEDS[0]:g} to {SPEEDS[1]:g}."
        elif not PITCHES_ST[0] <= utterance.pitch_st <= PITCHES_ST[1] and self._settings.family == "wavenet":
            problem = f"Pitch {utterance.pitch_st:g} st is out of range; {self.name} takes up to 20 st either way."
        if problem:
            raise self._channel.failure(problem, FailureCategory.UNSUPPORTED)
