"""`segue restore`: put a backup back, or show in a drill that it could be."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from segue.cli.asking import HERE, Server, Where
from segue.cli.backup import Files, found
from segue.cli.local import served
from segue.cli.reporting import END, Ending, finish, progress
from segue.clock import SystemClock
from segue.errors import ConfigurationError, SegueError
from segue.operations.copying.drill import Drill
from segue.operations.copying.restore import Looked, occupied, verify
from segue.operations.report import Check, Level, Report
from segue.settings import Settings, load
from segue.wiring.backup import Kept, restorer, trust_of

Tell = Callable[[int, int, str], None]


def restore(
    file: str,
    *,
    replace_: Annotated[bool, Parameter(name="--replace")] = False,
    dry_run: bool = False,
    drill: bool = False,
    database: str | None = None,
    key: Files = None,
    config: Path | None = None,
    where: Where = HERE,
    ending: Ending = END,
) -> None:
    """Put a backup back into a data folder that no server uses, or show in a drill that it could be.

    Parameters
    ----------
    file
        Folder or archive of the backup, its name in the data folder, or `s3://bucket/path/name.tar`.
    replace_
        Set aside what is in the folder, and in the database; nothing is removed.
    dry_run
        Only look whether it could be restored.
    drill
        Restore into a folder that is removed again, start a server on it, and let it speak; the figures are kept.
    database
        Address of the Postgres to restore to, instead of that of the settings; for a drill an empty one.
    key
        Files of the only public keys that are trusted.
    config
        YAML file with settings; a drill without it uses none of your providers, notifications or nodes.
    """
    clock = SystemClock()
    began_us = round(clock.wall() * 1e6)
    given = {name: value for name, value in {"data": where.data, "database": database}.items() if value is not None}
    settings, facts, checks = load(config, **given), {}, []
    try:
        with found(file, where, settings) as folder, progress("Verifying", quiet=ending.json_) as tell:
            looked = verify(folder, Kept(), trust_of(key or (), where.folder))
            checks, facts = list(looked.checks), looked.manifest.summary()
            if not looked.sound:
                pass
            elif drill:
                checks += Drill(folder, looked, clock, _putting(settings, tell), _asking, config, database).run(facts)
            elif dry_run:
                checks += _possible(where, settings, replace=replace_)
            else:
                checks += _put(folder, looked, settings, where, tell, replace=replace_)
    except SegueError as error:
        checks.append(Check("restore", Level.FAIL, error.message, hint="Nothing was changed."))
    command = "restore drill" if drill else "restore"
    report = Report(command, file, began_us, round(clock.wall() * 1e6), tuple(checks), facts)
    # A folder that was not restored must stay as it was, and empty if it was.
    keep = ending.record and (drill or (not dry_run and report.outcome is not Level.FAIL))
    finish(report, where, replace(ending, record=keep))


def _put(
    folder: Path, looked: Looked, settings: Settings, where: Where, tell: Tell, *, replace: bool
) -> tuple[Check, ...]:
    _idle(where)
    with restorer(settings, folder, looked, replace=replace) as putting:
        checks: tuple[Check, ...] = asyncio.run(putting.restore(settings.data, _told(tell)))
    if any(check.level is Level.FAIL for check in checks):
        return checks
    said = f"{looked.manifest.name} lies in {settings.data}, ready to be served."
    if putting.aside is not None:
        said += f" What was there before lies in {putting.aside}."
    hint = "Start the server; its audit says then that it was restored."
    return (*checks, Check("restore.folder", Level.PASS, said, hint=hint))


def _possible(where: Where, settings: Settings, *, replace: bool) -> list[Check]:
    """Whether it could be restored there; nothing is changed."""
    _idle(where)
    full = occupied(settings.data)
    if full and not replace:
        raise ConfigurationError(f"{settings.data} is not empty. Name another folder, or set it aside with --replace.")
    said = "would be set aside" if full else "is free"
    return [Check("restore.folder", Level.PASS, f"{settings.data} {said}. Nothing was changed.")]


def _idle(where: Where) -> None:
    if served(where.folder):
        raise ConfigurationError(f"A server uses {where.folder}: end it first, or name another folder with --data.")


def _putting(settings: Settings, tell: Tell) -> Callable[[Path, Looked, Path], tuple[Check, ...]]:
    """What restores for a drill: into a folder of its own, with its objects beside."""

    def put(folder: Path, looked: Looked, data: Path) -> tuple[Check, ...]:
        storage = settings.storage.model_copy(update={"kind": "folder", "folder": None})
        own = settings.model_copy(update={"data": data, "storage": storage})
        if looked.manifest.kind == "sqlite":
            own = own.model_copy(update={"database": type(settings.database)("")})
        with restorer(own, folder, looked, replace=False) as putting:
            return asyncio.run(putting.restore(data, _told(tell)))

    return put


def _asking(data: Path) -> Server:
    return Server(Where(data=data))


def _told(tell: Tell) -> Callable[[str, int, int], None]:
    return lambda what, done, whole: tell(done, max(whole, 1), f"Restoring: {what}")
