"""Providers that do what they are told, on the clock they are handed: for tests, rehearsals and benchmarks.

They keep the ports' promises like the real ones, and fail on command. They are cheap enough that a measurement with
them measures Segue. What they count is public: `counts.calls`, `counts.open`, `counts.most_open`, `counts.cancelled`.
"""

import asyncio
import math
import random
import re
import struct
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from segue.clock import Clock
from segue.errors import FailureCategory, ProviderError, UnknownLanguage, UnknownVoice
from segue.voice.ports import About, Prompt, Recording, Speech, Transcript, Utterance, VoiceInfo

ABOUT = About("scripted")
LANGUAGES = ("uk", "ru", "en", "zh")
AMPLITUDE = 0.2
PITCH_HZ = 200
"""The lowest tone, about; every voice has a multiple of it. It is moved a little so that a chunk holds whole waves, and
one chunk of bytes serves every place of every sentence."""

_TOKEN = re.compile(r"\s*\S{1,5}|\s+$")
_VOICES = (
    *(VoiceInfo(f"scripted-{language}", "scripted", (language,)) for language in LANGUAGES),
    VoiceInfo("scripted-any", "scripted", LANGUAGES),
)


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong. `after` counts tokens for a model and bytes of audio for a synthesizer; 0 is at once.

    Of the four, at most one is set: `error` raises a ProviderError of that category, `cut` breaks the stream with one
    that says `truncated`, `end` stops as if all had been said, `stall` never goes on. `calls` is how many calls the
    fault lasts; None is for ever.
    """

    error: FailureCategory | None = None
    cut: bool = False
    end: bool = False
    stall: bool = False
    after: int = 0
    calls: int | None = None

    def strike(self, call: int) -> bool:
        """Whether the call with this number, counted from 1, goes wrong."""
        return (self.error is not None or self.cut or self.end or self.stall) and (
            self.calls is None or call <= self.calls
        )

    async def happen(self, provider: str) -> None:
        """Go wrong now; returns only for `end`.

        Raises:
            ProviderError: for `error` and `cut`.
        """
        if self.error is not None:
            raise ProviderError(f"{provider} failed as scripted.", provider=provider, category=self.error)
        if self.cut:
            message = f"{provider} was cut off as scripted."
            raise ProviderError(message, provider=provider, category=FailureCategory.TRUNCATED)
        if self.stall:
            await asyncio.get_running_loop().create_future()


@dataclass(slots=True)
class Counts:
    """How often a scripted provider was called, how many calls are open, and how many were closed before their end."""

    calls: int = 0
    open: int = 0
    most_open: int = 0
    finished: int = 0
    failed: int = 0
    cancelled: int = 0

    @contextmanager
    def call(self) -> Iterator[int]:
        """Count the block inside as one call; gives its number, from 1."""
        self.calls += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            yield self.calls
        except (GeneratorExit, asyncio.CancelledError):
            self.cancelled += 1
            raise
        except Exception:
            self.failed += 1
            raise
        else:
            self.finished += 1
        finally:
            self.open -= 1


@dataclass(slots=True)
class ScriptedModel:
    """A `LanguageModel` that writes `reply`: a text, ready tokens, or a function of the prompt that gives either.

    An empty reply repeats the question.

    The first token comes after `first_token_s`, each later one `interval_s` after the one before, kept by the clock
    and not by the consumer: who reads late finds tokens waiting.
    """

    clock: Clock
    reply: str | Sequence[str] | Callable[[Prompt], str | Sequence[str]] = "Hello. This is a scripted reply."
    first_token_s: float = 0.0
    interval_s: float = 0.0
    faults: Faults = field(default_factory=Faults)
    name: str = "scripted"
    about: About = ABOUT
    counts: Counts = field(default_factory=Counts)
    last: Prompt | None = None

    async def stream(self, prompt: Prompt) -> AsyncGenerator[str, None]:
        """See `LanguageModel.stream`."""
        reply = self.reply(prompt) if callable(self.reply) else self.reply
        if not reply:
            reply = next((message.content for message in reversed(prompt.messages) if message.role == "user"), "")
        tokens = (_TOKEN.findall(reply) if isinstance(reply, str) else list(reply))[: prompt.max_tokens]
        self.last = prompt
        with self.counts.call() as call:
            fault_at = self.faults.after if self.faults.strike(call) else None
            started = self.clock.now()
            for number, token in enumerate(tokens):
                if number == fault_at:
                    await self.faults.happen(self.name)
                    return
                await _until(self.clock, started + self.first_token_s + number * self.interval_s)
                yield token
            if fault_at is not None and fault_at >= len(tokens):
                await self.faults.happen(self.name)


@dataclass(slots=True)
class ScriptedSynthesizer:
    """A `Synthesizer` that hums: a tone of `AMPLITUDE`, `ms_per_character` long for each character.

    The first chunk comes after `first_audio_s`, later ones `real_time_factor` times their own length after each other
    (0: at once, 1: as fast as they play), each up to `jitter_s` late, as drawn from `seed` and the text.
    `leading_silence_ms` comes before the tone; `silent` leaves the tone out.
    """

    clock: Clock
    rate: int = 24000
    first_audio_s: float = 0.0
    real_time_factor: float = 0.0
    jitter_s: float = 0.0
    seed: int = 0
    leading_silence_ms: float = 0.0
    ms_per_character: float = 60.0
    chunk_ms: float = 100.0
    silent: bool = False
    faults: Faults = field(default_factory=Faults)
    offered: tuple[VoiceInfo, ...] = _VOICES
    name: str = "scripted"
    about: About = ABOUT
    counts: Counts = field(default_factory=Counts)
    last: Utterance | None = None
    _chunks: dict[str, bytes] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        """Prepare one chunk for each voice."""
        samples = max(1, round(self.rate * self.chunk_ms / 1000))
        waves = max(1, round(PITCH_HZ * samples / self.rate))
        for number, voice in enumerate(self.offered, 1):
            self._chunks[voice.name] = _tone(samples, waves * number, 0.0 if self.silent else AMPLITUDE)

    def voices(self) -> tuple[VoiceInfo, ...]:
        """See `Synthesizer.voices`."""
        return self.offered

    async def speak(self, utterance: Utterance) -> AsyncGenerator[Speech, None]:
        """See `Synthesizer.speak`."""
        self._check(utterance)
        self.last = utterance
        with self.counts.call() as call:
            fault_at = self.faults.after if self.faults.strike(call) else None
            late = random.Random(f"{self.seed} {utterance.text}") if self.jitter_s else None  # noqa: S311 (a script)
            started = self.clock.now() + self.first_audio_s
            sent = 0
            for number, chunk in enumerate(self._audio(utterance)):
                due = started + number * self.chunk_ms / 1000 * self.real_time_factor
                await _until(self.clock, due + (late.uniform(0, self.jitter_s) if late else 0.0))
                if fault_at is not None and sent + len(chunk) > fault_at:
                    if fault_at > sent:
                        yield self._speech(chunk[: fault_at - sent], utterance)
                    await self.faults.happen(self.name)
                    return
                yield self._speech(chunk, utterance)
                sent += len(chunk)
            if fault_at is not None and utterance.text.strip():
                await self.faults.happen(self.name)

    def _audio(self, utterance: Utterance) -> Iterator[bytes]:
        """The chunks of an utterance; all full ones of the tone are one object."""
        if not utterance.text.strip():
            return
        chunk = self._chunks[utterance.voice]
        silence = bytes(round(self.rate * self.leading_silence_ms / 1000) * 2)
        for at in range(0, len(silence), len(chunk)):
            yield silence[at : at + len(chunk)]
        samples = round(len(utterance.text) * self.ms_per_character / utterance.speed * self.rate / 1000)
        whole, rest = divmod(samples * 2, len(chunk))
        for _ in range(whole):
            yield chunk
        if rest:
            yield chunk[:rest]

    def _speech(self, pcm: bytes, utterance: Utterance) -> Speech:
        return Speech(pcm, self.rate, self.name, "scripted tone", utterance.voice)

    def _check(self, utterance: Utterance) -> None:
        fitting = [voice.name for voice in self.offered if utterance.language in voice.languages]
        if utterance.voice not in fitting:
            offer = f"it has {', '.join(fitting) or 'none'}"
            raise UnknownVoice(
                f"{self.name} has no voice {utterance.voice!r} for {utterance.language!r}; {offer}.", param="voice"
            )


@dataclass(slots=True)
class ScriptedRecognizer:
    """A `Recognizer` that answers `answers` in turn and the last one from then on, each after `delay_s`."""

    clock: Clock
    answers: Sequence[str] = ("hello",)
    delay_s: float = 0.0
    faults: Faults = field(default_factory=Faults)
    languages: tuple[str, ...] = LANGUAGES
    name: str = "scripted"
    about: About = ABOUT
    counts: Counts = field(default_factory=Counts)
    last: Recording | None = None

    async def hear(self, recording: Recording) -> Transcript:
        """See `Recognizer.hear`. A recording without a single sample is heard as nothing."""
        if recording.language not in self.languages:
            raise UnknownLanguage(
                f"{self.name} hears {', '.join(self.languages)}, not {recording.language!r}.", param="language"
            )
        self.last = recording
        with self.counts.call() as call:
            await _until(self.clock, self.clock.now() + self.delay_s)
            if self.faults.strike(call):
                await self.faults.happen(self.name)
            text = self.answers[min(call, len(self.answers)) - 1] if recording.pcm and self.answers else ""
            duration_s = len(recording.pcm) // 2 / recording.rate
            return Transcript(text, recording.language, self.name, duration_s)


async def _until(clock: Clock, moment: float) -> None:
    """Wait for a moment; one that is past costs nothing."""
    remaining = moment - clock.now()
    if remaining > 0:
        await clock.sleep(remaining)


def _tone(samples: int, waves: int, loudness: float) -> bytes:
    """Whole waves of a sine in so many samples, mono s16le."""
    peak = loudness * 32767
    wave = (round(peak * math.sin(2 * math.pi * waves * at / samples)) for at in range(samples))
    return struct.pack(f"<{samples}h", *wave)
