"""Records of turns as tests need them: one that went well, and ones that did not."""

from dataclasses import replace
from typing import Any

from segue.records import AttemptOutcome, Mark, ModelAttempt, Outcome, SynthesisAttempt, TurnRecord

SPOKEN = SynthesisAttempt(0, "espeak", "espeak", "en-us", AttemptOutcome.COMPLETED, 20, None, 40.0, 50.0, 60.0, 900.0)
WRITTEN = ModelAttempt("offline", "offline", AttemptOutcome.COMPLETED)


def turn(ttfa: float = 900.0, first_tts: float = 300.0, **changes: Any) -> TurnRecord:
    """A chat turn that went well, with these latencies in milliseconds."""
    marks = {
        Mark.REQUEST.value: 0.0,
        Mark.FIRST_TOKEN.value: 100.0,
        Mark.FIRST_SENTENCE.value: ttfa - first_tts,
        Mark.FIRST_AUDIBLE.value: ttfa,
        Mark.FIRST_SENT.value: ttfa,
        Mark.DONE.value: ttfa + 1000.0,
    }
    record = TurnRecord(
        turn="0" * 32,
        kind="chat",
        at=1_700_000_000.0,
        listener=None,
        chat=None,
        variant="baseline",
        profile="fast",
        character=None,
        language="en",
        model="offline",
        voice="en-us",
        format="pcm16",
        outcome=Outcome.COMPLETED,
        marks=marks,
        sentences=1,
        attempts=(SPOKEN,),
        model_attempts=(WRITTEN,),
    )
    return replace(record, **changes)


def broken(error: str = "provider_failed", **changes: Any) -> TurnRecord:
    """A turn whose language model failed before its first token."""
    failure = replace(WRITTEN, outcome=AttemptOutcome.FAILED, category="server")
    values = {"attempts": (), "model_attempts": (failure,), "marks": {"request": 0.0, "done": 50.0}, **changes}
    return turn(outcome=Outcome.FAILED, error=error, **values)


def mute(error: str = "provider_failed", **changes: Any) -> TurnRecord:
    """A turn of which no synthesizer could speak the second sentence."""
    failure = replace(SPOKEN, seq=1, outcome=AttemptOutcome.FAILED, category="server")
    return turn(outcome=Outcome.FAILED, error=error, **{"attempts": (SPOKEN, failure), **changes})
