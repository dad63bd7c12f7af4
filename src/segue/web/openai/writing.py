"""One reply of the language model as text: within its limits, without its reasoning, up to a stop sequence."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import structlog

from segue.clock import Clock
from segue.configuration import LimitSettings
from segue.errors import FailureCategory, ProviderError, ProviderTimeout, SegueError
from segue.voice.ports import LanguageModel, Prompt
from segue.voice.wording.markup import ReasoningFilter

log = structlog.get_logger("segue.web")


class StopFilter:
    """Ends a stream of text before the stop sequence that is complete first, wherever the pieces were cut."""

    def __init__(self, stops: tuple[str, ...]) -> None:
        self._stops = stops
        self._held = ""
        self.found = False

    def push(self, text: str) -> str:
        """What can be passed on; the end is held back as long as it may be the beginning of a stop sequence."""
        if self.found:
            return ""
        text = self._held + text
        places = [(text.find(stop) + len(stop), text.find(stop)) for stop in self._stops if stop in text]
        if places:
            self.found, self._held = True, ""
            return text[: min(places)[1]]
        keep = max((_overlap(text, stop) for stop in self._stops), default=0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def flush(self) -> str:
        """What was held back when nothing more comes."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, stop: str) -> int:
    """The length of the longest end of `text` with which `stop` begins."""
    return next((size for size in range(min(len(text), len(stop) - 1), 0, -1) if text.endswith(stop[:size])), 0)


class Writing:
    """A reply on its way. `tokens` and `finish` (`stop` or `length`) are known when `texts` has ended."""

    def __init__(
        self, model: LanguageModel, prompt: Prompt, stops: tuple[str, ...], limits: LimitSettings, clock: Clock
    ) -> None:
        self._model = model
        self._prompt = prompt
        self._stops = stops
        self._limits = limits
        self._clock = clock
        self.tokens = 0
        """Pieces that the model streamed, its reasoning included."""
        self.finish = "stop"

    async def texts(self) -> AsyncGenerator[str, None]:
        """Pieces of the reply; never an empty one. Closing it closes the model's stream.

        Raises:
            SegueError: the model failed, was silent for too long, or wrote nothing; what came before stays valid.
        """
        try:
            async with aclosing(self._shown()) as texts:
                async for text in texts:
                    yield text
        except SegueError as error:
            log.warning("completion failed", code=error.code, reason=error.message)
            raise
        except Exception as error:
            log.exception("completion failed")
            raise SegueError from error

    async def _shown(self) -> AsyncGenerator[str, None]:
        reasoning, until, shown = ReasoningFilter(), StopFilter(self._stops), False
        async with aclosing(self._tokens()) as tokens:
            async for token in tokens:
                text = until.push(reasoning.push(token))
                if text:
                    shown = True
                    yield text
                if until.found:
                    break
        rest = until.push(reasoning.flush()) + until.flush()
        if until.found:
            self.finish = "stop"
        if rest:
            yield rest
        elif not shown and not until.found and self.finish != "length":
            raise ProviderError(
                f"{self._model.name} answered with nothing.", provider=self._model.name, category=FailureCategory.SERVER
            )

    async def _tokens(self) -> AsyncGenerator[str, None]:
        began, most = self._clock.now(), self._prompt.max_tokens
        async with aclosing(self._model.stream(self._prompt)) as stream:
            while True:
                token = await self._next(stream)
                if token is None:
                    return
                if self._clock.now() - began > self._limits.turn_s:
                    raise ProviderTimeout(
                        f"{self._model.name} wrote for longer than {self._limits.turn_s:g} s.",
                        provider=self._model.name,
                    )
                if not token:
                    continue
                self.tokens += 1
                if self.tokens == most:
                    self.finish = "length"
                yield token
                if self.tokens == most:
                    return

    async def _next(self, stream: AsyncIterator[str]) -> str | None:
        """The next token, or None at the end. A caller who reads slowly costs the model nothing of its time."""
        limit_s = self._limits.token_stall_s if self.tokens else self._limits.first_token_s
        try:
            async with self._clock.limit(limit_s):
                return await anext(stream, None)
        except TimeoutError:
            what = "no further token" if self.tokens else "no token"
            raise ProviderTimeout(
                f"{self._model.name} wrote {what} within {limit_s:g} s.", provider=self._model.name
            ) from None
