"""Backups and restoring, put together: which database, which storage, which keys."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Connection

from segue.clock import Clock, SystemClock
from segue.console.audit import Draft
from segue.console.chain import Verification, Verifier
from segue.console.effective import effective
from segue.console.heads import Head, Trust
from segue.console.operator import START
from segue.console.plane import ConsolePlane
from segue.console.ports import AuditStore
from segue.errors import ConfigurationError, Unavailable
from segue.operations.copying import restore
from segue.operations.copying.backup import Copied, Maker
from segue.operations.copying.backups import Backups
from segue.operations.copying.manifest import Manifest
from segue.operations.copying.restore import OWED, Restorer
from segue.operations.copying.shelf import Shelf
from segue.settings import Settings
from segue.stores.audit_key import audit_key, keys_in, trusted_keys
from segue.stores.objects import Objects
from segue.stores.sql import chain, copying, revisions
from segue.stores.sql.connections import Connections
from segue.stores.sql.copying import Looked
from segue.stores.sql.holding import held
from segue.voice.ports import AudioStore
from segue.wiring.database import database_of

log = structlog.get_logger("segue.wiring")

FILE = "segue.db"
FOLDER = "backups"
"""Folder in the data folder in which backups lie."""


class SqliteSource:
    """See `Source`: the file of a data folder."""

    kind = "sqlite"

    def __init__(self, path: Path) -> None:
        self._path = path

    def copy(self, target: Path, tell: Callable[[int, int], None]) -> Looked:
        """See `Source.copy`."""
        copying.copy(self._path, target, tell)
        with copying.opened(target) as connection:
            return copying.look(connection, str(target))


class PostgresSource:
    """See `Source`: a database at an address."""

    kind = "postgres"

    def __init__(self, address: str) -> None:
        self._address = address

    def copy(self, target: Path, tell: Callable[[int, int], None]) -> Looked:
        """See `Source.copy`; it is told of nothing, as `pg_dump` tells nothing."""
        from segue.stores.sql import dumping  # noqa: PLC0415 - only who uses Postgres has its driver

        del tell
        return dumping.dump(self._address, target)


class Kept:
    """See `Shelved`."""

    revisions: Sequence[str] = revisions.REVISIONS

    def sick(self, kind: str, path: Path) -> str:
        """See `Shelved.sick`."""
        if kind == "sqlite":
            return copying.sick(path)
        from segue.stores.sql import dumping  # noqa: PLC0415 - see above

        return dumping.unreadable(path)

    def look(self, kind: str, path: Path, heads: Sequence[Head], trust: Trust) -> tuple[Copied, Verification] | None:
        """See `Shelved.look`."""
        if kind != "sqlite":
            return None
        with copying.opened(path) as connection:
            looked = copying.look(connection, str(path))
            verifier = Verifier(trust, heads)
            for entry in chain.chain(connection) if looked.last is not None else ():
                verifier.feed(entry)
            return looked, verifier.verdict()

    def trust(self, folder: Path) -> Trust:
        """See `Shelved.trust`."""
        return trusted_keys(folder)


class SqliteTarget:
    """See `Target`: a file in the data folder that is being built, and the storage of the settings."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock

    def load(self, manifest: Manifest, path: Path, staged: Path, aside: str | None) -> Copied:
        """See `Target.load`."""
        del aside
        if manifest.kind != "sqlite":
            raise ConfigurationError(
                "This backup is of a Postgres: name an empty one in the settings, or by --database."
            )
        copying.copy(path, staged / FILE, lambda *_: None)
        (staged / FILE).chmod(0o600)
        if sick := copying.sick(staged / FILE):
            raise Unavailable(f"The database is damaged: {sick}.")
        with copying.opened(staged / FILE) as connection:
            return copying.look(connection, manifest.name)

    def prove(self, staged: Path, heads: Sequence[Head]) -> Verification:
        """See `Target.prove`."""
        with copying.opened(staged / FILE) as connection:
            return _proved(connection, heads, trusted_keys(staged))

    async def migrate(self, staged: Path) -> tuple[str, str]:
        """See `Target.migrate`."""
        return await _migrated(self._settings, staged)

    def objects(self, staged: Path) -> AudioStore:
        """See `Target.objects`."""
        return Objects(self._settings.storage, staged, self._clock)


class PostgresTarget(SqliteTarget):
    """See `Target`: the database of the settings, and their storage."""

    def load(self, manifest: Manifest, path: Path, staged: Path, aside: str | None) -> Copied:
        """See `Target.load`."""
        from segue.stores.sql import dumping  # noqa: PLC0415 - see above

        del staged
        if manifest.kind != "postgres":
            raise ConfigurationError("This backup is of a SQLite file: leave the database out of the settings.")
        return dumping.load(self._settings.database.get_secret_value(), path, aside)

    def prove(self, staged: Path, heads: Sequence[Head]) -> Verification:
        """See `Target.prove`."""
        from segue.stores.sql import dumping  # noqa: PLC0415 - see above

        address, trust = self._settings.database.get_secret_value(), trusted_keys(staged)
        return dumping.within(address, lambda connection: _proved(connection, heads, trust))


