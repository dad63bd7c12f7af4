"""Chinese: full stops behind abbreviations occur in Latin words only, so the rules are those of English."""

from segue.voice.languages.en.abbreviations import (
    CONTINUES,
    ENDS,
    JOINTS,
    LABELS,
    LEADS,
    NUMBERED,
    OPEN,
    PLACES,
    SAID,
    STARTERS,
    SURNAMES,
    TITLES,
    UNITS,
)

__all__ = [
    "CONTINUES",
    "ENDS",
    "JOINTS",
    "LABELS",
    "LEADS",
    "NUMBERED",
    "OPEN",
    "PLACES",
    "SAID",
    "STARTERS",
    "SURNAMES",
    "TITLES",
    "UNITS",
]
