"""Records: values that survive the way to disk and back."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.records import (
    AttemptOutcome,
    Mark,
    Outcome,
    PlaybackReport,
    SynthesisAttempt,
    TurnRecord,
    Underflow,
    record_from_dict,
)

figures = st.floats(min_value=0, max_value=1e7, allow_nan=False)
words = st.text(max_size=20)
attempts = st.builds(
    SynthesisAttempt,
    seq=st.integers(0, 99),
    provider=words,
    model=words,
    voice=words,
    outcome=st.sampled_from(AttemptOutcome),
    characters=st.integers(0, 500),
    category=st.none() | words,
    first_byte_ms=st.none() | figures,
    first_audible_ms=st.none() | figures,
    total_ms=figures,
    audio_ms=figures,
)
records = st.builds(
    TurnRecord,
    turn=words,
    kind=st.sampled_from(["chat", "speech"]),
    at=figures,
    listener=st.none() | words,
    chat=st.none() | words,
    variant=words,
    profile=words,
    character=st.none() | words,
    language=words,
    model=words,
    voice=words,
    format=words,
    outcome=st.sampled_from(Outcome),
    marks=st.dictionaries(st.sampled_from([m.value for m in Mark if m is not Mark.FIRST_PLAYED]), figures),
    sentences=st.integers(0, 99),
    characters=st.integers(0, 9999),
    audio_ms=figures,
    attempts=st.lists(attempts, max_size=3).map(tuple),
    underflow=st.builds(Underflow, st.integers(0, 9), figures),
    error=st.none() | words,
    reason=st.none() | words,
)


@given(records)
def test_a_record_survives_json(record: TurnRecord) -> None:
    """Any record, written as JSON and read again, is equal to the bit."""
    assert record_from_dict(json.loads(json.dumps(record.as_dict()))) == record


@given(records)
def test_a_report_travels_with_its_record(record: TurnRecord) -> None:
    """With a report, the plain record has `first_played` among its marks, and the report comes back whole."""
    report = PlaybackReport(record.turn, 12.5, 3.0, 1, 40.0)
    plain = dataclasses.replace(record, playback=report).as_dict()
    again = record_from_dict(json.loads(json.dumps(plain)))

    assert plain["marks"] == {**record.marks, "first_played": 12.5}
    assert again.playback == report


@given(records)
def test_a_report_without_a_sound_adds_no_mark(record: TurnRecord) -> None:
    """A listener who never heard anything leaves no moment at which it did."""
    silent = dataclasses.replace(record, playback=PlaybackReport(record.turn, None, 0.0, 0, 0.0))

    assert silent.as_dict()["marks"] == record.marks


@given(records)
def test_unknown_keys_are_refused(record: TurnRecord) -> None:
    """A field that this version does not know is not dropped in silence."""
    with pytest.raises(TypeError, match="mood"):
        record_from_dict({**record.as_dict(), "mood": "good"})


@given(records)
def test_ttfa_is_the_first_sent_mark(record: TurnRecord) -> None:
    """The time to first audio ends when the first audible audio was handed to the transport, or is unknown."""
    assert record.ttfa_ms == record.marks.get("first_sent")


@given(records)
def test_records_do_not_change(record: TurnRecord) -> None:
    """A record is a value: what happened stays what happened."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        record.variant = "other"  # type: ignore[misc]


def test_marks_stand_in_the_order_of_a_healthy_turn() -> None:
    """The marks are declared in the order in which a turn passes them; documents and pages rely on it."""
    assert [mark.value for mark in Mark] == [
        "request", "first_token", "first_sentence", "first_byte", "first_audible", "first_sent", "first_played", "done",
    ]  # fmt: skip
