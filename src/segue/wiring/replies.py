"""Replies to operators' messages, made by the voice plane: as text by its language models, or spoken as a turn."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from segue.clock import Clock
from segue.console.chats import Event, Message, Run
from segue.errors import SegueError
from segue.records import Outcome
from segue.voice import ports
from segue.voice.ask import Interruption
from segue.voice.frames import Audio, Degraded, Done, Failure, Frame, Meta, Text, fields
from segue.voice.plane import VoicePlane
from segue.voice.profiles import grant
from segue.web.openai.writing import Writing

HANDED_ON = Interruption(Outcome.ABANDONED, "The reply was given up here; it is made anew.")


class VoiceReplier:
    """See `Replier`."""

    def __init__(self, plane: VoicePlane, clock: Clock) -> None:
        self._plane = plane
        self._clock = clock

    def reply(self, text: str, history: Sequence[Message], run: Run) -> AsyncGenerator[Event, None]:
        """See `Replier.reply`."""
        before = tuple(ports.Message(each.role, each.text) for each in history)
        return self._spoken(text, before, run) if run.asked.speak else self._written(text, before, run)

    async def _written(self, text: str, history: tuple[ports.Message, ...], run: Run) -> AsyncGenerator[Event, None]:
        """As text alone. It is no turn: nothing is heard, so nothing is evidence; but its listener has a variant."""
        plane, asked = self._plane, run.asked
        language = plane.language(asked.language, text, asked.voice, asked.character)
        placed = plane.turns.assigner.place(asked.listener, asked.session, character=asked.character, language=language)
        granted = grant(asked.profile, plane.settings.profile, plane.lookout.remedy())
        if granted.reason:
            yield Event(0, "degraded", {"reason": granted.reason, "message": granted.message})
        order = plane.models.order(granted.profile, placed.assignment.variant.model)
        prompt = ports.Prompt((*history, ports.Message("user", text)), language, granted.profile)
        writing = Writing(plane.models.chain, order, prompt, (), plane.settings.limits, self._clock)
        began = self._clock.now()
        first_ms = 0.0
        with plane.turns.places.hold_now():
            async with aclosing(writing.texts()) as texts:
                async for piece in texts:
                    first_ms = first_ms or (self._clock.now() - began) * 1000.0
                    yield Event(0, "text", {"text": piece})
        whole_ms = (self._clock.now() - began) * 1000.0
        timings = {"first_token_ms": round(first_ms, 3), "done_ms": round(whole_ms, 3)}
        yield Event(0, "done", {"timings": timings, "variant": placed.assignment.variant.name, "model": writing.model})

    async def _spoken(self, text: str, history: tuple[ports.Message, ...], run: Run) -> AsyncGenerator[Event, None]:
        """As a turn: it leaves its record, and what is heard of it is evidence."""
        plane, asked = self._plane, run.asked
        plane.switch.check()
        ask = plane.ask_chat(
            text=text,
            language=asked.language,
            voice=asked.voice,
            listener=asked.listener,
            session=asked.session,
            chat=run.chat,
            character=asked.character,
            profile=asked.profile,
            history=history,
        )
        async with aclosing(plane.turns.turn(ask, HANDED_ON)) as frames:
            async for frame in frames:
                if isinstance(frame, Failure):
                    raise Broken(frame)
                yield Event(0, _KINDS[type(frame)], _told(frame))


class Broken(SegueError):
    """A turn that began and could not be finished."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.status, self.code, self.retryable = failure.status, failure.code, failure.retryable


_KINDS = {Meta: "meta", Text: "text", Audio: "audio", Degraded: "degraded", Done: "done"}


def _told(frame: Frame) -> Mapping[str, Any]:
    """A frame as the data of an event. A run numbers its events, so the number of a sentence has a name of its own."""
    if isinstance(frame, Audio):
        return {
            "seq_of_sentence": frame.seq,
            "part": frame.part,
            "ms": frame.ms,
            "provider": frame.provider,
            "voice": frame.voice,
            "variant": frame.variant,
            "data": frame.data,
        }
    plain = fields(frame)
    if isinstance(frame, Text):
        return {"text": plain["text"], "seq_of_sentence": plain["seq"]}
    return {name: dict(value) if isinstance(value, Mapping) else value for name, value in plain.items()}
