"""Is it speech, and all of it? What is measured of a piece of audio, and the limits it is held to.

Levels are dBFS: the root mean square against full scale. Loudness is gated: windows more than 10 dB below the level of
all audible ones are left out, so that pauses do not count; there is no weighting by frequency.
"""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from segue.operations.report import Figure, Level
from segue.voice.audio import AUDIBLE_DBFS, FLOOR_DBFS, FULL_SCALE, samples
from segue.voice.pace import longest_ms
from segue.voice.soundness import shortest_ms

WINDOW_MS = 10
GATE_DB = 10.0
TAIL_MS, FADE_MS = 27, 12
"""The end that is judged, and how much of it may be a fade that Segue itself put there."""
DROPOUT_MS = 4.0
"""So much exact silence between two loud moments was never spoken."""
JUMP = 0.1
"""A sample that jumps this far, in parts of the loudness, into or out of exact silence was cut there. Around the stops
of embedded voices, which are exactly silent too, nothing jumps farther than 0.01."""
TORN_DB, STEEP_DB, STEEP_MS = 35.0, 6.0, 2
"""Where a conversion to another rate has filled silence with ripples: so far below the loudness, between two moments
not more than 6 dB below it, 2 ms before and after. Closed lips do it once in seventy phrases: one of them is none."""

Wave = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Limits:
    """What speech must keep to: the first is worth a warning, the second is wrong."""

    quiet_dbfs: tuple[float, float] = (-36.0, -42.0)
    loud_dbfs: tuple[float, float] = (-8.0, -4.0)
    edge_silence_ms: tuple[float, float] = (800.0, 2500.0)
    inner_silence_ms: tuple[float, float] = (900.0, 2000.0)
    clipped_share: tuple[float, float] = (0.001, 0.01)
    offset_share: tuple[float, float] = (0.01, 0.05)
    tail_db: tuple[float, float] = (3.0, 5.5)
    """Level of the end against the loudness of the whole: speech dies away, and what is cut does not."""
    dropouts: tuple[int, int] = (1, 3)
    hurried_share: tuple[float, float] = (1.2, 0.95)
    """Length against that of the text read in a hurry."""
    voiced_share: tuple[float, float] = (0.25, 0.1)


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Sound:
    """What was measured of one piece of audio."""

    duration_ms: float
    loudness_dbfs: float
    peak_dbfs: float
    leading_ms: float
    trailing_ms: float
    longest_silence_ms: float
    """Inside, between the first and the last audible moment."""
    clipped_share: float
    offset_share: float
    """Constant offset, as a share of full scale."""
    tail_db: float
    """Level of the end, its last 12 ms left out, against the loudness."""
    dropouts: int

    def figures(self) -> dict[str, Figure]:
        """The figures of a check."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing that is wrong with a sound."""

    name: str
    level: Level
    reason: str


