"""Speech from eSpeak NG, with no account and no download: robotic, instant, and there.

The library is licensed under the GPL and is not thread-safe, so it runs in worker processes (`espeak_worker`), never
here; this module only asks whether it is installed. Where it is not, the `espeak-ng` program speaks, one process for
each sentence.
"""

import difflib
import importlib.util
import re
import shutil
import sys
import unicodedata
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Literal

import structlog

from segue.clock import Clock
from segue.errors import FailureCategory, ProviderError, Unavailable, UnknownVoice
from segue.providers.espeak_program import EspeakProgram
from segue.providers.seat import Limits
from segue.providers.worker import PoolHealth, WorkerPool
from segue.voice.ports import About, Speech, Utterance, VoiceInfo

log = structlog.get_logger(__name__)

RATE = 22050
"""Samples a second; every voice of eSpeak NG has this rate."""
LONGEST_PIECE = 400
"""Characters spoken as one job, about half a minute: a long text must not keep a worker from everybody else."""
SPEEDS = (0.25, 4.0)
SLOWEST_WPM = 80
"""eSpeak NG speaks no slower than this, whatever it is asked for."""

BASE_VOICES = {"uk": ("uk",), "ru": ("ru",), "en": ("en-us", "en"), "zh": ("cmn",)}
"""Voices of each language, the default first. 1.52 has no voice named `en-gb`; `en` is the British one."""
VARIANTS = {"f2": "female", "f3": "female", "f4": "female", "f5": "female", "m1": "male", "m3": "male", "m7": "male"}

WORDS_PER_MINUTE = {"uk": 180, "ru": 180, "en": 175, "zh": 185}
"""The rate that makes the same message last about as long in each language."""
SLOWED_UKRAINIAN = {"": 255, "variant": 205}
"""The same for Ukrainian from 1.52 on, whose voice file slows itself down; a variant takes half of that back."""

INSTALL = "pip install 'segue[speech]' brings it; so does your system's espeak-ng package, but for Chinese"

_ENDS = (re.compile(r"[.!?…。！？]+[\"'»”)]*\s*"), re.compile(r"[,;:，；：、]\s*"), re.compile(r"\s+"))


