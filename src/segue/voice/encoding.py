"""The formats in which speech leaves: a catalogue, streaming encoders, and whole files.

Encoding is CPU work of 0.002 % (PCM) to 1.5 % (AAC) of real time; the libraries release the interpreter while they
work. An encoder belongs to one listener and one task at a time.
"""

from dataclasses import dataclass
from typing import Protocol

from segue.errors import UnsupportedFormat
from segue.voice.audio import SAMPLE_RATE
from segue.voice.containers import libav, mp3, wav

RATES = (16_000, 24_000, 48_000)
"""Sample rates that every format can be made at."""


@dataclass(frozen=True, slots=True)
class Format:
    """A format: what to ask for it by, the media type it is sent under, its container, and the extra it needs."""

    name: str
    media_type: str
    container: str
    extra: str = ""


FORMATS = {
    entry.name: entry
    for entry in (
        Format("pcm16", "audio/pcm", "none: signed 16-bit little-endian, mono"),
        Format("wav", "audio/wav", "RIFF"),
        Format("mp3", "audio/mpeg", "MPEG frames, opened by an Info tag"),
        Format("opus", "audio/ogg; codecs=opus", "Ogg", extra="codecs"),
        Format("flac", "audio/flac", "native FLAC", extra="codecs"),
        Format("aac", "audio/aac", "ADTS", extra="codecs"),
    )
}

ALIASES = {"pcm": "pcm16"}


class Encoder(Protocol):
    """Turns a stream of PCM into a stream of bytes that, put together, are one file of the format."""

    def feed(self, pcm: bytes) -> bytes:
        """What is ready after this piece, which may be cut anywhere; b"" when nothing is."""

    def finish(self) -> bytes:
        """Everything still inside. Call it once, after the last `feed`."""

    def close(self) -> None:
        """Release the codec at once, finished or not; safe to call twice."""


def find_format(name: str) -> Format:
    """The format called `name`, in any letter case.

    Raises:
        UnsupportedFormat: there is none; the message lists them.
    """
    key = name.strip().lower()
    found = FORMATS.get(ALIASES.get(key, key))
    if found is None:
        raise UnsupportedFormat(f"There is no format {name!r}: ask for {', '.join(FORMATS)}.", param="format")
    return found


def available(name: str) -> Format:
    """The format called `name`, if it can be made here.

    Raises:
        UnsupportedFormat: there is no such format, or its extra is not installed.
    """
    found = find_format(name)
    if found.extra:
        libav.av(f"The format {found.name}")
    return found


def warm() -> None:
    """Load what each format needs, so that no listener waits for the first stream of its kind."""
    for name in FORMATS:
        try:
            encoder(name).close()
        except UnsupportedFormat:
            continue


def media_type(name: str, rate: int = SAMPLE_RATE) -> str:
    """The content type to send a format under; raw PCM says its rate there, having no other place for it.

    Raises:
        UnsupportedFormat: there is no such format.
    """
    found = find_format(name)
    return f"{found.media_type};rate={rate};channels=1" if found.name == "pcm16" else found.media_type


class WholeEncoder:
    """Keeps everything until `finish`, which returns a file with exact sizes: for answers that are not streamed."""

    def __init__(self, name: str, rate: int) -> None:
        self._name, self._rate = name, rate
        self._pcm = bytearray()

    def feed(self, pcm: bytes) -> bytes:
        """Nothing yet."""
        self._pcm += pcm
        return b""

    def finish(self) -> bytes:
        """The whole file."""
        pcm = bytes(self._pcm)
        self.close()
        return encode_whole(pcm, self._name, self._rate)

    def close(self) -> None:
        """Forget what was kept."""
        self._pcm.clear()


def encoder(name: str, rate: int = SAMPLE_RATE, *, whole: bool = False) -> Encoder:
    """A new encoder for one stream of mono PCM at `rate` samples per second; `whole` makes one finished file of it.

    Raises:
        UnsupportedFormat: no such format, a rate not in `RATES`, or the format's extra is not installed.
    """
    found = _checked(name, rate)
    available(name)
    if whole:
        return WholeEncoder(found.name, rate)
    if found.name == "pcm16":
        return wav.PcmEncoder()
    if found.name == "wav":
        return wav.PcmEncoder(wav.header(rate))
    if found.name == "mp3":
        return mp3.Mp3Encoder(rate)
    return libav.StreamEncoder(found.name, rate)


def encode_whole(pcm: bytes, name: str, rate: int = SAMPLE_RATE) -> bytes:
    """A finished file with exact sizes and lengths; no samples make a valid file of no, or next to no, length.

    Raises:
        UnsupportedFormat: as `encoder`.
    """
    found = _checked(name, rate)
    if found.name == "pcm16":
        return wav.PcmEncoder().feed(pcm)
    if found.name == "wav":
        return wav.whole(pcm, rate)
    if found.name == "mp3":
        return mp3.whole(pcm, rate)
    return libav.whole(pcm, found.name, rate)


def _checked(name: str, rate: int) -> Format:
    found = find_format(name)
    if rate not in RATES:
        raise UnsupportedFormat(f"{found.name} is not made at {rate} Hz: resample to one of {RATES} first.")
    return found
