"""OpenAI's speech and recognition, and every server that speaks their protocol: Speaches, LocalAI, vLLM and others."""

import difflib
import json
import math
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from typing import Any

from segue.clock import Clock
from segue.errors import FailureCategory, ProviderError, Unavailable, UnknownLanguage, UnknownVoice
from segue.providers.http import Line, beginning
from segue.providers.openai_riff import NotThis, Riff
from segue.vendors import openai as vendor
from segue.voice.audio import SAMPLE_BYTES
from segue.voice.containers import wav
from segue.voice.ports import About, Recording, Speech, Transcript, Utterance, VoiceInfo, Word

LONGEST_TEXT = 4096
"""Characters of one request for speech, by OpenAI's documentation."""
SPEEDS = (0.25, 4.0)
"""Speeds that can be asked for, by the same."""
LARGEST_FILE = 25_000_000
"""Bytes of a recording that are sent; OpenAI takes 25 MB."""
SHORTEST_S = 0.1
"""OpenAI refuses a shorter recording; nobody has said anything in it."""
LONGEST_HINT = 600
"""Characters of phrases that are sent as a prompt; Whisper reads no more than 224 tokens of it."""

VOICES = {
    "alloy": "unknown",
    "ash": "unknown",
    "coral": "unknown",
    "echo": "male",
    "fable": "unknown",
    "nova": "female",
    "onyx": "male",
    "sage": "unknown",
    "shimmer": "female",
}
"""Voices of every speech model of OpenAI. It does not say how they sound; the genders are those that Microsoft's list
of the same voices gives."""
LATER_VOICES = ("ballad", "verse", "marin", "cedar")
"""Voices that the `tts-1` models do not have."""


def _line(name: str, settings: vendor.OpenAIAccount, clock: Clock) -> Line:
    headers = {"authorization": f"Bearer {settings.secret}"} if settings.secret else {}
    return Line(name, settings.url, clock, headers=headers, connect_s=settings.limits.connect_s)


def _about(settings: vendor.OpenAISynthesizer | vendor.OpenAIRecognizer, line: Line) -> About:
    return About("openai" if settings.public else "openai-compatible", settings.model, place=line.place)


class OpenAISynthesizer:
    """Speaks through `/audio/speech`, asking for WAV: its header says what the samples are, and they come as made."""

    def __init__(self, name: str, settings: vendor.OpenAISynthesizer, clock: Clock) -> None:
        self.name = name
        self._settings = settings
        self._line = _line(name, settings, clock)
        self.about = _about(settings, self._line)
        own = [*VOICES, *(LATER_VOICES if not settings.model.startswith("tts-1") else ())]
        self._voices = tuple(
            VoiceInfo(voice, name, settings.languages, VOICES.get(voice, "unknown"))
            for voice in dict.fromkeys(settings.voices or own)
        )

    async def start(self) -> None:
        """Open the pool of connections.

        Raises:
            Unavailable: there is no key for a server that needs one; the message says what to set.
        """
        if self._settings.missing:
            raise Unavailable(f"{self.name} needs a key: {self._settings.missing}.")
        await self._line.start()

    async def close(self) -> None:
        """Close every connection."""
        await self._line.close()

    def voices(self) -> tuple[VoiceInfo, ...]:
        """See `Synthesizer.voices`."""
        return self._voices

    async def speak(self, utterance: Utterance) -> AsyncGenerator[Speech, None]:
        """See `Synthesizer.speak`. A text without a letter or digit is not sent: models make up sounds for it."""
        self._check(utterance)
        if not any(character.isalnum() for character in utterance.text):
            return
        wanted: dict[str, Any] = {
            "model": self._settings.model,
            "input": utterance.text.encode("utf-8", "replace").decode(),
            "voice": utterance.voice,
            "response_format": "wav",
        }
        if utterance.speed != 1.0:
            wanted["speed"] = round(utterance.speed, 3)
        file = Riff(self._settings.rate)
        async with self._line.ask("POST", "/audio/speech", expect=("audio/",), json=wanted) as answer:
            pieces = answer.aiter_bytes()
            async for piece in pieces:
                try:
                    pcm = file.push(piece)
                except NotThis as what:
                    said = b"" if file.head.startswith(b"RIFF") else await beginning(pieces, file.head)
                    raise self._line.failure(f"{self.name} sent {what}", said) from None
                if pcm:
                    yield Speech(pcm, self._settings.rate, self.name, self._settings.model, utterance.voice)
        complaint = file.complaint()
        if complaint:
            raise self._line.truncated(f"{self.name} {complaint}.")

    def _check(self, utterance: Utterance) -> None:
        """Refuse before the call what would be refused after it."""
        if utterance.language not in self._settings.languages:
            spoken = ", ".join(self._settings.languages)
            raise UnknownVoice(
                f"{self.name} has no voice for {utterance.language!r}: it is set up for {spoken}.", param="voice"
            )
        names = [voice.name for voice in self._voices]
        if utterance.voice not in names:
            near = difflib.get_close_matches(utterance.voice, names, n=3, cutoff=0.5)
            offer = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(names)}."
            raise UnknownVoice(f"{self.name} has no voice {utterance.voice!r}; {offer}", param="voice")
        if len(utterance.text) > LONGEST_TEXT:
            raise self._unsupported(f"takes {LONGEST_TEXT} characters at once, not {len(utterance.text)}")
        if not SPEEDS[0] <= utterance.speed <= SPEEDS[1]:
            raise self._unsupported(f"speaks at speeds from {SPEEDS[0]:g} to {SPEEDS[1]:g}, not {utterance.speed:g}")

    def _unsupported(self, why: str) -> ProviderError:
        return ProviderError(f"{self.name} {why}.", provider=self.name, category=FailureCategory.UNSUPPORTED)


