"""One sentence on its way to becoming sound: an errand that any synthesizer of the chain may do, or finish."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace

from segue.clock import Clock
from segue.errors import FailureCategory, ProviderError
from segue.records import AttemptOutcome, Mark, SynthesisAttempt
from segue.voice.attempt import Ending, since_ms
from segue.voice.audio import SAMPLE_RATE, Resampler, Shaper, milliseconds, silence
from segue.voice.cache import AudioCache
from segue.voice.casting import Casting
from segue.voice.chain import Chain
from segue.voice.kept import CacheKey
from segue.voice.lineup import Lineup
from segue.voice.pace import Paces, longest_ms
from segue.voice.pipe import Pipe
from segue.voice.ports import Speech, Synthesizer, Utterance
from segue.voice.resumption import GAP_MS, remainder
from segue.voice.soundness import Finding, audible, clipping, sanity
from segue.voice.timeline import Timeline

BYTES_PER_SECOND = SAMPLE_RATE * 2
PIPE_S = 30.0


@dataclass(frozen=True, slots=True)
class Sentence:
    """One piece of a reply: `text` as the model wrote it, `spoken` as a voice can say it, `pause_ms` before it.

    `writer` is the language model that wrote it; empty where the text was brought by the caller.
    """

    seq: int
    text: str
    spoken: str
    pause_ms: float = 0.0
    writer: str = ""


@dataclass(frozen=True, slots=True)
class Voicing:
    """Who speaks: the label of every byte of sound. `resumed`: it finishes what another provider began."""

    provider: str
    model: str
    voice: str
    resumed: bool = False
    cached: bool = False


@dataclass(frozen=True, slots=True)
class Manner:
    """How the sentences of one reply are to be spoken. `paced` holds synthesis back to the listener's own speed."""

    language: str
    casting: Casting
    lineup: Lineup
    speed: float = 1.0
    paced: bool = True
    epoch: int = 0
    """The policy under which the reply is spoken; audio kept under another is not used."""
    cached: bool = True
    """Whether what was kept is used, and what is spoken kept."""


@dataclass(frozen=True, slots=True)
class Studio:
    """What every rendering needs: the chain, the paces learnt so far, and the cache where there is one."""

    chain: Chain[Synthesizer]
    paces: Paces
    clock: Clock
    cache: AudioCache | None = None
    hedge_s: float | None = None


