"""Raw PCM and WAV: written as streams and as whole files, and WAV read the way it is found in the wild."""

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from segue.errors import BadAudio
from segue.voice.audio import SAMPLE_BYTES

UNKNOWN_SIZE = 0xFFFFFFFF
"""Written for the two sizes of a stream; readers take it as "until the end"."""

INTEGER, FLOAT, EXTENSIBLE = 0x0001, 0x0003, 0xFFFE

RATES = range(1_000, 384_001)
MOST_CHANNELS = 64


def header(rate: int, data_bytes: int | None = None) -> bytes:
    """The 44 bytes before mono 16-bit PCM; without `data_bytes` the sizes say that the length is unknown."""
    riff, data = (UNKNOWN_SIZE, UNKNOWN_SIZE) if data_bytes is None else (36 + data_bytes, data_bytes)
    form = struct.pack("<HHIIHH", INTEGER, 1, rate, rate * SAMPLE_BYTES, SAMPLE_BYTES, 8 * SAMPLE_BYTES)
    return (
        struct.pack("<4sI4s4sI", b"RIFF", riff, b"WAVE", b"fmt ", len(form)) + form + struct.pack("<4sI", b"data", data)
    )


class PcmEncoder:
    """Samples as they are, behind `opening` bytes that are sent once. A half sample waits for its other half."""

    def __init__(self, opening: bytes = b"") -> None:
        self._opening = opening
        self._odd = b""

    def feed(self, pcm: bytes) -> bytes:
        """The opening, once, and every whole sample fed."""
        data = self._odd + pcm
        whole = len(data) - len(data) % SAMPLE_BYTES
        self._odd = data[whole:]
        opening, self._opening = self._opening, b""
        return opening + data[:whole]

    def finish(self) -> bytes:
        """The opening if nothing was fed, else nothing: every sample has left."""
        opening, self._opening = self._opening, b""
        return opening

    def close(self) -> None:
        """Nothing to release."""


def whole(pcm: bytes, rate: int) -> bytes:
    """A WAV file with exact sizes; an odd last byte is dropped."""
    pcm = pcm[: len(pcm) // SAMPLE_BYTES * SAMPLE_BYTES]
    return header(rate, len(pcm)) + pcm


@dataclass(frozen=True, slots=True)
class Layout:
    """How the samples of a WAV lie: the kind of number, bits and bytes of one, channels, frames per second."""

    kind: int
    bits: int
    channels: int
    rate: int

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of every channel; 1 where the samples are compressed and have no size of their own."""
        return max(1, self.bits // 8 * self.channels)


def parse(data: bytes) -> tuple[Layout, bytes]:
    """The layout and the sample bytes (whole frames only) of a WAV file, or of as much of one as there is.

    Chunks may come in any order and unknown ones are stepped over. A data size that is unknown (0xFFFFFFFF), that
    was never filled in (0), or that reaches beyond the end means "until the end".

    Raises:
        BadAudio: no format or no samples, or a format that makes no sense; says which.
    """
    layout: Layout | None = None
    body: bytes | None = None
    place = 12
    while place + 8 <= len(data) and (layout is None or body is None):
        name, size = struct.unpack_from("<4sI", data, place)
        place += 8
        left = len(data) - place
        if name == b"data":
            unfilled = size == 0 and not _chunks_follow(data, place)
            size = left if unfilled or size > left else size
            body = data[place : place + size]
        elif name == b"fmt ":
            layout = _layout(data[place : place + size])
        place += size + size % 2
    if layout is None:
        raise BadAudio("This WAV file has no 'fmt ' chunk: send one that says how its samples are stored.")
    if body is None:
        raise BadAudio("This WAV file has no 'data' chunk: there are no samples in it.")
    return layout, body[: len(body) // layout.frame_bytes * layout.frame_bytes]


def _chunks_follow(data: bytes, place: int) -> bool:
    """Whether what starts at `place` is a row of chunks that ends exactly with the file (or nothing at all)."""
    while place + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, place)
        if not name.isascii() or not name.decode("ascii").isprintable():
            return False
        place += 8 + size + size % 2
    return place >= len(data) and place - len(data) <= 1


def _layout(form: bytes) -> Layout:
    """The layout that a `fmt ` chunk describes.

    Raises:
        BadAudio: it is cut short or says something impossible.
    """
    if len(form) < 16:
        raise BadAudio("This WAV file ends inside its 'fmt ' chunk.")
    kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", form)
    if kind == EXTENSIBLE and len(form) >= 26:
        kind = struct.unpack_from("<H", form, 24)[0]  # the sub-format's first two bytes are the old number
    if not 1 <= channels <= MOST_CHANNELS or rate not in RATES:
        raise BadAudio(f"This WAV file claims {channels} channels at {rate} Hz: 1 to 64 at 1000 to 384000 Hz are read.")
    return Layout(kind, bits, channels, rate)


READABLE = {(INTEGER, 8), (INTEGER, 16), (INTEGER, 24), (INTEGER, 32), (FLOAT, 32), (FLOAT, 64)}
"""The kinds of samples that `mono` reads."""


def mono(layout: Layout, body: bytes) -> bytes:
    """16-bit PCM of all channels mixed in equal parts; what is not a number becomes silence.

    Raises:
        BadAudio: the samples are of a kind not in `READABLE`.
    """
    if (layout.kind, layout.bits) not in READABLE:
        raise BadAudio(
            f"This WAV file holds {layout.bits}-bit samples of format {layout.kind:#06x}: "
            "8, 16, 24 and 32-bit integers and 32 and 64-bit floats are read."
        )
    if (layout.kind, layout.bits, layout.channels) == (INTEGER, 16, 1):
        return body
    wave = _scaled(layout, body).reshape(-1, layout.channels).mean(axis=1)
    return bytes(np.clip(np.rint(wave), -32_768, 32_767).astype("<i2").tobytes())


def _scaled(layout: Layout, body: bytes) -> npt.NDArray[np.float64]:
    """The samples of all channels on the scale of 16 bits."""
    if layout.kind == FLOAT:
        wave: npt.NDArray[Any] = np.frombuffer(body, dtype=f"<f{layout.bits // 8}").astype(np.float64)
        return np.asarray(np.nan_to_num(wave, nan=0.0, posinf=1.0, neginf=-1.0) * 32_768)
    if layout.bits == 8:
        return (np.frombuffer(body, dtype=np.uint8).astype(np.float64) - 128) * 256
    if layout.bits == 24:
        # Three bytes are the upper three of a 32-bit number.
        wide = np.zeros((len(body) // 3, 4), dtype=np.uint8)
        wide[:, 1:] = np.frombuffer(body, dtype=np.uint8).reshape(-1, 3)
        return wide.reshape(-1).view("<i4").astype(np.float64) / 65_536
    wave = np.frombuffer(body, dtype=f"<i{layout.bits // 8}").astype(np.float64)
    return wave / (1 << (layout.bits - 16))
