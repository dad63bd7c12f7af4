"""What it means to be given a variant: everything about a reply is as the variant says, and the record tells."""

import asyncio
import dataclasses
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import pytest

from segue.clock import ManualClock
from segue.configuration import VoiceSettings
from segue.errors import FailureCategory, Unavailable, UnknownVoice
from segue.providers.scripted import Faults, ScriptedModel, ScriptedRecognizer, ScriptedSynthesizer
from segue.records import Mark, Outcome, Served, TurnRecord
from segue.routing import BASIS, Arm, Cohort, Exposure, Reason, RoutingTable, Variant
from segue.stores.memory import MemoryTurnStore
from segue.voice.ask import Ask
from segue.voice.catalogue import Catalogue
from segue.voice.characters import Character, Characters
from segue.voice.frames import Audio, Failure, Frame, Meta, Text
from segue.voice.hearing import Hearing
from segue.voice.lookout import Lookout
from segue.voice.pace import Paces
from segue.voice.ports import VoiceInfo
from segue.voice.rendering import Studio
from segue.voice.reporting import ReportTokens
from segue.voice.session import Sessions
from segue.voice.speaking import Speaker
from segue.voice.timeline import Timeline
from segue.voice.turn import Turns
from tests.records import turn
from tests.staging import HEARING, SPEAKING, WRITING, roster

REPLY = "The first sentence is here. The second one follows it. And this is the third. "
PIP = Character(
    voices={"old": {"*": "old-any"}, "new": {"*": "new-any"}},
    variants={"candidate": {"new": {"*": "new-loud"}}},
)


def synthesizer(clock: ManualClock, name: str, **changes: Any) -> ScriptedSynthesizer:
    """A synthesizer with voices for one language, for any, and another one for any."""
    any_language = ("uk", "ru", "en", "zh")
    offered = (
        VoiceInfo(f"{name}-any", name, any_language),
        VoiceInfo(f"{name}-loud", name, any_language),
        VoiceInfo(f"{name}-uk", name, ("uk",)),
    )
    return ScriptedSynthesizer(clock, name=name, offered=offered, **changes)


@dataclass
class House:
    """A voice plane with two synthesizers and two models, a table to publish, and what became of each turn."""

    clock: ManualClock = field(default_factory=ManualClock)
    old: dict[str, Any] = field(default_factory=dict)
    new: dict[str, Any] = field(default_factory=dict)
    writer: dict[str, Any] = field(default_factory=dict)
    table: RoutingTable = field(default_factory=RoutingTable)
    watch: Any = None

    def __post_init__(self) -> None:
        settings = VoiceSettings(first_clause=False)
        self.reads = 0
        self.store = MemoryTurnStore()
        models = [ScriptedModel(self.clock, name=name, **{"reply": REPLY, **self.writer}) for name in ("small", "big")]
        self.speech = [synthesizer(self.clock, "old", **self.old), synthesizer(self.clock, "new", **self.new)]
        self.chain = roster(self.clock, SPEAKING, *self.speech)
        self.turns = Turns(
            clock=self.clock,
            settings=settings,
            routing=self._current,
            models=roster(self.clock, WRITING, *models),
            speaker=Speaker(Studio(self.chain.chain, Paces(), self.clock), settings),
            lookout=Lookout(self.clock, settings.degradation, settings.profiles, settings.profile),
            catalogue=Catalogue(
                [voice for each in self.speech for voice in each.voices()],
                {},
                settings.languages,
                characters=Characters({"pip_boy": PIP}),
            ),
            hearing=Hearing(roster(self.clock, HEARING, ScriptedRecognizer(self.clock)), settings),
            records=self.store,
            tokens=ReportTokens(b"secret"),
            sessions=Sessions(b"secret", self.clock),
            watch=self.watch,
        )

    def _current(self) -> RoutingTable:
        self.reads += 1
        return self.table

    def expose(self, share_bp: int = BASIS, *, cohort: Cohort | None = None, **candidate: Any) -> None:
        """Publish a table with this candidate."""
        exposure = Exposure("voice/1", 3, Variant("candidate", **candidate), share_bp, cohort or Cohort(), salt="voice")
        self.table = RoutingTable(self.table.version + 1, exposure=exposure)

    async def take(self, **changes: Any) -> tuple[list[Frame], TurnRecord]:
        """A whole turn, and its record."""
        ask = Ask(**{"kind": "chat", "language": "en", "voice": "", "text": "Hi", "listener": "anna", **changes})
        turn = asyncio.create_task(self.listen(ask))
        for _ in range(200):
            if turn.done():
                break
            await self.clock.advance(0.5)
        try:
            frames = await turn
        except Unavailable:
            frames = []
        record = await self.store.find(ask.turn)
        assert record is not None
        return frames, record

    async def listen(self, ask: Ask) -> list[Frame]:
        """All frames of a turn."""
        async with aclosing(self.turns.turn(ask)) as frames:
            return [frame async for frame in frames]