class Rendering:
    """A sentence being spoken. `run` fills `pipe`; every byte in it is labelled with who spoke it."""

    def __init__(self, sentence: Sentence, manner: Manner, studio: Studio, timeline: Timeline) -> None:
        self.sentence = sentence
        self.pipe: Pipe[Voicing] = Pipe(int(PIPE_S * BYTES_PER_SECOND))
        self.task: asyncio.Task[None] | None = None
        self.priority = sentence.seq
        self.hedge_s = studio.hedge_s if sentence.seq == 0 else None
        self._manner = manner
        self._studio = studio
        self._timeline = timeline
        self._text = sentence.spoken
        """What is still to be said."""
        self._stumbled: set[str] = set()
        """Who failed at it."""
        self._asked: dict[str, str] = {}
        self._voicing: Voicing | None = None
        self._shaper = Shaper()
        self._resampler: Resampler | None = None
        self._came: list[Speech] = []
        self._audible: set[str] = set()
        self._came_ms: dict[str, float] = {}
        """By provider, for a hedge has two at once: who has been heard, and how much audio came."""
        self._resumed = False
        self._cached = False
        self._attempt_ms = 0.0
        self._begun = False

    async def run(self) -> None:
        """Speak the sentence into the pipe; a failure is raised to the pipe's reader, in its place."""
        manner = self._manner
        began = self._studio.clock.now()
        try:
            speeches = self._studio.chain.run(self, manner.lineup.order, manner.casting.unsuitable)
            async with aclosing(speeches):
                async for speech in speeches:
                    await self._take(speech)
            if self._cached:
                await self._finish_shape()
                elapsed_ms = (self._studio.clock.now() - began) * 1000.0
                self._note(Ending("", AttemptOutcome.CACHED, None, None, None, round(elapsed_ms, 3), False, began))
            self.pipe.end()
        except Exception as error:
            self.pipe.end(error)

    async def begin(self, name: str, provider: Synthesizer) -> AsyncGenerator[Speech, None]:
        """See `Errand.begin`: the whole sentence, or what is missing of it once some of it was handed on."""
        await self._break_off()
        self._audible.discard(name)
        self._came_ms[name] = 0.0
        self._asked[name] = self._text
        return provider.speak(self._utterance(name, self._text))

    def weigh(self, item: Speech) -> float:
        """See `Errand.weigh`: seconds of audio, none while it is silent.

        Raises:
            ProviderError: what comes is so distorted that it must not be heard, or there is no end to it.
        """
        name, audio_ms = item.provider, milliseconds(item.pcm, item.rate)
        self._timeline.mark(Mark.FIRST_BYTE, self._studio.clock.now())
        flaw = clipping(item.pcm)
        if flaw is not None and audio_ms >= 20:
            raise self._unsound(name, flaw)
        came_ms = self._came_ms[name] = self._came_ms.get(name, 0.0) + audio_ms
        if came_ms > longest_ms(self._asked.get(name, self._text), self._manner.language, self._speed(name)):
            message = f"{name} does not come to an end with sentence {self.sentence.seq}: {came_ms:.0f} ms so far."
            raise ProviderError(message, provider=name)
        if name not in self._audible and audible(item.pcm, item.rate):
            self._audible.add(name)
        return audio_ms / 1000.0 if name in self._audible else 0.0

    async def kept(self, name: str) -> list[Speech] | None:
        """See `Errand.kept`: the whole sentence as this provider spoke it before."""
        cache = self._studio.cache
        if cache is None or not self._manner.cached or self._resumed or self.pipe.taken:
            return None
        speech = await cache.find(self._key(name))
        if speech is None or self.pipe.taken:
            return None
        self.pipe.clear()  # what another provider began, and nobody has heard
        self._begun = False
        return [speech]

    def adopt(self, name: str, *, cached: bool) -> None:
        """See `Errand.adopt`."""
        for other in self._stumbled - {name}:  # who failed and then succeeded keeps its place
            self._manner.lineup.demote(other)
        self._manner.lineup.lead(name)
        self._shaper, self._resampler, self._came, self._attempt_ms = Shaper(), None, [], 0.0
        self._text, self._cached, self._voicing = self._asked.get(name, self._text), cached, None

    async def finish(self) -> None:
        """See `Errand.finish`: flush, judge, learn, and keep what is worth it."""
        await self._finish_shape()
        pcm = b"".join(speech.pcm for speech in self._came)
        rate = self._came[0].rate if self._came else SAMPLE_RATE
        speed = self._speed(self._voicing.provider) if self._voicing else 1.0
        finding = sanity(pcm, rate, self._text, self._manner.language, speed)
        if self._voicing is None:
            if finding is not None:
                raise self._unsound("", finding)
            return
        voice = (self._voicing.provider, self._voicing.voice, self._manner.language)
        finding = finding or self._studio.paces.brevity(voice, self._text, self._attempt_ms, speed)
        if finding is not None:
            raise self._unsound(self._voicing.provider, finding)
        self._studio.paces.learn(voice, self._text, self._attempt_ms, speed)
        if self._studio.cache is not None and self._manner.cached and not self._resumed:
            self._studio.cache.keep(self._key(self._voicing.provider), self._came)

    def ended(self, ending: Ending) -> None:
        """See `Errand.ended`."""
        self._note(ending)
        if ending.outcome is AttemptOutcome.FAILED and ending.category is not FailureCategory.BAD_REQUEST:
            self._stumbled.add(ending.name)

    async def _break_off(self) -> None:
        """What was spoken so far ends here, softly, if any of it was handed on; otherwise it never was."""
        if not self._begun:
            return
        if not self.pipe.taken:
            self.pipe.clear()
            self._text = self.sentence.spoken
        elif self._voicing is not None and self._attempt_ms:
            voicing = self._voicing
            pace = self._studio.paces.of(
                (voicing.provider, voicing.voice, self._manner.language), self._speed(voicing.provider)
            )
            heard_ms = self._attempt_ms
            await self._pass(self._shaper.finish(GAP_MS))
            self._text = remainder(self._text, self._manner.language, heard_ms, pace, self._speed(voicing.provider))
            self._resumed = True
        self._voicing, self._begun = None, False

    async def _take(self, speech: Speech) -> None:
        if self._resampler is None:
            self._resampler = Resampler(speech.rate, SAMPLE_RATE)
        if self._voicing is None:
            self._voicing = Voicing(speech.provider, speech.model, speech.voice, self._resumed, self._cached)
        self._came.append(speech)
        await self._pass(self._shaper.feed(self._resampler.feed(speech.pcm)))

    async def _finish_shape(self) -> None:
        if self._resampler is not None:
            await self._pass(self._shaper.feed(self._resampler.flush()))
        await self._pass(self._shaper.finish())

    async def _pass(self, pcm: bytes) -> None:
        """Shaped audio begins with what is audible: its first byte is the first audible moment, and ends the pause."""
        if not pcm or self._voicing is None:
            return
        if not self._begun:
            self._begun = True
            self._timeline.mark(Mark.FIRST_AUDIBLE, self._studio.clock.now())
            if not self._resumed:
                await self.pipe.put(silence(self.sentence.pause_ms), self._voicing)
        self._attempt_ms += milliseconds(pcm)
        await self.pipe.put(pcm, self._voicing)

    def _utterance(self, name: str, text: str) -> Utterance:
        part = self._manner.casting.parts[name]
        return Utterance(text, self._manner.language, part.voice, self._speed(name), part.pitch_st)

    def _speed(self, name: str) -> float:
        part = self._manner.casting.parts.get(name)
        return self._manner.speed * (part.speed if part is not None else 1.0)

    def _key(self, name: str) -> CacheKey:
        utterance = self._utterance(name, self.sentence.spoken)
        about = self._studio.chain.targets[name].provider.about
        return CacheKey(
            text=utterance.text,
            provider=name,
            model=about.model,
            version=about.version,
            voice=utterance.voice,
            language=utterance.language,
            speed=utterance.speed,
            pitch_st=utterance.pitch_st,
            epoch=self._manner.epoch,
        )

    def _unsound(self, provider: str, finding: Finding) -> ProviderError:
        return ProviderError(
            f"{provider or 'The provider'} spoke sentence {self.sentence.seq} unsoundly: {finding.reason}.",
            provider=provider,
            category=finding.category,
        )

    def _note(self, ending: Ending) -> None:
        """Leave the attempt's line in the turn's record."""
        voicing = self._voicing
        mine = voicing is not None and ending.name in {"", voicing.provider}
        name = voicing.provider if voicing is not None and mine else ending.name
        part = self._manner.casting.parts.get(name)
        attempt = SynthesisAttempt(
            seq=self.sentence.seq,
            provider=name,
            model=voicing.model if voicing is not None and mine else "",
            voice=voicing.voice if voicing is not None and mine else (part.voice if part else ""),
            outcome=ending.outcome,
            characters=len(self._asked.get(name, self.sentence.spoken)),
            category=ending.category.value if ending.category else None,
            first_byte_ms=ending.first_ms,
            first_audible_ms=ending.audible_ms,
            total_ms=ending.total_ms,
            audio_ms=round(self._attempt_ms, 3) if mine else 0.0,
            began_ms=since_ms(self._timeline.began, ending.began),
        )
        self._timeline.attempts.append(replace(attempt, resumed=self._resumed, hedge=ending.hedge))
