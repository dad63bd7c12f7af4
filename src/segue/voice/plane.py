"""The voice plane as its doors see it: requests are checked here, before a turn begins."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from segue.configuration import VoiceSettings
from segue.errors import InvalidRequest, TooLarge
from segue.records import PROBE
from segue.voice.ask import Ask, Probe
from segue.voice.catalogue import Catalogue
from segue.voice.encoding import available
from segue.voice.files import VoiceFiles
from segue.voice.hearing import Hearing
from segue.voice.language import base_code, resolve
from segue.voice.lookout import Lookout
from segue.voice.ports import LanguageModel, Message, Recording, Synthesizer, TurnStore
from segue.voice.reporting import Reports
from segue.voice.roster import Roster
from segue.voice.speaking import Speaker
from segue.voice.switch import Switch
from segue.voice.turn import Turns


@dataclass(frozen=True, slots=True)
class VoicePlane:
    """Everything a door needs to serve voice. `health` tells the state of each provider as plain values."""

    settings: VoiceSettings
    turns: Turns
    speech: Roster[Synthesizer]
    speaker: Speaker
    hearing: Hearing
    catalogue: Catalogue
    models: Roster[LanguageModel]
    records: TurnStore
    reports: Reports
    lookout: Lookout
    switch: Switch
    files: VoiceFiles
    health: Callable[[], Mapping[str, Any]]

    def check_text(self, text: str | None, limit: int | None = None, param: str = "text") -> str:
        """Text that can be answered or read out.

        Raises:
            InvalidRequest: it is empty.
            TooLarge: it is longer than the limit.
        """
        limit = limit or self.settings.text_limit_characters
        if text is None or not text.strip():
            raise InvalidRequest(f"`{param}` is empty; send what is to be said.", param=param)
        if len(text) > limit:
            raise TooLarge(f"`{param}` has {len(text):,} characters; at most {limit:,} are read.", param=param)
        return text

    def language(self, code: str | None, text: str, voice: str | None = None, character: str | None = None) -> str:
        """The language of a turn, from the caller, the voice, the character, or the text.

        Raises:
            UnknownLanguage: the language is not configured.
        """
        if code is None and voice is not None:
            code = self.catalogue.language_of(voice)
        if code is None and character is not None:
            code = self.catalogue.language_of_character(character)
        return resolve(code, text, self.settings.languages, self.settings.default_language)

    def ask_chat(
        self,
        *,
        text: str | None = None,
        recording: Recording | None = None,
        language: str | None = None,
        voice: str | None = None,
        audio_format: str = "pcm16",
        listener: str | None = None,
        session: str | None = None,
        chat: str | None = None,
        character: str | None = None,
        profile: str | None = None,
        history: tuple[Message, ...] = (),
    ) -> Ask:
        """A checked request for a spoken reply to a text or a recording.

        Raises:
            CallerError: whatever is wrong with it.
        """
        if recording is None:
            text = self.check_text(text)
            spoken_in = self.language(language, text, voice, character)
        else:
            text, spoken_in = "", self.language(language or recording.language, "", voice, character)
        available(audio_format)
        return Ask(
            kind="chat",
            language=spoken_in,
            voice=self._voice(spoken_in, voice, character),
            asked_voice=voice,
            format=audio_format,
            text=text,
            recording=recording,
            history=history,
            listener=listener,
            session=session,
            chat=chat,
            character=character,
            profile=profile or "",
        )

    def ask_speech(
        self,
        text: str,
        *,
        language: str | None = None,
        voice: str | None = None,
        character: str | None = None,
        audio_format: str = "pcm16",
        listener: str | None = None,
        session: str | None = None,
        speed: float = 1.0,
        synthesizer: str = "",
        exact: bool = True,
        whole: bool = False,
        limit: int | None = None,
        param: str = "text",
    ) -> Ask:
        """A checked request to read a text out.

        Raises:
            CallerError: whatever is wrong with it.
        """
        text = self.check_text(text, limit, param)
        if not 0.25 <= speed <= 4.0:
            raise InvalidRequest("`speed` must lie between 0.25 and 4.", param="speed")
        spoken_in = self.language(language, text, voice, character)
        available(audio_format)
        return Ask(
            kind="speech",
            language=spoken_in,
            voice=self._voice(spoken_in, voice, character),
            asked_voice=voice,
            character=character,
            format=audio_format,
            text=text,
            listener=listener,
            session=session,
            speed=speed,
            synthesizer=synthesizer,
            exact=exact,
            whole=whole,
        )

    def ask_probe(
        self,
        text: str,
        probe: Probe,
        *,
        language: str | None = None,
        voice: str | None = None,
        character: str | None = None,
        limit: int | None = None,
    ) -> Ask:
        """A checked request of an operator to try how a text is read out: a finished WAV file.

        Raises:
            CallerError: whatever is wrong with it.
        """
        if probe.only and probe.only not in self.speech.chain.targets:
            there = ", ".join(self.speech.chain.targets)
            message = f"There is no synthesizer {probe.only!r} here; there are {there}."
            raise InvalidRequest(message, param="provider")
        ask = self.ask_speech(
            text, language=language, voice=voice, character=character, audio_format="wav", whole=True, limit=limit
        )
        return replace(ask, kind=PROBE, probe=probe)

    def _voice(self, language: str, voice: str | None, character: str | None) -> str:
        """The voice that is to speak, as far as that is known before the turn begins.

        Raises:
            UnknownVoice: there is none of this name, or none that speaks the language.
            UnknownCharacter: the catalogue has no such character.
        """
        casting = self.catalogue.cast(language, voice, character)
        first = next((name for name in casting.order if name in casting.parts), None)
        return casting.parts[first].voice if first is not None else casting.asked

    def heard_language(self, code: str | None) -> str | None:
        """The primary code of the language in which a recording was spoken, where the caller says so."""
        return base_code(code) if code and code.strip().lower() != "auto" else None