def voices(frames: Sequence[Frame]) -> set[tuple[str, str]]:
    """Who is heard: providers and voices."""
    return {(frame.provider, frame.voice) for frame in frames if isinstance(frame, Audio)}


async def test_the_record_says_to_which_side_a_turn_belongs() -> None:
    """Rollout, stage, arm, reason and session stand in it, and every packet and `meta` name the variant."""
    house = House()
    house.expose()
    frames, record = await house.take()

    assert (record.variant, record.rollout, record.stage) == ("candidate", "voice/1", 3)
    assert (record.arm, record.assigned, record.session) == (Arm.CANDIDATE, Reason.SHARE, "anna")
    assert {frame.variant for frame in frames if isinstance(frame, Meta | Audio)} == {"candidate"}

    meta = frames[0]
    assert isinstance(meta, Meta)
    assert meta.session is not None
    house.expose(1)
    frames, record = await house.take(session=meta.session)
    assert (record.arm, record.assigned, record.session) == (Arm.CANDIDATE, Reason.SESSION, meta.session[:16])


async def test_without_a_rollout_the_record_says_so() -> None:
    """The baseline speaks, and the turn is on no side."""
    _, record = await House().take()
    assert (record.variant, record.rollout, record.arm, record.assigned) == ("baseline", "", "", Reason.NO_ROLLOUT)
    _, record = await House().take(listener=None)
    assert (record.assigned, record.session) == (Reason.NO_LISTENER, None)


async def test_a_turn_reads_the_table_once() -> None:
    """What was read at the beginning holds to the end: a rollback in mid-reply changes the next reply, not this one."""
    house = House(writer={"interval_s": 0.1})
    house.expose(synthesizer="new")
    turn = asyncio.create_task(house.take())
    await house.clock.advance(1.0)
    house.table = RoutingTable(9)
    frames, record = await turn

    assert house.reads == 1
    assert (record.variant, record.outcome) == ("candidate", Outcome.COMPLETED)
    assert voices(frames) == {("new", "new-any")}
    assert (await house.take())[1].variant == "baseline"


async def test_what_the_variant_names_is_asked_first() -> None:
    """Its model writes and its synthesizer speaks, with its voice; whatever a caller names goes before."""
    house = House()
    house.expose(model="big", synthesizer="new", voice="new-loud")
    frames, record = await house.take()
    assert (record.model, record.model_attempts[0].provider) == ("big", "big")
    assert voices(frames) == {("new", "new-loud")}
    assert record.served is Served.PRIMARY

    frames, record = await house.take(asked_voice="old-loud")
    assert (voices(frames), record.arm, record.model) == ({("old", "old-loud")}, Arm.CANDIDATE, "big")
    frames, record = await house.take(kind="speech", synthesizer="old", text=REPLY)
    assert ({provider for provider, _ in voices(frames)}, record.assigned) == ({"old"}, Reason.ALIKE)


@pytest.mark.parametrize("voice", ["", "new-uk"])
async def test_a_kind_of_voice_is_no_certain_voice(voice: str) -> None:
    """Where any voice of its kind will do, the variant's own speaks, and nothing was substituted."""
    house = House()
    house.expose(synthesizer="new", voice=voice)
    frames, record = await house.take(asked_voice="old-loud", exact=False, language="uk")

    assert voices(frames) == {("new", voice or "new-any")}
    assert (record.arm, record.substituted, record.served) == (Arm.CANDIDATE, False, Served.PRIMARY)
    house.table = RoutingTable()
    assert voices((await house.take(asked_voice="old-loud", exact=False))[0]) == {("old", "old-loud")}


async def test_a_character_has_voices_of_its_own_in_a_variant() -> None:
    """The catalogue's voice for this variant speaks; out of it the usual one."""
    house = House()
    house.expose(cohort=Cohort(characters=("pip_boy",)), synthesizer="new", voice="new-uk")
    frames, record = await house.take(character="pip_boy")
    assert (voices(frames), record.arm) == ({("new", "new-loud")}, Arm.CANDIDATE)

    frames, record = await house.take()
    assert (voices(frames), record.assigned) == ({("old", "old-any")}, Reason.OUTSIDE)