class OpenAIRecognizer:
    """Hears through `/audio/transcriptions`, freely: what is expected is compared by whoever expects it."""

    def __init__(self, name: str, settings: vendor.OpenAIRecognizer, clock: Clock) -> None:
        self.name = name
        self.languages = settings.languages
        self._settings = settings
        self._line = _line(name, settings, clock)
        self.about = _about(settings, self._line)

    async def start(self) -> None:
        """Open the pool of connections.

        Raises:
            Unavailable: there is no key for a server that needs one; the message says what to set.
        """
        if self._settings.missing:
            raise Unavailable(f"{self.name} needs a key: {self._settings.missing}.")
        await self._line.start()

    async def close(self) -> None:
        """Close every connection."""
        await self._line.close()

    async def hear(self, recording: Recording) -> Transcript:
        """See `Recognizer.hear`. Words have times where the server gives them."""
        if recording.language not in self.languages:
            raise UnknownLanguage(
                f"{self.name} hears {', '.join(self.languages)}, not {recording.language!r}.", param="language"
            )
        duration_s = len(recording.pcm) // SAMPLE_BYTES / recording.rate
        if duration_s < SHORTEST_S:
            return Transcript("", recording.language, self.name, duration_s)
        file = wav.whole(recording.pcm, recording.rate)
        if len(file) > LARGEST_FILE:
            raise ProviderError(
                f"{self.name} takes {LARGEST_FILE} bytes at once, not {len(file)}.",
                provider=self.name,
                category=FailureCategory.UNSUPPORTED,
            )
        answer = await self._line.json(
            "POST",
            "/audio/transcriptions",
            files={"file": ("recording.wav", file, "audio/wav")},
            data=self._fields(recording),
        )
        text = answer.get("text") if isinstance(answer, dict) else None
        if not isinstance(text, str):
            raise self._line.failure(f"{self.name} sent no transcript", json.dumps(answer).encode())
        words = _words(answer.get("words")) if text.strip() else ()
        return Transcript(text.strip(), recording.language, self.name, duration_s, words, _confidence(answer))

    def _fields(self, recording: Recording) -> dict[str, Any]:
        model, form = self._settings.model, self._settings.response_format
        if form == "auto":
            form = "json" if model.startswith("gpt-") else "verbose_json"
        fields: dict[str, Any] = {"model": model, "language": recording.language, "response_format": form}
        if form == "verbose_json":
            fields["timestamp_granularities[]"] = ["word", "segment"]
        if model.startswith("gpt-4o") and "diarize" not in model:
            fields["include[]"] = ["logprobs"]
        phrases = list(_within(recording.phrases, LONGEST_HINT))
        if phrases and model.startswith("gpt-transcribe"):
            fields["keywords[]"] = phrases
        elif phrases and "diarize" not in model:
            fields["prompt"] = ", ".join(phrases)
        return fields


def _within(phrases: Iterable[str], longest: int) -> Iterator[str]:
    """The first phrases that together are no longer."""
    for phrase in phrases:
        longest -= len(phrase) + 2
        if longest < 0:
            return
        yield phrase.encode("utf-8", "replace").decode()


def _words(told: Any) -> tuple[Word, ...]:
    """Words with their times; none where they are not as documented."""
    try:
        words = tuple(Word(str(word["word"]).strip(), float(word["start"]), float(word["end"])) for word in told or ())
    except (KeyError, TypeError, ValueError):
        return ()
    return words if all(0 <= word.start_s <= word.end_s < math.inf for word in words) else ()


def _confidence(answer: Mapping[str, Any]) -> float | None:
    """The geometric mean of what the model gave its tokens, where the server tells it; nothing is made up."""
    try:
        tokens = [(1.0, float(token["logprob"])) for token in answer.get("logprobs") or ()]
        tokens += [
            (float(len(segment["tokens"]) or 1), float(segment["avg_logprob"]))
            for segment in answer.get("segments") or ()
        ]
    except (KeyError, TypeError, ValueError):
        return None
    weight = sum(share for share, _ in tokens)
    mean = sum(share * logprob for share, logprob in tokens) / weight if weight else math.nan
    return min(1.0, math.exp(mean)) if math.isfinite(mean) else None
