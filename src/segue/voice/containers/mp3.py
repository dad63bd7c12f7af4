"""MP3 by LAME, with the delay it adds declared in the first frame, so that players can take it away again.

An MP3 encoder and decoder together delay the sound by 1105 samples, and the stream ends on a whole frame. LAME's
own habit is to open a file with a silent frame (its Info tag) that names both surpluses. A stream can know only the
first of them, which is the larger one.

    stream: decodes to the samples spoken, plus less than one frame of silence at the end
    file:   decodes to exactly the samples spoken

Players that do not read the tag hear the delay (46 ms at 24 kHz) before the first sentence.
"""

import struct

import lameenc

from segue.voice.audio import SAMPLE_BYTES

BITRATE_KBPS = 64
QUALITY = 7
"""LAME's scale from 0 (slow) to 9 (fast). 2 costs three times the time of 7 and sounds the same on speech."""

ENCODER_DELAY = 576
DECODER_DELAY = 529

UNKNOWN_SIZE = 0xFFFFFFFF
"""Said of a stream, as in WAV. Some size must stand in the tag, or ffmpeg plays the tag as a frame of silence."""

HAS_FRAMES, HAS_BYTES = 1, 2


def frame_samples(rate: int) -> int:
    """Samples in one frame: 1152, or 576 below 32 kHz."""
    return 1152 if rate >= 32_000 else 576


def frame_bytes(rate: int) -> int:
    """Bytes of one frame at `BITRATE_KBPS`; a whole number at every rate that Segue encodes."""
    return frame_samples(rate) // 8 * BITRATE_KBPS * 1000 // rate


def frames_needed(spoken: int, rate: int) -> int:
    """The fewest frames from which a decoder gets back all of `spoken` samples; two at least, or ffmpeg sees no MP3."""
    return max(2, -(-(spoken + ENCODER_DELAY + DECODER_DELAY) // frame_samples(rate)))


def info_frame(first: bytes, rate: int, frames: int | None, padding: int) -> bytes:
    """The silent frame that names the delay at the beginning and, in a file, the `padding` at the end.

    Args:
        first: the four bytes that open the frames of this stream.
        rate: samples per second.
        frames: how many frames follow; None when that is not known yet.
        padding: samples after the last spoken one, not counting those that the encoder's delay pushed out.
    """
    side_info_bytes = 17 if rate >= 32_000 else 9
    size = UNKNOWN_SIZE if frames is None else (frames + 1) * frame_bytes(rate)
    if frames is None:
        tag = b"Info" + struct.pack(">II", HAS_BYTES, size)
    else:
        tag = b"Info" + struct.pack(">III", HAS_FRAMES | HAS_BYTES, frames, size)
    tag += b"LAME3.100" + bytes([1, 0]) + bytes(8) + bytes([0, BITRATE_KBPS])
    tag += (ENCODER_DELAY << 12 | padding).to_bytes(3, "big") + bytes(4) + struct.pack(">I", size) + bytes(2)
    frame = first + bytes(side_info_bytes) + tag
    return (frame + struct.pack(">H", crc16(frame))).ljust(frame_bytes(rate), b"\0")


def crc16(data: bytes) -> int:
    """CRC-16 with the polynomial 0x8005, lowest bit first: what a LAME tag closes with."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


class Mp3Encoder:
    """MP3 at a constant `BITRATE_KBPS`, mono; `tagged=False` leaves the opening tag to the caller."""

    def __init__(self, rate: int, *, tagged: bool = True) -> None:
        self.rate = rate
        self.spoken = 0
        """Samples fed so far."""
        self._lame = lameenc.Encoder()
        self._lame.set_bit_rate(BITRATE_KBPS)
        self._lame.set_in_sample_rate(rate)
        self._lame.set_out_sample_rate(rate)
        self._lame.set_channels(1)
        self._lame.set_quality(QUALITY)
        self._lame.silence()
        self._tagged = tagged
        self._sent = 0
        self._odd = b""

    def feed(self, pcm: bytes) -> bytes:
        """MP3 as much as is ready; the tag comes with the first frame."""
        data = self._odd + pcm
        whole = len(data) - len(data) % SAMPLE_BYTES
        self._odd = data[whole:]
        self.spoken += whole // SAMPLE_BYTES
        return self._out(bytes(self._lame.encode(data[:whole])))

    def finish(self) -> bytes:
        """The remaining frames, without the one that LAME may add after the last needed one."""
        if self._lame is None:
            return b""
        begun = bytes(self._lame.encode(b""))
        rest = begun + bytes(self._lame.flush())
        self._lame = None
        return self._out(rest[: frames_needed(self.spoken, self.rate) * frame_bytes(self.rate) - self._sent])

    def close(self) -> None:
        """Let go of LAME's memory; nothing more can be encoded."""
        self._lame = None

    def _out(self, mp3: bytes) -> bytes:
        opening = self._tagged and self._sent == 0 and mp3
        self._sent += len(mp3)
        return info_frame(mp3[:4], self.rate, None, 0) + mp3 if opening else mp3


def whole(pcm: bytes, rate: int) -> bytes:
    """An MP3 file that decodes to exactly the samples of `pcm` in players that read its opening tag."""
    encoder = Mp3Encoder(rate, tagged=False)
    mp3 = encoder.feed(pcm)
    mp3 += encoder.finish()
    frames = frames_needed(encoder.spoken, rate)
    padding = frames * frame_samples(rate) - ENCODER_DELAY - encoder.spoken
    return info_frame(mp3[:4], rate, frames, padding) + mp3
