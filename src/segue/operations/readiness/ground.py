"""Gathers what a machine is like: its data folder, its clocks, its limits. `machine.py` judges it."""

import ctypes
import errno
import os
import resource
import secrets
import shutil
import socket
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from segue.clock import Clock
from segue.operations.readiness.machine import ZONES, Clocks, Folder, Limits, Machine

SYNCS = 5
SYNC_BYTES = 4096
MOST_FILES = 10_000
"""Files of a data folder whose rights are looked at."""
REACH_S = 3.0
"""A connection that does not stand by then is given up."""
_UNSYNCHRONIZED = 0x40
_TIMEX_BYTES = 512


def machine(
    folder: Path,
    connections: int,
    clock: Clock,
    *,
    address: tuple[str, int] | None = None,
    since: tuple[float, float] | None = None,
) -> Machine:
    """What this machine is like.

    `address` is what a server is to listen on; None where it runs already. `since` is an earlier reading of the
    monotonic and the wall clock, to be compared with one that is taken now.
    """
    began = since or (clock.now(), clock.wall())
    found = data_folder(folder, clock)
    failure = taken(*address) if address else ""
    limits = Limits(resource.getrlimit(resource.RLIMIT_NOFILE)[0], connections)
    zones = tuple(zone for zone in ZONES if not _known(zone))
    over_s = clock.now() - began[0]
    clocks = _clocks((clock.wall() - began[1] - over_s) * 1000.0, over_s)
    port = f"{address[0]}:{address[1]}" if address else ""
    return Machine(found, clocks, limits, zones, port, failure)


def data_folder(path: Path, clock: Clock) -> Folder:
    """What a data folder is like. A small file is written into it, synced and removed, a few times."""
    if not path.is_dir():
        above = next(parent for parent in path.absolute().parents if parent.is_dir())
        failure = "" if os.access(above, os.W_OK | os.X_OK) else f"{above} cannot be written"
        return Folder(str(path), there=False, free_bytes=shutil.disk_usage(above).free, failure=failure)
    modes = {str(each.relative_to(path)): mode for each, mode in _modes(path)}
    free_bytes = shutil.disk_usage(path).free
    try:
        syncs_ms, failure = [_sync(path, clock) for _ in range(SYNCS)], ""
    except OSError as error:
        syncs_ms, failure = [], os.strerror(error.errno or errno.EIO)
    return Folder(str(path), True, path.stat().st_mode, modes, free_bytes, syncs_ms, failure)


def taken(host: str, port: int) -> str:
    """Why nobody could listen there; empty where somebody could."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
            trial.listen()
        except OSError as error:
            return os.strerror(error.errno or errno.EIO)
    return ""


def reached(places: Sequence[tuple[str, int]], clock: Clock) -> dict[tuple[str, int], tuple[float, str]]:
    """By host and port: how many milliseconds a connection took to stand, and why there is none (empty where one is).

    They are tried side by side; nothing is sent.
    """

    def reach(place: tuple[str, int]) -> tuple[float, str]:
        began = clock.now()
        try:
            socket.create_connection(place, REACH_S).close()
        except OSError as error:
            return (clock.now() - began) * 1000.0, error.strerror or str(error) or type(error).__name__
        return (clock.now() - began) * 1000.0, ""

    if not places:
        return {}
    with ThreadPoolExecutor(min(8, len(places)), thread_name_prefix="segue-reach") as threads:
        return dict(zip(places, threads.map(reach, places), strict=True))


def _modes(folder: Path) -> Iterator[tuple[Path, int]]:
    """The rights of what lies in a folder; not below one that nobody else can enter, and not of public keys."""
    seen = 0
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(place) / name
            if path.suffix == ".pem" and path.parent.name == "audit-keys":
                continue
            with suppress(OSError):
                mode = path.lstat().st_mode
                yield path, mode
                if not mode & 0o077 and name in folders:
                    folders.remove(name)
            seen += 1
            if seen >= MOST_FILES:
                return


def _sync(folder: Path, clock: Clock) -> float:
    """How many milliseconds it takes to write a small file and have it on the disk."""
    path = folder / f".preflight-{secrets.token_hex(8)}"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            began = clock.now()
            os.write(handle, bytes(SYNC_BYTES))
            os.fsync(handle)
            return (clock.now() - began) * 1000.0
        finally:
            os.close(handle)
    finally:
        with suppress(OSError):
            path.unlink()


def _known(zone: str) -> bool:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


class _Timex(ctypes.Structure):
    """The beginning of the kernel's `struct timex`; it is longer, and gets room for all of it."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * _TIMEX_BYTES),
    )


def _clocks(apart_ms: float, over_s: float) -> Clocks:
    """The clocks, with what the kernel says of the one for the time of day; asking changes nothing."""
    if not sys.platform.startswith("linux"):
        return Clocks(apart_ms, over_s, why="this system is not asked")
    try:
        library = ctypes.CDLL(None, use_errno=True)
        told = _Timex(modes=0)
        if library.adjtimex(ctypes.byref(told)) < 0:
            return Clocks(apart_ms, over_s, why=os.strerror(ctypes.get_errno()).lower())
    except (OSError, AttributeError) as error:
        return Clocks(apart_ms, over_s, why=str(error))
    return Clocks(apart_ms, over_s, not told.status & _UNSYNCHRONIZED, told.maxerror / 1000.0)
