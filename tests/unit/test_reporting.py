from dataclasses import replace

import pytest

from segue.clock import ManualClock
from segue.errors import InvalidRequest, Unauthorized
from segue.records import Outcome, PlaybackReport, TurnRecord
from segue.stores.memory import MemoryTurnStore
from segue.voice.reporting import ReportResult, Reports, ReportTokens, implausible

TURN = "ab" * 16
RECORD = TurnRecord(
    turn=TURN,
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
    outcome=Outcome.COMPLETED,
    marks={"request": 0.0, "first_sent": 1800.0, "done": 2900.0},
    audio_ms=10_000.0,
)
REPORT = PlaybackReport(turn=TURN, first_played_ms=1900.0, played_s=10.0, underflow_events=0, underflow_ms=0.0)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, None),
        ({"underflow_events": 2, "underflow_ms": 300.0, "max_gap_ms": 200.0}, None),
        ({"played_s": 0.0, "first_played_ms": None}, None),
        ({"underflow_ms": 300.0}, "without an event"),
        ({"max_gap_ms": 5000.0}, "longer than all"),
        ({"played_s": 13.0}, "more was played"),
        ({"first_played_ms": 100.0}, "came before"),
    ],
)
def test_a_report_is_cross_checked_with_the_server(change: dict[str, float], expected: str | None) -> None:
    """What contradicts the server's own clock is implausible; what a slow device may do is not."""
    reason = implausible(replace(REPORT, **change), RECORD)

    assert reason is None if expected is None else reason is not None and expected in reason


async def test_the_first_report_counts() -> None:
    """The same turn reported twice is told as a duplicate, and the first report stays."""
    store, tokens = MemoryTurnStore(), ReportTokens(b"secret")
    store.append(RECORD)
    reports = Reports(tokens, store, ManualClock())

    result, record = await reports.take(REPORT, tokens.issue(TURN))
    again, _ = await reports.take(replace(REPORT, played_s=1.0), tokens.issue(TURN))

    assert (result, again) == (ReportResult.ACCEPTED, ReportResult.DUPLICATE)
    assert record is not None
    kept = await store.find(TURN)
    assert kept is not None
    assert kept.playback is not None
    assert kept.playback.played_s == 10.0
    assert kept.as_dict()["marks"]["first_played"] == 1900.0


async def test_an_implausible_report_is_kept_and_marked() -> None:
    """Nothing is thrown away: an implausible report is kept, with the mark that keeps it out of the evidence."""
    store, tokens = MemoryTurnStore(), ReportTokens(b"secret")
    store.append(RECORD)

    result, _ = await Reports(tokens, store, ManualClock()).take(replace(REPORT, played_s=99.0), tokens.issue(TURN))

    kept = await store.find(TURN)
    assert result is ReportResult.IMPLAUSIBLE
    assert kept is not None
    assert kept.playback is not None
    assert kept.playback.plausible is False


async def test_only_the_listener_of_a_turn_may_report() -> None:
    """A token of another turn, or of another server, is refused."""
    store, tokens = MemoryTurnStore(), ReportTokens(b"secret")
    reports = Reports(tokens, store, ManualClock())

    for token in (tokens.issue("cd" * 16), ReportTokens(b"other").issue(TURN), "", "é"):
        with pytest.raises(Unauthorized):
            await reports.take(REPORT, token)


async def test_an_old_turn_is_not_reported_any_more() -> None:
    """A report comes within a day or not at all."""
    store, tokens = MemoryTurnStore(), ReportTokens(b"secret")
    store.append(RECORD)

    with pytest.raises(InvalidRequest, match="older than a day"):
        await Reports(tokens, store, ManualClock(wall_s=RECORD.at + 90_000)).take(REPORT, tokens.issue(TURN))
