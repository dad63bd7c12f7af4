"""Sending once, making replies under a lease, and following them: servers side by side on a clock turned by hand."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from segue.console.chats import Asked, Claim, End, Event, Run, RunState
from segue.console.live import ATTEMPT_EVENTS, Live, State
from segue.console.operator import Operator, Scope
from segue.console.ratelimit import Policy
from segue.console.running import RUN_BYTES
from segue.errors import (
    FailureCategory,
    Forbidden,
    KeyReused,
    NotFound,
    Overloaded,
    ProviderError,
    RateLimited,
    SegueError,
    StillRunning,
    Unavailable,
)
from segue.stores.chats import MemoryChatStore, MemoryClaims
from tests.chatting import OLHA, Desk, Script

OLHA_SPEAKS = Asked(speak=True)
TIGHT = {"chat": Policy("chat", 1.0, 2), "operator": Policy("operator", 100.0, 100)}
DOWN = ProviderError("Nobody could write it.", category=FailureCategory.SERVER)


class Failing(MemoryChatStore):
    """A store that can be cut off from its disk."""

    down = False

    async def finish(self, run: Run, **words: Any) -> End | None:
        """See `ChatStore.finish`."""
        self._up()
        return await super().finish(run, **words)

    async def write(self, run: str, token: int, events: Any) -> bool:
        """See `ChatStore.write`."""
        self._up()
        return await super().write(run, token, events)

    async def renew(self, run: str, token: int, until_us: int) -> bool:
        """See `ChatStore.renew`."""
        self._up()
        return await super().renew(run, token, until_us)

    async def events(self, run: str, *, after: int, limit: int) -> list[Event]:
        """See `ChatStore.events`."""
        self._up()
        return await super().events(run, after=after, limit=limit)

    def _up(self) -> None:
        if self.down:
            raise Unavailable("The disk is full.")


async def quiet(desk: Desk, seconds: float = 1.0) -> None:
    """Let time pass in small steps."""
    for _ in range(round(seconds * 5)):
        await desk.clock.advance(0.2)


async def gone(desk: Desk) -> None:
    """A server dies: its tasks end where they are, and nothing is written any more."""
    for live, task in list(desk.runs._making.values()):
        live.state = State.LOST
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    if desk.runs._sweeper is not None:
        desk.runs._sweeper.cancel()
        await asyncio.gather(desk.runs._sweeper, return_exceptions=True)


async def test_the_same_again_is_answered_with_the_same_bytes() -> None:
    """A repetition gets the first answer, costs no call and no message, and is written down as what it is."""
    desk = Desk()
    chat = await desk.open()

    first = await desk.send(chat)
    again = await desk.send(chat)

    assert first[0] == 200
    assert again == first
    assert json.loads(first[1])["reply"]["text"] == "Good evening."
    assert await desk.messages(chat) == [("user", "Hello"), ("assistant", "Good evening.")]
    assert len(desk.script.asked) == 1
    assert [(action, status) for action, status, _ in await desk.deeds()] == [
        ("chat.open", "ok"),
        ("message.send", "ok"),
        ("reply.write", "ok"),
        ("message.send", "replayed"),
    ]
    assert (desk.sending.outcomes["sent"], desk.sending.outcomes["replayed"]) == (1, 1)


async def test_another_request_under_a_used_key_is_refused() -> None:
    """The key of a message is no key of another one, while it is under way as little as afterwards."""
    script = Script(gate=asyncio.Event())
    desk = Desk(script)
    chat = await desk.open()
    first = asyncio.create_task(desk.send(chat))
    await desk.clock.advance(0.0)
    with pytest.raises(KeyReused):
        await desk.send(chat, "Hello?")
    assert script.gate is not None
    script.gate.set()
    await first

    with pytest.raises(KeyReused):
        await desk.send(chat, speak=True)

    assert len(await desk.messages(chat)) == 2
    assert (await desk.deeds())[-1] == ("message.send", "refused", "idempotency_key_reused")


async def test_the_same_key_elsewhere_is_another_key() -> None:
    """In another chat, and of another operator, a key is a fresh one."""
    desk = Desk()
    one, two = await desk.open(), await desk.open()
    other = Operator("taras", frozenset({Scope.SEND}), "key:1")

    await desk.send(one)
    await desk.send(two)
    await desk.send(one, by=other)

    assert len(desk.script.asked) == 3
    assert desk.script.asked[2][1] == ["Hello", "Good evening."]


async def test_of_many_at_once_one_is_sent_and_the_rest_are_told() -> None:
    """Two hundred at the same moment: one run; the others learn where it is, before anything is counted."""
    script = Script(gate=asyncio.Event())
    desk = Desk(script, policies=TIGHT)
    chat = await desk.open()
    tries = [asyncio.create_task(desk.send(chat)) for _ in range(200)]
    await desk.clock.advance(0.0)
    assert script.gate is not None
    script.gate.set()

    results = await asyncio.gather(*tries, return_exceptions=True)

    (answered,) = [each for each in results if not isinstance(each, BaseException)]
    waiting = [each for each in results if isinstance(each, StillRunning)]
    assert len(waiting) == 199
    run = json.loads(answered[1])["run"]
    assert {each.headers["Location"] for each in waiting} == {f"/api/runs/{run}"}
    assert len(script.asked) == 1
    assert len(await desk.messages(chat)) == 2
    verdict = await desk.limits.take([(f"chat:{chat}", TIGHT["chat"])])
    assert verdict.standings[0].remaining == 0, "one message and this look were counted, and nothing else"


async def test_of_many_at_once_who_come_later_all_are_answered() -> None:
    """Two hundred repetitions at the same moment, when the reply is there: each gets it, and each is written down."""
    desk = Desk(policies=TIGHT)
    chat = await desk.open()
    first = await desk.send(chat)

    again = await asyncio.gather(*(desk.send(chat) for _ in range(200)))

    assert set(again) == {first}
    assert (await desk.deeds()).count(("message.send", "replayed", "")) == 200
    assert len(desk.script.asked) == 1


async def test_of_many_at_once_who_are_refused_none_is_sent() -> None:
    """Each is refused by the limit, or asked to come again beside one that was; nothing is claimed."""
    desk = Desk(policies=TIGHT)
    chat = await desk.open()
    await desk.send(chat, key="a")
    await desk.send(chat, key="b")

    results = await asyncio.gather(*(desk.send(chat, key="c") for _ in range(50)), return_exceptions=True)

    assert {type(each) for each in results} <= {RateLimited, StillRunning}
    assert len(desk.script.asked) == 2
    await desk.clock.advance(2.0)
    assert (await desk.send(chat, key="c"))[0] == 200


async def test_of_many_on_several_servers_one_is_sent() -> None:
    """Whoever loses the claim to another server answers from it, and what was counted for it is given back."""
    one = Desk(Script(gate=asyncio.Event()), policies=TIGHT)
    two = Desk(one.script, one, policies=TIGHT)
    chat = await one.open()
    tries = [asyncio.create_task(desk.send(chat)) for desk in (one, two) for _ in range(20)]
    await one.clock.advance(0.0)
    assert one.script.gate is not None
    one.script.gate.set()

    results = await asyncio.gather(*tries, return_exceptions=True)

    assert sum(isinstance(each, StillRunning) for each in results) == 39
    assert len(one.script.asked) == 1
    loser = max((one, two), key=lambda desk: desk.sending.outcomes["running"])
    verdict = await loser.limits.take([(f"chat:{chat}", TIGHT["chat"])])
    assert verdict.standings[0].remaining == 1


async def test_a_refused_message_leaves_its_key_usable_and_a_replay_costs_nothing() -> None:
    """A refusal claims nothing: the same key passes later. Replays are answered however tight the limit is."""
    desk = Desk(policies=TIGHT)
    chat = await desk.open()
    await desk.send(chat, key="a")
    await desk.send(chat, key="b")
    with pytest.raises(RateLimited) as refused:
        await desk.send(chat, key="c")
    for _ in range(5):
        assert (await desk.send(chat, key="a"))[0] == 200

    await desk.clock.advance(refused.value.retry_after_s)
    assert (await desk.send(chat, key="c"))[0] == 200

    assert [text for role, text in await desk.messages(chat) if role == "user"] == ["Hello"] * 3
    assert ("message.send", "refused", "rate_limited") in await desk.deeds()


async def test_too_many_runs_are_refused_before_anything_is_claimed() -> None:
    """A server makes only so many replies, an operator has only so many under way; both leave the key usable."""
    script = Script(gate=asyncio.Event())
    desk = Desk(script, max_runs=2, policies=TIGHT)
    chats = [await desk.open() for _ in range(3)]
    running = [asyncio.create_task(desk.send(chat)) for chat in chats[:2]]
    await desk.clock.advance(0.0)
    with pytest.raises(Overloaded):
        await desk.send(chats[2])
    assert await desk.messages(chats[2]) == []
    assert script.gate is not None
    script.gate.set()
    await asyncio.gather(*running)
    await desk.clock.advance(0.0)

    assert (await desk.send(chats[2]))[0] == 200
    few = Desk(Script(gate=asyncio.Event()), most_runs=1, policies=TIGHT)
    chat = await few.open()
    first = asyncio.create_task(few.send(chat, key="a"))
    await few.clock.advance(0.0)
    with pytest.raises(RateLimited) as refused:
        await few.send(chat, key="b")
    assert refused.value.policy == "runs"
    verdict = await few.limits.take([(f"chat:{chat}", TIGHT["chat"])])
    assert verdict.standings[0].remaining == 0
    first.cancel()


async def test_a_failure_is_told_and_not_kept() -> None:
    """A run that failed answers nobody for ever: the same key begins its next attempt; the message stays one."""
    desk = Desk(Script(words=("Go",), error=DOWN))
    chat = await desk.open()
    with pytest.raises(SegueError) as failed:
        await desk.send(chat)
    assert (failed.value.status, failed.value.code, failed.value.retryable) == (502, "provider_failed", True)
    run = failed.value.run  # type: ignore[attr-defined]
    kept, _ = await desk.chatting.run(run)
    assert (kept.state, kept.code, kept.reason) == (RunState.FAILED, "provider_failed", "Nobody could write it.")
    assert [event.kind for event in await desk.follow(run)] == ["run", "text", "error"]

    desk.script.error = None
    status, body = await desk.send(chat)

    assert status == 200
    assert (json.loads(body)["run"], json.loads(body)["attempt"]) == (run, 2)
    assert await desk.messages(chat) == [("user", "Hello"), ("assistant", "Go")]
    assert [event.kind for event in await desk.follow(run)] == ["run", "text", "restarted", "run", "text", "done"]
    assert await desk.send(chat) == (status, body)
    assert [deed for deed in await desk.deeds() if deed[0] == "reply.write"] == [
        ("reply.write", "failed", "provider_failed"),
        ("reply.write", "ok", ""),
    ]
    assert desk.sending.outcomes["again"] == 1


async def test_an_empty_reply_is_a_failure() -> None:
    """A model that says nothing has not answered."""
    desk = Desk(Script(words=("", "  ")))
    chat = await desk.open()

    with pytest.raises(SegueError) as failed:
        await desk.send(chat)

    assert failed.value.status == 502
    assert await desk.messages(chat) == [("user", "Hello")]


async def test_a_fault_of_ours_is_told_without_its_words() -> None:
    """Whatever breaks inside ends the run as internal, and is never told in detail."""
    desk = Desk(Script(error=ValueError("a secret")))
    chat = await desk.open()

    with pytest.raises(SegueError) as failed:
        await desk.send(chat)

    assert (failed.value.status, failed.value.code) == (500, "internal")
    assert "secret" not in failed.value.message


async def test_nothing_is_sent_to_an_unknown_chat_or_without_the_scope() -> None:
    """Both are refused by rule, and written down."""
    desk = Desk()
    with pytest.raises(NotFound) as unknown:
        await desk.send("main.nowhere")
    assert unknown.value.code == "unknown_chat"
    chat = await desk.open()

    with pytest.raises(Forbidden):
        await desk.send(chat, by=Operator("reader", frozenset({Scope.READ}), "key:1"))

    deeds = await desk.deeds()
    assert deeds[0] == ("message.send", "refused", "unknown_chat")
    assert deeds[-1] == ("message.send", "refused", "forbidden")


async def test_a_sender_who_leaves_changes_nothing() -> None:
    """The reply is made and kept; the same key then gets it."""
    script = Script(gate=asyncio.Event())
    desk = Desk(script)
    chat = await desk.open()
    sender = asyncio.create_task(desk.send(chat))
    await desk.clock.advance(0.0)
    sender.cancel()
    await asyncio.gather(sender, return_exceptions=True)
    assert script.gate is not None
    script.gate.set()
    await desk.clock.advance(0.1)

    assert (await desk.send(chat))[0] == 200
    assert len(script.asked) == 1


async def test_whoever_waits_too_long_is_told_where_the_reply_will_be() -> None:
    """After the configured time the sender gets 202, and the run goes on."""
    desk = Desk(Script(gate=asyncio.Event()), wait_s=3.0, lease_s=60.0)
    chat = await desk.open()
    sent = await desk.sending.send(OLHA, desk.wanted(chat))
    waiting = asyncio.create_task(desk.chatting.outcome(sent))
    await quiet(desk, 3.2)

    outcome = await waiting

    assert outcome.status == 202
    assert outcome.accepted is not None
    assert (outcome.accepted["run"], outcome.accepted["state"]) == (sent.run, "running")
    await desk.runs.close()


async def test_the_reply_is_asked_for_with_what_was_said_before() -> None:
    """The newest messages before this one, in order, and no more than configured."""
    desk = Desk(history_messages=3)
    chat = await desk.open()

    for number in range(3):
        await desk.send(chat, f"Hello {number}", key=f"{number}")

    assert desk.script.asked[2] == ("Hello 2", ["Good evening.", "Hello 1", "Good evening."], 1)


async def test_a_dead_server_s_run_is_taken_over() -> None:
    """Once its lease has ended another server makes the reply anew; whoever follows is told to forget the beginning."""
    one = Desk(Script(words=("Never ", "told"), gate=asyncio.Event()), lease_s=15.0)
    two = Desk(beside=one, lease_s=15.0)
    await two.runs.start()
    chat = await one.open()
    sent = await one.sending.send(OLHA, one.wanted(chat))
    await quiet(one, 12.0)
    assert two.runs.taken == 0, "a lease that is renewed does not end"
    following = asyncio.create_task(two.follow(sent.run))
    await gone(one)
    await quiet(one, 8.0)
    assert two.script.asked == []
    await quiet(one, 9.0)

    kinds = [event.kind for event in await following]

    assert kinds == ["run", "restarted", "run", "text", "text", "done"]
    assert two.script.asked == [("Hello", [], 2)]
    assert await two.messages(chat) == [("user", "Hello"), ("assistant", "Good evening.")]
    status, body = await two.send(chat)
    assert (status, json.loads(body)["attempt"]) == (200, 2)
    await two.runs.close()


async def test_a_clock_that_is_set_forward_takes_no_run_from_its_own_server() -> None:
    """Where the machine slept, or its clock was put right, a reply that is being made here goes on, and once."""
    desk = Desk(Script(gate=asyncio.Event()), lease_s=3.0)
    await desk.runs.start()
    chat = await desk.open()
    sent = await desk.sending.send(OLHA, desk.wanted(chat))
    desk.clock._offset += 3600.0
    await quiet(desk, 4.0)
    assert desk.script.gate is not None
    desk.script.gate.set()

    outcome = await desk.chatting.outcome(sent)

    assert (outcome.status, desk.runs.taken) == (200, 0)
    assert desk.script.asked == [("Hello", [], 1)]
    await desk.runs.close()


async def test_a_server_that_lost_its_lease_writes_nothing_more() -> None:
    """A holder that was away too long finds its token outdated: its reply is dropped, and the other's stands."""
    store = Failing(lambda _: None)
    slow = Desk(Script(words=("Late.",), gate=asyncio.Event()), store=store, lease_s=3.0)
    chat = await slow.open()
    sent = await slow.sending.send(OLHA, slow.wanted(chat))
    (taken,) = await store.take("other", now_us=2**62, until_us=2**62, limit=1)
    assert slow.script.gate is not None
    slow.script.gate.set()
    await quiet(slow, 1.0)

    assert sent.live is not None
    assert sent.live.state is State.LOST
    assert await slow.messages(chat) == [("user", "Hello")]
    assert (await slow.chatting.outcome(sent)).status == 202
    kept = await store.run(sent.run)
    assert kept == taken
    assert slow.runs.live(sent.run) is None


