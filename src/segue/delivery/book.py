"""Everything proved so far in an attempt, as one small value: the book in which the bets on a candidate are kept."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Terms:
    """What the gates of a plan were resolved to when an attempt began; they hold until its end."""


@dataclass(frozen=True, slots=True)
class Book:
    """The wealth of every bet, and what is counted for certification. JSON-serialisable, a few hundred bytes a gate."""
