"""Whole replies among providers that fail: what is heard, in whose voice, and what the record says of it."""

import asyncio
import random
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import pytest

from segue.clock import Clock, ManualClock, SystemClock
from segue.configuration import LimitSettings, VoiceSettings
from segue.errors import FailureCategory, ProviderError
from segue.providers.scripted import Faults, ScriptedModel, ScriptedRecognizer, ScriptedSynthesizer
from segue.records import AttemptOutcome, Outcome, Served, TurnRecord
from segue.routing import RoutingTable
from segue.stores.memory import MemoryTurnStore
from segue.vendors.degradation import DegradationSettings
from segue.vendors.objects import CacheSettings
from segue.voice.ask import Ask
from segue.voice.attempt import Limits, Target
from segue.voice.breaker import Breaker, BreakerState, Budget
from segue.voice.cache import AudioCache
from segue.voice.catalogue import Catalogue
from segue.voice.chain import Chain
from segue.voice.frames import Audio, Degraded, Done, Failure, Frame, Text
from segue.voice.hearing import Hearing
from segue.voice.lookout import Lookout
from segue.voice.pace import Paces
from segue.voice.ports import About, Message, Prompt, Speech, Utterance, VoiceInfo
from segue.voice.rendering import Studio
from segue.voice.reporting import ReportTokens
from segue.voice.roster import Roster
from segue.voice.slots import Slots
from segue.voice.speaking import Speaker
from segue.voice.turn import Turns
from segue.web.openai.writing import Writing
from tests.faults.telling import Fault, Teller, heard, plain, vocabulary
from tests.unit.test_cache import Shelf

SENTENCES = (
    "Morning light fills every quiet room.",
    "Seven brave sailors crossed that wide ocean.",
    "Nobody knows where old maps finally lead.",
    "Fresh bread smells wonderful tonight.",
)
TEXT = " ".join(SENTENCES)
TONES = vocabulary(SENTENCES)


def probing(provider: Any) -> Any:
    """Three words, whoever says them."""

    async def probe(provider: Any) -> None:
        if hasattr(provider, "speak"):
            voice = provider.voices()[0]
            async with aclosing(provider.speak(Utterance("old maps lead", voice.languages[0], voice.name))) as pieces:
                async for _ in pieces:
                    pass

    return probe(provider)


def chained(clock: Clock, providers: Sequence[Any], limits: Limits) -> Roster[Any]:
    """These providers in this order."""
    targets = {each.name: Target(each.name, each, limits, Breaker(since=clock.now()), Budget()) for each in providers}
    return Roster(Chain(targets, clock, probing, chance=random.Random(3)))  # noqa: S311 - the same course each time


class Named(Teller):
    """A teller that says which model it is, as those do whose sentences are kept."""

    @property
    def about(self) -> About:
        """See `Synthesizer.about`."""
        return About("teller", "tones")