async def test_a_voice_speaks_the_languages_it_knows() -> None:
    """In another language the variant is spoken with that language's own voice, and nothing was substituted."""
    house = House()
    house.expose(synthesizer="new", voice="new-uk")
    frames, record = await house.take(language="uk", text="Привіт")
    assert voices(frames) == {("new", "new-uk")}
    frames, record = await house.take()
    assert (voices(frames), record.substituted) == ({("new", "new-any")}, False)


async def test_a_voice_that_is_not_there_counts_against_its_variant() -> None:
    """The turn fails before its first frame, with a record on the candidate's side; a caller's own mistake has none."""
    house = House()
    house.expose(voice="nobody")
    with pytest.raises(Unavailable, match="Variant 'candidate' cannot be spoken: There is no voice 'nobody'"):
        await house.listen(Ask("chat", "en", "", text="Hi", listener="anna"))
    (record,) = [record async for record in house.store.read()]
    assert (record.arm, record.outcome, record.error) == (Arm.CANDIDATE, Outcome.FAILED, "unavailable")

    with pytest.raises(UnknownVoice):
        await house.listen(Ask("chat", "en", "", text="Hi", listener="anna", asked_voice="nobody"))
    assert len([record async for record in house.store.read()]) == 1
    assert house.turns.places.held == 0


async def test_what_a_variant_lacks_is_told_beforehand() -> None:
    """Each name that means nothing here is a sentence; a variant that names nothing lacks nothing."""
    planner = House().turns.planner
    assert planner.lacking(Variant("plain")) == planner.lacking(Variant("full", "big", "new", "new-uk")) == ()
    told = planner.lacking(Variant("empty", "huge", "future", "nobody"))
    assert [sentence.split("no ")[1] for sentence in told] == [
        "language model 'huge' here.",
        "synthesizer 'future' here.",
        "voice 'nobody' here.",
    ]


async def test_a_missing_synthesizer_is_a_fallback() -> None:
    """A variant whose synthesizer is left out is not judged by the one that speaks in its place."""
    house = House()
    house.chain.chain.targets["new"].out = "its key is missing"
    house.expose(synthesizer="new")
    frames, record = await house.take()

    assert {provider for provider, _ in voices(frames)} == {"old"}
    assert (record.first_choice, record.served) == ("new", Served.FALLBACK)


async def test_a_missing_model_is_a_fallback() -> None:
    """A variant whose model is not there, or only rests, is not judged by the one that writes in its place."""
    house = House()
    house.expose(model="huge")
    _, record = await house.take()
    assert (record.model, record.served, record.degraded) == ("huge", Served.FALLBACK, ("fallback",))

    house.expose(model="big")
    for _ in range(20):
        house.turns.planner.models.chain.targets["big"].breaker.failed(
            house.clock.now(), 0.5, FailureCategory.SERVER, probe=False
        )
    _, record = await house.take()
    assert {attempt.provider for attempt in record.model_attempts} == {"small"}
    assert (record.model, record.served) == ("big", Served.FALLBACK)


@pytest.mark.parametrize(
    ("candidate", "share_bp", "heard"),
    [
        ({"synthesizer": "new"}, BASIS, {"new"}),
        ({"synthesizer": "new"}, 1, {"old"}),
        ({"synthesizer": "new"}, 0, {"new"}),
        ({"model": "big"}, BASIS, {"new"}),
    ],
)
async def test_no_remedy_exchanges_the_arms(candidate: dict[str, str], share_bp: int, heard: set[str]) -> None:
    """While voices are compared, the turns that count keep theirs although synthesis is degraded; others do not."""
    house = House()
    for number in range(61):
        house.turns.planner.lookout.note(turn(7000.0, first_tts=4500.0, at=house.clock.wall(), turn=f"{number:032x}"))
        await house.clock.advance(1.0)
    assert house.turns.planner.lookout.remedy().rotate_synthesizers
    house.expose(share_bp, **candidate)
    frames, _ = await house.take()
    assert {provider for provider, _ in voices(frames)} == heard
    frames, _ = await house.take(listener=None)
    assert {provider for provider, _ in voices(frames)} == {"new"}


