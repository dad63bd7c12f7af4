"""How long a provider may keep us waiting: for the first thing to hear, between things, and in all."""

from segue.voice.attempt import Limits, Watch

LIMITS = Limits(4.0, 1.5, 60.0)


def test_the_wait_for_the_first_is_no_stall() -> None:
    """A provider that begins late, with little, has its whole stall limit from then on."""
    watch = Watch(LIMITS)
    watch.waited(3.0)
    watch.gained(0.1)
    assert watch.allowance_s == 1.5


def test_a_trickle_is_a_stall() -> None:
    """What comes slower than a tenth of real time does not begin the stall limit anew."""
    watch = Watch(LIMITS)
    watch.gained(0.1)
    for _ in range(14):
        watch.waited(0.1)
        watch.gained(0.001)
    assert 0.0 < watch.allowance_s < 0.11
    watch.gained(0.15)
    assert watch.allowance_s == 1.5


def test_silence_is_nothing_gained() -> None:
    """Silent audio goes on using up the limit to the first thing to hear."""
    watch = Watch(LIMITS)
    watch.waited(3.5)
    watch.gained(0.0)
    assert watch.allowance_s == 0.5
    assert watch.complaint() == "no audible audio within 4 s"
