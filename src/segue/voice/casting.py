"""Which voice each synthesizer of a chain uses for one turn: decided once, before anybody is asked. Pure.

A voice belongs to one provider, so a chain of providers needs a voice for each of them. Who has none for the language,
or none for the character, is passed by from the start: that is no failure.
"""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from segue.voice.language import base_code
from segue.voice.ports import VoiceInfo

NO_LANGUAGE = "no_language"
"""Why a provider is passed by: it has no voice for the language."""
NO_VOICE = "no_voice"
"""Why a provider is passed by: it speaks the language, but the catalogue gives the character no voice there."""


@dataclass(frozen=True, slots=True)
class Part:
    """How one provider is to speak; `speed` is relative (1.0 is normal), `pitch_st` in semitones."""

    voice: str
    speed: float = 1.0
    pitch_st: float = 0.0


@dataclass(frozen=True, slots=True)
class Casting:
    """Who speaks how in one turn: `parts` by provider, `order` of preference, and why a provider is `unsuitable`."""

    asked: str
    """Own name of the voice that was asked for; empty where none was: the language's default speaks, or a character."""
    parts: Mapping[str, Part]
    order: tuple[str, ...]
    unsuitable: Mapping[str, str] = field(default_factory=dict)

    def substituted(self, provider: str) -> bool:
        """Whether this provider speaks with another voice than was asked for.

        Where no voice was asked for none is substituted: each provider has its own default, and a character only the
        voices that the catalogue gives it.
        """
        part = self.parts.get(provider)
        return part is not None and self.asked not in {"", part.voice}


def speaks(voice: VoiceInfo, language: str) -> bool:
    """Whether a voice speaks a language, given as our code: `zh` covers voices of `cmn-CN` and of `cmn-TW`."""
    return language in voice.languages or any(base_code(code) == language for code in voice.languages)


@dataclass(frozen=True, slots=True)
class Repertoire:
    """The voices to choose from: what each provider offers, and which are meant where nobody names one."""

    voices: Mapping[str, Sequence[VoiceInfo]]
    """By provider, in the order of the chain."""
    defaults: Mapping[str, str] = field(default_factory=dict)
    """The default voice of a language. Without an entry, or where it is not there, the first provider that speaks the
    language has its own."""
    preferred: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By provider and language: the voice that a provider uses by default, or in place of another's."""
    _speaking: dict[tuple[str, str], list[VoiceInfo]] = field(default_factory=dict, init=False, repr=False)
    _called: dict[str, list[VoiceInfo]] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        """Look every voice up once: a vendor may offer hundreds, and every turn asks."""
        for provider, voices in self.voices.items():
            for voice in voices:
                self._called.setdefault(voice.name, []).append(voice)
                for language in {*voice.languages, *map(base_code, voice.languages)}:
                    self._speaking.setdefault((provider, language), []).append(voice)

    @property
    def order(self) -> tuple[str, ...]:
        """The providers, the first choice first."""
        return tuple(self.voices)

    def all(self) -> Iterator[VoiceInfo]:
        """Every voice, those of the first choice first."""
        for voices in self.voices.values():
            yield from voices

    def speaking(self, provider: str, language: str) -> Sequence[VoiceInfo]:
        """A provider's voices of a language, in its own order."""
        return self._speaking.get((provider, language), ())

    def called(self, name: str) -> Sequence[VoiceInfo]:
        """The voices that a name may mean: of every provider that has one, or of the one in `provider/voice`."""
        provider, slash, own = name.partition("/")
        if name in self._called or not slash:
            return self._called.get(name, ())
        return [voice for voice in self._called.get(own, ()) if voice.provider == provider]

    def find(self, name: str, language: str) -> VoiceInfo | None:
        """The voice that a name means in a language: where several providers have one, the first in the chain's."""
        return next((voice for voice in self.called(name) if speaks(voice, language)), None)

    def default(self, language: str) -> VoiceInfo | None:
        """The default voice of a language; None where nobody speaks it."""
        found = self.find(self.defaults[language], language) if language in self.defaults else None
        if found is not None:
            return found
        for provider in self.order:
            speaking = self.speaking(provider, language)
            if speaking:
                return self._preferred(provider, language, speaking) or speaking[0]
        return None

    def equivalent(self, provider: str, language: str, like: VoiceInfo, *, asked: bool) -> VoiceInfo | None:
        """A provider's voice in place of another's.

        It is the one of the same name where that name was asked for; else the one that is preferred; else the first of
        the same gender, where that is known; else the first that speaks the language.
        """
        speaking = self.speaking(provider, language)
        same = [voice for voice in speaking if asked and voice.name == like.name]
        gender = [voice for voice in speaking if voice.gender == like.gender and like.gender in {"female", "male"}]
        wanted = self._preferred(provider, language, speaking)
        return next(iter([*same, *([wanted] if wanted else []), *gender, *speaking]), None)

    def _preferred(self, provider: str, language: str, speaking: Sequence[VoiceInfo]) -> VoiceInfo | None:
        wanted = self.preferred.get(provider, {}).get(language)
        return next((voice for voice in speaking if voice.name == wanted), None)


