"""What every store of chats promises: one message and one reply a key, whoever comes twice, late, or at once."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from segue.console.answers import answer
from segue.console.audit import Draft, Entry
from segue.console.chats import Asked, Chat, Claim, End, Event, Message, Run, RunState
from segue.console.ports import AuditStore, ChatStore
from segue.errors import NotFound, RateLimited, Unavailable
from segue.stores.chats import MemoryChatStore
from segue.stores.console import MemoryAuditStore
from segue.stores.sql.audit import SqlAuditStore
from segue.stores.sql.chats import SqlChatStore
from segue.stores.sql.engine import Database
from segue.stores.sql.postgres import Postgres
from segue.stores.sql.shared import Sql
from tests.postgres import Cluster

AT_US = 1_700_000_000_000_000
S = 1_000_000
CHAT = Chat("main.c1", AT_US, "Night shift", "olha")
Stores = tuple[ChatStore, AuditStore]


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """A database in a file of its own."""
    database = Database(tmp_path / "segue.db")
    await database.start()
    yield database
    await database.close()


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def stores(request: pytest.FixtureRequest) -> Stores:
    """Each store in turn, with the audit beside it."""
    if request.param == "memory":
        audit = MemoryAuditStore()
        return MemoryChatStore(audit.write), audit
    database = request.getfixturevalue("database" if request.param == "sqlite" else request.param)
    return SqlChatStore(database), SqlAuditStore(database)


def entry(action: str, target: str = "chat/main.c1") -> Draft:
    """The entry of a deed."""
    return Draft(AT_US, "olha", "key:1a", action, target)


def message(number: int, **changes: Any) -> Message:
    """A message of the chat, so many seconds after its beginning."""
    made = Message(f"m{number}", CHAT.id, AT_US + number * S, "user", f"Hello {number}", f"main.r{number}", "olha")
    return replace(made, **changes)


def run(number: int, **changes: Any) -> Run:
    """The run that answers it, held for ten seconds."""
    at_us = AT_US + number * S
    made = Run(f"main.r{number}", CHAT.id, f"m{number}", "olha", at_us, Asked(), holder="a", until_us=at_us + 10 * S)
    return replace(made, **changes)


def claim(number: int, **changes: Any) -> Claim:
    """The claim on its key, good for a day."""
    at_us = AT_US + number * S
    made = Claim(f"scope{number}", f"print{number}", f"main.r{number}", at_us, at_us + 86_400 * S)
    return replace(made, **changes)


async def opened(store: ChatStore) -> None:
    """The chat is there."""
    await store.open(CHAT, entry=entry("chat.open"))


async def send(store: ChatStore, number: int, most_runs: int = 100, **changes: Any) -> Message | Claim:
    """Send a message with its claim."""
    made = run(number, **changes)
    return await store.send(message(number), made, claim(number), entry=entry("message.send"), most_runs=most_runs)


def said(of: Run, sent: Message) -> Callable[[Message | None], End]:
    """A run ends well."""

    def end(reply: Message | None) -> End:
        assert reply is not None
        return End(Event(9, "done", {"reply": reply.id}), 200, answer(of, sent, reply))

    return end


async def finish(store: ChatStore, number: int, reply: str = "reply", **changes: Any) -> End | None:
    """End a run with a reply."""
    done = run(number, state=RunState.DONE, reply=f"{reply}{number}", ended_us=AT_US + 5 * S, **changes)
    written = message(number, id=f"{reply}{number}", role="assistant", text="Good evening.")
    return await store.finish(
        done,
        reply=written,
        events=[Event(8, "text", {"text": "."})],
        end=said(done, message(number)),
        entry=entry("reply.write"),
    )


async def fail(store: ChatStore, number: int, **changes: Any) -> End | None:
    """End a run with a failure."""
    failed = run(number, state=RunState.FAILED, code="provider_failed", reason="No.", ended_us=AT_US, **changes)
    end = End(Event(9, "error", {"code": "provider_failed"}))
    return await store.finish(failed, reply=None, events=[], end=lambda _: end, entry=entry("reply.write"))


async def texts(store: ChatStore, *, newest_first: bool = False) -> list[str]:
    """The ids of the chat's messages."""
    found = await store.messages(CHAT.id, place=None, limit=500, newest_first=newest_first)
    return [each.id for each in found]


async def deeds(audit: AuditStore) -> list[str]:
    """The actions that were written down."""
    entries: list[Entry] = await audit.read(after=0, limit=1000)
    return [each.action for each in entries]


