"""The process that listens: `python -m segue.providers.pocketsphinx_worker`.

The recognizer keeps the interpreter to itself while it works, so it has an interpreter of its own. The data of a job is
16 kHz mono s16le that begins and ends with `pad_ms` of near silence. Header: `pad_ms`; `candidates`, a list of
phrases (lists of lower-case words), one of which is looked for; and `work_s`, how long dictation may take. Without
candidates it writes down what it hears.
The result is `choice` (an index, or null), `text`, `confidence` and `words` ([word, start_s, end_s]).
"""

import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from segue.providers import pipe

RATE = 16000
FRAMES_PER_SECOND = 100
VAD_MS = 30
STEP_BYTES = RATE // 10 * 2
"""Dictation looks whether it was cancelled after each of these: 100 ms of audio, about 20 ms of work."""

UNEXPLAINED_MS = 360
UNEXPLAINED_PART = 0.12
"""Speech outside the words of a phrase, as milliseconds and as a part of all speech; beyond the larger of the two it
was not that phrase that was said. Right phrases leave up to 300 ms (breath, releases), wrong ones mostly more."""

DECOYS = (
    "how do you do",
    "see you later",
    "one hundred and seven",
    "the house by the river",
    "please close the window before you go",
    "nobody knows where the money went",
    "yes",
    "a small yellow boat",
    "it was raining all day on monday",
    "we are going to be late again",
    "she bought bread and cheese",
    "early in the morning",
    "my brother works at the church",
    "what a beautiful picture",
    "take the second street on the left",
    "the machine does not answer",
    "eight",
    "give me a glass of water please",
    "happy birthday",
    "that is a very good question and we will think about it",
)
"""What else could have been said. A phrase must win against these: a lone phrase stretches over almost any speech."""


class Ears:
    """The loaded recognizer with the American English model that it ships with."""

    def __init__(self) -> None:
        try:
            import pocketsphinx  # noqa: PLC0415 (an optional extra, missing until it is asked for)
        except ImportError as error:
            message = "PocketSphinx is not installed: pip install 'segue[speech]'."
            raise pipe.JobFailed(message, "unsupported") from error
        self._decoder = pocketsphinx.Decoder(samprate=RATE, loglevel="FATAL")
        self._new_vad = partial(pocketsphinx.Vad, mode=3, sample_rate=RATE, frame_length=VAD_MS / 1000)

    def hear(self, job: pipe.Job) -> Mapping[str, Any]:
        """One recording."""
        nothing: dict[str, Any] = {"choice": None, "text": "", "confidence": None, "words": []}
        speech = self._speech(job.data)
        if not any(speech):
            return nothing
        candidates = job.header["candidates"]
        if candidates:
            return self._choose(job, candidates, speech) or nothing
        return self._dictate(job) or nothing

    def _speech(self, pcm: bytes) -> list[bool]:
        """Which pieces of `VAD_MS` hold speech. The detector adapts to what it hears, so each recording has its own."""
        vad = self._new_vad()
        size = vad.frame_bytes
        return [vad.is_speech(pcm[at : at + size]) for at in range(0, len(pcm) - size + 1, size)]

    def _choose(self, job: pipe.Job, candidates: Sequence[list[str]], speech: Sequence[bool]) -> dict[str, Any] | None:
        """Which candidate was said, if one was said in full and nothing else."""
        strangers = sorted({word for words in candidates for word in words if self._decoder.lookup_word(word) is None})
        if strangers:
            message = f"The English dictionary does not have {', '.join(strangers)}."
            raise pipe.JobFailed(message, "unsupported")
        phrases = [" ".join(words) for words in candidates]
        others = [decoy for decoy in DECOYS if decoy not in phrases]
        grammar = "#JSGF V1.0;\ngrammar closed;\npublic <said> = " + " | ".join([*phrases, *others]) + ";"
        self._decoder.add_jsgf_string("closed", grammar)
        self._decoder.activate_search("closed")
        self._begin()
        # In one piece: the channel is then estimated over the whole recording, which halves the errors.
        self._decoder.process_raw(job.data, False, True)
        self._decoder.end_utt()
        found = self._decoder.hyp()
        if found is None or found.hypstr not in phrases:
            return None
        words = self._words(job.header["pad_ms"])
        if not _explained(words, speech, job.header["pad_ms"]):
            return None
        return {"choice": phrases.index(found.hypstr), "text": found.hypstr, "confidence": None, "words": words}

    def _dictate(self, job: pipe.Job) -> dict[str, Any] | None:
        """Whatever was said, as well as the model can."""
        self._decoder.activate_search(None)
        self._begin()
        until = time.monotonic() + job.header["work_s"]
        late = False
        for at in range(0, len(job.data), STEP_BYTES):
            late = time.monotonic() > until
            if job.cancelled() or late:
                break
            self._decoder.process_raw(job.data[at : at + STEP_BYTES], False, False)
        self._decoder.end_utt()
        if late:
            raise pipe.JobFailed(f"Dictation was not done after {job.header['work_s']:g} s of work.", "timeout")
        found = None if job.cancelled() else self._decoder.hyp()
        if found is None or not found.hypstr:
            return None
        words = self._words(job.header["pad_ms"])
        confidence = min(1.0, max(0.0, found.prob))
        return {
            "choice": None,
            "text": " ".join(word for word, _, _ in words),
            "confidence": confidence,
            "words": words,
        }

    def _begin(self) -> None:
        """Start a recording with nothing left over from the one before: its noise and channel are not this one's."""
        self._decoder.reinit_feat()
        self._decoder.start_utt()

    def _words(self, pad_ms: int) -> list[tuple[str, float, float]]:
        """The words just recognized with their seconds in the recording before it was padded."""
        words = []
        for part in self._decoder.seg():
            if part.word.startswith(("<", "[", "+")):
                continue  # silence, noise, the ends of the sentence
            start, end = (frame / FRAMES_PER_SECOND - pad_ms / 1000 for frame in (part.start_frame, part.end_frame + 1))
            words.append((part.word.split("(")[0], round(max(0.0, start), 3), round(max(0.0, end), 3)))
        return words


def _explained(words: Sequence[tuple[str, float, float]], speech: Sequence[bool], pad_ms: int) -> bool:
    """Whether the words cover the speech, but for a little."""
    step = VAD_MS / 1000
    outside = 0
    for number, spoken in enumerate(speech):
        start = number * step - pad_ms / 1000
        if spoken and not any(begin < start + step and start < end for _, begin, end in words):
            outside += VAD_MS
    return outside <= max(UNEXPLAINED_MS, UNEXPLAINED_PART * VAD_MS * sum(speech))


def start() -> tuple[Mapping[str, Any], pipe.Handler]:
    """Load the model; what `pipe.serve` wants."""
    ears = Ears()
    return {"model": "pocketsphinx en-us", "rate": RATE}, ears.hear


if __name__ == "__main__":
    pipe.serve(start)