@dataclass
class Theatre:
    """A voice plane with these synthesizers and models, on a clock that is turned while a reply is played."""

    clock: Any
    speakers: Sequence[Any]
    models: Sequence[Any] = ()
    settings: VoiceSettings = field(default_factory=lambda: VoiceSettings(first_clause=False))
    hedge_s: float | None = None
    cache: AudioCache | None = None

    def __post_init__(self) -> None:
        clock, settings = self.clock, self.settings
        limits = settings.limits
        self.speech = chained(clock, self.speakers, Limits(limits.first_audible_s, limits.stall_s, limits.sentence_s))
        self.writing = chained(clock, self.models, Limits(limits.first_token_s, limits.token_stall_s, 600.0, "token"))
        self.hearing = chained(clock, [ScriptedRecognizer(clock)], Limits(60, 60, 60))
        self.lookout = Lookout(clock, settings.degradation, settings.profiles, settings.profile)
        self.store = MemoryTurnStore()
        voices = [voice for speaker in self.speakers for voice in speaker.voices()]
        spoken = [code for code in settings.languages if any(code in voice.languages for voice in voices)]
        self.turns = Turns(
            clock=clock,
            settings=settings,
            routing=RoutingTable,
            models=self.writing,
            speaker=Speaker(Studio(self.speech.chain, Paces(), clock, self.cache, self.hedge_s), settings),
            lookout=self.lookout,
            catalogue=Catalogue(voices, {}, spoken, order=[each.name for each in self.speakers]),
            hearing=Hearing(self.hearing, settings),
            records=self.store,
            tokens=ReportTokens(b"secret"),
        )

    async def listen(self, ask: Ask, listener_s: float = 0.0) -> list[Frame]:
        """All frames of a turn, by a listener who takes so long for each piece of sound."""
        frames = []
        async with aclosing(self.turns.turn(ask)) as coming:
            async for frame in coming:
                frames.append(frame)
                if isinstance(frame, Audio) and listener_s:
                    await self.clock.sleep(listener_s)
        return frames

    async def play(self, text: str = TEXT, *, listener_s: float = 0.0, **changes: Any) -> "Reply":
        """One turn: a text that is read out, or whatever is asked for."""
        kind = "chat" if self.models else "speech"
        ask = Ask(**{"kind": kind, "language": "en", "voice": "", "text": text, **changes})
        listening = asyncio.ensure_future(self.listen(ask, listener_s))
        for _ in range(1200):
            if listening.done():
                break
            await self.clock.advance(0.1)
        record = await self.store.find(ask.turn)
        assert record is not None
        return Reply(await listening, record)

    def target(self, name: str) -> Target[Any]:
        """A synthesizer in its place."""
        return self.speech.chain.targets[name]

    def quiet(self) -> bool:
        """Whether nothing is left of any turn."""
        places = self.turns.places.held + self.turns._speaker.places.held
        streams = sum(getattr(each, "open", 0) for each in self.speakers)
        streams += sum(each.counts.open for each in [*self.speakers, *self.models] if hasattr(each, "counts"))
        return places == streams == 0 and asyncio.all_tasks() == {asyncio.current_task()}


@dataclass
class Reply:
    """What a listener got, and what was written down."""

    frames: list[Frame]
    record: TurnRecord

    @property
    def text(self) -> str:
        """What was shown."""
        return "".join(frame.text for frame in self.frames if isinstance(frame, Text))

    @property
    def words(self) -> list[str]:
        """What was heard, where words are tones."""
        return heard(b"".join(frame.data for frame in self.frames if isinstance(frame, Audio)), TONES)

    @property
    def voices(self) -> list[str]:
        """Who spoke each sentence; several where one finished what another began."""
        spoken: dict[int, dict[str, None]] = {}
        for frame in self.frames:
            if isinstance(frame, Audio):
                spoken.setdefault(frame.seq, {})[frame.provider] = None
        return ["".join(names) for names in spoken.values()]

    @property
    def told(self) -> list[str]:
        """What the listener was told."""
        return [frame.reason for frame in self.frames if isinstance(frame, Degraded)]

    @property
    def whole(self) -> bool:
        """Whether it came to a good end."""
        return isinstance(self.frames[-1], Done) and self.record.outcome is Outcome.COMPLETED


def of(*sentences: int, how: str = "cut", after: int = 0, **more: Any) -> Fault:
    """A fault that strikes in these sentences."""
    ends = {plain(SENTENCES[number])[-1] for number in sentences}
    return Fault(how, after, hits=lambda utterance: plain(utterance.text)[-1] in ends, **more)


