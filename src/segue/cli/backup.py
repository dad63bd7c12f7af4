"""`segue backup`: a copy of everything that is kept, made while it is written to, and whether one can be relied on."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter, validators
from rich.console import Console
from rich.table import Table

from segue.cli.asking import HERE, Refusal, Server, Where
from segue.cli.commanding import printed
from segue.cli.reporting import END, Ending, finish, progress
from segue.clock import SystemClock
from segue.errors import SegueError, Unavailable
from segue.operations.copying import manifest as rules
from segue.operations.copying.backup import Wanted
from segue.operations.copying.manifest import Manifest
from segue.operations.copying.packing import packed, unpacked
from segue.operations.copying.restore import verify as verified
from segue.operations.copying.shelf import Shelf, marks, opened
from segue.operations.report import Check, Level, Report
from segue.settings import Settings, load
from segue.wiring.archives import fetched, sent
from segue.wiring.backup import FOLDER, Kept, alone, trust_of

app = App(name="backup", help="Copy everything that is kept, while the server goes on.")
PATH = "/api/backups"
POLL_S = 0.1
LONG_S = 3600.0
BUCKET = "s3://"
Tell = Callable[[int, int, str], None]
Made = tuple[dict[str, Any], Sequence[str], str]
"""What a backup says of itself, the older ones that were removed, and why one was not."""
Files = Annotated[list[Path] | None, Parameter(consume_multiple=True)]


@app.default
def backup(
    *,
    out: str | None = None,
    keys: Annotated[bool, Parameter(negative="--without-keys")] = True,
    cache: bool = False,
    keep: Annotated[int | None, Parameter(validator=validators.Number(gte=1))] = None,
    config: Path | None = None,
    where: Where = HERE,
    ending: Ending = END,
) -> None:
    """Copy the database, voice files, keys, evidence and settings; the server goes on, or need not run at all.

    Parameters
    ----------
    out
        Folder, or `s3://bucket/path`, for one more copy; without it the backup lies in `backups` of the data folder.
    keys
        Also the secrets of the data folder: whoever has the backup can then act as this server.
    cache
        Also sentences that are kept to be spoken again.
    keep
        Keep so many backups in the data folder, this one and the newest before it, and remove the others. Copies that
        `--out` made stay.
    config
        YAML file with settings, where no server runs, or for `s3://`.
    """
    clock = SystemClock()
    began_us = round(clock.wall() * 1e6)
    wanted = Wanted(keys, cache, keep)
    place, plain = where.url or str(where.folder), dict[str, Any]()
    try:
        with progress("Copying", quiet=ending.json_) as tell:
            plain, forgotten, trouble = _made(wanted, config, where, clock, tell)
            checks = [_copied(plain), *_kept(keep, forgotten, trouble)]
            if out is not None:
                checks.append(_elsewhere(out, plain["name"], config, where))
    except SegueError as error:
        checks = [Check("backup.make", Level.FAIL, error.message, hint="Nothing that was there before was changed.")]
    if plain.get("keys"):
        reason = "The secrets of the data folder are in it, readable for their owner only."
        checks.append(Check("backup.keys", Level.PASS, reason, hint="Keep it as you keep them, or use --without-keys."))
    finish(Report("backup", place, began_us, round(clock.wall() * 1e6), tuple(checks), plain), where, ending)


@app.command(name="list")
def list_(*, json_: bool = False, where: Where = HERE) -> None:
    """The backups in the data folder, the newest first.

    Parameters
    ----------
    json_
        Print them as JSON.
    """
    items = _listed(where)
    if json_:
        printed({"items": items})
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("NAME", "SEGUE", "DATABASE", "AUDIT", "FILES", "BYTES", "KEYS"):
        table.add_column(heading, overflow="fold")
    for item in items:
        words = (item["name"], item["segue"], f"{item['kind']} {item['revision']}", item["audit_seq"], item["files"])
        table.add_row(*map(str, words), f"{item['bytes']:,}", "yes" if item["keys"] else "no")
    Console(highlight=False).print(table)


@app.command
def verify(
    file: str,
    *,
    key: Files = None,
    config: Path | None = None,
    where: Where = HERE,
    ending: Ending = END,
) -> None:
    """Look whether a backup is whole: signature, every file, the database, the audit in it.

    Parameters
    ----------
    file
        Folder or archive of the backup, its name in the data folder, or `s3://bucket/path/name.tar`.
    key
        Files of the only public keys that are trusted, instead of those in `audit-keys` of the data folder.
    config
        YAML file with settings, for `s3://`.
    """
    clock = SystemClock()
    began_us = round(clock.wall() * 1e6)
    checks, facts = [], {}
    try:
        with found(file, where, load(config, data=where.data)) as folder:
            looked = verified(folder, Kept(), trust_of(key or (), where.folder))
            checks, facts = list(looked.checks), looked.manifest.summary()
    except SegueError as error:
        checks = [Check("backup.manifest", Level.FAIL, error.message, hint=rules.REPLACE)]
    finish(Report("backup verify", file, began_us, round(clock.wall() * 1e6), tuple(checks), facts), where, ending)


@contextmanager
def found(file: str, where: Where, settings: Settings) -> Iterator[Path]:
    """The folder of a backup that is named in any of the ways; what is unpacked for it is gone after the block.

    Raises:
        InvalidRequest: there is no backup of this name.
        Unavailable: the bucket cannot be read.
    """
    path = Path(file)
    if file.startswith(BUCKET) or path.is_file():
        with fetched(file, settings) as folder:
            yield folder
    elif not path.exists() and rules.NAME.fullmatch(file):
        yield Shelf(where.folder / FOLDER).find(file)[0]
    else:
        yield path


def _made(wanted: Wanted, config: Path | None, where: Where, clock: SystemClock, tell: Tell) -> Made:
    """Let the running server make a backup; where none runs on this machine, make it here."""
    server = Server(where)
    try:
        job = server.post(PATH, {"keys": wanted.keys, "cache": wanted.cache, "keep": wanted.keep})
    except Refusal:
        raise
    except Unavailable:
        if where.url is not None or not where.folder.exists():
            raise
        return _alone(wanted, load(config, data=where.data), tell)
    while job["state"] == "running":
        tell(job["done"], max(job["whole"], 1), f"Copying: {job['what']}")
        asyncio.run(clock.sleep(POLL_S))
        job = server.get(PATH)["job"]
    if job["state"] != "done":
        raise Unavailable(job["reason"])
    plain = next(item for item in server.get(PATH)["items"] if item["name"] == job["name"])
    return plain, job["forgotten"], job["reason"]


def _alone(wanted: Wanted, settings: Settings, tell: Tell) -> Made:
    """Make a backup of a folder that no server uses."""

    def told(what: str, done: int, whole: int) -> None:
        tell(done, max(whole, 1), f"Copying: {what}")

    with alone(settings) as maker:
        shelf = Shelf(settings.data / FOLDER)
        made: Manifest = asyncio.run(maker.make(shelf, maker.name(), wanted, told))
        gone = shelf.beyond(wanted.keep, made.name)
        return made.summary(), gone, shelf.remove(gone)


def _elsewhere(out: str, name: str, config: Path | None, where: Where) -> Check:
    """Take a second copy somewhere else, and see that it arrived."""
    if where.url is not None:
        pieces = Server(where, limit_s=LONG_S).pieces(f"{PATH}/{name}/archive")
    else:
        pieces = packed(where.folder / FOLDER / name)
    if out.startswith(BUCKET):
        place = sent(pieces, out, name, load(config, data=where.data))
        return Check("backup.out", Level.PASS, f"A copy lies at {place}.")
    folder = unpacked(pieces, Path(out))
    made, _ = opened(folder)
    compared = rules.compared(made, marks(folder))
    bad = next((check for check in compared if check.level is Level.FAIL), None)
    if bad is not None:
        return Check("backup.out", Level.FAIL, f"The copy at {folder} is not whole: {bad.reason}", hint=bad.hint)
    return Check("backup.out", Level.PASS, f"A copy lies at {folder}, with the hashes of the manifest.")


def _copied(plain: dict[str, Any]) -> Check:
    rows = sum(plain["tables"].values())
    reason = (
        f"{plain['name']}: {plain['files']} files, {plain['bytes']:,} bytes, {rows} rows, audit up to"
        f" {plain['audit_seq'] or 'nothing'}, in {plain['took_s']:.2f} s."
    )
    figures = {"files": plain["files"], "bytes": plain["bytes"], "rows": rows, "took_s": plain["took_s"]}
    return Check("backup.make", Level.PASS, reason, figures)


def _kept(keep: int | None, forgotten: Sequence[str], trouble: str) -> Iterator[Check]:
    """What became of older backups, where somebody said how many are kept."""
    if trouble:
        yield Check("backup.keep", Level.WARN, trouble, hint="Remove its folder by hand, or see who may.")
    elif keep is not None:
        told = f"{len(forgotten)} older backups were removed" if forgotten else "No older backup had to go"
        yield Check("backup.keep", Level.PASS, f"{told}; {keep} are kept.", {"removed": len(forgotten)})


def _listed(where: Where) -> list[dict[str, Any]]:
    try:
        return list(Server(where).get(PATH)["items"])
    except Unavailable:
        if where.url is not None:
            raise
        return [made.summary() for made in Shelf(where.folder / FOLDER).backups()]
