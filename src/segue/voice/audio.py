"""Audio as a value: mono, signed 16-bit little-endian PCM, in `bytes`.

Levels are given in dBFS: the root mean square of the samples against full scale (32768), so a full-scale sine is
at -3 dBFS. Nothing here reads a clock or waits; the two classes that keep state
between the pieces of a stream are told everything they know by their arguments.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import soxr

SAMPLE_RATE = 24_000
"""Samples per second everywhere between synthesis and encoding."""

SAMPLE_BYTES = 2
FULL_SCALE = 32_768

AUDIBLE_DBFS = -45.0
"""What is louder than this counts as audible; the noise floor of synthetic speech lies well below it."""

FLOOR_DBFS = -100.0
"""What `loudness_dbfs` says of digital silence, so that a level is always a finite number."""

Samples = npt.NDArray[np.int16]


def samples(pcm: bytes | bytearray | memoryview) -> Samples:
    """The samples of a piece of PCM, as a view that costs no copy; an odd last byte is left out."""
    return np.frombuffer(pcm, dtype="<i2", count=len(pcm) // SAMPLE_BYTES)


def milliseconds(pcm: bytes, rate: int = SAMPLE_RATE) -> float:
    """How long a piece of PCM lasts at `rate` samples per second, in ms; an odd last byte does not count."""
    return len(pcm) // SAMPLE_BYTES * 1000 / rate


def silence(duration_ms: float, rate: int = SAMPLE_RATE) -> bytes:
    """PCM of digital silence, rounded to a whole sample."""
    return bytes(SAMPLE_BYTES * round(duration_ms * rate / 1000))


def peak(pcm: bytes) -> float:
    """The largest sample, as a share of full scale: 0.0 for silence or nothing, at most 1.0."""
    wave = samples(pcm)
    return max(-int(wave.min()), int(wave.max())) / FULL_SCALE if len(wave) else 0.0


def loudness_dbfs(pcm: bytes) -> float:
    """The level of the whole piece in dBFS with any constant offset removed; `FLOOR_DBFS` for silence or nothing."""
    wave = samples(pcm)
    power = float(np.var(wave, dtype=np.float64)) if len(wave) else 0.0
    return max(FLOOR_DBFS, 10 * math.log10(power / FULL_SCALE**2)) if power else FLOOR_DBFS


def audible_windows(wave: Samples, window: int) -> npt.NDArray[np.bool_]:
    """For each whole window of `window` samples: is it louder than `AUDIBLE_DBFS`, its own mean removed?

    The mean goes because some engines put a constant offset on their silence, which nobody hears.
    """
    count = len(wave) // window
    rows = wave[: count * window].reshape(count, window).astype(np.float64)
    sums = rows @ np.ones(window)
    power = np.einsum("ij,ij->i", rows, rows) - sums * sums / window
    limit = window * (FULL_SCALE * 10 ** (AUDIBLE_DBFS / 20)) ** 2
    return np.asarray(power > limit)


class Resampler:
    """Changes the sample rate of a stream; the bytes fed may be cut anywhere, between the two of a sample too.

    The whole output has `round(n * target_rate / source_rate)` samples for `n` samples fed, within one.

    soxr's recipe `LQ` is chosen for its delay: the first output comes after at most 25 ms of input (5 ms from
    22 050 to 24 000 Hz), where `MQ` and `HQ` take 40 to 45 ms. From 22 050 Hz its passband is flat up to 7 kHz and
    3.5 dB down at 9 kHz, with artefacts below -80 dB. What is not played while it is being made is resampled with
    `resample`, which has no reason to hurry.

    However the input is cut, the output is the same to the bit, so that a sentence that was kept sounds as it did and
    has the same checksum. Given whole numbers soxr would dither them with noise that depends on the cuts.
    """

    def __init__(self, source_rate: int, target_rate: int = SAMPLE_RATE) -> None:
        self.source_rate = source_rate
        self.target_rate = target_rate
        self._odd = b""
        self._stream: Any = None
        if source_rate != target_rate:
            self._stream = soxr.ResampleStream(source_rate, target_rate, 1, dtype="float32", quality="LQ")

    def feed(self, pcm: bytes) -> bytes:
        """PCM at the target rate, as much as is ready; b"" when nothing is."""
        pcm = self._odd + pcm if self._odd else pcm
        whole = len(pcm) - len(pcm) % SAMPLE_BYTES
        self._odd, pcm = pcm[whole:], pcm[:whole]
        if self._stream is None or not pcm:
            return pcm
        return self._resampled(self._stream, pcm)

    def flush(self) -> bytes:
        """The rest. A half sample at the very end is dropped; after this the resampler is used up."""
        self._odd = b""
        if self._stream is None:
            return b""
        stream, self._stream = self._stream, None
        return self._resampled(stream, b"", last=True)

    @staticmethod
    def _resampled(stream: Any, pcm: bytes, *, last: bool = False) -> bytes:
        wave = stream.resample_chunk(samples(pcm).astype(np.float32), last=last)
        return bytes(np.clip(np.rint(wave), -32_768, 32_767).astype("<i2").tobytes())


def resample(pcm: bytes, source_rate: int, target_rate: int) -> bytes:
    """A whole recording at another rate, at high quality: flat to nine tenths of the lower rate's half."""
    if source_rate == target_rate:
        return pcm
    return bytes(soxr.resample(samples(pcm), source_rate, target_rate, quality="HQ").astype("<i2").tobytes())


