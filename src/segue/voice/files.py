"""Voice files: finished speech that is kept, and handed out by links that die.

A file lies under `files/{tenant}/{SHA-256 of its content}.{extension}`, so that keeping the same speech twice keeps it
once, and what is read can be checked against its own name. Beside it lies `{SHA-256}.json`: what it is, and who spoke
it. Links are made when they are asked for and kept nowhere.
"""

import asyncio
import hashlib
import hmac
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog

from segue.clock import Clock
from segue.errors import InvalidRequest, Unavailable, UnsupportedFormat
from segue.voice.kept import TENANT
from segue.voice.ports import AudioStore

log = structlog.get_logger("segue.files")

PATH = "/api/voice/files"
EXTENSIONS = {
    "audio/pcm": "pcm",
    "audio/wav": "wav",
    "audio/mpeg": "mp3",
    "audio/ogg; codecs=opus": "opus",
    "audio/flac": "flac",
    "audio/aac": "aac",
}
MEDIA_TYPES = {extension: media_type for media_type, extension in EXTENSIONS.items()}
NAME = re.compile(rf"([0-9a-f]{{64}})\.({'|'.join(MEDIA_TYPES)})")
SHORTEST_LINK_S = 1.0
LONGEST_LINK_S = 604_800.0
"""A week: the longest life of a link that an S3 server signs, and of Segue's own."""


@dataclass(frozen=True, slots=True)
class VoiceFile:
    """A file that is kept. `label` says who spoke it: whatever the one who kept it said."""

    key: str
    media_type: str
    size_bytes: int
    made_at_s: float
    label: Mapping[str, str] = field(default_factory=dict)

    @property
    def sha256(self) -> str:
        """The SHA-256 of its content, in hexadecimal digits."""
        return _parted(self.key)[1]


