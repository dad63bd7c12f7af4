"""Gathers what can be known of a Segue on its own machine, whether it runs or not; nothing is started by it."""

import asyncio
import re
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from segue.clock import Clock
from segue.delivery.planfile import PlanError, read_plan
from segue.errors import ConfigurationError, SegueError
from segue.operations.copying.holdings import AuditCare, Database, Holdings, Service
from segue.operations.readiness.ground import machine, reached
from segue.operations.readiness.lineup import ROLES, Lineup, post
from segue.operations.readiness.preflight import Ground, Tell, lineup_of, quiet
from segue.settings import Settings
from segue.stores.audit_key import PRIVATE
from segue.stores.objects import Objects
from segue.stores.sql.revisions import REVISIONS, revision
from segue.vendors.local import KokoroSynthesizer, PiperSynthesizer, WhisperRecognizer
from segue.voice.roster import Roster
from segue.voice.standing import standing
from segue.wiring.audit import head_place
from segue.wiring.database import database_of
from segue.wiring.house import House, build
from segue.wiring.proof import Proof

PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
BARE = re.compile(r"(?P<host>[\w-]+(\.[\w-]+)+)(:(?P<port>\d+))?")
"""An address without the way it is spoken with, which is TLS."""
OWNER_WRITES = 0o200


def gathered(
    settings: Settings, clock: Clock, *, running: bool, plans: Path | None = None, tell: Tell = quiet
) -> Ground:
    """What can be known on this machine. Where the server runs, it is asked itself who writes, speaks and listens."""
    since = clock.now(), clock.wall()
    tell(0, 4, "configuration")
    house, fault = _built(settings, clock)
    lineup = _lineup(house, settings, clock) if house is not None and not running else None
    tell(1, 4, "database")
    holdings = asyncio.run(_holdings(settings, clock))
    chain = None if running or not holdings.database.there else _chain(settings)
    tell(2, 4, "plans")
    found = dict(_plans(plans)) if plans is not None else {}
    tell(3, 4, "machine")
    server = settings.server
    address = (server.host, server.port) if server.port and not running else None
    looked = machine(settings.data, server.max_connections, clock, address=address, since=since)
    tell(4, 4, "")
    return Ground(fault, lineup, looked, holdings, found, chain)


def reach(places: Mapping[str, str], clock: Clock) -> dict[str, tuple[str, float, str]]:
    """By `role:name`: its host and port, how many milliseconds a connection took to stand, and why there is none.

    `places` is where each of those is, as `/api/providers` tells it; what is on this machine itself is left out.
    """
    addresses = {name: found for name, place in places.items() if (found := address_of(place)) is not None}
    tried = reached(tuple(dict.fromkeys(addresses.values())), clock)
    return {name: (f"{host}:{port}", *tried[host, port]) for name, (host, port) in addresses.items()}


def address_of(place: str) -> tuple[str, int] | None:
    """Host and port of an address; None where it is none, such as a path."""
    if bare := BARE.fullmatch(place):
        return bare["host"], int(bare["port"] or PORTS["https"])
    try:
        parts = urlsplit(place)
        host, port = parts.hostname, parts.port or PORTS.get(parts.scheme)
    except ValueError:
        return None
    return (host, port) if host and port and parts.scheme in PORTS else None


def _built(settings: Settings, clock: Clock) -> tuple[House | None, str]:
    """A Segue that is put together and never started, and why there is none."""
    try:
        return build(settings, clock=clock, keep=False), ""
    except ConfigurationError as error:
        return None, error.message


def _chain(settings: Settings) -> Mapping[str, Any]:
    """What came of verifying the audit of a server that does not run."""
    try:
        verdict = asyncio.run(Proof(settings).of_database(quiet))
    except SegueError as error:
        return {"ok": False, "fault_count": 1, "faults": [{"sentence": error.message}]}
    return verdict.as_dict(0.0)


def _lineup(house: House, settings: Settings, clock: Clock) -> Lineup:
    """The providers before anybody started them."""
    plane, now = house.plane, clock.now()
    rosters: dict[str, Roster[Any]] = dict(
        zip(ROLES, (plane.models, plane.speech, plane.hearing.recognizers), strict=True)
    )
    items = [item for role, roster in rosters.items() for item in standing(role, roster, now)]
    chains: dict[str, Any] = {f"{role}s": list(roster.order()) for role, roster in rosters.items()}
    chains["models"] = {profile: list(plane.models.order(profile)) for profile in ("fast", "quality")}
    voices = [
        {"name": voice.name, "provider": voice.provider, "languages": voice.languages}
        for voice in plane.catalogue.voices
    ]
    told = lineup_of(items, chains, settings.voice.languages, voices, plane.catalogue.listed())
    speaking = {voice.provider for voice in plane.catalogue.voices}
    return replace(
        told,
        hears={name: target.provider.languages for name, target in plane.hearing.recognizers.chain.targets.items()},
        pending=tuple(name for name in plane.speech.order() if name not in speaking),
        reached=reach({post(item): str(item["place"]) for item in items}, clock),
        files=_files(settings),
    )


