"""The spine of a turn, with providers that do what they are told, on a clock that is turned by hand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import pytest

from segue.clock import Clock, ManualClock, SystemClock
from segue.configuration import LimitSettings, VoiceSettings
from segue.errors import FailureCategory, NothingHeard, Overloaded
from segue.providers.scripted import Faults, ScriptedModel, ScriptedRecognizer, ScriptedSynthesizer
from segue.records import AttemptOutcome, Outcome, TurnRecord
from segue.routing import RoutingTable
from segue.stores.memory import MemoryTurnStore
from segue.voice.ask import Ask, Interruption
from segue.voice.attempt import Limits, Target
from segue.voice.breaker import Breaker, Budget
from segue.voice.catalogue import Catalogue
from segue.voice.chain import Chain
from segue.voice.frames import Audio, Done, Failure, Frame, Meta, Text
from segue.voice.hearing import Hearing
from segue.voice.lookout import Lookout
from segue.voice.pace import Paces
from segue.voice.ports import About, Recording
from segue.voice.rendering import Studio
from segue.voice.reporting import ReportTokens
from segue.voice.roster import Roster
from segue.voice.speaking import Speaker
from segue.voice.turn import Turns

REPLY = "The first sentence is here. The second one follows it. And this is the third. "


VOICES = {language: f"scripted-{language}" for language in ("en", "uk", "ru", "zh")}


def roster(provider: Any, clock: Clock, limits: Limits) -> Roster[Any]:
    """A chain of one."""

    async def probe(_: Any) -> None:
        raise AssertionError("an only provider is not tried out")

    target = Target(provider.name, provider, limits, Breaker(), Budget())
    return Roster(Chain({provider.name: target}, clock, probe), {"": (provider.name,)})


@dataclass
class Stage:
    """A voice plane with scripted providers, and what it kept."""

    clock: Clock = field(default_factory=SystemClock)
    settings: VoiceSettings = field(default_factory=VoiceSettings)
    model: dict[str, Any] = field(default_factory=dict)
    speech: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.writer = ScriptedModel(self.clock, **{"reply": REPLY, **self.model})
        self.synthesizer = ScriptedSynthesizer(self.clock, **self.speech)
        self.store = MemoryTurnStore()
        limits = self.settings.limits
        speech = roster(self.synthesizer, self.clock, Limits(limits.first_audible_s, limits.stall_s, limits.sentence_s))
        self.target = speech.chain.targets["scripted"]
        hearing = roster(ScriptedRecognizer(self.clock, ("",)), self.clock, Limits(60, 60, 60))
        self.turns = Turns(
            clock=self.clock,
            settings=self.settings,
            routing=RoutingTable,
            models=roster(self.writer, self.clock, Limits(limits.first_token_s, limits.token_stall_s, 600, "token")),
            speaker=Speaker(Studio(speech.chain, Paces(), self.clock), self.settings),
            lookout=Lookout(self.clock, self.settings.degradation, self.settings.profiles, self.settings.profile),
            catalogue=Catalogue(self.synthesizer.voices(), VOICES, ("en", "uk", "ru", "zh")),
            hearing=Hearing(hearing, self.settings),
            records=self.store,
            tokens=ReportTokens(b"secret"),
        )

    def ask(self, **changes: Any) -> Ask:
        """A request for a reply."""
        return Ask(**{"kind": "chat", "language": "en", "voice": "scripted-en", "text": "Hi", **changes})

    async def take(self, **changes: Any) -> list[Frame]:
        """A whole turn."""
        async with aclosing(self.turns.turn(self.ask(**changes))) as frames:
            return [frame async for frame in frames]

    async def record(self) -> TurnRecord:
        """The one record that was kept."""
        (record,) = [record async for record in self.store.read()]
        return record

    @property
    def quiet(self) -> bool:
        """Whether nothing is left: no place held, no provider's stream open."""
        held = self.turns.places.held + self.turns._speaker.places.held
        return held == self.writer.counts.open == self.synthesizer.counts.open == 0


def kinds(frames: list[Frame]) -> str:
    """The frames as letters, runs of audio as one: `MTATAD`."""
    letters = "".join({Meta: "M", Text: "T", Audio: "A", Failure: "F", Done: "D"}[type(frame)] for frame in frames)
    while "AA" in letters:
        letters = letters.replace("AA", "A")
    return letters


async def tasks_left() -> int:
    """How many tasks run beside this one, after those that were cancelled had their say."""
    for _ in range(5):
        await asyncio.sleep(0)
    return len(asyncio.all_tasks()) - 1


