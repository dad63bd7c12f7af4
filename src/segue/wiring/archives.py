"""Archives of backups outside of the data folder: files, and objects in a bucket."""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from segue.errors import InvalidRequest
from segue.operations.copying.packing import unpacked
from segue.operations.copying.shelf import CHUNK
from segue.settings import Settings
from segue.stores.objects import Archives

ENDING = ".tar"


def sent(pieces: Iterable[bytes], address: str, name: str, settings: Settings) -> str:
    """Keep an archive in a bucket; its address.

    Raises:
        InvalidRequest: this is no address of a bucket.
        Unavailable: the bucket cannot be written.
    """
    archives = Archives(address, settings.storage)
    archives.put(f"{name}{ENDING}", pieces)
    return f"{archives.place}/{name}{ENDING}"


@contextmanager
def fetched(file: str, settings: Settings) -> Iterator[Path]:
    """The backup in an archive, unpacked for as long as the block runs.

    Raises:
        InvalidRequest: it is no archive of a backup, or not all of it.
        Unavailable: it cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="segue-backup-") as folder:
        if file.startswith("s3://"):
            place, _, name = file.rpartition("/")
            yield unpacked(Archives(place, settings.storage).get(name), Path(folder))
        else:
            yield unpacked(_pieces(Path(file)), Path(folder))


def _pieces(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while piece := file.read(CHUNK):
                yield piece
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be read: {error.strerror}.") from error
