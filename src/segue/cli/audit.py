"""`segue audit`: who did what, whether anybody changed it since, and what is old enough to go."""

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from segue.cli.asking import HERE, Server, Where
from segue.cli.commanding import printed
from segue.clock import SystemClock
from segue.console.chain import Verification
from segue.errors import InvalidRequest
from segue.settings import load
from segue.wiring.proof import Progress as Tell
from segue.wiring.proof import Proof

app = App(name="audit", help="The audit: who did what, and whether anybody changed it since.")

FAULTS, NOTHING, UNPROVEN = 1, 3, 4
"""Exit codes of `verify`: something is wrong; there is nothing to verify; no signed head says what it must be."""
LONG_S = 3600.0
"""Pruning and exporting may take long."""
PAGE = 500
Files = Annotated[list[Path] | None, Parameter(consume_multiple=True)]


@app.command
def verify(
    *,
    data: Path | None = None,
    database: str | None = None,
    head: Files = None,
    key: Files = None,
    export: Path | None = None,
    config: Path | None = None,
    json_: bool = False,
) -> None:
    """Verify the whole chain: that no entry was changed, removed, put in or moved. The server may run, or be dead.

    Exit code 0: proved up to the newest signed head. 1: something is wrong. 3: there is nothing to verify. 4: nothing
    is wrong, but no signed head proves it.

    Parameters
    ----------
    data
        Data folder of the server.
    database
        Address of its Postgres.
    head
        Files of signed heads, or logs that hold them, instead of the place that the settings name.
    key
        Files of the only public keys that are trusted, instead of those in `audit-keys` of the data folder.
    export
        An export to verify, instead of the database.
    config
        YAML file with settings.
    json_
        Print the result as JSON.
    """
    given = {name: value for name, value in {"data": data, "database": database}.items() if value is not None}
    proof = Proof(load(config, **given), head or (), key or ())
    if export is None and not proof.kept():
        print(f"segue: there is no database in {data or 'the data folder'}: nothing to verify.", file=sys.stderr)
        sys.exit(NOTHING)
    clock = SystemClock()
    began = clock.now()
    with _progress() as tell:
        verdict = asyncio.run(proof.of_database(tell) if export is None else proof.of_export(export, tell))
    took_s = clock.now() - began
    if json_:
        printed(verdict.as_dict(took_s))
    else:
        _tell(verdict, took_s)
    sys.exit(NOTHING if verdict.empty else FAULTS if not verdict.ok else 0 if verdict.proven else UNPROVEN)


@app.command
def prune(
    *,
    before_days: float | None = None,
    dry_run: bool = False,
    batch: int | None = None,
    vacuum: bool = False,
    force: bool = False,
    where: Where = HERE,
    json_: bool = False,
) -> None:
    """Remove old entries, batch by batch, while the server goes on; signed records stay in their place.

    Parameters
    ----------
    before_days
        Entries older than that; what the server is set to when absent.
    dry_run
        Only say how many there are.
    batch
        Entries that are removed in one transaction.
    vacuum
        Give the room back to the disk; writing waits meanwhile.
    force
        Also entries that were tampered with, which otherwise stay as evidence.
    json_
        Print what the server said, as JSON.
    """
    body = {"before_days": before_days, "dry_run": dry_run, "batch": batch, "vacuum": vacuum, "force": force}
    given = {name: value for name, value in body.items() if value is not None}
    answer = Server(where, limit_s=LONG_S).post("/api/audit/prune", given)
    if json_:
        printed(answer)
    elif dry_run:
        print(f"{answer['would_remove']} entries would be removed, {answer['left']} be left. Nothing was changed.")
    else:
        print(f"{answer['removed']} entries were removed, {answer['left']} are left.")


