"""Our OpenAI server as a language model, with what the servers that speak its protocol do differently."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web

from tests.vendors.openai_wire import Door, bad
from tests.vendors.script import Fault, Script

ROLES = {"system", "developer", "user", "assistant"}
STRICT = {"model", "messages", "stream", "stream_options", "temperature", "max_tokens", "max_completion_tokens"}
LOOSE = STRICT | {"add_generation_prompt", "continue_final_message"}


@dataclass
class ModelScript(Script):
    """What the language model does beside what every server does."""

    kind: Literal["openai", "vllm", "llama.cpp", "ollama"] = "ollama"
    """Whose manners it has: which fields it refuses, and how it takes a last message of the assistant."""
    thinks: bool = False
    """It reasons before it answers; llama.cpp then refuses a begun answer."""
    refuses_begun: bool = False
    """It refuses a last message of the assistant, as services do that know no such thing."""
    context: int = 100_000
    """Characters of all messages it can take."""
    finish: str | None = "stop"
    done: bool = True
    """Whether it sends `[DONE]`."""
    malformed: tuple[int, ...] = ()
    """Before the tokens with these numbers it sends a chunk that is no JSON."""
    raw: tuple[bytes, ...] | None = field(default=None)
    """The body instead of all that, in the pieces in which it is sent."""


class Chat(Door):
    """`POST /chat/completions`, streamed."""

    script: ModelScript

    async def completion(self, request: web.Request) -> web.StreamResponse:
        """A reply, or a refusal in the manner of the kind of server."""
        heard, refused = self.came(request, await request.json())
        refused = refused or self._unanswerable(heard.body)
        if refused is not None:
            return refused
        fault = self.script.strike()
        done = await self.fail(request, heard, fault)
        if done is not None:
            return done
        if fault is Fault.WRONG_TYPE:
            message = {"role": "assistant", "content": "".join(self.script.tokens)}
            return web.json_response({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})
        async with self.watched(heard):
            await self.clock.sleep(self.script.delay_s)
            return await self._write(request, heard.body, fault)

    def _unanswerable(self, wanted: Any) -> web.Response | None:
        """What is wrong with a request for a reply."""
        script, messages = self.script, wanted.get("messages")
        if not wanted.get("model") or not messages or wanted.get("stream") is not True:
            return bad("you must provide a model, messages and stream")
        if any(message["role"] not in ROLES or not isinstance(message["content"], str) for message in messages):
            return bad("Invalid value for messages")
        unknown = set(wanted) - (STRICT if script.kind == "openai" else LOOSE)
        begun = messages[-1]["role"] == "assistant"
        if sum(len(message["content"]) for message in messages) > script.context:
            return bad(f"This model's maximum context length is {script.context}.", "context_length_exceeded")
        wrong = {
            f"Unrecognized request argument supplied: {', '.join(sorted(unknown))}": bool(unknown),
            "Unsupported parameter: 'max_tokens' is not supported with this model.": (
                script.kind == "openai" and "max_tokens" in wanted
            ),
            "This model does not support a begun answer. The last message must be the user's.": (
                begun and script.refuses_begun
            ),
            "Assistant response prefill is incompatible with enable_thinking.": (
                begun and script.kind == "llama.cpp" and script.thinks
            ),
            "Cannot set `add_generation_prompt` to True when the last message is from the assistant.": (
                begun and script.kind == "vllm" and wanted.get("add_generation_prompt", True)
            ),
            "continue_final_message is set but the last message is not from the assistant.": (
                not begun and wanted.get("continue_final_message", False)
            ),
        }
        return next((bad(message) for message, holds in wrong.items() if holds), None)

    async def _write(self, request: web.Request, wanted: Any, fault: Fault | None) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        answer.enable_chunked_encoding()
        await answer.prepare(request)
        if self.script.raw is not None:
            for piece in self.script.raw:
                await answer.write(piece)
                await asyncio.sleep(0)
            return await self.end(request, answer, fault)
        if fault is Fault.JSON_ERROR:
            await answer.write(event({"error": {"message": "Out of memory", "type": "server_error", "code": 500}}))
            return answer
        await answer.write(chunk(role="assistant", content=""))
        if self.script.thinks:
            await answer.write(chunk(reasoning_content="Let me think.") + chunk(reasoning="Hm."))
        tokens = () if fault is Fault.EMPTY else self.script.tokens
        most = wanted.get("max_tokens", wanted.get("max_completion_tokens", len(tokens)))
        stops = {Fault.CUT, Fault.END, Fault.STALL}
        for number, token in enumerate(tokens[: self.script.after] if fault in stops else tokens[:most]):
            if number in self.script.malformed:
                await answer.write(b'data: {"choices":[{"delta":{"cont\n\n')
            await answer.write(chunk(content=token))
        if fault not in stops:
            finish = "length" if most < len(tokens) else self.script.finish
            await answer.write((chunk(finish) if finish else b"") + (b"data: [DONE]\n\n" if self.script.done else b""))
        return await self.end(request, answer, fault)


def event(value: Any) -> bytes:
    """One event with a value as its data."""
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


def chunk(finish: str | None = None, **delta: str) -> bytes:
    """One chunk of a reply."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return event({"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "small-1", "choices": [choice]})
