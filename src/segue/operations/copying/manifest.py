"""What a backup holds, as its manifest says it, and whether that is what lies there. Values and rules only.

The manifest is written last, and signed: a folder without one is no backup, and one with another's is none either.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from segue.console import heads
from segue.console.audit import canonical
from segue.console.heads import Head
from segue.operations.report import Check, Level

BACKUP_TYPE = "application/vnd.segue.backup+json"
"""The payload is a manifest, as `Manifest.as_dict` gives it."""
FORMAT = "segue backup 1"
MANIFEST = "manifest.json"
"""Name of the signed manifest in a backup."""
DATABASES = {"sqlite": "database/segue.db", "postgres": "database/segue.dump"}
"""Where the database lies in a backup, by its kind."""
DATA, OBJECTS, CONFIGURATION = "data", "objects", "configuration.json"
"""Where files of the data folder lie, where objects of the storage, and the configuration without its secrets."""
KEYS = frozenset({"audit.key", "secret.key"})
"""Files of the data folder that are secrets."""
NAME = re.compile(r"\d{8}-\d{6}-\d{6}")
"""Names of backups: day, time and microseconds, UTC."""
VOICE = re.compile(OBJECTS + r"/files/[^/]+/(?P<digest>[0-9a-f]{64})\.(?!json\Z)[a-z0-9]+")
"""Voice files, whose names say what they hold."""
_KINDS: Mapping[str, type] = {
    **dict.fromkeys(("name", "segue", "node", "kind", "revision", "configuration"), str),
    **dict.fromkeys(("at_us", "ended_us"), int),
    **dict.fromkeys(("keys", "cache"), bool),
}
"""What the plain values of a manifest are."""
TOLD = 5
"""So many names of files are told in a sentence."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A file: the SHA-256 of it in hexadecimal, and its bytes."""

    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is in a backup. Moments are Unix microseconds."""

    name: str
    at_us: int
    """When it was begun; the database is of a moment between this and `ended_us`."""
    ended_us: int
    segue: str
    """Version that made it."""
    node: str
    kind: str
    """`sqlite` or `postgres`."""
    revision: str
    """Of the tables."""
    tables: Mapping[str, int]
    """Rows by table."""
    head: Head | None
    """The newest entry of the audit in it, signed; None where there is none."""
    configuration: str
    """SHA-256 of the configuration without its secrets."""
    keys: bool
    """Whether the secrets of the data folder are in it."""
    cache: bool
    """Whether sentences that were kept to be spoken again are in it."""
    files: Mapping[str, Mark]
    """By path in the backup, with `/`."""

    @property
    def bytes(self) -> int:
        """All files together."""
        return sum(mark.bytes for mark in self.files.values())

    @property
    def database(self) -> str:
        """Path of the database in the backup."""
        return DATABASES[self.kind]

    def below(self, folder: str) -> dict[str, str]:
        """The files below a folder of the backup: path there → path in the backup."""
        return {path[len(folder) + 1 :]: path for path in self.files if path.startswith(f"{folder}/")}

    def as_dict(self) -> dict[str, Any]:
        """As it is signed and written down."""
        plain = asdict(self) | {"format": FORMAT}
        return plain | {"head": heads.as_dict(self.head) if self.head is not None else None}

    def summary(self) -> dict[str, Any]:
        """What it holds in a few plain values; moments are Unix seconds."""
        return {
            "name": self.name,
            "at": round(self.at_us / 1e6, 6),
            "took_s": round((self.ended_us - self.at_us) / 1e6, 3),
            "segue": self.segue,
            "node": self.node,
            "kind": self.kind,
            "revision": self.revision,
            "files": len(self.files),
            "bytes": self.bytes,
            "tables": dict(self.tables),
            "audit_seq": self.head.seq if self.head is not None else None,
            "keys": self.keys,
            "cache": self.cache,
        }


def from_dict(plain: Any) -> Manifest | None:
    """The manifest that was written down; None if this is none."""
    if not isinstance(plain, dict) or plain.get("format") != FORMAT:
        return None
    given = {name: value for name, value in plain.items() if name != "format"}
    if any(type(given.get(name)) is not kind for name, kind in _KINDS.items()):
        return None
    try:
        files = {str(path): Mark(str(mark["sha256"]), int(mark["bytes"])) for path, mark in given.pop("files").items()}
        head = given.pop("head")
        found = heads.from_line(canonical(head).decode("utf-8")) if head is not None else None
        tables = {str(name): int(rows) for name, rows in given.pop("tables").items()}
        made = Manifest(**given, files=files, head=found, tables=tables)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    sound = made.kind in DATABASES and NAME.fullmatch(made.name) and (head is None or found is not None)
    return made if sound and all(_is_inside(path) for path in files) else None


def named(at_us: int) -> str:
    """The name of a backup that is begun at this moment."""
    moment = datetime.fromtimestamp(at_us // 1_000_000, UTC)
    return f"{moment:%Y%m%d-%H%M%S}-{at_us % 1_000_000:06d}"


def compared(manifest: Manifest, found: Mapping[str, Mark]) -> tuple[Check, ...]:
    """Whether the files that lie there are those of the manifest, and voice files what their names say."""
    missing = sorted(set(manifest.files) - set(found))
    surplus = sorted(set(found) - set(manifest.files))
    changed = sorted(path for path, mark in manifest.files.items() if path in found and found[path] != mark)
    wrong = [("missing", missing), ("changed", changed), ("not in the manifest", surplus)]
    sentence = "; ".join(f"{len(paths)} {what}: {listed(paths)}" for what, paths in wrong if paths)
    figures = {"files": len(manifest.files), "bytes": manifest.bytes}
    checks = [
        Check("backup.files", Level.FAIL, f"Of {len(manifest.files)} files, {sentence}.", figures, REPLACE)
        if sentence
        else Check("backup.files", Level.PASS, f"{len(found)} files have the hashes of the manifest.", figures)
    ]
    voices = {path: match["digest"] for path in manifest.files if (match := VOICE.fullmatch(path))}
    if voices:
        other = sorted(path for path, digest in voices.items() if path in found and found[path].sha256 != digest)
        reason = f"Of {len(voices)} voice files, {len(voices) - len(other)} are what their names say"
        checks.append(
            Check("backup.voice", Level.FAIL, f"{reason}; others: {listed(other)}.", {"files": len(voices)}, REPLACE)
            if other
            else Check("backup.voice", Level.PASS, f"{reason}.", {"files": len(voices)})
        )
    return tuple(checks)


REPLACE = "Do not restore from it: take another backup, or another copy of this one."


def counted(manifest: Manifest, tables: Mapping[str, int], name: str = "backup.counts") -> Check:
    """Whether a database has as many rows, table by table, as the manifest says."""
    rows = sum(manifest.tables.values())
    other = sorted(
        f"{table} {tables.get(table, 'missing')} instead of {manifest.tables.get(table, 'none')}"
        for table in {*manifest.tables, *tables}
        if tables.get(table) != manifest.tables.get(table)
    )
    figures = {"tables": len(manifest.tables), "rows": rows}
    if other:
        return Check(name, Level.FAIL, f"Rows differ: {listed(other)}.", figures, REPLACE)
    return Check(name, Level.PASS, f"{rows} rows in {len(manifest.tables)} tables, as the manifest says.", figures)


def known(manifest: Manifest, revisions: Iterable[str]) -> Check:
    """Whether this Segue can use the tables of a backup."""
    all_of_them = tuple(revisions)
    figures = {"revision": manifest.revision, "known": all_of_them[-1]}
    if manifest.revision == all_of_them[-1]:
        return Check(
            "backup.revision", Level.PASS, f"Its tables are of revision {manifest.revision}, as here.", figures
        )
    if manifest.revision in all_of_them:
        reason = f"Its tables are of revision {manifest.revision}; restoring brings them to {all_of_them[-1]}."
        return Check("backup.revision", Level.PASS, reason, figures)
    reason = f"Its tables are of revision {manifest.revision or 'none'}; this Segue knows up to {all_of_them[-1]}."
    hint = f"Restore it with Segue {manifest.segue} or a newer one."
    return Check("backup.revision", Level.FAIL, reason, figures, hint)


def signed(vouched: Mapping[str, bool | None], *, own: bool) -> Check:
    """Whether the manifest is signed by a key that is trusted.

    `vouched` is by key; see `envelope.vouched`. `own`: the only trusted keys are those in the backup itself.
    """
    name = "backup.signature"
    wrong = sorted(key for key, good in vouched.items() if good is False)
    good = sorted(key for key, good in vouched.items() if good)
    if wrong or not vouched:
        reason = f"The signature of the key {wrong[0]} is not of this manifest." if wrong else "Nobody signed it."
        return Check(name, Level.FAIL, reason, hint=REPLACE)
    if not good:
        reason = f"It is signed by the key {min(vouched)}, which is not trusted."
        return Check(
            name, Level.FAIL, reason, hint="Name the server's public key with --key, if you know it to be good."
        )
    if own:
        reason = f"It is signed by the key {good[0]}, which only the backup itself vouches for."
        return Check(name, Level.WARN, reason, hint="Name the server's public key, kept elsewhere, with --key.")
    return Check(name, Level.PASS, f"It is signed by the trusted key {good[0]}.")


def listed(names: Iterable[str]) -> str:
    """The first few of some names."""
    all_of_them = list(names)
    more = len(all_of_them) - TOLD
    return ", ".join(all_of_them[:TOLD]) + (f" and {more} more" if more > 0 else "")


def _is_inside(path: str) -> bool:
    """Whether a path cannot lead out of the backup."""
    return bool(path) and not path.startswith("/") and not set(path.split("/")) & {"", ".", ".."} and "\\" not in path
