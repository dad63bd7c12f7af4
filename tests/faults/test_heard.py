"""A synthesizer dies at any byte: every sentence is heard, from its first word to its last, and nothing is missed."""

import asyncio
import json
import random
from contextlib import aclosing
from dataclasses import dataclass

import pytest

from segue.clock import ManualClock
from segue.configuration import VoiceSettings
from segue.errors import FailureCategory
from segue.records import AttemptOutcome, Served, TurnRecord
from segue.routing import RoutingTable
from segue.stores.memory import MemoryTurnStore
from segue.voice.ask import Ask
from segue.voice.attempt import Limits, Target
from segue.voice.breaker import Breaker, Budget
from segue.voice.catalogue import Catalogue
from segue.voice.chain import Chain
from segue.voice.frames import Audio, Degraded, Done, Frame, Text
from segue.voice.hearing import Hearing
from segue.voice.lookout import Lookout
from segue.voice.pace import Paces
from segue.voice.rendering import Studio
from segue.voice.reporting import ReportTokens
from segue.voice.roster import Roster
from segue.voice.speaking import Speaker
from segue.voice.turn import Turns
from segue.web.carry import as_line
from segue.web.talk import RESUMED, packet
from tests.faults.telling import GAP_MS, RATE, WORD_MS, Fault, Teller, heard, plain, vocabulary

SENTENCES = [
    "Morning light fills every quiet room before breakfast begins.",
    "Seven brave sailors crossed that wide ocean during winter.",
    "Nobody knows where old maps finally lead curious travellers.",
    "Fresh bread smells wonderful when bakers open their doors.",
    "Tomorrow we shall visit grandmother near green mountains.",
]
TEXT = " ".join(SENTENCES)
TONES = vocabulary(SENTENCES)
LANGUAGES = ("en",)


@dataclass
class Heard:
    """What a listener got of a turn."""

    frames: list[Frame]
    record: TurnRecord
    tellers: list[Teller]

    @property
    def words(self) -> list[list[str]]:
        """The words of each sentence, as the ear tells them apart."""
        by: dict[int, bytearray] = {}
        for frame in self.frames:
            if isinstance(frame, Audio):
                by.setdefault(frame.seq, bytearray()).extend(frame.data)
        return [heard(bytes(by.get(seq, b"")), TONES) for seq in range(len(SENTENCES))]

    def missed(self) -> list[str]:
        """What is wrong with what was heard; nothing if every sentence was heard from beginning to end."""
        wrong = []
        for said, words in zip(self.words, map(plain, SENTENCES), strict=True):
            at = [words.index(word) if word in words else -9 for word in said]
            steps = [after - before for before, after in zip([-1, *at], at, strict=False)]
            if not at or at[0] != 0 or at[-1] != len(words) - 1 or max(steps) > 1 or -9 in at:
                wrong.append(f"{words} was heard as {said}")
        texts = [frame.text for frame in self.frames if isinstance(frame, Text)]
        if "".join(texts) != TEXT:
            wrong.append(f"the text was {texts}")
        return wrong

    def repeated(self) -> int:
        """Words that were heard more than once."""
        return sum(len(said) - len(set(said)) for said in self.words)


async def speak(*faults: Fault | None, listener_s: float = 0.0) -> Heard:
    """The text read out by as many providers as there are faults; the listener takes so long for each packet."""
    clock = ManualClock()
    tellers = [Teller(clock, name, TONES, fault) for name, fault in zip("abc", faults, strict=False)]
    limits = Limits(4.0, 1.5, 60.0)
    settings = VoiceSettings(languages=LANGUAGES, voices={"en": "a-voice"}, first_clause=False)

    async def probe(_: Teller) -> None:
        raise AssertionError("nobody rests as long as that")

    targets = {teller.name: Target(teller.name, teller, limits, Breaker(), Budget()) for teller in tellers}
    chain = Chain(targets, clock, probe, chance=random.Random(7))  # noqa: S311 - the same course each time
    store = MemoryTurnStore()
    voices = [voice for teller in tellers for voice in teller.voices()]
    turns = Turns(
        clock=clock,
        settings=settings,
        routing=RoutingTable,
        models=Roster(Chain({}, clock, probe)),
        speaker=Speaker(Studio(chain, Paces(), clock), settings),
        lookout=Lookout(clock, settings.degradation, settings.profiles, "fast"),
        catalogue=Catalogue(voices, {"en": "a-voice"}, LANGUAGES),
        hearing=Hearing(Roster(Chain({}, clock, probe)), settings),
        records=store,
        tokens=ReportTokens(b"secret"),
    )
    frames: list[Frame] = []

    async def listen() -> None:
        async with aclosing(turns.turn(Ask("speech", "en", "a-voice", text=TEXT))) as coming:
            async for frame in coming:
                frames.append(frame)
                if isinstance(frame, Audio) and listener_s:
                    await clock.sleep(listener_s)

    listening = asyncio.ensure_future(listen())
    for _ in range(400):
        if listening.done():
            break
        await clock.advance(0.5)
    await listening
    (record,) = [record async for record in store.read()]
    assert all(teller.open == 0 for teller in tellers)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    return Heard(frames, record, tellers)


def size(number: int) -> int:
    """How many bytes of audio a sentence is."""
    return len(plain(SENTENCES[number])) * (WORD_MS + GAP_MS) * RATE // 1000 * 2


