"""Who gets what: the one value that comes down from the delivery plane to the voice plane.

A turn reads the table once, when it starts. A table is never changed, only replaced by one with a greater `version`.
What the environment of one machine forbids is laid over the table there (`restrict`), and never written back.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any

from segue.errors import ConfigurationError
from segue.vendors.degradation import WORDS

BASIS = 10_000
"""A whole share, in basis points."""


class Arm(StrEnum):
    """The two sides that a rollout compares."""

    BASELINE = "baseline"
    CANDIDATE = "candidate"


class Reason(StrEnum):
    """Why a turn got its variant; the word stands in its record and in the measures."""

    NO_LISTENER = "no_listener"
    """The caller did not say who listens: the baseline, left out of the evidence."""
    PROBE = "probe"
    """An operator tries how something sounds, in the arm they name: left out of the evidence."""
    NO_ROLLOUT = "no_rollout"
    """No rollout is running: the baseline, for everybody."""
    DROPPED = "dropped"
    """The character was taken out of the rollout: the baseline, left out of the evidence."""
    OUTSIDE = "outside"
    """The turn belongs to none of those to whom the share is applied: the baseline, left out of the evidence."""
    RESTRICTED = "restricted"
    """This machine's environment forbids the candidate here: the baseline, left out of the evidence."""
    ALIKE = "alike"
    """Both variants serve this turn alike, such as a text that is read out where only the language model changes: the
    baseline, left out of the evidence."""
    SESSION = "session"
    """The session was drawn before and keeps its arm."""
    SHARE = "share"
    """The listener was drawn: into the share or out of it."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One way of speaking: the unit that a plan compares. Empty fields mean "as configured"."""

    name: str
    model: str = ""
    """The language model that is asked first."""
    synthesizer: str = ""
    """The synthesizer that is asked first."""
    voice: str = ""
    """The voice that speaks where no character and no voice is asked for."""
    streaming: bool = True
    """Whether speech begins with the first sentence; otherwise with the whole reply."""
    fallback: bool = True
    """Whether another synthesizer may speak where the variant's own fails."""


@dataclass(frozen=True, slots=True)
class Cohort:
    """To whom a share is applied: all conditions must hold. None means everybody, an empty tuple nobody."""

    characters: tuple[str, ...] | None = None
    languages: tuple[str, ...] | None = None
    listeners: tuple[str, ...] | None = None

    def holds(self, listener: str, character: str | None, language: str) -> bool:
        """Whether a turn belongs to the cohort."""
        return (
            (self.characters is None or character in self.characters)
            and (self.languages is None or language in self.languages)
            and (self.listeners is None or listener in self.listeners)
        )


@dataclass(frozen=True, slots=True)
class Restrictions:
    """What the environment of one machine allows of an exposure. It can take away, never add."""

    enabled: bool = True
    """Whether anybody may hear the candidate here."""
    share_bp: int = BASIS
    """How much of the cohort may hear it here at most, in basis points."""
    characters: tuple[str, ...] | None = None
    """The only characters that may speak as the candidate here; None is all of them, an empty tuple none."""
    fallback: bool = True
    """Whether another synthesizer may speak where the candidate's own fails."""

    def allow(self, character: str | None) -> bool:
        """Whether a turn of this character, or of none, may be given the candidate here."""
        return self.enabled and (self.characters is None or character in self.characters)

    def __str__(self) -> str:
        """What is taken away, in words; empty where nothing is."""
        if not self.enabled:
            return "nobody hears the candidate"
        told = []
        if self.share_bp < BASIS:
            told.append(f"at most {self.share_bp / 100:g} % hear the candidate")
        if self.characters is not None:
            told.append(f"only {', '.join(self.characters)} may" if self.characters else "no character may")
        if not self.fallback:
            told.append("only its own synthesizer speaks for the candidate")
        return "; ".join(told)


@dataclass(frozen=True, slots=True)
class Exposure:
    """A running rollout as the voice plane needs it: who hears the candidate."""

    rollout: str
    """The rollout and its attempt, as `name/2`."""
    stage: int
    """Which stage of the plan, from 0; the bake counts as one more."""
    candidate: Variant
    share_bp: int
    """How much of the cohort hears the candidate, in basis points."""
    cohort: Cohort = Cohort()
    dropped: tuple[str, ...] = ()
    """Characters that were taken out because they alone broke."""
    salt: str = ""
    environment: str = ""
    """Prefix of the variables that may restrict this exposure on one machine; empty for none."""
    since: float = 0.0
    """Unix seconds at which the stage began."""
    restrictions: Restrictions = Restrictions()
    """What this machine allows of it; nothing is taken away in the table that is kept for all machines."""


