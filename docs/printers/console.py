"""Prints the page of how many messages are sent durably and how soon lists are read, from the kept results."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.console.showing import rate
from docs.printers.markdown import page, table

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "console.json"

_OPENING = """
How many messages of operators are sent a second, each exactly once and durable before it is answered; how long a page
of a long list takes; how quickly the audit is proved. Beside it stands what a program does that uses SQLite alone.

    python -m benchmarks.console                 a few minutes; keeps its figures in benchmarks/results/console.json
    python -m benchmarks.console --only sends    one part: sends, sends_in_memory, postgres, pages, verification
    python -m benchmarks.console --small         less than a minute, for a first look
"""
_SENDING = """
- **Segue over HTTP, 202**: a real `segue serve` on one core, a client on another one, HTTP over loopback, a key, and
  `Prefer: respond-async`: the answer comes as soon as message, run, claim of the idempotency key and entry in the audit
  are durable. The reply (from a scripted model that answers at once) is made behind the answer, and costs its part of
  the same core meanwhile.
- **Segue over HTTP, with the reply**: the same, answered when the reply is durable as well.
- **Segue's store**: the part of it that writes, by itself, in one process and on one core, without HTTP and replies.
- **SQLite, one connection**: the same rows, in the same tables with the same indexes, written with Python's `sqlite3`,
  a transaction for each message, one after the other. It looks nothing up: neither whether the chat is there, nor how
  many replies are under way, nor whether an earlier answer stands. It is as little as can be done durably. There is
  one sender here, however many there are elsewhere: waiting for the connection is not counted.
- **SQLite, one each**: the same with a connection and a thread for each sender, on the same core.

Everything syncs each commit (`synchronous=full`, WAL). Senders are closed loops: each sends again as soon as it was
answered. The ways take turns, {window_s:g} s each, in {rounds} rounds, each time in another order; a rate is the median
of the rounds, and the smallest and largest stand behind it. Rate limits are lifted, and so is the bound of replies
under way; everything else is as it ships. Afterwards it was counted that **all {accepted:,} messages that were accepted
are there**, and the audit of the server was proved ({entries:,} entries).
"""
_CPU = """
Processor time is that of the whole process, with everything that a message begins: with **Segue over HTTP** also the
reply, its message, its entry in the audit, and the heads that are signed of it.
"""
_MEMORY = """
The same files on a file system in memory: syncing costs nothing there, and nothing is durable. What is left is what the
processor does. It is also the part of this page that a slow or busy disk does not blur.
"""
_PAGES = """
{rows:,} entries of the audit, as many messages in one chat, as many chats: {file_mib:,} MiB in one file, which fits in
the page cache of the machine. A page of 100 is read by a cursor (behind the row that the page before ended with), and
as most would write it (`LIMIT 100 OFFSET n`). Both read the same rows over the same connections and make the same
values of them; that they do was compared for each depth. Times are p50 / p99, in ms.
"""
_FILTERS = """
Filters of the audit are combined with AND. Actor, action and chat have an index; other fields are compared row by row
from the newest entry on, until the page is full: a filter that seldom or never matches reads the whole audit, or as
much of it as `since` leaves.
"""
_SERVED = """
The same pages from a server, whole: HTTP, the key, the cursor, the rows, JSON. Reading the audit writes an entry each
time, which is synced before the answer.
"""
_PROVING = """
Each entry is hashed anew, held against the one before, and the newest signed head against its entry; memory does not
grow with the audit. The server does it in pages, with everything else between them. The command does it from outside;
its rate is told without its start, its processor time with it.
"""
_WEAK = """
- **The machine is shared.** Its cores and its disk are virtual, others use them, and the load average before and behind
  each part says how much it was just then. Ways that take turns are disturbed alike, so that ratios are steadier than
  rates; but a turn lasts {window_s:g} s, and {rounds} of them cannot say much about a p99.
- **The disk decides.** Where syncing takes milliseconds, sharing one sync between many messages is what counts; where
  it takes a fraction of one, the processor's part is larger. Here it took {sync_us:,.0f} µs at the median before the
  run, and changed with what others did. A virtual disk may acknowledge what would not survive a loss of power.
- **Closed loops** send less while the server is slow, so the longest waits are rarer here than they would be among
  senders who do not wait for each other.
- **What is compared is not the same work.** SQLite alone checks nothing and has no reply to make. The ratio says what
  exactness, the audit, HTTP and replies cost together, not how well they are done.
