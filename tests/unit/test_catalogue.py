"""What the doors ask of the catalogue: voices by name and by language, characters, and refusals that help."""

from typing import Any

import pytest

from segue.errors import ConfigurationError, InvalidRequest, UnknownCharacter, UnknownVoice
from segue.voice.casting import Part
from segue.voice.catalogue import Catalogue
from segue.voice.characters import Character, Characters
from segue.voice.ports import VoiceInfo

VOICES = (
    VoiceInfo("anna", "house", ("uk",), "female"),
    VoiceInfo("boris", "house", ("ru",), "male"),
    VoiceInfo("both", "house", ("uk", "ru"), "male"),
)
CHAIN = (
    VoiceInfo("clara", "cloud", ("uk",), "female"),
    VoiceInfo("boris", "cloud", ("ru",), "male"),
    *VOICES,
)
CHARACTERS = Characters(
    {
        "guide": Character.model_validate(
            {
                "name": {"en": "Guide", "uk": "Провідник"},
                "description": "Shows the way",
                "speed": 1.2,
                "pitch_st": -3,
                "voices": {"house": "both"},
                "variants": {"new": {"cloud": {"uk": "clara"}}},
            }
        ),
        "trader": Character(voices={"house": {"ru": "boris"}}),
    }
)
CATALOGUE = Catalogue(VOICES, {"uk": "anna", "ru": "boris"}, ("uk", "ru"))


def test_the_default_of_the_language_speaks_when_nobody_is_named() -> None:
    """No voice asked for: the configured default."""
    assert CATALOGUE.choose(None, "ru").name == "boris"


def test_a_named_voice_speaks_its_languages() -> None:
    """A voice with two languages can be asked for in both."""
    assert CATALOGUE.choose("both", "uk").name == CATALOGUE.choose("both", "ru").name == "both"


@pytest.mark.parametrize(
    ("name", "language", "expected"),
    [("ana", "uk", "try anna"), ("boris", "uk", "speaks ru, not uk; try anna, both"), ("xyz", "ru", "try boris, both")],
)
def test_an_unknown_voice_fails_closed(name: str, language: str, expected: str) -> None:
    """A voice that is not there is never replaced silently; the message names what there is."""
    with pytest.raises(UnknownVoice, match=expected):
        CATALOGUE.choose(name, language)


def test_naming_a_voice_is_enough_where_it_has_one_language() -> None:
    """The language of a turn follows from a voice that speaks only one."""
    assert CATALOGUE.language_of("anna") == "uk"
    assert CATALOGUE.language_of("both") is None
    assert CATALOGUE.language_of("xyz") is None


def test_gender_falls_back_to_the_default() -> None:
    """`female` in a language without one gives the default rather than silence."""
    assert CATALOGUE.by_gender("male", "uk").name == "both"
    assert CATALOGUE.by_gender("female", "ru").name == "boris"


def test_a_default_that_nobody_has_refuses_the_start() -> None:
    """A configuration that would fail at the first turn fails at start, with what there is."""
    with pytest.raises(ConfigurationError, match=r"voice\.voices\.uk: .*'boris' for uk; it has anna, both"):
        Catalogue(VOICES, {"uk": "boris"}, ("uk",))


def test_a_language_that_nobody_speaks_refuses_the_start() -> None:
    """A configured language without any voice fails at start."""
    with pytest.raises(ConfigurationError, match="no configured synthesizer speaks zh"):
        Catalogue(VOICES, {}, ("uk", "zh"))


def test_without_a_default_the_first_voice_speaks() -> None:
    """A language without a configured default has the first voice of the first provider that speaks it."""
    catalogue = Catalogue(VOICES, {}, ("uk", "ru"))
    assert [catalogue.choose(None, language).name for language in ("uk", "ru")] == ["anna", "boris"]