@app.command
def export(*, output: Path | None = None, where: Where = HERE) -> None:
    """Print the whole chain, one JSON object a line, oldest first.

    Parameters
    ----------
    output
        File to write; standard output when absent.
    """
    lines = Server(where, limit_s=LONG_S).lines("/api/audit/export")
    if output is None:
        for line in lines:
            print(line)
        return
    count = -1  # the first line is no entry
    with output.open("w", encoding="utf-8") as file:
        for line in lines:
            file.write(line + "\n")
            count += 1
    print(f"{output}: {count} entries")


@app.command(name="list")
def list_(
    *,
    actor: str | None = None,
    action: str | None = None,
    target: str | None = None,
    status: str | None = None,
    node: str | None = None,
    chat: str | None = None,
    since: str | None = None,
    until: str | None = None,
    limit: int = 50,
    where: Where = HERE,
    json_: bool = False,
) -> None:
    """The newest entries, newest first; what is asked for combines with AND.

    Parameters
    ----------
    actor
        Who did it.
    action
        What was done, such as key.revoke.
    target
        What it was done to.
    status
        How it ended: ok, replayed, refused or failed.
    node
        Where it was done.
    chat
        Id of the chat it is about.
    since
        From this moment on: ISO 8601 or Unix seconds.
    until
        Before this moment.
    limit
        At most so many.
    json_
        Print them as JSON, one a line.
    """
    wanted: dict[str, Any] = {
        "actor": actor, "action": action, "target": target, "status": status, "node": node, "chat": chat,
        "since": _moment("--since", since), "until": _moment("--until", until),
    }  # fmt: skip
    items = _items(Server(where), wanted, limit)
    if json_:
        for item in items:
            print(json.dumps(item, ensure_ascii=False))
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("NUMBER", "AT", "ACTOR", "ACTION", "TARGET", "STATUS"):
        table.add_column(heading, overflow="fold")
    for item in items:
        at = datetime.fromtimestamp(item["at"]).astimezone().isoformat(" ", "seconds")
        status_ = f"{item['status']} {item['code']}".strip()
        table.add_row(str(item["seq"]), at, item["actor"], item["action"], item["target"], status_)
    Console(highlight=False).print(table)


def _items(server: Server, wanted: dict[str, Any], limit: int) -> Iterator[dict[str, Any]]:
    cursor: str | None = None
    while limit > 0:
        answer = server.get("/api/audit", **wanted, limit=min(limit, PAGE), cursor=cursor)
        yield from answer["items"]
        limit -= len(answer["items"])
        cursor = answer["next"]
        if cursor is None:
            return


@contextmanager
def _progress() -> Iterator[Tell]:
    """A bar on standard error, where that is a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("Verifying"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, whole: bar.update(task, completed=done, total=whole or None)


def _tell(verdict: Verification, took_s: float) -> None:
    for fault in verdict.faults:
        print(f"{fault.kind}: {fault.sentence}")
    if verdict.fault_count > len(verdict.faults):
        print(f"… and {verdict.fault_count - len(verdict.faults)} more.")
    for warning in verdict.warnings:
        print(f"segue: {warning}", file=sys.stderr)
    if verdict.empty:
        print("There is nothing to verify.")
        return
    print(
        f"Entries {verdict.from_seq} to {verdict.to_seq}: {verdict.checked} checked in {took_s:.1f} s, "
        f"heads met: {verdict.heads}, records of pruning: {verdict.prunes}, faults: {verdict.fault_count}."
    )
    if verdict.proven and verdict.head is not None:
        print(f"Proved up to entry {verdict.head.seq}, by a head of the key {verdict.head.key}.")


def _moment(option: str, text: str | None) -> float | None:
    """Unix seconds of a moment that was given as such, or in ISO 8601."""
    if text is None:
        return None
    with suppress(ValueError):
        return float(text)
    with suppress(ValueError):
        return datetime.fromisoformat(text).astimezone().timestamp()
    raise InvalidRequest(f"{option} {text!r}: write 2026-11-21T10:30 or Unix seconds.")
