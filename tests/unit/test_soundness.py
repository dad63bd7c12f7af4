"""What a provider returned for a sentence, judged."""

import numpy as np
import pytest

from segue.errors import FailureCategory
from segue.voice.audio import silence
from segue.voice.soundness import Flaw, brevity, sanity, shortest_ms
from tests.unit.test_audio import tone

TEXT = "Потяг до Львова вирушає о сьомій годині ранку."
SQUARE = np.where(np.arange(60_000) % 100 < 50, 32_767, -32_768).astype("<i2").tobytes()


@pytest.mark.parametrize(
    ("pcm", "flaw", "category"),
    [
        (b"", Flaw.EMPTY, FailureCategory.EMPTY_AUDIO),
        (silence(2500), Flaw.SILENT, FailureCategory.EMPTY_AUDIO),
        (tone(120), Flaw.SHORT, FailureCategory.TRUNCATED),
        (tone(2500) + b"\0", Flaw.ODD, FailureCategory.TRUNCATED),
        (
            np.where(np.arange(60_000) % 100 < 50, 32_767, -32_768).astype("<i2").tobytes(),
            Flaw.CLIPPED,
            FailureCategory.SERVER,
        ),
    ],
)
def test_flaws(pcm: bytes, flaw: Flaw, category: FailureCategory) -> None:
    """Each flaw is found, filed under its failure category, and explained."""
    finding = sanity(pcm, 24_000, TEXT, "uk")
    assert finding is not None
    assert (finding.flaw, finding.category) == (flaw, category)
    assert len(finding.reason) > 20


@pytest.mark.parametrize(
    ("pcm", "text", "language"),
    [
        (tone(2500), TEXT, "uk"),
        (tone(1500, level=0.9), TEXT, "uk"),
        (tone(120), "Так.", "uk"),
        (tone(900), "今天天气很好。", "zh"),
        (b"", "— …", "en"),
        (silence(40), "", "en"),
    ],
)
def test_sound_audio_passes(pcm: bytes, text: str, language: str) -> None:
    """Plausible audio has no flaw, and where no letter was to be said, nothing was due."""
    assert sanity(pcm, 24_000, text, language) is None


def test_one_loud_part_of_a_window_is_audible() -> None:
    """A rate whose windows do not divide the audio still judges the last few samples."""
    finding = sanity(silence(1500, 22_050) + tone(4, 22_050), 22_050, "Так", "uk")
    assert finding is None


def test_chinese_is_denser() -> None:
    """A Chinese character takes longer than a letter, a faster voice less, and a region changes nothing."""
    assert shortest_ms("天" * 9, "zh-CN") == 1000
    assert shortest_ms("a" * 30, "en") == 1000
    assert shortest_ms("a" * 30, "en", speed=2.0) == 500


def test_streams_are_judged_by_their_length() -> None:
    """Without the audio at hand its audible length tells nothing, too little and enough apart."""
    assert brevity(2000, TEXT, "uk") is None
    short, empty = brevity(100, TEXT, "uk"), brevity(0, TEXT, "uk")
    assert short is not None
    assert short.flaw is Flaw.SHORT
    assert empty is not None
    assert empty.flaw is Flaw.EMPTY
    assert brevity(0, "!", "uk") is None
