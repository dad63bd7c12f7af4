"""Puts a backup back into a folder: verified first, built beside, and given its name in one step.

What lay there before is set aside, never removed. A restored server writes into its audit, at its next start, that it
was restored and from what; until then `restored.json` owes that entry.
"""

import asyncio
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from segue.clock import Clock
from segue.console.audit import Entry, canonical
from segue.console.chain import Verification
from segue.console.heads import Head, Trust
from segue.errors import ConfigurationError, Unavailable
from segue.operations.copying import manifest as rules
from segue.operations.copying.backup import Copied
from segue.operations.copying.manifest import DATA, OBJECTS, Manifest
from segue.operations.copying.shelf import marked, marks, opened, synced, written
from segue.operations.evidence.envelope import Envelope, vouched
from segue.operations.report import Check, Level
from segue.voice.ports import AudioStore

OWED = "restored.json"
"""File in a restored data folder that owes an entry to the audit."""
EVIDENCE = "evidence"
"""Folder that may be there before: what an earlier command left."""
Tell = Callable[[str, int, int], None]


class Shelved(Protocol):
    """The databases that a backup can be looked into, and put back into."""

    revisions: Sequence[str]

    def sick(self, kind: str, path: Path) -> str:
        """What is wrong with the database in a backup; empty where it is sound.

        Raises:
            NotImplementedError: that cannot be seen here.
        """

    def look(self, kind: str, path: Path, heads: Sequence[Head], trust: Trust) -> tuple[Copied, Verification] | None:
        """What is in the database of a backup, and whether its audit holds; None where that takes restoring it."""

    def trust(self, folder: Path) -> Trust:
        """The public keys in a data folder."""


class Target(Protocol):
    """Where a database is put back."""

    def load(self, manifest: Manifest, path: Path, staged: Path, aside: str | None) -> Copied:
        """Put it there, and look what is there then; `staged` is the data folder that is being built.

        Raises:
            ConfigurationError: there is a database already, or it is in use.
        """

    def prove(self, staged: Path, heads: Sequence[Head]) -> Verification:
        """Whether the audit there holds, by these heads and the keys of the data folder."""

    async def migrate(self, staged: Path) -> tuple[str, str]:
        """Bring it up to date; its revision before and after."""

    def objects(self, staged: Path) -> AudioStore:
        """Where its objects go."""


@dataclass(frozen=True, slots=True)
class Looked:
    """A backup that was looked into."""

    manifest: Manifest
    envelope: Envelope
    checks: tuple[Check, ...]

    @property
    def sound(self) -> bool:
        """Whether it can be restored."""
        return all(check.level is not Level.FAIL for check in self.checks)


def verify(folder: Path, shelved: Shelved, trust: Trust | None) -> Looked:
    """Look into a backup: signature, every file, the database and the audit in it. `trust` are keys known otherwise.

    Raises:
        InvalidRequest: the folder is no backup.
    """
    made, envelope = opened(folder)
    inside = shelved.trust(folder / DATA)
    checks = [
        rules.signed(vouched(envelope, trust or inside), own=trust is None),
        *rules.compared(made, marks(folder)),
        rules.known(made, shelved.revisions),
    ]
    if all(check.level is not Level.FAIL for check in checks[1:]):
        checks += _inner(folder, made, shelved, trust or inside)
    return Looked(made, envelope, tuple(checks))


def _inner(folder: Path, made: Manifest, shelved: Shelved, trust: Trust) -> list[Check]:
    path = folder / made.database
    sick = shelved.sick(made.kind, path)
    if sick:
        return [Check("backup.database", Level.FAIL, f"The database is damaged: {sick}.", hint=rules.REPLACE)]
    checks = [Check("backup.database", Level.PASS, f"The database ({made.kind}) can be read, and nothing is torn.")]
    found = shelved.look(made.kind, path, [made.head] if made.head is not None else [], trust)
    if found is None:
        why = "Rows and audit of a Postgres show when it is restored: see `segue restore --drill`."
        return [
            *checks,
            Check("backup.counts", Level.NOT_MEASURED, why),
            Check("backup.audit", Level.NOT_MEASURED, why),
        ]
    copied, verdict = found
    return [*checks, rules.counted(made, copied.tables), audited(made, copied.last, verdict)]


def audited(made: Manifest, last: Entry | None, verdict: Verification, name: str = "backup.audit") -> Check:
    """Whether the audit is a whole chain up to the entry that the manifest names."""
    figures = {"checked": verdict.checked, "faults": verdict.fault_count}
    if made.head is None and last is None:
        return Check(name, Level.PASS, "The audit is empty, as the manifest says.", figures)
    if made.head is None or last is None or (last.seq, last.hash) != (made.head.seq, made.head.hash):
        named = f"entry {made.head.seq} of the manifest" if made.head is not None else "nothing, as the manifest says"
        reason = f"The audit does not end with {named}."
        return Check(name, Level.FAIL, reason, figures, rules.REPLACE)
    if not verdict.ok:
        reason = f"{verdict.fault_count} fault(s) in the audit; the first: {verdict.faults[0].sentence}"
        return Check(name, Level.FAIL, reason, figures, "See `segue audit verify`; it was so when the backup was made.")
    if not verdict.proven:
        return Check(name, Level.WARN, f"{verdict.checked} entries are linked, but no trusted head proves it.", figures)
    return Check(name, Level.PASS, f"{verdict.checked} entries are linked and proved up to {made.head.seq}.", figures)


