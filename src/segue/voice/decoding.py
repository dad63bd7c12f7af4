"""Recordings that callers upload, as PCM: whatever a browser, a phone or a file holds, within a bounded length.

WAV and raw PCM are read here; everything else by FFmpeg's libraries, which are an extra. Which reader is used follows
from the first bytes of the data, never from a guess by FFmpeg: some of its readers follow links in playlists.

Decoding is blocking CPU work of some 0.1 to 0.3 % of the recording's length. Call it in a thread.
"""

import io
from dataclasses import dataclass
from email.message import Message
from typing import Any

import numpy as np

from segue.errors import BadAudio, TooLarge
from segue.voice.audio import SAMPLE_BYTES, SAMPLE_RATE, resample
from segue.voice.containers import libav, wav

LISTENING_RATE = 16_000
"""Samples per second that recognizers expect."""

LONGEST_S = 600.0

ACCEPTED = "WAV, webm, ogg, mp3, m4a, flac, aac, or raw PCM sent as audio/pcm;rate=… or audio/L16;rate=…"

WAVE_IN_LIBAV = {0x0006, 0x0007, 0x0002, 0x0011}
"""Formats inside WAV that are compressed (A-law, mu-law, two kinds of ADPCM): FFmpeg reads them."""


@dataclass(frozen=True, slots=True)
class Raw:
    """How headerless samples lie, as their content type says."""

    rate: int
    channels: int
    big_endian: bool


def decode(
    data: bytes, *, content_type: str | None = None, rate: int = LISTENING_RATE, max_s: float = LONGEST_S
) -> bytes:
    """The recording as mono 16-bit little-endian PCM at `rate`. What is cut off gives as much as is there.

    Args:
        data: the upload, whole.
        content_type: what the caller calls it; only believed for raw PCM, which shows no sign of its own.
        rate: samples per second wanted.
        max_s: the longest recording taken, in seconds, however small the upload is.

    Raises:
        BadAudio: empty, no audio in it, or nothing that is read here; says what was found.
        TooLarge: longer than `max_s`.
        UnsupportedFormat: a compressed format, and the extra that reads it is not installed.
    """
    if not data:
        raise BadAudio(f"The recording is empty. Send {ACCEPTED}.")
    found = sniff(data)
    raw = raw_layout(content_type) if found is None else None
    if raw is not None:
        pcm = _raw(data, raw, rate, max_s)
    elif found == "wav":
        pcm = _wav(data, rate, max_s)
    elif found is not None:
        pcm = _libav(data, found, rate, max_s)
    else:
        raise BadAudio(f"The recording is {describe(data)}, not audio that is read here. Send {ACCEPTED}.")
    if not pcm:
        raise BadAudio("The recording holds no sound: it opens well, but there is not one sample in it.")
    return pcm


def sniff(data: bytes) -> str | None:
    """The container by its first bytes, under FFmpeg's name for its reader; None when they are no known sign."""
    if data[:4] in (b"RIFF", b"RF64") and data[8:12] == b"WAVE":
        return "wav"
    if data[4:8] == b"ftyp":
        return "mov"
    for sign, name in ((b"\x1aE\xdf\xa3", "matroska"), (b"OggS", "ogg"), (b"fLaC", "flac"), (b"ID3", "mp3")):
        if data.startswith(sign):
            return name
    return _mpeg(data)


def _mpeg(data: bytes) -> str | None:
    """Frames without a file around them: eleven set bits, and fields that hold no forbidden value."""
    if len(data) < 4 or data[0] != 0xFF or data[1] & 0xE0 != 0xE0:
        return None
    layer, version = data[1] >> 1 & 3, data[1] >> 3 & 3
    if layer == 0:
        return "aac" if data[1] & 0xF6 == 0xF0 and data[2] >> 2 & 15 < 13 else None
    sound = version != 1 and data[2] >> 4 not in (0, 15) and data[2] >> 2 & 3 != 3
    return "mp3" if sound else None