async def test_a_turn_tells_its_story_in_order() -> None:
    """Meta, then each text before its sound, then done; the texts are the model's words, and one record is left."""
    stage = Stage()
    frames = await stage.take()

    assert kinds(frames) == "MTATATAD"
    assert "".join(frame.text for frame in frames if isinstance(frame, Text)) == REPLY
    record = await stage.record()
    assert record.outcome is Outcome.COMPLETED
    assert [attempt.seq for attempt in record.attempts] == [0, 1, 2]
    done = frames[-1]
    assert isinstance(done, Done)
    assert done.audio_ms == pytest.approx(sum(frame.ms for frame in frames if isinstance(frame, Audio)))
    assert stage.quiet
    assert await tasks_left() == 0


async def test_the_first_sound_leaves_before_the_second_sentence_is_written() -> None:
    """A listener hears the first sentence while the model is still writing the second."""
    clock = ManualClock()
    stage = Stage(clock=clock, model={"interval_s": 0.1, "first_token_s": 0.5})
    frames: list[tuple[float, Frame]] = []

    async def listen() -> None:
        frames.extend([(clock.now(), frame) async for frame in stage.turns.turn(stage.ask())])

    listening = asyncio.create_task(listen())
    await clock.advance(60)
    await listening

    first_sound = next(moment for moment, frame in frames if isinstance(frame, Audio))
    second_text = next(moment for moment, frame in frames if isinstance(frame, Text) and frame.seq == 1)
    record = await stage.record()
    assert first_sound < second_text
    assert record.marks["first_token"] == 500.0
    assert record.marks["first_audible"] == record.marks["first_sent"] < record.marks["done"]


@pytest.mark.parametrize("after", [0, 1, 4, 9, 15, 40])
@pytest.mark.parametrize("kind", ["error", "cut"])
async def test_a_model_that_dies_never_ends_cleanly(after: int, kind: str) -> None:
    """What was complete is spoken; then comes an error, never `done`; the record says so."""
    fault = {"error": FailureCategory.SERVER} if kind == "error" else {"cut": True}
    stage = Stage(model={"faults": Faults(**fault, after=after)})
    whole = await Stage().take()
    frames = await stage.take()

    assert isinstance(frames[-1], Failure)
    assert kinds(frames) == kinds(whole)[: len(kinds(frames)) - 1] + "F"
    texts = "".join(frame.text for frame in frames if isinstance(frame, Text))
    assert REPLY.startswith(texts)
    record = await stage.record()
    assert (record.outcome, record.error) == (Outcome.FAILED, "provider_failed")
    assert stage.quiet
    assert await tasks_left() == 0


@pytest.mark.parametrize("seq", [0, 1, 2])
@pytest.mark.parametrize(
    ("speech", "category"),
    [
        ({"faults": Faults(error=FailureCategory.QUOTA)}, "quota"),
        ({"faults": Faults(cut=True, after=9000)}, "truncated"),
        ({"faults": Faults(end=True, after=0)}, "empty_audio"),
        ({"faults": Faults(end=True, after=9601)}, "truncated"),
        ({"silent": True}, "empty_audio"),
    ],
    ids=["error", "cut", "nothing", "too short", "silence"],
)
async def test_speech_that_fails_is_never_passed_off_as_a_reply(
    seq: int, speech: dict[str, Any], category: str
) -> None:
    """Zero, silent, cut and far too short audio are failures, whichever sentence they hit; nothing after it comes."""
    sound = Stage(speech=speech)
    healthy = sound.synthesizer.speak

    async def only_one_fails(utterance: Any) -> AsyncIterator[Any]:
        good = ScriptedSynthesizer(sound.clock)
        speak = healthy if utterance.text.rstrip(". ") in REPLY.split(". ")[seq] else good.speak
        async with aclosing(speak(utterance)) as pieces:
            async for piece in pieces:
                yield piece

    sound.target.provider = _Named("scripted", only_one_fails)
    frames = await sound.take()

    assert isinstance(frames[-1], Failure)
    assert [frame.seq for frame in frames if isinstance(frame, Text)] == list(range(seq + 1))
    record = await sound.record()
    assert record.outcome is Outcome.FAILED
    failed = [attempt for attempt in record.attempts if attempt.outcome is AttemptOutcome.FAILED]
    assert {(attempt.seq, attempt.category) for attempt in failed} == {(seq, category)}
    assert len(failed) <= 2
    assert await tasks_left() == 0


