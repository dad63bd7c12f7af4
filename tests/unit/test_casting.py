"""Who speaks with which voice, as values: a chain of three providers that share a language or two."""

from segue.voice.casting import NO_LANGUAGE, NO_VOICE, Part, Repertoire, cast_character, cast_voice, objection, speaks
from segue.voice.ports import VoiceInfo

CLOUD = (
    VoiceInfo("alloy", "cloud", ("en", "uk"), "unknown"),
    VoiceInfo("nova", "cloud", ("en", "uk"), "female"),
    VoiceInfo("onyx", "cloud", ("en", "uk"), "male"),
)
LOCAL = (
    VoiceInfo("ostap", "local", ("uk",), "male"),
    VoiceInfo("oksana", "local", ("uk",), "female"),
    VoiceInfo("polina", "local", ("uk",), "female"),
)
ROBOT = (
    VoiceInfo("en-us", "robot", ("en",), "male"),
    VoiceInfo("uk", "robot", ("uk",), "male"),
    VoiceInfo("uk+f3", "robot", ("uk",), "female"),
    VoiceInfo("nova", "robot", ("en",), "male"),
)
ALL = {"cloud": CLOUD, "local": LOCAL, "robot": ROBOT}


def voices(casting_of: str, *, language: str = "uk", repertoire: Repertoire | None = None) -> dict[str, str]:
    """The voice of each provider when that one is asked for."""
    there = repertoire or Repertoire(ALL)
    found = there.find(casting_of, language)
    assert found is not None
    return {name: part.voice for name, part in cast_voice(there, language, found, asked=True).parts.items()}


def test_a_fallback_sounds_like_what_was_asked_for() -> None:
    """A fallback's voice is its first of the same gender."""
    assert voices("nova") == {"cloud": "nova", "local": "oksana", "robot": "uk+f3"}
    assert voices("onyx") == {"cloud": "onyx", "local": "ostap", "robot": "uk"}


def test_an_unknown_gender_matches_nothing() -> None:
    """A voice that does not say how it sounds is stood in for by the first that speaks the language."""
    assert voices("alloy") == {"cloud": "alloy", "local": "ostap", "robot": "uk"}


def test_the_operators_choice_goes_before_gender() -> None:
    """A provider's preferred voice of the language stands in before one of the same gender."""
    preferring = Repertoire(ALL, preferred={"local": {"uk": "polina"}, "robot": {"uk": "uk"}})
    assert voices("nova", repertoire=preferring) == {"cloud": "nova", "local": "polina", "robot": "uk"}


def test_a_preference_for_what_is_not_there_is_passed_over() -> None:
    """A preferred voice that the provider does not offer today leaves the choice to gender."""
    assert voices("nova", repertoire=Repertoire(ALL, preferred={"local": {"uk": "olena"}}))["local"] == "oksana"


def test_the_name_that_was_asked_for_is_used_wherever_it_is() -> None:
    """Two providers with a voice of one name both speak with it, and neither substitutes."""
    there = Repertoire(ALL)
    nova = there.find("nova", "en")
    assert nova is not None
    casting = cast_voice(there, "en", nova, asked=True)
    assert casting.parts["robot"].voice == "nova"
    assert not casting.substituted("robot")


def test_the_owner_of_a_voice_that_was_asked_for_comes_first() -> None:
    """Who has the voice goes before the rest of the chain, whose order stays."""
    there = Repertoire(ALL)
    assert cast_voice(there, "uk", LOCAL[2], asked=True).order == ("local", "cloud", "robot")
    assert cast_voice(there, "uk", LOCAL[2], asked=False).order == ("cloud", "local", "robot")


def test_a_substitute_is_one_for_a_voice_that_was_asked_for() -> None:
    """Another voice than the one asked for is a substitute; where none was asked for, there is none."""
    there = Repertoire(ALL)
    asked = cast_voice(there, "en", CLOUD[2], asked=True)
    assert [asked.substituted(name) for name in ("cloud", "robot", "local", "nobody")] == [False, True, False, False]
    default = cast_voice(there, "en", CLOUD[2], asked=False)
    assert default.parts == asked.parts
    assert not any(default.substituted(name) for name in default.order)


def test_who_cannot_speak_the_language_is_passed_by() -> None:
    """A provider without a voice for the language has no part and a reason."""
    casting = cast_voice(Repertoire(ALL), "en", CLOUD[0], asked=False)
    assert "local" not in casting.parts
    assert casting.unsuitable == {"local": NO_LANGUAGE}