async def test_a_kept_sentence_is_not_put_behind_a_piece_that_nobody_heard() -> None:
    """A sentence made ahead breaks off before its listener is there; another provider has it kept: it is heard once."""
    clock = ManualClock()
    cache = AudioCache(Shelf(), clock, CacheSettings())
    a, b = (Named(clock, name, TONES) for name in "ab")
    first = Theatre(clock, [b], cache=cache)
    assert (await first.play()).whole
    a.fault = of(1, how="cut", after=40_000)
    b.fault = of(0, 1, 2, 3, how="cut")
    reply = await Theatre(clock, [a, b], cache=cache).play(listener_s=0.4)
    assert reply.words == plain(TEXT)
    assert reply.voices[1] == "b"
    assert reply.whole
    outcomes = [(one.seq, one.provider, one.outcome) for one in reply.record.attempts if one.seq == 1]
    assert outcomes == [(1, "a", AttemptOutcome.FAILED), (1, "b", AttemptOutcome.CACHED)]


async def test_a_broken_connection_does_not_cost_the_voice() -> None:
    """A provider whose first connection broke and whose second did not speaks the whole reply."""
    clock = ManualClock()
    a, b = Blip(clock, "a", TONES), Teller(clock, "b", TONES)
    theatre = Theatre(clock, [a, b])
    reply = await theatre.play(listener_s=0.3)
    assert reply.words == plain(TEXT)
    assert reply.voices == ["a"] * 4
    assert reply.told == []
    assert [one.category for one in reply.record.attempts if one.outcome is AttemptOutcome.FAILED] == ["network"]
    assert reply.record.served is Served.PRIMARY


class Blip(Teller):
    """A teller whose first connection breaks."""

    async def speak(self, utterance: Utterance) -> AsyncGenerator[Speech, None]:
        """See `Teller.speak`."""
        if not self.log:
            self.log.append("")
            raise ProviderError("gone", provider=self.name, category=FailureCategory.NETWORK)
        async with aclosing(super().speak(utterance)) as pieces:
            async for piece in pieces:
                yield piece


@pytest.mark.parametrize("loud", [False, True], ids=["silence", "noise"])
async def test_speech_without_end_is_ended(loud: bool) -> None:
    """A provider that sends and sends, faster than anybody listens, is left; memory does not fill; the next speaks."""
    clock = ManualClock()
    a, b = Endless(clock, "a", TONES, loud=loud), Teller(clock, "b", TONES)
    theatre = Theatre(clock, [a, b])
    reply = await theatre.play(SENTENCES[0])
    assert reply.whole
    assert reply.words[-1] == plain(SENTENCES[0])[-1]
    assert reply.voices[0].endswith("b")
    (failed,) = (one for one in reply.record.attempts if one.outcome is AttemptOutcome.FAILED)
    assert (failed.provider, failed.category) == ("a", "server")
    assert a.pieces < 400
    assert theatre.quiet()


@dataclass
class Endless(Teller):
    """A teller that never comes to an end."""

    loud: bool = False
    pieces: int = 0

    async def speak(self, utterance: Utterance) -> AsyncGenerator[Speech, None]:
        """See `Teller.speak`; ten minutes in tenths of a second."""
        piece = self._word("light")[:4800] if self.loud else bytes(4800)
        for _ in range(6000):
            self.pieces += 1
            yield Speech(piece, 24_000, self.name, "tones", utterance.voice)


ENGLISH = "Kyiv lies on the river Dnipro. It has about three million people. Many of them use the metro."
CHINESE = "基辅位于第聂伯河畔。这里有三百万人。很多人每天都坐地铁。"


def broken(clock: Clock, reply: str, after: int, name: str = "a") -> ScriptedModel:
    """A model that breaks off after so many tokens."""
    return ScriptedModel(clock, list(reply), faults=Faults(cut=True, after=after), name=name)


def written(clock: ManualClock, models: Sequence[Any], language: str = "en") -> Theatre:
    """A plane in which these models write."""
    return Theatre(clock, [ScriptedSynthesizer(clock)], models, VoiceSettings(default_language=language))


