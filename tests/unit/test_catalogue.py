import pytest

from segue.errors import ConfigurationError, UnknownCharacter, UnknownVoice
from segue.voice.catalogue import Catalogue
from segue.voice.ports import VoiceInfo

VOICES = (
    VoiceInfo("anna", "house", ("uk",), "female"),
    VoiceInfo("boris", "house", ("ru",), "male"),
    VoiceInfo("both", "house", ("uk", "ru"), "male"),
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


def test_characters_are_unknown_without_a_catalogue_file() -> None:
    """A character that is not configured is refused, not ignored."""
    CATALOGUE.refuse_character(None)
    with pytest.raises(UnknownCharacter, match="'pip_boy'"):
        CATALOGUE.refuse_character("pip_boy")
