"""The parts of the OpenAI-compatible door that need no server: stop sequences, captions, counts, one reply."""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.clock import ManualClock
from segue.configuration import LimitSettings
from segue.errors import FailureCategory, InvalidRequest, ProviderError, ProviderTimeout
from segue.voice.ports import About, Message, Prompt, Transcript, Word
from segue.web.openai.bodies import CompletionBody
from segue.web.openai.captions import Cue, cues, srt, vtt
from segue.web.openai.transcriptions import verbose
from segue.web.openai.usage import audio_tokens, prompt_tokens, speech_usage, text_tokens
from segue.web.openai.writing import StopFilter, Writing
from tests.staging import WRITING, roster

PROMPT = Prompt((Message("user", "Hello."),), "en")


def stopped(text: str, stops: tuple[str, ...]) -> str:
    """The plain definition: everything before the stop sequence that is complete first."""
    for end in range(len(text) + 1):
        found = [stop for stop in stops if text[:end].endswith(stop)]
        if found:
            return text[: end - max(map(len, found))]
    return text


@given(
    st.text("abcé。", max_size=40),
    st.lists(st.text("abcé。", min_size=1, max_size=4), max_size=4),
    st.lists(st.integers(0, 40), max_size=10),
)
def test_a_stop_sequence_is_found_wherever_the_pieces_are_cut(text: str, stops: list[str], cuts: list[int]) -> None:
    """A reply ends before the stop sequence that is complete first, however the model cuts its tokens."""
    until, places = StopFilter(tuple(stops)), [0, *sorted(cuts), len(text)]
    pieces = [until.push(text[begin:end]) for begin, end in itertools.pairwise(places)]
    assert "".join(pieces) + until.flush() == stopped(text, tuple(stops))
    assert until.found == any(stop in text for stop in stops)


def test_only_what_may_begin_a_stop_sequence_is_held_back() -> None:
    """Text that cannot become a stop sequence leaves at once, the rest as soon as it has not."""
    until = StopFilter(("END",))
    assert [until.push(piece) for piece in ("one E", "N", "ough", " two")] == ["one ", "", "ENough", " two"]


class Written:
    """A language model that writes given tokens, then fails where told to; it waits on the clock before each."""

    def __init__(
        self,
        *tokens: str,
        clock: ManualClock | None = None,
        wait_s: float = 0,
        fails: Exception | None = None,
        name: str = "written",
    ):
        self.tokens, self.clock, self.wait_s, self.fails = tokens, clock, wait_s, fails
        self.name, self.about = name, About("test", f"{name}-1")
        self.given = 0
        self.closed = False
        self.asked: list[Prompt] = []

    async def stream(self, prompt: Prompt) -> AsyncGenerator[str, None]:
        self.asked.append(prompt)
        try:
            for token in self.tokens:
                if self.clock is not None:
                    await self.clock.sleep(self.wait_s)
                self.given += 1
                yield token
            if self.fails is not None:
                raise self.fails
        finally:
            self.closed = True


def writing(*models: Written, stops: tuple[str, ...] = (), most: int | None = None, clock: ManualClock) -> Writing:
    """A reply of these models, with short limits."""
    prompt = Prompt(PROMPT.messages, "en", max_tokens=most)
    limits = LimitSettings(turn_s=30)
    writers = roster(clock, WRITING, *models)
    return Writing(writers.chain, writers.order(), prompt, stops, limits, clock)


async def collected(reply: Writing) -> list[str]:
    """Every piece of a reply."""
    async with aclosing(reply.texts()) as texts:
        return [text async for text in texts]


async def through(clock: ManualClock, doing: Awaitable[list[str]]) -> list[str]:
    """The result of something that waits on a clock that has to be turned."""
    task = asyncio.ensure_future(doing)
    await clock.advance(60)
    return await task


async def pieces(*models: Written, most: int | None = None) -> list[str]:
    """Every piece of a reply of these models."""
    clock = ManualClock()
    return await through(clock, collected(writing(*models, most=most, clock=clock)))


async def test_a_reply_comes_as_it_was_written_without_its_reasoning() -> None:
    """Reasoning is left out of the text and counted in the tokens."""
    reply = writing(Written("<think>", "hm", "</think>", "Hello", " there", "."), clock=ManualClock())
    assert await collected(reply) == ["Hello", " there", "."]
    assert (reply.tokens, reply.finish) == (6, "stop")


async def test_a_reply_ends_at_its_stop_sequence_and_the_model_with_it() -> None:
    """At a stop sequence the model's stream is closed; nothing after it is asked for."""
    model = Written("one, ", "tw", "o, three", ", four", ", five")
    reply = writing(model, stops=("two",), clock=ManualClock())
    assert "".join(await collected(reply)) == "one, "
    assert (model.given, model.closed, reply.finish) == (3, True, "stop")


@pytest.mark.parametrize(
    ("stop", "text", "finish"), [("bx", "ab", "length"), ("b", "a", "stop")], ids=["held back", "complete"]
)
async def test_a_stop_sequence_at_the_token_limit(stop: str, text: str, finish: str) -> None:
    """Where both come with the same token the stop sequence says why it ended; what only began like one is told."""
    reply = writing(Written("a", "b", "c"), stops=(stop,), most=2, clock=ManualClock())
    assert ("".join(await collected(reply)), reply.finish) == (text, finish)


