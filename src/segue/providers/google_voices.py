"""The names of Google's voices: what they say of themselves, and those that are published, where no list can be had."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from segue.voice.language import base_code
from segue.voice.ports import VoiceInfo

Family = Literal["wavenet", "chirp3-hd"]

_NAME = re.compile(r"(?P<locale>[a-z]{2,3}-[A-Za-z]{2,4})-(?P<family>Wavenet|Chirp3-HD)-(?P<own>[A-Za-z0-9-]+)")
_SPELT: Mapping[Family, str] = {"wavenet": "Wavenet", "chirp3-hd": "Chirp3-HD"}

STARS = {
    "female": (
        "Achernar Aoede Autonoe Callirrhoe Despina Erinome Gacrux Kore Laomedeia Leda Pulcherrima Sulafat Vindemiatrix"
        " Zephyr"
    ).split(),
    "male": (
        "Achird Algenib Algieba Alnilam Charon Enceladus Fenrir Iapetus Orus Puck Rasalgethi Sadachbia Sadaltager"
        " Schedar Umbriel Zubenelgenubi"
    ).split(),
}
"""The 30 voices of Chirp 3: HD; each speaks every locale of the family (Google's documentation, as of 2026)."""
CHIRP_LOCALES = ("en-US", "en-GB", "en-AU", "en-IN", "uk-UA", "ru-RU", "cmn-CN")
"""Locales of Chirp 3: HD in Segue's own languages. `cmn-TW` is not among them."""
WAVENET = {
    "en-US": {"male": "ABDIJ", "female": "CEFGH"},
    "en-GB": {"male": "BDO", "female": "ACFN"},
    "uk-UA": {"female": "B"},
    "ru-RU": {"male": "BD", "female": "ACE"},
    "cmn-CN": {"male": "BC", "female": "AD"},
    "cmn-TW": {"male": "BC", "female": "A"},
}
"""The published WaveNet voices of Segue's own languages, by the letter their names end in."""


@dataclass(frozen=True, slots=True)
class Name:
    """A voice's name taken apart: `cmn-TW-Wavenet-B` speaks the locale `cmn-TW`, which is the language `zh`."""

    locale: str
    family: Family
    own: str

    @property
    def language(self) -> str:
        """Our code of the language."""
        return base_code(self.locale)


def parse(name: str) -> Name | None:
    """A name taken apart; None for a voice of another family."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    family: Family = "wavenet" if found["family"] == "Wavenet" else "chirp3-hd"
    return Name(found["locale"], family, found["own"])


def published(family: Family) -> Iterator[tuple[str, str]]:
    """The name and the gender of every voice of a family that Google's documentation names in our languages."""
    spelt = _SPELT[family]
    if family == "wavenet":
        for locale, genders in WAVENET.items():
            yield from ((f"{locale}-{spelt}-{own}", gender) for gender, letters in genders.items() for own in letters)
    else:
        for locale in CHIRP_LOCALES:
            yield from ((f"{locale}-{spelt}-{star}", gender) for gender, stars in STARS.items() for star in stars)


def offered(
    listed: Iterable[tuple[str, str]], family: Family, locales: Mapping[str, str], provider: str
) -> tuple[VoiceInfo, ...]:
    """What can be asked for: voices of a family that speak a configured language, those of its own locale first.

    Args:
        listed: names and genders of voices, of any family and language.
        family: the family that is wanted.
        locales: Google's code of each configured language.
        provider: the name under which the voices are offered.
    """
    found = []
    for name, gender in listed:
        parsed = parse(name)
        if parsed is not None and parsed.family == family and parsed.language in locales:
            found.append((parsed, VoiceInfo(name, provider, (parsed.language,), gender, f"Google {name}")))
    order = list(locales)
    found.sort(
        key=lambda each: (
            order.index(each[0].language),
            each[0].locale.lower() != locales[each[0].language].lower(),
            each[1].name,
        )
    )
    return tuple(voice for _, voice in found)