WINDOW_MS = 5
"""Loudness is judged in windows of this length."""

PREROLL_MS = 15
"""Kept before the first audible window: soft consonants begin below the threshold."""

POSTROLL_MS = 45
"""Kept after the last audible window even where no pause is wanted: they end below it too."""

FADE_IN_MS = 10
FADE_OUT_MS = 10

HELD_S = 5.0
"""Longest silence kept inside a sentence. A provider that sends silence for ever must not fill the memory."""

SENTENCE_PAUSE_MS = 350.0
CLAUSE_PAUSE_MS = 220.0
COMMA_PAUSE_MS = 150.0
OPEN_PAUSE_MS = 60.0

PAUSES_MS = (
    dict.fromkeys(".!?。！？．", SENTENCE_PAUSE_MS)
    | dict.fromkeys(";:…；：—–", CLAUSE_PAUSE_MS)
    | dict.fromkeys(",，、", COMMA_PAUSE_MS)
)
"""Pause after a piece that ends with this character."""

CLOSERS = "\"'»”’)]}」』）】》*_ \t\r\n"


def pause_ms(text: str, *, last: bool = False, speed: float = 1.0) -> float:
    """The pause that belongs after a piece of text, in ms; 0.0 after the last one of a reply.

    Closing quotes and brackets are looked through; three full stops count as an ellipsis. A piece that ends
    without punctuation was cut in the middle of a sentence and gets hardly any pause.
    """
    if last:
        return 0.0
    ending = text.rstrip(CLOSERS)
    if ending.endswith(("...", "……")):
        return CLAUSE_PAUSE_MS / speed
    return PAUSES_MS.get(ending[-1:], OPEN_PAUSE_MS) / speed


def _windows(duration_ms: float) -> int:
    return round(duration_ms / WINDOW_MS)