@pytest.mark.parametrize(("language", "reply"), [("en", ENGLISH), ("zh", CHINESE)])
@pytest.mark.parametrize("manner", ["on", "sentence", "everything"])
async def test_a_model_goes_on_where_another_broke_off(language: str, reply: str, manner: str) -> None:
    """Wherever the first breaks off, and whatever of it the second repeats, the reply is shown and spoken once."""

    def go_on(prompt: Prompt) -> list[str]:
        ends = [at for at, character in enumerate(prompt.spoken.rstrip()[:-1]) if character in ".。"]
        begin = {"on": len(prompt.spoken), "sentence": ends[-1] + 1 if ends else 0, "everything": 0}[manner]
        return [reply[begin:].lstrip()]

    for after in range(0, len(reply) + 1, 5 if language == "en" else 2):
        clock = ManualClock()
        theatre = written(clock, [broken(clock, reply, after), ScriptedModel(clock, go_on, name="b")], language)
        turn = await theatre.play("?", language=language)
        assert turn.text.split() == reply.split(), after
        assert turn.whole, after
        assert ("resumed" in turn.told) == any(one.resumed for one in turn.record.model_attempts)
        spoken = [one for one in turn.record.attempts if one.outcome is AttemptOutcome.COMPLETED]
        assert [one.seq for one in spoken] == list(range(turn.record.sentences))
        assert theatre.quiet()


async def test_who_refuses_to_go_on_is_passed_by() -> None:
    """A model that answers 400 to a begun reply is no end of it: the next one goes on."""
    clock = ManualClock()

    def refuse(prompt: Prompt) -> str:
        if prompt.spoken:
            raise ProviderError("no prefill", provider="b", category=FailureCategory.BAD_REQUEST)
        return ENGLISH

    models = [
        broken(clock, ENGLISH, 50),
        ScriptedModel(clock, refuse, name="b"),
        ScriptedModel(clock, lambda prompt: ENGLISH[len(prompt.spoken) :], name="c"),
    ]
    turn = await written(clock, models).play("?")
    assert turn.text.split() == ENGLISH.split()
    assert [(one.provider, one.category) for one in turn.record.model_attempts] == [
        ("a", "truncated"),
        ("b", "bad_request"),
        ("c", None),
    ]
    assert turn.record.served is Served.RESUMED


@pytest.mark.parametrize(
    ("fault", "whole"),
    [
        (Faults(cut=True, after=50), False),
        (Faults(stall=True, after=50), False),
        (Faults(cut=True, after=len(ENGLISH)), False),
        (Faults(stall=True, after=len(ENGLISH)), True),
    ],
    ids=["cut in a sentence", "silent in a sentence", "cut before its last sentence was taken", "silent at its end"],
)
async def test_nothing_is_no_end_of_a_sentence_that_broke_off(fault: Faults, whole: bool) -> None:
    """Where nothing is added to a broken reply it ends with an error, unless all that was written had been spoken."""
    clock = ManualClock()
    first = ScriptedModel(clock, list(ENGLISH), faults=fault, name="a")
    theatre = written(clock, [first, ScriptedModel(clock, [""], name="b")])
    turn = await theatre.play("?")
    assert turn.whole is whole
    assert isinstance(turn.frames[-1], Done if whole else Failure)
    assert ENGLISH.startswith(turn.text.strip())
    assert (turn.text.split() == ENGLISH.split()) is whole
    assert theatre.quiet()


async def test_a_completion_that_ended_at_its_stop_sequence_is_a_success() -> None:
    """The model has done its part: three such completions close its breaker, and its stream is let go at once."""
    clock = ManualClock()
    model = ScriptedModel(clock, ENGLISH, faults=Faults(error=FailureCategory.AUTH, calls=1))
    models = chained(clock, [model], Limits(5.0, 2.0, 600.0, "token"))

    async def completed() -> str:
        prompt = Prompt((Message("user", "?"),), "en")
        writing = Writing(models.chain, models.order(), prompt, ("river",), VoiceSettings().limits, clock)
        return "".join([text async for text in writing.texts()])

    with pytest.raises(ProviderError):
        await completed()
    await clock.advance(12.0)
    for _ in range(3):
        assert await completed() == "Kyiv lies on the "
        assert model.counts.open == 0
    breaker = models.chain.targets["scripted"].breaker
    assert (breaker.state, breaker.reason) == (BreakerState.CLOSED, "3 probes succeeded")


