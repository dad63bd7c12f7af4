"""Which voice each synthesizer of a chain uses for one turn: decided once, before anybody is asked. Pure.

A voice belongs to one provider, so a chain of providers needs a voice for each of them. Who has none for the language,
or none for the character, is passed by from the start: that is no failure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from segue.voice.ports import VoiceInfo

NO_LANGUAGE = "no_language"
NO_VOICE = "no_voice"


@dataclass(frozen=True, slots=True)
class Part:
    """How one provider is to speak; `speed` is relative, `pitch_st` in semitones."""

    voice: str
    speed: float = 1.0
    pitch_st: float = 0.0


@dataclass(frozen=True, slots=True)
class Casting:
    """Who speaks how: `parts` by provider, `order` of preference, and why a provider is `unsuitable`."""

    asked: str
    parts: Mapping[str, Part]
    order: tuple[str, ...]
    unsuitable: Mapping[str, str] = field(default_factory=dict)
    character: bool = False

    def substituted(self, provider: str) -> bool:
        """Whether this provider speaks with another voice than was asked for; a character keeps its own voices."""
        part = self.parts.get(provider)
        return part is not None and not self.character and part.voice != self.asked


def cast_voice(
    voices: Mapping[str, Sequence[VoiceInfo]],
    order: Sequence[str],
    language: str,
    owner: str,
    asked: VoiceInfo,
    *,
    expressly: bool,
    preferred: Mapping[str, Mapping[str, str]] | None = None,
) -> Casting:
    """A turn for which one voice was chosen, by the caller (`expressly`) or as the language's default.

    The other providers get the voice that is `preferred` for them, or the first of the same gender.
    """
    parts: dict[str, Part] = {}
    unsuitable: dict[str, str] = {}
    for name in order:
        if name == owner:
            parts[name] = Part(asked.name)
            continue
        speaking = [voice for voice in voices[name] if language in voice.languages]
        wanted = (preferred or {}).get(name, {}).get(language)
        alike = [voice for voice in speaking if voice.name == wanted]
        alike = alike or [voice for voice in speaking if voice.gender == asked.gender] or speaking
        if alike:
            parts[name] = Part(alike[0].name)
        else:
            unsuitable[name] = NO_LANGUAGE
    first = (owner, *(name for name in order if name != owner)) if expressly else tuple(order)
    return Casting(asked.name, parts, first, unsuitable)


def cast_character(order: Sequence[str], named: str, parts: Mapping[str, Part]) -> Casting:
    """A turn of a character: only voices that the catalogue gives it; who has none is passed by."""
    unsuitable = {name: NO_VOICE for name in order if name not in parts}
    return Casting(named, parts, tuple(order), unsuitable, character=True)