def test_the_chains_order_holds_for_a_default() -> None:
    """The default voice says how its provider speaks; who speaks first is said by the order of the chain."""
    catalogue = Catalogue(CHAIN, {"uk": "anna"}, ("uk",), order=("cloud", "house"))
    casting = catalogue.cast("uk")
    assert casting.order == ("cloud", "house")
    assert {name: part.voice for name, part in casting.parts.items()} == {"cloud": "clara", "house": "anna"}
    assert catalogue.choose(None, "uk").name == "clara"


def test_a_voice_may_be_named_with_its_provider() -> None:
    """Where two providers have a voice of one name the chain's first is meant, unless the provider is said."""
    catalogue = Catalogue(CHAIN, {}, ("uk", "ru"), order=("cloud", "house"))
    assert catalogue.choose("boris", "ru").provider == "cloud"
    assert catalogue.choose("house/boris", "ru").provider == "house"
    assert catalogue.cast("ru", "house/boris").order == ("house", "cloud")
    assert catalogue.language_of("house/boris") == "ru"
    assert catalogue.has("house/boris")
    assert not catalogue.has("cloud/anna")
    with pytest.raises(UnknownVoice, match="'cloud/ana'; for uk try anna"):
        catalogue.choose("cloud/ana", "uk")


def test_a_provider_without_voices_is_passed_by() -> None:
    """Who offers nothing stands in the chain with a reason."""
    catalogue = Catalogue(CHAIN, {}, ("uk",), order=("silent", "cloud", "house"))
    assert catalogue.cast("uk").unsuitable == {"silent": "no_language"}


def test_preferred_voices_are_checked() -> None:
    """A preferred voice of nobody, of an unknown provider or for another language refuses the start, all at once."""
    preferred = {"house": {"uk": "ana", "ru": "anna"}, "hose": {"uk": "anna"}, "elsewhere": {"uk": "x"}}
    with pytest.raises(ConfigurationError) as refused:
        Catalogue(CHAIN, {}, ("uk", "ru"), preferred=preferred, elsewhere=("elsewhere",))
    assert refused.value.message.splitlines() == [
        "voice.provider_voices.house.uk: house has no voice 'ana'; try anna.",
        "voice.provider_voices.house.ru: voice 'anna' of house speaks uk, not ru; try boris, both.",
        "voice.provider_voices.hose: there is no synthesizer 'hose'; try house.",
    ]


def cast_of(catalogue: Catalogue, *asked: Any, **named: Any) -> dict[str, str]:
    """The voices of a casting by provider."""
    return {name: part.voice for name, part in catalogue.cast(*asked, **named).parts.items()}


def test_a_character_is_spoken_with_its_own_voices() -> None:
    """The catalogue's voices in their manner, of the variant where it has any; a provider without one is passed by."""
    catalogue = Catalogue(CHAIN, {}, ("uk", "ru"), order=("cloud", "house"), characters=CHARACTERS)
    casting = catalogue.cast("uk", character="guide")
    assert casting.parts == {"house": Part("both", 1.2, -3.0)}
    assert casting.unsuitable == {"cloud": "no_voice"}
    assert cast_of(catalogue, "uk", character="guide", variant="new") == {"cloud": "clara", "house": "both"}
    assert cast_of(catalogue, "ru", character="guide", variant="new") == {"house": "both"}


def test_characters_fail_closed() -> None:
    """An unknown character, one without a voice for the language, and one beside a voice are refused."""
    catalogue = Catalogue(CHAIN, {}, ("uk", "ru"), characters=CHARACTERS)
    with pytest.raises(UnknownCharacter, match="There is no character 'gide'; try guide"):
        catalogue.cast("uk", character="gide")
    with pytest.raises(UnknownVoice, match="Character 'trader' has no voice for uk; it speaks ru"):
        catalogue.cast("uk", character="trader")
    with pytest.raises(InvalidRequest, match="not for both"):
        catalogue.cast("uk", "anna", "guide")
    with pytest.raises(UnknownCharacter, match="'guide'; no characters are configured"):
        CATALOGUE.cast("uk", character="guide")