async def test_a_reply_ends_at_its_token_limit() -> None:
    """After as many tokens as were allowed the reply is `length`, and the model is asked for no more."""
    model = Written("a", "b", "c", "d")
    reply = writing(model, most=2, clock=ManualClock())
    assert await collected(reply) == ["a", "b"]
    assert (model.given, model.closed, reply.finish, reply.tokens) == (2, True, "length", 2)


@pytest.mark.parametrize("tokens", [("<think>", "a", "b"), ("<think>", "a", "b", "c", "d", "</think>", "e")])
async def test_a_token_limit_reached_inside_reasoning_gives_an_empty_reply(tokens: tuple[str, ...]) -> None:
    """A reply whose tokens all went into reasoning is empty and `length`, not a failure; the model is stopped there."""
    model = Written(*tokens)
    reply = writing(model, most=3, clock=ManualClock())
    assert await collected(reply) == []
    assert (model.given, model.closed, reply.finish, reply.tokens) == (3, True, "length", 3)


@pytest.mark.parametrize("tokens", [(), ("", ""), ("<think>", "only this", "</think>")])
async def test_a_model_that_says_nothing_has_failed(tokens: tuple[str, ...]) -> None:
    """A reply without a visible character is the provider's failure, not an empty success; the next one is asked."""
    with pytest.raises(ProviderError, match="answered with nothing"):
        await pieces(Written(*tokens))
    assert await pieces(Written(*tokens), Written("Hello.", name="second")) == ["Hello."]


async def test_a_failure_keeps_its_kind_and_a_surprise_hides_its_text() -> None:
    """A provider's error passes as it is; any other is told without its inner words."""
    refused = ProviderError("quota is used up", provider="written", category=FailureCategory.QUOTA)
    with pytest.raises(ProviderError, match="quota") as caught:
        await pieces(Written("a", fails=refused))
    assert caught.value.category is FailureCategory.QUOTA
    with pytest.raises(ProviderError) as surprised:
        await pieces(Written("a", fails=RuntimeError("password=secret")))
    assert "the log has the details" in surprised.value.message
    assert "secret" not in surprised.value.message


@pytest.mark.parametrize(("wait_s", "expected"), [(6, "no token within 5 s"), (4, "no more token within 2 s")])
async def test_a_silent_model_is_given_up_on_the_clock(wait_s: float, expected: str) -> None:
    """The first token and each further one have limits of their own; the model is closed when one runs out."""
    clock = ManualClock()
    model = Written("a", "b", clock=clock, wait_s=wait_s)
    with pytest.raises(ProviderTimeout, match=f"written gave {expected}"):
        await through(clock, collected(writing(model, clock=clock)))
    assert model.closed
    assert len(model.asked) == 1, "who was silent will be silent"


async def test_an_endless_model_is_given_up_on_the_clock() -> None:
    """A reply takes at most as long as a turn may."""
    clock = ManualClock()
    model = Written(*"a" * 100, clock=clock, wait_s=1)
    with pytest.raises(ProviderTimeout, match="longer than 30 s"):
        await through(clock, collected(writing(model, clock=clock)))
    assert model.given == 31


async def test_leaving_early_closes_the_model() -> None:
    """Closing a reply in its middle closes the model's stream at once."""
    model = Written("a", "b", "c")
    async with aclosing(writing(model, clock=ManualClock()).texts()) as texts:
        await anext(texts)
    assert (model.given, model.closed) == (1, True)


async def test_the_next_model_goes_on_right_behind_what_was_handed_on() -> None:
    """Where a model breaks off another finishes the text: every letter handed on stands, and none comes twice."""
    broken = Written("The sea", " is", fails=ProviderError("gone", category=FailureCategory.TRUNCATED))
    second = Written("The sea is", " wide", " and", " blue.", name="second")
    reply = writing(broken, second, clock=ManualClock())
    assert reply.model == "written-1"
    assert "".join(await collected(reply)) == "The sea is wide and blue."
    assert second.asked[0].spoken == "The sea is"
    assert (reply.model, reply.tokens, reply.finish) == ("second-1", 6, "stop")


async def test_the_model_that_is_named_is_the_one_that_writes() -> None:
    """A model that failed before its first word is not the one that answered."""
    refused = Written(fails=ProviderError("no", category=FailureCategory.AUTH))
    reply = writing(refused, Written("Hello.", name="second"), clock=ManualClock())
    async with aclosing(reply.texts()) as texts:
        assert await anext(texts) == "Hello."
        assert reply.model == "second-1"


async def test_a_token_limit_holds_for_all_models_together() -> None:
    """What one model wrote before it broke off is not allowed a second time to the next."""
    broken = Written("a", "b", fails=ProviderError("gone", category=FailureCategory.TRUNCATED))
    second = Written("c", "d", "e", "f", name="second")
    reply = writing(broken, second, most=5, clock=ManualClock())
    assert "".join(await collected(reply)).replace(" ", "") == "abcde"
    assert second.asked[0].max_tokens == 3
    assert (second.given, reply.finish, reply.tokens) == (3, "length", 5)