async def test_after_so_many_attempts_the_outcome_is_unknown() -> None:
    """A reply over which servers die is not begun for ever; its sender may begin it again by the same key."""
    desk = Desk(Script(gate=asyncio.Event()), attempts=2, lease_s=1.0)
    chat = await desk.open()
    sent = await desk.sending.send(OLHA, desk.wanted(chat))
    for _ in range(2):
        await gone(desk)
        desk = Desk(desk.script, desk, attempts=2, lease_s=1.0)
        await quiet(desk, 2.0)
        await desk.runs.start()
        await quiet(desk, 1.0)

    run, _ = await desk.chatting.run(sent.run)
    assert (run.state, run.code, run.attempt) == (RunState.FAILED, "outcome_unknown", 3)
    assert len(desk.script.asked) == 2
    assert (await desk.follow(sent.run))[-1].data["code"] == "outcome_unknown"
    assert desk.script.gate is not None
    desk.script.gate.set()
    assert (await desk.send(chat))[0] == 200
    assert len([text for role, text in await desk.messages(chat) if role == "user"]) == 1
    await desk.runs.close()


async def test_a_server_that_stops_hands_its_replies_over() -> None:
    """What does not end in time is given up at once; streams end with the place from which to go on elsewhere."""
    one = Desk(Script(words=("Never told",), gate=asyncio.Event()), lease_s=60.0)
    two = Desk(beside=one, lease_s=60.0)
    await two.runs.start()
    chat = await one.open()
    sent = await one.sending.send(OLHA, one.wanted(chat))
    waiting = asyncio.create_task(one.chatting.outcome(sent))
    following = asyncio.create_task(one.follow(sent.run))
    await one.clock.advance(0.2)

    stopping = asyncio.create_task(one.runs.drain(5.0))
    await one.clock.advance(1.0)
    with pytest.raises(Overloaded):
        await one.send(chat, key="new")
    assert two.runs.taken == 0
    await quiet(one, 6.0)
    await stopping

    last = (await following)[-1]
    assert (last.kind, last.data) == ("drain", {"resume": 1})
    assert (await waiting).status == 202
    assert [event.kind for event in await two.follow(sent.run, 1)] == ["restarted", "run", "text", "text", "done"]
    assert one.script.closed <= 1
    await two.runs.close()


