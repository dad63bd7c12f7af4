"""Providers become chains: each in its place with limits, breaker, budget and places, and a way to try it out."""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Generic

import structlog

from segue.clock import Clock
from segue.errors import ProviderError, Unavailable
from segue.settings import Settings
from segue.vendors.account import ProviderLimits, Role
from segue.voice.attempt import Limits, P, Target
from segue.voice.audio import SAMPLE_RATE
from segue.voice.breaker import Breaker, BreakerRules, Budget
from segue.voice.chain import Chain
from segue.voice.ports import LanguageModel, Message, Prompt, Recognizer, Recording, Synthesizer, Utterance
from segue.voice.roster import Roster
from segue.voice.slots import Slots
from segue.voice.soundness import sanity
from segue.wiring.providers import provide

log = structlog.get_logger("segue.wiring")

SHORT = {"en": "Good day.", "uk": "Добрий день.", "ru": "Добрый день.", "zh": "你好。"}
"""What a resting synthesizer is tried out with."""


@dataclass(frozen=True, slots=True)
class Together:
    """Teams that are started side by side, for each waits for processes of its own."""

    teams: "tuple[Team[Any], ...]"

    async def start(self) -> None:
        """Start them all.

        Raises:
            Unavailable: one of them cannot work; the others have been started by then.
        """
        results = await asyncio.gather(*(team.start() for team in self.teams), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def close(self) -> None:
        """Close them one after another, the last one first."""
        for team in reversed(self.teams):
            await team.close()


@dataclass(frozen=True, slots=True)
class Team(Generic[P]):
    """The providers of one role, as a part that is started and closed."""

    role: Role
    roster: Roster[P]
    needed: bool

    async def start(self) -> None:
        """Start every provider; one that cannot be started is left out, and that is said by name.

        Raises:
            Unavailable: none is left, and one is needed.
        """
        for target in self._targets():
            if target.out is None and hasattr(target.provider, "start"):
                try:
                    await target.provider.start()
                except Unavailable as error:
                    target.out = error.message
            if target.out is not None:
                log.error("provider left out", role=self.role, provider=target.name, reason=target.out)
        if self.needed and not self.roster.usable():
            reasons = "; ".join(f"{name}: {reason}" for name, reason in self.roster.chain.out.items())
            raise Unavailable(f"No {self.role} can be used ({reasons}).")

    async def close(self) -> None:
        """Close every provider; one that cannot be closed does not keep the others open."""
        await self.roster.chain.close()
        for target in self._targets():
            if hasattr(target.provider, "close"):
                try:
                    await target.provider.close()
                except Exception:
                    log.exception("provider not closed", role=self.role, provider=target.name)

    def _targets(self) -> Iterable[Any]:
        return self.roster.chain.targets.values()


def models(settings: Settings, clock: Clock) -> Team[LanguageModel]:
    """The language models, in the order of each profile."""
    orders = {"": settings.providers.models}
    for name, profile in (("fast", settings.voice.profiles.fast), ("quality", settings.voice.profiles.quality)):
        if profile.models or profile.auto_promote.enforce:
            orders[name] = profile.order(settings.providers.models)
    limits = settings.voice.limits
    standard = Limits(limits.first_token_s, limits.token_stall_s, limits.turn_s, "token")
    return Team("model", _roster("model", orders, settings, clock, standard, _write_a_word), needed=True)


def synthesizers(settings: Settings, clock: Clock) -> Team[Synthesizer]:
    """The synthesizers."""
    limits = settings.voice.limits
    standard = Limits(limits.first_audible_s, limits.stall_s, limits.sentence_s, "audible audio")
    orders = {"": settings.providers.synthesizers}
    return Team("synthesizer", _roster("synthesizer", orders, settings, clock, standard, _say_a_word), needed=True)


def recognizers(settings: Settings, clock: Clock) -> Team[Recognizer]:
    """The recognizers; there may be none."""
    limits = settings.voice.limits
    standard = Limits(limits.recognition_s, limits.recognition_s, limits.recognition_s, "transcript")
    orders = {"": settings.providers.recognizers}
    return Team("recognizer", _roster("recognizer", orders, settings, clock, standard, _hear_silence), needed=False)


def _roster(
    role: Role,
    orders: Mapping[str, tuple[str, ...]],
    settings: Settings,
    clock: Clock,
    standard: Limits,
    probe: Any,
) -> Roster[Any]:
    names = dict.fromkeys(name for order in orders.values() for name in order)
    targets = {name: _target(role, name, settings, clock, standard) for name in names}
    return Roster(Chain(targets, clock, probe), orders)


def _target(role: Role, name: str, settings: Settings, clock: Clock, standard: Limits) -> Target[Any]:
    provided = provide(role, name, settings.providers, clock)
    at_once = provided.at_once or settings.voice.provider_at_once.get(name)
    rules = settings.voice.breaker
    return Target(
        name=name,
        provider=provided.provider,
        limits=_limits(provided.limits, standard),
        breaker=Breaker(BreakerRules(**rules.model_dump()), since=clock.now()),
        budget=Budget(settings.voice.retry_share),
        places=Slots(at_once) if at_once else None,
        out=provided.missing,
    )


def _limits(own: ProviderLimits, standard: Limits) -> Limits:
    return Limits(
        own.first_s or standard.first_s, own.stall_s or standard.stall_s, own.total_s or standard.total_s, standard.what
    )


async def _write_a_word(model: LanguageModel) -> None:
    prompt = Prompt((Message("user", "Say: yes"),), "en", max_tokens=4)
    async with aclosing(model.stream(prompt)) as tokens:
        async for _ in tokens:
            return
    raise ProviderError(f"{model.name} wrote nothing.", provider=model.name)


async def _say_a_word(synthesizer: Synthesizer) -> None:
    voice = next(iter(synthesizer.voices()), None)
    if voice is None:
        raise ProviderError(f"{synthesizer.name} has no voice.", provider=synthesizer.name)
    language, pcm, rate = voice.languages[0], bytearray(), SAMPLE_RATE
    text = SHORT.get(language, "1")
    async with aclosing(synthesizer.speak(Utterance(text, language, voice.name))) as pieces:
        async for piece in pieces:
            pcm += piece.pcm
            rate = piece.rate
    finding = sanity(bytes(pcm), rate, text, language)
    if finding is not None:
        message = f"{synthesizer.name} spoke unsoundly: {finding.reason}."
        raise ProviderError(message, provider=synthesizer.name, category=finding.category)


async def _hear_silence(recognizer: Recognizer) -> None:
    await recognizer.hear(Recording(bytes(16_000), 16_000, recognizer.languages[0]))