class Shaper:
    """Shapes the audio of one sentence while it streams through; one shaper a sentence.

    Leading silence is cut down to a short pre-roll that fades in. Silence inside the sentence stays. Silence at the
    end becomes exactly the pause that was asked for: silence up to that length passes at once (a listener on a
    provider that is just fast enough must not starve in a pause), anything longer is held back until it is known
    whether speech follows. The last two windows are always held, so that the end can fade out.

    What is fed may be cut anywhere. Added delay: 10 ms while it speaks, and up to 5 ms more for a cut window.
    """

    def __init__(self, pause_ms: float = 0.0, rate: int = SAMPLE_RATE) -> None:
        self.rate = rate
        self.audible = False
        """True from the first audible window on; the first bytes that `feed` returns are the first audible ones."""
        self.trimmed_ms = 0.0
        """Leading silence that was cut off so far."""
        self._pause = _windows(pause_ms)
        self._step = max(1, rate * WINDOW_MS // 1000) * SAMPLE_BYTES
        self._cut = b""  # less than a window, waiting for the rest of it
        self._held = bytearray()
        self._quiet = 0  # windows since the last audible one

    def feed(self, pcm: bytes) -> bytes:
        """Shaped PCM, as much as may leave now; b"" as long as nothing audible came."""
        data = self._cut + pcm if self._cut else pcm
        whole = len(data) // self._step
        self._cut = data[whole * self._step :]
        return self._take(data[: whole * self._step]) if whole else b""

    def finish(self, pause_ms: float | None = None) -> bytes:
        """The end of the sentence with its pause; b"" if nothing audible ever came. Then the shaper is used up.

        Args:
            pause_ms: another pause than planned, say because the sentence broke off and will be taken up again.
        """
        if pause_ms is not None:
            self._pause = _windows(pause_ms)
        rest, self._cut = self._cut[: len(self._cut) // SAMPLE_BYTES * SAMPLE_BYTES], b""
        before = self._take(rest.ljust(self._step, b"\0")) if rest else b""
        if not self.audible:
            return b""
        surplus = max(0, self._quiet - self._longest()) * self._step
        kept = bytes(self._held[: len(self._held) - surplus])
        self._held.clear()
        missing_ms = max(0, self._pause - self._quiet) * WINDOW_MS
        return before + _faded_out(kept, self.rate) + silence(missing_ms, self.rate)

    def _longest(self) -> int:
        """How many windows of silence may end the sentence."""
        return max(self._pause, _windows(POSTROLL_MS))

    def _take(self, data: bytes) -> bytes:
        """Whole windows in, whole windows out."""
        heard = np.flatnonzero(audible_windows(samples(data), self._step // SAMPLE_BYTES))
        if len(heard):
            self._quiet = len(data) // self._step - 1 - int(heard[-1])
            data = data if self.audible else self._open(data, int(heard[0]))
        elif self.audible:
            room = max(0, round(HELD_S * 1000 / WINDOW_MS) * self._step - len(self._held))
            data = data[:room]
            self._quiet += len(data) // self._step
        else:
            self._lead(data)
            return b""
        self._held += data
        keep = (_windows(FADE_OUT_MS) + max(0, self._quiet - self._longest())) * self._step
        ready = bytes(self._held[: max(0, len(self._held) - keep)])
        del self._held[: len(ready)]
        return ready

    def _lead(self, data: bytes) -> None:
        """Of the silence so far, keep what the pre-roll may need."""
        self._held += data
        self._trim(max(0, len(self._held) // self._step - _windows(PREROLL_MS)))

    def _open(self, data: bytes, first: int) -> bytes:
        """The sentence from its pre-roll on, faded in if something was cut off before it."""
        first += len(self._held) // self._step
        self._held += data
        self._trim(max(0, first - _windows(PREROLL_MS)))
        data = bytes(self._held)
        self._held.clear()
        self.audible = True
        return _faded_in(data, self.rate) if self.trimmed_ms else data

    def _trim(self, windows: int) -> None:
        del self._held[: windows * self._step]
        self.trimmed_ms += windows * WINDOW_MS


def _ramp(rate: int, fade_ms: float, longest: int) -> npt.NDArray[np.float64]:
    """A raised cosine from 0 to 1: of length `fade_ms`, or shorter where there is less to fade."""
    count = min(longest, round(rate * fade_ms / 1000))
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * (np.arange(count) + 0.5) / max(1, count)))


def _faded_in(data: bytes, rate: int) -> bytes:
    wave = samples(data).copy()
    ramp = _ramp(rate, FADE_IN_MS, len(wave))
    wave[: len(ramp)] = np.rint(wave[: len(ramp)] * ramp)
    return wave.tobytes()


def _faded_out(data: bytes, rate: int) -> bytes:
    wave = samples(data).copy()
    ramp = _ramp(rate, FADE_OUT_MS, len(wave))
    start = len(wave) - len(ramp)
    wave[start:] = np.rint(wave[start:] * ramp[::-1])
    return wave.tobytes()