def scripted(clock: Clock, name: str, **more: Any) -> ScriptedSynthesizer:
    """A scripted synthesizer with a name and a voice of its own."""
    offered = (VoiceInfo(f"{name}-voice", name, ("en",)),)
    return ScriptedSynthesizer(clock, name=name, offered=offered, **more)


@pytest.mark.parametrize(
    ("first", "second", "voice", "won"),
    [
        ({"first_audio_s": 0.1}, {}, "a", None),
        ({"first_audio_s": 2.0}, {"first_audio_s": 0.2}, "b", True),
        ({"first_audio_s": 0.6}, {"first_audio_s": 0.5}, "a", False),
        ({"leading_silence_ms": 3000.0, "real_time_factor": 1.0}, {"first_audio_s": 0.2}, "b", True),
        ({"leading_silence_ms": 700.0, "real_time_factor": 1.0}, {"first_audio_s": 0.2}, "b", True),
        ({"first_audio_s": 1.0}, {"silent": True}, "a", False),
        ({"first_audio_s": 1.0}, {"faults": Faults(error=FailureCategory.QUOTA)}, "a", False),
        ({"faults": Faults(stall=True)}, {}, "b", True),
    ],
    ids=["quick", "late", "a little late", "silent at first", "silent a moment", "hedge mute", "hedge poor", "dead"],
)
async def test_a_hedge_from_end_to_end(
    first: dict[str, Any], second: dict[str, Any], voice: str, won: bool | None
) -> None:
    """Whoever is heard first speaks the first sentence and every other; the loser is no failure, silence no winner."""
    clock = ManualClock()
    a, b = scripted(clock, "a", **first), scripted(clock, "b", **second)
    theatre = Theatre(clock, [a, b], [ScriptedModel(clock, TEXT, interval_s=0.5)], hedge_s=0.4)
    turn = await theatre.play("?")
    tally = theatre.speech.chain.tally
    assert turn.whole
    assert set(turn.voices) == {voice}
    assert turn.record.served is (Served.FALLBACK if voice == "b" else Served.PRIMARY)
    assert (tally.hedges, tally.hedges_won) == (int(won is not None), int(bool(won)))
    losers = [one for one in turn.record.attempts if one.seq == 0 and one.provider != voice]
    assert len(losers) == tally.hedges
    assert theatre.quiet()


async def test_leading_silence_beside_a_voice_is_still_silence() -> None:
    """When the second of a hedge becomes audible, a piece of silence of the first does not count as sound."""
    clock = ManualClock()
    a = scripted(clock, "a", leading_silence_ms=3000.0, real_time_factor=1.0, chunk_ms=100.0)
    b = scripted(clock, "b", first_audio_s=0.1)
    turn = await Theatre(clock, [a, b], hedge_s=0.4).play(SENTENCES[0])
    assert turn.voices == ["b"]
    assert turn.record.marks["first_audible"] == pytest.approx(500.0)


async def test_who_began_to_speak_speaks_on() -> None:
    """A voice that was resting when the reply began does not return in the middle of it, but in the next one."""
    clock = ManualClock()
    a, b = Teller(clock, "a", TONES), Teller(clock, "b", TONES)
    theatre = Theatre(clock, [a, b])
    breaker = theatre.target("a").breaker
    breaker.began(probe=False)
    breaker.failed(clock.now(), 0.0, FailureCategory.RATE_LIMIT, retry_after_s=1.0)
    turn = await theatre.play(listener_s=0.7)
    assert breaker.state is BreakerState.CLOSED
    assert turn.voices == ["b"] * 4
    assert turn.words == plain(TEXT)
    assert (await theatre.play()).voices == ["a"] * 4


