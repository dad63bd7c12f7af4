"""A page of a hundred out of a million rows: the first one, deep ones by cursor, with a filter; beside OFFSET.

The cursor and OFFSET read the same rows of the same file over the same connections, and make the same values of them.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, select

from benchmarks.console.driving import by_percent
from benchmarks.console.line import Line
from benchmarks.console.millions import CHAT, SOMEBODY, at_us, build, chat, message
from benchmarks.console.plan import Plan, Tell, Wrong
from benchmarks.console.server import OPERATOR, serving
from benchmarks.report import figures
from segue.console.audit import Entry, Filter
from segue.console.chats import Chat, Message
from segue.console.paging import DESC, Cursors
from segue.stores.secret import signing_secret
from segue.stores.sql import tables
from segue.stores.sql.audit import SqlAuditStore
from segue.stores.sql.chats import SqlChatStore
from segue.stores.sql.engine import Database

LIMIT = 100
LEAST = 3
DEPTHS = (0, 1000, 10_000, 100_000, 900_000)
AUDIT, MESSAGES, CHATS = "audit", "messages", "chats"
Read = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class List:
    """A list, the newest first, and how a page of it is read behind so many rows."""

    by_cursor: Callable[[int], Awaitable[Sequence[Any]]]
    by_offset: Callable[[int], Awaitable[Sequence[Any]]]


async def pages(plan: Plan, folder: Path, tell: Tell) -> dict[str, Any]:
    """Build the file, and read pages of it: in this process, and from a server over HTTP."""
    data = folder / "paged" / "data"
    data.mkdir(parents=True)
    began = time.perf_counter()
    rows = await build(data / "segue.db", plan.rows, plan.build_s, tell)
    built_s = time.perf_counter() - began
    depths = [depth for depth in DEPTHS if depth <= rows - LIMIT]
    database = Database(data / "segue.db")
    await database.start()
    try:
        found = await _lists(plan, database, rows, depths, tell)
        filtered = await _filtered(plan, database, rows, tell)
    finally:
        await database.close()
    with serving(folder / "paged") as served:
        line = await served.line()
        try:
            over_http = await _over_http(plan, line, Cursors(signing_secret(data)), rows, depths[-1], tell)
        finally:
            line.close()
    return {
        "rows": rows,
        "built_s": round(built_s, 1),
        "file_mib": round((data / "segue.db").stat().st_size / 2**20),
        "depths": depths,
        "lists": found,
        "filtered": filtered,
        "served": over_http,
    }


def lists(database: Database, rows: int) -> dict[str, List]:
    """The three lists of a file with so many rows in each."""
    audit, chats = SqlAuditStore(database), SqlChatStore(database)

    def place(depth: int, id_of: Callable[[int], str]) -> tuple[int, str] | None:
        """The row in front of those that are wanted; None for the first page."""
        return None if depth == 0 else (at_us(rows - depth), id_of(rows - depth))

    async def entries(depth: int) -> list[Entry]:
        before = None if depth == 0 else (at_us(rows - depth), rows - depth + 1)
        return await audit.page(Filter(), before=before, limit=LIMIT)

    async def said(depth: int) -> list[Message]:
        behind = place(depth, lambda number: message(number).id)
        return await chats.messages(CHAT, place=behind, limit=LIMIT, newest_first=True)

    async def opened(depth: int) -> list[Chat]:
        return await chats.chats(before=place(depth, lambda number: chat(number).id), limit=LIMIT)

    def offset(table: Table, kind: type, last: str, of: str = "") -> Callable[[int], Awaitable[Sequence[Any]]]:
        return lambda depth: database.read(partial(by_offset, table=table, kind=kind, last=last, of=of, depth=depth))

    return {
        AUDIT: List(entries, offset(tables.audit, Entry, "seq")),
        MESSAGES: List(said, offset(tables.messages, Message, "id", CHAT)),
        CHATS: List(opened, offset(tables.chats, Chat, "id")),
    }


def by_offset(connection: Connection, *, table: Table, kind: type, last: str, of: str, depth: int) -> list[Any]:
    """A page as most would write it: sorted, and so many rows left out."""
    query = select(table).order_by(table.c.at_us.desc(), table.c[last].desc()).limit(LIMIT).offset(depth)
    if of:
        query = query.where(table.c.chat == of)
    return [kind(**row._mapping) for row in connection.execute(query)]


async def _lists(plan: Plan, database: Database, rows: int, depths: Sequence[int], tell: Tell) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, each in lists(database, rows).items():
        ways = {"cursor": each.by_cursor, "offset": each.by_offset}
        found[name] = {way: {} for way in ways}
        for position, depth in enumerate(depths):
            tell(f"pages of {name}", position, len(depths))
            if list(await each.by_cursor(depth)) != list(await each.by_offset(depth)):
                raise Wrong(f"{name} at {depth}: the cursor and OFFSET read other rows")
            reads: dict[str, Read] = {way: partial(read, depth) for way, read in ways.items()}
            for way, took in (await _alternated(plan, reads)).items():
                found[name][way][str(depth)] = took
    return found


async def _filtered(plan: Plan, database: Database, rows: int, tell: Tell) -> dict[str, Any]:
    """Filters of the audit: with an index, and without; one that nothing meets reads everything."""
    audit = SqlAuditStore(database)
    deep = (at_us(rows // 10), rows // 10 + 1)
    wanted = {
        "actor, one entry in 1000": (Filter(actor=SOMEBODY), None),
        "actor, one entry in 1000, deep": (Filter(actor=SOMEBODY), deep),
        "actor, one entry in 50": (Filter(actor="operator-1"), None),
        "until a moment, deep": (Filter(until_us=at_us(rows)), deep),
        "status, one entry in 1000": (Filter(status="refused"), None),
        "target that nothing has": (Filter(target="chat/none"), None),
        "actor that nobody is": (Filter(actor="nobody"), None),
    }
    found = {}
    for position, (name, (filter_, before)) in enumerate(wanted.items()):
        tell(f"audit, {name}", position, len(wanted))
        read = partial(audit.page, filter_, before=before, limit=LIMIT)
        items = len(await read())
        found[name] = {"items": items, **(await _alternated(plan, {"": read}))[""]}
    return found


async def _over_http(
    plan: Plan, line: Line, cursors: Cursors, rows: int, depth: int, tell: Tell
) -> dict[str, dict[str, Any]]:
    """The same first and deepest pages from a server, whole: key, rows, JSON; reading the audit writes an entry."""
    number = rows - depth
    behind = {
        "/api/audit": str(number + 1),
        f"/api/chats/{CHAT}/messages": message(number).id,
        "/api/chats": chat(number).id,
    }
    found: dict[str, dict[str, Any]] = {}
    for position, (path, id_) in enumerate(behind.items()):
        tell(f"over HTTP, {path}", position, len(behind))
        cursor = cursors.sign(OPERATOR, path, {}, DESC, (at_us(number), id_))
        addresses = {"first": f"{path}?limit={LIMIT}", "deep": f"{path}?limit={LIMIT}&cursor={cursor}"}
        for address in addresses.values():
            answer = await line.ask("GET", address)
            if answer.status != 200 or len(answer.json()["items"]) != LIMIT:
                raise Wrong(f"{address}: {answer.status} {answer.body[:300]!r}")
        reads: dict[str, Read] = {way: partial(line.ask, "GET", address) for way, address in addresses.items()}
        found[path.replace(CHAT, "{chat_id}")] = await _alternated(plan, reads)
    return found


async def _alternated(plan: Plan, reads: dict[str, Read]) -> dict[str, Any]:
    """Read in turn until there are enough or time is over; what takes long is read less often."""
    took: dict[str, list[float]] = {way: [] for way in reads}
    spent = dict.fromkeys(reads, 0.0)
    for number in range(plan.samples):
        for way, read in reads.items():
            if number >= LEAST and spent[way] > plan.page_s:
                continue
            began = time.perf_counter()
            await read()
            took[way].append((time.perf_counter() - began) * 1000.0)
            spent[way] += took[way][-1] / 1000.0
    return {way: {"ms": figures(ms), "ms_by_percent": by_percent(ms)} for way, ms in took.items()}