def measure(pcm: bytes, rate: int) -> Sound:
    """What there is to measure of 16-bit mono PCM."""
    wave = samples(pcm).astype(np.float64) / FULL_SCALE
    duration_ms = len(wave) * 1000 / rate
    offset = float(wave.mean()) if len(wave) else 0.0
    window = max(1, rate * WINDOW_MS // 1000)
    rows = wave[: len(wave) // window * window].reshape(-1, window)
    power = rows.var(axis=1) if len(rows) else np.zeros(0)
    heard = np.flatnonzero(power > 10 ** (AUDIBLE_DBFS / 10))
    if not len(heard):
        return Sound(duration_ms, FLOOR_DBFS, FLOOR_DBFS, duration_ms, 0.0, 0.0, 0.0, abs(offset), FLOOR_DBFS, 0)
    loud = power[heard]
    loudness = _db(float(loud[loud > loud.mean() * 10 ** (-GATE_DB / 10)].mean()))
    gaps = np.diff(heard) - 1
    return Sound(
        duration_ms,
        loudness,
        _db(float(np.abs(wave).max()) ** 2),
        float(heard[0]) * WINDOW_MS,
        max(0.0, duration_ms - (float(heard[-1]) + 1) * WINDOW_MS),
        float(gaps.max()) * WINDOW_MS if len(gaps) else 0.0,
        float(np.mean(np.abs(wave) > 32_760 / FULL_SCALE)),
        abs(offset),
        _tail_db(wave, rate) - loudness,
        max(_dropouts(wave, rate, loudness), _torn(wave, rate, loudness)),
    )


def flaws(
    sound: Sound,
    text: str,
    language: str,
    *,
    speed: float = 1.0,
    voiced_share: float | None = None,
    limits: Limits = LIMITS,
) -> Iterator[Flaw]:
    """What is wrong with a sound that should be this text, in words, at this speed; nothing where it is sound."""
    if sound.loudness_dbfs <= AUDIBLE_DBFS:
        yield Flaw(
            "silent", Level.FAIL, f"nothing in {sound.duration_ms:.0f} ms is louder than {AUDIBLE_DBFS:.0f} dBFS"
        )
        return
    yield from _level(sound, limits)
    yield from _length(sound, text, language, speed, limits)
    for name, value, bounds, words in (
        ("leading", sound.leading_ms, limits.edge_silence_ms, "it begins with {:.0f} ms of silence"),
        ("trailing", sound.trailing_ms, limits.edge_silence_ms, "it ends with {:.0f} ms of silence"),
        ("pause", sound.longest_silence_ms, limits.inner_silence_ms, "it is silent for {:.0f} ms inside"),
        ("clipped", sound.clipped_share, limits.clipped_share, "{:.2%} of the samples are at full scale"),
        ("offset", sound.offset_share, limits.offset_share, "it has a constant offset of {:.1%} of full scale"),
        ("cut", sound.tail_db, limits.tail_db, "it ends at {:+.1f} dB of its own loudness, without dying away"),
        ("dropouts", sound.dropouts, limits.dropouts, "{:.0f} times it breaks off in the middle of a sound"),
    ):
        level = _over(value, bounds)
        if level is not None:
            yield Flaw(name, level, words.format(value))
    if voiced_share is not None and (level := _under(voiced_share, limits.voiced_share)) is not None:
        yield Flaw("voiceless", level, f"only {voiced_share:.0%} of what is loud in it is a voice")


def _level(sound: Sound, limits: Limits) -> Iterator[Flaw]:
    too_quiet, too_loud = _under(sound.loudness_dbfs, limits.quiet_dbfs), _over(sound.loudness_dbfs, limits.loud_dbfs)
    if too_quiet is not None:
        yield Flaw("quiet", too_quiet, f"its loudness is {sound.loudness_dbfs:.1f} dBFS")
    if too_loud is not None:
        yield Flaw("loud", too_loud, f"its loudness is {sound.loudness_dbfs:.1f} dBFS")


def _length(sound: Sound, text: str, language: str, speed: float, limits: Limits) -> Iterator[Flaw]:
    spoken_ms = sound.duration_ms - sound.leading_ms - sound.trailing_ms
    due_ms = shortest_ms(text, language, speed)
    if due_ms and (level := _under(spoken_ms / due_ms, limits.hurried_share)) is not None:
        yield Flaw("short", level, f"{spoken_ms:.0f} ms are too short for a text that takes {due_ms:.0f} ms in a hurry")
    if spoken_ms > longest_ms(text, language, speed):
        yield Flaw("long", Level.FAIL, f"{spoken_ms:.0f} ms are too long for its text")


def _over(value: float, bounds: tuple[float, float]) -> Level | None:
    return Level.FAIL if value >= bounds[1] else Level.WARN if value >= bounds[0] else None


def _under(value: float, bounds: tuple[float, float]) -> Level | None:
    return Level.FAIL if value <= bounds[1] else Level.WARN if value <= bounds[0] else None


def _tail_db(wave: Wave, rate: int) -> float:
    end = len(wave) - rate * FADE_MS // 1000
    tail = wave[max(0, end - rate * (TAIL_MS - FADE_MS) // 1000) : max(0, end)]
    return _db(float(tail.var())) if len(tail) else FLOOR_DBFS


def _dropouts(wave: Wave, rate: int, loudness_dbfs: float) -> int:
    """Stretches of exact silence that begin or end in the middle of sound: what did not arrive is zeros."""
    still = np.abs(np.diff(wave)) < 0.5 / FULL_SCALE
    edges = np.flatnonzero(np.diff(np.concatenate(([0], still.view(np.int8), [0])))).reshape(-1, 2)
    least, around, far = rate * DROPOUT_MS / 1000, rate * 5 // 1000, JUMP * 10 ** (loudness_dbfs / 20)
    inside = [(at, to) for at, to in edges if to - at >= least and at >= around and to + around < len(wave)]
    return sum(bool(max(abs(wave[at - 1] - wave[at]), abs(wave[to + 1] - wave[to])) > far) for at, to in inside)


def _torn(wave: Wave, rate: int, loudness_dbfs: float) -> int:
    """Stretches of near silence that begin and end at once in the middle of loud sound, where there are several."""
    window = max(1, rate // 1000)
    rows = wave[: len(wave) // window * window].reshape(-1, window)
    levels = 10 * np.log10((rows**2).mean(axis=1) + 1e-12) - loudness_dbfs
    still = levels < -TORN_DB
    edges = np.flatnonzero(np.diff(np.concatenate(([0], still.view(np.int8), [0]))))
    found = 0
    for begin, end in edges.reshape(-1, 2):
        if end - begin < DROPOUT_MS - 1 or begin < STEEP_MS or end + STEEP_MS > len(levels):
            continue
        found += bool(min(levels[begin - STEEP_MS : begin].max(), levels[end : end + STEEP_MS].max()) > -STEEP_DB)
    return found if found > 1 else 0


def _db(power: float) -> float:
    return max(FLOOR_DBFS, 10 * math.log10(power)) if power > 0 else FLOOR_DBFS
