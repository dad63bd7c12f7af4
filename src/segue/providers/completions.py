"""Language models behind `/chat/completions`: OpenAI's own, Ollama, vLLM, llama.cpp, and whoever else speaks it.

How a reply that another model began is gone on with. vLLM and llama.cpp take the spoken words as a last message of the
assistant with `continue_final_message` and without `add_generation_prompt`; Ollama goes on with a last message of the
assistant by itself and does not mind fields it does not know; so one request suits all three. Who refuses it (models
that reason do, and services that know no such thing) is given the words in a message of the user, with the request to
go on behind them. That is another request, not the same one tried again: it is made at once, and remembered.
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from typing import Any

import structlog
from httpx2 import EventSource, HTTPError, ServerSentEvent

from segue.clock import Clock
from segue.errors import FailureCategory, ProviderError, ProviderRefusal, Unavailable
from segue.providers.http import Line
from segue.vendors.openai import OpenAIModel
from segue.voice.ports import About, Prompt

log = structlog.get_logger(__name__)

CONTINUE = "Continue the answer exactly after these words, without repeating them: "
REMINDER = 400
"""So many of the last characters are repeated in that request; the whole stands in the message before it."""
MOST_MALFORMED = 5
"""More chunks of one reply that cannot be read are no accident."""
TAIL_S = 0.1
"""So long is waited, behind the end of a reply, for the end of its body: then the connection can be used again."""
DONE = "[DONE]"


class Unreadable(ValueError):
    """A chunk that is not as documented; it is not quoted, since it may hold what a listener was told."""


class OpenAICompatibleModel:
    """Writes through `/chat/completions`, as a stream. `malformed` counts the chunks that were passed over."""

    def __init__(self, name: str, settings: OpenAIModel, clock: Clock) -> None:
        self.name = name
        self.malformed = 0
        self._settings = settings
        self._clock = clock
        headers = {"authorization": f"Bearer {settings.secret}"} if settings.secret else {}
        self._line = Line(name, settings.url, clock, headers=headers, connect_s=settings.limits.connect_s)
        vendor = "openai" if settings.public else "openai-compatible"
        self.about = About(vendor, settings.model, place=self._line.place)
        self._refusing: set[str] = set()
        """Models that refused to go on with a begun answer."""

    async def start(self) -> None:
        """Open the pool of connections.

        Raises:
            Unavailable: there is no key for a server that needs one; the message says what to set.
        """
        if self._settings.missing:
            raise Unavailable(f"{self.name} needs a key: {self._settings.missing}.")
        await self._line.start()

    async def close(self) -> None:
        """Close every connection."""
        await self._line.close()

    async def stream(self, prompt: Prompt) -> AsyncGenerator[str, None]:
        """See `LanguageModel.stream`. What a model says of its reasoning is not passed on.

        Raises:
            ProviderRefusal: the answer was stopped by the server's filter of contents.
        """
        if self._most(prompt) == 0:
            return
        refused = False
        if prompt.spoken.strip() and self._prefills(prompt):
            began = False
            try:
                async with aclosing(self._written(self._request(prompt, prefill=True))) as tokens:
                    async for token in tokens:
                        began = True
                        yield token
                return
            except ProviderError as error:
                if began or self._settings.prefill == "always" or not _about_the_request(error):
                    raise
                refused = True
                log.info("a begun answer is refused, and asked for in words", provider=self.name, reason=error.message)
        async with aclosing(self._written(self._request(prompt, prefill=False))) as tokens:
            async for token in tokens:
                if refused:
                    self._refusing.add(self._model(prompt))
                yield token

    def _model(self, prompt: Prompt) -> str:
        return prompt.model or self._settings.model

    def _most(self, prompt: Prompt) -> int | None:
        return self._settings.max_tokens if prompt.max_tokens is None else prompt.max_tokens

    def _prefills(self, prompt: Prompt) -> bool:
        """Whether to hand over what was spoken as the beginning of the answer; OpenAI's own service knows no such."""
        if self._settings.prefill != "auto":
            return self._settings.prefill == "always"
        return not self._settings.public and self._model(prompt) not in self._refusing

    def _request(self, prompt: Prompt, *, prefill: bool) -> dict[str, Any]:
        messages = [{"role": message.role, "content": _whole(message.content)} for message in prompt.messages]
        request: dict[str, Any] = {"model": self._model(prompt), "messages": messages, "stream": True}
        most = self._most(prompt)
        if most is not None:
            # OpenAI's models that reason refuse the old name; other servers may not know the new one.
            request["max_completion_tokens" if self._settings.public else "max_tokens"] = most
        temperature = self._settings.temperature if prompt.temperature is None else prompt.temperature
        if temperature is not None:
            request["temperature"] = temperature
        spoken = _whole(prompt.spoken).rstrip()
        if spoken:
            messages.append({"role": "assistant", "content": spoken})
            if prefill:
                request |= {"add_generation_prompt": False, "continue_final_message": True}
            else:
                messages.append({"role": "user", "content": f"{CONTINUE}{spoken[-REMINDER:]}"})
        return request

    async def _written(self, request: dict[str, Any]) -> AsyncGenerator[str, None]:
        """The tokens of one request's answer."""
        async with self._line.ask("POST", "/chat/completions", expect=("text/event-stream",), json=request) as answer:
            events, ended, malformed = aiter(EventSource(answer)), False, 0
            async for event in events:
                if event.data.strip() == DONE:
                    ended = True
                    break
                try:
                    token, finish = self._read(event.data)
                except Unreadable as error:
                    malformed += 1
                    self._pass_over(malformed, str(error))
                    continue
                if token:
                    yield token
                if finish:
                    self._finish(finish)
                    ended = True
                    break
            if not ended:
                raise self._line.truncated(
                    f"{self.name} ended without an end: neither a finish_reason nor {DONE} came."
                )
            await self._take_tail(events)

    def _read(self, data: str) -> tuple[str, str | None]:
        """The token of a chunk and its reason to finish, where it has them.

        Raises:
            Unreadable: the chunk is not as documented.
            ProviderError: it tells of an error.
        """
        if not data:
            return "", None
        try:
            chunk = json.loads(data)
        except ValueError:
            raise Unreadable(f"no JSON in {len(data)} characters") from None
        if isinstance(chunk, dict) and chunk.get("error"):
            raise self._line.failure(f"{self.name} broke off", data.encode(errors="replace"))
        try:
            choices = chunk["choices"]
            if not choices:
                return "", None  # the figures of usage, or the verdict of a filter, come so
            delta, finish = choices[0].get("delta") or {}, choices[0].get("finish_reason")
            return _text(delta.get("content") or delta.get("refusal")), finish
        except (KeyError, IndexError, TypeError, AttributeError):
            raise Unreadable(f"no chunk of a reply in {len(data)} characters") from None

    def _pass_over(self, malformed: int, what: str) -> None:
        """Count a chunk that cannot be read; a few are survived."""
        self.malformed += 1
        if malformed > MOST_MALFORMED:
            raise self._line.failure(f"{self.name} sent more than {MOST_MALFORMED} chunks that cannot be read, {what}")
        log.warning("a chunk that cannot be read was passed over", provider=self.name, what=what)

    def _finish(self, reason: str) -> None:
        """Tell the ends that are none."""
        if reason == "content_filter":
            raise ProviderRefusal(f"{self.name} stopped its answer: content_filter.", provider=self.name)
        if reason in {"error", "abort"}:
            raise self._line.truncated(f"{self.name} broke off its answer: {reason}.")

    async def _take_tail(self, events: AsyncIterator[ServerSentEvent]) -> None:
        with suppress(TimeoutError, HTTPError):
            async with self._clock.limit(TAIL_S):
                async for _ in events:
                    pass


def _about_the_request(error: ProviderError) -> bool:
    return error.category is FailureCategory.BAD_REQUEST and not isinstance(error, ProviderRefusal)


def _text(content: Any) -> str:
    """The text of a delta: it may come in parts, of which those of reasoning are not text."""
    if content is None:
        return ""
    if isinstance(content, list):
        return "".join(_text(part.get("text")) for part in content if part.get("type") == "text")
    if not isinstance(content, str):
        raise TypeError
    return content


def _whole(text: str) -> str:
    """A text without halves of letters, which no JSON may hold."""
    return text.encode("utf-8", "replace").decode()
