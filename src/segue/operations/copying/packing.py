"""A backup as one archive (tar), and an archive as a backup again: made and read as a stream, never whole in memory."""

import os
import shutil
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from io import RawIOBase
from pathlib import Path

from segue.errors import InvalidRequest, Unavailable
from segue.operations.copying.manifest import MANIFEST, NAME
from segue.operations.copying.shelf import CHUNK, PARTIAL, opened, synced

END = b"\0" * (2 * tarfile.BLOCKSIZE)


def packed(folder: Path) -> Iterator[bytes]:
    """The archive of a backup, piece by piece; its manifest comes last, so that half an archive is no backup."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and path != folder / MANIFEST]
    for path in [*paths, folder / MANIFEST]:
        entry = tarfile.TarInfo(f"{folder.name}/{path.relative_to(folder).as_posix()}")
        entry.size, entry.mode = path.stat().st_size, 0o600
        yield entry.tobuf(tarfile.PAX_FORMAT)
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk
        yield b"\0" * (-entry.size % tarfile.BLOCKSIZE)
    yield END


def unpacked(pieces: Iterable[bytes], folder: Path) -> Path:
    """Put the backup in an archive into a folder, under its own name, in one step; where it lies then.

    Raises:
        InvalidRequest: the pieces are no archive of a backup, or not all of it; or one of this name is there.
        Unavailable: the folder cannot be written.
    """
    staged = folder / f"{PARTIAL}{os.getpid()}"
    try:
        staged.mkdir(mode=0o700, parents=True)
        with tarfile.open(fileobj=_Stream(pieces), mode="r|") as archive:
            archive.extractall(staged, _plain(archive), filter="data")
        (found,) = staged.iterdir()
        made, _ = opened(found)
        if made.name != found.name or not NAME.fullmatch(found.name):
            raise InvalidRequest(f"The archive is named {found.name!r:.60}, its backup {made.name}; was it changed?")
        if (folder / made.name).exists():
            raise InvalidRequest(f"{folder / made.name} is there already.")
        for each in [found, *(path for path in found.rglob("*"))]:
            _settle(each)
        found.rename(folder / made.name)
        synced(folder)
    except (tarfile.TarError, ValueError, EOFError) as error:
        raise InvalidRequest(f"This is not the whole archive of a backup: {error}.") from error
    except OSError as error:
        raise Unavailable(f"The backup cannot be written to {folder}: {error.strerror}.") from error
    finally:
        with suppress(OSError):
            shutil.rmtree(staged, ignore_errors=True)
    return folder / made.name


def _plain(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """What is in an archive, one after another: files and folders, as a backup has nothing else.

    Raises:
        InvalidRequest: there is a link, a device, or a file of which most is left out.
    """
    for member in archive:
        if not member.isdir() and (not member.isreg() or member.issparse()):
            raise InvalidRequest(f"{member.name!r:.60} in the archive is no plain file; was it changed?")
        yield member


def _settle(path: Path) -> None:
    """For the owner only, and on the disk."""
    path.chmod(0o700 if path.is_dir() else 0o600)
    synced(path)


class _Stream(RawIOBase):
    """Pieces as a file that is read forward."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = b""

    def readable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int = -1) -> bytes:
        """So many bytes; fewer only at the end."""
        while size < 0 or len(self._rest) < size:
            piece = next(self._pieces, None)
            if piece is None:
                break
            self._rest += piece
        taken, self._rest = (self._rest, b"") if size < 0 else (self._rest[:size], self._rest[size:])
        return taken
