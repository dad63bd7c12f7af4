r"""What the audio cache keeps: under which key, with which label, and for how long. Values in, values out.

A kept sentence is one object:

    {"segue": 1, "key": "9f…", "provider": "espeak", …, "rate": 22050, "audio_ms": 812.4, "made_at": 1700000000.0}\n
    PCM, signed 16-bit little-endian, mono, at the provider's own rate
    the SHA-256 of all that stands before it, 32 bytes

The label says what the audio is; the text it says only by its SHA-256. Audio is kept as the provider made it, before it
is shaped, resampled and encoded, so that neither the sample rate nor the format of an answer is part of the key.
"""

import hashlib
import json
import math
import re
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from segue.voice.ports import Speech, Stored

PREFIX = "cache/v1"
DEFAULT_TENANT = "default"
TENANT = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
LABEL_LIMIT_BYTES = 4096
SHA256_BYTES = 32
RATES = range(1_000, 400_000)
"""Sample rates in Hz that audio can have, generously."""


@dataclass(frozen=True, slots=True)
class CacheKey:
    """What is to be spoken, by whom and how: all that the sound depends on, and under which policy it was chosen.

    `model` is what the provider says of itself beforehand (`About.model`), and `version` likewise: another engine or
    voice file under the same name is another sound. A new `epoch` makes everything kept under earlier ones unused.
    """

    text: str
    provider: str
    model: str
    voice: str
    language: str
    speed: float = 1.0
    pitch_st: float = 0.0
    epoch: int = 0
    version: str = ""
    tenant: str = DEFAULT_TENANT
    """Whose sentence this is, `[a-z0-9-]`, at most 64 characters: no tenant hears what another has kept."""

    def __post_init__(self) -> None:
        if not TENANT.fullmatch(self.tenant):
            raise ValueError(f"not the name of a tenant: {self.tenant[:80]!r}")

    @property
    def digest(self) -> str:
        """64 hexadecimal digits: the SHA-256 of all fields as a JSON array, in which no two keys look the same."""
        fields = [
            *(self.tenant, self.text, self.provider, self.model, self.version, self.voice, self.language),
            # 1 and 1.0 are one speed, and so are 0.0 and -0.0.
            *(float(self.speed), float(self.pitch_st) + 0.0, int(self.epoch)),
        ]
        return hashlib.sha256(json.dumps(fields, allow_nan=False).encode("ascii")).hexdigest()

    @property
    def object_key(self) -> str:
        """Where the sentence lies in the store."""
        digest = self.digest
        return f"{PREFIX}/{self.tenant}/{digest[:2]}/{digest}"


@dataclass(frozen=True, slots=True)
class Kept:
    """A kept sentence, and when it was spoken, in Unix seconds."""

    speech: Speech
    made_at_s: float

    def fresh(self, now_s: float, ttl_s: float) -> bool:
        """Whether it may still be used. What claims to come from so far in the future is not believed."""
        return abs(now_s - self.made_at_s) < ttl_s


class Refusal(StrEnum):
    """Why a spoken sentence is not kept."""

    LONG = "longer than sentences that are kept"
    EMPTY = "no audio in whole samples"
    UNLIKE = "spoken by another provider, model or voice than its key says, or at several rates"


def refusal(key: CacheKey, pieces: Sequence[Speech], max_characters: int) -> Refusal | None:
    """Why these pieces of a completed sentence are not to be kept under this key, or None."""
    if len(key.text) > max_characters:
        return Refusal.LONG
    size = sum(len(piece.pcm) for piece in pieces)
    if size == 0 or size % 2:
        return Refusal.EMPTY
    wanted = (key.provider, key.model, key.voice, pieces[0].rate)
    if any((piece.provider, piece.model, piece.voice, piece.rate) != wanted for piece in pieces):
        return Refusal.UNLIKE
    return None


def joined(pieces: Sequence[Speech]) -> Speech:
    """The pieces of a sentence as one."""
    first = pieces[0]
    return Speech(b"".join(piece.pcm for piece in pieces), first.rate, first.provider, first.model, first.voice)


