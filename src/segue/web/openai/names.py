"""OpenAI's names and Segue's own, and what each of them means here."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from segue.configuration import OpenAINames
from segue.errors import UnknownModel, UnknownVoice
from segue.voice.plane import VoicePlane

OWN = "segue"
"""Means "what is configured", for each kind of model."""

_SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}\Z")


@dataclass(frozen=True, slots=True)
class ModelName:
    """A name that can be asked for, and the provider that answers to it."""

    id: str
    provider: str


@dataclass(frozen=True, slots=True)
class VoiceName:
    """A voice name that can be asked for. OpenAI's own names speak every language: for them `language` is `auto`."""

    id: str
    provider: str
    language: str
    gender: str


class Names:
    """Looks names up; one for the process. Which provider goes first, and which are switched off, may change meanwhile.

    The name of a provider that is switched off is still known: another one does what is asked of it. A dated snapshot
    of a configured name (`gpt-4o-mini-tts-2025-12-15`) means the same as the name.
    """

    def __init__(self, plane: VoicePlane, names: OpenAINames) -> None:
        self._plane = plane
        self._names = names

    @property
    def speech_models(self) -> tuple[ModelName, ...]:
        """Every model that speaks."""
        return tuple(self._speech.values())

    @property
    def models(self) -> tuple[ModelName, ...]:
        """Every model of any kind."""
        return tuple({**self._speech, **self._hearing, **self._chat}.values())

    @property
    def _speech(self) -> dict[str, ModelName]:
        speaking = dict.fromkeys(voice.provider for voice in self._plane.catalogue.voices)
        return _table(self._names.speech_models, tuple(speaking))

    @property
    def _hearing(self) -> dict[str, ModelName]:
        recognizers = self._plane.hearing.recognizers.present()
        return _table(self._names.transcription_models, recognizers) if recognizers else {}

    @property
    def _chat(self) -> dict[str, ModelName]:
        return _table(self._names.chat_models, self._plane.models.present())

    def model(self, name: str) -> ModelName:
        """A model of any kind.

        Raises:
            UnknownModel: there is none of this name.
        """
        return _find({model.id: model for model in self.models}, name, "model")

    def speech_model(self, name: str) -> ModelName:
        """A model that speaks.

        Raises:
            UnknownModel: none of this name speaks.
        """
        return _find(self._speech, name, "speech model")

    def transcription_model(self, name: str) -> ModelName:
        """A model that listens. Where no recognizer is configured every configured name passes: hearing says so itself.

        Raises:
            UnknownModel: none of this name listens.
        """
        table = self._hearing or _table(self._names.transcription_models, ("",))
        return _find(table, name, "transcription model")

    def chat(self, name: str) -> tuple[str, str]:
        """The profile of a name, and the language model it insists on: a provider's own name means that provider first.

        Raises:
            UnknownModel: no chat model has this name.
        """
        found = _find(self._chat, name, "chat model")
        profile = self._names.chat_models.get(found.id, self._plane.settings.profile)
        return profile, found.provider if found.id == found.provider else ""

    def voice(self, name: str, language: str | None, text: str) -> tuple[str, str]:
        """The configured voice for a name, and the language it will speak.

        Raises:
            UnknownVoice: neither OpenAI nor any configured provider has a voice of this name.
            UnknownLanguage: the language is not configured.
        """
        if self._plane.catalogue.has(name):
            return name, self._plane.language(language, text, name)
        gender = self._names.voices.get(name)
        if gender is None:
            near = difflib.get_close_matches(name, [voice.id for voice in self.voices], n=3)
            try_these = ", ".join(near or self._names.voices or [voice.id for voice in self.voices[:6]])
            raise UnknownVoice(
                f"There is no voice {name!r}; try {try_these}. GET /v1/audio/voices lists all.", param="voice"
            )
        spoken_in = self._plane.language(language, text)
        return self._plane.catalogue.by_gender(gender, spoken_in).name, spoken_in

    @property
    def voices(self) -> tuple[VoiceName, ...]:
        """Every voice name: OpenAI's own, then those of the providers as they are offered now."""
        own = [
            VoiceName(voice.name, voice.provider, voice.languages[0], voice.gender)
            for voice in self._plane.catalogue.voices
            if voice.provider not in self._plane.speech.chain.out
        ]
        taken = {voice.id for voice in own}
        mapped = [
            VoiceName(name, OWN, "auto", gender if gender != "default" else "unknown")
            for name, gender in self._names.voices.items()
            if name not in taken
        ]
        return (*mapped, *own)


def _table(aliases: Iterable[str], providers: tuple[str, ...]) -> dict[str, ModelName]:
    """Names by id; an alias and Segue's own name mean the first provider."""
    first = providers[0] if providers else ""
    return {
        **{name: ModelName(name, first) for name in (*aliases, OWN)},
        **{name: ModelName(name, name) for name in providers if name},
    }


def _find(table: dict[str, ModelName], name: str, kind: str) -> ModelName:
    found = table.get(name) or table.get(_SNAPSHOT.sub("", name))
    if found is None:
        raise UnknownModel(f"There is no {kind} {name!r}; there are {', '.join(table)}.", param="model")
    return found