async def test_a_chat_is_kept_and_removed_with_all_that_is_in_it(stores: Stores) -> None:
    """What was sent in a chat goes with it, the answers to its keys too; each change leaves its entry."""
    store, audit = stores
    await opened(store)
    assert await store.chat(CHAT.id) == CHAT
    await send(store, 1)
    await finish(store, 1)
    await store.open(replace(CHAT, id="main.c2"), entry=entry("chat.open"))

    assert await store.remove(CHAT.id, entry=entry("chat.remove"))
    assert not await store.remove(CHAT.id, entry=entry("chat.remove"))

    assert await store.chat(CHAT.id) is None
    assert await texts(store) == []
    assert await store.run("main.r1") is None
    assert await store.events("main.r1", after=0, limit=10) == []
    assert await store.message("m1") is None
    assert await store.claim("scope1", now_us=AT_US) is None
    assert [each.id for each in await store.chats(before=None, limit=10)] == ["main.c2"]
    assert await deeds(audit) == ["chat.open", "message.send", "reply.write", "chat.open", "chat.remove"]


async def test_chats_are_listed_by_moment_and_id_newest_first(stores: Stores) -> None:
    """A page begins right after a place, also among chats of the same moment."""
    store, _ = stores
    for number in (3, 1, 2):
        await store.open(replace(CHAT, id=f"main.c{number}"), entry=entry("chat.open"))
    await store.open(replace(CHAT, id="main.c0", at_us=AT_US + 1), entry=entry("chat.open"))

    first = await store.chats(before=None, limit=2)
    rest = await store.chats(before=(first[-1].at_us, first[-1].id), limit=2)

    assert [each.id for each in first + rest] == ["main.c0", "main.c3", "main.c2", "main.c1"]
    assert await store.chats(before=(AT_US, "main.c1"), limit=2) == []


async def test_what_was_sent_is_kept_as_it_was(stores: Stores) -> None:
    """The message, the run with what was asked for, and the claim come back as they were given."""
    store, audit = stores
    await opened(store)
    asked = Asked(speak=True, language="uk", listener="Їжак", session="s")

    assert await send(store, 1, asked=asked) == message(1)

    assert await store.message("m1") == message(1)
    assert await store.run("main.r1") == run(1, asked=asked)
    assert await store.claim("scope1", now_us=AT_US) == claim(1)
    assert await deeds(audit) == ["chat.open", "message.send"]


async def test_a_key_is_claimed_once(stores: Stores) -> None:
    """Of many who send at once under one key, one is kept; the others get its claim, and leave nothing behind."""
    store, audit = stores
    await opened(store)
    tries = [
        store.send(
            message(number),
            run(number),
            replace(claim(number), scope="one"),
            entry=entry("message.send"),
            most_runs=100,
        )
        for number in range(40)
    ]

    sent = await asyncio.gather(*tries)

    (kept,) = [each for each in sent if isinstance(each, Message)]
    assert {each.run for each in sent if isinstance(each, Claim)} == {kept.run}
    assert await texts(store) == [kept.id]
    assert (await deeds(audit)).count("message.send") == 1


async def test_an_expired_claim_is_none(stores: Stores) -> None:
    """After its time a key is free again, and forgotten in small parts."""
    store, _ = stores
    await opened(store)
    await send(store, 1)
    late = claim(1).expires_us

    assert await store.claim("scope1", now_us=late - 1) is not None
    assert await store.claim("scope1", now_us=late) is None
    again = replace(claim(2), scope="scope1", at_us=late, expires_us=late + S)
    assert await store.send(message(2), run(2), again, entry=entry("message.send"), most_runs=9) == message(2)
    await send(store, 3)
    assert await store.forget(now_us=late - 1, limit=10) == 0
    assert await store.forget(now_us=late + 3 * S, limit=1) == 1
    assert await store.forget(now_us=late + 3 * S, limit=10) == 1


async def test_a_message_without_a_claim_is_kept(stores: Stores) -> None:
    """Claims may be kept elsewhere."""
    store, _ = stores
    await opened(store)

    assert await store.send(message(1), run(1), None, entry=entry("message.send"), most_runs=1) == message(1)
    assert await store.claim("scope1", now_us=AT_US) is None


async def test_moments_grow_within_a_chat(stores: Stores) -> None:
    """Whatever the clock does, a message comes after those before it, and so does a reply."""
    store, _ = stores
    await opened(store)
    await send(store, 5)
    sent = await store.send(message(1), run(1), claim(1), entry=entry("message.send"), most_runs=9)

    assert isinstance(sent, Message)
    assert sent.at_us == message(5).at_us + 1
    end = await finish(store, 1)
    assert end is not None
    assert end.body == answer(run(1), message(1), replace(await _reply(store, 1), role="assistant"))
    assert (await _reply(store, 1)).at_us == sent.at_us + 1
    assert await texts(store) == ["m5", "m1", "reply1"]
    assert await texts(store, newest_first=True) == ["reply1", "m1", "m5"]
    place = (sent.at_us, sent.id)
    assert await store.messages(CHAT.id, place=place, limit=9, newest_first=False) == [await _reply(store, 1)]
    assert [m.id for m in await store.messages(CHAT.id, place=place, limit=9, newest_first=True)] == ["m5"]