@dataclass
class _Named:
    """A synthesizer made of a function."""

    name: str
    speak: Any
    about: About = field(default_factory=lambda: About("scripted"))


@pytest.mark.parametrize(
    ("model", "speech", "limit", "code"),
    [
        ({"faults": Faults(stall=True)}, {}, {"first_token_s": 2.0}, "provider_timeout"),
        ({"faults": Faults(stall=True, after=9)}, {}, {"token_stall_s": 3.0}, "provider_timeout"),
        ({}, {"faults": Faults(stall=True)}, {"first_audible_s": 2.5}, "provider_timeout"),
        ({}, {"faults": Faults(stall=True, after=30_000)}, {"stall_s": 1.5}, "provider_timeout"),
        ({}, {"leading_silence_ms": 60_000, "real_time_factor": 1.0}, {"first_audible_s": 2.0}, "provider_timeout"),
        ({}, {"real_time_factor": 3.0}, {"sentence_s": 4.0}, "provider_timeout"),
    ],
    ids=["no token", "tokens stop", "no audio", "audio stops", "only silence", "too slow"],
)
async def test_silence_is_bounded(
    model: dict[str, Any], speech: dict[str, Any], limit: dict[str, float], code: str
) -> None:
    """A provider that says nothing is given up after its own limit, on our clock; silent audio does not count."""
    clock = ManualClock()
    settings = VoiceSettings(limits=LimitSettings(**limit))
    stage = Stage(clock=clock, settings=settings, model=model, speech=speech)
    turn = asyncio.create_task(stage.take())
    await clock.advance(30)
    frames = await turn

    assert isinstance(frames[-1], Failure)
    assert frames[-1].code == code
    record = await stage.record()
    assert record.error == code
    assert stage.quiet
    assert await tasks_left() == 0


@pytest.mark.parametrize("frames_taken", range(9))
@pytest.mark.parametrize("how", ["close", "cancel"])
async def test_a_listener_may_leave_at_any_frame(frames_taken: int, how: str) -> None:
    """Wherever a listener leaves, everything stops, nothing is left running, and one record tells it."""
    stage = Stage(model={"interval_s": 0.0005}, speech={"real_time_factor": 0.01})
    frames = stage.turns.turn(stage.ask())
    waiting = asyncio.Event()

    async def listen() -> None:
        taken = 0
        async with aclosing(frames):
            async for _ in frames:
                taken += 1
                if taken > frames_taken:
                    waiting.set()
                    if how == "close":
                        return
                    await asyncio.get_running_loop().create_future()

    listening = asyncio.create_task(listen())
    await waiting.wait()
    if how == "cancel":
        listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)

    assert stage.quiet
    assert await tasks_left() == 0
    record = await stage.record()
    assert record.outcome is Outcome.ABANDONED
    assert record.reason == "The listener went away."


async def test_an_interruption_is_told_apart_from_a_hang_up() -> None:
    """The door says when it was the listener's wish."""
    stage = Stage()
    frames = stage.turns.turn(stage.ask(), Interruption(Outcome.CANCELLED, "The listener interrupted."))
    await anext(frames)
    await frames.aclose()

    record = await stage.record()
    assert (record.outcome, record.reason) == (Outcome.CANCELLED, "The listener interrupted.")


async def test_look_ahead_is_bounded() -> None:
    """While a listener takes nothing, no more than the look-ahead is synthesized, and the model is paused."""
    stage = Stage(model={"reply": "A sentence to be spoken. " * 500})
    frames = stage.turns.turn(stage.ask())
    async for frame in frames:
        if isinstance(frame, Audio):
            break
    for _ in range(2000):
        await asyncio.sleep(0)

    assert stage.synthesizer.counts.calls == 1 + VoiceSettings().lookahead_sentences
    assert stage.writer.counts.open == 1
    await frames.aclose()
    assert stage.quiet


async def test_a_chat_reply_is_not_made_far_ahead_of_its_listener() -> None:
    """A listener who takes everything at once still has only the lead synthesized; a text read out is not held back."""
    clock = ManualClock()
    settings = VoiceSettings(lead_s=5.0)
    reply = "A sentence to be spoken now. " * 40
    chat, speech = (Stage(clock=clock, settings=settings, model={"reply": reply}) for _ in range(2))
    chatting = asyncio.create_task(chat.take())
    reading = asyncio.create_task(speech.take(kind="speech", text=reply))
    await clock.advance(1)

    assert reading.done()
    assert not chatting.done()
    made_s = chat.synthesizer.counts.calls * len("A sentence to be spoken now.") * 0.06
    assert 5.0 <= made_s <= 5.0 + 4 * 2.1
    await clock.advance(120)
    assert kinds(await chatting).endswith("D")
    assert chat.turns.places.held == 0


