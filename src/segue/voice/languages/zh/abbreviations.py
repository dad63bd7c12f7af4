"""Chinese: full stops behind abbreviations occur in Latin words only, so the rules are those of English."""

from segue.voice.languages.en.abbreviations import CONTINUES, ENDS, NUMBERED, OPEN, SAID, STARTERS, TITLES, UNITS

__all__ = ["CONTINUES", "ENDS", "NUMBERED", "OPEN", "SAID", "STARTERS", "TITLES", "UNITS"]