def raw_layout(content_type: str | None) -> Raw | None:
    """What a content type says of headerless samples; None when it speaks of something else.

    `audio/L16` is big-endian by its registration, `audio/pcm` little-endian as speech services send it.

    Raises:
        BadAudio: a rate or a number of channels that is no sensible number.
    """
    header = Message()
    header["content-type"] = content_type or "application/octet-stream"
    kind = header.get_content_type()
    if kind not in ("audio/pcm", "audio/x-pcm", "audio/l16"):
        return None
    try:
        rate = int(str(header.get_param("rate", str(SAMPLE_RATE))))
        channels = int(str(header.get_param("channels", "1")))
    except ValueError:
        raise BadAudio(f"The content type {content_type!r} needs whole numbers as rate and channels.") from None
    if rate not in wav.RATES or not 1 <= channels <= wav.MOST_CHANNELS:
        raise BadAudio(
            f"The content type says {channels} channels at {rate} Hz: 1 to 64 at 1000 to 384000 Hz are read."
        )
    return Raw(rate, channels, big_endian=kind == "audio/l16")


def describe(data: bytes) -> str:
    """What data that is no audio looks like, in a few words."""
    start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start[:1] == b"<":
        return "an HTML or XML page"
    if start[:1] in (b"{", b"["):
        return "JSON"
    for sign, name in ((b"%PDF", "a PDF"), (b"PK\x03\x04", "a zip archive"), (b"\x89PNG", "a picture")):
        if start.startswith(sign):
            return name
    try:
        readable = start.decode("utf-8", errors="strict" if len(data) <= 512 else "ignore")
    except UnicodeDecodeError:
        return f"{len(data)} bytes of unknown kind"
    return "text" if all(c.isprintable() or c in "\t\r\n" for c in readable) else f"{len(data)} bytes of unknown kind"


def _bound(frames: int, rate: int, max_s: float) -> None:
    if frames > max_s * rate:
        raise TooLarge(f"The recording is longer than {max_s:g} s: send it in parts.")


def _raw(data: bytes, raw: Raw, rate: int, max_s: float) -> bytes:
    frame_bytes = SAMPLE_BYTES * raw.channels
    body = data[: len(data) // frame_bytes * frame_bytes]
    _bound(len(body) // frame_bytes, raw.rate, max_s)
    if raw.big_endian:
        body = np.frombuffer(body, dtype=">i2").astype("<i2").tobytes()
    return resample(wav.mono(wav.Layout(wav.INTEGER, 16, raw.channels, raw.rate), body), raw.rate, rate)


def _wav(data: bytes, rate: int, max_s: float) -> bytes:
    layout, body = wav.parse(data)
    if layout.kind in WAVE_IN_LIBAV:
        return _libav(data, "wav", rate, max_s)
    _bound(len(body) // layout.frame_bytes, layout.rate, max_s)
    return resample(wav.mono(layout, body), layout.rate, rate)


def _libav(data: bytes, reader: str, rate: int, max_s: float) -> bytes:
    av = libav.av(f"Reading {reader}")
    try:
        with av.open(io.BytesIO(data), format=reader) as container:
            if not container.streams.audio:
                raise BadAudio(f"The recording is {reader} without an audio track.")
            return _mixed(av, container, rate, max_s)
    except av.FFmpegError as error:
        raise BadAudio(f"The recording begins like {reader}, but cannot be read: {error.strerror}.") from error


def _mixed(av: Any, container: Any, rate: int, max_s: float) -> bytes:
    """Every sample of the first audio track up to its end, or up to where the data breaks off."""
    out = bytearray()
    resampler: Any = None
    shape = None
    for frame in _frames(av, container):
        if shape != (frame.format.name, frame.layout.name, frame.sample_rate):
            # A recording may change its shape on the way; what the old resampler still keeps comes first.
            out += _drained(resampler)
            shape = (frame.format.name, frame.layout.name, frame.sample_rate)
            resampler = av.AudioResampler(format="s16", layout="mono", rate=rate)
        frame.pts = None
        out += b"".join(_bytes(piece) for piece in resampler.resample(frame))
        _bound(len(out) // SAMPLE_BYTES, rate, max_s)
    out += _drained(resampler)
    _bound(len(out) // SAMPLE_BYTES, rate, max_s)
    return bytes(out)


def _drained(resampler: Any) -> bytes:
    return b"".join(_bytes(piece) for piece in resampler.resample(None)) if resampler is not None else b""


def _bytes(frame: Any) -> bytes:
    return bytes(frame.planes[0])[: frame.samples * SAMPLE_BYTES]


def _frames(av: Any, container: Any) -> Any:
    """Decoded frames. A broken packet is stepped over; data that breaks off is where the recording ends."""
    packets = container.demux(container.streams.audio[0])
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.FFmpegError):
            return
        try:
            yield from packet.decode()
        except av.FFmpegError:
            continue
