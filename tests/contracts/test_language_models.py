"""What every language model promises."""

import asyncio
from contextlib import aclosing
from datetime import UTC

import pytest

from segue.clock import ManualClock
from segue.providers.offline import OfflineResponder
from segue.providers.scripted import ScriptedModel
from segue.voice.ports import LanguageModel, Message, Prompt


@pytest.fixture(params=["offline", "scripted"])
def model(request: pytest.FixtureRequest) -> LanguageModel:
    """Each adapter."""
    if request.param == "offline":
        return OfflineResponder(ManualClock(), zone=UTC)
    return ScriptedModel(ManualClock(), reply=lambda prompt: f"You said: {prompt.messages[-1].content}, truly.")


def ask(text: str, *, language: str = "en", max_tokens: int | None = None) -> Prompt:
    """A conversation in which the listener has just said something."""
    history = (Message("system", "Be kind."), Message("user", "Hello."), Message("assistant", "Hello to you."))
    return Prompt((*history, Message("user", text)), language, max_tokens=max_tokens)


async def written(model: LanguageModel, prompt: Prompt) -> list[str]:
    """All tokens."""
    return [token async for token in model.stream(prompt)]


@pytest.mark.parametrize("language", ["uk", "ru", "en", "zh"])
async def test_a_reply_comes_in_small_pieces(model: LanguageModel, language: str) -> None:
    """A reply is more than one token, none empty, and together they are a text that answers the last message."""
    tokens = await written(model, ask("xylophone 17", language=language))

    assert len(tokens) > 3
    assert all(tokens)
    assert "xylophone 17" in "".join(tokens)


async def test_the_same_question_gets_the_same_answer(model: LanguageModel) -> None:
    """Nothing but the prompt and the clock decides what is written."""
    assert await written(model, ask("What is the time?")) == await written(model, ask("What is the time?"))


async def test_replies_at_the_same_time_do_not_mix(model: LanguageModel) -> None:
    """Fifty replies at once are what they are one after another."""
    prompts = [ask(f"question number {number}") for number in range(50)]

    together = await asyncio.gather(*(written(model, prompt) for prompt in prompts))

    assert together == [await written(model, prompt) for prompt in prompts]
    assert len({"".join(tokens) for tokens in together}) == 50


@pytest.mark.parametrize("limit", [0, 1, 5])
async def test_a_limit_of_tokens_is_kept(model: LanguageModel, limit: int) -> None:
    """No more tokens are written than were asked for."""
    whole = await written(model, ask("Tell me something."))

    assert await written(model, ask("Tell me something.", max_tokens=limit)) == whole[:limit]


async def test_closing_a_reply_spares_the_next_one(model: LanguageModel) -> None:
    """A reply that is left in the middle ends there."""
    whole = await written(model, ask("Hello."))
    async with aclosing(model.stream(ask("Hello."))) as reply:
        assert await anext(reply) == whole[0]
    with pytest.raises(StopAsyncIteration):
        await anext(reply)

    assert await written(model, ask("Hello.")) == whole


@pytest.mark.parametrize("messages", [(Message("user", ""),), (Message("user", "\x00 \ud800 " * 1000),)])
async def test_odd_messages_are_no_failure(model: LanguageModel, messages: tuple[Message, ...]) -> None:
    """Whatever the listener sent, a reply is written."""
    assert "".join(await written(model, Prompt(messages, "en")))
