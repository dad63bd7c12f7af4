"""The secret a Segue signs with: made once, kept in its data folder, readable by its owner only."""

import os
import secrets
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
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            secret = path.read_bytes()
        else:
            secret = secrets.token_bytes(BYTES)
            with os.fdopen(handle, "wb") as file:
                file.write(secret)
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be used: {error.strerror}; name another folder with --data."
        ) from error
    if len(secret) != BYTES:
        raise ConfigurationError(f"{path} does not hold a secret of {BYTES} bytes; delete it to have a new one made.")
    return secret
