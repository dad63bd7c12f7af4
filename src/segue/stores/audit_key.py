"""Keys that heads of the audit are signed with (Ed25519), and those that are trusted.

The private half is a PEM file that only its owner can read. The public half lies beside it in `audit-keys/`, named by
its id; what else lies there is trusted too, such as the public keys of other servers on the same database.
"""

import base64
import hashlib
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from segue.errors import ConfigurationError

PRIVATE = "audit.key"
"""Name of the private key in the data folder."""
TRUSTED = "audit-keys"
"""Folder of trusted public keys in the data folder."""
ID_DIGITS = 16


class AuditKey:
    """A private key. See `Signer`."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = key.public_key()
        self.id = _id(self.public)

    def sign(self, data: bytes) -> str:
        """See `Signer.sign`."""
        return base64.b64encode(self._key.sign(data)).decode("ascii")

    def public_pem(self) -> bytes:
        """The public half, as a PEM file holds it."""
        return self.public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


class TrustedKeys:
    """Public keys that are trusted. See `Trust`."""

    def __init__(self, keys: Iterable[Ed25519PublicKey]) -> None:
        self._keys = {_id(key): key for key in keys}

    def check(self, key: str, data: bytes, signature: str) -> bool | None:
        """See `Trust.check`."""
        found = self._keys.get(key)
        if found is None:
            return None
        try:
            found.verify(base64.b64decode(signature, validate=True), data)
        except (InvalidSignature, ValueError):
            return False
        return True


def audit_key(folder: Path, file: Path | None = None) -> AuditKey:
    """The private key of a data folder, or the one in a file; made if it is not there. Its public half is put beside.

    Raises:
        ConfigurationError: the file cannot be used, or holds no such key, or others can read it.
    """
    path = file or folder / PRIVATE
    try:
        for needed in (folder, path.parent, folder / TRUSTED):
            needed.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _write(path, _private_pem(Ed25519PrivateKey.generate()), 0o600)
        if path.stat().st_mode & 0o077:
            raise ConfigurationError(f"{path} can be read by others than its owner; make it private: chmod 600 {path}")
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise ConfigurationError(f"{path} holds another kind of key; one of Ed25519 is needed.")
        own = AuditKey(key)
        _write(folder / TRUSTED / f"{own.id}.pem", own.public_pem(), 0o644)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigurationError(f"{path} holds no private key in PEM without a password.") from error
    except OSError as error:
        raise ConfigurationError(f"{error.filename or path} cannot be used: {error.strerror}.") from error
    return own


def forgotten_key() -> AuditKey:
    """A key that is kept nowhere."""
    return AuditKey(Ed25519PrivateKey.generate())


def trusted_keys(folder: Path) -> TrustedKeys:
    """The public keys that a data folder trusts; it may have none.

    Raises:
        ConfigurationError: a file among them holds no public key.
    """
    return keys_in(sorted((folder / TRUSTED).glob("*.pem")))


def keys_in(files: Iterable[Path]) -> TrustedKeys:
    """The public keys in these files.

    Raises:
        ConfigurationError: a file cannot be read, or holds no public key.
    """
    return TrustedKeys([_public(file) for file in files])


def _public(file: Path) -> Ed25519PublicKey:
    try:
        key = serialization.load_pem_public_key(file.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}.") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigurationError(f"{file} holds no public key in PEM.") from error
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigurationError(f"{file} holds another kind of key; one of Ed25519 is needed.")
    return key


def _id(key: Ed25519PublicKey) -> str:
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()[:ID_DIGITS]


def _private_pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, content: bytes, mode: int) -> None:
    """Write a file whole, unless it is there: of two who do so at once, the first one's stays."""
    if path.exists():
        return
    staged = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(staged, path)
        except FileExistsError:
            return
    finally:
        staged.unlink(missing_ok=True)