async def _reply(store: ChatStore, number: int) -> Message:
    found = await store.message(f"reply{number}")
    assert found is not None
    return found


async def test_an_operator_has_only_so_many_runs_under_way(stores: Stores) -> None:
    """One more is refused by the policy `runs`, leaves nothing behind, and passes once another has ended."""
    store, audit = stores
    await opened(store)
    await send(store, 1, most_runs=2)
    await send(store, 2, most_runs=2)
    await send(store, 3, most_runs=2, operator="taras")

    with pytest.raises(RateLimited) as refused:
        await send(store, 4, most_runs=2)

    assert refused.value.policy == "runs"
    assert await store.claim("scope4", now_us=AT_US) is None
    assert "m4" not in await texts(store)
    assert (await deeds(audit)).count("message.send") == 3
    await finish(store, 1)
    assert await send(store, 4, most_runs=2) == message(4)


async def test_nothing_is_sent_to_a_chat_that_is_not_there(stores: Stores) -> None:
    """A message to a removed chat is refused, and neither its claim nor its entry is kept."""
    store, audit = stores

    with pytest.raises(NotFound) as refused:
        await send(store, 1)

    assert refused.value.code == "unknown_chat"
    assert await store.claim("scope1", now_us=AT_US) is None
    assert await deeds(audit) == []


async def test_a_run_ends_once(stores: Stores) -> None:
    """Its reply, last events, answer and entry are written together; whoever comes later writes nothing."""
    store, audit = stores
    await opened(store)
    await send(store, 1)
    assert await store.write("main.r1", 1, [Event(1, "run", {"run": "main.r1"}), Event(3, "text", {"text": "Good"})])

    end = await finish(store, 1)

    assert end is not None
    kept = await store.claim("scope1", now_us=AT_US)
    assert kept is not None
    assert (kept.status, kept.body) == (200, end.body)
    ended = await store.run("main.r1")
    assert ended is not None
    assert (ended.state, ended.reply, ended.ended_us) == (RunState.DONE, "reply1", AT_US + 5 * S)
    assert [each.seq for each in await store.events("main.r1", after=0, limit=10)] == [1, 3, 8, 9]
    assert await store.events("main.r1", after=1, limit=1) == [Event(3, "text", {"text": "Good"})]
    assert await finish(store, 1, reply="second") is None
    assert await fail(store, 1) is None
    assert not await store.write("main.r1", 1, [Event(20, "text", {})])
    assert not await store.renew("main.r1", 1, AT_US)
    assert await texts(store) == ["m1", "reply1"]
    assert (await deeds(audit)).count("reply.write") == 1
    repeated = await store.send(message(2), run(2), replace(claim(2), scope="scope1"), entry=entry("x"), most_runs=9)
    assert repeated == kept


async def test_whoever_lost_the_lease_writes_nothing(stores: Stores) -> None:
    """Once a run is taken over, its former holder can neither go on nor end it: only the newest token counts."""
    store, _ = stores
    await opened(store)
    await send(store, 1)
    until_us = run(1).until_us
    assert await store.take("b", now_us=until_us - 1, until_us=until_us + S, limit=5) == []
    assert await store.renew("main.r1", 1, until_us + S)
    assert await store.take("b", now_us=until_us, until_us=until_us + S, limit=5) == []

    assert await store.take("b", now_us=until_us + S, until_us=until_us + 9 * S, limit=5, besides=["main.r1"]) == []
    (taken,) = await store.take("b", now_us=until_us + S, until_us=until_us + 9 * S, limit=5, besides=["another"])

    assert (taken.token, taken.attempt, taken.holder, taken.until_us) == (2, 2, "b", until_us + 9 * S)
    assert await store.run("main.r1") == taken
    assert not await store.write("main.r1", 1, [Event(2, "text", {})])
    assert not await store.renew("main.r1", 1, until_us + 99 * S)
    assert await finish(store, 1) is None
    assert await texts(store) == ["m1"]
    assert await finish(store, 1, token=2, attempt=2) is not None
    assert await store.take("c", now_us=until_us + 99 * S, until_us=until_us + 100 * S, limit=5) == []