async def test_replies_that_end_in_time_are_finished_before_the_server_stops() -> None:
    """Stopping waits for what is nearly done."""
    desk = Desk(Script(gate=asyncio.Event()))
    chat = await desk.open()
    sending = asyncio.create_task(desk.send(chat))
    await desk.clock.advance(0.2)
    stopping = asyncio.create_task(desk.runs.drain(20.0))
    await desk.clock.advance(0.2)
    assert desk.script.gate is not None
    desk.script.gate.set()
    await desk.clock.advance(0.2)

    await stopping
    assert (await sending)[0] == 200


async def test_a_reply_that_cannot_be_kept_is_tried_until_the_lease_ends() -> None:
    """While the disk is full the run is held; back in time it is kept, too late it is left for another attempt."""
    store = Failing(lambda _: None)
    desk = Desk(store=store, lease_s=5.0)
    chat = await desk.open()
    sent = await desk.sending.send(OLHA, desk.wanted(chat))
    store.down = True
    waiting = asyncio.create_task(desk.chatting.outcome(sent))
    await quiet(desk, 3.0)
    assert not waiting.done()
    store.down = False
    await quiet(desk, 1.0)
    assert (await waiting).status == 200

    sent = await desk.sending.send(OLHA, desk.wanted(chat, key="second"))
    store.down = True
    waiting = asyncio.create_task(desk.chatting.outcome(sent))
    following = asyncio.create_task(desk.follow(sent.run))
    await quiet(desk, 6.0)
    with pytest.raises(Unavailable) as unkept:
        await waiting
    assert "disk is full" in unkept.value.message
    assert (await following)[-1].kind == "drain"

    store.down = False
    await desk.runs.start()
    await quiet(desk, 2.0)
    assert (await desk.send(chat, key="second"))[0] == 200
    assert len([text for role, text in await desk.messages(chat) if role == "assistant"]) == 2
    await desk.runs.close()