class VoiceFiles:
    """Keeps voice files and makes links to them. `secret` signs the links that lead to Segue itself."""

    def __init__(self, store: AudioStore, secret: bytes, clock: Clock) -> None:
        self._store = store
        self._secret = secret
        self._clock = clock

    async def keep(
        self, tenant: str, data: bytes, media_type: str, label: Mapping[str, str] | None = None
    ) -> VoiceFile:
        """Keep a file for a tenant; the same content is kept once, with the label it came with first.

        Raises:
            InvalidRequest: the tenant has no such name, or there is nothing to keep.
            UnsupportedFormat: this media type is not one that Segue speaks in.
            Unavailable: the store failed.
        """
        if not TENANT.fullmatch(tenant):
            raise InvalidRequest("`tenant` consists of 1 to 64 of a-z, 0-9 and -.", param="tenant")
        extension = EXTENSIONS.get(media_type)
        if extension is None:
            raise UnsupportedFormat(f"There are no voice files of {media_type!r}.", param="format")
        if not data:
            raise InvalidRequest("There is nothing to keep: the speech is empty.")
        digest = await _sha256(data)
        file = VoiceFile(
            f"files/{tenant}/{digest}.{extension}", media_type, len(data), self._clock.wall(), dict(label or {})
        )
        # The label first: no file is ever without one.
        if not await self._store.put(_label_key(file.key), _label(file), media_type="application/json"):
            known = await self.find(file.key)
            if known is None:
                await self._store.put(_label_key(file.key), _label(file), media_type="application/json", replace=True)
            file = known or file
        if not await self._store.put(file.key, data, media_type=media_type):
            await self._mend(file, data)
        return file

    async def find(self, key: str) -> VoiceFile | None:
        """What is known of a file, or None.

        Raises:
            Unavailable: the store failed.
        """
        data = await self._store.get(_label_key(key))
        if data is None:
            return None
        try:
            known = json.loads(data)
            return VoiceFile(key, known["media_type"], known["size_bytes"], known["made_at"], known["label"])
        except (ValueError, KeyError, TypeError):
            log.error("label of a voice file is corrupt", store=self._store.name, key=key)
            return None

    async def read(self, key: str) -> bytes | None:
        """The content of a file; None if it is gone, or is not what its name says.

        Raises:
            Unavailable: the store failed.
        """
        _, digest, _ = _parted(key)
        data = await self._store.get(key)
        if data is not None and await _sha256(data) != digest:
            log.error("voice file is corrupt", store=self._store.name, key=key, size_bytes=len(data))
            return None
        return data

    async def delete(self, key: str) -> None:
        """Delete a file and its label.

        Raises:
            Unavailable: the store failed.
        """
        _parted(key)
        await self._store.delete(key)
        await self._store.delete(_label_key(key))

    async def link(self, key: str, seconds: float) -> str:
        """An address from which anybody can fetch the file for so long: the store's own, or a path on this server.

        `seconds` is from 1 to 604 800, a week. Whether the file is there is not looked up.

        Raises:
            Unavailable: the store failed.
        """
        tenant, digest, extension = _parted(key)
        if not SHORTEST_LINK_S <= seconds <= LONGEST_LINK_S:
            raise ValueError(f"a link lives from {SHORTEST_LINK_S:g} s to {LONGEST_LINK_S:.0f} s, not {seconds:g} s")
        signed = await self._store.link(key, seconds)
        if signed is not None:
            return signed
        expires = math.ceil(self._clock.wall() + seconds)
        signature = self._signature(key, expires)
        return f"{PATH}/{tenant}/{digest}.{extension}?expires={expires}&signature={signature}"

    def left_s(self, key: str, expires: str, signature: str) -> float | None:
        """How long a link of this server still works; negative when it has expired, None when it is not one.

        `expires` and `signature` are as the link has them, or as somebody made them up.
        """
        if not re.fullmatch(r"[1-9][0-9]{0,11}", expires):
            return None
        expected = self._signature(key, int(expires)).encode()
        if not hmac.compare_digest(expected, signature.encode(errors="replace")):
            return None
        return int(expires) - self._clock.wall()

    def _signature(self, key: str, expires: int) -> str:
        signed = b"\0".join([b"voice-file", key.encode(), str(expires).encode()])
        return hmac.new(self._secret, signed, hashlib.sha256).hexdigest()

    async def _mend(self, file: VoiceFile, data: bytes) -> None:
        """Replace what lies under the file's key, if that is not the file."""
        if await self.read(file.key) is None and not await self._store.put(
            file.key, data, media_type=file.media_type, replace=True
        ):
            raise Unavailable(f"A corrupt voice file could not be replaced in {self._store.name}.")


def file_key(tenant: str, name: str) -> str | None:
    """The key of a file from the two parts of its address, or None if there can be no such file."""
    return f"files/{tenant}/{name}" if TENANT.fullmatch(tenant) and NAME.fullmatch(name) else None


def _parted(key: str) -> tuple[str, str, str]:
    """Tenant, digest and extension of a key."""
    top, _, rest = key.partition("/")
    tenant, _, name = rest.partition("/")
    found = NAME.fullmatch(name)
    if top != "files" or not TENANT.fullmatch(tenant) or not found:
        raise ValueError(f"not the key of a voice file: {key[:80]!r}")
    return tenant, found[1], found[2]


def _label_key(key: str) -> str:
    tenant, digest, _ = _parted(key)
    return f"files/{tenant}/{digest}.json"


def _label(file: VoiceFile) -> bytes:
    known = {
        "media_type": file.media_type,
        "size_bytes": file.size_bytes,
        "made_at": file.made_at_s,
        "label": dict(file.label),
    }
    return json.dumps(known, ensure_ascii=False).encode()


async def _sha256(data: bytes) -> str:
    """A long file takes a tenth of a second: that long nobody else would be served."""
    return (await asyncio.to_thread(hashlib.sha256, data)).hexdigest()
