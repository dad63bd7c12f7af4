"""One reply of the language model as text: within its limits, without its reasoning, up to a stop sequence."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import structlog

from segue.clock import Clock
from segue.configuration import LimitSettings
from segue.errors import ProviderTimeout, SegueError
from segue.voice.answering import Answering
from segue.voice.chain import Chain
from segue.voice.ports import LanguageModel, Prompt

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
        self,
        models: Chain[LanguageModel],
        order: Sequence[str],
        prompt: Prompt,
        stops: tuple[str, ...],
        limits: LimitSettings,
        clock: Clock,
    ) -> None:
        self._models = models
        self._order = order
        self._stops = stops
        self._limits = limits
        self._clock = clock
        self._answering = Answering(prompt, self._settle, models)
        self._text = ""
        self.finish = "stop"

    @property
    def tokens(self) -> int:
        """Tokens so far."""
        return self._answering.tokens

    @property
    def model(self) -> str:
        """The model that writes, by its vendor's own name; before one does, the first choice."""
        provider = self._models.targets[self._answering.writer or self._order[0]].provider
        return provider.about.model or provider.name

    async def texts(self) -> AsyncGenerator[str, None]:
        """The reply in pieces, none of them empty.

        Raises:
            SegueError: no model could write it, or go on with it; what came before stays valid.
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
        until = StopFilter(self._stops)
        async with aclosing(self._content()) as pieces:
            async for piece in pieces:
                text = until.push(piece)
                if text:
                    yield text
                if until.found:
                    self._answering.end()  # not left: the model has done its part, and its breaker learns of it
        if self._answering.limited and not until.found:
            self.finish = "length"
        rest = until.flush()
        if rest:
            yield rest

    async def _content(self) -> AsyncGenerator[str, None]:
        began = self._clock.now()
        async with aclosing(self._models.run(self._answering, self._order)) as pieces:
            async for piece in pieces:
                if self._clock.now() - began > self._limits.turn_s:
                    raise ProviderTimeout(
                        f"{self._answering.writer} wrote for longer than {self._limits.turn_s:g} s.",
                        provider=self._answering.writer,
                    )
                self._text += piece
                yield piece

    async def _settle(self) -> str:
        """Text that was handed on stands, to the last letter."""
        return self._text