- **One core.** A server's event loop and its writing thread share one, as do all threads of SQLite alone. On two cores
  the writing thread would still wait for the interpreter's lock.
- The rows are regular and in the page cache. A file that is larger than memory, or was just opened, is slower.
- With Postgres, the cluster runs on the same two cores, with its own settings for small tests.
"""

SLOW = 5.0
"""A deep page that takes so many times as long as the first one is worth a word."""
QUIET = 2.5
"""The load average up to which a run counts as quiet: the benchmark itself makes up to 2."""
_BUSY = """
**The kept run was not quiet**: the load average was up to {load:.1f} on two cores. Whoever sleeps until the disk is
done then waits for the processor as well, some milliseconds each time. SQLite alone sleeps once for each message and is
hit hardest, so the ratios on disk flatter Segue; those without a disk do not. Processor times suffer least.
"""


def console_page(note: str) -> str:
    """The page: how it was measured, a table for each part, and what is weak about it.

    Raises:
        KeyError: a part is missing in the kept results.
    """
    kept = json.loads(RESULTS.read_text(encoding="utf-8"))
    sends, pages = kept["sends"], kept["pages"]
    accepted = sum(each["accepted"] for name, each in sends["kept"].items() if name != "audit")
    plan = {"window_s": kept["plan"]["window_s"], "rounds": kept["plan"]["rounds"]}
    return page(
        "# The operators' console, measured: durable sends, long lists, the proof of the audit",
        note,
        _OPENING,
        "## Sends",
        _SENDING.format(**plan, accepted=accepted, entries=sends["kept"]["audit"]["checked"]),
        "![Durable sends a second, and how soon, by how many send at once](../benchmarks/console-sends.svg)",
        _sends(sends),
        _CPU,
        _compared(sends),
        "### Without a disk",
        _memory(kept),
        "### With Postgres",
        _postgres(kept["postgres"]),
        "## A page of a hundred",
        _PAGES.format(rows=pages["rows"], file_mib=pages["file_mib"]),
        "![How long a page takes, the deeper it lies](../benchmarks/console-pages.svg)",
        _lists(pages),
        _slow(pages),
        "### With a filter",
        _FILTERS,
        _filters(pages),
        "### Over HTTP",
        _SERVED,
        _served(pages),
        "## The proof of the audit",
        _PROVING,
        _proving(kept["verification"]),
        "## What is weak about this measurement",
        _WEAK.format(**plan, sync_us=sends["sync_us"]["p50"]),
        _BUSY.format(load=load) if (load := _load(kept)) > QUIET else "",
        "## The machine",
        _machine(kept),
    )


_WAYS = {
    "served": "Segue over HTTP, 202",
    "whole": "Segue over HTTP, with the reply",
    "stored": "Segue's store",
    "alone": "SQLite, one connection",
    "apart": "SQLite, one each",
}


def _sends(sends: Mapping[str, Any]) -> str:
    """Three tables: how many, how soon, at what cost."""
    head = ["senders at once", *map(str, sends["workers"])]
    ways = {name: sends["ways"][name] for name in _WAYS if name in sends["ways"]}

    def rows(cell: Any) -> list[list[str]]:
        return [[_WAYS[name], *(cell(of[str(count)]) for count in sends["workers"])] for name, of in ways.items()]

    return page(
        "Messages a second:",
        table(head, rows(_spread)),
        "Milliseconds until it is answered, p50 / p99:",
        table(head, rows(lambda each: f"{_ms(each['ms']['p50'])} / {_ms(each['ms']['p99'])}")),
        "Milliseconds of processor time for a message:",
        table(head, rows(lambda each: f"{each['cpu_ms_each']:.2f}")),
    )


def _spread(figures: Mapping[str, Any]) -> str:
    rates = figures["per_s"]
    return f"**{rate(figures):,.0f}** ({min(rates):,.0f}–{max(rates):,.0f})" if len(rates) > 1 else f"{rates[0]:,.0f}"


def _compared(sends: Mapping[str, Any]) -> str:
    names = {
        "stored_to_alone": "Segue's store, to SQLite on one connection",
        "stored_to_apart": "Segue's store, to SQLite with one each",
        "served_to_alone": "Segue over HTTP (202), to SQLite on one connection",
        "served_to_apart": "Segue over HTTP (202), to SQLite with one each",
    }
    rows = [
        [name, *(f"{median(sends['ratios'][key][str(count)]):.2f}" for count in sends["workers"])]
        for key, name in names.items()
    ]
    return page(
        "How many times as many messages a second (the median of each round's own ratio):",
        table(["senders at once", *map(str, sends["workers"])], rows),
        f"The disk took {sends['sync_us']['p50']:,.0f} µs at the median, and {sends['sync_us']['p99']:,.0f} µs at the "
        "99th percentile, to sync 4 KiB that were appended to a file.",
    )


def _memory(kept: Mapping[str, Any]) -> str:
    sends = kept.get("sends_in_memory", {})
    if "ways" not in sends:
        return "This machine has no such file system, so it was not measured."
    stored, alone = (sends["ways"][name][str(sends["workers"][0])]["cpu_ms_each"] for name in ("stored", "alone"))
    cost = (
        f"A message costs Segue's store {stored:.2f} ms of the processor, SQLite alone {alone:.2f} ms. Most of the "
        "difference is SQLAlchemy: eleven statements, six of which look up and five of which write, each built anew."
    )
    return page(_MEMORY, _sends(sends), cost)


def _postgres(kept: Mapping[str, Any]) -> str:
    if not kept["installed"]:
        return "Postgres was not installed where this was measured."
    return page(f"Postgres {kept['version']}, on the same machine, with `fsync` on.", _sends(kept))


def _lists(pages: Mapping[str, Any]) -> str:
    head = ["rows before the page", *(f"{depth:,}" for depth in pages["depths"])]
    words = {"cursor": "by cursor", "offset": "`OFFSET`"}
    rows = [
        [f"{name}, {words[way]}", *(_times(of[str(depth)]) for depth in pages["depths"])]
        for name, ways in pages["lists"].items()
        for way, of in ways.items()
    ]
    return table(head, rows)


def _slow(pages: Mapping[str, Any]) -> str:
    """What to say of lists in which a deep page takes far longer than the first, though a cursor leads to it."""
    first, deep = str(pages["depths"][0]), str(pages["depths"][-1])
    times = {
        name: of["cursor"][deep]["ms"]["p50"] / of["cursor"][first]["ms"]["p50"] for name, of in pages["lists"].items()
    }
    return page(
        *(
            f"**By cursor, a page of {name} takes {each:.0f} times as long {int(deep):,} rows deep as at the top**: "
            "SQLite does not search by the place in the cursor there, but by another bound, and leaves out row by row."
            for name, each in times.items()
            if each > SLOW
        )
    )


def _filters(pages: Mapping[str, Any]) -> str:
    rows = [[name, str(each["items"]), _times(each)] for name, each in pages["filtered"].items()]
    return table(["filter", "entries found", "p50 / p99, ms"], rows)


def _served(pages: Mapping[str, Any]) -> str:
    rows = [
        [f"`{path}`", _times(each["first"]), _times(each["deep"])] for path, each in sorted(pages["served"].items())
    ]
    return table(["list", "first page, ms", f"{pages['depths'][-1]:,} rows deep, ms"], rows)


def _proving(kept: Mapping[str, Any]) -> str:
    words = {"server": "`GET /api/audit/verification`", "command": "`segue audit verify`"}
    rows: list[Sequence[str]] = [
        [words[way], f"{kept[way]['checked']:,}", f"**{kept[way]['per_s']:,}**", f"{kept[way]['cpu_us_each']:.1f}"]
        for way in words
    ]
    return table(["", "entries", "entries a second", "µs of processor time for an entry"], rows)


def _times(each: Mapping[str, Any]) -> str:
    return f"{_ms(each['ms']['p50'])} / {_ms(each['ms']['p99'])}"


def _ms(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _parts(kept: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    return [(name, each) for name, each in kept.items() if isinstance(each, dict) and "load_average" in each]


def _load(kept: Mapping[str, Any]) -> float:
    """The highest load average before or behind a part."""
    return max(load for _, each in _parts(kept) for load in each["load_average"])


def _machine(kept: Mapping[str, Any]) -> str:
    machine, versions = kept["machine"], kept["versions"]
    rows = [
        [name.replace("_", " "), each["at"], each["commit"], " / ".join(f"{load:.1f}" for load in each["load_average"])]
        for name, each in _parts(kept)
    ]
    return page(
        f"{machine['cores']} cores ({machine['cpu']}), {machine['memory_gib']:g} GiB, Linux {machine['kernel']}, "
        f"Python {machine['python']}, SQLite {versions['sqlite']}. Of the load average the benchmark "
        "itself makes up to 2.",
        table(["part", "ended", "commit", "load average before / behind it"], rows),
    )
