"""Who speaks, in a few numbers: how high, how bright, and how the energy lies over the bands of hearing.

Two prints of one text tell voices apart that differ in anything but a few samples; of two texts that have most of their
words in common they tell speakers apart. The figures behind the limits are in `tests/unit/test_sound.py`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from segue.voice.audio import FULL_SCALE, samples

SAME_TAKE = 0.25
"""Two takes of one text nearer than this are one voice: those of the embedded voices lie within 0.15 of each other, and
0.37 and more from their nearest neighbour."""
SAME_SPEAKER = 1.0
"""Two takes of one text farther apart than this are different speakers, also where a voice speaks a text a little
differently each time."""
OTHER_TEXT = 0.6
"""Prints of two texts farther apart than this are worth a second look with one text."""

BANDS = 24
LOWEST_HZ, HIGHEST_HZ = 100.0, 7_500.0
PITCH_HZ = (55.0, 420.0)
PITCH_SCALE_ST, SPECTRUM_SCALE_DB = 1.5, 2.0
"""What counts as one step of distance: so much in pitch, or so much in the mean spectrum."""
QUIET_DB = 25.0
"""What lies so far below the loudest moment says nothing of a voice."""
FLOOR_DB = 35.0
"""Bands this far below the strongest one count as equal: what is in them is the noise of a room or of an encoder."""
VOICED = 0.5
"""Least correlation of a frame with itself, one period later, from which on it is voiced."""
FRAME_S, STEP_S = 0.04, 0.02

Wave = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Voiceprint:
    """A voice as it was heard in one text."""

    pitch_hz: float
    """Median of the fundamental frequency; 0 where nothing is voiced."""
    centroid_hz: float
    """Centre of the long-term spectrum."""
    spectrum_db: tuple[float, ...]
    """The long-term average spectrum in bands of equal width on the mel scale, without its mean."""
    voiced_share: float
    """How much of what is loud enough is voiced, from 0 to 1."""

    def as_dict(self) -> dict[str, Any]:
        """The print as plain values, rounded to what matters."""
        return {
            "pitch_hz": round(self.pitch_hz, 2),
            "centroid_hz": round(self.centroid_hz, 1),
            "spectrum_db": [round(value, 2) for value in self.spectrum_db],
            "voiced_share": round(self.voiced_share, 3),
        }


def from_dict(plain: Mapping[str, Any]) -> Voiceprint | None:
    """The print that was written down; None if this is none, or one with other bands."""
    try:
        spectrum = tuple(float(value) for value in plain["spectrum_db"])
        found = Voiceprint(
            float(plain["pitch_hz"]), float(plain["centroid_hz"]), spectrum, float(plain["voiced_share"])
        )
    except (KeyError, TypeError, ValueError):
        return None
    return found if len(spectrum) == BANDS else None


def voiceprint(pcm: bytes, rate: int) -> Voiceprint | None:
    """The print of a piece of speech, 16-bit mono PCM; None where nothing in it can be heard."""
    wave = samples(pcm).astype(np.float64) / FULL_SCALE
    size, step = round(rate * FRAME_S), round(rate * STEP_S)
    if len(wave) < size:
        return None
    frames = wave[np.arange(0, len(wave) - size + 1, step)[:, None] + np.arange(size)]
    frames = frames - frames.mean(axis=1, keepdims=True)
    power = (frames**2).mean(axis=1)
    loud = frames[power > max(power.max() * 10 ** (-QUIET_DB / 10), 1e-9)]
    if not len(loud):
        return None
    window = np.hanning(size)
    length = 1 << (2 * size - 1).bit_length()
    energy = np.abs(np.fft.rfft(loud * window, length)) ** 2
    pitches_hz = _pitches_hz(energy, window, length, rate)
    frequencies = np.fft.rfftfreq(length, 1 / rate)
    bands_db = (10 * np.log10(energy @ _bands(frequencies).T + 1e-9)).mean(axis=0)
    bands_db = np.maximum(bands_db, bands_db.max() - FLOOR_DB)
    whole = energy.sum(axis=0)
    return Voiceprint(
        float(np.median(pitches_hz)) if len(pitches_hz) else 0.0,
        float((whole * frequencies).sum() / whole.sum()),
        tuple(float(value) for value in bands_db - bands_db.mean()),
        len(pitches_hz) / len(loud),
    )


def distance(one: Voiceprint, other: Voiceprint) -> float:
    """How far two voices are from each other: the larger of the steps in pitch and in the spectrum; 0 for the same."""
    spectrum = np.subtract(one.spectrum_db, other.spectrum_db)
    steps = float(np.sqrt(np.mean(spectrum**2))) / SPECTRUM_SCALE_DB
    if one.pitch_hz and other.pitch_hz:
        return max(steps, 12 * abs(math.log2(one.pitch_hz / other.pitch_hz)) / PITCH_SCALE_ST)
    return steps


def _pitches_hz(energy: Wave, window: Wave, length: int, rate: int) -> Wave:
    """The fundamental of each voiced frame: the first lag whose correlation is nearly the best."""
    shortest, longest = int(rate / PITCH_HZ[1]), int(rate / PITCH_HZ[0])
    longest = min(longest, len(window) - 1)
    own = np.fft.irfft(np.abs(np.fft.rfft(window, length)) ** 2)[:longest]
    lags = np.fft.irfft(energy)[:, :longest]
    lags = lags / np.maximum(lags[:, :1], 1e-12) / (own / own[0])
    seen = lags[:, shortest:]
    best = seen.max(axis=1)
    peaks = (seen[:, 1:-1] >= seen[:, :-2]) & (seen[:, 1:-1] >= seen[:, 2:]) & (seen[:, 1:-1] >= 0.9 * best[:, None])
    voiced = (best > VOICED) & peaks.any(axis=1)
    return np.asarray(rate / (peaks[voiced].argmax(axis=1) + shortest + 1.0))


def _bands(frequencies: npt.NDArray[np.floating[Any]]) -> Wave:
    """Triangles over the frequencies, one row a band."""
    mel = np.linspace(_mel(LOWEST_HZ), _mel(HIGHEST_HZ), BANDS + 2)
    edges = 700 * (10 ** (mel / 2595) - 1)
    rows = [
        np.clip(np.minimum((frequencies - low) / (middle - low), (high - frequencies) / (high - middle)), 0, None)
        for low, middle, high in zip(edges, edges[1:], edges[2:], strict=False)
    ]
    return np.array(rows)


def _mel(frequency_hz: float) -> float:
    return 2595 * math.log10(1 + frequency_hz / 700)