class Restorer:
    """Puts one backup into one data folder."""

    def __init__(self, folder: Path, looked: Looked, target: Target, clock: Clock, *, replace: bool) -> None:
        self._folder = folder
        self._looked = looked
        self._target = target
        self._clock = clock
        self._replace = replace
        self.aside: Path | None = None
        """Where what was there before lies now."""

    async def restore(self, data: Path, tell: Tell) -> tuple[Check, ...]:
        """Put it into a data folder that no server uses. Where a check fails, the folder is as it was.

        Raises:
            ConfigurationError: the folder is not empty, or the database is in use.
            Unavailable: something cannot be written.
        """
        made, now_us = self._looked.manifest, round(self._clock.wall() * 1e6)
        if occupied(data) and not self._replace:
            raise ConfigurationError(f"{data} is not empty. Name another folder, or set this one aside with --replace.")
        staged = data.with_name(f".{data.name}.restoring-{now_us}")
        try:
            staged.mkdir(mode=0o700, parents=True)
            checks = await self._build(staged, made, now_us, tell)
            if all(check.level is not Level.FAIL for check in checks):
                await asyncio.to_thread(self._place, staged, data, now_us)
        except OSError as error:
            raise Unavailable(f"{error.filename or data} cannot be written: {error.strerror}.") from error
        finally:
            with suppress(OSError):
                await asyncio.to_thread(shutil.rmtree, staged, ignore_errors=True)
        return checks

    async def _build(self, staged: Path, made: Manifest, now_us: int, tell: Tell) -> tuple[Check, ...]:
        files = made.below(DATA)
        for number, (name, path) in enumerate(files.items()):
            tell("files", number, len(files))
            if await asyncio.to_thread(marked, self._folder / path, staged / name) != made.files[path]:
                raise Unavailable(f"{path} of the backup changed while it was read.")
        tell("database", 0, 1)
        aside = f"before_{rules.named(now_us).replace('-', '_')}" if self._replace else None
        copied = await asyncio.to_thread(self._target.load, made, self._folder / made.database, staged, aside)
        checks = [rules.counted(made, copied.tables, "restore.counts")]
        heads = [made.head] if made.head is not None else []
        verdict = await asyncio.to_thread(self._target.prove, staged, heads)
        checks.append(audited(made, copied.last, verdict, "restore.audit"))
        before, after = await self._target.migrate(staged)
        said = f"The tables were brought from revision {before} to {after}." if before != after else f"Of {after}."
        checks.append(Check("restore.revision", Level.PASS, said))
        checks.append(await self._objects(self._target.objects(staged), made, tell))
        owed = {"backup": made.name, "digest": self._looked.envelope.digest, "at_us": now_us, "segue": made.segue}
        await asyncio.to_thread(written, staged / OWED, canonical(owed))
        return tuple(checks)

    async def _objects(self, store: AudioStore, made: Manifest, tell: Tell) -> Check:
        """Put every object back; one that is there already stays."""
        objects, put = made.below(OBJECTS), 0
        for number, (key, path) in enumerate(objects.items()):
            tell("objects", number, len(objects))
            content = await asyncio.to_thread((self._folder / path).read_bytes)
            put += await store.put(key, content)
        reason = f"{len(objects)} objects are in the storage; {len(objects) - put} of them were there before."
        return Check("restore.objects", Level.PASS, reason, {"objects": len(objects), "put": put})

    def _place(self, staged: Path, data: Path, now_us: int) -> None:
        """Set aside what is there, and let the new one have its name. Each is one step; between them there is none."""
        if data.exists():
            if not any(data.iterdir()):
                data.rmdir()
            else:
                if not occupied(data):
                    shutil.copytree(data / EVIDENCE, staged / EVIDENCE, dirs_exist_ok=True)
                self.aside = data.with_name(f"{data.name}.before-{rules.named(now_us)}")
                data.rename(self.aside)
        for each in (path for path in staged.rglob("*") if path.is_dir()):
            synced(each)
        synced(staged)
        staged.rename(data)
        synced(data.parent)


def occupied(data: Path) -> bool:
    """Whether a folder holds anything but what commands left in it."""
    return data.exists() and any(path.name != EVIDENCE for path in data.iterdir())


def owed(data: Path) -> Mapping[str, Any] | None:
    """What a restored folder owes to the audit; None where it owes nothing.

    Raises:
        Unavailable: the file cannot be read.
    """
    try:
        found = json.loads((data / OWED).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise Unavailable(f"{data / OWED} cannot be read: {error}.") from error
    return found if isinstance(found, dict) else None
