"""Settings of where audio is kept, and for how long: a folder, an S3-compatible server, or memory."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, model_validator

from segue.section import Count, Seconds, Section


class S3Settings(Section):
    """An S3-compatible server: Amazon S3, MinIO, Ceph and others."""

    bucket: str = ""
    """The bucket; it must exist. Needed where `kind` is `s3`."""
    prefix: str = ""
    """Path inside the bucket under which everything lies; empty is the bucket's top."""
    endpoint: str = ""
    """Address of the server, with `http://` or `https://`; empty is Amazon's."""
    public_endpoint: str = ""
    """Address of the same server as listeners reach it, written into links; empty is `endpoint`."""
    region: str = "us-east-1"
    """The bucket's region; most other servers accept any."""
    access_key: str = ""
    """Name of the key. Without it the client library looks where Amazon's own tools look: `AWS_` variables, the
    machine's role."""
    secret_key: SecretStr | None = None
    """The secret of the key; better kept in the environment, in `SEGUE_STORAGE__S3__SECRET_KEY`."""
    presign: bool = True
    """Whether links to voice files lead to the S3 server itself; otherwise to Segue, which fetches the file. Switch it
    off where listeners cannot reach the S3 server."""

    @model_validator(mode="after")
    def _key_is_whole(self) -> "S3Settings":
        if bool(self.access_key) != (self.secret_key is not None):
            raise ValueError("access_key and secret_key belong together: set both, or neither")
        for name in ("endpoint", "public_endpoint"):
            address = getattr(self, name)
            if address and not address.startswith(("http://", "https://")):
                raise ValueError(f"{name}: {address!r} does not begin with http:// or https://")
        return self


class StorageSettings(Section):
    """Where audio is kept: sentences that were spoken before (`cache`), and voice files."""

    kind: Literal["folder", "s3", "memory"] = "folder"
    """`folder` and `s3` last; `memory` is forgotten when the process ends."""
    folder: Path | None = None
    """The folder; without it `audio` in the data folder. It is made if it is not there, for its owner only."""
    s3: S3Settings = S3Settings()
    """The bucket."""
    connect_s: Seconds = 2.0
    """Until a connection to the S3 server stands."""
    timeout_s: Seconds = 10.0
    """A read, a write or a page of a listing that takes longer has failed."""

    @model_validator(mode="after")
    def _bucket_is_named(self) -> "StorageSettings":
        if self.kind == "s3" and not self.s3.bucket:
            raise ValueError("s3.bucket: name the bucket in which audio is to be kept")
        return self


class CacheSettings(Section):
    """Sentences that were spoken before are not synthesized again.

    The cache is on without being asked for, because it costs half a gigabyte of disk at most, and saves what greetings,
    confirmations and apologies cost over and over: the time of the listener and the money of the synthesis. What it
    keeps is the sound of what was said, and that may be personal: whoever can read the store can listen to it. It lies
    in a folder of its own that only the owner of the process can open, for a week at most. `enabled: false` keeps
    nothing any more; what was kept until then goes when the folder `cache` in the store is deleted.
    """

    enabled: bool = True
    """Look for, and keep, spoken sentences."""
    ttl_s: Seconds = 604_800.0
    """Audio older than this is not used any more, and deleted."""
    max_bytes: Count = 536_870_912
    """The store is cut back to this size, the oldest audio first; between two cuts it may be a tenth larger."""
    max_characters: Count = 500
    """A longer sentence is not kept: it will hardly be said twice."""
    lookup_s: Seconds = 0.05
    """A store that answers later than this is not waited for; the sentence is synthesized."""
    memory_bytes: Annotated[int, Field(ge=0)] = 33_554_432
    """Audio used lately is kept in memory too, up to this size; 0 keeps none."""
    queue: Count = 64
    """Sentences that wait to be written; more are not kept."""
    prune_s: Seconds = 3600.0
    """Time between two looks for audio to delete. Each lists the whole cache, which S3 servers charge for."""


class FileSettings(Section):
    """Voice files: finished speech that is kept and handed out by link."""

    link_s: Annotated[float, Field(ge=1, le=604_800)] = 3600.0
    """How long a link to a voice file works; a week at most, the most that S3 signs."""
