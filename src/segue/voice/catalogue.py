"""Which voice speaks: the caller's where it named one, the configured default of the language otherwise."""

import difflib
from collections.abc import Mapping, Sequence

from segue.errors import ConfigurationError, UnknownCharacter, UnknownVoice
from segue.voice.casting import Casting, Repertoire, cast_voice
from segue.voice.ports import VoiceInfo


class Catalogue:
    """The voices that can be asked for. A voice that is not there fails closed, it is never replaced silently."""

    def __init__(self, voices: Sequence[VoiceInfo], defaults: Mapping[str, str], languages: Sequence[str]) -> None:
        self.voices = tuple(voices)
        self._by_name = {voice.name: voice for voice in voices}
        self._defaults = dict(defaults)
        for language in languages:
            default = self._by_name.get(self._defaults[language])
            if default is None or language not in default.languages:
                raise ConfigurationError(
                    f"voice.voices.{language}: no configured synthesizer has a voice {self._defaults[language]!r} for"
                    f" {language}; it has {', '.join(v.name for v in self.of(language)) or 'none'}."
                )

    def of(self, language: str) -> tuple[VoiceInfo, ...]:
        """The voices of a language."""
        return tuple(voice for voice in self.voices if language in voice.languages)

    def choose(self, name: str | None, language: str) -> VoiceInfo:
        """The voice for a turn.

        Raises:
            UnknownVoice: no such voice, or it does not speak the language; the message names what there is.
        """
        if name is None:
            return self._by_name[self._defaults[language]]
        voice = self._by_name.get(name)
        names = [voice.name for voice in self.of(language)]
        if voice is None:
            near = difflib.get_close_matches(name, names, n=3) or names[:6]
            raise UnknownVoice(f"There is no voice {name!r}; for {language} try {', '.join(near)}.", param="voice")
        if language not in voice.languages:
            raise UnknownVoice(
                f"Voice {name!r} speaks {', '.join(voice.languages)}, not {language}; try {', '.join(names[:6])}.",
                param="voice",
            )
        return voice

    def by_gender(self, gender: str, language: str) -> VoiceInfo:
        """The first voice of a language with this gender; `default`, or one that is not there, gives the default."""
        for voice in self.of(language):
            if voice.gender == gender:
                return voice
        return self.choose(None, language)

    def language_of(self, name: str) -> str | None:
        """The language of a voice that speaks only one, so that naming the voice is enough."""
        voice = self._by_name.get(name)
        return voice.languages[0] if voice is not None and len(voice.languages) == 1 else None

    def cast(self, language: str, voice: str | None = None, character: str | None = None, variant: str = "") -> Casting:
        """Who speaks how in one turn."""
        self.refuse_character(character)
        asked = self.choose(voice, language)
        by: dict[str, list[VoiceInfo]] = {}
        for each in self.voices:
            by.setdefault(each.provider, []).append(each)
        return cast_voice(Repertoire(by, self._defaults), language, asked, asked=voice is not None)

    def refuse_character(self, name: str | None) -> None:
        """Characters are named in a catalogue file; without one every name is unknown.

        Raises:
            UnknownCharacter: always, unless no character was asked for.
        """
        if name is not None:
            raise UnknownCharacter(f"There is no character {name!r}; no characters are configured.", param="character")
