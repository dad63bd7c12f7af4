"""What a Segue keeps, and where: its database, the key and the heads of its audit, the services it was told to use.

Values in, checks out.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from segue.operations.report import Check, Figure, Level

MENDED = (3, 51, 3)
"""SQLite from here on, and before `FAULTY`, loses no page when several connections fold the log in at once."""
FAULTY = (3, 7, 0)


@dataclass(frozen=True, slots=True)
class Database:
    """The database. `found` is the version of SQLite, or of the Postgres that answered."""

    place: str
    is_file: bool
    found: str = ""
    there: bool = True
    writable: bool = True
    """Whether the rights of the file let its user write."""
    intact: str = ""
    """What the check of integrity said: `ok`, or what is damaged; empty where none was made."""
    revision: str = ""
    """Of its tables; empty for none."""
    wanted: str = ""
    """The revision this Segue needs."""
    pending: tuple[str, ...] = ()
    """What would bring it up to date, a sentence each."""
    at_start: bool = True
    """Whether the server does that by itself when it starts."""
    failure: str = ""
    """Why it cannot be read; empty where it can."""


@dataclass(frozen=True, slots=True)
class AuditCare:
    """How the audit is looked after. `failure` is what is wrong with the key that signs its heads."""

    key: str
    """Where the key is kept."""
    key_there: bool
    failure: str
    heads: str
    """Where signed heads go, for people."""
    apart: bool
    """Whether that is another place than the data folder."""


@dataclass(frozen=True, slots=True)
class Service:
    """Something beside the database that the settings name: where audio is kept, or Redis."""

    name: str
    place: str
    version: str = ""
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Holdings:
    """Everything that is kept."""

    database: Database
    audit: AuditCare
    services: tuple[Service, ...] = ()


def of_holdings(holdings: Holdings) -> tuple[Check, ...]:
    """What is to be said of what is kept."""
    return (
        *_database(holdings.database),
        *_audit(holdings.audit),
        *(_service(service) for service in holdings.services),
    )


def loses_pages(version: str) -> bool:
    """Whether this SQLite can lose pages of a file whose log several connections fold in at the same moment."""
    return FAULTY <= _numbers(version) < MENDED


def _database(database: Database) -> Iterator[Check]:
    yield _version(database)
    if not database.there:
        yield Check("database.file", Level.PASS, f"{database.place} is not there yet; the server makes it.")
        return
    if database.failure:
        hint = "Mend it, or restore a backup."
        yield Check("database.reads", Level.FAIL, f"{database.place}: {database.failure}", hint=hint)
        return
    if database.is_file:
        yield _rights(database)
        yield _integrity(database)
    yield _revision(database)


def _version(database: Database) -> Check:
    found = database.found
    if not database.is_file:
        told = f"{database.place} is Postgres {found}." if found else f"{database.place} did not tell its version."
        return Check("database.version", Level.PASS if found else Level.NOT_MEASURED, told, {"postgres": found})
    if loses_pages(found):
        told = (
            f"SQLite {found}: 3.7.0 to 3.51.2 can lose pages when several connections fold the log into the file at"
            " once. Segue has one that does; any other program that writes the file brings the danger back."
        )
        hint = "Let nothing else write the file, and install SQLite 3.51.3 when your system has it."
        return Check("database.version", Level.WARN, told, {"sqlite": found}, hint)
    return Check("database.version", Level.PASS, f"SQLite {found}.", {"sqlite": found})


def _rights(database: Database) -> Check:
    if database.writable:
        return Check("database.file", Level.PASS, f"{database.place} can be written by its user.")
    told = f"The rights of {database.place} do not let its user write it."
    return Check("database.file", Level.FAIL, told, hint=f"chmod u+w {database.place}")


def _integrity(database: Database) -> Check:
    if database.intact == "ok":
        return Check("database.intact", Level.PASS, "SQLite's own check found every page in order.")
    if not database.intact:
        return Check("database.intact", Level.NOT_MEASURED, "SQLite's own check was not made.")
    hint = "Stop the server, keep a copy, and restore a backup: `segue restore`."
    return Check("database.intact", Level.FAIL, f"SQLite's own check found: {database.intact}.", hint=hint)


def _revision(database: Database) -> Check:
    figures: dict[str, Figure] = {
        "revision": database.revision,
        "wanted": database.wanted,
        "pending": len(database.pending),
    }
    if not database.pending:
        return Check("database.revision", Level.PASS, f"Its tables are of revision {database.revision}.", figures)
    told = f"Its tables are of revision {database.revision or 'none'}; {database.wanted} is needed"
    if database.at_start:
        hint = "Make a backup first; there is no way back. `segue migrate --plan` shows what will be done."
        return Check("database.revision", Level.WARN, f"{told}, and comes with the next start.", figures, hint)
    return Check("database.revision", Level.FAIL, f"{told}.", figures, "Make a backup, then run `segue migrate`.")


def _audit(audit: AuditCare) -> Iterator[Check]:
    if audit.failure:
        yield Check("audit.key", Level.FAIL, audit.failure, hint="Heads of the audit are signed with it.")
    elif not audit.key_there:
        yield Check("audit.key", Level.PASS, f"{audit.key} is not there yet; the server makes it.")
    else:
        yield Check("audit.key", Level.PASS, f"{audit.key} is readable for its user alone.")
    if audit.apart:
        yield Check("audit.heads", Level.PASS, f"Signed heads of the audit go to {audit.heads}.")
    else:
        told = f"Signed heads of the audit go to {audit.heads}, beside the database: who can change one changes both."
        hint = "Name another place with audit.heads: a folder of another user, `log`, or `storage`."
        yield Check("audit.heads", Level.WARN, told, hint=hint)


def _service(service: Service) -> Check:
    check = f"service.{service.name}"
    if service.failure:
        hint = "See that it runs, and that address and secret are right."
        return Check(check, Level.FAIL, f"{service.place}: {service.failure}", hint=hint)
    version = f" ({service.version})" if service.version else ""
    return Check(check, Level.PASS, f"{service.place} answers{version}.", {"version": service.version or None})


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
