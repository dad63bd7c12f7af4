"""The secret a Segue signs with: made once, kept in its data folder, readable by its owner only."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from segue.errors import ConfigurationError

BYTES = 32


def signing_secret(folder: Path) -> bytes:
    """The secret of a data folder, made if it is not there.

    Raises:
        ConfigurationError: the folder cannot be used, or the file is not such a secret.
    """
    path = folder / "secret.key"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _make(path)
        secret = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be used: {error.strerror}; name another folder with --data."
        ) from error
    if len(secret) != BYTES:
        raise ConfigurationError(f"{path} does not hold a secret of {BYTES} bytes; delete it to have a new one made.")
    return secret


def _make(path: Path) -> None:
    """Write a secret whole, wherever this is interrupted: of two who do so at once, the first one's stays."""
    staged = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(BYTES))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(staged, path)
    finally:
        staged.unlink(missing_ok=True)