class Restored:
    """Writes down, at a start, that this data folder was restored; a part of the house, behind the database."""

    def __init__(self, settings: Settings, clock: Clock, audit: AuditStore) -> None:
        self._settings = settings
        self._clock = clock
        self._audit = audit

    async def start(self) -> None:
        """Pay what is owed. Where the database cannot be written, the next start does."""
        try:
            plain = restore.owed(self._settings.data)
            if plain is None:
                return
            await self._audit.append(self._entry(plain))
            folder = self._settings.data / restore.EVIDENCE
            folder.mkdir(mode=0o700, exist_ok=True)
            (self._settings.data / OWED).replace(folder / f"restored-{plain.get('at_us', 0)}.json")
        except (Unavailable, OSError) as error:
            log.error("it could not be written down that this folder was restored", reason=str(error))

    async def close(self) -> None:
        """Nothing is open."""

    def _entry(self, plain: Mapping[str, Any]) -> Draft:
        name = str(plain.get("backup", ""))
        return Draft(
            at_us=round(self._clock.wall() * 1e6),
            actor=START.name,
            via=START.via,
            action="backup.restore",
            target=f"backup/{name}",
            after=str(plain.get("digest", "")),
            node=self._settings.console.node,
            facts={"restored_us": int(plain.get("at_us", 0)), "made_by": str(plain.get("segue", ""))},
        )


def backups_of(
    settings: Settings, clock: Clock, objects: AudioStore, console: ConsolePlane, database: Connections | None
) -> tuple[Backups | None, Sequence[Backups | Restored]]:
    """Backups of a running server, and what is to be started for them; nothing where nothing is kept."""
    if database is None:
        return None, ()
    made = maker(settings, clock, objects)
    backups = Backups(made, Shelf(settings.data / FOLDER), console.actions, console.audit)
    return backups, (Restored(settings, clock, console.audit), backups)


def maker(settings: Settings, clock: Clock, objects: AudioStore) -> Maker:
    """What makes backups of these settings' database, storage and data folder."""
    address = settings.database.get_secret_value()
    return Maker(
        PostgresSource(address) if address else SqliteSource(settings.data / FILE),
        objects,
        settings.data,
        audit_key(settings.data, settings.audit.key),
        clock,
        settings.console.node,
        effective(settings),  # also addresses are bare of the passwords and keys in them
    )


@contextmanager
def alone(settings: Settings) -> Iterator[Maker]:
    """A maker for a data folder without a server, which nobody else may use meanwhile; its database stays as it is.

    Raises:
        ConfigurationError: a server uses it, or there is nothing to copy.
    """
    clock, path = SystemClock(), settings.data / FILE
    if settings.database.get_secret_value():
        yield maker(settings, clock, Objects(settings.storage, settings.data, clock))
        return
    if not path.exists():
        raise ConfigurationError(
            f"There is no database in {settings.data}: nothing to copy. Name the folder with --data."
        )
    with held(path):
        yield maker(settings, clock, Objects(settings.storage, settings.data, clock))


def trust_of(keys: Sequence[Path], data: Path | None) -> Trust | None:
    """The public keys known apart from a backup: files, or those of a data folder; None where there are none."""
    if keys:
        return keys_in(keys)
    if data is not None and any((data / "audit-keys").glob("*.pem")):
        return trusted_keys(data)
    return None


@contextmanager
def restorer(settings: Settings, folder: Path, looked: restore.Looked, *, replace: bool) -> Iterator[Restorer]:
    """What puts a backup back by these settings, into a data folder that no server uses meanwhile.

    Raises:
        ConfigurationError: a server uses it.
    """
    clock = SystemClock()
    kind = PostgresTarget if settings.database.get_secret_value() else SqliteTarget
    made = Restorer(folder, looked, kind(settings, clock), clock, replace=replace)
    lock = settings.data / FILE
    if not lock.exists():
        yield made
        return
    with held(lock):
        yield made


async def _migrated(settings: Settings, staged: Path) -> tuple[str, str]:
    database = database_of(settings.model_copy(update={"data": staged}))
    try:
        return await database.migrate()
    finally:
        await database.close()
        with suppress(OSError):
            (staged / f"{FILE}.lock").unlink()


def _proved(connection: Connection, heads: Sequence[Head], trust: Trust) -> Verification:
    verifier = Verifier(trust, heads)
    for entry in chain.chain(connection):
        verifier.feed(entry)
    return verifier.verdict()
