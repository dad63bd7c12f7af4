"""The voices of Microsoft Edge's read-aloud: no account, no price, and no promise that they are there tomorrow.

The service is meant for the browser. What is known of it comes from the public client library, which is pinned; why the
conversation with it is nevertheless held here is written in docs/decisions/0009.
"""

import difflib
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from urllib.parse import urlsplit

import structlog

from segue.clock import Clock
from segue.errors import FailureCategory, ProviderError, UnknownVoice
from segue.providers.edge_line import EdgeLine
from segue.providers.edge_line_library import PINNED, installed, spoken
from segue.providers.edge_mp3 import SLICE_BYTES, Mp3, NotThis
from segue.providers.edge_voices import known, listed
from segue.vendors import edge as vendor
from segue.voice.language import base_code
from segue.voice.ports import About, Speech, Utterance, VoiceInfo

log = structlog.get_logger(__name__)

MODEL = "edge-read-aloud"
PLACE = "speech.platform.bing.com"
RATE = 24_000
SPEEDS = (0.5, 2.0)
"""Azure's documentation of the same voices names these limits."""
LONGEST_BYTES = 4_096
"""Of one text, escaped; the library asks for no more at once either."""
TYPICAL_HZ = {"female": 210.0, "male": 120.0}
"""Pitch is shifted by hertz, so a semitone needs a pitch to start from: the usual one of an adult's speech."""


class EdgeSynthesizer:
    """Speaks at 24 kHz, each sentence over a connection of its own, as the browser does."""

    def __init__(self, name: str, settings: vendor.EdgeSynthesizer, clock: Clock) -> None:
        self.name = name
        self.listed = False
        """Whether `voices` is the service's own list, and not the table that stands in for it."""
        url = urlsplit(settings.url)
        self._place = f"{url.hostname}:{url.port}" if url.port else url.hostname or PLACE
        self._line = EdgeLine(name, settings.url, clock, connect_s=settings.limits.connect_s)
        self._voices = known(name)

    async def start(self) -> None:
        """Get the list of voices, within the time in which a connection has to stand; without it there is a table.

        Raises:
            Unavailable: the client library is not installed, or is one that cannot be used.
        """
        if self._line.started:
            return
        await self._line.start()
        try:
            voices = listed(json.loads(await self._line.voices()), self.name)
        except (ProviderError, ValueError) as error:
            reason = error.message if isinstance(error, ProviderError) else "it is no JSON"
            log.warning("the list of voices cannot be had, a table stands in for it", provider=self.name, reason=reason)
            return
        if voices:
            self._voices, self.listed = voices, True

    async def close(self) -> None:
        """Close every connection."""
        await self._line.close()

    @property
    def about(self) -> About:
        """See `Synthesizer.about`. The version is that of the client library."""
        version = installed()
        if version not in ("", PINNED):
            version += f" (Segue was written against {PINNED})"
        return About("edge", MODEL, version, self._place)

    def voices(self) -> tuple[VoiceInfo, ...]:
        """See `Synthesizer.voices`."""
        return tuple(self._voices.values())

    async def speak(self, utterance: Utterance) -> AsyncGenerator[Speech, None]:
        """See `Synthesizer.speak`. A text without a letter or digit is not sent: the service answers it with nothing.

        Raises:
            Unavailable: `start` was not called.
        """
        voice = self._voice(utterance)
        text = self._text(utterance)
        if not any(character.isalnum() for character in utterance.text):
            return
        rate = f"{round((utterance.speed - 1) * 100):+d}%"
        typical_hz = TYPICAL_HZ.get(voice.gender, TYPICAL_HZ["female"])
        pitch = f"{round(typical_hz * (2 ** (utterance.pitch_st / 12) - 1)):+d}Hz"
        decoder = Mp3(RATE)
        try:
            async with aclosing(self._line.say(text, voice.name, rate, pitch)) as pieces:
                async for piece in pieces:
                    for at in range(0, len(piece), SLICE_BYTES):
                        pcm = decoder.push(piece[at : at + SLICE_BYTES])
                        if pcm:
                            yield Speech(pcm, RATE, self.name, MODEL, voice.name)
            pcm = decoder.finish()
        except NotThis as what:
            raise self._line.failure(f"sent {what}", FailureCategory.SERVER) from None
        if pcm:
            yield Speech(pcm, RATE, self.name, MODEL, voice.name)

    def _voice(self, utterance: Utterance) -> VoiceInfo:
        language = base_code(utterance.language)
        fitting = [name for name, voice in self._voices.items() if language in voice.languages]
        if utterance.voice in fitting:
            return self._voices[utterance.voice]
        if not fitting:
            raise UnknownVoice(f"{self.name} has no voice for {utterance.language!r}.", param="voice")
        near = difflib.get_close_matches(utterance.voice, fitting, n=3, cutoff=0.5)
        offer = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(fitting[:12])}."
        why = "" if self.listed else " Its own list could not be had at start."
        raise UnknownVoice(
            f"{self.name} has no voice {utterance.voice!r} for {utterance.language!r}; {offer}{why}", param="voice"
        )

    def _text(self, utterance: Utterance) -> str:
        """The text as it is sent.

        Raises:
            ProviderError: it is longer, or to be faster or slower, than the service takes.
        """
        text = spoken(utterance.text)
        size = len(text.encode())
        why = ""
        if size > LONGEST_BYTES:
            why = f"takes {LONGEST_BYTES} bytes of text at once, not {size}"
        elif not SPEEDS[0] <= utterance.speed <= SPEEDS[1]:
            why = f"speaks at speeds from {SPEEDS[0]:g} to {SPEEDS[1]:g}, not {utterance.speed:g}"
        if why:
            raise self._line.failure(why, FailureCategory.UNSUPPORTED)
        return text
