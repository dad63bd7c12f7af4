"""Whoever writes, speaks and hears: the three teams of a server, and what is made of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from segue.clock import Clock
from segue.providers.worker import PoolHealth
from segue.records import Recognition
from segue.settings import Settings
from segue.voice.cache import AudioCache
from segue.voice.catalogue import Catalogue
from segue.voice.characters import read
from segue.voice.hearing import Hearing
from segue.voice.pace import Paces
from segue.voice.ports import LanguageModel, Recognizer, Synthesizer, VoiceInfo
from segue.voice.rendering import Studio
from segue.voice.speaking import Speaker
from segue.wiring.chains import Team, models, recognizers, synthesizers

BUILT_IN = ("espeak", "scripted")
"""Synthesizers that need no entry in the settings."""


@dataclass(frozen=True, slots=True)
class Ensemble:
    """The teams, nothing of them started yet."""

    writing: Team[LanguageModel]
    speech: Team[Synthesizer]
    listening: Team[Recognizer]
    speaker: Speaker
    hearing: Hearing
    catalogue: Catalogue

    @property
    def roles(self) -> Mapping[str, Team[Any]]:
        """The teams by role."""
        return {"model": self.writing, "synthesizer": self.speech, "recognizer": self.listening}

    def pools(self) -> dict[str, Callable[[], PoolHealth]]:
        """The providers that have processes of their own, by name, and how these are."""
        providers = [target.provider for team in self.roles.values() for target in team.roster.chain.targets.values()]
        return {each.name: each.health for each in providers if hasattr(each, "health")}

    def health(self) -> dict[str, Any]:
        """How each team is, as plain values."""
        return _health(self.writing, self.speech, self.listening)


def ensemble(
    settings: Settings, clock: Clock, cache: AudioCache, heard: Callable[[Recognition], None] | None = None
) -> Ensemble:
    """Put the teams together; `heard` is told of each recognition that is over.

    Raises:
        ConfigurationError: a provider, a voice or a character that is named is not there.
    """
    writing, speech, listening = models(settings, clock), synthesizers(settings, clock), recognizers(settings, clock)
    voice = settings.voice
    hedge_s = voice.hedge_first_ms / 1000.0 if voice.hedge_first_ms else None
    speaker = Speaker(Studio(speech.roster.chain, Paces(), clock, cache, hedge_s), voice)
    hearing = Hearing(listening.roster, voice, heard)
    return Ensemble(writing, speech, listening, speaker, hearing, _catalogue(settings, speech))


def offered(speech: Team[Synthesizer]) -> list[VoiceInfo]:
    """Every voice, those of the first choice first."""
    targets = speech.roster.chain.targets
    return [voice for name in speech.roster.ranked() for voice in targets[name].provider.voices()]


def _catalogue(settings: Settings, speech: Team[Synthesizer]) -> Catalogue:
    """The voices and characters, checked as far as providers know theirs before they start.

    Raises:
        ConfigurationError: a voice, a character or a provider that is named is not there.
    """
    voice, chain = settings.voice, speech.roster.order()
    named = settings.providers.named
    return Catalogue(
        offered(speech),
        voice.voices,
        voice.languages,
        order=chain,
        preferred=voice.provider_voices,
        characters=read(voice.characters) if voice.characters is not None else None,
        elsewhere=[
            name
            for name in (*BUILT_IN, *(name for name, each in named.items() if each.role == "synthesizer"))
            if name not in chain
        ],
        pending=[name for name in chain if name in named],
    )


def _health(models: Team[LanguageModel], speech: Team[Synthesizer], hearing: Team[Recognizer]) -> dict[str, Any]:
    return {
        "model": {"name": models.roster.first().name},
        "synthesis": {"name": speech.roster.first().name, **_state(speech)},
        "recognition": {
            "name": hearing.roster.first().name if hearing.roster.usable() else None,
            "languages": list(
                dict.fromkeys(
                    code
                    for name in hearing.roster.usable()
                    for code in hearing.roster.chain.targets[name].provider.languages
                )
            ),
            **_state(hearing),
        },
    }


def _state(team: Team[Any]) -> dict[str, Any]:
    """How a team is: ready if anybody in it is. What has no processes of its own is always ready."""
    targets = [team.roster.chain.targets[name] for name in team.roster.ranked()]
    if not targets:
        return {"ready": False, "detail": "none is configured"}
    ready = any(target.unusable is None and getattr(target.provider, "ready", True) for target in targets)
    details = [why for target in targets if (why := target.unusable) is not None]
    state: dict[str, Any] = {"ready": ready, "detail": ""}
    for target in targets:
        if hasattr(target.provider, "health") and target.unusable is None:
            pool: PoolHealth = target.provider.health()
            details += [worker.last_error for worker in pool.workers if worker.last_error and not worker.ready]
            state["waiting"] = pool.waiting
            state["workers"] = [
                {"pid": worker.pid, "ready": worker.ready, "restarts": worker.restarts} for worker in pool.workers
            ]
    return {**state, "detail": "" if ready or not details else details[0]}
