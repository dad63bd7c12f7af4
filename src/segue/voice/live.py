"""Live settings: what operators change of a server while it runs, as whole values with versions. Values and rules only.

They say which providers are switched off and which goes first in its role. Whatever they do not say is as configured.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from segue.errors import CallerError

ROLES = ("model", "synthesizer", "recognizer")
REASON_CHARACTERS = 500

There: TypeAlias = Mapping[str, Mapping[str, bool]]
"""By role and name: the providers that are configured, and whether each could be used if nobody switched it off."""


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """The whole of the live settings. A name means the provider in every role in which it is configured."""

    off: Mapping[str, str] = field(default_factory=dict)
    """Why a provider is switched off, by its name."""
    first: Mapping[str, str] = field(default_factory=dict)
    """The provider that goes before all others, by role."""

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values."""
        return {"off": dict(sorted(self.off.items())), "first": dict(sorted(self.first.items()))}


@dataclass(frozen=True, slots=True)
class Version:
    """One version of the live settings; 0 is the configuration by itself, before anybody changed anything."""

    number: int = 0
    at_us: int = 0
    """Unix microseconds."""
    actor: str = ""
    reason: str = ""
    value: LiveSettings = LiveSettings()


@dataclass(frozen=True, slots=True)
class Change:
    """A version that somebody makes: how they came in, in which request, and what it is besides a change."""

    version: Version
    via: str = ""
    request: str = ""
    restored: int | None = None
    """The version whose value this is again; None where it is none."""
    forced: bool = False
    """Made although a role is left without a provider."""

    def entry(self) -> dict[str, Any]:
        """What its entry in the audit says, but for what was before and after it."""
        facts: dict[str, str | int] = {"version": self.version.number}
        if self.restored is not None:
            facts["restored"] = self.restored
        if self.forced:
            facts["forced"] = "yes"
        return {
            "at_us": self.version.at_us,
            "actor": self.version.actor,
            "via": self.via,
            "action": "settings.restore" if self.restored is not None else "settings.set",
            "target": "settings",
            "request": self.request,
            "facts": facts,
        }


class Outdated(CallerError):
    """Somebody changed the live settings meanwhile; read them again."""

    status = 409
    code = "outdated"

    def __init__(self, current: Version) -> None:
        super().__init__(
            f"The live settings are at version {current.number} by now"
            + (f" ({current.actor}: {current.reason})" if current.number else "")
            + "; read them again, and change those.",
            param="base",
        )
        self.current = {"version": current.number, "by": current.actor, "reason": current.reason}


def understood(plain: Any) -> LiveSettings:
    """The live settings that were kept as plain values.

    Raises:
        ValueError: they are none.
    """
    if not isinstance(plain, Mapping) or not all(isinstance(plain.get(part), Mapping) for part in ("off", "first")):
        raise ValueError("no live settings")
    off, first = plain["off"], plain["first"]
    if not all(isinstance(word, str) for part in (off, first) for pair in part.items() for word in pair):
        raise ValueError("no live settings")
    return LiveSettings(dict(off), dict(first))


def altered(value: LiveSettings, off: Mapping[str, str], on: Iterable[str], first: Mapping[str, str]) -> LiveSettings:
    """Live settings with some providers off, others on again, and others first; an empty name in `first` is nobody."""
    again = set(on)
    kept = {name: reason for name, reason in value.off.items() if name not in again}
    leading = {role: name for role, name in {**value.first, **first}.items() if name}
    return LiveSettings({**kept, **off}, leading)


def objections(wanted: LiveSettings, there: There) -> Iterator[str]:
    """What is wrong with the names of live settings, a sentence each; they can be mended by the caller."""
    everybody = list(dict.fromkeys(name for names in there.values() for name in names))
    for name, reason in wanted.off.items():
        if name not in everybody:
            yield f"There is no provider {name!r}; try {_near(name, everybody)}."
        elif not reason.strip():
            yield f"Say why {name} is switched off."
    for role, name in wanted.first.items():
        if role not in there:
            yield f"There is no role {role!r}; there are {', '.join(there)}."
        elif name not in there[role]:
            yield f"There is no {role} {name!r}; try {_near(name, list(there[role]))}."


def stranded(wanted: LiveSettings, there: There) -> tuple[str, ...]:
    """The roles in which nobody would be left who can be used, although somebody could be."""
    return tuple(
        role
        for role, names in there.items()
        if any(names.values()) and not any(usable and name not in wanted.off for name, usable in names.items())
    )


def fitted(wanted: LiveSettings, there: There) -> tuple[LiveSettings, tuple[str, ...]]:
    """The live settings as far as they speak of providers that are configured; of the rest a sentence each."""
    everybody = {name for names in there.values() for name in names}
    off = {name: reason for name, reason in wanted.off.items() if name in everybody}
    first = {role: name for role, name in wanted.first.items() if name in there.get(role, {})}
    lost = [f"{name} is switched off, but not configured here." for name in wanted.off if name not in off]
    lost += [
        f"{name} is to go first as {role}, but is not configured here as one."
        for role, name in wanted.first.items()
        if role not in first
    ]
    return LiveSettings(off, first), tuple(lost)


def differences(before: LiveSettings, after: LiveSettings) -> tuple[str, ...]:
    """What becomes another, a sentence each."""
    told = []
    for name in sorted({*before.off, *after.off}):
        was, now = before.off.get(name), after.off.get(name)
        if was is None:
            told.append(f"{name} is switched off: {now}")
        elif now is None:
            told.append(f"{name} is switched on again; it was off: {was}")
        elif was != now:
            told.append(f"{name} stays switched off, for another reason: {now}; it was: {was}")
    for role in sorted({*before.first, *after.first}):
        was, now = before.first.get(role), after.first.get(role)
        if was != now:
            told.append(f"first {role}: {now or 'as configured'}; it was: {was or 'as configured'}")
    return tuple(told)


def _near(name: str, names: Iterable[str]) -> str:
    known = list(names)
    return ", ".join(difflib.get_close_matches(name, known, n=3) or known) or "none; nobody is configured"
