"""The WAV file in which Google Cloud sends a whole text: its samples, if all of them are there as asked for."""

import struct

from segue.errors import FailureCategory, ProviderError
from segue.voice.decoding import describe, sniff

UNKNOWN_SIZES = frozenset({0, 0xFFFFFFFF})
"""What a file says whose length was not known when its header was written."""


def samples(data: bytes, rate: int, provider: str) -> bytes:
    """The samples of a WAV file, mono s16le; nothing where there is not a byte.

    Raises:
        ProviderError: `truncated` where the file breaks off, `server` where it is no WAV, or of another rate or shape.
    """
    if not data:
        return b""
    cut = ProviderError(
        f"{provider} sent a WAV file that breaks off.", provider=provider, category=FailureCategory.TRUNCATED
    )
    if not data.startswith(b"RIFF") or (len(data) >= 12 and data[8:12] != b"WAVE"):
        raise cut if b"RIFF".startswith(data) else _strange(sniff(data) or describe(data), rate, provider)
    form, place = b"", 12
    while place + 8 <= len(data):
        chunk, size = struct.unpack_from("<4sI", data, place)
        place += 8
        if chunk == b"data":
            break
        if chunk == b"fmt ":
            form = data[place : place + size]
        place += size + size % 2
    else:
        raise cut
    if len(form) < 16:
        raise _strange("WAV without a format", rate, provider)
    kind, channels, told_rate, _, _, bits = struct.unpack_from("<HHIIHH", form)
    if (kind, channels, told_rate, bits) != (1, 1, rate, 16):
        raise _strange(f"WAV of format {kind}, {channels} x {bits} bits at {told_rate} Hz", rate, provider)
    body = data[place:]
    if size not in UNKNOWN_SIZES:
        if size > len(body):
            raise cut
        body = body[:size]
    if len(body) % 2:
        raise cut
    return body


def _strange(what: str, rate: int, provider: str) -> ProviderError:
    message = f"{provider} sent {what}, not WAV with mono 16-bit samples at {rate} Hz."
    return ProviderError(message, provider=provider, category=FailureCategory.SERVER)
