"""A model for Kokoro, small enough to be made by the tests: the real library loads it, and it hums.

Kokoro is an ONNX graph that makes sound of numbered phonemes in the style of a voice, and a file of styles. Written in
November 2026 from kokoro-onnx 0.6: the inputs `tokens`, `style` and `speed`, one output at 24 000 Hz, and voices as
arrays of 510 styles of 256 numbers, one for each length of a text. This graph hums for the same time for every phoneme,
at a pitch that is the first number of the style.
"""

import atexit
import functools
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper

from segue.clock import SystemClock
from segue.providers.kokoro import KokoroSynthesizer
from segue.vendors import local as vendor
from segue.voice.ports import Synthesizer
from tests.vendors.piper import Shape, constant, save, tone
from tests.vendors.script import Opening, Script, Stand

RATE = 24_000
S_PER_PHONEME = 0.03
HERTZ = 200
VOICES = ("af_heart", "am_adam", "bf_emma", "bm_george", "ff_siwis", "zf_xiaobei")


def model(path: Path, *, effort: int = 0) -> Path:
    """A model at `path`; `effort` rounds of idle work, about a millisecond each, come before the sound."""
    inputs: dict[str, tuple[int, Shape]] = {
        "tokens": (TensorProto.INT64, [1, "phonemes"]),
        "style": (TensorProto.FLOAT, [1, 256]),
        "speed": (TensorProto.FLOAT, [1]),
    }
    nodes = [
        constant("each", S_PER_PHONEME * RATE),
        constant("corner", [0, 0], np.int64),
        helper.make_node("Size", ["tokens"], ["size"]),
        helper.make_node("Cast", ["size"], ["count"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["count", "each"], ["normal"]),
        helper.make_node("Div", ["normal", "speed"], ["lengths"]),
        helper.make_node("ReduceMax", ["lengths"], ["length"], keepdims=0),
        helper.make_node("GatherND", ["style", "corner"], ["pitch"]),
        *tone("length", "pitch", RATE, effort),
    ]
    return save(nodes, inputs, ["samples"], path)


def styles(path: Path, names: Sequence[str] = VOICES) -> Path:
    """A file of voices at `path`, each a number higher than the one before."""
    arrays = {name: np.full((510, 1, 256), HERTZ * higher, np.float32) for higher, name in enumerate(names, 1)}
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)
    return path


@functools.cache
def files() -> tuple[Path, Path]:
    """The model and the voices of the stand, until the tests are over."""
    folder = Path(tempfile.mkdtemp(prefix="segue-tests-kokoro-"))
    atexit.register(shutil.rmtree, folder)
    return model(folder / "kokoro-hum.onnx"), styles(folder / "voices-hum.bin")


@asynccontextmanager
async def _synthesizer() -> AsyncIterator[Stand[Synthesizer]]:
    graph, voices = files()
    settings = vendor.KokoroSynthesizer(vendor="kokoro", model=graph, voices=voices)
    provider = KokoroSynthesizer("kokoro-here", settings, SystemClock())
    await provider.start()
    try:
        yield Stand(provider, Script(), [], frozenset())
    finally:
        await provider.close()


SERVERLESS = True
"""There is no server here that could fail."""

SYNTHESIZERS: dict[str, Opening[Synthesizer]] = {"kokoro": _synthesizer}