@dataclass(frozen=True, slots=True)
class RoutingTable:
    """Which variant is the baseline, and who hears the candidate instead."""

    version: int = 1
    baseline: Variant = field(default_factory=lambda: Variant("baseline"))
    exposure: Exposure | None = None

    def as_dict(self) -> dict[str, Any]:
        """The table as plain JSON values."""
        return asdict(self)


def bucket(salt: str, listener: str) -> int:
    """The bucket of a listener, from 0 to 9999.

    The first 8 bytes of BLAKE2b of the salt, a zero byte and the listener, as a big-endian number, times 10,000,
    without its lower 64 bits. There is no remainder in it, so no bucket is favoured by more than one part in 10^15.
    """
    # A lone surrogate cannot come from any door; if one does, it must not end a turn.
    text = f"{salt}\0{listener}".encode("utf-8", "surrogatepass")
    return (int.from_bytes(hashlib.blake2b(text, digest_size=8).digest()) * BASIS) >> 64


def table_from_dict(plain: Mapping[str, Any]) -> RoutingTable:
    """The inverse of `RoutingTable.as_dict`; unknown keys are refused with a TypeError."""
    exposure = plain["exposure"]
    if exposure is not None:
        cohort = {name: None if names is None else tuple(names) for name, names in exposure["cohort"].items()}
        restrictions = {**exposure.get("restrictions", {})}
        if restrictions.get("characters") is not None:
            restrictions["characters"] = tuple(restrictions["characters"])
        exposure = Exposure(
            **{
                **exposure,
                "candidate": Variant(**exposure["candidate"]),
                "cohort": Cohort(**cohort),
                "dropped": tuple(exposure["dropped"]),
                "restrictions": Restrictions(**restrictions),
            }
        )
    return RoutingTable(plain["version"], Variant(**plain["baseline"]), exposure)


def restrict(table: RoutingTable, restrictions: Restrictions) -> RoutingTable:
    """The table as it is in force on a machine whose environment says this.

    Its version stays: it is the same decision. Nobody hears the candidate under it who would not without it, and what
    was taken away before stays away.
    """
    exposure = table.exposure
    if exposure is None:
        return table
    before = exposure.restrictions
    names = before.characters
    if restrictions.characters is not None:
        names = restrictions.characters if names is None else tuple(n for n in restrictions.characters if n in names)
    both = Restrictions(
        enabled=before.enabled and restrictions.enabled,
        share_bp=min(before.share_bp, restrictions.share_bp),
        characters=names,
        fallback=before.fallback and restrictions.fallback,
    )
    candidate = replace(exposure.candidate, fallback=exposure.candidate.fallback and both.fallback)
    return replace(table, exposure=replace(exposure, candidate=candidate, restrictions=both))


def read_restrictions(prefix: str, variables: Mapping[str, str]) -> Restrictions:
    """What the variables with a prefix say; what is not set restricts nothing.

    They are `PREFIX_ENABLED`, `PREFIX_ROLLOUT_PERCENTAGE`, `PREFIX_ENABLED_CHARACTERS` and `PREFIX_FALLBACK_TO_` with
    any ending.

    Raises:
        ConfigurationError: one of them cannot be read; the message names it and what may stand in it.
    """
    share, names = f"{prefix}_ROLLOUT_PERCENTAGE", f"{prefix}_ENABLED_CHARACTERS"
    fallbacks = [name for name in sorted(variables) if name.startswith(f"{prefix}_FALLBACK_TO_")]
    return Restrictions(
        enabled=_word(f"{prefix}_ENABLED", variables),
        share_bp=_basis_points(share, variables[share]) if share in variables else BASIS,
        characters=_listed(names, variables[names]) if names in variables else None,
        fallback=False not in {_word(name, variables) for name in fallbacks},
    )


def _word(name: str, variables: Mapping[str, str]) -> bool:
    text = variables.get(name, "true")
    try:
        return WORDS[text.strip().lower()]
    except KeyError:
        raise ConfigurationError(f"{name}={text!r} says neither on nor off; use one of {', '.join(WORDS)}.") from None


def _basis_points(name: str, text: str) -> int:
    """Rounded down: a restriction is never wider than it is written."""
    try:
        percent = Decimal(text.strip().removesuffix("%"))
        if 0 <= percent <= 100:
            return int(percent * 100)
    except ArithmeticError:
        pass
    raise ConfigurationError(f"{name}={text!r} is no percentage; write a number from 0 to 100.")


def _listed(name: str, text: str) -> tuple[str, ...] | None:
    if text.strip() == "*":
        return None
    if any(sign in text for sign in "*\"'[]"):
        raise ConfigurationError(f"{name}={text!r} is no list; write names separated by commas, or * alone for all.")
    return tuple(part.strip() for part in text.split(",") if part.strip())
