"""Speech from Kokoro: one neural model with many voices, from two files on this machine.

Its phonemes come from eSpeak NG, which is licensed under the GPL, so it runs in worker processes (`kokoro_worker`),
never here. It speaks English: for Chinese the library hands the model phonemes whose tones are lost, and its voices of
other languages are not ones that Segue speaks.
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

SPEEDS = (0.5, 2.0)
"""The library refuses others; with a model that was exported for whole speeds it rounds them."""
ACCENTS = {"a": ("en-us", "American"), "b": ("en-gb", "British")}
"""The first letter of an English voice's name: the language its text is read in, and what it is called."""
GENDERS = {"f": "female", "m": "male"}
"""The second letter of a voice's name, as in `af_heart` and `bm_george`."""


class KokoroSynthesizer:
    """Speaks English with the voices of the file, at 24 000 Hz.

    A sentence of up to 510 phonemes is made in one piece, a longer one in several. Leaving stops the model in the
    middle of its work.
    """

    def __init__(self, name: str, settings: vendor.KokoroSynthesizer, clock: Clock) -> None:
        self.name = name
        self._settings = settings
        self._voices: tuple[VoiceInfo, ...] = ()
        asked = {
            "model": str(settings.model),
            "voices": str(settings.voices),
            "languages": [language for language, _ in ACCENTS.values()],
            "threads": settings.threads_each(os.cpu_count() or 1),
        }
        command = (sys.executable, "-P", "-m", "segue.providers.kokoro_worker", json.dumps(asked))
        limits = Limits(start_s=settings.load_s, stop_s=settings.stop_s)
        self._pool = WorkerPool(name, command, clock, size=settings.workers, limits=limits)

    async def start(self) -> None:
        """Load the model in every worker.

        Raises:
            Unavailable: Kokoro is not installed, a file is not there or cannot be loaded, or none of its voices is
                English; the message says which.
        """
        if importlib.util.find_spec("kokoro_onnx") is None:
            raise Unavailable(f"{self.name} needs Kokoro, which is not installed: pip install 'segue[kokoro]'.")
        missing = [str(path) for path in (self._settings.model, self._settings.voices) if not path.is_file()]
        if missing:
            raise Unavailable(f"{self.name} cannot speak: there is no file {' and no file '.join(missing)}.")
        await self._pool.start()
        self._voices = tuple(_english(self._pool.about["voices"], self.name))
        if not self._voices:
            await self._pool.close()
            raise Unavailable(f"{self.name} cannot speak: {self._settings.voices} has no English voice (af_…, bm_…).")

    async def close(self) -> None:
        """End the workers; returns when no child is left."""
        await self._pool.close()

    @property
    def ready(self) -> bool:
        """Whether a sentence would be spoken now."""
        return self._pool.health().ready

    @property
    def about(self) -> About:
        """See `Synthesizer.about`. The version is that of kokoro-onnx; empty before `start`."""
        path = self._settings.model
        return About("kokoro", path.stem, str(self._pool.about.get("version", "")), str(path.parent))

    def health(self) -> PoolHealth:
        """The workers."""
        return self._pool.health()

    def voices(self) -> tuple[VoiceInfo, ...]:
        """See `Synthesizer.voices`; they are read from the file, and so there are none before `start`."""
        return self._voices

    async def speak(self, utterance: Utterance) -> AsyncGenerator[Speech, None]:
        """See `Synthesizer.speak`. A text without a letter or digit yields nothing.

        Raises:
            Unavailable: `start` was not called.
        """
        if not self._voices:
            raise Unavailable(f"{self.name} is not started.")
        self._check(utterance)
        text = spoken(utterance.text)
        if not text:
            return
        language, _ = ACCENTS[utterance.voice[0]]
        header = {"voice": utterance.voice, "language": language, "speed": utterance.speed, "text": text}
        rate = int(self._pool.about["rate"])
        async with aclosing(self._pool.stream(header)) as audio:
            async for pcm in audio:
                yield Speech(pcm, rate, self.name, self._settings.model.stem, utterance.voice)

    def _check(self, utterance: Utterance) -> None:
        """Refuse a language that is not spoken, a voice that is not there, and a speed out of range."""
        if utterance.language != "en":
            raise UnknownVoice(f"{self.name} has no voice for {utterance.language!r}: it speaks en.", param="voice")
        names = [voice.name for voice in self._voices]
        if utterance.voice not in names:
            near = difflib.get_close_matches(utterance.voice, names, n=3, cutoff=0.5)
            offer = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(names)}."
            raise UnknownVoice(f"{self.name} has no English voice {utterance.voice!r}; {offer}", param="voice")
        if not SPEEDS[0] <= utterance.speed <= SPEEDS[1]:
            raise ProviderError(
                f"{self.name} speaks at speeds from {SPEEDS[0]:g} to {SPEEDS[1]:g}, not {utterance.speed:g}.",
                provider=self.name,
                category=FailureCategory.UNSUPPORTED,
            )


def spoken(text: str) -> str:
    """A text as eSpeak NG may be given it: on one line, without control characters; empty where nothing is to be said.

    It would stop at a zero, and refuse half of a letter.
    """
    if not any(letter.isalnum() for letter in text):
        return ""
    plain = "".join(" " if unicodedata.category(letter) in {"Cc", "Cs", "Co", "Cn"} else letter for letter in text)
    return " ".join(plain.split())


def _english(names: list[str], provider: str) -> Iterator[VoiceInfo]:
    """The English voices among those of the file."""
    for name in names:
        kind = name.partition("_")[0]
        if len(kind) == 2 and kind[0] in ACCENTS and kind[1] in GENDERS:
            accent = ACCENTS[kind[0]][1]
            yield VoiceInfo(name, provider, ("en",), GENDERS[kind[1]], f"Kokoro {name}, {accent}")
