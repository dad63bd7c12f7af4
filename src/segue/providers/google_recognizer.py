"""Hearing with Google Cloud Speech-to-Text: short recordings, in one request."""

from typing import Any

from segue.clock import Clock
from segue.errors import FailureCategory, Unavailable, UnknownLanguage
from segue.providers.google_channel import GoogleChannel, version
from segue.vendors.google import GoogleRecognizer as Settings
from segue.voice.language import base_code
from segue.voice.ports import About, Recording, Transcript, Word

LIBRARY = "google.cloud.speech_v1"
PACKAGE = "google-cloud-speech"
SERVICE = "google.cloud.speech.v1.Speech"
AUDIENCE = "https://speech.googleapis.com/"
LONGEST_S = 60.0
"""Google's limit of a recording inside a request."""
RATES = (8_000, 48_000)
MOST_HINTS = 5_000
MOST_HINT_CHARACTERS = 100_000
LONGEST_HINT = 100
"""Google's limits of the phrases of one request: their number, their characters together, and those of one."""
UNSPACED = frozenset({"zh", "ja", "th", "lo", "km", "my"})
"""Languages that write no spaces between words."""


class GoogleRecognizer:
    """Hears the configured languages, with the time of each word.

    `phrases` and `expected` make Google lean towards them; it hears other words all the same, and the text is what it
    heard.
    """

    def __init__(self, name: str, settings: Settings, clock: Clock) -> None:
        self.name = name
        self.languages = tuple(settings.locales)
        self._settings = settings
        self._channel = GoogleChannel(name, settings.url, settings, clock, service=SERVICE, audience=AUDIENCE)
        self._types: Any = None

    async def start(self) -> None:
        """Open the channel; the first recording makes the connection.

        Raises:
            Unavailable: the library is not installed, or there are no usable credentials; the message says what to do.
        """
        if self._types is None:
            self._types = await self._channel.start(LIBRARY)

    async def close(self) -> None:
        """Close the connection."""
        self._types = None
        await self._channel.close()

    @property
    def about(self) -> About:
        """See `Recognizer.about`."""
        return About("google", self._settings.model, version(PACKAGE), self._settings.url)

    async def hear(self, recording: Recording) -> Transcript:
        """See `Recognizer.hear`. A recording without a single sample is heard as nothing, and nobody is asked.

        Raises:
            Unavailable: `start` was not called.
        """
        if self._types is None:
            raise Unavailable(f"{self.name} is not started.")
        language = base_code(recording.language)
        if language not in self._settings.locales:
            raise UnknownLanguage(
                f"{self.name} hears {', '.join(self.languages)}, not {recording.language!r}.", param="language"
            )
        pcm = recording.pcm[: len(recording.pcm) & ~1]
        duration_s = len(pcm) / 2 / recording.rate
        self._check(duration_s, recording.rate)
        if not pcm:
            return Transcript("", language, self.name, 0.0)
        answer = await self._channel.ask(
            "Recognize", self._request(recording, pcm, self._settings.locales[language]), self._types.RecognizeResponse
        )
        best = [result.alternatives[0] for result in answer.results if result.alternatives]
        pieces = [text for alternative in best if (text := alternative.transcript.strip())]
        return Transcript(
            text=("" if language in UNSPACED else " ").join(pieces),
            language=language,
            provider=self.name,
            duration_s=duration_s,
            words=tuple(_word(word, duration_s) for alternative in best for word in alternative.words),
            confidence=_confidence([alternative.confidence for alternative in best]),
        )

    def _request(self, recording: Recording, pcm: bytes, locale: str) -> Any:
        types = self._types
        hints = _hints(recording.phrases if recording.expected is None else (recording.expected,))
        config = types.RecognitionConfig(
            encoding=types.RecognitionConfig.AudioEncoding.LINEAR16,
            sample_rate_hertz=recording.rate,
            audio_channel_count=1,
            language_code=locale,
            max_alternatives=1,
            model=self._settings.model,
            enable_word_time_offsets=True,
            enable_automatic_punctuation=True,
            speech_contexts=[types.SpeechContext(phrases=hints)] if hints else [],
        )
        return types.RecognizeRequest(config=config, audio=types.RecognitionAudio(content=pcm))

    def _check(self, duration_s: float, rate: int) -> None:
        problem = ""
        if duration_s > LONGEST_S:
            problem = f"The recording lasts {duration_s:.1f} s; {self.name} hears at most {LONGEST_S:g} s at a time."
        elif not RATES[0] <= rate <= RATES[1]:
            problem = f"The recording has {rate} Hz; {self.name} hears {RATES[0]} to {RATES[1]} Hz."
        if problem:
            raise self._channel.failure(problem, FailureCategory.UNSUPPORTED)


def _word(word: Any, duration_s: float) -> Word:
    return Word(word.word, word.start_time.total_seconds(), min(word.end_time.total_seconds(), duration_s))


def _hints(phrases: tuple[str, ...]) -> list[str]:
    """As many phrases as one request takes; those that are too long are left out: they are hints and no more."""
    hints: list[str] = []
    room = MOST_HINT_CHARACTERS
    for phrase in dict.fromkeys(phrase.strip() for phrase in phrases):
        if 0 < len(phrase) <= min(LONGEST_HINT, room) and len(hints) < MOST_HINTS:
            hints.append(phrase)
            room -= len(phrase)
    return hints


def _confidence(told: list[float]) -> float | None:
    """How sure Google is of the least sure part; None where it does not say, which it tells as 0."""
    return round(min(told), 4) if told and min(told) > 0 else None
