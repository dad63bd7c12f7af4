"""Where to go on when a provider broke off: in the middle of a sentence, or in the middle of a reply. All pure.

Speech carries no marks of its words, so the place is estimated from how long was spoken, and always to the safe side:
a listener may hear a few words twice, and never misses one.
"""

from dataclasses import dataclass, field

SLOWEST_CHARACTERS_PER_S = {"zh": 2.5}
SLOWEST_CHARACTERS_PER_S_OTHERWISE = 9.0
"""Unhurried reading, in letters and digits: less than any voice that is in use speaks at normal speed."""

TRUST = 0.85
"""How much of a measured pace is believed: voices hurry and dawdle within a sentence."""

GAP_MS = 120.0
"""The pause at the place where one voice takes over from another."""


def remainder(
    text: str, language: str, heard_ms: float, ms_per_character: float | None = None, speed: float = 1.0
) -> str:
    """What is still to be said of a sentence of which so much was heard: from the beginning of a word to the end.

    Args:
        text: the whole sentence in words.
        language: a code like `uk`; Chinese may be taken up at any character, other languages at a word.
        heard_ms: how long of it was heard, without the silence before it.
        ms_per_character: how long this voice takes for a letter or digit at this speed, where it has been measured.
        speed: the relative speed it was spoken at.

    Returns:
        The rest, with at least its last word. The whole text where nothing can be counted on to have been heard.
    """
    if ms_per_character is None:
        slowest = SLOWEST_CHARACTERS_PER_S.get(language.split("-", maxsplit=1)[0], SLOWEST_CHARACTERS_PER_S_OTHERWISE)
        heard = heard_ms / 1000.0 * slowest * speed
    else:
        heard = TRUST * heard_ms / ms_per_character
    start, counted = 0, 0
    everywhere = language.split("-", maxsplit=1)[0] == "zh"
    for at, character in enumerate(text):
        if counted > heard:
            break
        begins = character.isalnum() and (everywhere or at == 0 or text[at - 1].isspace())
        if begins and text[at:].strip():
            start = at
        counted += character.isalnum()
    return text[start:]


BETWEEN = " \t\n.,;:!?…。！？，、»”\"')"
"""What may stand between the last repeated letter and the first new one."""


@dataclass(slots=True)
class Overlap:
    """Drops from a continued reply what it repeats of what was `spoken`: all of it, or its last words.

    Models that are asked to go on like to begin with the sentence they were given. Tokens are held back only as long
    as they could still be such a repetition.
    """

    spoken: str
    _said: str = field(init=False)
    _held: str = ""
    _came: str = ""
    _settled: bool = False
    _trimming: bool = False

    def __post_init__(self) -> None:
        self._said = _folded(self.spoken)

    def push(self, token: str) -> str:
        """What is new in a token and in what was held back before it."""
        if self._trimming:
            token = token.lstrip(BETWEEN)
            self._trimming = not token
        if self._settled or not self._said:
            return token
        self._held += token
        self._came += _folded(token)
        if not self._came:
            return ""
        repeated = _repeated(self._said, self._came)
        if repeated is None:
            return ""
        self._settled = True
        new = _without(self._held, repeated) if repeated else self._held
        self._trimming = repeated > 0 and not new
        return new

    def flush(self) -> str:
        """What is new in what is held back at the end: nothing, unless it is so short that it may be an answer."""
        held = "" if self._settled or _weight(self._came) >= SHORTEST else self._held
        self._settled, self._held = True, ""
        return held


SHORTEST = 12
"""A repetition shorter than this many letters may be chance ("The …") and is not dropped."""

IDEOGRAPH = 3
"""A Chinese character counts for as many letters: four of them are as rarely repeated by chance as twelve letters."""


def _weight(text: str) -> int:
    return sum(IDEOGRAPH if "\u3400" <= character <= "\u9fff" else 1 for character in text)


def _folded(text: str) -> str:
    """Letters and digits only, without case: punctuation and spaces differ between models."""
    return "".join(character for character in text.casefold() if character.isalnum())


def _repeated(said: str, came: str) -> int | None:
    """How many letters of what came repeat the end of what was said; None while that is not yet known."""
    at = said.find(came)
    if 0 <= at < len(said) - len(came):
        return None
    for length in range(min(len(said), len(came)), 0, -1):
        repeats = came[length - 1] == said[-1] and said.endswith(came[:length])
        if repeats and (length == len(said) or _weight(came[:length]) >= SHORTEST):
            return length
    return 0


def _without(text: str, letters: int) -> str:
    """A text without so many letters and digits at its beginning, and without what stands between them and the next."""
    for at, character in enumerate(text):
        letters -= len(_folded(character))
        if letters <= 0:
            return text[at + 1 :].lstrip(BETWEEN)
    return ""