def cast_voice(repertoire: Repertoire, language: str, voice: VoiceInfo, *, asked: bool) -> Casting:
    """A turn spoken with one voice, and by the other providers with their equivalents.

    Args:
        repertoire: what there is.
        language: the turn's.
        voice: one of the repertoire that speaks it.
        asked: it was named for this turn, so its provider comes first; otherwise it is the language's default, and the
            chain's order holds.
    """
    parts, unsuitable = {}, {}
    for name in repertoire.order:
        own = voice if name == voice.provider else repertoire.equivalent(name, language, voice, asked=asked)
        if own is None:
            unsuitable[name] = NO_LANGUAGE
        else:
            parts[name] = Part(own.name)
    order = repertoire.order
    if asked:
        order = (voice.provider, *(name for name in order if name != voice.provider))
    return Casting(voice.name if asked else "", parts, order, unsuitable)


def cast_character(repertoire: Repertoire, language: str, candidates: Mapping[str, Sequence[Part]]) -> Casting:
    """A turn of a character: only voices that the catalogue names, and of those only what is there.

    Args:
        repertoire: what there is.
        language: the turn's.
        candidates: by provider: the character's parts there, the first that speaks the language is taken. A provider
            without one is passed by; it never gets the first voice of its list, for the character would change sex.
    """
    parts, unsuitable = {}, {}
    for name in repertoire.order:
        there = {voice.name for voice in repertoire.speaking(name, language)}
        part = next((part for part in candidates.get(name, ()) if part.voice in there), None)
        if part is not None:
            parts[name] = part
        else:
            unsuitable[name] = NO_VOICE if there else NO_LANGUAGE
    return Casting("", parts, repertoire.order, unsuitable)


class Objection(NamedTuple):
    """Why a voice cannot be used as configured. It is `absent` where nobody can help it: no such language is there."""

    why: str
    absent: bool = False


def objection(repertoire: Repertoire, provider: str, name: str, language: str | None = None) -> Objection | None:
    """What speaks against a configured voice of a provider.

    None where nothing does, and where the provider offers no voice at all: it was left out or has not started, and
    there is no list to compare with.

    Args:
        repertoire: what there is.
        provider: one of its providers.
        name: the voice's own name.
        language: the one it is meant for; None for all that it speaks.
    """
    offered = repertoire.voices[provider]
    fitting = [voice for voice in offered if language is None or speaks(voice, language)]
    if not offered or any(voice.name == name for voice in fitting):
        return None
    if not fitting:
        spoken = ", ".join(sorted({code for voice in offered for code in voice.languages}))
        return Objection(f"{provider} has no voice for {language}; it speaks {spoken}", absent=True)
    names = [voice.name for voice in fitting]
    other = next((voice for voice in offered if voice.name == name), None)
    why = f"{provider} has no voice {name!r}"
    if other is not None:
        why = f"voice {name!r} of {provider} speaks {', '.join(other.languages)}, not {language}"
    return Objection(f"{why}; try {', '.join(near(name, names))}")


def near(name: str, names: Sequence[str]) -> list[str]:
    """Up to three names that look like a name; else the first six there are."""
    return difflib.get_close_matches(name, names, n=3) or list(names[:6])
