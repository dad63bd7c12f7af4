"""Opus, FLAC and AAC by FFmpeg's libraries (PyAV), which are an extra: nothing here is imported without need."""

import importlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from segue.errors import UnsupportedFormat
from segue.voice.audio import AUDIBLE_DBFS, SAMPLE_BYTES, peak

QUIET = 10 ** (AUDIBLE_DBFS / 20)
"""A peak below this, as a share of full scale, is heard as silence."""


def av(purpose: str) -> Any:
    """The `av` module.

    Raises:
        UnsupportedFormat: it is not installed; `purpose` begins the sentence that says how to get it.
    """
    try:
        return importlib.import_module("av")
    except ImportError as missing:
        raise UnsupportedFormat(f"{purpose} needs the extra 'codecs': pip install 'segue[codecs]'.") from missing


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a format is made: FFmpeg's names of the container and the codec, and the options that keep it prompt."""

    container: str
    codec: str
    container_options: Mapping[str, str] = field(default_factory=dict)
    codec_options: Mapping[str, str] = field(default_factory=dict)
    bit_rate: int | None = None
    lossy: bool = True
    frame_samples: int = 1
    """Samples are encoded in multiples of this many where the container cannot say that the last frame is partial."""


RECIPES = {
    # Pages of one packet, sent at once: by default a page is a second long, and so is the delay.
    "opus": Recipe(
        "ogg",
        "libopus",
        {"page_duration": "20000", "flush_packets": "1"},
        {"application": "audio", "compression_level": "5", "frame_duration": "20"},
        bit_rate=48_000,
    ),
    # Level 2 has blocks of 24 ms at 24 kHz, level 5 blocks of 96 ms, for a tenth more bytes.
    "flac": Recipe(
        "flac",
        "flac",
        {"flush_packets": "1", "metadata_header_padding": "0"},
        {"compression_level": "2"},
        lossy=False,
    ),
    "aac": Recipe("adts", "aac", {"flush_packets": "1"}, bit_rate=64_000, frame_samples=1024),
}


class Sink(Protocol):
    """What a container is written to."""

    def write(self, data: bytes) -> int:
        """Take all of `data`."""


class Outbox:
    """A sink that cannot go back, as a connection cannot: what was taken is gone."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        """See `Sink.write`."""
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        """Everything written since the last time."""
        parts, self._parts = self._parts, []
        return b"".join(parts)


class LibavEncoder:
    """One stream in one container.

    Ogg carries both the delay of the codec and the exact end, FLAC has neither delay nor padding, so both decode to
    exactly the samples spoken. ADTS can declare nothing: AAC decodes to one frame (1024 samples) of silence first,
    and then to whole frames. A last frame that is partial and holds only silence, as the end of a spoken sentence
    does, is left out, so that speech decodes to what was spoken within one frame.
    """

    def __init__(self, recipe: Recipe, rate: int, sink: Sink, name: str) -> None:
        self._av = av(f"The format {name}")
        self._lossy = recipe.lossy
        self._rate = rate
        self._step = recipe.frame_samples * SAMPLE_BYTES
        self._fed = 0
        self._odd = b""
        self._container = self._av.open(
            sink, "w", format=recipe.container, options=dict(recipe.container_options), buffer_size=4096
        )
        self._stream = self._container.add_stream(recipe.codec, rate=rate, options=dict(recipe.codec_options))
        self._stream.layout = "mono"
        if recipe.bit_rate:
            self._stream.bit_rate = recipe.bit_rate

    def push(self, pcm: bytes) -> None:
        """Encode PCM, cut anywhere, into the sink."""
        data = self._odd + pcm
        whole = len(data) - len(data) % self._step
        self._odd = data[whole:]
        if whole:
            self._encode(data[:whole])

    def _encode(self, pcm: bytes) -> None:
        count = len(pcm) // SAMPLE_BYTES
        frame = self._av.AudioFrame(format="s16", layout="mono", samples=count)
        frame.planes[0].update(pcm)
        frame.sample_rate = self._rate
        frame.pts = self._fed
        self._fed += count
        self._container.mux(self._stream.encode(frame))

    def end(self) -> None:
        """Write everything that the codec and the container still keep."""
        if self._container is None:
            return
        rest = self._odd[: len(self._odd) - len(self._odd) % SAMPLE_BYTES]
        if rest and not (self._fed and peak(rest) < QUIET):
            self._encode(rest)
        if not self._fed and self._lossy:
            # Neither Ogg nor ADTS can hold nothing: players refuse a file without a packet.
            self._encode(bytes(SAMPLE_BYTES))
        elif not self._fed:
            self._container.start_encoding()
        self._container.mux(self._stream.encode(None))
        self.close()

    def close(self) -> None:
        """Release the codec; whatever it still kept is lost unless `end` came first."""
        container, self._container, self._stream = self._container, None, None
        if container is not None:
            container.close()


class StreamEncoder:
    """A format of `RECIPES` as a stream of bytes."""

    def __init__(self, name: str, rate: int) -> None:
        self._outbox = Outbox()
        self._encoder = LibavEncoder(RECIPES[name], rate, self._outbox, name)

    def feed(self, pcm: bytes) -> bytes:
        """As much as is ready."""
        self._encoder.push(pcm)
        return self._outbox.take()

    def finish(self) -> bytes:
        """The rest of the container."""
        self._encoder.end()
        return self._outbox.take()

    def close(self) -> None:
        """Release the codec."""
        self._encoder.close()
        self._outbox.take()


def whole(pcm: bytes, name: str, rate: int) -> bytes:
    """A finished file, with the sizes and checksums that only a file can have."""
    file = io.BytesIO()
    encoder = LibavEncoder(RECIPES[name], rate, file, name)
    try:
        encoder.push(pcm)
        encoder.end()
    finally:
        encoder.close()
    return file.getvalue()
