"""The process that holds Whisper: `python -m segue.providers.whisper_worker '{"model": …, "languages": …, …}'`.

The argument gives the folder, `compute_type`, `languages`, `speech_only` (cut out what is no speech) and `threads`.
The data of a job is 16 kHz mono s16le. Header: `language`, and `hint`, words that are likely. The result is `text`,
`words` ([word, start_s, end_s]) and `logprob` (the mean logarithm of a token's probability, or null).
"""

import importlib.metadata
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from segue.providers import pipe

TEMPERATURES = (0.0, 0.4, 0.8)
"""The second and third are tried where the model repeats itself or is unsure: three passes over a window at most."""
LONGEST_REPLY = 220
"""Tokens written for a window of 30 s. The model has room for 448; a hint may take 224 and the task 4 of them."""


class Ears:
    """The loaded model."""

    def __init__(
        self, model: str, compute_type: str, languages: Sequence[str], speech_only: bool, threads: int
    ) -> None:
        try:
            from faster_whisper import WhisperModel  # type: ignore[import-untyped]  # noqa: PLC0415 (an optional extra)
        except ImportError as error:
            message = "faster-whisper is not installed: pip install 'segue[whisper]'."
            raise pipe.JobFailed(message, "unsupported") from error
        try:
            self._model = WhisperModel(
                model, device="cpu", compute_type=compute_type, cpu_threads=threads, local_files_only=True
            )
        except Exception as error:  # whatever a library makes of a file that is not what it should be
            reason = f"{type(error).__name__}: {error}"
            raise pipe.JobFailed(f"Whisper cannot be loaded from {model} ({reason})", "unsupported") from error
        self._speech_only = speech_only
        self._check_features(model)
        self.languages = self._heard(languages)

    def hear(self, job: pipe.Job) -> Mapping[str, Any]:
        """One recording; returns at its end, or at the end of the window in which it was cancelled."""
        samples = np.frombuffer(job.data, dtype="<i2").astype(np.float32) / 32_768
        segments, _ = self._model.transcribe(
            samples,
            language=job.header["language"],
            hotwords=job.header["hint"] or None,
            word_timestamps=True,
            vad_filter=self._speech_only,
            temperature=TEMPERATURES,
            max_new_tokens=LONGEST_REPLY,
            # What one window was heard as would be the model's prompt for the next: a mishearing would go on for ever.
            condition_on_previous_text=False,
        )
        heard = []
        for segment in segments:
            if job.cancelled():
                return {"cancelled": True}
            heard.append(segment)
        tokens = sum(len(segment.tokens) for segment in heard)
        return {
            "text": "".join(segment.text for segment in heard).strip(),
            "words": [
                [word.word.strip(), float(word.start), float(word.end)]
                for segment in heard
                for word in segment.words or ()
            ],
            "logprob": float(sum(len(one.tokens) * one.avg_logprob for one in heard) / tokens) if tokens else None,
        }

    def _check_features(self, model: str) -> None:
        """Large models take 128 bands of sound, others 80; a file says so, and without it the library takes 80."""
        made, taken = len(self._model.feature_extractor.mel_filters), self._model.model.n_mels
        if made != taken:
            message = (
                f"{model} takes {taken} bands of sound and is given {made}; its preprocessor_config.json is missing"
            )
            raise pipe.JobFailed(message, "unsupported")

    def _heard(self, languages: Sequence[str]) -> list[str]:
        """Those of the languages that the model hears."""
        known = set(self._model.supported_languages)
        strange = [code for code in languages if code not in known]
        if strange and (self._model.model.is_multilingual or len(strange) == len(languages)):
            raise pipe.JobFailed(f"Whisper's model does not hear {', '.join(strange)}", "unsupported")
        return [code for code in languages if code in known]


def start() -> tuple[Mapping[str, Any], pipe.Handler]:
    """Load the model; what `pipe.serve` wants."""
    os.environ["HF_HUB_OFFLINE"] = "1"  # nothing is downloaded, whatever is missing
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # ONNX Runtime reports its use to its maker unless told not to
    ears = Ears(**json.loads(sys.argv[1]))
    return {"version": importlib.metadata.version("faster-whisper"), "languages": ears.languages}, ears.hear


if __name__ == "__main__":
    pipe.serve(start)
