"""The spine of the voice plane: one request becomes one stream of frames and leaves exactly one record.

    assign → hear (if it began with a recording) → tokens → sentences → sound → one record

Whatever happens on the way (an error, a listener who leaves, a cancelled task), the record is written.
"""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field

import structlog

from segue.clock import Clock
from segue.configuration import VoiceSettings
from segue.errors import NothingHeard, ProviderTimeout, SegueError
from segue.records import Mark, Outcome, TurnRecord
from segue.routing import RoutingTable
from segue.voice.assignment import assign
from segue.voice.audio import SAMPLE_RATE
from segue.voice.encoding import encoder
from segue.voice.frames import Audio, Done, Failure, Frame, Meta, Text
from segue.voice.hearing import Hearing
from segue.voice.ports import LanguageModel, Message, Prompt, Recording, TurnStore
from segue.voice.rendering import Sentence
from segue.voice.reply import read_out, replies
from segue.voice.reporting import ReportTokens
from segue.voice.slots import Slots
from segue.voice.speaking import Manner, Packet, Speaker
from segue.voice.timeline import Heading, Timeline

log = structlog.get_logger("segue.turn")


def new_turn_id() -> str:
    """A fresh turn id: 32 hexadecimal digits."""
    return uuid.uuid4().hex


@dataclass(frozen=True, slots=True)
class Ask:
    """A request for speech that has been checked: language, voice and format are known to exist.

    `kind` is `chat` (the model answers `text`, or what is heard in `recording`) or `speech` (`text` is read out).
    """

    kind: str
    language: str
    voice: str
    format: str = "pcm16"
    text: str = ""
    recording: Recording | None = None
    history: tuple[Message, ...] = ()
    listener: str | None = None
    chat: str | None = None
    character: str | None = None
    profile: str = "fast"
    model: str = ""
    speed: float = 1.0
    whole: bool = False
    """Encode for a file (exact sizes) instead of for a stream."""
    turn: str = field(default_factory=new_turn_id)


@dataclass(slots=True)
class Interruption:
    """How a turn that is closed early ends in its record: the door says `cancelled` when it was the listener's wish."""

    outcome: Outcome = Outcome.ABANDONED
    reason: str = "The listener went away."


@dataclass(slots=True)
class Parcel:
    """Packets that went into the encoder and have not come out of it yet."""

    last: Packet | None = None
    ms: float = 0.0
    audible: bool = False
    parts: int = 0
    seq: int = -1

    def add(self, packet: Packet) -> None:
        """A packet was given to the encoder."""
        if packet.seq != self.seq:
            self.seq, self.parts = packet.seq, 0
        self.last = packet
        self.ms += packet.ms
        self.audible = self.audible or packet.audible

    def audio(self, turn: str, variant: str, data: bytes) -> Audio:
        """The frame for what came out of the encoder."""
        assert self.last is not None  # noqa: S101 - an encoder gives nothing before it was fed
        part, self.parts = self.parts, self.parts + 1
        packet = self.last
        return Audio(
            turn=turn,
            seq=packet.seq,
            part=part,
            provider=packet.provider,
            model=packet.model,
            voice=packet.voice,
            variant=variant,
            data=data,
            ms=self.ms,
            last_of_sentence=packet.last_of_sentence,
            audible=self.audible,
        )

    def sent(self, timeline: Timeline, now: float) -> None:
        """That frame was handed to the transport."""
        timeline.sent(now, self.ms, audible=self.audible)
        self.ms, self.audible = 0.0, False


