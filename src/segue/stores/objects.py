"""Audio kept as objects: in a folder, on an S3-compatible server, or in memory, all through one client library.

The library is `obstore` (https://developmentseed.org/obstore). One `Objects` serves the whole process; the client
inside it keeps its own connections.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import obstore
import structlog
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, MemoryStore, S3Store

from segue.clock import Clock
from segue.errors import InvalidRequest, Unavailable
from segue.vendors.objects import StorageSettings
from segue.voice.ports import Stored

log = structlog.get_logger("segue.objects")

T = TypeVar("T")
Client = LocalStore | MemoryStore | S3Store

KEY = re.compile(r"(?=.{1,512}\Z)[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*")
STAGED = re.compile(r"#\d+\Z")
HALF_WRITTEN_S = 3600.0
"""So long after its last byte a half-written file belongs to nobody any more."""
PAGE = 1000
"""Objects in one page of a listing, the most that S3 gives at once."""
LONGEST_LINK_S = 604_800.0
"""A week: the longest life of an address signed with Signature Version 4."""
RETRIES = 2
ANSWER_S = 60.0
"""How long one part of an archive may take."""
CHECK = ("check/segue", b"Segue can write here.\n")
NO_BUCKET = "NoSuchBucket"


class Objects:
    """See `AudioStore`. It opens itself at its first use, and again as long as that fails."""

    def __init__(self, settings: StorageSettings, data: Path, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._folder = settings.folder or data / "audio"
        self._client: Client | None = None
        self.name = {
            "folder": f"the folder {self._folder}",
            "s3": f"the bucket {settings.s3.bucket!r}",
            "memory": "the memory of this process",
        }[settings.kind]

    async def start(self) -> None:
        """Sweep away what processes that were killed have left half written in the folder, if there is one."""
        if self._settings.kind == "folder":
            swept = await asyncio.to_thread(_sweep, self._folder, self._clock.wall() - HALF_WRITTEN_S)
            if swept:
                log.info("half-written audio deleted", store=self.name, files=swept)

    async def close(self) -> None:
        """Nothing is held that does not end by itself."""

    async def get(self, key: str) -> bytes | None:
        """See `AudioStore.get`."""
        _check(key)

        async def read(client: Client) -> bytes | None:
            try:
                found = await obstore.get_async(client, key)
                if found.meta["e_tag"] is None:  # a page of somebody in between: an object always has one
                    raise Unavailable(f"{_upper(self.name)} cannot read: what answers is no S3 server.")
                return bytes(await found.bytes_async())
            except FileNotFoundError as error:
                if NO_BUCKET in str(error):
                    raise
                return None

        return await self._bounded("read", read)

    async def put(
        self, key: str, data: bytes, *, media_type: str = "application/octet-stream", replace: bool = False
    ) -> bool:
        """See `AudioStore.put`. Only S3 remembers the media type, for those who follow a link to it."""
        _check(key)

        async def write(client: Client) -> bool:
            try:
                await obstore.put_async(
                    client,
                    key,
                    data,
                    attributes={"Content-Type": media_type} if isinstance(client, S3Store) else None,
                    mode="overwrite" if replace else "create",
                    use_multipart=False,  # parts of an upload that breaks off would stay in the bucket, unseen
                )
            except AlreadyExistsError:
                return False
            return True

        return await self._bounded("write", write)

    async def delete(self, key: str) -> None:
        """See `AudioStore.delete`."""
        _check(key)

        async def remove(client: Client) -> None:
            try:
                await obstore.delete_async(client, key)
            except FileNotFoundError as error:
                if NO_BUCKET in str(error):
                    raise

        await self._bounded("delete", remove)

    async def list(self, prefix: str) -> AsyncGenerator[Stored, None]:
        """See `AudioStore.list`."""
        _check(prefix)

        async def begin(client: Client) -> "obstore.ListStream[Sequence[obstore.ObjectMeta]]":
            return obstore.list(client, prefix, chunk_size=PAGE)

        pages = await self._bounded("list", begin)
        while True:
            page = await self._bounded("list", lambda _: anext(pages, None))
            if page is None:
                return
            for entry in page:
                yield Stored(entry["path"], entry["size"], entry["last_modified"].timestamp())

    async def link(self, key: str, seconds: float) -> str | None:
        """See `AudioStore.link`: an S3 server's own signed address; None for the others, or where it is not wanted.

        `seconds` is at most a week. The address works from the machine's present time on.
        """
        _check(key)
        if not 1 <= seconds <= LONGEST_LINK_S:
            raise ValueError(f"a link lives from 1 s to {LONGEST_LINK_S:.0f} s, not {seconds:g} s")
        s3 = self._settings.s3
        if self._settings.kind != "s3" or not s3.presign:
            return None

        async def sign(client: Client) -> str:
            assert isinstance(client, S3Store)  # noqa: S101 - of this kind, see above
            signing = self._s3(s3.public_endpoint) if s3.public_endpoint else client
            return await obstore.sign_async(signing, "GET", key, timedelta(seconds=seconds))

        return await self._bounded("sign a link", sign)

    async def check(self) -> None:
        """See `AudioStore.check`: writes a small object and reads it back."""
        key, content = CHECK
        await self.put(key, content, media_type="text/plain", replace=True)
        if await self.get(key) != content:
            raise Unavailable(f"{_upper(self.name)} does not give back what was written to it.")

    async def _bounded(self, what: str, work: Callable[[Client], Awaitable[T]]) -> T:
        """The work, within its time.

        Raises:
            Unavailable: it failed, or took too long.
        """
        limit_s = self._settings.timeout_s
        try:
            async with self._clock.limit(limit_s):
                return await work(self._open())
        except TimeoutError as error:
            raise Unavailable(f"{_upper(self.name)} did not {what} within {limit_s:g} s.") from error
        except (BaseError, OSError, NotImplementedError) as error:
            raise Unavailable(f"{_upper(self.name)} cannot {what}: {reason(error)}.") from error

    def _open(self) -> Client:
        if self._client is None:
            if self._settings.kind == "folder":
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._client = LocalStore(self._folder)
            else:
                self._client = (
                    MemoryStore() if self._settings.kind == "memory" else self._s3(self._settings.s3.endpoint)
                )
        return self._client

    def _s3(self, endpoint: str) -> S3Store:
        settings = self._settings.s3
        # Amazon serves each bucket under a name of its own; others seldom do, and a dot would break the certificate.
        named = not endpoint and "." not in settings.bucket
        config: obstore.store.S3Config = {"region": settings.region, "virtual_hosted_style_request": named}
        if settings.secret_key is not None:
            config["access_key_id"] = settings.access_key
            config["secret_access_key"] = settings.secret_key.get_secret_value()
        if endpoint:
            config["endpoint"] = endpoint
        return S3Store(
            settings.bucket,
            prefix=settings.prefix or None,
            config=config,
            client_options={
                "allow_http": urlsplit(endpoint).scheme == "http",
                "connect_timeout": timedelta(seconds=self._settings.connect_s),
                "timeout": timedelta(seconds=self._settings.timeout_s),
            },
            retry_config={"max_retries": RETRIES, "retry_timeout": timedelta(seconds=self._settings.timeout_s)},
        )


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


def reason(error: Exception) -> str:
    """What went wrong, in one short line: the library's messages go on for pages."""
    text = str(error)
    code = re.search(r"<Code>(\w+)</Code>", text)
    if code:
        return f"the server says {code[1]}"
    status = re.search(r"status code: (\d{3} [A-Za-z ]+)", text)
    if status:
        return f"the server answers {status[1].strip()}"
    kind = re.search(r"HttpError \{\s+kind: (\w+)", text)
    if kind:
        return {
            "Connect": "no connection to the server",
            "Timeout": "no answer from the server in time",
        }.get(kind[1], f"the connection failed ({kind[1]})")
    first = text.strip().splitlines()[0] if text.strip() else type(error).__name__
    return first[:200].rstrip(".")


def _sweep(folder: Path, before_s: float) -> int:
    """Delete the files under which the library writes before it gives them their names (`name#1`)."""
    swept = 0
    for path in folder.rglob("*#*"):
        with suppress(OSError):
            if STAGED.search(path.name) and path.is_file() and path.stat().st_mtime < before_s:
                path.unlink()
                swept += 1
    return swept


def _check(key: str) -> None:
    if not KEY.fullmatch(key):
        raise ValueError(f"not a key for a stored object: {key[:80]!r}")


def _upper(text: str) -> str:
    return text[0].upper() + text[1:]
