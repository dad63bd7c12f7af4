"""The process that holds Piper: `python -m segue.providers.piper_worker '{"voices": …, "threads": 2}'`.

Piper is licensed under the GPL; it is loaded here and nowhere else in Segue. `voices` gives the `path` and the
`speaker` of each voice by name. Job header: `voice`, `speed`, `text`, and the `rate` that its listener counts on. Audio
is mono s16le, one piece a sentence.
"""

import importlib.metadata
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from segue.providers import pipe

OFFLINE = ("espeak", "text")
"""Kinds of phonemes that need nothing but the wheel of Piper. For Chinese `pinyin` it would download another model;
Chinese voices with `espeak` phonemes are spoken."""


class Voices:
    """The loaded voices."""

    def __init__(self, voices: Mapping[str, Mapping[str, str]], threads: int) -> None:
        try:
            import onnxruntime  # type: ignore[import-untyped]  # noqa: PLC0415 (comes with Piper)
            import piper  # noqa: PLC0415 (an optional extra, missing until it is asked for)
        except ImportError as error:
            raise pipe.JobFailed("Piper is not installed: pip install 'segue[piper]'.", "unsupported") from error
        self._piper = piper
        self._onnx = onnxruntime
        self._threads = threads
        self._loaded = {name: self._load(name, Path(known["path"])) for name, known in voices.items()}
        self._speakers = {name: self._speaker(name, known["speaker"]) for name, known in voices.items()}

    @property
    def rates(self) -> Mapping[str, int]:
        """Samples a second, by voice."""
        return {name: int(voice.config.sample_rate) for name, voice in self._loaded.items()}

    def speak(self, job: pipe.Job) -> Mapping[str, Any]:
        """Speak one job; returns at its end, or at the end of the sentence in which it was cancelled."""
        voice = self._loaded[job.header["voice"]]
        asked = self._piper.SynthesisConfig(
            speaker_id=self._speakers[job.header["voice"]],
            length_scale=voice.config.length_scale / job.header["speed"],
        )
        for chunk in voice.synthesize(job.header["text"], asked):
            if job.cancelled():
                break
            if (chunk.sample_rate, chunk.sample_channels) != (job.header["rate"], 1):
                raise pipe.JobFailed(f"The file of voice {job.header['voice']!r} was changed; start Segue anew.")
            if chunk.audio_int16_bytes:
                job.emit(chunk.audio_int16_bytes)
        return {"cancelled": job.cancelled()}

    def _load(self, name: str, path: Path) -> Any:
        # Piper's own `load` takes as many threads as there are cores, for each voice in each process.
        options = self._onnx.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        try:
            told = json.loads(path.with_name(path.name + ".json").read_text(encoding="utf-8"))
            config = self._piper.PiperConfig.from_dict(told)
            session = self._onnx.InferenceSession(str(path), sess_options=options, providers=["CPUExecutionProvider"])
        except Exception as error:  # whatever a library makes of a file that is not what it should be
            reason = f"{type(error).__name__}: {error}"
            raise pipe.JobFailed(f"voice {name!r} cannot be loaded from {path} ({reason})", "unsupported") from error
        if config.phoneme_type.value not in OFFLINE:
            message = (
                f"voice {name!r} needs {config.phoneme_type.value} phonemes; only espeak and text need nothing more"
            )
            raise pipe.JobFailed(message, "unsupported")
        return self._piper.PiperVoice(session=session, config=config)

    def _speaker(self, name: str, speaker: str) -> int | None:
        """The number of a speaker; None for a file that has one."""
        config = self._loaded[name].config
        if not speaker:
            return config.default_speaker_id if config.num_speakers > 1 else None
        if speaker not in config.speaker_id_map:
            have = ", ".join(config.speaker_id_map) or "one, without a name"
            raise pipe.JobFailed(f"voice {name!r} has no speaker {speaker!r}; its file has {have}", "unsupported")
        return int(config.speaker_id_map[speaker])


def start() -> tuple[Mapping[str, Any], pipe.Handler]:
    """Load the voices; what `pipe.serve` wants."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # ONNX Runtime reports its use to its maker unless told not to
    asked = json.loads(sys.argv[1])
    voices = Voices(asked["voices"], asked["threads"])
    return {"version": importlib.metadata.version("piper-tts"), "rates": voices.rates}, voices.speak


if __name__ == "__main__":
    pipe.serve(start)
