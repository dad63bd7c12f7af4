"""Archives of backups in a bucket: each one object, which is there when all of it is, or not at all."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from segue.errors import InvalidRequest, Unavailable
from segue.stores.objects import reason
from segue.vendors.objects import StorageSettings

ANSWER_S = 60.0
"""How long one part of an archive may take."""


class Archives:
    """Archives at an address like `s3://bucket/path`; endpoint, region and key are those of the storage's settings."""

    def __init__(self, address: str, settings: StorageSettings) -> None:
        parts = urlsplit(address)
        if parts.scheme != "s3" or not parts.netloc:
            raise InvalidRequest(f"{address!r:.80} is no address of a bucket; write s3://bucket/path.")
        self.place = address.rstrip("/")
        s3 = settings.s3
        config: obstore.store.S3Config = {"region": s3.region}
        if s3.secret_key is not None:
            config["access_key_id"] = s3.access_key
            config["secret_access_key"] = s3.secret_key.get_secret_value()
        if s3.endpoint:
            config["endpoint"] = s3.endpoint
            config["virtual_hosted_style_request"] = False
        self._client = S3Store(
            parts.netloc,
            prefix=parts.path.strip("/") or None,
            config=config,
            client_options={
                "allow_http": s3.endpoint.startswith("http://"),
                "connect_timeout": timedelta(seconds=settings.connect_s),
                "timeout": timedelta(seconds=ANSWER_S),
            },
            retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=ANSWER_S)},
        )

    def put(self, name: str, pieces: Iterable[bytes]) -> None:
        """Keep an archive; its parts become an object in one step, when the last one is there.

        Raises:
            Unavailable: the bucket cannot be written.
        """
        try:
            obstore.put(self._client, name, iter(pieces))
        except (BaseError, OSError) as error:
            raise Unavailable(f"{self.place} cannot be written: {reason(error)}.") from error

    def get(self, name: str) -> Iterator[bytes]:
        """An archive, piece by piece.

        Raises:
            InvalidRequest: there is none of this name.
            Unavailable: the bucket cannot be read.
        """
        try:
            for piece in obstore.get(self._client, name).stream():
                yield bytes(piece)
        except FileNotFoundError:
            raise InvalidRequest(f"There is no archive {name!r:.80} at {self.place}.") from None
        except (BaseError, OSError) as error:
            raise Unavailable(f"{self.place} cannot be read: {reason(error)}.") from error
