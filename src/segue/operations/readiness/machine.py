"""What a machine must be like for Segue to be started on it: the judgement of figures that were gathered before.

Values in, checks out. `ground.py` gathers them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from segue.operations.report import Check, Level

ROOM_BYTES = 1_000_000_000
"""With less free than this, days of records and spoken sentences can fill the disk."""
NO_ROOM_BYTES = 100_000_000
"""With less than this, nothing should be started."""
SLOW_SYNC_MS = 50.0
"""Every message that is sent waits for at least one sync."""
DRIFT_MS = 50.0
"""More than this between the two clocks while they were watched: somebody sets the time of day in steps."""
SPARE_FILES = 200
"""Open files beside connections: the database, workers, providers."""
ZONES = ("UTC", "Europe/Kyiv", "Europe/Moscow", "Asia/Shanghai", "America/New_York")
"""Zones of time that must be known; plans and people name such."""


@dataclass(frozen=True, slots=True)
class Folder:
    """The data folder. `modes` are the rights of what lies in it, by name; `syncs_ms` how long small syncs took."""

    path: str
    there: bool
    mode: int = 0
    modes: Mapping[str, int] | None = None
    free_bytes: int = 0
    syncs_ms: Sequence[float] = ()
    failure: str = ""
    """Why it cannot be written; empty where it can."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """The clocks of the machine. `apart_ms` is how far wall and monotonic clock moved apart in `over_s`."""

    apart_ms: float
    over_s: float
    synchronized: bool | None = None
    """Whether the kernel says that the clock is kept right; None where it does not say."""
    error_ms: float = 0.0
    """How wrong the kernel holds the clock to be at most."""
    why: str = ""
    """Why the kernel does not say."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Files that one process may hold open, and how many connections the server takes."""

    files: int
    connections: int


@dataclass(frozen=True, slots=True)
class Machine:
    """Everything that was gathered of a machine."""

    folder: Folder
    clocks: Clocks
    limits: Limits
    missing_zones: tuple[str, ...] = ()
    port: str = ""
    """What is to be listened on, as `host:port`; empty where nothing is to be, or the server runs."""
    port_failure: str = ""


def of_machine(machine: Machine) -> tuple[Check, ...]:
    """What is to be said of a machine."""
    return (
        *of_folder(machine.folder),
        *of_clocks(machine.clocks),
        _zones(machine.missing_zones),
        _files(machine.limits),
        *_port(machine.port, machine.port_failure),
    )


def of_folder(folder: Folder) -> tuple[Check, ...]:
    """The data folder: there, private, writable, with room, and quick enough."""
    if not folder.there and folder.failure:
        hint = "Make its parent writable for this user, or name another folder with --data."
        return (Check("data.folder", Level.FAIL, f"{folder.path} cannot be made: {folder.failure}.", hint=hint),)
    if not folder.there:
        told = f"{folder.path} is not there yet; the server makes it, for its user alone."
        return (Check("data.folder", Level.PASS, told), _room(folder))
    return (
        Check("data.folder", Level.PASS, f"{folder.path} is there."),
        _private(folder),
        _room(folder),
        *_syncs(folder),
    )


def of_clocks(clocks: Clocks) -> tuple[Check, ...]:
    """The clocks: that time of day runs evenly, and that somebody keeps it right."""
    figures = {"apart_ms": round(clocks.apart_ms, 1), "over_s": round(clocks.over_s, 2)}
    told = f"Wall clock and monotonic clock moved {abs(clocks.apart_ms):.1f} ms apart in {clocks.over_s:.2f} s"
    if abs(clocks.apart_ms) > DRIFT_MS:
        hint = "See to it that the time of day is slewed, not set in steps; leases and expiries follow it."
        even = Check("clock.even", Level.WARN, f"{told}; {DRIFT_MS:g} ms are borne.", figures, hint)
    else:
        even = Check("clock.even", Level.PASS, f"{told}.", figures)
    if clocks.synchronized is None:
        return even, Check("clock.synchronized", Level.NOT_MEASURED, f"Not known: {clocks.why}.")
    if clocks.synchronized:
        told = f"The kernel says that the clock is kept right, at most {clocks.error_ms:.0f} ms off."
        return even, Check("clock.synchronized", Level.PASS, told, {"error_ms": round(clocks.error_ms, 1)})
    hint = "Run chrony or systemd-timesyncd; servers that share a database compare moments."
    told = "The kernel says that nobody keeps the clock right."
    return even, Check("clock.synchronized", Level.WARN, told, hint=hint)


