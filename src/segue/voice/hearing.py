"""From an upload to words: decode, check its length, recognize, within limits."""

import asyncio
import math
import uuid
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import structlog

from segue.configuration import VoiceSettings
from segue.errors import InvalidRequest, ProviderError, SegueError, Unavailable, UnknownLanguage
from segue.records import Outcome, Recognition, RecognitionAttempt
from segue.voice.attempt import Ending, since_ms
from segue.voice.decoding import decode
from segue.voice.ports import Recognizer, Recording, Transcript
from segue.voice.roster import Roster

log = structlog.get_logger("segue.voice")

RATE = 16_000
"""Recognizers are given 16 kHz mono."""


class Listening:
    """One recording being recognized: an errand that any recognizer of the chain may do."""

    priority = 0
    hedge_s: float | None = None

    def __init__(self, recording: Recording, began: float) -> None:
        self._recording = recording
        self._began = began
        self._models: dict[str, str] = {}
        self.attempts: list[RecognitionAttempt] = []
        """Those that are over."""

    async def begin(self, name: str, provider: Recognizer) -> AsyncGenerator[Transcript, None]:
        """See `Errand.begin`."""
        self._models[name] = provider.about.model
        return self._heard(provider)

    def weigh(self, item: Transcript) -> float:
        """See `Errand.weigh`: there is but one item."""
        del item
        return math.inf

    async def kept(self, name: str) -> list[Transcript] | None:
        """See `Errand.kept`: recordings are not kept."""
        del name
        return None

    def adopt(self, name: str, *, cached: bool) -> None:
        """See `Errand.adopt`."""

    async def finish(self) -> None:
        """See `Errand.finish`: no speech in a recording is an answer too."""

    def ended(self, ending: Ending) -> None:
        """See `Errand.ended`."""
        self.attempts.append(
            RecognitionAttempt(
                ending.name,
                self._models.get(ending.name, ""),
                ending.outcome,
                since_ms(self._began, ending.began) or 0.0,
                ending.total_ms,
                ending.category.value if ending.category is not None else None,
            )
        )

    async def _heard(self, provider: Recognizer) -> AsyncGenerator[Transcript, None]:
        yield await provider.hear(self._recording)


class Hearing:
    """Hears recordings; there may be no recognizer at all. `watch` is told of each recognition that is over."""

    def __init__(
        self,
        recognizers: Roster[Recognizer],
        settings: VoiceSettings,
        watch: Callable[[Recognition], None] | None = None,
    ) -> None:
        self.recognizers = recognizers
        self._settings = settings
        self._watch = watch

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages that can be heard, those of the first recognizer first."""
        return tuple(dict.fromkeys(code for provider in self._providers() for code in provider.languages))

    @property
    def names(self) -> tuple[str, ...]:
        """The recognizers that can be used."""
        return self.recognizers.usable()

    async def recording(
        self,
        data: bytes,
        language: str | None,
        *,
        content_type: str | None = None,
        phrases: tuple[str, ...] = (),
        expected: str | None = None,
    ) -> Recording:
        """Decode an upload of any common container.

        Raises:
            InvalidRequest: there is no audio in the request.
            BadAudio: the upload is not audio, or not audio that can be read here.
            TooLarge: the recording is longer than the configured limit.
            UnknownLanguage: no recognizer hears this language.
            Unavailable: no recognizer is configured, or all are switched off.
        """
        if not data:
            raise InvalidRequest("The recording is empty; send the bytes of an audio file.", param="audio")
        heard = self._language(language)
        pcm = await asyncio.to_thread(
            decode, data, content_type=content_type, rate=RATE, max_s=self._settings.recording_limit_s
        )
        return Recording(pcm, RATE, heard, phrases, expected)

    async def hear(self, recording: Recording) -> Transcript:
        """The words of a recording.

        Raises:
            ProviderError: no recognizer could hear it, or none did in time.
            UnknownLanguage: no recognizer hears its language.
        """
        self._language(recording.language)
        clock = self.recognizers.chain.clock
        at, began = clock.wall(), clock.now()
        errand = Listening(recording, began)
        outcome, error = Outcome.ABANDONED, None
        try:
            transcript = await self._asked(errand, recording.language)
            outcome = Outcome.COMPLETED
            return transcript
        except SegueError as failure:
            outcome, error = Outcome.FAILED, failure.code
            raise
        finally:
            self._tell(
                Recognition(
                    id=uuid.uuid4().hex,
                    at=at,
                    language=recording.language,
                    recording_ms=round(recording.duration_s * 1000.0, 3),
                    total_ms=round((clock.now() - began) * 1000.0, 3),
                    outcome=outcome,
                    attempts=tuple(errand.attempts),
                    error=error,
                )
            )

    def _tell(self, recognition: Recognition) -> None:
        try:
            if self._watch is not None:
                self._watch(recognition)
        except Exception:
            log.exception("nobody watches this recognition")  # that is no reason not to hear

    async def _asked(self, errand: Listening, language: str) -> Transcript:
        chain, order = self.recognizers.chain, self.recognizers.order()
        unsuitable = {name: "no_language" for name in order if language not in chain.targets[name].provider.languages}
        async with aclosing(chain.run(errand, order, unsuitable)) as transcripts:
            # To its end: an errand that is left before counts as given up, and no breaker would learn of its success.
            heard = [transcript async for transcript in transcripts]
        if not heard:
            raise ProviderError("No recognizer answered.")
        return heard[0]

    def _language(self, language: str | None) -> str:
        languages = self.languages
        if not languages:
            why = "Every recognizer is switched off" if self.recognizers.present() else "No recognizer is configured"
            raise Unavailable(f"{why} on this server; send text.")
        if language is None:
            default = self._settings.default_language
            return default if default in languages else languages[0]
        if language not in languages:
            raise UnknownLanguage(
                f"{' and '.join(self.names)} hears {', '.join(languages)}, not {language}; type instead,"
                " or configure another recognizer.",
                param="language",
            )
        return language

    def _providers(self) -> list[Recognizer]:
        return [self.recognizers.chain.targets[name].provider for name in self.names]