class EspeakSynthesizer:
    """Speaks uk, ru, en and zh at 22 050 Hz. `engine` is `auto`, or `library` or `program` to insist on one.

    `processes` workers share all sentences; one of them makes about a thousand seconds of speech in a second. The same
    sentence spoken twice differs by a few samples: the library's oscillators go on from where they were.
    """

    name = "espeak"

    def __init__(
        self,
        clock: Clock,
        *,
        processes: int = 2,
        engine: Literal["auto", "library", "program"] = "auto",
        limits: Limits | None = None,
    ) -> None:
        self.engine = engine
        self._clock = clock
        self._processes = processes
        self._program: EspeakProgram | None = None
        command = (sys.executable, "-P", "-m", "segue.providers.espeak_worker")
        self._pool = WorkerPool(self.name, command, clock, size=processes, limits=limits)
        self._voices = {voice.name: voice for voice in _all_voices()}

    async def start(self) -> None:
        """Make the engine ready.

        Raises:
            Unavailable: eSpeak NG is not installed, or does not start; the message says what to do.
        """
        if self.engine != "program" and importlib.util.find_spec("espeakng_loader") is not None:
            try:
                await self._pool.start()
            except Unavailable as error:
                if self.engine == "library" or shutil.which("espeak-ng") is None:
                    raise
                log.warning("the espeak-ng program speaks instead of the library", reason=error.message)
            else:
                return
        path = shutil.which("espeak-ng") if self.engine != "library" else None
        if path is None:
            raise Unavailable(f"Embedded speech needs eSpeak NG, which is not installed: {INSTALL}.")
        program = EspeakProgram(path, self._clock, concurrent=self._processes)
        await program.start()
        if not program.speaks_chinese:
            self._voices = {name: voice for name, voice in self._voices.items() if "zh" not in voice.languages}
        self._program = program

    async def close(self) -> None:
        """End the workers; returns when no child is left."""
        self._program = None
        await self._pool.close()

    @property
    def ready(self) -> bool:
        """Whether a sentence would be spoken now."""
        return self._program is not None or self._pool.health().ready

    @property
    def about(self) -> About:
        """See `Synthesizer.about`."""
        return About("espeak-ng", self.model, self.model.removeprefix("espeak-ng "))

    @property
    def model(self) -> str:
        """What speaks, with its version, as in `espeak-ng 1.52.0`; empty before `start`."""
        return self._program.model if self._program else str(self._pool.about.get("model", ""))

    def health(self) -> PoolHealth:
        """The workers; none where the program speaks."""
        return self._pool.health()

    def voices(self) -> tuple[VoiceInfo, ...]:
        """See `Synthesizer.voices`."""
        return tuple(self._voices.values())

    async def speak(self, utterance: Utterance) -> AsyncGenerator[Speech, None]:
        """See `Synthesizer.speak`. A text without anything to pronounce yields nothing.

        Raises:
            Unavailable: `start` was not called.
        """
        self._check(utterance)
        wpm = max(SLOWEST_WPM, round(self._normal_wpm(utterance) * utterance.speed))
        for number, text in enumerate(pieces(spoken(utterance.text))):
            if self._program is not None:
                audio = self._program.speak(utterance.voice, wpm, text)
            else:
                # The rest of a long text waits behind everybody's beginning.
                header = {"voice": utterance.voice, "wpm": wpm, "text": text}
                audio = self._pool.stream(header, priority=min(number, 1))
            async with aclosing(audio):
                async for pcm in audio:
                    yield Speech(pcm, RATE, self.name, self.model, utterance.voice)

    def _normal_wpm(self, utterance: Utterance) -> int:
        if utterance.language == "uk" and (self._program is None or self._program.slows_ukrainian):
            return SLOWED_UKRAINIAN["variant" if "+" in utterance.voice else ""]
        return WORDS_PER_MINUTE[utterance.language]

    def _check(self, utterance: Utterance) -> None:
        """Refuse a voice that is not there or cannot speak the language, and a speed out of range."""
        fitting = [name for name, voice in self._voices.items() if utterance.language in voice.languages]
        if not fitting:
            why = "it speaks " + ", ".join(dict.fromkeys(voice.languages[0] for voice in self._voices.values()))
            if utterance.language == "zh":
                why = "this build lacks the Chinese dictionary; pip install 'segue[speech]' brings one that has it"
            raise UnknownVoice(f"{self.model or self.name} has no voice for {utterance.language!r}: {why}.")
        if utterance.voice not in fitting:
            near = difflib.get_close_matches(utterance.voice, fitting, n=3, cutoff=0.5)
            offer = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(fitting)}."
            raise UnknownVoice(
                f"{self.name} has no voice {utterance.voice!r} for {utterance.language!r}; {offer}", param="voice"
            )
        if not SPEEDS[0] <= utterance.speed <= SPEEDS[1]:
            raise ProviderError(
                f"Speed {utterance.speed:g} is out of range; {self.name} takes {SPEEDS[0]:g} to {SPEEDS[1]:g}.",
                provider=self.name,
                category=FailureCategory.BAD_REQUEST,
            )


def spoken(text: str) -> str:
    """A text as eSpeak NG may be given it: no control characters, which it obeys, and nothing for nothing to say."""
    plain = "".join(" " if unicodedata.category(letter) in {"Cc", "Cs", "Co", "Cn"} else letter for letter in text)
    if all(unicodedata.category(letter)[0] in "PZC" for letter in plain):
        return ""
    return plain.replace("[[", "[ [").strip()  # two brackets would begin phoneme codes


def pieces(text: str, longest: int = LONGEST_PIECE) -> Iterator[str]:
    """A text in pieces of at most `longest` characters, cut at the end of a sentence, a clause or a word."""
    while len(text) > longest:
        cut = longest
        for ending in _ENDS:
            ends = [found.end() for found in ending.finditer(text, 0, longest)]
            if ends:
                cut = ends[-1]
                break
        yield text[:cut]
        text = text[cut:]
    if text:
        yield text


def _all_voices() -> Iterator[VoiceInfo]:
    for language, bases in BASE_VOICES.items():
        for base in bases:
            yield VoiceInfo(base, "espeak", (language,), "male", f"eSpeak NG {base}")
            for variant, gender in VARIANTS.items():
                yield VoiceInfo(f"{base}+{variant}", "espeak", (language,), gender, f"eSpeak NG {base}, {variant}")
