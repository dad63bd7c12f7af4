"""Who writes, speaks and listens, before anybody depends on it: fallbacks, voices of characters, keys, pins, addresses.

Values in, checks out. A provider is told of as `/api/providers` tells of it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from segue.operations.report import Check, Level

ROLES = ("model", "synthesizer", "recognizer")
LEFT_OUT, OFF, READY = "left out", "switched off", "ready"
PINS: Mapping[str, str] = {"edge": "7.2.7"}
"""The version of its library that Segue's conversation with a vendor was written against."""
_NAMELESS = re.compile(r"[^a-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice that a synthesizer offers."""

    name: str
    provider: str
    languages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lineup:
    """Everything that is known of the providers of one server, or of one that could be started."""

    items: Sequence[Mapping[str, Any]]
    """Each provider: name, role, state, reason, vendor, version, last_error."""
    chains: Mapping[str, Sequence[str]]
    """By role, the names in the order in which they are asked."""
    languages: Sequence[str]
    voices: Sequence[Voice]
    characters: Mapping[str, Mapping[str, Mapping[str, str]]] = field(default_factory=dict)
    """By key of a character: its voices by provider and language; `*` stands for every language."""
    hears: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By recognizer, the languages that it hears; one that is not named hears all."""
    pending: Sequence[str] = ()
    """Synthesizers whose voices are known only when they have started."""
    reached: Mapping[str, tuple[str, float, str]] = field(default_factory=dict)
    """By `role:name`: its host and port, how many milliseconds a connection took, and why there was none."""
    files: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By provider with models on this machine: those that are not there."""


def post(item: Mapping[str, Any]) -> str:
    """A provider in one of its roles, as `role:name`: one name may have several roles."""
    return f"{item['role']}:{item['name']}"


def slug(name: str) -> str:
    """A name of somebody's choice, as a part of the name of a check."""
    return _NAMELESS.sub("-", name.lower()).strip("-") or "unnamed"


def of_lineup(lineup: Lineup, pins: Mapping[str, str] = PINS) -> tuple[Check, ...]:
    """What is to be said of the providers. `pins` is the version of the library that each vendor must have."""
    return (
        *(check for item in lineup.items for check in _of_provider(lineup, item, pins)),
        *(check for role in ROLES for check in _fallbacks(lineup, role)),
        *(check for key in lineup.characters for check in _of_character(lineup, key)),
    )


def able(lineup: Lineup, role: str) -> tuple[str, ...]:
    """Those of a chain that are neither left out nor switched off, in its order."""
    out = {str(item["name"]) for item in lineup.items if item["role"] == role and item["state"] in (LEFT_OUT, OFF)}
    return tuple(name for name in lineup.chains.get(role, ()) if name not in out)


def _of_provider(lineup: Lineup, item: Mapping[str, Any], pins: Mapping[str, str]) -> Iterator[Check]:
    name, state = str(item["name"]), item["state"]
    base = f"provider.{item['role']}.{slug(name)}"
    yield _state(base, item)
    if item["vendor"] in pins and state != LEFT_OUT:
        yield _pin(base, name, str(item["version"]), pins[item["vendor"]])
    if name in lineup.files:
        missing = lineup.files[name]
        if missing:
            told, hint = f"{name} needs {', '.join(missing)}: not there.", "Put the model there, or name its path."
            yield Check(f"{base}.files", Level.FAIL, told, hint=hint)
        else:
            yield Check(f"{base}.files", Level.PASS, f"The models of {name} are there.")
    if post(item) in lineup.reached:
        place, took_ms, failure = lineup.reached[post(item)]
        figures = {"took_ms": round(took_ms, 1)}
        if failure:
            hint = "Look at the address, the network and the name server."
            yield Check(f"{base}.address", Level.FAIL, f"{place} of {name}: {failure}.", figures, hint)
        else:
            told = f"A connection to {place} of {name} stands in {took_ms:.0f} ms."
            yield Check(f"{base}.address", Level.PASS, told, figures)


def _state(base: str, item: Mapping[str, Any]) -> Check:
    name, state, reason = item["name"], item["state"], str(item["reason"] or "").rstrip(".")
    error = item.get("last_error") or {}
    figures = {"calls": item.get("calls"), "failures": item.get("failures")}
    if state == LEFT_OUT:
        hint = "Set what is missing, or take it out of the chain."
        return Check(f"{base}.state", Level.WARN, f"{name} is left out: {reason}.", figures, hint)
    if state == OFF:
        hint = "Switch it on again with `segue providers on`, or accept it by name."
        return Check(f"{base}.state", Level.WARN, f"{name} is switched off: {reason}.", figures, hint)
    if error.get("category") == "auth":
        told = f"{name} was refused: {error.get('message')}"
        return Check(f"{base}.state", Level.FAIL, told, figures, "Give it a key that is good; then restart the server.")
    if state != READY:
        told = f"{name} is {state}: {reason}."
        return Check(f"{base}.state", Level.WARN, told, figures, "Look at its last error with `segue providers`.")
    return Check(f"{base}.state", Level.PASS, f"{name} is ready.", figures)


def _pin(base: str, name: str, found: str, wanted: str) -> Check:
    figures = {"version": found, "pinned": wanted}
    if found == wanted:
        return Check(f"{base}.version", Level.PASS, f"{name} has version {found}, as pinned.", figures)
    told = f"{name} has version {found or 'unknown'}; {wanted} is pinned."
    return Check(f"{base}.version", Level.FAIL, told, figures, f"Install version {wanted}, and run the canary.")


def _fallbacks(lineup: Lineup, role: str) -> Iterator[Check]:
    """For each language: somebody, and somebody else should that one fail."""
    there = able(lineup, role)
    if role == "model":
        yield _chain("chain.model", "writes", there, needed=True)
        return
    if not lineup.languages:
        told = "Which languages are spoken is not known, so nobody can say who steps in."
        yield Check(f"chain.{role}", Level.NO_DATA, told, hint="See what /voice/health answers, and voice.languages.")
    for language in lineup.languages:
        names = tuple(name for name in there if _serves(lineup, role, name, language))
        unknown = [name for name in there if role == "synthesizer" and name in lineup.pending]
        word = f"{'speaks' if role == 'synthesizer' else 'hears'} {language}"
        if unknown and len(names) < 2:
            told = f"Whether {', '.join(unknown)} {word} is known only when the server has started."
            yield Check(f"chain.{role}.{language}", Level.NOT_MEASURED, told)
        else:
            yield _chain(f"chain.{role}.{language}", word, names, needed=role == "synthesizer")


def _serves(lineup: Lineup, role: str, name: str, language: str) -> bool:
    if role == "recognizer":
        return language in lineup.hears.get(name, (language,))
    return any(voice.provider == name and language in voice.languages for voice in lineup.voices)


def _chain(check: str, word: str, names: Sequence[str], *, needed: bool) -> Check:
    figures = {"providers": len(names)}
    if not names:
        level = Level.FAIL if needed else Level.WARN
        return Check(check, level, f"Nobody {word}.", figures, "Name a provider that does, or take the language out.")
    if len(names) == 1:
        told = f"Only {names[0]} {word}: a single point of failure."
        return Check(check, Level.WARN, told, figures, "Name a second one behind it, or accept the risk by name.")
    return Check(check, Level.PASS, f"{' then '.join(names)} {word}.", figures)


def _of_character(lineup: Lineup, key: str) -> Iterator[Check]:
    """A character is passed by where it has no voice of its own: so a fallback is one only where it has one."""
    table, there = lineup.characters[key], able(lineup, "synthesizer")
    for language in lineup.languages:
        named = {name: voices.get(language, voices.get("*", "")) for name, voices in table.items()}
        if not any(named.values()):
            continue
        wrong = [
            f"{name} has no voice {voice!r} for {language}"
            for name, voice in named.items()
            if voice and name in there and _lacks(lineup, name, voice, language)
        ]
        could = [name for name in there if name in lineup.pending or _serves(lineup, "synthesizer", name, language)]
        speaking = [name for name in could if named.get(name)]
        yield _cast(f"character.{slug(key)}.{language}", f"{key} in {language}", wrong, could, speaking)


def _lacks(lineup: Lineup, provider: str, voice: str, language: str) -> bool:
    """Whether a voice is not among those of its provider; who has not told its voices yet may have it."""
    offered = [each for each in lineup.voices if each.provider == provider]
    return bool(offered) and not any(each.name == voice and language in each.languages for each in offered)


def _cast(check: str, who: str, wrong: Sequence[str], could: Sequence[str], speaking: Sequence[str]) -> Check:
    figures = {"voices": len(speaking), "providers": len(could)}
    if wrong:
        return Check(check, Level.FAIL, f"{who}: {'; '.join(wrong)}.", figures, "Name a voice that the provider has.")
    if could and not speaking:
        told = f"{who} has no voice at {', '.join(could)}: nobody speaks it."
        return Check(check, Level.FAIL, told, figures, "Name a voice of a provider that is in the chain.")
    without = [name for name in could if name not in speaking]
    if without and len(speaking) < 2:
        told = f"{who} has a voice at {', '.join(speaking)} alone: {', '.join(without)} cannot step in."
        return Check(check, Level.WARN, told, figures, "Name a voice of the fallback too, or accept this by name.")
    return Check(check, Level.PASS, f"{who} has a voice at {', '.join(speaking) or 'its providers'}.", figures)