def packed(key: CacheKey, kept: Kept) -> bytes:
    """The object that is stored."""
    label = json.dumps(_label(key, kept.speech.rate, len(kept.speech.pcm)) | {"made_at": kept.made_at_s})
    body = label.encode("ascii") + b"\n" + kept.speech.pcm
    return body + hashlib.sha256(body).digest()


def unpacked(key: CacheKey, data: bytes) -> Kept | str:
    """The sentence in a stored object, or what is wrong with the object: nothing in it is believed unseen."""
    end = data.find(b"\n", 0, LABEL_LIMIT_BYTES)
    if end < 0 or len(data) < end + 1 + SHA256_BYTES:
        return "it has no label, or no end"
    if hashlib.sha256(memoryview(data)[:-SHA256_BYTES]).digest() != data[-SHA256_BYTES:]:
        return "its content does not fit its SHA-256"
    label = _read(data[:end])
    rate, made_at_s = label.get("rate"), label.get("made_at")
    pcm = data[end + 1 : -SHA256_BYTES]
    if not isinstance(rate, int) or rate not in RATES or not pcm or len(pcm) % 2:
        return "its audio is no PCM, or its label lacks the rate"
    if not isinstance(made_at_s, float) or not math.isfinite(made_at_s):
        return "its label does not say when it was made"
    if label != _label(key, rate, len(pcm)) | {"made_at": made_at_s}:
        return "its label contradicts its key, or the length of its audio"
    return Kept(Speech(pcm, rate, key.provider, key.model, key.voice), made_at_s)


def _read(line: bytes) -> dict[str, object]:
    """A label, or an empty one if this is none."""
    try:
        label = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return label if isinstance(label, dict) else {}


def _label(key: CacheKey, rate: int, size_bytes: int) -> dict[str, object]:
    return {
        "segue": 1,
        "key": key.digest,
        "tenant": key.tenant,
        "provider": key.provider,
        "model": key.model,
        "version": key.version,
        "voice": key.voice,
        "language": key.language,
        "speed": float(key.speed),
        "pitch_st": float(key.pitch_st) + 0.0,
        "epoch": key.epoch,
        "text_sha256": hashlib.sha256(key.text.encode("utf-8", "surrogatepass")).hexdigest(),
        "rate": rate,
        "audio_ms": round(size_bytes / 2 / rate * 1000, 3),
    }


def surplus(stored: Iterable[Stored], now_s: float, ttl_s: float, max_bytes: int) -> tuple[str, ...]:
    """The keys to delete: first what is older than `ttl_s`, then the oldest of what is more than `max_bytes`."""
    oldest_first = sorted(stored, key=lambda entry: (entry.modified_s, entry.key))
    expired = [entry for entry in oldest_first if entry.modified_s <= now_s - ttl_s]
    alive = oldest_first[len(expired) :]
    excess_bytes = sum(entry.size_bytes for entry in alive) - max_bytes
    keys = [entry.key for entry in expired]
    for entry in alive:
        if excess_bytes <= 0:
            break
        excess_bytes -= entry.size_bytes
        keys.append(entry.key)
    return tuple(keys)


class Recent:
    """The sentences that were used last, as many as fit into `limit_bytes` of audio."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.size_bytes = 0
        self._kept: OrderedDict[str, Kept] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, digest: str) -> Kept | None:
        """A sentence, which is thereby used."""
        kept = self._kept.get(digest)
        if kept is not None:
            self._kept.move_to_end(digest)
        return kept

    def keep(self, digest: str, kept: Kept) -> None:
        """Keep a sentence, and forget those whose last use is longest ago; one that alone is too large is not kept."""
        self.forget(digest)
        if len(kept.speech.pcm) > self.limit_bytes:
            return
        self._kept[digest] = kept
        self.size_bytes += len(kept.speech.pcm)
        while self.size_bytes > self.limit_bytes:
            self.forget(next(iter(self._kept)))

    def forget(self, digest: str) -> None:
        """Forget a sentence, if it is there."""
        kept = self._kept.pop(digest, None)
        if kept is not None:
            self.size_bytes -= len(kept.speech.pcm)

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()
        self.size_bytes = 0
