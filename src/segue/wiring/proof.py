"""The audit of a database or an export, verified from outside: the server may run, or be dead."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path

from sqlalchemy import Connection

from segue.console.audit import Entry
from segue.console.chain import Verification, Verifier
from segue.console.heads import Found, Trust
from segue.console.verifying import unreadable
from segue.errors import InvalidRequest, Unavailable
from segue.settings import Settings
from segue.stores.audit_key import keys_in, trusted_keys
from segue.stores.heads import heads_in
from segue.stores.sql import chain
from segue.wiring.audit import head_place
from segue.wiring.database import database_of

Progress = Callable[[int, int], None]
"""Told of the entries so far, and of all, every few thousand entries."""
EVERY = 2000
_NAMES = frozenset(each.name for each in fields(Entry))


class Proof:
    """What a chain is held against: heads, and the keys that may have signed them.

    `heads` are files that stand for the place of the settings; `keys` are files of the only keys that are trusted,
    instead of those in the data folder.
    """

    def __init__(self, settings: Settings, heads: Sequence[Path] = (), keys: Sequence[Path] = ()) -> None:
        self._settings = settings
        self._files = heads
        self._trust: Trust = keys_in(keys) if keys else trusted_keys(settings.data)

    def kept(self) -> bool:
        """Whether there is a database at all; a Postgres shows only when it is asked."""
        settings = self._settings
        return bool(settings.database.get_secret_value()) or (settings.data / "segue.db").exists()

    async def of_database(self, progress: Progress) -> Verification:
        """Verify what the database holds, on one consistent state of it.

        Raises:
            ConfigurationError: there is no such database, or it is of another version.
            Unavailable: it cannot be read.
        """
        found, warnings = await self._heads()  # before the entries: each head's entry is there by then

        def verify(connection: Connection) -> Verification:
            return self._verified(chain.chain(connection), found, chain.length(connection), progress)

        database = database_of(self._settings, read_only=True)
        try:
            await database.start()
            verdict = await database.read(verify)
        finally:
            await database.close()
        return replace(verdict, warnings=(*warnings, *verdict.warnings))

    async def of_export(self, file: Path, progress: Progress) -> Verification:
        """Verify what an export holds.

        Raises:
            InvalidRequest: it is none.
        """
        found, warnings = await self._heads()
        try:
            with file.open(encoding="utf-8", errors="surrogatepass") as lines:
                verdict = self._verified(_entries(lines, file), found, 0, progress)
        except OSError as error:
            raise InvalidRequest(f"{file} cannot be read: {error.strerror}.") from error
        except UnicodeDecodeError:
            raise InvalidRequest(f"{file} is no export of an audit.") from None
        return replace(verdict, warnings=(*warnings, *verdict.warnings))

    async def _heads(self) -> tuple[Found, list[str]]:
        if self._files:
            found, name = heads_in(self._files), ", ".join(map(str, self._files))
        else:
            place = head_place(self._settings)
            name = place.name
            try:
                found = await place.read()
            except Unavailable as error:
                return Found(()), [error.message]
        return found, [unreadable(found, name)] if found.unreadable else []

    def _verified(self, entries: Iterable[Entry], found: Found, whole: int, progress: Progress) -> Verification:
        verifier = Verifier(self._trust, found.heads)
        for entry in entries:
            verifier.feed(entry)
            if verifier.checked % EVERY == 0:
                progress(verifier.checked, whole)
        progress(verifier.checked, whole)
        return verifier.verdict()


def _entries(lines: Iterable[str], file: Path) -> Iterator[Entry]:
    """The entries in the lines of an export, the first of which says what it is."""
    for number, line in enumerate(lines, 1):
        try:
            plain = json.loads(line)
        except (ValueError, RecursionError):
            plain = None
        if number == 1 and isinstance(plain, dict) and str(plain.get("format")).startswith("segue audit"):
            continue
        if number == 1 or not isinstance(plain, dict) or set(plain) != _NAMES:
            raise InvalidRequest(f"{file}, line {number}: this is no entry; is it an export of an audit, and whole?")
        yield Entry(**plain)