def of(number: int) -> Fault:
    """A fault that hits one sentence, whole or in part."""
    return Fault("cut", hits=lambda utterance: plain(utterance.text)[-1] == plain(SENTENCES[number])[-1])


@pytest.mark.parametrize("seq", [0, 2, 4], ids=["first", "middle", "last"])
@pytest.mark.parametrize("listener_s", [0.0, 0.3], ids=["greedy", "slow"])
async def test_cut_at_any_byte(seq: int, listener_s: float, full: bool) -> None:
    """Speech is cut after k bytes, k drawn by chance: nothing is missed, and no cut reply ends as if it were whole."""
    draw = random.Random(f"{seq} {listener_s}")  # noqa: S311 - the same bytes each time
    for _ in range(200 if full else 20):
        fault = of(seq)
        fault.after = draw.randrange(size(seq))
        turn = await speak(fault, None, listener_s=listener_s)

        assert turn.missed() == [], fault.after
        assert isinstance(turn.frames[-1], Done)
        assert turn.record.served in {Served.RESUMED, Served.FALLBACK}
        failed = [attempt for attempt in turn.record.attempts if attempt.outcome is AttemptOutcome.FAILED]
        assert [(attempt.seq, attempt.provider) for attempt in failed] == [(seq, "a")]
        told = [frame for frame in turn.frames if isinstance(frame, Degraded)]
        assert {frame.reason for frame in told} & {"resumed", "fallback"}
        resumed = {frame.seq for frame in turn.frames if isinstance(frame, Audio) and frame.resumed}
        assert resumed == ({seq} if turn.record.served is Served.RESUMED else set())


@pytest.mark.parametrize("seq", [0, 2, 4], ids=["first", "middle", "last"])
@pytest.mark.parametrize(
    ("how", "after", "category"),
    [
        ("cut", 0, "truncated"),
        ("cut", -2, "truncated"),
        ("end", 0, "empty_audio"),
        ("end", 15_000, "truncated"),
        ("stall", 0, "timeout"),
        ("stall", 60_000, "timeout"),
        ("trickle", 0, "timeout"),
        ("trickle", 60_000, "timeout"),
        ("silence", 0, "timeout"),
        ("clipped", 0, "server"),
        ("odd", 0, "truncated"),
        ("empty", 0, "empty_audio"),
    ],
)
async def test_what_is_no_success_never_passes_for_one(seq: int, how: str, after: int, category: str) -> None:
    """Whatever a provider passes off as a sentence: the listener hears the sentence, and the failure has its name."""
    fault = of(seq)
    fault.how, fault.after = how, after if after >= 0 else size(seq) + after
    turn = await speak(fault, None)

    assert turn.missed() == []
    assert isinstance(turn.frames[-1], Done)
    failed = [attempt for attempt in turn.record.attempts if attempt.outcome is AttemptOutcome.FAILED]
    assert [attempt.provider for attempt in failed] == ["a"]
    assert failed[0].category == category or (how == "silence" and failed[0].category == "empty_audio")


async def test_two_die_in_one_sentence() -> None:
    """The third provider finishes what two others broke off in."""
    first, second = of(1), of(1)
    first.after, second.after = 50_000, 30_000
    turn = await speak(first, second, None, listener_s=0.2)

    assert turn.missed() == []
    assert [attempt.provider for attempt in turn.record.attempts if attempt.seq == 1] == ["a", "b", "c"]


async def test_a_voice_that_failed_is_not_gone_back_to() -> None:
    """After a failure the rest of the reply stays with the provider that took over, as far as it was not yet made."""
    turn = await speak(Fault("cut", 20_000), None, listener_s=0.4)

    assert turn.missed() == []
    assert len(turn.tellers[0].log) <= 1 + VoiceSettings().lookahead_sentences
    spoken = [frame.provider for frame in turn.frames if isinstance(frame, Audio) and frame.seq >= 3]
    assert set(spoken) == {"b"}


async def test_a_sentence_that_nobody_can_finish_is_an_error() -> None:
    """When everybody breaks off in the same sentence the reply ends with an error in its place, never cleanly."""
    turn = await speak(*[Fault("cut", 9_000, FailureCategory.SERVER) for _ in range(2)], listener_s=0.2)

    assert not isinstance(turn.frames[-1], Done)
    assert turn.record.served is Served.FAILED
    assert turn.record.error == "provider_failed"


async def test_little_is_heard_twice() -> None:
    """Once a voice's pace is known, a sentence is taken up close to where it broke: two words or so are repeated."""
    repeated = []
    for after in range(20_000, size(4), 11_000):
        fault = of(4)
        fault.after = after
        turn = await speak(fault, None, listener_s=0.3)
        repeated.append(turn.repeated())
    assert max(repeated) <= 6


async def test_the_doors_say_which_sound_is_resumed() -> None:
    """Packets of a voice that finishes what another began are marked, in every shape a door sends."""
    fault = of(0)
    fault.after = 50_000
    turn = await speak(fault, None)
    frames = [frame for frame in turn.frames if isinstance(frame, Audio)]

    assert {frame.resumed for frame in frames} == {True, False}
    for frame in frames:
        assert json.loads(as_line(frame))["resumed"] is frame.resumed
        assert bool(packet(frame, 1, first=False)[1] & RESUMED) is frame.resumed
