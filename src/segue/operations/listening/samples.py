"""What there is to be listened to: every configured voice, in each language and arm, by each synthesizer.

Values in, values out; what a server says of itself comes in as its doors tell it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from segue.operations.readiness.lineup import LEFT_OUT, slug
from segue.routing import Arm
from segue.voice.language import base_code

OFF = "switched off"
DEFAULT, FIRST = "default", "first"


@dataclass(frozen=True, slots=True)
class Sample:
    """One thing to listen to."""

    character: str
    """Empty for the voice that speaks where nobody is asked for."""
    language: str
    arm: Arm
    provider: str
    """The synthesizer that alone may speak; empty for the arm's own order."""

    @property
    def name(self) -> str:
        """As a part of the names of checks: `default.en.baseline.first`."""
        character = slug(self.character) if self.character else DEFAULT
        return f"{character}.{self.language}.{self.arm}.{slug(self.provider) if self.provider else FIRST}"

    @property
    def words(self) -> str:
        """For people."""
        who = self.character or "the default voice"
        return f"{who} in {self.language}, {self.arm}, by {self.provider or 'its first choice'}"


@dataclass(frozen=True, slots=True)
class Scene:
    """What a server says of itself, as far as listening needs it."""

    languages: tuple[str, ...]
    chain: tuple[str, ...]
    """Synthesizers in the order in which they are asked."""
    states: Mapping[str, tuple[str, str]]
    """By synthesizer: its state, and why it is in it."""
    versions: Mapping[str, tuple[str, str]]
    """By provider of any role: its vendor and version."""
    speaks: Mapping[str, Mapping[str, frozenset[str]]]
    """By synthesizer: its voices, and the languages of each."""
    characters: Mapping[str, Mapping[str, Any]]
    baseline: Mapping[str, Any]
    """The variant, as in the routing table."""
    candidate: Mapping[str, Any] | None = None
    rollout: str = ""
    cohort: Mapping[str, Any] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    hears: tuple[str, ...] = ()
    """Languages that the recognizers hear."""

    def variant(self, arm: Arm) -> Mapping[str, Any]:
        """The variant of an arm; empty where there is none."""
        return self.baseline if arm is Arm.BASELINE else self.candidate or {}

    def able(self, character: str, language: str) -> tuple[str, ...]:
        """The synthesizers that can speak it and may, in the order of the chain."""
        out = {name for name, (state, _) in self.states.items() if state in (LEFT_OUT, OFF)}
        return tuple(name for name in self.chain if name not in out and self._casts(name, character, language))

    def first(self, sample: Sample) -> str:
        """The synthesizer that must be heard where the arm's own order holds; empty where nobody can speak."""
        able = self.able(sample.character, sample.language)
        variant = self.variant(sample.arm)
        if variant.get("synthesizer"):
            return str(variant["synthesizer"])
        provider, _, own = str(variant.get("voice") or "").rpartition("/")
        if own and not sample.character:
            having = [name for name in able if sample.language in self.speaks.get(name, {}).get(own, ())]
            if having:
                return provider if provider in having else having[0]
        return able[0] if able else ""

    def _casts(self, provider: str, character: str, language: str) -> bool:
        if not any(language in languages for languages in self.speaks.get(provider, {}).values()):
            return False
        if not character:
            return True
        known = self.characters[character]
        voices = known["voices"].get(provider, {})
        return language in known["languages"] and (language in voices or "*" in voices)


def scene(
    providers: Mapping[str, Any],
    voices: Mapping[str, Any],
    characters: Mapping[str, Any],
    routing: Mapping[str, Any],
    health: Mapping[str, Any],
) -> Scene:
    """The scene, from what the doors answered.

    Args:
        providers: `/api/providers`.
        voices: `/api/voice/voices`.
        characters: `/api/voice/characters`.
        routing: `/api/routing`.
        health: `/voice/health`.

    Raises:
        KeyError: an answer is not one of a Segue.
    """
    speaking = [item for item in providers["items"] if item["role"] == "synthesizer"]
    speaks: dict[str, dict[str, frozenset[str]]] = {}
    for voice in voices["items"]:
        codes = frozenset(base_code(code) for code in voice["languages"])
        speaks.setdefault(voice["provider"], {})[voice["name"]] = codes
    exposure = routing["exposure"] or {}
    return Scene(
        languages=tuple(health["languages"]),
        chain=tuple(providers["chains"]["synthesizers"]),
        states={item["name"]: (item["state"], str(item["reason"] or "")) for item in speaking},
        versions={item["name"]: (item["vendor"], item["version"]) for item in providers["items"]},
        speaks=speaks,
        characters={item["key"]: item for item in characters["items"]},
        baseline=routing["baseline"],
        candidate=exposure.get("candidate"),
        rollout=exposure.get("rollout", ""),
        cohort=exposure.get("cohort") or {},
        dropped=tuple(exposure.get("dropped") or ()),
        hears=tuple(health["recognition"]["languages"]),
    )


def samples(found: Scene, characters: Sequence[str] = (), languages: Sequence[str] = ()) -> tuple[Sample, ...]:
    """Everything that is to be listened to; only these characters and languages, where any are given.

    The first choice of each arm is heard as listeners hear it; each other synthesizer is asked alone.
    """
    wanted = characters or ("", *found.characters)
    return tuple(
        sample
        for who in wanted
        for language in found.languages
        if not languages or language in languages
        for arm in Arm
        for sample in _of_arm(found, who, language, arm)
    )


def due(wanted: Iterable[Sample], heard_at: Mapping[str, float], budget: int | None) -> tuple[Sample, ...]:
    """So many of the samples, those first that nobody has listened to for longest; all without a budget.

    `heard_at` is by name, in Unix seconds; what is not in it was never heard.
    """
    oldest = sorted(wanted, key=lambda sample: heard_at.get(sample.name, 0.0))
    return tuple(oldest if budget is None else oldest[:budget])


def _of_arm(found: Scene, character: str, language: str, arm: Arm) -> Iterator[Sample]:
    if arm is Arm.CANDIDATE and not _heard_by_candidate(found, character, language):
        return
    able = found.able(character, language)
    first = Sample(character, language, arm, "")
    if able:
        yield first
    for name in able:
        if name != found.first(first):
            yield Sample(character, language, arm, name)


def _heard_by_candidate(found: Scene, character: str, language: str) -> bool:
    """Whether a live rollout gives anybody the candidate here."""
    if found.candidate is None or (character and character in found.dropped):
        return False
    characters, languages = found.cohort.get("characters"), found.cohort.get("languages")
    return (characters is None or character in characters) and (languages is None or language in languages)