def _private(folder: Folder) -> Check:
    """Keys, chats and sound of what was said lie there: nobody else may look."""
    open_ = [f"{folder.path} ({folder.mode & 0o777:o})"] if folder.mode & 0o077 else []
    open_ += [f"{name} ({mode & 0o777:o})" for name, mode in sorted((folder.modes or {}).items()) if mode & 0o077]
    figures = {"open": len(open_), "files": len(folder.modes or {})}
    if open_:
        told = f"Others than its user can look into {_listed(open_)}; 700 and 600 are wanted."
        hint = f"chmod -R go= {folder.path}"
        return Check("data.private", Level.FAIL, told, figures, hint)
    return Check("data.private", Level.PASS, f"{folder.path} and what it holds is for its user alone.", figures)


def _room(folder: Folder) -> Check:
    figures = {"free_bytes": folder.free_bytes}
    told = f"{folder.free_bytes / 1e9:.1f} GB are free under {folder.path}"
    if folder.free_bytes >= ROOM_BYTES:
        return Check("data.room", Level.PASS, f"{told}.", figures)
    level = Level.FAIL if folder.free_bytes < NO_ROOM_BYTES else Level.WARN
    hint = "Free some space, or lower cache.max_bytes; a full disk stops chats and the audit."
    return Check("data.room", level, f"{told}; {ROOM_BYTES / 1e9:g} GB are wanted.", figures, hint)


def _syncs(folder: Folder) -> Iterable[Check]:
    if folder.failure:
        hint = "Make it writable for the user who runs the server."
        yield Check("data.writable", Level.FAIL, f"{folder.path} cannot be written: {folder.failure}.", hint=hint)
        return
    yield Check("data.writable", Level.PASS, f"{folder.path} can be written.")
    middle, worst = median(folder.syncs_ms), max(folder.syncs_ms)
    figures = {"median_ms": round(middle, 2), "worst_ms": round(worst, 2), "syncs": len(folder.syncs_ms)}
    told = f"A small file is synced in {middle:.1f} ms, at worst in {worst:.1f} ms"
    if middle > SLOW_SYNC_MS:
        hint = "Every message that is sent waits for that; use a quicker disk."
        yield Check("data.sync", Level.WARN, f"{told}; {SLOW_SYNC_MS:g} ms are borne.", figures, hint)
    else:
        yield Check("data.sync", Level.PASS, f"{told}.", figures)


def _zones(missing: Sequence[str]) -> Check:
    if missing:
        hint = "Install the package tzdata, of the system or of Python."
        return Check("clock.zones", Level.FAIL, f"Zones of time are not known here: {_listed(missing)}.", hint=hint)
    return Check("clock.zones", Level.PASS, f"All of {len(ZONES)} zones of time that were asked for are known.")


def _files(limits: Limits) -> Check:
    wanted = limits.connections + SPARE_FILES
    figures = {"files": limits.files, "wanted": wanted}
    told = f"A process may hold {limits.files} files open; {limits.connections} connections need {wanted}"
    if limits.files < wanted:
        hint = f"Raise it (`LimitNOFILE={wanted}` in the unit, `ulimit -n`), or lower server.max_connections."
        return Check("machine.files", Level.WARN, f"{told}.", figures, hint)
    return Check("machine.files", Level.PASS, f"{told}.", figures)


def _port(port: str, failure: str) -> Iterable[Check]:
    if not port:
        return
    if failure:
        hint = "End the other program, or name another port with server.port."
        yield Check("machine.port", Level.FAIL, f"{port} cannot be listened on: {failure}.", hint=hint)
    else:
        yield Check("machine.port", Level.PASS, f"{port} is free.")


def _listed(names: Sequence[str], most: int = 5) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
