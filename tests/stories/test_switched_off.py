"""What listeners get while providers are switched off, or others are put first."""

from segue.records import Served
from segue.routing import Variant
from segue.voice.breaker import BreakerState
from segue.voice.frames import Degraded
from tests.stories.test_arms import House, voices


async def test_whoever_is_next_is_the_first_choice() -> None:
    """Who is switched off is neither asked nor missed: the turn is served as it should be, and nothing is told."""
    house = House()
    house.chain.govern({"old": "drawn"}, "")
    frames, record = await house.take()
    assert {provider for provider, _ in voices(frames)} == {"new"}
    assert (record.first_choice, record.served) == ("new", Served.PRIMARY)
    assert not [frame for frame in frames if isinstance(frame, Degraded)]
    target = house.chain.chain.targets["old"]
    assert (target.calls, target.failures, target.breaker.state) == (0, 0, BreakerState.CLOSED)


async def test_on_again_it_is_asked_again() -> None:
    """The order of the configuration is back as soon as nobody is switched off or put first."""
    house = House()
    house.chain.govern({"old": "drawn"}, "new")
    house.chain.govern({}, "")
    _, record = await house.take()
    assert record.first_choice == "old"


async def test_a_variant_whose_synthesizer_is_off_is_told_as_substituted() -> None:
    """Another one speaks in its place, so the variant is not judged by it: that is a fallback, and is said."""
    house = House()
    house.expose(synthesizer="new")
    house.chain.govern({"new": "drawn"}, "new")
    frames, record = await house.take()
    assert {provider for provider, _ in voices(frames)} == {"old"}
    assert (record.first_choice, record.served) == ("new", Served.FALLBACK)


async def test_a_variant_whose_model_is_off_is_told_as_substituted() -> None:
    """The same of a language model, and the listener is told who answers instead."""
    house = House()
    house.expose(model="big")
    house.turns.planner.models.govern({"big": "drawn"}, "")
    frames, record = await house.take()
    assert (record.model, record.served) == ("big", Served.FALLBACK)
    assert [frame.message for frame in frames if isinstance(frame, Degraded)] == ["small answers instead of big."]


async def test_a_variants_own_choice_goes_before_whoever_is_put_first() -> None:
    """Putting a provider first changes what is configured, not what a rollout compares."""
    house = House()
    house.expose(synthesizer="new")
    house.chain.govern({}, "old")
    _, record = await house.take()
    assert record.first_choice == "new"


async def test_a_rollout_learns_beforehand_who_is_off() -> None:
    """What a variant lacks names the switch, and not a mistake in the plan."""
    house = House()
    house.chain.govern({"new": "drawn"}, "")
    assert house.turns.planner.lacking(Variant("candidate", synthesizer="new")) == (
        "Variant 'candidate': synthesizer 'new' is switched off: drawn.",
    )
