"""The machine's own socket, `segue.sock` in the data folder: by it the commands reach a running server without a key.

Only the user who runs the server, and root, can open it. A path that is too long for a socket (some 100 bytes) is
taken through the open folder, which Linux offers below `/proc/self/fd`.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import structlog

from segue.errors import ConfigurationError

log = structlog.get_logger("segue.serve")

NAME = "segue.sock"
LONGEST = 100
"""Bytes of a path that every system takes for a socket."""
_TRY_S = 1.0


@contextmanager
def reachable(folder: Path, name: str = NAME) -> Iterator[str]:
    """An address for the socket in a folder, good while the block runs.

    Raises:
        ConfigurationError: the path is too long, and this system has no way around it.
        OSError: the folder cannot be opened.
    """
    path = folder / name
    if len(os.fsencode(path)) <= LONGEST:
        yield str(path)
        return
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        way = Path(f"/proc/self/fd/{opened}")
        if not way.exists():
            raise ConfigurationError(f"The path {path} is too long for a socket; name a shorter data folder.")
        yield str(way / name)
    finally:
        os.close(opened)


@contextmanager
def listening(folder: Path) -> Iterator[socket.socket | None]:
    """A listening socket in a data folder, for this user only; None where another server has it.

    One that a server left behind is replaced; at the end it is taken away.

    Raises:
        ConfigurationError: it cannot be made.
    """
    listener = _bound(folder)
    if listener is None:
        yield None
        return
    path = folder / NAME
    made = path.stat()
    try:
        yield listener
    finally:
        listener.close()
        with suppress(OSError):
            if os.path.samestat(path.stat(), made):
                path.unlink()


def _bound(folder: Path) -> socket.socket | None:
    if not hasattr(socket, "SO_PEERCRED"):
        log.warning("no socket in the data folder", reason="This system does not tell who is at its other end.")
        return None
    if served(folder):
        log.warning("no socket in the data folder", reason=f"Another server listens at {folder / NAME}.")
        return None
    fresh = f"{NAME}.{os.getpid()}"  # takes the place of an old one in one step
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        (folder / fresh).unlink(missing_ok=True)  # in a container, whoever was killed here had the same number
        with reachable(folder, fresh) as address:
            listener.bind(address)
        (folder / fresh).chmod(0o600)  # nobody is let in before `listen`; a mask would hold for other threads too
        listener.listen()
        (folder / fresh).replace(folder / NAME)
    except OSError as error:
        listener.close()
        with suppress(OSError):
            (folder / fresh).unlink()
        raise ConfigurationError(f"Cannot listen at {folder / NAME}: {os.strerror(error.errno or 0)}.") from error
    return listener


def knock(address: str) -> None:
    """Connect to a socket and leave again.

    Raises:
        OSError: nobody listens there, or it is somebody else's.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as trial:
        trial.settimeout(_TRY_S)
        trial.connect(address)


def served(folder: Path) -> bool:
    """Whether somebody answers at the socket of a folder."""
    try:
        with reachable(folder) as address:
            knock(address)
    except OSError:
        return False
    return True