async def test_first_sentences_are_spoken_first() -> None:
    """With one place for synthesis, the first sentence of a new listener goes before the later ones of another."""
    settings = VoiceSettings(synthesis_at_once=1, first_clause=False)
    stage = Stage(settings=settings, speech={"real_time_factor": 0.02})
    order: list[str] = []
    speak = stage.synthesizer.speak

    async def noted(utterance: Any) -> AsyncIterator[Any]:
        order.append(utterance.text)
        async with aclosing(speak(utterance)) as pieces:
            async for piece in pieces:
                yield piece

    stage.target.provider = _Named("scripted", noted)
    one = asyncio.create_task(stage.take())
    while not order:
        await asyncio.sleep(0)
    two = asyncio.create_task(stage.take())
    await asyncio.gather(one, two)

    first = REPLY.split(". ", maxsplit=1)[0]
    assert [text.startswith(first) for text in order[:2]] == [True, True]


async def test_too_many_turns_are_refused_without_a_record() -> None:
    """Over the limit nothing begins: the caller is told to come back."""
    stage = Stage(settings=VoiceSettings(max_turns=1))
    running = stage.turns.turn(stage.ask())
    await anext(running)

    with pytest.raises(Overloaded):
        await stage.take()
    await running.aclose()

    assert len([record async for record in stage.store.read()]) == 1
    assert kinds(await stage.take()) == "MTATATAD"


async def test_nothing_heard_is_told_before_the_first_frame() -> None:
    """A recording without words raises before anything is sent, so the door can answer with a status."""
    stage = Stage()

    with pytest.raises(NothingHeard):
        await stage.take(text="", recording=Recording(bytes(32_000), 16_000, "en"))

    assert (await stage.record()).error == "nothing_heard"


async def test_an_empty_reply_is_a_failure() -> None:
    """A model that answers with nothing has failed; a listener is never left with silence and a clean end."""
    frames = await Stage(model={"reply": [""]}).take()

    assert isinstance(frames[-1], Failure)


async def test_reasoning_is_neither_shown_nor_spoken() -> None:
    """What a model thinks aloud reaches no listener, and does not count as its first token."""
    stage = Stage(model={"reply": ["<th", "ink>secret", " plan.</thi", "nk>", "Hello there. ", "Bye."]})
    frames = await stage.take()

    assert "".join(frame.text for frame in frames if isinstance(frame, Text)).strip() == "Hello there. Bye."


@pytest.mark.parametrize("text", ["👍", "***", "---\n"])
async def test_what_cannot_be_spoken_is_shown_all_the_same(text: str) -> None:
    """A reply without words ends cleanly, with its text and without sound."""
    stage = Stage(model={"reply": [text]})
    frames = await stage.take()

    assert kinds(frames) == "MTD"
    assert stage.synthesizer.counts.calls == 0


async def test_an_idle_model_does_not_hold_back_a_finished_sentence() -> None:
    """A finished sentence is spoken when the model pauses, without waiting for what comes next."""
    clock = ManualClock()
    stage = Stage(clock=clock, model={"reply": ["Let me look that up.", " Here it is."], "interval_s": 10.0})
    heard: list[float] = []

    async def listen() -> None:
        heard.extend([clock.now() async for frame in stage.turns.turn(stage.ask()) if isinstance(frame, Audio)])

    listening = asyncio.create_task(listen())
    await clock.advance(30)
    await listening

    assert heard[0] == pytest.approx(VoiceSettings().idle_flush_ms / 1000.0)


async def test_a_slow_synthesizer_is_seen_as_underflow() -> None:
    """The virtual listener counts what a listener at normal speed would have waited in mid-reply."""
    clock = ManualClock()
    one = "This is one sentence which goes on for a good while before it comes to its end."
    settings = VoiceSettings(first_clause=False)
    stage = Stage(clock=clock, settings=settings, model={"reply": one}, speech={"real_time_factor": 1.5})
    turn = asyncio.create_task(stage.take())
    await clock.advance(60)
    await turn

    record = await stage.record()
    assert record.underflow.events > 0
    spoken_s = record.audio_ms / 1000.0
    assert record.underflow.ms == pytest.approx(spoken_s * 500.0, rel=0.1)