def test_naming_a_character_is_enough_where_it_has_one_language() -> None:
    """The language of a turn follows from a character that speaks only one."""
    catalogue = Catalogue(CHAIN, {}, ("uk", "ru"), characters=CHARACTERS)
    assert [catalogue.language_of_character(key) for key in ("trader", "guide", "nobody")] == ["ru", None, None]


def test_a_character_with_a_voice_that_is_not_there_refuses_the_start() -> None:
    """A misspelt voice in the catalogue file is found at start and not by a listener."""
    lost = Characters({"guide": Character(voices={"house": {"uk": "bot"}})})
    with pytest.raises(ConfigurationError, match=r"characters\.guide\.voices\.house\.uk: .* 'bot'; try both"):
        Catalogue(CHAIN, {}, ("uk",), characters=lost)


def test_characters_are_listed_for_every_language() -> None:
    """A character is listed with a name in each language: its own, else the English one, else its key."""
    guide, trader = Catalogue(CHAIN, {}, ("uk", "ru"), characters=CHARACTERS).listed()
    assert guide["names"] == {"uk": "Провідник", "ru": "Guide"}
    assert guide["descriptions"] == {"uk": "Shows the way", "ru": "Shows the way"}
    assert guide["voices"] == {"house": {"*": "both"}}
    assert (guide["key"], guide["languages"], guide["speed"], guide["pitch_st"]) == ("guide", ["uk", "ru"], 1.2, -3.0)
    assert guide["variants"] == ["new"]
    assert (trader["names"]["uk"], trader["descriptions"]["uk"], trader["languages"]) == ("trader", "", ["ru"])


def test_what_a_provider_learns_at_its_start_is_taken_over() -> None:
    """Before its start a provider's list may be too short; after it every name is checked, and all voices are there."""
    preferred = {"cloud": {"uk": "later"}}
    catalogue = Catalogue(CHAIN, {"uk": "later"}, ("uk",), preferred=preferred, pending=("cloud",))
    assert catalogue.renew((*CHAIN, VoiceInfo("later", "cloud", ("uk",)))) == ()
    assert catalogue.choose(None, "uk").name == "later"
    with pytest.raises(ConfigurationError, match=r"voice\.voices\.uk: .*\nvoice\.provider_voices\.cloud\.uk: "):
        catalogue.renew(CHAIN)
    assert catalogue.choose("later", "uk").provider == "cloud", "what was refused is not taken over"


def test_a_language_that_is_lost_at_start_is_told_and_refused_in_turns() -> None:
    """An engine that lacks a language on this machine stops nothing but the turns in it."""
    spoken = {"house": {"ru": "boris"}}
    trader = Characters({"trader": CHARACTERS.by_key["trader"]})
    catalogue = Catalogue(VOICES, {"ru": "boris"}, ("uk", "ru"), preferred=spoken, characters=trader)
    assert catalogue.renew(VOICES[:1]) == (
        "voice.voices.ru: no configured synthesizer has a voice 'boris' for ru; it has none.",
        "voice.provider_voices.house.ru: house has no voice for ru; it speaks uk.",
        "characters.trader.voices.house.ru: house has no voice for ru; it speaks uk.",
    )
    assert catalogue.choose(None, "uk").name == "anna"
    with pytest.raises(UnknownVoice, match="No synthesizer here speaks ru"):
        catalogue.cast("ru")


def test_a_provider_that_is_gone_takes_only_its_own_voices_along() -> None:
    """The default voice of a provider that did not start is stood in for; asked for by name it is refused."""
    catalogue = Catalogue(CHAIN, {"uk": "clara"}, ("uk",), order=("cloud", "house"))
    assert catalogue.renew(VOICES) == ()
    assert catalogue.choose(None, "uk").name == "anna"
    with pytest.raises(UnknownVoice, match="'clara'"):
        catalogue.cast("uk", "clara")
