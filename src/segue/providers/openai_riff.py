"""A WAV file as it arrives: what its header says, then its samples, and nothing of what lies behind them."""

import struct
from dataclasses import dataclass, field

from segue.voice.audio import SAMPLE_BYTES

HEAD_BYTES = 65_536
"""Samples that have not begun after this many bytes do not begin."""
UNKNOWN_SIZES = (0, 0xFFFFFFFF)
"""Written where the size was not known when the header left: the samples go on until the end."""
INTEGER, EXTENSIBLE = 0x0001, 0xFFFE


class NotThis(Exception):
    """The bytes are no WAV file of mono 16-bit samples at the expected rate; says why."""


@dataclass(slots=True)
class Riff:
    """Reads one WAV file of mono 16-bit samples, pushed in pieces of any size. `rate` is what its header must say."""

    rate: int
    _head: bytes = b""
    _left: int | None = None
    """Bytes of samples still to come; None until the header is read. Infinite sizes are just very large."""
    _endless: bool = False
    _formed: bool = False
    _odd: bytes = b""
    _tail: bytes = field(default=b"")

    def push(self, data: bytes) -> bytes:
        """The whole samples in what came.

        Raises:
            NotThis: it is another container or format.
        """
        if self._left is None:
            self._head += data
            started = self._start()
            if started is None:
                return b""
            data = started
        if not self._endless:
            data, behind = data[: self._left or 0], data[self._left or 0 :]
            self._left = (self._left or 0) - len(data)
            self._behind(behind)
        data = self._odd + data
        whole = len(data) - len(data) % SAMPLE_BYTES
        self._odd = data[whole:]
        return data[:whole]

    def complaint(self) -> str | None:
        """Why what came cannot be all of the file, or None where it can."""
        if self._left is None:
            return f"ended inside the header of its WAV file, after {len(self._head)} bytes"
        if self._odd:
            return "ended in the middle of a sample"
        if not self._endless and self._left:
            return f"ended {self._left} bytes before the end of its WAV file"
        return None

    @property
    def head(self) -> bytes:
        """What came before the samples, for those who ask what it is."""
        return self._head

    def _start(self) -> bytes | None:
        """The first bytes of the samples, as soon as the chunk that holds them has begun."""
        head = self._head
        if not b"RIFF".startswith(head[:4]) or not b"WAVE".startswith(head[8:12]):
            raise NotThis("no WAV file")
        place = 12
        while place + 8 <= len(head):
            name, size = struct.unpack_from("<4sI", head, place)
            place += 8
            if name == b"data":
                if not self._formed:
                    raise NotThis("a WAV file that does not say how its samples are stored")
                self._endless = size in UNKNOWN_SIZES
                self._left = size
                return head[place:]
            if name == b"fmt " and place + size <= len(head):
                self._check(head[place : place + size])
                self._formed = True
            place += size + size % 2
        if len(head) > HEAD_BYTES:
            raise NotThis(f"a WAV file without samples in its first {HEAD_BYTES} bytes")
        return None

    def _check(self, form: bytes) -> None:
        if len(form) < 16:
            raise NotThis("a WAV file whose format is cut short")
        kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", form)
        if kind == EXTENSIBLE and len(form) >= 26:
            kind = struct.unpack_from("<H", form, 24)[0]  # the sub-format's first two bytes are the old number
        if (kind, channels, bits) != (INTEGER, 1, 16):
            raise NotThis(
                f"{channels} channels of {bits}-bit samples of format {kind:#06x}, not one of 16-bit integers"
            )
        if rate != self.rate:
            raise NotThis(f"{rate} samples a second, not {self.rate}; set `rate` to what the server speaks at")

    def _behind(self, data: bytes) -> None:
        """Look at what lies behind the samples: other chunks are not audio, but a second file would be more of it."""
        self._tail = (self._tail + data)[:5]
        if self._tail.lstrip(b"\0").startswith(b"RIFF"):
            raise NotThis("several WAV files in one")