@pytest.mark.parametrize("fallback", [True, False])
async def test_only_a_variant_with_fallback_is_spoken_by_another(fallback: bool) -> None:
    """Where its synthesizer fails, the next one speaks; without fallback nobody else is asked and the turn fails."""
    house = House(new={"faults": Faults(error=FailureCategory.QUOTA)})
    house.expose(synthesizer="new", fallback=fallback)
    frames, record = await house.take()

    assert isinstance(frames[-1], Failure) is not fallback
    assert bool(house.speech[0].counts.calls) is fallback
    assert record.served is (Served.FALLBACK if fallback else Served.FAILED)
    assert {attempt.provider for attempt in record.attempts} == ({"old", "new"} if fallback else {"new"})


async def test_without_fallback_a_missing_synthesizer_is_a_failure() -> None:
    """Nobody speaks for a synthesizer that is not there, where that is forbidden."""
    house = House()
    house.expose(synthesizer="future", fallback=False)
    frames, record = await house.take()

    assert isinstance(frames[-1], Failure)
    assert (record.outcome, record.arm, voices(frames)) == (Outcome.FAILED, Arm.CANDIDATE, set())


async def test_without_streaming_nothing_is_spoken_before_all_is_written() -> None:
    """Texts and sound come after the last token, TTFA says how long that was, and the words are the same."""
    tokens = [f"{word} " for word in REPLY.split()]
    writer = {"reply": tokens, "interval_s": 0.1, "first_token_s": 0.5}
    house = House(writer=writer, new={"first_audio_s": 0.2})
    house.expose(synthesizer="new")
    streamed, early = await house.take()
    house.expose(synthesizer="new", streaming=False)
    whole, late = await house.take()

    texts = [[frame.text for frame in frames if isinstance(frame, Text)] for frames in (streamed, whole)]
    assert texts[0] == texts[1]
    assert "".join(texts[1]) == REPLY
    tokens_ms = 500.0 + 100.0 * (len(tokens) - 1)
    assert late.ttfa_ms == pytest.approx(tokens_ms + 200.0, abs=1.0)
    assert late.marks[Mark.FIRST_SENTENCE] == pytest.approx(tokens_ms, abs=1.0)
    assert late.marks[Mark.FIRST_TOKEN] == early.marks[Mark.FIRST_TOKEN] == 500.0
    assert early.ttfa_ms == 500.0 + 5 * 100.0 + 200.0  # after the first five words and what follows them


@pytest.mark.parametrize("after", [0, 3, 6])
async def test_without_streaming_a_reply_that_breaks_off_is_not_spoken(after: int) -> None:
    """Nobody hears the half of a reply that was to be spoken as a whole; the turn fails."""
    house = House(writer={"faults": Faults(cut=True, after=after)})
    house.expose(streaming=False)
    frames, record = await house.take()

    assert [type(frame) for frame in frames] == [Meta, Failure]
    assert (record.outcome, record.sentences, voices(frames)) == (Outcome.FAILED, 0, set())


async def test_a_text_that_is_read_out_needs_no_streaming() -> None:
    """Where the text is there from the start, a variant without streaming speaks like any other."""
    house = House()
    house.expose(streaming=False)
    frames, record = await house.take(kind="speech", text=REPLY)
    assert (record.outcome, len([frame for frame in frames if isinstance(frame, Text)])) == (Outcome.COMPLETED, 3)


async def test_who_watches_is_told_when_a_turn_begins() -> None:
    """Once a turn, before anything is heard, with the timeline that will tell when something was."""
    begun: list[tuple[Timeline, float | None]] = []
    house = House(new={"first_audio_s": 0.25}, watch=lambda timeline: begun.append((timeline, timeline.heard_ms)))
    house.expose(synthesizer="new")
    _, record = await house.take()

    ((timeline, at_first),) = begun
    assert at_first is None
    assert timeline.heard_ms == record.ttfa_ms == 250.0
    assert (timeline.heading.turn, timeline.heading.rollout, timeline.heading.arm) == (
        record.turn,
        "voice/1",
        Arm.CANDIDATE,
    )


async def test_a_watcher_that_fails_costs_no_reply() -> None:
    """Voice goes on speaking when delivery does not go on watching."""

    def fail(_: Timeline) -> None:
        raise RuntimeError("nobody is there")

    _, record = await House(watch=fail).take()
    assert record.outcome is Outcome.COMPLETED


def test_a_plan_of_a_turn_cannot_be_changed() -> None:
    """What was decided at the beginning is a value."""
    plan = House().turns.planner.plan(Ask("chat", "en", "", text="Hi", listener="anna"))
    with pytest.raises(dataclasses.FrozenInstanceError):
        plan.placed = plan.placed  # type: ignore[misc]
