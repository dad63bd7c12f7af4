"""Speech from Piper: small neural voices, each a file on this machine.

Piper is licensed under the GPL and brings native code, so it runs in worker processes (`piper_worker`), never here.
Every worker holds every voice. A sentence is made in one piece, so that a cancel is obeyed at the next full stop; a
worker that has not come to one after two seconds is replaced.
"""

import difflib
import importlib.util
import json
import os
import sys
import unicodedata
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing

from segue.clock import Clock
from segue.errors import FailureCategory, ProviderError, Unavailable, UnknownVoice
from segue.providers.seat import Limits
from segue.providers.worker import PoolHealth, WorkerPool
from segue.vendors import local as vendor
from segue.voice.ports import About, Speech, Utterance, VoiceInfo

SPEEDS = (0.25, 4.0)
"""What the length of Piper's phonemes is divided by, at most. Voices are trained at 1."""


class PiperSynthesizer:
    """Speaks with the voices that the settings name; each has its own language and sample rate."""

    def __init__(self, name: str, settings: vendor.PiperSynthesizer, clock: Clock) -> None:
        self.name = name
        self._settings = settings
        self._voices = tuple(
            VoiceInfo(voice, name, (known.language,), known.gender, f"Piper {known.path.stem}")
            for voice, known in settings.voices.items()
        )
        known = {voice: {"path": str(one.path), "speaker": one.speaker} for voice, one in settings.voices.items()}
        asked = {"voices": known, "threads": settings.threads_each(os.cpu_count() or 1)}
        command = (sys.executable, "-P", "-m", "segue.providers.piper_worker", json.dumps(asked))
        limits = Limits(start_s=settings.load_s, stop_s=settings.stop_s)
        self._pool = WorkerPool(name, command, clock, size=settings.workers, limits=limits)

    async def start(self) -> None:
        """Load every voice in every worker.

        Raises:
            Unavailable: Piper is not installed, or a voice is not there or cannot be loaded; the message says which.
        """
        if importlib.util.find_spec("piper") is None:
            raise Unavailable(f"{self.name} needs Piper, which is not installed: pip install 'segue[piper]'.")
        missing = list(self._missing())
        if missing:
            raise Unavailable(f"{self.name} cannot speak: {'; '.join(missing)}.")
        await self._pool.start()

    async def close(self) -> None:
        """End the workers; returns when no child is left."""
        await self._pool.close()

    @property
    def ready(self) -> bool:
        """Whether a sentence would be spoken now."""
        return self._pool.health().ready

    @property
    def about(self) -> About:
        """See `Synthesizer.about`. The version is Piper's own; empty before `start`."""
        models = dict.fromkeys(self._model(voice) for voice in self._settings.voices)
        folders = {str(known.path.parent) for known in self._settings.voices.values()}
        place = folders.pop() if len(folders) == 1 else "here"
        return About("piper", ", ".join(models), str(self._pool.about.get("version", "")), place)

    def health(self) -> PoolHealth:
        """The workers."""
        return self._pool.health()

    def voices(self) -> tuple[VoiceInfo, ...]:
        """See `Synthesizer.voices`."""
        return self._voices

    async def speak(self, utterance: Utterance) -> AsyncGenerator[Speech, None]:
        """See `Synthesizer.speak`. A text without a letter or digit yields nothing.

        Raises:
            Unavailable: `start` was not called.
        """
        self._check(utterance)
        text = spoken(utterance.text)
        if not text:
            return
        if "rates" not in self._pool.about:
            raise Unavailable(f"{self.name} is not started.")
        rate = int(self._pool.about["rates"][utterance.voice])
        header = {"voice": utterance.voice, "speed": utterance.speed, "text": text, "rate": rate}
        async with aclosing(self._pool.stream(header)) as audio:
            async for pcm in audio:
                yield Speech(pcm, rate, self.name, self._model(utterance.voice), utterance.voice)

    def _model(self, voice: str) -> str:
        """The file of a voice, as its maker named it: `uk_UA-lada-x_low`."""
        return self._settings.voices[voice].path.stem

    def _missing(self) -> Iterator[str]:
        """The files that are not there, by voice."""
        for voice, known in self._settings.voices.items():
            for path in (known.path, known.path.with_name(known.path.name + ".json")):
                if not path.is_file():
                    yield f"voice {voice!r} has no file {path}"

    def _check(self, utterance: Utterance) -> None:
        """Refuse a voice that is not there or cannot speak the language, and a speed out of range."""
        fitting = [voice.name for voice in self._voices if utterance.language in voice.languages]
        if not fitting:
            spoken_here = ", ".join(dict.fromkeys(voice.languages[0] for voice in self._voices))
            raise UnknownVoice(f"{self.name} has no voice for {utterance.language!r}: it speaks {spoken_here}.")
        if utterance.voice not in fitting:
            near = difflib.get_close_matches(utterance.voice, fitting, n=3, cutoff=0.5)
            offer = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(fitting)}."
            raise UnknownVoice(
                f"{self.name} has no voice {utterance.voice!r} for {utterance.language!r}; {offer}", param="voice"
            )
        if not SPEEDS[0] <= utterance.speed <= SPEEDS[1]:
            raise ProviderError(
                f"{self.name} speaks at speeds from {SPEEDS[0]:g} to {SPEEDS[1]:g}, not {utterance.speed:g}.",
                provider=self.name,
                category=FailureCategory.UNSUPPORTED,
            )


def spoken(text: str) -> str:
    """A text as Piper may be given it: on one line, without control characters; empty where there is nothing to say."""
    if not any(letter.isalnum() for letter in text):
        return ""
    plain = "".join(" " if unicodedata.category(letter) in {"Cc", "Cs", "Co", "Cn"} else letter for letter in text)
    return " ".join(plain.replace("[[", "[ [").split())  # two brackets would begin phonemes
