"""`POST /v1/chat/completions`: the language model's reply as text, as it is written or when it is complete.

A completion takes one of the places that turns have, so that a flood of them is refused like a flood of turns. It is
not a turn: nothing is spoken, so no turn record is kept, and nothing is counted as evidence. But its listener is given
the variant that its turns get, so that the app which speaks the reply elsewhere has it written by the same model.
"""

import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Response

from segue.clock import Clock
from segue.configuration import ServerSettings
from segue.errors import SegueError
from segue.voice.plane import VoicePlane
from segue.voice.ports import Prompt
from segue.web.answer import Answer
from segue.web.bodies import json_only
from segue.web.openai.bodies import CompletionBody
from segue.web.openai.events import DONE, EVENT_STREAM, event, failure_fields, plain_json
from segue.web.openai.listening import LISTENER, SESSION, listener_of
from segue.web.openai.names import Names
from segue.web.openai.usage import completion_usage, prompt_tokens
from segue.web.openai.writing import Writing


@dataclass(frozen=True, slots=True)
class Completion:
    """What every chunk of an answer repeats, and what its end needs."""

    id: str
    created: int
    writing: Writing
    prompt_tokens: int
    usage_wanted: bool = False

    def whole(self, text: str, writing: Writing) -> bytes:
        """The finished reply."""
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": text, "refusal": None},
            "logprobs": None,
            "finish_reason": writing.finish,
        }
        usage = completion_usage(self.prompt_tokens, writing.tokens)
        return plain_json({**self._head("chat.completion"), "choices": [choice], "usage": usage})

    def chunk(self, delta: dict[str, str], finish: str | None = None) -> bytes:
        """A piece of the reply as an event."""
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return self._event([choice], None)

    def usage(self, writing: Writing) -> bytes:
        """The event that counts tokens, where it was asked for."""
        return self._event([], completion_usage(self.prompt_tokens, writing.tokens)) if self.usage_wanted else b""

    def _event(self, choices: list[dict[str, Any]], usage: dict[str, int] | None) -> bytes:
        counted = {"usage": usage} if self.usage_wanted else {}
        return event({**self._head("chat.completion.chunk"), "choices": choices, **counted})

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.writing.model}


def router(plane: VoicePlane, names: Names, server: ServerSettings, clock: Clock) -> APIRouter:
    """The route, bound to a voice plane."""
    routes = APIRouter(dependencies=[Depends(json_only)])

    @routes.post("/chat/completions", response_class=Response, responses=_ANSWERS)
    async def create_completion(
        body: CompletionBody,
        listener: Annotated[str, Header(alias=LISTENER)] = "",
        session: Annotated[str, Header(alias=SESSION)] = "",
    ) -> Response:
        """Continue a conversation with text. The status is decided at the first piece of it."""
        profile, first = names.chat(body.model)
        prompt = _prompt(plane, body, profile)
        who = listener_of(listener, body.safety_identifier, body.user)
        placed = plane.turns.assigner.place(who, session, language=prompt.language)
        order = plane.models.order(profile, first or placed.assignment.variant.model)
        writing = Writing(plane.models.chain, order, prompt, body.stops, plane.settings.limits, clock)
        completion = Completion(
            id=f"chatcmpl-{uuid.uuid4().hex}",
            created=int(clock.wall()),
            writing=writing,
            prompt_tokens=prompt_tokens(prompt.messages),
            usage_wanted=body.usage_wanted,
        )
        pieces = _streamed if body.stream else _whole
        return Answer(
            pieces(plane, writing, completion),
            EVENT_STREAM if body.stream else "application/json",
            send_timeout_s=server.send_timeout_s,
            headers={
                "x-segue-variant": placed.assignment.variant.name,
                **({"x-segue-session": placed.token} if placed.token else {}),
            },
            whole=not body.stream,
        )

    return routes


def _prompt(plane: VoicePlane, body: CompletionBody, profile: str) -> Prompt:
    """What the model is asked.

    Raises:
        CallerError: something is asked for that is not offered here.
    """
    messages = body.check()
    text = plane.check_text(messages[-1].content, param="messages")
    return Prompt(
        messages=messages,
        language=plane.language(body.language, text),
        profile=profile,
        max_tokens=body.most_tokens,
        temperature=body.temperature,
    )


async def _whole(plane: VoicePlane, writing: Writing, completion: Completion) -> AsyncGenerator[bytes, None]:
    with plane.turns.places.hold_now():
        async with aclosing(writing.texts()) as texts:
            text = "".join([text async for text in texts])
        yield completion.whole(text, writing)


async def _streamed(plane: VoicePlane, writing: Writing, completion: Completion) -> AsyncGenerator[bytes, None]:
    """The chunks, the first with the role. A failure after it is an `error` event, and then there is no `[DONE]`."""
    role = True  # still to be told, once it is known who writes
    with plane.turns.places.hold_now():
        try:
            async with aclosing(writing.texts()) as texts:
                async for text in texts:
                    yield _role(completion, role) + completion.chunk({"content": text})
                    role = False
        except SegueError as error:
            if role:
                raise
            yield event({"error": failure_fields(error.code, error.message)})
            return
        yield _role(completion, role) + completion.chunk({}, writing.finish) + completion.usage(writing) + DONE


def _role(completion: Completion, due: bool) -> bytes:
    return completion.chunk({"role": "assistant", "content": ""}) if due else b""


_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "The reply.", "content": {"application/json": {}, "text/event-stream": {}}},
}