async def test_a_run_is_taken_over_by_one(stores: Stores) -> None:
    """Of several who look at the same moment each run falls to one, those first that waited longest."""
    store, _ = stores
    await opened(store)
    for number in range(6):
        await send(store, number)
    late = AT_US + 100 * S

    (oldest,) = await store.take("first", now_us=late, until_us=late + S, limit=1)
    tries = [store.take(f"b{number}", now_us=late, until_us=late + S, limit=3) for number in range(5)]
    taken = [each for found in await asyncio.gather(*tries) for each in found]

    assert oldest.id == "main.r0"
    assert sorted(each.id for each in taken) == [f"main.r{number}" for number in range(1, 6)]
    assert {each.token for each in taken} == {2}


async def test_a_run_that_failed_is_begun_again_under_its_key(stores: Stores) -> None:
    """The next attempt of the same run takes the claim; the message is not doubled, and the error is forgotten."""
    store, audit = stores
    await opened(store)
    await send(store, 1)
    await store.write("main.r1", 1, [Event(1, "text", {"text": "Go"})])
    await fail(store, 1)
    kept = await store.claim("scope1", now_us=AT_US)
    assert kept is not None
    assert kept.status is None
    await send(store, 2)

    again = await store.send(
        message(7, id="m1"),
        run(1, token=2, attempt=2, until_us=AT_US + 60 * S),
        replace(claim(7), scope="scope1", run="main.r1"),
        entry=entry("message.send"),
        most_runs=9,
    )

    assert again == message(1)
    assert await texts(store) == ["m1", "m2"]
    begun = await store.run("main.r1")
    assert begun is not None
    assert (begun.state, begun.token, begun.attempt) == (RunState.RUNNING, 2, 2)
    assert [each.kind for each in await store.events("main.r1", after=0, limit=9)] == ["text"]
    assert (await deeds(audit)).count("message.send") == 3
    stale = await store.send(message(1), run(1, token=2), claim(1), entry=entry("x"), most_runs=9)
    assert isinstance(stale, Claim)
    assert await finish(store, 1, token=2, attempt=2) is not None
    answered = await store.claim("scope1", now_us=AT_US)
    assert answered is not None
    assert answered.status == 200


@pytest.fixture(params=["database", "postgres"])
def base(request: pytest.FixtureRequest) -> Sql:
    """Each database in turn."""
    found: Sql = request.getfixturevalue(request.param)
    return found


async def test_without_the_entry_nothing_changes(base: Sql) -> None:
    """Where the audit cannot be written, no chat is opened, nothing is sent, and no run ends."""
    store, audit = SqlChatStore(base), SqlAuditStore(base)
    await opened(store)
    await send(store, 1)
    lost = "alter table audit rename column via to lost"
    await base.writer.submit(lambda connection: connection.execute(text(lost)) and None)

    for change in (
        store.open(replace(CHAT, id="main.c2"), entry=entry("chat.open")),
        send(store, 2),
        finish(store, 1),
        store.remove(CHAT.id, entry=entry("chat.remove")),
    ):
        with pytest.raises(Unavailable):
            await change

    await base.writer.submit(
        lambda connection: connection.execute(text("alter table audit rename column lost to via")) and None
    )
    assert await texts(store) == ["m1"]
    assert [each.id for each in await store.chats(before=None, limit=9)] == [CHAT.id]
    assert await store.claim("scope2", now_us=AT_US) is None
    going = await store.run("main.r1")
    assert going is not None
    assert going.state is RunState.RUNNING
    assert await deeds(audit) == ["chat.open", "message.send"]


async def test_servers_that_share_a_postgres_claim_a_key_once(postgres_cluster: Cluster) -> None:
    """Three servers, one database, one key, sixty senders: one message, one entry, and everybody else its claim."""
    address = postgres_cluster.database()
    servers = [Postgres(address) for _ in range(3)]
    for server in servers:
        await server.start()
    try:
        shared = [SqlChatStore(server) for server in servers]
        await opened(shared[0])
        tries = [
            shared[number % 3].send(
                message(number),
                run(number),
                replace(claim(number), scope="one"),
                entry=entry("message.send"),
                most_runs=1000,
            )
            for number in range(60)
        ]
        sent = await asyncio.gather(*tries)
        assert sum(isinstance(each, Message) for each in sent) == 1
        assert len(await texts(shared[1])) == 1
        assert (await deeds(SqlAuditStore(servers[2]))).count("message.send") == 1
    finally:
        for server in servers:
            await server.close()


async def test_looking_for_lapsed_runs_writes_nothing(database: Database) -> None:
    """While there is none to take over, a look costs no transaction."""
    begun: list[object] = []
    event.listen(database._writing, "begin", begun.append)
    before = len(begun)

    assert await SqlChatStore(database).take("a", now_us=AT_US, until_us=AT_US + S, limit=8) == []
    assert len(begun) == before