async def test_a_kept_sentence_needs_nobody() -> None:
    """With every provider resting, what the first choice spoke before is heard, labelled, and blamed on nobody."""
    clock = ManualClock()
    cache = AudioCache(Shelf(), clock, CacheSettings())
    a = Named(clock, "a", TONES)
    theatre = Theatre(clock, [a], cache=cache)
    assert (await theatre.play(SENTENCES[0])).whole
    a.fault = Fault("cut", category=FailureCategory.AUTH)
    assert not (await theatre.play(SENTENCES[1])).whole
    assert theatre.target("a").breaker.state is BreakerState.OPEN
    turn = await theatre.play(SENTENCES[0])
    assert turn.whole
    assert turn.words == plain(SENTENCES[0])
    assert turn.told == []
    (attempt,) = turn.record.attempts
    assert (attempt.provider, attempt.voice, attempt.outcome) == ("a", "a-voice", AttemptOutcome.CACHED)
    assert theatre.target("a").calls == len(a.log) == 2


async def test_slow_first_sounds_give_another_first_place() -> None:
    """When synthesis is degraded the first choice is asked last, and each reply that begins from then on says so."""
    clock = ManualClock()
    settings = VoiceSettings(
        first_clause=False,
        limits=LimitSettings(first_audible_s=10.0),
        degradation=DegradationSettings(min_turns=3, enter_s=0.0),
    )
    slow = scripted(clock, "a", first_audio_s=4.5)
    theatre = Theatre(clock, [slow, scripted(clock, "b")], [ScriptedModel(clock, SENTENCES[0])], settings)
    replies = []
    for _ in range(6):
        replies.append(await theatre.play("?"))
        theatre.lookout.note(replies[-1].record)
    assert [turn.voices for turn in replies] == [["a"]] * 3 + [["b"]] * 3
    assert [turn.told for turn in replies] == [[]] * 3 + [["synthesizer_rotated"]] * 3
    assert {turn.record.first_choice for turn in replies} == {"a"}


@pytest.mark.parametrize("hedge_s", [None, 0.0], ids=["plain", "hedged"])
@pytest.mark.parametrize("door", ["cancel", "close"])
async def test_a_listener_may_go_at_any_moment_of_any_trouble(hedge_s: float | None, door: str) -> None:
    """Wherever a turn is when its listener goes, all streams are closed, all places free, and one record is left."""
    settings = VoiceSettings(first_clause=False, synthesis_at_once=2)
    moment, over = 0, False
    while not over:
        clock = SystemClock()
        tellers = [Teller(clock, "a", TONES, of(0, 2, after=30_000)), Teller(clock, "b", TONES, of(0, after=20_000))]
        models = [
            broken(clock, TEXT, 60, "m"),
            ScriptedModel(clock, lambda prompt: list(TEXT[len(prompt.spoken) :]), name="n"),
        ]
        cache = AudioCache(Shelf(), clock, CacheSettings())
        theatre = Theatre(clock, [*tellers, Teller(clock, "c", TONES)], models, settings, hedge_s, cache)
        for target in theatre.speech.chain.targets.values():
            target.places = Slots(1)
        ask = Ask("chat", "en", "", text="?")
        listening = asyncio.ensure_future(_listened(theatre, ask, moment if door == "close" else None))
        for _ in range(moment if door == "cancel" else 10_000):
            await asyncio.sleep(0)
            if listening.done():
                break
        over = listening.done() and (door == "cancel" or listening.result())
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        assert theatre.quiet(), moment
        (record,) = [record async for record in theatre.store.read()] or [None]
        assert over or record is None or record.outcome is Outcome.ABANDONED
        for target in theatre.speech.chain.targets.values():
            assert target.places is not None
            assert (target.places.held, target.places.waiting, target.breaker._probes_out) == (0, 0, 0)
        if record is not None:
            assert len(record.attempts) == sum(len(teller.log) for teller in theatre.speakers)
        moment += 1
    assert moment > 10


