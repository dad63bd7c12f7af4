"""Settings of models on this machine, given by path; nothing is ever downloaded."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from segue.section import Section
from segue.vendors.account import Provider, Role

Workers = Annotated[int, Field(gt=0, le=16)]


class PiperVoice(Section):
    """One voice of Piper."""

    path: Path
    """The `.onnx` file; its `.onnx.json` lies beside it."""
    language: str
    """The language it speaks: `uk`, `ru`, `en` or `zh`."""
    gender: Literal["female", "male", "unknown"] = "unknown"
    """How it sounds."""


class PiperSynthesizer(Provider):
    """Piper voices."""

    role: ClassVar[Role] = "synthesizer"
    vendor: Literal["piper"]
    voices: Annotated[Mapping[str, PiperVoice], Field(min_length=1)]
    """Voices by name."""
    workers: Workers = 1
    """Processes that speak."""


class KokoroSynthesizer(Provider):
    """Kokoro."""

    role: ClassVar[Role] = "synthesizer"
    vendor: Literal["kokoro"]
    model: Path
    """The `.onnx` file."""
    voices: Path
    """The file of voices."""
    workers: Workers = 1
    """Processes that speak."""


class WhisperRecognizer(Provider):
    """Whisper, through faster-whisper."""

    role: ClassVar[Role] = "recognizer"
    vendor: Literal["whisper"]
    model: Path
    """Folder of the converted model."""
    compute_type: Literal["int8", "int8_float32", "float32", "float16", "int8_float16"] = "int8"
    """Arithmetic of the model; `int8` is quickest on a CPU."""
    languages: tuple[str, ...] = ("en", "uk", "ru", "zh")
    """Languages it is asked to hear."""
    workers: Workers = 1
    """Processes that listen."""