def words(*starts: float) -> tuple[Word, ...]:
    """Words of 0.3 s that start at these seconds."""
    return tuple(Word(f"w{at}", start, start + 0.3) for at, start in enumerate(starts))


def test_a_pause_and_a_full_line_begin_a_new_cue() -> None:
    """Cues break at a pause of 0.8 s, after 6 s and after 14 words."""
    assert [cue.text for cue in cues(Transcript("…", "en", "p", 9, words(0, 0.4, 2.0, 2.4)))] == ["w0 w1", "w2 w3"]
    slow = cues(Transcript("…", "en", "p", 9, words(*(at * 1.0 for at in range(10)))))
    assert [len(cue.text.split()) for cue in slow] == [6, 4]
    fast = cues(Transcript("…", "en", "p", 9, words(*(at * 0.31 for at in range(20)))))
    assert [len(cue.text.split()) for cue in fast] == [14, 6]


def test_a_transcript_without_times_is_one_cue() -> None:
    """A recognizer that tells no times gives one cue over the whole recording; silence gives none."""
    assert cues(Transcript("all of it", "en", "p", 2.5)) == (Cue("all of it", 0.0, 2.5),)
    assert cues(Transcript("", "en", "p", 2.5)) == ()


def test_subtitles_have_the_shape_that_players_read() -> None:
    """SubRip numbers its cues and writes a comma, WebVTT has a head and writes a point."""
    found = (Cue("Hello there", 0.5, 61.25), Cue("again", 3661.0, 3661.9996))
    assert srt(found) == ("1\n00:00:00,500 --> 00:01:01,250\nHello there\n\n2\n01:01:01,000 --> 01:01:02,000\nagain\n")
    assert vtt(found) == (
        "WEBVTT\n\n00:00:00.500 --> 00:01:01.250\nHello there\n\n01:01:01.000 --> 01:01:02.000\nagain\n"
    )


def test_verbose_json_holds_what_was_asked_for() -> None:
    """Segments, words or both; the confidence of the recognizer becomes the segments' log probability."""
    heard = Transcript("w0 w1", "en", "p", 1.0, words(0, 0.4), confidence=0.5)
    assert "words" not in verbose(heard, frozenset({"segment"}))
    only = verbose(heard, frozenset({"word"}))
    assert only["words"] == [{"word": "w0", "start": 0, "end": 0.3}, {"word": "w1", "start": 0.4, "end": 0.7}]
    assert "segments" not in only
    assert verbose(heard, frozenset({"word", "segment"}))["segments"][0]["avg_logprob"] == -0.6931


def test_tokens_are_counted_as_documented() -> None:
    """Words, numbers and marks count one each, as does every Chinese character; speech counts by 50 ms."""
    assert text_tokens("Hello, world: 42%!") == 7
    assert text_tokens("你好，世界") == 5
    assert text_tokens(" \n\t") == 0
    assert prompt_tokens((Message("system", "Be kind."), Message("user", "Привіт"))) == 4
    assert [audio_tokens(ms) for ms in (0, 0.1, 50, 50.1, 1000)] == [0, 1, 1, 2, 20]
    assert speech_usage("Hi.", 120) == {"input_tokens": 2, "output_tokens": 3, "total_tokens": 5}


def body(**fields: object) -> CompletionBody:
    """A request with these fields."""
    return CompletionBody.model_validate(
        {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello."}], **fields}
    )


def test_text_parts_become_one_message_and_developers_speak_as_the_system() -> None:
    """Text parts are put together; the role `developer` is today's name of `system`."""
    parts = [{"type": "text", "text": "Hello "}, {"type": "text", "text": "there."}]
    messages = body(messages=[{"role": "developer", "content": "Be kind."}, {"role": "user", "content": parts}]).check()
    assert messages == (Message("system", "Be kind."), Message("user", "Hello there."))


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 2}, "n"),
        ({"n": 0}, "n"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop"),
        ({"tools": [{"type": "function"}]}, "tools"),
        ({"logprobs": True}, "logprobs"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"messages": [{"role": "assistant", "content": "Hello."}]}, "messages"),
        ({"messages": [{"role": "tool", "content": "5"}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": None}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]}, "messages.0.content"),
    ],
)
def test_what_is_not_offered_is_refused_by_name(fields: dict[str, object], param: str) -> None:
    """A field whose effect the caller would miss is refused, and the error says which."""
    with pytest.raises(InvalidRequest) as caught:
        body(**fields).check()
    assert caught.value.param == param


def test_what_changes_nothing_is_accepted() -> None:
    """Fields that ask for nothing, and fields nobody knows, are no reason to refuse a client."""
    fine = body(n=1, tools=[], logprobs=False, modalities=["text"], response_format={"type": "text"}, stop=None, x=1)
    assert fine.check() == PROMPT.messages
    assert (fine.stops, fine.most_tokens, fine.usage_wanted) == ((), None, False)
    assert body(max_tokens=7, max_completion_tokens=5).most_tokens == 5
