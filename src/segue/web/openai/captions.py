"""Words with their times, as segments and subtitles. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from segue.voice.ports import Transcript, Word

PAUSE_S = 0.8
"""A silence this long between two words ends a cue."""
LONGEST_S = 6.0
"""A cue stays on a screen for at most about this long."""
MOST_WORDS = 14
"""About two lines of a subtitle."""


@dataclass(frozen=True, slots=True)
class Cue:
    """A stretch of speech with its place in the recording, in seconds."""

    text: str
    start_s: float
    end_s: float


def cues(transcript: Transcript) -> tuple[Cue, ...]:
    """The transcript in cues; a recognizer that tells no times gives one over the whole recording."""
    if not transcript.text:
        return ()
    if not transcript.words:
        return (Cue(transcript.text, 0.0, transcript.duration_s),)
    between = "" if transcript.language == "zh" else " "
    return tuple(
        Cue(between.join(word.text for word in group), group[0].start_s, group[-1].end_s)
        for group in _groups(transcript.words)
    )


def _groups(words: Sequence[Word]) -> list[list[Word]]:
    groups: list[list[Word]] = []
    for word in words:
        group = groups[-1] if groups else []
        fits = (
            group
            and word.start_s - group[-1].end_s < PAUSE_S
            and word.end_s - group[0].start_s <= LONGEST_S
            and len(group) < MOST_WORDS
        )
        if fits:
            group.append(word)
        else:
            groups.append([word])
    return groups


def srt(found: Sequence[Cue]) -> str:
    """Cues as SubRip."""
    blocks = [
        f"{number}\n{_time(cue.start_s, ',')} --> {_time(cue.end_s, ',')}\n{cue.text}\n"
        for number, cue in enumerate(found, 1)
    ]
    return "\n".join(blocks)


def vtt(found: Sequence[Cue]) -> str:
    """Cues as WebVTT."""
    blocks = [f"{_time(cue.start_s, '.')} --> {_time(cue.end_s, '.')}\n{cue.text}\n" for cue in found]
    return "\n".join(["WEBVTT\n", *blocks])


def _time(seconds: float, point: str) -> str:
    ms = round(max(0.0, seconds) * 1000)
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}{point}{ms % 1000:03}"
