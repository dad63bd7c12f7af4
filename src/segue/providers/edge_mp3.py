"""MP3 as it arrives, decoded to PCM: frame by frame, and refused where it is anything else.

Decoding costs about half a millisecond for a second of speech, and is fed at most `SLICE_BYTES` at once: no call holds
the event loop for more than a millisecond.
"""

from typing import Any

from segue.voice.audio import SAMPLE_BYTES
from segue.voice.containers import libav
from segue.voice.decoding import describe, sniff

SLICE_BYTES = 2_880
"""Half a second at 48 kbit/s."""
SIGN_BYTES = 4
"""So many bytes tell a frame's header."""


class NotThis(Exception):
    """The bytes are no mono MP3 at the expected rate; says what they are."""


class Mp3:
    """Decodes one stream of mono MP3 at `rate` samples a second, pushed in pieces of any size."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._av = libav.av("Decoding MP3")
        self._codec: Any = self._av.CodecContext.create("mp3", "r")  # the one that gives 16-bit samples
        self._head = b""
        self._begun = False
        self._came = 0
        self._samples = 0

    def push(self, data: bytes) -> bytes:
        """The samples of every frame that is whole by now.

        Raises:
            NotThis: it is another format, another rate, or damaged.
        """
        self._came += len(data)
        if not self._begun:
            self._head += data
            if len(self._head) < SIGN_BYTES:
                return b""
            if sniff(self._head) != "mp3":
                raise NotThis(f"{describe(self._head)}, not MP3")
            data, self._head, self._begun = self._head, b"", True
        try:
            return self._decode(self._codec.parse(data))
        except self._av.FFmpegError as error:
            raise NotThis(f"MP3 that cannot be decoded: {error.strerror}") from None

    def finish(self) -> bytes:
        """The samples that were still kept.

        Raises:
            NotThis: something came, and there was no frame in all of it.
        """
        pcm = b""
        try:
            if self._begun:
                pcm = self._decode([*self._codec.parse(b""), None])
        except self._av.FFmpegError:
            pass  # A last frame that is cut short holds less than 24 ms, and the service has said that it is done.
        if self._came and not self._samples:
            raise NotThis(f"{self._came} bytes without a frame of MP3")
        return pcm

    def _decode(self, packets: list[Any]) -> bytes:
        pcm = bytearray()
        for packet in packets:
            for frame in self._codec.decode(packet):
                if frame.sample_rate != self._rate or frame.layout.nb_channels != 1:
                    raise NotThis(
                        f"{frame.layout.nb_channels} channels at {frame.sample_rate} Hz, not one at {self._rate}"
                    )
                pcm += bytes(frame.planes[0])[: frame.samples * SAMPLE_BYTES]
                self._samples += frame.samples
        return bytes(pcm)
