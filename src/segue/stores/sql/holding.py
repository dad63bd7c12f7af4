"""The lock that keeps a second writer out of a SQLite file; the kernel lets go of it however its process ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from segue.errors import ConfigurationError


def hold(path: Path) -> int:
    """Hold the lock of a file; close the handle to let go of it.

    Raises:
        ConfigurationError: another process holds it.
        OSError: the lock file cannot be made.
    """
    lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise ConfigurationError(
            f"{path} is in use by another Segue. End that one, or give this one a data folder of its own."
        ) from error
    return lock


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the lock of a file while the block runs.

    Raises:
        ConfigurationError: another process holds it.
    """
    lock = hold(path)
    try:
        yield
    finally:
        os.close(lock)
