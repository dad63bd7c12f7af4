"""Which voice speaks: the caller's where it named one, a character's, or the default of the language."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from segue.errors import ConfigurationError, InvalidRequest, UnknownCharacter, UnknownVoice
from segue.voice.casting import Casting, Objection, Repertoire, cast_character, cast_voice, near, objection
from segue.voice.characters import ANY, Character, Characters, Finding, check
from segue.voice.ports import VoiceInfo


class Catalogue:
    """The voices and characters that can be asked for. One that is not there fails closed, it is never replaced.

    A voice is asked for by its own name, or as `provider/voice`; where several providers have one of the same name, it
    is that of the first in the chain which speaks the language.
    """

    def __init__(
        self,
        voices: Sequence[VoiceInfo],
        defaults: Mapping[str, str],
        languages: Sequence[str],
        *,
        order: Sequence[str] = (),
        preferred: Mapping[str, Mapping[str, str]] | None = None,
        characters: Characters | None = None,
        elsewhere: Collection[str] = (),
        pending: Collection[str] = (),
    ) -> None:
        """Check everything that is configured against what the providers offer.

        Args:
            voices: what the providers offer.
            defaults: the default voice of a language; one without an entry has the first that is offered.
            languages: those that listeners may use.
            order: the chain's providers, also those that offer nothing; as they come in `voices` when empty.
            preferred: by provider and language, the voice that a provider uses by default or in place of another's.
            characters: what was read from the catalogue file.
            elsewhere: synthesizers that are configured, but not in the chain: naming them is no mistake.
            pending: providers that learn what they offer when they start; they are checked in `renew`.

        Raises:
            ConfigurationError: a voice or a provider that is named is not there; every such place is in the message.
        """
        self.languages = tuple(languages)
        self.characters = characters or Characters()
        self._order = tuple(order)
        self._elsewhere = frozenset(elsewhere)
        self._defaults, self._preferred = dict(defaults), dict(preferred or {})
        self._repertoire = self._grouped(voices)
        findings = list(self._findings(frozenset(pending)))
        if findings:
            raise ConfigurationError("\n".join(finding.message for finding in findings))

    def renew(self, voices: Sequence[VoiceInfo]) -> tuple[str, ...]:
        """Take over what the providers offer now that they have started, and check everything again.

        Returns:
            Sentences about what is configured and cannot be spoken here because the whole language is missing (an
            engine without the dictionary of one, for example): something to be told, nothing to stop for.

        Raises:
            ConfigurationError: a voice that is named is not there; the voices stay as they were.
        """
        before, self._repertoire = self._repertoire, self._grouped(voices)
        findings = list(self._findings(frozenset()))
        wrong = [finding.message for finding in findings if not finding.absent]
        if wrong:
            self._repertoire = before
            raise ConfigurationError("\n".join(wrong))
        return tuple(finding.message for finding in findings)

    def arrange(self, order: Sequence[str]) -> None:
        """Prefer the providers in this order from now on."""
        self._order = tuple(order)
        self._repertoire = self._grouped(tuple(self._repertoire.all()))

    @property
    def voices(self) -> tuple[VoiceInfo, ...]:
        """Every voice, those of the chain's first provider first."""
        return tuple(self._repertoire.all())

    def of(self, language: str) -> tuple[VoiceInfo, ...]:
        """The voices of a language."""
        there = self._repertoire
        return tuple(voice for name in there.order for voice in there.speaking(name, language))

    def has(self, name: str) -> bool:
        """Whether a name, bare or as `provider/voice`, means a voice."""
        return bool(self._repertoire.called(name))

    def choose(self, name: str | None, language: str) -> VoiceInfo:
        """The voice that is asked for, or that speaks where none is.

        Raises:
            UnknownVoice: no such voice, or it does not speak the language; the message names what there is.
        """
        if name is None:
            return self._heard(self.cast(language), language)
        voice = self._repertoire.find(name, language)
        if voice is not None:
            return voice
        names = list(dict.fromkeys(each.name for each in self.of(language)))
        called = self._repertoire.called(name)
        if called:
            spoken = ", ".join(dict.fromkeys(code for each in called for code in each.languages))
            raise UnknownVoice(f"Voice {name!r} speaks {spoken}, not {language}; {_try(names[:6])}.", param="voice")
        raise UnknownVoice(
            f"There is no voice {name!r}; for {language} {_try(near(name.rpartition('/')[2], names))}.", param="voice"
        )

    def by_gender(self, gender: str, language: str) -> VoiceInfo:
        """The first voice of a language with this gender; `default`, or one that is not there, gives the default."""
        for voice in self.of(language):
            if voice.gender == gender:
                return voice
        return self.choose(None, language)

    def language_of(self, name: str) -> str | None:
        """The language of a voice that speaks only one, so that naming the voice is enough."""
        codes = {code for voice in self._repertoire.called(name) for code in voice.languages}
        return codes.pop() if len(codes) == 1 else None

    def language_of_character(self, key: str) -> str | None:
        """The language of a character that speaks only one, so that naming the character is enough."""
        character = self.characters.by_key.get(key)
        spoken = self._spoken(character) if character is not None else ()
        return spoken[0] if len(spoken) == 1 else None

    def cast(self, language: str, voice: str | None = None, character: str | None = None, variant: str = "") -> Casting:
        """Who speaks how in one turn.

        Args:
            language: the turn's, one of ours.
            voice: the name that was asked for.
            character: its key; it says which voices there are, so only one of the two can be asked for.
            variant: the one that the routing table gives the listener; a character may have voices of its own in it.

        Raises:
            UnknownVoice: there is no such voice, or neither it nor anybody else speaks the language.
            UnknownCharacter: there is no such character.
            InvalidRequest: a voice and a character were asked for.
        """
        if character is not None:
            if voice is not None:
                raise InvalidRequest("Ask for a voice or for a character, not for both.", param="character")
            return self._of_character(character, language, variant)
        asked = self.choose(voice, language) if voice is not None else self._repertoire.default(language)
        if asked is None:
            raise UnknownVoice(f"No synthesizer here speaks {language}.", param="language")
        return cast_voice(self._repertoire, language, asked, asked=voice is not None)

    def listed(self) -> list[dict[str, Any]]:
        """The characters as plain values: key, names and descriptions by language, languages, manner and voices."""
        return [
            {
                "key": key,
                "names": {code: _text(character.name, code) or key for code in self.languages},
                "descriptions": {code: _text(character.description, code) for code in self.languages},
                "languages": list(self._spoken(character)),
                "speed": character.speed,
                "pitch_st": character.pitch_st,
                "voices": {provider: dict(voices) for provider, voices in character.voices.items()},
                "variants": list(character.variants),
            }
            for key, character in self.characters.by_key.items()
        ]

    def _of_character(self, key: str, language: str, variant: str) -> Casting:
        character = self.characters.by_key.get(key)
        if character is None:
            keys = list(self.characters.by_key)
            there = f"try {', '.join(near(key, keys))}" if keys else "no characters are configured"
            raise UnknownCharacter(f"There is no character {key!r}; {there}.", param="character")
        casting = cast_character(self._repertoire, language, character.candidates(language, variant))
        if not casting.parts:
            spoken = ", ".join(self._spoken(character)) or "nothing with the providers that are here"
            raise UnknownVoice(f"Character {key!r} has no voice for {language}; it speaks {spoken}.", param="character")
        return casting

    def _spoken(self, character: Character) -> tuple[str, ...]:
        """The languages for which a character has a voice that is there."""
        return tuple(
            code for code in self.languages if cast_character(self._repertoire, code, character.candidates(code)).parts
        )

    def _heard(self, casting: Casting, language: str) -> VoiceInfo:
        """The voice of the first choice."""
        first = next(name for name in casting.order if name in casting.parts)
        part = casting.parts[first]
        return next(voice for voice in self._repertoire.speaking(first, language) if voice.name == part.voice)

    def _grouped(self, voices: Sequence[VoiceInfo]) -> Repertoire:
        by_provider: dict[str, list[VoiceInfo]] = {name: [] for name in self._order}
        for voice in voices:
            by_provider.setdefault(voice.provider, []).append(voice)
        return Repertoire(by_provider, self._defaults, self._preferred)

    def _findings(self, pending: frozenset[str]) -> Iterator[Finding]:
        """Whatever is configured and not there."""
        incomplete = bool(pending) or not all(self._repertoire.voices.values())
        for language in self.languages:
            yield from self._default_findings(language, incomplete=incomplete)
        for provider, voices in self._preferred.items():
            if provider in self._elsewhere | pending:
                continue
            place = f"voice.provider_voices.{provider}"
            if provider not in self._repertoire.voices:
                there = ", ".join(near(provider, self._repertoire.order))
                yield Finding(f"{place}: there is no synthesizer {provider!r}; try {there}.")
                continue
            for language, name in voices.items():
                found: Objection | None = objection(self._repertoire, provider, name, language)
                if found is not None:
                    yield Finding(f"{place}.{language}: {found.why}.", found.absent)
        yield from check(self.characters, self._repertoire, self._elsewhere | pending)

    def _default_findings(self, language: str, *, incomplete: bool) -> Iterator[Finding]:
        """A default that nobody has, or a language without any voice. Who offers nothing yet, or today, may have it."""
        name = self._defaults.get(language)
        there = list(dict.fromkeys(voice.name for voice in self.of(language)))
        if incomplete:
            return
        if name is None and not there:
            yield Finding(f"voice.languages: no configured synthesizer speaks {language}.", absent=True)
        elif name is not None and self._repertoire.find(name, language) is None:
            yield Finding(
                f"voice.voices.{language}: no configured synthesizer has a voice {name!r} for {language}; it has"
                f" {', '.join(there) or 'none'}.",
                absent=not there,
            )


def _try(names: Sequence[str]) -> str:
    return f"try {', '.join(names)}" if names else "there is none"


def _text(texts: Mapping[Any, str], language: str) -> str:
    """The text of a language; else the one for all, the English one, or any."""
    return next((texts[code] for code in (language, ANY, "en") if code in texts), next(iter(texts.values()), ""))