async def test_a_removed_chat_takes_its_runs_with_it() -> None:
    """A reply to a chat that is gone is kept nowhere; whoever waits or follows is told."""
    desk = Desk(Script(gate=asyncio.Event()))
    chat = await desk.open()
    sent = await desk.sending.send(OLHA, desk.wanted(chat))
    following = asyncio.create_task(desk.follow(sent.run))
    waiting = asyncio.create_task(desk.chatting.outcome(sent))
    await desk.clock.advance(0.1)
    await desk.chatting.remove(OLHA, chat, "r")
    assert desk.script.gate is not None
    desk.script.gate.set()
    await quiet(desk, 1.0)

    assert (await following)[-1].data["code"] == "unknown_run"
    with pytest.raises(NotFound):
        await waiting
    with pytest.raises(NotFound):
        await desk.chatting.run(sent.run)
    with pytest.raises(NotFound):
        await desk.send(chat)


async def test_whoever_comes_later_hears_everything_from_their_place_on() -> None:
    """Live or from the store, from any place: the same events with the same numbers, and sound while it is kept."""
    desk = Desk(Script(words=("One. ", "Two."), sound=10))
    chat = await desk.open()
    sent = await desk.sending.send(OLHA, desk.wanted(chat, speak=True))
    whole = await desk.follow(sent.run)
    assert [event.kind for event in whole] == ["run", "text", "audio", "text", "audio", "done"]
    for place in range(len(whole)):
        assert await desk.follow(sent.run, whole[place].seq) == whole[place + 1 :]

    elsewhere = Desk(beside=desk)
    told = await elsewhere.follow(sent.run)

    assert [event.kind for event in told] == ["run", "degraded", "text", "text", "done"]
    assert told[1].data["reason"] == "audio_gone"
    assert [event.seq for event in told if event.kind != "degraded"] == [1, 2, 4, 6]
    assert await elsewhere.follow(sent.run, 2) == [Event(2, "degraded", told[1].data), *told[3:]]
    assert await elsewhere.follow(sent.run, 6) == []
    await desk.runs.start()
    await quiet(desk, 62.0)
    assert desk.runs.live(sent.run) is None, "a minute after its end its sound is let go"
    await desk.runs.close()


