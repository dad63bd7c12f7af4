"""From an upload to words: decode, check its length, recognize, within limits."""

import asyncio

from segue.clock import Clock
from segue.configuration import VoiceSettings
from segue.errors import InvalidRequest, ProviderTimeout, Unavailable, UnknownLanguage
from segue.voice.decoding import decode
from segue.voice.ports import Recognizer, Recording, Transcript

RATE = 16_000
"""Recognizers are given 16 kHz mono."""


class Hearing:
    """Hears recordings; `recognizer` is None where none is configured."""

    def __init__(self, recognizer: Recognizer | None, clock: Clock, settings: VoiceSettings) -> None:
        self.recognizer = recognizer
        self._clock = clock
        self._settings = settings

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages that can be heard."""
        return self.recognizer.languages if self.recognizer is not None else ()

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
            Unavailable: no recognizer is configured.
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
            ProviderError: the recognizer failed, or did not answer in time.
        """
        if self.recognizer is None:
            raise Unavailable("No recognizer is configured on this server; send text.")
        limit_s = self._settings.limits.recognition_s
        try:
            async with self._clock.limit(limit_s):
                return await self.recognizer.hear(recording)
        except TimeoutError:
            raise ProviderTimeout(
                f"{self.recognizer.name} did not recognize the recording within {limit_s:g} s.",
                provider=self.recognizer.name,
            ) from None

    def _language(self, language: str | None) -> str:
        if self.recognizer is None:
            raise Unavailable("No recognizer is configured on this server; send text.")
        if language is None:
            default = self._settings.default_language
            return default if default in self.languages else self.languages[0]
        if language not in self.languages:
            raise UnknownLanguage(
                f"{self.recognizer.name} hears {', '.join(self.languages)}, not {language}; type instead,"
                " or configure another recognizer.",
                param="language",
            )
        return language
