"""Where everything is kept: the database of the settings, and the secret that is signed with."""

import secrets

from segue.clock import Clock
from segue.settings import Settings
from segue.stores.console import MemoryAuditStore
from segue.stores.memory import MemoryTurnStore
from segue.stores.secret import signing_secret
from segue.stores.sql.connections import Connections
from segue.stores.sql.engine import Database
from segue.stores.sql.kept import SqlSwitchStore
from segue.stores.sql.postgres import Postgres
from segue.stores.sql.shared import Sql
from segue.stores.sql.turns import SqlTurnStore
from segue.stores.switch import FileSwitchStore, MemorySwitchStore
from segue.voice.ports import TurnStore
from segue.voice.switch import Switch


def database_of(settings: Settings, *, read_only: bool = False) -> Connections:
    """The database of the settings, not started yet: a Postgres, or a file in the data folder.

    Raises:
        ConfigurationError: the address is none of a Postgres, or its driver is not installed.
    """
    by_command = settings.migrate == "by_command"
    if address := settings.database.get_secret_value():
        return Postgres(address, read_only=read_only, by_command=by_command)
    return Database(settings.data / "segue.db", read_only=read_only, by_command=by_command)


def open_records(settings: Settings) -> tuple[Sql, TurnStore]:
    """The records of a data folder for reading, while the server that writes them may run; start the database first."""
    kept = database_of(settings, read_only=True)
    return kept, SqlTurnStore(kept)


def switch_of(settings: Settings, clock: Clock, kept: Sql | None, memory: MemoryAuditStore | None) -> Switch:
    """The kill switch, kept in a database with a copy in the data folder; else in memory, with its entries there."""
    enabled, node = settings.voice.stream_enabled, settings.console.node
    if kept is not None:
        return Switch(enabled, clock, SqlSwitchStore(kept, node), FileSwitchStore(settings.data))
    return Switch(enabled, clock, MemorySwitchStore(memory.write, node) if memory is not None else None)


def turn_store(kept: Sql | None) -> TurnStore:
    """The records of turns in a database, or in memory where there is none."""
    return SqlTurnStore(kept) if kept is not None else MemoryTurnStore()


def secret_of(settings: Settings, *, keep: bool) -> bytes:
    """What is signed with: the shared one, or one of this data folder, or one that is forgotten."""
    if shared := settings.secret.get_secret_value():
        return shared.encode()
    return signing_secret(settings.data) if keep else secrets.token_bytes(32)
