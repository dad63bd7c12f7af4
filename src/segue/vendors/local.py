"""Settings of models on this machine, given by path; nothing is ever downloaded."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from segue.section import Count, Seconds, Section
from segue.vendors.account import Provider, Role

Workers = Annotated[int, Field(gt=0, le=16)]


class Local(Provider):
    """A model that works in processes of this machine. Each process holds a copy of it."""

    workers: Workers = 1
    """Processes; each does one thing at a time."""
    threads: Count | None = None
    """Threads of each process; without it the processes share the cores evenly."""
    load_s: Seconds = 60.0
    """Until a process that was started has loaded its model."""
    stop_s: Seconds = 2.0
    """From a cancel to the end of a process that has not stopped its work; the next one loads the model anew."""

    def threads_each(self, cores: int) -> int:
        """Threads of each process on a machine of so many cores."""
        return self.threads or max(1, cores // self.workers)


class PiperVoice(Section):
    """One voice of Piper."""

    path: Path
    """The `.onnx` file; its `.onnx.json` lies beside it."""
    language: str
    """The language it speaks: `uk`, `ru`, `en` or `zh`."""
    gender: Literal["female", "male", "unknown"] = "unknown"
    """How it sounds."""
    speaker: str = ""
    """The speaker, by the name in the `.onnx.json`, where a file has several; empty for its first."""


class PiperSynthesizer(Local):
    """Piper voices."""

    role: ClassVar[Role] = "synthesizer"
    vendor: Literal["piper"]
    voices: Annotated[Mapping[str, PiperVoice], Field(min_length=1)]
    """Voices by name."""


class KokoroSynthesizer(Local):
    """Kokoro, in English."""

    role: ClassVar[Role] = "synthesizer"
    vendor: Literal["kokoro"]
    model: Path
    """The `.onnx` file."""
    voices: Path
    """The file of voices."""


class WhisperRecognizer(Local):
    """Whisper, through faster-whisper."""

    role: ClassVar[Role] = "recognizer"
    vendor: Literal["whisper"]
    model: Path
    """Folder of the model, converted for CTranslate2, with its `tokenizer.json`."""
    compute_type: Literal["int8", "int8_float32", "float32", "float16", "int8_float16"] = "int8"
    """Arithmetic of the model; `int8` is quickest on a CPU."""
    languages: Annotated[tuple[str, ...], Field(min_length=1)] = ("en", "uk", "ru", "zh")
    """Languages it is asked to hear; a model for English alone hears English alone."""
    speech_only: bool = True
    """Whether parts without speech are cut out first: Whisper makes up words for silence."""