async def _listened(theatre: Theatre, ask: Ask, frames: int | None) -> bool:
    """Listen to so many frames, or to all; whether that was all."""
    async with aclosing(theatre.turns.turn(ask)) as coming:
        async for _ in coming:
            if frames is not None:
                frames -= 1
                if frames < 0:
                    return False
    return True


LONG = " ".join(f"{first}{second}aba" for first in "abcdefg" for second in "klmno") + "."
"""A sentence that takes 36 s at half speed: more than ever waits for a listener."""


@pytest.mark.parametrize("hedge_s", [None, 0.3], ids=["plain", "hedged"])
@pytest.mark.parametrize("how", ["cut", "stall"])
async def test_a_provider_breaks_off_while_its_listener_is_far_behind(how: str, hedge_s: float | None) -> None:
    """What waits is heard to its end, then the rest; the slowness of a listener is not taken for the provider's."""
    clock, tones = ManualClock(), vocabulary([LONG])
    a, b = (Teller(clock, name, tones, word_ms=1000) for name in "ab")
    a.fault = Fault(how, 1_620_000)
    theatre = Theatre(clock, [a, b], settings=VoiceSettings(first_clause=False), hedge_s=hedge_s)
    turn = await theatre.play(LONG, listener_s=0.6, speed=0.5)
    words = heard(b"".join(frame.data for frame in turn.frames if isinstance(frame, Audio)), tones)
    assert turn.whole
    assert list(dict.fromkeys(words)) == plain(LONG)
    assert len(words) < 1.3 * len(plain(LONG))
    assert turn.voices == ["ab"]
    failed = [(one.provider, one.category) for one in turn.record.attempts if one.category]
    assert failed == [("a", "truncated" if how == "cut" else "timeout")]
    assert theatre.quiet()


def mishaps(draw: random.Random) -> list[Fault | None]:
    """What goes wrong with three providers: anything, in any sentences."""
    faults: list[Fault | None] = []
    for _ in range(3):
        if draw.random() < 0.3:
            faults.append(None)
            continue
        how = draw.choice(["cut", "end", "stall", "trickle", "silence", "clipped", "odd", "empty"])
        sentences = draw.sample(range(4), draw.randint(1, 4))
        category = draw.choice(list(FailureCategory))
        most = 10_000 if how == "end" else 60_000  # so much more would pass for a hurried reading
        faults.append(of(*sentences, how=how, after=draw.randrange(most) // 2 * 2, category=category))
    return faults


@pytest.mark.parametrize("seed", range(25))
async def test_any_mishaps_leave_every_sentence_whole_or_one_error(seed: int) -> None:
    """Whoever fails how: every word is heard in its order, twice only where a sentence resumed, or an error ends it."""
    draw = random.Random(seed)  # noqa: S311 - the same mishaps each time
    clock = ManualClock()
    cache = AudioCache(Shelf(), clock, CacheSettings()) if draw.random() < 0.5 else None
    tellers = [Named(clock, name, TONES) for name in "abc"]
    theatre = Theatre(clock, tellers, hedge_s=draw.choice([None, 0.2]), cache=cache)
    for _ in range(3):
        for teller, fault in zip(tellers, mishaps(draw), strict=True):
            teller.fault = fault
        turn = await theatre.play(listener_s=draw.choice([0.0, 0.1, 0.5]))
        wanted, words = plain(TEXT), turn.words
        first = list(dict.fromkeys(words))
        assert first == wanted[: len(first)], seed
        assert first == wanted if turn.whole else isinstance(turn.frames[-1], Failure), seed
        if turn.record.served is not Served.RESUMED and turn.whole:
            assert words == wanted
        sounds = [frame for frame in turn.frames if isinstance(frame, Audio)]
        assert all(frame.voice == f"{frame.provider}-voice" for frame in sounds)
        await clock.advance(5.0)  # for those who are just being tried out
        assert theatre.quiet()
        for target in theatre.speech.chain.targets.values():
            assert target.breaker._probes_out == 0
        await clock.advance(draw.choice([1.0, 15.0, 80.0]))
