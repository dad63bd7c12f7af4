import pytest

from segue.records import Mark, Outcome, Underflow
from segue.voice.timeline import Heading, Timeline, VirtualListener

HEADING = Heading(
    turn="0" * 32,
    kind="chat",
    at=1_700_000_000.0,
    listener="anna",
    chat=None,
    variant="baseline",
    profile="fast",
    character=None,
    language="uk",
    model="offline",
    voice="uk",
    format="pcm16",
)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        # (second, milliseconds of audio) …
        ([(0.0, 1000)], Underflow(0, 0.0)),  # one packet: nothing to wait for
        ([(5.0, 1000), (5.5, 1000)], Underflow(0, 0.0)),  # a late first packet is TTFA, not underflow
        ([(0.0, 1000), (1.0, 1000)], Underflow(0, 0.0)),  # just in time
        ([(0.0, 1000), (1.25, 1000)], Underflow(1, 250.0)),  # a quarter of a second of silence
        ([(0.0, 1000), (1.25, 1000), (2.25, 1000)], Underflow(1, 250.0)),  # the wait moves everything after it
        ([(0.0, 1000), (1.25, 1000), (2.5, 1000)], Underflow(2, 500.0)),  # waited again
        ([(0.0, 1000), (1.01, 10), (1.03, 1000)], Underflow(1, 20.0)),  # two waits 10 ms apart are one to the ear
        ([(0.0, 50), (0.2, 1000)], Underflow(0, 0.0)),  # below the cushion playing has not begun
    ],
)
def test_virtual_listener(sent: list[tuple[float, float]], expected: Underflow) -> None:
    """A listener at normal speed waits exactly when what was sent has run out in mid-reply."""
    listener = VirtualListener(cushion_ms=120.0)
    for moment, ms in sent:
        listener.sent(moment, ms)

    assert (listener.underflow.events, listener.underflow.ms) == (expected.events, pytest.approx(expected.ms))


def test_buffered_is_what_was_not_yet_played() -> None:
    """The store of a listener shrinks with the clock and never below zero."""
    listener = VirtualListener(cushion_ms=120.0)
    assert listener.buffered_ms(0.0) == 0.0
    listener.sent(10.0, 2000)

    assert listener.buffered_ms(10.5) == pytest.approx(1500)
    assert listener.buffered_ms(99.0) == 0.0


def test_marks_count_once_and_from_the_request() -> None:
    """A mark keeps its first moment, in milliseconds since the request."""
    timeline = Timeline(HEADING, began=100.0)
    timeline.mark(Mark.FIRST_TOKEN, 100.25)
    timeline.mark(Mark.FIRST_TOKEN, 101.0)
    timeline.sent(100.5, 40.0, audible=False)
    timeline.sent(100.75, 40.0, audible=True)

    record = timeline.close(102.0)

    assert record.marks == {"request": 0.0, "first_token": 250.0, "first_sent": 750.0, "done": 2000.0}
    assert record.ttfa_ms == 750.0
    assert timeline.timings == {"first_token_ms": 250.0, "first_sent_ms": 750.0, "total_ms": 2000.0}
    assert record.audio_ms == 80.0


def test_the_first_word_about_the_end_stands() -> None:
    """A turn that failed and was then hung up on failed; one of which nobody said anything was abandoned."""
    timeline = Timeline(HEADING, began=0.0)
    timeline.end(Outcome.FAILED, error="provider_failed", reason="It broke.")
    timeline.end(Outcome.ABANDONED)

    record = timeline.close(1.0)
    assert (record.outcome, record.error, record.reason) == (Outcome.FAILED, "provider_failed", "It broke.")
    assert Timeline(HEADING, began=0.0).close(1.0).outcome is Outcome.ABANDONED
