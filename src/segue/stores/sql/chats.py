"""Chats, messages, runs and claims kept in a database; each change in one transaction with its entry in the audit."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial

from sqlalchemy import Connection, bindparam, delete, func, insert, select, tuple_

from segue.console.audit import Draft
from segue.console.chats import Chat, Claim, End, Event, Message, Run, RunState
from segue.console.ports import OPERATOR_RUNS, UNKNOWN_CHAT
from segue.errors import NotFound, RateLimited
from segue.stores.sql import runs
from segue.stores.sql.audit import append
from segue.stores.sql.runs import Refusal
from segue.stores.sql.shared import Sql
from segue.stores.sql.tables import chats, claims, messages, run_events
from segue.stores.sql.tables import runs as runs_table

# Statements of every message are built once: building one takes longer than what the database does for it.
_CHAT = select(chats).where(chats.c.id == bindparam("wanted"))
_MESSAGE = select(messages).where(messages.c.id == bindparam("wanted"))
_LAST = select(func.max(messages.c.at_us)).where(messages.c.chat == bindparam("wanted"))
_ADD = insert(messages)


class SqlChatStore:
    """See `ChatStore`. One writer at a time decides who claims a key, however many servers share the database."""

    def __init__(self, database: Sql) -> None:
        self._database = database

    async def open(self, chat: Chat, *, entry: Draft) -> None:
        """See `ChatStore.open`."""
        await self._database.writer.submit(partial(_open, chat=chat, entry=entry))

    async def remove(self, chat: str, *, entry: Draft) -> bool:
        """See `ChatStore.remove`."""
        return await self._database.writer.submit(partial(_remove, chat=chat, entry=entry))

    async def chat(self, id: str) -> Chat | None:  # noqa: A002 - it is what it is called everywhere
        """See `ChatStore.chat`."""
        return await self._database.read(partial(_chat, id=id))

    async def chats(self, *, before: tuple[int, str] | None, limit: int) -> list[Chat]:
        """See `ChatStore.chats`."""
        return await self._database.read(partial(_chats, before=before, limit=limit))

    async def messages(
        self, chat: str, *, place: tuple[int, str] | None, limit: int, newest_first: bool
    ) -> list[Message]:
        """See `ChatStore.messages`."""
        query = partial(_messages, chat=chat, place=place, limit=limit, newest_first=newest_first)
        return await self._database.read(query)

    async def message(self, id: str) -> Message | None:  # noqa: A002
        """See `ChatStore.message`."""
        return await self._database.read(partial(_message, id=id))

    async def claim(self, scope: str, *, now_us: int) -> Claim | None:
        """See `ChatStore.claim`."""
        return await self._database.read(partial(runs.claim_of, scope=scope, now_us=now_us))

    async def send(
        self, message: Message, run: Run, claim: Claim | None, *, entry: Draft, most_runs: int
    ) -> Message | Claim:
        """See `ChatStore.send`."""
        # A refusal is a value until here: raised inside, it would undo everybody's writes that share the transaction.
        job = partial(_send, message=message, run=run, claim=claim, entry=entry, most_runs=most_runs)
        sent = await self._database.writer.submit(job)
        if sent is Refusal.NO_CHAT:
            raise NotFound(UNKNOWN_CHAT, code="unknown_chat")
        if sent is Refusal.TOO_MANY:
            raise RateLimited(OPERATOR_RUNS.format(most=most_runs), policy="runs")
        return sent

    async def run(self, id: str) -> Run | None:  # noqa: A002
        """See `ChatStore.run`."""
        return await self._database.read(partial(runs.run_of, id=id))

    async def events(self, run: str, *, after: int, limit: int) -> list[Event]:
        """See `ChatStore.events`."""
        return await self._database.read(partial(runs.events, run=run, after=after, limit=limit))

    async def write(self, run: str, token: int, events: Sequence[Event]) -> bool:
        """See `ChatStore.write`."""
        return await self._database.writer.submit(partial(runs.write, run=run, token=token, events=tuple(events)))

    async def renew(self, run: str, token: int, until_us: int) -> bool:
        """See `ChatStore.renew`."""
        return await self._database.writer.submit(partial(runs.renew, run=run, token=token, until_us=until_us))

    async def finish(
        self,
        run: Run,
        *,
        reply: Message | None,
        events: Sequence[Event],
        end: Callable[[Message | None], End],
        entry: Draft,
    ) -> End | None:
        """See `ChatStore.finish`."""
        job = partial(_finish, run=run, reply=reply, events=tuple(events), end=end, entry=entry)
        return await self._database.writer.submit(job)

    async def take(
        self, holder: str, *, now_us: int, until_us: int, limit: int, besides: Collection[str] = ()
    ) -> list[Run]:
        """See `ChatStore.take`. Nothing is written, and nobody's turn to write is waited for, while there are none."""
        besides = tuple(besides)
        if limit < 1 or not await self._database.read(partial(runs.lapsed, now_us=now_us, limit=1, besides=besides)):
            return []
        job = partial(runs.take, holder=holder, now_us=now_us, until_us=until_us, limit=limit, besides=besides)
        return await self._database.writer.submit(job)

    async def forget(self, *, now_us: int, limit: int) -> int:
        """See `ChatStore.forget`."""
        return await self._database.writer.submit(partial(runs.forget, now_us=now_us, limit=limit))


