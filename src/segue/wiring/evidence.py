"""Who signs evidence where no server does, and whose signatures are believed."""

from collections.abc import Sequence
from pathlib import Path

from segue.console.heads import Signer, Trust
from segue.settings import load
from segue.stores.audit_key import audit_key, keys_in, trusted_keys


def signer(data: Path) -> Signer:
    """The key of a data folder; made if it is not there.

    Raises:
        ConfigurationError: it cannot be used.
    """
    return audit_key(data, load(None, data=data).audit.key)


def trust(data: Path, keys: Sequence[Path] = ()) -> Trust:
    """The public keys in these files, or those that a data folder trusts.

    Raises:
        ConfigurationError: a file cannot be read, or holds no public key.
    """
    return keys_in(keys) if keys else trusted_keys(data)
