"""Following a run that failed and was begun again: only its real end is the last word, whoever made which attempt."""

import asyncio
from typing import Any

import pytest

from segue.console.chats import Event, Run, RunState
from segue.errors import FailureCategory, ProviderError, SegueError
from segue.stores.chats import MemoryChatStore
from tests.chatting import OLHA, Desk, Script

DOWN = ProviderError("Nobody could write it.", category=FailureCategory.SERVER)
AGAIN = ["run", "restarted", "run", "text", "text", "done"]


async def failed(desk: Desk, chat: str) -> str:
    """The run of a message whose reply could not be made."""
    sent = await desk.sending.send(OLHA, desk.wanted(chat))
    with pytest.raises(SegueError):
        await desk.chatting.outcome(sent)
    return sent.run


async def test_a_server_forgets_its_error_when_another_server_did_better() -> None:
    """Who follows where the first attempt failed a moment ago hears the second one, which was made elsewhere."""
    one = Desk(Script(words=(), error=DOWN))
    two = Desk(beside=one)
    chat = await one.open()
    run = await failed(one, chat)
    assert [event.kind for event in await one.follow(run)] == ["run", "error"]

    assert (await two.send(chat))[0] == 200

    assert [event.kind for event in await one.follow(run)] == AGAIN
    assert [event.kind for event in await two.follow(run)] == AGAIN


async def test_a_server_that_was_away_tells_what_was_made_meanwhile() -> None:
    """Its own attempt still seems to be under way there; the end that another server wrote is told all the same."""
    one = Desk(Script(gate=asyncio.Event()), lease_s=3.0)
    two = Desk(beside=one)
    chat = await one.open()
    sent = await one.sending.send(OLHA, one.wanted(chat))
    (taken,) = await one.store.take("two", now_us=2**62, until_us=2**62, limit=1)
    live = two.runs.begin(taken)
    await live.wait()

    kinds = [event.kind for event in await one.follow(sent.run)]

    assert kinds[-1] == "done"
    assert one.runs.live(sent.run) is sent.live, "it has not noticed yet"
    await one.runs.close()


async def test_a_slow_follower_is_not_told_of_an_error_that_was_made_good() -> None:
    """Whoever comes to an error when the next attempt has begun hears that one instead."""
    desk = Desk(Script(words=(), error=DOWN))
    chat = await desk.open()
    run = await failed(desk, chat)
    found, _ = await desk.chatting.run(run)
    events = desk.chatting.follow(found)
    first = await anext(events)
    assert first is not None
    assert first.kind == "run"
    desk.script.words, desk.script.error = ("Good ", "evening."), None
    assert (await desk.send(chat))[0] == 200

    rest = [event.kind async for event in events if event is not None]

    assert rest == AGAIN[1:]


class Overtaken(MemoryChatStore):
    """A store in which the next attempt begins between two reads of somebody who follows."""

    follower = False
    begin: Any = None

    async def events(self, run: str, *, after: int, limit: int) -> list[Event]:
        """See `ChatStore.events`."""
        if self.begin is not None and self.follower:
            begin, self.begin = self.begin, None
            await begin()
        return await super().events(run, after=after, limit=limit)

    async def run(self, id: str) -> Run | None:  # noqa: A002 - it is what it is called everywhere
        """See `ChatStore.run`."""
        found = await super().run(id)
        self.follower = found is not None and found.state is RunState.FAILED
        return found


async def test_an_attempt_that_begins_in_between_does_not_end_the_stream() -> None:
    """A stream ends with a last word, also where the error it was about to tell has just been forgotten."""
    store = Overtaken(lambda _: None)
    one = Desk(Script(words=(), error=DOWN), store=store)
    gate = asyncio.Event()
    two, three = Desk(Script(gate=gate), beside=one), Desk(beside=one)
    chat = await one.open()
    run = await failed(one, chat)

    async def begin() -> None:
        await two.sending.send(OLHA, two.wanted(chat))

    store.begin = begin
    following = asyncio.create_task(three.follow(run, after=1))
    await one.clock.advance(0.0)
    gate.set()
    for _ in range(10):
        await one.clock.advance(0.2)

    assert [event.kind for event in await following] == AGAIN[1:]
