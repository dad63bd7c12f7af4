"""Who is asked first in a reply: its voice changes as seldom as can be."""

from segue.voice.lineup import Lineup


def test_who_speaks_goes_on_speaking() -> None:
    """The provider that began to speak is asked first for what follows, and the others keep their order behind it."""
    lineup = Lineup(("a", "b", "c"))
    lineup.lead("b")
    assert lineup.order == ("b", "a", "c")
    lineup.lead("b")
    assert lineup.order == ("b", "a", "c")


def test_who_failed_is_not_gone_back_to() -> None:
    """A provider that failed stays behind, also when a sentence that it was asked for before comes through."""
    lineup = Lineup(("a", "b", "c"))
    lineup.demote("a")
    assert lineup.order == ("b", "c", "a")
    lineup.lead("a")
    assert lineup.order == ("b", "c", "a")
    lineup.lead("c")
    assert lineup.order == ("c", "b", "a")
