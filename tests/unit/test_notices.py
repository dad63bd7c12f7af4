"""What a listener is told when a turn is not served as asked: once for each reason and provider."""

import pytest

from segue.voice.casting import Casting, Part
from segue.voice.frames import Degraded
from segue.voice.notices import Notices
from segue.voice.rendering import Sentence
from segue.voice.speaking import Packet

PARTS = {"piper": Part("amy"), "espeak": Part("en-us"), "kokoro": Part("amy")}
ASKED = Casting("amy", PARTS, ("piper", "espeak", "kokoro"))
OPEN = Casting("", PARTS, ("piper", "espeak", "kokoro"))


def written(writer: str) -> Sentence:
    """A sentence by this model."""
    return Sentence(0, "Hello.", "Hello.", writer=writer)


def spoken(provider: str, *, resumed: bool = False) -> Packet:
    """Sound by this synthesizer."""
    return Packet(0, 0, b"", 0.0, provider, "m", PARTS[provider].voice, False, True, resumed)


def told(casting: Casting, *pieces: Sentence | Packet) -> list[tuple[str, str | None]]:
    """The reasons and providers that are told before these pieces, in order."""
    notices = Notices("gpt", "piper", casting)
    return [(notice.reason, notice.provider) for piece in pieces for notice in notices.of(piece)]


def test_nothing_is_told_of_what_was_asked_for() -> None:
    """First choices are no news, neither is a text that the caller brought."""
    assert told(ASKED, written("gpt"), spoken("piper"), written("gpt"), spoken("piper")) == []
    assert told(OPEN, written(""), spoken("piper")) == []


def test_another_model_is_told_once() -> None:
    """A model that answers instead of the first choice is a fallback, told before its first sentence only."""
    assert told(OPEN, written("ollama"), written("ollama")) == [("fallback", "ollama")]


def test_a_model_that_goes_on_for_another_is_told_as_such() -> None:
    """Whoever goes on with a reply resumes it, also where the one before was itself no first choice."""
    assert told(OPEN, written("gpt"), written("ollama"), written("ollama")) == [("resumed", "ollama")]
    assert told(OPEN, written("ollama"), written("offline")) == [("fallback", "ollama"), ("resumed", "offline")]


def test_another_synthesizer_is_told_once() -> None:
    """A synthesizer in another's place is a fallback; one that finishes a sentence has resumed it."""
    assert told(OPEN, spoken("espeak"), spoken("espeak")) == [("fallback", "espeak")]
    assert told(OPEN, spoken("piper"), spoken("espeak", resumed=True), spoken("espeak")) == [
        ("resumed", "espeak"),
        ("fallback", "espeak"),
    ]
    assert told(OPEN, spoken("espeak"), spoken("kokoro"), spoken("espeak")) == [
        ("fallback", "espeak"),
        ("fallback", "kokoro"),
    ]


def test_another_voice_is_told_only_where_one_was_asked_for() -> None:
    """A voice that nobody asked for is not missed; the same voice at another provider is the one that was asked for."""
    assert told(ASKED, spoken("espeak"), spoken("espeak")) == [("fallback", "espeak"), ("substituted", "espeak")]
    assert told(ASKED, spoken("espeak", resumed=True)) == [("resumed", "espeak"), ("substituted", "espeak")]
    assert told(ASKED, spoken("kokoro")) == [("fallback", "kokoro")]


def test_a_model_and_a_synthesizer_may_have_one_name() -> None:
    """That another model writes does not hide that another synthesizer speaks, whatever they are called."""
    assert told(OPEN, written("espeak"), spoken("espeak"), written("espeak"), spoken("espeak")) == [
        ("fallback", "espeak"),
        ("fallback", "espeak"),
    ]


@pytest.mark.parametrize(
    ("piece", "expected"),
    [
        (written("ollama"), [Degraded("fallback", "ollama answers instead of gpt.", "ollama")]),
        (
            spoken("espeak"),
            [
                Degraded("fallback", "espeak speaks instead of piper.", "espeak", "en-us"),
                Degraded("substituted", "en-us is heard instead of amy.", "espeak", "en-us"),
            ],
        ),
    ],
)
def test_a_notice_says_who_does_it_instead_of_whom(piece: Sentence | Packet, expected: list[Degraded]) -> None:
    """The sentence names both, and the fields name who is really there, and with which voice."""
    assert Notices("gpt", "piper", ASKED).of(piece) == expected
