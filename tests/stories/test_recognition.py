"""What is told of a recognition when it is over, however it ends, and where it stands in a trace."""

import asyncio
from contextlib import aclosing
from pathlib import Path

from segue.clock import ManualClock
from segue.configuration import VoiceSettings
from segue.errors import FailureCategory, ProviderError
from segue.providers.scripted import Faults, ScriptedRecognizer
from segue.records import Outcome, Recognition
from segue.settings import Settings
from segue.trace import CALLER, CURRENT, Trace
from segue.voice.hearing import Hearing
from segue.voice.ports import Recording
from segue.wiring.house import build
from tests.collector import collector
from tests.staging import HEARING, roster

SAID = Recording(bytes(48_000), 16_000, "en")
CALLED = Trace("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", True)


def broken(clock: ManualClock, name: str) -> ScriptedRecognizer:
    """A recognizer that fails after a second, for good."""
    return ScriptedRecognizer(clock, delay_s=1.0, faults=Faults(error=FailureCategory.AUTH), name=name)


async def ended(clock: ManualClock, *recognizers: ScriptedRecognizer, cancel: bool = False) -> Recognition:
    """What is told of one recording that these recognizers are given."""
    told: list[Recognition] = []
    hearing = Hearing(roster(clock, HEARING, *recognizers), VoiceSettings(), told.append)
    task = asyncio.ensure_future(hearing.hear(SAID))
    for _ in range(4):
        await clock.advance(0.5)
    if cancel:
        task.cancel()
    await clock.advance(5.0)
    (found,) = told
    await asyncio.gather(task, return_exceptions=True)
    return found


async def test_each_attempt_is_told_at_its_own_time() -> None:
    """The one that failed and the one that stood in, each with its beginning and its length; the whole has both."""
    clock = ManualClock()
    at = clock.wall()
    found = await ended(clock, broken(clock, "first"), ScriptedRecognizer(clock, delay_s=0.5, name="second"))
    assert (found.at, found.language, found.recording_ms) == (at, "en", 1500.0)
    assert (found.outcome, found.error, found.total_ms) == (Outcome.COMPLETED, None, 1500.0)
    told = [(each.provider, each.outcome.value, each.category, each.began_ms, each.total_ms) for each in found.attempts]
    assert told == [("first", "failed", "auth", 0.0, 1000.0), ("second", "completed", None, 1000.0, 500.0)]


async def test_a_recognition_that_fails_or_is_left_is_told_too() -> None:
    """Where nobody can hear it, its error is told; where its caller leaves, that is no failure."""
    clock = ManualClock()
    lost = await ended(clock, broken(clock, "only"))
    assert (lost.outcome, lost.error) == (Outcome.FAILED, ProviderError("").code)
    left = await ended(clock, ScriptedRecognizer(clock, delay_s=60.0), cancel=True)
    assert (left.outcome, left.error, left.total_ms) == (Outcome.ABANDONED, None, 2000.0)
    assert [each.outcome.value for each in left.attempts] == ["cancelled"]


async def test_who_watches_cannot_keep_anybody_from_being_heard() -> None:
    """A mistake of whoever is told costs no listener the words."""
    clock = ManualClock()

    def stumble(_: Recognition) -> None:
        raise RuntimeError("a mistake")

    hearing = Hearing(roster(clock, HEARING, ScriptedRecognizer(clock)), VoiceSettings(), stumble)
    assert (await hearing.hear(SAID)).text == "hello"


async def test_a_turn_that_begins_with_a_recording_has_it_in_its_trace(tmp_path: Path) -> None:
    """In a whole Segue the recognition stands beneath its turn; one without a turn stands beneath its caller."""
    with collector() as server:
        plain = {
            "data": tmp_path,
            "voice": {"languages": ["en"]},
            "telemetry": {"traces": f"{server.url}/v1/traces"},
            "providers": {"models": ["scripted"], "synthesizers": ["scripted"], "recognizers": ["pocketsphinx"]},
        }
        house = build(Settings.model_validate(plain), keep=False)
        house.plane.hearing.recognizers.chain.targets["pocketsphinx"].provider = ScriptedRecognizer(house.clock)
        tokens = (CALLER.set(CALLED), CURRENT.set(None))
        try:
            async with house.running() as plane:
                await plane.hearing.hear(SAID)
                ask = plane.ask_chat(recording=SAID, language="en")
                async with aclosing(plane.turns.turn(ask)) as frames:
                    assert [frame async for frame in frames]
        finally:
            CALLER.reset(tokens[0])
            CURRENT.reset(tokens[1])
    spans = {span.span_id: span for span in server.spans}
    (turn,) = [span for span in spans.values() if span.name == "turn chat"]
    hears = {span.parent_span_id: span for span in spans.values() if span.name == "hear"}
    assert set(hears) == {bytes.fromhex(CALLED.span), turn.span_id}
    within = hears[turn.span_id]
    assert turn.start_time_unix_nano <= within.start_time_unix_nano <= within.end_time_unix_nano
    assert within.end_time_unix_nano <= turn.end_time_unix_nano
    asked = {span.parent_span_id for span in spans.values() if span.name == "recognize pocketsphinx"}
    assert asked == {span.span_id for span in hears.values()}