def _files(settings: Settings) -> dict[str, tuple[str, ...]]:
    """By provider with models on this machine: the files that are not there."""
    needed: dict[str, list[Path]] = {}
    for name, provider in settings.providers.named.items():
        if isinstance(provider, PiperSynthesizer):
            paths = [voice.path for voice in provider.voices.values()]
            needed[name] = [*paths, *(path.with_name(f"{path.name}.json") for path in paths)]
        elif isinstance(provider, KokoroSynthesizer):
            needed[name] = [provider.model, provider.voices]
        elif isinstance(provider, WhisperRecognizer):
            needed[name] = [provider.model / "model.bin", provider.model / "tokenizer.json"]
    return {name: tuple(str(path) for path in paths if not path.exists()) for name, paths in needed.items()}


def _plans(folder: Path) -> Iterator[tuple[str, str]]:
    """By file of a plan: what is wrong with it."""
    for file in sorted(folder.glob("*.yaml")):
        try:
            read_plan(file.read_text(encoding="utf-8"), file.name)
        except PlanError as error:
            yield file.name, error.message
        except (OSError, UnicodeDecodeError) as error:
            yield file.name, f"{file} cannot be read: {error}."
        else:
            yield file.name, ""


async def _holdings(settings: Settings, clock: Clock) -> Holdings:
    return Holdings(await _database(settings), _audit(settings), await _services(settings, clock))


async def _database(settings: Settings) -> Database:
    """The database, read and not written."""
    try:
        database = database_of(settings, read_only=True)
    except ConfigurationError as error:
        return Database("the database", is_file=False, failure=error.message)
    is_file = not settings.database.get_secret_value()
    file = settings.data / "segue.db"
    found = Database(
        database.place,
        is_file,
        found=sqlite3.sqlite_version if is_file else "",
        there=database.there,
        wanted=REVISIONS[-1],
        at_start=settings.migrate == "at_start",
    )
    try:
        if not found.there:
            return found
        if is_file:
            found = replace(found, writable=bool(file.stat().st_mode & OWNER_WRITES))
        await database.start()
        at, pending = (
            await database.read(lambda connection: revision(connection, found.place)),
            await database.pending(),
        )
        found = replace(found, revision=at, pending=tuple(step.sentence for step in pending[0]))
        if is_file:
            return replace(found, intact=await database.read(_intact))
        return replace(found, found=str(await database.read(_version)))
    except (SegueError, OSError) as error:
        return replace(found, failure=error.message if isinstance(error, SegueError) else f"{error.strerror}.")
    finally:
        await database.close()


def _intact(connection: Connection) -> str:
    """What SQLite's own check says."""
    try:
        return "; ".join(str(row[0]) for row in connection.exec_driver_sql("pragma quick_check(5)"))
    except DBAPIError as error:
        return str(error.orig)


def _version(connection: Connection) -> str:
    return str(connection.exec_driver_sql("show server_version").scalar())


def _audit(settings: Settings) -> AuditCare:
    key = settings.audit.key or settings.data / PRIVATE
    failure = ""
    try:
        there = key.exists()
        if there and key.stat().st_mode & 0o077:
            failure = f"{key} can be read by others than its user: chmod 600 {key}"
        elif there and not key.read_bytes().startswith(b"-----BEGIN "):
            failure = f"{key} holds no private key in PEM."
    except OSError as error:
        there, failure = True, f"{key} cannot be read: {error.strerror}."
    where = settings.audit.heads
    apart = bool(where) and not (
        where not in ("log", "storage") and Path(where).resolve().is_relative_to(settings.data.resolve())
    )
    if where == "storage" and settings.storage.kind == "folder":
        apart = not (settings.storage.folder or settings.data).resolve().is_relative_to(settings.data.resolve())
    try:
        heads = head_place(settings).name
    except ConfigurationError as error:
        failure, heads = failure or error.message, where
    return AuditCare(str(key), there, failure, heads, apart)


async def _services(settings: Settings, clock: Clock) -> tuple[Service, ...]:
    """What the settings name beside the database, each asked once."""
    found, storage = [], settings.storage
    if storage.kind == "s3" or (storage.kind == "folder" and storage.folder is not None):
        objects = Objects(storage, settings.data, clock)
        try:
            await objects.check()
            failure = ""
        except SegueError as error:
            failure = error.message
        found.append(Service("storage", objects.name, failure=failure))
    if "redis" in (settings.rate_limits.store, settings.chats.claims):
        found.append(await _redis(settings, clock))
    return tuple(found)


async def _redis(settings: Settings, clock: Clock) -> Service:
    section = settings.redis
    try:
        from segue.stores.redis.line import Gone, Line  # noqa: PLC0415 - only who uses Redis loads its library

        address = section.address.get_secret_value()
        line = Line(address, clock, prefix=section.prefix, timeout_s=section.timeout_s, retry_s=section.retry_s)
    except (ModuleNotFoundError, ConfigurationError) as error:
        return Service("redis", "Redis", failure=str(error))
    try:
        await line.start()
        told = str(await line.ask("INFO", "server"))
        version = re.search(r"redis_version['\"]?:\s*['\"]?([\d.]+)", told)
        return Service("redis", line.place, version[1] if version else "")
    except Gone as error:
        return Service("redis", line.place, failure=error.message)
    finally:
        await line.close()