async def test_whoever_follows_hears_something_every_five_seconds() -> None:
    """Where nothing happens a heartbeat comes, here and from another server."""
    one = Desk(Script(gate=asyncio.Event()), lease_s=60.0)
    two = Desk(beside=one, lease_s=60.0)
    chat = await one.open()
    sent = await one.sending.send(OLHA, one.wanted(chat))
    await quiet(one, 0.4)
    run, _ = await one.chatting.run(sent.run)
    heard: dict[str, list[Event | None]] = {"here": [], "elsewhere": []}

    async def listen(name: str, desk: Desk) -> None:
        async for event in desk.chatting.follow(run):
            heard[name].append(event)

    listeners = [asyncio.create_task(listen("here", one)), asyncio.create_task(listen("elsewhere", two))]
    await quiet(one, 16.0)

    for name, events in heard.items():
        assert [event.kind if event else None for event in events] == ["run", None, None, None], name
    for listener in listeners:
        listener.cancel()
    await asyncio.gather(*listeners, return_exceptions=True)
    await one.runs.close()


async def test_sound_is_bounded_and_a_slow_follower_is_told() -> None:
    """The oldest sound goes first; whoever comes to it later hears once that it is gone, and then what is left."""
    run = Run("main.r", "main.c", "m", "olha", 0, asked=OLHA_SPEAKS)
    live = Live(run, None, 0.0, most_bytes=25)
    for number in range(4):
        live.tell("text", {"text": str(number)})
        live.tell("audio", {"data": bytes(10), "ms": 1.0})

    assert live.bytes == 20
    assert [event.kind for event in live.after(0)] == [
        "text", "gone", "text", "gone", "text", "audio", "text", "audio",
    ]  # fmt: skip
    assert [event.seq for event in live.unsaved()] == [1, 3, 5, 7]
    live.forget(0)
    assert live.bytes == 0
    assert RUN_BYTES > 60 * 48_000


