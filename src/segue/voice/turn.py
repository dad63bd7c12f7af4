"""The spine of the voice plane: one request becomes one stream of frames and leaves exactly one record.

    assign → hear (if it began with a recording) → tokens → sentences → sound → one record

Whatever happens on the way (an error, a listener who leaves, a cancelled task), the record is written.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import structlog

from segue.clock import Clock
from segue.configuration import VoiceSettings
from segue.errors import NothingHeard, ProviderTimeout, SegueError
from segue.records import Mark, Outcome, TurnRecord
from segue.routing import RoutingTable
from segue.voice.ask import Ask, Interruption, Plan
from segue.voice.assignment import assign
from segue.voice.audio import SAMPLE_RATE
from segue.voice.catalogue import Catalogue
from segue.voice.degradation import Remedy
from segue.voice.encoding import encoder
from segue.voice.frames import Degraded, Done, Failure, Frame, Meta, Text
from segue.voice.hearing import Hearing
from segue.voice.lineup import Lineup
from segue.voice.lookout import Lookout
from segue.voice.notices import Notices
from segue.voice.parcel import Parcel
from segue.voice.ports import LanguageModel, Message, Prompt, TurnStore
from segue.voice.profiles import grant
from segue.voice.rendering import Manner, Sentence
from segue.voice.reply import Written, read_out
from segue.voice.reporting import ReportTokens
from segue.voice.roster import Roster
from segue.voice.slots import Slots
from segue.voice.speaking import Speaker
from segue.voice.timeline import Heading, Timeline

log = structlog.get_logger("segue.turn")

NOTHING = Remedy()
"""What is done about the profile of a text that is read out: it has none."""


class Turns:
    """Takes turns; one for the whole process."""

    def __init__(
        self,
        *,
        clock: Clock,
        settings: VoiceSettings,
        routing: Callable[[], RoutingTable],
        models: Roster[LanguageModel],
        speaker: Speaker,
        catalogue: Catalogue,
        lookout: Lookout,
        hearing: Hearing,
        records: TurnStore,
        tokens: ReportTokens,
    ) -> None:
        self._clock = clock
        self._settings = settings
        self._routing = routing
        self._models = models
        self._speaker = speaker
        self._catalogue = catalogue
        self._lookout = lookout
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
            plan = self._plan(ask)
            timeline, begun = self._timeline(ask, plan), False
            try:
                async with aclosing(self._frames(ask, plan, timeline)) as frames:
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

    def _plan(self, ask: Ask) -> Plan:
        """Read the routing table and the remedy, once; what they say holds for the whole turn."""
        table, remedy = self._routing(), self._lookout.remedy()
        variant = assign(ask.listener, table).variant
        voice = ask.asked_voice or (variant.voice if ask.character is None else None)
        casting = self._catalogue.cast(ask.language, voice or None, ask.character, variant.name)
        order = self._speaker.studio.chain.able(casting.order)
        first = ask.synthesizer or (variant.synthesizer if not ask.asked_voice else "")
        if first in order:
            order = (first, *(name for name in order if name != first))
        able = tuple(name for name in order if name in casting.parts)
        rotated = remedy.order(able)
        granted = grant(ask.profile or None, self._settings.profile, remedy if ask.kind == "chat" else NOTHING)
        notices = [Degraded(granted.reason, granted.message)] if granted.reason else []
        if rotated != able:
            notices.append(Degraded("synthesizer_rotated", f"{rotated[0]} has first place for now.", rotated[0]))
        return Plan(
            variant=variant.name,
            profile=granted.profile,
            models=self._models.order(granted.profile, variant.model or ask.model) if ask.kind == "chat" else (),
            casting=casting,
            synthesizers=rotated or order,
            first_choice=able[0] if able else "",
            epoch=table.version,
            notices=tuple(notices),
        )

    def _timeline(self, ask: Ask, plan: Plan) -> Timeline:
        heading = Heading(
            turn=ask.turn,
            kind=ask.kind,
            at=self._clock.wall(),
            listener=ask.listener,
            chat=ask.chat,
            variant=plan.variant,
            profile=plan.profile,
            character=ask.character,
            language=ask.language,
            model=plan.model,
            voice=plan.voice,
            format=ask.format,
            first_choice=plan.first_choice,
        )
        return Timeline(heading, self._clock.now(), self._settings.cushion_ms)

    async def _frames(self, ask: Ask, plan: Plan, timeline: Timeline) -> AsyncGenerator[Frame, None]:
        heard = await self._heard(ask)
        heading = timeline.heading
        yield Meta(
            turn=ask.turn,
            variant=heading.variant,
            profile=heading.profile,
            language=ask.language,
            model=heading.model,
            voice=heading.voice,
            format=ask.format,
            sample_rate=SAMPLE_RATE,
            report_token=self._tokens.issue(ask.turn),
            heard=heard,
        )
        for notice in plan.notices:
            timeline.told(notice.reason)
            yield notice
        async with aclosing(self._spoken(ask, plan, heard or ask.text, timeline)) as frames:
            async for frame in frames:
                if isinstance(frame, Degraded):
                    timeline.told(frame.reason)
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

    async def _spoken(self, ask: Ask, plan: Plan, text: str, timeline: Timeline) -> AsyncGenerator[Frame, None]:
        """Sentences and their sound; sound is booked as sent when the door comes back for the next frame."""
        lineup, paced = Lineup(plan.synthesizers), ask.kind == "chat"
        manner = Manner(ask.language, plan.casting, lineup, ask.speed, paced=paced, epoch=plan.epoch)
        notices = Notices(plan.model, plan.synthesizer, plan.casting)
        encode = encoder(ask.format, SAMPLE_RATE, whole=ask.whole)
        parcel = Parcel()
        try:
            async with aclosing(
                self._speaker.speak(self._sentences(ask, plan, text, timeline), manner, timeline)
            ) as pieces:
                async for piece in pieces:
                    self._refuse_endless(timeline)
                    for notice in notices.of(piece):
                        yield notice
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

    def _sentences(self, ask: Ask, plan: Plan, text: str, timeline: Timeline) -> AsyncGenerator[Sentence, None]:
        if ask.kind == "speech":
            return read_out(text, ask.language, self._settings, timeline, self._clock)
        prompt = Prompt(messages=(*ask.history, Message("user", text)), language=ask.language, profile=plan.profile)
        written = Written(prompt, self._models.chain, self._settings, timeline, self._clock)
        return written.sentences(plan.models)