class Turns:
    """Takes turns; one for the whole process."""

    def __init__(
        self,
        *,
        clock: Clock,
        settings: VoiceSettings,
        routing: Callable[[], RoutingTable],
        model: LanguageModel,
        speaker: Speaker,
        hearing: Hearing,
        records: TurnStore,
        tokens: ReportTokens,
    ) -> None:
        self._clock = clock
        self._settings = settings
        self._routing = routing
        self._model = model
        self._speaker = speaker
        self._hearing = hearing
        self._records = records
        self._tokens = tokens
        self.places = Slots(settings.max_turns)

    async def turn(self, ask: Ask, interruption: Interruption | None = None) -> AsyncGenerator[Frame, None]:
        """The frames of one turn; close the iterator to end it early.

        Raises:
            SegueError: before the first frame, where the turn cannot even begin (overload, nothing heard). After the
                first frame an error is a `Failure` frame.
        """
        interruption = interruption or Interruption()
        with self.places.hold_now():
            timeline, begun = self._timeline(ask), False
            try:
                async with aclosing(self._frames(ask, timeline)) as frames:
                    async for frame in frames:
                        begun = True
                        yield frame
                timeline.end(Outcome.COMPLETED)
            except (asyncio.CancelledError, GeneratorExit):
                timeline.end(interruption.outcome, reason=interruption.reason)
                raise
            except Exception as error:
                failure = self._failure(error, ask, timeline)
                if not begun:
                    raise failure from error
                yield Failure.of(failure)
            finally:
                self._keep(timeline.close(self._clock.now()))

    def _keep(self, record: TurnRecord) -> None:
        """Leave the turn's one record, and one line in the log, which holds no text."""
        self._records.append(record)
        log.info(
            "turn over",
            turn=record.turn,
            outcome=record.outcome.value,
            language=record.language,
            ttfa_ms=record.ttfa_ms,
            audio_ms=record.audio_ms,
            underflows=record.underflow.events,
        )

    def _failure(self, error: Exception, ask: Ask, timeline: Timeline) -> SegueError:
        if isinstance(error, SegueError):
            failure = error
            log.warning("turn failed", turn=ask.turn, code=failure.code, reason=failure.message)
        else:
            failure = SegueError()
            log.exception("turn failed", turn=ask.turn, code=failure.code)
        timeline.end(Outcome.FAILED, error=failure.code, reason=failure.message)
        return failure

    def _timeline(self, ask: Ask) -> Timeline:
        variant = assign(ask.listener, self._routing()).variant
        heading = Heading(
            turn=ask.turn,
            kind=ask.kind,
            at=self._clock.wall(),
            listener=ask.listener,
            chat=ask.chat,
            variant=variant.name,
            profile=ask.profile,
            character=ask.character,
            language=ask.language,
            model=(variant.model or ask.model or self._model.name) if ask.kind == "chat" else "",
            voice=ask.voice,
            format=ask.format,
        )
        return Timeline(heading, self._clock.now(), self._settings.cushion_ms)

    async def _frames(self, ask: Ask, timeline: Timeline) -> AsyncGenerator[Frame, None]:
        heard = await self._heard(ask)
        heading = timeline.heading
        yield Meta(
            turn=ask.turn,
            variant=heading.variant,
            profile=ask.profile,
            language=ask.language,
            model=heading.model,
            voice=ask.voice,
            format=ask.format,
            sample_rate=SAMPLE_RATE,
            report_token=self._tokens.issue(ask.turn),
            heard=heard,
        )
        async with aclosing(self._spoken(ask, heard or ask.text, timeline)) as frames:
            async for frame in frames:
                yield frame
        timeline.mark(Mark.DONE, self._clock.now())
        yield Done(timeline.timings, timeline.sentences, round(timeline.listener.sent_ms, 3))

    async def _heard(self, ask: Ask) -> str | None:
        if ask.recording is None:
            return None
        transcript = await self._hearing.hear(ask.recording)
        if not transcript.text:
            raise NothingHeard("No speech was recognized in the recording; speak closer to the microphone, or type.")
        return transcript.text

    async def _spoken(self, ask: Ask, text: str, timeline: Timeline) -> AsyncGenerator[Frame, None]:
        """Sentences and their sound; sound is booked as sent when the door comes back for the next frame."""
        manner = Manner(ask.language, ask.voice, ask.speed, paced=ask.kind == "chat")
        encode = encoder(ask.format, SAMPLE_RATE, whole=ask.whole)
        parcel = Parcel()
        try:
            async with aclosing(self._speaker.speak(self._sentences(ask, text, timeline), manner, timeline)) as pieces:
                async for piece in pieces:
                    self._refuse_endless(timeline)
                    if isinstance(piece, Sentence):
                        yield Text(piece.seq, piece.text)
                        continue
                    parcel.add(piece)
                    data = encode.feed(piece.pcm)
                    if data:
                        yield parcel.audio(ask.turn, timeline.heading.variant, data)
                        parcel.sent(timeline, self._clock.now())
            data = encode.finish()
            if data and parcel.last is not None:
                yield parcel.audio(ask.turn, timeline.heading.variant, data)
                parcel.sent(timeline, self._clock.now())
        finally:
            encode.close()

    def _refuse_endless(self, timeline: Timeline) -> None:
        limit_s = self._settings.limits.turn_s
        if self._clock.now() - timeline.began > limit_s:
            raise ProviderTimeout(f"The turn took longer than {limit_s:g} s.")

    def _sentences(self, ask: Ask, text: str, timeline: Timeline) -> AsyncGenerator[Sentence, None]:
        if ask.kind == "speech":
            return read_out(text, ask.language, self._settings, timeline, self._clock)
        prompt = Prompt(
            messages=(*ask.history, Message("user", text)),
            language=ask.language,
            profile=ask.profile,
            model=ask.model,
        )
        return replies(self._model, prompt, self._settings, timeline, self._clock)