def test_the_default_is_the_first_that_speaks_the_language() -> None:
    """Without an entry the first provider of the chain that speaks the language has its preferred or first voice."""
    order = {"local": LOCAL, "cloud": CLOUD}
    assert Repertoire(order).default("en") == CLOUD[0]
    assert Repertoire(order).default("uk") == LOCAL[0]
    assert Repertoire(order, preferred={"local": {"uk": "polina"}}).default("uk") == LOCAL[2]
    assert Repertoire(order).default("zh") is None


def test_a_default_that_is_not_there_leaves_it_to_the_chain() -> None:
    """When the provider of the default voice is gone, the rest of the chain still speaks."""
    assert Repertoire({"robot": ROBOT}, {"uk": "polina"}).default("uk") == ROBOT[1]
    assert Repertoire(ALL, {"uk": "local/polina"}).default("uk") == LOCAL[2]


def test_a_name_means_the_first_that_speaks_the_language() -> None:
    """Of voices with one name the chain's first is meant, unless only another speaks the language."""
    shared = {
        "a": (VoiceInfo("kate", "a", ("en",)),),
        "b": (VoiceInfo("kate", "b", ("en", "uk")), VoiceInfo("b/kate", "b", ("uk",))),
    }
    there = Repertoire(shared)
    found = {(name, language): there.find(name, language) for name in ("kate", "a/kate") for language in ("en", "uk")}
    assert {key: voice and voice.provider for key, voice in found.items()} == {
        ("kate", "en"): "a",
        ("kate", "uk"): "b",
        ("a/kate", "en"): "a",
        ("a/kate", "uk"): None,
    }
    assert there.find("b/kate", "uk") == shared["b"][1], "a name with a slash of its own is a name first"
    assert there.find("c/kate", "en") is there.find("b/cate", "en") is None


def test_a_language_is_our_code_of_any_region() -> None:
    """`zh` is spoken by voices that say zh, and by those that say cmn-CN or cmn-TW."""
    assert all(speaks(VoiceInfo("x", "p", (code,)), "zh") for code in ("zh", "cmn-CN", "cmn-TW"))
    assert not speaks(VoiceInfo("x", "p", ("uk-UA",)), "ru")


def test_a_character_has_only_its_own_voices() -> None:
    """A provider to which the catalogue gives no voice is passed by, however many it offers."""
    low = {"cloud": (Part("onyx", 0.8, -4.0),), "local": ()}
    casting = cast_character(Repertoire(ALL), "uk", low)
    assert casting.parts == {"cloud": Part("onyx", 0.8, -4.0)}
    assert casting.unsuitable == {"local": NO_VOICE, "robot": NO_VOICE}
    assert casting.order == ("cloud", "local", "robot")
    assert not casting.substituted("cloud")


def test_a_characters_voice_must_be_there_and_speak_the_language() -> None:
    """The first candidate that the provider offers in the language is taken, and no other voice."""
    candidates = {"robot": (Part("gone"), Part("uk+f3"), Part("en-us")), "local": (Part("polina"),)}
    assert cast_character(Repertoire(ALL), "uk", candidates).parts["robot"] == Part("uk+f3")
    english = cast_character(Repertoire(ALL), "en", candidates)
    assert english.parts == {"robot": Part("en-us")}
    assert english.unsuitable == {"cloud": NO_VOICE, "local": NO_LANGUAGE}


def test_what_speaks_against_a_configured_voice_is_told_with_what_there_is() -> None:
    """Misspelt, of another language, or in a language that the provider does not speak at all: each is told apart."""
    there = Repertoire({**ALL, "out": ()})
    assert objection(there, "local", "polina", "uk") is None
    assert objection(there, "out", "anybody", "uk") is None, "who offers nothing cannot be compared with"
    told = {
        name: objection(there, provider, name, language)
        for provider, name, language in (("local", "poline", "uk"), ("robot", "en-us", "uk"), ("local", "x", "zh"))
    }
    assert {name: found and found.why for name, found in told.items()} == {
        "poline": "local has no voice 'poline'; try polina",
        "en-us": "voice 'en-us' of robot speaks en, not uk; try uk, uk+f3",
        "x": "local has no voice for zh; it speaks uk",
    }
    assert [found and found.absent for found in told.values()] == [False, False, True]
