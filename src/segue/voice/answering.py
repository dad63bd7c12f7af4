"""A reply on its way from a language model: an errand that any model of the chain may do, or finish for another."""

import math
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace

from segue.errors import FailureCategory, ProviderError
from segue.records import ModelAttempt
from segue.voice.attempt import Ending, since_ms
from segue.voice.boundaries import CLOSERS, TERMINATORS
from segue.voice.chain import Chain
from segue.voice.ports import LanguageModel, Prompt
from segue.voice.resumption import Overlap
from segue.voice.wording.markup import ReasoningFilter

BESIDES = "".join(CLOSERS) + " \t\r\n"
"""What may stand behind the last mark of a sentence."""

Settle = Callable[[], Awaitable[str]]
"""Asks what of the reply stands: everything written before is used up or thrown away when it answers."""


class Answering:
    """A reply being written: pieces of its content, without the model's reasoning.

    When a model breaks off, what its listener has of the reply stands, and the next model goes on right behind it.
    """

    priority = 0
    hedge_s: float | None = None

    def __init__(self, prompt: Prompt, settle: Settle, models: Chain[LanguageModel]) -> None:
        self.writer = ""
        """The provider whose content comes now."""
        self.tokens = 0
        """Tokens so far, those of reasoning included, whoever wrote them."""
        self.limited = False
        """The reply ended because it had as many tokens as were allowed."""
        self.attempts: list[ModelAttempt] = []
        self.began: float | None = None
        """Monotonic moment of the request; None where it does not matter when attempts began."""
        self._prompt = prompt
        self._settle = settle
        self._models = models
        self._asked = False
        self._wrote = False
        self._spoken = ""
        self._written = ""
        """The reply as far as it was ever written; what of it does not stand is lost until somebody writes it anew."""
        self._enough = False

    def end(self) -> None:
        """Nothing more is wanted: the reply is whole as it is."""
        self._enough = True

    async def begin(self, name: str, provider: LanguageModel) -> AsyncGenerator[str, None]:
        """See `Errand.begin`."""
        del name
        if self._asked:
            self._spoken = await self._settle()
        self._asked, self._wrote = True, False
        most = self._prompt.max_tokens
        left = None if most is None else most - self.tokens
        return self._content(provider, replace(self._prompt, spoken=self._spoken, max_tokens=left))

    def weigh(self, item: str) -> float:
        """See `Errand.weigh`: reasoning is not what a listener waits for."""
        return math.inf if item else 0.0

    async def kept(self, name: str) -> list[str] | None:
        """See `Errand.kept`: replies are not kept."""
        del name
        return None

    def adopt(self, name: str, *, cached: bool) -> None:
        """See `Errand.adopt`."""
        del cached
        self.writer = name

    async def finish(self) -> None:
        """See `Errand.finish`.

        Raises:
            ProviderError: the model ended without a word, and not because it was allowed no more of them. Where it was
                to go on with a reply of others, that may be right, but not if they broke off within a sentence.
        """
        if self._wrote or self.limited:
            return
        if not self._spoken:
            message = f"{self.writer} answered with nothing."
            raise ProviderError(message, provider=self.writer, category=FailureCategory.SERVER)
        stands = self._written.rstrip() == self._spoken.rstrip()
        if not stands or not self._spoken.rstrip(BESIDES).endswith(tuple(TERMINATORS)):
            message = f"{self.writer} had nothing to add to a reply that broke off."
            raise ProviderError(message, provider=self.writer, category=FailureCategory.TRUNCATED)

    def ended(self, ending: Ending) -> None:
        """See `Errand.ended`."""
        self.attempts.append(
            ModelAttempt(
                provider=ending.name,
                model=self._models.targets[ending.name].provider.about.model,
                outcome=ending.outcome,
                category=ending.category.value if ending.category else None,
                first_token_ms=ending.audible_ms,
                total_ms=ending.total_ms,
                resumed=bool(self._spoken),
                began_ms=since_ms(self.began, ending.began),
            )
        )

    async def _content(self, model: LanguageModel, prompt: Prompt) -> AsyncGenerator[str, None]:
        reasoning, overlap = ReasoningFilter(), Overlap(prompt.spoken)
        async with aclosing(model.stream(prompt)) as tokens:
            async for token in tokens:
                self.tokens += bool(token)
                self.limited = self.tokens == self._prompt.max_tokens
                yield self._joined(overlap.push(reasoning.push(token)))
                if self.limited or self._enough:
                    break
        rest = self._joined(overlap.push(reasoning.flush()) + overlap.flush())
        if rest:
            yield rest

    def _joined(self, content: str) -> str:
        """Content that goes on behind what stands, with a space between where there was none."""
        if content and not self._wrote:
            before = self._spoken[-1:]
            self._wrote, self._written = True, self._spoken
            if before and not before.isspace() and not content[0].isspace() and before not in "。！？」』":
                content = f" {content}"
        self._written += content
        return content
