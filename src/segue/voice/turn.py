"""The spine of the voice plane: one request becomes one stream of frames and leaves exactly one record.

    assign → hear (if it began with a recording) → tokens → sentences → sound → one record

Whatever happens on the way (an error, a listener who leaves, a cancelled task), the record is written.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace

import structlog

from segue.clock import Clock
from segue.configuration import VoiceSettings
from segue.errors import NothingHeard, ProviderTimeout, SegueError
from segue.records import Mark, Outcome, TurnRecord
from segue.routing import RoutingTable
from segue.voice.ask import Ask, Interruption, Plan
from segue.voice.audio import SAMPLE_RATE
from segue.voice.catalogue import Catalogue
from segue.voice.encoding import encoder
from segue.voice.frames import Degraded, Done, Failure, Frame, Meta, Text
from segue.voice.hearing import Hearing
from segue.voice.lineup import Lineup
from segue.voice.lookout import Lookout
from segue.voice.notices import Notices
from segue.voice.parcel import Parcel
from segue.voice.planner import Planner
from segue.voice.ports import LanguageModel, Message, Prompt, TurnStore
from segue.voice.rendering import Manner, Sentence
from segue.voice.reply import Written, read_out
from segue.voice.reporting import ReportTokens
from segue.voice.roster import Roster
from segue.voice.session import Assigner, Sessions
from segue.voice.slots import Slots
from segue.voice.speaking import Speaker
from segue.voice.timeline import Heading, Timeline

log = structlog.get_logger("segue.turn")


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
        sessions: Sessions | None = None,
        watch: Callable[[Timeline], None] | None = None,
    ) -> None:
        """Put the parts together.

        Args:
            clock: for every time that is measured.
            settings: of the voice plane.
            routing: the routing table that is in force; asked once a turn.
            models: the language models.
            speaker: the synthesizers.
            catalogue: the voices and characters.
            lookout: what watches over degradation.
            hearing: the recognizers.
            records: where each turn leaves its record.
            tokens: with which listeners report.
            sessions: with which a session keeps its arm; without them each turn is drawn by the table alone.
            watch: told of each turn when it begins, by its timeline.
        """
        self._clock = clock
        self._settings = settings
        self._models = models
        self._speaker = speaker
        self._hearing = hearing
        self._records = records
        self._tokens = tokens
        self._watch = watch
        self.assigner = Assigner(routing, sessions)
        self.planner = Planner(self.assigner, settings, models, speaker.studio.chain, catalogue, lookout)
        self.places = Slots(settings.max_turns)

    async def turn(
        self,
        ask: Ask,
        interruption: Interruption | None = None,
        *,
        told: Callable[[TurnRecord], None] | None = None,
    ) -> AsyncGenerator[Frame, None]:
        """The frames of one turn; close the iterator to end it early. `told` is given its record when it is over.

        Raises:
            SegueError: before the first frame, where the turn cannot even begin (overload, nothing heard). After the
                first frame an error is a `Failure` frame.
        """
        interruption = interruption or Interruption()
        with self.places.hold_now():
            plan = self.planner.plan(ask)
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
                record = timeline.close(self._clock.now())
                self._keep(record)
                if told is not None:
                    told(record)

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

    def _timeline(self, ask: Ask, plan: Plan) -> Timeline:
        assignment = plan.placed.assignment
        heading = Heading(
            turn=ask.turn,
            kind=ask.kind,
            at=self._clock.wall(),
            listener=ask.listener,
            chat=ask.chat,
            variant=assignment.variant.name,
            profile=plan.profile,
            character=ask.character,
            language=ask.language,
            model=plan.model,
            voice=plan.voice,
            format=ask.format,
            first_choice=plan.first_choice,
            rollout=assignment.rollout,
            stage=assignment.stage,
            arm=assignment.arm,
            assigned=assignment.reason.value,
            session=plan.placed.session,
        )
        timeline = Timeline(heading, self._clock.now(), self._settings.cushion_ms)
        try:
            if self._watch is not None:
                self._watch(timeline)
        except Exception:
            log.exception("nobody watches this turn", turn=ask.turn)  # that is no reason not to answer it
        return timeline

    async def _frames(self, ask: Ask, plan: Plan, timeline: Timeline) -> AsyncGenerator[Frame, None]:
        if plan.flaw is not None:
            raise plan.flaw
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
            session=plan.placed.token,
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
        manner = Manner(ask.language, plan.casting, lineup, ask.speed, paced=paced, epoch=plan.placed.version)
        if ask.probe is not None:
            manner = replace(manner, cached=ask.probe.cached)
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
        if ask.kind != "chat":
            return read_out(text, ask.language, self._settings, timeline, self._clock)
        prompt = Prompt(messages=(*ask.history, Message("user", text)), language=ask.language, profile=plan.profile)
        streaming = plan.placed.assignment.variant.streaming
        written = Written(prompt, self._models.chain, self._settings, timeline, self._clock, streaming=streaming)
        return written.sentences(plan.models)