def _open(connection: Connection, *, chat: Chat, entry: Draft) -> None:
    connection.execute(insert(chats).values({name: getattr(chat, name) for name in Chat.__slots__}))
    append(connection, entry)


def _remove(connection: Connection, *, chat: str, entry: Draft) -> bool:
    if connection.execute(delete(chats).where(chats.c.id == chat)).rowcount == 0:
        return False
    own = select(runs_table.c.id).where(runs_table.c.chat == chat)
    connection.execute(delete(run_events).where(run_events.c.run.in_(own)))
    connection.execute(delete(claims).where(claims.c.run.in_(own)))  # an answer holds what was said
    connection.execute(delete(runs_table).where(runs_table.c.chat == chat))
    connection.execute(delete(messages).where(messages.c.chat == chat))
    append(connection, entry)
    return True


def _chat(connection: Connection, *, id: str) -> Chat | None:  # noqa: A002
    row = connection.execute(_CHAT, {"wanted": id}).first()
    return None if row is None else Chat(**row._mapping)


def _chats(connection: Connection, *, before: tuple[int, str] | None, limit: int) -> list[Chat]:
    query = select(chats).order_by(chats.c.at_us.desc(), chats.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(tuple_(chats.c.at_us, chats.c.id) < before)
    return [Chat(**row._mapping) for row in connection.execute(query)]


def _messages(
    connection: Connection, *, chat: str, place: tuple[int, str] | None, limit: int, newest_first: bool
) -> list[Message]:
    own = messages.c
    query, where = select(messages).where(own.chat == chat).limit(limit), tuple_(own.at_us, own.id)
    query = query.order_by(own.at_us.desc(), own.id.desc()) if newest_first else query.order_by(own.at_us, own.id)
    if place is not None:
        query = query.where(where < place if newest_first else where > place)
    return [Message(**row._mapping) for row in connection.execute(query)]


def _message(connection: Connection, *, id: str) -> Message | None:  # noqa: A002
    row = connection.execute(_MESSAGE, {"wanted": id}).first()
    return None if row is None else Message(**row._mapping)


def _send(
    connection: Connection, *, message: Message, run: Run, claim: Claim | None, entry: Draft, most_runs: int
) -> Message | Claim | Refusal:
    if _chat(connection, id=message.chat) is None:
        return Refusal.NO_CHAT
    there = runs.claimed(connection, claim) if claim is not None else None
    before = runs.run_of(connection, id=run.id)
    again = before is not None and before.state is RunState.FAILED and run.token == before.token + 1
    if there is not None and not (again and there.run == run.id):
        return there
    if runs.running(connection, run.operator) >= most_runs:
        return Refusal.TOO_MANY
    if again:
        runs.begin_again(connection, run)
        kept = _message(connection, id=run.message)
        message = kept if kept is not None else message
    else:
        message = _add(connection, message)
        runs.begin(connection, run)
    if claim is not None:
        runs.put_claim(connection, replace(claim, run=run.id, status=None, body=None))
    append(connection, entry)
    return message


def _add(connection: Connection, message: Message) -> Message:
    """Keep a message behind the last one of its chat."""
    last = connection.execute(_LAST, {"wanted": message.chat}).scalar()
    message = replace(message, at_us=max(message.at_us, (last or 0) + 1))
    connection.execute(_ADD, {name: getattr(message, name) for name in Message.__slots__})
    return message


def _finish(
    connection: Connection,
    *,
    run: Run,
    reply: Message | None,
    events: tuple[Event, ...],
    end: Callable[[Message | None], End],
    entry: Draft,
) -> End | None:
    if not runs.holds(connection, run.id, run.token):
        return None
    kept = _add(connection, reply) if reply is not None else None
    ended = end(kept)
    runs.end(connection, run, (*events, ended.event), ended)
    append(connection, entry)
    return ended