async def test_each_holder_numbers_events_behind_all_before() -> None:
    """What a holder told and could not keep has lower numbers than all that the next one tells."""
    run = Run("main.r", "main.c", "m", "olha", 0, asked=OLHA_SPEAKS)
    first, second = Live(run, None, 0.0, 10), Live(replace(run, token=2), None, 0.0, 10)

    assert first.next == 1
    assert second.next == ATTEMPT_EVENTS + 1


async def test_claims_in_memory_alone_are_exact_in_one_process() -> None:
    """Without the store's claims a key is claimed in the process: once, and the answer is given again."""
    desk = Desk(Script(), claims="memory")
    front = MemoryClaims(desk.clock)
    desk = Desk(desk.script, desk, claims="memory", front=front)
    chat = await desk.open()

    first = await desk.send(chat)
    again = await desk.send(chat)

    assert again == first
    assert await desk.store.claim(desk.wanted(chat).scope, now_us=0) is None
    with pytest.raises(KeyReused):
        await desk.send(chat, "Other")
    await desk.clock.advance(desk.settings.keep_answers_s + 1.0)
    assert (await desk.send(chat))[1] != first[1]
    assert len(desk.script.asked) == 2


async def test_a_front_answers_only_what_is_finished() -> None:
    """A quick look is believed where it has an answer; whatever else it says, the store is asked."""
    desk = Desk()
    front = MemoryClaims(desk.clock)
    desk = Desk(desk.script, desk, front=front)
    chat = await desk.open()
    first = await desk.send(chat)
    assert await front.find(desk.wanted(chat).scope) is None
    assert await desk.send(chat) == first
    found = await front.find(desk.wanted(chat).scope)
    assert found is not None
    assert (found.status, found.body) == first

    await front.put(replace(found, status=None, body=None))
    assert await desk.send(chat) == first
    await desk.chatting.remove(OLHA, chat, "r")
    with pytest.raises(NotFound):
        await desk.send(chat)


async def test_claims_in_memory_are_bounded() -> None:
    """The oldest are forgotten first, those that expired before all."""
    desk = Desk()
    front = MemoryClaims(desk.clock, capacity=2)
    now_us = round(desk.clock.wall() * 1e6)
    for number in range(4):
        await front.put(Claim(f"{number}", "p", "r", now_us, now_us + (1_000_000 if number == 3 else 10**12)))

    assert [await front.find(f"{number}") is not None for number in range(4)] == [False, False, True, True]
    await desk.clock.advance(2.0)
    assert await front.find("3") is None
    await front.drop("2")
    assert await front.find("2") is None


async def test_expired_claims_are_forgotten_by_the_server() -> None:
    """Once a minute what has expired is removed from the store."""
    desk = Desk()
    chat = await desk.open()
    await desk.send(chat)
    await desk.clock.advance(desk.settings.keep_answers_s + 1.0)

    await desk.runs.start()
    await quiet(desk, 2.0)

    assert await desk.store.claim(desk.wanted(chat).scope, now_us=0) is None
    await desk.runs.close()
