"""What is decided for a turn before it begins: who gets which variant, who writes it, who speaks it, with which voice.

The routing table, the session and the remedy are read once; what they say holds for the whole turn.
"""

from dataclasses import dataclass, replace

from segue.configuration import VoiceSettings
from segue.errors import Unavailable, UnknownVoice
from segue.routing import Variant
from segue.voice.ask import Ask, Plan
from segue.voice.casting import Casting
from segue.voice.catalogue import Catalogue
from segue.voice.chain import Chain
from segue.voice.degradation import Remedy
from segue.voice.frames import Degraded
from segue.voice.lookout import Lookout
from segue.voice.ports import LanguageModel, Synthesizer
from segue.voice.profiles import grant
from segue.voice.roster import Roster
from segue.voice.session import Assigner, Placed

NOTHING = Remedy()
"""What is done about the profile of a text that is read out, for it has none; and about a probe."""


@dataclass(frozen=True, slots=True)
class Planner:
    """Plans turns; one for the whole process."""

    assigner: Assigner
    settings: VoiceSettings
    models: Roster[LanguageModel]
    synthesizers: Chain[Synthesizer]
    catalogue: Catalogue
    lookout: Lookout

    def plan(self, ask: Ask) -> Plan:
        """Decide.

        Raises:
            CallerError: what is asked for is not there. What a variant names and is not there is the plan's `flaw`.
        """
        placed = self._placed(ask)
        # What is tried is heard as configured: a remedy would put another in its place.
        variant, remedy = placed.assignment.variant, NOTHING if ask.probe is not None else self.lookout.remedy()
        casting, flaw = self._casting(ask, variant)
        order, first_choice = self._order(ask, variant, casting)
        able = tuple(name for name in order if name in casting.parts)
        # A remedy would exchange the arms: each would be judged by what the other sounds like.
        rotated = able if placed.assignment.own_voice else remedy.order(able)
        granted = grant(ask.profile or None, self.settings.profile, remedy if ask.kind == "chat" else NOTHING)
        notices = [Degraded(granted.reason, granted.message)] if granted.reason else []
        if rotated != able:
            notices.append(Degraded("synthesizer_rotated", f"{rotated[0]} has first place for now.", rotated[0]))
        models = self.models.order(granted.profile, variant.model or ask.model) if ask.kind == "chat" else ()
        lost = variant.model if models and variant.model not in models else ""
        return Plan(
            placed=placed,
            profile=granted.profile,
            models=models,
            first_model=lost,
            casting=casting,
            synthesizers=rotated or order,
            first_choice=first_choice or (able[0] if able else ""),
            notices=tuple(notices),
            flaw=flaw,
        )

    def lacking(self, variant: Variant) -> tuple[str, ...]:
        """What a variant names and is not to be had here, a sentence each: with any of it nobody can judge it."""
        told = []
        wanted = (
            ("language model", variant.model, self.models.chain),
            ("synthesizer", variant.synthesizer, self.synthesizers),
        )
        for what, name, chain in wanted:
            if name and not chain.able([name]):
                off = name in chain.targets and chain.targets[name].out is None
                why = f"{what} {name!r} is {chain.out[name]}" if off else f"there is no {what} {name!r} here"
                told.append(f"Variant {variant.name!r}: {why}.")
        if variant.voice and not self.catalogue.has(variant.voice):
            told.append(f"Variant {variant.name!r}: there is no voice {variant.voice!r} here.")
        return tuple(told)

    def _placed(self, ask: Ask) -> Placed:
        """The variant of a turn: the one that an operator tries, or the one that a listener is assigned.

        Raises:
            Unavailable: the candidate is to be tried, and no rollout is live any more.
        """
        if ask.probe is not None:
            return self.assigner.probe(ask.probe.arm)
        return self.assigner.place(
            ask.listener,
            ask.session,
            character=ask.character,
            language=ask.language,
            written=ask.kind == "chat",
            named=ask.names_speaker,
        )

    def _casting(self, ask: Ask, variant: Variant) -> tuple[Casting, Unavailable | None]:
        """Who can speak how, and what is wrong with the variant if it cannot be spoken as it says.

        A variant's voice speaks where neither a voice nor a character is asked for, in the languages that it knows.
        """
        voice = ask.asked_voice or None
        own = "" if ask.names_speaker or ask.character is not None else variant.voice
        if own:
            try:
                casting = self.catalogue.cast(ask.language, own, None, variant.name)
            except UnknownVoice as error:
                if not self.catalogue.has(own):
                    plain = self.catalogue.cast(ask.language, voice, None, variant.name)
                    return plain, Unavailable(f"Variant {variant.name!r} cannot be spoken: {error.message}")
            else:
                return casting, None
        casting = self.catalogue.cast(ask.language, voice, ask.character, variant.name)
        if variant.synthesizer and not ask.names_speaker:
            casting = replace(casting, asked="")  # another's voice of the same kind is what is wanted then
        return casting, None

    def _order(self, ask: Ask, variant: Variant, casting: Casting) -> tuple[tuple[str, ...], str]:
        """The synthesizers in order of preference, and the first choice where that is not simply the first of them.

        A variant whose own synthesizer is left out, or not configured, is spoken by another: that is a fallback, or the
        variant would be judged by what it is not.
        """
        if ask.probe is not None and ask.probe.only:
            return (ask.probe.only,), ask.probe.only
        first = ask.synthesizer or ("" if ask.names_speaker else variant.synthesizer)
        able = self.synthesizers.able(casting.order)
        missing = bool(first) and not self.synthesizers.able([first])
        if first in able:
            able = (first, *(name for name in able if name != first))
        if not variant.fallback:
            able = () if missing else able[:1]
        return able, first if missing else ""
